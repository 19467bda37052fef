/* `state` for tests: everything is remembered until the stand-in is closed. */
#include "lib/base/htable.h"
#include "lib/base/mem.h"
#include "smtpd/standin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct htable kept;

static void
make_key(struct str *out, int64_t store, struct view key)
{
	str_printf(out, "%d ", (int)store);
	str_add(out, key);
}

static void
get(const struct ipc_state_ask *ask, struct ipc_state_answer *answer)
{
	struct str key = STR_EMPTY;
	const char *value;

	make_key(&key, ask->store, ask->key);
	value = htable_find(&kept, str_view(&key));
	answer->status = ERR_NONE;
	answer->text = VIEW_EMPTY;
	answer->found = value != NULL;
	answer->value = value != NULL ? view_of(value) : VIEW_EMPTY;
	str_clear(&key);
}

static void
put(int64_t store, struct view k, struct view value, int64_t until)
{
	struct str key = STR_EMPTY;

	make_key(&key, store, k);
	if (until > 0)
		free(htable_set(&kept, str_view(&key),
		    xstrndup(value.ptr, value.len)));
	else
		free(htable_remove(&kept, str_view(&key)));
	str_clear(&key);
}

/* Somebody else comes first, once: standin.state_first. */
static void
let_others_first(const struct ipc_state_swap *ask)
{
	const char *value = standin.state_first;

	standin.state_first = NULL;
	if (value != NULL)
		put(ask->store, ask->key, view_of(value), 1);
}

static void
swap(const struct ipc_state_swap *ask, struct ipc_state_swapped *answer)
{
	struct ipc_state_ask where = { ask->store, ask->key };
	struct ipc_state_answer is;

	let_others_first(ask);
	get(&where, &is);
	*answer = (struct ipc_state_swapped){ .status = ERR_NONE,
		.done = view_eq(is.value, ask->old),
		.value = is.value };
	if (answer->done != 0)
		put(ask->store, ask->key, ask->value, ask->until);
}

static void
count(const struct ipc_state_count *ask, struct ipc_state_counted *answer)
{
	struct ipc_state_ask where = { STATE_LIMIT, ask->key };
	struct ipc_state_answer was;
	char text[32];

	get(&where, &was);
	answer->status = ERR_NONE;
	answer->text = VIEW_EMPTY;
	answer->count = was.found != 0 ? atoll(was.value.ptr) : 0;
	answer->taken = answer->count + ask->amount <= ask->limit;
	if (answer->taken == 0)
		return;
	snprintf(text, sizeof(text), "%lld",
	    (long long)(answer->count + ask->amount));
	put(STATE_LIMIT, ask->key, view_of(text), 1);
}

static void
verify(struct ipc_verified *answer)
{
	bool is_known = standin.n_verified++ >= standin.verify_after;

	answer->status = is_known ? standin.verify_status : VERIFY_TODO;
	answer->text = is_known && standin.verify_text != NULL
	    ? view_of(standin.verify_text)
	    : VIEW("Address verification in progress");
}

void
standin_call_state(
    const struct ipc_type *type, const void *ask, void *answer)
{
	if (type == ipc_state_ask_type())
		get(ask, answer);
	else if (type == ipc_state_swap_type())
		swap(ask, answer);
	else if (type == ipc_state_count_type())
		count(ask, answer);
	else
		verify(answer);
}

void
standin_tell_state(const struct ipc_state_tell *m)
{
	put(m->store, m->key, m->value, m->until);
}

const char *
standin_state(enum state_store store, const char *k)
{
	struct ipc_state_ask ask = { store, view_of(k) };
	struct ipc_state_answer answer;

	get(&ask, &answer);
	return answer.found != 0 ? answer.value.ptr : NULL;
}

void
standin_set_state(enum state_store store, const char *k, const char *value)
{
	put(store, view_of(k), view_of(value), 1);
}

void
standin_forget_state(void)
{
	htable_clear(&kept, free);
}
