/* What the modules have in common: they link with nothing of ours. */
#ifndef MODULES_COMMON_H
#define MODULES_COMMON_H

#include "lib/table/module.h"

#include <stdio.h>
#include <time.h>

/* As clock_ms. */
static inline int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* NULL if it is empty, too. */
static inline const char *
param(const struct module_server *s, const char *name)
{
	const char *value = s->param(s->arg, name);

	return value == NULL || *value == '\0' ? NULL : value;
}

/* A reason: text of a library, cut and on one line. */
static inline void
why_set(char *why, const char *what, const char *text)
{
	size_t n;

	snprintf(why, MODULE_WHY_MAX, "%s: %.*s", what,
	    MODULE_WHY_MAX - 20, text);
	for (n = strlen(why); n > 0 && (why[n - 1] == '\n' || why[n - 1] == ' ');)
		why[--n] = '\0';
	for (char *p = why; *p != '\0'; p++)
		if (*p == '\n' || *p == '\r')
			*p = ' ';
}

#endif
