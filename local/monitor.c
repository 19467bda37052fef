/* The privileged process of a service: see monitor.h. */
#include "local/monitor.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/run/sandbox.h"
#include "local/names.h"
#include "local/passwd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	LOCKS_MAX = 128,
	/* What a front keeps at once, and what has not ended yet. */
	CHILDREN_MAX = 256,
	CHILDREN_LEAVE_S = 30,
};

struct monitor {
	const struct monitor_site *site;
	int fd;
	struct names *names;
	struct passwd_files passwd;
	size_t n_children;
	sigset_t awake; /* the signals that are blocked while it waits */
	/* Lock files that we made and the front has not given back. */
	char locks[LOCKS_MAX][WIRE_NAME_MAX];
	/* What is answered now, and what is known of the user. */
	struct names_question question;
	struct names_answer known;
};

/* The one that this process is. */
static struct monitor the_monitor;

bool
monitor_name_is_good(const char *name)
{
	return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL;
}

/* --- users --- */

/* What is known of a user, if mail may be delivered as that one. */
static enum monitor_status
check_owner(const struct monitor *m, const struct monitor_request *r,
    const struct monitor_answer *a)
{
	if (a->status != MONITOR_OK)
		return (enum monitor_status)a->status;
	if (a->uid == 0 || !monitor_name_is_good(r->name))
		return MONITOR_REFUSED;
	if (m->site->child.unprivileged && a->uid != getuid())
		return MONITOR_REFUSED;
	return MONITOR_OK;
}

/* --- children --- */

static _Noreturn void
be_child(const struct monitor *m, const struct sandbox_ids *who, int fd)
{
	/* Nothing of ours stays open: not the other children's sockets, not
	 * the one to the front. */
	close_range(3, (unsigned)fd - 1, 0);
	close_range((unsigned)fd + 1, ~0U, 0);
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_SETMASK, &m->awake, NULL);
	child_run(&m->site->child, who, fd);
}

static enum monitor_status
fork_child(struct monitor *m, const struct sandbox_ids *who,
    struct monitor_answer *a, int *fd)
{
	int pair[2];
	pid_t pid;

	/* Whoever asks for more is no front of ours any more. */
	if (m->n_children >= CHILDREN_MAX)
		return MONITOR_BUSY;
	a->error = 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		a->error = errno;
		return MONITOR_FAILED;
	}
	pid = fork();
	if (pid == 0)
		be_child(m, who, pair[1]);
	if (pid < 0) {
		a->error = errno;
		close(pair[0]);
	} else {
		m->n_children++;
		*fd = pair[0];
	}
	close(pair[1]);
	return pid < 0 ? MONITOR_FAILED : MONITOR_OK;
}

/* By number. */
static enum monitor_status
make_child_of(struct monitor *m, const struct monitor_request *r,
    struct monitor_answer *a, int *fd)
{
	const struct sandbox_ids who = { .uid = r->uid, .gid = r->gid };

	if (who.uid == 0 || who.gid == 0 ||
	    (int64_t)who.uid < m->site->minimum_uid ||
	    (m->site->child.unprivileged && who.uid != getuid()))
		return MONITOR_REFUSED;
	return fork_child(m, &who, a, fd);
}

/* By name. */
static enum monitor_status
make_child(struct monitor *m, const struct monitor_request *r, int *fd)
{
	struct names_answer *known = &m->known;
	enum monitor_status status = check_owner(m, r, &known->user);

	return status == MONITOR_OK
	    ? fork_child(m, &known->ids, &known->user, fd)
	    : status;
}

/* --- the mail spool --- */

static int
open_spool(const struct monitor *m, struct monitor_answer *a)
{
	int dir = m->site->spool == NULL
	    ? -1
	    : open(m->site->spool, O_PATH | O_DIRECTORY | O_CLOEXEC);

	a->error = errno;
	return dir;
}

static enum monitor_status
make_mbox(struct monitor *m, const struct monitor_request *r,
    struct monitor_answer *a, int *fd)
{
	enum monitor_status status = check_owner(m, r, a);
	int dir;

	if (status != MONITOR_OK)
		return status;
	dir = open_spool(m, a);
	if (dir < 0)
		return MONITOR_FAILED;
	*fd = openat(dir, r->name,
	    O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_NONBLOCK |
		O_NOCTTY | O_CLOEXEC,
	    0600);
	a->error = errno;
	if (*fd < 0 && errno == EEXIST) {
		status = MONITOR_EXISTS;
	} else if (*fd < 0) {
		status = MONITOR_FAILED;
	} else if (!m->site->child.unprivileged &&
	    fchown(*fd, a->uid, a->gid) < 0) {
		a->error = errno;
		status = MONITOR_FAILED;
		close(*fd);
		*fd = -1;
		unlinkat(dir, r->name, 0);
	}
	close(dir);
	return status;
}

