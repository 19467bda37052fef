/*
 * What `rewrite` is asked: the full form of a short address, and whose address
 * stands in one of ours.
 */
#include "cleanup/message.h"

#include "lib/base/clock.h"
#include "lib/mail/addr.h"
#include "lib/mail/srs.h"

enum { REWRITE_TIMEOUT = 100 };

struct err
envelope_complete(struct cleanup *c, const char *context, struct view address,
    struct str *out)
{
	return completion_find(&c->completion, context, address, out);
}

struct err
envelope_reverse(struct cleanup *c, struct str *address)
{
	struct ipc_srs_ask ask = { str_view(address) };
	struct ipc_srs_told answer;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct err e;

	if (!srs_looks_ours(c->conf, str_view(address)))
		return ERR_OK;
	e = ipc_call(&c->rewrite, IPC_OUT(srs_ask, &ask),
	    IPC_IN(srs_told, &answer), &keep,
	    deadline_in_shorter(REWRITE_TIMEOUT, c->conf->ipc_timeout));
	if (!err_is(e) && answer.status != ERR_NONE &&
	    answer.status != ERR_PERM)
		e = err_make(ERR_TEMP, "%.*s", VIEW_ARGS(answer.text));
	if (!err_is(e) && answer.status == ERR_NONE) {
		if (addr_is_sane(answer.address))
			str_set(address, answer.address);
		else
			e = err_make(ERR_TEMP,
			    "rewrite: its answer is no address");
	}
	ipc_keep_clear(&keep);
	return e;
}
