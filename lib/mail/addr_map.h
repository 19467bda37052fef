/*
 * Tables that lead from an address to one or more others: canonical(5),
 * virtual(5), generic(5) and their like.  What is found is read as a list of
 * addresses; "@domain" keeps the local part; the extension of an address that
 * was found without it (user+ext by user) goes over to each result.
 */
#ifndef MAIL_ADDR_MAP_H
#define MAIL_ADDR_MAP_H

#include "lib/conf/conf.h"
#include "lib/mail/addrlist.h"
#include "lib/mail/own.h"
#include "lib/table/match.h"
#include "lib/table/table.h"

/* Which domains are this machine's own: in these a name alone is a key too. */
struct addr_site {
	const struct conf *conf;
	struct match_list *local; /* mydestination */
	struct own own;
};

struct addr_map {
	const char *name; /* the parameter's, for messages */
	struct table_list *tables;
	bool propagates; /* propagate_unmatched_extensions names it */
};

/* Both before the drop: they read files and interfaces.  ERR_PERM for a value
 * that cannot be. */
struct err addr_site_open(struct addr_site *site, const struct conf *conf);
void addr_site_close(struct addr_site *site);
bool addr_site_has_changed(const struct addr_site *site);

/* `propagated` is the word of propagate_unmatched_extensions; NULL if results
 * never get an extension. */
struct err addr_map_open(struct addr_map *map, const struct conf *conf,
    const char *name, const char *value, const char *propagated);
void addr_map_close(struct addr_map *map);
bool addr_map_is_empty(const struct addr_map *map);
bool addr_map_has_changed(const struct addr_map *map);

/* What an address leads to.  Clear it in any case. */
struct addr_hit {
	struct str value;
	struct str extension; /* with its delimiter, to be added; or empty */
	/* private */
	struct addrlist list;
	struct view words;
};

/*
 * Look the address (internal form) up.  Without a hit there is nothing to
 * read.  ERR_TEMP if a table failed, or has an empty value; its text names the
 * parameter.  Waits if a table is remote.
 */
struct err addr_map_find(const struct addr_map *map,
    const struct addr_site *site, struct view address, struct addr_hit *hit,
    bool *found);

/* The next result, in internal form: neither completed ($myorigin) nor with
 * the extension.  False after the last. */
bool addr_hit_next(struct addr_hit *hit, struct str *address);
/* The first one is the next again. */
void addr_hit_rewind(struct addr_hit *hit);
void addr_hit_clear(struct addr_hit *hit);

/* Put the extension before the @. */
void addr_add_extension(struct str *address, struct view extension);

#endif
