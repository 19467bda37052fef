/*
 * One connection to a server: see session.h.  The transport below the stream
 * may be exchanged after the first hello (STARTTLS); nothing else here knows
 * what carries the bytes.
 */
#include "smtp/session.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/mail/dialogue.h"

#include <assert.h>
#include <stdlib.h>

enum { DROPPED_MAX = 65536, LAST_WORDS_MS = 1000 };

static const struct {
	const char *doing;
	const char *request;
	size_t timeout; /* offset of an int64_t in struct settings */
} phases[PHASE_COUNT] = {
	[PHASE_GREETING] = { "receiving the initial server greeting",
	    "initial server greeting",
	    offsetof(struct settings, hello_timeout) },
	[PHASE_EHLO] = { "performing the EHLO handshake", "EHLO command",
	    offsetof(struct settings, hello_timeout) },
	[PHASE_HELO] = { "performing the HELO handshake", "HELO command",
	    offsetof(struct settings, hello_timeout) },
	[PHASE_LHLO] = { "performing the LHLO handshake", "LHLO command",
	    offsetof(struct settings, hello_timeout) },
	[PHASE_XFORWARD_NAME] = { "sending XFORWARD name/address",
	    "XFORWARD name/address command",
	    offsetof(struct settings, xforward_timeout) },
	[PHASE_XFORWARD_PROTO] = { "sending XFORWARD protocol/helo_name",
	    "XFORWARD helo/protocol command",
	    offsetof(struct settings, xforward_timeout) },
	[PHASE_MAIL] = { "sending MAIL FROM", "MAIL FROM command",
	    offsetof(struct settings, mail_timeout) },
	[PHASE_RCPT] = { "sending RCPT TO", "RCPT TO command",
	    offsetof(struct settings, rcpt_timeout) },
	[PHASE_DATA] = { "sending DATA command", "DATA command",
	    offsetof(struct settings, data_init_timeout) },
	[PHASE_BODY] = { "sending message body", "message body",
	    offsetof(struct settings, data_xfer_timeout) },
	[PHASE_END] = { "sending end of data -- message may be sent more than "
			"once",
	    "end of DATA command",
	    offsetof(struct settings, data_done_timeout) },
	[PHASE_BDAT] = { "sending end of data -- message may be sent more than "
			 "once",
	    "BDAT command", offsetof(struct settings, data_done_timeout) },
	[PHASE_RSET] = { "sending final RSET", "RSET command",
	    offsetof(struct settings, rset_timeout) },
	[PHASE_QUIT] = { "sending QUIT command", "QUIT command",
	    offsetof(struct settings, quit_timeout) },
};

const char *
phase_request(enum phase phase)
{
	return phases[phase].request;
}

int64_t
phase_timeout(const struct settings *set, enum phase phase)
{
	int64_t seconds;

	memcpy(&seconds, (const char *)set + phases[phase].timeout,
	    sizeof(seconds));
	return seconds;
}

/* By debug_peer_list, or with the whole service. */
static void
trace(struct session *s, const struct target *t)
{
	const struct settings *set = s->set;
	char addr[DNS_ADDR_TEXT_SIZE] = "";
	bool yes = false;
	struct err e = ERR_OK;

	if (!match_list_is_empty(set->debug_peers)) {
		if (!t->is_unix)
			dns_addr_text(&t->addr, addr);
		e = match_list_matches_client(
		    set->debug_peers, view_of(t->host), view_of(addr), &yes);
	}
	if (err_is(e))
		log_warn("%s: debug_peer_list: %s", s->name.ptr, e.text);
	s->is_debugged = yes && set->debug_level >= DIALOGUE_LEVEL_ALL;
	s->is_traced = yes || log_is_debug();
}

struct session *
session_new(const struct settings *set, const struct target *t, int fd)
{
	struct session *s = xcalloc(1, sizeof(*s));

	s->set = set;
	stream_init(&s->io, fd);
	reply_init(&s->reply);
	s->name = STR_EMPTY;
	s->relay = STR_EMPTY;
	s->dest_key = STR_EMPTY;
	s->target_key = STR_EMPTY;
	str_add_text(&s->relay, t->host);
	target_add_addr(&s->relay, t);
	/* The same without the port. */
	str_set(&s->name, str_view(&s->relay));
	str_cut(&s->name, view_find_last(str_view(&s->name), ']') + 1);
	trace(s, t);
	s->may_loop = t->may_loop;
	s->opened_ms = clock_ms();
	list_init(&s->by_age);
	list_init(&s->by_dest);
	list_init(&s->by_target);
	return s;
}

void
session_free(struct session *s)
{
	if (s == NULL)
		return;
	assert(s->cache == NULL);
	stream_clear(&s->io);
	reply_clear(&s->reply);
	str_clear(&s->name);
	str_clear(&s->relay);
	str_clear(&s->dest_key);
	str_clear(&s->target_key);
	free(s);
}

