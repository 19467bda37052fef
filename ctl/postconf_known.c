/*
 * Which names exist: built-in parameters, those made of a service's name, and
 * those that the user made up and something uses.  A $name that has no value,
 * and a value that nothing uses, is mostly a slip of the pen.
 */
#include "ctl/postconf.h"

#include "lib/base/mem.h"
#include "lib/conf/rows.h"
#include "lib/daemon/program.h"

#include <stdlib.h>

/* Bits as htable values. */
static unsigned classes[CLASS_ALL + 1];

static void
add_class(struct known *known, struct view name, unsigned class)
{
	unsigned all = class | known_class(known, name);

	classes[all] = all;
	htable_set(&known->classes, name, &classes[all]);
}

unsigned
known_class(const struct known *known, struct view name)
{
	const unsigned *class = htable_find(&known->classes, name);

	return class == NULL ? 0 : *class;
}

static bool
has_word(const char *words, const char *word)
{
	struct view rest = view_of(words), item;

	while (view_token(&rest, " ", &item))
		if (view_eq(item, view_of(word)))
			return true;
	return false;
}

/* What each service of master.cf has of its own. */
static void
add_service_names(struct known *known, const struct services *services)
{
	struct str name = STR_EMPTY;

	LIST_EACH (it, after, &services->list) {
		const struct service *s = LIST_ITEM(it, struct service, node);

		for (size_t i = 0; i < conf_n_suffixes; i++) {
			if (!has_word(conf_suffixes[i].programs, s->argv[0]))
				continue;
			str_printf(&name, "%s%s", s->fields[0],
			    conf_suffixes[i].suffix);
			add_class(known, str_view(&name), CLASS_SERVICE);
		}
	}
	str_clear(&name);
}

static void
add_if_ours(struct known *known, struct view name)
{
	const struct conf_suffix *suffix = conf_suffix_find(name);

	if (suffix != NULL && known_class(known, name) == 0 &&
	    program_has_setting(view_first(name,
				    name.len - strlen(suffix->suffix)),
		suffix->suffix))
		add_class(known, name, CLASS_SERVICE);
}

static void
add_if_ours_too(struct view name, void *value, void *arg)
{
	(void)value;
	add_if_ours(arg, name);
}

/* What is set of programs, and of services that need no line of master.cf.
 * Postfix does not have these: so they are not among all parameters. */
static void
add_set_names(struct known *known, struct postconf *pc)
{
	htable_each(&pc->names.overrides, add_if_ours_too, known);
	LIST_EACH (it, after, &pc->names.file.defs)
		add_if_ours(known,
		    view_of(LIST_ITEM(it, struct main_cf_def, node)->name));
}

/* --- what values mention --- */

struct walk {
	struct known *known;
	struct postconf *pc;
	struct scope *scope; /* of a service; NULL in main.cf */
	const char *file;
	bool quiet;
};

static const char *
set_in_main(const struct postconf *pc, struct view name)
{
	const char *text = htable_find(&pc->names.overrides, name);
	const struct main_cf_def *def;

	if (text != NULL)
		return text;
	def = main_cf_find(&pc->names.file, name);
	return def == NULL ? NULL : def->value;
}

static void walk_value(struct walk *w, struct view name, struct view value);

/* A value of main.cf, also if a service mentions it. */
static void
walk_main_value(struct walk *from, struct view name, struct view value)
{
	const struct main_cf_def *def =
	    main_cf_find(&from->pc->names.file, name);
	struct walk w = *from;

	w.scope = NULL;
	w.file = def != NULL ? def->file : w.known->main_file.ptr;
	w.quiet = w.pc->quiet;
	walk_value(&w, name, value);
}

/* A name that something mentions: it is known from now on, and so is what it
 * mentions. */
static void
walk_name(void *arg, struct view name)
{
	struct walk *w = arg;
	const char *text = NULL;

	if (w->scope != NULL)
		text = htable_find(&w->scope->params, name);
	if (text != NULL) {
		if (htable_find(&w->scope->known, name) != NULL)
			return;
		htable_set(&w->scope->known, name, w);
		walk_value(w, name, view_of(text));
		return;
	}
	text = set_in_main(w->pc, name);
	if (known_class(w->known, name) != 0)
		return;
	if (text != NULL) {
		add_class(w->known, name, CLASS_USER);
		walk_main_value(w, name, view_of(text));
	} else if (!w->quiet) {
		postconf_warn(
		    "%s: undefined parameter: %.*s", w->file, VIEW_ARGS(name));
	}
}

/* A setting of a database: used, if anything sets it. */
static void
walk_setting(void *arg, struct view name)
{
	struct walk *w = arg;

	if ((w->scope != NULL &&
		htable_find(&w->scope->params, name) != NULL) ||
	    set_in_main(w->pc, name) != NULL)
		walk_name(w, name);
}

