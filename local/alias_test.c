#include "local/alias.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "local/expand.h"

#include <stdlib.h>
#include <unistd.h>

static bool
show(void *arg, enum alias_kind kind, struct view text)
{
	str_addf(arg, "%c%.*s;", "AMCFIB"[kind], VIEW_ARGS(text));
	return true;
}

static const struct {
	const char *value, *want;
} values[] = {
	{ "a", "Aa;" },
	{ "a, b@c,d@e", "Aa;Ab@c;Ad@e;" },
	{ "\\root", "Mroot;" },
	{ "|cmd a b", "Ccmd a b;" },
	{ "\"|cmd a, b\", x", "Ccmd a, b;Ax;" },
	{ "/dev/null", "F/dev/null;" },
	{ "\"/a b\"", "F/a b;" },
	{ ":include:/etc/list", "I/etc/list;" },
	{ ":INCLUDE: /etc/list, y", "I/etc/list;Ay;" },
	{ "\":include:/a, b\"", "I/a, b;" },
	{ "\"|x\"@host", "A|x@host;" },
	{ "\"a b\"@host", "Aa b@host;" },
	{ "Name <u@h>, (note, with comma) v", "Au@h;Av;" },
	{ "-x", "A-x;" },
	{ ",, ,", "" },
	{ "", "" },
	{ "<>", "B;" },
};

START_TEST(members_are_told_apart)
{
	struct str got = STR_EMPTY;

	alias_each(view_of(values[_i].value), show, &got);
	ck_assert_str_eq(got.ptr, values[_i].want);
	str_clear(&got);
}
END_TEST

static const char main_cf[] =
    "myorigin = here.test\nmydestination = here.test, local.test\n"
    "recipient_delimiter = +\n";

struct place {
	struct conf *conf;
	struct expand_site site;
};

static void
open_place(struct place *p, const char *aliases)
{
	struct conf_source source = { 0 };

	ck_assert(!err_is(
	    conf_load_text(&source, view_of(main_cf), "main.cf", &p->conf)));
	p->site.conf = p->conf;
	ck_assert(
	    !err_is(table_list_open(view_of(aliases), 0, &p->site.aliases)));
	ck_assert(!err_is(match_list_open(
	    view_of(p->conf->mydestination), 0, &p->site.local_domains)));
}

