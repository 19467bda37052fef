/* Tables that do not open or are out of date, and domains in two classes. */
#include "ctl/check.h"

#include "lib/base/mem.h"
#include "lib/conf/each.h"
#include "lib/table/cache.h"
#include "lib/table/create.h"
#include "lib/table/share.h"
#include "lib/table/table.h"

#include <stdlib.h>
#include <sys/stat.h>

enum { KEYS_MAX = 1000000, TOLD_MAX = 20 };

static bool
is_type(struct view name)
{
	const char *type;

	for (size_t i = 0; (type = table_type_name(i)) != NULL; i++)
		if (view_eq(name, view_of(type)))
			return true;
	return view_eq(name, VIEW("proxy"));
}

/* A type of Postfix's that is a module, or not here. */
static bool
is_other_type(struct view name)
{
	static const char *const types[] = { "cdb", "dbm", "internal", "ldap",
		"lmdb", "memcache", "mongodb", "mysql", "netinfo", "nis",
		"nisplus", "pgsql", "redis", "sdbm", "socketmap", "sqlite",
		"tcp" };

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (view_eq(name, view_of(types[i])))
			return true;
	return false;
}

bool
check_is_table(struct view word)
{
	size_t colon = view_find(word, ':');

	if (colon == VIEW_NPOS || colon + 1 == word.len)
		return false;
	/* unix:private/x is a socket; the system's users are tables. */
	if (view_starts(word, VIEW("unix:")))
		return view_ends(word, VIEW(".byname"));
	return is_type(view_first(word, colon)) ||
	    is_other_type(view_first(word, colon));
}

struct view
check_table_spec(struct view word)
{
	while (word.len > 0 && word.ptr[0] == '!')
		word = view_skip(word, 1);
	while (view_starts(word, VIEW("proxy:")))
		word = view_skip(word, sizeof("proxy:") - 1);
	return word;
}

/* A table that is a device or a pipe is read for ever. */
static void
look_for_special(void *arg, struct view word)
{
	struct view spec = check_table_spec(word);
	struct str path = STR_EMPTY;
	struct stat st;

	if (check_is_table(spec)) {
		if (!table_make_path(spec, &path))
			str_set(&path,
			    view_skip(spec, view_find(spec, ':') + 1));
		*(bool *)arg |= path.ptr[0] == '/' &&
		    stat(path.ptr, &st) == 0 && !S_ISREG(st.st_mode) &&
		    !S_ISDIR(st.st_mode) && !S_ISSOCK(st.st_mode);
	}
	str_clear(&path);
}

bool
check_is_special(struct view word)
{
	bool yes = false;

	conf_each_word(word, look_for_special, &yes);
	return yes;
}

/* --- what is in it --- */

/* A file of postmap's has the NUL in its keys and values. */
static void
cut_nul(struct str *text)
{
	while (text->len > 0 && text->ptr[text->len - 1] == '\0')
		str_cut(text, text->len - 1);
}

void
check_each_pair(struct view spec, check_pair_fn *visit, void *arg)
{
	struct str key = STR_EMPTY, value = STR_EMPTY;
	struct table *table = NULL;
	bool more = true, first = true;
	size_t n = 0;

	if (table_wants_server(spec) || check_is_special(spec) ||
	    err_is(table_open(spec, 0, &table)))
		return;
	while (more && n++ < KEYS_MAX &&
	    !err_is(table_next(table, first, &key, &value, &more)) && more) {
		cut_nul(&key);
		cut_nul(&value);
		more = visit(arg, str_view(&key), str_view(&value));
		first = false;
	}
	table_close(table);
	str_clear(&key);
	str_clear(&value);
}

/* --- does it open? --- */

struct opening {
	struct check *c;
	const struct check_place *at;
	struct htable *seen;
};

/* The indexed file against the text that it was made of. */
static void
check_age(struct opening *o, struct view spec)
{
	struct str path = STR_EMPTY;
	struct stat made, source;

	if (table_make_path(spec, &path) && stat(path.ptr, &made) == 0) {
		size_t dot = view_find_last(str_view(&path), '.');
		char *file =
		    xstrndup(path.ptr, dot == VIEW_NPOS ? path.len : dot);

		if (stat(file, &source) == 0 && source.st_mtime > made.st_mtime)
			check_tell(o->c, CHECK_WARNING, o->at,
			    "%s is older than %s: run %s", path.ptr, file,
			    view_starts(
				view_of(o->at->parameter), VIEW("alias"))
				? "newaliases"
				: "postmap");
		free(file);
	}
	str_clear(&path);
}

/* A cache that Barid will make itself. */
static bool
is_to_come(struct check *c, struct view spec)
{
	struct str path = STR_EMPTY, folder = STR_EMPTY;
	struct stat st;
	bool yes = false;

	if (check_value_of(c, "data_directory", &folder) &&
	    table_make_path(spec, &path)) {
		str_add_byte(&folder, '/');
		yes = view_starts(str_view(&path), str_view(&folder)) &&
		    stat(path.ptr, &st) != 0;
	}
	str_clear(&path);
	str_clear(&folder);
	return yes;
}

/* "hash:virtual" is a file of the queue directory, where daemons run: told, since
 * nobody means that. */
static bool
is_relative(struct opening *o, struct view spec)
{
	struct view name = view_skip(spec, view_find(spec, ':') + 1);
	struct str path = STR_EMPTY;
	bool yes = name.ptr[0] != '/' && name.ptr[0] != '{' &&
	    (table_make_path(spec, &path) ||
		view_starts(spec, VIEW("texthash:")) ||
		view_starts(spec, VIEW("regexp:")) ||
		view_starts(spec, VIEW("pcre:")) ||
		view_starts(spec, VIEW("cidr:")));

	if (yes)
		check_tell(o->c, CHECK_ERROR, o->at,
		    "table %.*s: the path does not begin with /: it would be "
		    "looked for in queue_directory",
		    VIEW_ARGS(spec));
	str_clear(&path);
	return yes;
}

