/*
 * The dialogue with a client that the screen refuses: it hears replies like
 * those of any server, and nothing that it says leads to a question or a
 * restriction, or is kept but for the log.
 */
#include "lib/base/mem.h"
#include "lib/mail/addr.h"
#include "smtpd/command.h"
#include "smtpd/offer.h"
#include "smtpd/reply.h"
#include "smtpd/screen_run.h"
#include "smtpd/transcript.h"

#include <stdlib.h>

enum { NAME_MAX = 512, ADDRESS_MAX = 512 };

/* --- HELO --- */

static bool
take_name(struct session *s, struct view args)
{
	struct str clean = STR_EMPTY;
	struct view name;

	if (!view_token(&args, " \t", &name)) {
		reply(s, "501 Syntax: %s hostname", s->where);
		return false;
	}
	reply_add_clean(&clean, name, NAME_MAX);
	free(s->helo);
	s->helo = xstrndup(clean.ptr, clean.len);
	str_clear(&clean);
	s->screen->has_sender = false;
	return true;
}

static void
say_helo(struct session *s, struct view args)
{
	if (take_name(s, args))
		reply(s, "250 %s", s->smtpd->conf->myhostname);
}

static void
say_ehlo(struct session *s, struct view args)
{
	if (!take_name(s, args))
		return;
	s->is_esmtp = true;
	offer_tell(s);
}

/* True, and the reply is said, if the client must say who it is. */
static bool
is_nameless(struct session *s)
{
	if (!s->smtpd->conf->postscreen_helo_required || s->helo != NULL)
		return false;
	reply(s, "503 5.5.1 Error: send HELO/EHLO first");
	return true;
}

/* --- addresses --- */

/* What is behind the colon, whatever is before it. */
static bool
has_address(struct view args, struct view *text)
{
	size_t colon = view_find(args, ':');

	if (colon == VIEW_NPOS)
		return false;
	*text = view_trim_left(view_skip(args, colon + 1));
	return true;
}

/* "<@x:a@b" as "a@b": it is for the log, and nobody need be told that it is no
 * address. */
static struct view
bare_address(struct view text)
{
	bool has_brackets = view_starts(text, VIEW("<"));
	size_t colon;

	if (has_brackets)
		text = view_skip(text, 1);
	text =
	    view_first(text, view_find_any(text, has_brackets ? ">" : " \t"));
	colon = view_find(text, ':');
	if (view_starts(text, VIEW("@")) && colon != VIEW_NPOS)
		text = view_skip(text, colon + 1);
	return view_first(text, ADDRESS_MAX);
}

static void
take_address(struct view text, struct str *internal)
{
	struct addr addr;
	struct view params;

	str_reset(internal);
	if (!err_is(addr_parse_path(text, ADDR_UTF8, &addr, &params)))
		addr_add_internal(internal, &addr);
	else
		str_set(internal, bare_address(text));
}

static void
add_address(struct str *line, struct view internal)
{
	struct str external = STR_EMPTY;

	addr_to_external(&external, internal);
	reply_add_clean(line, str_view(&external), external.len);
	str_clear(&external);
}

static void
log_refused(struct session *s, struct view recipient)
{
	struct screen *x = s->screen;
	struct str line = STR_EMPTY;

	str_printf(&line, "NOQUEUE: reject: RCPT from %s: %s; from=<",
	    x->client.ptr, x->refusal.ptr);
	add_address(&line, str_view(&x->sender));
	str_add_text(&line, ">, to=<");
	add_address(&line, recipient);
	str_addf(&line, ">, proto=%s, helo=<%s>", session_protocol(s),
	    s->helo != NULL ? s->helo : "");
	screen_log(s, QUIET_REJECT, "%s", line.ptr);
	str_clear(&line);
}

static void
say_mail(struct session *s, struct view args)
{
	struct view text;

	if (is_nameless(s))
		return;
	if (s->screen->has_sender) {
		reply(s, "503 5.5.1 Error: nested MAIL command");
	} else if (!has_address(args, &text)) {
		reply(s, "501 5.5.4 Syntax: MAIL FROM:<address>");
	} else {
		take_address(text, &s->screen->sender);
		s->screen->has_sender = true;
		reply(s, "250 2.1.0 Ok");
	}
}

