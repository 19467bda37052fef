/*
 * Messages that wait: in memory 80 bytes each (measured with 10^6).  Most are in
 * a heap by time, so that a queue run touches what is due and nothing else; the
 * files' times say the same on disk; after a start the folders are read in the
 * background.  Others stand in line for a destination that has enough: due.c.
 */
#include "qmgr/waiting.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/mail/queue_rewrite.h"
#include "lib/run/offload.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	READ_BATCH = 256,
	/* A clock is slewed by less between two looks. */
	JUMP_US = 10 * 1000000,
};

static struct {
	struct waiting **heap;
	size_t n, room;
	size_t n_known; /* in the heap, or in line */
	/* By ID; an htable would copy each ID once more. */
	struct waiting **buckets;
	size_t n_buckets;
	struct timer timer;
} deferred;

/* --- by ID --- */

enum { BUCKETS_FIRST = 1024 };

static struct waiting **
bucket_of(struct view id)
{
	return &deferred.buckets[hash_bytes(id) & (deferred.n_buckets - 1)];
}

/* Where the pointer to it stands; at NULL if it is not there. */
static struct waiting **
find_place(struct view id)
{
	struct waiting **at = bucket_of(id);

	while (*at != NULL && !view_eq(view_of((*at)->id), id))
		at = &(*at)->next;
	return at;
}

static struct waiting *
find(struct view id)
{
	return deferred.n_known > 0 ? *find_place(id) : NULL;
}

static void
grow_buckets(void)
{
	struct waiting **old = deferred.buckets;
	size_t n_old = deferred.n_buckets;

	deferred.n_buckets = n_old > 0 ? n_old * 2 : BUCKETS_FIRST;
	deferred.buckets =
	    xcalloc(deferred.n_buckets, sizeof(*deferred.buckets));
	for (size_t i = 0; i < n_old; i++) {
		struct waiting *w = old[i];

		while (w != NULL) {
			struct waiting *next = w->next;
			struct waiting **at = bucket_of(view_of(w->id));

			w->next = *at;
			*at = w;
			w = next;
		}
	}
	free(old);
}

/* --- the heap --- */

static void
put(size_t place, struct waiting *w)
{
	deferred.heap[place] = w;
	w->place = (uint32_t)place;
}

static void
move_up(size_t place)
{
	struct waiting *w = deferred.heap[place];

	while (place > 1 && deferred.heap[place / 2]->due > w->due) {
		put(place, deferred.heap[place / 2]);
		place /= 2;
	}
	put(place, w);
}

static void
move_down(size_t place)
{
	struct waiting *w = deferred.heap[place];
	size_t child;

	while ((child = place * 2) <= deferred.n) {
		if (child < deferred.n &&
		    deferred.heap[child + 1]->due < deferred.heap[child]->due)
			child++;
		if (deferred.heap[child]->due >= w->due)
			break;
		put(place, deferred.heap[child]);
		place = child;
	}
	put(place, w);
}

/* After many have become due sooner. */
static void
sift_all(void)
{
	for (size_t i = deferred.n / 2; i >= 1; i--)
		move_down(i);
}

static void
take_off_heap(struct waiting *w)
{
	size_t place = w->place;
	struct waiting *last = deferred.heap[deferred.n--];

	if (last != w) {
		put(place, last);
		move_up(place);
		move_down(last->place);
	}
}

static void
put_on_heap(struct waiting *w, uint32_t due)
{
	if (deferred.n + 2 > deferred.room) {
		deferred.room = deferred.room > 0 ? deferred.room * 2 : 1024;
		deferred.heap = xreallocarray(deferred.heap, deferred.room,
		    sizeof(*deferred.heap));
	}
	w->due = due;
	put(++deferred.n, w);
	move_up(w->place);
}

/* --- */

size_t
deferred_count(void)
{
	return deferred.n_known;
}

bool
deferred_has(struct view id)
{
	return find(id) != NULL;
}

