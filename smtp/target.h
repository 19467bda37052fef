/*
 * From a next hop to the addresses to connect to, in the order to try them:
 * MX by preference (RFC 5321 5.1), equal ones shuffled, without those that
 * lead back to this machine.
 */
#ifndef SMTP_TARGET_H
#define SMTP_TARGET_H

#include "lib/dns/dns.h"
#include "smtp/dest.h"
#include "smtp/why.h"

struct target {
	char host[DNS_NAME_SIZE]; /* the MX host, or the host itself */
	bool is_unix;
	const char *path; /* borrowed from the dest */
	struct dns_addr addr;
	uint16_t port;
	int preference;
	bool may_loop; /* our own name in its greeting is a loop */
	uint64_t shuffle;
};

struct targets {
	struct target *list;
	size_t n;
	int best_preference;
};

enum { TARGET_MX_HOSTS_MAX = 20, TARGET_ADDRS_MAX = 200 };

/* "[1.2.3.4]:25" of the target, or "[/path]": behind the host's name. */
void target_add_addr(struct str *out, const struct target *t);
/* What tells one connection's end from another. */
void target_add_key(struct str *out, const struct target *t);

/*
 * Look up; waits for the DNS until the deadline.  False, with the reason in
 * *why, if there is nothing to connect to.  why->status 5.4.6 and 5.1.10 are
 * about the destination for good: no other host may take its mail.
 */
bool targets_find(struct targets *ts, const struct settings *s,
    struct dns_client *dns, const struct dest *d, struct why *why,
    int64_t deadline);
void targets_clear(struct targets *ts);

/* The parts, for tests.  Drop the targets that are not better than this
 * machine itself; false if none is left: the mail loops. */
bool targets_cut_self(struct targets *ts, const struct settings *s);
void targets_sort(struct targets *ts, const struct settings *s);
/* Cut to smtp_mx_address_limit, both families among them if there were. */
void targets_limit(struct targets *ts, const struct settings *s);

#endif
