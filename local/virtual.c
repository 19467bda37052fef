/*
 * virtual: mailboxes of users that the system does not have.  A table gives
 * the mailbox, two more its owner.
 */
#include "lib/base/log.h"
#include "local/front.h"
#include "local/place.h"

/* A number from a uid or gid map; false with the verdict set. */
static bool
find_id(const struct front *f, struct delivery *d, struct table_list *maps,
    const char *what, int64_t low, int64_t *id)
{
	struct view address = str_view(&d->address);
	struct str value = STR_EMPTY;
	bool found, good = false;
	struct err e = place_find_virtual(
	    f->conf, maps, address, &value, &found);

	if (err_is(e))
		verdict_defer(&d->verdict, e);
	else if (!found)
		verdict_set(&d->verdict, OUTCOME_DEFERRED, "4.3.5",
		    "recipient %.*s: not found in virtual_%s_maps",
		    VIEW_ARGS(address), what);
	else if (!view_to_int(view_trim(str_view(&value)), id) || *id < low ||
	    *id >= UINT32_MAX)
		verdict_set(&d->verdict, OUTCOME_DEFERRED, "4.3.5",
		    "recipient %.*s: bad %s \"%s\" in virtual_%s_maps",
		    VIEW_ARGS(address), what, value.ptr, what);
	else
		good = true;
	if (!good && !err_is(e))
		log_warn("%s", d->verdict.text);
	str_clear(&value);
	return good;
}

/* To where the map's value leads. */
static void
deliver_to(struct front *f, struct delivery *d, const char *mailbox)
{
	int64_t low = f->conf->virtual_minimum_uid, uid, gid;
	struct place place;
	struct target t;

	if (!find_id(f, d, f->virtual_uids, "uid", low > 1 ? low : 1, &uid) ||
	    !find_id(f, d, f->virtual_gids, "gid", 1, &gid))
		return;
	if (!place_of_virtual(f->conf, mailbox, &place)) {
		verdict_set(&d->verdict, OUTCOME_DEFERRED, "4.3.5",
		    "recipient %s: bad mailbox \"%s\" in virtual_mailbox_maps",
		    d->address.ptr, mailbox);
		return;
	}
	t = (struct target){ .kind = place.kind,
		.flags = place.flags,
		.base = place.base,
		.path = place.path,
		.owner = { "", (uid_t)uid, (gid_t)gid } };
	front_to_mailbox(f, d, &t);
}

void
virtual_deliver(struct front *f, struct delivery *d)
{
	struct view address = str_view(&d->address);
	struct str mailbox = STR_EMPTY;
	bool found;
	struct err e = place_find_virtual(
	    f->conf, f->virtual_mailboxes, address, &mailbox, &found);

	if (err_is(e))
		verdict_defer(&d->verdict, e);
	else if (!found)
		verdict_set(&d->verdict, OUTCOME_BOUNCED, "5.1.1",
		    "unknown user: \"%.*s\"", VIEW_ARGS(address));
	else if (memchr(mailbox.ptr, '\0', mailbox.len) != NULL)
		verdict_set(&d->verdict, OUTCOME_DEFERRED, "4.3.5",
		    "recipient %s: bad mailbox in virtual_mailbox_maps",
		    d->address.ptr);
	else
		deliver_to(f, d, mailbox.ptr);
	str_clear(&mailbox);
}
