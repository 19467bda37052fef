/*
 * The servers of a table, and which of them not to try for a while.  What is
 * known of a server is shared by all threads, and by who has the same scope.
 */
#ifndef TABLE_DBHOSTS_H
#define TABLE_DBHOSTS_H

#include "lib/base/err.h"
#include "lib/base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum { DBHOSTS_MAX = 64 };

struct dbhost {
	struct str spec;   /* as written: what it is known by, and messages */
	struct str name;   /* name or address, or path of a socket */
	unsigned port;	   /* 0: the usual one */
	bool is_socket, is_url;
};

struct dbhosts {
	struct dbhost all[DBHOSTS_MAX];
	size_t n;
	bool in_order; /* as listed; else sockets first, then by chance */
};

/*
 * "unix:/path", "inet:name:port", "name:port", "name", "[::1]:port", "/path",
 * "scheme://..." (whole, is_url).  ERR_PERM for what is none of them, for
 * none, and for too many.
 */
struct err dbhosts_parse(struct dbhosts *h, struct view text, bool in_order);
void dbhosts_clear(struct dbhosts *h);

/* The order to try them in: indices into all, those that are not given a rest
 * now; *n may be 0. */
void dbhosts_order(
    const struct dbhosts *h, const char *scope, size_t order[DBHOSTS_MAX], size_t *n);

/* It did not answer: rest, for 1 s at first, then twice as long each time, up
 * to max_ms; it answered: no rest. */
void dbhosts_failed(const char *scope, const struct dbhost *host, int64_t max_ms);
void dbhosts_answered(const char *scope, const struct dbhost *host);
/* Nobody rests any more (tests). */
void dbhosts_forget(void);

#endif
