/* Between loop.c and io.c: the slot of a registered descriptor.  Nobody else
 * includes this. */
#ifndef RUN_IO_IMPL_H
#define RUN_IO_IMPL_H

#include <stdbool.h>
#include <stdint.h>

struct wait;

struct io_slot {
	struct wait *reader, *writer; /* parked on it */
	bool registered;
	bool can_read, can_write;     /* reported since somebody looked */
	bool hung_up;                 /* for good: no further edge will come */
	bool wants_write;
};

void io_slot_report(struct io_slot *slot, uint32_t events);
void io_drop_slots(void);

void loop_slot_add(struct io_slot *slot, int fd);
void loop_slot_want_write(struct io_slot *slot, int fd, bool want);
void loop_slot_remove(struct io_slot *slot, int fd);

#endif
