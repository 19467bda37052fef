/* The part of a service that talks to qmgr: see front.h. */
#include "local/front.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/testpoint.h"
#include "lib/conf/values.h"
#include "lib/daemon/late.h"
#include "lib/mail/addr.h"
#include "lib/mail/deliver_log.h"
#include "lib/mail/mbox.h"

#include <stdlib.h>
#include <unistd.h>

/* Rounds of one delivery: missing mailbox, then missing lock, then a mailbox
 * that went away. */
enum { ROUNDS_MAX = 4 };

/* The answer must fit in a frame.  Recipients for whom there is no more room
 * are not delivered to and not in it: qmgr asks for them again. */
enum { OUTCOMES_MAX = IPC_FRAME_MAX - 4096 };

void
verdict_set(struct verdict *v, enum outcome status, const char *dsn,
    const char *format, ...)
{
	struct str text = STR_EMPTY, clean = STR_EMPTY;
	va_list ap;

	va_start(ap, format);
	str_vaddf(&text, format, ap);
	va_end(ap);
	log_clean(&clean, str_view(&text), sizeof(v->text) - 1);
	*v = (struct verdict){ .status = status };
	memcpy(v->text, clean.ptr, clean.len);
	memcpy(v->dsn, dsn, strnlen(dsn, sizeof(v->dsn) - 1));
	str_clear(&text);
	str_clear(&clean);
}

void
verdict_defer(struct verdict *v, struct err e)
{
	verdict_set(v, OUTCOME_DEFERRED, "4.3.0", "%s", e.text);
}

bool
front_is_probe(struct delivery *d, const char *what)
{
	if ((d->message->flags & SUBMIT_PROBE) == 0)
		return false;
	verdict_set(&d->verdict, OUTCOME_SENT, "2.0.0", "delivers to %s", what);
	return true;
}

/* --- what a request needs --- */

static struct work *
work_take(struct front *f)
{
	struct work *w;

	if (f->n_spares > 0)
		return f->spares[--f->n_spares];
	w = xcalloc(1, sizeof(*w));
	str_init(&w->packet);
	str_init(&w->head);
	return w;
}

static void
work_free(struct work *w)
{
	str_clear(&w->packet);
	str_clear(&w->head);
	free(w->window);
	free(w);
}

static void
work_give(struct front *f, struct work *w)
{
	if (f->n_spares < FRONT_SPARES_MAX)
		f->spares[f->n_spares++] = w;
	else
		work_free(w);
}

char *
work_window(struct work *w)
{
	if (w->window == NULL)
		w->window = xmalloc(CONTENT_WINDOW);
	return w->window;
}

/* --- one mailbox --- */

/* Return-Path, X-Original-To, Delivered-To; before them From_ in an mbox. */
static void
build_head(
    const struct front *f, const struct delivery *d, enum child_kind kind)
{
	struct str *out = &d->work->head;

	str_reset(out);
	if (kind == CHILD_MBOX)
		mbox_add_from_line(out, d->sender, clock_wall());
	str_add_text(out, "Return-Path: <");
	addr_to_external(out, d->sender);
	str_add_text(out, ">\n");
	if (d->rcpt->original.len > 0) {
		str_add_text(out, "X-Original-To: ");
		addr_to_external(out, d->rcpt->original);
		str_add_byte(out, '\n');
	}
	if (f->prepend_file) {
		str_add_text(out, "Delivered-To: ");
		str_add(out, str_view(&d->external));
		str_add_byte(out, '\n');
	}
}

static void
take_answer(struct delivery *d, const struct child_answer *a)
{
	static const enum outcome outcomes[] = {
		[CHILD_DONE] = OUTCOME_SENT,
		[CHILD_TEMP] = OUTCOME_DEFERRED,
		[CHILD_PERM] = OUTCOME_BOUNCED,
		[CHILD_NEEDS_MBOX] = OUTCOME_DEFERRED,
		[CHILD_NEEDS_LOCK] = OUTCOME_DEFERRED,
	};

	verdict_set(&d->verdict, outcomes[a->status], a->dsn, "%s", a->text);
}

