/*
 * The owned string: grows, may hold any byte, and always ends in a NUL that
 * does not count, so that s.ptr prints.  str_clear frees it and leaves it
 * empty and usable.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include "lib/base/view.h"

#include <stdarg.h>
#include <stdint.h>

struct str {
	char *ptr;   /* never NULL; of str_nothing while nothing is owned */
	size_t len;
	size_t room; /* bytes allocated; 0 while nothing is owned */
};

extern char str_nothing[1];

#define STR_EMPTY ((struct str){ str_nothing, 0, 0 })

void str_init(struct str *s);
/* Frees; the string is empty and may be used again. */
void str_clear(struct str *s);
/* Empties without freeing. */
void str_reset(struct str *s);
/* Cuts to at most len bytes. */
void str_cut(struct str *s, size_t len);
/* Makes room for n more bytes; the pointer returned is where they go.
 * Tell what was filled by str_grew. */
char *str_reserve(struct str *s, size_t n);
/* Empties; has n bytes of room at a multiple of `align`, a power
 * of two.  Where it must grow beyond, the alignment is lost. */
void str_reserve_aligned(struct str *s, size_t align, size_t n);
void str_grew(struct str *s, size_t n);

void str_add(struct str *s, struct view v);
void str_add_text(struct str *s, const char *text);
void str_add_byte(struct str *s, char byte);
/* In decimal; faster than str_addf. */
void str_add_int(struct str *s, int64_t n);
void str_addf(struct str *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void str_vaddf(struct str *s, const char *format, va_list ap);
/* Replaces what was there. */
void str_set(struct str *s, struct view v);
void str_printf(struct str *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Removes n bytes at the front. */
void str_drop_front(struct str *s, size_t n);
/* ASCII letters to lower case, in place. */
void str_lower(struct str *s);
/* The memory becomes the caller's (free it); the string is empty. */
char *str_release(struct str *s);

static inline struct view
str_view(const struct str *s)
{
	return (struct view){ s->ptr, s->len };
}

#endif
