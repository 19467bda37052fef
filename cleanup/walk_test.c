/* Header and body checks on messages in memory: what is sent, and what is
 * ordered. */
#include "cleanup/checks.h"
#include "cleanup/testing.h"

#include "lib/base/unit.h"
#include "lib/mail/esmtp.h"

#define HEAD "From: a@x.example\r\nDate: d\r\nMessage-Id: <m>\r\n"

void
store_flush(struct message *m)
{
	(void)m;
}

static const char rules[] =
    "header_checks = regexp:{ {/^X-CARRIAGE/ REPLACE Subject: a\rb}\n"
    " {/^X-([A-Z]+): *(.*)$$/ $$1 $$2}\n"
    " {/^X-(STRIP|REJECT|BCC|FILTER|PREPEND):$$/ $$1}\n"
    " {/^Subject: two. lines/ REPLACE Subject: one} }\n"
    "mime_header_checks = regexp:{ {/^Content-Description:/ IGNORE}\n"
    " {/name=.*\\.exe/ REJECT no programs} }\n"
    "nested_header_checks = regexp:{ {/^Subject:/ PREPEND X-Inside: yes} }\n"
    "body_checks = regexp:{ {/^carriage/ REPLACE c\rd}\n"
    " {/^drop/ IGNORE} {/^act ([A-Z]+) *(.*)/ $$1 $$2}\n"
    " {/needle/ REPLACE pin} }\n"
    "body_checks_size_limit = 100\n";

struct fixture {
	struct cleanup cleanup;
	struct checks checks;
	struct message m;
	struct verdict v;
	struct str out;
};

static void
fixture_init(struct fixture *f, const char *lines, struct view content)
{
	test_cleanup_init(&f->cleanup, lines);
	ck_assert(!err_is(checks_open(&f->checks, f->cleanup.conf)));
	f->cleanup.checks = &f->checks;
	f->v = (struct verdict){ 250, "" };
	str_init(&f->out);
	test_message_init(&f->m, &f->cleanup, "remote", content);
	f->m.submit.whole = 1;
	f->m.submit.origin = VIEW("smtpd");
}

static void
fixture_clear(struct fixture *f)
{
	test_message_clear(&f->m);
	checks_close(&f->checks);
	test_cleanup_clear(&f->cleanup);
	str_clear(&f->out);
}

static const struct {
	const char *in, *out; /* NULL: refused */
	int code;
} cases[] = {
	/* What nothing matches stays. */
	{ HEAD "\r\nbody\r\n", HEAD "\r\nbody\r\n", 250 },
	{ HEAD "X-IGNORE: x\r\n\r\nb\r\n", HEAD "\r\nb\r\n", 250 },
	{ HEAD "X-STRIP: x\r\n\r\nb\r\n", HEAD "\r\nb\r\n", 250 },
	{ HEAD "X-PREPEND: New: 1\r\n\r\nb\r\n",
	    HEAD "New: 1\r\nX-PREPEND: New: 1\r\n\r\nb\r\n", 250 },
	{ HEAD "X-REPLACE: New: 1\r\n\r\nb\r\n", HEAD "New: 1\r\n\r\nb\r\n",
	    250 },
	/* No header: nothing is done. */
	{ HEAD "X-REPLACE: new\r\n\r\nb\r\n",
	    HEAD "X-REPLACE: new\r\n\r\nb\r\n", 250 },
	/* What replaces is treated like what came. */
	{ HEAD "X-REPLACE: Bcc: x\r\n\r\nb\r\n", HEAD "\r\nb\r\n", 250 },
	{ HEAD "X-REJECT: 5.7.9 no\r\n\r\nb\r\n", NULL, 550 },
	{ HEAD "X-REJECT: 4.7.9 no\r\n\r\nb\r\n", NULL, 451 },
	{ HEAD "X-REJECT:\r\n\r\nb\r\n", NULL, 550 },
	{ HEAD "X-PASS: x\r\nX-REJECT: y\r\n\r\ndrop\r\n",
	    HEAD "X-PASS: x\r\nX-REJECT: y\r\n\r\ndrop\r\n", 250 },
	{ HEAD "Subject: two\r\n lines\r\n\r\nb\r\n",
	    HEAD "Subject: one\r\n\r\nb\r\n", 250 },
	/* There is no CR but at the ends of lines, whatever a table has. */
	{ HEAD "X-CARRIAGE: x\r\n\r\ncarriage\r\n",
	    HEAD "Subject: a b\r\n\r\nc d\r\n", 250 },
	/* A header that is folded in the replacement stays one. */
	{ HEAD "X-REPLACE: A: 1\r\n\tB: 2\r\n\r\nb\r\n",
	    HEAD "A: 1\r\n\tB: 2\r\n\r\nb\r\n", 250 },
	/* Bodies. */
	{ HEAD "\r\ndrop\r\na\r\ndrop\r\nb\r\n", HEAD "\r\na\r\nb\r\n", 250 },
	{ HEAD "\r\nact PREPEND x\r\n", HEAD "\r\nx\r\nact PREPEND x\r\n",
	    250 },
	{ HEAD "\r\na needle b\r\n", HEAD "\r\npin\r\n", 250 },
	{ HEAD "\r\nact REJECT 5.1.1 x\r\n", NULL, 550 },
	{ HEAD "\r\nact WARN x\r\nact NOSUCH y\r\n",
	    HEAD "\r\nact WARN x\r\nact NOSUCH y\r\n", 250 },
	/* Only so much of each part. */
	{ HEAD "\r\n0123456789012345678901234567890123456789012345678901234567"
	       "890123456789012345678901234567890123456789\r\ndrop\r\n",
	    HEAD "\r\n012345678901234567890123456789012345678901234567890123456"
		 "7890123456789012345678901234567890123456789\r\ndrop\r\n",
	    250 },
	/* Parts. */
	{ HEAD "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
	       "Content-Description: x\r\n\r\ndrop\r\n--b--\r\n",
	    HEAD "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
		 "\r\n--b--\r\n",
	    250 },
	{ HEAD "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
	       "Content-Type: x/y;\r\n name=a.exe\r\n\r\n--b--\r\n",
	    NULL, 550 },
	{ HEAD "Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ndrop\r\n",
	    HEAD "Content-Type: message/rfc822\r\n\r\nX-Inside: yes\r\n"
		 "Subject: x\r\n\r\n",
	    250 },
	/* Odd ones. */
	{ HEAD "no header\r\n", HEAD "\r\nno header\r\n", 250 },
	{ HEAD, HEAD "\r\n", 250 },
	{ "", "", 250 },
	{ HEAD "Subject : x\r\n\r\nb", HEAD "Subject: x\r\n\r\nb", 250 },
};

