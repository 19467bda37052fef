/* What a child does with a mailbox, in this process. */
#include "local/child.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "local/testing.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <utime.h>

static const struct child_site site = { .host = "mx.test",
	.lock_attempts = 2,
	.lock_delay = 1,
	.stale_lock_time = 500,
	.lock_fcntl = true,
	.lock_dot = true,
	.strict_ownership = true };

static struct child child;
static struct child_answer answer;
static char *top;

static void
begin(void)
{
	top = testing_folder();
	child_init(&child, &site, getuid(), maildirs_new());
}

static void
end(void)
{
	maildirs_free(child.maildirs);
	child_clear(&child);
	testing_folder_remove(top);
}

#define HEADER VIEW("Subject: x\r\nDelivered-To: old@test\r\n\r\n")
#define BODY VIEW("From me\r\n.dot\r\nlast\r\n")

static void
deliver(enum child_kind kind, const char *path, unsigned flags)
{
	struct testing_message m = testing_message(HEADER, BODY);
	struct child_job job = { .kind = kind,
		.flags = flags,
		.base = top,
		.path = path,
		.loop = "me@test",
		.head = VIEW("Return-Path: <s@test>\n"),
		.layout = str_view(&m.layout) };

	child_deliver(&child, &job, m.fd, -1, &answer);
	testing_message_clear(&m);
}

static void
expect(enum child_status status, const char *dsn, const char *part)
{
	ck_assert_msg(answer.status == status && strcmp(answer.dsn, dsn) == 0 &&
		strstr(answer.text, part) != NULL,
	    "%u %s %s", answer.status, answer.dsn, answer.text);
}

#define STORED_BODY "From me\n.dot\nlast\n"
#define STORED_HEAD \
	"Return-Path: <s@test>\nSubject: x\nDelivered-To: old@test\n\n"

