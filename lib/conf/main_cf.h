/*
 * The syntax of main.cf: which name was given which text, in which file and
 * line.  Knows no parameter and expands nothing.
 *
 * Lines that are blank or whose first printable byte is '#' are skipped, also
 * within a continued line; a line that begins with white space continues the
 * one before (only the line end goes); "name = value" with white space around
 * both dropped; no comments at the end of a line; the last definition wins.
 */
#ifndef CONF_MAIN_CF_H
#define CONF_MAIN_CF_H

#include "lib/base/err.h"
#include "lib/base/htable.h"
#include "lib/base/list.h"
#include "lib/base/str.h"

enum {
	MAIN_CF_FILE_MAX = 16 << 20, /* bytes in a file */
	MAIN_CF_LINE_MAX = 1 << 20,  /* bytes in a logical line */
	MAIN_CF_DEFS_MAX = 100000,   /* definitions */
};

struct main_cf_def {
	struct list node; /* in struct main_cf.defs */
	char *name;
	char *value;	  /* as written, not expanded */
	const char *file; /* owned by the main_cf */
	int line;	  /* where the logical line begins */
};

struct main_cf_warning {
	struct list node;
	char text[300];
};

struct main_cf {
	struct htable by_name; /* struct main_cf_def */
	struct list defs;      /* in the order of first definition */
	struct list warnings;  /* struct main_cf_warning */
	struct list files;
	size_t n_defs;
};

void main_cf_init(struct main_cf *cf);
void main_cf_clear(struct main_cf *cf);

/*
 * Read more definitions; `file` is what messages call it.  ERR_PERM with
 * "FILE, line N: …" for bad syntax and for what passes the limits above,
 * ERR_TEMP if the file cannot be read.
 */
struct err main_cf_read_file(struct main_cf *cf, const char *path);
struct err main_cf_read_text(
    struct main_cf *cf, struct view text, const char *file);

/* NULL if the name has no definition. */
const struct main_cf_def *main_cf_find(
    const struct main_cf *cf, struct view name);

/*
 * Cut the next logical line off: what master.cf, aliases and tables have too.
 * *line is the number of its first physical line.  False at the end.  A text
 * that begins with white space is a continuation of nothing: the caller says.
 */
struct conf_lines {
	struct view rest;
	int next_line; /* of rest's first byte: begin with 1 */
};
bool conf_lines_next(struct conf_lines *lines, struct str *text, int *line);

/* "name = value" cut in two, both trimmed.  ERR_PERM without '=' and without a
 * name, or if that has white space in it. */
struct err conf_split_pair(
    struct view text, struct view *name, struct view *value);

/* A whole file into memory, at most max bytes. */
struct err conf_read_file(const char *path, size_t max, struct str *out);

/* Append to and empty a list of struct main_cf_warning. */
void main_cf_warn(struct list *warnings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void main_cf_clear_warnings(struct list *warnings);

#endif
