/*
 * libunbound on our loop: see engine.h.
 *
 * A question belongs to its fiber and, once asked, to the library as well: the
 * one who lets go last frees it, since the library cannot be stopped.
 */
#include "resolve/engine.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/run/loop.h"
#include "resolve/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <unbound-event.h>
#include <unbound.h>
#include <unistd.h>

enum {
	ASK_A_TURN = 200,
	PROBE_AGAIN_MS = 60000,
};

/* Whether the servers can do DNSSEC. Once seen, it is not given up: who can
 * break the proof must not be able to make us do without. */
enum dnssec { DNSSEC_UNKNOWN, DNSSEC_ABSENT, DNSSEC_WORKS };

struct engine {
	struct ub_event_base *base;
	struct ub_ctx *plain, *validating;
	struct list pending; /* questions that the library has not got */
	struct loop_hook hook;
	struct timer again; /* more are pending than a turn takes */
	size_t n_open;
	bool started;
	enum dnssec dnssec;
	bool probing;
	struct wait_queue probed;
	int64_t probed_at;
};

struct engine_question {
	struct list node;
	struct engine *engine;
	bool validate, asked, abandoned, done;
	int type;
	char name[DNS_NAME_SIZE];
	struct wait wait;
	struct dns_answer answer;
};

/* --- contexts --- */

/* Memory and times are bounded here; the rest is as the library has it. */
static const struct {
	const char *name, *value;
} options[] = {
	{ "module-config:", "iterator" }, /* validating: see below */
	{ "do-not-query-localhost:", "no" },
	{ "msg-cache-size:", "16m" },
	{ "rrset-cache-size:", "32m" },
	{ "msg-cache-slabs:", "1" },
	{ "rrset-cache-slabs:", "1" },
	{ "infra-cache-slabs:", "1" },
	{ "key-cache-slabs:", "1" },
	{ "key-cache-size:", "4m" },
	{ "neg-cache-size:", "4m" },
	{ "cache-max-ttl:", "86400" },
	{ "cache-max-negative-ttl:", "900" },
	/* Servers that were down are asked again soon. */
	{ "infra-host-ttl:", "30" },
	{ "infra-keep-probing:", "yes" },
	{ "infra-cache-max-rtt:", "12000" },
	{ "infra-cache-numhosts:", "1000" },
	{ "outgoing-range:", "1024" },
	{ "num-queries-per-thread:", "4096" },
	{ "outgoing-num-tcp:", "64" },
	{ "edns-buffer-size:", "1232" },
	{ "qname-minimisation:", "no" }, /* we ask a resolver */
	/* Names of private networks are the site's own resolver's to know. */
	{ "unblock-lan-zones:", "yes" },
	{ "insecure-lan-zones:", "yes" },
};

/* Names that the library would answer itself, and a site may well have. */
static const char *const not_local[] = { "test.", "home.arpa." };

/* The root's keys (IANA: KSK-2017 and KSK-2024), used where the system keeps
 * no newer ones. */
static const char *const anchors[] = {
	". IN DS 20326 8 2 "
	"E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
	". IN DS 38696 8 2 "
	"683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
};
static const char anchor_file[] = "/usr/share/dns/root.key";

static struct err
unbound_err(const char *what, const char *on, int code)
{
	return err_make(ERR_TEMP, "%s %s: %s", what, on, ub_strerror(code));
}

static struct err
set_options(struct ub_ctx *ctx, const struct servers *servers)
{
	int code;

	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		code =
		    ub_ctx_set_option(ctx, options[i].name, options[i].value);
		if (code != 0)
			return unbound_err(
			    "set resolver option", options[i].name, code);
	}
	for (size_t i = 0; i < servers->n; i++) {
		code = ub_ctx_set_fwd(ctx, servers->server[i]);
		if (code != 0)
			return unbound_err(
			    "use name server", servers->server[i], code);
	}
	return ERR_OK;
}

static struct err
add_anchors(struct ub_ctx *ctx)
{
	int code =
	    ub_ctx_set_option(ctx, "module-config:", "validator iterator");

	if (code != 0)
		return unbound_err("set", "module-config", code);
	if (access(anchor_file, R_OK) == 0) {
		code = ub_ctx_add_ta_file(ctx, anchor_file);
		return code == 0 ? ERR_OK
				 : unbound_err("use", anchor_file, code);
	}
	for (size_t i = 0; i < ARRAY_LEN(anchors); i++) {
		code = ub_ctx_add_ta(ctx, anchors[i]);
		if (code != 0)
			return unbound_err("use", "root anchor", code);
	}
	return ERR_OK;
}

