/* Where log lines go: files, pipes, a log daemon; full, gone and back. */
#include "log/sink.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "log/receive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char folder[] = "/tmp/barid-sink-XXXXXX";
static char path[sizeof(folder) + 20];

static void
make_folder(const char *name)
{
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/%s", folder, name);
}

static void
remove_folder(void)
{
	unlink(path);
	ck_assert_int_eq(rmdir(folder), 0);
}

static void
add(struct sink *s, const char *text)
{
	struct record r = { .level = LOG_LEVEL_INFO,
		.wall_us = INT64_C(1700000000000000),
		.pid = 7,
		.tag = "t",
		.text = view_of(text) };

	sink_add(s, &r);
}

/* All that the descriptor gives now, from its beginning for a file. */
static const char *
contents(int fd)
{
	static char text[1 << 20];
	ssize_t n = read(fd, text, sizeof(text) - 1);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static const char *
file_contents(void)
{
	int fd = open(path, O_RDONLY);
	const char *text = contents(fd);

	close(fd);
	return text;
}

START_TEST(a_file_gets_lines_in_the_form_that_analysers_know)
{
	struct sink s;
	struct stat st;
	char host[64];
	int month_end;

	make_folder("mail.log");
	ck_assert(!err_is(sink_open_file(&s, path)));
	add(&s, "connect from unknown[192.0.2.1]");
	add(&s, "two");
	ck_assert(sink_write(&s));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	month_end = 0;
	ck_assert_int_eq(
	    sscanf(file_contents(),
		"Nov %*d %*d:%*d:%*d %63s t[7]: connect from unknown%n", host,
		&month_end),
	    1);
	ck_assert_int_gt(month_end, 0);
	ck_assert_ptr_null(strchr(host, '.'));
	sink_close(&s);
	remove_folder();
}
END_TEST

START_TEST(what_is_no_plain_file_is_refused)
{
	struct sink s;

	make_folder("link");
	ck_assert_int_eq(symlink("/tmp/elsewhere", path), 0);
	ck_assert_int_eq(sink_open_file(&s, path).kind, ERR_TEMP);
	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(sink_open_file(&s, path).kind, ERR_TEMP);
	remove_folder();
}
END_TEST

START_TEST(a_file_that_was_renamed_or_removed_is_stale)
{
	char other[sizeof(path) + 2];
	struct sink s;

	make_folder("mail.log");
	snprintf(other, sizeof(other), "%s.1", path);
	ck_assert(!err_is(sink_open_file(&s, path)));
	ck_assert(!sink_is_stale(&s));
	ck_assert_int_eq(rename(path, other), 0);
	ck_assert(sink_is_stale(&s));
	ck_assert_int_eq(rename(other, path), 0);
	ck_assert(!sink_is_stale(&s));
	unlink(path);
	ck_assert(sink_is_stale(&s));
	sink_close(&s);
	remove_folder();
}
END_TEST

/* A descriptor that takes one page, and no more: a disk that fills up. */
static int
open_small_disk(void)
{
	int fd = memfd_create("disk", MFD_ALLOW_SEALING | MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, 4096), 0);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);
	return fd;
}

START_TEST(a_full_disk_costs_lines_and_their_number_is_told)
{
	const char *text;
	struct sink s;
	int small = open_small_disk(), file;
	uint64_t lines = 0;

	make_folder("mail.log");
	ck_assert(!err_is(sink_open_file(&s, path)));
	file = dup(s.fd);
	ck_assert_int_ge(dup2(small, s.fd), 0);
	for (; s.out.len < 5000; lines++)
		add(&s, "a line of some length");
	ck_assert(sink_write(&s));
	ck_assert_uint_gt(s.lost, 1);
	ck_assert_uint_lt(s.lost, lines / 2);
	ck_assert(s.torn);
	lines = s.lost;
	add(&s, "lost as well");
	ck_assert(sink_write(&s));
	ck_assert_uint_eq(s.lost, lines + 1);
	ck_assert_int_ge(dup2(file, s.fd), 0);
	add(&s, "there again");
	ck_assert(sink_write(&s));
	ck_assert_uint_eq(s.lost, 0);
	add(&s, "and on");
	ck_assert(sink_write(&s));
	text = file_contents();
	/* The line that was torn has an end. */
	ck_assert_int_eq(text[0], '\n');
	ck_assert_ptr_nonnull(strstr(text, " log lines were lost: write to "));
	ck_assert_ptr_nonnull(strstr(text, "t[7]: there again\n"));
	ck_assert_ptr_nonnull(strstr(text, "t[7]: and on\n"));
	ck_assert_ptr_null(strstr(text, "lost as well"));
	sink_close(&s);
	close(small);
	close(file);
	remove_folder();
}
END_TEST

