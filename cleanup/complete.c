/*
 * Completing addresses.  Most are complete as they come; `rewrite` is asked for
 * the others.
 */
#include "cleanup/message.h"

#include "lib/base/clock.h"
#include "lib/mail/addr.h"
#include "lib/mail/srs.h"

enum { REWRITE_TIMEOUT = 100 };

/* True if nothing could be added or swapped: one @, a domain with a dot in
 * it and none at its end, no % or ! before it. */
static bool
is_complete(struct view address)
{
	struct view local = addr_local(address);
	struct view domain = addr_domain(address);

	if (address.len == 0)
		return true;
	return domain.len > 0 && local.len > 0 &&
	    view_find(domain, '.') != VIEW_NPOS &&
	    domain.ptr[domain.len - 1] != '.' &&
	    view_find_any(local, "%!@:") == VIEW_NPOS;
}

struct err
envelope_complete(struct cleanup *c, const char *context, struct view address,
    struct str *out)
{
	struct ipc_rewrite ask = { view_of(context), address };
	struct ipc_rewritten answer;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct err e = ERR_OK;

	if (is_complete(address)) {
		str_set(out, address);
		return e;
	}
	e = ipc_call(&c->rewrite, IPC_OUT(rewrite, &ask),
	    IPC_IN(rewritten, &answer), &keep,
	    deadline_in_shorter(REWRITE_TIMEOUT, c->conf->ipc_timeout));
	if (!err_is(e) && !addr_may_complete(address, answer.address))
		e = err_make(ERR_TEMP, "rewrite: its answer is no address");
	if (!err_is(e))
		str_set(out, answer.address);
	ipc_keep_clear(&keep);
	return e;
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
