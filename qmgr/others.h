/* The services that qmgr asks, played on its own loop: what becomes of a
 * recipient is in its name. */
#ifndef QMGR_OTHERS_H
#define QMGR_OTHERS_H

#include "qmgr/testing.h"

#include "lib/daemon/daemon.h"

/* The message of most tests. */
#define ID "0123A000000001"

static struct {
	int64_t n_routed, n_delivered, n_reports[4];
	int64_t n_rcpts[8]; /* by number: deliveries */
	bool hold_back;	    /* deliveries wait */
	const char *only;   /* those to this next hop alone; NULL: all */
	const char *dead;   /* nobody answers at this next hop */
	bool bounce_is_down, agent_is_dumb;
	bool agent_dies;    /* in the middle of each delivery */
	bool report_is_refused;
	struct seal seal;   /* of the last delivery */
} others;

static inline void
play_route(struct ipc_request *r)
{
	struct ipc_route ask;
	struct ipc_routed answer = { .status = ERR_NONE,
		.text = VIEW_EMPTY,
		.transport = VIEW("smtp"),
		.sender = VIEW_EMPTY };

	if (!ipc_request_read(r, IPC_IN(route, &ask)))
		return;
	others.n_routed++;
	answer.recipient = ask.address;
	/* Sent on. */
	if (ask.original.len > 0 && view_starts(ask.original, VIEW("alias")))
		answer.sender = VIEW("srs@here.example");
	answer.nexthop =
	    view_skip(ask.address, view_find_last(ask.address, '@') + 1);
	if (view_eq(answer.nexthop, VIEW("error.example")))
		answer.transport = VIEW("error");
	if (view_eq(answer.nexthop, VIEW("slip.example")))
		answer.transport = VIEW("../public/pickup");
	ipc_reply(r, IPC_OUT(routed, &answer));
}

static inline enum outcome
outcome_by_name(struct view address)
{
	if (view_starts(address, VIEW("defer")))
		return OUTCOME_DEFERRED;
	if (view_starts(address, VIEW("bounce")))
		return OUTCOME_BOUNCED;
	return OUTCOME_SENT;
}

/* The asker sees the connection end: no answer is that long. */
static inline void
agent_die(struct ipc_request *r)
{
	static char long_text[IPC_FRAME_MAX];
	struct ipc_delivered answer = { DESTINATION_FINE,
		view_make(long_text, sizeof(long_text)), VIEW_EMPTY };

	ipc_reply(r, IPC_OUT(delivered, &answer));
}

static inline void
play_deliver(struct ipc_request *r)
{
	struct ipc_deliver ask;
	struct ipc_delivered answer = { DESTINATION_FINE, VIEW_EMPTY,
		VIEW_EMPTY };
	struct str list = STR_EMPTY;
	struct ipc_rcpt to;
	bool more;

	if (!ipc_request_read(r, IPC_IN(deliver, &ask)))
		return;
	others.n_delivered++;
	if (ask.seal.len == sizeof(others.seal.bytes))
		memcpy(others.seal.bytes, ask.seal.ptr, ask.seal.len);
	if (others.agent_dies) {
		close(ask.file);
		agent_die(r);
		return;
	}
	while (!err_is(ipc_list_next(&ask.rcpts, IPC_IN(rcpt, &to), &more)) &&
	    more) {
		enum outcome status = outcome_by_name(to.address);
		struct ipc_outcome o = { .number = to.number,
			.status = status,
			.dsn = status == OUTCOME_SENT	? VIEW("2.0.0")
			    : status == OUTCOME_BOUNCED ? VIEW("5.1.1")
							: VIEW("4.2.0"),
			.text = VIEW("said so"),
			.relay = VIEW("r"),
			.remote = VIEW_EMPTY };

		others.n_rcpts[to.number % 8]++;
		if (!others.agent_is_dumb)
			ipc_list_add(&list, ipc_outcome_type(), &o);
	}
	while (others.hold_back &&
	    (others.only == NULL ||
		view_eq(ask.nexthop, view_of(others.only))))
		fiber_sleep(2);
	if (others.dead != NULL && view_eq(ask.nexthop, view_of(others.dead))) {
		answer.destination = DESTINATION_FAILED;
		answer.reason = VIEW("connect: refused");
		str_reset(&list);
	}
	close(ask.file);
	answer.outcomes = str_view(&list);
	ipc_reply(r, IPC_OUT(delivered, &answer));
	str_clear(&list);
}

static inline void
play_report(struct ipc_request *r)
{
	struct ipc_report ask;
	struct ipc_result answer = { ERR_NONE, VIEW("REPORT") };

	if (!ipc_request_read(r, IPC_IN(report, &ask)))
		return;
	close(ask.file);
	others.n_reports[ask.kind]++;
	if (others.bounce_is_down)
		answer = (struct ipc_result){ ERR_TEMP, VIEW("down") };
	if (others.report_is_refused)
		answer = (struct ipc_result){ ERR_PERM, VIEW("refused") };
	ipc_reply(r, IPC_OUT(result, &answer));
}

static const struct ipc_handler handlers[] = {
	{ ipc_route_type, play_route, IPC_INLINE },
	{ ipc_deliver_type, play_deliver, 0 },
	{ ipc_report_type, play_report, IPC_INLINE },
	{ ipc_queue_act_type, act_run, 0 },
	{ ipc_flush_type, flush_run, 0 },
	{ ipc_late_delivered_type, late_run, 0 },
	{ NULL, NULL, 0 },
};

static struct ipc_server server;
/* Ourselves, as the administrator's commands reach us. */
static struct ipc_service qmgr_service;

static inline void
on_client(struct loop_listener *l)
{
	int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0)
		ipc_server_accept(&server, fd);
}

static inline void
play(struct loop_listener *l, const char *name)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	snprintf(addr.sun_path, sizeof(addr.sun_path), "private/%s", name);
	*l = (struct loop_listener){ .fd = socket(AF_UNIX,
					 SOCK_STREAM | SOCK_NONBLOCK, 0),
		.ready = on_client };
	ck_assert_int_eq(
	    bind(l->fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(listen(l->fd, 10), 0);
	loop_add_listener(l);
}

static inline void
open_all(const char *lines)
{
	static struct loop_listener listeners[4];

	test_open(lines);
	ipc_server_init(&server, handlers, NULL);
	ipc_server_init(daemon_ipc_server(), handlers, NULL);
	ipc_service_init(&qmgr_service, "private/qmgr");
	play(&listeners[0], "rewrite");
	play(&listeners[1], "smtp");
	play(&listeners[2], "bounce");
	play(&listeners[3], "qmgr");
	ipc_service_init(&qmgr.rewrite, "private/rewrite");
	ipc_service_init(&qmgr.bounce, "private/bounce");
}

static inline void
expect_gone(void)
{
	TEST_WAIT_FOR(qmgr.n_messages == 0);
	ck_assert(!test_file_is_in("active", ID));
	ck_assert(!test_file_is_in("deferred", ID));
	ck_assert_int_eq(qmgr.n_rcpts, 0);
	ck_assert_int_eq(qmgr.n_working, 0);
}

static inline void
expect_deferred(const char *journal)
{
	struct str text = STR_EMPTY;

	TEST_WAIT_FOR(qmgr.n_messages == 0);
	ck_assert(test_file_is_in("deferred", ID));
	ck_assert(deferred_has(VIEW(ID)));
	test_journal("deferred", ID, &text);
	ck_assert_str_eq(text.ptr, journal);
	ck_assert_int_eq(qmgr.n_rcpts, 0);
	str_clear(&text);
}

#endif
