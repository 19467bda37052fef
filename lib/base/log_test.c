/* Log lines: cleaning, shape, gathering into datagrams, counting what is lost. */
#include "lib/base/log.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/unit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
	const char *text, *clean;
} cleans[] = {
	{ "", "" },
	{ "plain text, \"quoted\" \\", "plain text, \"quoted\" \\" },
	{ "a\nb\r\tc\x1b[31m", "a\\x0Ab\\x0D\\x09c\\x1B[31m" },
	{ "\x7f", "\\x7F" },
	/* UTF-8 stays. */
	{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xac",
	    "\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xac" },
	/* C1: NEL, CSI. */
	{ "\xc2\x85\xc2\x9b", "\\xC2\\x85\\xC2\\x9B" },
	{ "\xc2\xa0", "\xc2\xa0" },
	/* Line and paragraph separators, direction overrides, isolates. */
	{ "\xe2\x80\xa8", "\\xE2\\x80\\xA8" },
	{ "\xe2\x80\xae", "\\xE2\\x80\\xAE" },
	{ "\xe2\x81\xa6", "\\xE2\\x81\\xA6" },
	{ "\xe2\x80\xa7", "\xe2\x80\xa7" },
	/* Not UTF-8. */
	{ "\xff\xfe", "\\xFF\\xFE" },
	{ "a\xe4z", "a\\xE4z" },
	{ "\xc3", "\\xC3" },
	{ "\xe2\x82", "\\xE2\\x82" },
	{ "\xc0\x80", "\\xC0\\x80" },
	{ "\xed\xa0\x80", "\\xED\\xA0\\x80" },
	{ "\xf8\x88\x80\x80\x80", "\\xF8\\x88\\x80\\x80\\x80" },
};

START_TEST(log_clean_lets_only_printable_text_through)
{
	struct str out = STR_EMPTY;

	log_clean(&out, view_of(cleans[_i].text), LOG_LINE_MAX);
	ck_assert_str_eq(out.ptr, cleans[_i].clean);
	/* Nothing is left to clean, and "no limit" is a limit too. */
	str_reset(&out);
	log_clean(&out, view_of(cleans[_i].clean), SIZE_MAX);
	ck_assert_str_eq(out.ptr, cleans[_i].clean);
	str_set(&out, VIEW("x"));
	log_clean(&out, view_of(cleans[_i].clean), SIZE_MAX);
	ck_assert_str_eq(out.ptr + 1, cleans[_i].clean);
	str_clear(&out);
}
END_TEST

START_TEST(log_clean_cuts_at_whole_characters)
{
	struct view v = VIEW("a\xe2\x82\xac\n\0z");
	/* What is there for each limit. */
	static const char *const expected[] = { "", "a", "a", "a",
		"a\xe2\x82\xac", "a\xe2\x82\xac", "a\xe2\x82\xac",
		"a\xe2\x82\xac", "a\xe2\x82\xac\\x0A" };

	for (size_t max = 0; max < ARRAY_LEN(expected); max++) {
		struct str out = STR_EMPTY;

		str_add_text(&out, "before ");
		log_clean(&out, v, max);
		ck_assert_str_eq(out.ptr + 7, expected[max]);
		str_clear(&out);
	}
}
END_TEST

START_TEST(a_line_has_the_shape_of_syslog)
{
	struct str out = STR_EMPTY;

	setenv("TZ", "UTC", 1);
	/* 2026-01-02 03:04:05: the day is padded by a space. */
	log_format_line(&out, INT64_C(1767323045) * 1000000 + 999999,
	    VIEW("host"), VIEW("postfix/smtpd"), 42, VIEW("connect from x"));
	ck_assert_str_eq(out.ptr,
	    "Jan  2 03:04:05 host postfix/smtpd[42]: connect from x\n");
	str_reset(&out);
	log_format_line(&out, INT64_C(1767323046) * 1000000, VIEW("h"),
	    VIEW("t"), 1, VIEW_EMPTY);
	ck_assert_str_eq(out.ptr, "Jan  2 03:04:06 h t[1]: \n");
	str_clear(&out);
}
END_TEST

/* Logging goes to one end; returns the other. */
static int
log_to_pair(void)
{
	int ends[2];

	ck_assert_int_eq(
	    socketpair(
		AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends),
	    0);
	log_open("barid/te st");
	log_take_socket(ends[0]);
	return ends[1];
}

