/*
 * A message on its way into maildrop: the file is made, filled from frames
 * that are looked at (intake.h), synced, and pickup told.  For postdrop, and
 * for sendmail where its caller may write to maildrop himself.
 */
#ifndef SENDMAIL_DROPPER_H
#define SENDMAIL_DROPPER_H

#include "lib/conf/light.h"
#include "lib/mail/queue_id.h"
#include "sendmail/intake.h"

struct dropper {
	struct intake intake; /* first: fed by the caller */
	struct queue_id id;   /* the name, once the file is there */
	/* private */
	gid_t group, own_group;
	bool long_ids;
	int fd;
	struct str buffer; /* not written yet */
	int64_t written;   /* bytes of the file */
	uint32_t sum;      /* of the content so far */
};

/* Lays the group of a set-gid program down until it is needed. */
void dropper_init(struct dropper *p);
void dropper_clear(struct dropper *p);
/* Is the caller allowed to, how large may it be?  Changes to the queue
 * directory.  ERR_PERM, ERR_TEMP; may run postmap(1). */
struct err dropper_configure(struct dropper *p, struct conf_light *conf);
/* Create the file, locked.  Then feed the intake. */
struct err dropper_create(struct dropper *p);
/* The intake is committed: the message is safe on disk after this. */
struct err dropper_commit(struct dropper *p);
/* After the commit: let pickup have it. */
void dropper_close(struct dropper *p);
/* After an error: nothing is left. */
void dropper_remove(struct dropper *p);

#endif