static void
ignore_answer(void *arg, int rcode, void *packet, int len, int secure,
    char *why_bogus, int limited)
{
	(void)arg, (void)rcode, (void)packet, (void)len, (void)secure;
	(void)why_bogus, (void)limited;
}

static struct err
open_context(struct ub_event_base *base, const struct servers *servers,
    bool validate, struct ub_ctx **out)
{
	struct ub_ctx *ctx = ub_ctx_create_ub_event(base);
	struct err e;
	int code;

	*out = ctx;
	if (ctx == NULL)
		return err_make(ERR_TEMP, "make a resolver's context");
	/* What it would print is for its authors. */
	ub_ctx_debugout(ctx, NULL);
	e = set_options(ctx, servers);
	if (!err_is(e) && validate)
		e = add_anchors(ctx);
	/* This also makes the library read what it has to read. */
	for (size_t i = 0; !err_is(e) && i < ARRAY_LEN(not_local); i++) {
		code = ub_ctx_zone_remove(ctx, not_local[i]);
		if (code != 0)
			e = unbound_err("open", not_local[i], code);
	}
	if (err_is(e))
		return e;
	/* Answered at once by the library itself, and makes its worker. */
	code = ub_resolve_event(ctx, "localhost", DNS_TYPE_A, DNS_CLASS_IN,
	    NULL, ignore_answer, NULL);
	return code == 0 ? ERR_OK : unbound_err("ask", "localhost", code);
}

struct err
engine_open(const struct servers *servers, struct engine **out)
{
	struct engine *e = xcalloc(1, sizeof(*e));
	struct err err;

	list_init(&e->pending);
	wait_queue_init(&e->probed);
	e->base = event_base_open();
	err = open_context(e->base, servers, false, &e->plain);
	if (!err_is(err))
		err = open_context(e->base, servers, true, &e->validating);
	if (err_is(err)) {
		engine_close(e);
		e = NULL;
	}
	*out = e;
	return err;
}

void
engine_close(struct engine *e)
{
	if (e->started) {
		loop_remove_hook(&e->hook);
		timer_cancel(&e->again);
	}
	ub_ctx_delete(e->plain);
	ub_ctx_delete(e->validating);
	event_base_close(e->base);
	free(e);
}

/* --- questions --- */

static void
question_free(struct engine_question *q)
{
	q->engine->n_open--;
	dns_answer_clear(&q->answer);
	free(q);
}

static void
question_done(struct engine_question *q)
{
	q->done = true;
	if (q->abandoned)
		question_free(q);
	else
		wait_wake(&q->wait);
}

/* On the loop's stack, perhaps before ub_resolve_event has returned. */
static void
on_answer(void *arg, int rcode, void *packet, int len, int secure,
    char *why_bogus, int limited)
{
	struct engine_question *q = arg;
	struct dns_answer *a = &q->answer;
	struct view name = view_of(q->name);

	(void)limited;
	if (secure == 1) {
		dns_answer_fail(a, DNS_BOGUS, name, q->type);
		log_debug("bogus: %s type %d: %s", q->name, q->type,
		    why_bogus != NULL ? why_bogus : "");
	} else if ((rcode == DNS_RCODE_OK || rcode == DNS_RCODE_NXDOMAIN) &&
	    packet != NULL && len > 0) {
		dns_answer_read(
		    a, view_make(packet, (size_t)len), name, q->type);
		a->secure = secure == 2 && q->validate;
	} else {
		dns_answer_fail(a, DNS_TEMP, name, q->type);
	}
	question_done(q);
}

static void
give_to_library(struct engine *e, struct engine_question *q)
{
	struct ub_ctx *ctx = q->validate ? e->validating : e->plain;
	int code;

	list_remove(&q->node);
	q->asked = true;
	code = ub_resolve_event(
	    ctx, q->name, q->type, DNS_CLASS_IN, q, on_answer, NULL);
	if (code != 0) {
		dns_answer_fail(
		    &q->answer, DNS_TEMP, view_of(q->name), q->type);
		log_warn("ask for %s: %s", q->name, ub_strerror(code));
		question_done(q);
	}
}

