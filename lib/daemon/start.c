/*
 * The beginning of every daemon: descriptors, environment, signals, arguments,
 * configuration, log, and the drop.  See daemon.h.
 */
#include "lib/daemon/daemon.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/process.h"
#include "lib/daemon/debugger.h"
#include "lib/daemon/forbidden.h"
#include "lib/daemon/peers.h"
#include "lib/daemon/state.h"
#include "lib/run/io.h"
#include "lib/table/table.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct daemon_state daemon_state = { .reserve_fd = -1 };

/* The names that pass; all else (LD_*, OPENSSL_*, MALLOC_*, ...) goes. */
static void
clean_environment(void)
{
	static const char *const permitted[] = { "TZ", "MAIL_CONFIG", "LANG",
#ifdef BARID_CHECKS
		"BARID_TEST_POINT", "BARID_TEST_CLOCK",
		"ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS",
#endif
	};
	char *kept[ARRAY_LEN(permitted)];

	for (size_t i = 0; i < ARRAY_LEN(permitted); i++) {
		const char *value = getenv(permitted[i]);

		kept[i] = value != NULL ? xstrdup(value) : NULL;
	}
	clearenv();
	for (size_t i = 0; i < ARRAY_LEN(permitted); i++) {
		if (kept[i] != NULL)
			setenv(permitted[i], kept[i], 1);
		free(kept[i]);
	}
	setenv("PATH", "/usr/bin:/bin:/usr/sbin:/sbin", 1);
}

static void
raise_descriptor_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

/* --- arguments --- */

static void
take_override(struct daemon *d, char *text)
{
	char *equals = strchr(text, '=');
	size_t len;

	if (equals == NULL)
		die_usage("option -o %s: no =", text);
	len = (size_t)(equals - text);
	while (len > 0 && ascii_is_space(text[len - 1]))
		len--;
	d->overrides = xreallocarray(d->overrides, d->n_overrides + 1,
	    sizeof(*d->overrides));
	d->overrides[d->n_overrides].name = xstrndup(text, len);
	d->overrides[d->n_overrides++].value =
	    equals + 1 + strspn(equals + 1, " \t");
}

static int64_t
take_number(char option, const char *text)
{
	int64_t n;

	if (!view_to_int(view_of(text), &n) || n < 0)
		die_usage("option -%c %s: not a number", option, text);
	return n;
}

static void
take_process(struct daemon *d, const char *text)
{
	struct view rest = view_of(text), k;
	int64_t process = 0, processes = 0;

	view_field(&rest, '/', &k);
	if (rest.ptr == NULL || !view_to_int(k, &process) ||
	    !view_to_int(rest, &processes) || process < 1 ||
	    processes < process || processes > CONTROL_PROCESSES_MAX)
		die_usage("option -k %s: not K/N", text);
	d->process = (int)process;
	d->processes = (int)processes;
}

/* One option with its value; false if it is none of the common ones. */
static bool
take_option(struct daemon *d, char option, char *value)
{
	switch (option) {
	case 'n':
		d->service = value;
		d->managed = true;
		return true;
	case 't':
		d->type = value;
		return true;
	case 'c':
		d->dir = value;
		return true;
	case 'k':
		take_process(d, value);
		return true;
	case 'g':
		d->generation = (int)take_number(option, value);
		return true;
	case 's':
		d->slot = (int)take_number(option, value);
		return true;
	case 'l':
		d->n_listeners = (size_t)take_number(option, value);
		return true;
	case 'm':
		d->sessions_max = take_number(option, value);
		return true;
	case 'o':
		take_override(d, value);
		return true;
	}
	return false;
}

static void
parse_arguments(struct daemon *d, int argc, char **argv)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		char option = argv[i][1];

		if (strcmp(argv[i], "-z") == 0)
			daemon_state.chroot = true;
		else if (strcmp(argv[i], "-u") == 0)
			d->unprivileged = true;
		else if (strcmp(argv[i], "-D") == 0)
			daemon_state.debugger = true;
		else if (option == 'v' && strspn(argv[i] + 1, "v") ==
		    strlen(argv[i] + 1))
			d->verbose += (int)strlen(argv[i] + 1);
		else if (argv[i][2] == '\0' && i + 1 < argc &&
		    take_option(d, option, argv[i + 1]))
			i++;
		else
			break;
	}
	d->args = argv + i;
	d->n_args = argc - i;
	if (d->n_listeners > DAEMON_LISTENERS_MAX)
		die_usage("option -l: %zu listeners", d->n_listeners);
	for (size_t k = 0; k < d->n_listeners; k++)
		d->listeners[k] = CONTROL_LISTEN_FD + (int)k;
}

/* --- log --- */

/* False, with errno, if that cannot be reached. */
static bool
connect_log(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX,
		.sun_path = "private/log" };
	int fd =
	    socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		die_temp("socket: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return false;
	}
	log_take_socket(fd);
	log_set_stderr(false);
	return true;
}

static void
open_log(const struct daemon *d)
{
	if (!d->managed || strcmp(d->program, "log") == 0)
		return;
	if (!connect_log())
		log_warn("connect to private/log: %s", strerror(errno));
}

void
daemon_log_as_command(void)
{
	log_set_syslog(true);
	(void)connect_log();
}