static _Noreturn void
bad_macros(struct view name, struct err e)
{
	postconf_warn("%s", e.text);
	postconf_fatal("%smacro processing error", postconf_source(name));
}

/* A word that begins with a brace, and is not a group. */
static void
warn_braces(const struct walk *w, struct view word)
{
	if (view_starts(word, VIEW("{")))
		(void)postconf_find_brace(
		    w->scope == NULL ? "main.cf" : "master.cf", word);
}

/* The tables that a value names. */
static void
walk_tables(struct walk *w, struct view name, struct view value)
{
	struct str text = STR_EMPTY;
	struct view rest, word;
	struct err e = names_expand(&w->pc->names, value, &text);

	if (err_is(e) && !w->quiet && w->scope == NULL)
		bad_macros(name, e);
	rest = str_view(&text);
	while (conf_list_next(&rest, &word)) {
		if (!w->quiet)
			warn_braces(w, word);
		database_each_name(
		    word, &w->known->database_files, walk_setting, w);
	}
	str_clear(&text);
}

static void
walk_value(struct walk *w, struct view name, struct view value)
{
	const struct conf_row *row = conf_row_find(name);
	struct err e;

	/* Its macros are those of each use. */
	if (row != NULL && row->type == CONF_RAW)
		return;
	e = conf_expand_names(value, walk_name, w);
	/* What is built in has to be expanded, to see its tables: but in a
	 * service only who wants that gives up. */
	if (err_is(e) && w->scope == NULL &&
	    (known_class(w->known, name) & (CLASS_BUILTIN | CLASS_SERVICE)) !=
		0)
		bad_macros(name, e);
	else if (err_is(e))
		postconf_warn("%s", e.text);
	/* A name that the user made up comes with who mentions it. */
	if ((known_class(w->known, name) & (CLASS_BUILTIN | CLASS_SERVICE)) !=
	    0)
		walk_tables(w, name, value);
}

/* --- restriction classes --- */

static void
add_restriction_classes(struct walk *w, const char *classes_text)
{
	struct view rest, item;
	struct str text = STR_EMPTY;

	if (classes_text == NULL)
		return;
	(void)names_expand(&w->pc->names, view_of(classes_text), &text);
	rest = str_view(&text);
	while (conf_list_next(&rest, &item))
		walk_name(w, item);
	str_clear(&text);
}

static void
walk_param(struct view name, void *value, void *arg)
{
	walk_value(arg, name, view_of(value));
}

static void
walk_services(struct known *known, struct postconf *pc)
{
	struct str file = STR_EMPTY;

	str_printf(&file, "%s/master.cf", pc->names.dir);
	LIST_EACH (it, after, &pc->services.scopes) {
		struct scope *scope = LIST_ITEM(it, struct scope, node);
		struct walk w = { known, pc, scope, file.ptr, pc->quiet };

		add_restriction_classes(&w,
		    htable_find(
			&scope->params, VIEW("smtpd_restriction_classes")));
		htable_each(&scope->params, walk_param, &w);
	}
	str_clear(&file);
}

/* A default may mention the old name of a parameter, which then is used. */
static void
walk_defaults(struct known *known, struct postconf *pc)
{
	struct walk w = { known, pc, NULL, NULL, .quiet = true };

	for (size_t i = 0; i < conf_n_rows; i++) {
		const struct conf_row *row = &conf_rows[i];

		if (!conf_row_is_computed(row) &&
		    set_in_main(pc, view_of(conf_row_name(row))) == NULL)
			walk_value(&w, view_of(conf_row_name(row)), view_of(conf_row_init(row)));
	}
}

static void
walk_main(struct known *known, struct postconf *pc)
{
	struct walk w = { known, pc, NULL, known->main_file.ptr, pc->quiet };

	add_restriction_classes(
	    &w, set_in_main(pc, VIEW("smtpd_restriction_classes")));
	LIST_EACH (it, after, &pc->names.file.defs) {
		const struct main_cf_def *def =
		    LIST_ITEM(it, struct main_cf_def, node);
		struct view name = view_of(def->name);

		/* Also of those that nothing uses; of others once is enough. */
		w.file = def->file;
		if (known_class(known, name) != CLASS_USER &&
		    htable_find(&pc->names.overrides, name) == NULL)
			walk_value(&w, name, view_of(def->value));
	}
	w.file = known->main_file.ptr;
	htable_each(&pc->names.overrides, walk_param, &w);
}

