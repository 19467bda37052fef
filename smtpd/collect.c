/* Content to cleanup: see collect.h. */
#include "smtpd/collect.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/testpoint.h"
#include "lib/mail/addr.h"
#include "lib/mail/esmtp.h"
#include "lib/mail/received.h"
#include "lib/run/fiber.h"
#include "smtpd/access.h"
#include "smtpd/alone.h"

#include <stdlib.h>

enum {
	/* What a frame needs beside the texts in it. */
	FRAME_OVERHEAD = 1536,
	STREAM_STEP = 32 * 1024,
	/* As much is sent from where it was read, less is gathered. */
	LENT_MIN = 16 * 1024,
	/* Content in one frame. */
	FRAME_STEP = IPC_FRAME_MAX - 256,
	/* Recipients in one frame. */
	RCPTS_STEP = 32 * 1024,
	/* What content holds beyond its bytes: the buffer grows by halves. */
	CHARGE_STEP = 4096,
};

struct collect {
	struct content_in in;
	struct str bytes; /* not yet sent */
	bool has_begun;	  /* something of the client's follows our header */
	size_t whole_max; /* as much may be in one frame */
	int64_t charged;
	bool is_streaming, is_too_large;
	struct err failure; /* of the conversation */
	struct ipc_talk talk;
};

/* --- the envelope --- */

static struct view
text_or(const char *text, struct view otherwise)
{
	return text != NULL && text[0] != '\0' ? view_of(text) : otherwise;
}

static struct ipc_submit
envelope(struct session *s)
{
	const struct transaction *t = s->t;
	const struct forwarded *f = s->forwarded;
	struct view unknown = VIEW("unknown");
	struct ipc_submit m = {
		.queue_id = queue_id_view(&t->id),
		.arrival_us = t->arrival_us,
		.origin = VIEW("smtpd"),
		.context =
		    access_is_local_client(s) ? VIEW("local") : VIEW("remote"),
		.sender = str_view(&t->sender),
		.full_name = VIEW_EMPTY,
		.envid = str_view(&t->envid),
		.ret = t->ret,
		.client_name = view_of(s->client.name),
		.client_addr = view_of(s->client.addr),
		.client_port = s->client.port,
		.protocol = view_of(session_protocol(s)),
		.helo = text_or(s->helo, VIEW_EMPTY),
		.sasl_method = text_or(s->login.method, VIEW_EMPTY),
		.sasl_username = text_or(s->login.username, VIEW_EMPTY),
		.hold = t->hold,
		/* What access control said goes before what the site wants. */
		.filter = t->filter.len > 0
		    ? str_view(&t->filter)
		    : view_of(s->smtpd->conf->content_filter),
		.redirect = str_view(&t->redirect),
		.expect_content = t->size,
		.rcpts = str_view(&t->rcpts),
		.content = VIEW_EMPTY,
	};

	if (f != NULL && f->has_source && f->is_local)
		m.context = VIEW("local");
	if (f != NULL && (f->name != NULL || f->addr != NULL)) {
		m.client_name = text_or(f->name, unknown);
		m.client_addr = text_or(f->addr, unknown);
		m.client_port = 0;
		m.protocol = text_or(f->protocol, m.protocol);
		m.helo = text_or(f->helo, VIEW_EMPTY);
	}
	return m;
}

/* What access control added goes with the envelope while that is not sent. */
static void
take_bcc(struct transaction *t)
{
	str_add(&t->rcpts, str_view(&t->bcc));
	str_reset(&t->bcc);
}

/* What of a frame is left for content, if the message goes in one. */
static size_t
whole_max(const struct session *s)
{
	const struct transaction *t = s->t;
	size_t rest = FRAME_OVERHEAD + t->rcpts.len + t->bcc.len +
	    t->sender.len + t->envid.len + t->filter.len + t->redirect.len +
	    text_or(s->helo, VIEW_EMPTY).len +
	    text_or(s->login.username, VIEW_EMPTY).len + strlen(s->client.name) +
	    strlen(s->client.addr);

	return rest < IPC_FRAME_MAX ? IPC_FRAME_MAX - rest : 0;
}

