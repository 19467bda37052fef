/*
 * reject_unverified_sender, reject_unverified_recipient: an address is what the
 * host that is responsible for it says.  `state` has that said, and remembers
 * it; here is how long a client waits for it and what it hears.
 */
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/mail/addr.h"
#include "lib/mail/verify_sender.h"
#include "lib/run/fiber.h"
#include "smtpd/access_run.h"
#include "smtpd/recall.h"
#include "smtpd/session.h"

enum { REASON_MAX = 250 };

/* How one of the two speaks. */
struct manner {
	enum access_subject subject;
	int64_t reject_code, defer_code;
	const char *reason; /* "": what the probe said */
	const char *tempfail_action;
	const char *dsn;
};

static struct manner
manner_of(const struct conf *conf, enum access_subject subject)
{
	return subject == SUBJECT_SENDER
	    ? (struct manner){ subject, conf->unverified_sender_reject_code,
		      conf->unverified_sender_defer_code,
		      conf->unverified_sender_reject_reason,
		      conf->unverified_sender_tempfail_action, "4.1.7" }
	    : (struct manner){ subject, conf->unverified_recipient_reject_code,
		      conf->unverified_recipient_defer_code,
		      conf->unverified_recipient_reject_reason,
		      conf->unverified_recipient_tempfail_action, "4.1.1" };
}

/* Until there is a result, or the client has waited long enough. */
static struct err
find_out(struct smtpd *smtpd, struct view address, enum verify_status *status,
    struct str *text)
{
	const struct conf *conf = smtpd->conf;
	struct err e = ERR_OK;

	for (int64_t i = 1; !err_is(e); i++) {
		e = recall_verify(smtpd, address, status, text);
		if (err_is(e) || *status != VERIFY_TODO ||
		    i >= conf->address_verify_poll_count)
			break;
		e = fiber_sleep(conf->address_verify_poll_delay * 1000);
	}
	return e;
}

/* Nobody knows for now, or a refusal is not to be one for good. */
static enum access_verdict
tempfail(
    struct access *a, const struct manner *m, int64_t code, const char *text)
{
	if (view_eq(view_of(m->tempfail_action), VIEW("permit")))
		return ACCESS_DUNNO;
	if (view_eq(view_of(m->tempfail_action), VIEW("defer")) ||
	    view_eq(view_of(m->tempfail_action), VIEW("4xx")) ||
	    code / 100 != 4)
		return access_refuse(a, m->subject, code, m->dsn,
		    "unverified address: %s", text);
	return access_defer_if_permit(
	    a, m->subject, code, m->dsn, "unverified address: %s", text);
}

static enum access_verdict
judge(struct access *a, const struct manner *m, enum verify_status status,
    struct str *text)
{
	int64_t code = status == VERIFY_BOUNCE ? m->reject_code : m->defer_code;

	if (status == VERIFY_OK)
		return ACCESS_DUNNO;
	if (m->reason[0] != '\0')
		str_set(text, view_of(m->reason));
	str_cut(text, REASON_MAX);
	if (status != VERIFY_BOUNCE || code / 100 == 4)
		return tempfail(a, m, code, text->ptr);
	return access_refuse(a, m->subject, code, m->dsn,
	    "undeliverable address: %s", text->ptr);
}

static enum access_verdict
verify(struct access *a, enum access_subject subject, struct view address)
{
	struct smtpd *smtpd = a->s->smtpd;
	struct manner m = manner_of(smtpd->conf, subject);
	enum verify_status status = VERIFY_DEFER;
	struct str text = STR_EMPTY;
	enum access_verdict v;
	struct err e;

	/* Nobody answers for the null sender; who probes us from there would
	 * be probed in turn. */
	if (address.len == 0 ||
	    verify_sender_is(smtpd->conf, clock_wall(), address))
		return ACCESS_DUNNO;
	e = find_out(smtpd, address, &status, &text);
	if (err_is(e)) {
		log_warn("%s: %s", session_queue_id(a->s), e.text);
		str_set(&text, VIEW("Address verification problem"));
		status = VERIFY_DEFER;
	}
	v = judge(a, &m, status, &text);
	str_clear(&text);
	return v;
}

enum access_verdict
access_unverified_sender(struct access *a, const struct access_item *item)
{
	(void)item;
	return a->s->t != NULL
	    ? verify(a, SUBJECT_SENDER, str_view(&a->s->t->sender))
	    : ACCESS_DUNNO;
}

enum access_verdict
access_unverified_recipient(struct access *a, const struct access_item *item)
{
	(void)item;
	return verify(a, SUBJECT_RECIPIENT, a->recipient);
}
