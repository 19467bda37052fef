/*
 * The screen: tests of a client before anything that it says counts.  What is a
 * process of its own elsewhere (postscreen) is the beginning of a session here,
 * since a session that waits costs next to nothing; who passes goes on without
 * having to come again.
 *
 * Before the greeting: lists of clients that are let in or not, does it wait
 * for its turn to speak, do DNS lists know it.  After it: does it send commands
 * ahead, commands of other protocols, lines that end in LF alone.  Who passed
 * is remembered by `state`.  A test that fails is ignored, or all recipients
 * are refused, or the session ends, as the test's action says.
 */
#ifndef SMTPD_SCREEN_H
#define SMTPD_SCREEN_H

#include "lib/run/stream.h"
#include "smtpd/session.h"

/* Reads and opens what the parameters name; before the drop.  Dies with the
 * parameter's name if that cannot be. */
void screen_open(struct smtpd *smtpd);
void screen_close(struct smtpd *smtpd);
bool screen_tables_changed(const struct smtpd *smtpd);

/* The tests before the greeting.  False: the session is over, and all is said.
 * Waits.  s->screen is set if something is left to be done. */
bool screen_admit(struct session *s);
/* The client is refused: nothing need be known of it. */
bool screen_has_refused(const struct session *s);
/* A line that came.  False: the session is over. */
bool screen_line(struct session *s, struct view line, enum stream_eol eol);
/* The line was too long: the session is over. */
void screen_line_is_too_long(struct session *s);
/* What a client that is refused says, and our reply. */
void screen_dispatch(struct session *s, struct view line);
/* What is not to be offered to this client (enum offer); what was taken out of
 * what smtpd offers is in s->discarded.  May wait, for a table. */
unsigned screen_hidden_offers(const struct session *s);
/* The client has shown all that the tests look at. */
void screen_passed(struct session *s);
/* The end of the session. */
void screen_end(struct session *s);

#endif
