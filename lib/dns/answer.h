/*
 * The answer to one question: what is left of a packet once its CNAMEs were
 * followed and its records checked.  The caller owns it.
 */
#ifndef DNS_ANSWER_H
#define DNS_ANSWER_H

#include "lib/base/str.h"
#include "lib/dns/packet.h"

#include <stdbool.h>
#include <stdint.h>

/* Numbers that travel between processes: append only. */
enum dns_status {
	DNS_OK = 0,	  /* at least one record */
	DNS_NODATA = 1,	  /* the name is there, records of this type are not */
	DNS_NXDOMAIN = 2, /* no such name */
	DNS_TEMP = 3,	  /* no answer, or one that may change: 4xx, defer */
	DNS_BOGUS = 4,	  /* DNSSEC says it is forged: temporary as well */
	DNS_INVALID = 5,  /* name or answer make no sense: permanent */
};

/* A number from another process; DNS_TEMP if it is none of them. */
enum dns_status dns_status_of(int64_t number);

static inline bool
dns_status_is_temp(enum dns_status status)
{
	return status == DNS_TEMP || status == DNS_BOGUS;
}

enum {
	DNS_RECORDS_MAX = 256,
	DNS_RECORD_BYTES_MAX = 40000, /* of all records' data: fits a frame */
	DNS_CNAMES_MAX = 12,
	DNS_TTL_MAX = 604800,
	DNS_REASON_SIZE = 200,
};

struct dns_record {
	int type;
	int preference; /* MX, SRV */
	size_t at, len; /* see dns_record_data */
};

struct dns_answer {
	enum dns_status status;
	bool secure;		      /* validated by DNSSEC, the whole chain */
	int64_t ttl;		      /* seconds; the least of those involved */
	char name[DNS_NAME_SIZE];     /* where the CNAMEs led */
	char reason[DNS_REASON_SIZE]; /* for logs, unless DNS_OK */
	struct dns_record *records;
	size_t n_records, room;
	struct str data;
};

void dns_answer_init(struct dns_answer *a);
void dns_answer_clear(struct dns_answer *a);
/* Only a status, with the reason for logs. */
void dns_answer_fail(
    struct dns_answer *a, enum dns_status status, struct view name, int type);

/*
 * The data of record i, borrowed: for A and AAAA the 4 or 16 bytes, for MX,
 * PTR, NS, CNAME a name ("" is the root: null MX, RFC 7505), for SRV "weight
 * port target", for TXT the strings joined, for SOA the first name server, for
 * others the bytes as they are (TLSA: RFC 6698 2.1).
 */
struct view dns_record_data(const struct dns_answer *a, size_t i);
/* False, and nothing added, if that would be over the limits above. */
bool dns_answer_add(
    struct dns_answer *a, int type, int preference, struct view data);
/* Records of MX and SRV by preference; others stay as they are. */
void dns_answer_sort(struct dns_answer *a);

/*
 * Read a resolver's packet as the answer to this question (a valid name).
 * Follows CNAMEs within the packet.  Addresses and hosts over the limits are
 * cut off; other records over them are DNS_INVALID.  Records whose data is not
 * a valid name where one must be are passed over; if none is left: DNS_INVALID.
 * A packet that is malformed, or goes round in circles, is DNS_TEMP.
 * `a` is initialised; whether it is secure is the caller's to say.
 */
void dns_answer_read(
    struct dns_answer *a, struct view packet, struct view name, int type);

/* "MX", or "TYPE65535"; in `buf` if it has no name here. */
const char *dns_type_name(int type, char buf[static 16]);
/* Fills `reason` as logs have it: "Host or domain name not found. Name service
 * error for name=N type=T: Host not found". */
void dns_status_reason(char reason[DNS_REASON_SIZE], enum dns_status status,
    struct view name, int type);

#endif
