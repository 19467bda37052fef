/* The other processes: see standin.h. */
#include "smtpd/standin.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/mail/drop.h"
#include "smtpd/session.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- cleanup --- */

static struct standin_message *
last_message(void)
{
	return &standin.messages[standin.n_messages - 1];
}

static void
copy_text(char *to, size_t room, struct view v)
{
	assert(v.len < room);
	memcpy(to, v.ptr, v.len);
	to[v.len] = '\0';
}

static void
take_rcpts(struct view list)
{
	struct ipc_rcpt r;
	bool more = true;

	for (;;) {
		struct err e = ipc_list_next(&list, IPC_IN(rcpt, &r), &more);

		assert(!err_is(e));
		if (!more)
			break;
		str_addf(&last_message()->rcpts, "%.*s", VIEW_ARGS(r.address));
		if (r.notify != 0)
			str_addf(&last_message()->rcpts, " notify=%d",
			    (int)r.notify);
		if (r.orcpt.len > 0)
			str_addf(&last_message()->rcpts, " orcpt=%.*s",
			    VIEW_ARGS(r.orcpt));
		str_add_byte(&last_message()->rcpts, '\n');
	}
}

static void
take_submit(const struct ipc_submit *s, bool streamed)
{
	struct standin_message *m;

	standin.messages = xreallocarray(
	    standin.messages, ++standin.n_messages, sizeof(*standin.messages));
	m = last_message();
	*m = (struct standin_message){ .sender = STR_EMPTY,
		.rcpts = STR_EMPTY,
		.content = STR_EMPTY,
		.envid = STR_EMPTY,
		.filter = STR_EMPTY,
		.redirect = STR_EMPTY,
		.flags = s->flags,
		.ret = s->ret,
		.hold = s->hold,
		.streamed = streamed,
		.n_heard = standin.n_heard };
	copy_text(m->queue_id, sizeof(m->queue_id), s->queue_id);
	copy_text(m->context, sizeof(m->context), s->context);
	copy_text(m->client_name, sizeof(m->client_name), s->client_name);
	copy_text(m->client_addr, sizeof(m->client_addr), s->client_addr);
	copy_text(m->protocol, sizeof(m->protocol), s->protocol);
	copy_text(m->helo, sizeof(m->helo), s->helo);
	str_add(&m->sender, s->sender);
	str_add(&m->envid, s->envid);
	str_add(&m->content, s->content);
	str_add(&m->filter, s->filter);
	str_add(&m->redirect, s->redirect);
	assert(queue_id_is_valid(s->queue_id));
	assert(s->whole == !streamed);
	take_rcpts(s->rcpts);
}

static void
take_end(const struct ipc_submit_end *end)
{
	struct standin_message *m = last_message();

	m->flags |= end->flags;
	m->hold |= end->hold;
	if (end->filter.len > 0)
		str_set(&m->filter, end->filter);
	if (end->redirect.len > 0)
		str_set(&m->redirect, end->redirect);
	take_rcpts(end->rcpts);
}

static void
forget_last_message(void)
{
	struct standin_message *m = last_message();

	str_clear(&m->sender);
	str_clear(&m->rcpts);
	str_clear(&m->content);
	str_clear(&m->envid);
	str_clear(&m->filter);
	str_clear(&m->redirect);
	standin.n_messages--;
}

void
standin_forget_messages(void)
{
	while (standin.n_messages > 0)
		forget_last_message();
	free(standin.messages);
	standin.messages = NULL;
}

static void
answer_submit(struct ipc_submitted *answer)
{
	int code = standin.submit_code != 0 ? standin.submit_code : 250;

	*answer = (struct ipc_submitted){
		.status = code < 300 ? ERR_NONE
		    : code < 500     ? ERR_TEMP
				     : ERR_PERM,
		.code = code,
		.reply =
		    view_of(standin.submit_reply != NULL ? standin.submit_reply
							 : "2.0.0 Ok"),
	};
	if (code != 250)
		forget_last_message();
}

/* --- in the place of lib/ipc/client.c and talk.c --- */

void
ipc_service_init(struct ipc_service *s, const char *path)
{
	*s = (struct ipc_service){ .n_processes = 1, .generation = 1 };
	snprintf(s->path, sizeof(s->path), "%s", path);
}

struct err
ipc_connect(struct ipc_service *s, int64_t deadline)
{
	(void)s;
	(void)deadline;
	return ERR_OK;
}

void
ipc_service_clear(struct ipc_service *s)
{
	(void)s;
}

void
ipc_service_drop_idle(struct ipc_service *s)
{
	(void)s;
}

void
ipc_keep_clear(struct ipc_keep *k)
{
	k->frame = NULL;
}

