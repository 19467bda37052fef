/*
 * lookup: asks tables that need a server, a secret or the system's name
 * service, for those who may not.
 */
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/daemon/daemon.h"
#include "lib/daemon/peers.h"
#include "lib/run/fiber.h"
#include "lib/run/loop.h"
#include "lib/run/offload.h"
#include "lib/table/table.h"
#include "lookup/cache.h"
#include "lookup/permit.h"
#include "lookup/pool.h"
#include "lookup/shared.h"

#include <grp.h>
#include <netdb.h>
#include <pwd.h>

/* Below what those who ask wait for (lib/daemon). */
enum { LOOKUP_TIMEOUT = 90, SHARED_TIMEOUT = 8 };

/* What the name service reads, and sockets that it and databases have; then
 * the folders of tables that are files. */
enum { PATHS_FIXED = 8, PATHS_MAX = 200 };

static struct sandbox_path paths[PATHS_MAX + 1] = {
	{ "/etc", false },
	{ "/run", false },
	{ "/usr/lib", false },
	{ "/lib", false },
	{ "/usr/share", false },
	{ "/var", false },
	{ "/dev", false },
	{ "private", false },
};
static size_t n_paths = PATHS_FIXED;

static const struct sandbox_role lookup_role = {
	.name = "lookup",
	.identity = IDENTITY_LOOKUP,
	.root = ROOT_NONE,
	.calls = CALLS_BASE | CALLS_THREAD | CALLS_STREAM | CALLS_CONNECT |
	    CALLS_INET | CALLS_ACCEPT | CALLS_FILE_READ | CALLS_RESOLVER |
	    CALLS_DATABASE,
	.paths = paths,
};

struct lookup {
	const struct conf *conf;
	struct permit permit;
	struct pool pool;
	struct cache cache;
	struct shared shared;
};

/* Passwords are for who logs in with them. */
static bool
may_see_secrets(uid_t uid)
{
	return !peers_is(uid, IDENTITY_SMTPD) &&
	    !peers_is(uid, IDENTITY_REWRITE) && !peers_is(uid, IDENTITY_QUEUE);
}

static struct err
find(struct lookup *l, const struct ipc_table_ask *ask, uid_t uid,
    struct str *value, bool *found)
{
	struct err e;

	*found = false;
	if (!permit_has(&l->permit, ask->table, may_see_secrets(uid))) {
		log_warn("request for table \"%.*s\", which no parameter names for it",
		    VIEW_ARGS(view_first(ask->table, LOG_LINE_MAX)));
		return err_make(ERR_TEMP,
		    "table %.*s: not in the configuration",
		    VIEW_ARGS(view_first(ask->table, 100)));
	}
	if (cache_find(&l->cache, ask->table, ask->key, loop_now(), value)) {
		*found = true;
		return ERR_OK;
	}
	e = pool_ask(&l->pool, ask->table, ask->key, value, found,
	    deadline_in(LOOKUP_TIMEOUT));
	if (err_is(e))
		log_warn("%s", e.text);
	else if (*found)
		cache_add(&l->cache, ask->table, ask->key, loop_now(),
		    str_view(value));
	return e;
}

/* Room for the frame around the value. */
enum { VALUE_MAX = IPC_FRAME_MAX - 1024 };

static void
answer_table_ask(struct ipc_request *request)
{
	struct lookup *l = ipc_request_owner(request);
	struct ipc_table_answer answer = { 0 };
	struct str value = STR_EMPTY;
	struct ipc_table_ask ask;
	bool found;
	struct err e;

	if (!ipc_request_read(request, IPC_IN(table_ask, &ask)))
		return;
	e = find(l, &ask, ipc_request_uid(request), &value, &found);
	if (value.len > VALUE_MAX) {
		e = err_make(ERR_TEMP, "table %.*s: the value is too long",
		    VIEW_ARGS(view_first(ask.table, 100)));
		found = false;
		str_reset(&value);
	}
	answer.status = e.kind == ERR_NONE ? ERR_NONE : ERR_TEMP;
	answer.text = view_of(e.text);
	answer.found = found;
	answer.value = str_view(&value);
	ipc_reply(request, IPC_OUT(table_answer, &answer));
	str_clear(&value);
}