/* The next datagram; empty if there is none. */
static struct view
next_datagram(int fd)
{
	static char buffer[65536];
	ssize_t n = recv(fd, buffer, sizeof(buffer) - 1, MSG_DONTWAIT);

	buffer[n > 0 ? n : 0] = '\0';
	return view_make(buffer, n > 0 ? (size_t)n : 0);
}

/* Cuts one record off and checks all of it but the time; returns the text. */
static struct view
next_record(struct view *rest, int level)
{
	struct view record, field;
	int64_t number;

	ck_assert(view_field(rest, '\n', &record));
	ck_assert(view_field(&record, ' ', &field));
	ck_assert(view_to_int(field, &number));
	ck_assert_int_eq(number, level);
	ck_assert(view_field(&record, ' ', &field));
	ck_assert(view_to_int(field, &number));
	ck_assert_int_gt(number, INT64_C(1700000000000000));
	ck_assert(view_field(&record, ' ', &field));
	ck_assert(view_to_int(field, &number));
	ck_assert_int_eq(number, getpid());
	ck_assert(view_field(&record, ' ', &field));
	ck_assert(view_eq(field, VIEW("barid/te_st")));
	return record;
}

START_TEST(records_are_gathered_until_the_flush)
{
	int fd = log_to_pair();
	struct view rest, text;

	errno = EACCES;
	log_info("client %s", "evil\nname");
	ck_assert_int_eq(errno, EACCES);
	log_warn("second");
	log_error("third");
	log_debug("not told");
	ck_assert_uint_eq(next_datagram(fd).len, 0);
	log_flush();
	rest = next_datagram(fd);
	text = next_record(&rest, LOG_LEVEL_INFO);
	ck_assert(view_eq(text, VIEW("client evil\\x0Aname")));
	text = next_record(&rest, LOG_LEVEL_WARN);
	ck_assert(view_eq(text, VIEW("warning: second")));
	text = next_record(&rest, LOG_LEVEL_ERROR);
	ck_assert(view_eq(text, VIEW("error: third")));
	ck_assert_uint_eq(rest.len, 0);
	log_flush();
	ck_assert_uint_eq(next_datagram(fd).len, 0);

	log_set_debug(true);
	ck_assert(log_is_debug());
	log_debug("told");
	log_flush();
	rest = next_datagram(fd);
	text = next_record(&rest, LOG_LEVEL_DEBUG);
	ck_assert(view_eq(text, VIEW("debug: told")));
	close(fd);
}
END_TEST

START_TEST(a_line_is_bounded_and_a_full_datagram_leaves)
{
	int fd = log_to_pair();
	struct view rest, text;
	size_t datagrams = 0, lines = 0;

	for (int i = 0; i < 20; i++)
		log_info("%*s", 5000, "x");
	log_flush();
	for (rest = next_datagram(fd); rest.len > 0; rest = next_datagram(fd)) {
		ck_assert_uint_le(rest.len, 16384 + 200);
		datagrams++;
		while (rest.len > 0) {
			text = next_record(&rest, LOG_LEVEL_INFO);
			ck_assert_uint_eq(text.len, LOG_LINE_MAX);
			lines++;
		}
	}
	ck_assert_uint_eq(lines, 20);
	ck_assert_uint_ge(datagrams, 2);
	close(fd);
}
END_TEST

/* Reads all that is kept; the number of lines, and of those that are told to be
 * lost. */
static size_t
read_all(int fd, size_t *lost)
{
	size_t lines = 0;
	struct view rest, record;

	*lost = 0;
	for (;;) {
		log_flush();
		rest = next_datagram(fd);
		if (rest.len == 0)
			break;
		while (rest.len > 0 && view_field(&rest, '\n', &record)) {
			size_t at = view_find_text(record, VIEW("barid/te_st "));
			struct view text = view_skip(record, at + 12);

			ck_assert_uint_ne(at, VIEW_NPOS);
			if (view_ends(text, VIEW(" log lines were lost")))
				*lost += strtoul(text.ptr, NULL, 10);
			else
				lines++;
		}
	}
	return lines;
}

START_TEST(what_cannot_be_sent_is_kept)
{
	int fd = log_to_pair();
	size_t lost;

	/* Far more datagrams than the other end's buffer holds. */
	for (int i = 0; i < 1500; i++) {
		log_info("line");
		log_flush();
	}
	ck_assert_uint_eq(read_all(fd, &lost), 1500);
	ck_assert_uint_eq(lost, 0);
	close(fd);
}
END_TEST