static int64_t
content_flags(const struct transaction *t, const struct override *override,
    unsigned seen)
{
	static const struct {
		unsigned seen;
		int64_t flag;
	} rows[] = {
		{ CONTENT_BARE_LF, SUBMIT_BARE_LF },
		{ CONTENT_BARE_CR, SUBMIT_BARE_CR },
		{ CONTENT_8BIT, SUBMIT_EIGHT_BIT },
		{ CONTENT_NUL, SUBMIT_NUL },
	};
	int64_t flags = t->is_smtputf8 ? SUBMIT_SMTPUTF8 : 0;

	flags |= override->flags;
	if (t->body == ESMTP_BODY_8BITMIME)
		flags |= SUBMIT_BODY_8BITMIME;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if ((seen & rows[i].seen) != 0)
			flags |= rows[i].flag;
	return flags;
}

static void
add_received(struct session *s, struct str *out)
{
	const struct transaction *t = s->t;
	struct received r = {
		.helo = text_or(s->helo, view_of(s->client.name)),
		.client_name = view_of(s->client.name),
		.client_addr = view_of(s->client.addr),
		.myhostname = view_of(s->smtpd->conf->myhostname),
		.mail_name = view_of(s->smtpd->conf->mail_name),
		.protocol = view_of(received_protocol(
		    s->is_esmtp, false, false, t->is_smtputf8)),
		.queue_id = queue_id_view(&t->id),
		.recipient =
		    t->n_rcpts == 1 ? str_view(&t->first_rcpt) : VIEW_EMPTY,
		.wall = t->arrival_us / 1000000,
	};

	received_add_smtp(out, &r);
}

/* --- streaming --- */

static int64_t
cleanup_deadline(const struct session *s)
{
	return deadline_in(s->smtpd->conf->ipc_timeout);
}

/* The recipients that fit in one frame; the rest stays in *list. */
static struct view
cut_rcpts(struct view *list)
{
	struct view all = *list;

	while (list->len > 0 && all.len - list->len < RCPTS_STEP) {
		struct ipc_rcpt r;
		bool more;

		/* Our own writing: it reads. */
		if (err_is(ipc_list_next(list, IPC_IN(rcpt, &r), &more)) ||
		    !more)
			break;
	}
	return view_first(all, all.len - list->len);
}

static void
send_envelope(struct session *s, struct collect *c)
{
	struct ipc_submit m;
	struct view rest;

	take_bcc(s->t);
	m = envelope(s);
	rest = m.rcpts;
	m.flags = content_flags(s->t, &s->smtpd->override, 0);
	m.rcpts = cut_rcpts(&rest);
	c->failure =
	    ipc_talk_send(&c->talk, IPC_OUT(submit, &m), cleanup_deadline(s));
	while (rest.len > 0 && !err_is(c->failure)) {
		struct ipc_more_rcpts more = { cut_rcpts(&rest) };

		c->failure = ipc_talk_send(
		    &c->talk, IPC_OUT(more_rcpts, &more), cleanup_deadline(s));
	}
}

static void
begin_stream(struct session *s, struct collect *c)
{
	c->is_streaming = true;
	c->failure =
	    ipc_talk_begin(&s->smtpd->cleanup, &c->talk, cleanup_deadline(s));
	if (!err_is(c->failure))
		send_envelope(s, c);
}

/* Without waiting; in frames of one size, so that none is small. */
static void
send_bytes(struct collect *c, struct view v)
{
	size_t n_frames = (v.len + FRAME_STEP - 1) / FRAME_STEP;
	size_t step = n_frames > 0 ? v.len / n_frames + 1 : 0;

	while (v.len > 0 && !err_is(c->failure)) {
		struct ipc_content m = { view_first(v, step) };

		c->failure = ipc_talk_send_now(&c->talk, IPC_OUT(content, &m));
		v = view_skip(v, m.bytes.len);
	}
}

static void
send_gathered(struct collect *c)
{
	send_bytes(c, str_view(&c->bytes));
	str_reset(&c->bytes);
}

/* Account for the buffer.  False: there is no memory for more. */
static bool
charge(struct session *s, struct collect *c)
{
	int64_t now = (int64_t)(c->bytes.len + CHARGE_STEP - 1) / CHARGE_STEP *
	    CHARGE_STEP;

	if (!session_charge(s, now - c->charged))
		return false;
	c->charged = now;
	return true;
}

