/*
 * Access control: lists of restrictions, checked in the order client, helo,
 * sender, relay, recipient.  A restriction is a row of a table; one that the
 * table does not have refuses with 451, so that a mistake never makes an open
 * relay.
 */
#ifndef SMTPD_ACCESS_H
#define SMTPD_ACCESS_H

#include "smtpd/session.h"

/* What all lists share: classes, tables that restrictions ask by themselves.
 * Before the lists, and before the drop. */
void access_open(struct smtpd *smtpd);
void access_close(struct smtpd *smtpd);
/* A table of any list or class was replaced. */
bool access_has_changed(const struct smtpd *smtpd);
/* Parse a list and open its tables: before the drop.  Never fails: what cannot
 * be is a restriction that refuses temporarily and says so in the log. */
struct access_list *access_list_open(
    struct smtpd *smtpd, const char *parameter, const char *value);
/* smtpd_restriction_classes; access_open calls it. */
void access_classes_open(struct smtpd *smtpd);
void access_list_close(struct access_list *l);
bool access_list_has_changed(const struct access_list *l);
/* Whether mail for other hosts is refused in the end: by what has ACCESS_GUARDS,
 * here or in a class of the list. */
bool access_list_guards_relay(const struct access_list *l);

/*
 * Check one list (for `where`, the command as logs name it).  False: refused,
 * the refusal is logged, and *refusal is the reply's line.  Waits.
 */
bool access_check_stage(struct session *s, enum access_stage stage,
    const char *where, struct str *refusal);
/* What this stage and those behind it left to say at RCPT: they come again. */
void access_forget_doubts(struct session *s, enum access_stage stage);
/* RCPT: all lists that are due, and that the recipient exists. */
bool access_check_rcpt(
    struct session *s, struct view recipient, struct str *refusal);
/* VRFY: only that it exists, and only for who may send to it. */
bool access_check_vrfy(
    struct session *s, struct view recipient, struct str *refusal);
bool access_check_etrn(
    struct session *s, struct view domain, struct str *refusal);
/* Say it; 421 and 521 end the session. */
void access_say(struct session *s, struct str *refusal);
/* Is the client one of local_header_rewrite_clients? */
bool access_is_local_client(struct session *s);

#endif