/* What the monitor can do for a mailbox in the spool. */
struct spool_help {
	int mbox; /* -1: not made */
	bool locked;
};

static bool
ask_for_mbox(struct front *f, struct delivery *d, const struct target *t,
    struct spool_help *help)
{
	struct monitor_answer *a = &d->work->answer;
	struct err e =
	    pool_ask(&f->pool, MONITOR_MBOX, &t->owner, a, &help->mbox);

	if (err_is(e))
		verdict_defer(&d->verdict, e);
	else if (a->status == MONITOR_OK || a->status == MONITOR_EXISTS)
		return true;
	else
		verdict_set(&d->verdict, OUTCOME_DEFERRED, "4.2.0",
		    "cannot create mailbox %s/%s: %s", t->base, t->path,
		    pool_why(a));
	return false;
}

static bool
ask_for_lock(struct front *f, struct delivery *d, const struct target *t,
    struct spool_help *help)
{
	struct monitor_answer *a = &d->work->answer;
	struct err e = ERR_OK;

	a->status = 0;
	for (int64_t i = 0; i == 0 || i < f->conf->deliver_lock_attempts; i++) {
		if (i > 0)
			e = fiber_sleep(f->conf->deliver_lock_delay * 1000);
		if (!err_is(e))
			e = pool_ask(
			    &f->pool, MONITOR_LOCK, &t->owner, a, NULL);
		if (err_is(e) || a->status != MONITOR_EXISTS)
			break;
	}
	help->locked = !err_is(e) && a->status == MONITOR_OK;
	if (err_is(e))
		verdict_defer(&d->verdict, e);
	else if (!help->locked)
		verdict_set(&d->verdict, OUTCOME_DEFERRED, "4.2.0",
		    "cannot update mailbox %s/%s. unable to create lock file "
		    "%s/%s.lock: %s",
		    t->base, t->path, t->base, t->path, pool_why(a));
	return help->locked;
}

/* One try; true if another makes sense. */
static bool
try_mailbox(struct front *f, struct delivery *d, const struct target *t,
    struct spool_help *help)
{
	struct work *w = d->work;
	struct child_job job = { .kind = t->kind,
		.flags = t->flags,
		.base = t->base,
		.path = t->path,
		.loop = d->external.ptr,
		.head = str_view(&w->head),
		.layout = d->message->layout };
	int fds[WIRE_FDS_MAX] = { d->message->file, help->mbox };
	struct child_answer *a = &w->stored;
	struct err e;

	if (help->mbox >= 0)
		job.flags |= CHILD_HAS_MBOX;
	if (help->locked)
		job.flags |= CHILD_LOCKED;
	str_reset(&w->packet);
	e = child_request_write(&w->packet, &job);
	if (err_is(e)) {
		verdict_set(
		    &d->verdict, OUTCOME_BOUNCED, "5.3.5", "%s", e.text);
		return false;
	}
	e = pool_deliver(&f->pool, &t->owner, str_view(&w->packet), fds,
	    help->mbox >= 0 ? 2 : 1, a);
	if (err_is(e)) {
		verdict_defer(&d->verdict, e);
		return false;
	}
	take_answer(d, a);
	if (a->status == CHILD_NEEDS_MBOX && help->mbox < 0)
		return ask_for_mbox(f, d, t, help);
	if (a->status == CHILD_NEEDS_LOCK && !help->locked)
		return ask_for_lock(f, d, t, help);
	return false;
}

void
front_to_mailbox(struct front *f, struct delivery *d, const struct target *t)
{
	struct spool_help help = { .mbox = -1 };

	if (front_is_probe(d, t->kind == CHILD_MAILDIR ? "maildir" : "mailbox"))
		return;
	build_head(f, d, t->kind);
	for (int i = 0; i < ROUNDS_MAX && try_mailbox(f, d, t, &help); i++)
		;
	if (help.locked)
		pool_ask(&f->pool, MONITOR_UNLOCK, &t->owner,
		    &d->work->answer, NULL);
	if (help.mbox >= 0)
		close(help.mbox);
}

