/*
 * The way of a recipient: each program on it is asked how it would decide, and
 * what it says is what the next one is asked.  See explain_way.h.
 */
#include "ctl/explain_way.h"

#include "lib/base/mem.h"
#include "lib/base/trace.h"
#include "lib/mail/addr.h"

#include <stdlib.h>
#include <string.h>

/* Addresses that one explanation follows. */
enum { FOLLOWED_MAX = 1000 };

static void
add_text(struct explain_texts *texts, const char *text)
{
	texts->all =
	    xreallocarray(texts->all, texts->n + 1, sizeof(*texts->all));
	texts->all[texts->n++] = xstrdup(text);
}

static void
clear_texts(struct explain_texts *texts)
{
	for (size_t i = 0; i < texts->n; i++)
		free(texts->all[i]);
	free(texts->all);
	*texts = (struct explain_texts){ NULL, 0 };
}

static void
keep(char **place, const char *text)
{
	free(*place);
	*place = text != NULL ? xstrdup(text) : NULL;
}

/* --- what the programs say --- */

/* A recipient that a message goes to. */
static void
add_message(struct explain_way *x, const char *address)
{
	struct str key = STR_EMPTY;

	str_add_text(&key, address);
	str_lower(&key);
	if (htable_find(&x->met, str_view(&key)) != NULL) {
		TRACE("note", { "address", view_of(address) },
		    { "note", VIEW("was gone through already") });
	} else if (x->messages.n >= FOLLOWED_MAX) {
		x->failed = true;
		TRACE("failed", { "in", VIEW("explain") },
		    { "why", VIEW("too many addresses") });
	} else {
		htable_set(&x->met, str_view(&key), x);
		add_text(&x->messages, address);
	}
	str_clear(&key);
}

static void
add_order(struct explain_way *x, const char *action, const char *value)
{
	if (strcmp(action, "DISCARD") == 0) {
		x->is_discarded = true;
		return;
	}
	add_text(&x->orders, action);
	add_text(&x->orders, value);
}

static void
take_step(void *arg, const char *step, const json_t *all)
{
	struct explain_way *x = arg;

	if (strcmp(step, "failed") == 0) {
		x->failed = true;
	} else if (strcmp(step, "order") == 0) {
		add_order(x, explain_text(all, "action"),
		    explain_text(all, "value"));
	} else if (strcmp(step, "adds") == 0) {
		add_order(x, "ADDS", explain_text(all, "line"));
	} else if (strcmp(step, "discard") == 0) {
		x->is_discarded = true;
	} else if (strcmp(step, "filter") == 0) {
		keep(&x->filter, explain_text(all, "value"));
	} else if (strcmp(step, "sender") == 0) {
		keep(&x->sender, explain_text(all, "address"));
	} else if (strcmp(step, "recipient") == 0) {
		add_text(&x->rcpts, explain_text(all, "address"));
	} else if (strcmp(step, "route") == 0) {
		keep(&x->transport, explain_text(all, "transport"));
		keep(&x->rcpt, explain_text(all, "recipient"));
	} else if (strcmp(step, "forward") == 0) {
		add_message(x, explain_text(all, "address"));
	}
}

/* Ask the program of a service, with its -o. */
static bool
ask(struct explain_way *x, const char *command,
    const struct master_service *service, const char *const *args)
{
	struct explain_question q = { .dir = x->barid->dir,
		.daemon_directory = x->barid->conf->daemon_directory,
		.command = command,
		.service = service,
		.args = args };
	bool good = explain_ask(&q, take_step, x);

	x->failed = x->failed || !good;
	return good;
}

static const struct master_service *
find_unix(const struct explain_way *x, const char *name)
{
	return master_cf_find(x->master, view_of(name), MASTER_UNIX);
}

/* --- smtpd --- */

static void
ask_smtpd(struct explain_way *x, const struct explain_options *q)
{
	struct str literal = STR_EMPTY, size = STR_EMPTY;

	str_printf(&literal, "[%s%s]",
	    strchr(q->client, ':') != NULL ? "IPv6:" : "", q->client);
	if (q->message != NULL)
		str_printf(&size, "%lld", (long long)q->size);
	ask(x, x->input->command, x->input,
	    (const char *const[]){ q->asks ? "ask" : "quiet", q->client,
		q->helo != NULL ? q->helo : literal.ptr, q->sender, q->address,
		size.len > 0 ? size.ptr : "", NULL });
	str_clear(&literal);
	str_clear(&size);
}

static void
tell_restrictions(struct explain_way *x, const struct explain_options *q)
{
	if (q->client == NULL) {
		TRACE("note", { "restrictions", VIEW("no --client given") });
	} else if (master_pid(x->barid) == 0) {
		x->failed = true;
		tell("error", "the restrictions (--client) can be told only "
			      "while the mail system runs");
	} else {
		ask_smtpd(x, q);
	}
}

