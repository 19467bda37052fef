/* The whole that tests talk to, its client and its log: see standin.h. */
#include "smtpd/standin.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "smtpd/session.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

struct standin standin;

static struct str said = { str_nothing, 0, 0 };
static struct str heard = { str_nothing, 0, 0 };
static struct str log_text = { str_nothing, 0, 0 };
static int log_fd = -1;
static bool keeps_log = true;

/* --- the client --- */

/* What is still to be sent. */
struct script {
	struct view rest;
	bool is_silent;
	struct str got;
};

static ssize_t
script_read(void *state, int fd, void *buf, size_t room, int *wait_for)
{
	struct script *c = state;
	struct view now;

	(void)fd;
	*wait_for = 1;
	if (c->rest.len > 0 && c->rest.ptr[0] == STANDIN_LATER[0])
		c->rest = view_skip(c->rest, 1);
	if (c->is_silent ||
	    (c->rest.len > 0 && c->rest.ptr[0] == STANDIN_SILENCE[0])) {
		c->is_silent = true;
		errno = EAGAIN;
		return -1;
	}
	if (standin.read_max > 0 && room > standin.read_max)
		room = standin.read_max;
	now = view_first(c->rest, room);
	now =
	    view_first(now, view_find_any(now, STANDIN_LATER STANDIN_SILENCE));
	if (now.len > 0)
		memcpy(buf, now.ptr, now.len);
	c->rest = view_skip(c->rest, now.len);
	return (ssize_t)now.len;
}

static ssize_t
script_write(void *state, int fd, const void *buf, size_t len, int *wait_for)
{
	struct script *c = state;

	(void)fd;
	*wait_for = 2;
	if (standin.write_max > 0 && c->got.len + len > standin.write_max) {
		str_add(
		    &c->got, view_make(buf, standin.write_max - c->got.len));
		errno = EPIPE;
		return -1;
	}
	str_add(&c->got, view_make(buf, len));
	standin.n_heard = c->got.len;
	return (ssize_t)len;
}

static const struct stream_transport script_transport = { script_read,
	script_write, NULL };

static bool
is_id_byte(char c)
{
	return ascii_is_alnum(c);
}

/* CRLF to LF; the word after "queued as " and QIDs of logs to "QID". */
static void
normalise(struct view v, struct str *out)
{
	static const struct view queued = VIEW("queued as ");

	while (v.len > 0) {
		if (view_starts(v, queued)) {
			str_add(out, queued);
			str_add_text(out, "QID");
			v = view_skip(v, queued.len);
			while (v.len > 0 && is_id_byte(v.ptr[0]))
				v = view_skip(v, 1);
			continue;
		}
		if (!view_starts(v, VIEW("\r\n")))
			str_add_byte(out, v.ptr[0]);
		else
			str_add_byte(out, '\n');
		v = view_skip(v, view_starts(v, VIEW("\r\n")) ? 2 : 1);
	}
}

/* What is logged is not asked for: it must not fill up. */
static void
drop_log(void)
{
	char buffer[64];

	log_flush();
	while (recv(log_fd, buffer, sizeof(buffer), 0) > 0)
		;
}

/* "192.0.2.1", "2001:db8::1" */
static struct sockaddr *
client_address(const char *text, struct sockaddr_storage *ss)
{
	struct dns_addr addr;

	if (text == NULL)
		return NULL;
	if (!dns_addr_parse(view_of(text), &addr))
		abort();
	dns_addr_to_sockaddr(&addr, 2525, ss);
	return (struct sockaddr *)ss;
}

const char *
standin_talk_bytes(const char *address, struct view text)
{
	struct script script = { .rest = text, .got = STR_EMPTY };
	struct sockaddr_storage ss;
	struct stream io;
	int64_t collected = standin.smtpd->collected;
	int fd = eventfd(standin.talks_early, EFD_NONBLOCK | EFD_CLOEXEC);

	assert(fd >= 0);
	standin.n_calls = standin.n_heard = 0;
	stream_init(&io, fd);
	stream_set_transport(&io, &script_transport, &script);
	standin.smtpd->stand_alone = address == NULL;
	session_run_stream(standin.smtpd, &io, client_address(address, &ss));
	str_reset(&said);
	normalise(str_view(&script.got), &said);
	str_clear(&heard);
	heard = script.got;
	if (!keeps_log)
		drop_log();
	standin_hear_policy();
	/* No session leaves anything behind. */
	assert(standin.smtpd->collected == collected);
	assert(list_is_empty(&standin.smtpd->sessions));
	return said.ptr;
}

const char *
standin_talk(const char *address, const char *text)
{
	return standin_talk_bytes(address, view_of(text));
}

struct view
standin_heard(void)
{
	return str_view(&heard);
}

