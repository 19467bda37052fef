/* The tests after the greeting, and clients that are refused: see screen.h. */
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/mail/addr.h"
#include "lib/mail/header.h"
#include "smtpd/command.h"
#include "smtpd/offer.h"
#include "smtpd/reply.h"
#include "smtpd/screen_run.h"

static const char protocol_error[] = "550 5.5.1 Protocol error";
static const char drop_error[] = "521 5.5.1 Protocol error";
#define unavailable "421 %s Service unavailable - try again later"

bool
screen_has_refused(const struct session *s)
{
	return s->screen != NULL && s->screen->refusal.len > 0;
}

unsigned
screen_hidden_offers(const struct session *s)
{
	const struct screen_settings *set = s->smtpd->screen;
	const struct screen *x = s->screen;
	unsigned hidden;

	if (x == NULL)
		return 0;
	hidden = offer_discarded_for(s,
	    "postscreen_discard_ehlo_keyword_address_maps", set->discards,
	    set->discarded);
	if (s->smtpd->conf->postscreen_disable_vrfy_command)
		hidden |= OFFER_VRFY;
	/* So that who sends ahead was not told that it may. */
	if (screen_has_refused(s))
		hidden |= OFFER_PIPELINING | OFFER_XCLIENT | OFFER_XFORWARD;
	else if (x->is_due[SCREEN_PIPELINING])
		hidden |= OFFER_PIPELINING | OFFER_CHUNKING;
	return hidden;
}

static bool
is_due(const struct session *s, enum screen_test test)
{
	return s->screen->is_due[test] && !s->screen->has_failed[test];
}

/* The command of this line, as the log calls it; what came before if it is
 * none. */
static const char *
command_of(struct session *s, struct view line)
{
	struct view verb = view_first(line, view_find_any(line, " \t\r"));

	for (size_t i = 0; i < command_count(); i++)
		if (view_eq_case(verb, view_of(commands[i].verb)))
			return commands[i].verb;
	return s->where;
}

static bool
fail(struct session *s, enum screen_test test, const char *what,
    const char *where, const struct view *text)
{
	const char *drop = test == SCREEN_NON_SMTP
	    ? "521 5.7.0 Error: I can break rules, too. Goodbye."
	    : drop_error;
	struct screen *x = s->screen;
	struct str shown = STR_EMPTY;

	if (text != NULL) {
		str_add_text(&shown, ": ");
		screen_add_shown(&shown, *text);
	}
	screen_log(s, QUIET_REJECT, "%s from %s after %s%s", what,
	    x->client.ptr, where, shown.ptr);
	str_clear(&shown);
	return screen_fail(
	    s, test, s->smtpd->screen->action[test], protocol_error, drop);
}

/* What a mail client never says: a command of another protocol, or a header,
 * as of a message whose DATA was refused. */
static bool
is_non_smtp(struct session *s, struct view line)
{
	struct view verb = view_first(line, view_find_any(line, " \t"));
	bool yes = false;
	struct err e = match_list_matches(
	    s->smtpd->screen->forbidden_commands, verb, &yes);

	return (!err_is(e) && yes) || header_name_len(line) > 0;
}

/* One more command.  False: there were enough. */
static bool
count(struct session *s)
{
	struct screen *x = s->screen;

	if (x->n_commands++ < s->smtpd->conf->postscreen_command_count_limit)
		return true;
	screen_log(s, QUIET_REJECT, "COMMAND COUNT LIMIT from %s after %s",
	    x->client.ptr, s->where);
	reply_and_close(s, unavailable, s->smtpd->conf->myhostname);
	return false;
}

void
screen_line_is_too_long(struct session *s)
{
	screen_log(s, QUIET_REJECT, "COMMAND LENGTH LIMIT from %s after %s",
	    s->screen->client.ptr, s->where);
	reply_and_close(s, unavailable, s->smtpd->conf->myhostname);
}

/* A chunk follows its command. */
static bool
may_be_followed(struct view line)
{
	return view_starts_case(line, VIEW("BDAT"));
}

/* Where the line ends is known once the next begins. */
bool
screen_line(struct session *s, struct view line, enum stream_eol eol)
{
	struct view ahead, trimmed = view_trim_right(line);
	struct str shown = STR_EMPTY;
	bool goes_on = true;

	if (s->screen == NULL)
		return true;
	if (is_due(s, SCREEN_BARE_NEWLINE) && eol == STREAM_EOL_LF) {
		screen_add_shown(&shown, trimmed);
		goes_on = fail(
		    s, SCREEN_BARE_NEWLINE, "BARE NEWLINE", shown.ptr, NULL);
		str_clear(&shown);
	}
	if (goes_on && is_due(s, SCREEN_NON_SMTP) && is_non_smtp(s, trimmed))
		goes_on = fail(
		    s, SCREEN_NON_SMTP, "NON-SMTP COMMAND", s->where, &trimmed);
	ahead = stream_buffered(&s->io);
	if (goes_on && is_due(s, SCREEN_PIPELINING) && ahead.len > 0 &&
	    !may_be_followed(trimmed))
		goes_on = fail(s, SCREEN_PIPELINING, "COMMAND PIPELINING",
		    command_of(s, trimmed), &ahead);
	return goes_on && count(s);
}

/* What it was ignored for is looked at again the next time. */
void
screen_passed(struct session *s)
{
	if (s->screen != NULL && s->screen->refusal.len == 0)
		screen_pass(s);
}