void
session_fail(
    struct session *s, enum phase phase, const struct err *e, struct why *why)
{
	s->is_broken = true;
	s->is_gone = e->kind != ERR_TIME && e->kind != ERR_PERM;
	if (e->kind == ERR_TIME)
		why_set(why, DSN_STATUS(4, 4, 2),
		    "conversation with %s timed out while %s", s->name.ptr,
		    phases[phase].doing);
	else if (e->kind == ERR_PERM)
		why_set(why, DSN_STATUS(4, 5, 0),
		    "host %s sent a malformed reply while %s: %s", s->name.ptr,
		    phases[phase].doing, e->text);
	else
		why_set(why, DSN_STATUS(4, 4, 2),
		    "lost connection with %s while %s", s->name.ptr,
		    phases[phase].doing);
}

void
session_say(struct session *s, struct view command)
{
	if (s->is_traced)
		dialogue_log(DIALOGUE_SENT, s->name.ptr, command);
	stream_add(&s->io, command);
}

void
session_sayf(struct session *s, const char *format, ...)
{
	struct str command = STR_EMPTY;
	va_list ap;

	va_start(ap, format);
	str_vaddf(&command, format, ap);
	va_end(ap);
	session_say(s, str_view(&command));
	str_clear(&command);
}

bool
session_flush(struct session *s, enum phase phase, struct why *why)
{
	struct err e;

	if (s->io.out.len == 0)
		return true;
	e = stream_flush(&s->io, deadline_in(phase_timeout(s->set, phase)));
	if (!err_is(e))
		return true;
	session_fail(s, phase, &e, why);
	return false;
}

/* All lines of one reply, under one limit: a byte a minute gains nothing. */
static struct err
read_reply(struct session *s, int64_t deadline)
{
	reply_reset(&s->reply);
	while (!s->reply.is_done) {
		struct view line;
		enum stream_eol eol;
		struct err e = stream_read_line(
		    &s->io, REPLY_LINE_MAX, DROPPED_MAX, &line, &eol, deadline);

		if (err_is(e))
			return e;
		if (s->is_traced)
			dialogue_log(DIALOGUE_RECEIVED, s->name.ptr, line);
		e = reply_feed(&s->reply, line);
		if (err_is(e)) {
			e.kind = ERR_PERM;
			return e;
		}
	}
	return ERR_OK;
}

bool
session_next_reply(struct session *s, enum phase phase, struct why *why)
{
	struct err e;

	if (!session_flush(s, phase, why))
		return false;
	e = read_reply(s, deadline_in(phase_timeout(s->set, phase)));
	if (err_is(e)) {
		session_fail(s, phase, &e, why);
		return false;
	}
	s->was_heard = true;
	/* It will close, whatever it was asked (RFC 5321 3.8). */
	if (s->reply.code == 421)
		s->is_leaving = true;
	return true;
}

bool
session_read_last_words(struct session *s)
{
	struct err e;

	if (!s->is_gone)
		return false;
	e = read_reply(s, deadline_in_ms(LAST_WORDS_MS));
	return !err_is(e) && s->reply.code >= 400;
}

void
session_quote_good(const struct session *s, struct why *why)
{
	why_set(why, s->reply.status, "%s", "");
	reply_add_line(&why->text, &s->reply);
	str_cut(&why->text, WHY_TEXT_MAX);
	why->is_remote = true;
}

void
session_quote(struct session *s, enum phase phase, struct why *why)
{
	struct str text = STR_EMPTY;
	struct dsn_status status = s->reply.status;

	reply_add_line(&text, &s->reply);
	/* What was asked must still be seen behind a long reply. */
	str_cut(&text, WHY_TEXT_MAX - 500);
	/* A reply that is neither good nor bad where it stands. */
	if (s->reply.code < 400)
		status = DSN_STATUS(4, 5, 0);
	why_set(why, status, "host %s said: %s (in reply to %s)", s->name.ptr,
	    text.ptr, phases[phase].request);
	why->is_remote = true;
	str_clear(&text);
}

bool
session_is_in_step(struct session *s, enum phase phase, struct why *why)
{
	if (!session_has_early_reply(s))
		return true;
	if (!session_next_reply(s, phase, why))
		return false;
	s->is_broken = true;
	if (s->reply.code < 400) {
		why_set(why, DSN_STATUS(4, 5, 0),
		    "host %s sent a reply before the command", s->name.ptr);
		return false;
	}
	session_quote(s, phase, why);
	if (phase != PHASE_END && phase != PHASE_BDAT)
		why->status.class = 4;
	return false;
}