/* What is in memory after a piece was added: keep it, or send of it. */
static void
settle(struct session *s, struct collect *c)
{
	if (s->smtpd->stand_alone) {
		alone_add_content(s, str_view(&c->bytes));
		str_reset(&c->bytes);
		return;
	}
	if (!c->is_streaming && (c->bytes.len > c->whole_max || !charge(s, c)))
		begin_stream(s, c);
	if (c->is_streaming) {
		/* Less than a step stays: no more than what was charged
		 * before, or than what all streams have. */
		if (c->bytes.len >= STREAM_STEP || !charge(s, c)) {
			send_gathered(c);
			charge(s, c);
		}
		if (!err_is(c->failure))
			c->failure =
			    ipc_talk_wait(&c->talk, cleanup_deadline(s));
	}
}

/* --- content --- */

struct collect *
collect_new(struct session *s, enum content_kind kind)
{
	struct collect *c = xcalloc(1, sizeof(*c));
	const struct transaction *t = s->t;
	enum bare_lf mode = s->smtpd->bare_lf;
	bool is_loose =
	    mode == BARE_LF_NO || mode == BARE_LF_NOTE || s->client.may_bare_lf;

	c->failure = ERR_OK;
	str_init(&c->bytes);
	content_in_init(&c->in, kind, is_loose);
	str_add(&c->bytes, str_view(&t->prepend));
	add_received(s, &c->bytes);
	c->whole_max = whole_max(s);
	return c;
}

struct view
collect_added(const struct collect *c)
{
	return str_view(&c->bytes);
}

int64_t
collect_size(const struct collect *c)
{
	return (int64_t)c->in.out_len;
}

bool
collect_is_too_large(const struct collect *c)
{
	return c->is_too_large;
}

bool
collect_has_ended(const struct collect *c)
{
	return c->in.has_ended;
}

bool
collect_saw_bare_lf(const struct collect *c)
{
	return (c->in.flags & CONTENT_BARE_LF) != 0;
}

/* A first line that begins with a blank would continue our header: it is the
 * first of the body instead.  What came is `whole`, or was added at `from`. */
static void
part_from_ours(struct collect *c, size_t from, struct view whole)
{
	struct str came = STR_EMPTY;
	char first;

	if (c->has_begun || (c->bytes.len == from && whole.len == 0))
		return;
	c->has_begun = true;
	first = c->bytes.len > from ? c->bytes.ptr[from] : whole.ptr[0];
	if (first != ' ' && first != '\t')
		return;
	str_set(&came, view_skip(str_view(&c->bytes), from));
	str_cut(&c->bytes, from);
	str_add_text(&c->bytes, "\r\n");
	str_add(&c->bytes, str_view(&came));
	str_clear(&came);
}

/* Many lines that stay as they are go from where they stand. */
static size_t
feed(struct collect *c, struct view bytes)
{
	struct view rest = bytes;

	while (rest.len > 0 && !c->in.has_ended) {
		size_t from = c->bytes.len;
		struct view whole;

		rest = view_skip(
		    rest, content_in_step(&c->in, rest, &whole, &c->bytes));
		part_from_ours(c, from, whole);
		if (c->is_streaming && whole.len >= LENT_MIN) {
			send_gathered(c);
			send_bytes(c, whole);
		} else {
			str_add(&c->bytes, whole);
		}
	}
	return bytes.len - rest.len;
}

size_t
collect_feed(struct session *s, struct collect *c, struct view bytes)
{
	int64_t limit = s->smtpd->conf->message_size_limit;
	bool is_lost = c->is_too_large || err_is(c->failure);
	size_t n = is_lost ? content_in_feed(&c->in, bytes, NULL) :
			     feed(c, bytes);

	s->content_bytes += (int64_t)n;
	if (limit > 0 && collect_size(c) > limit && !c->is_too_large) {
		c->is_too_large = true;
		str_clear(&c->bytes);
	}
	return n;
}

void
collect_settle(struct session *s, struct collect *c)
{
	if (!c->is_too_large && !err_is(c->failure))
		settle(s, c);
	if (err_is(c->failure))
		str_clear(&c->bytes);
}

void
collect_end_chunks(struct collect *c)
{
	content_in_finish(
	    &c->in, c->is_too_large || err_is(c->failure) ? NULL : &c->bytes);
}

