/*
 * One blocking call (fsync, a rename on a slow disk, a database) on a thread
 * while the fiber waits.  It cannot be cancelled: the fiber waits for its end,
 * whatever the deadline, so the job may use what the fiber owns.  Without a
 * fiber (no loop, or on such a thread) the call is simply made.
 */
#ifndef RUN_OFFLOAD_H
#define RUN_OFFLOAD_H

#include <stddef.h>

/* At most this many threads (1 to 64) from now on; the default is 20.
 * Threads start when they are needed, block all signals, and never leave. */
void offload_set_threads(size_t n);
/* Bytes of stack of threads that start from now on; the default is 256 KiB. */
void offload_set_stack(size_t bytes);
/* Runs job(arg) elsewhere and returns when it has returned. */
void offload(void (*job)(void *), void *arg);
/*
 * The same for what usually does not block, as the removal of a file: to wake a
 * thread for it would cost more than the call.  One thread does many such jobs,
 * in any order, and others help only if they pile up.
 */
void offload_brief(void (*job)(void *), void *arg);
/*
 * The same in two steps for what ends with a sync: one thread takes all such
 * jobs that wait, begins each, then finishes each.  So what they have written
 * is on its way to the disk together, the file system commits it once, and
 * nobody is woken for each commit of others; another thread begins the next lot
 * meanwhile.  A job that begins slowly holds up the others: it is not for large
 * files, nor where files are made slowly.
 */
void offload_together(
    void (*begin)(void *), void (*finish)(void *), void *arg);
/* Ends the threads (tests); no job may be left. */
void offload_clear(void);

#endif
