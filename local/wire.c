/* Packets between the processes of one service: see wire.h. */
#include "local/wire.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

bool
monitor_request_read(struct view packet, struct monitor_request *r)
{
	if (packet.len != sizeof(*r))
		return false;
	memcpy(r, packet.ptr, sizeof(*r));
	return memchr(r->name, '\0', sizeof(r->name)) != NULL;
}

bool
child_answer_read(struct view packet, struct child_answer *a)
{
	if (packet.len != sizeof(*a))
		return false;
	memcpy(a, packet.ptr, sizeof(*a));
	return a->status >= CHILD_DONE &&
	    a->status <= CHILD_NEEDS_LOCK &&
	    memchr(a->dsn, '\0', sizeof(a->dsn)) != NULL &&
	    memchr(a->text, '\0', sizeof(a->text)) != NULL;
}

/* Not empty, relative, no ".." in it. */
static bool
path_is_good(const char *path)
{
	struct view rest = view_of(path), part;

	if (rest.len == 0 || rest.ptr[0] == '/')
		return false;
	while (view_field(&rest, '/', &part))
		if (view_eq(part, VIEW("..")))
			return false;
	return true;
}

static bool
job_is_good(const struct child_job *job)
{
	return (job->kind == CHILD_MAILDIR || job->kind == CHILD_MBOX) &&
	    job->base[0] == '/' && path_is_good(job->path);
}

struct err
child_request_write(struct str *packet, const struct child_job *job)
{
	struct child_request r = { .kind = job->kind, .flags = job->flags };
	size_t base = strlen(job->base) + 1, path = strlen(job->path) + 1,
	       loop = strlen(job->loop) + 1;

	if (base > WIRE_PATH_MAX || path > WIRE_PATH_MAX ||
	    loop > WIRE_LOOP_MAX || job->head.len > WIRE_HEAD_MAX ||
	    job->layout.len > WIRE_LAYOUT_MAX || !job_is_good(job))
		return err_make(ERR_PERM, "bad or too long mailbox name");
	r.base_len = (uint32_t)base;
	r.path_len = (uint32_t)path;
	r.loop_len = (uint32_t)loop;
	r.head_len = (uint32_t)job->head.len;
	r.layout_len = (uint32_t)job->layout.len;
	str_add(packet, view_make(&r, sizeof(r)));
	str_add(packet, view_make(job->base, base));
	str_add(packet, view_make(job->path, path));
	str_add(packet, view_make(job->loop, loop));
	str_add(packet, job->head);
	str_add(packet, job->layout);
	return ERR_OK;
}

/* Cut a text of len bytes off, its NUL the last and the only one. */
static bool
cut_text(struct view *v, uint32_t len, uint32_t max, const char **text)
{
	if (len == 0 || len > max || len > v->len ||
	    memchr(v->ptr, '\0', len) != v->ptr + len - 1)
		return false;
	*text = v->ptr;
	*v = view_skip(*v, len);
	return true;
}

struct err
child_request_read(struct view packet, struct child_job *job)
{
	struct child_request r;
	struct view v = packet;

	if (packet.len < sizeof(r))
		return err_make(ERR_PERM, "request of %zu bytes", packet.len);
	memcpy(&r, packet.ptr, sizeof(r));
	v = view_skip(v, sizeof(r));
	if (r.kind < CHILD_MAILDIR ||
	    r.kind > CHILD_MBOX ||
	    !cut_text(&v, r.base_len, WIRE_PATH_MAX, &job->base) ||
	    !cut_text(&v, r.path_len, WIRE_PATH_MAX, &job->path) ||
	    !cut_text(&v, r.loop_len, WIRE_LOOP_MAX, &job->loop) ||
	    r.head_len > WIRE_HEAD_MAX || r.layout_len > WIRE_LAYOUT_MAX ||
	    v.len != (size_t)r.head_len + r.layout_len)
		return err_make(ERR_PERM, "request is malformed");
	job->kind = (enum child_kind)r.kind;
	job->flags = r.flags;
	job->head = view_first(v, r.head_len);
	job->layout = view_skip(v, r.head_len);
	if (!job_is_good(job))
		return err_make(ERR_PERM, "request with a bad path");
	return ERR_OK;
}

/* --- packets --- */

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int) * WIRE_FDS_MAX)];
};

struct err
wire_send(int fd, uint32_t number, struct view packet, const int *fds, size_t n)
{
	union control control = { .bytes = { 0 } };
	struct wire_head head = { WIRE_MAGIC, number };
	struct iovec iov[2] = {
		{ &head, sizeof(head) },
		{ (void *)(uintptr_t)packet.ptr, packet.len },
	};
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t sent;

	if (n > 0) {
		struct cmsghdr *c = &control.align;

		m.msg_control = control.bytes;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * n);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n);
	}
	do
		sent = sendmsg(fd, &m, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	/* Too many descriptors of ours are on the way: they will arrive. */
	if (sent < 0 && (errno == EAGAIN || errno == ETOOMANYREFS))
		return err_make(ERR_TIME, "send: no room");
	return sent < 0 ? err_io("send request") : ERR_OK;
}

/* All descriptors that came; false if there are more than we take. */
static bool
take_fds(struct msghdr *m, int fds[static WIRE_FDS_MAX])
{
	size_t n = 0;
	bool good = (m->msg_flags & MSG_CTRUNC) == 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL;
	     c = CMSG_NXTHDR(m, c)) {
		size_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int one;

			memcpy(
			    &one, CMSG_DATA(c) + i * sizeof(int), sizeof(one));
			if (n < WIRE_FDS_MAX) {
				fds[n++] = one;
			} else {
				close(one);
				good = false;
			}
		}
	}
	return good;
}

struct err
wire_limit_wait(int fd, int64_t ms)
{
	struct timeval t = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) < 0
	    ? err_sys(ERR_TEMP, "limit the wait")
	    : ERR_OK;
}

static struct err
refuse(int fds[static WIRE_FDS_MAX], const char *why)
{
	for (size_t i = 0; i < WIRE_FDS_MAX; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return err_make(ERR_PERM, "receive: %s", why);
}

struct err
wire_receive(int fd, uint32_t *number, void *buf, size_t room, size_t *len,
    int fds[static WIRE_FDS_MAX])
{
	union control control;
	struct wire_head head;
	struct iovec iov[2] = { { &head, sizeof(head) }, { buf, room } };
	struct msghdr m = { .msg_iov = iov,
		.msg_iovlen = 2,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	ssize_t n;

	for (size_t i = 0; i < WIRE_FDS_MAX; i++)
		fds[i] = -1;
	do
		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return err_make(ERR_TIME, "receive: timeout");
	if (n < 0)
		return err_io("receive");
	if (!take_fds(&m, fds) || (m.msg_flags & MSG_TRUNC) != 0)
		return refuse(fds, "packet was cut");
	if (n == 0)
		return err_make(ERR_GONE, "receive: end");
	if ((size_t)n < sizeof(head) || head.magic != WIRE_MAGIC)
		return refuse(fds, "packet without a head");
	*number = head.number;
	*len = (size_t)n - sizeof(head);
	return ERR_OK;
}
