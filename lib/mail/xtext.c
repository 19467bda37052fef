/* xtext: see xtext.h. */
#include "lib/mail/xtext.h"

static bool
is_plain(char c, unsigned flags)
{
	unsigned char byte = (unsigned char)c;

	if (byte > 127)
		return flags & XTEXT_UTF8;
	return byte > 32 && byte < 127 && c != '+' && c != '=';
}

static int
hex_digit(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void
xtext_encode(struct str *out, struct view v, unsigned flags)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < v.len; i++) {
		unsigned char byte = (unsigned char)v.ptr[i];

		if (is_plain(v.ptr[i], flags)) {
			str_add_byte(out, v.ptr[i]);
			continue;
		}
		str_add_byte(out, '+');
		str_add_byte(out, digits[byte >> 4]);
		str_add_byte(out, digits[byte & 15]);
	}
}

/*
 * Decode the byte at the front of *v; -1 if it is not xtext or may not be
 * there.
 */
static int
next_byte(struct view *v, unsigned flags)
{
	char c = v->ptr[0];
	int high, low, byte;

	if (c != '+') {
		*v = view_skip(*v, 1);
		return is_plain(c, flags) ? (unsigned char)c : -1;
	}
	if (v->len < 3)
		return -1;
	high = hex_digit(v->ptr[1]);
	low = hex_digit(v->ptr[2]);
	*v = view_skip(*v, 3);
	if (high < 0 || low < 0)
		return -1;
	byte = high * 16 + low;
	if (byte < 32 || byte == 127 || (byte > 127 && !(flags & XTEXT_UTF8)))
		return -1;
	return byte;
}

bool
xtext_decode(struct str *out, struct view v, unsigned flags)
{
	size_t before = out->len;
	bool ok = true;

	while (ok && v.len > 0) {
		int byte = next_byte(&v, flags);

		ok = byte >= 0;
		if (ok)
			str_add_byte(out, (char)byte);
	}
	if (ok && (flags & XTEXT_UTF8))
		ok = view_is_utf8(view_skip(str_view(out), before));
	if (!ok)
		str_cut(out, before);
	return ok;
}

/*
 * UTF-8 is judged in small windows: a sequence that a window cuts is carried
 * over to the next.
 */
static bool
check_utf8(char *window, size_t *used, bool is_last)
{
	struct view v = { window, *used };

	for (size_t cut = 0; cut <= 3 && cut <= *used; cut++) {
		if (cut > 0 && (unsigned char)window[*used - cut] < 0x80)
			break;
		v.len = *used - cut;
		if (view_is_utf8(v)) {
			memmove(window, window + v.len, cut);
			*used = cut;
			return !is_last || cut == 0;
		}
	}
	return false;
}

bool
xtext_is_valid(struct view v, unsigned flags)
{
	char window[64];
	size_t used = 0;

	while (v.len > 0) {
		int byte = next_byte(&v, flags);

		if (byte < 0)
			return false;
		if (!(flags & XTEXT_UTF8))
			continue;
		window[used++] = (char)byte;
		if (used == sizeof(window) && !check_utf8(window, &used, false))
			return false;
	}
	return check_utf8(window, &used, true);
}
