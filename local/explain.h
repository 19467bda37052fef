/*
 * local -E, virtual -E: the mailbox of a recipient, or what its alias stands
 * for, step by step on standard output (lib/base/trace.h), for barid(8).
 */
#ifndef LOCAL_EXPLAIN_H
#define LOCAL_EXPLAIN_H

#include "local/front.h"

/* -E RECIPIENT.  The step "forward" names an address that would get a message
 * of its own, through cleanup.  The exit status. */
int explain_run(const struct front *f, int argc, char **argv);

#endif
