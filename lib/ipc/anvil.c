/* The client's side of `anvil`: see anvil.h. */
#include "lib/ipc/anvil.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/run/fiber.h"
#include "lib/run/loop.h"

#include <stdlib.h>

struct open_count {
	int64_t n;
	size_t service_len; /* the key is service, NUL, client */
};

static const char *const event_names[] = {
	[ANVIL_CONNECT] = "connect",
	[ANVIL_MESSAGE] = "message",
	[ANVIL_RECIPIENT] = "recipient",
	[ANVIL_NEWTLS] = "newtls",
	[ANVIL_AUTH] = "auth",
};

bool
anvil_event_of(struct view name, enum anvil_event *event)
{
	for (size_t i = 0; i < ARRAY_LEN(event_names); i++) {
		if (!view_eq(name, view_of(event_names[i])))
			continue;
		*event = (enum anvil_event)i;
		return true;
	}
	return false;
}

const char *
anvil_event_name(enum anvil_event event)
{
	return event_names[event];
}

static void
restate_one(struct view key, void *value, void *arg)
{
	const struct open_count *o = value;
	struct ipc_anvil_restate m = {
		.service = view_first(key, o->service_len),
		.client = view_skip(key, o->service_len + 1),
		.count = o->n,
	};

	ipc_conn_send(arg, 0, IPC_OUT(anvil_restate, &m));
}

static void
on_new_connection(struct ipc_service *s, struct ipc_conn *c)
{
	struct anvil *a = s->owner;

	htable_each(&a->open, restate_one, c);
}

/* --- a new anvil --- */

enum { RECONNECT_MS = 1000 };

/* Until it was told what is open, or nothing is: others count by that, though
 * we may have nothing to ask for long. */
static void
reconnect(void *arg)
{
	struct anvil *a = arg;
	struct err e = ERR_OK;

	do
		e = fiber_sleep(RECONNECT_MS);
	while (!err_is(e) && a->open.n_entries > 0 &&
	    err_is(ipc_connect(a->service, deadline_in_ms(RECONNECT_MS))));
	a->reconnects = false;
}

static void
on_lost(struct ipc_service *s)
{
	struct anvil *a = s->owner;

	if (a->reconnects || a->open.n_entries == 0 || !loop_is_on())
		return;
	a->reconnects = true;
	fiber_spawn("anvil", reconnect, a);
}

void
anvil_init(struct anvil *a, struct ipc_service *service)
{
	a->service = service;
	service->owner = a;
	service->greet = on_new_connection;
	service->lost = on_lost;
	htable_init(&a->open);
}

void
anvil_clear(struct anvil *a)
{
	a->service->greet = NULL;
	a->service->lost = NULL;
	htable_clear(&a->open, free);
}

/* --- what is open --- */

static void
key_of(struct str *key, struct view service, struct view client)
{
	str_set(key, service);
	str_add_byte(key, '\0');
	str_add(key, client);
}

static void
add_open(struct anvil *a, struct view service, struct view client)
{
	struct str key = STR_EMPTY;
	struct open_count *o;

	key_of(&key, service, client);
	o = htable_find(&a->open, str_view(&key));
	if (o == NULL) {
		o = xcalloc(1, sizeof(*o));
		o->service_len = service.len;
		htable_set(&a->open, str_view(&key), o);
	}
	o->n++;
	str_clear(&key);
}

static bool
is_open(struct anvil *a, struct view service, struct view client)
{
	struct str key = STR_EMPTY;
	bool found;

	key_of(&key, service, client);
	found = htable_find(&a->open, str_view(&key)) != NULL;
	str_clear(&key);
	return found;
}

static void
drop_open(struct anvil *a, struct view service, struct view client)
{
	struct str key = STR_EMPTY;
	struct open_count *o;

	key_of(&key, service, client);
	o = htable_find(&a->open, str_view(&key));
	if (o != NULL && --o->n == 0)
		free(htable_remove(&a->open, str_view(&key)));
	str_clear(&key);
}

/* --- events --- */

struct err
anvil_event(struct anvil *a, struct view service, struct view client,
    enum anvil_event event, struct anvil_numbers *out, int64_t deadline)
{
	struct ipc_anvil m = { service, client, view_of(event_names[event]) };
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct ipc_anvil_count answer;
	struct err e;

	*out = (struct anvil_numbers){ 0, 0 };
	if (service.len > ANVIL_NAME_MAX || client.len > ANVIL_NAME_MAX ||
	    view_find(service, '\0') != VIEW_NPOS)
		return err_make(ERR_PERM, "tell anvil: name is too long");
	e = ipc_call(a->service, IPC_OUT(anvil, &m),
	    IPC_IN(anvil_count, &answer), &keep, deadline);
	if (!err_is(e))
		*out = (struct anvil_numbers){ answer.count, answer.rate };
	ipc_keep_clear(&keep);
	return e;
}

struct err
anvil_connect(struct anvil *a, struct view service, struct view client,
    struct anvil_numbers *out, int64_t deadline)
{
	struct err e =
	    anvil_event(a, service, client, ANVIL_CONNECT, out, deadline);

	/* Counted there before it is remembered here: what is told again on a
	 * new connection must not be told by the question as well. */
	if (!err_is(e))
		add_open(a, service, client);
	return e;
}

void
anvil_disconnect(
    struct anvil *a, struct view service, struct view client, int64_t deadline)
{
	struct ipc_anvil m = { service, client, VIEW("disconnect") };
	struct err e;

	if (!is_open(a, service, client))
		return;
	/* Forgotten here afterwards: a new connection tells it again first. */
	e = ipc_tell(a->service, IPC_OUT(anvil, &m), deadline);
	if (err_is(e))
		log_debug("tell anvil: %s", e.text);
	drop_open(a, service, client);
}
