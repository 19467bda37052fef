/*
 * libunbound's event interface (unbound-event.h) over our loop: its sockets
 * stand in an epoll set of their own, which the loop watches, so that a socket
 * that the library closed too early is no concern of the loop's.
 *
 * All of it runs on the loop's own stack.
 */
#ifndef RESOLVE_EVENT_H
#define RESOLVE_EVENT_H

struct ub_event_base;

/* Makes the base; one per process.  No loop is needed yet.  Dies if the
 * kernel refuses. */
struct ub_event_base *event_base_open(void);
/* From now on the loop serves it. */
void event_base_start(struct ub_event_base *base);
void event_base_close(struct ub_event_base *base);

#endif
