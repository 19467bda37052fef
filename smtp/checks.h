/*
 * smtp_header_checks and its relatives: headers and lines of bodies on their
 * way out are changed, dropped, added to, or only told of.  What would change
 * where a message goes, or when, is for cleanup (header_checks(5)).
 */
#ifndef SMTP_CHECKS_H
#define SMTP_CHECKS_H

#include "lib/mail/check_maps.h"
#include "smtp/settings.h"

/* Before the drop.  ERR_PERM for a value that cannot be. */
struct err checks_open(
    struct settings *set, const struct conf *conf, bool is_lmtp);
void checks_close(struct settings *set);
bool checks_have_changed(const struct settings *set);

static inline bool
checks_are_on(const struct settings *set)
{
	return set->checks.is_any;
}

/* The content of one message. */
struct checking {
	const struct settings *set;
	struct view queue_id;
	struct mime mime;
	struct str value;     /* a table's answer */
	bool is_past_header;
	bool is_done; /* what follows needs no look */
};

void checking_init(
    struct checking *c, const struct settings *set, struct view queue_id);
void checking_clear(struct checking *c);
/* Append to out what goes on of the content so far.  ERR_TEMP if a table
 * failed.  Waits if one is remote; others have their turn. */
struct err checking_feed(
    struct checking *c, struct view piece, struct str *out);
struct err checking_finish(struct checking *c, struct str *out);

#endif
