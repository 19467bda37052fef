/*
 * What EHLO offers: one row each, in the order in which clients and scripts
 * know it.
 */
#ifndef SMTPD_OFFER_H
#define SMTPD_OFFER_H

#include "smtpd/session.h"

/* All that this process offers. */
unsigned offer_all(const struct conf *conf);
/* What these words take away; those that are no keyword are warned of. */
unsigned offer_discarded(const char *parameter, struct view words);
/* The same by the maps for this client; if they have nothing or fail, as for
 * all.  May wait. */
unsigned offer_discarded_for(const struct session *s, const char *parameter,
    struct table_list *maps, unsigned otherwise);
/* The answer to EHLO.  May wait, for a table. */
void offer_tell(struct session *s);
/* The parameters of MAIL and RCPT that go with it: enum esmtp_offer. */
unsigned offer_params(const struct session *s);

#endif
