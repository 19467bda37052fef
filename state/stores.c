/* The stores of `state`: see stores.h. */
#include "state/stores.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/table/share.h"

#include <inttypes.h>

enum {
	FLUSH_AFTER_MS = 1000,
	/* Between two steps of a cleaning others are served. */
	STEP_MS = 10,
};

static const char *
spec_of(const struct conf *conf, size_t store)
{
	switch (store) {
	case STATE_SCREEN:
		return conf->postscreen_cache_map;
	case STATE_GREY:
		return conf->greylist_map;
	case STATE_LIMIT:
		return conf->volume_limit_map;
	default:
		return conf->address_verify_map;
	}
}

static int64_t
interval_of(const struct conf *conf, size_t store)
{
	switch (store) {
	case STATE_SCREEN:
		return conf->postscreen_cache_cleanup_interval;
	case STORE_VERIFY:
		return conf->address_verify_cache_cleanup_interval;
	default:
		return conf->greylist_cleanup_interval;
	}
}

void
stores_folders(const struct conf *conf, struct str memory[STORE_COUNT],
    const char *folders[STORE_COUNT + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < STORE_COUNT; i++) {
		size_t slash;

		str_init(&memory[i]);
		cache_path(view_of(spec_of(conf, i)), &memory[i]);
		slash = view_find_last(str_view(&memory[i]), '/');
		if (slash == VIEW_NPOS || slash == 0)
			continue;
		str_cut(&memory[i], slash);
		folders[n++] = memory[i].ptr;
	}
	folders[n] = NULL;
}

static void start_cleaning(struct store *s);

static void
on_cleaning(struct timer *t)
{
	struct store *s = LIST_ITEM(t, struct store, cleaning);
	struct cache_pass pass;

	if (!cache_clean(s->cache, clock_wall())) {
		timer_set(t, loop_now() + STEP_MS, on_cleaning);
		return;
	}
	pass = cache_last_pass(s->cache);
	if (pass.kept + pass.dropped > 0)
		log_info("cache %s full cleanup: retained=%" PRId64
			 " dropped=%" PRId64 " entries",
		    s->spec, pass.kept, pass.dropped);
	start_cleaning(s);
}

static void
start_cleaning(struct store *s)
{
	if (s->interval > 0)
		timer_set(&s->cleaning, deadline_in(s->interval), on_cleaning);
}

static void
open_one(struct store *one, const struct conf *conf)
{
	struct err e = cache_open(
	    view_of(one->spec), conf->state_entry_limit, &one->cache);

	if (err_is(e)) {
		log_warn("%s: kept in memory only", e.text);
		e = cache_open(
		    VIEW_EMPTY, conf->state_entry_limit, &one->cache);
	}
	if (err_is(e))
		die_temp("%s", e.text);
	start_cleaning(one);
}

/* As the configuration names it to lookup. */
static const char *
without_proxy(const char *spec)
{
	while (view_starts(view_of(spec), VIEW("proxy:")))
		spec += 6;
	return spec;
}

void
stores_open(
    struct stores *s, const struct conf *conf, struct ipc_service *lookup)
{
	static const char *const prefixes[STORE_COUNT] = {
		[STATE_SCREEN] = "screen:",
		[STATE_GREY] = "grey:",
		[STATE_LIMIT] = "volume:",
		[STORE_VERIFY] = "verify:",
	};

	for (size_t i = 0; i < STORE_COUNT; i++) {
		struct store *one = &s->all[i];

		one->spec = spec_of(conf, i);
		one->interval = interval_of(conf, i);
		one->all = s;
		if (!share_is(view_of(one->spec))) {
			open_one(one, conf);
			continue;
		}
		one->spec = without_proxy(one->spec);
		one->lookup = lookup;
		one->prefix = prefixes[i];
	}
}

void
stores_close(struct stores *s)
{
	timer_cancel(&s->flush);
	for (size_t i = 0; i < STORE_COUNT; i++) {
		timer_cancel(&s->all[i].cleaning);
		cache_close(s->all[i].cache);
		s->all[i].cache = NULL;
	}
}

static void
on_flush(struct timer *t)
{
	struct stores *s = LIST_ITEM(t, struct stores, flush);

	for (size_t i = 0; i < STORE_COUNT; i++)
		if (!store_is_shared(&s->all[i]))
			cache_flush(s->all[i].cache);
}

void
stores_changed(struct stores *s)
{
	if (s->flush.place == 0)
		timer_set(&s->flush, loop_now() + FLUSH_AFTER_MS, on_flush);
}
