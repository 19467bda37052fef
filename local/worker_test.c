/*
 * The whole service: front, monitor and children, with frames as qmgr sends
 * them and a cleanup that is played here.
 */
#include "local/front.h"
#include "local/monitor.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/surplus.h"
#include "local/testing.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { TEST_ID = 23456 };

struct world {
	struct daemon daemon;
	struct front front;
	struct monitor_site site;
	char *top;
	struct str main_cf;
	pid_t cleanup;
};

static struct world w;

static bool
is_root(void)
{
	return getuid() == 0;
}

/* A service as main makes it. */
static void
open_world(const char *program, const char *format, ...)
{
	struct conf_source source = { 0 };
	va_list ap;
	struct err e;
	bool is_virtual = strcmp(program, "virtual") == 0;
	const char *spool;

	w = (struct world){ .top = testing_folder(), .main_cf = STR_EMPTY };
	str_addf(&w.main_cf,
	    "myhostname = mx.test\nmydestination = here.test\n"
	    "myorigin = here.test\nalias_maps =\nrecipient_delimiter = +\n"
	    "deliver_lock_attempts = 2\nvirtual_mailbox_base = %s/v\n"
	    "mail_spool_directory = %s/spool\n",
	    w.top, w.top);
	va_start(ap, format);
	str_vaddf(&w.main_cf, format, ap);
	va_end(ap);
	e = conf_load_text(
	    &source, str_view(&w.main_cf), "main.cf", &w.daemon.conf);
	ck_assert_msg(!err_is(e), "%s", e.text);
	w.daemon.program = program;
	w.daemon.slot = 1;
	w.daemon.unprivileged = !is_root();
	spool = w.daemon.conf->mail_spool_directory;
	w.site.minimum_uid =
	    is_virtual ? w.daemon.conf->virtual_minimum_uid : INT64_MAX;
	w.site.spool = spool;
	w.site.names_ms = MONITOR_NAMES_MS;
	w.site.remember_ms = MONITOR_REMEMBER_MS;
	w.site.names_order = "/etc/nsswitch.conf";
	w.site.users = "/etc/passwd";
	front_child_site(&w.daemon, "fcntl, dotlock",
	    is_virtual ? w.daemon.conf->virtual_mailbox_limit
		       : w.daemon.conf->mailbox_size_limit,
	    &w.site.child);
	mkdir("spool", 0755);
	mkdir("v", 0755);
	mkdir("private", 0755);
	if (is_root())
		ck_assert_int_eq(chown("v", TEST_ID, TEST_ID), 0);
	front_open(&w.front, &w.daemon, monitor_start(&w.site));
}

static void
close_world(void)
{
	front_close(&w.front);
	if (w.cleanup > 0) {
		kill(w.cleanup, SIGKILL);
		waitpid(w.cleanup, NULL, 0);
	}
	free((void *)(uintptr_t)w.site.child.host);
	conf_free(w.daemon.conf);
	str_clear(&w.main_cf);
	testing_folder_remove(w.top);
}

static struct testing_message message;
static struct ipc_outcome outcome;
static struct str outcomes;

static void
make_request(struct ipc_deliver *m, struct str *rcpts, const char *address,
    const char *header)
{
	struct ipc_rcpt rcpt = { .number = 7,
		.address = view_of(address),
		.original = VIEW("Orig@here.test"),
		.orcpt = VIEW_EMPTY };

	message = testing_message(view_of(header), VIEW("hello\r\n"));
	ipc_list_add(rcpts, ipc_rcpt_type(), &rcpt);
	*m = (struct ipc_deliver){ .file = message.fd,
		.queue_id = VIEW("4FCE7A944A5"),
		.transport = VIEW("local"),
		.sender = VIEW("s x@far.test"),
		.arrival_us = clock_wall_us(),
		.active_us = clock_wall_us(),
		.envid = VIEW_EMPTY,
		.nexthop = VIEW_EMPTY,
		.layout = str_view(&message.layout),
		.client_name = VIEW_EMPTY,
		.client_addr = VIEW_EMPTY,
		.protocol = VIEW_EMPTY,
		.helo = VIEW_EMPTY,
		.rcpts = str_view(rcpts) };
}

