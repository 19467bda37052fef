/*
 * The parameters of this client: see settings.h.  The machine's own addresses
 * are read here too, since below the drop nothing can look them up.
 */
#include "smtp/settings.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>

enum { ADDRESSES_MAX = 1000 };

static bool
list_has(const char *list, const char *word)
{
	struct view rest = view_of(list), item;

	while (conf_list_next(&rest, &item))
		if (view_eq_case(item, view_of(word)))
			return true;
	return false;
}

static void
add_own(struct settings *s, const struct sockaddr *addr)
{
	size_t len = addr->sa_family == AF_INET ? sizeof(struct sockaddr_in)
						: sizeof(struct sockaddr_in6);

	if (addr->sa_family != AF_INET && addr->sa_family != AF_INET6)
		return;
	if (s->n_own >= ADDRESSES_MAX)
		return;
	s->own = xreallocarray(s->own, s->n_own + 1, sizeof(*s->own));
	s->own[s->n_own] = (struct sockaddr_storage){ 0 };
	memcpy(&s->own[s->n_own], addr, len);
	s->n_own++;
}

static void
add_interfaces(struct settings *s, bool only_loopback)
{
	struct ifaddrs *all;

	if (getifaddrs(&all) < 0)
		die_temp("getifaddrs: %m");
	for (struct ifaddrs *i = all; i != NULL; i = i->ifa_next)
		if (i->ifa_addr != NULL &&
		    (!only_loopback || (i->ifa_flags & IFF_LOOPBACK) != 0))
			add_own(s, i->ifa_addr);
	freeifaddrs(all);
}

/* An address or a name, [ ] around it allowed. */
static void
add_named(struct settings *s, struct view name)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found;
	char *text;

	if (view_starts(name, VIEW("[")) && view_ends(name, VIEW("]")))
		name = view_sub(name, 1, name.len - 2);
	text = xstrndup(name.ptr, name.len);
	if (getaddrinfo(text, NULL, &hints, &found) == 0) {
		for (struct addrinfo *a = found; a != NULL; a = a->ai_next)
			add_own(s, a->ai_addr);
		freeaddrinfo(found);
	}
	free(text);
}

static void
load_own(struct settings *s, const struct conf *conf)
{
	const char *lists[] = { conf->inet_interfaces, conf->proxy_interfaces };

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		struct view rest = view_of(lists[i]), item;

		while (conf_list_next(&rest, &item)) {
			if (view_eq_case(item, VIEW("all")))
				add_interfaces(s, false);
			else if (view_eq_case(item, VIEW("loopback-only")))
				add_interfaces(s, true);
			else
				add_named(s, item);
		}
	}
}

static bool
is_tls_level_required(const char *level)
{
	const char *optional[] = { "", "none", "may" };

	for (size_t i = 0; i < ARRAY_LEN(optional); i++)
		if (view_eq_case(view_of(level), view_of(optional[i])))
			return false;
	return true;
}

/* The parameters that have twins of the same name. */
static void
load_twins(struct settings *s, const struct conf *conf)
{
	bool l = s->is_lmtp;

	s->default_port = CONF_CLIENT(conf, l, tcp_port);
	s->fallback_relay = CONF_CLIENT(conf, l, fallback_relay);
	s->bind_address = CONF_CLIENT(conf, l, bind_address);
	s->bind_address6 = CONF_CLIENT(conf, l, bind_address6);
	s->bind_enforce = CONF_CLIENT(conf, l, bind_address_enforce);
	s->probe_data = strcmp(CONF_CLIENT(conf, l, address_verify_target),
			    "data") == 0;
	s->tls_level = CONF_CLIENT(conf, l, tls_security_level);
	s->connect_timeout = CONF_CLIENT(conf, l, connect_timeout);
	s->xforward_timeout = CONF_CLIENT(conf, l, xforward_timeout);
	s->mail_timeout = CONF_CLIENT(conf, l, mail_timeout);
	s->rcpt_timeout = CONF_CLIENT(conf, l, rcpt_timeout);
	s->data_init_timeout = CONF_CLIENT(conf, l, data_init_timeout);
	s->data_xfer_timeout = CONF_CLIENT(conf, l, data_xfer_timeout);
	s->data_done_timeout = CONF_CLIENT(conf, l, data_done_timeout);
	s->rset_timeout = CONF_CLIENT(conf, l, rset_timeout);
	s->quit_timeout = CONF_CLIENT(conf, l, quit_timeout);
	s->idle_limit = CONF_CLIENT(conf, l, connection_cache_time_limit);
	s->reuse_time_limit = CONF_CLIENT(conf, l, connection_reuse_time_limit);
	s->reuse_count_limit =
	    CONF_CLIENT(conf, l, connection_reuse_count_limit);
	s->keep_sessions = CONF_CLIENT(conf, l, connection_cache_on_demand);
	s->mx_address_limit = CONF_CLIENT(conf, l, mx_address_limit);
	s->mx_session_limit = CONF_CLIENT(conf, l, mx_session_limit);
	s->line_length_limit = CONF_CLIENT(conf, l, line_length_limit);
	s->skip_5xx_greeting = CONF_CLIENT(conf, l, skip_5xx_greeting);
	s->skip_quit_response = CONF_CLIENT(conf, l, skip_quit_response);
	s->send_xforward = CONF_CLIENT(conf, l, send_xforward_command);
	s->randomize = CONF_CLIENT(conf, l, randomize_addresses);
	s->balance = CONF_CLIENT(conf, l, balance_inet_protocols);
	s->defer_if_no_mx_address =
	    CONF_CLIENT(conf, l, defer_if_no_mx_address_found);
}