static void
close_place(struct place *p)
{
	table_list_close(p->site.aliases);
	match_list_close(p->site.local_domains);
	conf_free(p->conf);
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
show_expansion(const struct expansion *x, struct str *out)
{
	char **all = xcalloc(x->n + 1, sizeof(*all));

	for (size_t i = 0; i < x->n; i++) {
		struct str one = STR_EMPTY;

		str_addf(&one, "%s%s", x->members[i].address,
		    x->members[i].is_mailbox	 ? "!"
			: x->members[i].is_local ? "*"
						 : "");
		all[i] = str_release(&one);
	}
	qsort(all, x->n, sizeof(*all), compare);
	for (size_t i = 0; i < x->n; i++) {
		str_addf(out, "%s ", all[i]);
		free(all[i]);
	}
	if (x->unsupported != NULL)
		str_addf(out, "[%s]", x->unsupported);
	free(all);
}

static const struct {
	const char *aliases, *name, *want;
} expansions[] = {
	{ "inline:{{a=b}}", "a", "b@here.test* " },
	{ "inline:{{a=b}}", "x", NULL },
	{ "inline:{{a=b}}", "a+ext", "b@here.test* " },
	{ "inline:{{a=b},{a+ext=c}}", "a+ext", "c@here.test* " },
	{ "inline:{{a=b},{b=c},{c=d@far.test}}", "a", "d@far.test " },
	{ "inline:{{a=B@LOCAL.test}}", "a", "B@LOCAL.test* " },
	{ "inline:{{a=x@far.test},{x=y}}", "a", "x@far.test " },
	{ "inline:{{a=a}}", "a", "a@here.test! " },
	{ "inline:{{a=\\a}}", "a", "a@here.test! " },
	{ "inline:{{a=b},{b=a}}", "a", "a@here.test! " },
	{ "inline:{{a=b},{b=a}}", "b", "b@here.test! " },
	{ "inline:{{a=b},{b=c},{c=b}}", "a", "b@here.test! " },
	{ "inline:{{a=|x}}", "a", "[command]" },
	{ "inline:{{a=b},{b=/x}}", "a", "[file]" },
	{ "inline:{{a=:include:/x}}", "a", "[:include: file]" },
	/* A nested list with an owner gets a message of its own. */
	{ "inline:{{a=b},{b=c},{owner-b=d}}", "a", "b@here.test " },
};

START_TEST(aliases_expand)
{
	struct str got = STR_EMPTY;
	struct expansion x;
	struct place p;
	bool found;

	open_place(&p, expansions[_i].aliases);
	expansion_init(&x, NULL, NULL);
	ck_assert(!err_is(
	    expand_alias(&p.site, view_of(expansions[_i].name), &x, &found)));
	ck_assert_int_eq(found, expansions[_i].want != NULL);
	show_expansion(&x, &got);
	if (found)
		ck_assert_str_eq(got.ptr, expansions[_i].want);
	expansion_clear(&x);
	close_place(&p);
	str_clear(&got);
}
END_TEST

START_TEST(members_come_once)
{
	struct expansion x;
	struct place p;
	bool found;

	open_place(&p,
	    "inline:{{a=b@far.test, B@FAR.TEST, c, c, c@here.test, d},"
	    "{d=b@far.test, c}}");
	expansion_init(&x, NULL, NULL);
	ck_assert(!err_is(expand_alias(&p.site, VIEW("a"), &x, &found)));
	ck_assert_uint_eq(x.n, 2);
	expansion_clear(&x);
	close_place(&p);
}
END_TEST

START_TEST(attack_67_a_chain_of_ten_thousand_ends)
{
	char name[] = "/tmp/barid-aliases-XXXXXX";
	int fd = mkstemp(name);
	struct str text = STR_EMPTY, spec = STR_EMPTY;
	struct expansion x;
	struct place p;
	bool found;

	for (int i = 0; i < 10000; i++)
		str_addf(&text, "n%d n%d\n", i, (i + 1) % 10000);
	ck_assert_int_eq(write(fd, text.ptr, text.len), (ssize_t)text.len);
	close(fd);
	str_printf(&spec, "texthash:%s", name);
	open_place(&p, spec.ptr);
	expansion_init(&x, NULL, NULL);
	ck_assert(!err_is(expand_alias(&p.site, VIEW("n0"), &x, &found)));
	ck_assert_uint_eq(x.n, 1);
	ck_assert(x.members[0].is_mailbox);
	expansion_clear(&x);
	close_place(&p);
	unlink(name);
	str_clear(&text);
	str_clear(&spec);
}
END_TEST

/* An alias of as many members; every `each`th is a mailbox. */
static void
open_large(struct place *p, int n, int each)
{
	struct str text = STR_EMPTY;

	str_add_text(&text, "inline:{{a=");
	for (int i = 1; i <= n; i++)
		str_addf(&text, i % each == 0 ? "\\u%d," : "u%d@f.test,", i);
	str_add_text(&text, "}}");
	open_place(p, text.ptr);
	str_clear(&text);
}

START_TEST(attack_67_an_expansion_bomb_is_temporary)
{
	struct expansion x;
	struct place p;
	bool found;

	open_large(&p, 1000, 2);
	expansion_init(&x, NULL, NULL);
	x.most = 999;
	ck_assert_int_eq(
	    expand_alias(&p.site, VIEW("a"), &x, &found).kind, ERR_TEMP);
	expansion_clear(&x);
	expansion_init(&x, NULL, NULL);
	x.most_mailboxes = 499;
	ck_assert_int_eq(
	    expand_alias(&p.site, VIEW("a"), &x, &found).kind, ERR_TEMP);
	expansion_clear(&x);
	expansion_init(&x, NULL, NULL);
	x.most = 1001; /* the alias itself is one */
	x.most_mailboxes = 500;
	ck_assert(!err_is(expand_alias(&p.site, VIEW("a"), &x, &found)));
	ck_assert_uint_eq(x.n, 1000);
	expansion_clear(&x);
	close_place(&p);
}
END_TEST

struct taken {
	size_t n;     /* members that are no mailboxes */
	size_t calls, most;
};

static struct err
count(void *arg, struct expansion *x)
{
	struct taken *t = arg;

	t->calls++;
	for (size_t i = 0; i < x->n; i++)
		t->n += !x->members[i].is_mailbox;
	return t->n > t->most ? err_make(ERR_GONE, "enough") : ERR_OK;
}

START_TEST(a_large_one_is_handed_on_while_it_is_read)
{
	struct taken taken = { .most = 10000 };
	struct expansion x;
	struct place p;
	bool found;

	open_large(&p, 5000, 5);
	expansion_init(&x, count, &taken);
	ck_assert(!err_is(expand_alias(&p.site, VIEW("a"), &x, &found)));
	ck_assert_uint_eq(taken.calls, 4000 / EXPAND_HELD);
	ck_assert_uint_eq(taken.n, x.n_taken);
	ck_assert_uint_eq(x.n_mailboxes, 1000);
	ck_assert_uint_eq(x.n_taken + x.n, 5000);
	expansion_clear(&x);
	/* Who takes them has enough. */
	taken = (struct taken){ .most = 1500 };
	expansion_init(&x, count, &taken);
	ck_assert_int_eq(
	    expand_alias(&p.site, VIEW("a"), &x, &found).kind, ERR_GONE);
	ck_assert_uint_eq(taken.calls, 2);
	expansion_clear(&x);
	/* A small one stays. */
	close_place(&p);
	open_large(&p, EXPAND_HELD - 1, EXPAND_HELD);
	taken = (struct taken){ .most = 0 };
	expansion_init(&x, count, &taken);
	ck_assert(!err_is(expand_alias(&p.site, VIEW("a"), &x, &found)));
	ck_assert_uint_eq(taken.calls, 0);
	ck_assert_uint_eq(x.n, EXPAND_HELD - 1);
	expansion_clear(&x);
	close_place(&p);
}
END_TEST

START_TEST(lists_have_owners)
{
	struct str sender = STR_EMPTY;
	struct place p;

	open_place(&p, "inline:{{a=b},{owner-a=boss}}");
	ck_assert(!err_is(expand_owner(&p.site, "b", &sender)));
	ck_assert_uint_eq(sender.len, 0);
	ck_assert(!err_is(expand_owner(&p.site, "a", &sender)));
	ck_assert_str_eq(sender.ptr, "owner-a@here.test");
	p.conf->expand_owner_alias = true;
	ck_assert(!err_is(expand_owner(&p.site, "a", &sender)));
	ck_assert_str_eq(sender.ptr, "boss@here.test");
	close_place(&p);
	str_clear(&sender);
}
END_TEST

START_TEST(a_table_that_fails_is_temporary)
{
	struct expansion x;
	struct place p;
	bool found;

	open_place(&p, "fail:x");
	expansion_init(&x, NULL, NULL);
	ck_assert_int_eq(
	    expand_alias(&p.site, VIEW("a"), &x, &found).kind, ERR_TEMP);
	expansion_clear(&x);
	close_place(&p);
}
END_TEST

UNIT_MAIN("local/alias", { members_are_told_apart, ARRAY_LEN(values) },
    { aliases_expand, ARRAY_LEN(expansions) }, { members_come_once, 1 },
    { attack_67_a_chain_of_ten_thousand_ends, 1 },
    { attack_67_an_expansion_bomb_is_temporary, 1 },
    { a_large_one_is_handed_on_while_it_is_read, 1 },
    { lists_have_owners, 1 }, { a_table_that_fails_is_temporary, 1 })
