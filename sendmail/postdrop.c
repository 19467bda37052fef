/*
 * postdrop: puts a message into maildrop.  Set-gid, since nobody else may
 * write there; so nothing that the caller chose is trusted: descriptors,
 * environment, signals, limits, the configuration's place and each record.
 */
#include "sendmail/dropper.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

enum { READ_STEP = 128 * 1024 };

static volatile sig_atomic_t caught;

static void
on_signal(int sig)
{
	caught = sig;
}

/* To the caller, who may be gone; then the stream ends too. */
static void
tell(const struct ipc_type *type, const void *message)
{
	struct str out = STR_EMPTY;
	struct view rest;
	int none;

	ipc_encode(&out, 0, type, message, &none);
	rest = str_view(&out);
	while (rest.len > 0) {
		ssize_t n = write(STDOUT_FILENO, rest.ptr, rest.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		rest = view_skip(rest, (size_t)n);
	}
	str_clear(&out);
}

static void
tell_name(const struct dropper *p)
{
	struct ipc_drop_begun begun = { queue_id_view(&p->id) };

	tell(IPC_OUT(drop_begun, &begun));
}

/* --- the caller --- */

/* The next bytes; none at the end.  Signals come through only while it waits,
 * so that a file is never left behind, and never removed once it is promised. */
static struct err
read_some(struct str *in)
{
	struct pollfd wait = { STDIN_FILENO, POLLIN, 0 };
	sigset_t none;
	ssize_t n;

	sigemptyset(&none);
	str_reset(in);
	if (caught == 0 && ppoll(&wait, 1, NULL, &none) < 0 && errno != EINTR)
		return err_sys(ERR_TEMP, "wait for input");
	if (caught != 0)
		return err_make(ERR_TEMP, "killed by signal %d", (int)caught);
	n = read(STDIN_FILENO, str_reserve(in, READ_STEP), READ_STEP);
	if (n < 0 && errno != EINTR && errno != EAGAIN)
		return err_sys(ERR_TEMP, "read input");
	if (n == 0)
		return err_make(ERR_GONE, "input ended early");
	if (n > 0)
		str_grew(in, (size_t)n);
	return ERR_OK;
}

__attribute__((noinline)) static struct err
receive(struct dropper *p)
{
	struct str in = STR_EMPTY;
	struct err e = dropper_create(p);

	if (!err_is(e))
		tell_name(p);
	while (!err_is(e) && !p->intake.committed) {
		e = read_some(&in);
		if (!err_is(e))
			e = intake_feed(&p->intake, str_view(&in));
	}
	str_clear(&in);
	return err_is(e) ? e : dropper_commit(p);
}

static void
answer(const struct dropper *p, struct err e)
{
	struct ipc_drop_done done = { .status = e.kind,
		.text = view_of(e.text),
		.queue_id = queue_id_view(&p->id) };

	tell(IPC_OUT(drop_done, &done));
}

static void
catch_signals(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM,
		SIGALRM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGPROF, SIGXCPU };
	struct sigaction sa = { .sa_handler = on_signal };
	sigset_t set;

	sigemptyset(&set);
	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		sigaddset(&set, signals[i]);
		sigaction(signals[i], &sa, NULL);
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/* Waits for the caller's end are not bounded: the file is its own. */
__attribute__((noinline)) static struct err
configure(struct dropper *p, const char *dir)
{
	struct conf_light *conf;
	struct err e = ERR_OK;

	if (process_is_elevated())
		e = conf_light_check_dir(dir);
	if (!err_is(e))
		e = conf_light_load(dir, &conf);
	if (err_is(e))
		return e;
	e = dropper_configure(p, conf);
	conf_light_free(conf);
	return e;
}

static const char *
parse_arguments(int argc, char **argv)
{
	const char *dir = NULL;
	bool asked = false;
	int c;

	while ((c = getopt(argc, argv, "+c:rv")) > 0)
		if (c == 'c')
			dir = optarg;
		else if (c == 'r')
			asked = true;
		else if (c != 'v')
			die_usage("usage: postdrop [-v] [-c config_dir] -r");
	if (!asked || optind < argc)
		die_usage("usage: postdrop [-v] [-c config_dir] -r");
	return dir;
}

int
main(int argc, char **argv)
{
	static struct dropper p;
	const char *given;
	char *dir;
	struct err e;

	process_tidy_descriptors();
	log_open("postdrop");
	process_reset_signals();
	catch_signals();
	given = parse_arguments(argc, argv);
	if (given == NULL)
		given = secure_getenv("MAIL_CONFIG");
	dir = given != NULL ? xstrdup(given) : NULL;
	process_clean_environment();
	umask(022);
	dropper_init(&p);
	e = configure(&p, dir);
	if (!err_is(e))
		e = receive(&p);
	if (err_is(e)) {
		dropper_remove(&p);
		openlog("postdrop", LOG_PID, LOG_MAIL);
		if (e.kind != ERR_GONE)
			syslog(LOG_WARNING, "warning: uid=%ld: %s",
			    (long)getuid(), e.text);
	} else {
		dropper_close(&p);
	}
	answer(&p, e);
	dropper_clear(&p);
	free(dir);
	return err_is(e) ? 75 : EXIT_SUCCESS;
}
