/* Processes that ask the name service: see names.h. */
#include "local/names.h"

#include "lib/base/clock.h"
#include "lib/base/list.h"
#include "lib/base/mem.h"
#include "local/passwd.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	ENTRY_MAX = 16384,
	/* An asker that nobody needs is kept for that long. */
	IDLE_MS = 30 * 1000,
	REMEMBERED_MAX = 64,
};

struct question {
	struct list node;
	struct names_question asked;
	struct names_answer answer;
	int64_t deadline; /* to have an asker */
};

struct asker {
	pid_t pid; /* until its end was seen, so that it is nobody else's */
	int fd;	   /* -1: told to leave */
	struct question *question;
	int64_t deadline; /* of its question, or for it to get another */
};

struct remembered {
	char name[WIRE_NAME_MAX];
	int64_t until_ms;
	struct monitor_answer answer;
};

struct names {
	int64_t limit_ms, remember_ms;
	size_t n_questions; /* of all kinds */
	struct list waiting, answered;
	struct names_answer heard; /* the last one: too large for a stack */
	struct asker askers[NAMES_ASKERS_MAX];
	struct remembered remembered[REMEMBERED_MAX];
	size_t next_remembered;
};

struct names *
names_new(int64_t limit_ms, int64_t remember_ms)
{
	struct names *n = xcalloc(1, sizeof(*n));

	n->limit_ms = limit_ms;
	n->remember_ms = remember_ms;
	list_init(&n->waiting);
	list_init(&n->answered);
	for (size_t i = 0; i < NAMES_ASKERS_MAX; i++)
		n->askers[i].fd = -1;
	return n;
}

/* --- what was found --- */

static void
remember(struct names *n, const char *name, const struct monitor_answer *a)
{
	struct remembered *r =
	    &n->remembered[n->next_remembered++ % REMEMBERED_MAX];

	memcpy(r->name, name, strlen(name) + 1);
	r->answer = *a;
	r->until_ms = clock_ms() + n->remember_ms;
}

bool
names_recall(const struct names *n, const char *name, struct monitor_answer *a)
{
	int64_t now = clock_ms();

	for (size_t i = 0; i < REMEMBERED_MAX; i++) {
		const struct remembered *r = &n->remembered[i];

		if (r->until_ms > now && strcmp(r->name, name) == 0) {
			*a = r->answer;
			return true;
		}
	}
	return false;
}

/* --- in the asker --- */

static void
look_up(const struct names_question *q, struct names_answer *a)
{
	static char room[ENTRY_MAX];
	const char *name = q->request.name;
	struct passwd entry, *found = NULL;
	int why = getpwnam_r(name, &entry, room, sizeof(room), &found);

	memset(a, 0, sizeof(*a));
	a->user.error = why;
	if (found == NULL) {
		/* What the name service says instead of "there is none". */
		a->user.status = why == 0 || why == ENOENT || why == ESRCH
		    ? MONITOR_UNKNOWN
		    : MONITOR_FAILED;
		return;
	}
	passwd_answer(&entry, &a->user);
	a->ids.uid = a->user.uid;
	a->ids.gid = a->user.gid;
	/* An ordinary user's processes have that user's. */
	if (a->user.status == MONITOR_OK && q->with_groups && geteuid() == 0 &&
	    err_is(sandbox_find_groups(name, &a->ids)))
		a->user.status = MONITOR_GROUPS;
}

static _Noreturn void
serve(int fd)
{
	static struct names_answer a;
	struct names_question q;
	int fds[WIRE_FDS_MAX];
	uint32_t number;
	size_t len;

	while (!err_is(wire_receive(fd, &number, &q, sizeof(q), &len, fds)) &&
	    len == sizeof(q)) {
		look_up(&q, &a);
		if (err_is(wire_send(
			fd, number, view_make(&a, sizeof(a)), NULL, 0)))
			break;
	}
	_exit(0);
}

static _Noreturn void
be_asker(pid_t monitor, int fd)
{
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGCHLD);
	/* Whatever it waits for, it is not there longer than the monitor. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != monitor)
		_exit(1);
	close_range(3, (unsigned)fd - 1, 0);
	close_range((unsigned)fd + 1, ~0U, 0);
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &ends, NULL);
	serve(fd);
}

/* --- askers --- */

