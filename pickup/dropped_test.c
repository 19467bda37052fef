#include "pickup/dropped.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "lib/mail/drop.h"
#include "lib/mail/esmtp.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/dropped-test-XXXXXX";
static char path[64];

static void
setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/ABCDEF", folder);
}

static void
teardown(void)
{
	unlink(path);
	rmdir(folder);
}

/* A file as postdrop leaves it; content is taken as it is. */
static void
write_file(const struct ipc_envelope *from, const char *content,
    const struct ipc_rcpt *rcpts, size_t n)
{
	struct ipc_envelope envelope = *from;
	struct queue_preamble p = { .content_at = QUEUE_PREAMBLE_LEN,
		.content_len = (int64_t)strlen(content),
		.n_rcpts = (int64_t)n,
		.flags = SUBMIT_SMTPUTF8 };
	struct str layout = STR_EMPTY, list = STR_EMPTY, tail = STR_EMPTY;
	char head[QUEUE_PREAMBLE_LEN];
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	queue_layout_add(&layout, p.content_at, p.content_len);
	envelope.layout = str_view(&layout);
	for (size_t i = 0; i < n; i++)
		ipc_list_add(&list, ipc_rcpt_type(), &rcpts[i]);
	queue_build_tail(&tail, &p, &envelope, str_view(&list), VIEW_EMPTY);
	queue_build_preamble(head, &p);
	ck_assert(
	    !err_is(queue_write_at(fd, view_make(head, sizeof(head)), 0)));
	ck_assert(
	    !err_is(queue_write_at(fd, view_of(content), QUEUE_PREAMBLE_LEN)));
	ck_assert(!err_is(
	    queue_write_at(fd, str_view(&tail), p.content_at + p.content_len)));
	close(fd);
	str_clear(&layout);
	str_clear(&list);
	str_clear(&tail);
}

static const struct ipc_envelope good = { .queue_id = VIEW("ABCDEF"),
	.origin = VIEW("sendmail"),
	.context = VIEW("local"),
	.sender = VIEW("s@t"),
	.client_name = VIEW("forged"),
	.client_addr = VIEW("192.0.2.1"),
	.sasl_username = VIEW("forged") };
static const struct ipc_rcpt two[] = {
	{ .number = 0, .address = VIEW("a@b"), .original = VIEW("forged") },
	{ .number = 1,
	    .address = VIEW("c@d"),
	    .notify = ESMTP_NOTIFY_NEVER | 1 << 12 },
};

static struct err
read_all(
    struct dropped *d, uid_t trusted, struct str *rcpts, struct str *content)
{
	bool litter, more = true;
	struct err e = dropped_open(d, path, trusted, &litter);

	while (!err_is(e) && more)
		e = dropped_next_rcpts(d, rcpts, &more);
	more = true;
	while (!err_is(e) && more)
		e = dropped_next_content(d, content, &more);
	return e;
}

START_TEST(dropped_gives_what_was_submitted)
{
	struct str rcpts = STR_EMPTY, content = STR_EMPTY;
	struct ipc_rcpt rcpt;
	struct dropped d;
	struct view rest;
	bool more;

	setup();
	write_file(&good, "S: x\r\n\r\nhi\r\n", two, 2);
	ck_assert(!err_is(read_all(&d, (uid_t)-1, &rcpts, &content)));
	ck_assert_str_eq(content.ptr, "S: x\r\n\r\nhi\r\n");
	ck_assert_int_eq(d.owner, getuid());
	rest = str_view(&rcpts);
	ck_assert(!err_is(ipc_list_next(&rest, IPC_IN(rcpt, &rcpt), &more)));
	ck_assert(view_eq(rcpt.address, VIEW("a@b")));
	ck_assert_uint_eq(rcpt.original.len, 0);
	ck_assert(!err_is(ipc_list_next(&rest, IPC_IN(rcpt, &rcpt), &more)));
	ck_assert_int_eq(rcpt.number, 1);
	ck_assert_int_eq(rcpt.notify, ESMTP_NOTIFY_NEVER);
	dropped_close(&d);
	str_clear(&rcpts);
	str_clear(&content);
	teardown();
}
END_TEST

