/*
 * The messages that `state` takes.  None of them waits: what they need is in
 * memory or in a file's pages, and they run on the loop's stack, where the
 * database may.
 */
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/mail/addr.h"
#include "state/count.h"
#include "state/state.h"

enum { WINDOW_MAX = 366 * 86400 };

static void
ask_verify(struct ipc_request *r)
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
	} else {
		verify_ask(&s->verify, str_view(&key), clock_wall(), &a);
	}
	if (a.probe) {
		probe_start(s, str_view(&key));
		stores_changed(&s->stores);
	}
	answer = (struct ipc_verified){ a.status, str_view(&a.text) };
	ipc_reply(r, IPC_OUT(verified, &answer));
	str_clear(&a.text);
	str_clear(&key);
}

static void
take_verify(struct ipc_request *r)
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
	stores_changed(&s->stores);
	str_clear(&key);
}

static struct cache *
cache_of(struct state *s, int64_t store)
{
	return store >= 0 && store < STATE_STORES ? s->stores.all[store].cache
						  : NULL;
}

static void
ask_state(struct ipc_request *r)
{
	struct state *s = ipc_request_owner(r);
	struct str value = STR_EMPTY;
	struct ipc_state_ask m;
	struct ipc_state_answer answer = { 0, VIEW_EMPTY };
	struct cache *c;

	if (!ipc_request_read(r, IPC_IN(state_ask, &m)))
		return;
	c = cache_of(s, m.store);
	answer.found = c != NULL && cache_get(c, m.key, clock_wall(), &value);
	answer.value = str_view(&value);
	ipc_reply(r, IPC_OUT(state_answer, &answer));
	str_clear(&value);
}

static void
take_state(struct ipc_request *r)
{
	struct state *s = ipc_request_owner(r);
	struct ipc_state_tell m;
	struct cache *c;

	if (!ipc_request_read(r, IPC_IN(state_tell, &m)))
		return;
	c = cache_of(s, m.store);
	if (c == NULL)
		return;
	if (m.until > 0)
		cache_put(c, m.key, m.value, m.until);
	else
		cache_drop(c, m.key);
	stores_changed(&s->stores);
}

static void
count(struct ipc_request *r)
{
	struct state *s = ipc_request_owner(r);
	struct cache *c = s->stores.all[STATE_LIMIT].cache;
	struct str value = STR_EMPTY;
	struct ipc_state_count m;
	struct ipc_state_counted answer = { 0, 0 };
	struct count n = { .window = 0 };
	int64_t now = clock_wall();

	if (!ipc_request_read(r, IPC_IN(state_count, &m)))
		return;
	if (m.window > 0 && m.window <= WINDOW_MAX && m.amount >= 0 &&
	    m.amount <= INT32_MAX) {
		if (cache_get(c, m.key, now, &value) &&
		    !count_read(str_view(&value), &n))
			n = (struct count){ .window = 0 };
		count_move(&n, m.window, now);
		answer.count = count_total(&n, now);
		answer.taken = answer.count + m.amount <= m.limit;
	}
	if (answer.taken && m.amount > 0) {
		n.now += m.amount;
		count_write(&value, &n);
		cache_put(c, m.key, str_view(&value), n.start + 2 * m.window);
		stores_changed(&s->stores);
	}
	ipc_reply(r, IPC_OUT(state_counted, &answer));
	str_clear(&value);
}

const struct ipc_handler state_handlers[] = {
	{ ipc_verify_ask_type, ask_verify, IPC_INLINE },
	{ ipc_verify_told_type, take_verify, IPC_INLINE },
	{ ipc_state_ask_type, ask_state, IPC_INLINE },
	{ ipc_state_tell_type, take_state, IPC_INLINE },
	{ ipc_state_count_type, count, IPC_INLINE },
	{ NULL, NULL, 0 },
};