/* It must fit into a frame. */
static void
check_frame(const struct ipc_type *type, const void *message)
{
	struct str frame = STR_EMPTY;
	int fd;
	struct err e = ipc_encode(&frame, 1, type, message, &fd);

	assert(!err_is(e));
	standin.n_frames++;
	if (frame.len > standin.largest_frame)
		standin.largest_frame = frame.len;
	str_clear(&frame);
}

static struct err
down(const struct ipc_service *s)
{
	return err_make(ERR_TEMP, "connect to %s: refused", s->path);
}

/* Is this the call that fails? */
static bool
fails_now(void)
{
	return ++standin.n_calls == standin.fail_at;
}

void
standin_hear_policy(void)
{
	static char buffer[4096];
	ssize_t n;

	if (standin.policy_fd == 0)
		return;
	while ((n = recv(standin.policy_fd, buffer, sizeof(buffer),
		    MSG_DONTWAIT)) > 0)
		str_add(&standin.policy_heard, view_make(buffer, (size_t)n));
	close(standin.policy_fd);
	standin.policy_fd = 0;
}

/* NULL: nobody is there. */
static const char *
policy_at(struct view endpoint)
{
	if (!standin.policy_by_path)
		return standin.policy_says;
	if (view_eq(endpoint, VIEW("unix:says-no")))
		return "action=REJECT\n\n";
	return view_eq(endpoint, VIEW("unix:says-nothing"))
	    ? "action=DUNNO\n\n"
	    : NULL;
}

static struct err
call_dial(const struct ipc_dial *ask, struct ipc_dialled *answer)
{
	const char *text = policy_at(ask->endpoint);
	struct view says = view_of(text != NULL ? text : "");
	int fds[2];

	standin_hear_policy();
	*answer = (struct ipc_dialled){ .status = ERR_TEMP,
		.text = VIEW("connect to policy: refused"),
		.socket = -1 };
	if (text == NULL)
		return ERR_OK;
	standin.n_policy++;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0 ||
	    send(fds[1], says.ptr, says.len, 0) != (ssize_t)says.len)
		die_temp("socketpair: %s", strerror(errno));
	if (standin.policy_hangs_up)
		shutdown(fds[1], SHUT_WR);
	standin.policy_fd = fds[1];
	answer->status = ERR_NONE;
	answer->socket = fds[0];
	return ERR_OK;
}

static struct err
call_qmgr(const struct ipc_flush *ask, struct ipc_result *answer)
{
	copy_text(standin.flushed, sizeof(standin.flushed), ask->value);
	*answer = (struct ipc_result){ .status = ERR_NONE, .text = VIEW_EMPTY };
	return ERR_OK;
}

static struct err
call_anvil(struct ipc_anvil_count *answer)
{
	standin.n_events++;
	*answer =
	    (struct ipc_anvil_count){ standin.anvil_count, standin.anvil_rate };
	return ERR_OK;
}

/* Those whose answers are in files of their own; false: it is none of them. */
static bool
call_other(const struct ipc_service *s, const struct ipc_type *type,
    const void *ask, void *answer)
{
	const struct smtpd *m = standin.smtpd;

	if (s == &m->resolve)
		standin_call_resolve(type, ask, answer);
	else if (s == &m->rewrite)
		standin_call_rewrite(type, ask, answer);
	else if (s == &m->state)
		standin_call_state(type, ask, answer);
	else
		return false;
	return true;
}

struct err
ipc_call(struct ipc_service *s, const struct ipc_type *ask_type,
    const void *ask, const struct ipc_type *answer_type, void *answer,
    struct ipc_keep *keep, int64_t deadline)
{
	(void)answer_type, (void)keep, (void)deadline;
	check_frame(ask_type, ask);
	if (fails_now())
		return down(s);
	if ((s == &standin.smtpd->resolve && standin.resolve_is_down) ||
	    (s == &standin.smtpd->rewrite && standin.rewrite_is_down) ||
	    (s == &standin.smtpd->state && standin.state_is_down))
		return down(s);
	if (s == &standin.smtpd->qmgr)
		return call_qmgr(ask, answer);
	if (s == &standin.smtpd->dial)
		return call_dial(ask, answer);
	if (s == &standin.smtpd->anvil_service)
		return call_anvil(answer);
	if (call_other(s, ask_type, ask, answer))
		return ERR_OK;
	assert(s == &standin.smtpd->cleanup && ask_type == ipc_submit_type());
	if (standin.cleanup_is_down)
		return down(s);
	take_submit(ask, false);
	answer_submit(answer);
	return ERR_OK;
}

struct err
ipc_call_once(struct ipc_service *s, const struct ipc_type *ask_type,
    const void *ask, const struct ipc_type *answer_type, void *answer,
    struct ipc_keep *keep, int64_t deadline)
{
	return ipc_call(s, ask_type, ask, answer_type, answer, keep, deadline);
}

