/*
 * log: writes what all processes tell.  Reads datagrams from private/log,
 * writes to maillog_file or to the system's log daemon.  Its successor opens
 * the file anew, as root, after rotation; so this one just leaves.
 */
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/daemon/daemon.h"
#include "lib/run/loop.h"
#include "log/receive.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
	WRITE_AGAIN_MS = 20,
	STALE_CHECK_MS = 2000,
	FILE_AGAIN_MS = 60 * 1000,
	LEAVE_ROUNDS = 100,
	LEAVE_WAITS = 100
};

#define SYSLOG_SOCKET "/dev/log"

/* To write to what is open it needs no path at all. */
static const struct sandbox_role file_role = {
	.name = "log",
	.identity = IDENTITY_LOG,
	.root = ROOT_EMPTY,
	.calls = CALLS_BASE | CALLS_STREAM | CALLS_FILE_READ,
};

/* The log daemon's socket is another one after that was restarted. */
static const struct sandbox_role syslog_role = {
	.name = "log",
	.identity = IDENTITY_LOG,
	.root = ROOT_NONE,
	.calls = CALLS_BASE | CALLS_STREAM | CALLS_CONNECT,
};

struct writer {
	struct sink sink;
	struct order order;
	struct receiver receiver;
	struct loop_watch clients, own;
	struct timer again, held, stale, file_again;
	bool paused;
};

/* --- reading and writing --- */

static void on_again(struct timer *t);

static struct writer writer;

/* While the sink is full, datagrams stay with the kernel, and who sends more
 * counts what it could not send. */
static void
write_out(struct writer *w)
{
	bool all = sink_write(&w->sink);
	bool pause = sink_is_full(&w->sink);

	if (!all && w->again.place == 0)
		timer_set(&w->again, loop_now() + WRITE_AGAIN_MS, on_again);
	if (pause == w->paused)
		return;
	w->paused = pause;
	loop_change_watch(&w->clients, pause ? 0 : EPOLLIN);
	loop_change_watch(&w->own, pause ? 0 : EPOLLIN);
}

static void
on_again(struct timer *t)
{
	(void)t;
	write_out(&writer);
}

/* What has been held for long enough. */
static void
on_held(struct timer *t)
{
	struct writer *w = &writer;

	order_release(&w->order,
	    clock_wall_us() - (int64_t)ORDER_HOLD_MS * 1000);
	write_out(w);
	if (w->order.n > 0)
		timer_set(t, loop_now() + ORDER_HOLD_MS / 2, on_held);
}

static void
on_datagrams(struct loop_watch *watch, uint32_t events)
{
	struct writer *w = &writer;

	(void)events;
	receive_datagrams(&w->receiver, watch->fd);
	if (w->order.n > 0 && w->held.place == 0)
		timer_set(&w->held, loop_now() + ORDER_HOLD_MS, on_held);
	write_out(w);
}

/* All that was sent before we were told to leave is still written, unless who
 * reads it does not. */
static void
leave(void *owner)
{
	struct writer *w = owner;
	int waits = 0;

	log_flush();
	for (int i = 0; i < LEAVE_ROUNDS; i++) {
		bool done = receive_datagrams(&w->receiver, w->clients.fd);

		done &= receive_datagrams(&w->receiver, w->own.fd);
		order_release(&w->order, INT64_MAX);
		while (!sink_write(&w->sink) && waits++ < LEAVE_WAITS)
			poll(NULL, 0, WRITE_AGAIN_MS);
		if (done || waits > LEAVE_WAITS)
			break;
	}
	loop_stop();
}

static void
on_stale(struct timer *t)
{
	if (sink_is_stale(&writer.sink))
		leave(&writer);
	else
		timer_set(t, loop_now() + STALE_CHECK_MS, on_stale);
}

static void
on_file_again(struct timer *t)
{
	(void)t;
	leave(&writer);
}

/* --- start --- */

