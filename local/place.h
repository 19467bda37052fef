/*
 * Where a mailbox is, as the configuration says: for those who deliver, and for
 * who explains where they would.
 */
#ifndef LOCAL_PLACE_H
#define LOCAL_PLACE_H

#include "lib/conf/conf.h"
#include "lib/table/table.h"
#include "local/wire.h"

#include <sys/types.h>

/* Borrows from what it was made of. */
struct place {
	enum child_kind kind;
	unsigned flags; /* CHILD_IN_SPOOL */
	const char *base, *path;
};

/* Of a user of the system. */
void place_of_user(const struct conf *conf, const char *user,
    const char *home, struct place *p);

/* False, and why (a whole sentence for the sender), if nothing is delivered as
 * that user. */
bool place_allows(const struct conf *conf, const char *user, uid_t uid,
    bool unprivileged, struct str *why);

/*
 * What virtual_mailbox_maps (or the map of uids or gids) has for an address:
 * the address, without extension, "@domain".  *found is false if none is
 * there.
 */
struct err place_find_virtual(const struct conf *conf, struct table_list *maps,
    struct view address, struct str *value, bool *found);
/* The map's value below virtual_mailbox_base: "user/" is a maildir, "user" a
 * file.  False if it names nothing. */
bool place_of_virtual(
    const struct conf *conf, const struct str *mailbox, struct place *p);

#endif
