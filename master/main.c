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

/* --- configuration --- */

static void
tell_warning(void *arg, const char *text)
{
	(void)arg;
	log_warn("%s", text);
}

static struct err
load(struct conf **conf, struct master_cf *cf)
{
	struct conf_source source = { .dir = master.dir,
		.service_name = "master", .process_name = "master" };
	struct str path = STR_EMPTY;
	struct err e = conf_load(&source, conf);
	bool chroot_default;

	if (err_is(e))
		return e;
	chroot_default = conf_level_below(*conf, "1");
	str_printf(&path, "%s/master.cf", conf_config_dir(*conf));
	e = master_cf_read_file(cf, path.ptr, chroot_default);
	for (size_t i = 0; !err_is(e) && program_builtin_services[i] != NULL;
	     i++)
		e = master_cf_add_builtin(cf, program_builtin_services[i],
		    chroot_default);
	str_clear(&path);
	if (err_is(e))
		conf_free(*conf);
	return e;
}

/* How many processes; and how many clients at most. */
static void
size_service(struct service *s)
{
	const struct program *p = s->program;
	int64_t n = master.conf->default_service_processes;

	/* "1" in the column of a program that is one process says just that,
	 * and does not bound its clients. */
	s->limit = s->cf->limit > 0 && p->processes_max != 1 ? s->cf->limit :
	    p->kind == PROGRAM_WORKER ? master.conf->default_process_limit :
				    master.conf->default_session_limit;
	if (n == 0)
		n = master.n_processors;
	if (n < p->processes_min)
		n = p->processes_min;
	if (p->processes_max > 0 && n > p->processes_max)
		n = p->processes_max;
	if (n > CONTROL_PROCESSES_MAX)
		n = CONTROL_PROCESSES_MAX;
	if (s->limit > 0 && n > s->limit)
		n = s->limit;
	s->n_processes = (int)n;
}

static struct service *
find_service(struct view name, enum master_type type)
{
	LIST_EACH(it, after, &master.services)
	{
		struct service *s = LIST_ITEM(it, struct service, node);

		if (s->cf->type == type &&
		    view_eq(view_of(s->cf->name), name))
			return s;
	}
	return NULL;
}

static void
warn_of_program(const struct master_service *cf, const struct program *p)
{
	if (p->kind == PROGRAM_LATER)
		log_warn("%s, line %d: service %s: program %s is not "
			 "supported yet",
		    cf->file, cf->line, cf->name, cf->command);
	else if (p->kind == PROGRAM_FOREIGN)
		log_warn("%s, line %d: service %s: unknown program %s",
		    cf->file, cf->line, cf->name, cf->command);
}

static bool
runs_here(const struct program *p)
{
	return p->kind == PROGRAM_SESSIONS || p->kind == PROGRAM_ALONE ||
	    p->kind == PROGRAM_WORKER;
}

static struct service *
service_new(struct master_service *cf, const struct program *p)
{
	struct service *s = xcalloc(1, sizeof(*s));

	s->cf = cf;
	s->program = p;
	list_init(&s->node);
	list_init(&s->children);
	size_service(s);
	return s;
}

/* Opens what is new, keeps what is the same.  On an error `made` holds what
 * was opened so far. */
static struct err
build_services(struct master_cf *cf, struct list *made)
{
	list_init(made);
	LIST_EACH(it, after, &cf->services)
	{
		struct master_service *m =
		    LIST_ITEM(it, struct master_service, node);
		const struct program *p = program_find(m->command);
		struct service *s;
		struct err e;

		warn_of_program(m, p);
		if (!runs_here(p))
			continue;
		s = service_new(m, p);
		list_append(made, &s->node);
		e = service_open_sockets(s,
		    find_service(view_of(m->name), m->type));
		if (err_is(e))
			return e;
	}
	return ERR_OK;
}

/* The children of the old one go over, to be drained when the new serve. */
static void
adopt_children(struct service *s, struct service *old)
{
	s->generation = old->generation;
	LIST_EACH(it, after, &old->children)
	{
		list_remove(it);
		list_append(&s->children, it);
		LIST_ITEM(it, struct child, node)->service = s;
	}
	service_next_generation(s);
}

