/*
 * local: aliases, then users of the system.  A name that is neither may have
 * luser_relay.
 */
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/mail/addr.h"
#include "local/front.h"
#include "local/forward.h"
#include "local/place.h"

#include <stdlib.h>

/* The local part of a recipient, in lower case, and what it is made of. */
struct name {
	struct view local, user, extension;
};

static void
split_name(const struct front *f, struct view address, struct name *n)
{
	n->local = addr_local(address);
	addr_split_extension(n->local, view_of(f->conf->recipient_delimiter),
	    f->conf->owner_request_special, &n->user, &n->extension);
}

/* Who is this user (d->work->user)?  *found is false if nobody. */
static struct err
find_user(struct front *f, struct delivery *d, struct view user, bool *found)
{
	struct monitor_answer *a = &d->work->user;
	char name[WIRE_NAME_MAX];
	struct err e;

	*found = false;
	if (user.len == 0 || user.len >= sizeof(name) ||
	    memchr(user.ptr, '\0', user.len) != NULL)
		return ERR_OK;
	memcpy(name, user.ptr, user.len);
	name[user.len] = '\0';
	e = pool_find_user(&f->pool, name, a);
	if (err_is(e))
		return e;
	*found = a->status == MONITOR_OK;
	if (a->status == MONITOR_REFUSED)
		return err_make(ERR_TEMP, "user %s: unusable entry", name);
	/* Nobody is unknown who was not looked for to the end. */
	return *found || a->status == MONITOR_UNKNOWN
	    ? ERR_OK
	    : err_make(ERR_TEMP, "look up user %s: %s", name, pool_why(a));
}

/* --- a user's mailbox --- */

static bool
may_deliver_as(const struct front *f, struct delivery *d, const char *user)
{
	struct str why = STR_EMPTY;
	bool may = place_allows(f->conf, user, d->work->user.uid,
	    f->daemon->unprivileged, &why);

	if (!may)
		verdict_set(
		    &d->verdict, OUTCOME_DEFERRED, "4.3.5", "%s", why.ptr);
	str_clear(&why);
	return may;
}

/* The user is the one that find_user found. */
static void
to_user(struct front *f, struct delivery *d, struct view user)
{
	const struct monitor_answer *a = &d->work->user;
	char *name = xstrndup(user.ptr, user.len);
	struct place place;
	struct target t;

	place_of_user(f->conf, name, a->home, &place);
	t = (struct target){ .kind = place.kind,
		.flags = place.flags,
		.base = place.base,
		.path = place.path,
		.owner = { name, a->uid, a->gid } };
	if (may_deliver_as(f, d, name))
		front_to_mailbox(f, d, &t);
	free(name);
}

/* --- new messages --- */

static bool
is_forwarding_loop(struct delivery *d)
{
	struct content content;
	bool yes = false;
	struct err e = content_open(&content, d->message->file,
	    d->message->layout, work_window(d->work));

	if (!err_is(e))
		e = content_was_delivered_to(
		    &content, str_view(&d->external), &yes);
	if (err_is(e))
		verdict_defer(&d->verdict, e);
	else if (yes)
		verdict_set(&d->verdict, OUTCOME_BOUNCED, "5.4.6",
		    "mail forwarding loop for %s", d->external.ptr);
	return yes || err_is(e);
}

/* The mailboxes among the members; false (and the verdict says why) if one
 * could not be delivered to. A name without a user is passed over. */
static bool
to_member_mailboxes(struct front *f, struct delivery *d,
    const struct expansion *x, size_t *n_delivered)
{
	for (size_t i = 0; i < x->n; i++) {
		struct name n;
		bool found;
		struct err e;

		if (!x->members[i].is_mailbox)
			continue;
		split_name(f, view_of(x->members[i].address), &n);
		e = find_user(f, d, n.user, &found);
		if (err_is(e)) {
			verdict_defer(&d->verdict, e);
			return false;
		}
		if (!found)
			continue;
		to_user(f, d, n.user);
		if (d->verdict.status != OUTCOME_SENT)
			return false;
		++*n_delivered;
	}
	return true;
}