static void
deliver_flags(const char *address, const char *header, int64_t flags)
{
	struct str rcpts = STR_EMPTY;
	struct ipc_deliver m;
	struct view list;
	bool more;

	make_request(&m, &rcpts, address, header);
	m.flags = flags;
	str_init(&outcomes);
	front_deliver_all(&w.front, &m, &outcomes);
	list = str_view(&outcomes);
	ck_assert(
	    !err_is(ipc_list_next(&list, ipc_outcome_type(), &outcome, &more)));
	ck_assert(more);
	ck_assert_int_eq(outcome.number, 7);
	testing_message_clear(&message);
	str_clear(&rcpts);
}

static void
deliver(const char *address)
{
	deliver_flags(address, "Subject: x\r\n\r\n", 0);
}

static void
expect(enum outcome status, const char *dsn, const char *part)
{
	ck_assert_msg(outcome.status == (int64_t)status &&
		view_eq(outcome.dsn, view_of(dsn)) &&
		view_find_text(outcome.text, view_of(part)) != VIEW_NPOS,
	    "%d %.*s %.*s", (int)outcome.status, VIEW_ARGS(outcome.dsn),
	    VIEW_ARGS(outcome.text));
	str_clear(&outcomes);
}

static int
test_uid(void)
{
	return is_root() ? TEST_ID : (int)getuid();
}

static int
test_gid(void)
{
	return is_root() ? TEST_ID : (int)getgid();
}

/* --- virtual --- */

static void
open_virtual(const char *more)
{
	open_world("virtual",
	    "virtual_uid_maps = static:%d\n"
	    "virtual_gid_maps = static:%d\n%s",
	    test_uid(), test_gid(), more);
}

START_TEST(virtual_mailboxes_get_mail)
{
	struct str name = STR_EMPTY, got = STR_EMPTY;
	struct stat st;

	open_virtual("virtual_mailbox_maps = inline:{{u@v.test=v.test/u/},"
		     "{m@v.test=box},{@any.test=all/}}\n");
	for (int i = 0; i < 3; i++) {
		deliver("U@v.test");
		expect(OUTCOME_SENT, "2.0.0", "delivered to maildir");
	}
	ck_assert_int_eq(testing_count("v/v.test/u/new", &name), 3);
	testing_read(name.ptr, &got);
	ck_assert_str_eq(got.ptr,
	    "Return-Path: <\"s x\"@far.test>\n"
	    "X-Original-To: Orig@here.test\nDelivered-To: U@v.test\n"
	    "Subject: x\n\nhello\n");
	ck_assert_int_eq(stat(name.ptr, &st), 0);
	ck_assert_int_eq((int)st.st_uid, test_uid());
	ck_assert_int_eq((int)st.st_gid, test_gid());
	deliver("u+ext@v.test");
	expect(OUTCOME_SENT, "2.0.0", "delivered to maildir");
	deliver("m@v.test");
	expect(OUTCOME_SENT, "2.0.0", "delivered to mailbox");
	testing_read("v/box", &got);
	ck_assert(view_starts(str_view(&got), VIEW("From \"s x\"@far.test  ")));
	deliver("xyz@any.test");
	expect(OUTCOME_SENT, "2.0.0", "delivered to maildir");
	deliver("nobody@v.test");
	expect(OUTCOME_BOUNCED, "5.1.1", "unknown user: \"nobody@v.test\"");
	deliver_flags("u@v.test", "Delivered-To: u@v.test\r\n\r\n", 0);
	expect(OUTCOME_BOUNCED, "5.4.6", "mail forwarding loop");
	deliver_flags("u@v.test", "A: b\r\n\r\n", SUBMIT_PROBE);
	expect(OUTCOME_SENT, "2.0.0", "delivers to maildir");
	ck_assert_int_eq(testing_count("v/v.test/u/new", &name), 4);
	str_clear(&name);
	str_clear(&got);
	close_world();
}
END_TEST

