/*
 * Loading: every row's value is expanded, checked and put into its field.
 * The texts live in one table, so nothing is freed one by one.
 */
#include "lib/conf/conf.h"

#include "lib/base/mem.h"
#include "lib/conf/check.h"
#include "lib/conf/used.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* Longest name of a domain (RFC 1035 2.3.4). */
enum { CONF_ORIGIN_MAX = 255 };
/* A longer line of master.cf is looked at in pieces. */
enum { MASTER_LINE_MAX = 2048 };

struct conf_private {
	struct names names;
	struct htable values; /* char * by name, expanded */
	struct list warnings; /* struct main_cf_warning */
	char *origin;	      /* what the file says that myorigin names */
};

const char *
conf_dir(const char *option)
{
	const char *dir = option;

	if (dir == NULL || dir[0] == '\0')
		dir = secure_getenv("MAIL_CONFIG");
	return dir == NULL || dir[0] == '\0' ? BARID_CONFIG_DIR : dir;
}

/* "FILE, line N: parameter NAME" */
static void
describe_origin(const struct names *names, const char *name, struct str *out)
{
	const struct main_cf_def *def =
	    main_cf_find(&names->file, view_of(name));

	if (htable_find(&names->overrides, view_of(name)) != NULL)
		str_addf(out, "-o %s: ", name);
	else if (def != NULL)
		str_addf(out, "%s, line %d: ", def->file, def->line);
	else
		str_add_text(out, "default: ");
	str_addf(out, "parameter %s", name);
}

static struct err
at_origin(const struct names *names, const char *name, struct err e)
{
	struct str origin = STR_EMPTY;

	describe_origin(names, name, &origin);
	e = err_make(e.kind, "%s: %s", origin.ptr, e.text);
	str_clear(&origin);
	return e;
}

/* The value, expanded unless it is raw, in the table of values. */
static struct err
keep_value(struct conf *conf, struct view name, bool raw, const char **kept)
{
	struct conf_private *p = conf->priv;
	struct str text = STR_EMPTY;
	struct view value = VIEW_EMPTY;
	struct err e = ERR_OK;

	names_find_raw(&p->names, name, &value);
	if (raw)
		str_add(&text, value);
	else
		e = names_expand(&p->names, value, &text);
	if (err_is(e)) {
		str_clear(&text);
		return e;
	}
	*kept = xstrndup(text.ptr, text.len);
	free(htable_set(&p->values, name, (char *)*kept));
	str_clear(&text);
	return ERR_OK;
}

static void
set_field(struct conf *conf, const struct conf_row *row, const char *text,
    int64_t number)
{
	char *field = (char *)conf + row->offset;
	bool yes = number != 0;

	switch (row->type) {
	case CONF_BOOL:
		memcpy(field, &yes, sizeof(yes));
		break;
	case CONF_INT:
	case CONF_TIME:
	case CONF_MSEC:
	case CONF_SIZE:
		memcpy(field, &number, sizeof(number));
		break;
	case CONF_STR:
	case CONF_RAW:
	case CONF_ENUM:
		memcpy(field, &text, sizeof(text));
		break;
	}
}

static struct err
load_row(struct conf *conf, const struct conf_row *row)
{
	struct view name = view_of(conf_row_name(row));
	const char *text = NULL;
	int64_t number = 0;
	struct err e = keep_value(conf, name, row->type == CONF_RAW, &text);

	if (!err_is(e))
		e = check_value(
		    &conf->priv->names, row, view_of(text), &number);
	if (err_is(e))
		return at_origin(&conf->priv->names, conf_row_name(row), e);
	if (row->type == CONF_ENUM)
		for (char *c = (char *)text; *c != '\0'; c++)
			*c = ascii_lower(*c);
	set_field(conf, row, text, number);
	return ERR_OK;
}

/* Takes back what main.cf says of a parameter that we do not act on. */
static void
use_default(struct conf *conf, const struct conf_row *row, struct err e)
{
	struct names *names = &conf->priv->names;

	main_cf_warn(&conf->priv->warnings, NULL, 0,
	    "%s (not supported: ignored)", e.text);
	names->only_defaults = true;
	e = load_row(conf, row);
	names->only_defaults = false;
	assert(!err_is(e) || !row->used);
	if (err_is(e))
		set_field(conf, row, str_nothing, row->low);
}

/* What is wrong is said where it was written; a default that is made of it,
 * and comes first, is not to blame. */
static struct err
load_each_row(struct conf *conf)
{
	struct err first = ERR_OK;

	for (size_t i = 0; i < conf_n_rows; i++) {
		const struct conf_row *row = &conf_rows[i];
		struct err e = load_row(conf, row);

		if (err_is(e) && !row->used)
			use_default(conf, row, e);
		else if (err_is(e) &&
		    names_is_set(&conf->priv->names, view_of(conf_row_name(row))))
			return e;
		else if (err_is(e) && !err_is(first))
			first = e;
	}
	return first;
}

