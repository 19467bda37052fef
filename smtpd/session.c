/*
 * The session: from connect to disconnect, a line at a time.  What the lines
 * mean is in the commands' files.
 */
#include "smtpd/session.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/run/fiber.h"
#include "lib/run/linger.h"
#include "smtpd/access.h"
#include "smtpd/alone.h"
#include "smtpd/client.h"
#include "smtpd/collect.h"
#include "smtpd/command.h"
#include "smtpd/limits.h"
#include "smtpd/notice.h"
#include "smtpd/proxy.h"
#include "smtpd/refine.h"
#include "smtpd/reply.h"
#include "smtpd/screen.h"
#include "smtpd/transcript.h"
#include "smtpd/xclient.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	/* A client that is silent for so long is at rest: its session gives
	 * back what it can before it waits on. */
	REST_AFTER_MS = 1000,
	/* Of a line that is too long we read so much on. */
	LINE_DROP_MAX = 1 << 20,
};

const char *
session_queue_id(const struct session *s)
{
	return s->t != NULL && s->t->id.text[0] != '\0' ? s->t->id.text
							: "NOQUEUE";
}

const char *
session_protocol(const struct session *s)
{
	return s->is_esmtp ? "ESMTP" : "SMTP";
}

int64_t
session_deadline(const struct session *s)
{
	const struct conf *conf = s->smtpd->conf;

	return conf->smtpd_per_request_deadline && s->deadline != 0
	    ? s->deadline
	    : deadline_in(conf->smtpd_timeout);
}

bool
session_charge(struct session *s, int64_t bytes)
{
	struct smtpd *smtpd = s->smtpd;

	if (bytes > 0 &&
	    smtpd->collected + bytes > smtpd->conf->smtpd_collect_memory_limit)
		return false;
	smtpd->collected += bytes;
	s->t->charged += bytes;
	return true;
}

/* --- transactions --- */

void
transaction_begin(struct session *s, struct view sender)
{
	struct transaction *t = xcalloc(1, sizeof(*t));

	str_init(&t->sender);
	str_init(&t->rcpts);
	str_init(&t->first_rcpt);
	str_init(&t->envid);
	str_init(&t->prepend);
	str_init(&t->filter);
	str_init(&t->redirect);
	str_init(&t->bcc);
	str_set(&t->sender, sender);
	s->serial = ++s->smtpd->n_serials;
	s->t = t;
}

void
transaction_end(struct session *s)
{
	struct transaction *t = s->t;

	if (t == NULL)
		return;
	collect_free(s, t->collect);
	alone_end(t);
	session_charge(s, -t->charged);
	str_clear(&t->sender);
	str_clear(&t->rcpts);
	str_clear(&t->first_rcpt);
	str_clear(&t->envid);
	str_clear(&t->prepend);
	str_clear(&t->filter);
	str_clear(&t->redirect);
	str_clear(&t->bcc);
	free(t);
	s->t = NULL;
	s->content_bytes = 0;
	forwarded_clear(s);
	transcript_pause(s);
}

void
session_reset_helo(struct session *s)
{
	free(s->helo);
	s->helo = NULL;
	s->is_esmtp = false;
}

void
session_forget_login(struct session *s)
{
	free(s->login.username);
	free(s->login.method);
	free(s->login.sender);
	s->login = (struct login){ NULL, NULL, NULL };
}

static void
clear_server(struct session *s)
{
	free(s->server.addr);
	free(s->server.port);
	s->server = (struct server){ NULL, NULL };
}

void
session_find_server(struct session *s)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(ss);
	char text[DNS_ADDR_TEXT_SIZE] = "", port[8] = "";
	struct dns_addr addr;

	if (s->server.addr != NULL && s->server.port != NULL)
		return;
	if (getsockname(s->io.fd, (struct sockaddr *)&ss, &len) == 0 &&
	    dns_addr_of_sockaddr((struct sockaddr *)&ss, &addr)) {
		dns_addr_text(&addr, text);
		snprintf(port, sizeof(port), "%u",
		    ntohs(ss.ss_family == AF_INET
			    ? ((struct sockaddr_in *)(void *)&ss)->sin_port
			    : ((struct sockaddr_in6 *)(void *)&ss)
				  ->sin6_port));
	}
	if (s->server.addr == NULL)
		s->server.addr = xstrdup(text);
	if (s->server.port == NULL)
		s->server.port = xstrdup(port);
}

/* --- reading --- */

/* Nothing has come for a while: wait on as small as can be. */
static struct err
rest(struct session *s, size_t max, struct view *line, enum stream_eol *eol,
    int64_t deadline)
{
	log_flush_if_old();
	fiber_trim_stack();
	return stream_read_line(
	    &s->io, max, LINE_DROP_MAX, line, eol, deadline);
}

