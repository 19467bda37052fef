#include "cleanup/check.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/mail/addr.h"
#include "lib/mail/esmtp.h"
#include "lib/mail/queue_id.h"

/* What smtpd sees in what its clients send; the others are for what a user, an
 * administrator or a report asks of us. */
static const int64_t smtpd_flags = SUBMIT_SMTPUTF8 | SUBMIT_BODY_8BITMIME |
    SUBMIT_BARE_LF | SUBMIT_BARE_CR | SUBMIT_EIGHT_BIT | SUBMIT_NUL |
    SUBMIT_NO_MAPPINGS | SUBMIT_NO_CHECKS;
static const int64_t own_flags =
    SUBMIT_REQUEUED | SUBMIT_DSN_TRACE | SUBMIT_PROBE;
/* A probe that a user sends must not teach others what is deliverable. */
static const int64_t state_flags = SUBMIT_PROBE | SUBMIT_VERIFY;

/* No byte that ends a line or a field. */
static bool
is_clean(struct view text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
			return false;
	return true;
}

static bool
is_one_of(struct view word, const struct view *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (view_eq(word, words[i]))
			return true;
	return false;
}

int64_t
check_flags(const struct ipc_submit *s, int64_t flags)
{
	if (view_eq(s->origin, VIEW("smtpd")) ||
	    view_eq(s->origin, VIEW("notify")))
		return flags & smtpd_flags;
	if (view_eq(s->origin, VIEW("state")))
		return flags & (smtpd_flags | state_flags);
	return flags & (smtpd_flags | own_flags);
}

struct err
check_submit(struct ipc_submit *s, bool by_smtpd)
{
	static const struct view origins[] = { VIEW("smtpd"), VIEW("pickup"),
		VIEW("bounce"), VIEW("local"), VIEW("state"), VIEW("notify") };
	static const struct view contexts[] = { VIEW("local"),
		VIEW("remote") };
	const struct view texts[] = { s->full_name, s->envid, s->client_name,
		s->client_addr, s->protocol, s->helo, s->sasl_method,
		s->sasl_username, s->filter, s->redirect };
	int64_t now = clock_wall_us();
	size_t sum = 0;

	if (!queue_id_is_valid(s->queue_id))
		return err_make(ERR_PERM, "bad queue ID");
	if (!is_one_of(s->origin, origins, ARRAY_LEN(origins)) ||
	    (by_smtpd && !view_eq(s->origin, VIEW("smtpd")) &&
		!view_eq(s->origin, VIEW("notify"))))
		return err_make(ERR_PERM, "bad origin");
	if (!is_one_of(s->context, contexts, ARRAY_LEN(contexts)))
		return err_make(ERR_PERM, "bad context");
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		sum += texts[i].len;
		if (!is_clean(texts[i]))
			return err_make(ERR_PERM, "bad attribute");
	}
	if (sum > CHECK_TEXTS_MAX || s->sender.len > ADDR_MAX || s->ret < ESMTP_RET_NONE ||
	    s->ret > ESMTP_RET_HDRS || s->arrival_us <= 0)
		return err_make(ERR_PERM, "bad attribute");
	/* Mail of tomorrow would never be too old. */
	if (s->arrival_us > now)
		s->arrival_us = now;
	s->flags = check_flags(s, s->flags);
	return ERR_OK;
}

struct err
check_rcpt(struct ipc_rcpt *rcpt)
{
	const int64_t known = ESMTP_NOTIFY_NEVER | ESMTP_NOTIFY_SUCCESS |
	    ESMTP_NOTIFY_FAILURE | ESMTP_NOTIFY_DELAY;

	if (!addr_is_sane(rcpt->address) || !addr_is_sane(rcpt->original) ||
	    !addr_is_sane(rcpt->orcpt))
		return err_make(ERR_PERM, "bad recipient");
	rcpt->notify &= known;
	return ERR_OK;
}
