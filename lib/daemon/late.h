/*
 * An agent whose asker is gone: what it has delivered is told to the qmgr that
 * comes next, with the descriptor of the request, or it would be delivered a
 * second time.
 */
#ifndef DAEMON_LATE_H
#define DAEMON_LATE_H

#include "lib/ipc/messages.h"

/*
 * After the answer to `ask`, when ipc_request_is_lost.  Does nothing unless an
 * outcome is final.  Waits until a qmgr has taken them, refuses them for good,
 * or none came in five minutes (ten seconds if master is gone too); logs how it
 * ended.  The descriptor stays the caller's: close it soon, since the message
 * counts as being delivered as long as it is open.
 */
void late_report(const struct ipc_deliver *ask, struct view outcomes);

#endif
