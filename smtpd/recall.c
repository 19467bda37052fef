/* Questions to `state`: see recall.h. */
#include "smtpd/recall.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/ipc/client.h"

/* It is next door, and waits for what hosts share for less than that. */
enum { STATE_TIMEOUT = 10 };

static int64_t
state_deadline(const struct smtpd *smtpd)
{
	return deadline_in_shorter(STATE_TIMEOUT, smtpd->conf->ipc_timeout);
}

/* What it says of itself. */
static struct err
with_status(struct err e, int64_t status, struct view text)
{
	if (err_is(e) || status == ERR_NONE)
		return e;
	return err_make(ERR_TEMP, "state: %.*s", VIEW_ARGS(view_first(text, 180)));
}

struct err
recall_get(struct smtpd *smtpd, enum state_store store, struct view key,
    struct str *value, bool *found)
{
	struct ipc_state_ask ask = { store, key };
	struct ipc_state_answer answer;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct err e = ipc_call(&smtpd->state, IPC_OUT(state_ask, &ask),
	    IPC_IN(state_answer, &answer), &keep, state_deadline(smtpd));

	if (!err_is(e))
		e = with_status(e, answer.status, answer.text);
	*found = !err_is(e) && answer.found != 0;
	if (*found)
		str_set(value, answer.value);
	ipc_keep_clear(&keep);
	return e;
}

void
recall_put(struct smtpd *smtpd, enum state_store store, struct view key,
    struct view value, int64_t until)
{
	struct ipc_state_tell m = { store, key, value, until };
	struct err e = ERR_OK;

	/* Who only wants to know is not remembered. */
	if (smtpd->explain == NULL)
		e = ipc_tell(&smtpd->state, IPC_OUT(state_tell, &m),
		    state_deadline(smtpd));
	if (err_is(e))
		log_warn("%s", e.text);
}

struct err
recall_swap(struct smtpd *smtpd, enum state_store store,
    const struct recall_swap *ask, bool *done, struct str *is)
{
	struct ipc_state_swap m = { store, ask->key, ask->old, ask->value,
		ask->until };
	struct ipc_state_swapped answer;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct err e;

	/* Who only wants to know is not remembered. */
	*done = smtpd->explain != NULL;
	if (*done)
		return ERR_OK;
	e = ipc_call(&smtpd->state, IPC_OUT(state_swap, &m),
	    IPC_IN(state_swapped, &answer), &keep, state_deadline(smtpd));
	if (!err_is(e))
		e = with_status(e, answer.status, answer.text);
	*done = !err_is(e) && answer.done != 0;
	if (!err_is(e) && !*done)
		str_set(is, answer.value);
	ipc_keep_clear(&keep);
	return e;
}

struct err
recall_count(struct smtpd *smtpd, const struct recall_count *ask,
    int64_t *count, bool *taken)
{
	struct ipc_state_count m = { ask->key, ask->amount, ask->window,
		ask->limit };
	struct ipc_state_counted answer = { .status = ERR_NONE };
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	/* Once: it must not be counted twice. */
	struct err e = ipc_call_once(&smtpd->state, IPC_OUT(state_count, &m),
	    IPC_IN(state_counted, &answer), &keep, state_deadline(smtpd));

	if (!err_is(e))
		e = with_status(e, answer.status, answer.text);
	*count = answer.count;
	*taken = err_is(e) || answer.taken != 0;
	ipc_keep_clear(&keep);
	return e;
}

struct err
recall_verify(struct smtpd *smtpd, struct view address,
    enum verify_status *status, struct str *text)
{
	struct ipc_verify_ask ask = { address };
	struct ipc_verified answer;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct err e = ipc_call(&smtpd->state, IPC_OUT(verify_ask, &ask),
	    IPC_IN(verified, &answer), &keep, state_deadline(smtpd));

	*status = VERIFY_DEFER;
	if (!err_is(e) && answer.status >= 0 && answer.status <= VERIFY_TODO) {
		*status = (enum verify_status)answer.status;
		str_set(text, answer.text);
	} else if (!err_is(e)) {
		e = err_make(ERR_TEMP, "state: its answer is no status");
	}
	ipc_keep_clear(&keep);
	return e;
}
