/*
 * Buffered streams: see stream.h.  Reads go into one scratch area of the
 * process and are copied to a buffer of the size that came: an idle session
 * owns nothing, and a busy one just what it has not consumed.
 */
#include "lib/run/stream.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/run/fiber.h"
#include "lib/run/io.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <unistd.h>

/* No fiber keeps anything here across a wait. */
static char scratch[STREAM_LEND_STEP];

static ssize_t
plain_read(void *state, int fd, void *buf, size_t room, int *wait_for)
{
	(void)state;
	*wait_for = IO_READ;
	return read(fd, buf, room);
}

static ssize_t
plain_write(void *state, int fd, const void *buf, size_t len, int *wait_for)
{
	(void)state;
	*wait_for = IO_WRITE;
	return write(fd, buf, len);
}

static const struct stream_transport plain = { plain_read, plain_write, NULL };

void
stream_init(struct stream *s, int fd)
{
	*s = (struct stream){ .fd = fd, .transport = &plain,
		.in = STR_EMPTY, .out = STR_EMPTY };
	io_set_nonblocking(fd);
}

static void
transport_close(struct stream *s)
{
	if (s->transport->close != NULL)
		s->transport->close(s->state);
	s->transport = &plain;
	s->state = NULL;
}

int
stream_release_fd(struct stream *s)
{
	int fd = s->fd;

	transport_close(s);
	str_clear(&s->in);
	str_clear(&s->out);
	io_forget(fd);
	s->fd = -1;
	return fd;
}

void
stream_clear(struct stream *s)
{
	if (s->fd < 0)
		return;
	transport_close(s);
	str_clear(&s->in);
	str_clear(&s->out);
	io_close(s->fd);
	s->fd = -1;
}

void
stream_set_transport(struct stream *s, const struct stream_transport *transport,
    void *state)
{
	assert(stream_buffered(s).len == 0);
	transport_close(s);
	s->transport = transport;
	s->state = state;
	s->drained = false;
}

struct view
stream_buffered(const struct stream *s)
{
	return view_skip(str_view(&s->in), s->in_at);
}

void
stream_consume(struct stream *s, size_t n)
{
	assert(n <= s->in.len - s->in_at);
	s->in_at += n;
}

void
stream_drop_input(struct stream *s)
{
	str_clear(&s->in);
	s->in_at = 0;
}

/* What is left moves to the front; a buffer with nothing left is freed. */
static void
compact(struct stream *s)
{
	if (s->in_at == s->in.len)
		stream_drop_input(s);
	else if (s->in_at > 0)
		str_drop_front(&s->in, s->in_at);
	s->in_at = 0;
}

/* Read once, whatever is there, at most `room`, into the scratch. */
static struct err
read_scratch(
    struct stream *s, size_t room, struct view *got, int64_t deadline)
{
	int what = IO_READ;
	struct err e;

	if (s->at_end)
		return err_make(ERR_GONE, "read: connection closed");
	for (;;) {
		ssize_t n;

		if (s->drained) {
			e = io_wait(s->fd, what, deadline);
			if (err_is(e))
				return err_within(e, "read");
			s->drained = false;
		}
		n = s->transport->read(
		    s->state, s->fd, scratch, room, &what);
		if (n > 0) {
			s->drained = s->transport == &plain &&
			    (size_t)n < room && fiber_self() != NULL;
			s->read_bytes += n;
			*got = view_make(scratch, (size_t)n);
			return ERR_OK;
		}
		if (n == 0) {
			s->at_end = true;
			return err_make(ERR_GONE, "read: connection closed");
		}
		if (errno == EAGAIN)
			s->drained = true;
		else if (errno != EINTR)
			return err_io("read");
	}
}

/* The same, after what is in the buffer. */
static struct err
fill(struct stream *s, int64_t deadline)
{
	struct view got;
	struct err e;

	compact(s);
	e = read_scratch(s, STREAM_IN_STEP, &got, deadline);
	if (!err_is(e))
		str_add(&s->in, got);
	return e;
}

