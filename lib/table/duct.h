/*
 * A connection to a server with a simple protocol (socketmap, tcp, memcache,
 * redis), with a deadline for all that is asked on it at a time.  It waits as
 * dbwait does; to connect may block for the name service.
 */
#ifndef TABLE_DUCT_H
#define TABLE_DUCT_H

#include "lib/base/str.h"
#include "lib/table/dbhosts.h"

#include <stdbool.h>

struct duct;
struct dbtls;

/* NULL, and why (MODULE_WHY_MAX bytes).  port is that of a host without one. */
struct duct *duct_connect(
    const struct dbhost *host, unsigned port, int timeout_ms, char *why);
/* The handshake, within the time that connecting had.  On false the caller
 * closes. */
bool duct_start_tls(struct duct *w, const struct dbtls *t,
    const struct dbhost *host, char *why);
void duct_close(struct duct *w);

/* From now on, for what follows; what was read and not used is dropped.
 * False if the server said something unasked, or has closed. */
bool duct_begin(struct duct *w, int timeout_ms, char *why);
bool duct_send(struct duct *w, struct view bytes, char *why);
/* Borrowed until the next call; a line without CR and LF. */
bool duct_read_line(struct duct *w, size_t max, struct view *line, char *why);
bool duct_read_n(struct duct *w, size_t n, struct view *bytes, char *why);

#endif
