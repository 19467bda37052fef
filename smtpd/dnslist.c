/* DNS lists: see dnslist.h. */
#include "smtpd/dnslist.h"

#include "lib/base/mem.h"

#include <stdlib.h>

/* --- filters --- */

/* Cut a number from 0 to 255 off the front. */
static bool
take_number(struct view *rest, unsigned *number)
{
	size_t n = 0;
	uint64_t value;

	while (n < rest->len && ascii_is_digit(rest->ptr[n]))
		n++;
	if (n == 0 || n > 3 ||
	    !view_to_uint(view_first(*rest, n), 10, &value) || value > 255)
		return false;
	*number = (unsigned)value;
	*rest = view_skip(*rest, n);
	return true;
}

static void
set_range(uint8_t part[32], unsigned from, unsigned to)
{
	for (unsigned i = from; i <= to; i++)
		part[i / 8] |= (uint8_t)(1u << (i % 8));
}

/* "2;4..10]" */
static bool
parse_group(struct view *rest, uint8_t part[32])
{
	for (;;) {
		unsigned from, to;

		if (!take_number(rest, &from))
			return false;
		to = from;
		if (view_starts(*rest, VIEW(".."))) {
			*rest = view_skip(*rest, 2);
			if (!take_number(rest, &to) || to < from)
				return false;
		}
		set_range(part, from, to);
		if (rest->len == 0)
			return false;
		*rest = view_skip(*rest, 1);
		if (rest->ptr[-1] == ']')
			return true;
		if (rest->ptr[-1] != ';')
			return false;
	}
}

static bool
parse_filter(struct view rest, uint8_t parts[4][32])
{
	for (size_t i = 0; i < 4; i++) {
		unsigned number;

		if (i > 0) {
			if (!view_starts(rest, VIEW(".")))
				return false;
			rest = view_skip(rest, 1);
		}
		if (view_starts(rest, VIEW("["))) {
			rest = view_skip(rest, 1);
			if (!parse_group(&rest, parts[i]))
				return false;
		} else if (take_number(&rest, &number)) {
			set_range(parts[i], number, number);
		} else {
			return false;
		}
	}
	return rest.len == 0;
}

/* --- lists --- */

struct dnslist *
dnslist_parse(struct view text)
{
	size_t equals = view_find(text, '=');
	struct view domain = view_first(text, equals);
	struct dnslist *l;

	if (!dns_name_is_valid(domain))
		return NULL;
	domain = dns_name_bare(domain);
	l = xcalloc(1, sizeof(*l));
	l->text = xstrndup(text.ptr, text.len);
	l->domain = xstrndup(domain.ptr, domain.len);
	l->has_filter = equals != VIEW_NPOS;
	if (!l->has_filter || parse_filter(view_skip(text, equals + 1), l->parts))
		return l;
	dnslist_free(l);
	return NULL;
}

void
dnslist_free(struct dnslist *l)
{
	if (l == NULL)
		return;
	free(l->text);
	free(l->domain);
	free(l);
}

bool
dnslist_matches(const struct dnslist *l, const uint8_t addr[4])
{
	for (size_t i = 0; l->has_filter && i < 4; i++)
		if ((l->parts[i][addr[i] / 8] & (1u << (addr[i] % 8))) == 0)
			return false;
	return true;
}

void
dnslist_name_of_addr(
    const struct dnslist *l, const struct dns_addr *addr, struct str *name)
{
	str_reset(name);
	if (addr->family == AF_INET) {
		for (size_t i = 4; i-- > 0;)
			str_addf(name, "%u.", addr->bytes[i]);
	} else {
		for (size_t i = 16; i-- > 0;)
			str_addf(name, "%x.%x.", addr->bytes[i] & 15u,
			    addr->bytes[i] >> 4);
	}
	str_add_text(name, l->domain);
}

bool
dnslist_name_of_name(
    const struct dnslist *l, struct view domain, struct str *name)
{
	if (!dns_hostname_is_valid(domain))
		return false;
	str_set(name, dns_name_bare(domain));
	str_addf(name, ".%s", l->domain);
	return name->len <= DNS_NAME_MAX;
}