/* --- one request --- */

static void
log_outcome(const struct front *f, const struct delivery *d, int64_t handoff_us)
{
	const struct ipc_deliver *m = d->message;
	struct deliver_line line = {
		.queue_id = m->queue_id,
		.recipient = d->member.len > 0 ? str_view(&d->member)
					       : d->rcpt->address,
		.original = d->member.len > 0 && d->rcpt->original.len == 0
		    ? d->rcpt->address
		    : d->rcpt->original,
		.relay = view_of(f->relay),
		.times = { .arrival_us = m->arrival_us,
		    .active_us = m->active_us,
		    .handoff_us = handoff_us,
		    .done_us = clock_wall_us() },
		.dsn = view_of(d->verdict.dsn),
		.status = (int)d->verdict.status,
		.is_probe = (m->flags & SUBMIT_PROBE) != 0,
		.text = view_of(d->verdict.text),
	};

	deliver_log(&line, f->conf->delay_logging_resolution_limit);
}

static void
deliver_one(struct front *f, struct work *w, const struct ipc_deliver *message,
    const struct ipc_rcpt *rcpt, struct str *outcomes)
{
	struct delivery d = { .message = message,
		.rcpt = rcpt,
		.work = w,
		.sender = message->sender,
		.address = STR_EMPTY,
		.member = STR_EMPTY,
		.external = STR_EMPTY };
	struct ipc_outcome outcome;
	int64_t handoff_us = clock_wall_us();

	str_add(&d.address, rcpt->address);
	str_lower(&d.address);
	addr_to_external(&d.external, rcpt->address);
	f->deliver(f, &d);
	log_outcome(f, &d, handoff_us);
	outcome = (struct ipc_outcome){
		.number = rcpt->number,
		.status = (int64_t)d.verdict.status,
		.dsn = view_of(d.verdict.dsn),
		.text = view_of(d.verdict.text),
		.relay = view_of(f->relay),
		.remote = VIEW_EMPTY,
	};
	ipc_list_add(outcomes, ipc_outcome_type(), &outcome);
	str_clear(&d.address);
	str_clear(&d.member);
	str_clear(&d.external);
}

static void
deliver_each(struct front *f, struct work *w, const struct ipc_deliver *message,
    struct str *outcomes)
{
	struct view list = message->rcpts;
	bool more = true;

	while (more) {
		struct ipc_rcpt rcpt;
		struct err e =
		    ipc_list_next(&list, ipc_rcpt_type(), &rcpt, &more);

		if (err_is(e)) {
			log_warn("%.*s: recipients: %s",
			    VIEW_ARGS(message->queue_id), e.text);
			return;
		}
		if (!more || outcomes->len > OUTCOMES_MAX)
			return;
		deliver_one(f, w, message, &rcpt, outcomes);
	}
}

void
front_deliver_all(
    struct front *f, const struct ipc_deliver *message, struct str *outcomes)
{
	struct work *w = work_take(f);

	deliver_each(f, w, message, outcomes);
	work_give(f, w);
}

/* What has no monitor any more can do nothing; a successor can. */
static void
say_if_worn_out(struct front *f)
{
	if (!f->pool.is_lost || f->is_worn_out)
		return;
	f->is_worn_out = true;
	log_warn("monitor is lost -- restarting");
	daemon_retire(f->daemon);
}

void
front_handle(struct ipc_request *r)
{
	struct front *f = ipc_request_owner(r);
	struct ipc_deliver message;
	struct ipc_delivered answer = { .destination = DESTINATION_FINE,
		.reason = VIEW_EMPTY };
	struct str outcomes = STR_EMPTY;

	if (!ipc_request_read(r, ipc_deliver_type(), &message))
		return;
	front_deliver_all(f, &message, &outcomes);
	answer.outcomes = str_view(&outcomes);
	TEST_POINT("local-stored");
	ipc_reply(r, IPC_OUT(delivered, &answer));
	TEST_POINT("local-answered");
	if (ipc_request_is_lost(r))
		late_report(&message, answer.outcomes);
	str_clear(&outcomes);
	if (message.file >= 0)
		close(message.file);
	say_if_worn_out(f);
}

