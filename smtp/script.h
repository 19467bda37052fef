/*
 * For tests and the fuzzer: a server that is a list of what it says, one piece
 * for each time that the client reads, and a message to deliver.  What the
 * client writes is kept.  No socket, no second thread: a transport.  A piece
 * that begins with '^' is there as soon as the one before it was read, unasked.
 */
#ifndef SMTP_SCRIPT_H
#define SMTP_SCRIPT_H

#include "lib/base/mem.h"
#include "smtp/deliver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

struct script {
	struct view says;  /* pieces with a '|' between; then the end */
	struct view piece; /* what is left of one */
	int fd;            /* can be read while something is there unasked */
	struct str heard;  /* from the client */
	size_t write_max;  /* after so many bytes writing fails; 0: never */
	size_t burst, burst_max; /* bytes heard between two pieces */
};

static inline void
script_signal(struct script *s)
{
	uint64_t count = 1;
	bool more = s->piece.len == 0 && view_starts(s->says, VIEW("^"));
	ssize_t n = more ? write(s->fd, &count, sizeof(count))
			 : read(s->fd, &count, sizeof(count));

	(void)n;
}

static inline ssize_t
script_read(void *state, int fd, void *buf, size_t room, int *wait_for)
{
	struct script *s = state;

	(void)fd, (void)wait_for;
	s->burst = 0;
	if (s->piece.len == 0 && !view_field(&s->says, '|', &s->piece))
		return 0;
	if (view_starts(s->piece, VIEW("^")))
		s->piece = view_skip(s->piece, 1);
	if (room > s->piece.len)
		room = s->piece.len;
	memcpy(buf, s->piece.ptr, room);
	s->piece = view_skip(s->piece, room);
	script_signal(s);
	return (ssize_t)room;
}

static inline ssize_t
script_write(void *state, int fd, const void *buf, size_t len, int *wait_for)
{
	struct script *s = state;

	(void)fd, (void)wait_for;
	if (s->write_max > 0 && s->heard.len + len > s->write_max) {
		errno = EPIPE;
		return -1;
	}
	str_add(&s->heard, view_make(buf, len));
	s->burst += len;
	if (s->burst > s->burst_max)
		s->burst_max = s->burst;
	return (ssize_t)len;
}

static const struct stream_transport script_transport = { script_read,
	script_write, NULL };

/* A session with this server. */
static inline struct session *
script_session(struct script *script, const struct settings *set)
{
	struct target t = { .host = "mx.test", .port = 25, .may_loop = true };
	struct session *s;

	dns_addr_parse(VIEW("192.0.2.1"), &t.addr);
	script->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	s = session_new(set, &t, script->fd);
	script->heard = STR_EMPTY;
	stream_set_transport(&s->io, &script_transport, script);
	return s;
}

struct script_message {
	struct str layout, rcpts;
	struct ipc_deliver ask;
};

/* A message of this content to n recipients a0@x.test, a1@x.test, ... */
static inline void
script_message(struct script_message *m, struct view content, size_t n)
{
	int fd = memfd_create("content", MFD_CLOEXEC);

	*m = (struct script_message){ .layout = STR_EMPTY, .rcpts = STR_EMPTY };
	if (fd < 0 ||
	    write(fd, content.ptr, content.len) != (ssize_t)content.len)
		abort();
	queue_layout_add(&m->layout, 0, (int64_t)content.len);
	for (size_t i = 0; i < n; i++) {
		char address[32];
		struct ipc_rcpt rcpt = { .number = (int64_t)i };

		snprintf(address, sizeof(address), "a%zu@x.test", i);
		rcpt.address = rcpt.original = view_of(address);
		rcpt.orcpt = VIEW_EMPTY;
		ipc_list_add(&m->rcpts, IPC_OUT(rcpt, &rcpt));
	}
	m->ask = (struct ipc_deliver){
		.file = fd,
		.queue_id = VIEW("4F2A"),
		.transport = VIEW("smtp"),
		.nexthop = VIEW("x.test"),
		.sender = VIEW("s@y.test"),
		.arrival_us = 1000000,
		.size = (int64_t)content.len,
		.layout = str_view(&m->layout),
		.rcpts = str_view(&m->rcpts),
		.envid = VIEW_EMPTY,
		.client_name = VIEW("c.test"),
		.client_addr = VIEW("2001:db8::1"),
		.protocol = VIEW("ESMTP"),
		.helo = VIEW("a b"),
	};
}

static inline void
script_message_clear(struct script_message *m)
{
	str_clear(&m->layout);
	str_clear(&m->rcpts);
}

static inline void
script_settings(struct settings *set)
{
	*set = (struct settings){
		.hello_name = "me.test",
		.myhostname = "me.test",
		.default_port = "25",
		.known_tcp_ports = "smtp=25",
		.fallback_relay = "",
		.discard_keywords = "",
		.bind_address = "",
		.bind_address6 = "",
		.tls_level = "",
		.line_length_limit = 998,
		.delay_resolution = 2,
		.always_ehlo = true,
		.skip_5xx_greeting = true,
		.skip_quit_response = true,
		.convert_8bit = true,
	};
}

#endif
