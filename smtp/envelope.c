/* What a server is told of a message: see envelope.h. */
#include "smtp/envelope.h"

#include "lib/base/mem.h"
#include "lib/mail/addr.h"
#include "lib/mail/xtext.h"
#include "smtp/body.h"
#include "smtp/checks.h"
#include "smtp/generic.h"

#include <inttypes.h>

/* Does anything but the content's body need RFC 6531? */
static bool
needs_smtputf8(const struct delivery *d)
{
	if (!view_is_ascii(d->sender))
		return true;
	for (size_t i = 0; i < d->n_rcpts; i++)
		if (d->rcpts[i].state != RCPT_DONE &&
		    !view_is_ascii(d->rcpts[i].address))
			return true;
	return (d->ask.flags & SUBMIT_SMTPUTF8) != 0 &&
	    (d->ask.flags & SUBMIT_EIGHT_BIT) != 0 &&
	    body_has_8bit_header(&d->ask);
}

bool
envelope_fit(struct envelope *en, const struct delivery *d,
    const struct session *s, struct why *why)
{
	unsigned offers = s->peer.offers;
	bool has_8bit = (d->ask.flags & SUBMIT_EIGHT_BIT) != 0;

	*en = (struct envelope){ .is_submitted = d->ask.client_addr.len == 0 };
	if (s->peer.size_max > 0 && d->ask.size > s->peer.size_max) {
		why_set(why, DSN_STATUS(5, 3, 4),
		    "message size %" PRId64 " exceeds size limit %" PRId64
		    " of server %s",
		    d->ask.size, s->peer.size_max, s->name.ptr);
		return false;
	}
	if ((offers & PEER_SMTPUTF8) != 0) {
		en->is_smtputf8 =
		    (d->ask.flags & SUBMIT_SMTPUTF8) != 0 || needs_smtputf8(d);
	} else if (needs_smtputf8(d)) {
		why_set(why, DSN_STATUS(5, 6, 7),
		    "SMTPUTF8 is required, but was not offered by host %s",
		    s->name.ptr);
		return false;
	}
	if ((offers & PEER_8BITMIME) != 0)
		en->is_8bit =
		    has_8bit || (d->ask.flags & SUBMIT_BODY_8BITMIME) != 0;
	else
		en->is_downgraded = has_8bit && d->set->convert_8bit;
	/* Its size must be known before. */
	en->is_bdat = (offers & PEER_CHUNKING) != 0 && !en->is_downgraded &&
	    !generic_is_on(d->set) && !checks_are_on(d->set) &&
	    (d->ask.flags & SUBMIT_PROBE) == 0 &&
	    body_is_fit_for_bdat(&d->ask, s);
	return true;
}

static const struct {
	int64_t ret;
	const char *text;
} rets[] = {
	{ ESMTP_RET_FULL, " RET=FULL" },
	{ ESMTP_RET_HDRS, " RET=HDRS" },
};

void
envelope_add_mail(struct str *out, const struct envelope *en,
    const struct delivery *d, const struct session *s)
{
	const struct ipc_deliver *ask = &d->ask;
	unsigned offers = s->peer.offers;

	str_add_text(out, "MAIL FROM:<");
	addr_to_external(out, d->sender);
	str_add_byte(out, '>');
	if ((offers & PEER_SIZE) != 0)
		str_addf(out, " SIZE=%" PRId64, ask->size);
	if (en->is_8bit)
		str_add_text(out, " BODY=8BITMIME");
	if (en->is_smtputf8)
		str_add_text(out, " SMTPUTF8");
	if ((offers & PEER_DSN) != 0) {
		for (size_t i = 0; i < ARRAY_LEN(rets); i++)
			if (ask->ret == rets[i].ret)
				str_add_text(out, rets[i].text);
		if (ask->envid.len > 0) {
			str_add_text(out, " ENVID=");
			xtext_encode(out, ask->envid, 0);
		}
	}
	str_add_text(out, "\r\n");
}

/* What the sender said of it, else the address before aliases (RFC 3461
 * 5.2.1).  One that a program here left without domain is completed (origin). */
