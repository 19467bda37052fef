/*
 * Reading the folders for messages that are not known: at start, whenever room
 * returns, and every queue_run_delay, since cleanup's notice may be lost.
 */
#include "qmgr/qmgr.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/mail/queue_rewrite.h"
#include "lib/run/offload.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SCAN_BATCH = 64 };

struct scan {
	const char *queue;
	DIR *dir;
	struct queue_id found[SCAN_BATCH];
	size_t n;
	bool ended;
};

static struct wait scan_wanted = WAIT_EMPTY;

static void
read_some(void *arg)
{
	struct scan *s = arg;

	s->n = 0;
	if (s->dir == NULL)
		s->dir = opendir(s->queue);
	while (s->dir != NULL && s->n < SCAN_BATCH) {
		struct dirent *entry = readdir(s->dir);
		struct view name;

		if (entry == NULL) {
			closedir(s->dir);
			s->dir = NULL;
			break;
		}
		name = view_of(entry->d_name);
		if (queue_rewrite_is_litter(name))
			unlinkat(dirfd(s->dir), entry->d_name, 0);
		if (!queue_id_is_valid(name))
			continue;
		memset(&s->found[s->n], 0, sizeof(s->found[0]));
		memcpy(s->found[s->n++].text, name.ptr, name.len);
	}
	s->ended = s->dir == NULL;
}

static bool
is_room(void)
{
	return (int64_t)qmgr.n_messages - qmgr.n_crowded <
	    qmgr.conf->qmgr_message_active_limit * 3 / 4;
}

static void
scan_queue(const char *queue)
{
	struct scan *s = xcalloc(1, sizeof(*s));

	s->queue = queue;
	while (!s->ended) {
		offload(read_some, s);
		for (size_t i = 0; i < s->n; i++) {
			struct view id = queue_id_view(&s->found[i]);

			while (!is_room() && !qmgr.draining)
				fiber_sleep(100);
			if (message_find(id) == NULL && !deferred_has(id))
				message_open(queue, id);
		}
	}
	free(s);
}

static void
scan_fiber(void *arg)
{
	(void)arg;
	while (!qmgr.draining) {
		scan_queue("active");
		scan_queue("incoming");
		wait_for(&scan_wanted, deadline_in(qmgr.conf->queue_run_delay));
	}
}

void
scan_start(void)
{
	static bool started;

	if (!started)
		fiber_spawn("scan", scan_fiber, NULL);
	else
		wait_wake(&scan_wanted);
	started = true;
}
