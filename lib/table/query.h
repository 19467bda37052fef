/*
 * What is asked for a key, and what comes of an answer: the %-templates of
 * table files ("query = SELECT ... '%u'", "result_format = %s").
 *
 *	%%	a percent sign
 *	%s	the key (of a result: the value)
 *	%u %d	its part before and after the last '@'
 *	%S %U %D the same of the key, also in a result
 *	%1..%9	the last, last but one, ... label of the key's domain
 *
 * What needs a part that is not there is not asked, or not in the result.
 */
#ifndef TABLE_QUERY_H
#define TABLE_QUERY_H

#include "lib/base/err.h"
#include "lib/base/str.h"
#include "lib/table/params.h"

#include <stdbool.h>

/* Appends text so that it stays one value there; false if it cannot be. */
typedef bool query_quote_fn(void *arg, struct view text, struct str *out);

/* ERR_PERM for a letter after '%' that is none of the above. */
struct err query_check(const char *origin, const char *name, struct view text);
/* Is anything of the key in it, or is it the same for all? */
bool query_has_key(struct view text);

/*
 * Append the template with the key (quoted by quote, as it is if that is
 * NULL).  *whole false: a part is missing, or cannot be quoted; nothing was
 * appended then.
 */
void query_expand(struct view text, struct view key, query_quote_fn *quote,
    void *arg, struct str *out, bool *whole);

/* The answers that came for one key, made into one value. */
struct query_result {
	struct view format, key;
	const char *spec; /* for warnings */
	int64_t limit;	  /* expansion_limit; 0: none */
	int64_t n;
	struct str *value; /* the caller's */
	struct err e;	   /* once too much came */
};

/* Add one; a comma comes between two.  False, and r->e, if it was too much. */
bool query_result_add(struct query_result *r, struct view value);

/* Bytes of a value. */
enum { QUERY_VALUE_MAX = 60000 };

/* What all these types have: domain, result_format, expansion_limit. */
struct query_common {
	struct match_list *domain; /* NULL: keys of all */
	const char *result_format;
	int64_t expansion_limit, timeout_ms;
};

/* By default waiting ends after default_ms. */
struct err query_common_open(struct query_common *c, const struct params *p,
    int64_t default_ms);
void query_common_close(struct query_common *c);
bool query_common_changed(const struct query_common *c, bool path);
/* Is such a key asked for at all?  ERR_TEMP if a table of `domain` fails. */
struct err query_common_wants(
    const struct query_common *c, struct view key, bool *yes);
struct query_result query_result_for(const struct query_common *c,
    struct view key, const char *spec, struct str *value);

#endif
