/* Templates, results, hosts and parameters of tables with servers. */
#include "lib/table/query.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "lib/table/dblink.h"
#include "lib/table/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* As a driver might do it, so that one sees what was quoted. */
static bool
in_brackets(void *arg, struct view text, struct str *out)
{
	const char *refuse = arg;

	str_addf(out, "[%.*s]", VIEW_ARGS(text));
	return refuse == NULL || view_find_any(text, refuse) == VIEW_NPOS;
}

static const struct {
	const char *text, *key, *out; /* out NULL: nothing is asked */
} expansions[] = {
	{ "a", "k", "a" },
	{ "%s", "User@Example.Test", "[User@Example.Test]" },
	{ "%%s%%", "k", "%s%" },
	{ "%u/%d", "u@d", "[u]/[d]" },
	{ "%U/%D/%S", "u@d", "[u]/[d]/[u@d]" },
	{ "%u", "k", "[k]" },
	{ "%u", "@d", NULL },
	{ "%d", "k", NULL },
	{ "%d", "k@", NULL },
	{ "%d", "a@b@c", "[c]" },
	{ "%u", "a@b@c", "[a@b]" },
	{ "%1%2%3", "u@a.b.c", "[c][b][a]" },
	{ "%4", "u@a.b.c", NULL },
	{ "%1", "a.b.c", NULL },
	{ "%2", "u@a..c", "[a]" },
	{ "%1", "u@a.c.", "[c]" },
	{ "%3", "u@a..c", NULL },
	{ "%1", "u@.", NULL },
	{ "x%s%d", "k", NULL },
	{ "%s", "no!", NULL },
};

START_TEST(query_expand_fills_in_the_key)
{
	struct str out = STR_EMPTY;
	bool whole;

	str_set(&out, VIEW("="));
	query_expand(view_of(expansions[_i].text), view_of(expansions[_i].key),
	    in_brackets, "!", &out, &whole);
	ck_assert_int_eq(whole, expansions[_i].out != NULL);
	ck_assert_str_eq(out.ptr + 1, whole ? expansions[_i].out : "");
	str_clear(&out);
}
END_TEST

static const struct {
	const char *format, *key;
	int64_t limit;
	const char *values[4], *out; /* out NULL: too much */
} results[] = {
	{ "%s", "k", 0, { "a" }, "a" },
	{ "%s", "k", 0, { "a", "b" }, "a,b" },
	{ "%s", "k", 0, { "a", "", "b" }, "a,b" },
	{ "<%u at %d>", "k", 0, { "a@b", "c", "@d", "e@f" },
	    "<a at b>,<e at f>" },
	{ "%s for %U of %1", "u@x.y", 0, { "a" }, "a for u of y" },
	{ "%D", "k", 0, { "a@b" }, "" },
	{ "%s", "k", 2, { "a", "b" }, "a,b" },
	{ "%s", "k", 2, { "a", "b", "c" }, NULL },
	{ "%d", "k", 1, { "a", "b", "c@d" }, "d" },
};

START_TEST(query_result_add_joins_what_came)
{
	struct str value = STR_EMPTY;
	struct query_common c = { .result_format = results[_i].format,
		.expansion_limit = results[_i].limit };
	struct query_result r = query_result_for(
	    &c, view_of(results[_i].key), "test:", &value);

	for (size_t i = 0; i < 4 && results[_i].values[i] != NULL; i++)
		if (!query_result_add(&r, view_of(results[_i].values[i])))
			break;
	ck_assert_int_eq(
	    r.e.kind, results[_i].out == NULL ? ERR_TEMP : ERR_NONE);
	if (results[_i].out != NULL)
		ck_assert_str_eq(value.ptr, results[_i].out);
	str_clear(&value);
}
END_TEST

START_TEST(query_result_add_is_bounded)
{
	struct str value = STR_EMPTY, big = STR_EMPTY;
	struct query_common c = { .result_format = "%s%s%s%s%s%s%s%s%s%s" };
	struct query_result r =
	    query_result_for(&c, VIEW("k"), "test:", &value);
	bool more = true;

	memset(str_reserve(&big, 1000), 'x', 1000);
	str_grew(&big, 1000);
	for (int i = 0; i < 100 && more; i++)
		more = query_result_add(&r, str_view(&big));
	ck_assert(!more);
	ck_assert_int_eq(r.e.kind, ERR_TEMP);
	ck_assert_uint_lt(value.len, QUERY_VALUE_MAX + 20000);
	str_clear(&value);
	str_clear(&big);
}
END_TEST

static const struct {
	const char *text;
	bool good;
} templates[] = { { "%s%u%d%S%U%D%1%9%%", true }, { "", true }, { "%", false },
	{ "%0", false }, { "%x", false }, { "a%%%", false } };

START_TEST(query_check_refuses_other_letters)
{
	ck_assert_int_eq(
	    !err_is(query_check("f", "query", view_of(templates[_i].text))),
	    templates[_i].good);
}
END_TEST