static void
open_table(void *arg, struct view word)
{
	struct opening *o = arg;
	struct table *table = NULL;
	struct err e;

	word = check_table_spec(word);
	if (!check_is_table(word) || htable_find(o->seen, word) != NULL)
		return;
	htable_set(o->seen, word, o);
	if (is_to_come(o->c, word) || is_relative(o, word))
		return;
	if (check_is_special(word)) {
		check_tell(o->c, CHECK_ERROR, o->at, "table %.*s: is no file",
		    VIEW_ARGS(word));
		return;
	}
	check_listen(o->c, o->at);
	e = table_open(word, 0, &table);
	check_listen(o->c, NULL);
	/* Of a table in a table it was said already. */
	if (err_is(e) && htable_set(&o->c->told, view_of(e.text), o) != NULL)
		return;
	if (err_is(e))
		check_tell(o->c,
		    o->at->file == NULL ? CHECK_WARNING : CHECK_ERROR, o->at,
		    "table %.*s: %s", VIEW_ARGS(word), e.text);
	else
		check_age(o, word);
	table_close(table);
}

/* The check_each_value has no argument of its own. */
static struct htable seen;
static bool only_set;

/* What lists tables and asks none of them: who does says what is wrong.  That
 * of newaliases is made by it. */
bool
check_only_names(const char *parameter)
{
	static const char *const names[] = { "alias_database",
		"proxy_read_maps", "proxy_write_maps" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(parameter, names[i]) == 0)
			return true;
	return false;
}

static void
visit_tables(struct check *c, const struct check_place *at, struct view value)
{
	struct opening o = { c, at, &seen };

	if (check_only_names(at->parameter))
		return;
	if (only_set == (at->file != NULL))
		conf_each_word(value, open_table, &o);
}

/* Tables that are written to, and what cannot be. */
static void
visit_caches(struct check *c, const struct check_place *at, struct view value)
{
	static const char *const names[] = { "address_verify_map",
		"greylist_map", "postscreen_cache_map", "volume_limit_map" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (view_eq(view_of(at->parameter), view_of(names[i])) &&
		    !cache_can_be(view_trim(value)) &&
		    !share_is(view_trim(value)))
			check_tell(c, CHECK_WARNING, at,
			    "%s: %.*s cannot be written to: it is kept in "
			    "memory only",
			    names[i], VIEW_ARGS(value));
}

void
check_tables(struct check *c)
{
	htable_init(&seen);
	/* A table is told where somebody wrote it, if somebody did. */
	only_set = true;
	check_each_value(c, visit_tables);
	only_set = false;
	check_each_value(c, visit_tables);
	check_each_value(c, visit_caches);
	htable_clear(&seen, NULL);
}

/* --- domains in two classes --- */

static const char *const classes[] = { "mydestination", "virtual_alias_domains",
	"virtual_mailbox_domains", "relay_domains" };

struct domains {
	struct check *c;
	struct htable class_of; /* index into classes, plus 1 */
	size_t class, n_told;
};

static void
add_domain(struct domains *d, struct view domain)
{
	struct str name = STR_EMPTY;
	size_t known;
	struct check_place at;

	str_add(&name, domain);
	str_lower(&name);
	known = (size_t)(uintptr_t)htable_find(&d->class_of, str_view(&name));
	if (known == 0) {
		htable_set(&d->class_of, str_view(&name),
		    (void *)(uintptr_t)(d->class + 1));
	} else if (known - 1 != d->class && d->n_told++ < TOLD_MAX) {
		at = check_place_of(d->c, classes[d->class]);
		check_tell(d->c, CHECK_WARNING, &at,
		    "do not list domain %s in BOTH %s and %s", name.ptr,
		    classes[known - 1], classes[d->class]);
	}
	str_clear(&name);
}

/* Its keys that are domains, as far as a table can list them. */
static bool
add_key(void *arg, struct view key, struct view value)
{
	(void)value;
	if (key.len > 0 && view_find(key, '@') == VIEW_NPOS &&
	    view_find(key, '.') != VIEW_NPOS)
		add_domain(arg, key);
	return true;
}

static void
add_class(struct domains *d)
{
	struct check_place at = check_place_of(d->c, classes[d->class]);
	struct str value = STR_EMPTY;
	struct view rest, word;

	if (!check_value_of(d->c, classes[d->class], &value))
		return;
	rest = str_view(&value);
	while (conf_list_next(&rest, &word)) {
		if (word.ptr[0] == '!' || word.ptr[0] == '/' ||
		    word.ptr[0] == '.')
			continue;
		if (check_is_table(word)) {
			check_listen(d->c, &at);
			check_each_pair(check_table_spec(word), add_key, d);
			check_listen(d->c, NULL);
		} else if (view_find(word, ':') == VIEW_NPOS)
			add_domain(d, word);
	}
	str_clear(&value);
}

void
check_domains(struct check *c)
{
	struct domains d = { .c = c };

	htable_init(&d.class_of);
	for (d.class = 0; d.class < ARRAY_LEN(classes); d.class ++)
		/* At old levels relay_domains is $mydestination. */
		if (strcmp(classes[d.class], "relay_domains") != 0 ||
		    names_is_set(&c->names, VIEW("relay_domains")))
			add_class(&d);
	htable_clear(&d.class_of, NULL);
}
