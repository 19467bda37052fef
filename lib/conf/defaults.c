#include "lib/conf/defaults.h"

#include "lib/base/mem.h"
#include "lib/conf/netlist.h"
#include "lib/conf/paths.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

static void
compute_myhostname(struct names *names, struct str *out)
{
	char host[256] = "";
	struct view domain;

	if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
		memcpy(host, "localhost", sizeof("localhost"));
	str_add_text(out, host);
	if (strchr(host, '.') != NULL)
		return;
	str_add_byte(out, '.');
	/* The default of mydomain asks for myhostname: only a value that was
	 * set helps here. */
	if (names->only_defaults || !names_is_set(names, VIEW("mydomain")) ||
	    !names_find_raw(names, VIEW("mydomain"), &domain) ||
	    err_is(names_expand(names, domain, out)))
		str_add_text(out, "localdomain");
}

static void
compute_mydomain(struct names *names, struct str *out)
{
	struct str host = STR_EMPTY;
	struct view raw;
	size_t dot;

	if (names_find_raw(names, VIEW("myhostname"), &raw))
		(void)names_expand(names, raw, &host);
	dot = view_find(str_view(&host), '.');
	if (dot == VIEW_NPOS)
		str_add_text(out, "localdomain");
	else
		str_add(out, view_skip(str_view(&host), dot + 1));
	str_clear(&host);
}

static void
value_of(struct names *names, const char *name, struct str *out)
{
	struct view raw;

	str_reset(out);
	if (names_find_raw(names, view_of(name), &raw))
		(void)names_expand(names, raw, out);
}

/* The bits of the network that an address is in, by the wanted style. */
static unsigned
network_bits(struct view style, const unsigned char *addr, unsigned width,
    const unsigned char *mask)
{
	unsigned bits = 0;

	if (view_eq_case(style, VIEW("host")) || mask == NULL)
		return width;
	if (width == 32 && view_eq_case(style, VIEW("class")))
		return addr[0] < 128 ? 8
		    : addr[0] < 192  ? 16
		    : addr[0] < 224  ? 24
				     : 32;
	while (bits < width && (mask[bits / 8] >> (7 - bits % 8) & 1) != 0)
		bits++;
	return bits;
}

static const unsigned char *
address_bytes(const struct sockaddr *sa, unsigned *width)
{
	if (sa == NULL)
		return NULL;
	if (sa->sa_family == AF_INET) {
		*width = 32;
		return (const unsigned char *)&(
		    (const struct sockaddr_in *)(const void *)sa)
		    ->sin_addr;
	}
	if (sa->sa_family == AF_INET6) {
		*width = 128;
		return (const unsigned char *)&(
		    (const struct sockaddr_in6 *)(const void *)sa)
		    ->sin6_addr;
	}
	return NULL;
}

static void
add_network(
    struct str *out, const unsigned char *addr, unsigned width, unsigned bits)
{
	unsigned char net[16] = { 0 };
	char text[INET6_ADDRSTRLEN];
	struct str item = STR_EMPTY;
	struct view rest = str_view(out), other;

	for (unsigned i = 0; i < bits; i++)
		net[i / 8] |= (unsigned char)(addr[i / 8] & 0x80 >> i % 8);
	inet_ntop(width == 32 ? AF_INET : AF_INET6, net, text, sizeof(text));
	str_printf(&item, width == 32 ? "%s/%u" : "[%s]/%u", text, bits);
	while (view_token(&rest, " ", &other))
		if (view_eq(other, str_view(&item)))
			goto out;
	if (out->len > 0)
		str_add_byte(out, ' ');
	str_add(out, str_view(&item));
out:
	str_clear(&item);
}

/* Whether inet_interfaces has this address. */
static bool
is_listening(struct view interfaces, const struct ifaddrs *it)
{
	struct netlist one;
	struct view item;
	bool yes = false;

	while (!yes && conf_list_next(&interfaces, &item)) {
		if (view_eq_case(item, VIEW("all")))
			yes = true;
		else if (view_eq_case(item, VIEW("loopback-only")) ||
		    view_eq_case(item, VIEW("localhost")))
			yes = (it->ifa_flags & IFF_LOOPBACK) != 0;
		else {
			netlist_init(&one);
			yes = !err_is(netlist_add(&one, item)) &&
			    netlist_match(&one, it->ifa_addr);
			netlist_clear(&one);
		}
	}
	return yes;
}

static bool
has_protocol(struct view protocols, const char *wanted)
{
	struct view item;

	while (conf_list_next(&protocols, &item))
		if (view_eq_case(item, VIEW("all")) ||
		    view_eq_case(item, view_of(wanted)))
			return true;
	return false;
}

static void
compute_mynetworks(struct names *names, struct str *out)
{
	struct str style = STR_EMPTY, interfaces = STR_EMPTY,
		   protocols = STR_EMPTY;
	struct ifaddrs *all = NULL;

	value_of(names, "mynetworks_style", &style);
	value_of(names, "inet_interfaces", &interfaces);
	value_of(names, "inet_protocols", &protocols);
	if (getifaddrs(&all) != 0)
		all = NULL;
	for (int family = 0; family < 2; family++) {
		unsigned wanted = family == 0 ? 32 : 128;

		if (!has_protocol(
			str_view(&protocols), family == 0 ? "ipv4" : "ipv6"))
			continue;
		for (struct ifaddrs *it = all; it != NULL; it = it->ifa_next) {
			unsigned width = 0, mask_width = 0;
			const unsigned char *addr =
			    address_bytes(it->ifa_addr, &width);

			if (addr == NULL || width != wanted ||
			    (it->ifa_flags & IFF_UP) == 0 ||
			    !is_listening(str_view(&interfaces), it))
				continue;
			add_network(out, addr, width,
			    network_bits(str_view(&style), addr, width,
				address_bytes(it->ifa_netmask, &mask_width)));
		}
	}
	freeifaddrs(all);
	str_clear(&style);
	str_clear(&interfaces);
	str_clear(&protocols);
}

static void
compute_config_directory(struct names *names, struct str *out)
{
	str_add_text(out, names->only_defaults ? BARID_CONFIG_DIR : names->dir);
}

static void
compute_process_id(struct names *names, struct str *out)
{
	(void)names;
	str_addf(out, "%ld", (long)getpid());
}

static void
compute_process_name(struct names *names, struct str *out)
{
	str_add_text(out, names->process_name);
}

static void
compute_service_name(struct names *names, struct str *out)
{
	str_add_text(out, names->service_name);
}

static const struct {
	const char *name;
	void (*compute)(struct names *names, struct str *out);
} computed[] = {
	{ "config_directory", compute_config_directory },
	{ "mydomain", compute_mydomain },
	{ "myhostname", compute_myhostname },
	{ "mynetworks", compute_mynetworks },
	{ "process_id", compute_process_id },
	{ "process_name", compute_process_name },
	{ "service_name", compute_service_name },
};

bool
defaults_compute(struct names *names, struct view name, struct str *out)
{
	for (size_t i = 0; i < ARRAY_LEN(computed); i++)
		if (view_eq(name, view_of(computed[i].name))) {
			computed[i].compute(names, out);
			return true;
		}
	return false;
}
