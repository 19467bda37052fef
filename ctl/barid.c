/*
 * barid: starts, stops and looks after the mail system.  One verb, one
 * function.
 */
#include "ctl/barid.h"
#include "ctl/check.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/conf/master_cf.h"
#include "lib/ipc/client.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum { STOP_WAIT_MS = 40000, LOG_WAIT_MS = 10000, POLL_MS = 20 };

static const char *syslog_tag = "postfix/postfix-script";

void
tell(const char *level, const char *format, ...)
{
	struct str text = STR_EMPTY, clean = STR_EMPTY;
	va_list ap;

	va_start(ap, format);
	str_vaddf(&text, format, ap);
	va_end(ap);
	log_clean(&clean, str_view(&text), LOG_LINE_MAX);
	fprintf(stderr, "%s: %s%s%s\n", syslog_tag, level,
	    level[0] != '\0' ? ": " : "", clean.ptr);
	if (geteuid() == 0)
		syslog(LOG_MAIL | LOG_INFO, "%s%s%s", level,
		    level[0] != '\0' ? ": " : "", clean.ptr);
	str_clear(&text);
	str_clear(&clean);
}

pid_t
master_pid(const struct barid *b)
{
	struct str path = STR_EMPTY;
	char text[32];
	ssize_t n;
	pid_t pid = 0;
	int fd;

	str_printf(&path, "%s/pid/master.pid", b->conf->queue_directory);
	fd = open(path.ptr, O_RDONLY | O_CLOEXEC);
	str_clear(&path);
	if (fd < 0)
		return 0;
	if (flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
		n = read(fd, text, sizeof(text) - 1);
		if (n > 0) {
			text[n] = '\0';
			pid = (pid_t)strtol(text, NULL, 10);
		}
	}
	close(fd);
	return pid > 1 ? pid : 0;
}

/* --- verbs: each returns the exit status --- */

static int
fatal(const char *text)
{
	tell("fatal", "%s", text);
	return 1;
}

struct err
barid_load(struct barid *b)
{
	static struct str tag = STR_EMPTY;
	struct conf_source source = { .dir = b->dir, .service_name = "barid",
		.process_name = "barid" };
	struct err e = conf_load(&source, &b->loaded);

	if (err_is(e))
		return e;
	b->conf = b->loaded;
	b->dir = conf_config_dir(b->conf);
	str_printf(&tag, "%s/postfix-script", b->conf->syslog_name);
	syslog_tag = tag.ptr;
	openlog(syslog_tag, 0, LOG_MAIL);
	return ERR_OK;
}

static int
fatal_state(const struct barid *b, const char *state)
{
	tell("fatal", "the %s mail system is %s", b->conf->mail_name, state);
	return 1;
}

static void
exec_master(const struct barid *b, const char *how)
{
	struct str path = STR_EMPTY;
	const char *argv[] = { "master", "-c", b->dir, how,
		b->verbose ? "-v" : NULL, NULL };

	str_printf(&path, "%s/master", b->conf->daemon_directory);
	execv(path.ptr, (char *const *)(uintptr_t)argv);
	tell("fatal", "exec %s: %s", path.ptr, strerror(errno));
	_exit(1);
}

static bool
prepare(const struct barid *b)
{
	return setup_directories(b) && setup_check(b);
}

static int
verb_start(const struct barid *b)
{
	int status;
	pid_t pid;

	if (master_pid(b) != 0)
		return fatal_state(b, "already running");
	if (!prepare(b))
		return 1;
	tell("", "starting the %s mail system", b->conf->mail_name);
	pid = fork();
	if (pid == 0)
		exec_master(b, "-w");
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return fatal("cannot start master");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return fatal("mail system startup failed");
	return 0;
}

static int
verb_start_fg(const struct barid *b)
{
	if (master_pid(b) != 0)
		return fatal_state(b, "already running");
	if (!prepare(b))
		return 1;
	tell("", "starting the %s mail system", b->conf->mail_name);
	exec_master(b, "-d");
	return 1;
}

