/*
 * How access control refuses, defers, warns and permits: the reply's line and
 * the log's.
 */
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/mail/addr.h"
#include "lib/mail/dsn.h"
#include "smtpd/access_run.h"
#include "smtpd/notice.h"
#include "smtpd/reply.h"

#include <inttypes.h>

enum { NAME_SHOWN = 256, TEXT_MAX = 400 };

/* --- subjects --- */

const char *
access_subject_title(enum access_subject subject)
{
	static const char *const titles[] = {
		[SUBJECT_CLIENT] = "Client host",
		[SUBJECT_REVERSE] = "Unverified Client host",
		[SUBJECT_HELO] = "Helo command",
		[SUBJECT_SENDER] = "Sender address",
		[SUBJECT_RECIPIENT] = "Recipient address",
		[SUBJECT_LOGIN] = "SASL login name",
		[SUBJECT_CERTIFICATE] = "Client certificate",
		[SUBJECT_DATA] = "Data command",
		[SUBJECT_END_OF_DATA] = "End-of-data",
		[SUBJECT_ETRN] = "Etrn command",
		[SUBJECT_NONE] = "",
	};

	return titles[subject];
}

enum access_subject
access_stage_subject(enum access_stage stage)
{
	static const enum access_subject subjects[ACCESS_STAGES] = {
		[ACCESS_CLIENT] = SUBJECT_CLIENT,
		[ACCESS_HELO] = SUBJECT_HELO,
		[ACCESS_SENDER] = SUBJECT_SENDER,
		[ACCESS_RELAY] = SUBJECT_RECIPIENT,
		[ACCESS_RECIPIENT] = SUBJECT_RECIPIENT,
		[ACCESS_DATA] = SUBJECT_DATA,
		[ACCESS_END_OF_DATA] = SUBJECT_END_OF_DATA,
		[ACCESS_ETRN] = SUBJECT_ETRN,
		[ACCESS_REWRITE] = SUBJECT_CLIENT,
	};

	return subjects[stage];
}

struct view
access_address(const struct access *a, enum access_subject subject)
{
	if (subject == SUBJECT_RECIPIENT)
		return a->recipient;
	return a->s->t != NULL ? str_view(&a->s->t->sender) : VIEW_EMPTY;
}

static struct view
text_of(const char *text)
{
	return text != NULL ? view_of(text) : VIEW_EMPTY;
}

void
access_add_subject(
    struct str *out, const struct access *a, enum access_subject subject)
{
	struct str text = STR_EMPTY;
	const struct session *s = a->s;

	switch (subject) {
	case SUBJECT_CLIENT:
		str_add_text(&text, s->client.label);
		break;
	case SUBJECT_REVERSE:
		str_add_text(&text, s->client.reverse);
		break;
	case SUBJECT_HELO:
		str_add(&text, text_of(s->helo));
		break;
	case SUBJECT_SENDER:
	case SUBJECT_RECIPIENT:
		addr_to_external(&text, access_address(a, subject));
		break;
	case SUBJECT_LOGIN:
		str_add(&text, text_of(s->login.username));
		break;
	case SUBJECT_ETRN:
		str_add(&text, a->etrn);
		break;
	case SUBJECT_DATA:
		str_add_text(&text, "DATA");
		break;
	case SUBJECT_END_OF_DATA:
		str_add_text(&text, "END-OF-MESSAGE");
		break;
	case SUBJECT_CERTIFICATE:
	case SUBJECT_NONE:
		break;
	}
	reply_add_clean(out, str_view(&text), NAME_SHOWN);
	str_clear(&text);
}

/*
 * An enhanced code of addresses said of something else: sender's codes and
 * recipient's differ, and other things have none (RFC 3463 3.2).
 */
static struct dsn_status
fit_status(struct dsn_status d, enum access_subject subject)
{
	static const uint16_t of_sender[] = { 0, 7, 8, 7, 7, 0, 7 };

	if (d.subject != 1 || subject == SUBJECT_NONE)
		return d;
	if (subject == SUBJECT_SENDER) {
		if (d.detail < ARRAY_LEN(of_sender))
			d.detail = of_sender[d.detail];
	} else if (subject == SUBJECT_RECIPIENT) {
		if (d.detail == 7 || d.detail == 8)
			d.detail = d.detail == 7 ? 3 : 2;
	} else {
		d.subject = d.detail = 0;
	}
	return d;
}

/* --- refusing --- */

/* The whole line. */
static void __attribute__((format(printf, 6, 0)))
make_line(struct str *line, const struct access *a, enum access_subject subject,
    int64_t code, const char *dsn, const char *format, va_list ap)
{
	struct dsn_split split = dsn_split(view_of(dsn), DSN_STATUS(5, 7, 1));
	struct dsn_status status = fit_status(split.status, subject);
	struct str text = STR_EMPTY;
	char buffer[DSN_STATUS_SIZE];

	status.class = (uint8_t)(code / 100);
	str_vaddf(&text, format, ap);
	str_printf(line, "%" PRId64 " %s ", code, dsn_text(status, buffer));
	if (subject != SUBJECT_NONE) {
		str_add_byte(line, '<');
		access_add_subject(line, a, subject);
		str_addf(
		    line, ">: %s rejected: ", access_subject_title(subject));
	}
	reply_add_clean(line, str_view(&text), TEXT_MAX);
	str_clear(&text);
}

enum access_verdict
access_refuse_line(struct access *a, struct str *line)
{
	reply_soften(a->s->smtpd, line);
	if (access_is_warning(a)) {
		notice(a->s, "reject_warning", line->ptr, a->recipient);
		return ACCESS_DUNNO;
	}
	if (a->defer_if_reject.len > 0 && line->ptr[0] == '5')
		line = &a->defer_if_reject;
	str_set(&a->refusal, str_view(line));
	if (a->stage != ACCESS_REWRITE)
		notice(a->s, "reject", a->refusal.ptr, a->recipient);
	return ACCESS_REFUSED;
}

