/*
 * What EHLO offers: one row each, in the order in which clients and scripts
 * know it.
 */
#ifndef SMTPD_OFFER_H
#define SMTPD_OFFER_H

#include "smtpd/session.h"

/* All that this process offers, but for smtpd_discard_ehlo_keywords; words of
 * it that are no keyword are warned of. */
unsigned offer_all(const struct conf *conf);
/* The answer to EHLO. */
void offer_tell(struct session *s);
/* The parameters of MAIL and RCPT that go with it: enum esmtp_offer. */
unsigned offer_params(const struct session *s);

#endif