START_TEST(checks_change_what_is_sent)
{
	struct fixture f;

	fixture_init(&f, rules, view_of(cases[_i].in));
	ck_assert(checks_are_for(&f.checks, &f.m));
	ck_assert_int_eq(
	    walk_content(&f.m, &f.v), cases[_i].out != NULL);
	ck_assert_int_eq(f.v.code, cases[_i].code);
	if (cases[_i].out != NULL) {
		test_message_result(&f.m, &f.out);
		ck_assert_str_eq(f.out.ptr, cases[_i].out);
	}
	fixture_clear(&f);
}
END_TEST

static const struct {
	const char *line;
	bool hold, discard;
	const char *filter, *redirect, *bcc;
} ordered[] = {
	{ "X-HOLD: a", .hold = true },
	{ "X-DISCARD: a", .discard = true },
	/* Nothing after it counts. */
	{ "X-DISCARD: a\r\nX-HOLD: b", .discard = true },
	{ "X-FILTER: smtp:[h]:25", .filter = "smtp:[h]:25" },
	{ "X-FILTER: smtp", .filter = "" },
	{ "X-FILTER:", .filter = "" },
	{ "X-FILTER: a:1\r\nX-FILTER: b:2", .filter = "b:2" },
	{ "X-REDIRECT: r@x.example", .redirect = "r@x.example" },
	{ "X-REDIRECT: r", .redirect = "" },
	{ "X-BCC: b@x.example", .bcc = "b@x.example" },
	{ "X-BCC: b@x.example\r\nX-BCC: c@x.example",
	    .bcc = "b@x.example c@x.example" },
	{ "X-BCC:", .bcc = "" },
	{ "X-BCC: a\xc3\xa4", .bcc = "" },
};

START_TEST(checks_order_what_becomes_of_it)
{
	struct str in = STR_EMPTY, got = STR_EMPTY;
	struct fixture f;
	struct ipc_rcpt rcpt;
	struct view list;
	bool more;

	str_addf(&in, HEAD "%s\r\n\r\nb\r\n", ordered[_i].line);
	fixture_init(&f, rules, str_view(&in));
	ck_assert(walk_content(&f.m, &f.v));
	ck_assert_int_eq(f.m.orders.hold, ordered[_i].hold);
	ck_assert_int_eq(f.m.orders.discard, ordered[_i].discard);
	ck_assert_str_eq(f.m.orders.filter.ptr,
	    ordered[_i].filter != NULL ? ordered[_i].filter : "");
	ck_assert_str_eq(f.m.orders.redirect.ptr,
	    ordered[_i].redirect != NULL ? ordered[_i].redirect : "");
	list = str_view(&f.m.orders.bcc);
	while (!err_is(ipc_list_next(&list, IPC_IN(rcpt, &rcpt), &more)) &&
	    more) {
		str_addf(&got, "%s%.*s", got.len > 0 ? " " : "",
		    VIEW_ARGS(rcpt.address));
	}
	ck_assert_str_eq(
	    got.ptr, ordered[_i].bcc != NULL ? ordered[_i].bcc : "");
	str_clear(&in);
	str_clear(&got);
	fixture_clear(&f);
}
END_TEST

