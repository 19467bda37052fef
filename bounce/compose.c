/*
 * Writing a report: a text for people, the machine's part (RFC 3464), and the
 * message or its header (RFC 6522).  All that comes from outside is cleaned of
 * what could end a line.
 */
#include "bounce/report.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/mail/addr.h"
#include "lib/mail/date.h"
#include "lib/mail/dsn.h"
#include "lib/mail/header.h"
#include "lib/mail/received.h"

#include <inttypes.h>
#include <string.h>

enum {
	TEXT_WIDTH = 76,
	WORD_MAX = 900, /* a line has 998 bytes at most (RFC 5322 2.1.1) */
	CLEAN_MAX = 2000,
	BOUNDARY_MAX = 70, /* RFC 2046 5.1.1 */
	/* What a report tells in full; a mailing list's is short of it. */
	RCPTS_MAX = 1000,
};

/* What the recipients of a report that says nothing else had. */
static const char *const actions[] = {
	[REPORT_FAILURE] = "failed",
	[REPORT_DELAY] = "delayed",
	[REPORT_SUCCESS] = "delivered",
	[REPORT_TRACE] = "delivered",
};

static const enum report_text_kind text_kinds[] = {
	[REPORT_FAILURE] = REPORT_TEXT_FAILURE,
	[REPORT_DELAY] = REPORT_TEXT_DELAY,
	[REPORT_SUCCESS] = REPORT_TEXT_SUCCESS,
	[REPORT_TRACE] = REPORT_TEXT_VERIFY,
};

struct composing {
	struct bounce *b;
	struct sink *sink;
	struct history *h;
	enum report_kind kind;
	const struct report_text *text;
	bool is_utf8, is_8bit;
	int64_t n_told;
};

/* Foreign text, fit for a line of this report. */
static void
clean(const struct composing *c, struct str *out, struct view text)
{
	size_t start = out->len;

	log_clean(out, text, CLEAN_MAX);
	for (size_t i = start; !c->is_utf8 && i < out->len; i++)
		if ((unsigned char)out->ptr[i] > 126)
			out->ptr[i] = '?';
}

/* As much of a word as a line takes, characters whole. */
static struct view
first_part(struct view word)
{
	struct view part = view_first(word, WORD_MAX);

	while (part.len < word.len && part.len > 1 &&
	    ((unsigned char)word.ptr[part.len] & 0xc0) == 0x80)
		part.len--;
	return part;
}

/* Clean text, on lines that are not too long; the first has `column` bytes
 * already.  What goes on is folded, as a header's field may be. */
static void
add_wrapped(
    const struct composing *c, struct str *out, size_t column, struct view text)
{
	struct str cleaned = STR_EMPTY;
	struct view rest, word;
	bool is_first = true;

	clean(c, &cleaned, text);
	rest = str_view(&cleaned);
	while (view_token(&rest, " ", &word))
		while (word.len > 0) {
			struct view part = first_part(word);

			if (!is_first && column + 1 + part.len > TEXT_WIDTH) {
				str_add_text(out, "\r\n    ");
				column = 4;
			} else if (!is_first) {
				str_add_byte(out, ' ');
				column++;
			}
			str_add(out, part);
			column += part.len;
			word = view_skip(word, part.len);
			is_first = false;
		}
	str_clear(&cleaned);
}

static void
add_address(const struct composing *c, struct str *out, struct view internal)
{
	struct str external = STR_EMPTY;

	addr_to_external(&external, internal);
	clean(c, out, str_view(&external));
	str_clear(&external);
}

/* Counts; false for those beyond what is told. */
static bool
is_told(struct composing *c)
{
	return c->n_told++ < RCPTS_MAX;
}

static struct err
tell_people(const struct subject *s, void *arg)
{
	struct composing *c = arg;
	struct str line = STR_EMPTY, text = STR_EMPTY;
	struct err e;

	if (!is_told(c))
		return ERR_OK;
	str_add_byte(&text, '<');
	add_address(c, &text, s->rcpt.address);
	str_add_byte(&text, '>');
	if (s->rcpt.original.len > 0 &&
	    !addr_eq(s->rcpt.original, s->rcpt.address)) {
		str_add_text(&text, " (expanded from <");
		add_address(c, &text, s->rcpt.original);
		str_add_text(&text, ">)");
	}
	str_add_text(&text, ": ");
	str_add(&text, s->outcome.text);
	add_wrapped(c, &line, 0, str_view(&text));
	str_add_text(&line, "\r\n\r\n");
	e = sink_add(c->sink, str_view(&line));
	str_clear(&line);
	str_clear(&text);
	return e;
}

