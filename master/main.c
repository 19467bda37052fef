/*
 * master: opens every socket, starts, watches and restarts the daemons.  It
 * talks to nobody but its children, parses nothing but its own files, and
 * stays root, with few capabilities.
 *
 *	master [-c DIR] [-d | -w] [-v]
 * -d stays in the foreground; -w returns when the services are there.
 */
#include "master/service.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/run/io.h"
#include "master/pidfile.h"
#include "master/status.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

enum { STOP_GRACE_MS = 1000, STOP_LIMIT_MS = 30000 };

struct master master = {
	.services = { &master.services, &master.services },
};

static struct timer stop_limit;

static void
tell_warning(void *arg, const char *text)
{
	(void)arg;
	log_warn("%s", text);
}

/* All or nothing: what was running goes on if anything is wrong. */
static void
reload(void)
{
	struct conf *old = master.conf, *conf;
	struct list made;
	struct err e;

	log_info("reload -- version %s, configuration %s", BARID_VERSION,
	    master.dir);
	e = services_load(&conf);
	if (!err_is(e)) {
		e = services_build(&made, conf);
		if (err_is(e))
			conf_free(conf);
	}
	if (err_is(e)) {
		log_error("reload: %s; the old configuration stays in force",
		    e.text);
		return;
	}
	conf_each_warning(conf, tell_warning, NULL);
	master.conf = conf;
	services_install(&made);
	services_warn();
	conf_free(old);
}

/* --- signals --- */

static void
reap_all(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		child_reap(pid, status);
	if (!master.stopping)
		return;
	services_stop_log();
	if (!child_is_any_left())
		loop_stop();
}

static void
on_stop_limit(struct timer *t)
{
	(void)t;
	services_signal(SIGKILL);
}

/* What has not left by itself by now is idle or in mid-transaction: it ends;
 * clients that saw no 250 will come again. */
static void
on_stop_grace(struct timer *t)
{
	services_signal(SIGTERM);
	timer_set(t, clock_ms() + STOP_LIMIT_MS, on_stop_limit);
}

/* Orderly: the children end their transactions; those that do not are killed
 * in the end.  What was acknowledged is on disk at any moment. */
static void
stop(int signal)
{
	log_info("terminating on signal %d", signal);
	master.stopping = true;
	sd_notify(0, "STOPPING=1");
	services_stop();
	timer_set(&stop_limit, clock_ms() + STOP_GRACE_MS, on_stop_grace);
	if (!child_is_any_left())
		loop_stop();
}

static void
on_signal(struct loop_watch *w, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	if (read(w->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	switch (info.ssi_signo) {
	case SIGCHLD:
		reap_all();
		break;
	case SIGHUP:
		if (master.stopping)
			break;
		sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
		    (long long)clock_us());
		reload();
		sd_notify(0, "READY=1");
		break;
	case SIGUSR1:
		services_renew_log();
		break;
	case SIGTERM:
	case SIGINT:
		if (!master.stopping)
			stop((int)info.ssi_signo);
		break;
	}
}

static struct loop_watch signals;

/* From the first moment, so that none is lost or kills us. */
static void
block_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGUSR1);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigprocmask(SIG_BLOCK, set, NULL);
}

static void
watch_signals(const sigset_t *set)
{
	signals = (struct loop_watch){
		.fd = signalfd(-1, set, SFD_NONBLOCK | SFD_CLOEXEC),
		.events = EPOLLIN, .ready = on_signal };
	if (signals.fd < 0)
		die_temp("signalfd: %s", strerror(errno));
	loop_add_watch(&signals);
}

/* --- start --- */

static void
parse_options(int argc, char **argv, bool *wait_for_start)
{
	int c;

	*wait_for_start = false;
	while ((c = getopt(argc, argv, "c:dvw")) != -1) {
		switch (c) {
		case 'c':
			master.dir = optarg;
			break;
		case 'd':
			master.foreground = true;
			break;
		case 'v':
			master.verbose++;
			break;
		case 'w':
			*wait_for_start = true;
			break;
		default:
			die_usage("usage: master [-c config_dir] [-d] [-v] "
				  "[-w]");
		}
	}
}

/* The parent stays until the child says that it is ready (or has died). */
static int
detach(bool wait_for_start)
{
	int pipe_fds[2];
	char byte;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		die_temp("pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		die_temp("fork: %s", strerror(errno));
	if (pid == 0) {
		close(pipe_fds[0]);
		setsid();
		return pipe_fds[1];
	}
	close(pipe_fds[1]);
	if (wait_for_start && read(pipe_fds[0], &byte, 1) != 1)
		_exit(1);
	_exit(0);
}

static void
open_log(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX,
		.sun_path = "private/log" };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 &&
	    connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0) {
		log_take_socket(fd);
		log_set_stderr(false);
	} else if (fd >= 0) {
		close(fd);
	}
}

static void
enter_queue_directory(void)
{
	if (chdir(master.conf->queue_directory) < 0)
		die_temp("change to %s: %s", master.conf->queue_directory,
		    strerror(errno));
}

static void
flush_log(struct loop_hook *h)
{
	(void)h;
	log_flush();
}

/* The terminal, or the pipe, of who started us is not ours to keep. */
static void
leave_terminal(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; null >= 0 && fd <= STDERR_FILENO; fd++)
		if (dup2(null, fd) < 0)
			log_warn("leave the terminal: %s", strerror(errno));
	if (null > STDERR_FILENO)
		close(null);
}

static void
tell_ready(int ready_fd)
{
	sd_notifyf(0, "READY=1\nMAINPID=%d", (int)getpid());
	if (ready_fd < 0)
		return;
	leave_terminal();
	if (write(ready_fd, "", 1) != 1)
		log_warn("tell that we are ready: %s", strerror(errno));
	close(ready_fd);
}

static void
configure(void)
{
	struct str tag = STR_EMPTY;
	struct err e = services_load(&master.conf);

	if (err_is(e))
		die_temp("%s", e.text);
	/* The children run elsewhere: a relative name would lead them astray. */
	master.dir = realpath(conf_config_dir(master.conf), NULL);
	if (master.dir == NULL)
		die_temp("%s: %s", conf_config_dir(master.conf),
		    strerror(errno));
	str_printf(&tag, "%s/master", master.conf->syslog_name);
	log_open(tag.ptr);
	str_clear(&tag);
	log_set_debug(master.verbose > 0);
	master.unprivileged = geteuid() != 0;
	master.n_processors = (int)sysconf(_SC_NPROCESSORS_ONLN);
	if (master.n_processors < 1)
		master.n_processors = 1;
	enter_queue_directory();
}

int
main(int argc, char **argv)
{
	static struct loop_hook hook = { .run = flush_log };
	struct list made;
	sigset_t set;
	bool wait_for_start;
	int ready_fd = -1;
	struct err e;

	surroundings_tidy();
	block_signals(&set);
	log_open("master");
	parse_options(argc, argv, &wait_for_start);
	configure();
	if (!master.foreground)
		ready_fd = detach(wait_for_start);
	pidfile_take();
	loop_init();
	loop_add_hook(&hook);
	watch_signals(&set);
	e = services_build(&made, master.conf);
	if (err_is(e))
		die_temp("%s", e.text);
	surroundings_drop_rights();
	status_open();
	services_install(&made);
	open_log();
	conf_each_warning(master.conf, tell_warning, NULL);
	services_warn();
	log_info("daemon started -- version %s, configuration %s",
	    BARID_VERSION, master.dir);
	tell_ready(ready_fd);
	loop_run();
	log_flush();
	return EXIT_SUCCESS;
}
