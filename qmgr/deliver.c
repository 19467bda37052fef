/*
 * One delivery: the request to an agent with a descriptor of the queue file,
 * and what its answer means for the recipients and for the destination.
 */
#include "qmgr/qmgr.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* Recipients in one request, so that it fits a frame whatever their length. */
enum { DELIVER_RCPTS_BYTES = 40 * 1024 };
/* What a frame needs beside the texts in it. */
enum { REQUEST_OVERHEAD = 1024 };

struct delivery {
	struct message *message;
	struct destination *destination;
	char *sender; /* NULL: the message's */
	struct list rcpts;
	struct str list;
	struct seal seal;
	int64_t began;
};

/* A fresh description, read-only, with a shared lock that is held as long as
 * anybody has it. */
static struct err
open_for_agent(const struct message *m, int *fd)
{
	struct queue_path path = queue_path_of(m->queue, queue_id_view(&m->id));

	*fd = open(path.text, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (*fd < 0)
		return err_sys(ERR_TEMP, "open %s", path.text);
	if (flock(*fd, LOCK_SH | LOCK_NB) == 0)
		return ERR_OK;
	close(*fd);
	*fd = -1;
	return err_make(ERR_TEMP, "lock %s: busy", path.text);
}

static struct rcpt *
take_rcpt(struct delivery *x, int64_t number)
{
	LIST_EACH(it, after, &x->rcpts)
	{
		struct rcpt *r = LIST_ITEM(it, struct rcpt, node);

		if (r->number == number)
			return r;
	}
	return NULL;
}

/* An agent's outcomes; what it does not mention waits for another try. */
static void
take_outcomes(struct delivery *x, struct view list, struct outcomes *o)
{
	struct ipc_outcome from;
	bool more;

	while (!err_is(ipc_list_next(&list, IPC_IN(outcome, &from), &more)) &&
	    more) {
		struct rcpt *r = take_rcpt(x, from.number);
		struct verdict v = { .status = (enum outcome)from.status,
			.dsn = from.dsn, .text = from.text,
			.relay = from.relay, .remote = from.remote };

		if (r == NULL || from.status < OUTCOME_SENT ||
		    from.status > OUTCOME_RELAYED) {
			log_warn("%s: %s: outcome of no recipient",
			    x->message->id.text,
			    x->destination->transport->name);
			continue;
		}
		outcomes_add(o, r, &v);
	}
}

static void
defer_rest(struct delivery *x, struct outcomes *o, const char *why)
{
	struct verdict v = { .status = OUTCOME_DEFERRED,
		.dsn = VIEW("4.3.0"), .text = view_of(why),
		.relay = VIEW("none") };
	struct list *it;

	while ((it = list_first(&x->rcpts)) != NULL) {
		struct rcpt *r = LIST_ITEM(it, struct rcpt, node);

		outcome_log(x->message, r, &v);
		outcomes_add(o, r, &v);
	}
}

static struct err
ask_agent(struct transport *t, const struct ipc_deliver *ask,
    struct ipc_delivered *answer, struct ipc_keep *keep)
{
	int64_t deadline = deadline_in(qmgr.conf->daemon_timeout);
	struct ipc_talk talk;
	struct err e;

	if (!t->is_worker)
		return ipc_call_once(&t->service, IPC_OUT(deliver, ask),
		    IPC_IN(delivered, answer), keep, deadline);
	e = ipc_talk_begin(&t->service, &talk, deadline_in(60));
	if (err_is(e)) {
		close(ask->file);
		return e;
	}
	e = ipc_talk_send(&talk, IPC_OUT(deliver, ask), deadline);
	if (!err_is(e))
		e = ipc_talk_answer(&talk, IPC_IN(delivered, answer), keep,
		    deadline);
	ipc_talk_end(&talk);
	return e;
}

static void
fill_request(struct ipc_deliver *ask, const struct delivery *x, int fd)
{
	const struct message *m = x->message;

	*ask = (struct ipc_deliver){
		.file = fd,
		.queue_id = queue_id_view(&m->id),
		.transport = view_of(x->destination->transport->name),
		.nexthop = view_of(x->destination->nexthop),
		.sender = view_of(x->sender != NULL ? x->sender : m->sender),
		.arrival_us = m->arrival_us,
		.active_us = m->active_us,
		.size = m->size,
		.flags = m->flags,
		.envid = view_of(m->envid),
		.ret = m->ret,
		.layout = m->layout,
		.client_name = view_of(m->client_name),
		.client_addr = view_of(m->client_addr),
		.protocol = view_of(m->protocol),
		.helo = view_of(m->helo),
		.seal = seal_view(&x->seal),
		.rcpts = str_view(&x->list),
	};
}

/*
 * cleanup makes no such messages, but a file in the queue may be of anybody's
 * making: it is that message which cannot be delivered, not the transport that
 * is dead for all others.
 */
static bool
fits_frame(const struct ipc_deliver *ask)
{
	size_t len = ask->transport.len + ask->nexthop.len + ask->sender.len +
	    ask->envid.len + ask->layout.len + ask->client_name.len +
	    ask->client_addr.len + ask->protocol.len + ask->helo.len +
	    ask->seal.len + ask->rcpts.len;

	return len <= IPC_FRAME_MAX - REQUEST_OVERHEAD;
}

static void
note_destination(struct delivery *x, const struct ipc_delivered *answer)
{
	struct str reason = STR_EMPTY;

	if (answer->destination == DESTINATION_FINE) {
		destination_succeeded(x->destination);
		return;
	}
	str_add(&reason, answer->reason);
	destination_failed(x->destination, reason.ptr);
	str_clear(&reason);
}

/* One agent that dies says nothing of the others; but if the next one does so
 * too, or none can be had, the transport is dead for a while. */
static const char *
note_no_answer(struct delivery *x, struct err e)
{
	struct transport *t = x->destination->transport;
	bool is_first = t->lost_at == 0 || x->began <= t->lost_at;

	if (e.kind != ERR_GONE || !is_first) {
		transport_failed(t, e.text);
		return "mail transport unavailable";
	}
	log_warn("%s: %s", x->message->id.text, e.text);
	if (t->lost_at == 0)
		t->lost_at = loop_now();
	return "delivery agent was lost";
}

/* What the agent says of each recipient; takes the descriptor. */
static void
ask_outcomes(
    struct delivery *x, const struct ipc_deliver *ask, struct outcomes *o)
{
	struct transport *t = x->destination->transport;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct ipc_delivered answer;
	struct err e = ask_agent(t, ask, &answer, &keep);

	if (err_is(e)) {
		x->message->was_unanswered = true;
		defer_rest(x, o, note_no_answer(x, e));
	} else {
		if (x->began > t->lost_at)
			t->lost_at = 0;
		note_destination(x, &answer);
		take_outcomes(x, answer.outcomes, o);
		defer_rest(x, o, "delivery agent gave no outcome");
	}
	ipc_keep_clear(&keep);
}

static void
deliver(struct delivery *x)
{
	struct ipc_deliver ask;
	struct outcomes o;
	int fd;
	struct err e = open_for_agent(x->message, &fd);

	outcomes_init(&o, x->message);
	if (err_is(e)) {
		log_warn("%s", e.text);
		defer_rest(x, &o, "queue file is not available");
		outcomes_flush(&o);
		return;
	}
	fill_request(&ask, x, fd);
	if (fits_frame(&ask)) {
		ask_outcomes(x, &ask, &o);
	} else {
		close(fd);
		defer_rest(x, &o, "message envelope is too large");
	}
	outcomes_flush(&o);
}

static void
deliver_fiber(void *arg)
{
	struct delivery *x = arg;
	struct destination *d = x->destination;

	deliver(x);
	message_unuse(x->message);
	str_clear(&x->list);
	free(x->sender);
	free(x);
	schedule_done(d);
	work_end();
}

void
deliver_start(struct job *job)
{
	struct delivery *x = xcalloc(1, sizeof(*x));
	int64_t limit = job->destination->transport->recipient_limit;
	int64_t n = 0;
	struct str sealed = STR_EMPTY;
	struct list *it;

	x->message = job->message;
	x->destination = job->destination;
	x->sender = job->sender != NULL ? xstrdup(job->sender) : NULL;
	x->list = STR_EMPTY;
	x->began = loop_now();
	list_init(&x->rcpts);
	message_use(x->message);
	work_begin();
	seal_begin(&sealed, queue_id_view(&x->message->id));
	while ((it = list_first(&job->rcpts)) != NULL &&
	    (limit <= 0 || n < limit) && x->list.len < DELIVER_RCPTS_BYTES) {
		struct rcpt *r = LIST_ITEM(it, struct rcpt, node);
		struct ipc_rcpt to = { r->number, view_of(r->address),
			view_of(r->original), view_of(r->orcpt), r->notify };

		list_remove(it);
		list_append(&x->rcpts, it);
		ipc_list_add(&x->list, ipc_rcpt_type(), &to);
		seal_add(&sealed, r->number);
		job->n_rcpts--;
		n++;
	}
	x->seal = seal_end(&sealed);
	str_clear(&sealed);
	fiber_spawn("deliver", deliver_fiber, x);
}