/* Send the signal and wait until the lock is free. */
static int
end_master(const struct barid *b, int signal)
{
	int64_t deadline = deadline_in_ms(STOP_WAIT_MS);
	struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	pid_t pid = master_pid(b);

	if (kill(pid, signal) < 0) {
		tell("fatal", "cannot signal process %d: %s", (int)pid,
		    strerror(errno));
		return 1;
	}
	while (master_pid(b) == pid) {
		if (deadline_left(deadline) == 0)
			return fatal("the mail system does not stop");
		nanosleep(&pause, NULL);
	}
	return 0;
}

static int
verb_stop(const struct barid *b)
{
	if (master_pid(b) == 0)
		return fatal_state(b, "not running");
	tell("", "stopping the %s mail system", b->conf->mail_name);
	return end_master(b, SIGTERM);
}

/* At once: master's death is what its children notice. */
static int
verb_abort(const struct barid *b)
{
	if (master_pid(b) == 0)
		return fatal_state(b, "not running");
	tell("", "aborting the %s mail system", b->conf->mail_name);
	return end_master(b, SIGKILL);
}

static int
verb_reload(const struct barid *b)
{
	pid_t pid = master_pid(b);

	if (pid == 0)
		return fatal_state(b, "not running");
	if (!setup_check(b))
		return 1;
	tell("", "refreshing the %s mail system", b->conf->mail_name);
	if (kill(pid, SIGHUP) < 0)
		return fatal("cannot signal master");
	return 0;
}

static int
verb_flush(const struct barid *b)
{
	struct ipc_service qmgr;
	struct ipc_flush ask = { VIEW("all"), VIEW_EMPTY };
	struct ipc_result answer;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct err e;

	if (chdir(b->conf->queue_directory) < 0)
		return fatal("cannot enter the queue directory");
	ipc_service_init(&qmgr, "private/qmgr");
	e = ipc_call(&qmgr, IPC_OUT(flush, &ask), IPC_IN(result, &answer),
	    &keep, deadline_in(10));
	ipc_keep_clear(&keep);
	ipc_service_clear(&qmgr);
	return err_is(e) ? fatal(e.text) : 0;
}

static int
verb_status(const struct barid *b)
{
	pid_t pid = master_pid(b);

	if (pid == 0) {
		tell("", "the %s mail system is not running",
		    b->conf->mail_name);
		return 1;
	}
	tell("", "the %s mail system is running: PID: %d", b->conf->mail_name,
	    (int)pid);
	return status_print(b);
}

static int
verb_set_permissions(const struct barid *b)
{
	return setup_accounts(b) && setup_directories(b) &&
		setup_permissions(b) ? 0 : 1;
}

/* By maillog_file_compressor, if there is one. */
static void
compress(const struct barid *b, const char *path)
{
	const char *program = b->conf->maillog_file_compressor;
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execlp(program, program, path, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) ||
	    WEXITSTATUS(status) != 0)
		tell("warning", "compress %s: %s did not do it", path,
		    program);
}

