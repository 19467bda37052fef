/*
 * Addresses that could not be connected to a moment ago.  They are passed over
 * for a short time while another one is there, so that one dead mail host of
 * two costs no delivery its time limit.
 */
#ifndef SMTP_HEALTH_H
#define SMTP_HEALTH_H

#include "lib/base/view.h"

enum { HEALTH_SLOTS = 1024, HEALTH_DEAD_MS = 60 * 1000 };

/* Keys that meet in a slot replace each other: then one is just tried. */
struct health {
	struct {
		uint64_t hash;
		int64_t until_ms;
	} slots[HEALTH_SLOTS];
};

void health_set_dead(struct health *h, struct view key, bool is_dead);
bool health_is_dead(const struct health *h, struct view key);

#endif
