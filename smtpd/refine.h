/*
 * What the administrator has for replies and commands as a whole:
 * smtpd_reject_footer, smtpd_reject_filter_maps, smtpd_command_filter; while the
 * screen tests a client, the same with postscreen_, where there is one.
 */
#ifndef SMTPD_REFINE_H
#define SMTPD_REFINE_H

#include "smtpd/session.h"

/* A reply of class 4 or 5 may get another text or more lines. */
bool refine_has_replies(const struct session *s);
/*
 * The lines to say in place of `line`, with '\n' between them, without their
 * ends: "550-5.1.1 No such user\n550 5.1.1 For help call 123".  May wait.
 */
void refine_reply(struct session *s, struct view line, struct str *out);

/* What to take for the client's command; the result is in *memory if it is
 * another.  False, and the session ends, if that cannot be found out. */
bool refine_command(
    struct session *s, struct view *line, struct str *memory);

#endif
