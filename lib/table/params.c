/* The parameters of tables that have a server: see params.h. */
#include "lib/table/params.h"

#include "lib/base/htable.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/conf/main_cf.h"
#include "lib/table/table.h"
#include "lib/table/words.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

struct params {
	struct str origin;
	struct main_cf cf;	/* of a file, or in place */
	struct str prefix;	/* "NAME_" of main.cf, or empty */
	struct stat seen;	/* of the file */
	bool is_file;
	/* Files of keys and certificates that it names: who has read them must
	 * read them anew when they are others. */
	struct watched {
		char *path;
		struct stat seen; /* ino 0: it was not there */
	} *watched;
	size_t n_watched;
};

/* For all threads. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct htable all; /* by "type:name" */
static table_conf_fn *find_conf;
static void *find_conf_arg;

void
table_set_conf(table_conf_fn *find, void *arg)
{
	find_conf = find;
	find_conf_arg = arg;
}

static struct err
read_file(struct params *p, struct view name)
{
	struct err e;

	str_set(&p->origin, name);
	p->is_file = true;
	/* Before it is read: a later change is then never missed. */
	if (stat(p->origin.ptr, &p->seen) < 0)
		return err_sys(ERR_TEMP, "open %s", p->origin.ptr);
	e = main_cf_read_file(&p->cf, p->origin.ptr);
	LIST_EACH (it, after, &p->cf.warnings)
		log_warn("%s", LIST_ITEM(it, struct main_cf_warning, node)->text);
	return e;
}

/* Each word is a pair, as of inline: tables. */
static struct err
read_braces(struct params *p, struct view name)
{
	struct view inside, word, pair;
	struct str lines = STR_EMPTY;
	struct err e = ERR_OK;

	str_set(&p->origin, VIEW("{...}"));
	if (!words_in_braces(name, &inside))
		return err_make(ERR_PERM, "syntax error after '}' in \"%.*s\"",
		    VIEW_ARGS(view_first(name, 60)));
	while (!err_is(e) && words_next(&inside, &word)) {
		if (word.ptr[0] != '{')
			pair = word;
		else if (!words_in_braces(word, &pair))
			e = err_make(ERR_PERM,
			    "syntax error after '}' in \"%.*s\"",
			    VIEW_ARGS(view_first(word, 60)));
		if (!err_is(e)) {
			str_add(&lines, view_trim(pair));
			str_add_byte(&lines, '\n');
		}
	}
	if (!err_is(e))
		e = main_cf_read_text(&p->cf, str_view(&lines), p->origin.ptr);
	str_clear(&lines);
	return e;
}

static void
watch(struct params *p, struct view path)
{
	struct watched *one;

	p->watched = xreallocarray(
	    p->watched, p->n_watched + 1, sizeof(*p->watched));
	one = &p->watched[p->n_watched++];
	*one = (struct watched){ .path = xstrndup(path.ptr, path.len) };
	if (stat(one->path, &one->seen) < 0)
		one->seen = (struct stat){ .st_ino = 0 };
}

static void
watch_files(struct params *p)
{
	static const char *const names[] = { "tls_CAfile", "tls_ca_cert_file",
		"tls_cert", "tls_cert_file", "tls_key", "tls_key_file" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct view path = view_of(params_text(p, names[i], ""));

		if (view_starts(path, VIEW("/")))
			watch(p, path);
	}
}

static void
params_free(struct params *p)
{
	main_cf_clear(&p->cf);
	str_clear(&p->origin);
	str_clear(&p->prefix);
	free(p);
}

static struct err
params_new(struct view spec, struct params **out)
{
	struct view name = view_skip(spec, view_find(spec, ':') + 1);
	struct params *p = xcalloc(1, sizeof(*p));
	struct err e = ERR_OK;

	str_init(&p->origin);
	str_init(&p->prefix);
	main_cf_init(&p->cf);
	if (name.len > 0 && (name.ptr[0] == '/' || name.ptr[0] == '.')) {
		e = read_file(p, name);
	} else if (name.len > 0 && name.ptr[0] == '{') {
		e = read_braces(p, name);
	} else if (find_conf == NULL) {
		e = err_make(ERR_TEMP,
		    "open %.*s: the parameters of main.cf are not known here",
		    VIEW_ARGS(view_first(spec, 100)));
	} else {
		str_printf(&p->prefix, "%.*s_", VIEW_ARGS(name));
		str_printf(&p->origin, "main.cf, %.*s_",
		    VIEW_ARGS(view_first(name, 100)));
	}
	if (err_is(e)) {
		params_free(p);
		p = NULL;
	} else {
		watch_files(p);
	}
	*out = p;
	return e;
}

struct err
params_load(struct view spec, const struct params **out)
{
	struct err e = ERR_OK;
	struct params *p;

	pthread_mutex_lock(&lock);
	p = htable_find(&all, spec);
	if (p == NULL) {
		e = params_new(spec, &p);
		if (p != NULL)
			htable_set(&all, spec, p);
	}
	pthread_mutex_unlock(&lock);
	*out = p;
	return e;
}

