/* Reasons of modules: text of a library, cut and on one line. */
#ifndef MODULES_WHY_H
#define MODULES_WHY_H

#include "lib/table/module.h"

#include <stdio.h>

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