/* Defaults go by the level: without one there are none. */
static void
check_level(struct postconf *pc)
{
	struct view name = VIEW("compatibility_level"), value;
	struct str text = STR_EMPTY;
	struct err e;
	int order;

	if (!names_find_raw(&pc->names, name, &value))
		return;
	e = names_expand(&pc->names, value, &text);
	if (err_is(e) && !pc->quiet)
		postconf_warn("%s", e.text);
	if (!conf_level_compare(str_view(&text), VIEW("0"), &order))
		bad_macros(name,
		    err_make(ERR_PERM,
			"malformed compatibility level syntax: \"%.60s\"",
			text.len == 0 ? "" : text.ptr));
	str_clear(&text);
}

/* What each process sets itself. */
static const char *const read_only[] = { "process_id", "process_name",
	"service_name" };

static void
warn_read_only(struct postconf *pc, const struct known *known)
{
	struct str file = STR_EMPTY;

	str_printf(&file, "%s/master.cf", pc->names.dir);
	for (size_t i = 0; i < ARRAY_LEN(read_only); i++) {
		struct view name = view_of(read_only[i]);
		const char *text = set_in_main(pc, name);

		if (text != NULL)
			postconf_warn("%s: read-only parameter assignment: "
				      "%s=%s",
			    known->main_file.ptr, read_only[i], text);
		LIST_EACH (it, after, &pc->services.scopes) {
			struct scope *scope = LIST_ITEM(it, struct scope, node);

			text = htable_find(&scope->params, name);
			if (text == NULL)
				continue;
			postconf_warn("%s: read-only parameter assignment: "
				      "%s=%s",
			    file.ptr, read_only[i], text);
		}
	}
	str_clear(&file);
}

bool
known_is_read_only(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(read_only); i++)
		if (strcmp(name, read_only[i]) == 0)
			return true;
	return false;
}

void
known_init(struct known *known, struct postconf *pc)
{
	htable_init(&known->classes);
	htable_init(&known->database_files);
	str_init(&known->main_file);
	str_printf(&known->main_file, "%s/main.cf", pc->names.dir);
	for (size_t i = 0; i < conf_n_rows; i++)
		add_class(known, view_of(conf_row_name(&conf_rows[i])), CLASS_BUILTIN);
	add_service_names(known, &pc->services);
	if (pc->only_defaults)
		return;
	add_set_names(known, pc);
	if (!pc->quiet)
		warn_read_only(pc, known);
	check_level(pc);
	walk_services(known, pc);
	walk_defaults(known, pc);
	walk_main(known, pc);
}

void
known_clear(struct known *known)
{
	htable_clear(&known->classes, NULL);
	htable_clear(&known->database_files, NULL);
	str_clear(&known->main_file);
}

/* --- what nothing uses, what is not there --- */

struct unused {
	const struct known *known;
	const struct scope *scope; /* NULL: main.cf */
	const char *file;
};

static void
warn_unused(struct view name, void *value, void *arg)
{
	const struct unused *u = arg;

	if (known_class(u->known, name) == 0 &&
	    (u->scope == NULL || htable_find(&u->scope->known, name) == NULL))
		postconf_warn("%s: unused parameter: %.*s=%s", u->file,
		    VIEW_ARGS(name), (const char *)value);
}

static void
warn_unsupported(const char *file, struct view name, const char *value)
{
	if (conf_row_asks_for_more(conf_row_find(name), value))
		postconf_warn(
		    "%s: not supported: %.*s=%s", file, VIEW_ARGS(name), value);
}

void
known_warn_main(const struct known *known, struct postconf *pc)
{
	struct unused u = { known, NULL, known->main_file.ptr };

	htable_each(&pc->names.overrides, warn_unused, &u);
	LIST_EACH (it, after, &pc->names.file.defs) {
		const struct main_cf_def *def =
		    LIST_ITEM(it, struct main_cf_def, node);
		struct view name = view_of(def->name);

		u.file = def->file;
		if (htable_find(&pc->names.overrides, name) == NULL)
			warn_unused(name, def->value, &u);
		warn_unsupported(def->file, name, def->value);
	}
}

static void
warn_param_unsupported(struct view name, void *value, void *arg)
{
	warn_unsupported(arg, name, value);
}

void
known_warn_master(const struct known *known, struct postconf *pc)
{
	struct str file = STR_EMPTY;

	str_printf(&file, "%s/master.cf", pc->names.dir);
	LIST_EACH (it, after, &pc->services.list) {
		const struct service *s = LIST_ITEM(it, struct service, node);
		struct unused u = { known, s->scope, file.ptr };

		htable_each(&s->scope->params, warn_unused, &u);
		htable_each(
		    &s->scope->params, warn_param_unsupported, file.ptr);
	}
	str_clear(&file);
}
