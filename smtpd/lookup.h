/*
 * The DNS as smtpd asks it: with a time limit, and through
 * smtpd_dns_reply_filter.  Every call waits; what it gives is the caller's.
 */
#ifndef SMTPD_LOOKUP_H
#define SMTPD_LOOKUP_H

#include "smtpd/smtpd.h"

/* Records of one type.  A name that cannot be is DNS_INVALID. */
enum dns_status lookup_records(struct smtpd *smtpd, struct view name, int type,
    struct dns_answer *out);
enum dns_status lookup_mx(
    struct smtpd *smtpd, struct view domain, struct dns_mx_list *out);
/* `native`: /etc/hosts before the DNS. */
enum dns_status lookup_addrs(struct smtpd *smtpd, struct view host,
    bool native, struct dns_addr_list *out);

#endif
