/*
 * A delivery agent that was taken over, for the tests: in place of smtp, with
 * its account and its whole sandbox.  The local part of the first recipient
 * says which lie is told of a delivery; what came of it goes into the log.
 */
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/daemon/daemon.h"
#include "lib/mail/addr.h"
#include "lib/mail/queue_id.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LATE_TIMEOUT = 30, OUTCOMES_MAX = 64, ODD_RECORDS = 500 };

static const struct sandbox_role smtp_role = {
	.name = "smtp",
	.identity = IDENTITY_SMTP,
	.root = ROOT_QUEUE,
	.calls = CALLS_STREAM | CALLS_ACCEPT | CALLS_CONNECT | CALLS_INET,
};

/* What breaks a line, a report, a terminal. */
#define EVIL                                                           \
	"x\r\nInjected: yes\r\n\r\n--\nFrom evil\n\x1b[2J\x7f\xc2\x85" \
	"\xff \"quoted\" \0end"

static struct ipc_service qmgr;
static int null_fd;

/* Of an earlier delivery: its descriptor and its seal. */
static struct {
	int fd;
	struct str id, seal;
} earlier = { .fd = -1 };

static void
add_outcome(struct str *list, int64_t number, int64_t status, struct view text)
{
	struct ipc_outcome o = { .number = number,
		.status = status,
		.dsn = VIEW("5.0.0"),
		.text = text,
		.relay = VIEW("intruder"),
		.remote = VIEW_EMPTY };

	ipc_list_add(list, IPC_OUT(outcome, &o));
}

/* --- lies in the answer --- */

static void
say_evil(struct str *list, int64_t number, int64_t status)
{
	struct ipc_outcome o = { .number = number,
		.status = status,
		.dsn = VIEW("5.0.0\r\nX-Dsn: " EVIL),
		.text = VIEW(EVIL),
		.relay = VIEW(EVIL),
		.remote = VIEW(EVIL) };

	ipc_list_add(list, IPC_OUT(outcome, &o));
}

static void
bounce_evil(struct str *list, int64_t number)
{
	say_evil(list, number, OUTCOME_BOUNCED);
}

static void
defer_evil(struct str *list, int64_t number)
{
	say_evil(list, number, OUTCOME_DEFERRED);
}

/* All other recipients of this message, and some that there are not. */
static void
tell_of_others(struct str *list, int64_t number)
{
	for (int64_t i = -2; i < OUTCOMES_MAX; i++)
		if (i != number)
			add_outcome(list, i, OUTCOME_SENT, VIEW("stolen"));
	add_outcome(list, INT64_MAX, OUTCOME_SENT, VIEW("stolen"));
	add_outcome(list, number, OUTCOME_DEFERRED, VIEW("later"));
}

static void
tell_odd_status(struct str *list, int64_t number)
{
	static const int64_t odd[] = { -1, 5, 99, INT64_MAX, INT64_MIN };

	for (size_t i = 0; i < ARRAY_LEN(odd); i++)
		add_outcome(list, number, odd[i], VIEW("odd"));
}

static void
tell_twice(struct str *list, int64_t number)
{
	add_outcome(list, number, OUTCOME_DEFERRED, VIEW("first"));
	add_outcome(list, number, OUTCOME_SENT, VIEW("second"));
}

static void
tell_long(struct str *list, int64_t number)
{
	struct str text = STR_EMPTY;

	memset(str_reserve(&text, 60000), 'x', 60000);
	str_grew(&text, 60000);
	add_outcome(list, number, OUTCOME_DEFERRED, str_view(&text));
	str_clear(&text);
}

static void
tell_garbage(struct str *list, int64_t number)
{
	add_outcome(list, number, OUTCOME_DEFERRED, VIEW("whole"));
	str_add(list, VIEW("S\xff\xff\xff\xff garbage"));
}

static void
defer(struct str *list, int64_t number)
{
	add_outcome(list, number, OUTCOME_DEFERRED, VIEW("later"));
}

/* --- lies afterwards --- */

static void
tell_late(const char *what, int file, struct view id, struct view seal,
    const struct str *list)
{
	struct ipc_late_delivered late = {
		.file = file >= 0 ? fcntl(file, F_DUPFD_CLOEXEC, 3) : -1,
		.queue_id = id,
		.seal = seal,
		.outcomes = str_view(list),
	};
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct ipc_result answer = { .status = -1, .text = VIEW("no answer") };
	struct err e = ipc_call_once(&qmgr, IPC_OUT(late_delivered, &late),
	    IPC_IN(result, &answer), &keep, deadline_in(LATE_TIMEOUT));

	log_info("late %s: %s", what,
	    err_is(e)                  ? "ended"
		: answer.status == ERR_NONE ? "taken"
		: answer.status == ERR_PERM ? "refused"
					    : "not now");
	ipc_keep_clear(&keep);
}

