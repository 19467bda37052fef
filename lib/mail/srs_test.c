/* Senders of mail that is sent on. */
#include "lib/mail/srs.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DAY = 86400 };

static const int64_t now = INT64_C(20000) * DAY + 1000;

static struct conf *conf;
static struct srs srs;
static char path[] = "/tmp/barid-srs.XXXXXX";

static struct err
open_srs(const char *keys, const char *lines)
{
	struct conf_source source = { .dir = "/nonexistent",
		.service_name = "rewrite", .process_name = "rewrite" };
	struct str text = STR_EMPTY;
	int fd;

	snprintf(path, sizeof(path), "/tmp/barid-srs.XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, keys, strlen(keys)), (int)strlen(keys));
	close(fd);
	str_printf(&text, "srs_domain = fwd.test\nsrs_key_file = %s\n%s", path,
	    lines);
	ck_assert(!err_is(
	    conf_load_text(&source, str_view(&text), "main.cf", &conf)));
	str_clear(&text);
	return srs_open(&srs, conf);
}

static void
close_srs(void)
{
	srs_close(&srs);
	conf_free(conf);
	unlink(path);
}

#define KEY "0123456789abcdef0123456789abcdef\n"
#define OTHER "fedcba9876543210fedcba9876543210\n"

static const char *
forward(const char *sender, int64_t when)
{
	static struct str out;
	bool rewritten;

	if (out.ptr == NULL)
		str_init(&out);
	ck_assert(!err_is(
	    srs_forward(&srs, view_of(sender), when, &out, &rewritten)));
	return rewritten ? out.ptr : "";
}

static const char *
reverse(const char *address, int64_t when)
{
	static struct str out;

	if (out.ptr == NULL)
		str_init(&out);
	return err_is(srs_reverse(&srs, view_of(address), when, &out)) ?
	    "" : out.ptr;
}

START_TEST(a_sender_comes_back_as_it_was)
{
	static const char *const senders[] = { "a@b.test", "A.b+C@D.Test",
		"a=b=c@d.test", "a b@c.test", "SRS@c.test", "srs0@c.test",
		"x@[192.0.2.1]", "a@b@c.test", "=@c.test" };

	ck_assert(!err_is(open_srs(KEY, "")));
	for (size_t i = 0; i < ARRAY_LEN(senders); i++) {
		struct str there = STR_EMPTY;

		str_add_text(&there, forward(senders[i], now));
		ck_assert_msg(there.len > 0, "%s", senders[i]);
		ck_assert(view_starts(str_view(&there), VIEW("SRS0=")));
		ck_assert(view_ends(str_view(&there), VIEW("@fwd.test")));
		ck_assert_str_eq(reverse(there.ptr, now), senders[i]);
		str_clear(&there);
	}
	close_srs();
}
END_TEST

START_TEST(what_need_not_change_stays)
{
	static const char *const senders[] = { "", "postmaster", "@b.test",
		"a@fwd.test", "a@FWD.test", "a@our.test", "a@sub.our2.test",
		"SRS0=x=y=z=a@fwd.test" };

	ck_assert(!err_is(open_srs(
	    KEY, "srs_exclude_domains = our.test, .our2.test\n")));
	for (size_t i = 0; i < ARRAY_LEN(senders); i++)
		ck_assert_str_eq(forward(senders[i], now), "");
	ck_assert_str_ne(forward("a@our2.test", now), "");
	close_srs();
}
END_TEST

START_TEST(another_forwarders_sender_becomes_one_that_names_it)
{
	struct str there = STR_EMPTY;

	ck_assert(!err_is(open_srs(KEY, "")));
	str_add_text(&there, forward("SRS0=HHH=TT=d.test=l@one.test", now));
	ck_assert(view_starts(str_view(&there), VIEW("SRS1=")));
	ck_assert(view_ends(str_view(&there),
	    VIEW("=one.test==HHH=TT=d.test=l@fwd.test")));
	ck_assert_str_eq(
	    reverse(there.ptr, now), "SRS0=HHH=TT=d.test=l@one.test");
	/* However old: who made it looks at its day. */
	ck_assert_str_eq(reverse(there.ptr, now + 900 * DAY),
	    "SRS0=HHH=TT=d.test=l@one.test");

	/* The second forwarder is left out, the first one stays. */
	str_reset(&there);
	str_add_text(&there,
	    forward("SRS1=XXX=one.test==HHH=TT=d.test=l@two.test", now));
	ck_assert(view_ends(str_view(&there),
	    VIEW("=one.test==HHH=TT=d.test=l@fwd.test")));
	ck_assert_str_eq(
	    reverse(there.ptr, now), "SRS0=HHH=TT=d.test=l@one.test");

	str_reset(&there);
	str_add_text(&there, forward("SRS0+HHH+TT+d.test+l@one.test", now));
	ck_assert_str_eq(
	    reverse(there.ptr, now), "SRS0+HHH+TT+d.test+l@one.test");
	/* What only looks like it is a name like others. */
	str_reset(&there);
	str_add_text(&there, forward("SRS1=nothing@two.test", now));
	ck_assert_str_eq(reverse(there.ptr, now), "SRS1=nothing@two.test");
	str_reset(&there);
	str_add_text(&there, forward("SRS1=X==H=T=d.test=l@two.test", now));
	ck_assert_str_eq(
	    reverse(there.ptr, now), "SRS1=X==H=T=d.test=l@two.test");
	str_clear(&there);
	close_srs();
}
END_TEST

START_TEST(it_ends_after_some_days)
{
	static const struct {
		int days;
		bool is_fine;
	} cases[] = { { 0, true }, { 1, true }, { 21, true }, { 22, false },
		{ 400, false }, { -1, true }, { -2, false }, { -30, false },
		{ 1024, true } /* the stamp comes round again */ };
	struct str there = STR_EMPTY;

	ck_assert(!err_is(open_srs(KEY, "")));
	str_add_text(&there, forward("a@b.test", now));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		ck_assert_msg((reverse(there.ptr,
				   now + (int64_t)cases[i].days * DAY)[0] !=
				  '\0') == cases[i].is_fine,
		    "%d days", cases[i].days);
	str_clear(&there);
	close_srs();
}
END_TEST

START_TEST(nobody_else_can_make_one)
{
	struct str there = STR_EMPTY, bad = STR_EMPTY;

	ck_assert(!err_is(open_srs(KEY, "")));
	str_add_text(&there, forward("ab@cd.test", now));
	for (size_t i = 5; i + sizeof("@fwd.test") - 1 < there.len; i++) {
		str_set(&bad, str_view(&there));
		bad.ptr[i] = bad.ptr[i] == 'x' ? 'y' : 'x';
		ck_assert_msg(
		    reverse(bad.ptr, now)[0] == '\0', "%zu: %s", i, bad.ptr);
	}
	/* Mail systems that change the case of letters do no harm. */
	str_set(&bad, str_view(&there));
	str_lower(&bad);
	ck_assert_str_eq(reverse(bad.ptr, now), "ab@cd.test");
	close_srs();
	str_clear(&there);
	str_clear(&bad);
}
END_TEST

START_TEST(what_is_none_of_ours_is_refused)
{
	static const char *const addresses[] = { "", "a@fwd.test",
		"SRS0@fwd.test", "SRS0=@fwd.test", "SRS0=====@fwd.test",
		"SRS0=AAAA=AA=b.test=a@fwd.test", "SRS0=a=b@fwd.test",
		"SRS1=a@fwd.test", "SRS1=a=b@fwd.test", "SRS1=a=b=c@fwd.test",
		"SRS0=AAAAAAAA=AA=b.test=a@else.test", "SRS0=AAAAAAAA=AA==@fwd.test",
		"SRS2=AAAAAAAA=AA=b.test=a@fwd.test" };

	ck_assert(!err_is(open_srs(KEY, "")));
	for (size_t i = 0; i < ARRAY_LEN(addresses); i++)
		ck_assert_str_eq(reverse(addresses[i], now), "");
	close_srs();
}
END_TEST

START_TEST(keys_roll_over)
{
	struct str there = STR_EMPTY;

	ck_assert(!err_is(open_srs(KEY, "")));
	str_add_text(&there, forward("a@b.test", now));
	close_srs();
	ck_assert(!err_is(open_srs("# new\n\n" OTHER KEY, "")));
	ck_assert_str_eq(reverse(there.ptr, now), "a@b.test");
	ck_assert_str_ne(forward("a@b.test", now), there.ptr);
	close_srs();
	ck_assert(!err_is(open_srs(OTHER, "")));
	ck_assert_str_eq(reverse(there.ptr, now), "");
	close_srs();
	str_clear(&there);
}
END_TEST

START_TEST(a_longer_hash_is_asked_for_as_the_site_says)
{
	struct str there = STR_EMPTY;

	ck_assert(!err_is(open_srs(KEY, "srs_hash_length = 4\n")));
	str_add_text(&there, forward("a@b.test", now));
	ck_assert_str_eq(reverse(there.ptr, now), "a@b.test");
	close_srs();
	ck_assert(!err_is(open_srs(KEY, "srs_hash_length = 12\n")));
	ck_assert_str_eq(reverse(there.ptr, now), "");
	close_srs();
	str_clear(&there);
}
END_TEST

START_TEST(without_a_key_nothing_starts)
{
	static const char *const files[] = { "", "# nothing\n", "short\n" };

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		ck_assert_int_eq(open_srs(files[i], "").kind, ERR_PERM);
		close_srs();
	}
	ck_assert(!err_is(open_srs("", "srs_domain =\n")));
	ck_assert(!srs_is_on(&srs));
	ck_assert_str_eq(forward("a@b.test", now), "");
	close_srs();
	ck_assert_int_eq(
	    open_srs(KEY, "srs_key_file = /nonexistent/x\n").kind, ERR_TEMP);
	close_srs();
}
END_TEST

UNIT_MAIN("srs", { a_sender_comes_back_as_it_was, 1 },
    { what_need_not_change_stays, 1 },
    { another_forwarders_sender_becomes_one_that_names_it, 1 },
    { it_ends_after_some_days, 1 }, { nobody_else_can_make_one, 1 },
    { what_is_none_of_ours_is_refused, 1 }, { keys_roll_over, 1 },
    { a_longer_hash_is_asked_for_as_the_site_says, 1 },
    { without_a_key_nothing_starts, 1 })
