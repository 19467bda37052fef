/* Canonical maps, masquerading, virtual aliases and blind copies. */
#include "cleanup/testing.h"

#include "lib/base/unit.h"
#include "lib/mail/esmtp.h"

static struct cleanup cleanup;
static struct message message;

static void
open_message(const char *lines)
{
	struct str text = STR_EMPTY;

	str_printf(&text,
	    "inet_interfaces = 127.0.0.1\nmydestination = here.example\n"
	    "myorigin = here.example\nrecipient_delimiter = +\n%s",
	    lines);
	test_cleanup_init(&cleanup, text.ptr);
	test_message_init(&message, &cleanup, "remote", VIEW_EMPTY);
	message.submit.origin = VIEW("smtpd");
	str_clear(&text);
}

static void
close_message(void)
{
	test_message_clear(&message);
	test_cleanup_clear(&cleanup);
}

/* --- one address to another --- */

#define CANONICALS                                                        \
	"canonical_maps = inline:{ {a@x.test = b@x.test} {n = m} }\n"     \
	"sender_canonical_maps = inline:{ {s@x.test = a@x.test} }\n"      \
	"recipient_canonical_maps = inline:{ {r@x.test = a@x.test} }\n"
#define MASQUERADES                                                       \
	"masquerade_domains = !keep.m.test M.test\n"                      \
	"masquerade_exceptions = root, admin\n"

static const struct {
	const char *lines;
	enum mapping_class class;
	const char *address, *result; /* NULL: it does not end */
} cases[] = {
	{ CANONICALS, MAPPING_ENVELOPE_RCPT, "a@x.test", "b@x.test" },
	{ CANONICALS, MAPPING_ENVELOPE_RCPT, "a+e@x.test", "b+e@x.test" },
	{ CANONICALS, MAPPING_ENVELOPE_RCPT, "n@here.example",
	    "m@here.example" },
	{ CANONICALS, MAPPING_ENVELOPE_RCPT, "n@x.test", "n@x.test" },
	{ CANONICALS, MAPPING_ENVELOPE_RCPT, "", "" },
	/* The special ones first, then the common one. */
	{ CANONICALS, MAPPING_ENVELOPE_SENDER, "s@x.test", "b@x.test" },
	{ CANONICALS, MAPPING_HEADER_SENDER, "s@x.test", "b@x.test" },
	{ CANONICALS, MAPPING_ENVELOPE_SENDER, "r@x.test", "r@x.test" },
	{ CANONICALS, MAPPING_ENVELOPE_RCPT, "r@x.test", "b@x.test" },
	{ CANONICALS, MAPPING_HEADER_RCPT, "s@x.test", "s@x.test" },
	{ "canonical_maps = inline:{ {a@x.test = b@x.test} "
	  "{b@x.test = a@x.test} }\n",
	    MAPPING_ENVELOPE_RCPT, "a@x.test", NULL },
	/* As far as it leads. */
	{ "canonical_maps = inline:{ {a@x.test = b@x.test} "
	  "{b@x.test = c@x.test} {@y.test = @x.test} }\n",
	    MAPPING_ENVELOPE_RCPT, "a@y.test", "c@x.test" },
	{ "canonical_maps = inline:{ {a@x.test = b@x.test, c@x.test} }\n",
	    MAPPING_ENVELOPE_RCPT, "a@x.test", "b@x.test" },
	{ "canonical_maps = inline:{ {a@x.test = b@x.test} }\n"
	  "canonical_classes = header_sender\n",
	    MAPPING_ENVELOPE_RCPT, "a@x.test", "a@x.test" },
	{ "canonical_maps = inline:{ {a@x.test = b@x.test} }\n"
	  "canonical_classes = header_sender\n",
	    MAPPING_HEADER_SENDER, "a@x.test", "b@x.test" },
	{ "canonical_maps = inline:{ {a@x.test = b@x.test} }\n"
	  "propagate_unmatched_extensions = virtual\n",
	    MAPPING_ENVELOPE_RCPT, "a+e@x.test", "b@x.test" },

	{ MASQUERADES, MAPPING_ENVELOPE_SENDER, "u@h.m.test", "u@m.test" },
	{ MASQUERADES, MAPPING_ENVELOPE_SENDER, "u@a.b.M.TEST", "u@m.test" },
	{ MASQUERADES, MAPPING_ENVELOPE_SENDER, "u@m.test", "u@m.test" },
	{ MASQUERADES, MAPPING_ENVELOPE_SENDER, "u@M.test", "u@M.test" },
	{ MASQUERADES, MAPPING_ENVELOPE_SENDER, "u@xm.test", "u@xm.test" },
	{ MASQUERADES, MAPPING_ENVELOPE_SENDER, "u@h.keep.m.test",
	    "u@h.keep.m.test" },
	{ MASQUERADES, MAPPING_ENVELOPE_SENDER, "u@keep.m.test",
	    "u@keep.m.test" },
	{ MASQUERADES, MAPPING_ENVELOPE_SENDER, "root@h.m.test",
	    "root@h.m.test" },
	{ MASQUERADES, MAPPING_ENVELOPE_SENDER, "Admin@h.m.test",
	    "Admin@h.m.test" },
	{ MASQUERADES, MAPPING_ENVELOPE_SENDER, "root+e@h.m.test",
	    "root+e@m.test" },
	{ MASQUERADES, MAPPING_ENVELOPE_RCPT, "u@h.m.test", "u@h.m.test" },
	{ MASQUERADES, MAPPING_HEADER_RCPT, "u@h.m.test", "u@m.test" },
	{ MASQUERADES "masquerade_classes = envelope_recipient\n",
	    MAPPING_ENVELOPE_RCPT, "u@h.m.test", "u@m.test" },
	{ MASQUERADES "canonical_maps = inline:{ {c@x.test = c@h.m.test} }\n",
	    MAPPING_HEADER_RCPT, "c@x.test", "c@m.test" },
};

