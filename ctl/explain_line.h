/*
 * The line of a text that an indexed table (hash:, btree:, cdb:, lmdb:) was made
 * of.  The index itself has none.
 */
#ifndef CTL_EXPLAIN_LINE_H
#define CTL_EXPLAIN_LINE_H

#include "lib/base/str.h"
#include "lib/base/view.h"

enum explain_line {
	EXPLAIN_LINE_NONE,  /* not an indexed table, or no text beside it */
	EXPLAIN_LINE_NEWER, /* the text changed since */
	EXPLAIN_LINE_OTHER, /* the text does not say this */
	EXPLAIN_LINE_FOUND,
};

/*
 * Where the text beside `spec` ("hash:/etc/aliases") says that this key has this
 * value: *line, and *file, its path.  The text is trusted only if it is not newer
 * than the index.  Reads the whole text; what cannot be read is not there.
 */
enum explain_line explain_find_line(struct view spec, struct view key,
    struct view value, size_t *line, struct str *file);

#endif
