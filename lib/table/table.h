/*
 * Lookup tables: "type:name" everywhere, from a key to a value (both any
 * bytes).  One interface, one small file per type (table/type.h).
 *
 * A table that is a local file is opened before the privileges go and needs
 * no path afterwards.  A table that needs a server, a secret or the name
 * service is asked through another process once table_set_remote was called.
 *
 * The rule that everything rests on: a table that fails is ERR_TEMP and never
 * "not found".
 *
 * Lists of names and networks (mydestination, mynetworks) are table/match.h;
 * making indexed files is table/create.h.
 */
#ifndef TABLE_TABLE_H
#define TABLE_TABLE_H

#include "lib/base/err.h"
#include "lib/base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct table;
struct table_list;

/* Longest key that is looked for; a longer one is never found.  Longest line
 * (continuations joined) of a text file. */
enum { TABLE_KEY_MAX = 65536, TABLE_LINE_MAX = 1 << 20 };

/* Flags of table_open and table_list_open. */
enum {
	/* Fixed-string types fold the key to lower case (ASCII); not so with
	 * this.  Pattern types never fold: their rules say what they ignore. */
	TABLE_NO_FOLD = 1 << 0,
	/* A pattern's result may not hold $1: for tables whose results are
	 * commands or files.  Such a rule is warned of and skipped. */
	TABLE_NO_SUBSTITUTE = 1 << 1,
	/* What cannot be opened becomes a table whose every find is ERR_TEMP
	 * with that text (warned of once, now).  What daemons want: mail waits
	 * for the missing table instead of the daemon's not starting. */
	TABLE_OPEN_LATER = 1 << 2,
};

/*
 * Open "type:name" ("hash:/etc/aliases", "inline:{ a=b }", "static:OK",
 * "proxy:unix:passwd.byname": "proxy:" is stripped).  A name without a type is
 * ERR_PERM; so is an unknown type ("unsupported dictionary type: x").  A file
 * that cannot be read is ERR_TEMP.  Rules with mistakes are warned of with
 * file and line, and skipped.  Does not wait, but reads files.
 */
struct err table_open(struct view spec, unsigned flags, struct table **out);

/*
 * Look the key up.  *found tells whether it is there, *value is then set to
 * what it leads to (which may be empty); otherwise *value is left alone.
 * ERR_TEMP if the table failed, *found is then false.  Waits only if the table
 * is remote.  Not for two threads at once.
 */
struct err table_find(
    struct table *t, struct view key, struct str *value, bool *found);

/* NULL is allowed. */
void table_close(struct table *t);

/* "type:name" as it was opened, without "proxy:"; lives as long as t. */
struct view table_spec(const struct table *t);

/* True if the keys are patterns (regexp, pcre, cidr, ...): only whole
 * addresses are asked of such a table, not parts of them. */
bool table_is_pattern(const struct table *t);

/* True if finds are asked of another process, and thus wait. */
bool table_is_remote(const struct table *t);

/*
 * True if the file that is held was replaced, renamed, removed or written to
 * (fstat of what is held; works after chroot): this process should end soon and
 * its successor open it anew.  False for tables that are no file.
 */
bool table_has_changed(const struct table *t);
/* So long after it could not be opened (TABLE_OPEN_LATER) a table counts as
 * changed, so that a file that is there again is found without a reload. */
enum { TABLE_REFUSED_MS = 30000 };
/* The same, and true too if the path leads to another file now (a symbolic
 * link, a folder that was exchanged).  Not after chroot. */
bool table_was_replaced(const struct table *t);

/*
 * How remote tables are asked: spec is without "proxy:"; value and found as in
 * table_find.  May wait (it has its own time limit); called on the caller's
 * stack.
 */
typedef struct err table_ask_fn(
    struct view spec, struct view key, struct str *value, bool *found);

/*
 * From now on table_open gives the types that need a server, a secret or the
 * name service (unix, pgsql, mysql, sqlite, ldap, redis, memcache, socketmap,
 * tcp, and a unionmap, pipemap or randmap with one of these in it) to this
 * function.  NULL: they are opened directly, as `lookup` and commands do.
 */
void table_set_remote(table_ask_fn *ask);

/* A parameter of main.cf, expanded; NULL if it is not set. */
typedef const char *table_conf_fn(void *arg, const char *name);

/*
 * Where "pgsql:NAME" finds NAME_hosts, NAME_query, ...: for processes that open
 * such tables themselves.  Called from any thread, from several at once; what it
 * returns must stay.
 */
void table_set_conf(table_conf_fn *find, void *arg);

/* True if it is of these types, or has a member that is. */
bool table_wants_server(struct view spec);

/*
 * Do now what opening this table will need rights for (files of parameters,
 * modules): in a process that is about to give them up.  What cannot be done
 * is warned of, and is an error again when the table is opened.
 */
void table_prepare(struct view spec);

/*
 * The folders that it reads from, beside where its parameters stand: of an
 * SQLite database, certificates, a file that a member of a composite is.  After
 * table_prepare; visit's view is valid until it returns.
 */
void table_each_folder(struct view spec,
    void (*visit)(void *arg, struct view folder), void *arg);

/* True if a file of parameters that this process has read is another one now. */
bool table_params_have_changed(void);

/* True if the table keeps a connection open between questions. */
bool table_has_connection(const struct table *t);

/* True if table_find on a fiber parks where it would block, and costs the
 * process no more than its own work: that of one server. */
bool table_may_park(const struct table *t);

/* A type's name by number from 0, NULL past the last (postconf -m); those
 * whose modules are not installed are left out. */
const char *table_type_name(size_t i);

/*
 * A parameter's value such as transport_maps: tables separated by commas or
 * white space, braces group.  Words without "type:" are ERR_PERM.  An empty
 * value gives an empty list, in which nothing is found.
 */
struct err table_list_open(
    struct view value, unsigned flags, struct table_list **out);

/* Which tables of the list are asked. */
enum table_which {
	TABLE_ALL,
	TABLE_FIXED, /* all but patterns: for a part of an address, "@domain" */
};

/* The first table that has the key answers; an error ends the search, and so
 * is never hidden by a later hit.  An empty key is not found. */
struct err table_list_find(struct table_list *l, struct view key,
    enum table_which which, struct str *value, bool *found);

/* NULL is allowed, here and below: an empty list. */
void table_list_close(struct table_list *l);
bool table_list_is_empty(const struct table_list *l);
/* Any of them: as for one table. */
bool table_list_has_changed(const struct table_list *l);
bool table_list_was_replaced(const struct table_list *l);
/* The i-th table from 0, NULL past the last. */
struct table *table_list_at(const struct table_list *l, size_t i);

#endif
