/*
 * smtp_generic_maps: addresses of mail that is sent, in the envelope and in the
 * header, become others that are valid elsewhere; see generic(5).
 */
#ifndef SMTP_GENERIC_H
#define SMTP_GENERIC_H

#include "lib/mail/header.h"
#include "smtp/delivery.h"

/* Before the drop.  ERR_PERM for a value that cannot be. */
struct err generic_open(
    struct settings *set, const struct conf *conf, bool is_lmtp);
void generic_close(struct settings *set);
bool generic_has_changed(const struct settings *set);

static inline bool
generic_is_on(const struct settings *set)
{
	return !addr_map_is_empty(&set->generic);
}

/* What the server gets to see of sender and recipients.  ERR_TEMP if a table
 * failed.  May wait. */
struct err generic_map_envelope(struct delivery *d);

/* The header on its way out: kept until it is whole, then changed. */
struct generic_header {
	const struct settings *set;
	struct str head;
	struct header_scan scan;
	bool is_done; /* what follows needs no look */
};

void generic_header_init(struct generic_header *g, const struct settings *set);
void generic_header_clear(struct generic_header *g);
/* Append to out what can go on of the content so far.  ERR_TEMP as above. */
struct err generic_header_feed(
    struct generic_header *g, struct view piece, struct str *out);
struct err generic_header_finish(struct generic_header *g, struct str *out);

#endif
