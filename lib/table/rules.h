/*
 * Where the rules of a pattern table (regexp, pcre, cidr) come from: the
 * logical lines of a file, or an in-line body "{{rule}, {rule}}".
 */
#ifndef TABLE_RULES_H
#define TABLE_RULES_H

#include "lib/table/held.h"
#include "lib/table/source.h"

struct rules {
	struct held held; /* HELD_NONE for an in-line body */
	struct str name;  /* for warnings: the file or the body */
	struct str text;
	struct source source;
	struct view inside; /* of an in-line body */
	bool in_line;
	size_t line; /* of the rule that was read last */
};

/* Read all of it; type is for messages.  ERR_TEMP for a file, ERR_PERM for a
 * body that is malformed.  On an error there is nothing to clear. */
struct err rules_open(struct rules *r, const char *type, struct view name);
/* The next rule; valid until the next call. False at the end. */
bool rules_next(struct rules *r, struct view *rule);
/* Frees all but r->held, which the table takes and has. */
void rules_clear(struct rules *r);

#endif
