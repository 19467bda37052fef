/* Transcripts: see transcript.h. */
#include "smtpd/transcript.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/ipc/messages.h"
#include "lib/mail/date.h"
#include "lib/mail/received.h"
#include "smtpd/command.h"
#include "smtpd/reply.h"
#include "smtpd/session.h"

#include <stdlib.h>

enum {
	/* Of what is kept the first and the last bytes, each. */
	KEEP_MAX = 8192,
	/* A session that waits for its first message has said less. */
	SAID_ROOM = 512,
	LINE_SHOWN = 600,
	WIDTH = 78,
	INDENT = 4,
	SUBMIT_TIMEOUT = 100,
};

/* A line as it was said; its bytes follow.  Nearly nobody is told of a session,
 * so that to keep a line is cheap, and making it fit to be read comes later. */
struct said {
	uint16_t len;
	bool by_us;
};

struct transcript {
	struct str said;       /* the last lines: struct said */
	struct str head, tail; /* those before them, as they are told */
	size_t n_left_out;     /* lines between head and tail */
	int64_t n_lines;
	unsigned faults;
	bool has_login; /* what follows may be a secret */
};

/* --- classes --- */

void
transcript_open(struct smtpd *smtpd)
{
	static const struct {
		struct view name;
		unsigned fault;
	} rows[] = {
		{ VIEW("policy"), FAULT_POLICY },
		{ VIEW("protocol"), FAULT_PROTOCOL },
		{ VIEW("resource"), FAULT_RESOURCE },
		{ VIEW("software"), FAULT_SOFTWARE },
		{ VIEW("data"), FAULT_DATA },
	};
	struct view rest = view_of(smtpd->conf->notify_classes), word;

	smtpd->notices = 0;
	if (smtpd->stand_alone || smtpd->explain != NULL)
		return;
	while (conf_list_next(&rest, &word))
		for (size_t i = 0; i < ARRAY_LEN(rows); i++)
			if (view_eq_case(word, rows[i].name))
				smtpd->notices |= rows[i].fault;
}

void
transcript_blame(struct session *s, unsigned fault)
{
	if (s->transcript != NULL)
		s->transcript->faults |= fault;
}

static unsigned
fault_of(struct view line, unsigned otherwise)
{
	/* In what begins a reply, or its text; the first that fits. */
	static const struct {
		struct view code, text;
		unsigned fault;
	} rows[] = {
		{ VIEW("451 4.3.5"), VIEW(""), FAULT_SOFTWARE },
		{ VIEW("451 4.3.0"), VIEW("Temporary lookup failure"),
		    FAULT_DATA },
		{ VIEW("451 4.3.0"), VIEW(""), FAULT_SOFTWARE },
		{ VIEW("452 4.3.1"), VIEW(""), FAULT_RESOURCE },
		{ VIEW("452 4.5.3"), VIEW(""), FAULT_NONE },
		{ VIEW("458"), VIEW(""), FAULT_NONE },
		{ VIEW("459"), VIEW(""), FAULT_NONE },
		{ VIEW("552 5.3.4"), VIEW("fixed limit"), FAULT_POLICY },
		{ VIEW("552 5.3.4"), VIEW(""), FAULT_NONE },
		{ VIEW("550 5.7."), VIEW(""), FAULT_POLICY },
		{ VIEW("450 4.7.1"), VIEW("Error: too m"), FAULT_POLICY },
		{ VIEW("421 4.7.0"), VIEW("too many connections"),
		    FAULT_POLICY },
		{ VIEW("421 4.3.2"), VIEW(""), FAULT_NONE },
		{ VIEW("421 4.4.2"), VIEW(""), FAULT_NONE },
		{ VIEW("503 5.5.1"), VIEW("need RCPT"), FAULT_NONE },
		{ VIEW("554 5.5.1"), VIEW("no valid recip"), FAULT_NONE },
		{ VIEW("550"), VIEW("User unknown"), FAULT_NONE },
		{ VIEW("450"), VIEW("User unknown"), FAULT_NONE },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (view_starts(line, rows[i].code) &&
		    view_find_text(line, rows[i].text) != VIEW_NPOS)
			return rows[i].fault;
	return otherwise;
}

void
transcript_blame_reply(struct session *s, struct view line)
{
	if (s->transcript != NULL)
		transcript_blame(s, fault_of(line, FAULT_PROTOCOL));
}

void
transcript_blame_refusal(struct session *s, struct view line)
{
	if (s->transcript != NULL)
		transcript_blame(s, fault_of(line, FAULT_POLICY));
}

/* --- lines --- */

static void
add_clean(struct str *out, struct view text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		str_add_byte(out, c < ' ' || c > '~' ? '?' : (char)c);
	}
}

