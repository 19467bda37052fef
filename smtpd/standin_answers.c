/* What the stand-ins for rewrite and resolve answer: see standin.h. */
#include "lib/base/mem.h"
#include "lib/mail/addr.h"
#include "smtpd/standin.h"

#include <stdio.h>

/* --- rewrite --- */

static void
answer_rewrite(const struct ipc_rewrite *ask, struct ipc_rewritten *answer)
{
	static char full[2100];
	struct view at = view_find(ask->address, '@') == VIEW_NPOS
	    ? VIEW("@local.test")
	    : VIEW_EMPTY;

	snprintf(full, sizeof(full), "%.*s%.*s", VIEW_ARGS(ask->address),
	    VIEW_ARGS(at));
	answer->address = view_of(full);
}

static const struct {
	struct view domain;
	enum ipc_class class;
	const char *transport, *nexthop;
} domains[] = {
	{ VIEW("local.test"), IPC_CLASS_LOCAL, "local", "local.test" },
	{ VIEW("alias.test"), IPC_CLASS_VIRTUAL_ALIAS, "error",
	    "5.1.1 User unknown in virtual alias table" },
	{ VIEW("mbox.test"), IPC_CLASS_VIRTUAL_MAILBOX, "virtual",
	    "mbox.test" },
	{ VIEW("relay.test"), IPC_CLASS_RELAY, "relay", "relay.test" },
	{ VIEW("error.test"), IPC_CLASS_RELAY, "error", "5.1.2 no such host" },
	{ VIEW("retry.test"), IPC_CLASS_RELAY, "retry", "4.4.1 come again" },
};

static void
answer_route(const struct ipc_route *ask, struct ipc_routed *answer)
{
	struct view domain = addr_domain(ask->address);

	standin.n_routes++;
	*answer = (struct ipc_routed){ .status = ERR_NONE,
		.text = VIEW_EMPTY,
		.address_class = IPC_CLASS_DEFAULT,
		.transport = VIEW("smtp"),
		.nexthop = domain,
		.recipient = ask->address,
		.sender = VIEW_EMPTY };
	if (view_eq_case(domain, VIEW("broken.test"))) {
		answer->status = ERR_TEMP;
		answer->text = VIEW("table is broken");
	}
	for (size_t i = 0; i < ARRAY_LEN(domains); i++) {
		if (!view_eq_case(domain, domains[i].domain))
			continue;
		answer->address_class = domains[i].class;
		answer->transport = view_of(domains[i].transport);
		answer->nexthop = view_of(domains[i].nexthop);
	}
}

/* Of senders of ours (SRS) one was not made by us, another cannot be found
 * out. */
static void
answer_srs(const struct ipc_srs_ask *ask, struct ipc_srs_told *answer)
{
	bool is_bad = view_starts(ask->address, VIEW("SRS0=BAD"));
	bool is_down = view_starts(ask->address, VIEW("SRS0=DOWN"));

	*answer = (struct ipc_srs_told){
		.status = is_bad ? ERR_PERM : is_down ? ERR_TEMP : ERR_NONE,
		.text = VIEW("of nobody"),
		.address = is_bad || is_down ? VIEW_EMPTY : VIEW("a@b.example"),
	};
}

/* --- resolve --- */

static void
answer_peer_name(const struct ipc_peer_name *ask, struct ipc_peer_named *answer)
{
	*answer = (struct ipc_peer_named){ .status = DNS_OK,
		.name = VIEW("client.example"),
		.reverse = VIEW("client.example"),
		.ttl = 60 };
	if (view_eq(ask->address, VIEW("192.0.2.9"))) {
		answer->name = answer->reverse = VIEW("unknown");
		answer->status = answer->reverse_status = DNS_NXDOMAIN;
	} else if (view_eq(ask->address, VIEW("192.0.2.8"))) {
		answer->name = VIEW("unknown");
		answer->reverse = VIEW("liar.example");
		answer->status = DNS_NXDOMAIN;
	} else if (view_eq(ask->address, VIEW("192.0.2.7"))) {
		answer->name = answer->reverse = VIEW("unknown");
		answer->status = answer->reverse_status = DNS_TEMP;
	} else if (view_eq(ask->address, VIEW("127.0.0.1"))) {
		answer->name = answer->reverse = VIEW("localhost");
	}
}

