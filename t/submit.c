/*
 * A client of cleanup for the tests: hands messages over as smtpd does and
 * prints what was answered, a line for each, as soon as it is known:
 *
 *	QUEUE-ID MARK CODE TEXT
 *
 * CODE is 0 if no answer came.  Each message has a header "X-Mark: MARK".
 *
 *	submit [options] QUEUE-DIRECTORY RECIPIENT...
 *	  -u USER	become USER first
 *	  -f SENDER	the envelope's sender
 *	  -m MARK	marks are MARK-process-number
 *	  -n N		messages of each process
 *	  -j N		processes
 *	  -s BYTES	of body
 *	  -S		content in frames of its own, not whole
 *	  -A		leave in the middle of the content, without an end
 *	  -R		until it is accepted, as a client would: a new queue ID,
 *			the same mark
 *	  -t SECONDS	to wait for an answer
 *	  -w MS		pause after each message
 *	  -N BITS	notify (RFC 3461) of each recipient
 */
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ipc/client.h"
#include "lib/mail/queue_id.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FIRST_SLOT = 900, PROCESSES_MAX = 100, LINE_LEN = 72 };

static struct {
	const char *user, *sender, *mark;
	int64_t n, processes, size, timeout, pause_ms, notify;
	bool streamed, aborted, again;
	char **rcpts;
	int n_rcpts;
} options = { .sender = "sender@example.test",
	.mark = "mark",
	.n = 1,
	.processes = 1,
	.size = 100,
	.timeout = 30 };