static const struct {
	const char *text;
	size_t n; /* 0: refused */
	const char *first;
	unsigned port;
	bool is_socket;
} hosts[] = {
	{ "a", 1, "a", 0, false },
	{ "a:1 b, c", 3, "a", 1, false },
	{ "inet:a:25", 1, "a", 25, false },
	{ "[::1]:389", 1, "::1", 389, false },
	{ "[::1]", 1, "::1", 0, false },
	{ "unix:/x y", 2, "/x", 0, true },
	{ "/x", 1, "/x", 0, true },
	{ "ldaps://a:1/", 1, "ldaps://a:1/", 0, false },
	{ "", 0, NULL, 0, false },
	{ ":1", 0, NULL, 0, false },
	{ "a:0", 0, NULL, 0, false },
	{ "a:65536", 0, NULL, 0, false },
	{ "a:b", 0, NULL, 0, false },
	{ "[::1]x", 0, NULL, 0, false },
	{ "unix:", 0, NULL, 0, false },
};

START_TEST(dbhosts_parse_takes_all_forms)
{
	static struct dbhosts h;
	struct err e = dbhosts_parse(&h, view_of(hosts[_i].text), true);

	ck_assert_int_eq(!err_is(e), hosts[_i].n > 0);
	ck_assert_uint_eq(h.n, hosts[_i].n);
	if (h.n > 0) {
		ck_assert_str_eq(h.all[0].name.ptr, hosts[_i].first);
		ck_assert_uint_eq(h.all[0].port, hosts[_i].port);
		ck_assert_int_eq(h.all[0].is_socket, hosts[_i].is_socket);
	}
	dbhosts_clear(&h);
}
END_TEST

START_TEST(dbhosts_order_passes_over_who_rests)
{
	size_t order[DBHOSTS_MAX], n;
	static struct dbhosts h;

	ck_assert(!err_is(dbhosts_parse(&h, VIEW("a unix:/b c"), false)));
	for (int i = 0; i < 20; i++) {
		dbhosts_order(&h, "test", order, &n);
		ck_assert_uint_eq(n, 3);
		ck_assert_uint_eq(order[0], 1);
		ck_assert_uint_eq(order[1] + order[2], 2);
	}
	dbhosts_failed("test", &h.all[1], 60000);
	dbhosts_order(&h, "test", order, &n);
	ck_assert_uint_eq(n, 2);
	dbhosts_order(&h, "other", order, &n);
	ck_assert_uint_eq(n, 3);
	dbhosts_answered("test", &h.all[1]);
	dbhosts_order(&h, "test", order, &n);
	ck_assert_uint_eq(n, 3);
	dbhosts_failed("test", &h.all[1], 0);
	dbhosts_order(&h, "test", order, &n);
	ck_assert_uint_eq(n, 3);
	dbhosts_clear(&h);
}
END_TEST

/* A server that takes its time to answer the call, and more. */
static void *
connect_late(void *arg, const struct dbhost *host, int timeout_ms, char *why)
{
	(void)host;
	(void)why;
	ck_assert_int_gt(timeout_ms, 0);
	usleep((useconds_t)(timeout_ms + 5) * 1000);
	return arg;
}

static enum module_end
count_question(void *arg, void *connection, int timeout_ms, char *why)
{
	(void)connection;
	(void)timeout_ms;
	(void)why;
	++*(int *)arg;
	return MODULE_DONE;
}

static void
hang_up(void *arg, void *connection)
{
	ck_assert_ptr_eq(arg, connection);
}

START_TEST(dblink_asks_nothing_when_there_is_no_time_left)
{
	static const struct dblink_kind late = { "late", connect_late,
		count_question, hang_up };
	int questions = 0;
	static struct dblink l; /* too large for the stack */
	struct err e;

	log_set_stderr(false);
	ck_assert(!err_is(
	    dblink_open(&l, &late, &questions, NULL, "a b", true, 100)));
	e = dblink_ask(&l);
	ck_assert_int_eq(e.kind, ERR_TEMP);
	ck_assert_int_eq(questions, 0);
	dblink_close(&l);
	dbhosts_forget();
}
END_TEST

START_TEST(dblink_open_leaves_nothing_if_it_fails)
{
	static const struct dblink_kind kind = { "none", NULL, NULL, NULL };
	static struct dblink l;
	const struct params *p;

	ck_assert(
	    !err_is(params_load(VIEW("redis:{retry_interval=x}"), &p)));
	ck_assert_int_eq(
	    dblink_open(&l, &kind, NULL, NULL, "", true, 100).kind, ERR_PERM);
	ck_assert_uint_eq(l.scope.room, 0);
	ck_assert_int_eq(
	    dblink_open(&l, &kind, NULL, p, "a b", true, 100).kind, ERR_PERM);
	ck_assert_uint_eq(l.scope.room, 0);
	ck_assert_uint_eq(l.hosts.n, 0);
	dblink_close(&l);
}
END_TEST

