/*
 * Finding the endpoints that the configuration mentions: in main.cf and
 * master.cf, and in the values of tables that give transports.
 */
#ifndef DIAL_SCAN_H
#define DIAL_SCAN_H

#include "dial/endpoint.h"
#include "lib/conf/conf.h"
#include "lib/table/table.h"

struct scan {
	struct endpoints endpoints;
	struct table **tables; /* that were read: they may change */
	size_t n_tables;
};

/* Before the drop.  Tables that cannot be opened or listed (regexp:, ldap:)
 * are passed over: what they lead to must stand in main.cf too. */
struct err scan_init(struct scan *s, const struct conf *conf);
void scan_clear(struct scan *s);
/* One of the tables was replaced. */
bool scan_has_changed(const struct scan *s);

#endif
