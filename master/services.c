/*
 * From the lines of master.cf to services: built beside those that run, then
 * put in their place at once, or not at all.
 */
#include "master/service.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/conf/rows.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Services that are no longer named, until their last process left. */
static struct list retired = { &retired, &retired };

/* --- building --- */

void
service_lines_release(struct service_lines *lines)
{
	if (--lines->n_users > 0)
		return;
	master_cf_clear(&lines->cf);
	free(lines);
}

static struct err
read_lines(const struct conf *conf, struct service_lines *lines)
{
	struct str path = STR_EMPTY;
	bool chroot_default = conf_level_below(conf, "1");
	struct err e;

	str_printf(&path, "%s/master.cf", conf_config_dir(conf));
	e = master_cf_read_file(&lines->cf, path.ptr, chroot_default);
	if (!err_is(e))
		e = program_add_builtin(&lines->cf, chroot_default);
	if (!err_is(e))
		program_join_screened(&lines->cf, conf->smtpd_service_name);
	str_clear(&path);
	return e;
}

/* How many processes; and how many clients at most. */
static void
size_service(struct service *s)
{
	const struct program *p = s->program;
	const struct conf *conf = master.conf;
	int64_t n, per_process;

	/* "1" in the column of a program that is one process says just that,
	 * and does not bound its clients. */
	s->limit = s->cf->limit > 0 && p->processes_max != 1 ? s->cf->limit
	    : p->kind == PROGRAM_WORKER ? conf->default_process_limit
					: conf->default_session_limit;
	n = conf_find_derived(conf, p->file, "_processes");
	per_process = conf_find_derived(conf, p->file, "_sessions_per_process");
	if (n == 0)
		n = p->processes > 0 ? p->processes : master.n_processors;
	if (n < p->processes_min)
		n = p->processes_min;
	if (p->clients && n < (s->limit + per_process - 1) / per_process)
		n = (s->limit + per_process - 1) / per_process;
	if (p->processes_max > 0 && n > p->processes_max)
		n = p->processes_max;
	if (n > CONTROL_PROCESSES_MAX)
		n = CONTROL_PROCESSES_MAX;
	if (n > s->limit)
		n = s->limit;
	s->n_processes = (int)n;
}

static bool
runs_here(const struct program *p)
{
	return p->kind == PROGRAM_SESSIONS || p->kind == PROGRAM_ALONE ||
	    p->kind == PROGRAM_WORKER;
}

static struct service *
service_new(struct service_lines *lines, struct master_service *cf,
    const struct program *p)
{
	struct service *s = xcalloc(1, sizeof(*s));

	s->lines = lines;
	lines->n_users++;
	s->cf = cf;
	s->program = p;
	list_init(&s->node);
	list_init(&s->children);
	size_service(s);
	return s;
}

/* On an error `made` holds what was built so far. */
static struct err
build_each(struct service_lines *lines, struct list *made)
{
	LIST_EACH (it, after, &lines->cf.services) {
		struct master_service *m =
		    LIST_ITEM(it, struct master_service, node);
		const struct program *p = program_find(m->command);
		struct service *s;
		struct err e;

		if (!runs_here(p))
			continue;
		s = service_new(lines, m, p);
		list_append(made, &s->node);
		e = service_open_sockets(s, made);
		if (err_is(e))
			return e;
	}
	return ERR_OK;
}

/* What only a start can change. */
static struct err
compare_conf(const struct conf *old, const struct conf *new)
{
	if (old == NULL)
		return ERR_OK;
	if (strcmp(old->queue_directory, new->queue_directory) != 0)
		return err_make(ERR_PERM,
		    "queue_directory is another one: "
		    "stop and start");
	if (strcmp(old->mail_owner, new->mail_owner) != 0)
		return err_make(ERR_PERM,
		    "mail_owner is another one: stop "
		    "and start");
	return ERR_OK;
}

static struct err
build_by(struct conf *conf, struct list *made)
{
	struct service_lines *lines = xcalloc(1, sizeof(*lines));
	struct conf *old = master.conf;
	struct err e;

	lines->n_users = 1;
	master_cf_init(&lines->cf);
	e = read_lines(conf, lines);
	if (!err_is(e)) {
		/* Sizes and addresses are this configuration's. */
		master.conf = conf;
		e = build_each(lines, made);
		master.conf = old;
	}
	if (err_is(e))
		services_discard(made);
	service_lines_release(lines);
	return e;
}

struct err
services_load(struct conf **conf)
{
	struct conf_source source = { .dir = master.dir,
		.service_name = "master",
		.process_name = "master" };

	return conf_load(&source, conf);
}

struct err
services_build(struct list *made, struct conf *conf)
{
	struct err e = compare_conf(master.conf, conf);

	list_init(made);
	return err_is(e) ? e : build_by(conf, made);
}

void
services_discard(struct list *made)
{
	struct list *it;

	while ((it = list_first(made)) != NULL)
		service_free(LIST_ITEM(it, struct service, node));
}

/* --- putting in force --- */

static struct service *
find_service(struct list *services, const struct service *like)
{
	LIST_EACH (it, after, services) {
		struct service *s = LIST_ITEM(it, struct service, node);

		if (s->cf->type == like->cf->type &&
		    strcmp(s->cf->name, like->cf->name) == 0)
			return s;
	}
	return NULL;
}

static bool
is_same_line(const struct master_service *a, const struct master_service *b)
{
	if (a->argc != b->argc || a->chroot != b->chroot)
		return false;
	for (size_t i = 0; i < a->argc; i++)
		if (strcmp(a->argv[i], b->argv[i]) != 0)
			return false;
	return true;
}

/* One that reads the configuration again keeps its process, unless it was
 * started with other arguments or sockets. */
