#include "lib/table/table.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "lib/table/create.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Ask a table that is opened for this one question. */
static struct err
ask(const char *spec, unsigned flags, struct view key, struct str *value,
    bool *found)
{
	struct table *t;
	struct err e = table_open(view_of(spec), flags, &t);

	*found = false;
	if (err_is(e))
		return e;
	e = table_find(t, key, value, found);
	table_close(t);
	return e;
}

static const struct {
	const char *spec, *key, *value; /* value NULL: not found */
} answers[] = {
	{ "static:OK", "x", "OK" },
	{ "static:{ two words }", "", "two words" },
	{ "inline:{a=b}", "a", "b" },
	{ "inline:{a=b}", "A", "b" },
	{ "inline:{A=b}", "a", "b" },
	{ "inline:{a=b}", "b", NULL },
	{ "inline:{ a=b, {Z = w w }, a=c }", "z", "w w" },
	{ "inline:{ a=b, a=c }", "a", "c" },
	{ "inline:{z==b}", "z", "=b" },
	{ "inline:{{\"x y\"=z}}", "\"x y\"", "z" },
	{ "inline:{\"x=y\"=z}", "\"x=y\"", "z" },
	{ "proxy:inline:{a=b}", "a", "b" },
	{ "unionmap:{static:a, inline:{x=y}, static:b}", "k", "a,b" },
	{ "unionmap:{inline:{x=y}}", "k", NULL },
	{ "pipemap:{inline:{a=b}, inline:{b=c}}", "a", "c" },
	{ "pipemap:{inline:{a=b}, inline:{x=c}}", "a", NULL },
	{ "randmap:{same, same}", "a", "same" },
	{ "randmap:{{x y}}", "a", "{x y}" },
	{ "unionmap:{randmap:{{x y}, {x y}}, static:{z}}", "a", "{x y},z" },
	{ "cidr:{{10.0.0.0/8 ten}, {0.0.0.0/0 any}}", "10.1.2.3", "ten" },
	{ "cidr:{{0.0.0.0/0 any}, {10.0.0.0/8 ten}}", "10.1.2.3", "any" },
	{ "cidr:{{10.1.0.0/16 a}, {10.0.0.0/8 b}}", "10.1.255.255", "a" },
	{ "cidr:{{10.1.0.0/16 a}, {10.0.0.0/8 b}}", "10.2.0.0", "b" },
	{ "cidr:{{10.1.0.0/16 a}, {10.0.0.0/8 b}}", "11.0.0.0", NULL },
	{ "cidr:{{10.1.0.0/16 a}, {10.0.0.0/8 b}}", "9.255.255.255", NULL },
	{ "cidr:{{255.0.0.0/8 a}, {255.255.255.255 b}}", "255.255.255.255",
	    "a" },
	{ "cidr:{{0.0.0.0/0 any}}", "::1", NULL },
	{ "cidr:{{[2001:db8::]/32 v6}}", "2001:DB8::1", "v6" },
	{ "cidr:{{!10.0.0.0/8 x}}", "10.1.1.1", NULL },
	{ "cidr:{{!10.0.0.0/8 x}}", "11.1.1.1", "x" },
	{ "cidr:{{!10.0.0.0/8 x}}", "::1", NULL },
	{ "cidr:{{if 10.0.0.0/8}, {10.1.0.0/16 a}, {endif}, {0.0.0.0/0 b}}",
	    "10.2.0.0", "b" },
	{ "cidr:{{if !10.0.0.0/8}, {0.0.0.0/0 a}, {endif}, {0.0.0.0/0 b}}",
	    "10.2.0.0", "b" },
	{ "cidr:{{1.2.3.4/24 bad}, {1.2.3.0/24 good}}", "1.2.3.4", "good" },
	{ "cidr:{{1.2.3.4 x}}", "01.2.3.4", NULL },
	{ "cidr:{{1.2.3.4 x}}", "1.2.3", NULL },
	{ "regexp:{{/^(a+)(b+)$/ $1-${2}-$(1)-$$}}", "AAbb", "AA-bb-AA-$" },
	{ "regexp:{{/a/i ci}}", "A", NULL },
	{ "regexp:{{/a.c/ x}}", "a\nc", "x" },
	{ "regexp:{{/^b/m x}}", "a\nb", "x" },
	{ "regexp:{{/^b/ x}}", "a\nb", NULL },
	{ "regexp:{{/a$/ x}}", "a\n", NULL },
	{ "regexp:{{/^[\\.]$/ x}}", "\\", "x" },
	{ "regexp:{{/^a+?$/ x}}", "", "" },
	{ "regexp:{{/^a{2}b*$/ x}}", "aab", "x" },
	{ "regexp:{{/^a\\{2\\}$/x x}}", "aa", "x" },
	{ "regexp:{{/^(a)\\1$/ x}}", "aa", "x" },
	{ "regexp:{{!/a/ no}}", "b", "no" },
	{ "regexp:{{!!/a/ yes}}", "a", "yes" },
	{ "regexp:{{/(1)|(2)/ [$2]}}", "1", "[]" },
	{ "regexp:{{if /a/}, {/b/ ab}, {endif}, {/b/ b}}", "xb", "b" },
	{ "regexp:{{if /a/}, {if !/c/}, {/b/ ab}, {endif}, {/c/ c}, {endif}}",
	    "abc", "c" },
	{ "regexp:{{if /a/}, {/b/ ab}}", "b", NULL },
	{ "pcre:{{/^(?<n>a+)\\d/ $1}}", "aaa5", "aaa" },
	{ "pcre:{{/a.c/s x}}", "a\nc", NULL },
	{ "pcre:{{/a.c/ x}}", "a\nc", "x" },
	{ "pcre:{{/a b/x x}}", "ab", "x" },
	{ "pcre:{{/b/A x}}", "ab", NULL },
	{ "pcre:{{/^.$/ x}}", "\xc3\xa9", "x" },
	{ "pcre:{{/^a/ x}}", "a\xff", "x" },
	{ "pcre:{{/(a/ x}, {/a/ y}}", "a", "y" },
	{ "pcre:{{/a/q x}, {/a/ $9}, {/a/ y}}", "a", "y" },
};

