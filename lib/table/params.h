/*
 * The parameters of a table that has a server or a statement: "pgsql:/FILE"
 * reads lines "name = value" from a file; "pgsql:NAME" takes NAME_query,
 * NAME_hosts, ... from main.cf; "pgsql:{ name = value, { name = a, b } }" has
 * them in place.
 *
 * What was read stays as long as the process lives: it is read with the rights
 * that the process begins with (a file may hold a password), and a process of a
 * daemon is replaced when the file changes.
 */
#ifndef TABLE_PARAMS_H
#define TABLE_PARAMS_H

#include "lib/base/err.h"
#include "lib/base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct params;

/*
 * By "type:name".  ERR_TEMP for a file that cannot be read, ERR_PERM for bad
 * syntax.  Any thread may ask.  The result is never freed.
 */
struct err params_load(struct view spec, const struct params **out);

/* As written; NULL if it is not there. */
const char *params_find(const struct params *p, const char *name);
/* The same with another text instead of NULL. */
const char *params_text(
    const struct params *p, const char *name, const char *otherwise);
/* ERR_PERM for what is no number, or out of this range. */
struct err params_number(const struct params *p, const char *name,
    int64_t otherwise, int64_t low, int64_t high, int64_t *out);
/* The same in milliseconds, of "10", "10s", "2m", "1h", "500ms". */
struct err params_time(const struct params *p, const char *name,
    int64_t otherwise_ms, int64_t *out_ms);
/* yes or no, in any case. */
struct err params_bool(
    const struct params *p, const char *name, bool otherwise, bool *out);
/* Each path among the values of parameters that are paths: a database, files
 * of keys and certificates, files of domains. */
void params_each_path(const struct params *p,
    void (*visit)(void *arg, struct view path), void *arg);
/* Where they come from, for messages. */
const char *params_origin(const struct params *p);
/* The file, or one of a key or certificate that it names, is another one now, or
 * was written to. */
bool params_changed(const struct params *p);

/* A parameter that Postfix knows and that means nothing here, and why. */
struct params_idle {
	const char *name, *why;
};

/* Warn of those that are set. */
void params_warn_idle(
    const struct params *p, const struct params_idle *idle, size_t n);

#endif