static void
tell_alone(struct service *s)
{
	struct control_record r = { CONTROL_RELOAD, 0 };

	LIST_EACH(it, after, &s->children)
		if (send(LIST_ITEM(it, struct child, node)->control, &r,
			sizeof(r), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			log_warn("tell %s to reload: %s", s->cf->name,
			    strerror(errno));
}

static void
start_service(struct service *s, struct service *old)
{
	if (old != NULL)
		adopt_children(s, old);
	if (s->program->kind == PROGRAM_ALONE && old != NULL)
		tell_alone(s);
	/* What had processes before has them again at once: the old ones wait
	 * for their successors. */
	s->wanted = s->program->kind == PROGRAM_ALONE ||
	    !list_is_empty(&s->children);
	if (s->program->kind == PROGRAM_WORKER) {
		service_drain(s);
		s->wanted = false;
	}
	service_run(s);
}

static struct list retired = { &retired, &retired };

static void
install_services(struct list *made)
{
	struct list old_services;
	struct list *it;

	old_services = master.services;
	if (list_is_empty(&master.services))
		list_init(&old_services);
	else
		old_services.next->prev = old_services.prev->next =
		    &old_services;
	list_init(&master.services);
	while ((it = list_first(made)) != NULL) {
		struct service *s = LIST_ITEM(it, struct service, node);
		struct service *old = NULL;

		LIST_EACH(o, after, &old_services)
		{
			struct service *c = LIST_ITEM(o, struct service, node);

			if (c->cf->type == s->cf->type &&
			    strcmp(c->cf->name, s->cf->name) == 0)
				old = c;
		}
		list_remove(it);
		list_append(&master.services, it);
		start_service(s, old);
		if (old != NULL)
			service_free(old);
	}
	while ((it = list_first(&old_services)) != NULL) {
		struct service *s = LIST_ITEM(it, struct service, node);

		service_close_sockets(s);
		service_drain(s);
		list_remove(it);
		if (list_is_empty(&s->children)) {
			list_append(&retired, it);
			service_free(s);
		} else {
			/* Its program must run no more. */
			static const struct program none = {
				.kind = PROGRAM_NONE };

			s->program = &none;
			list_append(&retired, it);
		}
	}
}

static void
reload(void)
{
	struct conf *conf;
	struct master_cf *cf = xcalloc(1, sizeof(*cf));
	struct conf *old_conf = master.conf;
	struct list made;
	struct err e;

	log_info("reload -- version %s, configuration %s", BARID_VERSION,
	    master.dir);
	master_cf_init(cf);
	e = load(&conf, cf);
	if (err_is(e)) {
		log_error("reload: %s; the old configuration stays in force",
		    e.text);
		master_cf_clear(cf);
		free(cf);
		return;
	}
	master.conf = conf;
	e = build_services(cf, &made);
	if (err_is(e))
		log_error("reload: %s", e.text);
	conf_each_warning(conf, tell_warning, NULL);
	/* Services point into the master_cf, so the old ones stay in memory
	 * until their children are gone; they are few and small. */
	install_services(&made);
	conf_free(old_conf);
}

/* --- signals --- */

static void
reap_all(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		child_reap(pid, status);
	if (master.stopping && !child_is_any_left())
		loop_stop();
}

static void
on_stop_limit(struct timer *t)
{
	(void)t;
	child_signal_all(SIGKILL);
}

/* What has not left by itself by now is idle or in mid-transaction: it ends;
 * clients that saw no 250 will come again. */
static void
on_stop_grace(struct timer *t)
{
	child_signal_all(SIGTERM);
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
	LIST_EACH(it, after, &master.services)
	{
		struct service *s = LIST_ITEM(it, struct service, node);

		service_watch_sockets(s, false, NULL);
		timer_cancel(&s->retry);
		/* The log goes last, by its socket's end. */
		if (strcmp(s->program->file, "log") != 0)
			service_drain(s);
	}
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
		sd_notify(0, "RELOADING=1");
		reload();
		sd_notify(0, "READY=1");
		break;
	case SIGTERM:
	case SIGINT:
		if (!master.stopping)
			stop((int)info.ssi_signo);
		break;
	}
}

static struct loop_watch signals;

static void
watch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signals = (struct loop_watch){
		.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC),
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
	umask(077);
}

static void
flush_log(struct loop_hook *h)
{
	(void)h;
	log_flush();
}

int
main(int argc, char **argv)
{
	static struct loop_hook hook = { .run = flush_log };
	struct list made;
	struct str tag = STR_EMPTY;
	bool wait_for_start;
	int ready_fd = -1;
	struct err e;

	log_open("master");
	parse_options(argc, argv, &wait_for_start);
	master.unprivileged = geteuid() != 0;
	master.n_processors = (int)sysconf(_SC_NPROCESSORS_ONLN);
	if (master.n_processors < 1)
		master.n_processors = 1;
	master_cf_init(&master.cf);
	e = load(&master.conf, &master.cf);
	if (err_is(e))
		die_temp("%s", e.text);
	/* The children run elsewhere: a relative name would lead them astray. */
	master.dir = realpath(conf_config_dir(master.conf), NULL);
	if (master.dir == NULL)
		die_temp("%s: %s", conf_config_dir(master.conf),
		    strerror(errno));
	str_printf(&tag, "%s/master", master.conf->syslog_name);
	log_open(tag.ptr);
	enter_queue_directory();
	if (!master.foreground)
		ready_fd = detach(wait_for_start);
	pidfile_take();
	loop_init();
	loop_add_hook(&hook);
	watch_signals();
	e = build_services(&master.cf, &made);
	if (err_is(e))
		die_temp("%s", e.text);
	open_log();
	conf_each_warning(master.conf, tell_warning, NULL);
	log_info("daemon started -- version %s, configuration %s",
	    BARID_VERSION, master.dir);
	install_services(&made);
	status_open();
	sd_notify(0, "READY=1");
	if (ready_fd >= 0) {
		if (write(ready_fd, "", 1) != 1)
			log_warn("tell that we are ready: %s",
			    strerror(errno));
		close(ready_fd);
	}
	loop_run();
	log_flush();
	return EXIT_SUCCESS;
}
