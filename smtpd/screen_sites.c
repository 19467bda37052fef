/*
 * DNS lists with weights: what they say of a client, added up.  Each list is
 * asked by a fiber of its own; a list that does not answer says nothing.
 */
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/dns/packet.h"
#include "lib/run/fiber.h"
#include "smtpd/screen_run.h"

#include <inttypes.h>
#include <stdlib.h>

struct screen_scoring {
	struct smtpd *smtpd;
	struct dns_addr addr;
	size_t n_open;	/* questions without an answer */
	bool is_wanted; /* somebody waits for the result */
	bool is_told;	/* which list it was */
	struct wait done;
	struct screen_score result;
	int64_t most; /* the weight of the list in the result */
};

/* --- the parameter --- */

static bool
parse_site(struct view word, struct screen_site *site)
{
	size_t star = view_find_last(word, '*');

	site->weight = 1;
	if (star != VIEW_NPOS &&
	    (!view_to_int(view_skip(word, star + 1), &site->weight) ||
		site->weight > INT32_MAX || site->weight < INT32_MIN))
		return false;
	site->list = dnslist_parse(view_first(word, star));
	return site->list != NULL;
}

void
screen_sites_open(struct screen_settings *set, const char *value)
{
	struct view rest = view_of(value), word;

	while (conf_list_next(&rest, &word)) {
		struct screen_site site;

		if (!parse_site(word, &site))
			die_temp("postscreen_dnsbl_sites: bad value \"%.*s\"",
			    VIEW_ARGS(word));
		set->sites = xreallocarray(
		    set->sites, set->n_sites + 1, sizeof(*set->sites));
		set->sites[set->n_sites++] = site;
	}
}

/* --- one question --- */

struct question {
	struct screen_scoring *g;
	const struct screen_site *site;
};

static void
take_answer(struct screen_scoring *g, const struct screen_site *site,
    const struct dns_answer *a)
{
	bool is_listed = false;

	/* What failed says nothing for long. */
	if (!dns_status_is_temp(a->status) && a->ttl > 0 &&
	    (g->result.ttl < 0 || a->ttl < g->result.ttl))
		g->result.ttl = a->ttl;
	if (a->status != DNS_OK)
		return;
	for (size_t i = 0; i < a->n_records; i++) {
		struct view data = dns_record_data(a, i);
		const uint8_t *b = (const uint8_t *)data.ptr;
		char text[DNS_ADDR_TEXT_SIZE];

		if (a->records[i].type != DNS_TYPE_A || data.len != 4 ||
		    !dnslist_matches(site->list, b))
			continue;
		is_listed = true;
		if (!g->is_told)
			continue;
		dns_addr_text(&g->addr, text);
		log_info_as("dnsblog",
		    "addr %s listed by domain %s as "
		    "%u.%u.%u.%u",
		    text, site->list->domain, b[0], b[1], b[2], b[3]);
	}
	if (!is_listed)
		return;
	g->result.score += site->weight;
	if (site->weight > g->most) {
		g->most = site->weight;
		g->result.domain = site->list->domain;
	}
}

static void
scoring_free(struct screen_scoring *g)
{
	if (g->n_open == 0 && !g->is_wanted)
		free(g);
}

static void
ask(void *arg)
{
	struct question *q = arg;
	struct screen_scoring *g = q->g;
	struct str name = STR_EMPTY;
	struct dns_answer a;

	dnslist_name_of_addr(q->site->list, &g->addr, &name);
	dns_lookup(&g->smtpd->dns, str_view(&name), DNS_TYPE_A, 0, &a,
	    deadline_in_shorter(g->smtpd->conf->postscreen_dnsbl_timeout,
		g->smtpd->conf->ipc_timeout));
	if (g->smtpd->conf->dnsblog_reply_delay > 0 && fiber_self() != NULL)
		fiber_sleep(g->smtpd->conf->dnsblog_reply_delay * 1000);
	if (g->is_wanted)
		take_answer(g, q->site, &a);
	dns_answer_clear(&a);
	str_clear(&name);
	free(q);
	if (--g->n_open == 0 && g->is_wanted)
		wait_wake(&g->done);
	scoring_free(g);
}

/* --- all --- */

struct screen_scoring *
screen_scoring_begin(struct session *s)
{
	struct screen_scoring *g = xcalloc(1, sizeof(*g));
	const struct screen_settings *set = s->smtpd->screen;

	g->smtpd = s->smtpd;
	g->is_wanted = true;
	g->is_told = quiet_allows(s, QUIET_OTHER);
	g->result.ttl = -1;
	if (!dns_addr_parse(view_of(s->client.addr), &g->addr))
		return g;
	/* Counted before the first may end. */
	g->n_open = set->n_sites;
	for (size_t i = 0; i < set->n_sites; i++) {
		struct question *q = xcalloc(1, sizeof(*q));

		*q = (struct question){ g, &set->sites[i] };
		if (fiber_self() != NULL)
			fiber_spawn("dnsbl", ask, q);
		else
			ask(q);
	}
	return g;
}

bool
screen_scoring_is_done(const struct screen_scoring *g)
{
	return g->n_open == 0;
}

void
screen_scoring_wait(struct screen_scoring *g, int64_t deadline)
{
	if (g->n_open > 0)
		wait_for(&g->done, deadline);
}

struct screen_score
screen_scoring_result(const struct screen_scoring *g)
{
	return g->result;
}

void
screen_scoring_end(struct screen_scoring *g)
{
	if (g == NULL)
		return;
	g->is_wanted = false;
	scoring_free(g);
}
