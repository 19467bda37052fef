/*
 * What comes on a connection: see conn.h.  Reads are as large as the socket
 * gives, and the rest of a large frame is read to where it stays.  A descriptor
 * belongs to the frame during which it came, and a frame that declares one that
 * is not there, or comes with one that it did not declare, is an error.
 */
#include "lib/ipc/conn_impl.h"

#include "lib/base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	/* What is read beyond a large frame: as much as shows whether the next
	 * one is large too. */
	BEYOND_LARGE = 64,
	/* What the kernel lets one message carry (SCM_MAX_FD). */
	FDS_RECEIVED_MAX = 253,
};

/* Shared by all connections: nothing stays here across a wait. */
static char scratch[IPC_FRAME_MAX];

/* Memory of large frames, for the next ones: a stream of content would get it
 * from the kernel and give it back for each. */
enum { SPARES_MAX = 32 };

static struct str spares[SPARES_MAX];
static size_t n_spares;

/* Small frames, with their memory.  None in a build that is to find who uses one
 * that was freed. */
enum {
#ifdef BARID_CHECKS
	FRAMES_MAX = 0,
#else
	FRAMES_MAX = 16,
#endif
	FRAME_KEPT_MAX = 4096,
};

static struct list frames = { &frames, &frames };
static size_t n_frames;

static struct str
take_spare(void)
{
	struct str s = STR_EMPTY;

	if (n_spares > 0)
		return spares[--n_spares];
	str_reserve(&s, IPC_FRAME_MAX);
	return s;
}

static void
give_spare(struct str *s)
{
	if (s->room <= IPC_FRAME_MAX || n_spares == SPARES_MAX) {
		str_clear(s);
		return;
	}
	str_reset(s);
	spares[n_spares++] = *s;
	*s = STR_EMPTY;
}

void
ipc_frame_free(struct ipc_frame *f)
{
	if (f == NULL)
		return;
	if (f->fd >= 0)
		close(f->fd);
	if (f->bytes.room <= FRAME_KEPT_MAX && n_frames != FRAMES_MAX) {
		str_reset(&f->bytes);
		list_prepend(&frames, &f->node);
		n_frames++;
		return;
	}
	give_spare(&f->bytes);
	free(f);
}

bool
ipc_frame_is(const struct ipc_frame *f, const struct ipc_type *type)
{
	return ipc_is_named(&f->header, type);
}

struct err
ipc_frame_read(struct ipc_frame *f, const struct ipc_type *type,
    void *message)
{
	struct err e = ipc_decode(&f->header, type, message, f->fd);

	if (!err_is(e))
		for (size_t i = 0; i < type->n_fields; i++)
			if (type->fields[i].kind == IPC_FD)
				f->fd = -1;
	return e;
}

static bool
take_fds(struct ipc_conn *c, struct msghdr *m)
{
	bool ok = (m->msg_flags & MSG_CTRUNC) == 0;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h != NULL;
	     h = CMSG_NXTHDR(m, h)) {
		size_t n;

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(h) + i * sizeof(int),
			    sizeof(int));
			if (c->n_fds_in < c->fds_in_max) {
				c->fds_in[c->n_fds_in++] = fd;
			} else {
				close(fd);
				ok = false;
			}
		}
	}
	return ok;
}

static struct ipc_frame *
frame_new(void)
{
	struct ipc_frame *f;

	if (n_frames > 0) {
		f = LIST_ITEM(list_first(&frames), struct ipc_frame, node);
		list_remove(&f->node);
		n_frames--;
	} else {
		f = xmalloc(sizeof(*f));
		f->bytes = STR_EMPTY;
	}
	list_init(&f->node);
	f->header = (struct ipc_header){ .number = 0 };
	f->fd = -1;
	return f;
}

static struct ipc_frame *
frame_new_large(size_t len)
{
	struct ipc_frame *f = frame_new();

	str_clear(&f->bytes);
	f->bytes = take_spare();
	f->header.frame_len = len;
	return f;
}

/* Where the next bytes go: the rest of a large frame, or all of one that is
 * likely to come; then the scratch. */
static int
places_to_read(struct ipc_conn *c, struct iovec iov[2])
{
	struct ipc_frame *f = c->large;

	if (f == NULL && c->expected_len > 0 && c->in_at == c->in.len)
		f = c->large = frame_new_large(c->expected_len);
	if (f == NULL) {
		iov[0] = (struct iovec){ scratch, sizeof(scratch) };
		return 1;
	}
	iov[0].iov_len = f->header.frame_len - f->bytes.len;
	iov[0].iov_base = str_reserve(&f->bytes, iov[0].iov_len);
	iov[1] = (struct iovec){ scratch, BEYOND_LARGE };
	return 2;
}

