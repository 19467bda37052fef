/*
 * An SMTP dialogue in the log, for peers in debug_peer_list and services that
 * run with -v:
 *
 *	> client.example[192.0.2.1]: 250 2.1.0 Ok
 *	< client.example[192.0.2.1]: RCPT TO:<user@example.org>
 *
 * Commands and replies only: never content, and never what may be a secret.
 * The caller has asked before whether the session is of interest, so that
 * others pay one branch.
 */
#ifndef MAIL_DIALOGUE_H
#define MAIL_DIALOGUE_H

#include "lib/base/view.h"

enum dialogue_direction { DIALOGUE_SENT = '>', DIALOGUE_RECEIVED = '<' };

/* debug_peer_level: from here on also whatever else the session does. */
enum { DIALOGUE_LEVEL_ALL = 2 };

/* One line each of the text's.  What follows AUTH and its mechanism is left
 * out.  Level debug, told whether that is on or not. */
void dialogue_log(
    enum dialogue_direction direction, const char *peer, struct view text);

#endif
