/*
 * The two tests before the greeting: does the client wait for it, do DNS lists
 * know it.  See screen.h.
 */
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "smtpd/reply.h"
#include "smtpd/screen_run.h"

#include <inttypes.h>

enum {
	/* How often it is looked whether DNS lists have let the client in. */
	LOOK_EVERY_MS = 200,
	SEND_TIMEOUT = 10,
};

static const char protocol_error[] = "550 5.5.1 Protocol error";

/* --- waiting for the greeting --- */

/* The client is gone. */
static bool
hang_up(struct session *s)
{
	struct screen *x = s->screen;
	struct str time = STR_EMPTY;

	screen_add_time(&time, x);
	screen_log(s, QUIET_OTHER,
	    "HANGUP after %s from %s in tests before SMTP handshake", time.ptr,
	    x->client.ptr);
	str_clear(&time);
	s->ending = SESSION_LOST;
	x->is_gone = true;
	return false;
}

static bool
take_early(struct session *s, struct view bytes)
{
	struct screen *x = s->screen;
	struct str time = STR_EMPTY, shown = STR_EMPTY;

	screen_add_time(&time, x);
	screen_add_shown(&shown, bytes);
	screen_log(s, QUIET_REJECT, "PREGREET %zu after %s from %s: %s",
	    bytes.len < SCREEN_SHOWN_MAX ? bytes.len : SCREEN_SHOWN_MAX, time.ptr,
	    x->client.ptr, shown.ptr);
	str_clear(&time);
	str_clear(&shown);
	return screen_fail(s, SCREEN_PREGREET,
	    s->smtpd->screen->action[SCREEN_PREGREET], protocol_error,
	    "521 5.5.1 Protocol error");
}

/* DNS lists say that nothing else need be looked at. */
static bool
is_let_in(const struct session *s, const struct screen_scoring *g)
{
	int64_t threshold =
	    s->smtpd->conf->postscreen_dnsbl_allowlist_threshold;

	return g != NULL && threshold < 0 && screen_scoring_is_done(g) &&
	    screen_scoring_result(g).score <= threshold;
}

/* Until the client's time to wait is over, it speaks, or it is let in. */
static bool
wait_for_greeting(struct session *s, const struct screen_scoring *g)
{
	int64_t deadline = deadline_in(s->smtpd->conf->postscreen_greet_wait);
	struct view bytes;
	struct err e = ERR_OK;

	do {
		int64_t look = deadline_in_ms(LOOK_EVERY_MS);
		bool waits = g != NULL && !screen_scoring_is_done(g);

		if (is_let_in(s, g))
			return true;
		e = stream_peek(
		    &s->io, &bytes, waits && look < deadline ? look : deadline);
	} while (e.kind == ERR_TIME && clock_ms() < deadline);
	if (!err_is(e))
		return take_early(s, bytes);
	return e.kind == ERR_TIME ? true : hang_up(s);
}

static bool
send_teaser(struct session *s)
{
	const char *banner = s->smtpd->conf->postscreen_greet_banner;

	if (banner[0] == '\0')
		return true;
	stream_addf(&s->io, "220-%s\r\n", banner);
	return !err_is(stream_flush(&s->io, deadline_in(SEND_TIMEOUT))) ||
	    hang_up(s);
}

/* --- DNS lists --- */

static void
add_list_name(struct session *s, struct str *out, const char *domain)
{
	bool found = false;
	struct str value = STR_EMPTY;
	struct err e = table_list_find(s->smtpd->screen->reply_map,
	    view_of(domain), TABLE_ALL, &value, &found);

	if (err_is(e))
		log_warn("postscreen_dnsbl_reply_map: %s", e.text);
	str_add(out, found ? str_view(&value) : view_of(domain));
	str_clear(&value);
}

static bool
is_listed(struct session *s, const struct screen_score *r)
{
	struct str refusal = STR_EMPTY, drop = STR_EMPTY;
	bool goes_on;

	screen_log(s, QUIET_REJECT, "DNSBL rank %" PRId64 " for %s", r->score,
	    s->screen->client.ptr);
	str_printf(&refusal,
	    "550 5.7.1 Service unavailable; client [%s] blocked using ",
	    s->client.addr);
	add_list_name(s, &refusal, r->domain != NULL ? r->domain : "DNSBL");
	str_add_text(&drop, "521");
	str_add(&drop, view_skip(str_view(&refusal), 3));
	goes_on = screen_fail(s, SCREEN_DNSBL,
	    s->smtpd->screen->action[SCREEN_DNSBL], refusal.ptr, drop.ptr);
	str_clear(&refusal);
	str_clear(&drop);
	return goes_on;
}

/* False: the session is over. */
static bool
judge_score(struct session *s, struct screen_scoring *g)
{
	const struct conf *conf = s->smtpd->conf;
	struct screen_score r;
	int64_t ttl;

	screen_scoring_wait(g, deadline_in(conf->postscreen_dnsbl_timeout));
	r = screen_scoring_result(g);
	if (r.score >= conf->postscreen_dnsbl_threshold)
		return is_listed(s, &r);
	ttl = r.ttl;
	if (ttl < conf->postscreen_dnsbl_min_ttl)
		ttl = conf->postscreen_dnsbl_min_ttl;
	if (ttl > conf->postscreen_dnsbl_max_ttl)
		ttl = conf->postscreen_dnsbl_max_ttl;
	s->screen->stamps.until[SCREEN_DNSBL] = clock_wall() + ttl;
	return true;
}

/* --- both --- */

bool
screen_run_early(struct session *s)
{
	struct screen *x = s->screen;
	struct screen_scoring *g = NULL;
	bool goes_on = true;

	if (x->is_due[SCREEN_DNSBL])
		g = screen_scoring_begin(s);
	if (x->is_due[SCREEN_PREGREET])
		goes_on = send_teaser(s) && wait_for_greeting(s, g);
	if (goes_on && g != NULL)
		goes_on = judge_score(s, g);
	if (goes_on && is_let_in(s, g))
		for (size_t i = SCREEN_PIPELINING; i < SCREEN_TESTS; i++)
			x->is_due[i] = false;
	screen_scoring_end(g);
	return goes_on;
}
