/*
 * barid explain: each program on the way of a recipient is asked how it would
 * decide, and what it says is what the next one is asked.
 */
#include "ctl/barid.h"
#include "ctl/explain.h"

#include "lib/base/htable.h"
#include "lib/base/mem.h"
#include "lib/base/trace.h"
#include "lib/daemon/program.h"
#include "lib/dns/name.h"
#include "lib/mail/addr.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] = "usage: barid explain [--json] [--ask] "
			    "[--client address] [--helo name] "
			    "[--from sender] [--service name] address";

struct question {
	bool json, asks;
	const char *client, *helo, *sender, *service, *address;
};

static bool
read_options(struct question *q, int argc, char **argv)
{
	static const struct option options[] = {
		{ "ask", no_argument, NULL, 'a' },
		{ "client", required_argument, NULL, 'c' },
		{ "from", required_argument, NULL, 'f' },
		{ "helo", required_argument, NULL, 'h' },
		{ "json", no_argument, NULL, 'j' },
		{ "service", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*q = (struct question){ .sender = "" };
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'a':
			q->asks = true;
			break;
		case 'c':
			q->client = optarg;
			break;
		case 'f':
			q->sender = optarg;
			break;
		case 'h':
			q->helo = optarg;
			break;
		case 'j':
			q->json = true;
			break;
		case 's':
			q->service = optarg;
			break;
		default:
			return false;
		}
	}
	if (argc - optind != 1)
		return false;
	q->address = argv[optind];
	return true;
}

static bool
is_smtpd(const struct master_service *s)
{
	return s->type == MASTER_INET &&
	    (strcmp(s->command, "smtpd") == 0 ||
		strcmp(s->command, "postscreen") == 0);
}

/* Of that name, or whose port has it; the first for NULL. */
static const struct master_service *
find_service(const struct master_cf *cf, const char *name)
{
	LIST_EACH (it, after, &cf->services) {
		const struct master_service *s =
		    LIST_ITEM(it, struct master_service, node);

		if (is_smtpd(s) &&
		    (name == NULL || strcmp(s->name, name) == 0 ||
			(s->port != NULL && strcmp(s->port, name) == 0)))
			return s;
	}
	return NULL;
}

/* The service that takes the mail in. */
static const struct master_service *
find_input(const struct master_cf *cf, const char *name)
{
	const char *const names[] = { "smtp", "25", NULL };
	const struct master_service *s = NULL;

	if (name != NULL)
		return find_service(cf, name);
	for (size_t i = 0; s == NULL && i < ARRAY_LEN(names); i++)
		s = find_service(cf, names[i]);
	return s;
}

/* --- one explanation --- */

/* Addresses that one explanation follows. */
enum { FOLLOWED_MAX = 1000 };

/* What grows while it is gone through; each once. */
struct names {
	char **all;
	size_t n;
};

struct explained {
	const struct barid *barid;
	const struct master_cf *master;
	const struct master_service *input;
	const char *overrides; /* receive_override_options of the input */
	bool failed;	       /* something could not be found out */
	struct names messages; /* recipients that cleanup is given */
	struct htable met;     /* the same, in lower case */
	/* Of the last answers. */
	char *sender;	     /* as cleanup makes it */
	struct names rcpts;  /* of one message */
	char *transport, *rcpt;
};

static void
add_name(struct names *names, const char *name)
{
	names->all =
	    xreallocarray(names->all, names->n + 1, sizeof(*names->all));
	names->all[names->n++] = xstrdup(name);
}

static void
clear_names(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->all[i]);
	free(names->all);
	*names = (struct names){ NULL, 0 };
}

static void
keep(char **place, const char *text)
{
	free(*place);
	*place = xstrdup(text);
}

/* A recipient that a message goes to. */
static void
add_message(struct explained *x, const char *address)
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
		add_name(&x->messages, address);
	}
	str_clear(&key);
}

static void
take_step(void *arg, const char *step, const json_t *all)
{
	struct explained *x = arg;

	if (strcmp(step, "failed") == 0) {
		x->failed = true;
	} else if (strcmp(step, "sender") == 0) {
		keep(&x->sender, explain_text(all, "address"));
	} else if (strcmp(step, "recipient") == 0) {
		add_name(&x->rcpts, explain_text(all, "address"));
	} else if (strcmp(step, "route") == 0) {
		keep(&x->transport, explain_text(all, "transport"));
		keep(&x->rcpt, explain_text(all, "recipient"));
	} else if (strcmp(step, "forward") == 0) {
		add_message(x, explain_text(all, "address"));
	}
}

/* Ask the program of a service, with its -o. */
static bool
ask(struct explained *x, const char *command,
    const struct master_service *service, struct explain_question q)
{
	bool good;

	q.dir = x->barid->dir;
	q.daemon_directory = x->barid->conf->daemon_directory;
	q.command = command;
	q.service = service;
	good = explain_ask(&q, take_step, x);
	x->failed = x->failed || !good;
	return good;
}

static const struct master_service *
find_unix(const struct explained *x, const char *name)
{
	return master_cf_find(x->master, view_of(name), MASTER_UNIX);
}

