/* Names and addresses as text: see name.h. */
#include "lib/dns/name.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

static bool
label_is_valid(struct view label)
{
	if (label.len == 0 || label.len > DNS_LABEL_MAX)
		return false;
	if (label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
		return false;
	for (size_t i = 0; i < label.len; i++) {
		char c = label.ptr[i];

		if (!ascii_is_alnum(c) && c != '-' && c != '_')
			return false;
	}
	return true;
}

struct view
dns_name_bare(struct view name)
{
	if (name.len > 0 && name.ptr[name.len - 1] == '.')
		name.len--;
	return name;
}

bool
dns_name_is_valid(struct view name)
{
	struct view rest = dns_name_bare(name), label;

	if (rest.len == 0 || rest.len > DNS_NAME_MAX)
		return false;
	while (view_field(&rest, '.', &label))
		if (!label_is_valid(label))
			return false;
	return true;
}

bool
dns_hostname_is_valid(struct view name)
{
	if (!dns_name_is_valid(name))
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (!ascii_is_digit(name.ptr[i]) && name.ptr[i] != '.')
			return true;
	return false;
}

bool
dns_addr_parse(struct view text, struct dns_addr *addr)
{
	char copy[DNS_ADDR_TEXT_SIZE];

	*addr = (struct dns_addr){ .family = AF_UNSPEC };
	if (text.len >= sizeof(copy) || view_find(text, '\0') != VIEW_NPOS)
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	addr->family = view_find(text, ':') != VIEW_NPOS ? AF_INET6 : AF_INET;
	return inet_pton(addr->family, copy, addr->bytes) == 1;
}

bool
dns_addr_of_sockaddr(const struct sockaddr *sa, struct dns_addr *addr)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	*addr = (struct dns_addr){ .family = AF_INET };
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)sa;

		memcpy(addr->bytes, &in->sin_addr, 4);
		return true;
	}
	if (sa->sa_family != AF_INET6)
		return false;
	const struct sockaddr_in6 *in6 = (const void *)sa;

	if (memcmp(&in6->sin6_addr, mapped, sizeof(mapped)) == 0) {
		memcpy(addr->bytes, in6->sin6_addr.s6_addr + 12, 4);
	} else {
		addr->family = AF_INET6;
		memcpy(addr->bytes, &in6->sin6_addr, 16);
	}
	return true;
}

socklen_t
dns_addr_to_sockaddr(
    const struct dns_addr *addr, uint16_t port, struct sockaddr_storage *ss)
{
	memset(ss, 0, sizeof(*ss));
	if (addr->family == AF_INET) {
		struct sockaddr_in *in = (void *)ss;

		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, addr->bytes, 4);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (void *)ss;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, addr->bytes, 16);
	return sizeof(*in6);
}

size_t
dns_addr_len(const struct dns_addr *addr)
{
	return addr->family == AF_INET ? 4 : 16;
}

bool
dns_addr_eq(const struct dns_addr *a, const struct dns_addr *b)
{
	return a->family == b->family &&
	    memcmp(a->bytes, b->bytes, dns_addr_len(a)) == 0;
}

/* inet_ntop prints by a format, which takes ten times as long; every session
 * has its address printed several times. */
static void
ipv4_text(const uint8_t bytes[4], char *to)
{
	for (size_t i = 0; i < 4; i++) {
		unsigned n = bytes[i];

		if (n >= 100)
			*to++ = (char)('0' + n / 100);
		if (n >= 10)
			*to++ = (char)('0' + n / 10 % 10);
		*to++ = (char)('0' + n % 10);
		*to++ = i < 3 ? '.' : '\0';
	}
}

void
dns_addr_text(const struct dns_addr *addr, char text[DNS_ADDR_TEXT_SIZE])
{
	if (addr->family == AF_INET)
		ipv4_text(addr->bytes, text);
	else if (inet_ntop(addr->family, addr->bytes, text, DNS_ADDR_TEXT_SIZE) ==
	    NULL)
		text[0] = '\0';
}

void
dns_reverse_name(const struct dns_addr *addr, char name[DNS_REVERSE_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *b = addr->bytes;
	char *p = name;

	if (addr->family == AF_INET) {
		snprintf(name, DNS_REVERSE_SIZE, "%u.%u.%u.%u.in-addr.arpa",
		    b[3], b[2], b[1], b[0]);
		return;
	}
	for (int i = 15; i >= 0; i--) {
		*p++ = digits[b[i] & 15];
		*p++ = '.';
		*p++ = digits[b[i] >> 4];
		*p++ = '.';
	}
	memcpy(p, "ip6.arpa", sizeof("ip6.arpa"));
}