static const char *
action_of(const struct composing *c, const struct subject *s)
{
	switch ((enum outcome)s->outcome.status) {
	case OUTCOME_BOUNCED:
		return "failed";
	case OUTCOME_DEFERRED:
		return "delayed";
	case OUTCOME_RELAYED:
		return "relayed";
	case OUTCOME_EXPANDED:
		return "expanded";
	case OUTCOME_SENT:
		break;
	}
	return actions[c->kind];
}

/* A field of clean text; `name` ends in its colon and blank, or more. */
static void
add_field(const struct composing *c, struct str *out, const char *name,
    struct view value)
{
	str_add_text(out, name);
	add_wrapped(c, out, strlen(name), value);
	str_add_text(out, "\r\n");
}

static void
add_address_field(
    struct composing *c, struct str *out, const char *name, struct view address)
{
	str_addf(out, "%s: %s; ", name, c->is_utf8 ? "utf-8" : "rfc822");
	add_address(c, out, address);
	str_add_text(out, "\r\n");
}

/* A code of the right form, or what the outcome says. */
static struct view
status_of(const struct subject *s)
{
	if (dsn_is_valid(s->outcome.dsn))
		return s->outcome.dsn;
	return s->outcome.status == OUTCOME_BOUNCED ? VIEW("5.0.0")
	    : s->outcome.status == OUTCOME_DEFERRED ? VIEW("4.0.0")
						    : VIEW("2.0.0");
}

/*
 * What the other server said, alone (RFC 3464 2.3.6), of the words that the log
 * has: "host NAME said: REPLY (in reply to COMMAND)" or "host NAME refused to
 * talk to me: REPLY".
 */
static struct view
reply_in(struct view text)
{
	static const char *const before[] = { " said: ",
		" refused to talk to me: " };

	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		struct view said = view_of(before[i]);
		size_t at = view_find_text(text, said);

		if (at == VIEW_NPOS)
			continue;
		text = view_skip(text, at + said.len);
		return view_first(
		    text, view_find_text(text, VIEW(" (in reply to ")));
	}
	return text;
}

static struct err
tell_machine(const struct subject *s, void *arg)
{
	struct composing *c = arg;
	const struct conf *conf = c->b->conf;
	struct str out = STR_EMPTY;
	char date[DATE_SIZE];
	bool from_remote = s->outcome.remote.len > 0;
	struct err e;

	if (!is_told(c))
		return ERR_OK;
	str_add_text(&out, "\r\n");
	if (s->rcpt.orcpt.len > 0)
		add_field(c, &out, "Original-Recipient: ", s->rcpt.orcpt);
	else if (s->rcpt.original.len > 0)
		add_address_field(
		    c, &out, "Original-Recipient", s->rcpt.original);
	add_address_field(c, &out, "Final-Recipient", s->rcpt.address);
	str_addf(&out, "Action: %s\r\n", action_of(c, s));
	add_field(c, &out, "Status: ", status_of(s));
	if (from_remote)
		add_field(c, &out, "Remote-MTA: dns; ", s->outcome.remote);
	add_field(c, &out,
	    from_remote ? "Diagnostic-Code: smtp; "
			: "Diagnostic-Code: X-Postfix; ",
	    from_remote ? reply_in(s->outcome.text) : s->outcome.text);
	if (s->outcome.status == OUTCOME_DEFERRED)
		str_addf(&out, "Will-Retry-Until: %.*s\r\n",
		    VIEW_ARGS(
			date_format(c->h->file.preamble.arrival_us / 1000000 +
				conf->maximal_queue_lifetime,
			    date)));
	e = sink_add(c->sink, str_view(&out));
	str_clear(&out);
	return e;
}

/* The built-in sender is in our domain. */
static void
add_from(const struct composing *c, struct str *out)
{
	struct view from = view_of(c->text->from);
	struct view bare = VIEW("<MAILER-DAEMON>");

	if (view_ends(from, bare))
		str_addf(out, "From: %.*s<MAILER-DAEMON@%s>\r\n",
		    VIEW_ARGS(view_first(from, from.len - bare.len)),
		    c->b->conf->myorigin);
	else
		str_addf(out, "From: %s\r\n", c->text->from);
}

#define EIGHT_BIT "Content-Transfer-Encoding: 8bit\r\n"