_Noreturn static void
fail(const char *what)
{
	fprintf(stderr, "submit: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void
become(const char *user)
{
	const struct passwd *pw = getpwnam(user);

	if (pw == NULL || setgroups(0, NULL) < 0 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0)
		fail(user);
}

static void
build_content(struct str *out, const char *mark)
{
	str_printf(out,
	    "X-Mark: %s\r\nSubject: a test\r\nTo: somebody\r\n"
	    "From: <%s>\r\nDate: Thu, 1 Jan 1970 00:00:00 +0000\r\n"
	    "Message-Id: <%s@example.test>\r\n\r\n",
	    mark, options.sender, mark);
	for (int64_t at = 0; at < options.size; at += LINE_LEN + 2) {
		for (int i = 0; i < LINE_LEN; i++)
			str_add_byte(out, (char)('a' + (at + i) % 26));
		str_add_text(out, "\r\n");
	}
	str_addf(out, "end of %s\r\n", mark);
}

static void
build_rcpts(struct str *out)
{
	for (int i = 0; i < options.n_rcpts; i++) {
		struct view address = view_of(options.rcpts[i]);
		struct ipc_rcpt rcpt = { i, address, address, VIEW_EMPTY,
			options.notify };

		ipc_list_add(out, ipc_rcpt_type(), &rcpt);
	}
}

/* After the envelope: the content in frames, and the end. */
static struct err
send_stream(struct ipc_talk *talk, struct view content, int64_t deadline)
{
	struct ipc_submit_end end = { .commit = 1 };
	struct view left =
	    options.aborted ? view_first(content, content.len / 2) : content;

	while (left.len > 0) {
		struct ipc_content part = { view_first(left, 32768) };
		struct err e =
		    ipc_talk_send(talk, IPC_OUT(content, &part), deadline);

		if (err_is(e))
			return e;
		left = view_skip(left, part.bytes.len);
	}
	if (options.aborted)
		return err_make(ERR_GONE, "left");
	return ipc_talk_send(talk, IPC_OUT(submit_end, &end), deadline);
}

/* One try.  True if it was accepted. */
static bool
submit(struct ipc_service *cleanup, int slot, const char *mark)
{
	int64_t deadline = deadline_in(options.timeout);
	struct str rcpts = STR_EMPTY, content = STR_EMPTY;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct ipc_submitted answer;
	struct ipc_talk talk;
	struct ipc_submit ask = { .origin = VIEW("smtpd"),
		.context = VIEW("remote"),
		.sender = view_of(options.sender),
		.whole = !options.streamed };
	struct queue_id id = queue_id_new(slot, false, &ask.arrival_us);
	struct str line = STR_EMPTY;
	bool accepted = false;
	struct err e;

	build_content(&content, mark);
	build_rcpts(&rcpts);
	ask.queue_id = queue_id_view(&id);
	ask.full_name = ask.envid = ask.client_name = ask.client_addr =
	    ask.protocol = ask.helo = ask.sasl_method = ask.sasl_username =
		VIEW_EMPTY;
	ask.rcpts = str_view(&rcpts);
	ask.content = options.streamed ? VIEW_EMPTY : str_view(&content);
	e = ipc_talk_begin(cleanup, &talk, deadline);
	if (!err_is(e)) {
		e = ipc_talk_send(&talk, IPC_OUT(submit, &ask), deadline);
		if (!err_is(e) && options.streamed)
			e = send_stream(&talk, str_view(&content), deadline);
		if (!err_is(e))
			e = ipc_talk_answer(
			    &talk, IPC_IN(submitted, &answer), &keep, deadline);
		ipc_talk_end(&talk);
	}
	if (err_is(e)) {
		str_printf(&line, "%s %s 0 %s\n", id.text, mark, e.text);
	} else {
		str_printf(&line, "%s %s %d %.*s\n", id.text, mark,
		    (int)answer.code, VIEW_ARGS(answer.reply));
		accepted = answer.code == 250;
	}
	/* One write, so that lines of several processes do not mix. */
	if (write(STDOUT_FILENO, line.ptr, line.len) != (ssize_t)line.len)
		fail("write");
	ipc_keep_clear(&keep);
	str_clear(&line);
	str_clear(&rcpts);
	str_clear(&content);
	return accepted;
}

static void
rest(int64_t ms)
{
	struct timespec t = { .tv_sec = ms / 1000,
		.tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

static void
submit_all(int process)
{
	struct ipc_service cleanup;
	struct str mark = STR_EMPTY;

	ipc_service_init(&cleanup, "private/cleanup");
	for (int64_t i = 0; i < options.n; i++) {
		str_printf(&mark, "%s-%d-%d", options.mark, process, (int)i);
		while (!submit(&cleanup, FIRST_SLOT + process, mark.ptr) &&
		    options.again)
			rest(50);
		rest(options.pause_ms);
	}
	ipc_service_clear(&cleanup);
	str_clear(&mark);
}

static int64_t
number(const char *text)
{
	int64_t n;

	if (!view_to_int(view_of(text), &n)) {
		errno = EINVAL;
		fail(text);
	}
	return n;
}

static void
take_options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "u:f:m:n:j:s:t:w:N:SAR")) != -1) {
		switch (c) {
		case 'u':
			options.user = optarg;
			break;
		case 'f':
			options.sender = optarg;
			break;
		case 'm':
			options.mark = optarg;
			break;
		case 'n':
			options.n = number(optarg);
			break;
		case 'j':
			options.processes = number(optarg);
			break;
		case 's':
			options.size = number(optarg);
			break;
		case 't':
			options.timeout = number(optarg);
			break;
		case 'w':
			options.pause_ms = number(optarg);
			break;
		case 'N':
			options.notify = number(optarg);
			break;
		case 'S':
			options.streamed = true;
			break;
		case 'A':
			options.aborted = options.streamed = true;
			break;
		case 'R':
			options.again = true;
			break;
		default:
			exit(64);
		}
	}
	if (argc - optind < 2 || options.processes > PROCESSES_MAX) {
		errno = EINVAL;
		fail("arguments");
	}
	options.rcpts = argv + optind + 1;
	options.n_rcpts = argc - optind - 1;
	if (chdir(argv[optind]) < 0)
		fail(argv[optind]);
}

int
main(int argc, char **argv)
{
	int status = 0;

	signal(SIGPIPE, SIG_IGN);
	take_options(argc, argv);
	if (options.user != NULL)
		become(options.user);
	for (int i = 0; i < options.processes; i++) {
		pid_t pid = fork();

		if (pid < 0)
			fail("fork");
		if (pid == 0) {
			submit_all(i);
			exit(0);
		}
	}
	for (int64_t i = 0; i < options.processes; i++) {
		int how;

		if (wait(&how) < 0 || how != 0)
			status = 1;
	}
	return status;
}
