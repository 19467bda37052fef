/*
 * Memory that is there or the process ends.  A peer can never reach that end:
 * every length that comes from outside has a limit before it gets here.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *xmalloc(size_t size) __attribute__((malloc, alloc_size(1)));
void *xcalloc(size_t n, size_t size)
    __attribute__((malloc, alloc_size(1, 2)));
void *xrealloc(void *old, size_t size) __attribute__((alloc_size(2)));
/* n * size with the overflow checked. */
void *xreallocarray(void *old, size_t n, size_t size)
    __attribute__((alloc_size(2, 3)));
/* At a multiple of `align`, a power of two. */
void *xaligned_alloc(size_t align, size_t size)
    __attribute__((malloc, alloc_size(2)));
char *xstrdup(const char *text) __attribute__((malloc));
char *xstrndup(const char *text, size_t len) __attribute__((malloc));

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
