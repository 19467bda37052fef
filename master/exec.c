/*
 * Becoming a program: what a child gets from master and what not; and the same
 * for master itself.
 */
#include "master/service.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/process.h"
#include "lib/run/sandbox.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- arguments --- */

struct arguments {
	const char *list[64 + MASTER_CF_ARGS_MAX];
	char numbers[8][32];
	size_t n, n_numbers;
};

static void
add_argument(struct arguments *a, const char *option, const char *value)
{
	assert(a->n + 2 < ARRAY_LEN(a->list));
	a->list[a->n++] = option;
	if (value != NULL)
		a->list[a->n++] = value;
}

static void
add_number(struct arguments *a, const char *option, int64_t n)
{
	char *to = a->numbers[a->n_numbers++];

	assert(a->n_numbers <= ARRAY_LEN(a->numbers));
	snprintf(to, sizeof(a->numbers[0]), "%lld", (long long)n);
	add_argument(a, option, to);
}

/* Of the service's clients, this process's part; together they are all. */
static int64_t
clients_of(const struct child *c)
{
	const struct service *s = c->service;
	int64_t most = s->limit / s->n_processes +
	    (c->process <= s->limit % s->n_processes);
	int64_t per_process;

	if (!s->program->clients)
		return 0;
	per_process = conf_find_derived(
	    master.conf, s->program->file, "_sessions_per_process");
	return most < per_process ? most : per_process;
}

static void
build_arguments(struct arguments *a, const struct child *c)
{
	const struct service *s = c->service;
	int n = s->program->kind == PROGRAM_SESSIONS ? s->n_processes : 1;
	char *of = a->numbers[a->n_numbers++];

	add_argument(a, s->cf->command, NULL);
	add_argument(a, "-n", s->cf->name);
	add_argument(a, "-t", master_type_name(s->cf->type));
	add_argument(a, "-c", master.dir);
	snprintf(of, sizeof(a->numbers[0]), "%d/%d", c->process, n);
	add_argument(a, "-k", of);
	add_number(a, "-g", c->generation);
	add_number(a, "-s", c->slot);
	add_number(a, "-l", (int64_t)s->n_sockets);
	add_number(a, "-m", clients_of(c));
	if (s->cf->chroot)
		add_argument(a, "-z", NULL);
	if (master.unprivileged)
		add_argument(a, "-u", NULL);
	for (int i = 0; i < master.verbose; i++)
		add_argument(a, "-v", NULL);
	for (size_t i = 1; i < s->cf->argc; i++)
		add_argument(a, s->cf->argv[i], NULL);
	a->list[a->n] = NULL;
}

/* --- descriptors --- */

/* What is printed before the log can be told goes to who started a master in
 * the foreground; standard output is for nobody but the log. */
static void
place_standard(const struct service *s)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	bool is_log =
	    s->program->file != NULL && strcmp(s->program->file, "log") == 0;

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    ((!master.foreground || !is_log) &&
		dup2(null, STDOUT_FILENO) < 0) ||
	    (!master.foreground && dup2(null, STDERR_FILENO) < 0))
		_exit(75);
}

/* To their fixed places: first all above, then down. */
static void
place_descriptors(const struct service *s, int control)
{
	int from[2 + SERVICE_SOCKETS_MAX];
	size_t n = 2 + s->n_sockets;

	from[0] = control;
	from[1] = s->page_fd;
	for (size_t i = 0; i < s->n_sockets; i++)
		from[2 + i] = s->sockets[i].fd;
	for (size_t i = 0; i < n; i++)
		from[i] = fcntl(from[i], F_DUPFD, CONTROL_FD + (int)n);
	for (size_t i = 0; i < n; i++) {
		if (from[i] < 0 || dup2(from[i], CONTROL_FD + (int)i) < 0)
			_exit(75);
	}
	close_range((unsigned)CONTROL_FD + (unsigned)n, ~0U, 0);
}

/* The log's descriptor is gone by now, so master has to say it. */
_Noreturn static void
tell_no_program(void)
{
	struct control_record r = { CONTROL_NO_PROGRAM, (uint32_t)errno };
	ssize_t n = send(CONTROL_FD, &r, sizeof(r), MSG_NOSIGNAL);

	_exit(n == (ssize_t)sizeof(r) ? 127 : 126);
}

void
child_exec(const struct child *c, int control)
{
	static struct arguments a;
	const struct service *s = c->service;
	struct str path = STR_EMPTY;
	sigset_t none;

	build_arguments(&a, c);
	str_printf(&path, "%s/%s", master.conf->daemon_directory,
	    s->program->file != NULL ? s->program->file : s->cf->command);
	place_standard(s);
	place_descriptors(s, control);
	unsetenv("NOTIFY_SOCKET");
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv(path.ptr, (char *const *)(uintptr_t)a.list);
	tell_no_program();
}

/* --- master itself --- */

void
surroundings_tidy(void)
{
	const char *notify = getenv("NOTIFY_SOCKET");
	char *kept = notify != NULL ? xstrdup(notify) : NULL;

	process_tidy_descriptors();
	process_clean_environment();
	if (kept != NULL)
		setenv("NOTIFY_SOCKET", kept, 1);
	free(kept);
	process_reset_signals();
	umask(077);
}

void
surroundings_drop_rights(void)
{
	static const struct sandbox_role role = { .name = "master",
		.identity = IDENTITY_ROOT,
		.has_children = true };
	struct sandbox_site site = {
		.queue_directory = master.conf->queue_directory,
		.mail_owner = master.conf->mail_owner,
		.setgid_group = master.conf->setgid_group,
		.unprivileged = master.unprivileged,
	};

	priv_drop(&role, &site);
}
