/*
 * What a directory answers: a stand-in for the client of directories hands out
 * entries of foreign bytes, and a few lines that know nothing of how ldap:
 * tables work say what must come of them.
 *
 * The first byte chooses the table's parameters, the rest of the first line is the
 * key.  Then, a line each: ".NAME" begins an entry, "ATTRIBUTE VALUE" is in it,
 * and "=X" ends what one search is answered (how: see ends).
 */
#include "lib/base/log.h"
#include "lib/table/dbhosts.h"
#include "lib/table/module.h"
#include "lib/table/query.h"
#include "lib/table/table.h"

#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	WITH_FORMAT = 1 << 0,
	WITH_TERMINAL = 1 << 1,
	WITH_LEAF = 1 << 2,
	WITH_SPECIAL = 1 << 3,
	WITH_LIMIT = 1 << 4,
	WITH_SHALLOW = 1 << 5,
	WITH_SIZE = 1 << 6,
	WITH_BASE = 1 << 7, /* of the key */
	LIMIT = 3,
	SHALLOW = 2,
	DEEP = 1000, /* the usual recursion_limit */
	SIZE = 7,
	HOSTS = 2,
};

static const char format[] = "<%s>%U";

/* Of the input that is being tried. */
static unsigned with;
static struct view key;
static struct view answers; /* those that no search has had yet */
static size_t n_searches;

/* --- what searches are answered --- */

static const struct {
	char letter;
	enum module_end end;
} ends[] = { { 'l', MODULE_LOST }, { 'r', MODULE_REFUSED } };

/* The lines up to "=X", and how that search ends; 'n': there is no base. */
static enum module_end
next_answer(struct view *all, bool may_lack_base, struct view *lines)
{
	const char *begin = all->ptr;
	struct view line;
	size_t len = 0;

	while (view_field(all, '\n', &line)) {
		if (line.len == 0 || line.ptr[0] != '=') {
			len += line.len + 1;
			continue;
		}
		*lines = view_make(begin, len > 0 ? len - 1 : 0);
		for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
			if (line.len > 1 && line.ptr[1] == ends[i].letter)
				return ends[i].end;
		return line.len > 1 && line.ptr[1] == 'n' && !may_lack_base
		    ? MODULE_REFUSED
		    : MODULE_DONE;
	}
	/* Nothing is found by those that the input has no answer for. */
	*lines = len > 0 ? view_make(begin, len - 1) : VIEW_EMPTY;
	return MODULE_DONE;
}

/* An entry's name has no attribute.  False for what is neither. */
static bool
split_line(struct view line, struct view *attribute, struct view *value)
{
	size_t blank = view_find(line, ' ');

	if (line.len > 0 && line.ptr[0] == '.') {
		*attribute = VIEW_EMPTY;
		*value = view_skip(line, 1);
		return true;
	}
	if (blank == VIEW_NPOS || blank == 0)
		return false;
	*attribute = view_first(line, blank);
	*value = view_skip(line, blank + 1);
	return true;
}

/* Between the two texts none of these bytes, but as hex digits. */
static void
check_quoted(
    const char *text, const char *before, const char *after, const char *never)
{
	struct view v = view_of(text);

	assert(view_starts(v, view_of(before)));
	assert(view_ends(v, view_of(after)));
	v = view_skip(v, strlen(before));
	v = view_first(v, v.len - strlen(after));
	for (size_t i = 0; i < v.len; i++) {
		if (v.ptr[i] == '\\') {
			assert(i + 2 < v.len);
			assert(strchr("0123456789ABCDEF", v.ptr[++i]) != NULL);
			assert(strchr("0123456789ABCDEF", v.ptr[++i]) != NULL);
			continue;
		}
		assert((unsigned char)v.ptr[i] >= ' ');
		assert(strchr(never, v.ptr[i]) == NULL);
	}
}

/* The key must stay one value, wherever it is put. */
static void
check_first(const struct module_search *s)
{
	check_quoted(s->filter, "(mail=", ")", "*()");
	if ((with & WITH_BASE) != 0)
		check_quoted(s->base, "uid=", ",dc=test", "\"+,;<>=");
	else
		assert(strcmp(s->base, "dc=test") == 0);
	assert(s->may_lack_base == ((with & WITH_BASE) != 0));
	assert(strcmp(s->scope, "sub") == 0);
}

