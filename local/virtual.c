/*
 * virtual: mailboxes of users that the system does not have.  A table gives
 * the mailbox, two more its owner.
 */
#include "lib/base/log.h"
#include "lib/mail/addr.h"
#include "local/front.h"

/*
 * The address, the address without extension, "@domain".  *found is false if
 * none is there.
 */
static struct err
find_address(const struct front *f, struct table_list *maps,
    struct view address, struct str *value, bool *found)
{
	struct view local = addr_local(address), domain = addr_domain(address);
	struct view user, extension;
	struct str key = STR_EMPTY;
	struct err e = table_list_find(maps, address, TABLE_ALL, value, found);

	if (err_is(e) || *found)
		return e;
	if (addr_split_extension(local, view_of(f->conf->recipient_delimiter),
		f->conf->owner_request_special, &user, &extension)) {
		str_addf(&key, "%.*s@%.*s", VIEW_ARGS(user), VIEW_ARGS(domain));
		e = table_list_find(
		    maps, str_view(&key), TABLE_FIXED, value, found);
	}
	if (!err_is(e) && !*found) {
		str_printf(&key, "@%.*s", VIEW_ARGS(domain));
		e = table_list_find(
		    maps, str_view(&key), TABLE_FIXED, value, found);
	}
	str_clear(&key);
	return e;
}

/* A number from a uid or gid map; false with the verdict set. */
static bool
find_id(const struct front *f, struct delivery *d, struct table_list *maps,
    const char *what, int64_t low, int64_t *id)
{
	struct view address = str_view(&d->address);
	struct str value = STR_EMPTY;
	bool found, good = false;
	struct err e = find_address(f, maps, address, &value, &found);

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

/* The value of the map below the base: "user/" is a maildir, "user" a file. */
static void
deliver_to(struct front *f, struct delivery *d, const char *mailbox)
{
	const char *base = f->conf->virtual_mailbox_base;
	int64_t low = f->conf->virtual_minimum_uid, uid, gid;
	struct target t = { .kind = CHILD_MBOX, .base = base };
	size_t len = strlen(mailbox);

	if (!find_id(f, d, f->virtual_uids, "uid", low > 1 ? low : 1, &uid) ||
	    !find_id(f, d, f->virtual_gids, "gid", 1, &gid))
		return;
	if (base[0] == '\0')
		t.base = "/";
	t.owner = (struct pool_identity){ "", (uid_t)uid, (gid_t)gid };
	t.path = mailbox + strspn(mailbox, "/");
	if (len > 0 && mailbox[len - 1] == '/')
		t.kind = CHILD_MAILDIR;
	if (t.path[0] == '\0' || t.base[0] != '/')
		verdict_set(&d->verdict, OUTCOME_DEFERRED, "4.3.5",
		    "recipient %s: bad mailbox \"%s\" in virtual_mailbox_maps",
		    d->address.ptr, mailbox);
	else
		front_to_mailbox(f, d, &t);
}

void
virtual_deliver(struct front *f, struct delivery *d)
{
	struct view address = str_view(&d->address);
	struct str mailbox = STR_EMPTY;
	bool found;
	struct err e =
	    find_address(f, f->virtual_mailboxes, address, &mailbox, &found);

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