/* --- the log --- */

static void
open_log(void)
{
	int fds[2], size = 8 << 20;

	if (socketpair(
		AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		die_temp("socketpair: %s", strerror(errno));
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	log_open("smtpd");
	log_take_socket(fds[0]);
	log_set_stderr(false);
	log_fd = fds[1];
}

/* "QID: client=" and so on: the ID at the line's beginning. */
static void
add_log_line(struct view line)
{
	size_t colon = view_find(line, ':');

	if (colon != VIEW_NPOS && colon >= 12 && colon < 24) {
		size_t i = 0;

		while (i < colon && is_id_byte(line.ptr[i]))
			i++;
		if (i == colon) {
			str_add_text(&log_text, "QID");
			line = view_skip(line, colon);
		}
	}
	str_add(&log_text, line);
	str_add_byte(&log_text, '\n');
}

/* "LEVEL TIME PID TAG TEXT", as `log` gets it. */
static void
add_record(struct view record)
{
	for (int i = 0; i < 4; i++)
		record = view_skip(record, view_find(record, ' ') + 1);
	add_log_line(record);
}

const char *
standin_log(void)
{
	static char buffer[1 << 16];
	ssize_t n;

	str_reset(&log_text);
	log_flush();
	while ((n = recv(log_fd, buffer, sizeof(buffer), 0)) > 0) {
		struct view rest = view_make(buffer, (size_t)n), line;

		while (view_field(&rest, '\n', &line))
			if (line.len > 0)
				add_record(line);
	}
	return log_text.ptr;
}

void
standin_no_log(void)
{
	keeps_log = false;
}

/* --- all --- */

static const char common[] =
    "compatibility_level = 3.6\n"
    "myhostname = mx.example.test\n"
    "mydomain = example.test\n"
    "mail_name = Barid\n"
    "notify_classes =\n"
    "mynetworks = 127.0.0.0/8\n"
    "inet_interfaces = loopback-only\n"
    "mydestination = local.test\n"
    "relay_domains = relay.test\n"
    "alias_maps =\n"
    "recipient_delimiter = +\n"
    "smtpd_error_sleep_time = 0\n"
    "smtpd_timeout = 1s\n"
    "local_recipient_maps = inline:{ user=x, other=x, postmaster=x }\n"
    "virtual_alias_maps = inline:{ a@alias.test=user@local.test }\n"
    "virtual_alias_domains = alias.test\n"
    "virtual_mailbox_domains = mbox.test\n"
    "virtual_mailbox_maps = inline:{ box@mbox.test=box/ }\n";

void
standin_open(const char *lines)
{
	struct conf_source source = { .service_name = "smtp",
		.process_name = "smtpd" };
	struct str text = STR_EMPTY;
	struct smtpd *m = xcalloc(1, sizeof(*m));
	struct err e;

	standin = (struct standin){ .smtpd = m, .policy_heard = STR_EMPTY };
	if (log_fd < 0)
		open_log();
	str_add_text(&text, common);
	str_add_text(&text, lines);
	e = conf_load_text(&source, str_view(&text), "main.cf", &standin.conf);
	if (err_is(e))
		die_temp("%s", e.text);
	str_clear(&text);
	m->service = "smtp";
	ipc_service_init(&m->cleanup, "private/cleanup");
	ipc_service_init(&m->rewrite, "private/rewrite");
	m->completion = (struct completion){ .conf = standin.conf,
		.rewrite = &m->rewrite };
	ipc_service_init(&m->resolve, "private/resolve");
	ipc_service_init(&m->anvil_service, "private/anvil");
	ipc_service_init(&m->qmgr, "private/qmgr");
	ipc_service_init(&m->state, "private/state");
	ipc_service_init(&m->dial, "private/dial");
	dns_client_init(&m->dns, &m->resolve);
	anvil_init(&m->anvil, &m->anvil_service);
	smtpd_open(m, standin.conf);
}

void
standin_forget_answers(void)
{
	standin.smtpd->rewrite.generation++;
	dns_client_clear(&standin.smtpd->dns);
	dns_client_init(&standin.smtpd->dns, &standin.smtpd->resolve);
}

void
standin_suspend(struct standin *kept)
{
	*kept = standin;
}

void
standin_resume(struct standin *kept)
{
	standin = *kept;
}

void
standin_close(void)
{
	standin_forget_messages();
	standin_forget_state();
	str_clear(&heard);
	smtpd_close(standin.smtpd);
	anvil_clear(&standin.smtpd->anvil);
	dns_client_clear(&standin.smtpd->dns);
	free(standin.smtpd);
	conf_free(standin.conf);
	str_clear(&said);
	str_clear(&log_text);
	str_clear(&standin.policy_heard);
}