static const struct {
	const char *text;
	int64_t ms; /* -1: refused */
} times[] = { { "{t=10}", 10000 }, { "{t=10s}", 10000 }, { "{t=2m}", 120000 },
	{ "{t=500ms}", 500 }, { "{t=1h}", 3600000 }, { "{x=1}", 7 },
	{ "{{t = 3s}}", 3000 }, { "{t=3x}", -1 }, { "{t=x}", -1 },
	{ "{t=99999999}", -1 } };

START_TEST(params_time_has_units)
{
	struct str spec = STR_EMPTY;
	const struct params *p;
	int64_t ms;
	struct err e;

	str_printf(&spec, "redis:%s", times[_i].text);
	ck_assert(!err_is(params_load(str_view(&spec), &p)));
	e = params_time(p, "t", 7, &ms);
	ck_assert_int_eq(!err_is(e), times[_i].ms >= 0);
	if (!err_is(e))
		ck_assert_int_eq(ms, times[_i].ms);
	str_clear(&spec);
}
END_TEST

static const char *
find_name(void *arg, const char *name)
{
	ck_assert_ptr_eq(arg, times);
	return strcmp(name, "mine_query") == 0 ? "asked" : NULL;
}

START_TEST(params_may_stand_in_main_cf)
{
	const struct params *p;

	ck_assert_int_eq(
	    params_load(VIEW("mysql:early"), &p).kind, ERR_TEMP);
	table_set_conf(find_name, (void *)(uintptr_t)times);
	ck_assert(!err_is(params_load(VIEW("mysql:mine"), &p)));
	ck_assert_str_eq(params_find(p, "query"), "asked");
	ck_assert_ptr_null(params_find(p, "hosts"));
	ck_assert_int_eq(
	    params_load(VIEW("mysql:/nonexistent"), &p).kind, ERR_TEMP);
	ck_assert_int_eq(
	    params_load(VIEW("mysql:{a=b} c"), &p).kind, ERR_PERM);
	table_set_conf(NULL, NULL);
}
END_TEST

static const struct {
	const char *text;
	bool yes;
} keyed[] = { { "ou=%u,dc=x", true }, { "%%%1", true }, { "dc=x", false },
	{ "100%%s", false }, { "%", false }, { "", false } };

START_TEST(query_has_key_sees_parts_of_the_key)
{
	ck_assert_int_eq(
	    query_has_key(view_of(keyed[_i].text)), keyed[_i].yes);
}
END_TEST

static void
add_folder(void *arg, struct view folder)
{
	struct str *all = arg;

	str_add(all, folder);
	str_add_byte(all, ' ');
}

START_TEST(table_each_folder_sees_the_table_behind_memcache)
{
	struct str all = STR_EMPTY;

	table_each_folder(VIEW("memcache:{{backup = "
			       "sqlite:{dbpath=/srv/a/mail.db}}}"),
	    add_folder, &all);
	ck_assert_str_eq(all.ptr, "/srv/a ");
	str_clear(&all);
}
END_TEST

START_TEST(tables_in_a_circle_come_to_an_end)
{
	char path[] = "/tmp/query_test.XXXXXX";
	struct str all = STR_EMPTY, spec = STR_EMPTY;
	struct table *t;
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	dprintf(fd, "backup = memcache:%s\n", path);
	close(fd);
	str_printf(&spec, "memcache:%s", path);
	table_prepare(str_view(&spec));
	table_each_folder(str_view(&spec), add_folder, &all);
	ck_assert_uint_eq(all.len, 0);
	ck_assert_int_eq(table_open(str_view(&spec), 0, &t).kind, ERR_PERM);
	/* And are no harm to others. */
	ck_assert(!err_is(table_open(VIEW("static:x"), 0, &t)));
	table_close(t);
	unlink(path);
	str_clear(&all);
	str_clear(&spec);
}
END_TEST

UNIT_MAIN("table/query",
    { query_has_key_sees_parts_of_the_key, ARRAY_LEN(keyed) },
    { table_each_folder_sees_the_table_behind_memcache, 1 },
    { tables_in_a_circle_come_to_an_end, 1 },
    { query_expand_fills_in_the_key, ARRAY_LEN(expansions) },
    { query_result_add_joins_what_came, ARRAY_LEN(results) },
    { query_result_add_is_bounded, 1 },
    { query_check_refuses_other_letters, ARRAY_LEN(templates) },
    { dbhosts_parse_takes_all_forms, ARRAY_LEN(hosts) },
    { dbhosts_order_passes_over_who_rests, 1 },
    { dblink_asks_nothing_when_there_is_no_time_left, 1 },
    { dblink_open_leaves_nothing_if_it_fails, 1 },
    { params_time_has_units, ARRAY_LEN(times) },
    { params_may_stand_in_main_cf, 1 })
