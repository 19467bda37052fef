/*
 * Sharing sessions among the processes of a service.  They accept from the same
 * sockets, and the kernel prefers some; so each writes its number of sessions to
 * a page that all have mapped, and who has much more than the average accepts
 * nothing until others have caught up.
 */
#include "lib/daemon/control.h"
#include "lib/daemon/state.h"

#include "lib/base/log.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What the others do shows only by looking.  While nothing happens at all that
 * is done more and more seldom: an idle process is not to wake for nothing. */
enum { LOOK_MS = 20, LOOK_MS_MAX = 500 };

static struct {
	uint32_t n;
	uint64_t sum;
	int64_t wait_ms;
} last = { .wait_ms = LOOK_MS };

void
daemon_open_page(struct daemon *d)
{
	void *p;

	if (!d->managed)
		return;
	daemon_state.managed = true;
	p = mmap(NULL, sizeof(struct control_page), PROT_READ | PROT_WRITE,
	    MAP_SHARED, CONTROL_PAGE_FD, 0);
	if (p == MAP_FAILED)
		die_temp("map the page of counts: %s", strerror(errno));
	close(CONTROL_PAGE_FD);
	daemon_state.page = p;
}

/* The sessions of all that are alive. */
struct census {
	uint64_t sum, alive;
	bool accepts; /* one of the others does, or will within LOOK_MS */
};

static struct census
count_all(const struct daemon *d)
{
	const struct control_page *page = daemon_state.page;
	struct census c = { .sum = 0 };

	for (int i = 0; i < d->processes; i++) {
		uint32_t count =
		    __atomic_load_n(&page->sessions[i], __ATOMIC_RELAXED);

		if (count == 0)
			continue;
		c.sum += count - 1;
		c.alive++;
		if (i != d->process - 1 &&
		    __atomic_load_n(&page->rests[i], __ATOMIC_RELAXED) == 0)
			c.accepts = true;
	}
	return c;
}

struct share_verdict
share_count(struct daemon *d, uint32_t n, uint32_t slack)
{
	struct control_page *page = daemon_state.page;
	struct share_verdict v = { .again_ms = LOOK_MS };
	struct census c;

	if (page == NULL)
		return v;
	/* One more than there are, so that 0 says: not there. */
	__atomic_store_n(&page->sessions[d->process - 1], n + 1,
	    __ATOMIC_RELAXED);
	if (d->processes <= 1)
		return v;
	c = count_all(d);
	v.is_over = c.accepts &&
	    (uint64_t)n * 10 * c.alive >
		c.sum * 11 + (uint64_t)slack * 10 * c.alive;
	v.is_news = n != last.n || c.sum != last.sum;
	last.wait_ms = v.is_news || !v.is_over ? LOOK_MS :
	    last.wait_ms * 2 > LOOK_MS_MAX     ? LOOK_MS_MAX :
						 last.wait_ms * 2;
	last.n = n;
	last.sum = c.sum;
	v.again_ms = last.wait_ms;
	__atomic_store_n(&page->rests[d->process - 1],
	    v.is_over && last.wait_ms > LOOK_MS, __ATOMIC_RELAXED);
	return v;
}
