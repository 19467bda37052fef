/*
 * The counts themselves: see count.h.  An entry stands on the idle list while
 * nothing of it is open; one whose time unit is over is then as good as none.
 */
#include "anvil/count.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { EXPIRE_A_TURN = 4 };

struct entry {
	struct list node; /* on the idle list, or on none */
	struct str key;
	int64_t open, since, last; /* ms: of the time unit, of the last event */
	int64_t rates[COUNT_KINDS];
};

/* Of one entry, what one peer has open. */
struct held {
	struct entry *entry;
	int64_t n;
};

void
counts_init(struct counts *c, int64_t unit)
{
	*c = (struct counts){ .unit_ms = unit * 1000 };
	htable_init(&c->entries);
	list_init(&c->idle);
}

static void
entry_free(void *p)
{
	struct entry *e = p;

	str_clear(&e->key);
	free(e);
}

void
counts_clear(struct counts *c)
{
	htable_clear(&c->entries, entry_free);
	list_init(&c->idle);
}

static void
entry_drop(struct counts *c, struct entry *e)
{
	list_remove(&e->node);
	htable_remove(&c->entries, str_view(&e->key));
	entry_free(e);
}

/* A few a time, so that memory shrinks and nobody waits. */
static void
drop_expired(struct counts *c, int64_t now)
{
	for (int i = 0; i < EXPIRE_A_TURN; i++) {
		struct list *it = list_first(&c->idle);
		struct entry *e;

		if (it == NULL)
			return;
		e = LIST_ITEM(it, struct entry, node);
		if (e->last + c->unit_ms > now)
			return;
		entry_drop(c, e);
	}
}

static void
make_key(struct str *key, struct view service, struct view client)
{
	str_set(key, view_first(service, ANVIL_NAME_MAX));
	str_add_byte(key, '\0');
	str_add(key, view_first(client, ANVIL_NAME_MAX));
}

static void
record(struct count_record *r, int64_t value, const struct entry *e)
{
	size_t service_len = strlen(e->key.ptr);

	if (value <= r->value)
		return;
	r->value = value;
	r->at = clock_wall();
	snprintf(r->who, sizeof(r->who), "%s:%s", e->key.ptr,
	    e->key.len > service_len ? e->key.ptr + service_len + 1 : "");
}

/* NULL if memory is used up and nothing is idle. */
static struct entry *
entry_new(struct counts *c, struct view key)
{
	struct entry *e;
	int64_t size;

	if (c->entries.n_entries >= COUNT_ENTRIES_MAX) {
		struct list *it = list_first(&c->idle);

		if (it == NULL) {
			if (!c->told_full)
				log_warn("too many clients: not all are "
					 "counted");
			c->told_full = true;
			return NULL;
		}
		entry_drop(c, LIST_ITEM(it, struct entry, node));
	}
	e = xcalloc(1, sizeof(*e));
	str_init(&e->key);
	str_set(&e->key, key);
	list_append(&c->idle, &e->node);
	htable_set(&c->entries, key, e);
	size = (int64_t)c->entries.n_entries;
	if (size > c->size.value) {
		c->size.value = size;
		c->size.at = clock_wall();
	}
	return e;
}

/* The entry, as of now; its place on the idle list is the last. */
static struct entry *
entry_touch(struct counts *c, struct view key, int64_t now)
{
	struct entry *e;

	drop_expired(c, now);
	e = htable_find(&c->entries, key);
	if (e == NULL)
		e = entry_new(c, key);
	if (e == NULL)
		return NULL;
	if (e->since + c->unit_ms <= now) {
		e->since = now;
		memset(e->rates, 0, sizeof(e->rates));
	}
	e->last = now;
	if (e->open == 0) {
		list_remove(&e->node);
		list_append(&c->idle, &e->node);
	}
	return e;
}

static void
entry_add_open(struct counts *c, struct entry *e, int64_t n)
{
	e->open += n;
	list_remove(&e->node);
	if (e->open == 0)
		list_append(&c->idle, &e->node);
	record(&c->open, e->open, e);
}

/* --- peers --- */

struct count_peer *
count_peer_new(struct counts *c)
{
	struct count_peer *p = xcalloc(1, sizeof(*p));

	p->counts = c;
	htable_init(&p->open);
	return p;
}

static void
release_one(struct view key, void *value, void *arg)
{
	struct count_peer *p = arg;
	struct held *h = value;

	(void)key;
	entry_add_open(p->counts, h->entry, -h->n);
}

