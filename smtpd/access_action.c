/*
 * The actions that access tables and policy servers answer with (access(5)).
 */
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/mail/addr.h"
#include "lib/mail/dsn.h"
#include "lib/mail/esmtp.h"
#include "lib/mail/header.h"
#include "smtpd/access_run.h"
#include "smtpd/notice.h"
#include "smtpd/reply.h"

#include <stdio.h>

enum {
	/* What tables may add to one message, in bytes. */
	PREPEND_MAX = 64 * 1024,
	BCC_MAX = 16 * 1024,
	TEXT_SHOWN = 400,
	ACTION_SHOWN = 64,
};

/* One answer. */
struct answer {
	enum access_subject subject;
	struct view name; /* the action */
	struct view text; /* behind it */
	const char *source;
};

typedef enum access_verdict action_fn(struct access *a, const struct answer *x);

/* "<x@y>: Sender address TEXT" */
static void
tell(struct access *a, const struct answer *x, const char *what,
    const char *text)
{
	struct str line = STR_EMPTY;

	str_add_byte(&line, '<');
	access_add_subject(&line, a, x->subject);
	str_addf(&line, ">: %s ", access_subject_title(x->subject));
	reply_add_clean(&line, view_of(text), TEXT_SHOWN);
	notice(a->s, what, line.ptr, a->recipient);
	str_clear(&line);
}

/* The same with the answer's own text, if it has one. */
static void
tell_action(struct access *a, const struct answer *x, const char *what,
    const char *otherwise)
{
	struct str text = STR_EMPTY;

	str_set(&text, x->text.len > 0 ? x->text : view_of(otherwise));
	tell(a, x, what, text.ptr);
	str_clear(&text);
}

/* What is wrong with an entry is logged, and the entry changes nothing. */
static enum access_verdict
passed_over(const struct answer *x, const char *why)
{
	log_warn("access table %s: %.*s %s", x->source, VIEW_ARGS(x->name), why);
	return ACCESS_DUNNO;
}

/* --- permits --- */

static enum access_verdict
action_ok(struct access *a, const struct answer *x)
{
	char name[ACTION_SHOWN + 1];

	/* As the table has it: "OK", "ok", or a number. */
	(void)snprintf(name, sizeof(name), "%.*s", VIEW_ARGS(x->name));
	return access_permit(a, name, x->subject, x->source);
}

static enum access_verdict
action_dunno(struct access *a, const struct answer *x)
{
	(void)a, (void)x;
	return ACCESS_DUNNO;
}

/* --- refusals --- */

/* The code's own enhanced code may stand before the text. */
static enum access_verdict
refuse_with(struct access *a, const struct answer *x, int64_t code)
{
	struct dsn_split why =
	    dsn_split(x->text, DSN_STATUS((uint8_t)(code / 100), 7, 1));
	char dsn[DSN_STATUS_SIZE];

	if (why.text.len == 0)
		why.text = VIEW("Access denied");
	return access_refuse(a, x->subject, code, dsn_text(why.status, dsn),
	    "%.*s", VIEW_ARGS(why.text));
}

static enum access_verdict
action_reject(struct access *a, const struct answer *x)
{
	return refuse_with(a, x, a->s->smtpd->conf->access_map_reject_code);
}

static enum access_verdict
action_defer(struct access *a, const struct answer *x)
{
	return refuse_with(a, x, a->s->smtpd->conf->access_map_defer_code);
}

static enum access_verdict
action_defer_if(struct access *a, const struct answer *x, bool permit)
{
	struct dsn_split why = dsn_split(x->text, DSN_STATUS(4, 7, 1));
	char dsn[DSN_STATUS_SIZE];

	if (why.text.len == 0)
		why.text = VIEW("Service unavailable");
	dsn_text(why.status, dsn);
	return permit ? access_defer_if_permit(a, x->subject, 450, dsn, "%.*s",
			    VIEW_ARGS(why.text))
		      : access_defer_if_reject(a, x->subject, 450, dsn, "%.*s",
			    VIEW_ARGS(why.text));
}

static enum access_verdict
action_defer_if_permit(struct access *a, const struct answer *x)
{
	return action_defer_if(a, x, true);
}

static enum access_verdict
action_defer_if_reject(struct access *a, const struct answer *x)
{
	return action_defer_if(a, x, false);
}

/* No reply at all: the connection is cut. */
static enum access_verdict
action_hangup(struct access *a, const struct answer *x)
{
	struct str line = STR_EMPTY;

	reply_add_clean(&line, x->text, TEXT_SHOWN);
	notice(a->s, "hangup", line.ptr, a->recipient);
	str_clear(&line);
	a->hangs_up = true;
	return ACCESS_REFUSED;
}

/* --- notes --- */

static enum access_verdict
note(struct access *a, const struct answer *x, const char *what)
{
	struct str line = STR_EMPTY;

	reply_add_clean(&line, x->text, TEXT_SHOWN);
	notice(a->s, what, line.ptr, a->recipient);
	str_clear(&line);
	return ACCESS_DUNNO;
}

static enum access_verdict
action_warn(struct access *a, const struct answer *x)
{
	return note(a, x, "warn");
}

static enum access_verdict
action_info(struct access *a, const struct answer *x)
{
	return note(a, x, "info");
}

/* --- what becomes of the message --- */

static enum access_verdict
action_hold(struct access *a, const struct answer *x)
{
	if (a->s->t == NULL)
		return passed_over(x, "comes before there is a message");
	if (!a->s->t->hold)
		tell_action(a, x, "hold", "triggers HOLD action");
	a->s->t->hold = true;
	return ACCESS_DUNNO;
}