static enum module_end
search(void *connection, const struct module_search *s, int timeout_ms,
    module_entry_fn *entry, void *arg, char *why)
{
	struct view lines, line, attribute, value;
	enum module_end end = next_answer(&answers, s->may_lack_base, &lines);
	bool begun = false, more = true;

	(void)connection;
	assert(timeout_ms > 0);
	/* Without one of its own it is that of the results. */
	if ((with & WITH_SIZE) != 0)
		assert(s->size_limit == SIZE);
	else
		assert(s->size_limit == ((with & WITH_LIMIT) != 0 ? LIMIT : 0));
	assert(s->attributes[0] != NULL);
	if (n_searches++ == 0)
		check_first(s);
	why[0] = '\0';
	if (end != MODULE_DONE)
		return end;
	while (more && view_field(&lines, '\n', &line)) {
		if (!split_line(line, &attribute, &value))
			continue;
		if (attribute.len > 0 && !begun)
			more = entry(arg, VIEW_EMPTY, VIEW("first"));
		begun = true;
		more = more && entry(arg, attribute, value);
	}
	return more ? MODULE_DONE : MODULE_STOPPED;
}

static void *
connect_directory(const struct module_server *server, char *why)
{
	static char connection;

	assert(server->timeout_ms > 0);
	assert(server->port == 389);
	why[0] = '\0';
	return &connection;
}

static void
close_directory(void *connection)
{
	(void)connection;
}

/* In place of lib/table/module.c: nothing is loaded. */
struct err
module_load(const char *name, const struct table_module **out)
{
	static const struct table_module module = { .version = MODULE_VERSION,
		.name = "ldap",
		.connect = connect_directory,
		.close = close_directory,
		.search = search };

	*out = &module;
	return strcmp(name, "ldap") == 0 ? ERR_OK
					 : err_make(ERR_PERM, "load %s", name);
}

bool
module_is_there(const char *name)
{
	return strcmp(name, "ldap") == 0;
}

/* --- what must come of it --- */

enum kind { RESULT, TERMINAL, LEAF, SPECIAL };

/* The first row that has the attribute counts, if the table has it. */
static const struct {
	const char *name;
	enum kind kind;
	unsigned only; /* with */
} attributes[] = {
	{ "term", TERMINAL, WITH_TERMINAL },
	{ "leaf", LEAF, WITH_LEAF },
	{ "both", LEAF, WITH_LEAF },
	{ "mail", RESULT, 0 },
	{ "both", RESULT, 0 },
	{ "member", SPECIAL, WITH_SPECIAL },
	{ "ref", SPECIAL, WITH_SPECIAL },
};

struct expected {
	struct view answers;
	struct query_result result;
	size_t n_searches;
	bool lost;
	/* A URL that this does not read as the table does. */
	bool unsure;
};

static bool expect_search(struct expected *x, int depth, bool may_lack_base);

static bool
find_attribute(struct view name, enum kind *kind)
{
	name = view_first(name, view_find(name, ';'));
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
		if ((attributes[i].only & ~with) == 0 &&
		    view_eq_case(name, view_of(attributes[i].name))) {
			*kind = attributes[i].kind;
			return true;
		}
	return false;
}

/* Is anything looked up for "ldap://HOST/BASE?ATTRIBUTES?..."? */
static bool
url_leads(struct expected *x, struct view url)
{
	struct view rest = view_skip(url, view_find(url, '/') + 2);
	struct view base = VIEW_EMPTY, list = VIEW_EMPTY, name;
	size_t slash = view_find(rest, '/');
	enum kind kind;

	/* One byte may be three here. */
	x->unsure |= view_find(url, '%') != VIEW_NPOS;
	if (slash == VIEW_NPOS || view_find(url, '\0') != VIEW_NPOS)
		return false;
	rest = view_skip(rest, slash + 1);
	if (!view_field(&rest, '?', &base) || base.len == 0)
		return false;
	if (!view_field(&rest, '?', &list) || list.len == 0 ||
	    view_eq(list, VIEW("*")))
		return true;
	while (view_field(&list, ',', &name))
		if (find_attribute(name, &kind))
			return true;
	return false;
}

static bool
expect_special(struct expected *x, int depth, struct view name)
{
	int deepest = (with & WITH_SHALLOW) != 0 ? SHALLOW : DEEP;
	bool is_url = view_starts_case(name, VIEW("ldap://")) ||
	    view_starts_case(name, VIEW("ldaps://")) ||
	    view_starts_case(name, VIEW("ldapi://"));

	if (depth == deepest)
		return false;
	if (is_url && !url_leads(x, name))
		return true;
	return expect_search(x, depth + 1, true);
}

/* The lines of one entry. */
static bool
expect_entry(struct expected *x, int depth, struct view entry)
{
	struct view rest = entry, line, name, value;
	unsigned has = 0;
	bool good = true;
	enum kind kind;

	while (view_field(&rest, '\n', &line))
		if (split_line(line, &name, &value) &&
		    find_attribute(name, &kind))
			has |= 1U << kind;
	rest = entry;
	while (good && view_field(&rest, '\n', &line)) {
		if (!split_line(line, &name, &value) ||
		    !find_attribute(name, &kind))
			continue;
		if ((has & 1U << TERMINAL) != 0 && kind != TERMINAL)
			continue;
		if ((has & 1U << SPECIAL) != 0 && kind == LEAF)
			continue;
		good = kind == SPECIAL ? expect_special(x, depth, value)
				       : query_result_add(&x->result, value);
	}
	return good;
}