static void
on_again(struct timer *t)
{
	/* The hook does it, at the end of this turn. */
	(void)t;
}

static void
ask_pending(struct loop_hook *h)
{
	struct engine *e = LIST_ITEM(h, struct engine, hook);
	struct list *it;

	for (int i = 0; i < ASK_A_TURN; i++) {
		it = list_first(&e->pending);
		if (it == NULL)
			return;
		give_to_library(e, LIST_ITEM(it, struct engine_question, node));
	}
	if (!list_is_empty(&e->pending))
		timer_set(&e->again, loop_now(), on_again);
}

void
engine_start(struct engine *e)
{
	event_base_start(e->base);
	e->hook.run = ask_pending;
	loop_add_hook(&e->hook);
	e->started = true;
}

static struct engine_question *
ask_context(struct engine *e, bool validate, struct view name, int type)
{
	struct engine_question *q = xcalloc(1, sizeof(*q));

	q->engine = e;
	q->validate = validate;
	q->type = type;
	list_init(&q->node);
	snprintf(q->name, sizeof(q->name), "%.*s",
	    VIEW_ARGS(view_first(dns_name_bare(name), DNS_NAME_MAX)));
	dns_answer_init(&q->answer);
	if (e->n_open++ < ENGINE_OPEN_MAX) {
		list_append(&e->pending, &q->node);
		return q;
	}
	dns_answer_fail(&q->answer, DNS_TEMP, view_of(q->name), type);
	q->asked = q->done = q->wait.done = true;
	return q;
}

void
engine_take(struct engine *e, struct engine_question *q, struct dns_answer *out,
    int64_t deadline)
{
	int64_t limit = deadline_in_ms(ENGINE_WAIT_MS);
	struct err err;

	(void)e;
	err = wait_for(&q->wait, deadline < limit ? deadline : limit);
	*out = q->answer;
	dns_answer_init(&q->answer);
	if (err_is(err) && !q->done)
		dns_answer_fail(out, DNS_TEMP, view_of(q->name), q->type);
	list_remove(&q->node);
	if (q->done || !q->asked)
		question_free(q);
	else
		q->abandoned = true;
}

/* --- DNSSEC --- */

static void
ask_root(struct engine *e, bool validate, struct dns_answer *a)
{
	struct engine_question *q =
	    ask_context(e, validate, VIEW("."), DNS_TYPE_NS);

	snprintf(q->name, sizeof(q->name), ".");
	engine_take(e, q, a, DEADLINE_NEVER);
}

/*
 * The root's name servers are signed: a server that can answer that securely
 * can do DNSSEC.  One that answers only who does not ask for proof cannot; of
 * one that does not answer at all nothing is known.
 */
static enum dnssec
find_dnssec(struct engine *e)
{
	struct dns_answer proven, plain;
	enum dnssec found = DNSSEC_UNKNOWN;

	ask_root(e, true, &proven);
	if (proven.secure) {
		found = DNSSEC_WORKS;
	} else {
		ask_root(e, false, &plain);
		if (!dns_status_is_temp(plain.status))
			found = DNSSEC_ABSENT;
		dns_answer_clear(&plain);
	}
	dns_answer_clear(&proven);
	return found;
}

static void
probe(struct engine *e)
{
	enum dnssec before = e->dnssec;

	e->probing = true;
	e->dnssec = find_dnssec(e);
	if (e->dnssec == DNSSEC_ABSENT && before == DNSSEC_UNKNOWN)
		log_warn("the name servers do not do DNSSEC: answers are not "
			 "validated");
	e->probed_at = clock_ms();
	e->probing = false;
	wait_queue_wake_all(&e->probed);
}

/* While nothing is known the answer must be proven: it fails for now. */
static bool
can_validate(struct engine *e)
{
	if (e->dnssec == DNSSEC_WORKS)
		return true;
	if (e->dnssec == DNSSEC_ABSENT &&
	    clock_ms() < e->probed_at + PROBE_AGAIN_MS)
		return false;
	if (e->probing)
		wait_queue_for(&e->probed, deadline_in_ms(2 * ENGINE_WAIT_MS));
	else
		probe(e);
	return e->dnssec != DNSSEC_ABSENT;
}

struct engine_question *
engine_ask(struct engine *e, bool validate, struct view name, int type)
{
	return ask_context(e, validate && can_validate(e), name, type);
}
