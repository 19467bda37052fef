/* The borrowed string: see view.h. */
#include "lib/base/view.h"

bool
view_eq_case(struct view a, struct view b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i]))
			return false;
	return true;
}

bool
view_starts(struct view v, struct view prefix)
{
	return v.len >= prefix.len && view_eq(view_first(v, prefix.len), prefix);
}

bool
view_starts_case(struct view v, struct view prefix)
{
	return v.len >= prefix.len &&
	    view_eq_case(view_first(v, prefix.len), prefix);
}

bool
view_ends(struct view v, struct view suffix)
{
	return v.len >= suffix.len &&
	    view_eq(view_skip(v, v.len - suffix.len), suffix);
}

bool
view_ends_case(struct view v, struct view suffix)
{
	return v.len >= suffix.len &&
	    view_eq_case(view_skip(v, v.len - suffix.len), suffix);
}

int
view_cmp(struct view a, struct view b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int order = n > 0 ? memcmp(a.ptr, b.ptr, n) : 0;

	if (order != 0)
		return order;
	return a.len < b.len ? -1 : a.len > b.len;
}

size_t
view_find(struct view v, char byte)
{
	const char *at = v.len > 0 ? memchr(v.ptr, byte, v.len) : NULL;

	return at != NULL ? (size_t)(at - v.ptr) : VIEW_NPOS;
}

size_t
view_find_last(struct view v, char byte)
{
	const char *at = v.len > 0 ? memrchr(v.ptr, byte, v.len) : NULL;

	return at != NULL ? (size_t)(at - v.ptr) : VIEW_NPOS;
}

size_t
view_find_any(struct view v, const char *set)
{
	for (size_t i = 0; i < v.len; i++)
		if (v.ptr[i] != '\0' && strchr(set, v.ptr[i]) != NULL)
			return i;
	return VIEW_NPOS;
}

size_t
view_find_text(struct view v, struct view text)
{
	const char *at;

	if (text.len == 0)
		return 0;
	if (v.len < text.len)
		return VIEW_NPOS;
	at = memmem(v.ptr, v.len, text.ptr, text.len);
	return at != NULL ? (size_t)(at - v.ptr) : VIEW_NPOS;
}

struct view
view_skip(struct view v, size_t n)
{
	if (n > v.len)
		n = v.len;
	/* Nothing to skip is all that a view of NULL allows. */
	if (n == 0)
		return v;
	return (struct view){ v.ptr + n, v.len - n };
}

struct view
view_first(struct view v, size_t n)
{
	return (struct view){ v.ptr, n < v.len ? n : v.len };
}

struct view
view_sub(struct view v, size_t from, size_t n)
{
	return view_first(view_skip(v, from), n);
}

struct view
view_trim_left(struct view v)
{
	while (v.len > 0 && ascii_is_space(v.ptr[0]))
		v = view_skip(v, 1);
	return v;
}

struct view
view_trim_right(struct view v)
{
	while (v.len > 0 && ascii_is_space(v.ptr[v.len - 1]))
		v.len--;
	return v;
}

struct view
view_trim(struct view v)
{
	return view_trim_right(view_trim_left(v));
}

static bool
in_set(char byte, const char *set)
{
	return byte != '\0' && strchr(set, byte) != NULL;
}

bool
view_token(struct view *rest, const char *separators, struct view *token)
{
	size_t end;

	while (rest->len > 0 && in_set(rest->ptr[0], separators))
		*rest = view_skip(*rest, 1);
	end = view_find_any(*rest, separators);
	*token = view_first(*rest, end);
	*rest = view_skip(*rest, token->len);
	return token->len > 0;
}

bool
view_field(struct view *rest, char separator, struct view *field)
{
	size_t end;

	if (rest->ptr == NULL) {
		*field = VIEW_EMPTY;
		return false;
	}
	end = view_find(*rest, separator);
	*field = view_first(*rest, end);
	if (end == VIEW_NPOS)
		*rest = (struct view){ NULL, 0 };
	else
		*rest = view_skip(*rest, end + 1);
	return true;
}

bool
view_to_uint(struct view v, unsigned base, uint64_t *number)
{
	uint64_t sum = 0;

	if (v.len == 0)
		return false;
	for (size_t i = 0; i < v.len; i++) {
		char c = ascii_lower(v.ptr[i]);
		unsigned digit;

		if (ascii_is_digit(c))
			digit = (unsigned)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (unsigned)(c - 'a') + 10;
		else
			return false;
		if (digit >= base || __builtin_mul_overflow(sum, base, &sum) ||
		    __builtin_add_overflow(sum, digit, &sum))
			return false;
	}
	*number = sum;
	return true;
}

bool
view_to_int(struct view v, int64_t *number)
{
	bool negative = v.len > 0 && v.ptr[0] == '-';
	uint64_t sum;

	if (negative || (v.len > 0 && v.ptr[0] == '+'))
		v = view_skip(v, 1);
	if (!view_to_uint(v, 10, &sum) ||
	    sum > (uint64_t)INT64_MAX + (negative ? 1 : 0))
		return false;
	*number = negative ? (int64_t)(0 - sum) : (int64_t)sum;
	return true;
}

bool
view_is_ascii(struct view v)
{
	for (size_t i = 0; i < v.len; i++)
		if ((unsigned char)v.ptr[i] > 127)
			return false;
	return true;
}

/* The length of the UTF-8 sequence at the front of p, 0 if it is not one. */
static size_t
utf8_sequence(const unsigned char *p, size_t len)
{
	static const struct {
		unsigned char first, last, low, high; /* of the second byte */
		size_t len;
	} rows[] = {
		{ 0x00, 0x7f, 0, 0, 1 },
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		if (p[0] < rows[r].first || p[0] > rows[r].last)
			continue;
		if (rows[r].len > len)
			return 0;
		if (rows[r].len > 1 &&
		    (p[1] < rows[r].low || p[1] > rows[r].high))
			return 0;
		for (size_t i = 2; i < rows[r].len; i++)
			if (p[i] < 0x80 || p[i] > 0xbf)
				return 0;
		return rows[r].len;
	}
	return 0;
}

bool
view_is_utf8(struct view v)
{
	while (v.len > 0) {
		size_t n = utf8_sequence((const unsigned char *)v.ptr, v.len);

		if (n == 0)
			return false;
		v = view_skip(v, n);
	}
	return true;
}