/*
 * As Debian has it: a myorigin that is a path ("/etc/mailname") means the first
 * line of that file.  What is written with $myorigin has the path, as there.
 */
static struct err
read_origin(struct conf *conf)
{
	char line[CONF_ORIGIN_MAX + 2] = "";
	FILE *file;
	size_t len;

	if (conf->myorigin[0] != '/')
		return ERR_OK;
	file = fopen(conf->myorigin, "re");
	if (file == NULL || fgets(line, sizeof(line), file) == NULL)
		snprintf(line, sizeof(line), "\n");
	if (file != NULL)
		fclose(file);
	len = strcspn(line, " \t\r\n");
	if (len == 0 || line[len] == '\0')
		return at_origin(&conf->priv->names, "myorigin",
		    err_make(ERR_PERM, "no domain in the first line of %s",
			conf->myorigin));
	conf->priv->origin = xstrndup(line, len);
	conf->myorigin = conf->priv->origin;
	return ERR_OK;
}

static struct err
load_rows(struct conf *conf)
{
	const struct conf_row *level =
	    conf_row_find(VIEW("compatibility_level"));
	struct err e = load_row(conf, level);
	int order;

	/* First, since the defaults ask for it. */
	if (!err_is(e) &&
	    !conf_level_compare(
		view_of(conf->compatibility_level), VIEW("0"), &order))
		e = at_origin(&conf->priv->names, "compatibility_level",
		    err_make(ERR_PERM,
			"bad value \"%.60s\", allowed a level such as 3.6",
			conf->compatibility_level));
	if (!err_is(e))
		e = load_each_row(conf);
	return err_is(e) ? e : read_origin(conf);
}

/* A name that is not a row: one made of a service and a suffix is checked,
 * another only expanded. */
static struct err
load_other(struct conf *conf, const char *name)
{
	struct names *names = &conf->priv->names;
	const struct conf_suffix *suffix = conf_suffix_find(view_of(name));
	const char *text = NULL;
	int64_t number;
	struct err e;

	if (conf_row_find(view_of(name)) != NULL)
		return ERR_OK;
	e = keep_value(conf, view_of(name), false, &text);
	if (!err_is(e) && suffix != NULL)
		e = check_value(names, conf_row_find(view_of(suffix->fallback)),
		    view_of(text), &number);
	if (!err_is(e))
		return e;
	e = at_origin(names, name, e);
	if (suffix != NULL)
		return e;
	main_cf_warn(&conf->priv->warnings, NULL, 0, "%s", e.text);
	return ERR_OK;
}

struct load_others {
	struct conf *conf;
	struct err e;
};

static void
load_override(struct view name, void *value, void *arg)
{
	struct load_others *load = arg;
	struct str text = STR_EMPTY;

	(void)value;
	str_add(&text, name);
	if (!err_is(load->e))
		load->e = load_other(load->conf, text.ptr);
	str_clear(&text);
}

static struct err
load_others(struct conf *conf)
{
	struct load_others load = { conf, ERR_OK };

	htable_each(&conf->priv->names.overrides, load_override, &load);
	LIST_EACH (it, after, &conf->priv->names.file.defs)
		if (!err_is(load.e))
			load.e = load_other(conf,
			    LIST_ITEM(it, struct main_cf_def, node)->name);
	return load.e;
}

/* What master.cf mentions: -o smtpd_client_restrictions=$mua_client_restrictions.
 * Only read if it can matter; what is wrong with it others say. */
static void
add_services(struct used *used, struct names *names)
{
	char line[MASTER_LINE_MAX];
	struct str path = STR_EMPTY;
	FILE *file;

	str_printf(&path, "%s/master.cf", names->dir);
	file = fopen(path.ptr, "re");
	str_clear(&path);
	if (file == NULL)
		return;
	while (fgets(line, sizeof(line), file) != NULL)
		used_add_text(used, names, view_of(line));
	fclose(file);
}

/* Names that nothing uses, and parameters that we know but do not have. */
static void
warn_of_names(struct conf *conf)
{
	struct names *names = &conf->priv->names;
	struct used used;
	bool has_services = false;

	used_init(&used, names);
	LIST_EACH (it, after, &names->file.defs) {
		const struct main_cf_def *def =
		    LIST_ITEM(it, struct main_cf_def, node);
		struct view name = view_of(def->name);
		const struct conf_row *row = conf_row_find(name);
		bool is_own = row == NULL && conf_suffix_find(name) == NULL;

		if (is_own && !has_services && !used_has(&used, name)) {
			add_services(&used, names);
			has_services = true;
		}
		if (is_own && !used_has(&used, name))
			main_cf_warn(&conf->priv->warnings, def->file,
			    def->line, "unused parameter: %s=%s", def->name,
			    def->value);
		if (conf_row_asks_for_more(row, def->value))
			main_cf_warn(&conf->priv->warnings, def->file,
			    def->line, "parameter %s is not supported",
			    def->name);
	}
	used_clear(&used);
}