static const struct {
	const char *main_cf, *part;
} refusals[] = {
	{ "virtual_uid_maps = static:0\n", "bad uid" },
	{ "virtual_gid_maps = static:0\n", "bad gid" },
	{ "virtual_uid_maps = static:99\n", "bad uid" },
	{ "virtual_uid_maps = static:-1\n", "bad uid" },
	{ "virtual_uid_maps = static:4294967295\n", "bad uid" },
	{ "virtual_uid_maps =\n", "not found in virtual_uid_maps" },
	{ "virtual_gid_maps = fail:x\n", "" },
	{ "virtual_mailbox_maps = fail:x\n", "" },
	{ "virtual_mailbox_base = relative\n", "bad mailbox" },
	{ "virtual_mailbox_maps = static:/\n", "bad mailbox" },
};

START_TEST(virtual_defers_what_is_misconfigured)
{
	struct str text = STR_EMPTY;

	str_printf(&text, "virtual_mailbox_maps = static:u/\n%s",
	    refusals[_i].main_cf);
	open_virtual(text.ptr);
	deliver("u@v.test");
	ck_assert_int_eq(outcome.status, OUTCOME_DEFERRED);
	expect(OUTCOME_DEFERRED, refusals[_i].part[0] ? "4.3.5" : "4.3.0",
	    refusals[_i].part);
	ck_assert_int_eq(testing_count("v", NULL), 0);
	str_clear(&text);
	close_world();
}
END_TEST

START_TEST(a_mailbox_outside_of_the_base_is_refused)
{
	open_virtual("virtual_mailbox_maps = static:../x/\n");
	deliver("u@v.test");
	expect(OUTCOME_BOUNCED, "5.3.5", "");
	ck_assert_int_eq(testing_count(".", NULL), 3);
	close_world();
}
END_TEST

/* The monitor refuses whatever the front asks. */
START_TEST(attack_96_the_monitor_never_delivers_as_root)
{
	static const struct pool_identity bad[] = { { "", 0, 100 },
		{ "", 1000, 0 }, { "", 99, 1000 }, { "root", 0, 0 },
		{ "no-such-user-here", 0, 0 } };
	struct monitor_answer a;
	int fd;

	open_virtual("virtual_mailbox_maps = static:u/\n");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		ck_assert(!err_is(
		    pool_ask(&w.front.pool, MONITOR_CHILD, &bad[i], &a, &fd)));
		ck_assert_int_ne((int)a.status, MONITOR_OK);
		ck_assert_int_eq(fd, -1);
		ck_assert(!err_is(
		    pool_ask(&w.front.pool, MONITOR_MBOX, &bad[i], &a, &fd)));
		ck_assert_int_ne((int)a.status, MONITOR_OK);
	}
	ck_assert(!monitor_name_is_good("../etc/passwd"));
	ck_assert(!monitor_name_is_good(".x"));
	ck_assert(!monitor_name_is_good(""));
	close_world();
}
END_TEST

/* However much a front asks for, which was taken over. */
START_TEST(attack_96_the_monitor_has_so_many_children_at_most)
{
	static int fds[1000];
	const struct pool_identity who = { "", (uid_t)test_uid(),
		(gid_t)test_gid() };
	int64_t deadline = deadline_in(20);
	struct monitor_answer a = { .status = MONITOR_OK };
	size_t n = 0;

	if (!is_root())
		return;
	open_virtual("virtual_mailbox_maps = static:u/\n");
	while (a.status == MONITOR_OK && n < ARRAY_LEN(fds))
		ck_assert(!err_is(pool_ask(
		    &w.front.pool, MONITOR_CHILD, &who, &a, &fds[n++])));
	ck_assert_int_eq((int)a.status, MONITOR_BUSY);
	ck_assert_int_eq(fds[--n], -1);
	ck_assert_uint_eq(n, 256);
	/* Those that are let go make room. */
	while (n > 0)
		close(fds[--n]);
	do
		ck_assert(!err_is(pool_ask(
		    &w.front.pool, MONITOR_CHILD, &who, &a, &fds[0])));
	while (a.status == MONITOR_BUSY && deadline_left(deadline) > 0);
	ck_assert_int_eq((int)a.status, MONITOR_OK);
	close(fds[0]);
	close_world();
}
END_TEST