static void
on_due(struct timer *t)
{
	(void)t;
	deferred_wake();
}

void
waiting_set_timer(void)
{
	int64_t ms;

	if (deferred.n == 0)
		return;
	ms = ((int64_t)deferred.heap[1]->due - clock_wall()) * 1000;
	timer_set(&deferred.timer, loop_now() + (ms > 0 ? ms : 0) + 1,
	    on_due);
}

/* Where it was to go, in lower case. */
static uint32_t
site_hash(struct view site)
{
	struct str lower = STR_EMPTY;
	uint32_t hash;

	if (site.len == 0)
		return 0;
	str_add(&lower, site);
	str_lower(&lower);
	hash = (uint32_t)hash_bytes(str_view(&lower));
	str_clear(&lower);
	return hash != 0 ? hash : 1;
}

/* Clocks jump: what is due later than any back-off allows is due now. */
static bool
is_due(int64_t due)
{
	int64_t now = clock_wall();

	return due <= now ||
	    due > now + qmgr.conf->maximal_backoff_time + 3600;
}

struct waiting *
waiting_find_due(void)
{
	return deferred.n > 0 && is_due(deferred.heap[1]->due) ?
	    deferred.heap[1] :
	    NULL;
}

static struct waiting *
waiting_new(struct view id)
{
	struct waiting *w = xcalloc(1, sizeof(*w) + id.len + 1);

	memcpy(w->id, id.ptr, id.len);
	if (deferred.n_known >= deferred.n_buckets)
		grow_buckets();
	*find_place(id) = w;
	deferred.n_known++;
	return w;
}

void
waiting_forget(struct waiting *w)
{
	if (!w->in_line)
		take_off_heap(w);
	*find_place(view_of(w->id)) = w->next;
	deferred.n_known--;
	/* The line is linked one way: its head frees what is gone. */
	if (w->in_line)
		w->id[0] = '\0';
	else
		free(w);
}

void
waiting_put_off(struct waiting *w, int64_t due_s)
{
	if (!w->in_line)
		take_off_heap(w);
	w->in_line = false;
	put_on_heap(w, (uint32_t)due_s);
	if (w->place == 1)
		waiting_set_timer();
}

struct waiting *
waiting_take_off_heap(struct view id)
{
	struct waiting *w = find(id);

	if (w != NULL && w->in_line)
		return NULL;
	if (w == NULL)
		w = waiting_new(id);
	else
		take_off_heap(w);
	w->in_line = true;
	w->later = NULL;
	return w;
}

static struct waiting *
add(struct view id, int64_t due_s)
{
	struct waiting *w = find(id);
	uint32_t due =
	    is_due(due_s) ? (uint32_t)clock_wall() : (uint32_t)due_s;

	/* Who stood in line gets a time: it is known anew. */
	if (w != NULL && w->in_line) {
		waiting_forget(w);
		w = NULL;
	}
	if (w == NULL)
		w = waiting_new(id);
	else
		take_off_heap(w);
	put_on_heap(w, due);
	if (w->place == 1)
		waiting_set_timer();
	return w;
}

void
deferred_add(struct view id, int64_t due_s, const char *site)
{
	struct waiting *w = add(id, due_s);

	if (site != NULL)
		w->site = site_hash(view_of(site));
}

void
deferred_add_tried(struct view id, int64_t due_s, const char *site,
    uint32_t where, int64_t must_s)
{
	struct waiting *w = add(id, due_s);

	w->site = site != NULL ? site_hash(view_of(site)) : 0;
	w->where = where;
	w->must = (uint32_t)must_s;
}

void
deferred_set_answered(struct view id)
{
	struct waiting *w = find(id);

	if (w != NULL)
		w->answered = true;
}

void
deferred_remove(struct view id)
{
	struct waiting *w = find(id);

	if (w != NULL)
		waiting_forget(w);
}

