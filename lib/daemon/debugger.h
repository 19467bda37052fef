/* debugger_command, for daemons that master.cf starts with -D. */
#ifndef DAEMON_DEBUGGER_H
#define DAEMON_DEBUGGER_H

#include "lib/conf/conf.h"

/*
 * Run it by /bin/sh, with $process_name and $process_id in it replaced as in
 * every value, and wait for its end: what must go on goes into the background.
 * Before the drop, since no daemon can execute anything afterwards.  How it
 * ends is logged and changes nothing.
 */
void debugger_run(const struct conf *conf);

#endif