static struct collect_result
result_make(int code, struct view text)
{
	struct collect_result r = {
		.ok = code < 300, .code = code, .text = STR_EMPTY
	};

	str_set(&r.text, text);
	return r;
}

static struct err
ask_whole(struct session *s, struct collect *c, struct ipc_submitted *answer,
    struct ipc_keep *keep)
{
	struct ipc_service *cleanup = &s->smtpd->cleanup;
	int64_t deadline = cleanup_deadline(s);
	struct ipc_submit m;
	struct err e;

	take_bcc(s->t);
	m = envelope(s);
	m.flags = content_flags(s->t, &s->smtpd->override, c->in.flags);
	m.whole = 1;
	m.content = str_view(&c->bytes);
	e = ipc_call_once(cleanup, IPC_OUT(submit, &m),
	    IPC_IN(submitted, answer), keep, deadline);
	if (e.kind != ERR_GONE || fiber_is_cancelled())
		return e;
	/* It may be on disk by now: the next one is told to look. */
	m.flags |= SUBMIT_AGAIN;
	return ipc_call_once(cleanup, IPC_OUT(submit, &m),
	    IPC_IN(submitted, answer), keep, deadline);
}

static struct err
ask_stream(struct session *s, struct collect *c, struct ipc_submitted *answer,
    struct ipc_keep *keep)
{
	const struct transaction *t = s->t;
	/* Access control may have decided more since the envelope went. */
	struct ipc_submit_end m = { .commit = 1,
		.flags = content_flags(t, &s->smtpd->override, c->in.flags),
		.hold = t->hold,
		.filter = str_view(&t->filter),
		.redirect = str_view(&t->redirect),
		.rcpts = str_view(&t->bcc) };

	send_gathered(c);
	if (!err_is(c->failure))
		c->failure = ipc_talk_send(
		    &c->talk, IPC_OUT(submit_end, &m), cleanup_deadline(s));
	if (err_is(c->failure))
		return c->failure;
	return ipc_talk_answer(
	    &c->talk, IPC_IN(submitted, answer), keep, cleanup_deadline(s));
}

/* What is left goes to postdrop. */
static void
submit_alone(
    struct session *s, struct collect *c, struct collect_result *result)
{
	struct str line = STR_EMPTY;
	int code;

	alone_add_content(s, str_view(&c->bytes));
	code = alone_finish(s, content_flags(s->t, &s->smtpd->override, c->in.flags), &line);
	*result = result_make(code, str_view(&line));
	str_clear(&line);
}

/* A code that the client may hear; anything else is our trouble. */
static bool
is_answer(const struct ipc_submitted *a)
{
	return (a->status == ERR_NONE && a->code == 250) ||
	    (a->status != ERR_NONE && a->code >= 400 && a->code <= 599);
}

void
collect_submit(
    struct session *s, struct collect *c, struct collect_result *result)
{
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct ipc_submitted answer;
	struct err e = c->failure;

	if (c->is_too_large) {
		*result =
		    result_make(552, VIEW("5.3.4 Error: message file too big"));
		return;
	}
	if (s->smtpd->stand_alone) {
		submit_alone(s, c, result);
		return;
	}
	c->whole_max = whole_max(s);
	/* Chunks: the last line's end may have made it too long. */
	if (!c->is_streaming && c->bytes.len > c->whole_max)
		begin_stream(s, c);
	if (!err_is(e))
		e = c->is_streaming ? ask_stream(s, c, &answer, &keep)
				    : ask_whole(s, c, &answer, &keep);
	TEST_POINT("smtpd-submitted");
	if (!err_is(e) && !is_answer(&answer))
		e = err_make(ERR_TEMP, "cleanup says %d", (int)answer.code);
	if (err_is(e)) {
		log_warn("%s: %s", session_queue_id(s), e.text);
		*result = result_make(
		    451, VIEW("4.3.0 Error: queue file write error"));
	} else {
		*result = result_make((int)answer.code, answer.reply);
	}
	ipc_keep_clear(&keep);
}

void
collect_free(struct session *s, struct collect *c)
{
	if (c == NULL)
		return;
	if (c->is_streaming)
		ipc_talk_end(&c->talk);
	session_charge(s, -c->charged);
	str_clear(&c->bytes);
	free(c);
}