static struct err
add_header(struct composing *c, const struct addressee *to,
    struct view report_id, const char *boundary)
{
	const struct conf *conf = c->b->conf;
	struct received received = { .myhostname = view_of(conf->myhostname),
		.mail_name = view_of(conf->mail_name),
		.queue_id = report_id,
		.wall = clock_wall() };
	struct str out = STR_EMPTY;
	char date[DATE_SIZE];
	struct err e;

	received_add_local(&out, &received, -1);
	str_addf(
	    &out, "Date: %.*s\r\n", VIEW_ARGS(date_format(clock_wall(), date)));
	add_from(c, &out);
	str_addf(&out, "Subject: %s\r\nTo: ",
	    to->is_postmaster_copy && c->text->postmaster_subject != NULL
		? c->text->postmaster_subject
		: c->text->subject);
	add_address(c, &out, to->recipient);
	str_addf(&out,
	    "\r\nAuto-Submitted: %s\r\nMIME-Version: 1.0\r\n%s"
	    "Content-Type: multipart/report; report-type=%sdelivery-status;\r\n"
	    "\tboundary=\"%s\"\r\n\r\n"
	    "This is a MIME-encapsulated message.\r\n\r\n",
	    to->is_postmaster_copy ? "auto-generated" : "auto-replied",
	    c->is_8bit ? EIGHT_BIT : "", c->is_utf8 ? "global-" : "", boundary);
	e = sink_add(c->sink, str_view(&out));
	str_clear(&out);
	return e;
}

/* With the line ends of mail. */
static void
add_lines(struct str *out, struct view text)
{
	while (text.len > 0) {
		size_t n = view_find(text, '\n');

		str_addf(out, "%.*s\r\n", VIEW_ARGS(view_first(text, n)));
		text = view_skip(text, n == VIEW_NPOS ? text.len : n + 1);
	}
}

static struct err
add_people_part(struct composing *c, const char *boundary)
{
	struct str text = STR_EMPTY, lines = STR_EMPTY;
	int64_t n;
	struct err e = report_text_expand(c->b->conf, c->text, &text);

	if (err_is(e)) {
		str_clear(&text);
		return e;
	}
	add_lines(&lines, str_view(&text));
	e = sink_addf(c->sink,
	    "--%s\r\nContent-Description: Notification\r\n"
	    "Content-Type: text/plain; charset=%s\r\n%s\r\n%s\r\n",
	    boundary, c->is_utf8 ? "utf-8" : c->text->charset,
	    c->is_utf8 || !view_is_ascii(str_view(&text)) ? EIGHT_BIT : "",
	    lines.ptr);
	str_clear(&text);
	str_clear(&lines);
	if (err_is(e))
		return e;
	c->n_told = 0;
	e = history_each(c->h, c->kind, tell_people, c, &n);
	if (!err_is(e) && n > RCPTS_MAX)
		e = sink_addf(c->sink,
		    "%" PRId64 " more recipients are not listed.\r\n\r\n",
		    n - RCPTS_MAX);
	return e;
}

static struct err
add_machine_part(struct composing *c, const char *boundary)
{
	const struct ipc_envelope *env = &c->h->file.envelope;
	const struct conf *conf = c->b->conf;
	struct str out = STR_EMPTY;
	char date[DATE_SIZE];
	int64_t n;
	struct err e;

	str_addf(&out,
	    "--%s\r\nContent-Description: Delivery report\r\n"
	    "Content-Type: message/%sdelivery-status\r\n%s\r\n"
	    "Reporting-MTA: dns; %s\r\n",
	    boundary, c->is_utf8 ? "global-" : "", c->is_utf8 ? EIGHT_BIT : "",
	    conf->myhostname);
	if (env->envid.len > 0)
		add_field(c, &out, "Original-Envelope-Id: ", env->envid);
	add_field(c, &out, "X-Postfix-Queue-ID: ", env->queue_id);
	if (env->sender.len > 0)
		add_address_field(c, &out, "X-Postfix-Sender", env->sender);
	str_addf(&out, "Arrival-Date: %.*s\r\n",
	    VIEW_ARGS(
		date_format(c->h->file.preamble.arrival_us / 1000000, date)));
	e = sink_add(c->sink, str_view(&out));
	str_clear(&out);
	c->n_told = 0;
	if (!err_is(e))
		e = history_each(c->h, c->kind, tell_machine, c, &n);
	return err_is(e) ? e : sink_addf(c->sink, "\r\n");
}

/* The part of this piece that belongs to the header; *ended when that is all
 * of it. */
static struct view
header_part(struct header_scan *scan, struct view piece, bool *ended)
{
	uint64_t before = scan->seen;

	*ended = header_scan_feed(scan, piece);
	if (!*ended)
		return piece;
	return view_first(piece,
	    scan->header_len > before ? (size_t)(scan->header_len - before)
				      : 0);
}

