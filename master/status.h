/*
 * What `barid status` asks: a connection to private/master is answered by one
 * line for each process, and closed.
 */
#ifndef MASTER_STATUS_H
#define MASTER_STATUS_H

/* Open the socket in the queue directory; a failure is only logged. */
void status_open(void);

#endif