static bool
lock_name(const struct monitor_request *r, char name[static WIRE_NAME_MAX + 8])
{
	int n = snprintf(name, WIRE_NAME_MAX + 8, "%s.lock", r->name);

	return monitor_name_is_good(r->name) && n > 0;
}

static void
remove_lock(struct monitor *m, size_t i)
{
	char name[WIRE_NAME_MAX + 8];
	int dir = m->site->spool == NULL
	    ? -1
	    : open(m->site->spool, O_PATH | O_DIRECTORY | O_CLOEXEC);

	snprintf(name, sizeof(name), "%s.lock", m->locks[i]);
	if (dir >= 0) {
		unlinkat(dir, name, 0);
		close(dir);
	}
	m->locks[i][0] = '\0';
}

static enum monitor_status
make_lock(struct monitor *m, const struct monitor_request *r,
    struct monitor_answer *a)
{
	enum monitor_status status = check_owner(m, r, a);
	char name[WIRE_NAME_MAX + 8];
	struct stat st;
	size_t i = 0;
	int dir, fd;

	while (i < LOCKS_MAX && m->locks[i][0] != '\0')
		i++;
	if (status != MONITOR_OK || i == LOCKS_MAX || !lock_name(r, name))
		return status == MONITOR_OK ? MONITOR_REFUSED : status;
	dir = open_spool(m, a);
	if (dir < 0)
		return MONITOR_FAILED;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    clock_wall() - (int64_t)st.st_mtime >
		m->site->child.stale_lock_time)
		unlinkat(dir, name, 0);
	fd = openat(dir, name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	a->error = errno;
	close(dir);
	if (fd < 0)
		return a->error == EEXIST ? MONITOR_EXISTS : MONITOR_FAILED;
	close(fd);
	memcpy(m->locks[i], r->name, sizeof(m->locks[i]));
	return MONITOR_OK;
}

static enum monitor_status
drop_lock(struct monitor *m, const struct monitor_request *r)
{
	for (size_t i = 0; i < LOCKS_MAX; i++) {
		if (r->name[0] == '\0' || strcmp(m->locks[i], r->name) != 0)
			continue;
		remove_lock(m, i);
		return MONITOR_OK;
	}
	return MONITOR_REFUSED;
}

/* --- requests --- */

/* m->known says who the user is, if that is needed. */
static enum monitor_status
serve_one(struct monitor *m, const struct monitor_request *r, int *fd)
{
	struct monitor_answer *a = &m->known.user;

	switch ((enum monitor_op)r->op) {
	case MONITOR_USER:
		return (enum monitor_status)a->status;
	case MONITOR_CHILD:
		return r->name[0] != '\0' ? make_child(m, r, fd)
					  : make_child_of(m, r, a, fd);
	case MONITOR_MBOX:
		return make_mbox(m, r, a, fd);
	case MONITOR_LOCK:
		return make_lock(m, r, a);
	case MONITOR_UNLOCK:
		return drop_lock(m, r);
	}
	return MONITOR_REFUSED;
}

/* False if the front is gone. */
static bool
answer(struct monitor *m)
{
	struct monitor_answer *a = &m->known.user;
	int out = -1;
	struct err e;

	a->status = serve_one(m, &m->question.request, &out);
	e = wire_send(m->fd, m->question.number, view_make(a, sizeof(*a)), &out,
	    out >= 0);
	if (out >= 0)
		close(out);
	return !err_is(e);
}

/* True: m->known says all that the request needs.  Otherwise the name service
 * is asked. */
static bool
is_known(struct monitor *m)
{
	struct names_question *q = &m->question;
	struct monitor_answer *a = &m->known.user;
	uint32_t op = q->request.op;

	m->known = (struct names_answer){ .user = { .status = 0 } };
	q->with_groups = op == MONITOR_CHILD;
	if (op == MONITOR_UNLOCK ||
	    (q->with_groups && q->request.name[0] == '\0'))
		return true;
	/* The groups may be anywhere, whoever it is. */
	if (!q->with_groups && passwd_find(&m->passwd, q->request.name, a))
		return true;
	/* Files in the spool are asked for as soon as a user was found. */
	if ((op == MONITOR_MBOX || op == MONITOR_LOCK) &&
	    names_recall(m->names, q->request.name, a))
		return true;
	if (names_ask(m->names, q))
		return false;
	a->status = MONITOR_BUSY;
	return true;
}

