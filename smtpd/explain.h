/*
 * smtpd -E: what would become of a client's recipient, step by step on standard
 * output (lib/base/trace.h), for barid(8).  The session is a real one, but
 * nothing is counted, kept or queued, and it ends with the reply to RCPT.
 */
#ifndef SMTPD_EXPLAIN_H
#define SMTPD_EXPLAIN_H

#include "smtpd/access_run.h"

/*
 * -E ask|quiet CLIENT HELO SENDER RECIPIENT: CLIENT an IP address,
 * the addresses as in SMTP, without < >.  "ask": policy servers, greylisting
 * and verification of addresses are asked like everything else; otherwise they
 * are passed over, which is told.  Opens smtpd, in place of smtpd_open.
 */
void explain_open(
    struct smtpd *smtpd, struct conf *conf, int argc, char **argv);
/* After the drop: it is as little as any smtpd.  The exit status. */
int explain_run(struct smtpd *smtpd);

/* Run one restriction, and tell. */
enum access_verdict explain_item(
    struct access *a, const struct access_item *item);
/* The same for what is asked after the lists, if this parameter says so. */
enum access_verdict explain_listed(struct access *a,
    enum access_subject subject, const char *parameter);

#endif
