/*
 * Unit tests of whole deliveries over loopback, with a loop and fibers: next
 * hops that are dead, sessions that are kept and used again.
 */
#include "smtp/deliver.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "lib/run/fiber.h"
#include "lib/run/io.h"
#include "smtp/agent.h"
#include "smtp/script.h"

#include <arpa/inet.h>

/* A server: what it says to each verb. */
struct server {
	int fd;
	uint16_t port;
	const char *greeting, *rcpt;
	bool closes; /* after each message */
	size_t n_sessions, n_messages, n_reset;
	struct loop_listener listener;
};

static struct agent agent;

static const char *
server_reply(struct server *s, struct view line, bool *in_data)
{
	if (view_starts(line, VIEW("RSET")))
		s->n_reset++;
	if (view_starts(line, VIEW("RCPT")))
		return s->rcpt;
	if (view_starts(line, VIEW("DATA"))) {
		*in_data = true;
		return "354 go";
	}
	return "250 ok";
}

struct server_session {
	struct server *server;
	int fd;
};

static void
serve_session(void *arg)
{
	struct server_session *x = arg;
	struct server *s = x->server;
	struct stream io;
	struct view line;
	enum stream_eol eol;
	bool in_data = false;

	stream_init(&io, x->fd);
	free(x);
	s->n_sessions++;
	stream_addf(&io, "%s\r\n", s->greeting);
	while (!err_is(stream_flush(&io, deadline_in(5))) &&
	    !err_is(stream_read_line(
		&io, 1000, 1000, &line, &eol, deadline_in(5)))) {
		if (view_eq(line, VIEW("QUIT")))
			break;
		if (!in_data) {
			stream_addf(
			    &io, "%s\r\n", server_reply(s, line, &in_data));
		} else if (view_eq(line, VIEW("."))) {
			in_data = false;
			s->n_messages++;
			stream_addf(
			    &io, "250 2.0.0 got %zu\r\n", s->n_messages);
			if (s->closes)
				break;
		}
	}
	stream_flush(&io, deadline_in(5));
	stream_clear(&io);
}

static void
server_accept(struct loop_listener *l)
{
	struct server_session *x = xcalloc(1, sizeof(*x));

	x->server = l->arg;
	x->fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	ck_assert_int_ge(x->fd, 0);
	fiber_spawn("server", serve_session, x);
}

static void
server_open(struct server *s)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);

	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ck_assert(bind(s->fd, (struct sockaddr *)&sin, len) == 0);
	ck_assert(listen(s->fd, 1000) == 0);
	ck_assert(getsockname(s->fd, (struct sockaddr *)&sin, &len) == 0);
	s->port = ntohs(sin.sin_port);
	s->listener = (struct loop_listener){
		.fd = s->fd, .ready = server_accept, .arg = s
	};
	loop_add_listener(&s->listener);
}

static void
server_close(struct server *s)
{
	loop_remove_listener(&s->listener);
	close(s->fd);
}

/* One delivery to "nexthop", as agent.c does it; the first recipient's
 * outcome. */
struct result {
	int outcome, destination;
	unsigned conn_use;
	char text[200], relay[100];
};

static void
deliver_to(const char *nexthop, struct result *r)
{
	struct ipc_delivered answer;
	struct str outcomes = STR_EMPTY;
	struct script_message m;
	struct delivery d;
	struct session *last;

	script_message(&m, VIEW("A: b\r\n\r\nc\r\n"), 2);
	m.ask.nexthop = view_of(nexthop);
	m.ask.arrival_us = m.ask.active_us = clock_wall_us();
	ck_assert(!err_is(delivery_init(&d, &agent.set, &m.ask)));
	deliver(&agent, &d, &last);
	ck_assert_uint_eq(d.n_todo, 0);
	delivery_answer(&d, &answer, &outcomes);
	*r = (struct result){ .outcome = d.rcpts[0].outcome,
		.destination = (int)answer.destination,
		.conn_use = d.rcpts[0].conn_use };
	snprintf(r->text, sizeof(r->text), "%s", d.rcpts[0].why.text.ptr);
	snprintf(r->relay, sizeof(r->relay), "%s", d.rcpts[0].relay.ptr);
	str_clear(&outcomes);
	delivery_clear(&d);
	script_message_clear(&m);
	if (last != NULL)
		cache_take(&agent.cache, last);
}

