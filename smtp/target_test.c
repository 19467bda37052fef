/* Unit tests of the order of mail hosts. */
#include "smtp/target.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "lib/ipc/server.h"
#include "lib/run/fiber.h"
#include "lib/run/loop.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* "preference address ..." to targets; the host is the address. */
static struct targets
parse(const char *text)
{
	struct targets ts = { 0 };
	struct view rest = view_of(text), word;

	while (view_token(&rest, " ", &word)) {
		struct target *t;
		int64_t preference;

		ck_assert(view_to_int(word, &preference));
		ck_assert(view_token(&rest, " ", &word));
		ts.list = xreallocarray(ts.list, ts.n + 1, sizeof(*ts.list));
		t = &ts.list[ts.n];
		*t = (struct target){ .preference = (int)preference,
			.port = 25,
			.shuffle = ts.n };
		ts.n++;
		ck_assert(dns_addr_parse(word, &t->addr));
		memcpy(t->host, word.ptr, word.len);
	}
	return ts;
}

static const struct {
	const char *in;
	char prefer;
	int limit;
	const char *out;
} orders[] = {
	{ "20 1.1.1.1 10 2.2.2.2", 'a', 5, "2.2.2.2 1.1.1.1" },
	{ "10 1.1.1.1 10 ::2 5 3.3.3.3", '6', 5, "3.3.3.3 ::2 1.1.1.1" },
	{ "10 ::2 10 1.1.1.1", '4', 5, "1.1.1.1 ::2" },
	{ "10 ::2 20 1.1.1.1", '4', 5, "::2 1.1.1.1" },
	{ "1 ::1 2 ::2 3 ::3 4 1.1.1.1", 'a', 2, "::1 1.1.1.1" },
	{ "1 1.1.1.1 2 2.2.2.2 3 3.3.3.3", 'a', 2, "1.1.1.1 2.2.2.2" },
	{ "1 ::1 2 1.1.1.1 3 ::3", 'a', 2, "::1 1.1.1.1" },
	{ "1 1.1.1.1 2 2.2.2.2", 'a', 0, "1.1.1.1 2.2.2.2" },
	{ "1 ::1 2 1.1.1.1", 'a', 1, "::1" },
};

START_TEST(hosts_are_tried_by_preference_then_family)
{
	struct targets ts = parse(orders[_i].in);
	struct settings s = { .preference = orders[_i].prefer,
		.mx_address_limit = orders[_i].limit,
		.balance = true };
	struct str out = STR_EMPTY;

	targets_sort(&ts, &s);
	targets_limit(&ts, &s);
	for (size_t i = 0; i < ts.n; i++)
		str_addf(&out, "%s%s", i > 0 ? " " : "", ts.list[i].host);
	ck_assert_str_eq(out.ptr, orders[_i].out);
	str_clear(&out);
	targets_clear(&ts);
}
END_TEST

/* RFC 5321 5.1: what is not better than ourselves goes; all, then it loops. */
static const struct {
	const char *in;
	size_t left;
} cuts[] = {
	{ "10 1.1.1.1 20 9.9.9.9 30 2.2.2.2", 1 },
	{ "10 1.1.1.1 20 9.9.9.9 20 2.2.2.2", 1 },
	{ "30 1.1.1.1 20 9.9.9.9", 0 },
	{ "20 9.9.9.9", 0 },
	{ "10 ::9 20 1.1.1.1", 0 },
	{ "10 1.1.1.1 20 2.2.2.2", 2 },
};

START_TEST(hosts_that_are_not_better_than_this_one_are_cut)
{
	struct targets ts = parse(cuts[_i].in);
	struct sockaddr_storage own[2] = { { 0 }, { 0 } };
	struct settings s = { .own = own, .n_own = 2 };
	struct dns_addr a;

	dns_addr_parse(VIEW("9.9.9.9"), &a);
	dns_addr_to_sockaddr(&a, 0, &own[0]);
	dns_addr_parse(VIEW("::9"), &a);
	dns_addr_to_sockaddr(&a, 0, &own[1]);
	ck_assert(targets_cut_self(&ts, &s) == (cuts[_i].left > 0));
	ck_assert_uint_eq(ts.n, cuts[_i].left);
	targets_clear(&ts);
}
END_TEST

/* --- looking up, with a `resolve` that has a small zone --- */

