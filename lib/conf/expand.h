/*
 * Macros in a value: $name, conditionals and comparisons, as main.cf(5) has
 * them.  Serves the parameters themselves and any other set of names (those
 * of a delivery, of a bounce template, of a reply).
 *
 *	$name ${name} $(name)		the value; nothing if undefined
 *	${name?text} ${name?{text}}	the text if the value is not empty
 *	${name:text} ${name:{text}}	the text if it is empty or undefined
 *	${name?{text1}:{text2}}		one or the other
 *	${{a} op {b} ? {text1} : {text2}}
 *		op is == != < <= > >= : by number if both are digits only, else
 *		by bytes; or ==level !=level <level <=level >level >=level : by
 *		the parts of a version ("3.6").  Without the texts the result
 *		is "true" or nothing.
 *	$$				one $
 */
#ifndef CONF_EXPAND_H
#define CONF_EXPAND_H

#include "lib/base/err.h"
#include "lib/base/str.h"

enum {
	CONF_EXPAND_DEPTH_MAX = 100, /* names within names */
	/* Braces within braces where values are not expanded again: such text
	 * is expanded on the small stack of a fiber. */
	CONF_EXPAND_FLAT_DEPTH_MAX = 10,
	CONF_EXPAND_OUT_MAX = 1 << 20, /* bytes of result */
};

/*
 * The value of a name: true and *value if it is defined.  The view must stay
 * valid until the expansion returns.
 */
typedef bool conf_lookup_fn(void *arg, struct view name, struct view *value);

struct conf_macros {
	conf_lookup_fn *lookup;
	void *arg;
	/* A value's own macros are expanded as well: parameters, not data that
	 * somebody sent. */
	bool recurse;
	/* An undefined name is an error (ERR_PERM), not nothing. */
	bool strict;
	/* If not NULL, bytes of a value that are not in this set become '_'. */
	const char *filter;
};

/*
 * Append text, expanded, to out.  ERR_PERM for bad syntax, recursion and too
 * long a result; out then has what it had.  Does not wait.
 */
struct err conf_expand(
    struct str *out, struct view text, const struct conf_macros *macros);

/* The names that the text mentions, also inside conditionals.  ERR_PERM for bad
 * syntax, upon which the walk ends. */
struct err conf_expand_names(
    struct view text, void (*visit)(void *arg, struct view name), void *arg);

/* *order is <0, 0, >0; "3.6" is below "3.10"; false if one is no level. */
bool conf_level_compare(struct view a, struct view b, int *order);

#endif
