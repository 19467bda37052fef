/*
 * Alias expansion: see expand.h.  A list of what is still to be read replaces
 * recursion, so depth costs nothing; what was seen is not read again, so loops
 * end.
 */
#include "local/expand.h"

#include "lib/base/mem.h"
#include "lib/mail/addr.h"
#include "local/alias.h"

#include <stdlib.h>

struct err
expand_is_local(const struct expand_site *site, struct view domain, bool *yes)
{
	if (domain.len == 0)
		domain = view_of(site->conf->myorigin);
	return match_list_matches(site->local_domains, domain, yes);
}

static struct err
find_alias(const struct expand_site *site, struct view name, struct str *value,
    bool *found)
{
	*found = false;
	if (name.len == 0)
		return ERR_OK;
	return table_list_find(site->aliases, name, TABLE_ALL, value, found);
}

/* By the whole local part, then without its extension; *key is what was
 * found. */
static struct err
find_local(const struct expand_site *site, struct view local, struct str *value,
    struct view *key, bool *found)
{
	struct view extension;
	struct err e = find_alias(site, local, value, found);

	*key = local;
	if (err_is(e) || *found)
		return e;
	if (!addr_split_extension(local,
		view_of(site->conf->recipient_delimiter),
		site->conf->owner_request_special, key, &extension))
		return ERR_OK;
	return find_alias(site, *key, value, found);
}

/* True if it was not there yet. */
static bool
mark_seen(struct expansion *x, char kind, struct view text)
{
	struct str key = STR_EMPTY;
	bool fresh;

	str_add_byte(&key, kind);
	str_add(&key, text);
	str_lower(&key);
	fresh = htable_find(&x->seen, str_view(&key)) == NULL;
	if (fresh) {
		htable_set(&x->seen, str_view(&key), x);
		x->n_seen++;
	}
	str_clear(&key);
	return fresh;
}

static bool
is_seen(const struct expansion *x, char kind, struct view text)
{
	struct str key = STR_EMPTY;
	bool seen;

	str_add_byte(&key, kind);
	str_add(&key, text);
	str_lower(&key);
	seen = htable_find(&x->seen, str_view(&key)) != NULL;
	str_clear(&key);
	return seen;
}

static void
add_pending(struct expansion *x, struct str *value)
{
	x->pending =
	    xreallocarray(x->pending, x->n_pending + 1, sizeof(*x->pending));
	x->pending[x->n_pending++] = *value;
	str_init(value);
}

static void
add_member(struct expansion *x, const struct expand_member *m)
{
	if (x->n == x->room) {
		x->room = x->room == 0 ? 8 : x->room * 2;
		x->members =
		    xreallocarray(x->members, x->room, sizeof(*x->members));
	}
	x->members[x->n++] = *m;
}

/* --- one member --- */

struct reading {
	const struct expand_site *site;
	struct expansion *x;
	struct err e;
};

static struct err
has_owner(const struct expand_site *site, struct view name, bool *yes)
{
	struct str key = STR_EMPTY, value = STR_EMPTY;
	struct err e;

	str_add_text(&key, "owner-");
	str_add(&key, name);
	e = find_alias(site, str_view(&key), &value, yes);
	str_clear(&key);
	str_clear(&value);
	return e;
}

/*
 * A name of ours.  An alias that is being expanded stands for the mailbox of
 * that name; one with an owner of its own gets its own message later.
 */
static struct err
take_local(struct reading *r, struct view local, struct expand_member *m,
    bool *is_member)
{
	struct str value = STR_EMPTY, lower = STR_EMPTY;
	bool found, owned = false;
	struct view key;
	struct err e;

	*is_member = true;
	str_add(&lower, local);
	str_lower(&lower);
	e = find_local(r->site, str_view(&lower), &value, &key, &found);
	if (!err_is(e) && found && is_seen(r->x, 'n', key)) {
		m->is_mailbox = true;
	} else if (!err_is(e) && found) {
		e = has_owner(r->site, key, &owned);
		if (!err_is(e) && !owned) {
			mark_seen(r->x, 'n', key);
			add_pending(r->x, &value);
			*is_member = false;
		}
	} else if (!err_is(e)) {
		m->is_local = true;
	}
	str_clear(&value);
	str_clear(&lower);
	return e;
}