/* True if this process is one of ours; then nothing of root's is left. */
static bool
is_dropped_child(struct view pid)
{
	static const char *const lines[] = { "CapPrm:\t0000000000000000",
		"CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2" };
	struct str text = STR_EMPTY, path = STR_EMPTY, want = STR_EMPTY;
	bool ours;

	str_printf(&path, "/proc/%.*s/status", VIEW_ARGS(pid));
	testing_read(path.ptr, &text);
	str_printf(&want, "Uid:\t%d\t%d\t%d\t%d\nGid:\t%d\t%d\t%d\t%d\n",
	    TEST_ID, TEST_ID, TEST_ID, TEST_ID, TEST_ID, TEST_ID, TEST_ID,
	    TEST_ID);
	ours = strstr(text.ptr, want.ptr) != NULL;
	for (size_t i = 0; ours && i < ARRAY_LEN(lines); i++)
		ck_assert_msg(strstr(text.ptr, lines[i]) != NULL, "%s: %s",
		    lines[i], text.ptr);
	if (ours)
		ck_assert(strstr(text.ptr, "Groups:\t \n") != NULL ||
		    strstr(text.ptr, "Groups:\t23456 \n") != NULL);
	str_printf(&path, "/proc/%.*s/fd", VIEW_ARGS(pid));
	/* 0 to 2, its socket, and a maildir's two. */
	if (ours)
		ck_assert_int_le(testing_count(path.ptr, NULL), 6);
	str_clear(&text);
	str_clear(&path);
	str_clear(&want);
	return ours;
}

START_TEST(attack_96_a_child_has_dropped_everything)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	struct str children = STR_EMPTY, path = STR_EMPTY;
	struct view rest, pid;
	int n = 0;

	if (!is_root())
		return;
	open_virtual("virtual_mailbox_maps = static:u/\n");
	deliver("u@v.test");
	expect(OUTCOME_SENT, "2.0.0", "");
	/* The pair of sockets was made by the monitor. */
	ck_assert_int_eq(getsockopt(w.front.pool.children[0].caller.watch.fd, SOL_SOCKET,
			     SO_PEERCRED, &cred, &len),
	    0);
	str_printf(&path, "/proc/%d/task/%d/children", cred.pid, cred.pid);
	testing_read(path.ptr, &children);
	rest = str_view(&children);
	while (view_token(&rest, " \n", &pid))
		n += is_dropped_child(pid);
	ck_assert_int_eq(n, 1);
	str_clear(&children);
	str_clear(&path);
	close_world();
}
END_TEST

/* --- frames --- */

static void
handle(struct ipc_request *r)
{
	front_handle(r);
}

static const struct ipc_handler handlers[] = {
	{ ipc_deliver_type, handle, 0 },
	{ NULL, NULL, 0 },
};

static void
no_frame(struct ipc_conn *c, struct ipc_frame *f)
{
	(void)c;
	ipc_frame_free(f);
}

static void
gone(struct ipc_conn *c, struct err why)
{
	(void)c;
	(void)why;
}

static const struct ipc_conn_events events = { no_frame, gone };

/* One request over a connection, as qmgr does it. */
static void
ask(struct ipc_conn *c, uint32_t number, struct ipc_frame **answer)
{
	struct str rcpts = STR_EMPTY;
	struct ipc_deliver m;

	make_request(&m, &rcpts, "u@v.test", "Subject: x\r\n\r\n");
	ck_assert(!err_is(ipc_conn_send(c, number, IPC_OUT(deliver, &m))));
	for (;;) {
		ck_assert(!err_is(ipc_conn_next(c, answer, deadline_in(20))));
		if (!ipc_frame_is(*answer, ipc_hello_type()))
			break;
		ipc_frame_free(*answer);
	}
	str_clear(&message.layout);
	str_clear(&rcpts);
}

static void
serve(int fd)
{
	struct ipc_server server;

	ipc_server_init(&server, handlers, &w.front);
	ipc_serve_plain(&server, fd);
	_exit(0);
}

