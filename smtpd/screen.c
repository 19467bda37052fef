/* Who is tested, and what a test leads to: see screen.h. */
#include "smtpd/screen.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/mail/deliver_log.h"
#include "smtpd/client.h"
#include "smtpd/explain.h"
#include "smtpd/limits.h"
#include "smtpd/recall.h"
#include "smtpd/reply.h"
#include "smtpd/screen_run.h"

#include <stdlib.h>

static const char unavailable[] = "550 5.3.2 Service currently unavailable";

/* --- the log --- */

void
screen_log(struct session *s, enum quiet_kind kind, const char *format, ...)
{
	struct str line = STR_EMPTY;
	va_list ap;

	if (s->smtpd->explain != NULL || !quiet_allows(s, kind))
		return;
	va_start(ap, format);
	str_vaddf(&line, format, ap);
	va_end(ap);
	log_info_as("postscreen", "%s", line.ptr);
	str_clear(&line);
}

void
screen_add_shown(struct str *out, struct view bytes)
{
	static const char escapes[] = "abtnvfr"; /* 7 to 13 */

	bytes = view_first(bytes, SCREEN_SHOWN_MAX);
	for (size_t i = 0; i < bytes.len; i++) {
		unsigned char c = (unsigned char)bytes.ptr[i];

		if (c >= '\a' && c <= '\r')
			str_addf(out, "\\%c", escapes[c - '\a']);
		else if (c == '\\')
			str_add_text(out, "\\\\");
		else if (c < ' ' || c > '~')
			str_addf(out, "\\%03o", c);
		else
			str_add_byte(out, (char)c);
	}
}

void
screen_add_time(struct str *out, const struct screen *x)
{
	deliver_log_delay(out, clock_us() - x->began_us, 2);
}

/* --- failing and passing --- */

bool
screen_fail(struct session *s, enum screen_test test, enum screen_action action,
    const char *refusal, const char *drop)
{
	struct screen *x = s->screen;

	if (test < SCREEN_TESTS)
		x->has_failed[test] = true;
	if (action == SCREEN_IGNORE)
		return true;
	if (action == SCREEN_DROP) {
		reply_and_close(s, "%s", drop);
		return false;
	}
	str_set(&x->refusal, view_of(refusal));
	return true;
}

static void
forget(struct session *s)
{
	struct screen *x = s->screen;

	if (x == NULL)
		return;
	str_clear(&x->client);
	str_clear(&x->server);
	str_clear(&x->refusal);
	str_clear(&x->sender);
	if (x->is_counted)
		s->smtpd->n_tested--;
	free(x);
	s->screen = NULL;
}

void
screen_pass(struct session *s)
{
	const struct conf *conf = s->smtpd->conf;
	const struct screen_settings *set = s->smtpd->screen;
	struct screen *x = s->screen;
	int64_t now = clock_wall(), last = 0;
	struct str value = STR_EMPTY;
	bool is_new = false;

	for (size_t i = 0; i < SCREEN_TESTS; i++) {
		if (x->is_due[i] && !x->has_failed[i]) {
			/* That of DNS lists was set with the answer. */
			if (i != SCREEN_DNSBL || x->stamps.until[i] <= now)
				x->stamps.until[i] = now + set->ttl[i];
			is_new = true;
		}
		if (x->stamps.until[i] > last)
			last = x->stamps.until[i];
	}
	if (is_new && !x->is_vetoed) {
		screen_log(s, QUIET_OTHER, "PASS NEW %s", x->client.ptr);
		screen_stamps_write(&value, &x->stamps);
		recall_put(s->smtpd, STATE_SCREEN, view_of(s->client.addr),
		    str_view(&value),
		    last + conf->postscreen_cache_retention_time);
	}
	str_clear(&value);
	forget(s);
}

/* --- lists of clients --- */

enum listed { LISTED_NOT, LISTED_PERMIT, LISTED_REJECT };

static enum listed
take_result(struct view result)
{
	struct view word = view_trim(result);

	word = view_first(word, view_find_any(word, " \t,"));
	if (view_eq_case(word, VIEW("permit")))
		return LISTED_PERMIT;
	if (view_eq_case(word, VIEW("reject")))
		return LISTED_REJECT;
	if (!view_eq_case(word, VIEW("dunno")))
		log_warn("postscreen_access_list: unknown result \"%.*s\"",
		    VIEW_ARGS(view_first(result, SCREEN_SHOWN_MAX)));
	return LISTED_NOT;
}