/* What the queue may not hold is made into what it may. */
START_TEST(dropped_tidies_content)
{
	struct str rcpts = STR_EMPTY, content = STR_EMPTY;
	struct dropped d;

	setup();
	write_file(&good, "S: x\n\na\rb\n.\r\r\n\xe4", two, 2);
	ck_assert(!err_is(read_all(&d, 0, &rcpts, &content)));
	ck_assert_str_eq(content.ptr, "S: x\r\n\r\na b\r\n. \r\n\xe4\r\n");
	ck_assert_int_eq(dropped_flags(&d),
	    SUBMIT_EIGHT_BIT | SUBMIT_BARE_CR | SUBMIT_BARE_LF);
	dropped_close(&d);
	str_clear(&rcpts);
	str_clear(&content);
	teardown();
}
END_TEST

static const struct {
	struct ipc_envelope envelope;
	struct ipc_rcpt rcpt;
} bad[] = {
	{ { .sender = VIEW("a\nb") }, { .address = VIEW("a") } },
	{ { .full_name = VIEW("a\rb") }, { .address = VIEW("a") } },
	{ { .envid = VIEW("a\1b") }, { .address = VIEW("a") } },
	{ { .ret = 7 }, { .address = VIEW("a") } },
	{ { .sender = VIEW("a") }, { .address = VIEW("a\nb") } },
	{ { .sender = VIEW("a") }, { .address = VIEW("") } },
	{ { .sender = VIEW("a") }, { .address = VIEW("a"), .number = 5 } },
};

START_TEST(dropped_refuses_what_is_not_clean)
{
	struct str rcpts = STR_EMPTY, content = STR_EMPTY;
	struct dropped d;

	setup();
	write_file(&bad[_i].envelope, "x", &bad[_i].rcpt, 1);
	ck_assert_int_eq(read_all(&d, 0, &rcpts, &content).kind, ERR_PERM);
	dropped_close(&d);
	str_clear(&rcpts);
	str_clear(&content);
	teardown();
}
END_TEST

/* attacks 63, 70 */
START_TEST(dropped_refuses_other_files)
{
	char other[80];
	struct dropped d;
	bool litter;

	setup();
	snprintf(other, sizeof(other), "%s/other", folder);
	write_file(&good, "x", two, 2);
	ck_assert_int_eq(link(path, other), 0);
	ck_assert_int_eq(
	    dropped_open(&d, path, getuid() + 1, &litter).kind, ERR_PERM);
	dropped_close(&d);
	/* The queue's own, on its way to here. */
	ck_assert_int_eq(
	    dropped_open(&d, path, getuid(), &litter).kind, ERR_GONE);
	ck_assert(!litter);
	dropped_close(&d);
	unlink(path);
	ck_assert_int_eq(symlink(other, path), 0);
	ck_assert_int_eq(dropped_open(&d, path, 0, &litter).kind, ERR_PERM);
	dropped_close(&d);
	unlink(path);
	unlink(other);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(dropped_open(&d, path, 0, &litter).kind, ERR_PERM);
	dropped_close(&d);
	unlink(path);
	ck_assert_int_eq(dropped_open(&d, path, 0, &litter).kind, ERR_GONE);
	ck_assert(!litter);
	dropped_close(&d);
	teardown();
}
END_TEST

START_TEST(dropped_waits_for_the_writer)
{
	struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	struct dropped d;
	bool litter;
	int fd;

	setup();
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	ck_assert_int_ge(fd, 0);
	/* new, not locked yet: it can be, while we look */
	ck_assert_int_eq(dropped_open(&d, path, 0, &litter).kind, ERR_GONE);
	ck_assert(!litter);
	ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
	dropped_close(&d);
	/* old, and locked */
	ck_assert_int_eq(futimens(fd, old), 0);
	ck_assert_int_eq(dropped_open(&d, path, 0, &litter).kind, ERR_GONE);
	ck_assert(!litter);
	dropped_close(&d);
	/* its writer died */
	close(fd);
	ck_assert_int_eq(dropped_open(&d, path, 0, &litter).kind, ERR_GONE);
	ck_assert(litter);
	dropped_close(&d);
	teardown();
}
END_TEST

static void
add_journal(int64_t first, int64_t status)
{
	struct ipc_journal_outcome o = {
		.first = first, .count = 1, .status = status
	};
	struct str bytes = STR_EMPTY;
	struct stat st;
	int64_t end;
	int fd = open(path, O_RDWR);

	ck_assert_int_eq(fstat(fd, &st), 0);
	end = st.st_size;
	queue_journal_add(
	    &bytes, JOURNAL_OUTCOME, IPC_OUT(journal_outcome, &o));
	ck_assert(!err_is(queue_journal_append(fd, str_view(&bytes), &end)));
	close(fd);
	str_clear(&bytes);
}

