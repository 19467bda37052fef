/* The table of commands, and what all have in common: see command.h. */
#include "smtpd/command.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/mail/dialogue.h"
#include "lib/mail/header.h"
#include "smtpd/limits.h"
#include "smtpd/notice.h"
#include "smtpd/refine.h"
#include "smtpd/reply.h"
#include "smtpd/transcript.h"

#include <assert.h>

enum { JUNK_SHOWN = 100 };

const struct command commands[] = {
	{ "HELO", command_helo, COMMAND_LAST | COMMAND_JUNK, "HELO" },
	{ "EHLO", command_ehlo, COMMAND_LAST | COMMAND_JUNK, "EHLO" },
	{ "XCLIENT", command_xclient, COMMAND_LAST | COMMAND_NOT_IN_MAIL,
	    NULL },
	{ "XFORWARD", command_xforward, COMMAND_LAST | COMMAND_NOT_IN_MAIL,
	    NULL },
	{ "STARTTLS", NULL, COMMAND_ABSENT, NULL },
	{ "AUTH", NULL, COMMAND_ABSENT, NULL },
	{ "MAIL", command_mail, COMMAND_NEEDS_HELO, "MAIL" },
	{ "RCPT", command_rcpt, COMMAND_NEEDS_MAIL | COMMAND_NOT_IN_BDAT,
	    "RCPT" },
	{ "DATA", command_data,
	    COMMAND_LAST | COMMAND_NOT_IN_BDAT, "DATA" },
	{ "BDAT", command_bdat, COMMAND_FOLLOWED, "BDAT" },
	{ "RSET", command_rset, COMMAND_NO_ARGS | COMMAND_JUNK, "RSET" },
	{ "NOOP", command_noop, COMMAND_LAST | COMMAND_JUNK, "NOOP" },
	{ "VRFY", command_vrfy,
	    COMMAND_LAST | COMMAND_JUNK, "VRFY" },
	{ "ETRN", command_etrn,
	    COMMAND_NEEDS_HELO | COMMAND_LAST | COMMAND_JUNK |
		COMMAND_NOT_IN_MAIL,
	    "ETRN" },
	{ "HELP", command_help, COMMAND_LAST | COMMAND_JUNK, "HELP" },
	{ "QUIT", command_quit, COMMAND_NO_ARGS | COMMAND_FOLLOWED, "QUIT" },
	/* RFC 5321 4.2.4: 502 for what is known but not there. */
	{ "EXPN", NULL, COMMAND_ABSENT, NULL },
	{ "TURN", NULL, COMMAND_ABSENT, NULL },
	{ NULL, NULL, 0, NULL },
};

_Static_assert(sizeof(commands) / sizeof(commands[0]) <= COMMANDS_MAX,
    "the counters of a session have room");

size_t
command_count(void)
{
	return ARRAY_LEN(commands) - 1;
}

static size_t
find_row(struct view verb)
{
	char first = verb.len > 0 ? ascii_upper(verb.ptr[0]) : '\0';
	size_t i;

	for (i = 0; i < command_count(); i++)
		if (commands[i].verb[0] == first &&
		    view_eq_case(verb, view_of(commands[i].verb)))
			break;
	return i;
}

/* True, and the reply is said, if this command may not come now. */
static bool
is_out_of_order(struct session *s, const struct command *c, struct view args)
{
	const struct transaction *t = s->t;

	if ((c->flags & COMMAND_ABSENT) != 0)
		reply(s, "502 5.5.1 Error: command not implemented");
	else if ((c->flags & COMMAND_NEEDS_HELO) != 0 && s->helo == NULL &&
	    (s->screen != NULL
		    ? s->smtpd->conf->postscreen_helo_required
		    : s->smtpd->conf->smtpd_helo_required))
		reply(s, "503 5.5.1 Error: send HELO/EHLO first");
	else if ((c->flags & COMMAND_NEEDS_MAIL) != 0 && t == NULL)
		reply(s, "503 5.5.1 Error: need MAIL command");
	else if ((c->flags & COMMAND_NOT_IN_MAIL) != 0 && t != NULL)
		reply(s, "503 %sError: MAIL transaction in progress",
		    c->run == command_etrn ? "" : "5.5.1 ");
	else if ((c->flags & COMMAND_NOT_IN_BDAT) != 0 && t != NULL &&
	    t->bdat != BDAT_NONE)
		reply(s, "503 5.5.1 Error: %s after BDAT", c->verb);
	else if ((c->flags & COMMAND_NO_ARGS) != 0 && args.len > 0)
		reply(s, "501 5.5.4 Syntax: %s", c->verb);
	else
		return false;
	return true;
}