/* n bytes are where places_to_read said. */
static void
take_bytes(struct ipc_conn *c, size_t n)
{
	if (c->in_at > 0) {
		str_drop_front(&c->in, c->in_at);
		c->in_at = 0;
	}
	if (c->large != NULL) {
		struct str *bytes = &c->large->bytes;
		size_t room = c->large->header.frame_len - bytes->len;
		size_t first = n < room ? n : room;

		str_grew(bytes, first);
		n -= first;
	}
	str_add(&c->in, view_make(scratch, n));
}

struct err
conn_receive(struct ipc_conn *c, bool *would_block)
{
	/* Shared like the scratch: it is large, and would be cleared each time. */
	static union {
		char bytes[CMSG_SPACE(sizeof(int) * FDS_RECEIVED_MAX)];
		struct cmsghdr align;
	} control;
	struct iovec iov[2];
	struct msghdr m = { .msg_iov = iov,
		.msg_iovlen = (size_t)places_to_read(c, iov),
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	ssize_t n;

	*would_block = false;
	n = recvmsg(c->watch.fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		*would_block = true;
		return ERR_OK;
	}
	if (n < 0)
		return err_io("receive");
	if (!take_fds(c, &m))
		return err_make(ERR_PERM, "receive: too many descriptors");
	if (n == 0)
		return err_make(ERR_GONE, "receive: connection closed");
	take_bytes(c, (size_t)n);
	return ERR_OK;
}

/* All of the frame is there: its descriptor, and out with it. */
static struct err
finish_frame(struct ipc_conn *c, struct ipc_frame *f, struct ipc_frame **frame)
{
	bool complete;
	struct err e =
	    ipc_decode_header(str_view(&f->bytes), &f->header, &complete);

	if (!err_is(e) && f->header.n_fds > c->n_fds_in)
		e = err_make(ERR_PERM, "receive %.*s: missing descriptor",
		    VIEW_ARGS(f->header.name));
	if (err_is(e)) {
		ipc_frame_free(f);
		return e;
	}
	if (f->header.n_fds > 0) {
		f->fd = c->fds_in[0];
		c->n_fds_in--;
		memmove(c->fds_in, c->fds_in + 1, c->n_fds_in * sizeof(int));
	}
	c->n_frames++;
	c->n_moved++;
	*frame = f;
	return ERR_OK;
}

/* v is the beginning of a frame.  A large one gets its place at once. */
static void
begin_frame(struct ipc_conn *c, struct view v)
{
	size_t len = ipc_frame_len(v);

	if (len < CONN_LARGE_MIN)
		return;
	c->large = frame_new_large(len);
	str_add(&c->large->bytes, v);
	c->in_at = c->in.len;
}

/* The frame is longer than was expected: what was read beyond is of it. */
static void
lengthen(struct ipc_conn *c, struct ipc_frame *f, size_t len)
{
	struct view v = view_first(view_skip(str_view(&c->in), c->in_at),
	    len - f->bytes.len);

	f->header.frame_len = len;
	str_add(&f->bytes, v);
	c->in_at += v.len;
}

/* It is shorter: the next one came along, before what is in c->in. */
static void
shorten(struct ipc_conn *c, struct ipc_frame *f, size_t len)
{
	struct str more = STR_EMPTY;

	str_set(&more, view_skip(str_view(&f->bytes), len));
	str_add(&more, view_skip(str_view(&c->in), c->in_at));
	str_clear(&c->in);
	c->in = more;
	c->in_at = 0;
	str_cut(&f->bytes, len);
}

/* What was read to a frame's own place. */
static struct err
cut_large(struct ipc_conn *c, struct ipc_frame **frame)
{
	struct ipc_frame *f = c->large;
	size_t len = ipc_frame_len(str_view(&f->bytes));
	struct ipc_header h;
	bool complete;
	/* Above all: is that a length? */
	struct err e = ipc_decode_header(str_view(&f->bytes), &h, &complete);

	if (err_is(e))
		return e;
	if (len > f->bytes.len)
		lengthen(c, f, len);
	if (len == 0 || len > f->bytes.len)
		return ERR_OK;
	if (len < f->bytes.len)
		shorten(c, f, len);
	c->large = NULL;
	c->expected_len = len >= CONN_LARGE_MIN ? len : 0;
	return finish_frame(c, f, frame);
}

struct err
conn_cut_frame(struct ipc_conn *c, struct ipc_frame **frame)
{
	struct view v = view_skip(str_view(&c->in), c->in_at);
	struct ipc_frame *f;
	struct ipc_header h;
	bool complete;
	struct err e;

	*frame = NULL;
	if (c->large != NULL)
		return cut_large(c, frame);
	e = ipc_decode_header(v, &h, &complete);
	if (err_is(e))
		return e;
	if (!complete) {
		if (v.len == 0 && c->n_fds_in > 0)
			return err_make(ERR_PERM,
			    "receive: undeclared descriptor");
		begin_frame(c, v);
		return ERR_OK;
	}
	f = frame_new();
	str_set(&f->bytes, view_first(v, h.frame_len));
	c->in_at += h.frame_len;
	return finish_frame(c, f, frame);
}
