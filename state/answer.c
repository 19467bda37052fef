/*
 * The messages that `state` takes.  What is in a file of this host is answered
 * without waiting, on the loop's stack, where the database may run; what hosts
 * share is asked for, on a fiber.
 */
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/mail/addr.h"
#include "state/state.h"

enum { WINDOW_MAX = 366 * 86400 };

/* With a store of this host at once; with one that is shared on a fiber. */
static void
run(struct ipc_request *r, const struct store *s,
    void (*what)(struct ipc_request *r))
{
	if (s != NULL && store_is_shared(s))
		ipc_request_go_on(r, what);
	else
		what(r);
}

static struct store *
verify_store(struct ipc_request *r)
{
	return ((struct state *)ipc_request_owner(r))->verify.store;
}

static struct store *
store_of(struct ipc_request *r, int64_t store)
{
	struct state *s = ipc_request_owner(r);

	return store >= 0 && store < STATE_STORES ? &s->stores.all[store]
						  : NULL;
}

/* --- addresses --- */

static void
answer_verify(struct ipc_request *r)
{
	struct state *s = ipc_request_owner(r);
	struct ipc_verify_ask m;
	struct verify_answer a = VERIFY_ANSWER_EMPTY;
	struct str key = STR_EMPTY;
	struct ipc_verified answer;

	if (!ipc_request_read(r, IPC_IN(verify_ask, &m)))
		return;
	verify_key(m.address, &key);
	if (m.address.len == 0 || m.address.len > VERIFY_ADDRESS_MAX ||
	    !addr_is_sane(m.address)) {
		a.status = VERIFY_DEFER;
		str_set(&a.text, VIEW("not an address to be verified"));
	} else if (err_is(verify_ask(
		       &s->verify, str_view(&key), clock_wall(), &a))) {
		a.status = VERIFY_DEFER;
		a.probe = false;
		str_set(&a.text, VIEW("Address verification problem"));
	}
	if (a.probe)
		probe_start(s, str_view(&key));
	answer = (struct ipc_verified){ a.status, str_view(&a.text) };
	ipc_reply(r, IPC_OUT(verified, &answer));
	str_clear(&a.text);
	str_clear(&key);
}

static void
ask_verify(struct ipc_request *r)
{
	run(r, verify_store(r), answer_verify);
}

static void
take_result(struct ipc_request *r)
{
	struct state *s = ipc_request_owner(r);
	struct ipc_verify_told m;
	struct str key = STR_EMPTY;

	if (!ipc_request_read(r, IPC_IN(verify_told, &m)) || m.status < 0 ||
	    m.status >= VERIFY_TODO || m.address.len > VERIFY_ADDRESS_MAX)
		return;
	verify_key(m.address, &key);
	verify_told(&s->verify, str_view(&key), (enum verify_status)m.status,
	    m.text, clock_wall());
	str_clear(&key);
}

static void
take_verify(struct ipc_request *r)
{
	run(r, verify_store(r), take_result);
}

/* --- what smtpd keeps --- */

static void
answer_state(struct ipc_request *r)
{
	struct str value = STR_EMPTY;
	struct ipc_state_ask m;
	struct ipc_state_answer answer = { .status = ERR_NONE };
	struct store *s;
	bool found = false;
	struct err e = ERR_OK;

	if (!ipc_request_read(r, IPC_IN(state_ask, &m)))
		return;
	s = store_of(r, m.store);
	if (s != NULL)
		e = store_get(s, m.key, clock_wall(), &value, &found);
	answer.status = e.kind;
	answer.text = view_of(e.text);
	answer.found = found;
	answer.value = str_view(&value);
	ipc_reply(r, IPC_OUT(state_answer, &answer));
	str_clear(&value);
}

static void
ask_state(struct ipc_request *r)
{
	struct ipc_state_ask m;

	if (ipc_request_read(r, IPC_IN(state_ask, &m)))
		run(r, store_of(r, m.store), answer_state);
}

static void
keep_state(struct ipc_request *r)
{
	struct ipc_state_tell m;
	struct store *s;

	if (!ipc_request_read(r, IPC_IN(state_tell, &m)))
		return;
	s = store_of(r, m.store);
	/* A failure is logged there, and nobody waits for a word. */
	if (s != NULL)
		(void)store_put(s, m.key, m.value, m.until, clock_wall());
}

static void
take_state(struct ipc_request *r)
{
	struct ipc_state_tell m;

	if (ipc_request_read(r, IPC_IN(state_tell, &m)))
		run(r, store_of(r, m.store), keep_state);
}

static void
answer_swap(struct ipc_request *r)
{
	struct str value = STR_EMPTY;
	struct ipc_state_swap m;
	struct ipc_state_swapped answer = { .status = ERR_NONE };
	struct store *s;
	bool done = false;
	struct err e = ERR_OK;

	if (!ipc_request_read(r, IPC_IN(state_swap, &m)))
		return;
	s = store_of(r, m.store);
	if (s != NULL)
		e = store_swap(s, m.key, m.old, m.value, m.until, clock_wall(),
		    &done, &value);
	answer.status = e.kind;
	answer.text = view_of(e.text);
	answer.done = done;
	answer.value = str_view(&value);
	ipc_reply(r, IPC_OUT(state_swapped, &answer));
	str_clear(&value);
}

static void
swap_state(struct ipc_request *r)
{
	struct ipc_state_swap m;

	if (ipc_request_read(r, IPC_IN(state_swap, &m)))
		run(r, store_of(r, m.store), answer_swap);
}

static void
answer_count(struct ipc_request *r)
{
	struct ipc_state_count m;
	struct ipc_state_counted answer = { .status = ERR_NONE };
	bool taken = false;
	struct err e = ERR_OK;

	if (!ipc_request_read(r, IPC_IN(state_count, &m)))
		return;
	if (m.window > 0 && m.window <= WINDOW_MAX && m.amount >= 0 &&
	    m.amount <= INT32_MAX && m.limit >= 0) {
		struct store_count ask = { m.key, m.amount, m.window, m.limit };

		e = store_count(store_of(r, STATE_LIMIT), &ask, clock_wall(),
		    &answer.count, &taken);
	}
	answer.status = e.kind;
	answer.text = view_of(e.text);
	answer.taken = taken;
	ipc_reply(r, IPC_OUT(state_counted, &answer));
}

static void
count(struct ipc_request *r)
{
	run(r, store_of(r, STATE_LIMIT), answer_count);
}

const struct ipc_handler state_handlers[] = {
	{ ipc_verify_ask_type, ask_verify, IPC_INLINE },
	{ ipc_verify_told_type, take_verify, IPC_INLINE },
	{ ipc_state_ask_type, ask_state, IPC_INLINE },
	{ ipc_state_tell_type, take_state, IPC_INLINE },
	{ ipc_state_swap_type, swap_state, IPC_INLINE },
	{ ipc_state_count_type, count, IPC_INLINE },
	{ NULL, NULL, 0 },
};
