/* A name server for tests: see fake_dns.h. */
#include "resolve/fake_dns.h"

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/dns/packet.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { QUERY_MAX = 600, UDP_MAX = 1200 };

struct query {
	struct view bytes; /* header and question */
	char name[DNS_NAME_SIZE];
	char label[64];
	int type;
	bool tcp;
};

struct reply {
	struct str out;
	int rcode, n_answers;
	bool cut;
};

static void
put16(struct str *s, unsigned n)
{
	str_add_byte(s, (char)(n >> 8));
	str_add_byte(s, (char)n);
}

static void
put_name(struct str *s, const char *name)
{
	struct view rest = view_of(name), label;

	while (rest.len > 0 && view_field(&rest, '.', &label)) {
		str_add_byte(s, (char)label.len);
		str_add(s, label);
		if (rest.ptr == NULL)
			break;
	}
	str_add_byte(s, 0);
}

static void
put_record(struct reply *r, const char *owner, int type, struct view data)
{
	put_name(&r->out, owner);
	put16(&r->out, (unsigned)type);
	put16(&r->out, DNS_CLASS_IN);
	put16(&r->out, 0);
	put16(&r->out, 300);
	put16(&r->out, (unsigned)data.len);
	str_add(&r->out, data);
	r->n_answers++;
}

static void
put_target(struct reply *r, const struct query *q, int type, int preference,
    const char *target)
{
	struct str data = STR_EMPTY;

	if (preference >= 0)
		put16(&data, (unsigned)preference);
	put_name(&data, target);
	put_record(r, q->name, type, str_view(&data));
	str_clear(&data);
}

static void
put_addr(struct reply *r, const struct query *q, const char *text)
{
	struct dns_addr addr;

	if (!dns_addr_parse(view_of(text), &addr))
		abort();
	put_record(r, q->name,
	    addr.family == AF_INET ? DNS_TYPE_A : DNS_TYPE_AAAA,
	    view_make(addr.bytes, dns_addr_len(&addr)));
}

static void
put_many(struct reply *r, const struct query *q, unsigned n)
{
	r->cut = !q->tcp;
	for (unsigned i = 0; q->tcp && q->type == DNS_TYPE_A && i < n; i++) {
		char text[DNS_ADDR_TEXT_SIZE];
		struct dns_addr a = { AF_INET,
			{ 10, 0, (uint8_t)(i >> 8), (uint8_t)i } };

		dns_addr_text(&a, text);
		put_addr(r, q, text);
	}
}

static void
do_ok(struct reply *r, const struct query *q)
{
	static const char tlsa[35] = { 3, 1, 1, 'x' };

	switch (q->type) {
	case DNS_TYPE_A:
		put_addr(r, q, "192.0.2.1");
		break;
	case DNS_TYPE_AAAA:
		put_addr(r, q, "2001:db8::1");
		break;
	case DNS_TYPE_MX:
		put_target(r, q, DNS_TYPE_MX, 20, "mx2.test");
		put_target(r, q, DNS_TYPE_MX, 10, "mx1.test");
		break;
	case DNS_TYPE_TXT:
		put_record(
		    r, q->name, DNS_TYPE_TXT, VIEW("\006v=spf1\005 -all"));
		break;
	case DNS_TYPE_TLSA:
		put_record(
		    r, q->name, DNS_TYPE_TLSA, view_make(tlsa, sizeof(tlsa)));
		break;
	default:
		break;
	}
}

static void
do_null(struct reply *r, const struct query *q)
{
	if (q->type == DNS_TYPE_MX)
		put_target(r, q, DNS_TYPE_MX, 0, "");
}

static void
do_nx(struct reply *r, const struct query *q)
{
	(void)q;
	r->rcode = DNS_RCODE_NXDOMAIN;
}

static void
do_nodata(struct reply *r, const struct query *q)
{
	(void)r, (void)q;
}

static void
do_servfail(struct reply *r, const struct query *q)
{
	(void)q;
	r->rcode = DNS_RCODE_SERVFAIL;
}

static void
do_refused(struct reply *r, const struct query *q)
{
	(void)q;
	r->rcode = DNS_RCODE_REFUSED;
}

static void
do_tc(struct reply *r, const struct query *q)
{
	put_many(r, q, 200);
}

static void
do_many(struct reply *r, const struct query *q)
{
	put_many(r, q, 400);
}

static void
do_alias(struct reply *r, const struct query *q)
{
	put_target(r, q, DNS_TYPE_CNAME, -1, "ok.test");
}

