/*
 * smtpd -E: what would become of a client's recipient, step by step on standard
 * output (lib/base/trace.h), for barid(8).  The session is a real one up to the
 * end of a message, which is empty, but nothing is counted, kept or queued.
 */
#ifndef SMTPD_EXPLAIN_H
#define SMTPD_EXPLAIN_H

#include "smtpd/access_run.h"

/*
 * -E ask|quiet CLIENT HELO SENDER RECIPIENT SIZE: CLIENT an IP address,
 * the addresses as in SMTP, without < >; SIZE of the message, empty if it is
 * not known.  "ask": policy servers and verification of addresses are asked like
 * everything else; otherwise they are passed over, which is told.  Greylisting
 * and the screen say what they know, and learn nothing.  Opens smtpd, in place
 * of smtpd_open.
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

/* The message would be handed over now: tell what access control ordered for
 * it, and the lines that it would begin with. */
void explain_message(struct session *s);

/* What postscreen_access_list says of the client. */
void explain_screen_list(const char *answer);
/* A test of the screen, and what its failure leads to. */
struct screen_told {
	const char *test, *action;
	bool is_due;	    /* otherwise it was passed, */
	int64_t passed_for; /* and counts so long yet, s */
};
void explain_screen_test(const struct screen_told *told);

#endif
