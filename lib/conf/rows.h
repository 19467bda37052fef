/*
 * The table of parameters as data: what params.h says of each, for those who
 * walk it (loading, postconf, the manual page).
 */
#ifndef CONF_ROWS_H
#define CONF_ROWS_H

#include "lib/base/view.h"
#include "lib/conf/paths.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

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

/*
 * No pointers: each would be relocated when a program starts, and the table
 * be a copy of 64 KiB in every process, where now all share the file's.
 */
struct conf_row {
	int64_t low, high;
	uint32_t name, init, choices, doc; /* in conf_texts */
	uint32_t offset;		   /* of the field in struct conf */
	uint8_t type;			   /* enum conf_type */
	bool used;			   /* Barid acts on it */
};

extern const struct conf_row conf_rows[];
extern const size_t conf_n_rows;
extern const char *const conf_texts;

static inline const char *
conf_row_name(const struct conf_row *row)
{
	return conf_texts + row->name;
}

/* The default. */
static inline const char *
conf_row_init(const struct conf_row *row)
{
	return conf_texts + row->init;
}

/* names_find_raw makes the default. */
static inline bool
conf_row_is_computed(const struct conf_row *row)
{
	return strcmp(conf_row_init(row), CONF_COMPUTED) == 0;
}

/* Of ENUM: "one|another"; else empty. */
static inline const char *
conf_row_choices(const struct conf_row *row)
{
	return conf_texts + row->choices;
}

/* What the parameter is for. */
static inline const char *
conf_row_doc(const struct conf_row *row)
{
	return conf_texts + row->doc;
}

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