START_TEST(table_types_answer_as_documented)
{
	struct str value = STR_EMPTY;
	const char *want = answers[_i].value;
	bool found;
	struct err e;

	if (want != NULL && want[0] == '\0')
		return;
	e = ask(answers[_i].spec, 0, view_of(answers[_i].key), &value, &found);
	ck_assert_msg(!err_is(e), "%s: %s", answers[_i].spec, e.text);
	ck_assert_msg(found == (want != NULL), "%s of %s", answers[_i].key,
	    answers[_i].spec);
	if (found)
		ck_assert_str_eq(value.ptr, want);
	str_clear(&value);
}
END_TEST

static const struct {
	const char *spec;
	enum err_kind kind;
	const char *text;
} refusals[] = {
	{ "nosuch:x", ERR_PERM, "unsupported dictionary type: nosuch" },
	{ "mongodb:/x", ERR_PERM,
	    "unsupported dictionary type: mongodb" },
	{ "hash:/nonexistent/x", ERR_TEMP,
	    "open database /nonexistent/x.db: No such file or directory" },
	{ "texthash:/nonexistent/x", ERR_TEMP,
	    "open database /nonexistent/x: No such file or directory" },
	{ "regexp:/nonexistent/x", ERR_TEMP,
	    "open /nonexistent/x: No such file or directory" },
	{ "x", ERR_PERM,
	    "open dictionary: expecting \"type:name\" form "
	    "instead of \"x\"" },
	{ "static:", ERR_PERM, NULL },
	{ "static:{a} b", ERR_PERM, NULL },
	{ "inline:x", ERR_PERM, NULL },
	{ "inline:{}", ERR_PERM, NULL },
	{ "inline:{x=y z}", ERR_PERM, NULL },
	{ "inline:{ }", ERR_PERM, NULL },
	{ "inline:{{x y=z}}", ERR_PERM, NULL },
	{ "inline:{{\"x=z}}", ERR_PERM, NULL },
	{ "inline:{a=b", ERR_PERM, NULL },
	{ "unix:x", ERR_PERM, "unknown table: unix:x" },
	{ "unionmap:{static:a,nosuch:b}", ERR_PERM, NULL },
	{ "unionmap:static:a", ERR_PERM, NULL },
	{ "cidr:{1.2.3.0/24 x y}", ERR_PERM,
	    "cidr map: no '{' at start of "
	    "text in \"1.2.3.0/24\"" },
};

START_TEST(table_open_refuses_what_cannot_be_a_table)
{
	struct table *t = NULL;
	struct err e = table_open(view_of(refusals[_i].spec), 0, &t);

	ck_assert_int_eq(e.kind, refusals[_i].kind);
	ck_assert_ptr_null(t);
	if (refusals[_i].text != NULL)
		ck_assert_str_eq(e.text, refusals[_i].text);
}
END_TEST