/* A log that does not read is asked less and less often, and reads all in the
 * end. */
START_TEST(a_full_log_is_left_alone)
{
	int fd = log_to_pair(), ms = 0, longest = 0, calls = 0;
	int64_t end = clock_us() + 700000;
	size_t lost;

	for (int i = 0; i < 1500; i++) {
		log_info("line");
		log_flush();
	}
	while (clock_us() < end) {
		ms = log_flush_if_old();
		ck_assert_int_gt(ms, 0);
		longest = ms > longest ? ms : longest;
		calls++;
		usleep((useconds_t)ms * 1000);
	}
	ck_assert_int_ge(longest, 200);
	ck_assert_int_le(longest, 1000);
	ck_assert_int_le(calls, 10);
	ck_assert_uint_eq(read_all(fd, &lost), 1500);
	ck_assert_uint_eq(lost, 0);
	ck_assert_int_eq(log_flush_if_old(), 0);
	close(fd);
}
END_TEST

START_TEST(what_cannot_be_kept_is_counted_and_told)
{
	int fd = log_to_pair();
	size_t told, lost, more, n = 20000;

	for (size_t i = 0; i < n; i++) {
		log_info("line");
		log_flush();
	}
	told = read_all(fd, &lost);
	log_info("after");
	told += read_all(fd, &more) - 1;
	ck_assert_uint_gt(lost + more, 0);
	ck_assert_uint_eq(told + lost + more, n);
	log_info("once");
	ck_assert_uint_eq(read_all(fd, &lost), 1);
	ck_assert_uint_eq(lost, 0);
	close(fd);
}
END_TEST

START_TEST(who_leaves_waits_but_not_for_ever)
{
	int fd = log_to_pair();
	int64_t before;
	size_t lost;

	for (int i = 0; i < 1500; i++) {
		log_info("line");
		log_flush();
	}
	before = clock_us();
	log_drain();
	ck_assert_int_ge(clock_us() - before, 90000);
	ck_assert_int_le(clock_us() - before, 5000000);
	ck_assert_uint_eq(read_all(fd, &lost), 1500);
	before = clock_us();
	log_drain();
	ck_assert_int_le(clock_us() - before, 90000);
	close(fd);
}
END_TEST

START_TEST(a_dead_log_stops_nobody)
{
	int fd = log_to_pair();

	close(fd);
	log_info("to nobody");
	log_flush();
	log_info("again");
	log_flush();
}
END_TEST

START_TEST(dying_flushes_and_tells_master_why)
{
	int fd = log_to_pair(), status;
	pid_t pid = fork();
	struct view rest, record;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (_i == 0)
			die_temp("open %s", "main.cf");
		die_usage("no such verb");
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), _i == 0 ? 75 : 64);
	rest = next_datagram(fd);
	ck_assert(view_field(&rest, '\n', &record));
	ck_assert(view_ends(record,
	    _i == 0 ? VIEW(" fatal: open main.cf")
		    : VIEW(" fatal: no such verb")));
	close(fd);
}
END_TEST

static void
count_line(void *arg, const char *text)
{
	if (strcmp(text, "one \\x0Atwo") == 0)
		++*(int *)arg;
}

START_TEST(warnings_go_to_who_takes_them)
{
	int n = 0;

	log_set_taker(count_line, &n);
	log_warn("%s", "one \ntwo");
	log_error("%s", "one \ntwo");
	log_info("%s", "one \ntwo");
	log_set_taker(NULL, NULL);
	log_warn("%s", "one \ntwo");
	ck_assert_int_eq(n, 2);
}
END_TEST

UNIT_MAIN("log",
    { log_clean_lets_only_printable_text_through, ARRAY_LEN(cleans) },
    { log_clean_cuts_at_whole_characters, 1 },
    { a_line_has_the_shape_of_syslog, 1 },
    { records_are_gathered_until_the_flush, 1 },
    { a_line_is_bounded_and_a_full_datagram_leaves, 1 },
    { what_cannot_be_sent_is_kept, 1 },
    { a_full_log_is_left_alone, 1 },
    { what_cannot_be_kept_is_counted_and_told, 1 },
    { who_leaves_waits_but_not_for_ever, 1 },
    { warnings_go_to_who_takes_them, 1 },
    { a_dead_log_stops_nobody, 1 }, { dying_flushes_and_tells_master_why, 2 })