START_TEST(a_request_by_frames_is_answered)
{
	struct ipc_conn *c;
	struct ipc_frame *f;
	struct ipc_delivered answer;
	int pair[2];
	pid_t pid;

	open_virtual("virtual_mailbox_maps = static:u/\n");
	ck_assert_int_eq(
	    socketpair(
		AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair),
	    0);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		serve(pair[1]);
	}
	close(pair[1]);
	c = ipc_conn_new(pair[0], &events, NULL);
	for (uint32_t i = 1; i <= 20; i++) {
		struct view list;
		bool more;

		ask(c, i, &f);
		ck_assert_uint_eq(f->header.number, i);
		ck_assert(
		    !err_is(ipc_frame_read(f, IPC_IN(delivered, &answer))));
		list = answer.outcomes;
		ck_assert(!err_is(
		    ipc_list_next(&list, ipc_outcome_type(), &outcome, &more)));
		ck_assert_int_eq(outcome.status, OUTCOME_SENT);
		ipc_frame_free(f);
	}
	ck_assert_int_eq(testing_count("v/u/new", NULL), 20);
	ipc_conn_free(c);
	waitpid(pid, NULL, 0);
	close_world();
}
END_TEST

/* --- many at once --- */

enum { AT_ONCE = 60 };

static struct {
	struct ipc_deliver message;
	struct testing_message content;
	struct str rcpts;
	size_t n_sent, n_ended;
	void (*after)(void); /* what a fiber does when all have ended */
} crowd;

/* One of them; the same again later. */
static void
deliver_alike(void)
{
	struct str list = STR_EMPTY;
	struct ipc_outcome o;
	struct view v;
	bool more;

	front_deliver_all(&w.front, &crowd.message, &list);
	v = str_view(&list);
	ck_assert(!err_is(ipc_list_next(&v, ipc_outcome_type(), &o, &more)));
	crowd.n_sent += more && o.status == (int64_t)OUTCOME_SENT;
	str_clear(&list);
}

static void
deliver_in_crowd(void *arg)
{
	(void)arg;
	deliver_alike();
	if (++crowd.n_ended < AT_ONCE)
		return;
	ck_assert_uint_eq(crowd.n_sent, AT_ONCE);
	if (crowd.after != NULL)
		crowd.after();
	loop_stop();
}

static void
deliver_crowd(const char *address)
{
	crowd.n_sent = crowd.n_ended = 0;
	str_init(&crowd.rcpts);
	make_request(
	    &crowd.message, &crowd.rcpts, address, "Subject: x\r\n\r\n");
	crowd.content = message;
	loop_init();
	for (size_t i = 0; i < AT_ONCE; i++)
		fiber_spawn("crowd", deliver_in_crowd, NULL);
	loop_run();
	/* The child's and the monitor's sockets are the loop's. */
	pool_clear(&w.front.pool);
	loop_clear();
	testing_message_clear(&crowd.content);
	str_clear(&crowd.rcpts);
}

START_TEST(deliveries_at_once_share_a_child)
{
	open_virtual("virtual_mailbox_maps = static:u/\n");
	deliver_crowd("u@v.test");
	ck_assert_int_eq(testing_count("v/u/new", NULL), AT_ONCE);
	ck_assert_int_eq(testing_count("v/u/tmp", NULL), 0);
	close_world();
}
END_TEST

START_TEST(deliveries_at_once_to_an_mbox_do_not_mix)
{
	struct str got = STR_EMPTY;
	struct view rest, line;
	size_t n_from = 0, n_body = 0;

	open_virtual("virtual_mailbox_maps = static:box\n"
		     "deliver_lock_attempts = 60\n");
	deliver_crowd("u@v.test");
	testing_read("v/box", &got);
	rest = str_view(&got);
	while (view_field(&rest, '\n', &line)) {
		n_from += view_starts(line, VIEW("From "));
		n_body += view_eq(line, VIEW("hello"));
	}
	ck_assert_uint_eq(n_from, AT_ONCE);
	ck_assert_uint_eq(n_body, AT_ONCE);
	str_clear(&got);
	close_world();
}
END_TEST

/* Threads of all processes of this test. */
static int
count_threads(void)
{
	DIR *proc = opendir("/proc");
	int n = 0;

	ck_assert_ptr_nonnull(proc);
	for (struct dirent *d; (d = readdir(proc)) != NULL;) {
		struct str path = STR_EMPTY;
		pid_t pid = (pid_t)strtol(d->d_name, NULL, 10);
		DIR *tasks;

		if (pid <= 0 || getpgid(pid) != getpgrp())
			continue;
		str_printf(&path, "/proc/%d/task", (int)pid);
		tasks = opendir(path.ptr);
		for (struct dirent *t; tasks != NULL &&
		     (t = readdir(tasks)) != NULL;)
			n += t->d_name[0] != '.';
		if (tasks != NULL)
			closedir(tasks);
		str_clear(&path);
	}
	closedir(proc);
	return n;
}