/* An alias on its way to all that it stands for. */
struct fan {
	struct front *front;
	struct delivery *delivery;
	struct str owner;
	struct forward forward;
	bool has_owner; /* it is known whether there is one */
	bool is_begun;
	bool is_settled; /* the verdict says how it ended */
};

static struct err
fan_find_owner(struct fan *fan, const struct expansion *x)
{
	struct delivery *d = fan->delivery;
	struct err e = ERR_OK;

	if (!fan->has_owner)
		e = expand_owner(&fan->front->expand, x->alias, &fan->owner);
	fan->has_owner = !err_is(e);
	if (fan->owner.len > 0)
		d->sender = str_view(&fan->owner);
	return e;
}

/* Members to cleanup, which hears of the message now if it has not yet. */
static bool
fan_add(struct fan *fan, const struct expansion *x)
{
	struct delivery *d = fan->delivery;

	if (!fan->is_begun)
		fan->is_begun = !front_is_probe(d, "alias") &&
		    !is_forwarding_loop(d) &&
		    forward_begin(&fan->forward, fan->front, d, d->sender,
			fan->owner.len > 0);
	else if (fan->is_settled)
		return false;
	fan->is_settled = !fan->is_begun ||
	    !forward_add(&fan->forward, x->members, x->n);
	return !fan->is_settled;
}

/* While a large alias is read. */
static struct err
fan_take(void *arg, struct expansion *x)
{
	struct fan *fan = arg;
	struct err e = fan_find_owner(fan, x);

	if (!err_is(e) && !fan_add(fan, x))
		e = err_make(ERR_GONE, "settled");
	return e;
}

/* What was begun will not be: the verdict says why. */
static void
fan_give_up(struct fan *fan)
{
	if (fan->is_begun && !fan->is_settled)
		forward_finish(&fan->forward, false);
	fan->is_settled = true;
}

/*
 * All but the last word to cleanup, then the mailboxes, then the last word: if
 * any part cannot be done now, none has been, but for a commit that fails.
 */
static void
to_all(struct fan *fan, const struct expansion *x)
{
	struct delivery *d = fan->delivery;
	size_t n_forwarded = x->n_taken + x->n - x->n_mailboxes;
	size_t n_delivered = 0;

	if (n_forwarded > 0 &&
	    (!fan_add(fan, x) || !forward_send_content(&fan->forward)))
		return;
	if (!to_member_mailboxes(fan->front, d, x, &n_delivered))
		fan_give_up(fan);
	else if (n_forwarded > 0)
		forward_finish(&fan->forward, true);
	else if (n_delivered == 0)
		verdict_set(&d->verdict, OUTCOME_BOUNCED, "5.4.6",
		    "alias \"%s\" leads to itself alone", x->alias);
}

/* The one member of an alias, if it is a user here. */
static struct err
find_single(struct front *f, struct delivery *d, const struct expansion *x,
    struct name *n, bool *found)
{
	*found = false;
	if (x->n + x->n_taken != 1 || (!x->members[0].is_local && !x->members[0].is_mailbox))
		return ERR_OK;
	split_name(f, view_of(x->members[0].address), n);
	return find_user(f, d, n->user, found);
}

static void
to_expansion(struct fan *fan, const struct expansion *x)
{
	struct delivery *d = fan->delivery;
	struct name n;
	bool single = false;
	struct err e = fan_find_owner(fan, x);

	if (!err_is(e))
		e = find_single(fan->front, d, x, &n, &single);
	if (err_is(e)) {
		verdict_defer(&d->verdict, e);
		fan_give_up(fan);
	} else if (x->unsupported != NULL) {
		verdict_set(&d->verdict, OUTCOME_DEFERRED, "4.3.5",
		    "alias \"%s\": %s is not supported yet", x->alias,
		    x->unsupported);
		fan_give_up(fan);
	} else if (single) {
		str_set(&d->member, view_of(x->members[0].address));
		to_user(fan->front, d, n.user);
	} else {
		to_all(fan, x);
	}
}

