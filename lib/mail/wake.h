/*
 * Telling pickup that there is something for it in maildrop.
 */
#ifndef MAIL_WAKE_H
#define MAIL_WAKE_H

#include "lib/base/view.h"

/* pickup's socket in the queue directory, where we are: `name` is there.  If it
 * does not run it will look when it starts.  Does not wait. */
void wake_pickup(const char *socket_path, struct view name);

#endif
