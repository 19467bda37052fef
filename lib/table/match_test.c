#include "lib/table/match.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

#include <stdio.h>
#include <unistd.h>

static const struct {
	const char *list;
	unsigned flags;
	const char *name;
	bool yes;
} names[] = {
	{ "example.org", 0, "example.org", true },
	{ "Example.ORG", 0, "eXample.org", true },
	{ "example.org", 0, "a.example.org", false },
	{ "example.org", MATCH_PARENTS, "a.example.org", true },
	{ "example.org", MATCH_PARENTS, "a.b.example.org", true },
	{ "example.org", MATCH_PARENTS, "xexample.org", false },
	{ "org", MATCH_PARENTS, "a.example.org", true },
	{ ".example.org", 0, "a.example.org", true },
	{ ".example.org", 0, "a.b.example.org", true },
	{ ".example.org", 0, "example.org", false },
	{ ".example.org", MATCH_PARENTS, "a.example.org", false },
	{ ".example.org", MATCH_WHOLE, "a.example.org", false },
	{ "a, b c", 0, "c", true },
	{ "!a.example.org, .example.org", 0, "a.example.org", false },
	{ "!a.example.org, .example.org", 0, "b.example.org", true },
	{ ".example.org, !a.example.org", 0, "a.example.org", true },
	{ "!!a", 0, "a", true },
	{ "! a, a", 0, "a", false },
	{ "inline:{example.org=x}", 0, "example.org", true },
	{ "inline:{example.org=x}", 0, "a.example.org", false },
	{ "inline:{example.org=x}", MATCH_PARENTS, "a.example.org", true },
	{ "inline:{{.example.org = x}}", 0, "a.example.org", true },
	{ "inline:{{.example.org = x}}", MATCH_WHOLE, "a.example.org", false },
	{ "pcre:{{/^b\\.c$/ x}}", MATCH_PARENTS, "a.b.c", false },
	{ "!inline:{a=x}, static:y", 0, "a", false },
	{ "static:all", 0, "anything", true },
	{ "", 0, "a", false },
	{ "a", 0, "", false },
	{ "a", MATCH_PARENTS, "x..", false },
	{ "10.0.0.0/8", 0, "10.0.0.1", true },
	{ "!a, fail:x", 0, "a", false },
	{ "b, fail:x", 0, "b", true },
};

START_TEST(match_list_matches_names)
{
	struct match_list *l;
	bool yes;
	struct err e =
	    match_list_open(view_of(names[_i].list), names[_i].flags, &l);

	ck_assert_msg(!err_is(e), "%s: %s", names[_i].list, e.text);
	e = match_list_matches(l, view_of(names[_i].name), &yes);
	ck_assert_msg(!err_is(e), "%s: %s", names[_i].list, e.text);
	ck_assert_msg(
	    yes == names[_i].yes, "%s on %s", names[_i].name, names[_i].list);
	match_list_close(l);
}
END_TEST

static const struct {
	const char *list, *name, *address;
	bool yes;
} clients[] = {
	{ "127.0.0.0/8 [::1]/128", "", "127.0.0.1", true },
	{ "127.0.0.0/8 [::1]/128", "", "::1", true },
	{ "127.0.0.0/8 [::1]/128", "", "IPv6:::1", true },
	{ "127.0.0.0/8 [::1]/128", "", "[::1]", true },
	{ "127.0.0.0/8 [::1]/128", "", "::2", false },
	{ "::1, 2001:db8::/32", "", "2001:db8::9", true },
	{ "192.0.2.1", "", "192.0.2.1", true },
	{ "192.0.2.1", "", "192.0.2.10", false },
	{ "!192.0.2.1, 192.0.2.0/24", "", "192.0.2.1", false },
	{ "!192.0.2.1, 192.0.2.0/24", "", "192.0.2.2", true },
	{ "cidr:{{192.0.2.0/24 x}}", "", "192.0.2.2", true },
	{ "inline:{192.0.2.2=x}", "", "192.0.2.2", true },
	{ "inline:{192.0.2=x}", "", "192.0.2.2", false },
	{ "host.example", "host.example", "192.0.2.2", true },
	{ "host.example", "unknown", "192.0.2.2", false },
	{ "192.0.2.0/24", "", "garbage", false },
	{ "0.0.0.0/0", "", "255.255.255.255", true },
	{ "192.0.2.128/25", "", "192.0.2.127", false },
};