/* Two are enough for one message after the other: one that waits meanwhile. */
static void
deliver_until_few_threads(void)
{
	int most = count_threads();

	while (count_threads() > 4) {
		deliver_alike();
		fiber_sleep(1);
	}
	ck_assert_int_gt(most, 4);
	deliver_alike();
}

START_TEST(threads_that_a_crowd_needed_leave)
{
	surplus_after_ms = 200;
	crowd.after = deliver_until_few_threads;
	open_virtual("virtual_mailbox_maps = static:u/\n");
	deliver_crowd("u@v.test");
	ck_assert_uint_ge(crowd.n_sent, AT_ONCE + 1);
	close_world();
	surplus_after_ms = 600000;
	crowd.after = NULL;
}
END_TEST

/* Whoever has nothing to do leaves; the next message finds another. */
START_TEST(an_idle_child_leaves_and_another_comes)
{
	struct pollfd p = { .events = 0 };

	open_virtual("virtual_mailbox_maps = static:u/\nmax_idle = 1s\n");
	deliver("u@v.test");
	expect(OUTCOME_SENT, "2.0.0", "delivered to maildir");
	p.fd = w.front.pool.children[0].caller.watch.fd;
	ck_assert_int_eq(poll(&p, 1, 20 * 1000), 1);
	ck_assert(p.revents & POLLHUP);
	deliver("u@v.test");
	expect(OUTCOME_SENT, "2.0.0", "delivered to maildir");
	ck_assert_int_eq(testing_count("v/u/new", NULL), 2);
	close_world();
}
END_TEST

/* --- local --- */

static const char *
user(void)
{
	return is_root() ? "nobody" : "";
}

START_TEST(local_users_get_mail_in_the_spool)
{
	struct str got = STR_EMPTY;
	struct stat st;

	if (!is_root())
		return;
	open_world("local", "%s", "");
	for (int i = 0; i < 2; i++) {
		deliver("Nobody@here.test");
		expect(OUTCOME_SENT, "2.0.0", "delivered to mailbox");
	}
	deliver("nobody+ext@here.test");
	expect(OUTCOME_SENT, "2.0.0", "delivered to mailbox");
	ck_assert_int_eq(stat("spool/nobody", &st), 0);
	ck_assert_int_eq((int)st.st_uid, 65534);
	ck_assert_int_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(testing_count("spool", NULL), 1);
	/* The lock of somebody else is waited for, and stays. */
	testing_write("spool/nobody.lock", VIEW(""));
	deliver("nobody@here.test");
	expect(OUTCOME_DEFERRED, "4.2.0", "unable to create lock file");
	ck_assert_int_eq(testing_count("spool", NULL), 2);
	deliver("no.such.user@here.test");
	expect(OUTCOME_BOUNCED, "5.1.1", "unknown user: \"no.such.user\"");
	deliver("|touch x@here.test");
	expect(OUTCOME_BOUNCED, "5.1.1", "unknown user: \"|touch x\"");
	deliver("/etc/passwd@here.test");
	expect(OUTCOME_BOUNCED, "5.1.1", "unknown user");
	deliver("root@here.test");
	expect(OUTCOME_DEFERRED, "4.3.5", "root's privileges");
	str_clear(&got);
	close_world();
}
END_TEST

START_TEST(attack_63_a_hostile_spool_harms_nobody)
{
	if (!is_root())
		return;
	open_world("local", "%s", "");
	testing_write("secret", VIEW("s"));
	ck_assert_int_eq(chmod("spool", 01777), 0);
	ck_assert_int_eq(symlink("../secret", "spool/nobody"), 0);
	deliver("nobody@here.test");
	expect(OUTCOME_BOUNCED, "5.2.0", "");
	unlink("spool/nobody");
	ck_assert_int_eq(link("secret", "spool/nobody"), 0);
	deliver("nobody@here.test");
	ck_assert_int_ne(outcome.status, OUTCOME_SENT);
	str_clear(&outcomes);
	unlink("spool/nobody");
	ck_assert_int_eq(symlink("nowhere", "spool/nobody"), 0);
	deliver("nobody@here.test");
	ck_assert_int_ne(outcome.status, OUTCOME_SENT);
	str_clear(&outcomes);
	ck_assert_int_eq(testing_count("spool", NULL), 1);
	close_world();
}
END_TEST