static void
lie_late(const struct ipc_deliver *ask, int64_t number)
{
	struct str own = STR_EMPTY, all = STR_EMPTY;
	int pair[2] = { -1, -1 };
	struct view zero = VIEW("\0\0\0\0\0\0\0\0");

	add_outcome(&own, number, OUTCOME_SENT, VIEW("stolen"));
	for (int64_t i = 0; i < OUTCOMES_MAX; i++)
		add_outcome(&all, i, OUTCOME_SENT, VIEW("stolen"));
	tell_late("no seal", ask->file, ask->queue_id, VIEW_EMPTY, &own);
	tell_late("false seal", ask->file, ask->queue_id, zero, &own);
	tell_late("others", ask->file, ask->queue_id, ask->seal, &all);
	tell_late("path", ask->file, VIEW("../active/x"), ask->seal, &own);
	tell_late("no file", -1, ask->queue_id, ask->seal, &own);
	tell_late("device", null_fd, ask->queue_id, ask->seal, &own);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0)
		tell_late("socket", pair[0], ask->queue_id, ask->seal, &own);
	if (earlier.fd >= 0) {
		tell_late("another's file", earlier.fd, ask->queue_id,
		    ask->seal, &own);
		tell_late("another's seal", ask->file, ask->queue_id,
		    str_view(&earlier.seal), &own);
		tell_late("another's name", ask->file, str_view(&earlier.id),
		    ask->seal, &own);
	}
	/* And to master, which must not fill the log with it. */
	for (uint32_t i = 0; i < ODD_RECORDS; i++) {
		struct control_record odd = { i % 2 == 0 ? CONTROL_NO_PROGRAM
							 : 1000 + i,
			i };

		if (send(CONTROL_FD, &odd, sizeof(odd), MSG_NOSIGNAL) < 0)
			break;
	}
	log_info("late lies are told");
	for (size_t i = 0; i < ARRAY_LEN(pair); i++)
		if (pair[i] >= 0)
			close(pair[i]);
	str_clear(&own);
	str_clear(&all);
}

static void
remember(const struct ipc_deliver *ask)
{
	if (earlier.fd >= 0)
		return;
	earlier.fd = fcntl(ask->file, F_DUPFD_CLOEXEC, 3);
	str_set(&earlier.id, ask->queue_id);
	str_set(&earlier.seal, ask->seal);
}

/* --- a delivery --- */

static const struct {
	const char *name;
	void (*lie)(struct str *list, int64_t number);
	bool again; /* afterwards too */
} lies[] = {
	{ "bounce", bounce_evil, false },
	{ "defer", defer_evil, false },
	{ "others", tell_of_others, false },
	{ "odd", tell_odd_status, false },
	{ "twice", tell_twice, false },
	{ "long", tell_long, false },
	{ "garbage", tell_garbage, false },
	{ "keep", defer, false },
	{ "late", defer, true },
};

static void
run(struct ipc_request *r)
{
	struct ipc_delivered answer = { .destination = DESTINATION_FINE,
		.reason = VIEW(EVIL) };
	struct str list = STR_EMPTY;
	struct ipc_deliver ask = { .file = -1 };
	struct ipc_rcpt rcpt = { .number = 0 };
	struct view rest;
	bool more, again = false;

	if (!ipc_request_read(r, IPC_IN(deliver, &ask)))
		return;
	rest = ask.rcpts;
	if (!err_is(ipc_list_next(&rest, IPC_IN(rcpt, &rcpt), &more)) && more)
		for (size_t i = 0; i < ARRAY_LEN(lies); i++)
			if (view_eq(addr_local(rcpt.address),
				view_of(lies[i].name))) {
				lies[i].lie(&list, rcpt.number);
				again = lies[i].again;
			}
	answer.outcomes = str_view(&list);
	log_info("%.*s: lied of %.*s, descriptor %s", VIEW_ARGS(ask.queue_id),
	    VIEW_ARGS(rcpt.address),
	    (fcntl(ask.file, F_GETFL) & O_ACCMODE) == O_RDONLY &&
		    write(ask.file, "x", 1) < 0
		? "is read-only"
		: "CAN BE WRITTEN");
	remember(&ask);
	ipc_reply(r, IPC_OUT(delivered, &answer));
	if (again)
		lie_late(&ask, rcpt.number);
	close(ask.file);
	str_clear(&list);
}

int
main(int argc, char **argv)
{
	static const struct ipc_handler handlers[] = {
		{ ipc_deliver_type, run, 0 },
		{ NULL, NULL, 0 },
	};
	struct daemon d;

	daemon_start(&d, "smtp", argc, argv);
	earlier.id = earlier.seal = STR_EMPTY;
	null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	daemon_service(&d, "qmgr", &qmgr);
	daemon_drop(&d, &smtp_role);
	return daemon_serve_ipc(&d, handlers, NULL);
}