/* A list that cannot be asked says nothing: the other tests are made. */
static enum listed
look_up(struct session *s)
{
	const struct screen_settings *set = s->smtpd->screen;
	struct view addr = view_of(s->client.addr);
	struct str value = STR_EMPTY;
	enum listed listed = LISTED_NOT;

	for (size_t i = 0; i < set->n_rules && listed == LISTED_NOT; i++) {
		bool found = false;
		struct err e = ERR_OK;

		if (set->rules[i].table == NULL) {
			listed =
			    s->client.is_trusted ? LISTED_PERMIT : LISTED_NOT;
			continue;
		}
		e = table_find(set->rules[i].table, addr, &value, &found);
		if (err_is(e))
			log_warn("postscreen_access_list: %s", e.text);
		else if (found)
			listed = take_result(str_view(&value));
	}
	str_clear(&value);
	return listed;
}

static const char *
word_for(const struct session *s, bool is_good)
{
	if (s->smtpd->conf->respectful_logging)
		return is_good ? "ALLOWLIST" : "DENYLIST";
	return is_good ? "WHITELIST" : "BLACKLIST";
}
/* --- all before the greeting --- */

static bool
is_any_due(const struct screen *x, size_t from)
{
	for (size_t i = from; i < SCREEN_TESTS; i++)
		if (x->is_due[i])
			return true;
	return false;
}

/* What the client has passed lately. */
static void
find_due(struct session *s)
{
	const struct screen_settings *set = s->smtpd->screen;
	struct screen *x = s->screen;
	struct str value = STR_EMPTY;
	int64_t now = clock_wall();
	bool found;
	struct err e = recall_get(
	    s->smtpd, STATE_SCREEN, view_of(s->client.addr), &value, &found);

	if (err_is(e))
		log_warn("%s: %s", x->client.ptr, e.text);
	if (!found || !screen_stamps_read(str_view(&value), &x->stamps))
		x->stamps = (struct screen_stamps){ { 0 } };
	for (size_t i = 0; i < SCREEN_TESTS; i++)
		x->is_due[i] = set->is_on[i] && x->stamps.until[i] <= now;
	str_clear(&value);
}

/* On an address of ours that only serves clients which are known by another:
 * a spare mail host, to which programs that send bulk come first. */
static void
look_for_veto(struct session *s)
{
	struct screen *x = s->screen;
	bool yes = s->server.addr[0] == '\0';
	struct err e = ERR_OK;

	if (!yes)
		e = match_list_matches_addr(s->smtpd->screen->interfaces,
		    view_of(s->server.addr), &yes);
	if (err_is(e))
		log_warn("postscreen_allowlist_interfaces: %s", e.text);
	if (err_is(e) || yes)
		return;
	x->is_vetoed = true;
	screen_log(
	    s, QUIET_OTHER, "%s VETO %s", word_for(s, true), x->client.ptr);
}

/* Who explains is no client: what a client would have to do is told, and not
 * waited for.  DNS lists are asked. */
static void
explain_tests(struct session *s, enum listed listed)
{
	static const char *const lists[] = { "nothing", "permit", "reject" };
	static const char *const tests[SCREEN_TESTS] = {
		[SCREEN_PREGREET] = "waits for the greeting",
		[SCREEN_DNSBL] = "postscreen_dnsbl_sites",
		[SCREEN_PIPELINING] = "does not send ahead",
		[SCREEN_NON_SMTP] = "speaks SMTP",
		[SCREEN_BARE_NEWLINE] = "ends lines by CRLF",
	};
	static const char *const actions[] = { "ignore", "enforce", "drop" };
	const struct screen_settings *set = s->smtpd->screen;
	struct screen *x = s->screen;

	explain_screen_list(lists[listed]);
	if (listed == LISTED_PERMIT)
		return;
	for (size_t i = 0; i < SCREEN_TESTS; i++) {
		struct screen_told told = { tests[i], actions[set->action[i]],
			x->is_due[i], x->stamps.until[i] - clock_wall() };

		if (set->is_on[i])
			explain_screen_test(&told);
		if (i != SCREEN_DNSBL)
			x->is_due[i] = false;
	}
}

