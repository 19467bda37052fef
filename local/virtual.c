/*
 * virtual: mailboxes of users that the system does not have.  A table gives
 * the mailbox, two more its owner.
 */
#include "lib/base/log.h"
#include "local/front.h"
#include "local/place.h"

struct id_map {
	struct table_list *maps;
	const char *what; /* uid, gid */
	int64_t low;
};

/* A number from a uid or gid map; without one *why says why. */
static struct err
find_id(const struct front *f, struct view address, const struct id_map *map,
    int64_t *id, struct str *why)
{
	struct str value = STR_EMPTY;
	bool found;
	struct err e =
	    place_find_virtual(f->conf, map->maps, address, &value, &found);

	if (!err_is(e) && !found)
		str_printf(why, "not found in virtual_%s_maps", map->what);
	else if (!err_is(e) &&
	    (!view_to_int(view_trim(str_view(&value)), id) ||
		*id < map->low || *id >= UINT32_MAX))
		str_printf(why, "bad %s \"%s\" in virtual_%s_maps", map->what,
		    value.ptr, map->what);
	str_clear(&value);
	return e;
}

struct err
virtual_find_owner(const struct front *f, struct view address,
    struct pool_identity *owner, struct str *why)
{
	int64_t low = f->conf->virtual_minimum_uid, uid = 0, gid = 0;
	const struct id_map uids = { f->virtual_uids, "uid", low > 1 ? low : 1 };
	const struct id_map gids = { f->virtual_gids, "gid", 1 };
	struct err e;

	str_reset(why);
	e = find_id(f, address, &uids, &uid, why);
	if (!err_is(e) && why->len == 0)
		e = find_id(f, address, &gids, &gid, why);
	*owner = (struct pool_identity){ "", (uid_t)uid, (gid_t)gid };
	return e;
}

/* To where the map's value leads. */
static void
deliver_to(struct front *f, struct delivery *d, const struct str *mailbox)
{
	struct pool_identity owner;
	struct str why = STR_EMPTY;
	struct place place;
	struct err e =
	    virtual_find_owner(f, str_view(&d->address), &owner, &why);

	if (err_is(e)) {
		verdict_defer(&d->verdict, e);
	} else if (why.len > 0) {
		verdict_set(&d->verdict, OUTCOME_DEFERRED, "4.3.5",
		    "recipient %s: %s", d->address.ptr, why.ptr);
		log_warn("%s", d->verdict.text);
	} else if (!place_of_virtual(f->conf, mailbox, &place)) {
		verdict_set(&d->verdict, OUTCOME_DEFERRED, "4.3.5",
		    "recipient %s: bad mailbox \"%s\" in virtual_mailbox_maps",
		    d->address.ptr, mailbox->ptr);
	} else {
		struct target t = { .kind = place.kind,
			.flags = place.flags,
			.base = place.base,
			.path = place.path,
			.owner = owner };

		front_to_mailbox(f, d, &t);
	}
	str_clear(&why);
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
	else
		deliver_to(f, d, &mailbox);
	str_clear(&mailbox);
}
