/*
 * What `resolve` reads from name servers.  The first byte chooses the type
 * that was asked for; the rest is the packet.
 */
#include "lib/dns/answer.h"

#include "lib/base/mem.h"

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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int types[] = { DNS_TYPE_A, DNS_TYPE_CNAME, DNS_TYPE_PTR,
		DNS_TYPE_MX, DNS_TYPE_TXT, DNS_TYPE_AAAA, DNS_TYPE_SRV,
		DNS_TYPE_TLSA };
	struct dns_answer a;
	struct view bytes;

	if (size < 1)
		return 0;
	bytes = view_make(data + 1, size - 1);
	read_all(bytes);
	dns_answer_init(&a);
	dns_answer_read(
	    &a, bytes, VIEW("q.test"), types[data[0] % ARRAY_LEN(types)]);
	if ((a.status == DNS_OK) != (a.n_records > 0) || a.ttl < 0 ||
	    a.n_records > DNS_RECORDS_MAX || a.data.len > DNS_RECORD_BYTES_MAX)
		abort();
	dns_answer_clear(&a);
	return 0;
}