START_TEST(a_maildir_is_made_and_filled)
{
	struct str name = STR_EMPTY, got = STR_EMPTY;
	struct stat st;

	begin();
	deliver(CHILD_MAILDIR, "dom/user/", 0);
	expect(CHILD_DONE, "2.0.0", "delivered to maildir");
	deliver(CHILD_MAILDIR, "dom/user/", 0);
	ck_assert_int_eq(testing_count("dom/user/new", &name), 2);
	ck_assert_int_eq(testing_count("dom/user/tmp", NULL), 0);
	ck_assert_int_eq(testing_count("dom/user/cur", NULL), 0);
	testing_read(name.ptr, &got);
	ck_assert_str_eq(got.ptr, STORED_HEAD STORED_BODY);
	ck_assert_int_eq(stat(name.ptr, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(stat("dom/user", &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0700);
	ck_assert_ptr_nonnull(strstr(name.ptr, ".mx.test"));
	ck_assert_ptr_nonnull(strstr(name.ptr, ".V"));
	str_clear(&name);
	str_clear(&got);
	end();
}
END_TEST

START_TEST(a_large_message_is_stored_whole)
{
	struct str body = STR_EMPTY, want = STR_EMPTY, got = STR_EMPTY;
	struct str name = STR_EMPTY;
	struct testing_message m;
	struct child_job job = { .kind = CHILD_MAILDIR,
		.path = "user/",
		.loop = "me@test",
		.head = VIEW("Return-Path: <s@test>\n") };

	begin();
	job.base = top;
	str_add_text(&want, STORED_HEAD);
	for (int i = 0; i < 60000; i++) {
		str_addf(&body, "line %d of a large message, of some length\r\n",
		    i);
		str_addf(&want, "line %d of a large message, of some length\n",
		    i);
	}
	m = testing_message(HEADER, str_view(&body));
	job.layout = str_view(&m.layout);
	child_deliver(&child, &job, m.fd, -1, &answer);
	expect(CHILD_DONE, "2.0.0", "delivered to maildir");
	ck_assert_int_eq(testing_count("user/new", &name), 1);
	testing_read(name.ptr, &got);
	ck_assert(view_eq(str_view(&got), str_view(&want)));
	testing_message_clear(&m);
	str_clear(&body);
	str_clear(&want);
	str_clear(&got);
	str_clear(&name);
	end();
}
END_TEST

START_TEST(a_maildir_that_was_moved_is_not_written_to)
{
	begin();
	deliver(CHILD_MAILDIR, "user/", 0);
	ck_assert_int_eq(rename("user", "old"), 0);
	deliver(CHILD_MAILDIR, "user/", 0);
	expect(CHILD_DONE, "2.0.0", "");
	ck_assert_int_eq(testing_count("old/new", NULL), 1);
	ck_assert_int_eq(testing_count("user/new", NULL), 1);
	end();
}
END_TEST

START_TEST(many_maildirs_do_not_use_up_descriptors)
{
	begin();
	for (int i = 0; i < 50; i++) {
		char path[20];

		snprintf(path, sizeof(path), "u%d/", i % 40);
		deliver(CHILD_MAILDIR, path, 0);
		expect(CHILD_DONE, "2.0.0", "");
	}
	ck_assert_int_lt(testing_count("/proc/self/fd", NULL), 60);
	end();
}
END_TEST

START_TEST(attack_63_links_in_a_maildir_are_not_followed)
{
	static const char *const parts[] = { "user", "user/new", "user/tmp",
		"user/cur" };

	begin();
	mkdir("victim", 0700);
	mkdir("victim/new", 0700);
	mkdir("victim/tmp", 0700);
	mkdir("victim/cur", 0700);
	if (_i > 0)
		mkdir("user", 0700);
	ck_assert_int_eq(
	    symlink(_i > 0 ? "../victim" : "victim", parts[_i]), 0);
	deliver(CHILD_MAILDIR, "user/", 0);
	ck_assert_int_eq(answer.status, CHILD_TEMP);
	ck_assert_int_eq(testing_count("victim", NULL), 3);
	ck_assert_int_eq(testing_count("victim/new", NULL), 0);
	ck_assert_int_eq(testing_count("victim/tmp", NULL), 0);
	end();
}
END_TEST

static volatile bool racing;

/* Swaps new/ for a link to a victim and back, as fast as it can. */
static void *
race(void *arg)
{
	(void)arg;
	while (racing) {
		rename("user/new", "user/keep");
		(void)!symlink("../victim", "user/new");
		unlink("user/new");
		rename("user/keep", "user/new");
	}
	return NULL;
}

START_TEST(attack_64_a_race_with_links_never_leaves_the_maildir)
{
	pthread_t thread;
	int done = 0;

	begin();
	mkdir("victim", 0700);
	deliver(CHILD_MAILDIR, "user/", 0);
	racing = true;
	ck_assert_int_eq(pthread_create(&thread, NULL, race, NULL), 0);
	for (int i = 0; i < 500; i++) {
		deliver(CHILD_MAILDIR, "user/", 0);
		done += answer.status == CHILD_DONE;
	}
	racing = false;
	pthread_join(thread, NULL);
	ck_assert_int_eq(testing_count("victim", NULL), 0);
	ck_assert_int_le(done, 500);
	end();
}
END_TEST

START_TEST(attack_65_somebody_elses_maildir_is_left_alone)
{
	if (getuid() != 0)
		return;
	begin();
	mkdir("user", 0777);
	mkdir("user/new", 0777);
	ck_assert_int_eq(chown("user/new", 12345, 12345), 0);
	deliver(CHILD_MAILDIR, "user/", 0);
	expect(CHILD_TEMP, "4.2.0", "not owned by the recipient");
	end();
}
END_TEST

START_TEST(a_loop_is_seen)
{
	struct testing_message m =
	    testing_message(VIEW("Delivered-To: Me@test\r\n\r\n"), BODY);
	struct child_job job = { .kind = CHILD_MAILDIR,
		.path = "user/",
		.loop = "me@test",
		.layout = str_view(&m.layout) };

	begin();
	job.base = top;
	child_deliver(&child, &job, m.fd, -1, &answer);
	expect(CHILD_PERM, "5.4.6", "mail forwarding loop for me@test");
	testing_message_clear(&m);
	end();
}
END_TEST

/* --- size --- */

static void
limit_files(rlim_t size)
{
	struct rlimit r = { size, size };

	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &r), 0);
}

START_TEST(a_message_over_the_limit_is_refused_and_cleaned_up)
{
	begin();
	deliver(CHILD_MAILDIR, "user/", 0);
	deliver(CHILD_MBOX, "box", 0);
	limit_files(40);
	{
		/* The message itself was made before the limit. */
		struct testing_message m = { .layout = STR_EMPTY };
		struct child_job job = { .kind = CHILD_MAILDIR,
			.base = top,
			.path = "user/",
			.loop = "",
			.head = VIEW("0123456789012345678901234567890123456789"
				     "0123456789\n") };

		testing_write("tiny", VIEW("x"));
		m.fd = open("tiny", O_RDONLY | O_CLOEXEC);
		queue_layout_add(&m.layout, 0, 1);
		job.layout = str_view(&m.layout);
		child_deliver(&child, &job, m.fd, -1, &answer);
		expect(CHILD_PERM, "5.2.2", "File too large");
		ck_assert_int_eq(testing_count("user/tmp", NULL), 0);
		ck_assert_int_eq(testing_count("user/new", NULL), 1);
		job.kind = CHILD_MBOX;
		job.path = "box";
		child_deliver(&child, &job, m.fd, -1, &answer);
		expect(CHILD_PERM, "5.2.2", "File too large");
		testing_message_clear(&m);
	}
	end();
}
END_TEST

static int64_t
size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (int64_t)st.st_size : -1;
}