/* The next request; false at the end, or if it is none of ours. */
static bool
receive_request(struct monitor *m)
{
	struct names_question *q = &m->question;
	char packet[sizeof(q->request)];
	int fds[WIRE_FDS_MAX];
	size_t len;

	if (err_is(wire_receive(
		m->fd, &q->number, packet, sizeof(packet), &len, fds)))
		return false;
	for (size_t i = 0; i < WIRE_FDS_MAX; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return monitor_request_read(view_make(packet, len), &q->request);
}

/* --- the process --- */

static volatile sig_atomic_t a_child_ended;

static void
wake(int signal_number)
{
	(void)signal_number;
	a_child_ended = 1;
}

/* SIGCHLD comes while we wait in watch, and only then. */
static void
await_children(struct monitor *m)
{
	struct sigaction act = { .sa_handler = wake };
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGCHLD);
	sigaction(SIGCHLD, &act, NULL);
	sigprocmask(SIG_BLOCK, &ends, &m->awake);
	sigdelset(&m->awake, SIGCHLD);
}

static void
reap(struct monitor *m)
{
	pid_t pid;

	if (!a_child_ended)
		return;
	a_child_ended = 0;
	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		if (!names_take_end(m->names, pid))
			m->n_children--;
}

/* Until the front asks something, which this returns, or another thing
 * happens. */
static bool
watch(struct monitor *m)
{
	struct pollfd fds[1 + NAMES_ASKERS_MAX] = {
		{ .fd = m->fd, .events = POLLIN },
	};
	size_t n = 1 + names_poll(m->names, fds + 1);
	int ms = names_timeout(m->names);
	struct timespec t = { .tv_sec = ms / 1000,
		.tv_nsec = ms % 1000 * 1000000L };
	int ready = ppoll(fds, n, ms < 0 ? NULL : &t, &m->awake);

	reap(m);
	names_work(m->names, fds + 1);
	return ready > 0 && fds[0].revents != 0;
}

/* Children die with us, but not in the middle of a mailbox: their sockets have
 * ended, so each leaves when it has done what it was asked. */
static void
outlive_children(void)
{
	signal(SIGALRM, SIG_DFL);
	alarm(CHILDREN_LEAVE_S);
	while (wait(NULL) > 0 || errno == EINTR)
		;
}

void
monitor_run(const struct monitor_site *site, int fd)
{
	struct monitor *m = &the_monitor;
	bool going = true;

	*m = (struct monitor){ .site = site,
		.fd = fd,
		.names = names_new(site->names_ms, site->remember_ms),
		.passwd = {
		    .order = site->names_order, .users = site->users } };
	await_children(m);
	while (going) {
		bool is_asked = watch(m);

		while (going && names_next(m->names, &m->question, &m->known))
			going = answer(m);
		if (going && is_asked)
			going =
			    receive_request(m) && (!is_known(m) || answer(m));
	}
	names_free(m->names);
	outlive_children();
	for (size_t i = 0; i < LOCKS_MAX; i++)
		if (m->locks[i][0] != '\0')
			remove_lock(m, i);
}

/* It keeps what it needs to become others, and no more: a guard against
 * mistakes.  What a command would inherit stays as it is. */
static void
drop_rights(void)
{
	static const struct sandbox_role role = { .name = "local's monitor",
		.identity = IDENTITY_ROOT,
		.has_children = true };
	struct sandbox_site site = { .unprivileged = geteuid() != 0 };

	priv_drop(&role, &site);
}

static _Noreturn void
be_monitor(const struct monitor_site *site, int fd)
{
	drop_rights();
	/* Lines go through the front. */
	log_flush();
	log_take_socket(-1);
	close_range(3, (unsigned)fd - 1, 0);
	close_range((unsigned)fd + 1, ~0U, 0);
	/* The front's end is told by the socket, not by a signal, so that no
	 * lock file stays behind. */
	monitor_run(site, fd);
	_exit(0);
}

int
monitor_start(const struct monitor_site *site)
{
	pid_t pid;
	int pair[2];

	/* So that no line is told twice. */
	log_flush();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		die_temp("socket to the monitor: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		die_temp("start the monitor: %s", strerror(errno));
	if (pid == 0)
		be_monitor(site, pair[1]);
	close(pair[1]);
	return pair[0];
}