static void
add_orcpt(struct str *out, const struct ipc_rcpt *rcpt, const char *origin,
    bool is_smtputf8)
{
	struct str orcpt = STR_EMPTY, external = STR_EMPTY;
	size_t at = view_find(rcpt->orcpt, ';');

	if (at != VIEW_NPOS && view_is_ascii(rcpt->orcpt)) {
		str_add(&orcpt, view_first(rcpt->orcpt, at + 1));
		xtext_encode(&orcpt, view_skip(rcpt->orcpt, at + 1), 0);
	} else if (at != VIEW_NPOS) {
		esmtp_add_orcpt(&orcpt, view_skip(rcpt->orcpt, at + 1));
	} else {
		struct view from =
		    rcpt->original.len > 0 ? rcpt->original : rcpt->address;

		addr_to_external(&external, from);
		if (origin != NULL && addr_domain(from).len == 0)
			str_addf(&external, "@%s", origin);
		esmtp_add_orcpt(&orcpt, str_view(&external));
	}
	if (orcpt.len <= ESMTP_ORCPT_MAX &&
	    esmtp_orcpt_is_valid(str_view(&orcpt), is_smtputf8)) {
		str_add_text(out, " ORCPT=");
		str_add(out, str_view(&orcpt));
	}
	str_clear(&orcpt);
	str_clear(&external);
}

void
envelope_add_rcpt(struct str *out, const struct envelope *en,
    const struct rcpt *r, const struct session *s)
{
	const struct ipc_rcpt *rcpt = &r->ask;

	str_add_text(out, "RCPT TO:<");
	addr_to_external(out, r->address);
	str_add_byte(out, '>');
	if ((s->peer.offers & PEER_DSN) != 0) {
		if (rcpt->notify != 0) {
			str_add_text(out, " NOTIFY=");
			esmtp_add_notify(out, (unsigned)rcpt->notify);
		}
		add_orcpt(out, rcpt,
		    en->is_submitted ? s->set->myorigin : NULL,
		    en->is_smtputf8);
	}
	str_add_text(out, "\r\n");
}

/* --- XFORWARD --- */

struct forward {
	unsigned bit;
	const char *name;
	size_t offset; /* of a view in struct ipc_deliver */
};

static const struct forward forward_name[] = {
	{ PEER_FORWARD_NAME, "NAME",
	    offsetof(struct ipc_deliver, client_name) },
	{ PEER_FORWARD_ADDR, "ADDR",
	    offsetof(struct ipc_deliver, client_addr) },
};
static const struct forward forward_proto[] = {
	{ PEER_FORWARD_PROTO, "PROTO", offsetof(struct ipc_deliver, protocol) },
	{ PEER_FORWARD_HELO, "HELO", offsetof(struct ipc_deliver, helo) },
	{ PEER_FORWARD_IDENT, "IDENT", offsetof(struct ipc_deliver, queue_id) },
};

static void
add_forward(
    struct str *out, const struct forward *f, const struct ipc_deliver *ask)
{
	struct view value;

	memcpy(&value, (const char *)ask + f->offset, sizeof(value));
	str_addf(out, " %s=", f->name);
	if (value.len == 0) {
		str_add_text(out, "[UNAVAILABLE]");
		return;
	}
	if (f->bit == PEER_FORWARD_ADDR && view_find(value, ':') != VIEW_NPOS)
		str_add_text(out, "IPV6:");
	xtext_encode(out, value, 0);
}

/* One command with those of the rows that the server takes.  What it replies
 * does not matter. */
static bool
send_forward(struct session *s, const struct ipc_deliver *ask,
    const struct forward *rows, size_t n_rows, bool with_source,
    enum phase phase, struct why *why)
{
	struct str args = STR_EMPTY;
	bool ok = true;

	for (size_t i = 0; i < n_rows; i++)
		if ((s->peer.forwards & rows[i].bit) != 0)
			add_forward(&args, &rows[i], ask);
	if (with_source && (s->peer.forwards & PEER_FORWARD_SOURCE) != 0)
		str_add_text(&args,
		    ask->client_addr.len > 0 ? " SOURCE=REMOTE"
					     : " SOURCE=LOCAL");
	if (args.len > 0)
		ok = session_is_in_step(s, phase, why);
	if (args.len > 0 && ok) {
		session_sayf(s, "XFORWARD%s\r\n", args.ptr);
		ok = session_next_reply(s, phase, why);
	}
	str_clear(&args);
	return ok;
}

bool
envelope_forward(
    const struct ipc_deliver *ask, struct session *s, struct why *why)
{
	if (!s->set->send_xforward || (s->peer.offers & PEER_XFORWARD) == 0)
		return true;
	return send_forward(s, ask, forward_name, ARRAY_LEN(forward_name),
		   false, PHASE_XFORWARD_NAME, why) &&
	    send_forward(s, ask, forward_proto, ARRAY_LEN(forward_proto), true,
		PHASE_XFORWARD_PROTO, why);
}
