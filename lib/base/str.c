/* The owned string: see str.h. */
#include "lib/base/str.h"

#include "lib/base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { STR_FIRST_ROOM = 64 };

char str_nothing[1] = "";

void
str_init(struct str *s)
{
	*s = STR_EMPTY;
}

void
str_clear(struct str *s)
{
	if (s->room > 0)
		free(s->ptr);
	*s = STR_EMPTY;
}

void
str_cut(struct str *s, size_t len)
{
	if (len >= s->len)
		return;
	s->len = len;
	s->ptr[len] = '\0';
}

void
str_reset(struct str *s)
{
	str_cut(s, 0);
}

char *
str_reserve(struct str *s, size_t n)
{
	size_t need = s->len + n + 1;

	assert(need > n);
	if (need > s->room) {
		size_t room = s->room > 0 ? s->room : STR_FIRST_ROOM;

		while (room < need)
			room = room < need / 2 ? need : room * 2;
		s->ptr = xrealloc(s->room > 0 ? s->ptr : NULL, room);
		s->ptr[s->len] = '\0';
		s->room = room;
	}
	return s->ptr + s->len;
}

void
str_reserve_aligned(struct str *s, size_t align, size_t n)
{
	if (s->room > n && (uintptr_t)s->ptr % align == 0) {
		str_reset(s);
		return;
	}
	str_clear(s);
	s->ptr = xaligned_alloc(align, n + 1);
	s->ptr[0] = '\0';
	s->room = n + 1;
}

void
str_grew(struct str *s, size_t n)
{
	assert(s->len + n < s->room || n == 0);
	if (n == 0)
		return;
	s->len += n;
	s->ptr[s->len] = '\0';
}

void
str_add(struct str *s, struct view v)
{
	if (v.len == 0)
		return;
	memcpy(str_reserve(s, v.len), v.ptr, v.len);
	str_grew(s, v.len);
}

void
str_add_text(struct str *s, const char *text)
{
	str_add(s, view_of(text));
}

void
str_add_byte(struct str *s, char byte)
{
	*str_reserve(s, 1) = byte;
	str_grew(s, 1);
}

void
str_add_int(struct str *s, int64_t n)
{
	char digits[24];
	char *at = digits + sizeof(digits);
	uint64_t left = n < 0 ? -(uint64_t)n : (uint64_t)n;

	do {
		*--at = (char)('0' + left % 10);
		left /= 10;
	} while (left > 0);
	if (n < 0)
		*--at = '-';
	str_add(s, view_make(at, (size_t)(digits + sizeof(digits) - at)));
}

void
str_vaddf(struct str *s, const char *format, va_list ap)
{
	va_list again;
	char nothing[1];
	int n;

	va_copy(again, ap);
	n = vsnprintf(nothing, sizeof(nothing), format, again);
	va_end(again);
	assert(n >= 0);
	vsnprintf(str_reserve(s, (size_t)n), (size_t)n + 1, format, ap);
	str_grew(s, (size_t)n);
}

void
str_addf(struct str *s, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	str_vaddf(s, format, ap);
	va_end(ap);
}

void
str_set(struct str *s, struct view v)
{
	str_reset(s);
	str_add(s, v);
}

void
str_printf(struct str *s, const char *format, ...)
{
	va_list ap;

	str_reset(s);
	va_start(ap, format);
	str_vaddf(s, format, ap);
	va_end(ap);
}

void
str_drop_front(struct str *s, size_t n)
{
	if (n >= s->len) {
		str_reset(s);
		return;
	}
	if (n == 0)
		return;
	s->len -= n;
	memmove(s->ptr, s->ptr + n, s->len + 1);
}

void
str_lower(struct str *s)
{
	for (size_t i = 0; i < s->len; i++)
		s->ptr[i] = ascii_lower(s->ptr[i]);
}

char *
str_release(struct str *s)
{
	char *ptr = s->room > 0 ? s->ptr : xstrdup("");

	*s = STR_EMPTY;
	return ptr;
}
