/*
 * One message from maildrop to cleanup: whole in one frame if it is small,
 * else streamed.  The file goes once cleanup has said that it is safe.
 */
#include "pickup/dropped.h"
#include "pickup/pickup.h"
#include "pickup/refuse.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/testpoint.h"
#include "lib/mail/addr_log.h"
#include "lib/mail/queue_disk.h"
#include "lib/mail/received.h"
#include "lib/run/offload.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	CLEANUP_TIMEOUT = 3600,
	/* Room in a frame for what stands beside recipients and content. */
	FRAME_SLACK = 8192,
	/* How much content is read ahead of cleanup. */
	CONTENT_STEP = 32768,
	RCPTS_STEP = 32768,
};

struct submission {
	struct pickup *pickup;
	struct queue_path path;
	struct dropped file;
	struct queue_id id;
	bool opened, litter;
	bool stuck; /* can neither be moved nor removed */
	/* What is read, on a thread. */
	struct str rcpts, content;
	bool more_rcpts, more_content;
	struct err error;
	/* cleanup's word */
	struct ipc_submitted answer;
	struct ipc_keep keep;
};

/* --- what may wait for the disk: on a thread if there is more to do --- */

static bool
is_full(const struct submission *s)
{
	return s->rcpts.len + s->content.len > IPC_FRAME_MAX - FRAME_SLACK;
}

static void
read_file(struct submission *s)
{
	while (!err_is(s->error) && s->more_rcpts && !is_full(s))
		s->error =
		    dropped_next_rcpts(&s->file, &s->rcpts, &s->more_rcpts);
	while (!err_is(s->error) && !s->more_rcpts && s->more_content &&
	    !is_full(s))
		s->error = dropped_next_content(
		    &s->file, &s->content, &s->more_content);
}

static void
read_more(void *arg)
{
	read_file(arg);
}

static void
open_file(void *arg)
{
	struct submission *s = arg;

	s->error = dropped_open(
	    &s->file, s->path.text, s->pickup->own_uid, &s->litter);
	s->opened = s->more_rcpts = s->more_content = true;
	read_file(s);
}

static void
remove_file(void *arg)
{
	struct submission *s = arg;

	s->stuck = unlink(s->path.text) < 0 && errno != ENOENT;
	if (s->stuck)
		log_warn("remove %s: %s", s->path.text, strerror(errno));
}

/* While there is but one message nobody else waits, and two switches to
 * another thread would cost more than the work. */
static void
work(struct submission *s, void (*run)(void *))
{
	if (s->pickup->n_running <= 1)
		run(s);
	else
		offload(run, s);
}

/* --- what cleanup is told --- */

/* Before what was read of the content. */
static void
add_received(struct submission *s)
{
	const struct conf *conf = s->pickup->conf;
	struct received r = { .myhostname = view_of(conf->myhostname),
		.mail_name = view_of(conf->mail_name),
		.queue_id = queue_id_view(&s->id),
		.wall = s->file.is_requeued ? clock_wall()
					    : s->file.arrival_us / 1000000 };
	struct str all = STR_EMPTY;

	received_add_local(&all, &r, (int64_t)s->file.owner);
	/* It would continue our header: it is the first line of the body. */
	if (s->content.len > 0 &&
	    (s->content.ptr[0] == ' ' || s->content.ptr[0] == '\t'))
		str_add_text(&all, "\r\n");
	str_add(&all, str_view(&s->content));
	str_clear(&s->content);
	s->content = all;
}

static bool
rcpts_are_ascii(struct view list)
{
	struct ipc_rcpt rcpt;
	bool more;

	while (
	    !err_is(ipc_list_next(&list, IPC_IN(rcpt, &rcpt), &more)) && more)
		if (!view_is_ascii(rcpt.address))
			return false;
	return true;
}

/* What the submitter said, and what is seen. */
static int64_t
flags_of(struct submission *s)
{
	struct queue_file *q = &s->file.file;
	int64_t said = SUBMIT_SMTPUTF8 | SUBMIT_BODY_8BITMIME |
	    SUBMIT_DSN_TRACE | SUBMIT_PROBE;
	int64_t flags = (q->preamble.flags & said) | dropped_flags(&s->file);

	if (s->file.is_requeued)
		flags |= SUBMIT_REQUEUED;
	if (s->pickup->autodetect_utf8 &&
	    ((s->file.decoder.flags & CONTENT_8BIT_HEADER) != 0 ||
		!view_is_ascii(q->envelope.sender) ||
		!rcpts_are_ascii(str_view(&s->rcpts))))
		flags |= SUBMIT_SMTPUTF8;
	return flags;
}

