/* The privileged process of a service: see monitor.h. */
#include "local/monitor.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/run/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOCKS_MAX = 128, USER_BUF = 16384, CHILDREN_LEAVE_S = 30 };

struct monitor {
	const struct monitor_site *site;
	int fd;
	/* Lock files that we made and the front has not given back. */
	char locks[LOCKS_MAX][WIRE_NAME_MAX];
	struct monitor_request request;
	struct monitor_answer answer;
};

/* The one that this process is. */
static struct monitor the_monitor;

bool
monitor_name_is_good(const char *name)
{
	return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL;
}

/* --- users --- */

static enum monitor_status
find_user(const char *name, struct monitor_answer *a)
{
	static char buf[USER_BUF];
	struct passwd pw, *found = NULL;
	int why = getpwnam_r(name, &pw, buf, sizeof(buf), &found);

	if (found == NULL) {
		a->error = why;
		/* What the name service says instead of "there is none". */
		return why == 0 || why == ENOENT || why == ESRCH
		    ? MONITOR_UNKNOWN
		    : MONITOR_FAILED;
	}
	a->uid = pw.pw_uid;
	a->gid = pw.pw_gid;
	if (strlen(pw.pw_dir) >= sizeof(a->home))
		return MONITOR_REFUSED;
	memcpy(a->home, pw.pw_dir, strlen(pw.pw_dir) + 1);
	return MONITOR_OK;
}

/* A user that mail may be delivered as. */
static enum monitor_status
find_owner(const struct monitor *m, const struct monitor_request *r,
    struct monitor_answer *a)
{
	enum monitor_status status = find_user(r->name, a);

	if (status != MONITOR_OK)
		return status;
	if (a->uid == 0 || !monitor_name_is_good(r->name))
		return MONITOR_REFUSED;
	if (m->site->child.unprivileged && a->uid != getuid())
		return MONITOR_REFUSED;
	return MONITOR_OK;
}

/* --- children --- */

static _Noreturn void
be_child(const struct monitor *m, const struct child_identity *who, int fd)
{
	/* Nothing of ours stays open: not the other children's sockets, not
	 * the one to the front. */
	close_range(3, (unsigned)fd - 1, 0);
	close_range((unsigned)fd + 1, ~0U, 0);
	signal(SIGCHLD, SIG_DFL);
	child_run(&m->site->child, who, fd);
}

static enum monitor_status
fork_child(const struct monitor *m, const struct child_identity *who,
    struct monitor_answer *a, int *fd)
{
	int pair[2];
	pid_t pid;

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
		*fd = pair[0];
	}
	close(pair[1]);
	return pid < 0 ? MONITOR_FAILED : MONITOR_OK;
}

static enum monitor_status
make_child(struct monitor *m, const struct monitor_request *r,
    struct monitor_answer *a, int *fd)
{
	struct child_identity who = { r->uid, r->gid, NULL };

	if (r->name[0] != '\0') {
		enum monitor_status status = find_owner(m, r, a);

		if (status != MONITOR_OK)
			return status;
		who = (struct child_identity){ a->uid, a->gid, r->name };
	} else if (who.uid == 0 || who.gid == 0 ||
	    (int64_t)who.uid < m->site->minimum_uid ||
	    (m->site->child.unprivileged && who.uid != getuid())) {
		return MONITOR_REFUSED;
	}
	return fork_child(m, &who, a, fd);
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
	enum monitor_status status = find_owner(m, r, a);
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
	enum monitor_status status = find_owner(m, r, a);
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

/* --- the process --- */

static enum monitor_status
serve_one(struct monitor *m, const struct monitor_request *r,
    struct monitor_answer *a, int *fd)
{
	switch ((enum monitor_op)r->op) {
	case MONITOR_USER:
		return find_user(r->name, a);
	case MONITOR_CHILD:
		return make_child(m, r, a, fd);
	case MONITOR_MBOX:
		return make_mbox(m, r, a, fd);
	case MONITOR_LOCK:
		return make_lock(m, r, a);
	case MONITOR_UNLOCK:
		return drop_lock(m, r);
	}
	return MONITOR_REFUSED;
}

/* The next request; false at the end, or if it is none of ours. */
static bool
receive_request(struct monitor *m, uint32_t *number)
{
	char packet[sizeof(m->request)];
	int fds[WIRE_FDS_MAX];
	size_t len;

	if (err_is(wire_receive(
		m->fd, number, packet, sizeof(packet), &len, fds)))
		return false;
	for (size_t i = 0; i < WIRE_FDS_MAX; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return monitor_request_read(view_make(packet, len), &m->request);
}

/* Children die with us, but not in the middle of a mailbox: their sockets have
 * ended, so each leaves when it has done what it was asked. */
static void
outlive_children(void)
{
	signal(SIGALRM, SIG_DFL);
	alarm(CHILDREN_LEAVE_S);
	/* They are not waited for one by one: this is all of them. */
	while (wait(NULL) < 0 && errno == EINTR)
		;
}

void
monitor_run(const struct monitor_site *site, int fd)
{
	struct monitor *m = &the_monitor;
	bool going = true;
	uint32_t number;

	*m = (struct monitor){ .site = site, .fd = fd };
	/* Children are not waited for. */
	signal(SIGCHLD, SIG_IGN);
	while (going && receive_request(m, &number)) {
		int out = -1;

		m->answer = (struct monitor_answer){ .error = 0 };
		m->answer.status = serve_one(m, &m->request, &m->answer, &out);
		going = !err_is(wire_send(fd, number,
		    view_make(&m->answer, sizeof(m->answer)), &out, out >= 0));
		if (out >= 0)
			close(out);
	}
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
