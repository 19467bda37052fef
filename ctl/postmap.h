/*
 * The parts of postmap(1): what the command line asked for, and who does it.
 */
#ifndef CTL_POSTMAP_H
#define CTL_POSTMAP_H

#include "lib/base/err.h"
#include "lib/base/str.h"
#include "lib/mail/mime.h"
#include "lib/table/source.h"

enum mode { MODE_BUILD, MODE_INCREMENT, MODE_ASK, MODE_DELETE, MODE_LIST };

/* postmap or postalias. */
struct tool {
	const char *name;
	const char *options;
	const char *usage;
	const char *separator; /* between key and value in a listing */
	bool (*next)(struct source *s, struct view *key, struct view *value);
	bool aliases;
};

struct run {
	const struct tool *tool;
	enum mode mode;
	struct view key;    /* of -q and -d */
	const char *config; /* of -c */
	char *type;	    /* where a table names none */
	char *host;	    /* myhostname */
	unsigned make;	    /* flags of table_make_open */
	unsigned source;    /* flags of source_init */
	bool utf8_off, utf8_on;
	bool json, files, keep_root, plain_mode;
	bool headers, body, mime;
	struct mime_limits limits;
};

/* "PROGRAM: fatal: ..." and exit status 1. */
_Noreturn void postmap_fatal(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
/* Fatal if it is an error. */
void postmap_check(struct err e);
/* "type:name", with the default type if it names none. */
void postmap_make_spec(
    const struct run *run, const char *arg, struct str *spec);

/* --- postmap_ask.c: what tables hold; the exit status --- */
int postmap_ask(const struct run *run, char **args);
int postmap_list(const struct run *run, char **args);

/* --- postmap_make.c: tables are made and changed; the exit status --- */
int postmap_build(const struct run *run, char **args);
int postmap_increment(const struct run *run, char **args);
int postmap_delete(const struct run *run, char **args);

#endif