static const struct {
	const char *name;
	int type; /* 0 ends a name that is not there, or not now */
	int status;
	int preference;
	const char *data;
} zone[] = {
	{ "mx.test", DNS_TYPE_MX, DNS_OK, 10, "b.test" },
	{ "mx.test", DNS_TYPE_MX, DNS_OK, 5, "a.test" },
	{ "a.test", DNS_TYPE_A, DNS_OK, 0, "192.0.2.1" },
	{ "b.test", DNS_TYPE_A, DNS_OK, 0, "192.0.2.2" },
	{ "b.test", DNS_TYPE_AAAA, DNS_OK, 0, "2001:db8::2" },
	{ "null.test", DNS_TYPE_MX, DNS_OK, 0, "" },
	{ "temp.test", 0, DNS_TEMP, 0, "" },
	{ "gone.test", DNS_TYPE_MX, DNS_OK, 5, "none.test" },
	{ "half.test", DNS_TYPE_MX, DNS_OK, 5, "temp.test" },
	{ "half.test", DNS_TYPE_MX, DNS_OK, 7, "none.test" },
	{ "self.test", DNS_TYPE_MX, DNS_OK, 5, "me.test" },
	{ "self.test", DNS_TYPE_MX, DNS_OK, 7, "a.test" },
	{ "backup.test", DNS_TYPE_MX, DNS_OK, 5, "a.test" },
	{ "backup.test", DNS_TYPE_MX, DNS_OK, 7, "me.test" },
	{ "backup.test", DNS_TYPE_MX, DNS_OK, 9, "b.test" },
	{ "me.test", DNS_TYPE_A, DNS_OK, 0, "9.9.9.9" },
};

/* Records of this type; of both types of addresses if it is 0. */
static void
zone_answer(struct ipc_request *r, struct view name, int64_t type)
{
	struct ipc_dns_answer answer = { .status = DNS_NXDOMAIN, .ttl = 60 };
	struct str records = STR_EMPTY;

	for (size_t i = 0; i < ARRAY_LEN(zone); i++) {
		bool is_addr =
		    zone[i].type == DNS_TYPE_A || zone[i].type == DNS_TYPE_AAAA;
		struct ipc_dns_record record = { .type = zone[i].type,
			.preference = zone[i].preference,
			.data = view_of(zone[i].data) };
		struct dns_addr addr;

		if (!view_eq(name, view_of(zone[i].name)))
			continue;
		if (zone[i].type == 0)
			answer.status = zone[i].status;
		else if (answer.status == DNS_NXDOMAIN)
			answer.status = DNS_NODATA;
		if (zone[i].type == 0 ||
		    (type != 0 ? zone[i].type != type : !is_addr))
			continue;
		if (is_addr) {
			ck_assert(dns_addr_parse(record.data, &addr));
			record.data =
			    view_make(addr.bytes, dns_addr_len(&addr));
		}
		answer.status = DNS_OK;
		ipc_list_add(&records, IPC_OUT(dns_record, &record));
	}
	answer.text = answer.status == DNS_OK ? VIEW_EMPTY : VIEW("no luck");
	answer.records = str_view(&records);
	ipc_reply(r, IPC_OUT(dns_answer, &answer));
	str_clear(&records);
}

static void
answer_dns(struct ipc_request *r)
{
	struct ipc_dns_ask ask;

	if (ipc_request_read(r, IPC_IN(dns_ask, &ask)))
		zone_answer(r, ask.name, ask.type);
}

static void
answer_host(struct ipc_request *r)
{
	struct ipc_host_ask ask;

	if (ipc_request_read(r, IPC_IN(host_ask, &ask)))
		zone_answer(r, ask.name, 0);
}

static const struct ipc_handler handlers[] = {
	{ ipc_dns_ask_type, answer_dns, IPC_INLINE },
	{ ipc_host_ask_type, answer_host, IPC_INLINE },
	{ NULL, NULL, 0 },
};

static struct ipc_server server;

static void
accept_question(struct loop_listener *l)
{
	int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ipc_server_accept(&server, fd);
}

