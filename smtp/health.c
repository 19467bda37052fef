#include "smtp/health.h"

#include "lib/base/clock.h"
#include "lib/base/htable.h"

void
health_set_dead(struct health *h, struct view key, bool is_dead)
{
	uint64_t hash = hash_bytes(key);
	size_t i = hash % HEALTH_SLOTS;

	if (is_dead) {
		h->slots[i].hash = hash;
		h->slots[i].until_ms = clock_ms() + HEALTH_DEAD_MS;
	} else if (h->slots[i].hash == hash) {
		h->slots[i].until_ms = 0;
	}
}

bool
health_is_dead(const struct health *h, struct view key)
{
	uint64_t hash = hash_bytes(key);
	size_t i = hash % HEALTH_SLOTS;

	return h->slots[i].hash == hash && h->slots[i].until_ms > clock_ms();
}