/* --- opening --- */

static struct table_list *
open_tables(const char *value)
{
	struct table_list *list = NULL;
	struct err e = table_list_open(view_of(value), TABLE_OPEN_LATER, &list);

	if (err_is(e))
		die_temp("%s", e.text);
	return list;
}

static bool
list_has(const char *list, struct view word)
{
	struct view rest = view_of(list), item;

	while (conf_list_next(&rest, &item))
		if (view_eq_case(item, word))
			return true;
	return false;
}

void
front_open(struct front *f, const struct daemon *d, int monitor)
{
	const struct conf *conf = d->conf;
	const char *prepend = conf->prepend_delivered_header;
	bool is_virtual = strcmp(d->program, "virtual") == 0;
	struct err e;

	*f = (struct front){ .daemon = d,
		.conf = conf,
		.relay = d->program };
	pool_init(&f->pool, monitor);
	daemon_service(d, d->conf->cleanup_service_name, &f->cleanup);
	f->prepend_file = is_virtual || list_has(prepend, VIEW("file"));
	f->prepend_forward = list_has(prepend, VIEW("forward"));
	if (is_virtual) {
		f->deliver = virtual_deliver;
		f->virtual_mailboxes = open_tables(conf->virtual_mailbox_maps);
		f->virtual_uids = open_tables(conf->virtual_uid_maps);
		f->virtual_gids = open_tables(conf->virtual_gid_maps);
		return;
	}
	f->deliver = user_deliver;
	f->expand.conf = conf;
	f->expand.aliases = open_tables(conf->alias_maps);
	e = match_list_open(view_of(conf->mydestination), MATCH_OPEN_LATER,
	    &f->expand.local_domains);
	if (err_is(e))
		die_temp("mydestination: %s", e.text);
}

void
front_close(struct front *f)
{
	pool_clear(&f->pool);
	ipc_service_clear(&f->cleanup);
	table_list_close(f->virtual_mailboxes);
	table_list_close(f->virtual_uids);
	table_list_close(f->virtual_gids);
	table_list_close(f->expand.aliases);
	match_list_close(f->expand.local_domains);
	while (f->n_spares > 0)
		work_free(f->spares[--f->n_spares]);
}

bool
front_tables_changed(void *owner)
{
	const struct front *f = owner;

	return table_list_has_changed(f->virtual_mailboxes) ||
	    table_list_has_changed(f->virtual_uids) ||
	    table_list_has_changed(f->virtual_gids) ||
	    table_list_has_changed(f->expand.aliases) ||
	    (f->expand.local_domains != NULL &&
		match_list_has_changed(f->expand.local_domains));
}

/* In names of maildir files "/" and ":" would be understood otherwise. */
static const char *
clean_host(const char *host)
{
	struct str out = STR_EMPTY;

	for (; *host != '\0' && out.len < 128; host++) {
		if (*host == '/')
			str_add_text(&out, "\\057");
		else if (*host == ':')
			str_add_text(&out, "\\072");
		else
			str_add_byte(&out, *host);
	}
	return str_release(&out);
}

void
front_child_site(const struct daemon *d, const char *locks, int64_t size_limit,
    struct child_site *site)
{
	const struct conf *conf = d->conf;

	*site = (struct child_site){
		.host = clean_host(conf->myhostname),
		.size_limit = size_limit,
		.lock_attempts = conf->deliver_lock_attempts,
		.lock_delay = conf->deliver_lock_delay,
		.stale_lock_time = conf->stale_lock_time,
		.idle = conf->max_idle,
		.lock_fcntl = list_has(locks, VIEW("fcntl")),
		.lock_flock = list_has(locks, VIEW("flock")),
		.lock_dot = list_has(locks, VIEW("dotlock")),
		.strict_ownership = conf->strict_mailbox_ownership,
		.unprivileged = d->unprivileged,
	};
}