static struct err
take_address(struct reading *r, struct view address, bool is_mailbox)
{
	struct expand_member m = { .is_mailbox = is_mailbox };
	struct view domain = addr_domain(address);
	struct str full = STR_EMPTY;
	bool is_ours = true, is_member = true;
	struct err e = ERR_OK;

	if (!is_mailbox)
		e = expand_is_local(r->site, domain, &is_ours);
	str_add(&full, address);
	if (domain.len == 0)
		str_addf(&full, "@%s", r->site->conf->myorigin);
	if (!err_is(e) && is_ours && !is_mailbox)
		e = take_local(r, addr_local(address), &m, &is_member);
	if (!err_is(e) && is_member &&
	    mark_seen(r->x, m.is_mailbox ? 'm' : 'a', str_view(&full))) {
		m.address = xstrndup(full.ptr, full.len);
		add_member(r->x, &m);
	}
	str_clear(&full);
	return e;
}

static bool
take_member(void *arg, enum alias_kind kind, struct view text)
{
	static const char *const unsupported[] = {
		[ALIAS_COMMAND] = "command",
		[ALIAS_FILE] = "file",
		[ALIAS_INCLUDE] = ":include: file",
		[ALIAS_BAD] = "malformed member",
	};
	struct reading *r = arg;

	if (r->x->n_seen >= EXPAND_MAX) {
		r->e = err_make(ERR_TEMP, "alias %s has over %d members",
		    r->x->alias, EXPAND_MAX);
	} else if (kind == ALIAS_ADDRESS || kind == ALIAS_MAILBOX) {
		r->e = take_address(r, text, kind == ALIAS_MAILBOX);
	} else {
		r->x->unsupported = unsupported[kind];
		return false;
	}
	return !err_is(r->e);
}

/* --- all of it --- */

struct err
expand_alias(const struct expand_site *site, struct view local,
    struct expansion *x, bool *found)
{
	struct reading r = { .site = site, .x = x };
	struct str value = STR_EMPTY;
	struct view key;
	struct err e;

	*x = (struct expansion){ .n = 0 };
	e = find_local(site, local, &value, &key, found);
	if (err_is(e) || !*found) {
		str_clear(&value);
		return e;
	}
	x->alias = xstrndup(key.ptr, key.len);
	mark_seen(x, 'n', key);
	add_pending(x, &value);
	while (!err_is(r.e) && x->unsupported == NULL && x->n_pending > 0) {
		value = x->pending[--x->n_pending];
		alias_each(str_view(&value), take_member, &r);
		str_clear(&value);
	}
	return r.e;
}

void
expansion_clear(struct expansion *x)
{
	for (size_t i = 0; i < x->n; i++)
		free(x->members[i].address);
	for (size_t i = 0; i < x->n_pending; i++)
		str_clear(&x->pending[i]);
	free(x->members);
	free(x->pending);
	free(x->alias);
	htable_clear(&x->seen, NULL);
	*x = (struct expansion){ .n = 0 };
}

/* --- owner --- */

struct first {
	struct str *address;
	size_t n;
	bool only_addresses;
};

static bool
take_first(void *arg, enum alias_kind kind, struct view text)
{
	struct first *f = arg;

	if (kind != ALIAS_ADDRESS)
		f->only_addresses = false;
	else if (f->n++ == 0)
		str_set(f->address, text);
	return f->only_addresses;
}

struct err
expand_owner(
    const struct expand_site *site, const char *alias, struct str *sender)
{
	struct view name = view_of(alias);
	struct str key = STR_EMPTY, value = STR_EMPTY, one = STR_EMPTY;
	struct first first = { &one, 0, true };
	struct err e = ERR_OK;
	bool found = false;

	str_printf(&key, "owner-%s", alias);
	if (site->conf->owner_request_special &&
	    !view_starts_case(name, VIEW("owner-")) &&
	    !view_ends_case(name, VIEW("-request")))
		e = find_alias(site, str_view(&key), &value, &found);
	if (found && site->conf->expand_owner_alias) {
		alias_each(str_view(&value), take_first, &first);
		if (first.only_addresses && first.n == 1)
			str_set(&key, str_view(&one));
	}
	if (found) {
		str_set(sender, str_view(&key));
		if (addr_domain(str_view(sender)).len == 0)
			str_addf(sender, "@%s", site->conf->myorigin);
	}
	str_clear(&key);
	str_clear(&value);
	str_clear(&one);
	return e;
}
