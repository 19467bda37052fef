/* A table's connection to its servers: see dblink.h. */
#include "lib/table/dblink.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/run/fiber.h"
#include "lib/run/offload.h"

enum { LINK_INTERVAL_MS = 60000 };

struct err
dblink_open(struct dblink *l, const struct dblink_kind *kind, void *arg,
    const struct params *p, const char *hosts, bool in_order,
    int64_t timeout_ms)
{
	struct err e;

	*l = (struct dblink){
		.kind = kind, .arg = arg, .timeout_ms = timeout_ms
	};
	/* What is slow for one table may be quick for another: each table of a
	 * name has its own experience.  Parameters are never freed. */
	str_init(&l->scope);
	str_printf(&l->scope, "%s %p", kind->name, (const void *)p);
	l->idle_ms = l->rest_ms = LINK_INTERVAL_MS;
	e = dbhosts_parse(&l->hosts, view_of(hosts), in_order);
	if (err_is(e))
		e = err_within(e, "%.100s",
		    p == NULL ? kind->name : params_origin(p));
	if (!err_is(e) && p != NULL)
		e = params_time(
		    p, "idle_interval", LINK_INTERVAL_MS, &l->idle_ms);
	if (!err_is(e) && p != NULL)
		e = params_time(
		    p, "retry_interval", LINK_INTERVAL_MS, &l->rest_ms);
	if (err_is(e))
		dblink_close(l);
	return e;
}

/* --- what may block, on a thread if we are on a fiber --- */

/* A call of the kind, and what came of it. */
struct errand {
	struct dblink *link;
	int timeout_ms;
	char *why;
	enum module_end end;
};

static void
run_close(void *arg)
{
	struct errand *r = arg;

	r->link->kind->close(r->link->arg, r->link->connection);
}

static void
run_connect(void *arg)
{
	struct errand *r = arg;
	struct dblink *l = r->link;

	l->connection = l->kind->connect(
	    l->arg, &l->hosts.all[l->host], r->timeout_ms, r->why);
}

static void
run_ask(void *arg)
{
	struct errand *r = arg;

	r->end = r->link->kind->ask(
	    r->link->arg, r->link->connection, r->timeout_ms, r->why);
}

static void
drop(struct dblink *l)
{
	struct errand r = { .link = l };

	if (l->connection != NULL)
		offload(run_close, &r);
	l->connection = NULL;
}

static enum module_end
ask_kind(struct dblink *l, int timeout_ms, char *why)
{
	struct errand r = { l, timeout_ms, why, MODULE_LATER };

	if (!l->may_block || fiber_self() == NULL) {
		run_ask(&r);
		return r.end;
	}
	r.timeout_ms = 0;
	run_ask(&r);
	r.timeout_ms = timeout_ms;
	if (r.end == MODULE_LATER)
		offload(run_ask, &r);
	return r.end;
}

/* --- one connection --- */

void
dblink_close(struct dblink *l)
{
	drop(l);
	dbhosts_clear(&l->hosts);
	str_clear(&l->scope);
}

static struct err
refused(const struct dblink *l, const char *why)
{
	return err_make(ERR_TEMP, "%s, %.60s: %.110s", l->kind->name,
	    l->hosts.all[l->host].spec.ptr, why);
}

static void
gave_up(struct dblink *l, const char *why)
{
	log_warn("%s: server %s: %s", l->kind->name,
	    l->hosts.all[l->host].spec.ptr, why);
	dbhosts_failed(l->scope.ptr, &l->hosts.all[l->host], l->rest_ms);
	drop(l);
}

/* With the connection that there is. *e is set if that is the end of it. */
static bool
ask_here(struct dblink *l, int64_t deadline, bool fresh, struct err *e)
{
	char why[MODULE_WHY_MAX] = "ask: timeout";
	int left = deadline_left(deadline);
	enum module_end end = MODULE_LOST;

	/* To connect may have taken all the time there was. */
	if (left > 0)
		end = ask_kind(l, left, why);
	switch (end) {
	case MODULE_DONE:
	case MODULE_REFUSED:
		l->used_ms = clock_ms();
		if (fresh)
			dbhosts_answered(l->scope.ptr, &l->hosts.all[l->host]);
		*e = end == MODULE_DONE ? ERR_OK : refused(l, why);
		return true;
	case MODULE_STOPPED:
		drop(l);
		*e = ERR_OK;
		return true;
	case MODULE_LOST:
	case MODULE_LATER:
		break;
	}
	*e = refused(l, why);
	/* One that lay idle may be gone without any fault of the server's. */
	if (fresh || deadline_left(deadline) == 0)
		gave_up(l, why);
	else
		drop(l);
	return false;
}

static struct err
ask_each(struct dblink *l, int64_t deadline)
{
	size_t order[DBHOSTS_MAX], n;
	struct err e =
	    err_make(ERR_TEMP, "%s: no server can be reached", l->kind->name);

	dbhosts_order(&l->hosts, l->scope.ptr, order, &n);
	for (size_t i = 0; i < n; i++) {
		char why[MODULE_WHY_MAX] = "";
		int left = deadline_left(deadline);
		/* A host that is silent must leave time for the others. */
		int share = left / (int)(n - i);
		int64_t until = deadline_in_ms(share);

		if (share == 0)
			break;
		l->host = order[i];
		offload(run_connect,
		    &(struct errand){ .link = l, .timeout_ms = share, .why = why });
		if (l->connection == NULL) {
			e = refused(l, why);
			gave_up(l, why);
			continue;
		}
		if (ask_here(l, until, true, &e))
			return e;
	}
	return e;
}

struct err
dblink_ask(struct dblink *l)
{
	int64_t deadline = deadline_in_ms(l->timeout_ms);
	struct err e;

	if (l->connection != NULL && clock_ms() - l->used_ms > l->idle_ms)
		drop(l);
	if (l->connection != NULL && ask_here(l, deadline, false, &e))
		return e;
	return ask_each(l, deadline);
}