static struct err
wait_for_line(struct session *s, struct view *line, enum stream_eol *eol)
{
	const struct conf *conf = s->smtpd->conf;
	size_t max = (size_t)conf->line_length_limit;
	int64_t deadline = deadline_in(s->screen != NULL
		? conf->postscreen_command_time_limit
		: conf->smtpd_timeout);
	int64_t soon = deadline_in_ms(REST_AFTER_MS);
	bool may_rest = fiber_self() != NULL && soon < deadline;
	struct err e;

	s->deadline = deadline;
	s->is_idle = s->t == NULL;
	e = stream_read_line(
	    &s->io, max, LINE_DROP_MAX, line, eol, may_rest ? soon : deadline);
	if (e.kind == ERR_TIME && may_rest)
		e = rest(s, max, line, eol, deadline);
	s->is_idle = false;
	return e;
}

/* The next command line.  False if there is none; *ok is false for one that
 * was too long, and answered. */
static bool
read_command(
    struct session *s, struct view *line, enum stream_eol *eol, bool *ok)
{
	struct err e;

	if (view_find(stream_buffered(&s->io), '\n') == VIEW_NPOS &&
	    !reply_flush(s))
		return false;
	e = wait_for_line(s, line, eol);
	*ok = !err_is(e);
	if (*ok)
		return true;
	if (e.kind == ERR_PERM && s->screen != NULL) {
		screen_line_is_too_long(s);
		return true;
	}
	if (e.kind == ERR_PERM) {
		s->n_errors++;
		s->where = "UNKNOWN";
		s->total[command_count()]++;
		reply(s, "500 5.5.2 Error: line too long");
		return true;
	}
	s->ending = e.kind == ERR_TIME ? SESSION_TIMEOUT : SESSION_LOST;
	return false;
}

/* The process is to go, and the client is between two transactions. */
static bool
must_leave(struct session *s)
{
	if (!s->smtpd->leaving || s->t != NULL ||
	    s->ending == SESSION_TIMEOUT ||
	    (s->ending == SESSION_LOST && !fiber_is_cancelled()))
		return false;
	s->ending = SESSION_ON;
	reply_and_close(s,
	    "421 4.3.2 %s Service not available, closing connection",
	    s->smtpd->conf->myhostname);
	return true;
}

/* A command that ends in LF alone.  True if the session is over. */
static bool
is_bare_lf_refused(struct session *s, enum stream_eol eol)
{
	const struct conf *conf = s->smtpd->conf;

	if (eol == STREAM_EOL_CRLF || s->smtpd->bare_lf == BARE_LF_NO)
		return false;
	s->saw_bare_lf = true;
	if (s->smtpd->bare_lf != BARE_LF_REJECT || s->client.may_bare_lf)
		return false;
	notice(s, "reject", "bare <LF> received", VIEW_EMPTY);
	reply_and_close(s, "%d 5.5.2 %s Error: bare <LF> received",
	    (int)conf->smtpd_forbid_bare_newline_reject_code, conf->myhostname);
	return true;
}

static void
take_line(struct session *s, struct view line, enum stream_eol eol)
{
	struct str replacement = STR_EMPTY;

	/* For others that is done by command_dispatch. */
	if (screen_has_refused(s) && !refine_command(s, &line, &replacement))
		return;
	if (screen_line(s, line, eol)) {
		if (screen_has_refused(s))
			screen_dispatch(s, line);
		else if (!is_bare_lf_refused(s, eol))
			command_dispatch(s, line);
	}
	str_clear(&replacement);
}

static void
converse(struct session *s)
{
	while (s->ending == SESSION_ON) {
		struct view line;
		enum stream_eol eol;
		bool ok;

		if (limits_end_session(s) || must_leave(s))
			break;
		if (!read_command(s, &line, &eol, &ok)) {
			must_leave(s);
			break;
		}
		if (ok)
			take_line(s, line, eol);
	}
}

/* --- the beginning --- */

/*
 * Who speaks before the greeting does not listen to it: a program that sends
 * what it was told, mail through an open proxy, or bulk.
 */
static bool
is_early_talker(struct session *s)
{
	struct view early;
	struct err e;

	if (s->smtpd->stand_alone || !stream_has_input(&s->io))
		return false;
	e = stream_peek(&s->io, &early, clock_ms());
	if (err_is(e)) {
		if (e.kind != ERR_TIME)
			s->ending = SESSION_LOST;
		return err_is(e) && e.kind != ERR_TIME;
	}
	notice_pipelining(s, early);
	s->pipelined_badly = true;
	if (!s->smtpd->conf->smtpd_forbid_unauth_pipelining)
		return false;
	reply_and_close(s, "554 5.5.0 Error: SMTP protocol synchronization");
	return true;
}

