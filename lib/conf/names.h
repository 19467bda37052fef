/*
 * What each name means before anything is checked: overrides, then main.cf,
 * then what is made at start (myhostname, …), then the row's default.  Used by
 * conf_load, which checks, and by postconf, which shows bad values too.
 */
#ifndef CONF_NAMES_H
#define CONF_NAMES_H

#include "lib/conf/conf.h"
#include "lib/conf/main_cf.h"

struct names {
	struct main_cf file;
	struct htable overrides; /* char * by name */
	struct htable computed;	 /* char * by name, once asked for */
	char *dir;
	char *service_name, *process_name;
	/* Defaults only, as for postconf -d. */
	bool only_defaults;
	/* Told of each name that has no value; may be NULL. */
	void (*undefined)(void *arg, struct view name);
	void *undefined_arg;
};

/* Everything empty; the source's dir (see conf_dir), names and overrides are
 * copied. */
void names_init(struct names *names, const struct conf_source *source);
void names_clear(struct names *names);
/* "-o name=value", above main.cf. */
void names_override(struct names *names, struct view name, struct view value);

/* As written; false if undefined.  The view lives until names_override or
 * names_clear. */
bool names_find_raw(struct names *names, struct view name, struct view *value);
/* True if main.cf or an override has it. */
bool names_is_set(const struct names *names, struct view name);
/* Append text, expanded. */
struct err names_expand(struct names *names, struct view text, struct str *out);

#endif
