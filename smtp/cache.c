/* Sessions between two deliveries: see cache.h. */
#include "smtp/cache.h"

#include "lib/base/clock.h"
#include "lib/base/htable.h"

#include <sys/socket.h>

void
cache_init(struct cache *c)
{
	list_init(&c->by_age);
	for (size_t i = 0; i < CACHE_BUCKETS; i++) {
		list_init(&c->by_dest[i]);
		list_init(&c->by_target[i]);
	}
	c->n = 0;
}

static void
unlink_session(struct session *s)
{
	timer_cancel(&s->idle);
	list_remove(&s->by_age);
	list_remove(&s->by_dest);
	list_remove(&s->by_target);
	s->cache->n--;
	s->cache = NULL;
}

/* Without waiting, for the loop's stack: a QUIT if it fits at once. */
static void
drop(struct session *s)
{
	static const char quit[] = "QUIT\r\n";
	ssize_t n;

	unlink_session(s);
	/* Best effort: the server sees the end of the connection anyway. */
	n = send(s->io.fd, quit, sizeof(quit) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)n;
	session_free(s);
}

static void
idle_is_over(struct timer *t)
{
	drop(LIST_ITEM(t, struct session, idle));
}

void
cache_clear(struct cache *c)
{
	LIST_EACH (it, after, &c->by_age)
		drop(LIST_ITEM(it, struct session, by_age));
}

static bool
is_used_up(const struct session *s)
{
	const struct settings *set = s->set;

	if (set->reuse_count_limit > 0 &&
	    (int64_t)s->uses >= set->reuse_count_limit)
		return true;
	return set->reuse_time_limit > 0 &&
	    clock_ms() - s->opened_ms >= set->reuse_time_limit * 1000;
}

/* Give it out, or drop it if the server has closed or said 421 meanwhile. */
static struct session *
give(struct session *s)
{
	if (is_used_up(s) || stream_has_input(&s->io)) {
		drop(s);
		return NULL;
	}
	unlink_session(s);
	return s;
}

struct session *
cache_find_dest(struct cache *c, struct view dest_key)
{
	uint64_t hash = hash_bytes(dest_key);

	LIST_EACH (it, after, &c->by_dest[hash % CACHE_BUCKETS]) {
		struct session *s = LIST_ITEM(it, struct session, by_dest);

		if (s->dest_hash != hash ||
		    !view_eq(str_view(&s->dest_key), dest_key))
			continue;
		s = give(s);
		if (s != NULL)
			return s;
	}
	return NULL;
}

struct session *
cache_find_target(struct cache *c, struct view target_key)
{
	uint64_t hash = hash_bytes(target_key);

	LIST_EACH (it, after, &c->by_target[hash % CACHE_BUCKETS]) {
		struct session *s = LIST_ITEM(it, struct session, by_target);

		if (s->target_hash != hash ||
		    !view_eq(str_view(&s->target_key), target_key))
			continue;
		s = give(s);
		if (s != NULL)
			return s;
	}
	return NULL;
}

static void
keep(struct cache *c, struct session *s)
{
	if (c->n >= CACHE_MAX)
		drop(LIST_ITEM(list_first(&c->by_age), struct session, by_age));
	s->cache = c;
	c->n++;
	list_append(&c->by_age, &s->by_age);
	/* The youngest first: the others may grow old and be closed. */
	if (s->dest_key.len > 0) {
		s->dest_hash = hash_bytes(str_view(&s->dest_key));
		list_prepend(
		    &c->by_dest[s->dest_hash % CACHE_BUCKETS], &s->by_dest);
	}
	s->target_hash = hash_bytes(str_view(&s->target_key));
	list_prepend(
	    &c->by_target[s->target_hash % CACHE_BUCKETS], &s->by_target);
	timer_set(
	    &s->idle, deadline_in_ms(s->set->idle_limit * 1000), idle_is_over);
}

void
cache_take(struct cache *c, struct session *s)
{
	if (!loop_is_on() || !s->set->keep_sessions ||
	    s->set->idle_limit <= 0 || is_used_up(s) || !session_reset(s) ||
	    session_has_early_reply(s))
		session_quit(s);
	else
		keep(c, s);
}