/*
 * What of this piece there still is room for: whole lines, or where a single
 * one is longer than that, a part of it; *ended if that is not all of it.
 */
static struct view
cut_piece(struct view piece, int64_t *room, bool *ended)
{
	size_t last, n = (size_t)*room;

	if (piece.len <= n) {
		*room -= (int64_t)piece.len;
		return piece;
	}
	*ended = true;
	/* Not in the middle of a line's end. */
	piece = view_first(piece, piece.ptr[n] == '\n' ? n + 1 : n);
	last = view_find_last(piece, '\n');
	return last == VIEW_NPOS ? piece : view_first(piece, last + 1);
}

/* A header alone may be as long as any message, and goes to whom the message
 * says sent it: bounce_size_limit is for it as well. */
static struct err
copy_original(struct composing *c, bool only_header)
{
	int64_t limit = c->b->conf->bounce_size_limit;
	int64_t room = only_header && limit > 0 ? limit : INT64_MAX;
	struct queue_content content;
	struct header_scan scan;
	struct view piece;
	bool ended = false;
	struct err e = ERR_OK;

	header_scan_init(&scan);
	queue_content_init(&content, c->h->file.fd, c->h->file.envelope.layout);
	while (!ended && !err_is(e)) {
		e = queue_content_next(&content, &piece);
		if (err_is(e) || piece.len == 0)
			break;
		if (only_header)
			piece = header_part(&scan, piece, &ended);
		piece = cut_piece(piece, &room, &ended);
		e = sink_add(c->sink, piece);
	}
	queue_content_clear(&content);
	return e;
}

/* The message, or its header alone: if asked for (RET=HDRS), for delays and
 * successes, and beyond bounce_size_limit. */
static struct err
add_original(struct composing *c, const char *boundary)
{
	const struct ipc_envelope *env = &c->h->file.envelope;
	const struct conf *conf = c->b->conf;
	bool only_header = c->kind != REPORT_FAILURE || env->ret == 2 ||
	    (conf->bounce_size_limit > 0 &&
		c->h->file.preamble.size > conf->bounce_size_limit);
	const char *type = only_header
	    ? (c->is_utf8 ? "message/global-headers" : "text/rfc822-headers")
	    : (c->is_utf8 ? "message/global" : "message/rfc822");
	struct str sender = STR_EMPTY;
	struct err e;

	add_address(c, &sender, env->sender);
	e = sink_addf(c->sink,
	    "--%s\r\nContent-Description: %s\r\nContent-Type: %s\r\n%s\r\n"
	    "Return-Path: <%s>\r\n",
	    boundary,
	    c->kind == REPORT_SUCCESS ? "Message Headers"
		: only_header	      ? "Undelivered Message Headers"
				      : "Undelivered Message",
	    type, c->is_8bit ? EIGHT_BIT : "", sender.ptr);
	str_clear(&sender);
	if (!err_is(e))
		e = copy_original(c, only_header);
	return err_is(e) ? e : sink_addf(c->sink, "\r\n--%s--\r\n", boundary);
}

struct err
compose_report(struct bounce *b, struct sink *s, struct history *h,
    enum report_kind kind, const struct addressee *to, struct view report_id)
{
	int64_t flags = h->file.preamble.flags;
	struct composing c = { .b = b,
		.sink = s,
		.h = h,
		.kind = kind,
		.text = &b->texts->of[text_kinds[kind]],
		.is_utf8 = (flags & SUBMIT_SMTPUTF8) != 0,
		.is_8bit =
		    (flags & (SUBMIT_SMTPUTF8 | SUBMIT_EIGHT_BIT)) != 0 };
	struct str boundary = STR_EMPTY;
	struct err e;

	c.is_8bit = c.is_8bit || !view_is_ascii(view_of(c.text->text));
	str_addf(&boundary, "%.*s.%" PRId64 "/%s", VIEW_ARGS(report_id),
	    clock_wall(), b->conf->myhostname);
	/* What makes it unique stands in front. */
	if (boundary.len > BOUNDARY_MAX)
		str_cut(&boundary, BOUNDARY_MAX);
	e = add_header(&c, to, report_id, boundary.ptr);
	if (!err_is(e))
		e = add_people_part(&c, boundary.ptr);
	if (!err_is(e))
		e = add_machine_part(&c, boundary.ptr);
	if (!err_is(e))
		e = add_original(&c, boundary.ptr);
	str_clear(&boundary);
	return e;
}