/* postscreen_pre_queue_limit: of those that are new. */
static bool
has_room(struct session *s)
{
	int64_t most = s->smtpd->conf->postscreen_pre_queue_limit;

	if (most == 0 || s->smtpd->n_tested < most) {
		s->screen->is_counted = true;
		s->smtpd->n_tested++;
		return true;
	}
	screen_log(s, QUIET_REJECT,
	    "reject: connect from %s: all screening ports busy",
	    s->screen->client.ptr);
	reply_and_close(s, "421 4.3.2 All screening ports are busy");
	return false;
}

/* Who is refused anyway shows all that it is. */
static void
test_commands(struct screen *x)
{
	for (size_t i = SCREEN_PIPELINING; i < SCREEN_TESTS; i++)
		x->is_due[i] = true;
}

static bool
examine(struct session *s)
{
	struct screen *x = s->screen;
	enum listed listed = look_up(s);
	bool explains = s->smtpd->explain != NULL;

	if (listed == LISTED_PERMIT) {
		if (explains)
			explain_tests(s, listed);
		screen_log(s, QUIET_OTHER, "%sED %s", word_for(s, true),
		    x->client.ptr);
		forget(s);
		return true;
	}
	if (listed == LISTED_REJECT) {
		screen_log(s, QUIET_OTHER, "%sED %s", word_for(s, false),
		    x->client.ptr);
		if (!screen_fail(s, SCREEN_TESTS,
			s->smtpd->screen->denylist_action, unavailable,
			"521 5.3.2 Service currently unavailable"))
			return false;
	}
	find_due(s);
	if (explains)
		explain_tests(s, listed);
	if (!is_any_due(x, 0) && x->refusal.len == 0) {
		screen_log(s, QUIET_OTHER, "PASS OLD %s", x->client.ptr);
		forget(s);
		return true;
	}
	look_for_veto(s);
	if (!has_room(s) || !screen_run_early(s))
		return false;
	if (x->is_vetoed && x->refusal.len == 0)
		str_set(&x->refusal,
		    VIEW("450 4.3.2 Service currently unavailable"));
	x->began_us = clock_us();
	if (x->refusal.len == 0 && !is_any_due(x, SCREEN_PIPELINING))
		screen_pass(s);
	else if (x->refusal.len > 0 && !explains)
		test_commands(x);
	return true;
}

static struct screen *
screen_new(struct session *s)
{
	struct screen *x = xcalloc(1, sizeof(*x));

	str_init(&x->client);
	str_init(&x->server);
	str_init(&x->refusal);
	str_init(&x->sender);
	str_printf(&x->client, "[%s]:%u", s->client.addr, s->client.port);
	session_find_server(s);
	str_printf(&x->server, "[%s]:%s", s->server.addr, s->server.port);
	x->began_us = clock_us();
	return x;
}

bool
screen_admit(struct session *s)
{
	if (s->smtpd->screen == NULL || !s->client.has_address)
		return true;
	s->screen = screen_new(s);
	screen_log(s, QUIET_CONNECT, "CONNECT from %s to %s",
	    s->screen->client.ptr, s->screen->server.ptr);
	if (!limits_connect(s)) {
		screen_log(s, QUIET_REJECT,
		    "NOQUEUE: reject: CONNECT from %s: too many "
		    "connections",
		    s->screen->client.ptr);
		return false;
	}
	return examine(s);
}

void
screen_end(struct session *s)
{
	if (s->screen == NULL)
		return;
	if (s->ending == SESSION_TIMEOUT)
		screen_log(s, QUIET_OTHER, "COMMAND TIME LIMIT from %s after %s",
		    s->screen->client.ptr, s->where);
	if (s->ending == SESSION_LOST && !s->screen->is_gone) {
		struct str time = STR_EMPTY;

		screen_add_time(&time, s->screen);
		screen_log(s, QUIET_OTHER,
		    "HANGUP after %s from %s in tests after SMTP handshake",
		    time.ptr, s->screen->client.ptr);
		str_clear(&time);
	}
	screen_log(s, QUIET_DISCONNECT, "DISCONNECT %s", s->screen->client.ptr);
	forget(s);
}