static enum access_verdict
action_discard(struct access *a, const struct answer *x)
{
	if (a->s->t == NULL)
		return passed_over(x, "comes before there is a message");
	tell_action(a, x, "discard", "triggers DISCARD action");
	a->s->t->discard = true;
	return access_permit(a, "DISCARD", x->subject, x->source);
}

/* "transport:nexthop" */
static enum access_verdict
action_filter(struct access *a, const struct answer *x)
{
	struct str text = STR_EMPTY;

	if (a->s->t == NULL)
		return passed_over(x, "comes before there is a message");
	if (x->text.len == 0 || view_find(x->text, ':') == VIEW_NPOS ||
	    x->text.len > ADDR_MAX)
		return passed_over(x, "requires transport:destination");
	str_set(&a->s->t->filter, x->text);
	str_printf(&text, "triggers FILTER %.*s", VIEW_ARGS(x->text));
	tell(a, x, "filter", text.ptr);
	str_clear(&text);
	return ACCESS_DUNNO;
}

static bool
is_target(struct view address)
{
	return view_find(address, '@') != VIEW_NPOS && addr_is_sane(address);
}

static enum access_verdict
action_redirect(struct access *a, const struct answer *x)
{
	struct str text = STR_EMPTY, target = STR_EMPTY;

	if (a->s->t == NULL)
		return passed_over(x, "comes before there is a message");
	addr_to_internal(&target, x->text);
	if (is_target(str_view(&target))) {
		str_set(&a->s->t->redirect, str_view(&target));
		str_printf(&text, "triggers REDIRECT %.*s", VIEW_ARGS(x->text));
		tell(a, x, "redirect", text.ptr);
	} else {
		passed_over(x, "requires user@domain target");
	}
	str_clear(&text);
	str_clear(&target);
	return ACCESS_DUNNO;
}

/* One more recipient, of which no report is sent. */
static void
add_bcc(struct transaction *t, struct view address)
{
	struct ipc_rcpt r = {
		.number = (int64_t)t->n_rcpts,
		.address = address,
		.original = address,
		.orcpt = VIEW_EMPTY,
		.notify = ESMTP_NOTIFY_NEVER,
	};

	ipc_list_add(&t->bcc, ipc_rcpt_type(), &r);
}

static enum access_verdict
action_bcc(struct access *a, const struct answer *x)
{
	struct transaction *t = a->s->t;
	struct str text = STR_EMPTY, target = STR_EMPTY;
	enum access_verdict v = ACCESS_DUNNO;

	if (t == NULL)
		return passed_over(x, "comes before there is a message");
	addr_to_internal(&target, x->text);
	if (!is_target(str_view(&target))) {
		passed_over(x, "requires user@domain target");
	} else if (t->bcc.len + target.len > BCC_MAX) {
		v = access_refuse(a, SUBJECT_NONE, 452, "4.3.1",
		    "Insufficient system storage");
	} else {
		add_bcc(t, str_view(&target));
		str_printf(&text, "triggers BCC %.*s", VIEW_ARGS(x->text));
		tell(a, x, "bcc", text.ptr);
	}
	str_clear(&text);
	str_clear(&target);
	return v;
}

/* One header, of one line. */
static enum access_verdict
action_prepend(struct access *a, const struct answer *x)
{
	struct transaction *t = a->s->t;

	if (a->stage == ACCESS_END_OF_DATA)
		return passed_over(
		    x, "must be used before smtpd_end_of_data_restrictions");
	if (t == NULL)
		return passed_over(x, "comes before there is a message");
	if (header_name_len(x->text) == 0 ||
	    view_find_any(x->text, "\r\n") != VIEW_NPOS)
		return passed_over(x, "requires header: text");
	if (t->prepend.len + x->text.len > PREPEND_MAX)
		return access_refuse(a, SUBJECT_NONE, 452, "4.3.1",
		    "Insufficient system storage");
	str_add(&t->prepend, x->text);
	str_add_text(&t->prepend, "\r\n");
	return ACCESS_DUNNO;
}

/* --- the table --- */

static const struct action {
	const char *name;
	action_fn *run;
} actions[] = {
#define ACTION(name, run) { name, run },
#include "lib/conf/access_actions.h"
};

static bool
is_all_digits(struct view v)
{
	size_t i = 0;

	while (i < v.len && ascii_is_digit(v.ptr[i]))
		i++;
	return v.len > 0 && i == v.len;
}

/* "550" of "550 5.7.1 text" */
static bool
is_code(struct view word)
{
	return word.len == 3 && is_all_digits(word) &&
	    (word.ptr[0] == '4' || word.ptr[0] == '5');
}

/* Control characters have no place in replies, logs and headers. */
static bool
is_clean(struct view v)
{
	for (size_t i = 0; i < v.len; i++)
		if ((unsigned char)v.ptr[i] < ' ' && v.ptr[i] != '\t')
			return false;
	return true;
}

enum access_verdict
access_act(struct access *a, enum access_subject subject, struct view value,
    const char *source)
{
	struct view line = view_trim(value);
	struct view word = view_first(line, view_find_any(line, " \t"));
	struct answer x = { subject, word,
		view_trim(view_skip(line, word.len)), source };
	int64_t code;

	if (!is_clean(line))
		return access_misconfigured(
		    a, "access table %s: control character in a result", source);
	/* Digits alone are a key's number, as pop-before-smtp writes. */
	if (is_all_digits(line))
		return action_ok(a, &x);
	if (is_code(word) && view_to_int(word, &code))
		return refuse_with(a, &x, code);
	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		if (view_eq_case(word, view_of(actions[i].name)))
			return actions[i].run(a, &x);
	return access_run_words(a, line, subject, source);
}