static void
add_rcpts(struct fixture *f, int n)
{
	char text[32];

	for (int i = 0; i < n; i++) {
		struct ipc_rcpt r = { .orcpt = VIEW_EMPTY,
			.original = VIEW_EMPTY };

		snprintf(text, sizeof(text), "r%d@x.example", i);
		r.address = view_of(text);
		ck_assert(!err_is(test_add_rcpt(&f->m, &r)));
	}
}

START_TEST(orders_change_the_recipients)
{
	static struct fixture f;
	struct ipc_rcpt rcpt;
	struct view list;
	bool more;

	fixture_init(&f, "", VIEW("A: b\r\n\r\n"));
	add_rcpts(&f, 3);
	orders_add_bcc(&f.m.orders, VIEW("copy@x.example"));
	orders_add_bcc(&f.m.orders, VIEW("r1@x.example"));
	ck_assert(!err_is(orders_apply(&f.m)));
	ck_assert_int_eq(f.m.n_rcpts, 5);
	ck_assert_str_eq(f.m.queue, "active");
	orders_take(&f.m.orders, 1, VIEW("a:b"), VIEW("there@x.example"));
	ck_assert(!err_is(orders_apply(&f.m)));
	ck_assert_int_eq(f.m.n_rcpts, 1);
	ck_assert_str_eq(f.m.queue, "hold");
	list = str_view(&f.m.rcpts);
	ck_assert(!err_is(ipc_list_next(&list, IPC_IN(rcpt, &rcpt), &more)));
	ck_assert(view_eq(rcpt.address, VIEW("there@x.example")));
	ck_assert(view_eq(rcpt.original, VIEW("r0@x.example")));
	/* rewrite cannot be asked: later. */
	str_set(&f.m.orders.redirect, VIEW("down"));
	ck_assert(err_is(orders_apply(&f.m)));
	fixture_clear(&f);
}
END_TEST

START_TEST(one_who_gets_it_instead_of_an_alias_is_not_done_already)
{
	struct ipc_rcpt rcpt = { .address = VIEW("alias@x.example"),
		.original = VIEW("alias@x.example"),
		.orcpt = VIEW_EMPTY,
		.notify = ESMTP_NOTIFY_SUCCESS };
	static struct fixture f;

	fixture_init(&f,
	    "virtual_alias_maps = inline:{ {alias@x.example = a@x.example} }\n",
	    VIEW_EMPTY);
	ck_assert(!err_is(test_add_rcpt(&f.m, &rcpt)));
	/* The alias has been expanded, which is its end. */
	ck_assert_int_eq(f.m.n_rcpts, 2);
	ck_assert_uint_gt(f.m.journal.len, 0);
	str_set(&f.m.orders.redirect, VIEW("there@x.example"));
	ck_assert(!err_is(orders_apply(&f.m)));
	ck_assert_int_eq(f.m.n_rcpts, 1);
	ck_assert_uint_eq(f.m.journal.len, 0);
	fixture_clear(&f);
}
END_TEST

static const struct {
	const char *lines, *in;
	int code;
} strict[] = {
	{ "strict_7bit_headers = yes\n", HEAD "S: \xe4\r\n\r\n", 550 },
	{ "strict_7bit_headers = yes\n", HEAD "\r\n\xe4\r\n", 250 },
	{ "strict_8bitmime_body = yes\n", HEAD "S: \xe4\r\n\r\n", 250 },
	{ "strict_8bitmime_body = yes\n", HEAD "\r\n\xe4\r\n", 550 },
	{ "strict_8bitmime_body = yes\n",
	    HEAD "Content-Transfer-Encoding: 8bit\r\n\r\n\xe4\r\n", 250 },
	{ "strict_8bitmime = yes\n", HEAD "S: \xe4\r\n\r\n", 550 },
	{ "strict_8bitmime = yes\n", HEAD "\r\n\xe4\r\n", 550 },
	{ "strict_8bitmime = yes\ndisable_mime_input_processing = yes\n",
	    HEAD "\r\n\xe4\r\n", 250 },
	{ "strict_mime_encoding_domain = yes\n",
	    HEAD "Content-Type: multipart/mixed; boundary=b\r\n"
		 "Content-Transfer-Encoding: base64\r\n\r\n",
	    550 },
	{ "strict_mime_encoding_domain = yes\nmime_nesting_limit = 1\n",
	    HEAD "Content-Type: multipart/a; boundary=a\r\n"
		 "Content-Type: multipart/a; boundary=b\r\n"
		 "Content-Type: multipart/a; boundary=c\r\n"
		 "Content-Type: multipart/a; boundary=d\r\n\r\n",
	    550 },
	/* A table that fails is never "not found". */
	{ "header_checks = fail:now\n", HEAD "\r\nb\r\n", 451 },
	{ "body_checks = fail:now\n", HEAD "\r\nb\r\n", 451 },
	{ "body_checks = regexp:/nonexistent\n", HEAD "\r\nb\r\n", 451 },
	{ "header_checks = regexp:{{/(a*)*$$b/ OK}}\n",
	    HEAD "X: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n\r\n", 250 },
};

