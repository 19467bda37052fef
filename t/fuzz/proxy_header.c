/*
 * The header of a proxy.  The first byte says whether more can come.  A header
 * that is whole stays what it is whatever follows, and each piece of it asks
 * for more; what is bad says why and is not waited for.
 */
#include "smtpd/proxy_header.h"

#include <assert.h>
#include <string.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_end(const struct proxy_end *end)
{
	char text[DNS_ADDR_TEXT_SIZE];
	struct dns_addr back;

	assert(end->addr.family == AF_INET || end->addr.family == AF_INET6);
	dns_addr_text(&end->addr, text);
	assert(strncmp(text, "::ffff:", 7) != 0 || strchr(text, '.') == NULL);
	assert(dns_addr_parse((struct view){ text, strlen(text) }, &back));
	assert(dns_addr_eq(&end->addr, &back));
}

static void
check_header(struct view bytes, const struct proxy_header *h)
{
	struct view header = view_first(bytes, h->len);
	struct proxy_header other;
	const char *why = NULL;

	assert(h->len >= 14 && h->len <= bytes.len);
	assert(h->len <= PROXY_HEADER_MAX);
	if (!h->is_local) {
		check_end(&h->client);
		check_end(&h->server);
	}
	assert(proxy_header_parse(header, false, &other, &why) == PROXY_DONE);
	assert(other.len == h->len && other.is_local == h->is_local);
	assert(other.client.port == h->client.port);
	for (size_t n = 0; n < h->len; n++)
		assert(proxy_header_parse(view_first(header, n), false, &other,
			   &why) == PROXY_MORE);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_header h;
	const char *why = NULL;
	struct view bytes;
	bool is_all;
	enum proxy_verdict v;

	if (size == 0)
		return 0;
	is_all = (data[0] & 1) != 0;
	bytes = view_make(data + 1, size - 1);
	v = proxy_header_parse(bytes, is_all, &h, &why);
	assert((v == PROXY_BAD) == (why != NULL));
	assert(v != PROXY_MORE || (!is_all && bytes.len < PROXY_HEADER_MAX));
	if (v == PROXY_DONE)
		check_header(bytes, &h);
	return 0;
}