START_TEST(table_that_fails_is_temporary_and_never_not_found)
{
	struct str value = STR_EMPTY;
	struct table *t;
	bool found = true;
	struct err e = ask("fail:x", 0, VIEW("a"), &value, &found);

	ck_assert_int_eq(e.kind, ERR_TEMP);
	ck_assert(!found);
	e = ask("unionmap:{static:a,fail:x}", 0, VIEW("a"), &value, &found);
	ck_assert_int_eq(e.kind, ERR_TEMP);
	/* A missing file: the daemon starts, each answer is an error. */
	e = table_open(VIEW("hash:/nonexistent/x"), TABLE_OPEN_LATER, &t);
	ck_assert_int_eq(e.kind, ERR_NONE);
	e = table_find(t, VIEW("a"), &value, &found);
	ck_assert_int_eq(e.kind, ERR_TEMP);
	ck_assert_str_eq(e.text,
	    "open database /nonexistent/x.db: No such "
	    "file or directory");
	ck_assert(!table_has_changed(t));
	table_close(t);
	e = table_open(VIEW("nosuch:x"), TABLE_OPEN_LATER, &t);
	ck_assert_int_eq(e.kind, ERR_NONE);
	e = table_find(t, VIEW("a"), &value, &found);
	ck_assert_int_eq(e.kind, ERR_TEMP);
	table_close(t);
	str_clear(&value);
}
END_TEST

START_TEST(table_match_that_takes_too_long_is_an_error)
{
	struct str value = STR_EMPTY, key = STR_EMPTY;
	bool found;
	struct err e;

	for (int i = 0; i < 60; i++)
		str_add_byte(&key, 'a');
	str_add_byte(&key, '!');
	e = ask("pcre:{{/^(a+)+$/ x}}", 0, str_view(&key), &value, &found);
	ck_assert_int_eq(e.kind, ERR_TEMP);
	e = ask("regexp:{{/^(a+)+$/ x}}", 0, str_view(&key), &value, &found);
	ck_assert_int_eq(e.kind, ERR_TEMP);
	/* Deep, not long. */
	str_reset(&key);
	for (int i = 0; i < 60000; i++)
		str_add_byte(&key, 'a');
	e = ask(
	    "pcre:{{/^(?:a|b|(c))*$/ x}}", 0, str_view(&key), &value, &found);
	ck_assert(err_is(e) || found);
	str_clear(&value);
	str_clear(&key);
}
END_TEST

START_TEST(table_flags_are_honoured)
{
	struct str value = STR_EMPTY;
	bool found;

	ask("inline:{A=b}", TABLE_NO_FOLD, VIEW("A"), &value, &found);
	ck_assert(found);
	ask("inline:{A=b}", TABLE_NO_FOLD, VIEW("a"), &value, &found);
	ck_assert(!found);
	ask("pcre:{{/(a)/ $1}, {/a/ plain}}", TABLE_NO_SUBSTITUTE, VIEW("a"),
	    &value, &found);
	ck_assert(found);
	ck_assert_str_eq(value.ptr, "plain");
	str_clear(&value);
}
END_TEST

static struct str asked = { str_nothing, 0, 0 };

static struct err
remote(struct view spec, struct view key, struct str *value, bool *found)
{
	str_printf(&asked, "%.*s|%.*s", VIEW_ARGS(spec), VIEW_ARGS(key));
	*found = view_eq(key, VIEW("yes"));
	if (*found)
		str_set(value, VIEW("far"));
	return view_eq(key, VIEW("broken")) ? err_make(ERR_GONE, "lookup: gone")
					    : ERR_OK;
}

static const struct {
	const char *spec, *seen; /* NULL: not remote */
} remotes[] = {
	{ "unix:passwd.byname", "unix:passwd.byname|yes" },
	{ "proxy:unix:passwd.byname", "unix:passwd.byname|yes" },
	{ "pgsql:/etc/x.cf", "pgsql:/etc/x.cf|yes" },
	{ "unionmap:{static:a,mysql:/x}", "unionmap:{static:a,mysql:/x}|yes" },
	{ "pipemap:{inline:{a=b},unionmap:{ldap:x}}",
	    "pipemap:{inline:{a=b},unionmap:{ldap:x}}|yes" },
	{ "unionmap:{static:a,inline:{b=c}}", NULL },
	{ "proxy:static:x", NULL },
};

START_TEST(table_remote_types_are_asked_through_the_hook)
{
	struct str value = STR_EMPTY;
	struct table *t;
	bool found;
	struct err e;

	table_set_remote(remote);
	e = table_open(view_of(remotes[_i].spec), 0, &t);
	ck_assert_int_eq(e.kind, ERR_NONE);
	ck_assert(table_is_remote(t) == (remotes[_i].seen != NULL));
	str_reset(&asked);
	e = table_find(t, VIEW("YES"), &value, &found);
	ck_assert_int_eq(e.kind, ERR_NONE);
	if (remotes[_i].seen != NULL) {
		ck_assert_str_eq(asked.ptr, remotes[_i].seen);
		ck_assert(found);
		e = table_find(t, VIEW("no"), &value, &found);
		ck_assert(!err_is(e) && !found);
		e = table_find(t, VIEW("broken"), &value, &found);
		ck_assert_int_eq(e.kind, ERR_TEMP);
		ck_assert(!found);
	} else {
		ck_assert_uint_eq(asked.len, 0);
	}
	table_close(t);
	table_set_remote(NULL);
	str_clear(&value);
	str_clear(&asked);
}
END_TEST

