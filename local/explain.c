/* Mailboxes and aliases, explained: see explain.h. */
#include "local/explain.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/trace.h"
#include "lib/mail/addr.h"
#include "local/place.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
tell_place(const struct place *p, const char *user, struct view owner)
{
	struct str path = STR_EMPTY;
	size_t len = strlen(p->base);

	str_printf(&path, "%s%s%s", p->base,
	    len > 0 && p->base[len - 1] == '/' ? "" : "/", p->path);
	TRACE("mailbox", { "path", str_view(&path) },
	    { "format",
		p->kind == CHILD_MAILDIR ? VIEW("maildir") : VIEW("mbox") },
	    { "user", user != NULL ? view_of(user) : (struct view){ NULL, 0 } },
	    { "owner", owner });
	str_clear(&path);
}

static void
fail(const char *in, struct err why)
{
	TRACE("failed", { "in", view_of(in) }, { "why", view_of(why.text) });
}

/* --- virtual --- */

/* The mailbox is found: whose it is, and where. */
static void
explain_mailbox(
    const struct front *f, struct view address, const struct str *mailbox)
{
	struct str owner = STR_EMPTY, why = STR_EMPTY;
	struct pool_identity who;
	struct place place;
	struct err e = virtual_find_owner(f, address, &who, &why);

	if (!err_is(e) && why.len == 0 &&
	    !place_of_virtual(f->conf, mailbox, &place))
		str_printf(&why, "bad mailbox \"%s\" in virtual_mailbox_maps",
		    mailbox->ptr);
	str_printf(&owner, "%u:%u", (unsigned)who.uid, (unsigned)who.gid);
	if (err_is(e))
		fail("virtual", e);
	else if (why.len > 0)
		TRACE("deferred", { "address", address },
		    { "why", str_view(&why) });
	else
		tell_place(&place, NULL, str_view(&owner));
	str_clear(&owner);
	str_clear(&why);
}

static void
explain_virtual(const struct front *f, struct view address)
{
	struct str mailbox = STR_EMPTY;
	bool found;
	struct err e = place_find_virtual(
	    f->conf, f->virtual_mailboxes, address, &mailbox, &found);

	if (err_is(e))
		fail("virtual_mailbox_maps", e);
	else if (!found)
		TRACE("undeliverable", { "address", address },
		    { "not_in", VIEW("virtual_mailbox_maps") });
	else
		explain_mailbox(f, address, &mailbox);
	str_clear(&mailbox);
}

/* --- local --- */

/* The user of a local part; NULL if there is none. */
static struct err
find_user(const struct conf *conf, struct view local, struct str *name,
    const struct passwd **pw)
{
	struct view user, extension;

	addr_split_extension(local, view_of(conf->recipient_delimiter),
	    conf->owner_request_special, &user, &extension);
	str_set(name, user);
	errno = 0;
	*pw = user.len > 0 ? getpwnam(name->ptr) : NULL;
	if (*pw == NULL && errno != 0 && errno != ENOENT && errno != ESRCH)
		return err_sys(ERR_TEMP, "look up user %s", name->ptr);
	return ERR_OK;
}

static void
tell_user(const struct conf *conf, const char *name, const struct passwd *pw)
{
	struct str why = STR_EMPTY, owner = STR_EMPTY;
	struct place place;

	place_of_user(conf, name, pw->pw_dir, &place);
	str_printf(&owner, "%u:%u", (unsigned)pw->pw_uid,
	    (unsigned)pw->pw_gid);
	if (place_allows(conf, name, pw->pw_uid, geteuid() != 0, &why))
		tell_place(&place, name, str_view(&owner));
	else
		TRACE("deferred", { "user", view_of(name) },
		    { "why", str_view(&why) });
	str_clear(&why);
	str_clear(&owner);
}

/* False if there is no such user.  Whether there is, and what that means, is
 * told. */
static bool
explain_user(const struct conf *conf, struct view local)
{
	struct str name = STR_EMPTY;
	const struct passwd *pw;
	struct err e = find_user(conf, local, &name, &pw);

	if (err_is(e))
		fail("user", e);
	else if (pw != NULL)
		tell_user(conf, name.ptr, pw);
	str_clear(&name);
	return err_is(e) || pw != NULL;
}

/* False if nobody gets it: a user that is not there. */
static bool
explain_member(const struct conf *conf, const struct expansion *all,
    const struct expand_member *m)
{
	struct view address = view_of(m->address);
	/* A lone user gets it here; else whoever is no mailbox of this
	 * expansion gets a message through cleanup. */
	bool is_lone = all->n == 1 && m->is_local;
	bool done;

	TRACE("member", { "alias", view_of(all->alias) },
	    { "address", address },
	    { "is", m->is_mailbox ? VIEW("mailbox") : VIEW("address") });
	done = (m->is_mailbox || is_lone) &&
	    explain_user(conf, addr_local(address));
	if (!done && !m->is_mailbox)
		TRACE("forward", { "address", address });
	return done || !m->is_mailbox;
}

static void
explain_members(const struct conf *conf, const struct expansion *all)
{
	bool any = false;

	for (size_t i = 0; i < all->n; i++)
		any |= explain_member(conf, all, &all->members[i]);
	if (!any)
		TRACE("undeliverable", { "alias", view_of(all->alias) },
		    { "why", VIEW("it leads to itself alone") });
}

static void
explain_alias(const struct expand_site *site, const struct expansion *all)
{
	struct str owner = STR_EMPTY;
	struct err e = expand_owner(site, all->alias, &owner);

	TRACE("alias", { "alias", view_of(all->alias) },
	    { "sender_from_now", owner.len > 0 ? str_view(&owner)
					       : (struct view){ NULL, 0 } });
	if (err_is(e))
		fail("alias_maps", e);
	else if (all->unsupported != NULL)
		TRACE("deferred", { "alias", view_of(all->alias) },
		    { "not_supported", view_of(all->unsupported) });
	else
		explain_members(site->conf, all);
	str_clear(&owner);
}

static void
tell_nobody(const struct conf *conf, struct view address)
{
	const struct {
		const char *name, *value;
	} others[] = {
		{ "fallback_transport", conf->fallback_transport },
		{ "fallback_transport_maps", conf->fallback_transport_maps },
		{ "luser_relay", conf->luser_relay },
	};

	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		if (others[i].value[0] == '\0')
			continue;
		TRACE("unknown user", { "address", address },
		    { "parameter", view_of(others[i].name) },
		    { "value", view_of(others[i].value) });
		return;
	}
	TRACE("undeliverable", { "address", address },
	    { "not_in", VIEW("alias_maps and the system's users") });
}

static void
explain_local(const struct front *f, struct view address)
{
	struct view local = addr_local(address);
	struct expansion all;
	bool found = false;
	struct err e;

	expansion_init(&all, NULL, NULL);
	e = expand_alias(&f->expand, local, &all, &found);
	if (err_is(e))
		fail("alias_maps", e);
	else if (found)
		explain_alias(&f->expand, &all);
	else if (!explain_user(f->conf, local))
		tell_nobody(f->conf, address);
	expansion_clear(&all);
}

int
explain_run(const struct front *f, int argc, char **argv)
{
	struct str address = STR_EMPTY;

	if (argc != 2)
		die_usage("usage: %s -E recipient", f->relay);
	trace_form = TRACE_JSON;
	str_set(&address, view_of(argv[1]));
	str_lower(&address);
	if (f->deliver == virtual_deliver)
		explain_virtual(f, str_view(&address));
	else
		explain_local(f, str_view(&address));
	str_clear(&address);
	return EXIT_SUCCESS;
}