START_TEST(settings_that_are_missing_defer)
{
	static const char *const settings[] = { "mailbox_command = /bin/x\n",
		"mailbox_transport = lmtp:x\n", "fallback_transport = x\n",
		"luser_relay = |x\n", "luser_relay = /x\n" };

	if (!is_root())
		return;
	open_world("local", "%s", settings[_i]);
	deliver(_i < 2 ? "nobody@here.test" : "no.such.user@here.test");
	expect(OUTCOME_DEFERRED, "4.3.5", "not supported yet");
	close_world();
}
END_TEST

/* --- cleanup --- */

static struct str submitted;

/* Writes what it got into the file "submitted". */
static void
take_submit(struct ipc_request *r)
{
	struct ipc_submit submit;
	struct ipc_frame *f;
	struct ipc_submitted answer = { ERR_NONE, 250, VIEW("2.0.0 Ok") };
	bool over = false, committed = false;

	str_init(&submitted);
	ck_assert(ipc_request_read(r, ipc_submit_type(), &submit));
	str_addf(&submitted, "from %.*s\n", VIEW_ARGS(submit.sender));
	while (!over && !err_is(ipc_request_next(r, &f, deadline_in(10)))) {
		struct ipc_more_rcpts rcpts;
		struct ipc_content content;
		struct ipc_submit_end end;
		struct ipc_rcpt rcpt;
		bool more = true;

		if (ipc_frame_is(f, ipc_more_rcpts_type()) &&
		    !err_is(ipc_frame_read(f, IPC_IN(more_rcpts, &rcpts))))
			while (!err_is(ipc_list_next(&rcpts.rcpts,
				   ipc_rcpt_type(), &rcpt, &more)) &&
			    more)
				str_addf(&submitted, "to %.*s\n",
				    VIEW_ARGS(rcpt.address));
		if (ipc_frame_is(f, ipc_content_type()) &&
		    !err_is(ipc_frame_read(f, IPC_IN(content, &content))))
			str_add(&submitted, content.bytes);
		if (ipc_frame_is(f, ipc_submit_end_type()) &&
		    !err_is(ipc_frame_read(f, IPC_IN(submit_end, &end)))) {
			over = true;
			committed = end.commit != 0;
		}
		ipc_frame_free(f);
	}
	if (committed) {
		testing_write("submitted", str_view(&submitted));
		if (view_find_text(str_view(&submitted), VIEW("full@")) !=
		    VIEW_NPOS)
			answer = (struct ipc_submitted){ ERR_TEMP, 451,
				VIEW("4.3.1 queue is full") };
		ipc_reply(r, IPC_OUT(submitted, &answer));
	}
	str_clear(&submitted);
}

static const struct ipc_handler cleanup_handlers[] = {
	{ ipc_submit_type, take_submit, 0 },
	{ NULL, NULL, 0 },
};

