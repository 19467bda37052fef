/*
 * Queue IDs: the time in microseconds, which never runs backwards within a
 * process, and the slot number that master gave the process, so that no two
 * are alike.  Printed as Postfix prints its own, so that log analysers and
 * scripts take them: the short form is upper-case hexadecimal, the long one
 * (enable_long_queue_ids) has digits and consonants and sorts by time.
 */
#ifndef MAIL_QUEUE_ID_H
#define MAIL_QUEUE_ID_H

#include "lib/base/view.h"

#include <stdbool.h>
#include <stdint.h>

enum { QUEUE_ID_MAX = 24, QUEUE_SLOTS_MAX = 1024 };

struct queue_id {
	char text[QUEUE_ID_MAX];
};

/* A new one; slot is less than QUEUE_SLOTS_MAX.  *now_us, if not NULL, is the
 * time of day, which may lie before that in it if the clock was set back. */
struct queue_id queue_id_new(int slot, bool long_form, int64_t *now_us);
/* Letters and digits only, 6 to QUEUE_ID_MAX - 1 of them: what may be used as a
 * file's name. */
bool queue_id_is_valid(struct view id);
struct view queue_id_view(const struct queue_id *id);

/* The path of a message in a queue, "active/ID" or "deferred/X/ID" (hashed one
 * level, by the microseconds), relative to the queue directory. */
enum { QUEUE_PATH_MAX = 64 };
struct queue_path {
	char text[QUEUE_PATH_MAX];
};
struct queue_path queue_path_of(const char *queue, struct view id);
/* The name of the folder that deferred mail of this ID stands in. */
char queue_id_hash(struct view id);

#endif