/* The file's own warnings come first. */
static void
move_warnings(struct list *from, struct list *to)
{
	LIST_EACH (it, after, from) {
		list_remove(it);
		list_append(to, it);
	}
}

static struct err
finish(struct conf *conf, struct err e, struct conf **out)
{
	if (!err_is(e)) {
		move_warnings(
		    &conf->priv->names.file.warnings, &conf->priv->warnings);
		e = load_rows(conf);
	}
	if (!err_is(e))
		e = load_others(conf);
	if (!err_is(e))
		warn_of_names(conf);
	*out = conf;
	if (err_is(e)) {
		conf_free(conf);
		*out = NULL;
	}
	return e;
}

static struct conf *
new_conf(const struct conf_source *source)
{
	struct conf *conf = xcalloc(1, sizeof(*conf));

	conf->priv = xcalloc(1, sizeof(*conf->priv));
	names_init(&conf->priv->names, source);
	htable_init(&conf->priv->values);
	list_init(&conf->priv->warnings);
	return conf;
}

struct err
conf_load(const struct conf_source *source, struct conf **out)
{
	struct conf *conf = new_conf(source);
	struct names *names = &conf->priv->names;

	return finish(
	    conf, main_cf_read_dir(&names->file, names->dir), out);
}

struct err
conf_load_text(const struct conf_source *source, struct view text,
    const char *file, struct conf **out)
{
	struct conf *conf = new_conf(source);

	return finish(
	    conf, main_cf_read_text(&conf->priv->names.file, text, file), out);
}

void
conf_free(struct conf *conf)
{
	if (conf == NULL)
		return;
	names_clear(&conf->priv->names);
	htable_clear(&conf->priv->values, free);
	main_cf_clear_warnings(&conf->priv->warnings);
	free(conf->priv->origin);
	free(conf->priv);
	free(conf);
}

const char *
conf_config_dir(const struct conf *conf)
{
	return conf->priv->names.dir;
}

void
conf_each_warning(const struct conf *conf,
    void (*visit)(void *arg, const char *text), void *arg)
{
	struct str text = STR_EMPTY;

	LIST_EACH (it, after, &conf->priv->warnings) {
		main_cf_describe(
		    LIST_ITEM(it, struct main_cf_warning, node), &text);
		visit(arg, text.ptr);
	}
	str_clear(&text);
}

const char *
conf_find(const struct conf *conf, const char *name)
{
	const struct htable *values = &conf->priv->values;
	const char *text = htable_find(values, view_of(name));
	const struct conf_suffix *suffix;

	if (text != NULL)
		return text;
	suffix = conf_suffix_find(view_of(name));
	if (suffix == NULL)
		return NULL;
	return htable_find(values, view_of(suffix->fallback));
}

const char *
conf_find_raw(const struct conf *conf, const char *name)
{
	struct view value;

	/* What is computed is remembered by names: no change to be seen. */
	if (!names_find_raw(&conf->priv->names, view_of(name), &value))
		return NULL;
	return value.ptr;
}

bool
conf_is_set(const struct conf *conf, const char *name)
{
	return names_is_set(&conf->priv->names, view_of(name));
}

struct err
conf_expand_text(const struct conf *conf, struct view text, struct str *out)
{
	return names_expand(&conf->priv->names, text, out);
}

/* The row whose type a derived parameter has, and its text. */
static const char *
find_derived(const struct conf *conf, const char *service, const char *suffix,
    const struct conf_row **row)
{
	struct str name = STR_EMPTY;
	const struct conf_suffix *found;
	const char *text;

	str_printf(&name, "%s%s", service, suffix);
	found = conf_suffix_find(str_view(&name));
	assert(found != NULL && strcmp(found->suffix, suffix) == 0);
	*row = conf_row_find(view_of(found->fallback));
	text = conf_find(conf, name.ptr);
	str_clear(&name);
	assert(*row != NULL && text != NULL);
	return text;
}

int64_t
conf_find_derived(
    const struct conf *conf, const char *service, const char *suffix)
{
	const struct conf_row *row;
	const char *text = find_derived(conf, service, suffix, &row);
	int64_t number = 0;
	struct err e =
	    check_value(&conf->priv->names, row, view_of(text), &number);

	/* It was checked when it was loaded. */
	assert(!err_is(e));
	return number;
}

const char *
conf_find_derived_text(
    const struct conf *conf, const char *service, const char *suffix)
{
	const struct conf_row *row;

	return find_derived(conf, service, suffix, &row);
}

bool
conf_level_below(const struct conf *conf, const char *level)
{
	int order = 0;

	return conf_level_compare(view_of(conf->compatibility_level),
		   view_of(level), &order) &&
	    order < 0;
}