/* As cleanup leaves them. */
static const struct ipc_rcpt known[] = {
	{ .number = 0, .address = VIEW("a@b"), .original = VIEW("a@b") },
	{ .number = 1,
	    .address = VIEW("c@d"),
	    .original = VIEW("alias@d"),
	    .orcpt = VIEW("rfc822;o@d") },
};

START_TEST(dropped_believes_the_journal_of_the_queues_own)
{
	struct str rcpts = STR_EMPTY, content = STR_EMPTY;
	struct ipc_envelope from = good;
	struct ipc_rcpt rcpt;
	struct dropped d;
	struct view rest;
	bool more;

	setup();
	from.origin = VIEW("smtpd");
	write_file(&from, "x", known, 2);
	add_journal(0, OUTCOME_SENT);
	add_journal(1, OUTCOME_DEFERRED);
	ck_assert(!err_is(read_all(&d, getuid(), &rcpts, &content)));
	ck_assert(d.is_requeued);
	ck_assert_int_eq(d.n_rcpts, 1);
	ck_assert_int_eq(d.n_decided, 1);
	rest = str_view(&rcpts);
	ck_assert(!err_is(ipc_list_next(&rest, IPC_IN(rcpt, &rcpt), &more)));
	ck_assert(view_eq(rcpt.address, VIEW("c@d")));
	ck_assert(view_eq(rcpt.original, VIEW("alias@d")));
	ck_assert(view_eq(rcpt.orcpt, VIEW("rfc822;o@d")));
	dropped_close(&d);
	/* Another's file. */
	str_reset(&rcpts);
	ck_assert(!err_is(read_all(&d, getuid() + 1, &rcpts, &content)));
	ck_assert(!d.is_requeued);
	ck_assert_int_eq(d.n_rcpts, 2);
	dropped_close(&d);
	/* Our own, but not from the queue. */
	unlink(path);
	write_file(&good, "x", two, 2);
	add_journal(0, OUTCOME_SENT);
	str_reset(&rcpts);
	ck_assert(!err_is(read_all(&d, getuid(), &rcpts, &content)));
	ck_assert(!d.is_requeued);
	ck_assert_int_eq(d.n_rcpts, 2);
	dropped_close(&d);
	str_clear(&rcpts);
	str_clear(&content);
	teardown();
}
END_TEST

/* An agent whose qmgr is no more has the file still. */
START_TEST(dropped_waits_for_a_delivery_under_way)
{
	struct ipc_envelope from = good;
	struct dropped d;
	bool litter;
	int fd;

	setup();
	from.origin = VIEW("smtpd");
	write_file(&from, "x", known, 2);
	fd = open(path, O_RDONLY);
	ck_assert_int_eq(flock(fd, LOCK_SH | LOCK_NB), 0);
	ck_assert_int_eq(
	    dropped_open(&d, path, getuid(), &litter).kind, ERR_GONE);
	ck_assert(!litter);
	dropped_close(&d);
	close(fd);
	ck_assert(!err_is(dropped_open(&d, path, getuid(), &litter)));
	dropped_close(&d);
	teardown();
}
END_TEST

/* attacks 70: no bit that is turned makes it crash, or be taken for another
 * message. */
START_TEST(dropped_survives_turned_bits)
{
	struct stat st;
	int fd;

	setup();
	write_file(&good, "S: x\r\n\r\nhi\r\n", two, 2);
	fd = open(path, O_RDWR);
	ck_assert_int_eq(fstat(fd, &st), 0);
	for (off_t at = 0; at < st.st_size; at++) {
		struct str rcpts = STR_EMPTY, content = STR_EMPTY;
		struct dropped d;
		char byte, turned;

		ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
		turned = (char)(byte ^ (1 << at % 8));
		ck_assert_int_eq(pwrite(fd, &turned, 1, at), 1);
		if (!err_is(read_all(&d, 0, &rcpts, &content)))
			ck_assert_int_le(d.n_rcpts, 2);
		dropped_close(&d);
		ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
		str_clear(&rcpts);
		str_clear(&content);
	}
	close(fd);
	teardown();
}
END_TEST

UNIT_MAIN("dropped", { dropped_gives_what_was_submitted, 1 },
    { dropped_tidies_content, 1 },
    { dropped_refuses_what_is_not_clean, ARRAY_LEN(bad) },
    { dropped_refuses_other_files, 1 }, { dropped_waits_for_the_writer, 1 },
    { dropped_believes_the_journal_of_the_queues_own, 1 },
    { dropped_waits_for_a_delivery_under_way, 1 },
    { dropped_survives_turned_bits, 1 })
