/* What is known of addresses: see verify.h. */
#include "state/verify.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/mail/addr.h"

#include <inttypes.h>
#include <stdlib.h>

/* The log need not say more often that too many probes are under way, s. */
enum { TELL_FULL_EVERY = 60 };

void
verify_init(struct verify *v, const struct conf *conf, struct cache *cache)
{
	*v = (struct verify){ .conf = conf, .cache = cache };
}

void
verify_clear(struct verify *v)
{
	htable_clear(&v->pending, free);
	htable_clear(&v->domains, free);
}

void
verify_key(struct view address, struct str *key)
{
	size_t at = view_find_last(address, '@');
	struct str domain = STR_EMPTY;

	str_set(key, view_first(address, at == VIEW_NPOS ? address.len : at));
	if (at != VIEW_NPOS) {
		str_set(&domain, view_skip(address, at));
		str_lower(&domain);
		str_add(key, str_view(&domain));
	}
	str_clear(&domain);
}

/* --- entries --- */

static bool
take_number(struct view *rest, int64_t *number)
{
	struct view field;
	uint64_t n;

	if (!view_field(rest, ':', &field) || rest->ptr == NULL ||
	    field.len > 18 || !view_to_uint(field, 10, &n))
		return false;
	*number = (int64_t)n;
	return true;
}

bool
verify_entry_read(struct view value, struct verify_entry *e)
{
	struct view rest = value;
	int64_t status;

	if (!take_number(&rest, &status) || !take_number(&rest, &e->probed) ||
	    !take_number(&rest, &e->updated) || status > VERIFY_TODO ||
	    rest.len > VERIFY_TEXT_MAX)
		return false;
	e->status = (enum verify_status)status;
	e->text = rest;
	return true;
}

void
verify_entry_write(struct str *value, const struct verify_entry *e)
{
	str_printf(value, "%d:%" PRId64 ":%" PRId64 ":", (int)e->status,
	    e->probed, e->updated);
	/* It may have any byte. */
	str_add(value, view_first(e->text, VERIFY_TEXT_MAX));
}

/* --- time --- */

static int64_t
lifetime_of(const struct verify *v, enum verify_status status)
{
	return status == VERIFY_OK
	    ? v->conf->address_verify_positive_expire_time
	    : v->conf->address_verify_negative_expire_time;
}

static int64_t
refresh_of(const struct verify *v, enum verify_status status)
{
	return status == VERIFY_OK
	    ? v->conf->address_verify_positive_refresh_time
	    : v->conf->address_verify_negative_refresh_time;
}

static void
keep(struct verify *v, struct view key, const struct verify_entry *e,
    int64_t now)
{
	struct str value = STR_EMPTY;
	int64_t until = e->status == VERIFY_TODO
	    ? now + VERIFY_PROBE_TTL
	    : e->updated + lifetime_of(v, e->status);

	verify_entry_write(&value, e);
	cache_put(v->cache, key, str_view(&value), until);
	str_clear(&value);
}

/* What is known and still holds; false if that is nothing.  The
 * text borrows from `memory`. */
static bool
find(struct verify *v, struct view key, int64_t now, struct str *memory,
    struct verify_entry *e)
{
	/* The file's time for it is what was set when it was written. */
	if (cache_get(v->cache, key, now, memory) &&
	    verify_entry_read(str_view(memory), e) &&
	    (e->status == VERIFY_TODO ||
		e->updated + lifetime_of(v, e->status) > now))
		return true;
	*e = (struct verify_entry){ VERIFY_TODO, 0, 0, VIEW_EMPTY };
	return false;
}

/* --- probes under way --- */

static int64_t *
domain_count(struct verify *v, struct view key)
{
	struct view domain = addr_domain(key);
	int64_t *n = htable_find(&v->domains, domain);

	if (n == NULL) {
		n = xcalloc(1, sizeof(*n));
		htable_set(&v->domains, domain, n);
	}
	return n;
}

/*
 * Who invents addresses must not fill the queue with probes, nor one domain
 * keep out those of all others.
 */