/* content_filter, unless access control named another one. */
static void
order_filter(struct explain_way *x)
{
	const char *filter = x->conf->content_filter;

	if (filter[0] == '\0')
		return;
	for (size_t i = 0; i < x->orders.n; i += 2)
		if (strcmp(x->orders.all[i], "FILTER") == 0)
			return;
	TRACE("order", { "action", VIEW("FILTER") },
	    { "value", view_of(filter) },
	    { "by", VIEW("content_filter") });
	add_order(x, "FILTER", filter);
}

/* --- where it goes --- */

/* By the program behind the transport, if it delivers here. */
static void
tell_delivery(struct explain_way *x)
{
	const struct master_service *service = find_unix(x, x->transport);

	if (service == NULL) {
		TRACE("note", { "transport", view_of(x->transport) },
		    { "note", VIEW("not in master.cf") });
		return;
	}
	TRACE("delivery", { "transport", view_of(x->transport) },
	    { "program", view_of(service->command) });
	if (strcmp(service->command, "local") == 0 ||
	    strcmp(service->command, "virtual") == 0)
		ask(x, service->command, service,
		    (const char *const[]){ x->rcpt, NULL });
}

/* As qmgr does it: all of the message, whatever the recipient's own way is.
 * What comes back is a message of its own. */
static void
tell_filter(struct explain_way *x, const char *recipient)
{
	struct view filter = view_of(x->filter), nexthop = VIEW_EMPTY;
	size_t colon = view_find(filter, ':');
	struct str transport = STR_EMPTY;

	str_set(&transport, view_first(filter, colon));
	if (colon != VIEW_NPOS)
		nexthop = view_skip(filter, colon + 1);
	if (nexthop.len == 0)
		nexthop = view_of(x->conf->default_filter_nexthop);
	if (nexthop.len == 0)
		nexthop = addr_domain(view_of(recipient));
	TRACE("route", { "address", view_of(recipient) },
	    { "class", VIEW("content filter") },
	    { "transport", str_view(&transport) }, { "nexthop", nexthop },
	    { "recipient", view_of(recipient) });
	keep(&x->transport, transport.ptr);
	keep(&x->rcpt, recipient);
	tell_delivery(x);
	TRACE("note", { "note", VIEW("what follows is for mail that the filter "
				     "gives back unchanged") });
	str_clear(&transport);
}

static void
tell_route(struct explain_way *x, const char *recipient, const char *original)
{
	const char *sender = x->sender != NULL ? x->sender : "";
	bool failed = x->failed;

	if (x->filter != NULL)
		tell_filter(x, recipient);
	keep(&x->transport, NULL);
	x->failed = false;
	ask(x, "rewrite", find_unix(x, "rewrite"),
	    (const char *const[]){ sender, recipient,
		addr_eq(view_of(original), view_of(recipient)) ? "" : original,
		NULL });
	if (!x->failed && x->transport != NULL)
		tell_delivery(x);
	x->failed = x->failed || failed;
}

/* --- cleanup --- */

/* `is_first`: it is the message itself; what aliases make of it has neither
 * orders nor checks. */
static void
ask_cleanup(struct explain_way *x, const struct explain_options *q,
    const char *sender, const char *recipient, bool is_first)
{
	size_t n = is_first ? x->orders.n : 0;
	const char **args = xcalloc(n + 5, sizeof(*args));

	args[0] = is_first ? x->conf->receive_override_options : "";
	args[1] = sender;
	args[2] = recipient;
	args[3] = is_first && q->message != NULL ? q->message : "";
	for (size_t i = 0; i < n; i++)
		args[4 + i] = x->orders.all[i];
	ask(x, "cleanup", find_unix(x, x->conf->cleanup_service_name), args);
	free(args);
}

static void
tell_message(struct explain_way *x, const struct explain_options *q,
    const char *sender, const char *recipient, bool is_first)
{
	clear_texts(&x->rcpts);
	keep(&x->filter, NULL);
	if (!x->is_discarded)
		ask_cleanup(x, q, sender, recipient, is_first);
	if (x->is_discarded) {
		TRACE("note", { "note", VIEW("the message is thrown away") });
		return;
	}
	for (size_t i = 0; i < x->rcpts.n; i++)
		tell_route(x, x->rcpts.all[i], recipient);
}

static void
clear(struct explain_way *x)
{
	clear_texts(&x->orders);
	clear_texts(&x->messages);
	clear_texts(&x->rcpts);
	htable_clear(&x->met, NULL);
	free(x->sender);
	free(x->filter);
	free(x->transport);
	free(x->rcpt);
}

bool
explain_way(struct explain_way *x, const struct explain_options *q)
{
	struct str sender = STR_EMPTY, address = STR_EMPTY;

	htable_init(&x->met);
	addr_to_internal(&sender, view_of(q->sender));
	addr_to_internal(&address, view_of(q->address));
	TRACE("service", { "name", view_of(x->input->name) });
	tell_restrictions(x, q);
	order_filter(x);
	add_message(x, address.ptr);
	/* What an alias leads to is a message of its own. */
	for (size_t i = 0; i < x->messages.n; i++)
		tell_message(
		    x, q, sender.ptr, x->messages.all[i], i == 0);
	str_clear(&sender);
	str_clear(&address);
	clear(x);
	return !x->failed;
}
