/* Rewriting: the last words stay, in order; a delivery keeps it off. */
#include "lib/mail/queue_rewrite.h"

#include "lib/base/unit.h"
#include "lib/mail/queue_id.h"
#include "lib/mail/queue_sample.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define ID "4F2A000000001"

static char dir[32];

/* --- in the place of the C library: calls that fail when told to --- */

enum { FAIL_NONE, FAIL_WRITE, FAIL_MODE, FAIL_SYNC, FAIL_RENAME, FAILURES };

static int failing;

static int
refuse(int error)
{
	errno = error;
	return -1;
}

int
fchmod(int fd, mode_t mode)
{
	return failing == FAIL_MODE ? refuse(EROFS)
				    : (int)syscall(SYS_fchmod, fd, mode);
}

int
fsync(int fd)
{
	return failing == FAIL_SYNC ? refuse(EIO) : (int)syscall(SYS_fsync, fd);
}

int
rename(const char *from, const char *to)
{
	return failing == FAIL_RENAME
	    ? refuse(ENOSPC)
	    : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* Writes beyond 100 bytes of a file fail. */
static void
limit_writes(bool on)
{
	struct rlimit limit = { on ? 100 : RLIM_INFINITY, RLIM_INFINITY };

	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void
open_queue(void)
{
	snprintf(dir, sizeof(dir), "/tmp/rewrite-test.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
	ck_assert_int_eq(mkdir("active", 0700), 0);
}

static void
close_queue(void)
{
	unlink("active/" ID);
	ck_assert_int_eq(rmdir("active"), 0);
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(rmdir(dir), 0);
}

/* A message to four whose third and fourth are put off again and again. */
static void
make_file(int rounds)
{
	struct queue_sample s = { .n_rcpts = 4,
		.content = VIEW("A: b\r\n\r\ntext\r\n"),
		.added = VIEW_EMPTY,
		.layout = VIEW_EMPTY,
		.sender = VIEW("a@example.com") };
	struct str bytes = STR_EMPTY;
	struct queue_preamble p;
	struct timespec times[2] = { { .tv_sec = 1800000000 },
		{ .tv_sec = 1800000000 } };
	int fd = open("active/" ID, O_RDWR | O_CREAT | O_TRUNC, 0600);

	queue_sample_build(&bytes, &s, &p);
	queue_sample_outcome(&bytes, 0, 1, OUTCOME_SENT, "2.0.0", "ok");
	queue_sample_outcome(&bytes, 1, 1, OUTCOME_BOUNCED, "5.1.1", "no");
	queue_sample_report(&bytes, REPORT_FAILURE, "ABCDEF");
	for (int i = 0; i < rounds; i++)
		queue_sample_outcome(&bytes, 2, 2, OUTCOME_DEFERRED, "4.4.1",
		    "a reason that is about as long as reasons are");
	queue_sample_outcome(&bytes, 3, 1, OUTCOME_BOUNCED, "5.4.4", "last");
	ck_assert(!err_is(queue_write_at(fd, str_view(&bytes), 0)));
	futimens(fd, times);
	close(fd);
	str_clear(&bytes);
}

struct seen {
	struct str text;
	int64_t end;
};

static void
read_journal(struct seen *s)
{
	struct queue_file q;
	struct queue_journal j;
	enum journal_kind kind;
	struct view record;
	int fd = open("active/" ID, O_RDONLY);

	s->text = STR_EMPTY;
	ck_assert(!err_is(queue_file_read(&q, fd)));
	ck_assert(!err_is(queue_file_check_rcpts(&q)));
	ck_assert(!err_is(queue_journal_read(&q, &j)));
	while (queue_journal_next(&j, &kind, &record)) {
		struct ipc_journal_outcome o;
		bool more;

		if (kind == JOURNAL_OUTCOME &&
		    !err_is(ipc_list_next(
			&record, IPC_IN(journal_outcome, &o), &more)))
			str_addf(&s->text, "%d+%d:%.*s ", (int)o.first,
			    (int)o.count, VIEW_ARGS(o.dsn));
		else
			str_addf(&s->text, "%c ", kind);
	}
	s->end = j.good_end;
	queue_journal_clear(&j);
	queue_file_clear(&q);
	close(fd);
}

START_TEST(only_last_words_stay)
{
	struct seen seen;
	struct stat st;
	int64_t end;
	bool done;
	struct err e;

	open_queue();
	make_file(2000);
	e = queue_rewrite("active", VIEW(ID), &done, &end);
	ck_assert_msg(!err_is(e), "%s", e.text);
	ck_assert(done);
	read_journal(&seen);
	ck_assert_str_eq(
	    seen.text.ptr, "0+1:2.0.0 1+1:5.1.1 B 2+1:4.4.1 3+1:5.4.4 ");
	ck_assert_int_eq(seen.end, end);
	ck_assert_int_eq(stat("active/" ID, &st), 0);
	ck_assert_int_eq(st.st_size, end);
	ck_assert_int_eq(st.st_mtim.tv_sec, 1800000000);
	/* Once is enough. */
	ck_assert(!err_is(queue_rewrite("active", VIEW(ID), &done, &end)));
	ck_assert(!done);
	str_clear(&seen.text);
	close_queue();
}
END_TEST

START_TEST(a_short_journal_stays)
{
	int64_t end;
	bool done;

	open_queue();
	make_file(10);
	ck_assert(!err_is(queue_rewrite("active", VIEW(ID), &done, &end)));
	ck_assert(!done);
	close_queue();
}
END_TEST

START_TEST(a_delivery_keeps_its_file)
{
	int64_t end;
	bool done;
	int fd;

	open_queue();
	make_file(2000);
	fd = open("active/" ID, O_RDONLY);
	ck_assert_int_eq(flock(fd, LOCK_SH), 0);
	ck_assert(err_is(queue_rewrite("active", VIEW(ID), &done, &end)));
	ck_assert(!done);
	close(fd);
	ck_assert(!err_is(queue_rewrite("active", VIEW(ID), &done, &end)));
	ck_assert(done);
	close_queue();
}
END_TEST

/* Case 71 of the attacks: the old file is as it was, and nothing is left. */
START_TEST(attack_71_what_fails_leaves_the_old_file)
{
	struct seen before, after;
	int64_t end = 0;
	bool done;

	open_queue();
	make_file(2000);
	read_journal(&before);
	failing = _i == 0 ? FAIL_RENAME : _i;
	limit_writes(failing == FAIL_WRITE);
	ck_assert(err_is(queue_rewrite("active", VIEW(ID), &done, &end)));
	limit_writes(false);
	failing = FAIL_NONE;
	ck_assert(!done);
	ck_assert_int_eq(access("active/" ID ".new", F_OK), -1);
	read_journal(&after);
	ck_assert_str_eq(before.text.ptr, after.text.ptr);
	ck_assert_int_eq(before.end, after.end);
	/* And when the fault is over it is made short. */
	ck_assert(!err_is(queue_rewrite("active", VIEW(ID), &done, &end)));
	ck_assert(done);
	str_clear(&before.text);
	str_clear(&after.text);
	close_queue();
}
END_TEST

START_TEST(litter_has_a_name_of_its_own)
{
	ck_assert(queue_rewrite_is_litter(VIEW(ID ".new")));
	ck_assert(!queue_rewrite_is_litter(VIEW(ID)));
	ck_assert(!queue_rewrite_is_litter(VIEW(".new")));
	ck_assert(!queue_rewrite_is_litter(VIEW("..new")));
}
END_TEST

UNIT_MAIN("queue_rewrite", { only_last_words_stay, 1 },
    { a_short_journal_stays, 1 }, { a_delivery_keeps_its_file, 1 },
    { attack_71_what_fails_leaves_the_old_file, FAILURES },
    { litter_has_a_name_of_its_own, 1 })
