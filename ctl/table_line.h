/*
 * The line of a table's text that says something.  An indexed table (hash:,
 * btree:, cdb:, lmdb:) has none itself, but the text that it was made of does.
 */
#ifndef CTL_TABLE_LINE_H
#define CTL_TABLE_LINE_H

#include "lib/base/str.h"
#include "lib/base/view.h"

enum table_line {
	TABLE_LINE_NONE,  /* not a table with a text, or it is not there */
	TABLE_LINE_NEWER, /* the text changed since */
	TABLE_LINE_OTHER, /* the text does not say this */
	TABLE_LINE_FOUND,
};

/*
 * Where the text of `spec` ("texthash:/etc/x", or that beside
 * "hash:/etc/aliases") says that this key has this value: *line, and *file, its
 * path.  The text beside an index is trusted only if it is not newer.  Reads
 * the whole text; what cannot be read is not there.
 */
enum table_line table_line_find(struct view spec, struct view key,
    struct view value, size_t *line, struct str *file);

#endif