static void
renew_alone(struct service *s, bool same)
{
	LIST_EACH (it, after, &s->children) {
		struct child *c = LIST_ITEM(it, struct child, node);

		if (same) {
			c->generation = s->generation;
			c->reloading = true;
			child_tell(c, CONTROL_RELOAD);
		}
	}
	if (!same)
		service_drain(s);
}

static bool
has_same_sockets(const struct service *a, const struct service *b)
{
	if (a->n_sockets != b->n_sockets)
		return false;
	for (size_t i = 0; i < a->n_sockets; i++)
		if (strcmp(a->sockets[i].address, b->sockets[i].address) != 0)
			return false;
	return true;
}

static void
start_service(struct service *s, struct service *old)
{
	bool is_alone = s->program->kind == PROGRAM_ALONE;

	if (old != NULL) {
		bool same =
		    is_same_line(s->cf, old->cf) && has_same_sockets(s, old);

		service_adopt_children(s, old);
		if (is_alone)
			renew_alone(s, same);
		else if (s->program != old->program ||
		    s->program->kind == PROGRAM_WORKER)
			service_drain(s);
		s->wanted = old->wanted;
	}
	/* What had processes before has them again at once: the old ones wait
	 * for their successors. */
	s->wanted = is_alone || s->wanted || !list_is_empty(&s->children);
	if (s->program->kind == PROGRAM_WORKER)
		s->wanted = false;
	service_start_wakeup(s);
	service_run(s);
}

static void
retire(struct service *s)
{
	s->retired = true;
	service_close_sockets(s);
	service_drain(s);
	list_remove(&s->node);
	list_append(&retired, &s->node);
	if (list_is_empty(&s->children))
		service_free(s);
}

/* The names of sockets that a new service has too must stay. */
static void
mark_shared(struct service *old)
{
	for (size_t i = 0; i < old->n_sockets; i++)
		if (service_find_address(
			&master.services, old->sockets[i].address) != NULL)
			old->sockets[i].shared = true;
}

static void
move_list(struct list *from, struct list *to)
{
	struct list *it;

	list_init(to);
	while ((it = list_first(from)) != NULL) {
		list_remove(it);
		list_append(to, it);
	}
}

void
services_install(struct list *made)
{
	struct list old;
	struct list *it;

	move_list(&master.services, &old);
	move_list(made, &master.services);
	LIST_EACH (s, after, &master.services)
		service_settle_sockets(LIST_ITEM(s, struct service, node));
	LIST_EACH (o, after, &old)
		mark_shared(LIST_ITEM(o, struct service, node));
	LIST_EACH (n, after, &master.services) {
		struct service *s = LIST_ITEM(n, struct service, node);
		struct service *before = find_service(&old, s);

		start_service(s, before);
		if (before != NULL)
			service_free(before);
	}
	while ((it = list_first(&old)) != NULL)
		retire(LIST_ITEM(it, struct service, node));
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

/* A -o that asks for what Barid does not have: no process would tell. */
static void
warn_of_overrides(const struct master_service *m)
{
	struct str parameter = STR_EMPTY, text = STR_EMPTY;
	struct view name, value;
	size_t at = 1;

	while (master_service_next_override(m, &at, &name, &value)) {
		str_set(&parameter, name);
		str_set(&text, value);
		if (conf_row_asks_for_more(conf_row_find(name), text.ptr))
			log_warn("%s, line %d: service %s: parameter %s is "
				 "not supported",
			    m->file, m->line, m->name, parameter.ptr);
	}
	str_clear(&parameter);
	str_clear(&text);
}

void
services_warn(void)
{
	struct list *it = list_first(&master.services);
	struct list *lines;

	if (it == NULL)
		return;
	lines = &LIST_ITEM(it, struct service, node)->lines->cf.services;
	LIST_EACH (line, after, lines) {
		struct master_service *m =
		    LIST_ITEM(line, struct master_service, node);

		warn_of_program(m, program_find(m->command));
		warn_of_overrides(m);
	}
}

/* --- stopping --- */

static bool
is_log(const struct service *s)
{
	return s->program->file != NULL && strcmp(s->program->file, "log") == 0;
}

void
services_stop(void)
{
	LIST_EACH (it, after, &master.services) {
		struct service *s = LIST_ITEM(it, struct service, node);

		service_watch_sockets(s, false, NULL);
		timer_cancel(&s->retry);
		timer_cancel(&s->wakeup);
		timer_cancel(&s->renewal);
		if (!is_log(s))
			service_leave(s);
	}
	LIST_EACH (it, after, &retired)
		service_leave(LIST_ITEM(it, struct service, node));
	services_stop_log();
}

static bool
has_others(struct list *services)
{
	LIST_EACH (it, after, services) {
		struct service *s = LIST_ITEM(it, struct service, node);

		if (!is_log(s) && !list_is_empty(&s->children))
			return true;
	}
	return false;
}

void
services_stop_log(void)
{
	if (has_others(&master.services) || has_others(&retired))
		return;
	/* What we have to say ourselves is in time too. */
	log_flush();
	services_renew_log();
}

void
services_renew_log(void)
{
	LIST_EACH (it, after, &master.services) {
		struct service *s = LIST_ITEM(it, struct service, node);

		if (is_log(s))
			service_drain(s);
	}
}

static void
signal_each(struct list *services, int signal)
{
	LIST_EACH (it, after, services) {
		struct service *s = LIST_ITEM(it, struct service, node);

		if (!is_log(s) || signal == SIGKILL)
			service_signal(s, signal);
	}
}

void
services_signal(int signal)
{
	signal_each(&master.services, signal);
	signal_each(&retired, signal);
}