static struct ipc_submit
make_submit(struct submission *s, bool whole)
{
	const struct ipc_envelope *e = &s->file.file.envelope;
	struct ipc_submit m = {
		.queue_id = queue_id_view(&s->id),
		.arrival_us = s->file.arrival_us,
		.origin = VIEW("pickup"),
		.context = view_eq(e->context, VIEW("remote")) ? VIEW("remote")
							       : VIEW("local"),
		.sender = e->sender,
		.full_name = e->full_name,
		.envid = e->envid,
		.ret = e->ret,
		.flags = flags_of(s) | s->pickup->override_flags,
		.filter = view_of(s->pickup->conf->content_filter),
		.expect_content = s->file.file.preamble.content_len,
		.rcpts = whole ? str_view(&s->rcpts) : VIEW_EMPTY,
		.whole = whole,
		.content = whole ? str_view(&s->content) : VIEW_EMPTY,
	};

	if (s->file.is_requeued) {
		m.client_name = e->client_name;
		m.client_addr = e->client_addr;
		m.client_port = e->client_port;
		m.protocol = e->protocol;
		m.helo = e->helo;
		m.sasl_method = e->sasl_method;
		m.sasl_username = e->sasl_username;
	}
	return m;
}

static void
log_taken(struct submission *s)
{
	struct str sender = STR_EMPTY;

	addr_log_add(&sender, s->file.file.envelope.sender);
	if (s->file.is_requeued)
		log_info("%s: uid=%ld from=<%s> orig_id=%.*s", s->id.text,
		    (long)s->file.owner, sender.ptr,
		    VIEW_ARGS(s->file.file.envelope.queue_id));
	else
		log_info("%s: uid=%ld from=<%s>", s->id.text,
		    (long)s->file.owner, sender.ptr);
	str_clear(&sender);
}

static struct err
send_whole(struct submission *s)
{
	struct ipc_submit m = make_submit(s, true);

	return ipc_call_once(&s->pickup->cleanup, IPC_OUT(submit, &m),
	    IPC_IN(submitted, &s->answer), &s->keep,
	    deadline_in(CLEANUP_TIMEOUT));
}

/* The first recipients of a list that fit in a frame: one has far less than
 * RCPTS_STEP bytes. */
static struct view
first_rcpts(struct view list)
{
	struct view rest = list;
	struct ipc_rcpt rcpt;
	bool more = true;

	while (more && (size_t)(rest.ptr - list.ptr) < RCPTS_STEP)
		if (err_is(ipc_list_next(&rest, IPC_IN(rcpt, &rcpt), &more)))
			break;
	return view_first(list, (size_t)(rest.ptr - list.ptr));
}

static struct err
send_rcpts(struct submission *s, struct ipc_talk *t, int64_t deadline)
{
	struct view rest = str_view(&s->rcpts);
	struct err e = ERR_OK;

	while (rest.len > 0 && !err_is(e)) {
		struct ipc_more_rcpts m = { first_rcpts(rest) };

		e = ipc_talk_send(t, IPC_OUT(more_rcpts, &m), deadline);
		rest = view_skip(rest, m.rcpts.len);
	}
	str_reset(&s->rcpts);
	return e;
}

static struct err
send_content(struct submission *s, struct ipc_talk *t, int64_t deadline)
{
	struct view rest = str_view(&s->content);
	struct err e = ERR_OK;

	while (rest.len > 0 && !err_is(e)) {
		struct ipc_content m = { view_first(rest, CONTENT_STEP) };

		e = ipc_talk_send(t, IPC_OUT(content, &m), deadline);
		rest = view_skip(rest, m.bytes.len);
	}
	str_reset(&s->content);
	return e;
}

/* All of it, in turns of reading and sending. */
static struct err
send_parts(struct submission *s, struct ipc_talk *t, int64_t deadline)
{
	struct ipc_submit_end end = { .commit = 1 };
	struct ipc_submit m = make_submit(s, false);
	struct str first = STR_EMPTY;
	struct err e;

	/* The Received header waits for the last recipient. */
	str_set(&first, str_view(&s->content));
	str_reset(&s->content);
	e = ipc_talk_send(t, IPC_OUT(submit, &m), deadline);
	if (!err_is(e))
		e = send_rcpts(s, t, deadline);
	while (!err_is(e) && s->more_rcpts) {
		work(s, read_more);
		e = err_is(s->error) ? s->error : ERR_OK;
		if (!err_is(e))
			e = send_rcpts(s, t, deadline);
	}
	str_add(&first, str_view(&s->content));
	str_set(&s->content, str_view(&first));
	str_clear(&first);
	if (!err_is(e))
		e = send_content(s, t, deadline);
	while (!err_is(e) && s->more_content) {
		work(s, read_more);
		e = err_is(s->error) ? s->error : ERR_OK;
		if (!err_is(e))
			e = send_content(s, t, deadline);
	}
	end.flags = flags_of(s);
	if (!err_is(e))
		e = ipc_talk_send(t, IPC_OUT(submit_end, &end), deadline);
	return e;
}

static struct err
send_streamed(struct submission *s)
{
	int64_t deadline = deadline_in(CLEANUP_TIMEOUT);
	struct ipc_talk t;
	struct err e = ipc_talk_begin(&s->pickup->cleanup, &t, deadline);

	if (!err_is(e))
		e = send_parts(s, &t, deadline);
	if (!err_is(e))
		e = ipc_talk_answer(
		    &t, IPC_IN(submitted, &s->answer), &s->keep, deadline);
	ipc_talk_end(&t);
	return e;
}

/* --- ends --- */