/* Lines of some turns share a datagram; none waits for long. */
static struct timer log_timer;

static void
on_log_timer(struct timer *t)
{
	int ms = log_flush_if_old();

	if (ms > 0)
		timer_set(t, loop_now() + ms, on_log_timer);
}

static void
flush_log_each_turn(struct loop_hook *h)
{
	int ms = log_flush_if_old();

	(void)h;
	if (ms > 0 && log_timer.place == 0)
		timer_set(&log_timer, loop_now() + ms, on_log_timer);
}

static void
tell_warning(void *arg, const char *text)
{
	(void)arg;
	log_warn("%s", text);
}

static void
load_configuration(struct daemon *d)
{
	struct conf_source source = { .dir = d->dir,
		.service_name = d->service, .process_name = d->program,
		.overrides = d->overrides, .n_overrides = d->n_overrides };
	struct str tag = STR_EMPTY;
	struct err e = conf_load(&source, &d->conf);

	if (err_is(e))
		die_temp("%s", e.text);
	d->dir = conf_config_dir(d->conf);
	str_printf(&tag, "%s/%s", d->conf->syslog_name, d->program);
	log_open(tag.ptr);
	str_clear(&tag);
	log_set_debug(d->verbose > 0);
	if (chdir(d->conf->queue_directory) < 0)
		die_temp("change to %s: %s", d->conf->queue_directory,
		    strerror(errno));
	open_log(d);
	/* master has said what is wrong for all; one of them is enough. */
	if (log_is_debug())
		conf_each_warning(d->conf, tell_warning, NULL);
}

static void ask_lookup_for_remote_tables(const struct daemon *d);

void
daemon_start(struct daemon *d, const char *program, int argc, char **argv)
{
	*d = (struct daemon){ .program = program, .service = program,
		.type = "unix", .process = 1, .processes = 1, .generation = 1 };
	process_open_standard();
	log_open(program);
	parse_arguments(d, argc, argv);
	close_range(d->managed ?
		(unsigned)CONTROL_LISTEN_FD + (unsigned)d->n_listeners : 3,
	    ~0U, 0);
	clean_environment();
	umask(077);
	process_reset_signals();
	signal(SIGHUP, SIG_IGN);
	raise_descriptor_limit();
	if (!d->managed)
		d->unprivileged = geteuid() != 0;
	load_configuration(d);
	if (d->managed && strcmp(d->program, "lookup") != 0)
		ask_lookup_for_remote_tables(d);
	daemon_state.started = clock_ms();
	if (d->managed)
		daemon_state.reserve_fd =
		    open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* --- remote tables --- */

static struct ipc_service lookup_service;
static int64_t ipc_timeout; /* the parameter */

static struct err
ask_lookup(struct view spec, struct view key, struct str *value, bool *found)
{
	struct ipc_table_ask ask = { spec, key };
	struct ipc_table_answer answer;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct err e;

	*found = false;
	e = ipc_call(&lookup_service, IPC_OUT(table_ask, &ask),
	    IPC_IN(table_answer, &answer), &keep,
	    deadline_in_shorter(DAEMON_LOOKUP_TIMEOUT, ipc_timeout));
	if (err_is(e)) {
		e.kind = ERR_TEMP;
	} else if (answer.status != ERR_NONE) {
		e = err_make(ERR_TEMP, "%.*s", VIEW_ARGS(answer.text));
	} else if (answer.found != 0) {
		*found = true;
		str_set(value, answer.value);
	}
	ipc_keep_clear(&keep);
	return e;
}

static void
ask_lookup_for_remote_tables(const struct daemon *d)
{
	ipc_timeout = d->conf->ipc_timeout;
	daemon_service(d, "lookup", &lookup_service);
	table_set_remote(ask_lookup);
}

bool
daemon_is_to_explain(const struct daemon *d)
{
	bool yes =
	    !d->managed && d->n_args > 0 && strcmp(d->args[0], "-E") == 0;

	if (yes)
		ask_lookup_for_remote_tables(d);
	return yes;
}

void
daemon_service(const struct daemon *d, const char *name,
    struct ipc_service *s)
{
	char path[IPC_PATH_MAX];

	(void)d;
	snprintf(path, sizeof(path), "private/%s", name);
	ipc_service_init(s, path);
}

/* --- drop --- */

void
daemon_drop(struct daemon *d, const struct sandbox_role *role)
{
	struct sandbox_site site = {
		.queue_directory = d->conf->queue_directory,
		.mail_owner = d->conf->mail_owner,
		.setgid_group = d->conf->setgid_group,
		.unprivileged = d->unprivileged,
		.chroot = daemon_state.chroot,
	};
	struct err e = peers_resolve(&site, d->program);

	if (err_is(e))
		die_temp("%s", e.text);
	if (daemon_state.debugger)
		debugger_run(d->conf);
	tzset();
	if (d->managed)
		fcntl(CONTROL_FD, F_SETFD, FD_CLOEXEC);
	daemon_open_page(d);
	priv_drop(role, &site);
	forbidden_try(d->program);
}

void
daemon_add_hooks(void)
{
	static struct loop_hook hook = { .run = flush_log_each_turn };

	loop_add_hook(&hook);
}