/* --- the tests, each on a fiber --- */

static struct server one, two;
static char hop_one[64], hop_two[64], hop_dead[64], list[256];

static void
sessions_are_kept(void)
{
	struct result r;

	for (unsigned i = 1; i <= 3; i++) {
		deliver_to(hop_one, &r);
		ck_assert_msg(r.outcome == OUTCOME_SENT, "%s", r.text);
		ck_assert_uint_eq(r.conn_use, i);
	}
	ck_assert_uint_eq(one.n_sessions, 1);
	ck_assert_uint_eq(one.n_reset, 0);
	ck_assert_uint_eq(agent.cache.n, 1);
	/* It is idle for too long. */
	fiber_sleep(1200);
	ck_assert_uint_eq(agent.cache.n, 0);
	deliver_to(hop_one, &r);
	ck_assert_uint_eq(r.conn_use, 1);
	ck_assert_uint_eq(one.n_sessions, 2);
}

static void
closed_sessions_are_replaced(void)
{
	struct result r;

	one.closes = true;
	for (unsigned i = 1; i <= 3; i++) {
		deliver_to(hop_one, &r);
		ck_assert_int_eq(r.outcome, OUTCOME_SENT);
		ck_assert_uint_eq(r.conn_use, 1);
		fiber_sleep(10);
	}
	ck_assert_uint_eq(one.n_sessions, 3);
	one.closes = false;
}

static void
refused_transactions_are_reset(void)
{
	struct result r;

	one.rcpt = "550 5.1.1 no";
	deliver_to(hop_one, &r);
	ck_assert_int_eq(r.outcome, OUTCOME_BOUNCED);
	ck_assert_int_eq(r.destination, DESTINATION_FINE);
	ck_assert_uint_eq(one.n_reset, 1);
	one.rcpt = "250 ok";
	deliver_to(hop_one, &r);
	ck_assert_int_eq(r.outcome, OUTCOME_SENT);
	ck_assert_uint_eq(r.conn_use, 2);
}

static void
the_next_hop_of_a_list_is_tried(void)
{
	struct result r;

	deliver_to(hop_dead, &r);
	ck_assert_int_eq(r.outcome, OUTCOME_DEFERRED);
	ck_assert_int_eq(r.destination, DESTINATION_FAILED);
	ck_assert_msg(view_ends(view_of(r.text), VIEW(": Connection refused")),
	    "%s", r.text);
	ck_assert_str_eq(r.relay, "");
	snprintf(list, sizeof(list), "%s, %s", hop_dead, hop_two);
	deliver_to(list, &r);
	ck_assert_msg(r.outcome == OUTCOME_SENT, "%s", r.text);
	ck_assert_int_eq(r.destination, DESTINATION_FINE);
	/* Nobody there: the relay for such cases. */
	agent.set.fallback_relay = hop_two;
	deliver_to(hop_dead, &r);
	ck_assert_int_eq(r.outcome, OUTCOME_SENT);
	/* A refusal for now leads on, too; one for good does not. */
	one.rcpt = "450 4.2.0 greylisted";
	deliver_to(hop_one, &r);
	ck_assert_int_eq(r.outcome, OUTCOME_SENT);
	one.rcpt = "550 5.1.1 no";
	deliver_to(hop_one, &r);
	ck_assert_int_eq(r.outcome, OUTCOME_BOUNCED);
	/* The server's own words are kept when the relay is dead. */
	one.rcpt = "450 4.2.0 greylisted";
	agent.set.fallback_relay = hop_dead;
	deliver_to(hop_one, &r);
	ck_assert_int_eq(r.outcome, OUTCOME_DEFERRED);
	ck_assert(
	    view_find_text(view_of(r.text), VIEW("greylisted")) != VIEW_NPOS);
}