static bool
expect_search(struct expected *x, int depth, bool may_lack_base)
{
	struct view lines, line, entry;
	enum module_end end = next_answer(&x->answers, may_lack_base, &lines);
	bool good = true;

	x->n_searches++;
	x->lost = end == MODULE_LOST;
	if (end != MODULE_DONE)
		return false;
	entry = view_first(lines, 0);
	while (good && view_field(&lines, '\n', &line)) {
		if (line.len > 0 && line.ptr[0] == '.' && entry.len > 0) {
			good = expect_entry(x, depth, entry);
			entry = view_make(line.ptr, 0);
		}
		entry.len = (size_t)(line.ptr + line.len - entry.ptr);
	}
	return good && (entry.len == 0 || expect_entry(x, depth, entry));
}

/* Each server that is lost is followed by another, which is asked all of it. */
static bool
expect(struct expected *x, size_t n_tries)
{
	for (size_t i = 0; i < n_tries; i++) {
		str_reset(x->result.value);
		x->result.n = 0;
		if (expect_search(x, 0, (with & WITH_BASE) != 0))
			return true;
		if (!x->lost || x->unsure)
			break;
	}
	return false;
}

/* --- the two of them --- */

static bool
is_asked(void)
{
	return key.len > 0 && memchr(key.ptr, '\0', key.len) == NULL &&
	    view_is_utf8(key) &&
	    ((with & WITH_BASE) == 0 || view_find_last(key, '@') != 0);
}

/* *connected: to a server, from an earlier question.  False if that cannot be
 * told any more. */
static bool
ask(struct table *t, bool *connected)
{
	struct str value = STR_EMPTY, good_value = STR_EMPTY;
	const struct query_common common = {
		.result_format = (with & WITH_FORMAT) != 0 ? format : "%s",
		.expansion_limit = (with & WITH_LIMIT) != 0 ? LIMIT : 0
	};
	struct expected x = { .answers = answers,
		.result = query_result_for(&common, key, "x", &good_value) };
	bool good = true, found;
	struct err e;

	n_searches = 0;
	if (is_asked())
		good = expect(&x, *connected ? HOSTS + 1 : HOSTS);
	e = table_find(t, key, &value, &found);
	assert(!err_is(e) || (e.kind == ERR_TEMP && !found));
	assert(value.len <= QUERY_VALUE_MAX);
	assert(found == (value.len > 0));
	if (!x.unsure) {
		assert(n_searches == x.n_searches);
		assert(good == !err_is(e));
		assert(
		    !good || view_eq(str_view(&value), str_view(&good_value)));
	}
	*connected = is_asked() ? !x.lost : *connected;
	/* A server that was lost is passed over for a while: not here. */
	dbhosts_forget();
	str_clear(&value);
	str_clear(&good_value);
	return !x.unsure;
}

static void
write_spec(struct str *spec)
{
	static const char *const parts[] = { "result_format=<%s>%U",
		"terminal_result_attribute=term",
		"{leaf_result_attribute=leaf, both}",
		"{special_result_attribute=member, ref}", "expansion_limit=3",
		"recursion_limit=2", "size_limit=7", NULL };

	str_printf(spec,
	    "ldap:{ {server_host=one, two}, {result_attribute=mail, both}, "
	    "query_filter=(mail=%%s), {search_base=%sdc=test}",
	    (with & WITH_BASE) != 0 ? "uid=%u," : "");
	for (size_t i = 0; parts[i] != NULL; i++)
		if ((with & 1U << i) != 0) {
			str_add_text(spec, ", ");
			str_add_text(spec, parts[i]);
		}
	str_add_text(spec, " }");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str spec = STR_EMPTY, folded = STR_EMPTY;
	struct table *t;
	bool connected = false;
	static bool hushed;

	/* Servers that are lost are warned of, and empty results. */
	if (!hushed)
		log_take_socket(open("/dev/null", O_WRONLY | O_CLOEXEC));
	hushed = true;
	if (size == 0)
		return 0;
	with = data[0];
	answers = view_make(data + 1, size - 1);
	if (!view_field(&answers, '\n', &key) || answers.ptr == NULL)
		return 0;
	str_set(&folded, key);
	str_lower(&folded);
	key = str_view(&folded);
	write_spec(&spec);
	assert(!err_is(table_open(str_view(&spec), 0, &t)));
	/* Once more, with the connection that is there and the next answers. */
	if (ask(t, &connected))
		(void)ask(t, &connected);
	table_close(t);
	str_clear(&spec);
	str_clear(&folded);
	return 0;
}
