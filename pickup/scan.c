/*
 * Which files of maildrop are there to be taken: read in batches, a bounded
 * number worked on at once, those that could not be submitted left alone for a
 * while.
 */
#include "pickup/pickup.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/run/loop.h"
#include "lib/run/offload.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	RUNNING_MAX = 20,
	BATCH = 64,
	SCAN_INTERVAL_MS = 60 * 1000,
	RETRY_MS = 60 * 1000,
	REMOVE_AGAIN_MS = 10 * 1000,
	/* More than these are not remembered: they are tried at each look. */
	ENTRIES_MAX = 10000,
};

struct entry {
	struct pickup *pickup;
	bool running, again; /* somebody spoke of it meanwhile */
	bool taken;	     /* to be removed, and not to be taken again */
	int64_t not_before;  /* ms of the loop's clock */
	struct queue_id name;
};

struct scan {
	DIR *dir;
	struct queue_id found[BATCH];
	size_t n;
	bool ended;
};

/* On a thread. */
static void
read_some(void *arg)
{
	struct scan *s = arg;

	s->n = 0;
	if (s->dir == NULL)
		s->dir = opendir("maildrop");
	if (s->dir == NULL)
		log_warn("open maildrop: %s", strerror(errno));
	while (s->dir != NULL && s->n < BATCH) {
		struct dirent *entry = readdir(s->dir);
		struct view name;

		if (entry == NULL) {
			closedir(s->dir);
			s->dir = NULL;
			break;
		}
		name = view_of(entry->d_name);
		if (!queue_id_is_valid(name))
			continue;
		s->found[s->n] = (struct queue_id){ "" };
		memcpy(s->found[s->n++].text, name.ptr, name.len);
	}
	s->ended = s->dir == NULL;
}

static void
run_entry(void *arg)
{
	struct entry *entry = arg;
	struct pickup *p = entry->pickup;
	struct view name = queue_id_view(&entry->name);
	enum submit_end end;

	/* It may have been looked at too early. */
	do {
		entry->again = false;
		end = entry->taken ? submit_remove(name) : submit_file(p, name);
	} while (end == SUBMIT_DONE && entry->again);
	p->n_taken += (end == SUBMIT_TAKEN) - entry->taken;
	/* The next look is to come sooner. */
	if (end == SUBMIT_TAKEN && !entry->taken)
		wait_wake(&p->wanted);
	entry->taken = end == SUBMIT_TAKEN;
	if (entry->taken ||
	    (end == SUBMIT_LATER && p->entries.n_entries < ENTRIES_MAX)) {
		entry->running = false;
		entry->not_before = clock_ms() +
		    (entry->taken ? REMOVE_AGAIN_MS : RETRY_MS);
	} else {
		htable_remove(&p->entries, name);
		free(entry);
	}
	p->n_running--;
	wait_queue_wake_one(&p->room);
	if (p->draining && p->n_running == 0)
		loop_stop();
}

static void
begin(struct pickup *p, const struct queue_id *name)
{
	struct entry *entry = htable_find(&p->entries, queue_id_view(name));

	if (p->draining)
		return;
	if (entry != NULL &&
	    (entry->running || entry->not_before > clock_ms())) {
		entry->again = true;
		return;
	}
	if (entry == NULL) {
		entry = xcalloc(1, sizeof(*entry));
		entry->pickup = p;
		entry->name = *name;
		htable_set(&p->entries, queue_id_view(name), entry);
	}
	entry->running = true;
	p->n_running++;
	fiber_spawn("message", run_entry, entry);
}

/* Entries of files that vanished while they waited. */
struct expired {
	int64_t before;
	struct entry *found;
};

static void
find_expired(struct view name, void *value, void *arg)
{
	struct expired *x = arg;
	struct entry *entry = value;

	(void)name;
	if (!entry->running && !entry->taken && entry->not_before < x->before)
		x->found = entry;
}

static void
forget_expired(struct pickup *p)
{
	struct expired x = { clock_ms() - 2 * SCAN_INTERVAL_MS, NULL };

	do {
		x.found = NULL;
		htable_each(&p->entries, find_expired, &x);
		if (x.found != NULL) {
			htable_remove(
			    &p->entries, queue_id_view(&x.found->name));
			free(x.found);
		}
	} while (x.found != NULL);
}

static void
look(struct pickup *p)
{
	struct scan *s = xcalloc(1, sizeof(*s));

	while (!s->ended) {
		offload(read_some, s);
		for (size_t i = 0; i < s->n; i++) {
			while (p->n_running >= RUNNING_MAX)
				wait_queue_for(&p->room, DEADLINE_NEVER);
			begin(p, &s->found[i]);
		}
	}
	free(s);
}

static void
scan_fiber(void *arg)
{
	struct pickup *p = arg;

	for (;;) {
		int64_t ms;

		look(p);
		ms = p->n_taken > 0 ? REMOVE_AGAIN_MS : SCAN_INTERVAL_MS;
		if (wait_for(&p->wanted, loop_now() + ms).kind == ERR_TIME)
			forget_expired(p);
	}
}

void
scan_start(struct pickup *p)
{
	wait_queue_init(&p->room);
	p->wanted = WAIT_EMPTY;
	fiber_spawn("scan", scan_fiber, p);
}

void
scan_hint(struct pickup *p, struct view name)
{
	struct queue_id id = { "" };

	if (!queue_id_is_valid(name) || p->n_running >= RUNNING_MAX) {
		wait_wake(&p->wanted);
		return;
	}
	memcpy(id.text, name.ptr, name.len);
	begin(p, &id);
}

void
scan_drain(struct pickup *p)
{
	p->draining = true;
	if (p->n_running == 0)
		loop_stop();
}
