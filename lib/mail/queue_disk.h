/*
 * What it takes on the queue's file system for a change to outlast a power
 * cut.  All queues stand on one.  These block, as those of queue_file.h do.
 */
#ifndef MAIL_QUEUE_DISK_H
#define MAIL_QUEUE_DISK_H

#include "lib/base/err.h"
#include "lib/base/view.h"

/* Find out, in the queue directory and above the sandbox; whoever does not
 * asks when it first matters, and is told "the worst" if it sees too little. */
void queue_disk_learn(void);
/* fsync, and the directory where the file system does not commit a new
 * file's name with it. */
struct err queue_sync(int fd, const char *queue);
/* Whether several syncs cost little more than one, since the first commits
 * what all of them wait for: so on a file system with a journal. */
bool queue_syncs_together(void);
/* Its pages are on their way to the disk: it waits for none, and nothing is
 * promised before queue_sync.  An error counts, though: what the file system could
 * find no room for is dropped, and the sync need not tell that again. */
struct err queue_start_sync(int fd);
/* After a rename over another file, which is still open: the folder of this
 * path, where the file system may keep a name for a file that is gone. */
void queue_sync_name(const char *path);
/*
 * Move a file within the queue directory, never over another one.  Where a
 * rename could lose both names, the new one is on disk before the old one
 * goes; a file that a crash left with two is moved all the same.  -1 with
 * errno.
 */
int queue_move(const char *from, const char *to);
/* The other names of a file that a crash left with several, for one that is
 * about to be worked on under this one. */
void queue_drop_other_names(const char *queue, struct view id, int fd);
/* Make the folder that deferred mail of this ID stands in, unless it is there.
 * -1 with errno; 1 if it was made. */
int queue_make_folder(struct view id);

#endif
