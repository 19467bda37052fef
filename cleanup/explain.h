/*
 * cleanup -E: what becomes of a message's addresses, step by step on standard
 * output (lib/base/trace.h), for barid(8).  Nothing is queued.
 */
#ifndef CLEANUP_EXPLAIN_H
#define CLEANUP_EXPLAIN_H

#include "cleanup/message.h"

/*
 * -E OVERRIDES SENDER RECIPIENT, OVERRIDES the receive_override_options of who
 * took the message.  The steps "sender" and "recipient" say what comes of them;
 * "failed" that it could not be found out.  The exit status.
 */
int explain_run(struct cleanup *c, int argc, char **argv);

#endif