bool
session_greet(struct session *s)
{
	struct str refusal = STR_EMPTY;

	if (!s->smtpd->stand_alone && !s->smtpd->conf->smtpd_delay_reject &&
	    !access_check_stage(s, ACCESS_CLIENT, s->where, &refusal)) {
		s->n_errors++;
		free(s->refused);
		s->refused = xstrndup(refusal.ptr, refusal.len);
		access_say(s, &refusal);
		return false;
	}
	str_clear(&refusal);
	reply(s, "220 %s", s->smtpd->conf->smtpd_banner);
	return true;
}

/* --- the end --- */

static void
say_last_words(struct session *s)
{
	if (s->ending == SESSION_TIMEOUT) {
		s->ending = SESSION_ON;
		reply(s, "421 4.4.2 %s Error: timeout exceeded",
		    s->smtpd->conf->myhostname);
		s->ending = SESSION_TIMEOUT;
	}
	if (s->ending != SESSION_LOST && s->io.out.len > 0)
		stream_flush(&s->io, deadline_in(10));
}

/* Where we end it, the client may still be sending, and must not lose our last
 * words for that. */
static void
hang_up(struct session *s)
{
	bool by_us = s->ending == SESSION_CLOSED ||
	    s->ending == SESSION_ERRORS || s->ending == SESSION_TIMEOUT ||
	    (s->ending == SESSION_QUIT && stream_buffered(&s->io).len > 0);

	if (by_us && fiber_self() != NULL)
		linger_take(stream_release_fd(&s->io));
}

/* The client need not wait for that. */
static void
end_transcript(struct session *s)
{
	if (s->transcript == NULL)
		return;
	stream_clear(&s->io);
	transcript_end(s);
}

static void
session_clear(struct session *s)
{
	transaction_end(s);
	forwarded_clear(s);
	stream_clear(&s->io);
	client_clear(&s->client);
	session_forget_login(s);
	clear_server(s);
	free(s->helo);
	free(s->refused);
	access_forget_doubts(s, ACCESS_CLIENT);
	list_remove(&s->node);
	free(s);
	fiber_set_debug(false);
}

static struct session *
session_new(struct smtpd *smtpd, struct stream *io)
{
	struct session *s = xcalloc(1, sizeof(*s));

	s->smtpd = smtpd;
	s->discarded = smtpd->discarded;
	s->fiber = fiber_self();
	s->serial = ++smtpd->n_serials;
	s->io = *io;
	s->where = "CONNECT";
	list_append(&smtpd->sessions, &s->node);
	return s;
}

static void
run(struct session *s)
{
	if (quiet_allows(s, QUIET_CONNECT))
		log_info("connect from %s", s->client.label);
	transcript_begin(s);
	if (limits_connect(s) && !is_early_talker(s)) {
		session_greet(s);
		converse(s);
	}
	say_last_words(s);
	notice_ending(s);
	limits_disconnect(s);
	notice_disconnect(s);
}

/* A client that the screen does not let in: it hears the same as others, but
 * that nothing is taken from it, and other lines of the log tell of it. */
static void
run_refused(struct session *s, bool is_over)
{
	if (!is_over) {
		reply(s, "220 %s", s->smtpd->conf->smtpd_banner);
		converse(s);
	}
	say_last_words(s);
	limits_disconnect(s);
}

/* The proxy in front did not say who this is. */
static void
run_unknown(struct session *s)
{
	if (s->smtpd->screen != NULL) {
		reply_and_close(s, "421 4.3.2 No system resources");
		say_last_words(s);
		return;
	}
	if (quiet_allows(s, QUIET_CONNECT))
		log_info("connect from %s", s->client.label);
	reply_and_close(s, "421 4.3.0 %s Server local error",
	    s->smtpd->conf->myhostname);
	say_last_words(s);
	notice_disconnect(s);
}

void
session_run_stream(
    struct smtpd *smtpd, struct stream *io, const struct sockaddr *addr)
{
	struct session *s = session_new(smtpd, io);
	struct sockaddr_storage told;

	client_init(s, addr);
	if (smtpd->proxy_timeout > 0 && !smtpd->stand_alone &&
	    !proxy_learn(s, &addr, &told)) {
		run_unknown(s);
	} else if (!screen_admit(s)) {
		run_refused(s, true);
	} else if (screen_has_refused(s)) {
		run_refused(s, false);
	} else {
		client_find_name(s, addr);
		run(s);
	}
	screen_end(s);
	hang_up(s);
	end_transcript(s);
	session_clear(s);
}

void
session_run(struct smtpd *smtpd, int fd, const struct sockaddr *addr)
{
	struct stream io;

	stream_init(&io, fd);
	session_run_stream(smtpd, &io, addr);
}

void
sessions_leave(struct smtpd *smtpd)
{
	smtpd->leaving = true;
	LIST_EACH (it, after, &smtpd->sessions) {
		struct session *s = LIST_ITEM(it, struct session, node);

		if (s->is_idle && s->fiber != NULL)
			fiber_cancel(s->fiber);
	}
}