START_TEST(an_address_becomes_another_by_class)
{
	struct str address = STR_EMPTY;
	struct err e;

	open_message(cases[_i].lines);
	str_add_text(&address, cases[_i].address);
	e = mapping_apply(&message, cases[_i].class, &address);
	ck_assert_int_eq(err_is(e), cases[_i].result == NULL);
	/* Once: who refuses the message for it does not log it again. */
	ck_assert_int_eq(message.is_logged, cases[_i].result == NULL);
	if (!err_is(e))
		ck_assert_str_eq(address.ptr, cases[_i].result);
	str_clear(&address);
	close_message();
}
END_TEST

START_TEST(receive_override_options_leave_addresses_alone)
{
	struct str address = STR_EMPTY;

	open_message(CANONICALS MASQUERADES);
	message.flags |= SUBMIT_NO_MAPPINGS;
	str_add_text(&address, "a@x.test");
	ck_assert(
	    !err_is(mapping_apply(&message, MAPPING_ENVELOPE_RCPT, &address)));
	ck_assert_str_eq(address.ptr, "a@x.test");
	ck_assert(!mapping_applies(&message, MAPPING_HEADER_SENDER));
	str_clear(&address);
	close_message();
}
END_TEST

START_TEST(classes_without_maps_ask_nothing)
{
	open_message("");
	ck_assert_uint_eq(cleanup.mapping->classes, 0);
	close_message();
	open_message("masquerade_domains = m.test\n");
	ck_assert(!mapping_applies(&message, MAPPING_ENVELOPE_RCPT));
	ck_assert(mapping_applies(&message, MAPPING_HEADER_RCPT));
	close_message();
}
END_TEST

START_TEST(a_word_that_is_no_class_is_refused)
{
	static const char *const lines[] = { "canonical_classes = x\n",
		"sender_canonical_classes = header_sender y\n",
		"masquerade_classes = envelope\n" };
	struct conf_source source = { .dir = "/nonexistent",
		.service_name = "cleanup", .process_name = "cleanup" };
	struct mapping map;
	struct conf *conf;

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		ck_assert(!err_is(conf_load_text(
		    &source, view_of(lines[i]), "main.cf", &conf)));
		ck_assert_msg(
		    mapping_open(&map, conf).kind == ERR_PERM, "%s", lines[i]);
		mapping_close(&map);
		conf_free(conf);
	}
}
END_TEST