/* What is in these lists: listed.example has all as 127.0.0.2, slow.example
 * cannot be found out, all else is empty. */
static bool
answer_list(struct view name, int type, struct str *records,
    struct ipc_dns_answer *answer)
{
	struct ipc_dns_record listed = { DNS_TYPE_A, 0,
		view_make("\x7f\x00\x00\x02", 4) };
	struct ipc_dns_record why = { DNS_TYPE_TXT, 0, VIEW("bad") };

	if (view_ends_case(name, VIEW(".listed.example")))
		ipc_list_add(records, ipc_dns_record_type(),
		    type == DNS_TYPE_A ? &listed : &why);
	else if (view_ends_case(name, VIEW(".slow.example")))
		answer->status = DNS_TEMP;
	else if (view_ends_case(name, VIEW(".unlisted.example")))
		answer->status = DNS_NXDOMAIN;
	else
		return false;
	return true;
}

/* nowhere.example is not there, slow.example cannot be found out, null.example
 * takes no mail; all else has an address, b.example name servers, and
 * backup.example this host as its second mail host. */
static void
answer_dns(struct view name, int type, struct ipc_dns_answer *answer)
{
	static struct str records;
	bool is_mx = type == DNS_TYPE_MX;
	struct ipc_dns_record null_mx = { DNS_TYPE_MX, 0, VIEW_EMPTY };
	struct ipc_dns_record first = { DNS_TYPE_MX, 10, VIEW("a.example") };
	struct ipc_dns_record own = { DNS_TYPE_MX, 20,
		VIEW("mx.example.test") };
	struct ipc_dns_record server = { DNS_TYPE_NS, 0, VIEW("ns.example") };
	struct ipc_dns_record address = { DNS_TYPE_A, 0,
		view_make("\xc0\x00\x02\x05", 4) };

	str_reset(&records);
	*answer = (struct ipc_dns_answer){ .status = DNS_NODATA,
		.text = VIEW_EMPTY,
		.ttl = 60,
		.name = name };
	if (answer_list(name, type, &records, answer))
		;
	else if (view_eq_case(name, VIEW("nowhere.example")))
		answer->status = DNS_NXDOMAIN;
	else if (view_eq_case(name, VIEW("slow.example")))
		answer->status = DNS_TEMP;
	else if (is_mx && view_eq_case(name, VIEW("backup.example"))) {
		ipc_list_add(&records, ipc_dns_record_type(), &first);
		ipc_list_add(&records, ipc_dns_record_type(), &own);
	} else if (is_mx && view_eq_case(name, VIEW("null.example")))
		ipc_list_add(&records, ipc_dns_record_type(), &null_mx);
	else if (type == DNS_TYPE_NS && view_eq_case(name, VIEW("b.example")))
		ipc_list_add(&records, ipc_dns_record_type(), &server);
	else if (type == DNS_TYPE_A)
		ipc_list_add(&records, ipc_dns_record_type(), &address);
	if (records.len > 0)
		answer->status = DNS_OK;
	answer->records = str_view(&records);
}

/* --- both --- */

void
standin_call_resolve(const struct ipc_type *type, const void *ask, void *answer)
{
	const struct ipc_dns_ask *dns = ask;
	const struct ipc_host_ask *host = ask;

	if (type == ipc_peer_name_type())
		answer_peer_name(ask, answer);
	else if (type == ipc_dns_ask_type())
		answer_dns(dns->name, (int)dns->type, answer);
	else
		answer_dns(host->name, DNS_TYPE_A, answer);
}

void
standin_call_rewrite(const struct ipc_type *type, const void *ask, void *answer)
{
	if (type == ipc_srs_ask_type())
		answer_srs(ask, answer);
	else if (type == ipc_route_type())
		answer_route(ask, answer);
	else
		answer_rewrite(ask, answer);
}
