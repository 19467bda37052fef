/*
 * What the configuration names, opened before the drop: see smtpd.h.
 */
#include "smtpd/smtpd.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "smtpd/access.h"
#include "smtpd/offer.h"
#include "smtpd/proxy.h"
#include "smtpd/rcpt_class.h"
#include "smtpd/screen.h"
#include "smtpd/transcript.h"

#include <ifaddrs.h>
#include <netdb.h>
#include <stdlib.h>

enum { OWN_MAX = 1000 };

bool
smtpd_parents_match(const struct conf *conf, const char *parameter)
{
	struct view rest = view_of(conf->parent_domain_matches_subdomains);
	struct view word;

	while (conf_list_next(&rest, &word))
		if (view_eq_case(word, view_of(parameter)))
			return true;
	return false;
}

/* --- lists and tables --- */

struct match_list *
smtpd_open_match(const char *parameter, const char *value, unsigned flags)
{
	struct match_list *list;
	struct err e =
	    match_list_open(view_of(value), flags | MATCH_OPEN_LATER, &list);

	if (err_is(e))
		die_temp("parameter %s: %s", parameter, e.text);
	return list;
}

struct table_list *
smtpd_open_tables(const char *parameter, const char *value)
{
	struct table_list *list;
	struct err e = table_list_open(view_of(value), TABLE_OPEN_LATER, &list);

	if (err_is(e))
		die_temp("parameter %s: %s", parameter, e.text);
	return list;
}

/* How a client may speak, whoever it is. */
static void
open_command_lists(struct smtpd *m)
{
	const struct conf *conf = m->conf;

	m->forbidden_commands = smtpd_open_match("smtpd_forbidden_commands",
	    conf->smtpd_forbidden_commands, MATCH_WHOLE);
	m->noop_commands = smtpd_open_match(
	    "smtpd_noop_commands", conf->smtpd_noop_commands, MATCH_WHOLE);
	m->command_filter = smtpd_open_tables(
	    "smtpd_command_filter", conf->smtpd_command_filter);
	m->discards = smtpd_open_tables(
	    "smtpd_discard_ehlo_keyword_address_maps",
	    conf->smtpd_discard_ehlo_keyword_address_maps);
	m->footers = smtpd_open_tables(
	    "smtpd_reject_footer_maps", conf->smtpd_reject_footer_maps);
	m->reply_filter = smtpd_open_tables(
	    "smtpd_reject_filter_maps", conf->smtpd_reject_filter_maps);
}

static void
open_lists(struct smtpd *m)
{
	const struct conf *conf = m->conf;
	unsigned networks =
	    smtpd_parents_match(conf, "mynetworks") ? MATCH_PARENTS : 0;

	m->mynetworks = smtpd_open_match(
	    "mynetworks", conf->mynetworks, networks);
	m->event_exceptions = smtpd_open_match(
	    "smtpd_client_event_limit_exceptions",
	    conf->smtpd_client_event_limit_exceptions, MATCH_PARENTS);
	m->bare_lf_exclusions =
	    smtpd_open_match("smtpd_forbid_bare_newline_exclusions",
		conf->smtpd_forbid_bare_newline_exclusions, networks);
	m->grey_exceptions = smtpd_open_match("greylist_client_exceptions",
	    conf->greylist_client_exceptions, MATCH_PARENTS);
	m->volume_exceptions = smtpd_open_match("volume_limit_exceptions",
	    conf->volume_limit_exceptions, MATCH_PARENTS);
	m->xclient_hosts = smtpd_open_match("smtpd_authorized_xclient_hosts",
	    conf->smtpd_authorized_xclient_hosts, 0);
	m->xforward_hosts = smtpd_open_match("smtpd_authorized_xforward_hosts",
	    conf->smtpd_authorized_xforward_hosts, 0);
	m->debug_peers = smtpd_open_match(
	    "debug_peer_list", conf->debug_peer_list,
	    smtpd_parents_match(conf, "debug_peer_list") ? MATCH_PARENTS : 0);
	m->flush_domains =
	    smtpd_open_match("fast_flush_domains", conf->fast_flush_domains,
		smtpd_parents_match(conf, "fast_flush_domains") ? MATCH_PARENTS
								: 0);
}