START_TEST(a_full_disk_is_temporary_and_harms_nothing)
{
	struct str big = STR_EMPTY;
	struct testing_message m;
	struct child_job job = { .kind = _i == 0 ? CHILD_MAILDIR : CHILD_MBOX,
		.path = _i == 0 ? "m/user/" : "m/box",
		.loop = "" };
	int64_t before;

	begin();
	mkdir("m", 0700);
	if (mount("none", "m", "tmpfs", 0, "size=64k") < 0) {
		fprintf(stderr, "skip: cannot mount a tmpfs\n");
		end();
		return;
	}
	for (int i = 0; i < 20000; i++)
		str_add_text(&big, "line\r\n");
	m = testing_message(VIEW("A: b\r\n\r\n"), str_view(&big));
	deliver(job.kind, job.path, 0);
	expect(CHILD_DONE, "2.0.0", "");
	before = size_of("m/box");
	job.base = top;
	job.layout = str_view(&m.layout);
	child_deliver(&child, &job, m.fd, -1, &answer);
	expect(CHILD_TEMP, "4.2.2", "No space left");
	if (_i == 0) {
		ck_assert_int_eq(testing_count("m/user/tmp", NULL), 0);
		ck_assert_int_eq(testing_count("m/user/new", NULL), 1);
	} else {
		ck_assert_int_eq(size_of("m/box"), before);
		ck_assert_int_eq(size_of("m/box.lock"), -1);
	}
	testing_message_clear(&m);
	str_clear(&big);
	maildirs_free(child.maildirs);
	child_clear(&child);
	child_init(&child, &site, getuid(), maildirs_new());
	umount2("m", MNT_DETACH);
	end();
}
END_TEST

/* --- mbox --- */

START_TEST(an_mbox_is_appended_to)
{
	struct str got = STR_EMPTY;

	begin();
	deliver(CHILD_MBOX, "sub/box", 0);
	expect(CHILD_DONE, "2.0.0", "delivered to mailbox");
	deliver(CHILD_MBOX, "sub/box", 0);
	testing_read("sub/box", &got);
#define QUOTED STORED_HEAD ">" STORED_BODY "\n"
	ck_assert_str_eq(got.ptr, QUOTED QUOTED);
	ck_assert_int_eq(testing_count("sub", NULL), 1);
	testing_write("sub/box", VIEW("torn"));
	deliver(CHILD_MBOX, "sub/box", 0);
	testing_read("sub/box", &got);
	ck_assert_str_eq(got.ptr, "torn\n" QUOTED);
	str_clear(&got);
	end();
}
END_TEST

START_TEST(attack_65_what_is_no_plain_mailbox_is_refused)
{
	begin();
	mkdir("dir", 0700);
	deliver(CHILD_MBOX, "dir", 0);
	expect(CHILD_PERM, "5.2.0", "directory");
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	deliver(CHILD_MBOX, "fifo", 0);
	expect(CHILD_PERM, "5.2.0", "not a regular file");
	ck_assert_int_eq(symlink("/dev/null", "link"), 0);
	deliver(CHILD_MBOX, "link", 0);
	expect(CHILD_PERM, "5.2.0", "symbolic links");
	testing_write("hard", VIEW(""));
	ck_assert_int_eq(link("hard", "hard2"), 0);
	deliver(CHILD_MBOX, "hard", 0);
	expect(CHILD_PERM, "5.2.0", "2 links");
	if (getuid() == 0) {
		testing_write("other", VIEW(""));
		ck_assert_int_eq(chown("other", 12345, 12345), 0);
		deliver(CHILD_MBOX, "other", 0);
		expect(CHILD_TEMP, "4.2.0", "not owned by recipient");
		ck_assert_int_eq(mknod("device", S_IFCHR | 0600, 0x103), 0);
		deliver(CHILD_MBOX, "device", 0);
		expect(CHILD_PERM, "5.2.0", "not a regular file");
	}
	ck_assert_int_eq(testing_count(".", NULL), getuid() == 0 ? 7 : 5);
	end();
}
END_TEST