void
transcript_add_line(struct str *out, const char *who, struct view line)
{
	struct str text = STR_EMPTY;
	struct view rest, word;
	size_t column = 0;

	str_add_text(&text, who);
	add_clean(&text, view_first(line, LINE_SHOWN));
	rest = str_view(&text);
	str_add_byte(out, ' ');
	while (rest.len > 0) {
		size_t gap = rest.len - view_trim_left(rest).len;

		word = view_skip(rest, gap);
		word = view_first(word, view_find(word, ' '));
		if (column > 0 && column + gap + word.len > WIDTH) {
			str_addf(out, "\r\n %*s", INDENT, "");
			column = INDENT;
		} else {
			str_add(out, view_first(rest, gap));
			column += gap;
		}
		str_add(out, word);
		column += word.len;
		rest = view_skip(rest, gap + word.len);
	}
	str_add_text(out, "\r\n");
	str_clear(&text);
}

/* Lines from the front of what is kept last, until there is room. */
static void
drop_oldest(struct transcript *t)
{
	struct view rest = str_view(&t->tail), line;
	struct str kept = STR_EMPTY;

	while (rest.len > KEEP_MAX / 2 && view_field(&rest, '\n', &line))
		t->n_left_out++;
	str_set(&kept, rest);
	str_clear(&t->tail);
	t->tail = kept;
}

static void
tell(struct transcript *t, const char *who, struct view line)
{
	bool is_first = t->tail.len == 0 && t->head.len < KEEP_MAX;

	transcript_add_line(is_first ? &t->head : &t->tail, who, line);
	if (t->tail.len > KEEP_MAX)
		drop_oldest(t);
}

static void
tell_all(struct transcript *t)
{
	struct view rest = str_view(&t->said);
	struct said said;

	while (rest.len > 0) {
		memcpy(&said, rest.ptr, sizeof(said));
		rest = view_skip(rest, sizeof(said));
		tell(t, said.by_us ? "Out: " : "In:  ",
		    view_first(rest, said.len));
		rest = view_skip(rest, said.len);
	}
	str_reset(&t->said);
}

static void
add(struct transcript *t, bool by_us, struct view line)
{
	struct said said;

	line = view_first(line, LINE_SHOWN);
	said = (struct said){ .len = (uint16_t)line.len, .by_us = by_us };
	t->n_lines++;
	if (t->said.room == 0)
		str_reserve(&t->said, SAID_ROOM - 1);
	str_add(&t->said, view_make(&said, sizeof(said)));
	str_add(&t->said, line);
	if (t->said.len > KEEP_MAX)
		tell_all(t);
}

void
transcript_add_out(struct session *s, struct view line)
{
	if (s->transcript != NULL)
		add(s->transcript, true, line);
}

static bool
is_command(struct view verb)
{
	for (size_t i = 0; i < command_count(); i++)
		if (view_eq_case(verb, view_of(commands[i].verb)))
			return true;
	return false;
}

static void
add_login(struct transcript *t, struct view args)
{
	struct str shown = STR_EMPTY;
	struct view mechanism;

	if (!view_token(&args, " \t", &mechanism))
		mechanism = VIEW_EMPTY;
	str_printf(&shown, "AUTH %.*s%s", VIEW_ARGS(mechanism),
	    args.len > 0 ? " ..." : "");
	add(t, false, str_view(&shown));
	str_clear(&shown);
	t->has_login = true;
}

/* Of a login only the mechanism is kept; after one each line that is no command
 * may be a part of it. */
void
transcript_add_in(struct session *s, struct view line)
{
	struct transcript *t = s->transcript;
	struct view rest = line, verb;

	if (t == NULL)
		return;
	/* The first look is a short one. */
	if (!t->has_login &&
	    !view_starts_case(view_trim_left(line), VIEW("AUTH"))) {
		add(t, false, line);
		return;
	}
	if (!view_token(&rest, " \t", &verb))
		verb = VIEW_EMPTY;
	if (view_eq_case(verb, VIEW("AUTH"))) {
		add_login(t, rest);
		return;
	}
	t->has_login = t->has_login && !is_command(verb);
	add(t, false, t->has_login ? VIEW("...") : line);
}

/* --- the message --- */

static void
add_reason(const struct session *s, struct str *out)
{
	const char *reason = s->ending == SESSION_LOST ? "lost connection"
	    : s->ending == SESSION_TIMEOUT	       ? "timeout"
	    : s->ending == SESSION_ERRORS	       ? "too many errors"
						       : NULL;

	str_add_text(out, "\r\n");
	if (reason != NULL)
		str_addf(out, "Session aborted, reason: %s\r\n", reason);
	str_add_text(
	    out, "\r\nFor other details, see the local mail logfile\r\n");
}

