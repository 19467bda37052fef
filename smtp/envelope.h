/*
 * How a message has to be put for a server, by what that server offers:
 * parameters of MAIL and RCPT, form of the content.  Decided once per
 * transaction.
 */
#ifndef SMTP_ENVELOPE_H
#define SMTP_ENVELOPE_H

#include "lib/mail/esmtp.h"
#include "smtp/delivery.h"
#include "smtp/session.h"

struct envelope {
	bool is_smtputf8;   /* the parameter is given */
	bool is_8bit;	    /* BODY=8BITMIME is given */
	bool is_downgraded; /* 8-bit content becomes quoted-printable */
	bool is_bdat;
	bool is_submitted; /* by a program here, not by SMTP */
};

/* False if this message cannot go to this server; *why says so, for good. */
bool envelope_fit(struct envelope *en, const struct delivery *d,
    const struct session *s, struct why *why);

/* Append the whole command. */
void envelope_add_mail(struct str *out, const struct envelope *en,
    const struct delivery *d, const struct session *s);
void envelope_add_rcpt(struct str *out, const struct envelope *en,
    const struct rcpt *r, const struct session *s);

/* Tell the server where the message came from (XFORWARD), if it takes that and
 * the configuration wants it.  False if the connection failed. */
bool envelope_forward(
    const struct ipc_deliver *ask, struct session *s, struct why *why);

#endif