/* --- recipients --- */

static struct err
add(const char *address, int64_t notify)
{
	struct ipc_rcpt r = { 0, view_of(address), view_of(address), VIEW_EMPTY,
		notify };

	return test_add_rcpt(&message, &r);
}

/* "address<original" of each, with ! for one that nobody is told of. */
static void
taken(struct str *out)
{
	struct view rest = str_view(&message.rcpts);
	struct ipc_rcpt r;
	bool more;

	str_reset(out);
	while (!err_is(ipc_list_next(&rest, IPC_IN(rcpt, &r), &more)) && more)
		str_addf(out, "%s%.*s<%.*s%s", out->len > 0 ? " " : "",
		    VIEW_ARGS(r.address), VIEW_ARGS(r.original),
		    r.notify == ESMTP_NOTIFY_NEVER ? "!" : "");
}

#define ALIASES                                                           \
	"virtual_alias_maps = inline:{ {a@x.test = b@x.test, c@x.test} "  \
	"{c@x.test = d@x.test c@x.test} {@all.test = one@x.test} "        \
	"{l@x.test = k@x.test} {k@x.test = l@x.test} "                    \
	"{self@x.test = self@x.test} {n = m, o+p} {e@x.test = a@x.test} " \
	"{q@x.test = {\"r s\"@x.test}} }\n"

static const struct {
	const char *lines, *address, *rcpts;
} expansions[] = {
	{ ALIASES, "z@x.test", "z@x.test<z@x.test" },
	{ ALIASES, "a@x.test",
	    "b@x.test<a@x.test d@x.test<a@x.test c@x.test<a@x.test" },
	{ ALIASES, "a+1@x.test",
	    "b+1@x.test<a+1@x.test d+1@x.test<a+1@x.test "
	    "c+1@x.test<a+1@x.test" },
	{ ALIASES, "e@x.test",
	    "b@x.test<e@x.test d@x.test<e@x.test c@x.test<e@x.test" },
	{ ALIASES, "u+1@all.test", "one@x.test<u+1@all.test" },
	{ ALIASES, "self@x.test", "self@x.test<self@x.test" },
	{ ALIASES, "n", "m@here.example<n o+p@here.example<n" },
	{ ALIASES "propagate_unmatched_extensions =\n", "self+1@x.test",
	    "self@x.test<self+1@x.test" },
	{ ALIASES "recipient_bcc_maps = inline:{ {z@x.test = a@x.test} }\n",
	    "z@x.test",
	    "z@x.test<z@x.test b@x.test<a@x.test! d@x.test<a@x.test! "
	    "c@x.test<a@x.test!" },
	{ "virtual_alias_maps = inline:{ {a@x.test = b@x.test, B@x.test, "
	  "b@X.test} }\n",
	    "a@x.test", "b@x.test<a@x.test" },
	{ "virtual_alias_maps = regexp:{ {/^(.*)@p$$/ $$1@q.test} }\n", "a+b@p",
	    "a+b@q.test<a+b@p" },
};

START_TEST(a_recipient_becomes_all_that_its_alias_names)
{
	struct str out = STR_EMPTY;

	open_message(expansions[_i].lines);
	ck_assert(!err_is(add(expansions[_i].address, 0)));
	taken(&out);
	ck_assert_str_eq(out.ptr, expansions[_i].rcpts);
	str_clear(&out);
	close_message();
}
END_TEST