START_TEST(table_unix_knows_the_accounts_of_the_system)
{
	struct str value = STR_EMPTY;
	bool found;
	struct err e =
	    ask("unix:passwd.byname", 0, VIEW("root"), &value, &found);

	ck_assert(!err_is(e) && found);
	ck_assert(view_starts(str_view(&value), VIEW("root:x:0:0:")));
	e = ask("unix:group.byname", 0, VIEW("root"), &value, &found);
	ck_assert(!err_is(e) && found);
	e = ask(
	    "unix:passwd.byname", 0, VIEW("no-such-user-here"), &value, &found);
	ck_assert(!err_is(e) && !found);
	e = ask("unix:passwd.byname", 0, VIEW("root\0x"), &value, &found);
	ck_assert(!err_is(e) && !found);
	str_clear(&value);
}
END_TEST

START_TEST(table_list_stops_at_the_first_hit_and_at_an_error)
{
	struct table_list *l;
	struct str value = STR_EMPTY;
	bool found;
	struct err e = table_list_open(
	    VIEW("inline:{a=1}, "
		 "inline:{ {a = 2}, b=2 } pcre:{{/^c/ 3}},fail:x static:z"),
	    0, &l);

	ck_assert_int_eq(e.kind, ERR_NONE);
	e = table_list_find(l, VIEW("a"), TABLE_ALL, &value, &found);
	ck_assert(!err_is(e) && found);
	ck_assert_str_eq(value.ptr, "1");
	e = table_list_find(l, VIEW("b"), TABLE_ALL, &value, &found);
	ck_assert(!err_is(e) && found);
	e = table_list_find(l, VIEW("c"), TABLE_ALL, &value, &found);
	ck_assert(!err_is(e) && found);
	/* Patterns are for whole addresses; then comes what fails. */
	e = table_list_find(l, VIEW("c"), TABLE_FIXED, &value, &found);
	ck_assert_int_eq(e.kind, ERR_TEMP);
	ck_assert(!found);
	e = table_list_find(l, VIEW(""), TABLE_ALL, &value, &found);
	ck_assert(!err_is(e) && !found);
	ck_assert(table_is_pattern(table_list_at(l, 2)));
	ck_assert_ptr_null(table_list_at(l, 5));
	table_list_close(l);
	e = table_list_open(VIEW(" "), 0, &l);
	ck_assert(!err_is(e) && table_list_is_empty(l));
	table_list_close(l);
	e = table_list_open(VIEW("hash"), 0, &l);
	ck_assert_int_eq(e.kind, ERR_PERM);
	str_clear(&value);
}
END_TEST

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	ck_assert_int_eq(fclose(f), 0);
}

START_TEST(table_notices_that_its_file_changed)
{
	char dir[] = "/tmp/table_test.XXXXXX", path[64], other[64], spec[80];
	static const char *const types[] = { "texthash", "regexp", "cidr" };
	struct table *t;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/t", dir);
	snprintf(other, sizeof(other), "%s/o", dir);
	snprintf(spec, sizeof(spec), "%s:%s", types[_i], path);
	write_file(path, "# nothing\n");
	ck_assert(!err_is(table_open(view_of(spec), 0, &t)));
	ck_assert(!table_has_changed(t) && !table_was_replaced(t));
	write_file(path, "# written to\n");
	ck_assert(table_has_changed(t) && table_was_replaced(t));
	table_close(t);
	ck_assert(!err_is(table_open(view_of(spec), 0, &t)));
	write_file(other, "# another\n");
	ck_assert(!table_has_changed(t));
	ck_assert_int_eq(rename(other, path), 0);
	ck_assert(table_has_changed(t));
	table_close(t);
	ck_assert(!err_is(table_open(view_of(spec), 0, &t)));
	ck_assert_int_eq(rename(path, other), 0);
	ck_assert(table_has_changed(t) && table_was_replaced(t));
	table_close(t);
	unlink(other);
	rmdir(dir);
}
END_TEST

UNIT_MAIN("table", { table_types_answer_as_documented, ARRAY_LEN(answers) },
    { table_open_refuses_what_cannot_be_a_table, ARRAY_LEN(refusals) },
    { table_that_fails_is_temporary_and_never_not_found, 1 },
    { table_match_that_takes_too_long_is_an_error, 1 },
    { table_flags_are_honoured, 1 },
    { table_remote_types_are_asked_through_the_hook, ARRAY_LEN(remotes) },
    { table_unix_knows_the_accounts_of_the_system, 1 },
    { table_list_stops_at_the_first_hit_and_at_an_error, 1 },
    { table_notices_that_its_file_changed, 3 })
