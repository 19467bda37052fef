/* Where a mailbox is: see place.h. */
#include "local/place.h"

#include "lib/base/mem.h"
#include "lib/mail/addr.h"

#include <string.h>
#include <unistd.h>

static bool
ends_in_slash(const char *path)
{
	size_t len = strlen(path);

	return len > 0 && path[len - 1] == '/';
}

void
place_of_user(const struct conf *conf, const char *user, const char *home,
    struct place *p)
{
	const char *spool = conf->mail_spool_directory;

	*p = (struct place){ .kind = CHILD_MBOX, .base = spool, .path = user };
	if (conf->home_mailbox[0] != '\0') {
		p->base = home;
		p->path = conf->home_mailbox + strspn(conf->home_mailbox, "/");
		if (ends_in_slash(p->path))
			p->kind = CHILD_MAILDIR;
	} else if (ends_in_slash(spool)) {
		p->kind = CHILD_MAILDIR;
	} else {
		p->flags = CHILD_IN_SPOOL;
	}
}

/* What main.cf may ask for and this server has not yet. */
static const char *
unsupported_delivery(const struct conf *conf)
{
	const struct {
		const char *value, *name;
	} parameters[] = {
		{ conf->mailbox_transport, "mailbox_transport" },
		{ conf->mailbox_transport_maps, "mailbox_transport_maps" },
		{ conf->mailbox_command, "mailbox_command" },
		{ conf->mailbox_command_maps, "mailbox_command_maps" },
	};

	for (size_t i = 0; i < ARRAY_LEN(parameters); i++)
		if (parameters[i].value[0] != '\0')
			return parameters[i].name;
	return NULL;
}

/* Never as root: the deferred mail is there once root has an alias. */
bool
place_allows(const struct conf *conf, const char *user, uid_t uid,
    bool unprivileged, struct str *why)
{
	const char *missing = unsupported_delivery(conf);

	if (uid == 0)
		str_printf(why,
		    "no delivery with root's privileges: give \"%s\" an alias",
		    user);
	else if (unprivileged && uid != getuid())
		str_printf(
		    why, "no privileges to deliver to user \"%s\"", user);
	else if (missing != NULL)
		str_printf(why, "%s is not supported yet", missing);
	else
		return true;
	return false;
}

struct err
place_find_virtual(const struct conf *conf, struct table_list *maps,
    struct view address, struct str *value, bool *found)
{
	struct view local = addr_local(address), domain = addr_domain(address);
	struct view user, extension;
	struct str key = STR_EMPTY;
	struct err e = table_list_find(maps, address, TABLE_ALL, value, found);

	if (err_is(e) || *found)
		return e;
	if (addr_split_extension(local, view_of(conf->recipient_delimiter),
		conf->owner_request_special, &user, &extension)) {
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

bool
place_of_virtual(
    const struct conf *conf, const struct str *mailbox, struct place *p)
{
	const char *base = conf->virtual_mailbox_base;

	*p = (struct place){ .kind = CHILD_MBOX,
		.base = base[0] != '\0' ? base : "/",
		.path = mailbox->ptr + strspn(mailbox->ptr, "/") };
	if (ends_in_slash(mailbox->ptr))
		p->kind = CHILD_MAILDIR;
	return strlen(mailbox->ptr) == mailbox->len && p->path[0] != '\0' &&
	    p->base[0] == '/';
}
