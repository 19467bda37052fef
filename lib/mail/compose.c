/* Headers of our own, and names in them: see compose.h. */
#include "lib/mail/compose.h"

#include "lib/mail/addr.h"
#include "lib/mail/date.h"
#include "lib/mail/received.h"

enum {
	NAME_MAX_LEN = 512,
	WORD_MAX = 75, /* RFC 2047 section 2: bytes of an encoded word */
	CHARSET_MAX = 40,
};

static bool
is_control(char c)
{
	return (unsigned char)c < 32 || c == 127;
}

static struct view
bounded_name(struct view name)
{
	bool is_utf8 = view_is_utf8(name);

	name = view_first(name, NAME_MAX_LEN);
	while (is_utf8 && !view_is_utf8(name))
		name.len--;
	return view_trim(name);
}

/* The charset to say, or nothing to leave the bytes as they are. */
static struct view
known_charset(struct view charset, struct view name)
{
	if (view_eq_case(charset, VIEW("utf-8")) && !view_is_utf8(name))
		return VIEW("unknown-8bit"); /* RFC 1428 */
	if (charset.len > CHARSET_MAX)
		return VIEW_EMPTY;
	for (size_t i = 0; i < charset.len; i++)
		if (!ascii_is_alnum(charset.ptr[i]) &&
		    strchr("-_.:", charset.ptr[i]) == NULL)
			return VIEW_EMPTY;
	return charset;
}

/* The bytes that must stay in one word: a UTF-8 sequence. */
static size_t
character_len(struct view v, bool is_utf8)
{
	size_t n = 1;

	while (is_utf8 && n < v.len && n < 4 &&
	    ((unsigned char)v.ptr[n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* One byte in the Q encoding as a phrase may have it (RFC 2047 5). */
static void
add_q(struct str *out, char c)
{
	if (c == ' ' || is_control(c))
		str_add_byte(out, '_');
	else if (ascii_is_alnum(c) || strchr("!*+-/", c) != NULL)
		str_add_byte(out, c);
	else
		str_addf(out, "=%02X", (unsigned char)c);
}

static void
add_encoded_words(struct str *out, struct view name, struct view charset)
{
	bool is_utf8 = view_is_utf8(name);
	size_t begin = VIEW_NPOS;

	while (name.len > 0) {
		size_t n = character_len(name, is_utf8);

		/* =XX each at most, and "?=". */
		if (begin != VIEW_NPOS &&
		    out->len - begin + 3 * n + 2 > WORD_MAX) {
			str_add_text(out, "?=\r\n ");
			begin = VIEW_NPOS;
		}
		if (begin == VIEW_NPOS) {
			begin = out->len;
			str_addf(out, "=?%.*s?q?", VIEW_ARGS(charset));
		}
		for (size_t i = 0; i < n; i++)
			add_q(out, name.ptr[i]);
		name = view_skip(name, n);
	}
	if (begin != VIEW_NPOS)
		str_add_text(out, "?=");
}

/* RFC 5322 3.2.3: atoms with blanks between; dots need quotes. */
static bool
is_plain_phrase(struct view name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!ascii_is_alnum(name.ptr[i]) &&
		    (name.ptr[i] == '\0' ||
			strchr(" !#$%&'*+-/=?^_`{|}~", name.ptr[i]) == NULL))
			return false;
	/* What reads as an encoded word is not what was meant. */
	return view_find_text(name, VIEW("=?")) == VIEW_NPOS;
}

/* Append v with a backslash before bytes of the set, controls as blanks. */
static void
add_escaped(struct str *out, struct view v, const char *set)
{
	for (size_t i = 0; i < v.len; i++) {
		char c = v.ptr[i];

		if (is_control(c))
			c = ' ';
		else if (strchr(set, c) != NULL)
			str_add_byte(out, '\\');
		str_add_byte(out, c);
	}
}

/* Whether the name was appended as encoded words. */
static bool
add_if_encoded(struct str *out, struct view name, struct view charset)
{
	if (view_is_ascii(name))
		return false;
	charset = known_charset(charset, name);
	if (charset.len == 0)
		return false;
	add_encoded_words(out, name, charset);
	return true;
}

void
compose_add_phrase(struct str *out, struct view name, struct view charset)
{
	name = bounded_name(name);
	if (add_if_encoded(out, name, charset))
		return;
	if (is_plain_phrase(name)) {
		str_add(out, name);
		return;
	}
	str_add_byte(out, '"');
	add_escaped(out, name, "\"\\");
	str_add_byte(out, '"');
}

void
compose_add_comment(struct str *out, struct view name, struct view charset)
{
	name = bounded_name(name);
	str_add_byte(out, '(');
	if (!add_if_encoded(out, name, charset))
		add_escaped(out, name, "()\\");
	str_add_byte(out, ')');
}

void
compose_add_from(struct str *out, const char *field, struct view address,
    struct view name, struct view charset, enum compose_from_format format)
{
	name = bounded_name(name);
	str_addf(out, "%s: ", field);
	if (name.len > 0 && format == COMPOSE_FROM_STANDARD) {
		compose_add_phrase(out, name, charset);
		str_add_text(out, " <");
		addr_to_external(out, address);
		str_add_byte(out, '>');
	} else {
		addr_to_external(out, address);
		if (name.len > 0) {
			str_add_byte(out, ' ');
			compose_add_comment(out, name, charset);
		}
	}
	str_add_text(out, "\r\n");
}

void
compose_add_message_id(struct str *out, struct view queue_id, bool is_long_id,
    struct view myhostname, int64_t wall)
{
	char stamp[DATE_SIZE];

	str_add_byte(out, '<');
	if (!is_long_id) {
		str_add(out, date_format_stamp(wall, stamp));
		str_add_byte(out, '.');
	}
	received_clean_name(out, queue_id);
	str_add_byte(out, '@');
	received_clean_name(out, myhostname);
	str_add_byte(out, '>');
}
