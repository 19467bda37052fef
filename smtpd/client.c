/* Connection facts: see client.h. */
#include "smtpd/client.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/trace.h"
#include "lib/mail/dialogue.h"
#include "lib/run/fiber.h"

#include <arpa/inet.h>
#include <stdlib.h>

/* resolve has its own limits; this is for one that hangs. */
enum { NAME_TIMEOUT = 60 };

/* The session's client, as lists are asked for it. */
static void
describe(const struct session *s, struct match_client *who)
{
	match_client_init(
	    who, view_of(s->client.name), view_of(s->client.addr));
}

/* A list that cannot be asked is "no", and *failed where mail would be lost by
 * that. */
static bool
ask_list(struct session *s, struct match_list *list,
    const struct match_client *who, const char *what, bool *failed)
{
	bool yes = false;
	struct err e = match_list_has_client(list, who, &yes);

	*failed = err_is(e);
	if (*failed)
		log_warn("%s: %s: %s", s->client.label, what, e.text);
	return !*failed && yes;
}

static bool
is_on_list(struct session *s, struct match_list *list,
    const struct match_client *who, const char *what)
{
	bool failed;

	return ask_list(s, list, who, what, &failed);
}

static void
make_label(struct session *s)
{
	struct client *c = &s->client;
	struct str label = STR_EMPTY;

	str_add_text(&label, c->name);
	str_add_byte(&label, '[');
	str_add_text(&label, c->addr);
	str_add_byte(&label, ']');
	if (s->smtpd->conf->smtpd_client_port_logging)
		str_addf(&label, ":%d", c->port);
	free(c->label);
	c->label = str_release(&label);
}

static bool
is_debug_peer(struct session *s)
{
	struct match_client who;
	bool is_peer;

	if (match_list_is_empty(s->smtpd->debug_peers))
		return false;
	describe(s, &who);
	is_peer =
	    is_on_list(s, s->smtpd->debug_peers, &who, "debug_peer_list");
	match_client_clear(&who);
	return is_peer;
}

/* By debug_peer_list, or with the whole service. */
static void
trace(struct session *s)
{
	bool is_peer = is_debug_peer(s);

	fiber_set_debug(is_peer &&
	    s->smtpd->conf->debug_peer_level >= DIALOGUE_LEVEL_ALL);
	s->is_traced = is_peer || log_is_debug();
}

static void
look_at_lists(struct session *s)
{
	struct smtpd *smtpd = s->smtpd;
	struct client *c = &s->client;
	struct match_client who;

	describe(s, &who);
	c->is_trusted = ask_list(
	    s, smtpd->mynetworks, &who, "mynetworks", &c->trust_failed);
	c->is_limited = !smtpd->stand_alone && smtpd->explain == NULL &&
	    !is_on_list(s, smtpd->event_exceptions, &who,
		"smtpd_client_event_limit_exceptions");
	c->may_bare_lf = smtpd->stand_alone ||
	    is_on_list(s, smtpd->bare_lf_exclusions, &who,
		"smtpd_forbid_bare_newline_exclusions");
	c->may_xclient = !smtpd->stand_alone &&
	    is_on_list(s, smtpd->xclient_hosts, &who,
		"smtpd_authorized_xclient_hosts");
	c->may_xforward = !smtpd->stand_alone &&
	    is_on_list(s, smtpd->xforward_hosts, &who,
		"smtpd_authorized_xforward_hosts");
	match_client_clear(&who);
}

void
client_changed(struct session *s)
{
	make_label(s);
	trace(s);
	look_at_lists(s);
}

static uint16_t
port_of(const struct sockaddr *addr)
{
	if (addr->sa_family == AF_INET)
		return ntohs(
		    ((const struct sockaddr_in *)(const void *)addr)->sin_port);
	if (addr->sa_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)(const void *)addr)
				 ->sin6_port);
	return 0;
}

void
client_find_name(struct session *s, const struct sockaddr *addr)
{
	struct client *c = &s->client;
	struct dns_peer peer = { DNS_NXDOMAIN, DNS_NXDOMAIN, "unknown",
		"unknown" };
	struct dns_addr a;

	if (addr == NULL || !dns_addr_of_sockaddr(addr, &a))
		return;
	if (s->smtpd->conf->smtpd_peername_lookup)
		dns_peer_name(
		    &s->smtpd->dns, addr, &peer,
		    deadline_in_shorter(
			NAME_TIMEOUT, s->smtpd->conf->ipc_timeout));
	free(c->name);
	free(c->reverse);
	c->name = xstrdup(peer.name);
	c->reverse = xstrdup(peer.reverse);
	c->name_status = (uint8_t)peer.status;
	c->reverse_status = (uint8_t)peer.reverse_status;
	if (strcmp(c->name, "unknown") == 0 &&
	    strcmp(c->reverse, "unknown") != 0)
		log_warn("hostname %s does not resolve to address %s",
		    c->reverse, c->addr);
	client_changed(s);
	TRACE("client", { "name", view_of(c->name) },
	    { "address", view_of(c->addr) },
	    { "in_mynetworks", c->is_trusted ? VIEW("yes") : VIEW("no") });
}

/* Is anything decided on a client before its name is known? */
static bool
is_judged_early(const struct session *s)
{
	return s->smtpd->screen != NULL || s->smtpd->proxy_timeout > 0 ||
	    !s->client.has_address;
}

void
client_init(struct session *s, const struct sockaddr *addr)
{
	struct client *c = &s->client;
	struct dns_addr a;
	char text[DNS_ADDR_TEXT_SIZE];

	if (addr == NULL || !dns_addr_of_sockaddr(addr, &a)) {
		/* Standard input, or a Unix socket: somebody here. */
		c->addr = xstrdup("127.0.0.1");
		c->name = xstrdup("localhost");
		c->reverse = xstrdup("localhost");
	} else {
		dns_addr_text(&a, text);
		c->addr = xstrdup(text);
		c->has_address = true;
		c->is_ipv6 = a.family == AF_INET6;
		c->port = port_of(addr);
		c->name = xstrdup("unknown");
		c->reverse = xstrdup("unknown");
		c->name_status = c->reverse_status = DNS_NXDOMAIN;
	}
	make_label(s);
	trace(s);
	if (is_judged_early(s))
		look_at_lists(s);
}

void
client_clear(struct client *c)
{
	free(c->name);
	free(c->reverse);
	free(c->addr);
	free(c->label);
	*c = (struct client){ .port = 0 };
}