static void
say_rcpt(struct session *s, struct view args)
{
	struct str recipient = STR_EMPTY;
	struct view text;

	if (!s->screen->has_sender) {
		reply(s, "503 5.5.1 Error: need MAIL command");
	} else if (!has_address(args, &text)) {
		reply(s, "501 5.5.4 Syntax: RCPT TO:<address>");
	} else {
		take_address(text, &recipient);
		log_refused(s, str_view(&recipient));
		reply(s, "%s", s->screen->refusal.ptr);
	}
	str_clear(&recipient);
}

/* --- content: the session ends, since it might come all the same --- */

static void
end_with(struct session *s, const char *text)
{
	screen_log(s, QUIET_OTHER, "%s without valid RCPT from %s", s->where,
	    s->screen->client.ptr);
	reply_and_close(s, "%s", text);
}

static void
say_data(struct session *s, struct view args)
{
	end_with(s,
	    args.len > 0		? "501 5.5.4 Syntax: DATA"
		: s->screen->has_sender ? "554 5.5.1 Error: no valid recipients"
					: "503 5.5.1 Error: need RCPT command");
}

static void
say_bdat(struct session *s, struct view args)
{
	end_with(s,
	    args.len == 0		? "501 5.5.4 Syntax: BDAT count [LAST]"
		: s->screen->has_sender ? "554 5.5.1 Error: no valid recipients"
					: "554 5.5.1 Error: need MAIL command");
}

/* --- the others --- */

static void
say_rset(struct session *s, struct view args)
{
	(void)args;
	s->screen->has_sender = false;
	reply(s, "250 2.0.0 Ok");
}

static void
say_noop(struct session *s, struct view args)
{
	(void)args;
	reply(s, "250 2.0.0 Ok");
}

static void
say_vrfy(struct session *s, struct view args)
{
	if (args.len == 0)
		reply(s, "501 5.5.4 Syntax: VRFY address");
	else if (s->smtpd->conf->postscreen_disable_vrfy_command)
		reply(s, "502 5.5.1 VRFY command is disabled");
	else
		reply(s, "%s", s->screen->refusal.ptr);
}

static void
say_etrn(struct session *s, struct view args)
{
	if (is_nameless(s))
		return;
	if (args.len == 0)
		reply(s, "500 Syntax: ETRN domain");
	else
		reply(s, "458 Unable to queue messages");
}

static void
say_absent(struct session *s, struct view args)
{
	(void)args;
	reply(s, "502 5.5.1 Error: command not implemented");
}

static void
say_quit(struct session *s, struct view args)
{
	(void)args;
	reply(s, "221 2.0.0 Bye");
	if (s->ending == SESSION_ON)
		s->ending = SESSION_QUIT;
}

static const struct {
	const char *verb;
	void (*say)(struct session *s, struct view args);
} rows[] = {
	{ "HELO", say_helo },
	{ "EHLO", say_ehlo },
	{ "STARTTLS", say_absent },
	{ "MAIL", say_mail },
	{ "RCPT", say_rcpt },
	{ "DATA", say_data },
	{ "BDAT", say_bdat },
	{ "RSET", say_rset },
	{ "NOOP", say_noop },
	{ "VRFY", say_vrfy },
	{ "ETRN", say_etrn },
	{ "QUIT", say_quit },
};

/* It was found out in the middle: what the client said until then. */
static void
take_over(struct session *s)
{
	if (s->t == NULL)
		return;
	str_set(&s->screen->sender, str_view(&s->t->sender));
	s->screen->has_sender = true;
	transaction_end(s);
}

void
screen_dispatch(struct session *s, struct view line)
{
	struct view verb, args = view_trim(line);

	take_over(s);
	transcript_add_in(s, line);
	if (!view_token(&args, " \t", &verb))
		verb = VIEW_EMPTY;
	args = view_trim_left(args);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (!view_eq_case(verb, view_of(rows[i].verb)))
			continue;
		s->where = rows[i].verb;
		rows[i].say(s, args);
		return;
	}
	s->where = "UNIMPLEMENTED";
	reply(s, "502 5.5.2 Error: command not recognized");
}