static void
do_loop(struct reply *r, const struct query *q)
{
	put_target(r, q, DNS_TYPE_CNAME, -1,
	    strcmp(q->label, "loop1") == 0 ? "loop2.test" : "loop1.test");
}

static void
do_self(struct reply *r, const struct query *q)
{
	put_target(r, q, DNS_TYPE_CNAME, -1, "self.test");
}

static void
do_huge(struct reply *r, const struct query *q)
{
	struct str data = STR_EMPTY;

	r->cut = !q->tcp;
	for (int i = 0; q->tcp && i < 235; i++) {
		str_add_byte(&data, (char)255);
		for (int j = 0; j < 255; j++)
			str_add_byte(&data, 'x');
	}
	if (q->tcp)
		put_record(r, q->name, DNS_TYPE_TXT, str_view(&data));
	str_clear(&data);
}

static void
do_badmx(struct reply *r, const struct query *q)
{
	if (q->type == DNS_TYPE_MX)
		put_target(r, q, DNS_TYPE_MX, 10, "a b.test");
}

static void
do_badrdata(struct reply *r, const struct query *q)
{
	put_record(r, q->name, DNS_TYPE_A, VIEW("abc"));
}

static void
do_v4only(struct reply *r, const struct query *q)
{
	if (q->type == DNS_TYPE_A)
		put_addr(r, q, "192.0.2.7");
	else
		r->rcode = DNS_RCODE_SERVFAIL;
}

static void
do_liar(struct reply *r, const struct query *q)
{
	if (q->type == DNS_TYPE_A)
		put_addr(r, q, "192.0.2.99");
}

static const struct {
	const char *label;
	void (*answer)(struct reply *r, const struct query *q);
} names[] = {
	{ "ok", do_ok },
	{ "slow", do_ok },
	{ "wrongid", do_ok },
	{ "null", do_null },
	{ "nodata", do_nodata },
	{ "servfail", do_servfail },
	{ "refused", do_refused },
	{ "tc", do_tc },
	{ "many", do_many },
	{ "alias", do_alias },
	{ "loop1", do_loop },
	{ "loop2", do_loop },
	{ "self", do_self },
	{ "huge", do_huge },
	{ "badmx", do_badmx },
	{ "badrdata", do_badrdata },
	{ "v4only", do_v4only },
	{ "liar", do_liar },
};

static const char *const reverse[] = { NULL, "ok.test", "liar.test", "3", "4",
	"odd name.test", "1.2.3.4", "v4only.test", "nx.test", "servfail.test" };

static void
do_reverse(struct reply *r, const struct query *q)
{
	int n = q->label[1] == '\0' ? q->label[0] - '0' : 0;

	if (view_ends(view_of(q->name), VIEW("ip6.arpa")))
		put_target(r, q, DNS_TYPE_PTR, -1, "ok.test");
	else if (!view_ends(view_of(q->name), VIEW("192.in-addr.arpa")))
		r->rcode = DNS_RCODE_NXDOMAIN;
	else if (n == 4)
		r->rcode = DNS_RCODE_SERVFAIL;
	else if (n < 1 || n > 9 || n == 3)
		r->rcode = DNS_RCODE_NXDOMAIN;
	else
		put_target(r, q, DNS_TYPE_PTR, -1, reverse[n]);
}

/* --- packets --- */

static bool
read_query(struct query *q, struct view bytes, bool tcp)
{
	size_t at = 12, len = 0;

	*q = (struct query){ .tcp = tcp };
	while (at < bytes.len && bytes.ptr[at] != 0) {
		size_t n = (uint8_t)bytes.ptr[at];

		if (n > 63 || at + 1 + n >= bytes.len ||
		    len + n + 2 > sizeof(q->name))
			return false;
		if (len > 0)
			q->name[len++] = '.';
		memcpy(q->name + len, bytes.ptr + at + 1, n);
		len += n;
		if (at == 12)
			memcpy(q->label, bytes.ptr + at + 1, n);
		at += n + 1;
	}
	if (at + 5 > bytes.len)
		return false;
	q->type = (uint8_t)bytes.ptr[at + 1] << 8 | (uint8_t)bytes.ptr[at + 2];
	q->bytes = view_first(bytes, at + 5);
	return true;
}