struct err
ipc_tell(struct ipc_service *s, const struct ipc_type *type,
    const void *message, int64_t deadline)
{
	(void)deadline;
	check_frame(type, message);
	standin.n_events++;
	if (s == &standin.smtpd->state && !standin.state_is_down)
		standin_tell_state(message);
	return ERR_OK;
}

struct err
ipc_talk_begin(struct ipc_service *s, struct ipc_talk *t, int64_t deadline)
{
	(void)deadline;
	*t = (struct ipc_talk){ .service = s };
	if (standin.cleanup_is_down || fails_now())
		return down(s);
	return ERR_OK;
}

struct err
ipc_talk_send(struct ipc_talk *t, const struct ipc_type *type,
    const void *message, int64_t deadline)
{
	const struct ipc_content *content = message;
	const struct ipc_more_rcpts *more = message;
	const struct ipc_submit_end *end = message;

	(void)deadline;
	check_frame(type, message);
	if (fails_now())
		return down(t->service);
	if (type == ipc_submit_type()) {
		take_submit(message, true);
		t->number = 1;
	} else if (type == ipc_more_rcpts_type()) {
		assert(last_message()->content.len == 0);
		take_rcpts(more->rcpts);
	} else if (type == ipc_content_type()) {
		str_add(&last_message()->content, content->bytes);
	} else {
		assert(type == ipc_submit_end_type());
		take_end(end);
		t->clean = end->commit != 0;
	}
	return ERR_OK;
}

struct err
ipc_talk_send_now(
    struct ipc_talk *t, const struct ipc_type *type, const void *message)
{
	return ipc_talk_send(t, type, message, DEADLINE_NEVER);
}

struct err
ipc_talk_wait(struct ipc_talk *t, int64_t deadline)
{
	(void)t, (void)deadline;
	return ERR_OK;
}

struct err
ipc_talk_answer(struct ipc_talk *t, const struct ipc_type *type, void *answer,
    struct ipc_keep *keep, int64_t deadline)
{
	(void)type, (void)keep, (void)deadline;
	assert(t->clean);
	if (fails_now()) {
		forget_last_message();
		return down(t->service);
	}
	answer_submit(answer);
	return ERR_OK;
}

void
ipc_talk_end(struct ipc_talk *t)
{
	/* Begun and not ended: nothing is queued. */
	if (t->number != 0 && !t->clean)
		forget_last_message();
}

/* --- in the place of lib/mail/drop.c --- */

struct err
drop_open(struct drop *d, const char *path, const char *dir)
{
	(void)dir;
	assert(view_ends(view_of(path), VIEW("/postdrop")));
	*d = (struct drop){
		.fd = -1, .out = STR_EMPTY, .rcpts = STR_EMPTY, .in = STR_EMPTY
	};
	return standin.postdrop_is_down
	    ? err_make(ERR_TEMP, "execute %s: refused", path)
	    : ERR_OK;
}

struct err
drop_read_name(struct drop *d, struct str *queue_id)
{
	(void)d;
	str_set(queue_id, VIEW("ABCDEF012345"));
	return ERR_OK;
}

void
drop_add_rcpt(
    struct drop *d, struct view address, unsigned notify, struct view orcpt)
{
	struct ipc_rcpt rcpt = {
		.address = address, .notify = notify, .orcpt = orcpt
	};

	ipc_list_add(&d->rcpts, ipc_rcpt_type(), &rcpt);
}

void
drop_add_content(struct drop *d, struct view bytes)
{
	str_add(&d->out, bytes);
}

struct err
drop_finish(
    struct drop *d, const struct ipc_drop_commit *commit, struct str *queue_id)
{
	struct ipc_submit m = {
		.queue_id = VIEW("ABCDEF012345"),
		.context = commit->context,
		.sender = commit->sender,
		.envid = commit->envid,
		.ret = commit->ret,
		.flags = commit->flags,
		.rcpts = str_view(&d->rcpts),
		.content = str_view(&d->out),
		.client_name = VIEW_EMPTY,
		.client_addr = VIEW_EMPTY,
		.protocol = VIEW_EMPTY,
		.helo = VIEW_EMPTY,
		.whole = 1,
	};

	assert((commit->flags & ~(int64_t)DROP_FLAGS) == 0);
	if (standin.postdrop_refusal != NULL)
		return err_make(
		    standin.postdrop_kind, "%s", standin.postdrop_refusal);
	str_set(queue_id, m.queue_id);
	take_submit(&m, false);
	return ERR_OK;
}

void
drop_close(struct drop *d)
{
	str_clear(&d->out);
	str_clear(&d->rcpts);
}