START_TEST(a_pipe_that_is_full_is_waited_for)
{
	struct sink s;
	int ends[2];
	size_t lines = 0, got = 0;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert(!err_is(sink_open_stream(&s, ends[1])));
	while (!sink_is_full(&s)) {
		add(&s, "into a pipe");
		lines++;
	}
	while (!sink_write(&s))
		for (const char *p = contents(ends[0]); *p != '\0'; p++)
			got += *p == '\n';
	sink_close(&s);
	close(ends[1]);
	for (;;) {
		const char *p = contents(ends[0]);

		if (*p == '\0')
			break;
		for (; *p != '\0'; p++)
			got += *p == '\n';
	}
	ck_assert_uint_eq(got, lines);
	close(ends[0]);
}
END_TEST

static int
open_log_daemon(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

START_TEST(a_log_daemon_gets_datagrams_also_after_it_was_started_again)
{
	struct record r = { .level = LOG_LEVEL_WARN,
		.pid = 8,
		.tag = "u",
		.text = VIEW("warning: two") };
	const char *text;
	char stamp[40];
	struct sink s;
	int fd, end = 0;

	make_folder("dev-log");
	fd = open_log_daemon();
	ck_assert(!err_is(sink_open_syslog(&s, path, "mail")));
	add(&s, "one");
	sink_add(&s, &r);
	ck_assert(sink_write(&s));
	sscanf(contents(fd), "<22>Nov %39[^t]t[7]: one%n", stamp, &end);
	ck_assert_int_eq(end, 4 + 15 + 1 + 9);
	text = contents(fd);
	ck_assert(strncmp(text, "<20>", 4) == 0);
	ck_assert_ptr_nonnull(strstr(text, ":00 u[8]: warning: two"));
	close(fd);
	add(&s, "three");
	ck_assert(sink_write(&s));
	ck_assert_uint_eq(s.lost, 1);
	unlink(path);
	fd = open_log_daemon();
	s.retry_at = 0;
	add(&s, "four");
	ck_assert(sink_write(&s));
	ck_assert_ptr_nonnull(strstr(contents(fd), "1 log lines were lost"));
	ck_assert_ptr_nonnull(strstr(contents(fd), "four"));
	close(fd);
	sink_close(&s);
	remove_folder();
}
END_TEST

START_TEST(an_unknown_facility_is_refused)
{
	struct sink s;

	ck_assert_int_eq(sink_open_syslog(&s, "/x", "nix").kind, ERR_PERM);
	ck_assert(!err_is(sink_open_syslog(&s, "/x", "LOCAL3")));
	sink_close(&s);
}
END_TEST

static const struct {
	const char *path, *prefixes;
	bool allowed;
} prefixes[] = {
	{ "/var/log/mail.log", "/var, /dev/stdout", true },
	{ "/dev/stdout", "/var, /dev/stdout", true },
	{ "/variable/x", "/var, /dev/stdout", false },
	{ "/var", "/var/", true },
	{ "/etc/passwd", "/var, /dev/stdout", false },
	{ "/etc/passwd", "/", true },
	{ "/var/x", "", false },
};

START_TEST(a_log_file_lies_below_a_prefix)
{
	ck_assert(sink_path_allowed(view_of(prefixes[_i].path),
		      view_of(prefixes[_i].prefixes)) == prefixes[_i].allowed);
}
END_TEST

START_TEST(who_sends_is_what_the_kernel_says_and_times_are_near)
{
	const char *text;
	struct sink s;
	struct order order;
	struct receiver r = { .order = &order };
	int ends[2], out[2];
	char own[40];

	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	ck_assert(!err_is(sink_open_stream(&s, out[1])));
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
	receive_prepare(ends[1]);
	/* 1970, and a pid that is not ours. */
	ck_assert_int_gt(send(ends[0], "1 1 4321 t old\nbad\n", 19, 0), 0);
	order_init(&order, &s);
	ck_assert(receive_datagrams(&r, ends[1]));
	order_release(&order, INT64_MAX);
	ck_assert(sink_write(&s));
	text = contents(out[0]);
	snprintf(own, sizeof(own), " t[%d]: old\n", (int)getpid());
	ck_assert_ptr_nonnull(strstr(text, own));
	ck_assert_ptr_null(strstr(text, "Jan  1 0"));
	ck_assert_int_eq(r.bad_pid, getpid());
	order_clear(&order);
	sink_close(&s);
	for (int i = 0; i < 2; i++) {
		close(ends[i]);
		close(out[i]);
	}
}
END_TEST

static const struct {
	int64_t uid;
	const char *tag, *shown;
} tags[] = {
	{ 100, "barid/smtpd", "barid/smtpd" },
	{ 100, "barid/submission/smtpd", "barid/submission/smtpd" },
	{ 100, "smtpd", "smtpd" },
	{ 100, "barid/qmgr", "smtpd!" },
	{ 100, "sshd", "smtpd!" },
	{ 100, "smtpd/qmgr", "smtpd!" },
	{ 200, "sshd", "sshd" },
};

START_TEST(attack_90_nobody_writes_under_the_name_of_another)
{
	static const struct receiver_rule rule = { 100, { "smtpd" } };
	struct sink s = { .kind = SINK_FILE };
	struct order order;
	struct receiver r = { .order = &order, .rules = &rule, .n_rules = 1 };
	char line[100];
	int n = snprintf(
	    line, sizeof(line), "1 1 1 %s text\n", tags[_i].tag);

	order_init(&order, &s);
	receive_one(&r, view_make(line, (size_t)n), 1, tags[_i].uid);
	ck_assert_uint_eq(order.n, 1);
	ck_assert_str_eq(order.lines[0].record.tag, tags[_i].shown);
	order_clear(&order);
}
END_TEST

START_TEST(lines_leave_in_the_order_of_their_times)
{
	static const struct {
		int64_t wall_us;
		const char *text;
	} came[] = { { 5000000, "third" }, { 3000000, "first" },
		{ 4000000, "second" }, { 5000000, "fourth" },
		{ 5500000, "later" } };
	struct order order;
	struct sink s;
	const char *text, *at;
	int out[2];

	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	ck_assert(!err_is(sink_open_stream(&s, out[1])));
	order_init(&order, &s);
	for (size_t i = 0; i < ARRAY_LEN(came); i++) {
		struct record r = { .level = LOG_LEVEL_INFO,
			.wall_us = came[i].wall_us, .pid = 1, .tag = "t",
			.text = view_of(came[i].text) };

		order_add(&order, &r);
	}
	order_release(&order, 5000000);
	ck_assert_uint_eq(order.n, 1);
	ck_assert(sink_write(&s));
	text = contents(out[0]);
	at = strstr(text, "first");
	ck_assert_ptr_nonnull(at);
	at = strstr(at, "second");
	ck_assert_ptr_nonnull(at);
	at = strstr(at, "third");
	ck_assert_ptr_nonnull(at);
	ck_assert_ptr_nonnull(strstr(at, "fourth"));
	ck_assert_ptr_null(strstr(text, "later"));
	order_clear(&order);
	sink_close(&s);
	close(out[0]);
	close(out[1]);
}
END_TEST

/* The clock was set back by a day: lines that were said before it do not wait
 * until that time comes again. */
START_TEST(lines_of_a_time_that_will_come_again_leave)
{
	static const int64_t times_us[] = { 90000 * INT64_C(1000000), 5000001 };
	int out[2];
	struct order order;
	struct sink s;
	const char *text;

	ck_assert_int_eq(pipe2(out, O_NONBLOCK | O_CLOEXEC), 0);
	ck_assert(!err_is(sink_open_stream(&s, out[1])));
	order_init(&order, &s);
	for (size_t i = 0; i < ARRAY_LEN(times_us); i++) {
		struct record r = { .level = LOG_LEVEL_INFO,
			.wall_us = times_us[i],
			.tag = "t",
			.text = i == 0 ? VIEW("ahead") : VIEW("soon") };

		order_add(&order, &r);
	}
	order_release(&order, 5000000);
	ck_assert_uint_eq(order.n, 1);
	ck_assert(sink_write(&s));
	text = contents(out[0]);
	ck_assert_ptr_nonnull(strstr(text, "ahead"));
	ck_assert_ptr_null(strstr(text, "soon"));
	order_clear(&order);
	sink_close(&s);
	close(out[0]);
	close(out[1]);
}
END_TEST

UNIT_MAIN("log/sink", { a_file_gets_lines_in_the_form_that_analysers_know, 1 },
    { what_is_no_plain_file_is_refused, 1 },
    { a_file_that_was_renamed_or_removed_is_stale, 1 },
    { a_full_disk_costs_lines_and_their_number_is_told, 1 },
    { a_pipe_that_is_full_is_waited_for, 1 },
    { a_log_daemon_gets_datagrams_also_after_it_was_started_again, 1 },
    { an_unknown_facility_is_refused, 1 },
    { a_log_file_lies_below_a_prefix, ARRAY_LEN(prefixes) },
    { who_sends_is_what_the_kernel_says_and_times_are_near, 1 },
    { attack_90_nobody_writes_under_the_name_of_another,
	ARRAY_LEN(tags) },
    { lines_leave_in_the_order_of_their_times, 1 },
    { lines_of_a_time_that_will_come_again_leave, 1 })