/* --- smtpd --- */

static void
ask_smtpd(struct explained *x, const struct question *q)
{
	struct str literal = STR_EMPTY;

	str_printf(&literal, "[%s%s]",
	    strchr(q->client, ':') != NULL ? "IPv6:" : "", q->client);
	ask(x, "smtpd", x->input,
	    (struct explain_question){ .args = { q->asks ? "ask" : "quiet",
					   q->client,
					   q->helo != NULL ? q->helo
							   : literal.ptr,
					   q->sender, q->address, NULL } });
	str_clear(&literal);
}

static void
tell_restrictions(struct explained *x, const struct question *q)
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

/* --- what follows --- */

/* By the program behind the transport, if it delivers here. */
static void
tell_delivery(struct explained *x)
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
		    (struct explain_question){ .args = { x->rcpt, NULL } });
}

static void
tell_route(struct explained *x, const char *recipient, const char *original)
{
	const char *sender = x->sender != NULL ? x->sender : "";
	bool failed = x->failed;

	x->failed = false;
	ask(x, "rewrite", find_unix(x, "rewrite"),
	    (struct explain_question){ .args = { sender, recipient,
			addr_eq(view_of(original), view_of(recipient))
			    ? ""
			    : original,
			NULL } });
	if (!x->failed && x->transport != NULL)
		tell_delivery(x);
	x->failed = x->failed || failed;
}

static void
tell_message(struct explained *x, const char *sender, const char *recipient)
{
	clear_names(&x->rcpts);
	ask(x, "cleanup", find_unix(x, x->barid->conf->cleanup_service_name),
	    (struct explain_question){
		.args = { x->overrides, sender, recipient, NULL } });
	for (size_t i = 0; i < x->rcpts.n; i++)
		tell_route(x, x->rcpts.all[i], recipient);
}

static void
tell_all(struct explained *x, const struct question *q)
{
	struct str sender = STR_EMPTY, address = STR_EMPTY;

	addr_to_internal(&sender, view_of(q->sender));
	addr_to_internal(&address, view_of(q->address));
	TRACE("service", { "name", view_of(x->input->name) });
	tell_restrictions(x, q);
	add_message(x, address.ptr);
	/* What an alias leads to is a message of its own. */
	for (size_t i = 0; i < x->messages.n; i++) {
		tell_message(x, sender.ptr, x->messages.all[i]);
		x->overrides = "";
	}
	str_clear(&sender);
	str_clear(&address);
	clear_names(&x->messages);
	clear_names(&x->rcpts);
	htable_clear(&x->met, NULL);
	free(x->sender);
	free(x->transport);
	free(x->rcpt);
}

/* --- the beginning --- */

/* main.cf as the service that takes mail in sees it. */
static struct err
load_input(const struct barid *b, const struct master_service *input,
    struct conf **conf)
{
	struct conf_pair *pairs = explain_overrides(input);
	struct conf_source source = { .dir = b->dir,
		.service_name = input->name,
		.process_name = input->command,
		.overrides = pairs };
	struct err e;

	while (pairs[source.n_overrides].name != NULL)
		source.n_overrides++;
	e = conf_load(&source, conf);
	explain_overrides_free(pairs);
	return e;
}

static bool
is_question(const struct question *q)
{
	struct dns_addr addr;

	if (q->client == NULL || dns_addr_parse(view_of(q->client), &addr))
		return true;
	tell("fatal", "--client %s: no IP address", q->client);
	return false;
}

static int
explain(const struct barid *b, const struct question *q,
    const struct master_cf *master)
{
	struct explained x = { .barid = b,
		.master = master,
		.input = find_input(master, q->service) };
	struct conf *conf;
	struct err e;

	if (x.input == NULL) {
		tell("fatal", "master.cf has no service %s%sthat is smtpd",
		    q->service != NULL ? q->service : "",
		    q->service != NULL ? " " : "");
		return 1;
	}
	if (!is_question(q))
		return 1;
	e = load_input(b, x.input, &conf);
	if (err_is(e)) {
		tell("fatal", "%s", e.text);
		return 1;
	}
	trace_form = q->json ? TRACE_JSON : TRACE_TEXT;
	htable_init(&x.met);
	x.overrides = conf->receive_override_options;
	tell_all(&x, q);
	conf_free(conf);
	return x.failed ? 1 : 0;
}

int
verb_explain(struct barid *b, int argc, char **argv)
{
	struct str path = STR_EMPTY;
	struct master_cf master;
	struct question q;
	struct err e;
	int status = 1;

	if (!read_options(&q, argc, argv)) {
		tell("fatal", "%s", usage);
		return 1;
	}
	e = barid_load(b);
	master_cf_init(&master);
	if (!err_is(e)) {
		str_printf(&path, "%s/master.cf", b->dir);
		e = master_cf_read_file(&master, path.ptr, false);
	}
	if (!err_is(e))
		e = program_add_builtin(&master, false);
	if (err_is(e))
		tell("fatal", "%s", e.text);
	else
		status = explain(b, &q, &master);
	master_cf_clear(&master);
	str_clear(&path);
	return status;
}