static void
open_maps(struct smtpd *m)
{
	const struct conf *conf = m->conf;
	struct rcpt_maps *maps = &m->maps;

	m->volume_maps =
	    smtpd_open_tables("volume_limit_maps", conf->volume_limit_maps);
	maps->canonical = smtpd_open_tables(
	    "canonical_maps", conf->canonical_maps);
	maps->recipient_canonical = smtpd_open_tables(
	    "recipient_canonical_maps", conf->recipient_canonical_maps);
	maps->sender_canonical = smtpd_open_tables(
	    "sender_canonical_maps", conf->sender_canonical_maps);
	maps->virtual_alias =
	    smtpd_open_tables("virtual_alias_maps", conf->virtual_alias_maps);
	maps->local = smtpd_open_tables(
	    "local_recipient_maps", conf->local_recipient_maps);
	maps->virtual_mailbox = smtpd_open_tables(
	    "virtual_mailbox_maps", conf->virtual_mailbox_maps);
	maps->relay = smtpd_open_tables(
	    "relay_recipient_maps", conf->relay_recipient_maps);
	m->dns_filter = smtpd_open_tables(
	    "smtpd_dns_reply_filter", conf->smtpd_dns_reply_filter);
}

static void
open_restrictions(struct smtpd *m)
{
	const struct conf *conf = m->conf;
	const struct {
		const char *name, *value;
	} lists[ACCESS_STAGES] = {
		[ACCESS_CLIENT] = { "smtpd_client_restrictions",
		    conf->smtpd_client_restrictions },
		[ACCESS_HELO] = { "smtpd_helo_restrictions",
		    conf->smtpd_helo_restrictions },
		[ACCESS_SENDER] = { "smtpd_sender_restrictions",
		    conf->smtpd_sender_restrictions },
		[ACCESS_RELAY] = { "smtpd_relay_restrictions",
		    conf->smtpd_relay_restrictions },
		[ACCESS_RECIPIENT] = { "smtpd_recipient_restrictions",
		    conf->smtpd_recipient_restrictions },
		[ACCESS_DATA] = { "smtpd_data_restrictions",
		    conf->smtpd_data_restrictions },
		[ACCESS_END_OF_DATA] = { "smtpd_end_of_data_restrictions",
		    conf->smtpd_end_of_data_restrictions },
		[ACCESS_ETRN] = { "smtpd_etrn_restrictions",
		    conf->smtpd_etrn_restrictions },
		[ACCESS_REWRITE] = { "local_header_rewrite_clients",
		    conf->local_header_rewrite_clients },
	};

	access_open(m);
	for (size_t i = 0; i < ACCESS_STAGES; i++)
		m->access[i] =
		    access_list_open(m, lists[i].name, lists[i].value);
	if (!access_list_guards_relay(m->access[ACCESS_RELAY]) &&
	    !access_list_guards_relay(m->access[ACCESS_RECIPIENT]))
		die_temp("in parameter smtpd_relay_restrictions or "
			 "smtpd_recipient_restrictions, specify at least one "
			 "working instance of: defer_unauth_destination, "
			 "reject_unauth_destination, reject, defer, or "
			 "defer_if_permit");
}

/* --- addresses of this machine --- */

static void
add_own(struct smtpd *m, const struct sockaddr *addr)
{
	struct dns_addr a;

	if (addr == NULL || m->n_own >= OWN_MAX ||
	    !dns_addr_of_sockaddr(addr, &a))
		return;
	m->own = xreallocarray(m->own, m->n_own + 1, sizeof(*m->own));
	m->own[m->n_own++] = a;
}

static void
add_own_name(struct smtpd *m, struct view name)
{
	char *host = xstrndup(name.ptr, name.len);
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
	size_t len = strlen(host);

	/* "[::1]" */
	if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
		memmove(host, host + 1, len - 2);
		host[len - 2] = '\0';
	}
	if (getaddrinfo(host, NULL, &hints, &list) == 0) {
		for (struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next)
			add_own(m, ai->ai_addr);
		freeaddrinfo(list);
	} else {
		log_warn("%s: host %s not found",
		    m->n_interfaces > 0 ? "proxy_interfaces"
					: "inet_interfaces",
		    host);
	}
	free(host);
}