static const struct {
	enum sandbox_identity who;
	const char *programs[12];
} names[] = {
	{ IDENTITY_SMTPD, { "smtpd", "postscreen", "dnsblog" } },
	{ IDENTITY_SMTP, { "smtp", "lmtp" } },
	{ IDENTITY_REWRITE, { "rewrite" } },
	{ IDENTITY_LOOKUP, { "lookup" } },
	{ IDENTITY_RESOLVE, { "resolve" } },
	{ IDENTITY_ANVIL, { "anvil" } },
	{ IDENTITY_QUEUE,
	    { "queue", "cleanup", "qmgr", "pickup", "showq", "bounce", "local",
		"virtual", "dial", "state" } },
};

/* Before the drop.  In an ordinary user's instance nobody can be told from
 * another. */
static void
find_rules(struct receiver *r, const struct daemon *d)
{
	static struct receiver_rule rules[ARRAY_LEN(names)];
	const struct sandbox_site site = { .mail_owner = d->conf->mail_owner,
		.unprivileged = d->unprivileged };

	r->rules = rules;
	r->n_rules = d->unprivileged ? 0 : ARRAY_LEN(names);
	for (size_t i = 0; i < r->n_rules; i++) {
		gid_t gid;
		struct err e = sandbox_find_identity(
		    &site, names[i].who, &rules[i].uid, &gid);

		if (err_is(e))
			die_temp("%s", e.text);
		memcpy(rules[i].programs, names[i].programs,
		    sizeof(rules[i].programs));
	}
}

static struct err
open_file(struct sink *sink, const struct conf *conf)
{
	const char *path = conf->maillog_file;

	if (!sink_path_allowed(
		view_of(path), view_of(conf->maillog_file_prefixes)))
		return err_make(ERR_PERM,
		    "maillog_file %s: not below one of "
		    "maillog_file_prefixes",
		    path);
	if (strcmp(path, "/dev/stdout") == 0)
		return sink_open_stream(sink, STDOUT_FILENO);
	return sink_open_file(sink, path);
}

/* True if lines go to the file that was asked for, or none was. */
static bool
open_sink(struct sink *sink, const struct conf *conf)
{
	struct err e = ERR_OK;
	bool wants_file = conf->maillog_file[0] != '\0';

	if (wants_file)
		e = open_file(sink, conf);
	if (wants_file && !err_is(e))
		return true;
	/* Better in the wrong place than nowhere. */
	if (err_is(e))
		log_error("%s: writing to syslog instead", e.text);
	e = sink_open_syslog(sink, SYSLOG_SOCKET, conf->syslog_facility);
	if (err_is(e))
		die_temp("%s", e.text);
	return !wants_file;
}

/* What this process itself has to tell goes the same way. */
static int
open_own_socket(void)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		ends) < 0)
		die_temp("socketpair: %m");
	log_take_socket(ends[0]);
	/* Until somebody reads there. */
	log_set_stderr(true);
	return ends[1];
}

static void
watch(struct loop_watch *w, int fd)
{
	receive_prepare(fd);
	*w = (struct loop_watch){
		.fd = fd, .events = EPOLLIN, .ready = on_datagrams
	};
	loop_add_watch(w);
}

int
main(int argc, char **argv)
{
	struct daemon d;
	struct writer *w = &writer;
	bool as_asked;
	int own;

	daemon_start(&d, "log", argc, argv);
	if (d.n_listeners != 1)
		die_usage(
		    "log: one socket is needed, there are %zu", d.n_listeners);
	own = open_own_socket();
	as_asked = open_sink(&w->sink, d.conf);
	order_init(&w->order, &w->sink);
	w->receiver.order = &w->order;
	find_rules(&w->receiver, &d);
	snprintf(
	    w->sink.tag, sizeof(w->sink.tag), "%s/log", d.conf->syslog_name);
	daemon_drop(
	    &d, w->sink.kind == SINK_SYSLOG ? &syslog_role : &file_role);
	loop_init();
	watch(&w->clients, d.listeners[0]);
	watch(&w->own, own);
	log_set_stderr(false);
	daemon_on_drain(&d, leave, w);
	if (w->sink.kind == SINK_FILE)
		timer_set(&w->stale, loop_now() + STALE_CHECK_MS, on_stale);
	if (!as_asked)
		timer_set(
		    &w->file_again, loop_now() + FILE_AGAIN_MS, on_file_again);
	return daemon_run(&d);
}
