/*
 * cleanup -E: what becomes of a message's addresses and content, step by step
 * on standard output (lib/base/trace.h), for barid(8).  Nothing is queued.
 */
#ifndef CLEANUP_EXPLAIN_H
#define CLEANUP_EXPLAIN_H

#include "cleanup/message.h"

/*
 * -E OVERRIDES SENDER RECIPIENT MESSAGE [ACTION VALUE]..., OVERRIDES the
 * receive_override_options of who took the message, MESSAGE a file (empty: the
 * content is not known).  ACTION is an order of access control (HOLD, FILTER,
 * REDIRECT, BCC), or ADDS a header line that was put before the message.
 *
 * The steps "sender" and "recipient" say what comes of the addresses, "check"
 * what of the content, "reply" that it is refused, "filter", "hold" and "discard"
 * what becomes of the whole; "failed" that it could not be found out.  The exit
 * status.
 */
int explain_run(struct cleanup *c, int argc, char **argv);

#endif
