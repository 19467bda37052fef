/*
 * Alias expansion: see expand.h.  A list of what is still to be read replaces
 * recursion, so depth costs nothing; what was seen is not read again, so loops
 * end.
 */
#include "local/expand.h"

#include "lib/base/mem.h"
#include "lib/mail/addr.h"
#include "lib/run/fiber.h"
#include "local/alias.h"

#include <stdlib.h>

/* Members that are read before others get their turn. */
enum { TURN = 256 };

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

static void
make_key(struct str *key, char kind, struct view text)
{
	str_add_byte(key, kind);
	str_add(key, text);
	str_lower(key);
}

/* True if it was not there yet. */
static bool
mark_seen(struct expansion *x, char kind, struct view text)
{
	struct str key = STR_EMPTY;
	bool fresh;

	make_key(&key, kind, text);
	fresh = hset_add(&x->seen, str_view(&key));
	str_clear(&key);
	return fresh;
}

static bool
is_seen(const struct expansion *x, char kind, struct view text)
{
	struct str key = STR_EMPTY;
	bool seen;

	make_key(&key, kind, text);
	seen = hset_has(&x->seen, str_view(&key));
	str_clear(&key);
	return seen;
}

static void
add_pending(struct expansion *x, struct view name)
{
	str_add(&x->pending, name);
	str_add_byte(&x->pending, '\0');
}

/* The one that was added last. */
static void
take_pending(struct expansion *x, struct str *name)
{
	struct view all = view_first(str_view(&x->pending), x->pending.len - 1);
	size_t last = view_find_last(all, '\0');
	size_t at = last == VIEW_NPOS ? 0 : last + 1;

	str_set(name, view_skip(all, at));
	str_cut(&x->pending, at);
}

/* The others go to `take`, mailboxes stay. */
static struct err
hand_on(struct expansion *x)
{
	struct err e = x->take(x->arg, x);
	size_t kept = 0;

	for (size_t i = 0; i < x->n; i++) {
		if (x->members[i].is_mailbox)
			x->members[kept++] = x->members[i];
		else
			free(x->members[i].address);
	}
	x->n_taken += x->n - kept;
	x->n = kept;
	return e;
}

static struct err
add_member(struct expansion *x, const struct expand_member *m)
{
	if (x->n == x->room) {
		x->room = x->room == 0 ? 8 : x->room * 2;
		x->members =
		    xreallocarray(x->members, x->room, sizeof(*x->members));
	}
	x->members[x->n++] = *m;
	x->n_mailboxes += m->is_mailbox;
	if (x->n_mailboxes > x->most_mailboxes)
		return err_make(ERR_TEMP, "alias %s has over %zu mailboxes",
		    x->alias, x->most_mailboxes);
	if (x->take != NULL && x->n - x->n_mailboxes >= EXPAND_HELD)
		return hand_on(x);
	return ERR_OK;
}

/* --- one member --- */

struct reading {
	const struct expand_site *site;
	struct expansion *x;
	size_t n;
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
			add_pending(r->x, key);
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
		e = add_member(r->x, &m);
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

	if (++r->n % TURN == 0)
		r->e = fiber_yield();
	if (err_is(r->e))
		return false;
	if (r->x->seen.n >= r->x->most) {
		r->e = err_make(ERR_TEMP, "alias %s has over %zu members",
		    r->x->alias, r->x->most);
	} else if (kind == ALIAS_ADDRESS || kind == ALIAS_MAILBOX) {
		r->e = take_address(r, text, kind == ALIAS_MAILBOX);
	} else {
		r->x->unsupported = unsupported[kind];
		return false;
	}
	return !err_is(r->e);
}

/* --- all of it --- */

void
expansion_init(struct expansion *x, expand_take_fn *take, void *arg)
{
	*x = (struct expansion){ .take = take,
		.arg = arg,
		.most = EXPAND_MAX,
		.most_mailboxes = EXPAND_MAILBOXES_MAX,
		.pending = STR_EMPTY };
}

/* All members of one right side, which is freed. */
static void
read_value(struct reading *r, struct str *value)
{
	alias_each(str_view(value), take_member, r);
	str_clear(value);
}

/* One that was there a moment ago. */
static struct err
read_pending(struct reading *r)
{
	struct str name = STR_EMPTY, value = STR_EMPTY;
	bool found;
	struct err e;

	take_pending(r->x, &name);
	e = find_alias(r->site, str_view(&name), &value, &found);
	if (!err_is(e) && !found)
		e = err_make(ERR_TEMP, "alias %s is gone", name.ptr);
	str_clear(&name);
	if (!err_is(e))
		read_value(r, &value);
	str_clear(&value);
	return err_is(e) ? e : r->e;
}

struct err
expand_alias(const struct expand_site *site, struct view local,
    struct expansion *x, bool *found)
{
	struct reading r = { .site = site, .x = x };
	struct str value = STR_EMPTY;
	struct view key;
	struct err e = find_local(site, local, &value, &key, found);

	if (err_is(e) || !*found) {
		str_clear(&value);
		return e;
	}
	x->alias = xstrndup(key.ptr, key.len);
	mark_seen(x, 'n', key);
	read_value(&r, &value);
	while (!err_is(r.e) && x->unsupported == NULL && x->pending.len > 0)
		r.e = read_pending(&r);
	return r.e;
}

void
expansion_clear(struct expansion *x)
{
	for (size_t i = 0; i < x->n; i++)
		free(x->members[i].address);
	str_clear(&x->pending);
	free(x->members);
	free(x->alias);
	hset_clear(&x->seen);
	expansion_init(x, NULL, NULL);
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
