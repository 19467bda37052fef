/*
 * Who may send as whom: reject_sender_login_mismatch and its relatives, by
 * smtpd_sender_login_maps.
 */
#include "lib/mail/addr.h"
#include "smtpd/access_run.h"
#include "smtpd/rcpt_class.h"

/* The next key of a search; false: it was found, or the search failed. */
static bool
look_up(struct table_list *maps, struct view key, struct str *owners,
    bool *found, struct err *e)
{
	if (key.len > 0)
		*e = table_list_find(maps, key, TABLE_ALL, owners, found);
	return !err_is(*e) && !*found;
}

/* Is the local part alone a key: is the domain this host's? */
static struct err
is_local(struct access *a, struct view sender, bool *local)
{
	struct rcpt_route *r;
	struct err e;

	*local = view_eq_case(
	    addr_domain(sender), view_of(a->s->smtpd->conf->myorigin));
	if (*local)
		return ERR_OK;
	e = rcpt_route_take(a->s->smtpd, VIEW_EMPTY, sender, &r);
	if (err_is(e))
		return e;
	*local = r->class == IPC_CLASS_LOCAL;
	rcpt_route_give(r);
	return e;
}

/* The logins that own an address: by the address, without its extension, by
 * the local part if it is of this host, and by the domain. */
static struct err
find_owners(struct access *a, struct view sender, struct str *owners,
    bool *found)
{
	const struct conf *conf = a->s->smtpd->conf;
	struct table_list *maps = a->s->smtpd->access_shared->sender_logins;
	struct view local = addr_local(sender), user, extension;
	struct view domain = view_skip(sender, local.len);
	bool extended = addr_split_extension(local,
	    view_of(conf->recipient_delimiter), conf->owner_request_special,
	    &user, &extension);
	struct str key = STR_EMPTY;
	struct err e = ERR_OK;
	bool here = domain.len == 0;

	*found = false;
	if (table_list_is_empty(maps))
		return e;
	if (!look_up(maps, sender, owners, found, &e))
		return e;
	str_set(&key, user);
	str_add(&key, domain);
	if (!extended || look_up(maps, str_view(&key), owners, found, &e)) {
		if (!here)
			e = is_local(a, sender, &here);
		if (!err_is(e) && here &&
		    look_up(maps, local, owners, found, &e) && extended)
			look_up(maps, user, owners, found, &e);
		if (!err_is(e) && !*found && domain.len > 1)
			e = table_list_find(
			    maps, domain, TABLE_FIXED, owners, found);
	}
	str_clear(&key);
	return e;
}

static bool
is_owner(struct view owners, const char *user)
{
	struct view word;

	while (view_token(&owners, ", \t\r\n", &word))
		if (view_eq_case(word, view_of(user)))
			return true;
	return false;
}

/* Which mismatches are refused. */
enum mismatch {
	LOGGED_IN = 1 << 0, /* who logged in does not own the address */
	UNKNOWN = 1 << 1,   /* ... not even if nobody does */
	LOGGED_OUT = 1 << 2 /* nobody logged in, and somebody owns it */
};

static enum access_verdict
check(struct access *a, unsigned refused)
{
	const char *user = a->s->login.username;
	struct view sender = access_address(a, SUBJECT_SENDER);
	struct str owners = STR_EMPTY;
	enum access_verdict v = ACCESS_DUNNO;
	bool found = false;
	struct err e;

	if (sender.len == 0 ||
	    (refused & (user != NULL ? LOGGED_IN : LOGGED_OUT)) == 0)
		return v;
	e = find_owners(a, sender, &owners, &found);
	if (err_is(e))
		v = access_lookup_failed(a, sender, e);
	else if (user == NULL && found)
		v = access_refuse(
		    a, SUBJECT_SENDER, 553, "5.7.1", "not logged in");
	else if (user != NULL && (found || (refused & UNKNOWN) != 0) &&
	    !is_owner(str_view(&owners), user))
		v = access_refuse(a, SUBJECT_SENDER, 553, "5.7.1",
		    "not owned by user %s", user);
	str_clear(&owners);
	return v;
}

enum access_verdict
reject_sender_login(struct access *a, const struct access_item *item)
{
	(void)item;
	return check(a, LOGGED_IN | UNKNOWN | LOGGED_OUT);
}

enum access_verdict
reject_known_sender_login(struct access *a, const struct access_item *item)
{
	(void)item;
	return check(a, LOGGED_IN | LOGGED_OUT);
}

enum access_verdict
reject_auth_sender_login(struct access *a, const struct access_item *item)
{
	(void)item;
	return check(a, LOGGED_IN | UNKNOWN);
}

enum access_verdict
reject_unauth_sender_login(struct access *a, const struct access_item *item)
{
	(void)item;
	return check(a, LOGGED_OUT);
}
