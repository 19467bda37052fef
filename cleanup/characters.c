/* Bytes that are refused or taken out: see characters.h. */
#include "cleanup/characters.h"

#include <string.h>

/* The byte that an escape stands for, which is cut off the front; -1: none. */
static int
cut_byte(struct view *v)
{
	static const char letters[] = "abfnrtv\\";
	static const char bytes[] = "\a\b\f\n\r\t\v\\";
	char c = v->ptr[0];
	const char *at;
	int value = 0;
	size_t n = 0;

	*v = view_skip(*v, 1);
	if (c != '\\')
		return (unsigned char)c;
	if (v->len == 0)
		return -1;
	at = strchr(letters, v->ptr[0]);
	if (v->ptr[0] != '\0' && at != NULL) {
		*v = view_skip(*v, 1);
		return (unsigned char)bytes[at - letters];
	}
	while (n < 3 && n < v->len && v->ptr[n] >= '0' && v->ptr[n] <= '7')
		value = value * 8 + v->ptr[n++] - '0';
	*v = view_skip(*v, n);
	return n > 0 && value < 256 ? value : -1;
}

static struct err
learn(struct characters *c, struct view text, unsigned char what,
    const char *parameter)
{
	while (text.len > 0) {
		int byte = cut_byte(&text);

		if (byte < 0)
			return err_make(
			    ERR_PERM, "%s: bad escape sequence", parameter);
		if (byte == '\r' || byte == '\n')
			continue;
		c->what[byte] |= what;
		c->is_any = true;
	}
	return ERR_OK;
}

struct err
characters_learn(
    struct characters *c, struct view rejected, struct view stripped)
{
	struct err e;

	*c = (struct characters){ .is_any = false };
	e = learn(c, rejected, CHARACTER_REJECT, "message_reject_characters");
	if (!err_is(e))
		e = learn(
		    c, stripped, CHARACTER_STRIP, "message_strip_characters");
	return e;
}

/* From where the line begins to its end. */
static struct view
line_around(struct view bytes, size_t at)
{
	size_t before = view_find_last(view_first(bytes, at), '\n');
	size_t from = before == VIEW_NPOS ? 0 : before + 1;
	struct view line = view_skip(bytes, from);

	return view_first(line, view_find_any(line, "\r\n"));
}

struct view
characters_take(
    const struct characters *c, struct view bytes, struct view *bad)
{
	char *out;
	size_t n = 0;
	bool strips = false;

	for (size_t i = 0; i < bytes.len; i++) {
		unsigned char what = c->what[(unsigned char)bytes.ptr[i]];

		strips |= (what & CHARACTER_STRIP) != 0;
		if ((what & CHARACTER_REJECT) == 0)
			continue;
		/* It is refused whole: what is stripped does not matter. */
		*bad = line_around(bytes, i);
		return bytes;
	}
	if (!strips)
		return bytes;
	out = (char *)(uintptr_t)bytes.ptr;
	for (size_t i = 0; i < bytes.len; i++)
		if ((c->what[(unsigned char)bytes.ptr[i]] & CHARACTER_STRIP) ==
		    0)
			out[n++] = bytes.ptr[i];
	return view_first(bytes, n);
}