static void
add_header(
    const struct session *s, struct view id, int64_t now, struct str *out)
{
	const struct conf *conf = s->smtpd->conf;
	char date[DATE_SIZE];
	struct received r = { .myhostname = view_of(conf->myhostname),
		.mail_name = view_of(conf->mail_name),
		.queue_id = id,
		.wall = now };

	received_add_local(out, &r, -1);
	str_add_text(out, "Date: ");
	str_add(out, date_format(now, date));
	str_addf(out,
	    "\r\nFrom: Mail Delivery System <MAILER-DAEMON>\r\n"
	    "To: Postmaster <%s>\r\n"
	    "Subject: %s SMTP server: errors from ",
	    conf->error_notice_recipient, conf->mail_name);
	add_clean(out, view_of(s->client.label));
	str_add_text(out, "\r\n\r\nTranscript of session follows.\r\n\r\n");
}

static void
add_content(
    const struct session *s, struct view id, int64_t now, struct str *out)
{
	struct transcript *t = s->transcript;

	tell_all(t);
	add_header(s, id, now, out);
	str_add(out, str_view(&t->head));
	if (t->n_left_out > 0)
		str_addf(out, " ... (%zu lines)\r\n", t->n_left_out);
	str_add(out, str_view(&t->tail));
	add_reason(s, out);
}

static struct err
submit(struct session *s, const struct ipc_submit *m)
{
	struct ipc_submitted answer;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct err e = ipc_call_once(&s->smtpd->cleanup, IPC_OUT(submit, m),
	    IPC_IN(submitted, &answer), &keep, deadline_in(SUBMIT_TIMEOUT));

	if (!err_is(e) && answer.status != ERR_NONE)
		e = err_make(ERR_TEMP, "%.*s", VIEW_ARGS(answer.reply));
	ipc_keep_clear(&keep);
	return e;
}

/* A report that nobody takes is not reported on: its sender sees to that. */
static void
send_notice(struct session *s)
{
	const struct conf *conf = s->smtpd->conf;
	struct view to = view_of(conf->error_notice_recipient);
	struct ipc_rcpt rcpt = { 0, to, to, VIEW_EMPTY, 0 };
	struct ipc_submit m = {
		.origin = VIEW("notify"), .context = VIEW("local"), .whole = 1
	};
	struct str list = STR_EMPTY, sender = STR_EMPTY, content = STR_EMPTY;
	struct queue_id id = queue_id_new(
	    s->smtpd->slot, conf->enable_long_queue_ids, &m.arrival_us);
	struct err e;

	m.queue_id = queue_id_view(&id);
	str_printf(
	    &sender, "%s@%s", conf->double_bounce_sender, conf->myhostname);
	m.sender = str_view(&sender);
	ipc_list_add(&list, ipc_rcpt_type(), &rcpt);
	m.rcpts = str_view(&list);
	add_content(s, m.queue_id, m.arrival_us / 1000000, &content);
	m.content = str_view(&content);
	m.expect_content = (int64_t)content.len;
	m.full_name = m.envid = m.client_name = m.client_addr = m.protocol =
	    m.helo = m.sasl_method = m.sasl_username = VIEW_EMPTY;
	e = submit(s, &m);
	if (err_is(e))
		log_warn("postmaster notify: %s", e.text);
	str_clear(&list);
	str_clear(&sender);
	str_clear(&content);
}

/* --- its life --- */

static struct transcript *
transcript_new(void)
{
	struct transcript *t = xcalloc(1, sizeof(*t));

	str_init(&t->said);
	str_init(&t->head);
	str_init(&t->tail);
	return t;
}

void
transcript_begin(struct session *s)
{
	if (s->smtpd->notices != 0 && !s->smtpd->stand_alone)
		s->transcript = transcript_new();
}

void
transcript_end(struct session *s)
{
	struct transcript *t = s->transcript;

	if (t == NULL)
		return;
	if ((t->faults & s->smtpd->notices) != 0)
		send_notice(s);
	s->transcript = NULL;
	str_clear(&t->said);
	str_clear(&t->head);
	str_clear(&t->tail);
	free(t);
}

void
transcript_pause(struct session *s)
{
	if (s->transcript == NULL ||
	    s->transcript->n_lines <=
		s->smtpd->conf->smtpd_history_flush_threshold)
		return;
	/* The client need not wait for that to hear what it has been told. */
	reply_flush(s);
	transcript_end(s);
	transcript_begin(s);
}