/* A link, a FIFO, a device, a socket: nobody's mail. */
static bool
is_no_file(const struct submission *s)
{
	struct stat st;

	return lstat(s->path.text, &st) == 0 && !S_ISREG(st.st_mode) &&
	    !S_ISDIR(st.st_mode);
}

/* It can never be taken: kept for the administrator, who is told.  What is no
 * file may not be moved by us, and goes. */
static void
set_aside(void *arg)
{
	struct submission *s = arg;
	struct str to = STR_EMPTY;
	const char *name = strchr(s->path.text, '/') + 1;

	str_printf(&to, "corrupt/%s", name);
	if (queue_move(s->path.text, to.ptr) < 0) {
		log_error("rename %s to %s: %s", s->path.text, to.ptr,
		    strerror(errno));
		s->stuck = !is_no_file(s) || unlink(s->path.text) < 0;
	}
	str_clear(&to);
}

static enum submit_end
failed(struct submission *s, struct err e)
{
	if (e.kind == ERR_GONE && s->litter) {
		log_info("%s: removed: %s", s->path.text, e.text);
		work(s, remove_file);
		return SUBMIT_DONE;
	}
	/* Nobody says so when an agent has ended that delivers what was in the
	 * queue, and who moved it to here may be no more. */
	if (e.kind == ERR_GONE && s->opened &&
	    s->file.owner == s->pickup->own_uid)
		return SUBMIT_BUSY;
	/* Not there, or not yet: whoever writes it will say so. */
	if (e.kind == ERR_GONE)
		return SUBMIT_DONE;
	if (e.kind == ERR_PERM) {
		log_warn("%s: uid=%ld: %s: moved to corrupt", s->path.text,
		    (long)s->file.owner, e.text);
		work(s, set_aside);
		return s->stuck ? SUBMIT_LATER : SUBMIT_DONE;
	}
	log_warn("%s: %s", s->path.text, e.text);
	return SUBMIT_LATER;
}

/* As cleanup decided.  A refusal for good goes back to the sender. */
static struct err
obey(struct submission *s)
{
	if (s->answer.status == ERR_NONE)
		return ERR_OK;
	if (s->answer.status == ERR_PERM)
		return refuse_message(
		    s->pickup, &s->file, &s->id, s->answer.reply);
	return err_make(ERR_TEMP, "%s: cleanup: %.*s", s->id.text,
	    VIEW_ARGS(s->answer.reply));
}

/* What was requeued keeps the time when it arrived first. */
static void
find_arrival(struct submission *s)
{
	int64_t now = clock_wall_us();

	if (s->file.is_requeued)
		s->file.arrival_us = s->file.file.preamble.arrival_us;
	if (s->file.arrival_us <= 0 || s->file.arrival_us > now)
		s->file.arrival_us = now;
}

static struct err
run(struct submission *s)
{
	struct err e;
	bool whole;

	work(s, open_file);
	if (err_is(s->error))
		return s->error;
	/* With the file goes what was known of those that had an end. */
	if (s->file.n_decided > 0)
		e = requeued_report(s->pickup, &s->file, s->path.text);
	else
		e = ERR_OK;
	if (err_is(e) ||
	    s->file.n_decided == s->file.file.preamble.n_rcpts)
		return e;
	s->id = queue_id_new(
	    s->pickup->slot, s->pickup->conf->enable_long_queue_ids, NULL);
	find_arrival(s);
	add_received(s);
	log_taken(s);
	whole = !s->more_rcpts && !s->more_content &&
	    s->content.len + s->rcpts.len <= IPC_FRAME_MAX - FRAME_SLACK;
	e = whole ? send_whole(s) : send_streamed(s);
	/* Of damage that shows late, cleanup heard no end. */
	if (err_is(s->error))
		return s->error;
	if (err_is(e)) {
		/* What is not cleanup's word is no judgement. */
		e.kind = ERR_TEMP;
		return err_within(e, "%s: cleanup", s->id.text);
	}
	return obey(s);
}

enum submit_end
submit_file(struct pickup *p, struct view name)
{
	struct submission *s = xmalloc(sizeof(*s));
	enum submit_end end = SUBMIT_DONE;
	struct err e;

	*s = (struct submission){ .pickup = p,
		.keep = IPC_KEEP_EMPTY,
		.path = queue_path_of("maildrop", name),
		.rcpts = STR_EMPTY,
		.content = STR_EMPTY,
		.error = ERR_OK };
	e = run(s);
	if (err_is(e)) {
		end = failed(s, e);
	} else {
		TEST_POINT("pickup-submitted");
		work(s, remove_file);
		TEST_POINT("pickup-removed");
		if (s->stuck)
			end = SUBMIT_TAKEN;
	}
	if (s->opened)
		dropped_close(&s->file);
	ipc_keep_clear(&s->keep);
	str_clear(&s->rcpts);
	str_clear(&s->content);
	free(s);
	return end;
}

enum submit_end
submit_remove(struct view name)
{
	struct submission s = { .path = queue_path_of("maildrop", name) };

	offload(remove_file, &s);
	return s.stuck ? SUBMIT_TAKEN : SUBMIT_DONE;
}