/* One word of inet_interfaces or proxy_interfaces. */
static void
add_own_word(struct smtpd *m, struct view word)
{
	struct ifaddrs *list;

	if (view_eq_case(word, VIEW("loopback-only"))) {
		add_own_name(m, VIEW("127.0.0.1"));
		add_own_name(m, VIEW("::1"));
		return;
	}
	if (!view_eq_case(word, VIEW("all"))) {
		add_own_name(m, word);
		return;
	}
	if (getifaddrs(&list) < 0)
		return;
	for (struct ifaddrs *i = list; i != NULL; i = i->ifa_next)
		add_own(m, i->ifa_addr);
	freeifaddrs(list);
}

static void
find_own(struct smtpd *m)
{
	struct view rest = view_of(m->conf->inet_interfaces), word;

	while (conf_list_next(&rest, &word))
		add_own_word(m, word);
	m->n_interfaces = m->n_own;
	rest = view_of(m->conf->proxy_interfaces);
	while (conf_list_next(&rest, &word))
		add_own_word(m, word);
}

/* --- all --- */

static enum bare_lf
bare_lf_mode(const char *value)
{
	static const struct {
		const char *name;
		enum bare_lf mode;
	} modes[] = {
		{ "no", BARE_LF_NO },
		{ "note", BARE_LF_NOTE },
		{ "reject", BARE_LF_REJECT },
	};

	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (strcmp(value, modes[i].name) == 0)
			return modes[i].mode;
	return BARE_LF_NORMALIZE;
}

void
smtpd_open(struct smtpd *m, const struct conf *conf)
{
	struct err e;

	m->conf = conf;
	m->started_us = clock_wall_us();
	list_init(&m->sessions);
	quiet_init(&m->quiet);
	htable_init(&m->cache.entries);
	list_init(&m->cache.by_age);
	transcript_open(m);
	m->bare_lf = bare_lf_mode(conf->smtpd_forbid_bare_newline);
	m->access_parents = smtpd_parents_match(conf, "smtpd_access_maps");
	m->offers = offer_all(conf);
	m->discarded = offer_discarded("smtpd_discard_ehlo_keywords",
	    view_of(conf->smtpd_discard_ehlo_keywords));
	e = override_parse(conf->receive_override_options, &m->override);
	if (err_is(e))
		die_temp("%s", e.text);
	open_command_lists(m);
	/* Nobody is asked who the client is and what it may. */
	if (m->stand_alone)
		return;
	open_lists(m);
	open_maps(m);
	open_restrictions(m);
	find_own(m);
	if (m->is_screened || conf->smtpd_screen_enable)
		screen_open(m);
	proxy_open(m);
}

static struct table_list **
map_at(struct smtpd *m, size_t i)
{
	struct table_list **maps[] = { &m->maps.canonical,
		&m->maps.recipient_canonical, &m->maps.sender_canonical,
		&m->maps.virtual_alias, &m->maps.local,
		&m->maps.virtual_mailbox, &m->maps.relay, &m->dns_filter,
		&m->command_filter, &m->footers, &m->reply_filter,
		&m->volume_maps, &m->discards };

	return i < ARRAY_LEN(maps) ? maps[i] : NULL;
}

static struct match_list **
list_at(struct smtpd *m, size_t i)
{
	struct match_list **lists[] = { &m->mynetworks, &m->event_exceptions,
		&m->bare_lf_exclusions, &m->forbidden_commands,
		&m->noop_commands, &m->xclient_hosts, &m->xforward_hosts,
		&m->flush_domains, &m->debug_peers, &m->grey_exceptions,
		&m->volume_exceptions };

	return i < ARRAY_LEN(lists) ? lists[i] : NULL;
}

void
smtpd_close(struct smtpd *m)
{
	rcpt_cache_clear(m);
	completion_clear(&m->completion);
	quiet_clear(&m->quiet);
	for (size_t i = 0; map_at(m, i) != NULL; i++)
		table_list_close(*map_at(m, i));
	for (size_t i = 0; list_at(m, i) != NULL; i++)
		match_list_close(*list_at(m, i));
	for (size_t i = 0; i < ACCESS_STAGES; i++)
		access_list_close(m->access[i]);
	access_close(m);
	free(m->own);
	screen_close(m);
}

bool
smtpd_tables_changed(void *owner)
{
	struct smtpd *m = owner;

	for (size_t i = 0; map_at(m, i) != NULL; i++)
		if (table_list_has_changed(*map_at(m, i)))
			return true;
	for (size_t i = 0; list_at(m, i) != NULL; i++)
		if (match_list_has_changed(*list_at(m, i)))
			return true;
	return access_has_changed(m) || screen_tables_changed(m);
}
