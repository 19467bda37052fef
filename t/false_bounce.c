/*
 * A bounce that was taken over, or is out of order, for the tests: in its place,
 * with its account and its whole sandbox.  The sender of the message that is to
 * be reported, lie-NAME@..., says what is told to qmgr in place of the truth.
 */
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/daemon/daemon.h"
#include "lib/run/fiber.h"

#include <ctype.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { NAME_MAX_LEN = 32, LONG = 60000 };

static const struct sandbox_role bounce_role = {
	.name = "bounce",
	.identity = IDENTITY_QUEUE,
	.root = ROOT_NONE,
	.calls = CALLS_STREAM | CALLS_CONNECT | CALLS_ACCEPT,
};

#define EVIL "0\r\nInjected: yes\n\x1b[2J\x7f\xff \0end"

static void
say(struct ipc_request *r, int64_t status, struct view text)
{
	struct ipc_result answer = { .status = status, .text = text };

	ipc_reply(r, IPC_OUT(result, &answer));
}

static void
say_no_id(struct ipc_request *r)
{
	say(r, ERR_NONE, VIEW("all is well"));
}

static void
say_evil_id(struct ipc_request *r)
{
	say(r, ERR_NONE, VIEW(EVIL));
}

static void
say_path(struct ipc_request *r)
{
	say(r, ERR_NONE, VIEW("../active/x"));
}

static void
say_long_id(struct ipc_request *r)
{
	struct str text = STR_EMPTY;

	memset(str_reserve(&text, LONG), 'B', LONG);
	str_grew(&text, LONG);
	say(r, ERR_NONE, str_view(&text));
	str_clear(&text);
}

static void
say_evil_reason(struct ipc_request *r)
{
	say(r, ERR_PERM, VIEW(EVIL));
}

static void
say_odd_status(struct ipc_request *r)
{
	static const int64_t odd[] = { -1, 77, INT64_MAX, INT64_MIN };
	static size_t n;

	say(r, odd[n++ % ARRAY_LEN(odd)], VIEW("odd"));
}

static void
say_twice(struct ipc_request *r)
{
	say(r, ERR_TEMP, VIEW("first"));
	say(r, ERR_NONE, VIEW_EMPTY);
}

static void
say_other(struct ipc_request *r)
{
	struct ipc_rewritten answer = { .address = VIEW(EVIL) };

	ipc_reply(r, IPC_OUT(rewritten, &answer));
}

/* Until it is ended. */
static void
hang(struct ipc_request *r)
{
	(void)r;
	while (!err_is(fiber_sleep(60 * 1000)))
		;
}

static void
die(struct ipc_request *r)
{
	(void)r;
	log_flush();
	raise(SIGKILL);
}

static const struct {
	const char *name;
	void (*tell)(struct ipc_request *r);
} lies[] = {
	{ "noid", say_no_id },
	{ "evil", say_evil_id },
	{ "path", say_path },
	{ "long", say_long_id },
	{ "reason", say_evil_reason },
	{ "odd", say_odd_status },
	{ "twice", say_twice },
	{ "other", say_other },
	{ "hang", hang },
	{ "die", die },
};

/* The name in "lie-NAME@", somewhere in the queue file. */
static void
find_name(int file, char name[NAME_MAX_LEN])
{
	static char bytes[16384];
	ssize_t n = pread(file, bytes, sizeof(bytes), 0);
	const char *at = n > 0 ? memmem(bytes, (size_t)n, "lie-", 4) : NULL;
	size_t len = 0;

	if (at != NULL)
		for (at += 4; at < bytes + n && isalpha((unsigned char)*at) &&
		     len < NAME_MAX_LEN - 1;
		     at++)
			name[len++] = *at;
	name[len] = '\0';
}

static void
report_run(struct ipc_request *r)
{
	struct ipc_report ask = { .file = -1 };
	char name[NAME_MAX_LEN];

	if (!ipc_request_read(r, IPC_IN(report, &ask)))
		return;
	find_name(ask.file, name);
	close(ask.file);
	log_info("%.*s: lie %s", VIEW_ARGS(ask.queue_id), name);
	for (size_t i = 0; i < ARRAY_LEN(lies); i++)
		if (strcmp(lies[i].name, name) == 0)
			lies[i].tell(r);
}

int
main(int argc, char **argv)
{
	static const struct ipc_handler handlers[] = {
		{ ipc_report_type, report_run, 0 },
		{ NULL, NULL, 0 },
	};
	struct daemon d;

	daemon_start(&d, "bounce", argc, argv);
	daemon_drop(&d, &bounce_role);
	return daemon_serve_ipc(&d, handlers, NULL);
}
