/*
 * The table of parameters as data: what params.h says of each, for those who
 * walk it (loading, postconf, the manual page).
 */
#ifndef CONF_ROWS_H
#define CONF_ROWS_H

#include "lib/base/view.h"
#include "lib/conf/paths.h"

enum conf_type {
	CONF_BOOL,
	CONF_INT,
	CONF_TIME,
	CONF_MSEC,
	CONF_SIZE,
	CONF_STR,
	CONF_RAW,
	CONF_ENUM,
};

struct conf_row {
	const char *name;
	enum conf_type type;
	const char *init; /* CONF_COMPUTED: names_find_raw makes it */
	int64_t low, high;
	const char *choices; /* of ENUM: "one|another" */
	bool used;	     /* Barid acts on it */
	const char *doc;
	size_t offset; /* of the field in struct conf */
};

extern const struct conf_row conf_rows[];
extern const size_t conf_n_rows;

/* NULL if no parameter has this name.  The table is sorted. */
const struct conf_row *conf_row_find(struct view name);
/* Whether this value, set, asks for something that Barid does not have: not if
 * it switches it off or repeats the default.  False for row NULL. */
bool conf_row_asks_for_more(const struct conf_row *row, const char *value);

/*
 * Parameters made of a service's name and this suffix; the default is that of
 * another parameter.
 */
struct conf_suffix {
	const char *suffix;
	const char *fallback; /* the other parameter's name */
	const char *init;     /* "$" and that name */
	/* Who has it: programs of master.cf, separated by spaces. */
	const char *programs;
};

extern const struct conf_suffix conf_suffixes[];
extern const size_t conf_n_suffixes;

/* The longest suffix that the name ends with, something before it; else
 * NULL. */
const struct conf_suffix *conf_suffix_find(struct view name);

#endif
