/*
 * What `resolve` reads from name servers.  The first byte chooses the type
 * that was asked for; the rest is the packet, or, if the byte is 128 or more, a
 * name or address as text.
 */
#include "lib/dns/answer.h"
#include "lib/dns/name.h"

#include "lib/base/mem.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_all(struct view bytes)
{
	struct str txt = STR_EMPTY;
	struct dns_packet p;
	struct dns_rr rr;
	bool more = true;

	if (err_is(dns_packet_open(&p, bytes)))
		return;
	while (more && !err_is(dns_packet_next(&p, &rr, &more)) && more) {
		if (rr.owner.len > DNS_NAME_MAX + 1 ||
		    rr.target.len > DNS_NAME_MAX + 1)
			abort();
		if (rr.type == DNS_TYPE_TXT && rr.class == DNS_CLASS_IN)
			dns_txt_join(&rr, &txt);
	}
	if (txt.len > bytes.len * 64)
		abort();
	str_clear(&txt);
}

/* What leaves us is fit for logs and for whoever asked. */
static void
check_record(const struct dns_answer *a, size_t i, int type)
{
	struct view data = dns_record_data(a, i);

	switch (type) {
	case DNS_TYPE_A:
		assert(data.len == 4);
		break;
	case DNS_TYPE_AAAA:
		assert(data.len == 16);
		break;
	case DNS_TYPE_MX:
		assert(data.len == 0 || dns_name_is_valid(data));
		break;
	case DNS_TYPE_PTR:
		assert(dns_name_is_valid(data));
		break;
	}
	if ((type == DNS_TYPE_MX || type == DNS_TYPE_SRV) && i > 0)
		assert(
		    a->records[i - 1].preference <= a->records[i].preference);
}

static void
read_answer(struct view bytes, int type)
{
	struct dns_answer a;

	dns_answer_init(&a);
	dns_answer_read(&a, bytes, VIEW("q.test"), type);
	dns_answer_sort(&a);
	assert((a.status == DNS_OK) == (a.n_records > 0));
	assert(a.ttl >= 0 && a.ttl <= DNS_TTL_MAX);
	assert(a.n_records <= DNS_RECORDS_MAX);
	assert(a.data.len <= DNS_RECORD_BYTES_MAX);
	/* Not all names on the way are hosts (RFC 2317). */
	for (const char *p = a.name; *p != '\0'; p++)
		assert(*p > 32 && *p < 127);
	for (size_t i = 0; i < a.n_records; i++)
		check_record(&a, i, type);
	for (const char *p = a.reason; *p != '\0'; p++)
		assert(*p >= 32 && *p < 127);
	dns_answer_clear(&a);
}

/* Text that is an address is the same address however it goes round. */
static void
read_text(struct view text)
{
	char shown[DNS_ADDR_TEXT_SIZE], reverse[DNS_REVERSE_SIZE];
	struct sockaddr_storage ss;
	struct dns_addr a, b;

	if (dns_hostname_is_valid(text))
		assert(dns_name_is_valid(text));
	if (dns_name_is_valid(text)) {
		assert(dns_name_bare(text).len <= DNS_NAME_MAX);
		assert(dns_name_is_valid(dns_name_bare(text)));
		assert(view_find_any(text, "/ \n%:") == VIEW_NPOS);
	}
	if (!dns_addr_parse(text, &a))
		return;
	assert(!dns_hostname_is_valid(text));
	dns_addr_text(&a, shown);
	assert(dns_addr_parse(view_of(shown), &b) && dns_addr_eq(&a, &b));
	dns_reverse_name(&a, reverse);
	assert(dns_name_is_valid(view_of(reverse)));
	dns_addr_to_sockaddr(&a, 25, &ss);
	assert(dns_addr_of_sockaddr((struct sockaddr *)&ss, &b));
	assert(a.family == AF_INET
		? dns_addr_eq(&a, &b)
		: b.family == AF_INET || dns_addr_eq(&a, &b));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int types[] = { DNS_TYPE_A, DNS_TYPE_CNAME, DNS_TYPE_PTR,
		DNS_TYPE_MX, DNS_TYPE_TXT, DNS_TYPE_AAAA, DNS_TYPE_SRV,
		DNS_TYPE_TLSA };
	struct view bytes;

	if (size < 1)
		return 0;
	bytes = view_make(data + 1, size - 1);
	if (data[0] >= 128) {
		read_text(bytes);
		return 0;
	}
	read_all(bytes);
	read_answer(bytes, types[data[0] % ARRAY_LEN(types)]);
	return 0;
}
