/* Limits of a client: see limits.h. */
#include "smtpd/limits.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/run/fiber.h"
#include "smtpd/quiet.h"
#include "smtpd/reply.h"

#include <stdio.h>

/* anvil is next door; without an answer there is no limit. */
enum { ANVIL_TIMEOUT = 10 };

static int64_t
anvil_deadline(const struct session *s)
{
	return deadline_in_shorter(
	    ANVIL_TIMEOUT, s->smtpd->conf->ipc_timeout);
}

void
limits_slow_down(struct session *s)
{
	const struct conf *conf = s->smtpd->conf;

	if (s->n_errors < conf->smtpd_soft_error_limit ||
	    conf->smtpd_error_sleep_time_ms <= 0 || s->smtpd->stand_alone ||
	    s->ending != SESSION_ON)
		return;
	if (err_is(fiber_sleep(conf->smtpd_error_sleep_time_ms)))
		s->ending = SESSION_LOST;
}

bool
limits_end_session(struct session *s)
{
	if (s->smtpd->stand_alone ||
	    s->n_errors < s->smtpd->conf->smtpd_hard_error_limit)
		return false;
	reply(s, "421 4.7.0 %s Error: too many errors",
	    s->smtpd->conf->myhostname);
	s->ending = SESSION_ERRORS;
	return true;
}

void
limits_count_junk(struct session *s)
{
	if (s->n_junk++ > s->smtpd->conf->smtpd_junk_command_limit)
		s->n_errors++;
}

void
limits_client_key(const struct session *s, char key[DNS_ADDR_TEXT_SIZE])
{
	const struct conf *conf = s->smtpd->conf;
	int64_t bits = s->client.is_ipv6
	    ? conf->smtpd_client_ipv6_prefix_length
	    : conf->smtpd_client_ipv4_prefix_length;
	struct dns_addr addr;

	if (!dns_addr_parse(view_of(s->client.addr), &addr)) {
		snprintf(key, DNS_ADDR_TEXT_SIZE, "%s", s->client.addr);
		return;
	}
	for (size_t i = 0; i < dns_addr_len(&addr); i++) {
		int64_t keep = bits - (int64_t)i * 8;

		if (keep <= 0)
			addr.bytes[i] = 0;
		else if (keep < 8)
			addr.bytes[i] &= (uint8_t)(0xff << (8 - keep));
	}
	dns_addr_text(&addr, key);
}

static void
warn_exceeded(struct session *s, const char *what, int64_t number)
{
	if (!quiet_allows(s, QUIET_OTHER))
		return;
	log_warn("%s limit exceeded: %lld from %s for service %s", what,
	    (long long)number, s->client.label, s->smtpd->service);
}

/* The lower of two limits, of which 0 is none. */
static int64_t
most_connections(const struct session *s)
{
	const struct conf *conf = s->smtpd->conf;
	int64_t most = conf->smtpd_client_connection_count_limit;
	int64_t other = s->smtpd->screen != NULL
	    ? conf->postscreen_client_connection_count_limit
	    : 0;

	return other > 0 && (most == 0 || other < most) ? other : most;
}

bool
limits_connect(struct session *s)
{
	const struct conf *conf = s->smtpd->conf;
	int64_t most = most_connections(s);
	int64_t rate = conf->smtpd_client_connection_rate_limit;
	struct anvil_numbers n;
	char key[DNS_ADDR_TEXT_SIZE];
	struct err e;
	bool fine;

	/* Before the tests of the screen, or not at all. */
	if (s->client.is_counted)
		return true;
	if (!s->client.is_limited || (most == 0 && rate == 0))
		return true;
	limits_client_key(s, key);
	e = anvil_connect(&s->smtpd->anvil, view_of(s->smtpd->service),
	    view_of(key), &n, anvil_deadline(s));
	if (err_is(e)) {
		log_warn("%s: %s", s->client.label, e.text);
		return true;
	}
	s->client.is_counted = true;
	fine = (most == 0 || n.count <= most) && (rate == 0 || n.rate <= rate);
	if (fine)
		return true;
	if (most > 0 && n.count > most)
		warn_exceeded(s, "Connection concurrency", n.count);
	else
		warn_exceeded(s, "Connection rate", n.rate);
	reply_and_close(s, "421 4.7.0 %s Error: too many connections from %s",
	    conf->myhostname, s->client.addr);
	return false;
}

void
limits_disconnect(struct session *s)
{
	char key[DNS_ADDR_TEXT_SIZE];

	if (!s->client.is_counted)
		return;
	limits_client_key(s, key);
	anvil_disconnect(&s->smtpd->anvil, view_of(s->smtpd->service),
	    view_of(key), anvil_deadline(s));
	s->client.is_counted = false;
}

static bool
is_within_rate(
    struct session *s, enum anvil_event event, int64_t limit, const char *what)
{
	char key[DNS_ADDR_TEXT_SIZE];
	struct anvil_numbers n;
	struct err e;

	if (!s->client.is_limited || limit == 0)
		return true;
	limits_client_key(s, key);
	e = anvil_event(&s->smtpd->anvil, view_of(s->smtpd->service),
	    view_of(key), event, &n, anvil_deadline(s));
	if (err_is(e)) {
		log_warn("%s: %s", s->client.label, e.text);
		return true;
	}
	if (n.rate <= limit)
		return true;
	warn_exceeded(s, what, n.rate);
	return false;
}

bool
limits_message(struct session *s)
{
	if (is_within_rate(s, ANVIL_MESSAGE,
		s->smtpd->conf->smtpd_client_message_rate_limit,
		"Message delivery request rate"))
		return true;
	reply(s, "450 4.7.1 Error: too much mail from %s", s->client.addr);
	return false;
}

bool
limits_recipient(struct session *s)
{
	if (is_within_rate(s, ANVIL_RECIPIENT,
		s->smtpd->conf->smtpd_client_recipient_rate_limit,
		"Recipient address rate"))
		return true;
	reply(
	    s, "450 4.7.1 Error: too many recipients from %s", s->client.addr);
	return false;
}
