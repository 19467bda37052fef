/*
 * lookup: asks tables that need a server, a secret or the system's name
 * service, for those who may not.
 */
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/daemon/daemon.h"
#include "lib/daemon/peers.h"
#include "lib/run/loop.h"
#include "lookup/cache.h"
#include "lookup/permit.h"
#include "lookup/pool.h"

#include <grp.h>
#include <pwd.h>

/* Below what those who ask wait for (lib/daemon). */
enum { LOOKUP_TIMEOUT = 90 };

/* What the name service reads, and sockets that it and databases have. */
static const struct sandbox_path paths[] = {
	{ "/etc", false },
	{ "/run", false },
	{ "/usr/lib", false },
	{ "/lib", false },
	{ "/usr/share", false },
	{ "/var", false },
	{ "/dev", false },
	{ "private", false },
	{ NULL, false },
};

static const struct sandbox_role lookup_role = {
	.name = "lookup",
	.identity = IDENTITY_LOOKUP,
	.root = ROOT_NONE,
	.calls = CALLS_BASE | CALLS_THREAD | CALLS_STREAM | CALLS_CONNECT |
	    CALLS_INET | CALLS_ACCEPT | CALLS_FILE_READ | CALLS_RESOLVER,
	.paths = paths,
};

struct lookup {
	struct permit permit;
	struct pool pool;
	struct cache cache;
};

static bool
is_cached(struct view spec)
{
	return view_starts(spec, VIEW("unix:"));
}

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
	if (is_cached(ask->table) &&
	    cache_find(&l->cache, ask->table, ask->key, loop_now(), value)) {
		*found = true;
		return ERR_OK;
	}
	e = pool_ask(&l->pool, ask->table, ask->key, value, found,
	    deadline_in(LOOKUP_TIMEOUT));
	if (err_is(e))
		log_warn("%s", e.text);
	else if (*found && is_cached(ask->table))
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

static bool
tables_changed(void *owner)
{
	struct lookup *l = owner;

	return pool_has_changed(&l->pool);
}

/* The name service's modules are loaded when the first of them is asked and
 * those after it are, and below the drop nothing can be loaded. */
static void
load_name_service(void)
{
	static const char nobody[] = "barid no such name";

	(void)getpwnam("root");
	(void)getpwnam(nobody);
	(void)getgrnam("root");
	(void)getgrnam(nobody);
}

int
main(int argc, char **argv)
{
	static const struct ipc_handler handlers[] = {
		{ ipc_table_ask_type, answer_table_ask, 0 },
		{ NULL, NULL, 0 },
	};
	struct lookup l;
	struct daemon d;
	struct err e;

	daemon_start(&d, "lookup", argc, argv);
	e = permit_init(&l.permit, d.conf);
	if (err_is(e))
		die_temp("%s", e.text);
	pool_init(&l.pool);
	cache_init(&l.cache);
	load_name_service();
	daemon_drop(&d, &lookup_role);
	daemon_watch_tables(&d, tables_changed, &l);
	return daemon_serve_ipc(&d, handlers, &l);
}