/* Ahead of a reply that must be awaited.  True if that ends the session. */
static bool
is_unsynchronised(struct session *s, const struct command *c)
{
	struct view ahead = stream_buffered(&s->io);

	if (ahead.len == 0 || s->smtpd->stand_alone || (c->flags & COMMAND_FOLLOWED) != 0 ||
	    (s->is_esmtp && (c->flags & COMMAND_LAST) == 0))
		return false;
	if (!s->pipelined_badly ||
	    s->smtpd->conf->smtpd_forbid_unauth_pipelining)
		notice_pipelining(s, ahead);
	s->pipelined_badly = true;
	if (!s->smtpd->conf->smtpd_forbid_unauth_pipelining)
		return false;
	reply_and_close(s, "554 5.5.0 Error: SMTP protocol synchronization");
	return true;
}

/* smtpd_client_restrictions have refused this client at connect: RFC 5321 3.1
 * has 503 for all but QUIT. */
static bool
is_refused(struct session *s, const struct command *c)
{
	if (s->refused == NULL || c->run == command_quit)
		return false;
	reply(s, "503 5.7.0 Error: access denied for %s", s->client.label);
	return true;
}

static void
run_row(struct session *s, size_t row, struct view args)
{
	const struct command *c = &commands[row];
	bool ok;

	s->where = c->verb;
	s->total[row]++;
	s->hears_utf8 = s->t != NULL && s->t->is_smtputf8;
	if (is_unsynchronised(s, c))
		return;
	ok = !is_refused(s, c) && !is_out_of_order(s, c, args) &&
	    c->run(s, args);
	if (ok)
		s->good[row]++;
	else
		s->n_errors++;
	if ((c->flags & COMMAND_JUNK) != 0)
		limits_count_junk(s);
}

static bool
is_on_list(struct match_list *list, struct view verb)
{
	bool yes = false;

	return !err_is(match_list_matches(list, verb, &yes)) && yes;
}

/*
 * What no mail client says: a web browser made to talk to us, a message after
 * a DATA that was refused, noise.  What follows is not to be taken for
 * commands, so the session ends.
 */
static bool
is_other_protocol(struct session *s, struct view verb, struct view line)
{
	struct view shown = view_first(line, JUNK_SHOWN);

	if (!is_on_list(s->smtpd->forbidden_commands, verb) &&
	    header_name_len(line) == 0)
		return false;
	if (quiet_allows(s, QUIET_OTHER))
		log_warn("non-SMTP command from %s: %.*s", s->client.label,
		    VIEW_ARGS(shown));
	reply_and_close(s, "221 2.7.0 Error: I can break rules, too. Goodbye.");
	return true;
}

static void
unknown(struct session *s, struct view verb, struct view line)
{
	s->where = "UNKNOWN";
	s->total[command_count()]++;
	if (is_other_protocol(s, verb, line))
		return;
	s->n_errors++;
	if (is_refused(s, &commands[command_count()]))
		return;
	if (line.len == 0)
		reply(s, "500 5.5.2 Error: bad syntax");
	else
		reply(s, "500 5.5.2 Error: command not recognized");
}

/* Bytes that no command has. */
static bool
is_malformed(struct session *s, struct view line)
{
	bool high = !view_is_ascii(line);

	if (view_find(line, '\0') == VIEW_NPOS &&
	    view_find(line, '\r') == VIEW_NPOS &&
	    !(high && !s->smtpd->conf->smtputf8_enable) &&
	    !(high && !view_is_utf8(line)))
		return false;
	s->where = "UNKNOWN";
	s->total[command_count()]++;
	s->n_errors++;
	reply(s,
	    high && !view_is_utf8(line) ? "500 5.5.2 Error: bad UTF-8 syntax"
					: "500 5.5.2 Error: bad syntax");
	return true;
}

/* What is no command may be content, or a password in the wrong place. */
static void
trace(const struct session *s, struct view line, bool is_command)
{
	if (is_command || line.len == 0)
		dialogue_log(DIALOGUE_RECEIVED, s->client.label,
		    line.len > 0 ? line : VIEW("\n"));
	else
		dialogue_log(DIALOGUE_RECEIVED, s->client.label,
		    VIEW("(a line that is no command)"));
}

static void
dispatch(struct session *s, struct view line)
{
	struct view verb, args;
	size_t row;

	verb = view_first(line, view_find_any(line, " \t"));
	args = view_trim_left(view_skip(line, verb.len));
	row = find_row(verb);
	if (s->is_traced)
		trace(s, line, row < command_count());
	transcript_add_in(s, line);
	if (row < command_count() && is_malformed(s, line))
		return;
	if (row == command_count() && line.len > 0 &&
	    is_on_list(s->smtpd->noop_commands, verb))
		row = find_row(VIEW("NOOP"));
	if (row < command_count())
		run_row(s, row, args);
	else
		unknown(s, verb, line);
}

void
command_dispatch(struct session *s, struct view line)
{
	struct str replacement = STR_EMPTY;

	line = view_trim_right(line);
	if (refine_command(s, &line, &replacement))
		dispatch(s, line);
	str_clear(&replacement);
}