/* The errno if there can be none. */
static int
asker_start(struct asker *a)
{
	int pair[2], why = 0;
	pid_t monitor = getpid();

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return errno;
	a->pid = fork();
	if (a->pid == 0)
		be_asker(monitor, pair[1]);
	if (a->pid < 0) {
		why = errno;
		close(pair[0]);
		a->pid = 0;
	} else {
		a->fd = pair[0];
	}
	close(pair[1]);
	return why;
}

static void
asker_leave(struct asker *a)
{
	close(a->fd);
	a->fd = -1;
	a->question = NULL;
}

/* What waits inside the name service does not see that its socket ended. */
static void
asker_kill(struct asker *a)
{
	if (a->pid > 0)
		kill(a->pid, SIGKILL);
	asker_leave(a);
}

bool
names_take_end(struct names *n, pid_t pid)
{
	for (size_t i = 0; i < NAMES_ASKERS_MAX; i++) {
		if (n->askers[i].pid == pid) {
			n->askers[i].pid = 0;
			return true;
		}
	}
	return false;
}

void
names_free(struct names *n)
{
	for (size_t i = 0; i < NAMES_ASKERS_MAX; i++) {
		struct asker *a = &n->askers[i];

		if (a->question != NULL) {
			free(a->question);
			asker_kill(a);
		} else if (a->fd >= 0) {
			asker_leave(a);
		}
	}
	LIST_EACH (it, after, &n->waiting)
		free(LIST_ITEM(it, struct question, node));
	LIST_EACH (it, after2, &n->answered)
		free(LIST_ITEM(it, struct question, node));
	free(n);
}

/* --- questions --- */

bool
names_next(
    struct names *n, struct names_question *asked, struct names_answer *answer)
{
	struct question *q;

	if (list_is_empty(&n->answered))
		return false;
	q = LIST_ITEM(n->answered.next, struct question, node);
	*asked = q->asked;
	*answer = q->answer;
	list_remove(&q->node);
	free(q);
	n->n_questions--;
	return true;
}

static void
question_end(struct names *n, struct question *q, const struct names_answer *a)
{
	q->answer = *a;
	list_append(&n->answered, &q->node);
}

static bool
is_same(const struct question *a, const struct question *b)
{
	return strcmp(a->asked.request.name, b->asked.request.name) == 0;
}

/* The asker's question, and all that wait for the same, so that a name which
 * is not answered takes one asker. */
static void
asker_answered(
    struct names *n, struct asker *a, const struct names_answer *answer)
{
	struct question *q = a->question;

	if (answer->user.status == MONITOR_OK)
		remember(n, q->asked.request.name, &answer->user);
	a->question = NULL;
	a->deadline = deadline_in_ms(IDLE_MS);
	LIST_EACH (it, after, &n->waiting) {
		struct question *other = LIST_ITEM(it, struct question, node);

		if (!is_same(other, q) ||
		    (answer->user.status == MONITOR_OK &&
			other->asked.with_groups && !q->asked.with_groups))
			continue;
		list_remove(&other->node);
		question_end(n, other, answer);
	}
	question_end(n, q, answer);
}

/* In place of an answer. */
static const struct names_answer *
no_answer(struct names *n, enum monitor_status status, int why)
{
	memset(&n->heard, 0, sizeof(n->heard));
	n->heard.user.status = status;
	n->heard.user.error = why;
	return &n->heard;
}

static void
asker_failed(struct names *n, struct asker *a, enum monitor_status status)
{
	asker_answered(n, a, no_answer(n, status, 0));
}

static bool
answer_is_good(const struct names_answer *a, size_t len)
{
	return len == sizeof(*a) &&
	    memchr(a->user.home, '\0', sizeof(a->user.home)) != NULL &&
	    a->ids.n_groups >= 0 && a->ids.n_groups <= SANDBOX_GROUPS_MAX;
}

/* It died of a module of the name service, or does not keep to the rules. */
static void
asker_lost(struct names *n, struct asker *a)
{
	if (a->question != NULL)
		asker_failed(n, a, MONITOR_DIED);
	asker_kill(a);
}