/* What `state` has no file of its own for. */
static void
answer_share_ask(struct ipc_request *request)
{
	struct lookup *l = ipc_request_owner(request);
	struct ipc_share_answer answer = { 0 };
	struct str value = STR_EMPTY;
	struct ipc_share_ask ask;
	struct share_question q;
	struct err e;

	if (!ipc_request_read(request, IPC_IN(share_ask, &ask)))
		return;
	q = (struct share_question){ ask.verb < 0 || ask.verb >= SHARE_VERBS
		    ? SHARE_VERBS
		    : (enum share_verb)ask.verb,
		ask.key, ask.old, ask.value, ask.life, ask.window, ask.amount,
		ask.limit, ERR_OK, false, &value, 0, 0 };
	if (permit_has_shared(&l->permit, ask.table)) {
		e = shared_ask(
		    &l->shared, ask.table, &q, deadline_in(SHARED_TIMEOUT));
	} else {
		log_warn("request to change table \"%.*s\", which is none of "
			 "state's",
		    VIEW_ARGS(view_first(ask.table, LOG_LINE_MAX)));
		e = err_make(ERR_TEMP, "table %.*s: not in the configuration",
		    VIEW_ARGS(view_first(ask.table, 100)));
	}
	answer.status = e.kind == ERR_NONE ? ERR_NONE : ERR_TEMP;
	answer.text = view_of(e.text);
	answer.done = q.done && !err_is(e);
	answer.value = str_view(&value);
	answer.count = q.count;
	ipc_reply(request, IPC_OUT(share_answer, &answer));
	str_clear(&value);
}

static bool
tables_changed(void *owner)
{
	struct lookup *l = owner;

	return pool_has_changed(&l->pool) || table_params_have_changed();
}

static const char *
find_parameter(void *arg, const char *name)
{
	const struct lookup *l = arg;

	return conf_find(l->conf, name);
}

static void
add_path(void *arg, struct view folder)
{
	(void)arg;
	for (size_t i = 0; i < n_paths; i++)
		if (view_eq(folder, view_of(paths[i].path)))
			return;
	if (n_paths < PATHS_MAX)
		paths[n_paths++].path = xstrndup(folder.ptr, folder.len);
}

/* What has to be done with the rights that we still have. */
static void
prepare_table(struct view spec, void *kind, void *arg)
{
	(void)kind;
	(void)arg;
	if (!table_wants_server(spec))
		return;
	table_prepare(spec);
	table_each_folder(spec, add_path, NULL);
}

/* Threads that wait for servers, and what clients of databases need of a
 * stack. */
enum { LOOKUP_THREADS = 64, LOOKUP_STACK = 4 << 20 };

/* As module.h says. */
enum { LOOKUP_FIBER_STACK = 256 << 10 };

/* The name service's modules are loaded when the first of them is asked and
 * those after it are, and below the drop nothing can be loaded. */
static void
load_name_service_of_hosts(void)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *all = NULL;

	if (getaddrinfo("localhost", "25", &hints, &all) == 0)
		freeaddrinfo(all);
}

static void
load_name_service(void)
{
	static const char nobody[] = "barid no such name";

	(void)getpwnam("root");
	(void)getpwnam(nobody);
	(void)getgrnam("root");
	(void)getgrnam(nobody);
	load_name_service_of_hosts();
}

int
main(int argc, char **argv)
{
	static const struct ipc_handler handlers[] = {
		{ ipc_table_ask_type, answer_table_ask, 0 },
		{ ipc_share_ask_type, answer_share_ask, 0 },
		{ NULL, NULL, 0 },
	};
	struct lookup l;
	struct daemon d;
	struct err e;

	daemon_start(&d, "lookup", argc, argv);
	e = permit_init(&l.permit, d.conf);
	if (err_is(e))
		die_temp("%s", e.text);
	l.conf = d.conf;
	pool_init(&l.pool);
	cache_init(&l.cache, d.conf->lookup_cache_time);
	shared_init(&l.shared);
	load_name_service();
	table_set_conf(find_parameter, &l);
	htable_each(&l.permit.specs, prepare_table, NULL);
	htable_each(&l.permit.shared, prepare_table, NULL);
	offload_set_threads(LOOKUP_THREADS);
	offload_set_stack(LOOKUP_STACK);
	fiber_set_stack(LOOKUP_FIBER_STACK);
	daemon_drop(&d, &lookup_role);
	daemon_watch_tables(&d, tables_changed, &l);
	return daemon_serve_ipc(&d, handlers, &l);
}
