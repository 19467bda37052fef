/* Headers of proxies: see proxy_header.h. */
#include "smtpd/proxy_header.h"

#include <string.h>
#include <sys/socket.h>

enum {
	V2_FIXED = 16,
	V2_VERSION = 2,
	V2_LOCAL = 0,
	V2_PROXY = 1,
	/* Family and transport. */
	V2_UNSPEC = 0x00,
	V2_TCP4 = 0x11,
	V2_TCP6 = 0x21,
};

static const struct view v1_mark = VIEW("PROXY ");
static const struct view v2_mark = VIEW("\r\n\r\n\0\r\nQUIT\n");

static enum proxy_verdict
bad(const char **why, const char *text)
{
	*why = text;
	return PROXY_BAD;
}

/* IPv4 addresses that are mapped into IPv6 are IPv4 everywhere else. */
static void
take_addr(struct dns_addr *addr, int family, const uint8_t *bytes)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (family == AF_INET6 && memcmp(bytes, mapped, sizeof(mapped)) == 0) {
		family = AF_INET;
		bytes += sizeof(mapped);
	}
	*addr = (struct dns_addr){ .family = family };
	memcpy(addr->bytes, bytes, dns_addr_len(addr));
}

/* --- version 1: "PROXY TCP4 192.0.2.1 198.51.100.1 4711 25" --- */

static bool
next_addr(struct view *rest, int family, struct dns_addr *addr)
{
	struct dns_addr a;
	struct view word;

	if (!view_token(rest, " ", &word) || !dns_addr_parse(word, &a) ||
	    a.family != family)
		return false;
	take_addr(addr, family, a.bytes);
	return true;
}

static bool
next_port(struct view *rest, uint16_t *port)
{
	struct view word;
	uint64_t n;

	if (!view_token(rest, " ", &word) || !view_to_uint(word, 10, &n) ||
	    n > 65535 || (word.len > 1 && word.ptr[0] == '0'))
		return false;
	*port = (uint16_t)n;
	return true;
}

static enum proxy_verdict
parse_line(struct view line, struct proxy_header *h, const char **why)
{
	int family = AF_UNSPEC;
	struct view word;

	line = view_skip(line, v1_mark.len);
	if (view_token(&line, " ", &word)) {
		if (view_eq(word, VIEW("TCP4")))
			family = AF_INET;
		else if (view_eq(word, VIEW("TCP6")))
			family = AF_INET6;
		else
			h->is_local = view_eq(word, VIEW("UNKNOWN"));
	}
	/* What follows UNKNOWN is to be passed over. */
	if (h->is_local)
		return PROXY_DONE;
	if (family == AF_UNSPEC)
		return bad(why, "bad or missing protocol type");
	if (!next_addr(&line, family, &h->client.addr))
		return bad(why, "bad or missing client address");
	if (!next_addr(&line, family, &h->server.addr))
		return bad(why, "bad or missing server address");
	if (!next_port(&line, &h->client.port))
		return bad(why, "bad or missing client port");
	if (!next_port(&line, &h->server.port))
		return bad(why, "bad or missing server port");
	return PROXY_DONE;
}

static enum proxy_verdict
parse_v1(
    struct view bytes, bool is_all, struct proxy_header *h, const char **why)
{
	size_t end = view_find(view_first(bytes, PROXY_LINE_MAX), '\n');
	struct view line = view_first(bytes, end);

	if (end == VIEW_NPOS) {
		if (!is_all && bytes.len < PROXY_LINE_MAX)
			return PROXY_MORE;
		return bad(why, "missing protocol header terminator");
	}
	h->len = end + 1;
	if (view_ends(line, VIEW("\r")))
		line.len--;
	return parse_line(line, h, why);
}

/* --- version 2 --- */

static uint16_t
number_at(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static enum proxy_verdict
parse_ends(
    struct view bytes, int family, struct proxy_header *h, const char **why)
{
	const uint8_t *p = (const uint8_t *)bytes.ptr;
	size_t len = family == AF_INET ? 4 : 16;

	if (bytes.len < 2 * len + 4)
		return bad(why, "short address field");
	take_addr(&h->client.addr, family, p);
	take_addr(&h->server.addr, family, p + len);
	h->client.port = number_at(p + 2 * len);
	h->server.port = number_at(p + 2 * len + 2);
	return PROXY_DONE;
}

static enum proxy_verdict
parse_v2(
    struct view bytes, bool is_all, struct proxy_header *h, const char **why)
{
	const uint8_t *p = (const uint8_t *)bytes.ptr;
	size_t len = V2_FIXED + (size_t)number_at(p + 14);
	unsigned command = p[12] & 0x0f;
	struct view rest;

	if (p[12] >> 4 != V2_VERSION)
		return bad(why, "unrecognized protocol version");
	if (command != V2_LOCAL && command != V2_PROXY)
		return bad(why, "bad command in proxy header");
	if (bytes.len < len && !is_all && len <= PROXY_HEADER_MAX)
		return PROXY_MORE;
	if (bytes.len < len || len > PROXY_HEADER_MAX)
		return bad(why, "short version 2 protocol header");
	h->len = len;
	rest = view_skip(view_first(bytes, len), V2_FIXED);
	h->is_local = command == V2_LOCAL || p[13] == V2_UNSPEC;
	if (h->is_local)
		return PROXY_DONE;
	if (p[13] == V2_TCP4)
		return parse_ends(rest, AF_INET, h, why);
	if (p[13] == V2_TCP6)
		return parse_ends(rest, AF_INET6, h, why);
	return bad(why, "unsupported network protocol");
}

/* --- both --- */

static bool
may_begin(struct view bytes, struct view mark)
{
	return view_eq(
	    view_first(bytes, mark.len), view_first(mark, bytes.len));
}

enum proxy_verdict
proxy_header_parse(
    struct view bytes, bool is_all, struct proxy_header *h, const char **why)
{
	*h = (struct proxy_header){ .len = 0 };
	if (view_starts(bytes, v1_mark))
		return parse_v1(bytes, is_all, h, why);
	if (view_starts(bytes, v2_mark) && bytes.len >= V2_FIXED)
		return parse_v2(bytes, is_all, h, why);
	if (!is_all && (may_begin(bytes, v1_mark) || may_begin(bytes, v2_mark)))
		return PROXY_MORE;
	if (bytes.len >= V2_FIXED)
		return bad(why, "unrecognized protocol header");
	/* A line of another protocol: its sender waits for our answer. */
	if (is_all || view_ends(bytes, VIEW("\n")))
		return bad(why, "short protocol header");
	return PROXY_MORE;
}
