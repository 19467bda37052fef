/*
 * Questions to a name service that is played here: this program's getpwnam_r
 * and getgrouplist stand before the C library's.
 */
#include "local/names.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "local/testing.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/wait.h>

enum { LIMIT_MS = 300, REMEMBER_MS = 1000, ID = 23456 };

static bool
begins(const char *name, const char *with)
{
	return view_starts(view_of(name), view_of(with));
}

static void
hang(void)
{
	for (;;)
		pause();
}

int
getpwnam_r(const char *name, struct passwd *entry, char *room, size_t size,
    struct passwd **found)
{
	(void)room;
	(void)size;
	*found = NULL;
	if (begins(name, "stuck"))
		hang();
	if (begins(name, "deadly"))
		_exit(3);
	if (begins(name, "ill"))
		return EIO;
	if (begins(name, "none"))
		return 0;
	*entry = (struct passwd){
		.pw_uid = ID, .pw_gid = ID + 1, .pw_dir = (char *)"/home/q"
	};
	*found = entry;
	return 0;
}

int
getgrouplist(const char *name, gid_t gid, gid_t *groups, int *n)
{
	int room = *n;

	if (begins(name, "alone"))
		hang();
	*n = begins(name, "many") ? 1000 : 2;
	if (*n > room)
		return -1;
	groups[0] = gid;
	groups[1] = ID + 2;
	return *n;
}

static struct names *names;
static struct names_question question;
static struct names_answer answer;

static void
begin(int64_t limit_ms)
{
	names = names_new(limit_ms, REMEMBER_MS);
}

static bool
ask(const char *name, bool with_groups)
{
	struct names_question q = { .number = 7, .with_groups = with_groups };

	memcpy(q.request.name, name, strlen(name) + 1);
	return names_ask(names, &q);
}

/* One turn as the monitor has it. */
static void
turn(void)
{
	struct pollfd fds[NAMES_ASKERS_MAX];
	size_t n = names_poll(names, fds);
	int ms = names_timeout(names);
	pid_t pid;

	/* A child's end is a signal there. */
	poll(fds, n, ms < 0 || ms > 20 ? 20 : ms);
	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		ck_assert(names_take_end(names, pid));
	names_work(names, fds);
}

static void
await_next(void)
{
	int64_t deadline = deadline_in(20);

	while (!names_next(names, &question, &answer)) {
		ck_assert_int_ne(deadline_left(deadline), 0);
		turn();
	}
}

static void
expect(const char *name, enum monitor_status status)
{
	await_next();
	ck_assert_str_eq(question.request.name, name);
	ck_assert_uint_eq(question.number, 7);
	ck_assert_int_eq((int)answer.user.status, (int)status);
}

/* The processes that are there are children of ours; all of them end. */
static void
end(void)
{
	int64_t deadline = deadline_in(20);
	pid_t pid;

	names_free(names);
	while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0) {
		ck_assert_int_ne(deadline_left(deadline), 0);
		poll(NULL, 0, 5);
	}
	ck_assert_int_eq(errno, ECHILD);
}

static size_t
count_askers(void)
{
	struct pollfd fds[NAMES_ASKERS_MAX];

	return names_poll(names, fds);
}

static const struct {
	const char *name;
	bool with_groups;
	enum monitor_status status;
} cases[] = {
	{ "quick", false, MONITOR_OK },
	{ "quick", true, MONITOR_OK },
	{ "none", false, MONITOR_UNKNOWN },
	{ "ill", true, MONITOR_FAILED },
	{ "deadly", false, MONITOR_DIED },
	{ "stuck", false, MONITOR_SLOW },
	{ "alone", false, MONITOR_OK },
	{ "alone", true, MONITOR_SLOW },
	{ "many", false, MONITOR_OK },
};

START_TEST(a_question_is_answered)
{
	begin(LIMIT_MS);
	/* The second time by the same process, where that lives. */
	for (int i = 0; i < 2; i++) {
		ck_assert(ask(cases[_i].name, cases[_i].with_groups));
		expect(cases[_i].name, cases[_i].status);
		ck_assert_uint_eq(count_askers(),
		    cases[_i].status != MONITOR_DIED &&
			cases[_i].status != MONITOR_SLOW);
	}
	if (answer.user.status == MONITOR_OK) {
		ck_assert_int_eq((int)answer.user.uid, ID);
		ck_assert_int_eq((int)answer.user.gid, ID + 1);
		ck_assert_str_eq(answer.user.home, "/home/q");
		ck_assert_int_eq(answer.ids.n_groups,
		    cases[_i].with_groups && geteuid() == 0 ? 2 : 0);
	}
	end();
}
END_TEST

START_TEST(too_many_groups_are_told)
{
	if (geteuid() != 0)
		return;
	begin(LIMIT_MS);
	ck_assert(ask("many", true));
	expect("many", MONITOR_GROUPS);
	end();
}
END_TEST

START_TEST(one_that_hangs_holds_nobody_up)
{
	int64_t start = clock_ms();

	begin(10 * 1000);
	ck_assert(ask("stuck-1", false));
	ck_assert(ask("stuck-2", false));
	ck_assert(ask("quick-1", false));
	expect("quick-1", MONITOR_OK);
	ck_assert(ask("none", false));
	expect("none", MONITOR_UNKNOWN);
	ck_assert_int_lt((int)(clock_ms() - start), 10 * 1000);
	/* The last two were asked by one. */
	ck_assert_uint_eq(count_askers(), 3);
	end();
}
END_TEST

