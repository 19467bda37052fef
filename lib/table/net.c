/* Networks as text. */
#include "lib/table/net.h"

#include <arpa/inet.h>

static unsigned
max_bits(const struct net *n)
{
	return n->family == 4 ? 32 : 128;
}

bool
net_parse_address(struct view text, struct net *out)
{
	char name[INET6_ADDRSTRLEN + 1];
	bool six = view_find(text, ':') != VIEW_NPOS;

	*out = (struct net){ .family = six ? 6 : 4, .bits = six ? 128 : 32 };
	if (text.len == 0 || text.len >= sizeof(name) ||
	    view_find(text, '\0') != VIEW_NPOS)
		return false;
	memcpy(name, text.ptr, text.len);
	name[text.len] = '\0';
	return inet_pton(six ? AF_INET6 : AF_INET, name, out->bytes) == 1;
}

/* Clears the bits of the host; false if one was set. */
static bool
clear_host(struct net *n)
{
	bool clean = true;

	for (unsigned i = 0; i < max_bits(n) / 8; i++) {
		unsigned keep = n->bits > i * 8 ? n->bits - i * 8 : 0;
		unsigned mask = keep >= 8 ? 0xff : 0xff00U >> keep & 0xff;

		if (n->bytes[i] & ~mask)
			clean = false;
		n->bytes[i] &= (unsigned char)mask;
	}
	return clean;
}

static struct err
host_bits(struct view address, struct view mask, const struct net *n)
{
	char name[INET6_ADDRSTRLEN] = "";

	inet_ntop(
	    n->family == 6 ? AF_INET6 : AF_INET, n->bytes, name, sizeof(name));
	return err_make(ERR_PERM,
	    "non-null host address bits in \"%.*s%.*s\", "
	    "perhaps you should use \"%s/%u\" instead",
	    VIEW_ARGS(address), VIEW_ARGS(mask), name, n->bits);
}

/* Without the brackets, as Postfix tells it. */
static struct err
bad(const char *what, struct view address, struct view mask)
{
	return err_make(ERR_PERM, "%s \"%.*s%.*s\"", what,
	    VIEW_ARGS(view_first(address, 100)),
	    VIEW_ARGS(view_first(mask, 40)));
}

/* Cut brackets off, which stand around the address or around all of it. */
static bool
cut_brackets(struct view text, struct view *address, struct view *mask)
{
	size_t close = view_find(text, ']');

	*address = text;
	*mask = VIEW_EMPTY;
	if (text.len > 0 && text.ptr[0] == '[') {
		if (close == VIEW_NPOS)
			return false;
		*address = view_sub(text, 1, close - 1);
		*mask = view_skip(text, close + 1);
	}
	return true;
}

struct err
net_parse(struct view text, struct net *out)
{
	struct view address, mask, shown = view_first(text, 100);
	uint64_t bits;
	size_t slash;

	if (!cut_brackets(text, &address, &mask))
		return err_make(ERR_PERM,
		    "missing ']' character after "
		    "\"%.*s\"",
		    VIEW_ARGS(shown));
	slash = view_find(address, '/');
	if (mask.len == 0 && slash != VIEW_NPOS) {
		mask = view_skip(address, slash);
		address = view_first(address, slash);
	}
	if (mask.len > 0 && mask.ptr[0] != '/')
		return err_make(ERR_PERM, "garbage after \"]\": \"%.*s\"",
		    VIEW_ARGS(shown));
	if (mask.len > 0 && !view_to_uint(view_skip(mask, 1), 10, &bits))
		return bad("bad mask value in", address, mask);
	if (!net_parse_address(address, out))
		return bad(mask.len > 0 ? "bad network value in"
					: "bad address pattern:",
		    address, mask);
	if (mask.len == 0)
		return ERR_OK;
	if (bits > max_bits(out))
		return bad("bad mask length in", address, mask);
	out->bits = (unsigned)bits;
	return clear_host(out) ? ERR_OK : host_bits(address, mask, out);
}

bool
net_holds(const struct net *net, const struct net *address)
{
	unsigned whole = net->bits / 8, rest = net->bits % 8;

	if (net->family != address->family ||
	    memcmp(net->bytes, address->bytes, whole) != 0)
		return false;
	return rest == 0 ||
	    (net->bytes[whole] ^ address->bytes[whole]) >> (8 - rest) == 0;
}

struct net
net_last(const struct net *net)
{
	struct net last = *net;

	for (unsigned i = net->bits; i < max_bits(net); i++)
		last.bytes[i / 8] |= (unsigned char)(0x80 >> i % 8);
	last.bits = max_bits(net);
	return last;
}
