/*
 * The borrowed string: a pointer and a length, passed by value.  It owns
 * nothing, need not end in NUL and may hold any byte; it is valid as long as
 * what it was taken from stays as it is.  Letters compare in ASCII only,
 * whatever the locale.
 */
#ifndef BASE_VIEW_H
#define BASE_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct view {
	const char *ptr;
	size_t len;
};

#define VIEW_EMPTY ((struct view){ "", 0 })
/* A view of a string literal. */
#define VIEW(literal) ((struct view){ "" literal, sizeof(literal) - 1 })
/* The two arguments of "%.*s"; a view longer than INT_MAX is never printed. */
#define VIEW_ARGS(v) (int)(v).len, (v).ptr

#define VIEW_NPOS ((size_t)-1)

static inline struct view
view_of(const char *text)
{
	return (struct view){ text, strlen(text) };
}

static inline struct view
view_make(const void *ptr, size_t len)
{
	return (struct view){ (const char *)ptr, len };
}

static inline bool
view_eq(struct view a, struct view b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* ASCII lower case of one byte. */
static inline char
ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static inline char
ascii_upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

static inline bool
ascii_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
ascii_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool
ascii_is_alnum(char c)
{
	return ascii_is_digit(c) || ascii_is_alpha(c);
}

/* Space, tab, CR, LF, vertical tab, form feed. */
static inline bool
ascii_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

bool view_eq_case(struct view a, struct view b);
bool view_starts(struct view v, struct view prefix);
bool view_starts_case(struct view v, struct view prefix);
bool view_ends(struct view v, struct view suffix);
bool view_ends_case(struct view v, struct view suffix);
/* <0, 0, >0 by bytes, shorter first. */
int view_cmp(struct view a, struct view b);

/* Where the byte stands first (or last), else VIEW_NPOS. */
size_t view_find(struct view v, char byte);
size_t view_find_last(struct view v, char byte);
/* Where any byte of the set stands first, else VIEW_NPOS. */
size_t view_find_any(struct view v, const char *set);
/* Where the text stands first, else VIEW_NPOS. */
size_t view_find_text(struct view v, struct view text);

/* From offset on (empty if past the end); the first n bytes; [from, from+n). */
struct view view_skip(struct view v, size_t n);
struct view view_first(struct view v, size_t n);
struct view view_sub(struct view v, size_t from, size_t n);

/* Without white space at both ends, at the left, at the right. */
struct view view_trim(struct view v);
struct view view_trim_left(struct view v);
struct view view_trim_right(struct view v);

/*
 * Cut the next token off the front of *rest: skip bytes of the set, take what
 * follows up to the next of them.  False, and *token empty, at the end.
 */
bool view_token(struct view *rest, const char *separators, struct view *token);

/*
 * Cut the next field off: what stands before the separator, which may be
 * nothing.  False when *rest was used up; start with a rest whose ptr is not
 * NULL, it becomes NULL after the last field.
 */
bool view_field(struct view *rest, char separator, struct view *field);

/* A decimal number that fills the view, sign allowed; false if it is not one
 * or does not fit. */
bool view_to_int(struct view v, int64_t *number);
/* Digits of this base (up to 16) only. */
bool view_to_uint(struct view v, unsigned base, uint64_t *number);

/* True if all bytes are valid UTF-8 (RFC 3629: no overlongs, no surrogates). */
bool view_is_utf8(struct view v);
/* True if no byte is above 127. */
bool view_is_ascii(struct view v);

#endif