static const struct {
	const char *lines, *address;
	bool is_fine;
} limits[] = {
	/* A loop; and as deep as it may be. */
	{ ALIASES, "l@x.test", false },
	{ ALIASES "virtual_alias_recursion_limit = 3\n", "e@x.test", true },
	{ ALIASES "virtual_alias_recursion_limit = 1\n", "e@x.test", false },
	{ ALIASES "virtual_alias_expansion_limit = 3\n", "a@x.test", true },
	{ ALIASES "virtual_alias_expansion_limit = 2\n", "a@x.test", false },
	{ ALIASES "virtual_alias_address_length_limit = 8\n", "a@x.test",
	    true },
	{ ALIASES "virtual_alias_address_length_limit = 7\n", "a@x.test",
	    false },
	/* It grows on and on: the extension is in the result too. */
	{ "virtual_alias_maps = regexp:{ {/^(.*)@g/ $$1$$1@g} }\n", "aa@g",
	    false },
	{ "virtual_alias_maps = regexp:{ {/^(.*)@g/ x$$1@g y$$1@g} }\n", "a@g",
	    false },
};

START_TEST(an_expansion_has_an_end)
{
	struct err e;

	open_message(limits[_i].lines);
	e = add(limits[_i].address, 0);
	ck_assert_int_eq(e.kind, limits[_i].is_fine ? ERR_NONE : ERR_TEMP);
	if (!limits[_i].is_fine) {
		ck_assert_int_eq(message.refusal.code, 451);
		ck_assert_str_eq(
		    message.refusal.reply, "4.6.0 Alias expansion error");
	}
	close_message();
}
END_TEST

START_TEST(the_same_recipient_by_two_ways_counts_as_it_was_given)
{
	struct str out = STR_EMPTY;

	open_message(ALIASES);
	ck_assert(!err_is(add("self@x.test", 0)));
	ck_assert(!err_is(add("Self@X.test", 0)));
	ck_assert(!err_is(add("self@x.test", ESMTP_NOTIFY_NEVER)));
	ck_assert(!err_is(add("b@x.test", 0)));
	ck_assert(!err_is(add("a@x.test", 0)));
	taken(&out);
	ck_assert_str_eq(out.ptr,
	    "self@x.test<self@x.test self@x.test<self@x.test! "
	    "b@x.test<b@x.test b@x.test<a@x.test d@x.test<a@x.test "
	    "c@x.test<a@x.test");
	close_message();
	/* Nobody is told of the first address: then it does not count. */
	open_message(ALIASES "enable_original_recipient = no\n");
	ck_assert(!err_is(add("b@x.test", 0)));
	ck_assert(!err_is(add("a@x.test", 0)));
	taken(&out);
	ck_assert_str_eq(
	    out.ptr, "b@x.test<b@x.test d@x.test<a@x.test c@x.test<a@x.test");
	str_clear(&out);
	close_message();
}
END_TEST

START_TEST(who_wants_to_hear_of_success_hears_of_the_expansion)
{
	struct str out = STR_EMPTY;

	open_message(ALIASES);
	ck_assert(!err_is(add("z@x.test", ESMTP_NOTIFY_SUCCESS)));
	ck_assert_uint_eq(message.journal.len, 0);
	ck_assert(!err_is(add("a@x.test", ESMTP_NOTIFY_SUCCESS)));
	ck_assert(!err_is(add("a@x.test", ESMTP_NOTIFY_SUCCESS)));
	ck_assert(!err_is(add("u@all.test",
	    ESMTP_NOTIFY_SUCCESS | ESMTP_NOTIFY_DELAY)));
	ck_assert_uint_gt(message.journal.len, 0);
	taken(&out);
	ck_assert_str_eq(out.ptr,
	    "z@x.test<z@x.test a@x.test<a@x.test b@x.test<a@x.test! "
	    "d@x.test<a@x.test! c@x.test<a@x.test! u@all.test<u@all.test "
	    "one@x.test<u@all.test");
	str_clear(&out);
	close_message();
}
END_TEST

#define COPIES                                                            \
	"always_bcc = all\n"                                              \
	"sender_bcc_maps = inline:{ {s@x.test = sb@x.test} }\n"           \
	"recipient_bcc_maps = inline:{ {r@x.test = rb} {@d.test = db} }\n"