static void
fill_answer(struct reply *r, const struct query *q)
{
	if (q->type == DNS_TYPE_PTR) {
		do_reverse(r, q);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcasecmp(names[i].label, q->label) == 0) {
			names[i].answer(r, q);
			return;
		}
	if (strncmp(q->label, "mx", 2) == 0 || q->label[0] == 'h')
		do_ok(r, q);
	else
		do_nx(r, q);
}

static void
make_reply(struct reply *r, const struct query *q)
{
	unsigned flags;

	str_reset(&r->out);
	r->rcode = r->n_answers = 0;
	r->cut = false;
	str_add(&r->out, q->bytes);
	if (strcmp(q->label, "wrongname") == 0)
		r->out.ptr[13] = 'X';
	fill_answer(r, q);
	flags = 0x8180u | (r->cut ? 0x0200u : 0) | (unsigned)r->rcode;
	r->out.ptr[2] = (char)(flags >> 8);
	r->out.ptr[3] = (char)flags;
	memset(r->out.ptr + 4, 0, 8);
	r->out.ptr[5] = 1;
	r->out.ptr[6] = (char)(r->n_answers >> 8);
	r->out.ptr[7] = (char)r->n_answers;
}

static void
send_udp(int fd, struct view v, const struct sockaddr_in *to)
{
	if (sendto(fd, v.ptr, v.len, 0, (const void *)to, sizeof(*to)) < 0)
		_exit(3);
}

static void
serve_udp(int fd)
{
	static struct reply r = { .out = { str_nothing, 0, 0 } };
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	char buf[QUERY_MAX];
	struct query q;
	ssize_t n = recvfrom(fd, buf, sizeof(buf), 0, (void *)&from, &len);

	if (n <= 0 || !read_query(&q, view_make(buf, (size_t)n), false) ||
	    strcmp(q.label, "dead") == 0)
		return;
	make_reply(&r, &q);
	if (strcmp(q.label, "slow") == 0 && fork() == 0) {
		usleep(600000);
		send_udp(fd, str_view(&r.out), &from);
		_exit(0);
	}
	if (strcmp(q.label, "slow") == 0)
		return;
	if (strcmp(q.label, "garbage") == 0) {
		send_udp(fd, VIEW("\xff\xff\xff"), &from);
		str_cut(&r.out, 12);
		memset(r.out.ptr + 4, 0xc0, 8);
	}
	if (strcmp(q.label, "wrongid") == 0) {
		r.out.ptr[0] ^= 1;
		send_udp(fd, str_view(&r.out), &from);
		r.out.ptr[0] ^= 1;
	}
	send_udp(fd, str_view(&r.out), &from);
}

/* One connection, one question at a time, in a child of its own. */
static void
serve_tcp(int fd)
{
	struct reply r = { .out = STR_EMPTY };
	char buf[QUERY_MAX];
	struct query q;

	for (;;) {
		uint8_t head[2];
		size_t len;

		if (recv(fd, head, 2, MSG_WAITALL) != 2)
			_exit(0);
		len = (size_t)head[0] << 8 | head[1];
		if (len > sizeof(buf) ||
		    recv(fd, buf, len, MSG_WAITALL) != (ssize_t)len ||
		    !read_query(&q, view_make(buf, len), true))
			_exit(0);
		make_reply(&r, &q);
		head[0] = (uint8_t)(r.out.len >> 8);
		head[1] = (uint8_t)r.out.len;
		if (send(fd, head, 2, MSG_NOSIGNAL) != 2 ||
		    send(fd, r.out.ptr, r.out.len, MSG_NOSIGNAL) < 0)
			_exit(0);
	}
}

static void
serve(int udp, int tcp)
{
	struct pollfd p[2] = { { udp, POLLIN, 0 }, { tcp, POLLIN, 0 } };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[0].revents != 0)
			serve_udp(udp);
		if (p[1].revents != 0) {
			int fd = accept(tcp, NULL, NULL);

			if (fd >= 0 && fork() == 0)
				serve_tcp(fd);
			if (fd >= 0)
				close(fd);
		}
	}
}

pid_t
fake_dns_start(uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(tcp, (void *)&a, sizeof(a)) < 0 || listen(tcp, 50) < 0 ||
	    getsockname(tcp, (void *)&a, &len) < 0 ||
	    bind(udp, (void *)&a, sizeof(a)) < 0)
		abort();
	*port = ntohs(a.sin_port);
	pid = fork();
	if (pid == 0)
		serve(udp, tcp);
	close(udp);
	close(tcp);
	return pid;
}

void
fake_dns_stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
