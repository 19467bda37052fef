/*
 * Transcripts of sessions with errors, for the postmaster: notify_classes,
 * error_notice_recipient.  What was said by both is kept, within limits, as
 * long as a class is on that an error of this session may have; passwords are
 * not.
 */
#ifndef SMTPD_TRANSCRIPT_H
#define SMTPD_TRANSCRIPT_H

#include "lib/base/view.h"
#include "smtpd/smtpd.h"

struct session;
struct transcript;

/* What an error is about; the classes of notify_classes. */
enum fault {
	FAULT_NONE = 0,
	FAULT_POLICY = 1 << 0,	 /* it is not wanted */
	FAULT_PROTOCOL = 1 << 1, /* the client does not speak SMTP well */
	FAULT_RESOURCE = 1 << 2, /* no room */
	FAULT_SOFTWARE = 1 << 3, /* our own mistake, or the configuration's */
	FAULT_DATA = 1 << 4,	 /* a table cannot be asked */
};

/* Reads notify_classes. */
void transcript_open(struct smtpd *smtpd);

/* From now on, if any class is on. */
void transcript_begin(struct session *s);
/* A line of the client's, and one of ours. */
void transcript_add_in(struct session *s, struct view line);
void transcript_add_out(struct session *s, struct view line);
/* The reply that is said is an error of this kind (enum fault). */
void transcript_blame(struct session *s, unsigned fault);
/* By the words of a reply that no restriction gave. */
void transcript_blame_reply(struct session *s, struct view line);
/* By those of one that did. */
void transcript_blame_refusal(struct session *s, struct view line);
/* A transaction is over: what was long enough is sent, or forgotten.  Waits. */
void transcript_pause(struct session *s);
/* Send it, if it is wanted, and free it.  Waits for cleanup. */
void transcript_end(struct session *s);

/* Append a line of a transcript: folded, clean, with its end. */
void transcript_add_line(struct str *out, const char *who, struct view line);

#endif