const char *
params_find(const struct params *p, const char *name)
{
	const struct main_cf_def *def;
	struct str full = STR_EMPTY;
	const char *value;

	if (p->prefix.len == 0) {
		def = main_cf_find(&p->cf, view_of(name));
		return def == NULL ? NULL : def->value;
	}
	str_printf(&full, "%s%s", p->prefix.ptr, name);
	value = find_conf(find_conf_arg, full.ptr);
	str_clear(&full);
	return value;
}

const char *
params_text(const struct params *p, const char *name, const char *otherwise)
{
	const char *value = params_find(p, name);

	return value == NULL ? otherwise : value;
}

static struct err
bad_value(const struct params *p, const char *name, const char *need)
{
	return err_make(ERR_PERM, "%.80s: parameter %s: need %s", p->origin.ptr,
	    name, need);
}

struct err
params_number(const struct params *p, const char *name, int64_t otherwise,
    int64_t low, int64_t high, int64_t *out)
{
	const char *text = params_find(p, name);

	*out = otherwise;
	if (text == NULL || *text == '\0')
		return ERR_OK;
	if (!view_to_int(view_of(text), out) || *out < low || *out > high)
		return bad_value(p, name, "a number within its range");
	return ERR_OK;
}

struct err
params_time(const struct params *p, const char *name, int64_t otherwise_ms,
    int64_t *out_ms)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = { { "", 1000 }, { "s", 1000 }, { "ms", 1 },
		{ "m", 60000 }, { "h", 3600000 }, { "d", 86400000 } };
	const char *text = params_find(p, name);
	struct view number = view_of(text == NULL ? "" : text);
	struct view unit;
	size_t digits = 0;

	*out_ms = otherwise_ms;
	if (number.len == 0)
		return ERR_OK;
	while (digits < number.len && ascii_is_digit(number.ptr[digits]))
		digits++;
	unit = view_skip(number, digits);
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (view_eq(unit, view_of(units[i].unit)) &&
		    view_to_int(view_first(number, digits), out_ms) &&
		    *out_ms <= 86400) {
			*out_ms *= units[i].ms;
			return ERR_OK;
		}
	return bad_value(p, name, "a time");
}

struct err
params_bool(
    const struct params *p, const char *name, bool otherwise, bool *out)
{
	const char *text = params_find(p, name);
	struct view v = view_of(text == NULL ? "" : text);

	*out = otherwise;
	if (v.len == 0)
		return ERR_OK;
	*out = view_eq_case(v, VIEW("yes"));
	if (!*out && !view_eq_case(v, VIEW("no")))
		return bad_value(p, name, "yes or no");
	return ERR_OK;
}

/* "/path" begins at 0, "hash:/path" after the colon. */
static size_t
path_at(struct view word)
{
	size_t colon = view_find(word, ':');

	return word.ptr[0] == '/' || colon == VIEW_NPOS ? 0 : colon + 1;
}

void
params_each_path(const struct params *p,
    void (*visit)(void *arg, struct view path), void *arg)
{
	static const char *const names[] = { "dbpath", "domain", "option_file",
		"tls_CAfile", "tls_CApath", "tls_ca_cert_dir",
		"tls_ca_cert_file", "tls_cert", "tls_cert_file", "tls_key",
		"tls_key_file" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct view rest = view_of(params_text(p, names[i], "")), word;

		while (view_token(&rest, WORDS_SEPARATORS, &word))
			visit(arg, view_skip(word, path_at(word)));
	}
}

void
params_warn_idle(
    const struct params *p, const struct params_idle *idle, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (params_find(p, idle[i].name) != NULL)
			log_warn("%s: parameter %s has no effect: %s",
			    p->origin.ptr, idle[i].name, idle[i].why);
}

const char *
params_origin(const struct params *p)
{
	return p->origin.ptr;
}

static void
check_one(struct view spec, void *value, void *arg)
{
	bool *changed = arg;

	(void)spec;
	*changed = *changed || params_changed(value);
}

bool
table_params_have_changed(void)
{
	bool changed = false;

	pthread_mutex_lock(&lock);
	htable_each(&all, check_one, &changed);
	pthread_mutex_unlock(&lock);
	return changed;
}

static bool
is_another(const struct stat *now, const struct stat *seen)
{
	return now->st_ino != seen->st_ino || now->st_dev != seen->st_dev ||
	    now->st_size != seen->st_size ||
	    now->st_mtim.tv_sec != seen->st_mtim.tv_sec ||
	    now->st_mtim.tv_nsec != seen->st_mtim.tv_nsec;
}

bool
params_changed(const struct params *p)
{
	struct stat now;

	if (p->is_file &&
	    (stat(p->origin.ptr, &now) < 0 || is_another(&now, &p->seen)))
		return true;
	/* A file that is gone, or that we may not look at any more, was read all
	 * the same; so it is with a key that only root may see. */
	for (size_t i = 0; i < p->n_watched; i++)
		if (stat(p->watched[i].path, &now) == 0 &&
		    is_another(&now, &p->watched[i].seen))
			return true;
	return false;
}
