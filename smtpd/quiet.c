/* How many log lines one client may cause: see quiet.h. */
#include "smtpd/quiet.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/run/loop.h"
#include "smtpd/limits.h"

#include <inttypes.h>
#include <stdlib.h>

/* Refusals, and everything else. */
enum { GROUPS = 2 };

struct quiet_client {
	struct list node;
	struct quiet *of;
	struct timer end; /* of the minute, if something was left out */
	int64_t began_ms;
	int64_t n[GROUPS]; /* lines in this minute */
	int64_t left_out[QUIET_KINDS], n_left_out;
	char *label;	     /* of one that it was about */
	const char *service;
	char key[DNS_ADDR_TEXT_SIZE];
};

static size_t
group_of(enum quiet_kind kind)
{
	return kind == QUIET_REJECT ? 1 : 0;
}

static void
tell(struct quiet_client *c)
{
	static const char *const words[QUIET_KINDS] = {
		[QUIET_CONNECT] = "connect",
		[QUIET_CLIENT] = "client",
		[QUIET_REJECT] = "reject",
		[QUIET_END] = "lost",
		[QUIET_DISCONNECT] = "disconnect",
		[QUIET_OTHER] = "other",
	};
	struct str kinds = STR_EMPTY;

	if (c->n_left_out == 0)
		return;
	for (size_t i = 0; i < QUIET_KINDS; i++)
		if (c->left_out[i] > 0)
			str_addf(&kinds, " %s=%" PRId64, words[i],
			    c->left_out[i]);
	log_warn("Log line limit exceeded: %" PRId64
		 " left out from %s for service %s:%s",
	    c->n_left_out, c->label, c->service, kinds.ptr);
	str_clear(&kinds);
}

/* Another minute. */
static void
begin(struct quiet_client *c, int64_t now_ms)
{
	tell(c);
	timer_cancel(&c->end);
	c->began_ms = now_ms;
	memset(c->n, 0, sizeof(c->n));
	memset(c->left_out, 0, sizeof(c->left_out));
	c->n_left_out = 0;
	free(c->label);
	c->label = NULL;
}

static void
on_end(struct timer *t)
{
	begin(LIST_ITEM(t, struct quiet_client, end), clock_ms());
}

static void
forget(struct quiet_client *c)
{
	begin(c, 0);
	htable_remove(&c->of->clients, view_of(c->key));
	list_remove(&c->node);
	c->of->n--;
	free(c);
}

void
quiet_init(struct quiet *q)
{
	htable_init(&q->clients);
	list_init(&q->by_age);
	q->n = 0;
}

void
quiet_clear(struct quiet *q)
{
	while (q->n > 0)
		forget(LIST_ITEM(
		    list_first(&q->by_age), struct quiet_client, node));
	htable_clear(&q->clients, NULL);
}

/* Its entry, as the youngest, in the minute that it is; NULL: none yet. */
static struct quiet_client *
find(struct session *s, bool make)
{
	struct quiet *q = &s->smtpd->quiet;
	char key[DNS_ADDR_TEXT_SIZE];
	int64_t now_ms = clock_ms();
	struct quiet_client *c;

	limits_client_key(s, key);
	c = htable_find(&q->clients, view_of(key));
	if (c == NULL && !make)
		return NULL;
	if (c == NULL) {
		if (q->n >= QUIET_CLIENTS_MAX)
			forget(LIST_ITEM(list_first(&q->by_age),
			    struct quiet_client, node));
		c = xcalloc(1, sizeof(*c));
		c->of = q;
		c->service = s->smtpd->service;
		c->began_ms = now_ms;
		memcpy(c->key, key, sizeof(key));
		list_init(&c->node);
		htable_set(&q->clients, view_of(key), c);
		q->n++;
	}
	list_remove(&c->node);
	list_append(&q->by_age, &c->node);
	if (now_ms - c->began_ms >= QUIET_WINDOW_MS)
		begin(c, now_ms);
	return c;
}

static void
leave_out(struct quiet_client *c, struct session *s, enum quiet_kind kind)
{
	if (c->label == NULL)
		c->label = xstrndup(
		    s->client.label, strnlen(s->client.label, 500));
	c->left_out[kind]++;
	if (c->n_left_out++ == 0 && loop_is_on())
		timer_set(&c->end, c->began_ms + QUIET_WINDOW_MS, on_end);
}

bool
quiet_allows(struct session *s, enum quiet_kind kind)
{
	int64_t limit = s->smtpd->conf->smtpd_client_log_limit;
	size_t group = group_of(kind);
	struct quiet_client *c;

	if (limit <= 0 || !s->client.is_limited || s->is_forgiven)
		return true;
	c = find(s, true);
	if (c->n[group] >= limit) {
		leave_out(c, s, kind);
		return false;
	}
	c->n[group]++;
	s->n_lines[group]++;
	return true;
}

void
quiet_forgive(struct session *s)
{
	struct quiet_client *c;

	if (s->is_forgiven)
		return;
	s->is_forgiven = true;
	if (s->n_lines[0] == 0 && s->n_lines[1] == 0)
		return; /* none was counted */
	c = find(s, false);
	if (c == NULL)
		return;
	for (size_t i = 0; i < GROUPS; i++)
		c->n[i] -= c->n[i] < s->n_lines[i] ? c->n[i] : s->n_lines[i];
}