static bool
has_room(struct verify *v, struct view key, int64_t now)
{
	int64_t most = v->conf->address_verify_pending_request_limit;
	int64_t *n = htable_find(&v->domains, addr_domain(key));

	if ((int64_t)v->pending.n_entries < most &&
	    (n == NULL || *n < most / 2 + 1))
		return true;
	if (now - v->told_full_at >= TELL_FULL_EVERY) {
		log_warn("too many address probes under way (%zu): no new one "
			 "for %.*s",
		    v->pending.n_entries, VIEW_ARGS(key));
		v->told_full_at = now;
	}
	return false;
}

static void
add_pending(struct verify *v, struct view key, int64_t now)
{
	int64_t *when = htable_find(&v->pending, key);

	if (when == NULL) {
		when = xcalloc(1, sizeof(*when));
		htable_set(&v->pending, key, when);
		++*domain_count(v, key);
	}
	*when = now;
}

static void
drop_pending(struct verify *v, struct view key)
{
	int64_t *when = htable_remove(&v->pending, key), *n;

	if (when == NULL)
		return;
	free(when);
	n = domain_count(v, key);
	if (--*n <= 0)
		free(htable_remove(&v->domains, addr_domain(key)));
}

struct expiry {
	struct str lost; /* each with a NUL */
	int64_t before;
};

static void
gather_lost(struct view key, void *value, void *arg)
{
	struct expiry *x = arg;

	if (*(int64_t *)value > x->before)
		return;
	str_add(&x->lost, key);
	str_add_byte(&x->lost, '\0');
}

void
verify_expire(struct verify *v, int64_t now)
{
	struct expiry x = { STR_EMPTY, now - VERIFY_PROBE_TTL };
	struct view rest, key;

	htable_each(&v->pending, gather_lost, &x);
	rest = str_view(&x.lost);
	while (rest.len > 0) {
		key = view_first(rest, view_find(rest, '\0'));
		rest = view_skip(rest, key.len + 1);
		drop_pending(v, key);
	}
	str_clear(&x.lost);
}

/* --- questions and results --- */

static bool
is_due(const struct verify *v, const struct verify_entry *e, int64_t now)
{
	return e->status == VERIFY_TODO ||
	    e->updated + refresh_of(v, e->status) <= now;
}

void
verify_ask(
    struct verify *v, struct view key, int64_t now, struct verify_answer *out)
{
	struct str memory = STR_EMPTY;
	struct verify_entry e;

	find(v, key, now, &memory, &e);
	out->status = e.status;
	str_set(&out->text,
	    e.status == VERIFY_TODO ? VIEW("Address verification in progress")
				    : e.text);
	out->probe = is_due(v, &e, now) && now - e.probed > VERIFY_PROBE_TTL &&
	    htable_find(&v->pending, key) == NULL && has_room(v, key, now);
	if (out->probe) {
		add_pending(v, key, now);
		e.probed = now;
		keep(v, key, &e, now);
	}
	str_clear(&memory);
}

void
verify_told(struct verify *v, struct view key, enum verify_status status,
    struct view text, int64_t now)
{
	struct str memory = STR_EMPTY;
	struct verify_entry old;
	struct verify_entry e = { status, 0, now, text };
	bool is_known = find(v, key, now, &memory, &old);

	drop_pending(v, key);
	/* One failure does not outweigh what was fine: it is asked again. */
	if (is_known && old.status == VERIFY_OK && status != VERIFY_OK) {
		old.probed = 0;
		keep(v, key, &old, now);
	} else if (status == VERIFY_OK ||
	    v->conf->address_verify_negative_cache) {
		keep(v, key, &e, now);
	} else {
		/* For those who wait for it just now. */
		struct str value = STR_EMPTY;

		verify_entry_write(&value, &e);
		cache_put(v->cache, key, str_view(&value),
		    now +
			v->conf->address_verify_poll_delay *
			    v->conf->address_verify_poll_count +
			1);
		str_clear(&value);
	}
	str_clear(&memory);
}

void
verify_not_sent(struct verify *v, struct view key)
{
	struct str memory = STR_EMPTY;
	struct verify_entry e;

	drop_pending(v, key);
	if (cache_get(v->cache, key, 0, &memory) &&
	    verify_entry_read(str_view(&memory), &e)) {
		if (e.status == VERIFY_TODO) {
			cache_drop(v->cache, key);
		} else {
			e.probed = 0;
			keep(v, key, &e, e.updated);
		}
	}
	str_clear(&memory);
}
