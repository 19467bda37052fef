/* The machine's own addresses: see own.h. */
#include "lib/mail/own.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/mail/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>

static void
add_address(struct own *own, const struct sockaddr *addr)
{
	char text[INET6_ADDRSTRLEN];
	const void *bytes;

	if (addr->sa_family == AF_INET)
		bytes =
		    &((const struct sockaddr_in *)(const void *)addr)->sin_addr;
	else if (addr->sa_family == AF_INET6)
		bytes = &((const struct sockaddr_in6 *)(const void *)addr)
			     ->sin6_addr;
	else
		return;
	if (own->n >= OWN_MAX ||
	    inet_ntop(addr->sa_family, bytes, text, sizeof(text)) == NULL)
		return;
	own->addresses =
	    xreallocarray(own->addresses, own->n + 1, sizeof(*own->addresses));
	if (net_parse_address(view_of(text), &own->addresses[own->n]))
		own->n++;
}

static void
add_interfaces(struct own *own, bool only_loopback)
{
	struct ifaddrs *all;

	if (getifaddrs(&all) < 0) {
		log_warn("getifaddrs: %s", strerror(errno));
		return;
	}
	for (struct ifaddrs *i = all; i != NULL; i = i->ifa_next)
		if (i->ifa_addr != NULL &&
		    (!only_loopback || (i->ifa_flags & IFF_LOOPBACK) != 0))
			add_address(own, i->ifa_addr);
	freeifaddrs(all);
}

/* An address or a host's name; brackets are allowed. */
static void
add_named(struct own *own, const char *parameter, struct view name)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	char *text;
	int code;

	if (view_starts(name, VIEW("[")) && view_ends(name, VIEW("]")))
		name = view_sub(name, 1, name.len - 2);
	text = xstrndup(name.ptr, name.len);
	code = getaddrinfo(text, NULL, &hints, &found);
	if (code != 0) {
		log_warn("%s: %s: %s", parameter, text, gai_strerror(code));
	} else {
		for (struct addrinfo *a = found; a != NULL; a = a->ai_next)
			add_address(own, a->ai_addr);
		freeaddrinfo(found);
	}
	free(text);
}

static void
add_list(struct own *own, const char *parameter, const char *value)
{
	struct view rest = view_of(value), item;

	while (view_token(&rest, ", \t\r\n", &item)) {
		if (view_eq_case(item, VIEW("all")))
			add_interfaces(own, false);
		else if (view_eq_case(item, VIEW("loopback-only")))
			add_interfaces(own, true);
		else
			add_named(own, parameter, item);
	}
}

void
own_init(struct own *own, const struct conf *conf)
{
	*own = (struct own){ NULL, 0 };
	add_list(own, "inet_interfaces", conf->inet_interfaces);
	add_list(own, "proxy_interfaces", conf->proxy_interfaces);
}

void
own_clear(struct own *own)
{
	free(own->addresses);
	*own = (struct own){ NULL, 0 };
}

bool
own_has_literal(const struct own *own, struct view domain)
{
	struct net address;
	struct view text;
	bool is_ipv6;

	if (!addr_parse_literal(domain, &text, &is_ipv6) ||
	    !net_parse_address(text, &address))
		return false;
	for (size_t i = 0; i < own->n; i++)
		if (net_holds(&own->addresses[i], &address))
			return true;
	return false;
}
