/*
 * Asking the DNS from any daemon: typed questions to the `resolve` service,
 * which is the only process that looks into packets from the network.  Every
 * call waits until the deadline at most; with a loop the fiber parks.  What is
 * answered is the caller's: each list and answer has a clear.
 *
 * No call fails otherwise than by its status: a `resolve` that is down is
 * DNS_TEMP, with the reason.
 */
#ifndef DNS_DNS_H
#define DNS_DNS_H

#include "lib/base/htable.h"
#include "lib/base/list.h"
#include "lib/dns/answer.h"
#include "lib/dns/name.h"
#include "lib/ipc/client.h"

enum { DNS_PEERS_MAX = 4096, DNS_PEER_TTL_MIN = 5, DNS_PEER_TTL_MAX = 300 };

/* One per process: the service, and a bounded cache of clients' names. */
struct dns_client {
	struct ipc_service *resolve;
	struct htable peers;
	struct list peers_by_age;
	size_t n_peers;
};

void dns_client_init(struct dns_client *c, struct ipc_service *resolve);
void dns_client_clear(struct dns_client *c);

enum dns_flags {
	DNS_VALIDATE = 1 << 0, /* ask where DNSSEC is checked */
	DNS_NATIVE = 1 << 1,   /* addresses: /etc/hosts before the DNS */
	DNS_IPV4 = 1 << 2,     /* addresses: only of the families named; */
	DNS_IPV6 = 1 << 3,     /* none named is both */
};

/* Any type.  The name may end in a dot; one that is not valid is DNS_INVALID
 * and not asked for.  `out` need not be initialised. */
enum dns_status dns_lookup(struct dns_client *c, struct view name, int type,
    unsigned flags, struct dns_answer *out, int64_t deadline);

struct dns_mx {
	uint16_t preference;
	char host[DNS_NAME_SIZE]; /* a valid host name, no dot at the end */
};

struct dns_mx_list {
	enum dns_status status;
	bool secure;
	/* The domain takes no mail (RFC 7505): status is DNS_OK, n is 0. */
	bool null_mx;
	int64_t ttl;
	char name[DNS_NAME_SIZE]; /* where CNAMEs led */
	char reason[DNS_REASON_SIZE];
	struct dns_mx *mx; /* lowest preference first */
	size_t n;
};

/* The mail hosts of a domain (RFC 5321 5.1).  DNS_NODATA: the domain has no
 * MX, its address is to be tried. */
enum dns_status dns_lookup_mx(struct dns_client *c, struct view domain,
    unsigned flags, struct dns_mx_list *out, int64_t deadline);
void dns_mx_list_clear(struct dns_mx_list *l);

struct dns_addr_list {
	enum dns_status status;
	bool secure;
	int64_t ttl;
	char name[DNS_NAME_SIZE]; /* where CNAMEs led */
	char reason[DNS_REASON_SIZE];
	struct dns_addr *addrs; /* in the order of the answer, IPv6 first */
	size_t n;
};

/* The addresses of a host; one that is an address itself is not asked for. */
enum dns_status dns_lookup_addrs(struct dns_client *c, struct view host,
    unsigned flags, struct dns_addr_list *out, int64_t deadline);
void dns_addr_list_clear(struct dns_addr_list *l);

/*
 * A client's name.  `name` is verified: its addresses hold the client's; else
 * it is "unknown" and status says why: temporary or not (450 or 550 class).
 * `reverse` is what PTR alone said, or "unknown".
 */
struct dns_peer {
	enum dns_status status, reverse_status;
	char name[DNS_NAME_SIZE], reverse[DNS_NAME_SIZE];
};

/* Answers are kept for their TTL (5 to 300 s), temporary failures are not. */
void dns_peer_name(struct dns_client *c, const struct sockaddr *client,
    struct dns_peer *out, int64_t deadline);

#endif
