/*
 * What a command says of how something was decided, one step a line on
 * standard output: "lookup: table=hash:/etc/aliases key=joe result=found".  Off
 * in daemons, where a step costs one comparison.  For one thread.
 */
#ifndef BASE_TRACE_H
#define BASE_TRACE_H

#include "lib/base/mem.h"
#include "lib/base/view.h"

#include <stdbool.h>

enum trace_form {
	TRACE_OFF,
	TRACE_TEXT,
	TRACE_JSON, /* one object a line; "step" is its first member */
};

struct trace_field {
	const char *name;
	struct view value; /* left out if its ptr is NULL */
};

extern enum trace_form trace_form;
/* Where very much is looked up: only what is found, or fails, is of interest. */
extern bool trace_hides_misses;

static inline bool
trace_is_on(void)
{
	return trace_form != TRACE_OFF;
}

enum { TRACE_VALUE_MAX = 2000 };

/* One step with its fields; bytes that are no text are escaped, a value that is
 * longer is cut ("...").  Flushed: other processes write to the same place. */
void trace_step(
    const char *step, const struct trace_field *fields, size_t n);

/* The fields are evaluated only if somebody wants to see them. */
#define TRACE(step, ...) \
	do { \
		if (trace_is_on()) { \
			const struct trace_field trace_fields[] = { \
				__VA_ARGS__ \
			}; \
			trace_step(step, trace_fields, \
			    ARRAY_LEN(trace_fields)); \
		} \
	} while (0)

/* The line of its file where a table of text has what it just found; taken (0
 * if there was none) by who tells of the find. */
void trace_set_line(size_t line);
size_t trace_take_line(void);

#endif