enum access_verdict
access_refuse(struct access *a, enum access_subject subject, int64_t code,
    const char *dsn, const char *format, ...)
{
	struct str line = STR_EMPTY;
	enum access_verdict v;
	va_list ap;

	va_start(ap, format);
	make_line(&line, a, subject, code, dsn, format, ap);
	va_end(ap);
	v = access_refuse_line(a, &line);
	str_clear(&line);
	return v;
}

/* The first such line is the one that is told. */
static enum access_verdict
defer_later(struct access *a, struct str *place, struct str *line)
{
	if (access_is_warning(a))
		notice(a->s, "reject_warning", line->ptr, a->recipient);
	else if (place->len == 0)
		str_set(place, str_view(line));
	str_clear(line);
	return ACCESS_DUNNO;
}

enum access_verdict
access_defer_if_permit(struct access *a, enum access_subject subject,
    int64_t code, const char *dsn, const char *format, ...)
{
	struct str line = STR_EMPTY;
	va_list ap;

	va_start(ap, format);
	make_line(&line, a, subject, code, dsn, format, ap);
	va_end(ap);
	return defer_later(a, &a->defer_if_permit, &line);
}

enum access_verdict
access_defer_if_reject(struct access *a, enum access_subject subject,
    int64_t code, const char *dsn, const char *format, ...)
{
	struct str line = STR_EMPTY;
	va_list ap;

	va_start(ap, format);
	make_line(&line, a, subject, code, dsn, format, ap);
	va_end(ap);
	return defer_later(a, &a->defer_if_reject, &line);
}

enum access_verdict
access_not_known(struct access *a, const char *action,
    enum access_subject subject, const char *dsn, const char *format, ...)
{
	struct view word = view_trim(view_of(action));
	struct str line = STR_EMPTY;
	enum access_verdict v = ACCESS_DUNNO;
	va_list ap;

	if (view_eq_case(word, VIEW("dunno")))
		return v;
	va_start(ap, format);
	make_line(&line, a, subject, 450, dsn, format, ap);
	va_end(ap);
	if (view_eq_case(word, VIEW("defer")))
		v = access_refuse_line(a, &line);
	else if (view_eq_case(word, VIEW("defer_if_permit")))
		v = defer_later(a, &a->defer_if_permit, &line);
	else
		v = access_misconfigured(a,
		    "\"%s\" is no action for what cannot be found out", action);
	str_clear(&line);
	return v;
}

void
access_keep_doubt(struct access *a)
{
	if (access_is_warning(a) && a->defer_if_reject.len == 0)
		str_set(&a->defer_if_reject,
		    VIEW("451 4.3.5 Server configuration error"));
}

enum access_verdict
access_table_failed(struct access *a, enum access_subject subject,
    struct view table, struct err why)
{
	log_warn("%s: %.*s: %s", session_queue_id(a->s), VIEW_ARGS(table),
	    why.text);
	access_keep_doubt(a);
	return access_refuse(
	    a, subject, 451, "4.3.5", "Server configuration error");
}

enum access_verdict
access_lookup_failed(struct access *a, struct view what, struct err why)
{
	struct str name = STR_EMPTY;
	enum access_verdict v;

	log_warn(
	    "%s: %.*s: %s", session_queue_id(a->s), VIEW_ARGS(what), why.text);
	reply_add_clean(&name, what, NAME_SHOWN);
	a->warn_depth = 0;
	v = access_refuse(a, SUBJECT_NONE, 451, "4.3.0",
	    "<%s>: Temporary lookup failure", name.ptr);
	str_clear(&name);
	return v;
}

enum access_verdict
access_misconfigured(struct access *a, const char *format, ...)
{
	struct str what = STR_EMPTY;
	va_list ap;

	va_start(ap, format);
	str_vaddf(&what, format, ap);
	va_end(ap);
	log_warn("%s", what.ptr);
	str_clear(&what);
	/* Whatever stands before it, this is never passed over. */
	a->warn_depth = 0;
	return access_refuse(
	    a, SUBJECT_NONE, 451, "4.3.5", "Server configuration error");
}

enum access_verdict
access_forbid_ok(struct access *a, const struct access_item *item)
{
	return access_misconfigured(a,
	    "restriction %s returns OK: this is not allowed for security "
	    "reasons; use DUNNO instead of OK to make an exception",
	    item->name);
}

/* --- permitting --- */

static bool
is_logged(const struct access *a, const char *action)
{
	struct match_list *list = a->s->smtpd->access_shared->logged_permits;
	bool yes = false;
	struct err e;

	if (match_list_is_empty(list) || a->stage == ACCESS_REWRITE)
		return false;
	e = match_list_matches(list, view_of(action), &yes);
	if (err_is(e))
		log_warn("smtpd_log_access_permit_actions: %s", e.text);
	return !err_is(e) && yes;
}

enum access_verdict
access_permit(struct access *a, const char *action,
    enum access_subject subject, const char *source)
{
	struct str text = STR_EMPTY;

	if (!is_logged(a, action))
		return ACCESS_OK;
	str_printf(
	    &text, "action=%s for %s=", action, access_subject_title(subject));
	access_add_subject(&text, a, subject);
	str_addf(&text, " %s%s", source[0] != '\0' ? "from " : "", source);
	notice(a->s, "permit", text.ptr, a->recipient);
	str_clear(&text);
	return ACCESS_OK;
}
