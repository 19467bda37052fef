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

/* Beside main.cf: a folder whose files NAME.cf are read after it, in the order
 * of their names by bytes.  What comes later wins. */
#define MAIN_CF_DROP_INS "main.cf.d"

enum {
	MAIN_CF_FILE_MAX = 16 << 20, /* bytes in a file */
	MAIN_CF_DROP_INS_MAX = 1000, /* files in the folder */
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
	const char *file; /* owned by who reads; NULL: of no file */
	int line;
	char text[300]; /* without the place */
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
/* DIR/main.cf and its drop-in files. */
struct err main_cf_read_dir(struct main_cf *cf, const char *dir);
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

/* The paths of DIR's drop-in files, in their order; none if there is no such
 * folder.  Free each and the array.  ERR_TEMP, ERR_PERM as above. */
struct err main_cf_list_drop_ins(const char *dir, char ***paths, size_t *n);

/* Append to and empty a list of struct main_cf_warning. */
void main_cf_warn(struct list *warnings, const char *file, int line,
    const char *format, ...) __attribute__((format(printf, 4, 5)));
void main_cf_clear_warnings(struct list *warnings);
/* "FILE, line N: TEXT" */
void main_cf_describe(const struct main_cf_warning *w, struct str *out);

#endif
