/* Lists of domains, networks and clients: their files, networks that are none,
 * addresses that this machine has not. */
#include "ctl/check.h"

#include "lib/base/mem.h"
#include "lib/dns/name.h"
#include "lib/table/match.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* Parameters whose value is one (lib/table/match.h). */
static const struct {
	const char *parameter;
	unsigned flags;
} lists[] = {
	{ "authorized_flush_users", MATCH_WHOLE },
	{ "authorized_mailq_users", MATCH_WHOLE },
	{ "authorized_submit_users", MATCH_WHOLE },
	{ "debug_peer_list", 0 },
	{ "fast_flush_domains", 0 },
	{ "greylist_client_exceptions", 0 },
	{ "mydestination", 0 },
	{ "mynetworks", 0 },
	{ "permit_mx_backup_networks", 0 },
	{ "relay_domains", 0 },
	{ "smtpd_authorized_xclient_hosts", 0 },
	{ "smtpd_authorized_xforward_hosts", 0 },
	{ "smtpd_client_event_limit_exceptions", 0 },
	{ "virtual_alias_domains", 0 },
	{ "virtual_mailbox_domains", 0 },
	{ "volume_limit_exceptions", 0 },
};

/* One word at a time: each that is wrong is told.  Tables have been opened. */
static void
check_word(struct check *c, const struct check_place *at, struct view word,
    unsigned flags)
{
	struct match_list *list = NULL;
	struct err e;

	if (check_is_table(check_table_spec(word)))
		return;
	check_listen(c, at);
	e = match_list_open(word, flags, &list);
	check_listen(c, NULL);
	if (err_is(e))
		check_tell(c, CHECK_ERROR, at, "%s", e.text);
	else
		match_list_close(list);
}

static void
visit(struct check *c, const struct check_place *at, struct view value)
{
	struct view rest = value, word;

	/* Defaults are what others say. */
	if (at->file == NULL)
		return;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		if (strcmp(at->parameter, lists[i].parameter) == 0)
			while (conf_list_next(&rest, &word))
				check_word(c, at, word, lists[i].flags);
}

/* Nothing is bound that is not closed at once. */
static bool
is_here(const struct dns_addr *addr)
{
	struct sockaddr_storage sa;
	socklen_t len = dns_addr_to_sockaddr(addr, 0, &sa);
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes = true;

	if (fd < 0)
		return true;
	if (bind(fd, (struct sockaddr *)&sa, len) != 0)
		yes = errno != EADDRNOTAVAIL;
	(void)close(fd);
	return yes;
}

static void
check_interfaces(struct check *c)
{
	struct check_place at = check_place_of(c, "inet_interfaces");
	struct str value = STR_EMPTY;
	struct view rest, word;
	struct dns_addr addr;

	if (check_value_of(c, "inet_interfaces", &value)) {
		rest = str_view(&value);
		while (conf_list_next(&rest, &word)) {
			if (word.ptr[0] == '[' && view_ends(word, VIEW("]")))
				word = view_sub(word, 1, word.len - 2);
			if (dns_addr_parse(word, &addr) && !is_here(&addr))
				check_tell(c, CHECK_WARNING, &at,
				    "this machine has no address %.*s",
				    VIEW_ARGS(word));
		}
	}
	str_clear(&value);
}

void
check_lists(struct check *c)
{
	check_each_value(c, visit);
	check_interfaces(c);
}