START_TEST(what_is_strict_refuses)
{
	struct fixture f;

	fixture_init(&f, strict[_i].lines, view_of(strict[_i].in));
	if (checks_are_for(&f.checks, &f.m))
		walk_content(&f.m, &f.v);
	ck_assert_int_eq(f.v.code, strict[_i].code);
	fixture_clear(&f);
}
END_TEST

/* A pattern with limits that are reached is a table that fails. */
START_TEST(a_pattern_that_takes_too_long_is_later)
{
	struct fixture f;
	struct str in = STR_EMPTY;

	str_add_text(&in, HEAD "X: ");
	for (int i = 0; i < 5000; i++)
		str_add_byte(&in, 'a');
	str_add_text(&in, "!\r\n\r\n");
	fixture_init(&f,
	    "header_checks = pcre:{{/^X: (a|aa)+$$/ REJECT}}\n",
	    str_view(&in));
	ck_assert(!walk_content(&f.m, &f.v));
	ck_assert_int_eq(f.v.code, 451);
	str_clear(&in);
	fixture_clear(&f);
}
END_TEST

START_TEST(our_own_mail_is_not_looked_at)
{
	struct fixture f;

	fixture_init(&f, rules, VIEW_EMPTY);
	f.m.submit.flags = SUBMIT_NO_CHECKS;
	ck_assert(!checks_are_for(&f.checks, &f.m));
	f.m.submit.flags = 0;
	f.m.submit.origin = VIEW("local");
	ck_assert(!checks_are_for(&f.checks, &f.m));
	f.m.submit.origin = VIEW("bounce");
	ck_assert(!checks_are_for(&f.checks, &f.m));
	f.m.submit.origin = VIEW("pickup");
	ck_assert(checks_are_for(&f.checks, &f.m));
	fixture_clear(&f);
	fixture_init(&f,
	    "internal_mail_filter_classes = notify, bounce\n"
	    "body_checks = static:DUNNO\n",
	    VIEW_EMPTY);
	f.m.submit.origin = VIEW("bounce");
	ck_assert(checks_are_for(&f.checks, &f.m));
	fixture_clear(&f);
}
END_TEST

/* So many changes that what is sent is copied. */
START_TEST(many_changes_are_few_pieces)
{
	struct str in = STR_EMPTY, wanted = STR_EMPTY;
	struct fixture f;

	str_add_text(&in, HEAD "\r\n");
	str_add_text(&wanted, HEAD "\r\n");
	for (int i = 0; i < 1000; i++) {
		str_addf(&in, "line %d\r\ndrop\r\n", i);
		str_addf(&wanted, "line %d\r\n", i);
	}
	fixture_init(&f,
	    "body_checks_size_limit = 0\n"
	    "body_checks = regexp:{{/^drop/ IGNORE}}\n",
	    str_view(&in));
	ck_assert(walk_content(&f.m, &f.v));
	ck_assert_uint_le(f.m.n_pieces, 256);
	test_message_result(&f.m, &f.out);
	ck_assert_str_eq(f.out.ptr, wanted.ptr);
	str_clear(&in);
	str_clear(&wanted);
	fixture_clear(&f);
}
END_TEST

UNIT_MAIN("walk", { checks_change_what_is_sent, ARRAY_LEN(cases) },
    { checks_order_what_becomes_of_it, ARRAY_LEN(ordered) },
    { orders_change_the_recipients, 1 },
    { one_who_gets_it_instead_of_an_alias_is_not_done_already, 1 },
    { what_is_strict_refuses, ARRAY_LEN(strict) },
    { a_pattern_that_takes_too_long_is_later, 1 },
    { our_own_mail_is_not_looked_at, 1 },
    { many_changes_are_few_pieces, 1 })