START_TEST(a_spool_mailbox_is_made_by_the_monitor)
{
	begin();
	deliver(CHILD_MBOX, "user", CHILD_IN_SPOOL);
	expect(CHILD_NEEDS_MBOX, "4.2.0", "");
	ck_assert_int_eq(testing_count(".", NULL), 0);
	end();
}
END_TEST

START_TEST(locks_are_waited_for_and_stale_ones_removed)
{
	struct utimbuf old = { clock_wall() - 1000, clock_wall() - 1000 };
	int64_t start;

	begin();
	testing_write("box.lock", VIEW(""));
	start = clock_ms();
	deliver(CHILD_MBOX, "box", 0);
	expect(CHILD_TEMP, "4.2.0", "unable to create lock file");
	ck_assert_int_ge(clock_ms() - start, 900);
	ck_assert_int_eq(size_of("box.lock"), 0);
	ck_assert_int_eq(utime("box.lock", &old), 0);
	deliver(CHILD_MBOX, "box", 0);
	expect(CHILD_DONE, "2.0.0", "");
	ck_assert_int_eq(size_of("box.lock"), -1);
	end();
}
END_TEST

START_TEST(a_record_lock_of_another_process_is_respected)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd, ready[2];
	pid_t pid;
	char c;

	begin();
	testing_write("box", VIEW(""));
	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		fd = open("box", O_RDWR);
		if (fcntl(fd, F_SETLK, &all) < 0 ||
		    write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	deliver(CHILD_MBOX, "box", 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	expect(CHILD_TEMP, "4.2.0", "unable to lock for exclusive access");
	ck_assert_int_eq(size_of("box"), 0);
	ck_assert_int_eq(size_of("box.lock"), -1);
	deliver(CHILD_MBOX, "box", 0);
	expect(CHILD_DONE, "2.0.0", "");
	close(ready[0]);
	close(ready[1]);
	end();
}
END_TEST

START_TEST(an_unwritable_folder_is_temporary)
{
	begin();
	mkdir("user", 0700);
	mkdir("user/tmp", 0500);
	mkdir("user/new", 0700);
	if (getuid() == 0) {
		/* root may write anywhere: a file in its place then. */
		rmdir("user/tmp");
		testing_write("user/tmp", VIEW(""));
	}
	deliver(CHILD_MAILDIR, "user/", 0);
	ck_assert_int_eq(answer.status, CHILD_TEMP);
	ck_assert_int_eq(testing_count("user/new", NULL), 0);
	chmod("user/tmp", 0700);
	end();
}
END_TEST

UNIT_MAIN("local/mailbox", { a_maildir_is_made_and_filled, 1 },
    { a_large_message_is_stored_whole, 1 },
    { a_maildir_that_was_moved_is_not_written_to, 1 },
    { many_maildirs_do_not_use_up_descriptors, 1 },
    { attack_63_links_in_a_maildir_are_not_followed, 4 },
    { attack_64_a_race_with_links_never_leaves_the_maildir, 1 },
    { attack_65_somebody_elses_maildir_is_left_alone, 1 },
    { a_loop_is_seen, 1 },
    { a_message_over_the_limit_is_refused_and_cleaned_up, 1 },
    { a_full_disk_is_temporary_and_harms_nothing, 2 },
    { an_mbox_is_appended_to, 1 },
    { attack_65_what_is_no_plain_mailbox_is_refused, 1 },
    { a_spool_mailbox_is_made_by_the_monitor, 1 },
    { locks_are_waited_for_and_stale_ones_removed, 1 },
    { a_record_lock_of_another_process_is_respected, 1 },
    { an_unwritable_folder_is_temporary, 1 })