static const struct {
	const char *origin, *sender, *rcpts;
	int64_t flags;
} copies[] = {
	{ "smtpd", "s@x.test",
	    "sb@x.test<sb@x.test! r@x.test<r@x.test "
	    "rb@here.example<rb@here.example! "
	    "all@here.example<all@here.example!",
	    0 },
	{ "pickup", "",
	    "r@x.test<r@x.test rb@here.example<rb@here.example! "
	    "all@here.example<all@here.example!",
	    0 },
	{ "bounce", "s@x.test", "r@x.test<r@x.test", 0 },
	{ "local", "s@x.test", "r@x.test<r@x.test", 0 },
	{ "smtpd", "s@x.test", "r@x.test<r@x.test", SUBMIT_NO_MAPPINGS },
	{ "pickup", "s@x.test", "r@x.test<r@x.test", SUBMIT_REQUEUED },
};

START_TEST(new_mail_gets_its_blind_copies)
{
	struct str out = STR_EMPTY;

	open_message(COPIES);
	message.submit.origin = view_of(copies[_i].origin);
	message.submit.sender = view_of(copies[_i].sender);
	message.flags = copies[_i].flags;
	ck_assert(!err_is(envelope_set_sender(&message)));
	ck_assert(!err_is(add("r@x.test", 0)));
	ck_assert(!err_is(envelope_end_rcpts(&message)));
	ck_assert(!err_is(envelope_end_rcpts(&message)));
	taken(&out);
	ck_assert_str_eq(out.ptr, copies[_i].rcpts);
	str_clear(&out);
	close_message();
}
END_TEST

START_TEST(mail_that_comes_back_goes_to_the_author)
{
	struct str out = STR_EMPTY;

	open_message("srs_domain = fwd.test\n"
		     "virtual_alias_maps = inline:{ {b@back.example = c@d} }\n");
	ck_assert(!err_is(add("SRS0=a@fwd.test", 0)));
	ck_assert(!err_is(add("SRS0=b@fwd.test", 0)));
	taken(&out);
	ck_assert_str_eq(out.ptr,
	    "a@back.example<SRS0=a@fwd.test c@d<SRS0=b@fwd.test");
	str_clear(&out);
	close_message();
}
END_TEST

START_TEST(without_a_recipient_there_is_no_copy_for_all)
{
	open_message("always_bcc = all\n");
	message.submit.sender = VIEW("s@x.test");
	ck_assert(!err_is(envelope_set_sender(&message)));
	ck_assert(!err_is(envelope_end_rcpts(&message)));
	ck_assert_int_eq(message.n_rcpts, 0);
	close_message();
}
END_TEST

/* Each of the maps fails; nothing is taken for "not found". */
static const char *const failing[] = {
	"canonical_maps = fail:x\n",
	"recipient_canonical_maps = fail:x\n",
	"virtual_alias_maps = fail:x\n",
	"recipient_bcc_maps = fail:x\n",
	"virtual_alias_maps = inline:{ {r@x.test = o@x.test} } fail:x\n",
	"masquerade_domains = x.test\nmasquerade_exceptions = fail:x\n"
	"masquerade_classes = envelope_recipient\n",
};

START_TEST(a_map_that_fails_means_later)
{
	struct err e;

	open_message(failing[_i]);
	e = add("r@x.test", 0);
	ck_assert_int_eq(e.kind, ERR_TEMP);
	ck_assert_int_eq(message.refusal.code, 0);
	close_message();
}
END_TEST

UNIT_MAIN("mapping",
    { an_address_becomes_another_by_class, (int)ARRAY_LEN(cases) },
    { receive_override_options_leave_addresses_alone, 1 },
    { classes_without_maps_ask_nothing, 1 },
    { a_word_that_is_no_class_is_refused, 1 },
    { a_recipient_becomes_all_that_its_alias_names,
	(int)ARRAY_LEN(expansions) },
    { an_expansion_has_an_end, (int)ARRAY_LEN(limits) },
    { the_same_recipient_by_two_ways_counts_as_it_was_given, 1 },
    { who_wants_to_hear_of_success_hears_of_the_expansion, 1 },
    { new_mail_gets_its_blind_copies, (int)ARRAY_LEN(copies) },
    { mail_that_comes_back_goes_to_the_author, 1 },
    { without_a_recipient_there_is_no_copy_for_all, 1 },
    { a_map_that_fails_means_later, (int)ARRAY_LEN(failing) })
