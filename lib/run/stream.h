/*
 * Buffered reading and writing over a descriptor, with a deadline per
 * operation.  The same call blocks in a plain process and parks in a fiber.
 * The transport below may be exchanged (TLS) between two operations.
 *
 * An idle stream owns no buffers.
 */
#ifndef RUN_STREAM_H
#define RUN_STREAM_H

#include "lib/base/err.h"
#include "lib/base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * What moves the bytes.  read and write return a count, 0 for the end (read),
 * or -1 with errno EAGAIN, having put into *wait_for what io_wait is to wait
 * for (IO_READ or IO_WRITE).
 */
struct stream_transport {
	ssize_t (*read)(void *state, int fd, void *buf, size_t room,
	    int *wait_for);
	ssize_t (*write)(void *state, int fd, const void *buf, size_t len,
	    int *wait_for);
	/* Frees the state. */
	void (*close)(void *state);
};

struct stream {
	int fd;
	const struct stream_transport *transport;
	void *state;
	struct str in;      /* read, from in_at on not consumed */
	size_t in_at;
	struct str out;     /* written, not sent */
	bool drained;       /* the last read was short: wait before the next */
	bool at_end;        /* the peer has closed its side */
	int64_t read_bytes, written_bytes; /* for limits and logs */
};

/* Takes the descriptor, which becomes non-blocking. */
void stream_init(struct stream *s, int fd);
/* Frees everything and closes; what was not flushed is dropped. */
void stream_clear(struct stream *s);
/* The same without closing: the descriptor is the caller's again. */
int stream_release_fd(struct stream *s);
/* Exchanges the transport, e.g. for TLS.  What was read ahead in clear text
 * must have been dropped: STARTTLS injection (RFC 3207 section 6). */
void stream_set_transport(struct stream *s,
    const struct stream_transport *transport, void *state);

enum stream_eol {
	STREAM_EOL_CRLF,
	STREAM_EOL_LF,   /* a bare one */
};

/*
 * Read up to the next LF, at most max bytes without the line end.  The line
 * borrows from the stream until the next call on it.  ERR_GONE at the end of
 * the stream (what came before is in *line); ERR_TIME; ERR_PERM if it is
 * longer: the rest of the line has then been read and dropped, up to
 * max_dropped bytes; beyond that ERR_GONE.
 */
struct err stream_read_line(struct stream *s, size_t max, size_t max_dropped,
    struct view *line, enum stream_eol *eol, int64_t deadline);
/* At least one byte, borrowed, nothing consumed.  ERR_GONE at the end. */
struct err stream_peek(struct stream *s, struct view *bytes,
    int64_t deadline);
/* At least n bytes (n is the caller's limit), else ERR_GONE. */
struct err stream_peek_n(struct stream *s, size_t n, struct view *bytes,
    int64_t deadline);
void stream_consume(struct stream *s, size_t n);
/*
 * For much at once: what is buffered, else what one read gives, lent from a
 * place that all streams share.  stream_take must follow, before anything that
 * waits or reads: n of the lent bytes are consumed, the rest is kept.
 */
struct err stream_lend(struct stream *s, struct view *bytes, int64_t deadline);
void stream_take(struct stream *s, struct view lent, size_t n);
/* What is in the buffer already, without a system call. */
struct view stream_buffered(const struct stream *s);
/* Whether something can be read now (or the peer has left); asks the kernel,
 * does not wait. */
bool stream_has_input(struct stream *s);
/* Drops what was read ahead. */
void stream_drop_input(struct stream *s);

/* Into the buffer; sends when more than STREAM_OUT_MAX are in it. */
struct err stream_write(struct stream *s, struct view v, int64_t deadline);
struct err stream_flush(struct stream *s, int64_t deadline);
/* Into the buffer without ever sending; the caller bounds what it adds. */
void stream_add(struct stream *s, struct view v);
void stream_addf(struct stream *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

enum {
	STREAM_IN_STEP = 65536,
	STREAM_LEND_STEP = 256 * 1024,
	STREAM_OUT_MAX = 65536,
};

#endif