static void
load_lookup(struct settings *s, const struct conf *conf)
{
	const char *lookup = CONF_CLIENT(conf, s->is_lmtp, host_lookup);
	const char *prefer = CONF_CLIENT(conf, s->is_lmtp, address_preference);

	s->disable_dns = conf->disable_dns_lookups;
	s->lookup_native = s->disable_dns || list_has(lookup, "native");
	s->lookup_dns = !s->disable_dns && list_has(lookup, "dns");
	s->preference = view_eq_case(view_of(prefer), VIEW("ipv6")) ? '6'
	    : view_eq_case(view_of(prefer), VIEW("ipv4"))	    ? '4'
								    : 'a';
	s->use_ipv4 = list_has(conf->inet_protocols, "all") ||
	    list_has(conf->inet_protocols, "ipv4");
	s->use_ipv6 = list_has(conf->inet_protocols, "all") ||
	    list_has(conf->inet_protocols, "ipv6");
}

static void
load_debug(struct settings *s, const struct conf *conf)
{
	bool parents =
	    list_has(conf->parent_domain_matches_subdomains, "debug_peer_list");
	struct err e = match_list_open(view_of(conf->debug_peer_list),
	    (parents ? MATCH_PARENTS : 0) | MATCH_OPEN_LATER, &s->debug_peers);

	if (err_is(e))
		die_temp("parameter debug_peer_list: %s", e.text);
	s->debug_level = conf->debug_peer_level;
}

void
settings_load(struct settings *s, const struct conf *conf, bool is_lmtp)
{
	*s = (struct settings){ .is_lmtp = is_lmtp };
	s->hello_name = is_lmtp ? conf->lmtp_lhlo_name : conf->smtp_helo_name;
	s->hello_timeout =
	    is_lmtp ? conf->lmtp_lhlo_timeout : conf->smtp_helo_timeout;
	s->discard_keywords = is_lmtp ? conf->lmtp_discard_lhlo_keywords
				      : conf->smtp_discard_ehlo_keywords;
	s->always_ehlo = is_lmtp || conf->smtp_always_send_ehlo;
	s->never_ehlo = !is_lmtp && conf->smtp_never_send_ehlo;
	s->myhostname = conf->myhostname;
	s->myorigin = conf->myorigin;
	s->known_tcp_ports = conf->known_tcp_ports;
	s->delay_resolution = conf->delay_logging_resolution_limit;
	s->soft_bounce = conf->soft_bounce;
	s->convert_8bit = !conf->disable_mime_output_conversion;
	load_twins(s, conf);
	load_lookup(s, conf);
	s->is_tls_required = is_tls_level_required(s->tls_level) ||
	    (is_lmtp ? conf->lmtp_enforce_tls : conf->smtp_enforce_tls);
	load_own(s, conf);
	load_debug(s, conf);
}

void
settings_clear(struct settings *s)
{
	free(s->own);
	match_list_close(s->debug_peers);
	*s = (struct settings){ 0 };
}

uint16_t
settings_port(const struct settings *s, const char *name)
{
	struct view rest = view_of(s->known_tcp_ports), item;
	uint64_t number;

	if (view_to_uint(view_of(name), 10, &number))
		return number <= UINT16_MAX ? (uint16_t)number : 0;
	/* "smtps=submissions=465, smtp=25"; blanks may stand around '='. */
	while (view_field(&rest, ',', &item)) {
		size_t at = view_find_last(item, '=');
		struct view names = view_first(item, at), known;

		if (at == VIEW_NPOS)
			continue;
		while (view_token(&names, "= \t\r\n", &known)) {
			if (!view_eq_case(known, view_of(name)))
				continue;
			if (!view_to_uint(view_trim(view_skip(item, at + 1)),
				10, &number))
				return 0;
			return number <= UINT16_MAX ? (uint16_t)number : 0;
		}
	}
	return 0;
}

bool
settings_is_own(const struct settings *s, const struct sockaddr *addr)
{
	const struct sockaddr_in *v4 = (const void *)addr;
	const struct sockaddr_in6 *v6 = (const void *)addr;

	for (size_t i = 0; i < s->n_own; i++) {
		const struct sockaddr_in *own4 = (const void *)&s->own[i];
		const struct sockaddr_in6 *own6 = (const void *)&s->own[i];

		if (s->own[i].ss_family != addr->sa_family)
			continue;
		if (addr->sa_family == AF_INET &&
		    own4->sin_addr.s_addr == v4->sin_addr.s_addr)
			return true;
		if (addr->sa_family == AF_INET6 &&
		    memcmp(&own6->sin6_addr, &v6->sin6_addr,
			sizeof(own6->sin6_addr)) == 0)
			return true;
	}
	return false;
}
