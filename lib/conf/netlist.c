#include "lib/conf/netlist.h"

#include "lib/base/mem.h"
#include "lib/conf/values.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

static const unsigned char mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

void
netlist_init(struct netlist *list)
{
	list->nets = NULL;
	list->n_nets = 0;
}

void
netlist_clear(struct netlist *list)
{
	free(list->nets);
	netlist_init(list);
}

/* Without the brackets that IPv6 may have; false for an unmatched one. */
static bool
strip_brackets(struct view *text)
{
	if (text->len == 0 || text->ptr[0] != '[')
		return view_find_any(*text, "[]") == VIEW_NPOS;
	if (text->ptr[text->len - 1] != ']')
		return false;
	*text = view_sub(*text, 1, text->len - 2);
	if (view_starts_case(*text, VIEW("ipv6:")))
		*text = view_skip(*text, 5);
	return true;
}

/* *width is 32 or 128: what a mask counts from. */
static bool
parse_address(struct view text, unsigned char addr[16], unsigned *width)
{
	char copy[INET6_ADDRSTRLEN];

	if (!strip_brackets(&text) || text.len >= sizeof(copy))
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	if (strlen(copy) != text.len)
		return false;
	if (inet_pton(AF_INET, copy, addr + 12) == 1) {
		memcpy(addr, mapped_prefix, sizeof(mapped_prefix));
		*width = 32;
		return true;
	}
	*width = 128;
	return inet_pton(AF_INET6, copy, addr) == 1;
}

static bool
bits_equal(const unsigned char *a, const unsigned char *b, unsigned bits)
{
	unsigned whole = bits / 8, mask = 0xffu << (8 - bits % 8) & 0xff;

	return memcmp(a, b, whole) == 0 &&
	    (bits % 8 == 0 || ((a[whole] ^ b[whole]) & mask) == 0);
}

static bool
is_clear_behind(const unsigned char addr[16], unsigned bits)
{
	for (unsigned i = bits; i < 128; i++)
		if ((addr[i / 8] >> (7 - i % 8) & 1) != 0)
			return false;
	return true;
}

static struct err
bad_item(struct view item, const char *what)
{
	return err_make(ERR_PERM, "network \"%.*s\": %s",
	    VIEW_ARGS(view_first(item, 80)), what);
}

struct err
netlist_add(struct netlist *list, struct view item)
{
	struct netlist_net net = { .bits = 128 };
	struct view addr = item;
	uint64_t mask;
	unsigned width;
	size_t slash;

	while (addr.len > 0 && addr.ptr[0] == '!') {
		net.negate = !net.negate;
		addr = view_skip(addr, 1);
	}
	/* "[2001:db8::/32]" is written too. */
	if (addr.len > 1 && addr.ptr[0] == '[' &&
	    addr.ptr[addr.len - 1] == ']' && view_find(addr, '/') != VIEW_NPOS)
		addr = view_sub(addr, 1, addr.len - 2);
	slash = view_find_last(addr, '/');
	if (!parse_address(view_first(addr, slash), net.addr, &width))
		return bad_item(item, "not an address");
	if (slash != VIEW_NPOS) {
		struct view digits = view_skip(addr, slash + 1);

		if (digits.len > 3 || !view_to_uint(digits, 10, &mask) ||
		    mask > width)
			return bad_item(item,
			    width == 32 ? "bad mask, allowed 0 to 32"
					: "bad mask, allowed 0 to 128");
		net.bits = (unsigned char)(128 - width + mask);
	}
	if (!is_clear_behind(net.addr, net.bits))
		return bad_item(item, "the address has bits behind the mask");
	list->nets = xreallocarray(list->nets, list->n_nets + 1, sizeof(net));
	list->nets[list->n_nets++] = net;
	return ERR_OK;
}

struct err
netlist_parse(struct netlist *list, struct view text)
{
	struct err e = ERR_OK;
	struct view item;

	while (!err_is(e) && conf_list_next(&text, &item))
		e = netlist_add(list, item);
	return e;
}

bool
netlist_match(const struct netlist *list, const struct sockaddr *addr)
{
	unsigned char bytes[16];
	bool is_ipv4;

	if (addr->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)addr;

		memcpy(bytes, mapped_prefix, sizeof(mapped_prefix));
		memcpy(bytes + 12, &in->sin_addr, 4);
	} else if (addr->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)addr;

		memcpy(bytes, &in6->sin6_addr, 16);
	} else {
		return false;
	}
	is_ipv4 = memcmp(bytes, mapped_prefix, sizeof(mapped_prefix)) == 0;
	for (size_t i = 0; i < list->n_nets; i++) {
		const struct netlist_net *net = &list->nets[i];

		/* "::/0" is all of IPv6, not the IPv4 mapped into it. */
		if (is_ipv4 && net->bits < 96)
			continue;
		if (bits_equal(bytes, net->addr, net->bits))
			return !net->negate;
	}
	return false;
}

bool
netlist_is_network(struct view item)
{
	unsigned char addr[16];
	unsigned width;

	while (item.len > 0 && item.ptr[0] == '!')
		item = view_skip(item, 1);
	if (item.len == 0 || item.ptr[0] == '/')
		return false;
	if (item.ptr[0] == '[' || ascii_is_digit(item.ptr[0]))
		return true;
	return parse_address(
	    view_first(item, view_find(item, '/')), addr, &width);
}