struct err
stream_lend(struct stream *s, struct view *bytes, int64_t deadline)
{
	*bytes = stream_buffered(s);
	if (bytes->len > 0)
		return ERR_OK;
	compact(s);
	return read_scratch(s, STREAM_LEND_STEP, bytes, deadline);
}

void
stream_take(struct stream *s, struct view lent, size_t n)
{
	assert(n <= lent.len);
	if (stream_buffered(s).len > 0)
		stream_consume(s, n);
	else
		str_add(&s->in, view_skip(lent, n));
}

/* Drop the rest of a line that is too long. */
static struct err
drop_line(struct stream *s, size_t max_dropped, int64_t deadline)
{
	size_t dropped = 0;

	for (;;) {
		struct view v = stream_buffered(s);
		size_t at = view_find(v, '\n');
		struct err e;

		stream_consume(s, at == VIEW_NPOS ? v.len : at + 1);
		if (at != VIEW_NPOS)
			return err_make(ERR_PERM, "read: line too long");
		dropped += v.len;
		if (dropped > max_dropped)
			return err_make(ERR_GONE, "read: endless line");
		e = fill(s, deadline);
		if (err_is(e))
			return e;
	}
}

struct err
stream_read_line(struct stream *s, size_t max, size_t max_dropped,
    struct view *line, enum stream_eol *eol, int64_t deadline)
{
	size_t seen = 0;

	*line = VIEW_EMPTY;
	*eol = STREAM_EOL_LF;
	for (;;) {
		struct view v = stream_buffered(s);
		size_t at = view_find(view_skip(v, seen), '\n');
		struct err e;

		if (at != VIEW_NPOS) {
			at += seen;
			*eol = at > 0 && v.ptr[at - 1] == '\r' ?
			    STREAM_EOL_CRLF : STREAM_EOL_LF;
			*line = view_first(v,
			    at - (*eol == STREAM_EOL_CRLF ? 1 : 0));
			stream_consume(s, at + 1);
			if (line->len <= max)
				return ERR_OK;
			return err_make(ERR_PERM, "read: line too long");
		}
		seen = v.len;
		if (seen > max + 1)
			return drop_line(s, max_dropped, deadline);
		e = fill(s, deadline);
		if (err_is(e)) {
			*line = stream_buffered(s);
			return e;
		}
	}
}

struct err
stream_peek_n(struct stream *s, size_t n, struct view *bytes, int64_t deadline)
{
	while (stream_buffered(s).len < n) {
		struct err e = fill(s, deadline);

		if (err_is(e))
			return e;
	}
	*bytes = stream_buffered(s);
	return ERR_OK;
}

struct err
stream_peek(struct stream *s, struct view *bytes, int64_t deadline)
{
	return stream_peek_n(s, 1, bytes, deadline);
}

bool
stream_has_input(struct stream *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };

	if (stream_buffered(s).len > 0 || s->at_end)
		return true;
	if (poll(&p, 1, 0) <= 0)
		return false;
	/* The loop may not have been told of it yet: who reads tries first. */
	s->drained = false;
	return true;
}

struct err
stream_flush(struct stream *s, int64_t deadline)
{
	size_t sent = 0;
	struct err e = ERR_OK;

	while (sent < s->out.len) {
		int what = IO_WRITE;
		ssize_t n = s->transport->write(s->state, s->fd,
		    s->out.ptr + sent, s->out.len - sent, &what);

		if (n >= 0) {
			sent += (size_t)n;
			s->written_bytes += n;
		} else if (errno == EAGAIN) {
			e = io_wait(s->fd, what, deadline);
			if (err_is(e)) {
				e = err_within(e, "write");
				break;
			}
		} else if (errno != EINTR) {
			e = err_io("write");
			break;
		}
	}
	/* After an error the rest will never be sent in order. */
	str_clear(&s->out);
	return e;
}

void
stream_add(struct stream *s, struct view v)
{
	str_add(&s->out, v);
}

void
stream_addf(struct stream *s, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	str_vaddf(&s->out, format, ap);
	va_end(ap);
}

struct err
stream_write(struct stream *s, struct view v, int64_t deadline)
{
	str_add(&s->out, v);
	if (s->out.len <= STREAM_OUT_MAX)
		return ERR_OK;
	return stream_flush(s, deadline);
}