/* A name takes one process, however often it is asked for. */
START_TEST(the_same_question_is_asked_once)
{
	begin(LIMIT_MS);
	for (int i = 0; i < 20; i++)
		ck_assert(ask("stuck", i % 2 == 0));
	ck_assert_uint_eq(count_askers(), 1);
	for (int i = 0; i < 20; i++)
		expect("stuck", MONITOR_SLOW);
	ck_assert(!names_next(names, &question, &answer));
	/* An answer without groups is none for who needs them. */
	ck_assert(ask("alone", false));
	ck_assert(ask("alone", true));
	expect("alone", MONITOR_OK);
	ck_assert(!question.with_groups);
	expect("alone", MONITOR_SLOW);
	ck_assert(question.with_groups);
	end();
}
END_TEST

/* Whoever asks for all it can gets no more processes, and all answers. */
START_TEST(questions_and_processes_are_bounded)
{
	size_t n_slow = 0, n_busy = 0;
	char name[32];

	begin(LIMIT_MS);
	for (int i = 0; i < NAMES_QUESTIONS_MAX; i++) {
		snprintf(name, sizeof(name), "stuck-%d", i);
		ck_assert(ask(name, false));
	}
	ck_assert(!ask("quick", false));
	ck_assert_uint_eq(count_askers(), NAMES_ASKERS_MAX);
	for (int i = 0; i < NAMES_QUESTIONS_MAX; i++) {
		await_next();
		n_slow += answer.user.status == MONITOR_SLOW;
		n_busy += answer.user.status == MONITOR_BUSY;
	}
	ck_assert_uint_ge(n_slow, NAMES_ASKERS_MAX);
	ck_assert_uint_eq(n_slow + n_busy, NAMES_QUESTIONS_MAX);
	ck_assert(ask("quick", false));
	expect("quick", MONITOR_OK);
	end();
}
END_TEST

/* One that was told to end counts until it has: it may be in the kernel. */
START_TEST(a_process_that_does_not_end_keeps_its_place)
{
	struct pollfd fds[NAMES_ASKERS_MAX];
	size_t n;
	char name[32];

	begin(LIMIT_MS);
	for (int i = 0; i < NAMES_ASKERS_MAX; i++) {
		snprintf(name, sizeof(name), "stuck-%d", i);
		ck_assert(ask(name, false));
	}
	n = names_poll(names, fds);
	ck_assert_int_eq(poll(fds, n, LIMIT_MS + 50), 0);
	/* Late, and killed; nobody looked at their ends. */
	names_work(names, fds);
	ck_assert_uint_eq(count_askers(), 0);
	ck_assert(ask("quick", false));
	ck_assert_uint_eq(count_askers(), 0);
	for (int i = 0; i < NAMES_ASKERS_MAX; i++) {
		ck_assert(names_next(names, &question, &answer));
		ck_assert_int_eq((int)answer.user.status, MONITOR_SLOW);
	}
	expect("quick", MONITOR_OK);
	end();
}
END_TEST

START_TEST(who_was_found_is_remembered_for_a_moment)
{
	struct monitor_answer a;
	int64_t deadline;

	begin(LIMIT_MS);
	ck_assert(ask("none", false));
	expect("none", MONITOR_UNKNOWN);
	ck_assert(!names_recall(names, "none", &a));
	ck_assert(ask("stuck", false));
	expect("stuck", MONITOR_SLOW);
	ck_assert(!names_recall(names, "stuck", &a));
	ck_assert(ask("quick", false));
	deadline = deadline_in_ms(REMEMBER_MS);
	expect("quick", MONITOR_OK);
	if (names_recall(names, "quick", &a))
		ck_assert_int_eq((int)a.uid, ID);
	else
		ck_assert_int_eq(deadline_left(deadline), 0);
	ck_assert(!names_recall(names, "quic", &a));
	ck_assert(!names_recall(names, "", &a));
	poll(NULL, 0, REMEMBER_MS + 1);
	ck_assert(!names_recall(names, "quick", &a));
	end();
}
END_TEST

/* It must not outlive the monitor, however that ends. */
START_TEST(askers_end_with_their_parent)
{
	struct pollfd p = { .events = POLLIN };
	int ends[2];
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	/* The write end is the asker's standard input, which it keeps. */
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], 0);
		close(ends[0]);
		close(ends[1]);
		begin(10 * 1000);
		ck_assert(ask("stuck", false));
		raise(SIGKILL);
	}
	close(ends[1]);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	p.fd = ends[0];
	ck_assert_int_eq(poll(&p, 1, 20 * 1000), 1);
	ck_assert(p.revents & POLLHUP);
	close(ends[0]);
}
END_TEST

UNIT_MAIN("local/names", { a_question_is_answered, ARRAY_LEN(cases) },
    { too_many_groups_are_told, 1 }, { one_that_hangs_holds_nobody_up, 1 },
    { the_same_question_is_asked_once, 1 },
    { questions_and_processes_are_bounded, 1 },
    { a_process_that_does_not_end_keeps_its_place, 1 },
    { who_was_found_is_remembered_for_a_moment, 1 },
    { askers_end_with_their_parent, 1 })