/* The server does not want us at all. */
static void
refused(struct session *s, struct why *why)
{
	struct str text = STR_EMPTY;

	reply_add_line(&text, &s->reply);
	why_set(why,
	    s->reply.code < 400 ? DSN_STATUS(4, 5, 0) : s->reply.status,
	    "host %s refused to talk to me: %s", s->name.ptr, text.ptr);
	why->is_remote = true;
	str_clear(&text);
}

/* A server that has our own name is us (RFC 5321 6.3). */
static bool
is_loop(struct session *s, const char *nexthop, struct why *why)
{
	if (!s->may_loop ||
	    !view_eq_case(peer_name(&s->reply), view_of(s->set->myhostname)))
		return false;
	why_set(why, DSN_STATUS(5, 4, 6), "mail for %s loops back to myself",
	    nexthop);
	return true;
}

static bool
read_greeting(struct session *s, bool *is_esmtp, struct why *why)
{
	struct view rest, word;

	if (!session_next_reply(s, PHASE_GREETING, why))
		return false;
	if (s->reply.code / 100 != 2) {
		refused(s, why);
		if (s->reply.code / 100 == 5 && s->set->skip_5xx_greeting)
			why->status.class = 4;
		return false;
	}
	*is_esmtp = false;
	rest = str_view(&s->reply.text);
	while (view_token(&rest, " \t\n", &word))
		*is_esmtp |= view_eq_case(word, VIEW("ESMTP"));
	return true;
}

static bool
say_hello(
    struct session *s, const char *verb, enum phase phase, struct why *why)
{
	if (!session_is_in_step(s, phase, why))
		return false;
	session_sayf(s, "%s %s\r\n", verb, s->set->hello_name);
	return session_next_reply(s, phase, why);
}

/* EHLO, and HELO if that is not known; or LHLO. */
static bool
exchange_hello(struct session *s, bool is_esmtp, struct why *why)
{
	bool extended = s->set->is_lmtp ||
	    (!s->set->never_ehlo && (s->set->always_ehlo || is_esmtp));

	if (extended) {
		bool ok = s->set->is_lmtp
		    ? say_hello(s, "LHLO", PHASE_LHLO, why)
		    : say_hello(s, "EHLO", PHASE_EHLO, why);

		if (!ok)
			return false;
		if (s->reply.code / 100 == 2) {
			peer_read_hello(&s->peer, &s->reply,
			    view_of(s->set->discard_keywords));
			return true;
		}
		if (s->set->is_lmtp || s->is_leaving) {
			refused(s, why);
			return false;
		}
	}
	if (!say_hello(s, "HELO", PHASE_HELO, why))
		return false;
	if (s->reply.code / 100 == 2)
		return true;
	refused(s, why);
	return false;
}

bool
session_greet(struct session *s, const char *nexthop, struct why *why)
{
	bool is_esmtp;

	if (!read_greeting(s, &is_esmtp, why))
		return false;
	if (is_loop(s, nexthop, why))
		return false;
	if (!exchange_hello(s, is_esmtp, why))
		return false;
	return !is_loop(s, nexthop, why);
}

bool
session_has_early_reply(struct session *s)
{
	struct view early;

	/* What the kernel has counts as well.  The end of the connection is no
	 * reply: whoever reads or writes next sees it. */
	return stream_buffered(&s->io).len > 0 ||
	    (stream_has_input(&s->io) &&
		!err_is(stream_peek(&s->io, &early, clock_ms())));
}

bool
session_has_surplus_reply(struct session *s)
{
	/* A goodbye may come at any time. */
	return session_has_early_reply(s) &&
	    !view_starts(stream_buffered(&s->io), VIEW("421"));
}

bool
session_reset(struct session *s)
{
	struct why why = WHY_EMPTY;
	bool ok = !s->is_broken && !s->is_leaving;

	if (ok && s->needs_reset && session_is_in_step(s, PHASE_RSET, &why)) {
		session_say(s, VIEW("RSET\r\n"));
		ok = session_next_reply(s, PHASE_RSET, &why) &&
		    s->reply.code / 100 == 2 && !s->is_leaving;
		s->needs_reset = false;
	}
	ok &= !s->is_broken;
	why_clear(&why);
	return ok;
}

void
session_quit(struct session *s)
{
	struct why why = WHY_EMPTY;

	if (!s->is_broken) {
		/* What came unasked would be taken for the reply. */
		bool waits = !s->set->skip_quit_response && !s->is_leaving &&
		    !session_has_early_reply(s);

		session_say(s, VIEW("QUIT\r\n"));
		if (!waits)
			session_flush(s, PHASE_QUIT, &why);
		else
			session_next_reply(s, PHASE_QUIT, &why);
	}
	why_clear(&why);
	session_free(s);
}
