/* The deep check: what was found, and where values come from. */
#include "ctl/check.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/conf/rows.h"
#include "lib/table/table.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* What a file holds is shown to a terminal.  NULL stays NULL. */
static char *
copy_clean(const char *text)
{
	char *copy = text == NULL ? NULL : xstrdup(text);

	for (char *c = copy; c != NULL && *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return copy;
}

/* The same of the same place is said once. */
static bool
was_told(struct check *c, const struct check_place *at, const struct str *text)
{
	struct str all = STR_EMPTY;
	bool yes;

	str_printf(&all, "%s:%d:%s:%s:%s", at->file != NULL ? at->file : "",
	    at->line, at->parameter != NULL ? at->parameter : "",
	    at->service != NULL ? at->service : "", text->ptr);
	yes = htable_set(&c->told, str_view(&all), c) != NULL;
	str_clear(&all);
	return yes;
}

static void
add_finding(struct check *c, enum check_severity severity,
    const struct check_place *at, const struct str *text)
{
	struct check_finding *f = xcalloc(1, sizeof(*f));

	f->severity = severity;
	f->file = at->file == NULL ? NULL : xstrdup(at->file);
	f->line = at->line;
	f->parameter = copy_clean(at->parameter);
	f->service = copy_clean(at->service);
	f->text = copy_clean(text->ptr);
	list_append(&c->findings, &f->node);
	if (severity == CHECK_ERROR)
		c->n_errors++;
	else
		c->n_warnings++;
}

void
check_tell(struct check *c, enum check_severity severity,
    const struct check_place *at, const char *format, ...)
{
	struct str text = STR_EMPTY;
	va_list ap;

	va_start(ap, format);
	str_vaddf(&text, format, ap);
	va_end(ap);
	if (!was_told(c, at, &text))
		add_finding(c, severity, at, &text);
	str_clear(&text);
}

/* --- what libraries warn of --- */

/* "regexp map FILE, line N: TEXT", "FILE, line N: TEXT". */
static void
tell_warning(void *arg, const char *text)
{
	struct check *c = arg;
	struct check_place at = *c->listening;
	struct view v = view_of(text), rest;
	size_t mark = view_find_text(v, VIEW(", line "));
	size_t name = view_find(v, '/'), colon;
	struct str file = STR_EMPTY;
	int64_t line;

	/* A table is met where it is named, and as a member of another. */
	if (htable_set(&c->told, v, c) != NULL)
		return;
	if (mark != VIEW_NPOS && name < mark &&
	    (name == 0 || text[name - 1] == ' ')) {
		rest = view_skip(v, mark + sizeof(", line ") - 1);
		colon = view_find(rest, ':');
		if (colon != VIEW_NPOS &&
		    view_to_int(view_first(rest, colon), &line)) {
			str_add(&file, view_sub(v, name, mark - name));
			at.file = file.ptr;
			at.line = (int)line;
			v = view_trim_left(view_skip(rest, colon + 1));
		}
	}
	check_tell(c, CHECK_WARNING, &at, "%.*s", VIEW_ARGS(v));
	str_clear(&file);
}

void
check_listen(struct check *c, const struct check_place *at)
{
	c->listening = at;
	log_set_taker(at != NULL ? tell_warning : NULL, c);
}

/* --- values --- */

struct check_place
check_place_of(const struct check *c, const char *parameter)
{
	const struct main_cf_def *def =
	    main_cf_find(&c->names.file, view_of(parameter));
	struct check_place at = { NULL, 0, parameter, NULL };

	if (def != NULL) {
		at.file = def->file;
		at.line = def->line;
	}
	return at;
}

bool
check_value_of(struct check *c, const char *parameter, struct str *value)
{
	struct view raw;

	str_reset(value);
	return names_find_raw(&c->names, view_of(parameter), &raw) &&
	    !err_is(names_expand(&c->names, raw, value));
}

static void
visit_one(struct check *c, check_visit_fn *visit, const char *name)
{
	const struct conf_row *row = conf_row_find(view_of(name));
	struct check_place at = check_place_of(c, name);
	struct str value = STR_EMPTY;

	if ((row == NULL || row->type != CONF_RAW) &&
	    check_value_of(c, name, &value))
		visit(c, &at, str_view(&value));
	str_clear(&value);
}

static void
visit_service(
    struct check *c, check_visit_fn *visit, const struct master_service *s)
{
	struct str value = STR_EMPTY, service = STR_EMPTY, name = STR_EMPTY;
	struct view n, v;
	size_t at = 1;

	str_printf(&service, "%s/%s", s->name, master_type_name(s->type));
	while (master_service_next_override(s, &at, &n, &v)) {
		struct check_place place = { s->file, s->line, NULL,
			service.ptr };

		str_set(&name, n);
		str_reset(&value);
		place.parameter = name.ptr;
		if (!err_is(names_expand(&c->names, v, &value)))
			visit(c, &place, str_view(&value));
	}
	str_clear(&value);
	str_clear(&service);
	str_clear(&name);
}

void
check_each_value(struct check *c, check_visit_fn *visit)
{
	for (size_t i = 0; i < conf_n_rows; i++)
		visit_one(c, visit, conf_row_name(&conf_rows[i]));
	LIST_EACH (it, after, &c->names.file.defs) {
		const struct main_cf_def *def =
		    LIST_ITEM(it, struct main_cf_def, node);

		if (conf_row_find(view_of(def->name)) == NULL &&
		    used_has(&c->used, view_of(def->name)))
			visit_one(c, visit, def->name);
	}
	LIST_EACH (it, after, &c->master.services)
		visit_service(
		    c, visit, LIST_ITEM(it, struct master_service, node));
}

/* --- all of it --- */

static const char *
find_parameter(void *arg, const char *name)
{
	return conf_find(arg, name);
}

static void
tell_warnings(struct check *c, const struct list *warnings)
{
	LIST_EACH (it, after, warnings) {
		const struct main_cf_warning *w =
		    LIST_ITEM(it, struct main_cf_warning, node);
		struct check_place at = { w->file, w->line, NULL, NULL };

		check_tell(c, CHECK_WARNING, &at, "%s", w->text);
	}
}

/* "parameter NAME: TEXT": the name, cut off. */
static void
cut_parameter(struct view *text, struct str *name)
{
	size_t colon = view_find(*text, ':');

	if (!view_starts(*text, VIEW("parameter ")) || colon == VIEW_NPOS)
		return;
	str_add(name, view_sub(*text, sizeof("parameter ") - 1,
		colon - (sizeof("parameter ") - 1)));
	*text = view_trim_left(view_skip(*text, colon + 1));
}

/* "FILE, line N: TEXT", as errors of files are told, in its parts. */
static void
tell_file_error(struct check *c, const char *path, struct err e)
{
	struct str parameter = STR_EMPTY;
	struct view text = view_of(e.text);
	size_t mark = view_find_text(text, VIEW(", line "));
	struct check_place at = { path, 0, NULL, NULL };
	struct str file = STR_EMPTY;

	if (mark != VIEW_NPOS) {
		struct view rest =
		    view_skip(text, mark + sizeof(", line ") - 1);
		size_t colon = view_find(rest, ':');
		int64_t line;

		if (colon != VIEW_NPOS &&
		    view_to_int(view_first(rest, colon), &line)) {
			str_add(&file, view_first(text, mark));
			at.file = file.ptr;
			at.line = (int)line;
			text = view_trim_left(view_skip(rest, colon + 1));
		}
	}
	cut_parameter(&text, &parameter);
	if (parameter.len > 0)
		at.parameter = parameter.ptr;
	check_tell(c, CHECK_ERROR, &at, "%.*s", VIEW_ARGS(text));
	str_clear(&file);
	str_clear(&parameter);
}

static bool
read_files(struct check *c)
{
	struct str path = STR_EMPTY;
	struct err e = main_cf_read_dir(&c->names.file, c->dir);
	bool ok = !err_is(e);

	str_printf(&path, "%s/main.cf", c->dir);
	tell_warnings(c, &c->names.file.warnings);
	if (!ok)
		tell_file_error(c, path.ptr, e);
	str_printf(&path, "%s/master.cf", c->dir);
	e = master_cf_read_file(&c->master, path.ptr, false);
	c->has_master = !err_is(e);
	tell_warnings(c, &c->master.warnings);
	if (!c->has_master)
		tell_file_error(c, path.ptr, e);
	str_clear(&path);
	return ok;
}

static void
use_services(struct check *c)
{
	LIST_EACH (it, after, &c->master.services) {
		const struct master_service *s =
		    LIST_ITEM(it, struct master_service, node);
		struct view name, value;
		size_t at = 1;

		while (master_service_next_override(s, &at, &name, &value))
			used_add_text(&c->used, &c->names, value);
	}
}

bool
check_read(struct check *c, const char *dir)
{
	struct conf_source source = { .dir = dir, .process_name = "barid" };
	bool ok;

	*c = (struct check){ .dir = dir };
	list_init(&c->findings);
	htable_init(&c->told);
	names_init(&c->names, &source);
	master_cf_init(&c->master);
	ok = read_files(c);
	used_init(&c->used, &c->names);
	use_services(c);
	return ok;
}

/* Values that cannot be are told already; what is left is a file that one
 * names. */
static void
load(struct check *c, const struct conf_source *source)
{
	struct str path = STR_EMPTY;
	struct err e = conf_load(source, &c->conf);

	str_printf(&path, "%s/main.cf", c->dir);
	if (err_is(e))
		c->conf = NULL;
	if (err_is(e) && c->n_errors == 0)
		tell_file_error(c, path.ptr, e);
	str_clear(&path);
}

void
check_run(struct check *c, const char *dir)
{
	struct conf_source source = { .dir = dir, .process_name = "barid" };

	if (!check_read(c, dir))
		return;
	check_parameters(c);
	load(c, &source);
	if (c->conf != NULL)
		table_set_conf(find_parameter, c->conf);
	check_services(c);
	check_restrictions(c);
	check_tables(c);
	check_lists(c);
	check_contents(c);
	check_domains(c);
	check_loops(c);
	check_files(c);
	check_certificates(c);
	check_sockets(c);
}

void
check_clear(struct check *c)
{
	LIST_EACH (it, after, &c->findings) {
		struct check_finding *f =
		    LIST_ITEM(it, struct check_finding, node);

		free(f->file);
		free(f->parameter);
		free(f->service);
		free(f->text);
		free(f);
	}
	table_set_conf(NULL, NULL);
	htable_clear(&c->told, NULL);
	used_clear(&c->used);
	names_clear(&c->names);
	master_cf_clear(&c->master);
	conf_free(c->conf);
}

/* --- telling --- */

static const char *
severity_name(const struct check_finding *f)
{
	return f->severity == CHECK_ERROR ? "error" : "warning";
}

void
check_print(const struct check *c)
{
	LIST_EACH (it, after, &c->findings) {
		const struct check_finding *f =
		    LIST_ITEM(it, struct check_finding, node);

		if (f->file != NULL && f->line > 0)
			printf("%s, line %d: ", f->file, f->line);
		else
			printf("%s: ", f->file != NULL ? f->file : "default");
		printf("%s: ", severity_name(f));
		if (f->service != NULL)
			printf("service %s: ", f->service);
		if (f->parameter != NULL)
			printf("parameter %s: ", f->parameter);
		printf("%s\n", f->text);
	}
}

static void
add_text(json_t *object, const char *name, const char *text)
{
	if (text != NULL)
		json_object_set_new(object, name, json_string(text));
}

void
check_print_json(const struct check *c)
{
	json_t *all = json_object(), *findings = json_array();
	char *text;

	LIST_EACH (it, after, &c->findings) {
		const struct check_finding *f =
		    LIST_ITEM(it, struct check_finding, node);
		json_t *one = json_object();

		add_text(one, "severity", severity_name(f));
		add_text(one, "file", f->file);
		if (f->line > 0)
			json_object_set_new(one, "line", json_integer(f->line));
		add_text(one, "service", f->service);
		add_text(one, "parameter", f->parameter);
		add_text(one, "text", f->text);
		json_array_append_new(findings, one);
	}
	add_text(all, "directory", c->dir);
	json_object_set_new(
	    all, "errors", json_integer((json_int_t)c->n_errors));
	json_object_set_new(
	    all, "warnings", json_integer((json_int_t)c->n_warnings));
	json_object_set_new(all, "findings", findings);
	text = json_dumps(all, JSON_INDENT(2));
	puts(text);
	free(text);
	json_decref(all);
}