void
count_peer_free(struct count_peer *p)
{
	htable_each(&p->open, release_one, p);
	htable_clear(&p->open, free);
	free(p);
}

/* Sets what the peer has open of this entry to n. */
static void
peer_hold(struct count_peer *p, struct entry *e, int64_t n)
{
	struct held *h = htable_find(&p->open, str_view(&e->key));
	int64_t before = h == NULL ? 0 : h->n;

	if (h == NULL && n > 0) {
		if (p->open.n_entries >= COUNT_PEER_MAX)
			return;
		h = xcalloc(1, sizeof(*h));
		h->entry = e;
		htable_set(&p->open, str_view(&e->key), h);
	}
	if (h == NULL)
		return;
	h->n = n;
	if (n == 0)
		free(htable_remove(&p->open, str_view(&e->key)));
	entry_add_open(p->counts, e, n - before);
}

static int64_t
peer_held(const struct count_peer *p, const struct entry *e)
{
	const struct held *h = htable_find(&p->open, str_view(&e->key));

	return h == NULL ? 0 : h->n;
}

/* --- events --- */

struct anvil_numbers
count_event(struct count_peer *p, struct view service, struct view client,
    enum anvil_event event, int64_t now)
{
	struct counts *c = p->counts;
	struct str key = STR_EMPTY;
	struct anvil_numbers n = { 1, 1 };
	struct entry *e;

	make_key(&key, service, client);
	e = entry_touch(c, str_view(&key), now);
	str_clear(&key);
	if (e == NULL)
		return n;
	n.rate = ++e->rates[event];
	record(&c->rates[event], n.rate, e);
	if (event == ANVIL_CONNECT)
		peer_hold(p, e, peer_held(p, e) + 1);
	n.count = e->open;
	return n;
}

void
count_disconnect(
    struct count_peer *p, struct view service, struct view client, int64_t now)
{
	struct str key = STR_EMPTY;
	struct held *h;

	make_key(&key, service, client);
	h = htable_find(&p->open, str_view(&key));
	if (h != NULL) {
		struct entry *e = h->entry;

		e->last = now;
		peer_hold(p, e, h->n - 1);
	}
	str_clear(&key);
}

void
count_restate(struct count_peer *p, struct view service, struct view client,
    int64_t n, int64_t now)
{
	struct str key = STR_EMPTY;
	struct entry *e;

	if (n < 0 || n > COUNT_OPEN_MAX)
		return;
	make_key(&key, service, client);
	e = entry_touch(p->counts, str_view(&key), now);
	if (e != NULL)
		peer_hold(p, e, n);
	str_clear(&key);
}

/* --- the report --- */

static void
time_text(int64_t at, char *buf, size_t size)
{
	time_t t = (time_t)at;
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL ||
	    strftime(buf, size, "%b %e %H:%M:%S", &tm) == 0)
		buf[0] = '\0';
}

static void
report_record(const struct counts *c, struct count_record *r, const char *what,
    bool is_rate, void (*line)(const char *text, void *arg), void *arg)
{
	struct str text = STR_EMPTY;
	char at[32], unit[32] = "", who[sizeof(r->who) + 8] = "";

	if (r->value == 0)
		return;
	time_text(r->at, at, sizeof(at));
	if (is_rate)
		snprintf(
		    unit, sizeof(unit), "/%llds", (long long)c->unit_ms / 1000);
	if (r->who[0] != '\0')
		snprintf(who, sizeof(who), " for (%s)", r->who);
	str_printf(&text, "statistics: max %s %lld%s%s at %s", what,
	    (long long)r->value, unit, who, at);
	line(text.ptr, arg);
	str_clear(&text);
	r->value = 0;
}

void
counts_report(
    struct counts *c, void (*line)(const char *text, void *arg), void *arg)
{
	static const struct {
		enum anvil_event event;
		const char *what;
	} rates[] = {
		{ ANVIL_MESSAGE, "message rate" },
		{ ANVIL_RECIPIENT, "recipient rate" },
		{ ANVIL_NEWTLS, "newtls rate" },
		{ ANVIL_AUTH, "auth rate" },
	};

	report_record(
	    c, &c->rates[ANVIL_CONNECT], "connection rate", true, line, arg);
	report_record(c, &c->open, "connection count", false, line, arg);
	for (size_t i = 0; i < ARRAY_LEN(rates); i++)
		report_record(c, &c->rates[rates[i].event], rates[i].what, true,
		    line, arg);
	report_record(c, &c->size, "cache size", false, line, arg);
	c->told_full = false;
}
