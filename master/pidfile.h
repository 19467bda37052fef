/* The pid file, which is locked for life: one master per queue directory. */
#ifndef MASTER_PIDFILE_H
#define MASTER_PIDFILE_H

/* Lock and write pid/master.pid in the queue directory, or die. */
void pidfile_take(void);

#endif
