/*
 * The deep check of a configuration, before it is used ("barid check"): what is
 * found, and who looks for what.  Nothing is changed; other software may be
 * connected to, and is told nothing.
 */
#ifndef CTL_CHECK_H
#define CTL_CHECK_H

#include "lib/conf/conf.h"
#include "lib/conf/master_cf.h"
#include "lib/conf/names.h"
#include "lib/conf/used.h"

enum check_severity {
	CHECK_ERROR,   /* mail would wait or go wrong, or nothing starts */
	CHECK_WARNING, /* someone should look */
};

/* Where something is said; all may be NULL, the line 0. */
struct check_place {
	const char *file;
	int line;
	const char *parameter;
	const char *service; /* "name/type", for a -o */
};

struct check_finding {
	struct list node;
	enum check_severity severity;
	char *file, *parameter, *service, *text;
	int line;
};

struct check {
	const char *dir;
	struct names names;
	struct used used;
	struct master_cf master;
	bool has_master;
	struct conf *conf; /* NULL if it cannot be loaded */
	struct list findings;
	struct htable told; /* what was said of tables, once */
	const struct check_place *listening; /* see check_listen */
	size_t n_errors, n_warnings;
};

/* Read main.cf and master.cf only.  False, with findings, if main.cf cannot be
 * read.  The caller clears. */
bool check_read(struct check *c, const char *dir);
/* Look at everything in this folder.  The caller clears. */
void check_run(struct check *c, const char *dir);
void check_clear(struct check *c);

/* One finding a line, or one JSON object: to standard output. */
void check_print(const struct check *c);
void check_print_json(const struct check *c);

void check_tell(struct check *c, enum check_severity severity,
    const struct check_place *at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Where a parameter is set; no file if nowhere. */
struct check_place check_place_of(const struct check *c, const char *parameter);
/* The parameter's value, expanded; false if that cannot be done. */
bool check_value_of(struct check *c, const char *parameter, struct str *value);

/*
 * Visit each value that counts, expanded: of main.cf if something uses the
 * name, the defaults of the others, and of each -o.
 */
typedef void check_visit_fn(
    struct check *c, const struct check_place *at, struct view value);
void check_each_value(struct check *c, check_visit_fn *visit);

/* Who looks. */
void check_parameters(struct check *c);
void check_services(struct check *c);
void check_restrictions(struct check *c);
void check_tables(struct check *c);
void check_lists(struct check *c);
void check_contents(struct check *c);
void check_domains(struct check *c);
void check_loops(struct check *c);
void check_files(struct check *c);
void check_certificates(struct check *c);
void check_sockets(struct check *c);

/* From now on what the libraries warn of is a finding at this place, or at the
 * file and line that the warning names.  NULL: no more.  `at` is borrowed. */
void check_listen(struct check *c, const struct check_place *at);

/* The words of a list of restrictions, or of a table's answer: unknown names,
 * missing arguments. */
void check_restriction_words(
    struct check *c, const struct check_place *at, struct view words);
/* The same question, and nothing is told. */
bool check_restriction_words_are_good(struct check *c, struct view words);
/* Does a table follow this name, as in "check_client_access TYPE:NAME"? */
bool check_restriction_has_table(struct view name);

/* What keeps this transport from delivering; NULL: nothing, it is in master.cf
 * or built in. */
const char *check_transport_fault(const struct check *c, struct view name);

/*
 * Visit the pairs of a table, as far as it can list them: at most a million.
 * False from `visit` ends it.
 */
typedef bool check_pair_fn(void *arg, struct view key, struct view value);
void check_each_pair(struct view spec, check_pair_fn *visit, void *arg);

/* A parameter whose tables are those of others. */
bool check_only_names(const char *parameter);
/* Is this table, or a member of it, a device or a pipe? */
bool check_is_special(struct view word);
/* A table's "!" and "proxy:" in front of it are none of its own. */
struct view check_table_spec(struct view word);
/* "type:name" of a type that there is. */
bool check_is_table(struct view word);
/* What a parameter means here and not in Postfix; NULL if nothing. */
const char *check_difference(const char *parameter);

#endif
