/* Allocation that does not return on failure: see mem.h. */
#include "lib/base/mem.h"

#include "lib/base/log.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* calloc of glibc passes by what a thread keeps of such blocks for itself, and
 * takes several times as long as malloc. */
enum { SMALL = 1024 };

static void *
must(void *p, size_t size)
{
	if (p == NULL && size != 0)
		die_temp("allocate %zu bytes: out of memory", size);
	return p;
}

void *
xmalloc(size_t size)
{
	return must(malloc(size), size);
}

void *
xcalloc(size_t n, size_t size)
{
	void *p;

	if (n > SMALL || size > SMALL || n * size > SMALL)
		return must(calloc(n, size), n);
	p = xmalloc(n * size);
	memset(p, 0, n * size);
	return p;
}

void *
xrealloc(void *old, size_t size)
{
	return must(realloc(old, size), size);
}

void *
xreallocarray(void *old, size_t n, size_t size)
{
	return must(reallocarray(old, n, size), n);
}

void *
xaligned_alloc(size_t align, size_t size)
{
	void *p = NULL;

	if (posix_memalign(&p, align, size) != 0)
		p = NULL;
	return must(p, size);
}

char *
xstrndup(const char *text, size_t len)
{
	char *copy = xmalloc(len + 1);

	if (len > 0)
		memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

char *
xstrdup(const char *text)
{
	return xstrndup(text, strlen(text));
}
