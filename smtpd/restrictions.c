/*
 * The table of restrictions (its rows: lib/conf/restrictions.h), and those that
 * decide by themselves.
 */
#include "lib/run/fiber.h"
#include "smtpd/access_run.h"

/* --- verdicts --- */

static enum access_verdict
permit(struct access *a, const struct access_item *item)
{
	return access_permit(a, item->name, a->subject, "");
}

static enum access_verdict
reject(struct access *a, const struct access_item *item)
{
	(void)item;
	return access_refuse(a, a->subject, a->s->smtpd->conf->reject_code,
	    "5.7.1", "Access denied");
}

static enum access_verdict
defer(struct access *a, const struct access_item *item)
{
	(void)item;
	return access_refuse(a, a->subject, a->s->smtpd->conf->defer_code,
	    "4.3.2", "Try again later");
}

static enum access_verdict
defer_if_permit(struct access *a, const struct access_item *item)
{
	(void)item;
	return access_defer_if_permit(
	    a, a->subject, 450, "4.7.0", "defer_if_permit requested");
}

static enum access_verdict
defer_if_reject(struct access *a, const struct access_item *item)
{
	(void)item;
	return access_defer_if_reject(
	    a, a->subject, 450, "4.7.0", "defer_if_reject requested");
}

static enum access_verdict
do_sleep(struct access *a, const struct access_item *item)
{
	int64_t seconds =
	    item->number < 3600 ? item->number : 3600;

	(void)a;
	if (seconds > 0 && err_is(fiber_sleep(seconds * 1000)))
		a->s->ending = SESSION_LOST;
	return ACCESS_DUNNO;
}

/* --- clients --- */

static enum access_verdict
permit_mynetworks(struct access *a, const struct access_item *item)
{
	if (a->s->client.trust_failed)
		return access_lookup_failed(a, view_of(a->s->client.label),
		    err_make(ERR_TEMP, "mynetworks cannot be asked"));
	return a->s->client.is_trusted
	    ? access_permit(a, item->name, SUBJECT_CLIENT, "")
	    : ACCESS_DUNNO;
}

static enum access_verdict
permit_inet_interfaces(struct access *a, const struct access_item *item)
{
	struct dns_addr client;

	if (!dns_addr_parse(view_of(a->s->client.addr), &client))
		return ACCESS_DUNNO;
	for (size_t i = 0; i < a->s->smtpd->n_interfaces; i++)
		if (dns_addr_eq(&client, &a->s->smtpd->own[i]))
			return access_permit(
			    a, item->name, SUBJECT_CLIENT, "");
	return ACCESS_DUNNO;
}

/* A login that XCLIENT tells is none where nobody can log in. */
static enum access_verdict
permit_sasl_authenticated(struct access *a, const struct access_item *item)
{
	return a->s->smtpd->access_shared->has_sasl &&
		a->s->login.username != NULL
	    ? access_permit(a, item->name, SUBJECT_CLIENT, "")
	    : ACCESS_DUNNO;
}

/* Nobody shows a certificate before there is TLS. */
static enum access_verdict
permit_tls_clientcerts(struct access *a, const struct access_item *item)
{
	(void)a, (void)item;
	return ACCESS_DUNNO;
}

/* HELO with an address and no name: the oldest of the old. */
static enum access_verdict
permit_naked_ip_address(struct access *a, const struct access_item *item)
{
	struct dns_addr addr;

	return a->s->helo != NULL &&
		dns_addr_parse(view_of(a->s->helo), &addr)
	    ? access_permit(a, item->name, SUBJECT_HELO, "")
	    : ACCESS_DUNNO;
}

/* --- sessions --- */

static enum access_verdict
reject_unauth_pipelining(struct access *a, const struct access_item *item)
{
	(void)item;
	if (!a->s->pipelined_badly)
		return ACCESS_DUNNO;
	return access_refuse(a, a->subject, 503, "5.5.0",
	    "Improper use of SMTP command pipelining");
}

/* No session is encrypted before there is TLS. */
static enum access_verdict
reject_plaintext_session(struct access *a, const struct access_item *item)
{
	(void)item;
	return access_refuse(a, SUBJECT_NONE,
	    a->s->smtpd->conf->plaintext_reject_code, "4.7.1",
	    "Session encryption is required");
}

/* A report has one addressee (RFC 5321 4.5.5). */
static enum access_verdict
reject_multi_recipient_bounce(struct access *a, const struct access_item *item)
{
	const struct transaction *t = a->s->t;
	/* At RCPT the one in question is not among those accepted. */
	size_t others = a->stage <= ACCESS_RECIPIENT ? 1 : 0;

	(void)item;
	if (t == NULL || t->sender.len > 0 || t->n_rcpts + others <= 1)
		return ACCESS_DUNNO;
	return access_refuse(a, a->subject,
	    a->s->smtpd->conf->multi_recipient_bounce_reject_code, "5.5.3",
	    "Multi-recipient bounce");
}

/* --- the table --- */

const struct access_row access_rows[] = {
#define RESTRICTION(name, run, arg, flags, subject, type) \
	{ name, run, arg, flags, subject, type },
#include "lib/conf/restrictions.h"
	{ NULL, NULL, ACCESS_ARG_NONE, 0, 0, 0 },
};

const struct access_row *
access_row_find(struct view name)
{
	for (const struct access_row *r = access_rows; r->name != NULL; r++)
		if (view_eq_case(name, view_of(r->name)))
			return r;
	return NULL;
}