/* An answer, or the end. */
static void
asker_listen(struct names *n, struct asker *a)
{
	int fds[WIRE_FDS_MAX];
	uint32_t number;
	size_t len;

	if (err_is(wire_receive(
		a->fd, &number, &n->heard, sizeof(n->heard), &len, fds)) ||
	    a->question == NULL || !answer_is_good(&n->heard, len))
		asker_lost(n, a);
	else
		asker_answered(n, a, &n->heard);
}

static bool
is_asked(const struct names *n, const struct question *q)
{
	for (size_t i = 0; i < NAMES_ASKERS_MAX; i++)
		if (n->askers[i].question != NULL &&
		    is_same(n->askers[i].question, q))
			return true;
	return false;
}

/* One that has nothing to do, else a place for one; NULL if all are busy, or
 * have not ended yet. */
static struct asker *
find_asker(struct names *n)
{
	struct asker *place = NULL;

	for (size_t i = 0; i < NAMES_ASKERS_MAX; i++) {
		struct asker *a = &n->askers[i];

		if (a->fd >= 0 && a->question == NULL)
			return a;
		if (a->fd < 0 && a->pid == 0 && place == NULL)
			place = a;
	}
	return place;
}

static void
ask(struct names *n, struct asker *a, struct question *q)
{
	int why = a->fd < 0 ? asker_start(a) : 0;

	list_remove(&q->node);
	if (why != 0) {
		question_end(n, q, no_answer(n, MONITOR_FAILED, why));
		return;
	}
	a->question = q;
	a->deadline = deadline_in_ms(n->limit_ms);
	/* One that cannot be told has left: its socket says so at once. */
	(void)wire_send(a->fd, q->asked.number,
	    view_make(&q->asked, sizeof(q->asked)), NULL, 0);
}

static void
ask_what_waits(struct names *n)
{
	LIST_EACH (it, after, &n->waiting) {
		struct question *q = LIST_ITEM(it, struct question, node);
		struct asker *a = is_asked(n, q) ? NULL : find_asker(n);

		if (a != NULL) {
			ask(n, a, q);
		} else if (deadline_left(q->deadline) == 0) {
			list_remove(&q->node);
			question_end(n, q, no_answer(n, MONITOR_BUSY, 0));
		}
	}
}

bool
names_ask(struct names *n, const struct names_question *asked)
{
	struct question *q;

	if (n->n_questions == NAMES_QUESTIONS_MAX)
		return false;
	n->n_questions++;
	q = xcalloc(1, sizeof(*q));
	q->asked = *asked;
	q->deadline = deadline_in_ms(2 * n->limit_ms);
	list_append(&n->waiting, &q->node);
	ask_what_waits(n);
	return true;
}

void
names_work(struct names *n, const struct pollfd *fds)
{
	for (size_t i = 0; i < NAMES_ASKERS_MAX; i++) {
		struct asker *a = &n->askers[i];

		if (a->fd >= 0 && (fds++)->revents != 0)
			asker_listen(n, a);
		/* Whatever it started may keep its socket open. */
		if (a->fd >= 0 && a->pid == 0)
			asker_lost(n, a);
		if (a->fd < 0 || deadline_left(a->deadline) > 0)
			continue;
		if (a->question == NULL) {
			asker_leave(a);
			continue;
		}
		asker_failed(n, a, MONITOR_SLOW);
		asker_kill(a);
	}
	ask_what_waits(n);
}

/* --- what is waited for --- */

size_t
names_poll(const struct names *n, struct pollfd *fds)
{
	size_t n_fds = 0;

	for (size_t i = 0; i < NAMES_ASKERS_MAX; i++)
		if (n->askers[i].fd >= 0)
			fds[n_fds++] = (struct pollfd){ .fd = n->askers[i].fd,
				.events = POLLIN };
	return n_fds;
}

int
names_timeout(const struct names *n)
{
	int64_t deadline = DEADLINE_NEVER;

	if (!list_is_empty(&n->answered))
		return 0;
	for (size_t i = 0; i < NAMES_ASKERS_MAX; i++)
		if (n->askers[i].fd >= 0 && n->askers[i].deadline < deadline)
			deadline = n->askers[i].deadline;
	if (!list_is_empty(&n->waiting)) {
		const struct question *q =
		    LIST_ITEM(n->waiting.next, struct question, node);

		if (q->deadline < deadline)
			deadline = q->deadline;
	}
	return deadline_left(deadline);
}