START_TEST(match_list_matches_clients)
{
	struct match_list *l;
	bool yes;
	struct err e = match_list_open(view_of(clients[_i].list), 0, &l);

	ck_assert_msg(!err_is(e), "%s: %s", clients[_i].list, e.text);
	e = match_list_matches_client(
	    l, view_of(clients[_i].name), view_of(clients[_i].address), &yes);
	ck_assert(!err_is(e));
	ck_assert_msg(yes == clients[_i].yes, "%s on %s", clients[_i].address,
	    clients[_i].list);
	match_list_close(l);
}
END_TEST

static const char *const bad[] = { "10.0.0.1/8", "10.0.0.0/33", "nosuch:x",
	"10.0.0.0/x", "[::1", "1.2.3", "/nonexistent/file", "a !" };

START_TEST(match_list_open_refuses_bad_words)
{
	struct match_list *l;
	bool yes;
	struct err e = match_list_open(view_of(bad[_i]), 0, &l);

	ck_assert_msg(err_is(e), "%s", bad[_i]);
	ck_assert_ptr_null(l);
	if (view_find(view_of(bad[_i]), '!') != VIEW_NPOS)
		return;
	e = match_list_open(view_of(bad[_i]), MATCH_OPEN_LATER, &l);
	ck_assert(!err_is(e));
	e = match_list_matches(l, VIEW("x"), &yes);
	ck_assert_int_eq(e.kind, ERR_TEMP);
	match_list_close(l);
}
END_TEST

START_TEST(match_list_never_hides_a_failing_table)
{
	struct match_list *l;
	bool yes = true;
	struct err e = match_list_open(VIEW("b, fail:x, a"), 0, &l);

	ck_assert(!err_is(e));
	e = match_list_matches(l, VIEW("a"), &yes);
	ck_assert_int_eq(e.kind, ERR_TEMP);
	ck_assert(!yes);
	match_list_close(l);
}
END_TEST

START_TEST(match_list_reads_files)
{
	char path[] = "/tmp/match_test.XXXXXX", list[64];
	struct match_list *l;
	bool yes;
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");

	ck_assert_ptr_nonnull(f);
	fputs("# comment\na b\n!c, .d\n10.0.0.0/8\n", f);
	fclose(f);
	snprintf(list, sizeof(list), "%s", path);
	ck_assert(!err_is(match_list_open(view_of(list), 0, &l)));
	ck_assert(!err_is(match_list_matches(l, VIEW("b"), &yes)) && yes);
	ck_assert(!err_is(match_list_matches(l, VIEW("c"), &yes)) && !yes);
	ck_assert(!err_is(match_list_matches(l, VIEW("x.d"), &yes)) && yes);
	ck_assert(
	    !err_is(match_list_matches_addr(l, VIEW("10.1.1.1"), &yes)) && yes);
	ck_assert(!match_list_has_changed(l));
	unlink(path);
	ck_assert(match_list_has_changed(l));
	match_list_close(l);
	/* A file that names itself. */
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(path, f);
	fclose(f);
	ck_assert_int_eq(match_list_open(view_of(list), 0, &l).kind, ERR_PERM);
	unlink(path);
}
END_TEST

UNIT_MAIN("match", { match_list_matches_names, ARRAY_LEN(names) },
    { match_list_matches_clients, ARRAY_LEN(clients) },
    { match_list_open_refuses_bad_words, ARRAY_LEN(bad) },
    { match_list_never_hides_a_failing_table, 1 },
    { match_list_reads_files, 1 })