static void
play_cleanup(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX,
		.sun_path = "private/cleanup" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(listen(fd, 10), 0);
	w.cleanup = fork();
	if (w.cleanup == 0) {
		struct ipc_server server;
		int client;

		while ((client = accept4(fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
			ipc_server_init(&server, cleanup_handlers, NULL);
			ipc_serve_plain(&server, client);
		}
		_exit(0);
	}
	close(fd);
}

static bool
got_submitted(struct str *got)
{
	if (access("submitted", F_OK) < 0)
		return false;
	testing_read("submitted", got);
	return true;
}

START_TEST(aliases_become_one_new_message)
{
	struct str got = STR_EMPTY;

	open_world("local", "%s",
	    "alias_maps = inline:{{list=a@far.test,b,b},{owner-list=boss},"
	    "{full=full@far.test},{pipe=|x, a@far.test}}\n");
	play_cleanup();
	deliver("list@here.test");
	expect(OUTCOME_EXPANDED, "2.0.0", "forwarded as ");
	ck_assert(got_submitted(&got));
	ck_assert_ptr_nonnull(strstr(got.ptr, "from owner-list@here.test\n"));
	ck_assert_ptr_nonnull(strstr(got.ptr, "to a@far.test\n"));
	ck_assert_ptr_nonnull(strstr(got.ptr, "to b@here.test\nReceived: by "));
	ck_assert_ptr_nonnull(strstr(got.ptr,
	    "\r\nDelivered-To: list@here.test\r\nSubject: x\r\n\r\nhello\r\n"));
	unlink("submitted");
	deliver("full@here.test");
	expect(OUTCOME_DEFERRED, "4.3.1", "queue is full");
	unlink("submitted");
	deliver_flags(
	    "list@here.test", "Delivered-To: List@here.test\r\n\r\n", 0);
	expect(OUTCOME_BOUNCED, "5.4.6", "mail forwarding loop");
	deliver("pipe@here.test");
	expect(OUTCOME_DEFERRED, "4.3.5", "not supported yet");
	ck_assert(!got_submitted(&got));
	str_clear(&got);
	close_world();
}
END_TEST

START_TEST(a_single_local_member_is_delivered_in_place)
{
	struct str got = STR_EMPTY;

	if (!is_root())
		return;
	open_world("local",
	    "alias_maps = inline:{{postmaster=root},"
	    "{root=%s},{loop=loop},{nobody=nobody, x@far.test}}\n",
	    user());
	play_cleanup();
	deliver("postmaster@here.test");
	/* nobody is an alias too: itself and one more. */
	expect(OUTCOME_EXPANDED, "2.0.0", "forwarded as ");
	ck_assert(got_submitted(&got));
	ck_assert_ptr_nonnull(strstr(got.ptr, "to x@far.test\n"));
	testing_read("spool/nobody", &got);
	ck_assert_ptr_nonnull(
	    strstr(got.ptr, "\nDelivered-To: postmaster@here.test\n"));
	deliver("loop@here.test");
	expect(OUTCOME_BOUNCED, "5.4.6", "leads to itself");
	str_clear(&got);
	close_world();
}
END_TEST

START_TEST(nothing_is_queued_if_a_mailbox_must_wait)
{
	struct str got = STR_EMPTY;

	if (!is_root())
		return;
	open_world("local", "%s",
	    "alias_maps = inline:{{nobody=nobody, x@far.test}}\n");
	play_cleanup();
	testing_write("spool/nobody.lock", VIEW(""));
	deliver("nobody@here.test");
	expect(OUTCOME_DEFERRED, "4.2.0", "lock file");
	ck_assert(!got_submitted(&got));
	str_clear(&got);
	close_world();
}
END_TEST

START_TEST(luser_relay_takes_the_unknown)
{
	struct str got = STR_EMPTY;

	open_world("local", "%s", "luser_relay = $user+$local@far.test\n");
	play_cleanup();
	deliver("no.such.user@here.test");
	expect(OUTCOME_EXPANDED, "2.0.0", "forwarded as ");
	ck_assert(got_submitted(&got));
	ck_assert_ptr_nonnull(
	    strstr(got.ptr, "to no.such.user+no.such.user@far.test\n"));
	str_clear(&got);
	close_world();
}
END_TEST

UNIT_MAIN("local/worker", { virtual_mailboxes_get_mail, 1 },
    { virtual_defers_what_is_misconfigured, ARRAY_LEN(refusals) },
    { a_mailbox_outside_of_the_base_is_refused, 1 },
    { attack_96_the_monitor_never_delivers_as_root, 1 },
    { attack_96_the_monitor_has_so_many_children_at_most, 1 },
    { attack_96_a_child_has_dropped_everything, 1 },
    { a_request_by_frames_is_answered, 1 },
    { threads_that_a_crowd_needed_leave, 1 },
    { an_idle_child_leaves_and_another_comes, 1 },
    { deliveries_at_once_share_a_child, 1 },
    { deliveries_at_once_to_an_mbox_do_not_mix, 1 },
    { local_users_get_mail_in_the_spool, 1 },
    { attack_63_a_hostile_spool_harms_nobody, 1 },
    { settings_that_are_missing_defer, 5 },
    { aliases_become_one_new_message, 1 },
    { a_single_local_member_is_delivered_in_place, 1 },
    { nothing_is_queued_if_a_mailbox_must_wait, 1 },
    { luser_relay_takes_the_unknown, 1 })
