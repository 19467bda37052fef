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
	SOON_MS = 5 * 1000,
	/* More than these are not remembered: they are tried at each look. */
	ENTRIES_MAX = 10000,
};

struct entry {
	struct pickup *pickup;
	bool running, again; /* somebody spoke of it meanwhile */
	bool soon;	     /* to be looked at in SOON_MS */
	bool taken;	     /* only to be removed; never without `soon` */
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
set_soon(struct entry *entry, bool soon)
{
	struct pickup *p = entry->pickup;

	p->n_soon += soon - entry->soon;
	/* The next look is to come sooner. */
	if (soon && !entry->soon)
		wait_wake(&p->wanted);
	entry->soon = soon;
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
	entry->taken = end == SUBMIT_TAKEN;
	set_soon(entry, entry->taken || end == SUBMIT_BUSY);
	if (entry->taken ||
	    (end != SUBMIT_DONE && p->entries.n_entries < ENTRIES_MAX)) {
		entry->running = false;
		entry->not_before =
		    clock_ms() + (entry->soon ? SOON_MS : RETRY_MS);
	} else {
		set_soon(entry, false);
		htable_remove(&p->entries, name);
		free(entry);
	}
	p->n_running--;
	wait_queue_wake_one(&p->room);
	if (p->draining && p->n_running == 0)
		loop_stop();
}

/* What is only busy is tried whenever somebody speaks of it. */
static bool
may_begin(const struct entry *entry)
{
	return entry->not_before <= clock_ms() ||
	    (entry->soon && !entry->taken);
}

static void
begin(struct pickup *p, const struct queue_id *name)
{
	struct entry *entry = htable_find(&p->entries, queue_id_view(name));

	if (p->draining)
		return;
	if (entry != NULL && (entry->running || !may_begin(entry))) {
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
			set_soon(x.found, false);
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
		ms = p->n_soon > 0 ? SOON_MS : SCAN_INTERVAL_MS;
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