static const struct {
	const char *dest, *port;
	const char *out; /* hosts with addresses, or the code and text */
} lookups[] = {
	{ "mx.test", "25",
	    "a.test[192.0.2.1]:25 b.test[2001:db8::2]:25 "
	    "b.test[192.0.2.2]:25" },
	{ "a.test:26", "25", "a.test[192.0.2.1]:26" },
	{ "[b.test]", "25", "b.test[2001:db8::2]:25 b.test[192.0.2.2]:25" },
	{ "[192.0.2.9]", "25", "192.0.2.9[192.0.2.9]:25" },
	{ "null.test", "25",
	    "5.1.10 Domain null.test does not accept mail (nullMX)" },
	{ "none.test", "25", "5.4.4 no luck" },
	{ "[none.test]", "25", "5.4.4 no luck" },
	{ "temp.test", "25", "4.4.3 no luck" },
	{ "[temp.test]", "25", "4.4.3 no luck" },
	{ "gone.test", "25", "5.4.4 no luck" },
	{ "half.test", "25", "4.4.3 no luck" },
	{ "self.test", "25", "5.4.6 mail for self.test loops back to myself" },
	{ "[9.9.9.9]", "25", "5.4.6 mail for 9.9.9.9 loops back to myself" },
	{ "backup.test", "25", "a.test[192.0.2.1]:25" },
	/* Another port is another server, even here. */
	{ "[9.9.9.9]:26", "25", "9.9.9.9[9.9.9.9]:26" },
	{ "self.test:26", "25", "me.test[9.9.9.9]:26 a.test[192.0.2.1]:26" },
	{ "self.test", "26", "5.4.6 mail for self.test loops back to myself" },
	{ "unix:p/s", "25", "this.test[p/s]" },
};

static void
look_up(const char *text, const char *port, struct str *out)
{
	struct sockaddr_storage own[1] = { { 0 } };
	struct settings s = { .own = own,
		.n_own = 1,
		.default_port = port,
		.known_tcp_ports = "",
		.preference = '6',
		.use_ipv4 = true,
		.use_ipv6 = true,
		.lookup_dns = true,
		.myhostname = "this.test" };
	struct ipc_service resolve;
	struct dns_client dns;
	struct targets ts;
	struct why why = WHY_EMPTY;
	struct dns_addr a;
	struct dest d;
	char dsn[DSN_STATUS_SIZE];

	dns_addr_parse(VIEW("9.9.9.9"), &a);
	dns_addr_to_sockaddr(&a, 0, &own[0]);
	ipc_service_init(&resolve, "resolve");
	dns_client_init(&dns, &resolve);
	ck_assert(!err_is(dest_parse(&s, view_of(text), &d)));
	if (!targets_find(&ts, &s, &dns, &d, &why, deadline_in(5)))
		str_printf(
		    out, "%s %s", dsn_text(why.status, dsn), why.text.ptr);
	for (size_t i = 0; i < ts.n; i++) {
		str_addf(out, "%s%s", i > 0 ? " " : "", ts.list[i].host);
		target_add_addr(out, &ts.list[i]);
	}
	targets_clear(&ts);
	why_clear(&why);
	dns_client_clear(&dns);
	ipc_service_clear(&resolve);
}

static void
run_lookups(void *arg)
{
	int i = *(int *)arg;
	struct str out = STR_EMPTY;

	look_up(lookups[i].dest, lookups[i].port, &out);
	ck_assert_str_eq(out.ptr, lookups[i].out);
	str_clear(&out);
	loop_stop();
}

START_TEST(next_hops_become_addresses)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX,
		.sun_path = "resolve" };
	char dir[] = "/tmp/target_test.XXXXXX";
	struct loop_listener l = { .ready = accept_question };
	int i = _i;

	ck_assert(mkdtemp(dir) != NULL && chdir(dir) == 0);
	loop_init();
	l.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ck_assert(bind(l.fd, (struct sockaddr *)&sun, sizeof(sun)) == 0);
	ck_assert(listen(l.fd, 5) == 0);
	ipc_server_init(&server, handlers, NULL);
	loop_add_listener(&l);
	fiber_spawn("test", run_lookups, &i);
	loop_run();
	loop_remove_listener(&l);
	close(l.fd);
	unlink("resolve");
	ck_assert(chdir("/") == 0 && rmdir(dir) == 0);
}
END_TEST

UNIT_MAIN("target",
    { hosts_are_tried_by_preference_then_family, ARRAY_LEN(orders) },
    { hosts_that_are_not_better_than_this_one_are_cut, ARRAY_LEN(cuts) },
    { next_hops_become_addresses, ARRAY_LEN(lookups) })
