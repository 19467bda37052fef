/*
 * The protocol of Redis (RESP 2): words out, replies in.  A word's length stands
 * before it, so whatever is in a key it cannot become a second word, or a second
 * command.
 */
#ifndef TABLE_REDIS_WIRE_H
#define TABLE_REDIS_WIRE_H

#include "lib/table/dbtls.h"
#include "lib/table/duct.h"

/* Where nothing else is said. */
enum { REDIS_PORT = 6379 };

/* Who we are to a server. */
struct redis_login {
	const char *user, *password; /* "": none */
	int64_t database;
	const struct dbtls *tls; /* NULL: in the clear */
};

/* From user, password, database, tls_...  ERR_PERM. */
struct err redis_login_load(struct redis_login *l, const struct params *p);
/* Connected, encrypted if that is asked for (sockets of this machine are not),
 * logged in; NULL, and why. */
struct duct *redis_connect(const struct redis_login *l,
    const struct dbhost *host, int timeout_ms, char *why);

/* Append the beginning of a command of so many words, and each of them. */
void redis_add_command(struct str *out, size_t n_words);
void redis_add_word(struct str *out, struct view word);
void redis_add_number(struct str *out, int64_t number);

struct redis_reply {
	/* As on the wire: '+' done, '-' refused, ':' number, '$' bytes, '*' a
	 * list; '_' is nothing. */
	char kind;
	size_t n; /* of a list: how many replies follow */
	int64_t number;
	struct view text; /* borrowed until the next call on the duct */
};

/* One reply, of a list its head.  False, and why: the connection is of no more
 * use. */
bool redis_read(struct duct *w, struct redis_reply *r, char *why);
/* "TEXT: LINE" as why, always false. */
bool redis_why(char *why, const char *text, struct view line);

#endif
