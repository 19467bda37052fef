/*
 * Text files of tables: logical lines (a line that begins with white space
 * goes on with the one before; empty lines and lines that begin with '#' are
 * nothing, also within a logical line), and on them either
 *
 *	key value		of postmap(1) and texthash: the key up to white
 *				space, or with double quotes that may hold it
 *	name: value, value	of aliases(5)
 *
 * Mistakes are warned of ("FILE, line N: ...") and skipped.
 */
#ifndef TABLE_SOURCE_H
#define TABLE_SOURCE_H

#include "lib/base/str.h"

enum {
	/* Lines that are not UTF-8 are warned of and skipped. */
	SOURCE_UTF8 = 1 << 0,
	/* Say in warnings that the line is ignored. */
	SOURCE_SAY_IGNORED = 1 << 1,
	/* Who reads it only looks for something: mistakes are passed over. */
	SOURCE_QUIET = 1 << 2,
};

struct source {
	struct view rest;
	const char *name; /* for warnings; the caller's */
	unsigned flags;
	size_t next; /* number of the physical line that comes next */
	size_t line; /* where the logical line began */
	struct str joined, key, value;
};

/* The text and the name must live as long as the source. */
void source_init(
    struct source *s, struct view text, const char *name, unsigned flags);
void source_clear(struct source *s);

/* Tell of a mistake, unless SOURCE_QUIET; for the readers of this text. */
void source_warn(const struct source *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The next logical line, white space at its end cut; valid until the next
 * call.  Its number is s->line.  False at the end. */
bool source_next_line(struct source *s, struct view *line);

/* The next good pair; valid until the next call. */
bool source_next_pair(struct source *s, struct view *key, struct view *value);

/* The same from aliases(5): the name without its quotes, the value with one
 * space after a comma and between words, comments kept. */
bool source_next_alias(struct source *s, struct view *name, struct view *value);

#endif
