/*
 * /etc/hosts (hosts(5)), read once into memory: names to addresses, and an
 * address to the first name that it stands with.  Where it says nothing of
 * 127.0.0.1 and ::1, they are localhost.
 */
#ifndef RESOLVE_HOSTS_H
#define RESOLVE_HOSTS_H

#include "lib/base/htable.h"
#include "lib/dns/name.h"

enum { HOSTS_ADDRS_MAX = 64, HOSTS_NAMES_MAX = 200000 };

struct hosts_entry {
	size_t n;
	struct dns_addr addrs[]; /* at most HOSTS_ADDRS_MAX */
};

struct hosts {
	struct htable by_name; /* lower case -> struct hosts_entry */
	struct htable by_addr; /* text of the address -> name, a string */
	size_t n_names;
};

/* Lines that make no sense are passed over, names over the limit as well. */
void hosts_parse(struct hosts *h, struct view text);
void hosts_clear(struct hosts *h);
/* Both borrowed; NULL if it is not there. */
const struct hosts_entry *hosts_find(const struct hosts *h, struct view name);
const char *hosts_find_name(const struct hosts *h, const struct dns_addr *addr);
/* True if the name stands there with this address. */
bool hosts_has(
    const struct hosts *h, struct view name, const struct dns_addr *addr);

#endif
