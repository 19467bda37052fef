/* smtp_generic_maps: envelope and header. */
#include "smtp/generic.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

#include <sys/mman.h>

static struct conf *conf;
static struct settings set;

#define SITE                                                             \
	"mydestination = here.example\nmyorigin = here.example\n"        \
	"inet_interfaces = 127.0.0.1\nrecipient_delimiter = +\n"         \
	"smtp_generic_maps = inline:{ {joe@here.example = joe@isp.test} " \
	"{ann = ann@isp.test} {@old.test = @new.test} {short@x = me} }\n"

static void
open_set(const char *lines)
{
	struct conf_source source = { .dir = "/nonexistent",
		.service_name = "smtp", .process_name = "smtp" };

	set = (struct settings){ .is_lmtp = false };
	ck_assert(!err_is(
	    conf_load_text(&source, view_of(lines), "main.cf", &conf)));
	ck_assert(!err_is(generic_open(&set, conf, false)));
}

static void
close_set(void)
{
	generic_close(&set);
	conf_free(conf);
}

/* delivery_clear closes it. */
static int
empty_file(void)
{
	int fd = memfd_create("empty", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static const struct {
	const char *before, *after;
} addresses[] = {
	{ "joe@here.example", "joe@isp.test" },
	{ "Joe+x@Here.Example", "joe@isp.test" },
	{ "ann@here.example", "ann@isp.test" },
	{ "ann@elsewhere.test", "ann@elsewhere.test" },
	{ "u+e@old.test", "u+e@new.test" },
	{ "short@x", "me@here.example" },
	{ "", "" },
};

START_TEST(the_envelope_gets_addresses_that_are_valid_elsewhere)
{
	struct str rcpts = STR_EMPTY;
	struct ipc_rcpt rcpt = { 0, view_of(addresses[_i].before), VIEW_EMPTY,
		VIEW_EMPTY, 0 };
	struct ipc_deliver ask = { .file = empty_file(),
		.sender = view_of(addresses[_i].before) };
	struct delivery d;

	open_set(SITE);
	ipc_list_add(&rcpts, ipc_rcpt_type(), &rcpt);
	ask.rcpts = str_view(&rcpts);
	ck_assert(!err_is(delivery_init(&d, &set, &ask)));
	ck_assert(!err_is(generic_map_envelope(&d)));
	ck_assert(view_eq(d.sender, view_of(addresses[_i].after)));
	ck_assert(view_eq(d.rcpts[0].address, view_of(addresses[_i].after)));
	/* What the log and qmgr know stays. */
	ck_assert(
	    view_eq(d.rcpts[0].ask.address, view_of(addresses[_i].before)));
	delivery_clear(&d);
	str_clear(&rcpts);
	close_set();
}
END_TEST

static const struct {
	const char *before, *after;
} headers[] = {
	{ "From: J <joe@here.example>\r\nTo: ann@here.example,\r\n x@y.test\r\n"
	  "X: joe@here.example\r\n\r\nFrom: joe@here.example\r\n",
	    "From: J <joe@isp.test>\r\nTo: ann@isp.test,\r\n x@y.test\r\n"
	    "X: joe@here.example\r\n\r\nFrom: joe@here.example\r\n" },
	{ "Subject: x\r\n\r\nbody\r\n", "Subject: x\r\n\r\nbody\r\n" },
	{ "\r\nbody\r\n", "\r\nbody\r\n" },
	{ "no header at all\r\n", "no header at all\r\n" },
	{ "Cc: joe@here.example\r\nbody begins here\r\nTo: joe@here.example\r\n",
	    "Cc: joe@isp.test\r\nbody begins here\r\n"
	    "To: joe@here.example\r\n" },
	{ "Cc: joe@here.example\r\n", "Cc: joe@isp.test\r\n" },
	{ "Cc: joe@here.example", "Cc: joe@isp.test" },
	{ "", "" },
};

START_TEST(the_header_is_changed_wherever_it_is_cut)
{
	struct view before = view_of(headers[_i].before);

	open_set(SITE);
	for (size_t cut = 0; cut <= before.len; cut++) {
		struct generic_header g;
		struct str out = STR_EMPTY;

		generic_header_init(&g, &set);
		ck_assert(!err_is(generic_header_feed(
		    &g, view_first(before, cut), &out)));
		ck_assert(!err_is(
		    generic_header_feed(&g, view_skip(before, cut), &out)));
		ck_assert(!err_is(generic_header_finish(&g, &out)));
		ck_assert_str_eq(out.ptr, headers[_i].after);
		generic_header_clear(&g);
		str_clear(&out);
	}
	close_set();
}
END_TEST

START_TEST(a_header_without_end_is_not_kept_for_ever)
{
	struct generic_header g;
	struct str line = STR_EMPTY, out = STR_EMPTY;
	size_t sum = 0;

	open_set(SITE);
	generic_header_init(&g, &set);
	str_add_text(&line, "To: joe@here.example");
	while (line.len < 60000)
		str_add_text(&line, ",\r\n joe@here.example");
	str_add_text(&line, "\r\n");
	for (int i = 0; i < 40; i++) {
		ck_assert(
		    !err_is(generic_header_feed(&g, str_view(&line), &out)));
		sum += line.len;
		ck_assert_uint_le(g.head.len, (1 << 20) + line.len);
	}
	ck_assert(!err_is(generic_header_finish(&g, &out)));
	ck_assert(g.is_done);
	ck_assert_uint_gt(out.len, sum / 2);
	generic_header_clear(&g);
	str_clear(&line);
	str_clear(&out);
	close_set();
}
END_TEST

START_TEST(a_table_that_fails_defers)
{
	struct generic_header g;
	struct ipc_rcpt rcpt = { 0, VIEW("a@b.test"), VIEW_EMPTY, VIEW_EMPTY,
		0 };
	struct str rcpts = STR_EMPTY, out = STR_EMPTY;
	struct ipc_deliver ask = { .file = empty_file(),
		.sender = VIEW("a@b.test") };
	struct delivery d;

	open_set("inet_interfaces = 127.0.0.1\nsmtp_generic_maps = fail:x\n");
	ipc_list_add(&rcpts, ipc_rcpt_type(), &rcpt);
	ask.rcpts = str_view(&rcpts);
	ck_assert(!err_is(delivery_init(&d, &set, &ask)));
	ck_assert_int_eq(generic_map_envelope(&d).kind, ERR_TEMP);
	delivery_clear(&d);
	generic_header_init(&g, &set);
	ck_assert_int_eq(generic_header_feed(&g,
			     VIEW("From: a@b.test\r\n\r\n"), &out)
			     .kind,
	    ERR_TEMP);
	generic_header_clear(&g);
	str_clear(&rcpts);
	str_clear(&out);
	close_set();
}
END_TEST

START_TEST(without_maps_nothing_is_kept)
{
	struct generic_header g;

	open_set("");
	ck_assert(!generic_is_on(&set));
	generic_header_init(&g, &set);
	ck_assert(g.is_done);
	generic_header_clear(&g);
	close_set();
}
END_TEST

UNIT_MAIN("generic",
    { the_envelope_gets_addresses_that_are_valid_elsewhere,
	(int)ARRAY_LEN(addresses) },
    { the_header_is_changed_wherever_it_is_cut, (int)ARRAY_LEN(headers) },
    { a_header_without_end_is_not_kept_for_ever, 1 },
    { a_table_that_fails_defers, 1 }, { without_maps_nothing_is_kept, 1 })
