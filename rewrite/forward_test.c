/* Mail that is sent on, and mail that is not. */
#include "rewrite/forward.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

#include <stdlib.h>
#include <unistd.h>

static const int64_t now = INT64_C(20000) * 86400;

static struct conf *conf;
static struct router router;
static struct srs srs;

static void
open_site(const char *more)
{
	struct conf_source source = { .dir = "/nonexistent",
		.service_name = "rewrite", .process_name = "rewrite" };
	char path[] = "/tmp/barid-srs.XXXXXX";
	struct str text = STR_EMPTY;
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "0123456789abcdef\n", 17), 17);
	close(fd);
	str_printf(&text,
	    "inet_interfaces = 127.0.0.1\nmydestination = local.test\n"
	    "myorigin = local.test\nvirtual_alias_domains = alias.test\n"
	    "virtual_mailbox_domains = mbox.test\nrelay_domains = relay.test\n"
	    "srs_domain = fwd.test\nsrs_key_file = %s\n%s",
	    path, more);
	ck_assert(!err_is(
	    conf_load_text(&source, str_view(&text), "main.cf", &conf)));
	ck_assert(!err_is(router_init(&router, conf)));
	ck_assert(!err_is(srs_open(&srs, conf)));
	unlink(path);
	str_clear(&text);
}

static void
close_site(void)
{
	srs_close(&srs);
	router_clear(&router);
	conf_free(conf);
}

static struct err
ask(const char *sender, const char *address, const char *original,
    bool *rewritten)
{
	struct str out = STR_EMPTY;
	struct route route;
	struct err e;

	route_init(&route);
	route_find(&router, view_of(sender), view_of(address), &route);
	ck_assert(!err_is(route.why));
	e = forward_sender(&router, &srs, &route, view_of(sender),
	    view_of(original), now, &out);
	*rewritten = out.len > 0;
	route_clear(&route);
	str_clear(&out);
	return e;
}

static const struct {
	const char *sender, *address, *original;
	bool rewritten;
} cases[] = {
	{ "a@author.test", "b@far.test", "c@local.test", true },
	{ "a@author.test", "b@far.test", "c", true },
	{ "a@author.test", "b@far.test", "c@alias.test", true },
	{ "a@author.test", "b@far.test", "c@mbox.test", true },
	{ "a@author.test", "b@far.test", "c@relay.test", true },
	{ "a@author.test", "b@far.test", "c@[127.0.0.1]", true },
	{ "a@relay.test", "b@far.test", "c@local.test", true },
	/* It does not leave. */
	{ "a@author.test", "b@local.test", "c@alias.test", false },
	{ "a@author.test", "b@mbox.test", "c@alias.test", false },
	{ "a@author.test", "b@relay.test", "c@alias.test", false },
	/* It was for elsewhere. */
	{ "a@author.test", "b@far.test", "", false },
	{ "a@author.test", "b@far.test", "c@far.test", false },
	/* The sender is ours, or nobody. */
	{ "a@local.test", "b@far.test", "c@local.test", false },
	{ "a@alias.test", "b@far.test", "c@local.test", false },
	{ "a@mbox.test", "b@far.test", "c@local.test", false },
	{ "a@fwd.test", "b@far.test", "c@local.test", false },
	{ "", "b@far.test", "c@local.test", false },
};

START_TEST(a_sender_changes_only_if_our_alias_sends_mail_away)
{
	bool rewritten;

	open_site("");
	ck_assert(!err_is(ask(cases[_i].sender, cases[_i].address,
	    cases[_i].original, &rewritten)));
	ck_assert(rewritten == cases[_i].rewritten);
	close_site();
	open_site("srs_domain =\n");
	ck_assert(!err_is(ask(cases[_i].sender, cases[_i].address,
	    cases[_i].original, &rewritten)));
	ck_assert(!rewritten);
	close_site();
}
END_TEST

START_TEST(a_table_that_fails_means_later)
{
	bool rewritten;

	open_site("srs_exclude_domains = fail:x\n");
	ck_assert_int_eq(
	    ask("a@author.test", "b@far.test", "c", &rewritten).kind, ERR_TEMP);
	ck_assert(!rewritten);
	close_site();
}
END_TEST

START_TEST(the_domain_of_senders_has_no_other_names)
{
	struct route route;

	open_site("");
	route_init(&route);
	route_find(&router, VIEW_EMPTY, VIEW("x@FWD.test"), &route);
	ck_assert_int_eq(route.class, IPC_CLASS_VIRTUAL_ALIAS);
	ck_assert_str_eq(route.transport.ptr, "error");
	route_clear(&route);
	close_site();
	/* Unless it is one of the others too. */
	open_site("srs_domain = local.test\n");
	route_init(&route);
	route_find(&router, VIEW_EMPTY, VIEW("x@local.test"), &route);
	ck_assert_int_eq(route.class, IPC_CLASS_LOCAL);
	route_clear(&route);
	close_site();
}
END_TEST

UNIT_MAIN("rewrite/forward",
    { a_sender_changes_only_if_our_alias_sends_mail_away,
	(int)ARRAY_LEN(cases) },
    { a_table_that_fails_means_later, 1 },
    { the_domain_of_senders_has_no_other_names, 1 })