static bool
wait_for_file(const char *path)
{
	int64_t deadline = deadline_in_ms(LOG_WAIT_MS);
	struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };

	while (access(path, F_OK) < 0) {
		if (deadline_left(deadline) == 0)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

/* The format is the administrator's, and its directives only read `tm`. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static bool
format_suffix(const struct barid *b, const struct tm *tm, char *buf,
    size_t size)
{
	return strftime(buf, size, b->conf->maillog_file_rotate_suffix, tm) >
	    0;
}
#pragma GCC diagnostic pop

/* A new process of the log opens the file anew; the old one's last lines are
 * in the renamed one by then. */
static int
verb_logrotate(const struct barid *b)
{
	const char *file = b->conf->maillog_file;
	struct str to = STR_EMPTY;
	char stamp[64];
	time_t now = time(NULL);
	struct tm tm;
	pid_t pid = master_pid(b);
	int code;

	if (file[0] == '\0' || strcmp(file, "/dev/stdout") == 0)
		return fatal("maillog_file is not a file");
	localtime_r(&now, &tm);
	if (!format_suffix(b, &tm, stamp, sizeof(stamp)))
		return fatal("maillog_file_rotate_suffix is too long or "
			     "empty");
	str_printf(&to, "%s.%s", file, stamp);
	code = rename(file, to.ptr);
	if (code < 0) {
		tell("fatal", "rename %s: %s", file, strerror(errno));
	} else if (pid != 0 &&
	    (kill(pid, SIGUSR1) < 0 || !wait_for_file(file))) {
		code = fatal("the log is not written anew");
	} else {
		compress(b, to.ptr);
	}
	str_clear(&to);
	return code == 0 ? 0 : 1;
}

static int
verb_version(const struct barid *b)
{
	printf("mail_version = %s\n", BARID_VERSION);
	(void)b;
	return 0;
}

static const struct {
	const char *name;
	int (*run)(const struct barid *b);
} verbs[] = {
	{ "start", verb_start },
	{ "start-fg", verb_start_fg },
	{ "stop", verb_stop },
	{ "abort", verb_abort },
	{ "reload", verb_reload },
	{ "flush", verb_flush },
	{ "status", verb_status },
	{ "set-permissions", verb_set_permissions },
	{ "logrotate", verb_logrotate },
	{ "version", verb_version },
};

/* --- verbs with arguments; they do not need a configuration that loads --- */

/* check [--json] [DIR]: without DIR, of this instance, whose missing directories
 * are made. */
static int
verb_check(struct barid *b, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' }, { NULL, 0, NULL, 0 }
	};
	bool json = false;
	int option, status;
	struct check check;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'j')
			return fatal("usage: barid check [--json] [directory]");
		json = true;
	}
	if (argc - optind > 1)
		return fatal("usage: barid check [--json] [directory]");
	if (optind == argc && !err_is(barid_load(b)) && !setup_directories(b))
		return 1;
	check_run(&check, conf_dir(optind < argc ? argv[optind] : b->dir));
	if (json)
		check_print_json(&check);
	else
		check_print(&check);
	status = check.n_errors > 0 ? 1 : 0;
	check_clear(&check);
	return status;
}

static const struct {
	const char *name;
	int (*run)(struct barid *b, int argc, char **argv);
} argument_verbs[] = {
	{ "check", verb_check },
	{ "explain", verb_explain },
	{ "import", verb_import },
};

static int
usage(const char *verb)
{
	struct str names = STR_EMPTY;

	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		str_addf(&names, "%s%s", i > 0 ? ", " : "", verbs[i].name);
	for (size_t i = 0; i < ARRAY_LEN(argument_verbs); i++)
		str_addf(&names, ", %s", argument_verbs[i].name);
	if (verb != NULL)
		tell("fatal", "unknown command: '%s'. Usage: barid %s", verb,
		    names.ptr);
	else
		tell("fatal", "usage: barid [-c config_dir] [-Dv] command; "
			      "commands are %s",
		    names.ptr);
	str_clear(&names);
	return 1;
}

static int
run_verb(struct barid *b, const char *verb)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		struct err e;

		if (strcmp(verbs[i].name, verb) != 0)
			continue;
		e = barid_load(b);
		if (err_is(e))
			return fatal(e.text);
		return verbs[i].run(b);
	}
	return usage(verb);
}

static int
run(struct barid *b, int argc, char **argv)
{
	for (size_t i = 0; argc > 0 && i < ARRAY_LEN(argument_verbs); i++)
		if (strcmp(argument_verbs[i].name, argv[0]) == 0) {
			optind = 0; /* getopt begins anew */
			return argument_verbs[i].run(b, argc, argv);
		}
	return argc == 1 ? run_verb(b, argv[0]) : usage(NULL);
}

int
main(int argc, char **argv)
{
	struct barid b = { .dir = NULL };
	int c;

	log_open("barid");
	signal(SIGPIPE, SIG_IGN);
	while ((c = getopt(argc, argv, "+c:Dv")) != -1) {
		switch (c) {
		case 'c':
			b.dir = optarg;
			break;
		case 'D':
			b.debug = true;
			break;
		case 'v':
			b.verbose = true;
			break;
		default:
			return usage(NULL);
		}
	}
	c = run(&b, argc - optind, argv + optind);
	conf_free(b.loaded);
	return c;
}