/* False: it is no alias. */
static bool
to_alias(struct front *f, struct delivery *d, struct view local)
{
	struct fan fan = { .front = f, .delivery = d, .owner = STR_EMPTY };
	struct expansion x;
	bool found;
	struct err e;

	expansion_init(&x, fan_take, &fan);
	e = expand_alias(&f->expand, local, &x, &found);
	if (!err_is(e) && found) {
		to_expansion(&fan, &x);
	} else if (err_is(e) && !fan.is_settled) {
		verdict_defer(&d->verdict, e);
		fan_give_up(&fan);
	}
	d->sender = d->message->sender;
	expansion_clear(&x);
	str_clear(&fan.owner);
	return found || err_is(e);
}

/* --- names that nobody has --- */

struct relay_names {
	const struct front *front;
	const struct delivery *delivery;
	const struct name *name;
};

static bool
relay_name(void *arg, struct view name, struct view *value)
{
	const struct relay_names *r = arg;
	struct view address = str_view(&r->delivery->address);
	const struct {
		struct view name, value;
	} names[] = {
		{ VIEW("user"), r->name->user },
		{ VIEW("local"), r->name->local },
		{ VIEW("domain"), addr_domain(address) },
		{ VIEW("extension"), r->name->extension },
		{ VIEW("recipient"), address },
		{ VIEW("recipient_delimiter"),
		    r->name->extension.len == 0
			? VIEW_EMPTY
			: view_sub(r->name->local, r->name->user.len, 1) },
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (view_eq(name, names[i].name)) {
			*value = names[i].value;
			return value->len > 0;
		}
	}
	return false;
}

static void
to_luser_relay(struct front *f, struct delivery *d, const struct name *n)
{
	struct relay_names names = { f, d, n };
	const struct conf_macros macros = { .lookup = relay_name,
		.arg = &names };
	struct expand_member member = { .is_local = false };
	struct str text = STR_EMPTY, address = STR_EMPTY;
	struct forward forward;
	struct err e =
	    conf_expand(&text, view_of(f->conf->luser_relay), &macros);

	addr_to_internal(&address, view_trim(str_view(&text)));
	member.address = address.ptr;
	if (err_is(e))
		verdict_defer(&d->verdict, e);
	else if (address.len == 0 || strchr("|/:\"\\", text.ptr[0]) != NULL)
		verdict_set(&d->verdict, OUTCOME_DEFERRED, "4.3.5",
		    "luser_relay that is no address is not supported yet");
	else if (!front_is_probe(d, "luser_relay") &&
	    !is_forwarding_loop(d) &&
	    forward_begin(&forward, f, d, d->sender, false) &&
	    forward_add(&forward, &member, 1) &&
	    forward_send_content(&forward))
		forward_finish(&forward, true);
	str_clear(&text);
	str_clear(&address);
}

static void
to_nobody(struct front *f, struct delivery *d, const struct name *n)
{
	const struct conf *conf = f->conf;

	if (conf->fallback_transport[0] != '\0' ||
	    conf->fallback_transport_maps[0] != '\0')
		verdict_set(&d->verdict, OUTCOME_DEFERRED, "4.3.5",
		    "fallback_transport is not supported yet");
	else if (conf->luser_relay[0] != '\0')
		to_luser_relay(f, d, n);
	else
		verdict_set(&d->verdict, OUTCOME_BOUNCED, "5.1.1",
		    "unknown user: \"%.*s\"", VIEW_ARGS(n->user));
}

void
user_deliver(struct front *f, struct delivery *d)
{
	struct name n;
	bool found;
	struct err e;

	split_name(f, str_view(&d->address), &n);
	if (to_alias(f, d, n.local))
		return;
	e = find_user(f, d, n.user, &found);
	if (err_is(e))
		verdict_defer(&d->verdict, e);
	else if (found)
		to_user(f, d, n.user);
	else
		to_nobody(f, d, &n);
}