static void
a_server_that_refuses_us_is_left(void)
{
	struct result r;

	one.greeting = "554 5.7.1 go away";
	deliver_to(hop_one, &r);
	ck_assert_int_eq(r.outcome, OUTCOME_DEFERRED);
	ck_assert_int_eq(r.destination, DESTINATION_FAILED);
	agent.set.skip_5xx_greeting = false;
	deliver_to(hop_one, &r);
	ck_assert_int_eq(r.outcome, OUTCOME_BOUNCED);
	snprintf(list, sizeof(list), "%s %s", hop_one, hop_two);
	agent.set.skip_5xx_greeting = true;
	deliver_to(list, &r);
	ck_assert_int_eq(r.outcome, OUTCOME_SENT);
}

static void
nothing_goes_in_clear_against_policy(void)
{
	struct result r;

	agent.set.is_tls_required = true;
	agent.set.tls_level = "encrypt";
	deliver_to(hop_one, &r);
	ck_assert_int_eq(r.outcome, OUTCOME_DEFERRED);
	ck_assert_uint_eq(one.n_sessions, 0);
}

static void
bad_next_hops_are_told(void)
{
	struct result r;

	deliver_to("[127.0.0.1", &r);
	ck_assert_int_eq(r.outcome, OUTCOME_DEFERRED);
	deliver_to("", &r);
	ck_assert_int_eq(r.outcome, OUTCOME_DEFERRED);
	ck_assert_str_eq(r.text, "no next hop");
	agent.set.use_ipv6 = false;
	deliver_to("[::1]", &r);
	ck_assert_int_eq(r.outcome, OUTCOME_BOUNCED);
}

struct many {
	size_t n_left;
};

static void
one_of_many(void *arg)
{
	struct many *many = arg;
	struct result r;

	deliver_to(hop_one, &r);
	ck_assert_msg(r.outcome == OUTCOME_SENT, "%s", r.text);
	many->n_left--;
}

static void
many_deliveries_run_at_once(void)
{
	struct many many = { 300 };

	for (size_t i = 0; i < 300; i++)
		fiber_spawn("delivery", one_of_many, &many);
	while (many.n_left > 0)
		fiber_sleep(10);
	ck_assert_uint_eq(one.n_messages, 300);
}

static void (*const runs[])(void) = {
	sessions_are_kept,
	closed_sessions_are_replaced,
	refused_transactions_are_reset,
	the_next_hop_of_a_list_is_tried,
	a_server_that_refuses_us_is_left,
	nothing_goes_in_clear_against_policy,
	bad_next_hops_are_told,
	many_deliveries_run_at_once,
};

static void
run_on_fiber(void *arg)
{
	runs[*(int *)arg]();
	cache_clear(&agent.cache);
	while (fiber_count() > 1)
		fiber_sleep(5);
	loop_stop();
}

START_TEST(deliveries_end_as_they_should)
{
	struct server dead = { 0 };
	int i = _i;

	loop_init();
	one = two = (struct server){ .greeting = "220 x", .rcpt = "250 ok" };
	script_settings(&agent.set);
	agent.set.use_ipv4 = agent.set.use_ipv6 = true;
	agent.set.keep_sessions = true;
	agent.set.idle_limit = 1;
	ipc_service_init(&agent.resolve, "private/resolve");
	ipc_service_init(&agent.dial, "private/dial");
	agent_init(&agent);
	server_open(&one);
	server_open(&two);
	server_open(&dead);
	server_close(&dead);
	snprintf(hop_one, sizeof(hop_one), "[127.0.0.1]:%u", one.port);
	snprintf(hop_two, sizeof(hop_two), "[127.0.0.1]:%u", two.port);
	snprintf(hop_dead, sizeof(hop_dead), "[127.0.0.1]:%u", dead.port);
	fiber_spawn("test", run_on_fiber, &i);
	loop_run();
	server_close(&one);
	server_close(&two);
	agent_clear(&agent);
	loop_clear();
}
END_TEST

UNIT_MAIN("deliver", { deliveries_end_as_they_should, ARRAY_LEN(runs) })
