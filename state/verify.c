/* What is known of addresses: see verify.h. */
#include "state/verify.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/mail/addr.h"

#include <inttypes.h>
#include <stdlib.h>

/* The log need not say more often that too many probes are under way, s. */
enum { TELL_FULL_EVERY = 60 };

enum {
	/* So much the clocks of hosts may differ, s. */
	CLOCKS_DIFFER = 3600,
	/* So often somebody else may be quicker. */
	TRIES_MAX = 5,
};

void
verify_init(struct verify *v, const struct conf *conf, struct store *store)
{
	*v = (struct verify){ .conf = conf, .store = store };
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

static int64_t
end_of(const struct verify *v, const struct verify_entry *e, int64_t now)
{
	return e->status == VERIFY_TODO
	    ? now + VERIFY_PROBE_TTL
	    : e->updated + lifetime_of(v, e->status);
}

/* Of what is in the store: what still holds; false if that is nothing.  The text
 * borrows from it. */
static bool
read_entry(const struct verify *v, struct view value, int64_t now,
    struct verify_entry *e)
{
	/* The store's time for it is what was set when it was written; another
	 * host's clock may be a little ahead. */
	if (verify_entry_read(value, e) && e->updated <= now + CLOCKS_DIFFER &&
	    e->probed <= now + CLOCKS_DIFFER &&
	    (e->status == VERIFY_TODO ||
		e->updated + lifetime_of(v, e->status) > now))
		return true;
	*e = (struct verify_entry){ VERIFY_TODO, 0, 0, VIEW_EMPTY };
	return false;
}

/*
 * In place of what was read (`is`): false if somebody else put something there
 * meanwhile, which `is` has then, or if the store failed.  `until` 0 removes it.
 */
static bool
replace(struct verify *v, struct view key, struct str *is,
    const struct verify_entry *e, int64_t until, int64_t now, struct err *why)
{
	struct str value = STR_EMPTY;
	bool done = false;

	verify_entry_write(&value, e);
	*why = store_swap(v->store, key, str_view(is), str_view(&value), until,
	    now, &done, is);
	str_clear(&value);
	return done;
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

/* What is said of it; the probe counts as sent. */
static void
judge(struct verify *v, struct view key, struct verify_entry *e, int64_t now,
    struct verify_answer *out)
{
	out->status = e->status;
	str_set(&out->text,
	    e->status == VERIFY_TODO ? VIEW("Address verification in progress")
				     : e->text);
	out->probe = is_due(v, e, now) && now - e->probed > VERIFY_PROBE_TTL &&
	    htable_find(&v->pending, key) == NULL && has_room(v, key, now);
	if (out->probe) {
		add_pending(v, key, now);
		e->probed = now;
	}
}

struct err
verify_ask(
    struct verify *v, struct view key, int64_t now, struct verify_answer *out)
{
	struct str is = STR_EMPTY;
	bool found, done = false;
	struct err e = store_get(v->store, key, now, &is, &found);

	/* If another host was quicker, what it found is judged. */
	for (int i = 0; !done && !err_is(e) && i < TRIES_MAX; i++) {
		struct verify_entry entry;

		read_entry(v, str_view(&is), now, &entry);
		judge(v, key, &entry, now, out);
		if (!out->probe)
			break;
		done = replace(v, key, &is, &entry, end_of(v, &entry, now), now,
		    &e);
		if (!done)
			drop_pending(v, key);
		out->probe = done;
	}
	str_clear(&is);
	return e;
}

/* What is to be in the store after a result, and until when. */
static int64_t
add_result(const struct verify *v, const struct verify_entry *old,
    struct verify_entry *e, int64_t now)
{
	/* One failure does not outweigh what was fine: it is asked again. */
	if (old->status == VERIFY_OK && e->status != VERIFY_OK) {
		*e = *old;
		e->probed = 0;
	} else if (e->status != VERIFY_OK &&
	    !v->conf->address_verify_negative_cache) {
		/* For those who wait for it just now. */
		return now +
		    v->conf->address_verify_poll_delay *
		    v->conf->address_verify_poll_count +
		    1;
	}
	return end_of(v, e, now);
}

void
verify_told(struct verify *v, struct view key, enum verify_status status,
    struct view text, int64_t now)
{
	struct str is = STR_EMPTY;
	bool found, done = false;
	struct err e;

	drop_pending(v, key);
	e = store_get(v->store, key, now, &is, &found);
	for (int i = 0; !done && !err_is(e) && i < TRIES_MAX; i++) {
		struct verify_entry entry = { status, 0, now, text }, old;
		int64_t until;

		read_entry(v, str_view(&is), now, &old);
		until = add_result(v, &old, &entry, now);
		done = replace(v, key, &is, &entry, until, now, &e);
	}
	str_clear(&is);
}

void
verify_not_sent(struct verify *v, struct view key, int64_t now)
{
	struct str is = STR_EMPTY;
	struct verify_entry entry;
	bool found;
	struct err e;

	drop_pending(v, key);
	e = store_get(v->store, key, now, &is, &found);
	if (!err_is(e) && found &&
	    verify_entry_read(str_view(&is), &entry)) {
		bool is_new = entry.status == VERIFY_TODO;

		entry.probed = 0;
		/* If it is another one by now, that one holds. */
		replace(v, key, &is, &entry,
		    is_new ? 0 : end_of(v, &entry, now), now, &e);
	}
	str_clear(&is);
}
