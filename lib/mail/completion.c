#include "lib/mail/completion.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/mail/addr.h"

#include <stdlib.h>

enum { TIMEOUT_S = 100, KNOWN_MAX = 256 };

/* Is there another address in it? */
static bool
has_route(struct view local)
{
	for (size_t i = 0; i < local.len; i++) {
		char c = local.ptr[i];

		if (c == '%' || c == '!' || c == '@' || c == ':')
			return true;
	}
	return false;
}

bool
completion_is_needless(struct view address)
{
	struct view local = addr_local(address);
	struct view domain = addr_domain(address);

	if (address.len == 0)
		return true;
	return domain.len > 0 && local.len > 0 &&
	    view_find(domain, '.') != VIEW_NPOS &&
	    domain.ptr[domain.len - 1] != '.' &&
	    !has_route(local);
}

static void
free_answer(void *value)
{
	struct str *s = value;

	str_clear(s);
	free(s);
}

void
completion_clear(struct completion *c)
{
	htable_clear(&c->known, free_answer);
}

/* New processes of the service may have another configuration. */
static void
forget_old(struct completion *c)
{
	if (c->generation != c->rewrite->generation)
		completion_clear(c);
	c->generation = c->rewrite->generation;
}

/* No order of age: whoever sends so many short addresses asks for each. */
static void
remember(struct completion *c, struct view key, struct view full)
{
	struct str *s = xmalloc(sizeof(*s));
	void *old;

	if (c->known.n_entries >= KNOWN_MAX)
		completion_clear(c);
	*s = STR_EMPTY;
	str_set(s, full);
	old = htable_set(&c->known, key, s);
	if (old != NULL)
		free_answer(old);
}

static struct err
ask(struct completion *c, const char *context, struct view address,
    struct str *out)
{
	struct ipc_rewrite ask = { view_of(context), address };
	struct ipc_rewritten answer;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct err e = ipc_call(c->rewrite, IPC_OUT(rewrite, &ask),
	    IPC_IN(rewritten, &answer), &keep,
	    deadline_in_shorter(TIMEOUT_S, c->conf->ipc_timeout));

	if (!err_is(e) && !addr_may_complete(address, answer.address))
		e = err_make(ERR_TEMP, "rewrite: its answer is no address");
	if (!err_is(e))
		str_set(out, answer.address);
	ipc_keep_clear(&keep);
	return e;
}

struct err
completion_find(struct completion *c, const char *context,
    struct view address, struct str *out)
{
	struct str key = STR_EMPTY;
	const struct str *known;
	struct err e = ERR_OK;

	if (completion_is_needless(address)) {
		str_set(out, address);
		return e;
	}
	forget_old(c);
	str_printf(&key, "%s:", context);
	str_add(&key, address);
	known = htable_find(&c->known, str_view(&key));
	if (known != NULL) {
		str_set(out, str_view(known));
	} else {
		e = ask(c, context, address, out);
		/* It may have been the first one of a new connection. */
		forget_old(c);
		if (!err_is(e))
			remember(c, str_view(&key), str_view(out));
	}
	str_clear(&key);
	return e;
}