bool
deferred_flush_id(struct view id)
{
	struct waiting *w = find(id);

	if (w == NULL)
		return false;
	if (w->in_line) {
		deferred_add(id, clock_wall(), NULL);
	} else {
		w->must = 0;
		w->due = 0;
		move_up(w->place);
	}
	deferred_wake();
	return true;
}

/* What stands in line is due anyway. */
size_t
deferred_flush(struct view site)
{
	uint32_t hash = site_hash(site);
	size_t n = 0;

	for (size_t i = 1; i <= deferred.n; i++) {
		if (site.len > 0 && deferred.heap[i]->site != hash &&
		    deferred.heap[i]->site != 0)
			continue;
		deferred.heap[i]->due = 0;
		n++;
	}
	sift_all();
	deferred_wake();
	return n;
}

/* The clock was set back: of what is now due too far away only the first of the
 * heap would be noticed, and only while nothing else waits before it. */
void
waiting_notice_clock(void)
{
	static int64_t last_us;
	int64_t now_us = clock_wall_us() - clock_us();
	bool back = last_us - now_us > JUMP_US;

	last_us = now_us;
	if (!back)
		return;
	log_info("the clock was set back");
	for (size_t i = 1; i <= deferred.n; i++)
		if (is_due(deferred.heap[i]->due))
			deferred.heap[i]->due = 0;
	sift_all();
}

/* --- reading the folders --- */

struct folder {
	char path[16];
	DIR *dir;
	struct {
		struct queue_id id;
		int64_t due;
	} found[READ_BATCH];
	size_t n;
	bool ended, failed;
};

/* The end of the folder, or of what can be read of it now. */
static void
end_folder(struct folder *f)
{
	f->failed = errno != 0 && errno != ENOENT;
	if (f->failed)
		log_warn("read %s: %s", f->path, strerror(errno));
	if (f->dir != NULL)
		closedir(f->dir);
	f->dir = NULL;
	f->ended = true;
}

static void
read_folder(void *arg)
{
	struct folder *f = arg;
	struct dirent *entry;

	f->n = 0;
	if (f->dir == NULL)
		f->dir = opendir(f->path);
	if (f->dir == NULL) {
		end_folder(f);
		return;
	}
	while (f->n < READ_BATCH) {
		struct view name;
		struct stat st;

		errno = 0;
		entry = readdir(f->dir);
		if (entry == NULL) {
			end_folder(f);
			return;
		}
		name = view_of(entry->d_name);
		if (queue_rewrite_is_litter(name))
			unlinkat(dirfd(f->dir), entry->d_name, 0);
		if (!queue_id_is_valid(name) ||
		    fstatat(dirfd(f->dir), entry->d_name, &st,
			AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		memset(&f->found[f->n], 0, sizeof(f->found[0]));
		memcpy(f->found[f->n].id.text, name.ptr, name.len);
		f->found[f->n++].due = st.st_mtim.tv_sec;
	}
}

static void
take_found(const struct folder *f)
{
	for (size_t i = 0; i < f->n; i++) {
		struct view id = queue_id_view(&f->found[i].id);

		/* What is known is known better. */
		if (message_find(id) == NULL && !deferred_has(id))
			deferred_add(id, f->found[i].due, NULL);
	}
}

static void
read_all(void *arg)
{
	static const char hashes[] = "0123456789ABCDEF";

	(void)arg;
	for (size_t i = 0; hashes[i] != '\0'; i++) {
		struct folder *f = xcalloc(1, sizeof(*f));

		memcpy(f->path, "deferred/", 9);
		f->path[9] = hashes[i];
		while (!f->ended) {
			offload(read_folder, f);
			take_found(f);
			if (err_is(fiber_yield()))
				break;
			/* Nobody else would ever look for what is in there. */
			if (f->failed) {
				f->ended = f->failed = false;
				fiber_sleep(DISK_RETRY_MS);
			}
		}
		free(f);
	}
	deferred_wake();
}

void
deferred_start(void)
{
	fiber_spawn("deferred", due_run, NULL);
	fiber_spawn("read deferred", read_all, NULL);
}
