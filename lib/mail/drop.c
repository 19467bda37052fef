#include "lib/mail/drop.h"

#include "lib/base/mem.h"
#include "lib/base/testpoint.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

IPC_DEFINE(drop_commit, DROP_COMMIT)
IPC_DEFINE(drop_begun, DROP_BEGUN)
IPC_DEFINE(drop_done, DROP_DONE)

enum { OUT_STEP = 128 * 1024, RCPTS_STEP = 16384 };

static struct err
spawn(struct drop *d, int end, const char *path, const char *dir)
{
	const char *argv[] = { "postdrop", "-r", dir != NULL ? "-c" : NULL, dir,
		NULL };
	posix_spawn_file_actions_t actions;
	int code;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, end, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, end, STDOUT_FILENO);
	code = posix_spawn(&d->pid, path, &actions, NULL,
	    (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (code == 0)
		return ERR_OK;
	d->pid = 0;
	return err_make(ERR_TEMP, "execute %s: %s", path, strerror(code));
}

static struct err
start(struct drop *d, const char *path, const char *dir)
{
	int ends[2];
	struct err e;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return err_sys(ERR_TEMP, "socketpair");
	e = spawn(d, ends[1], path, dir);
	close(ends[1]);
	if (err_is(e))
		close(ends[0]);
	else
		d->fd = ends[0];
	return e;
}

static void
init(struct drop *d)
{
	*d = (struct drop){ .fd = -1,
		.out = STR_EMPTY,
		.in = STR_EMPTY,
		.rcpts = STR_EMPTY,
		.failure = ERR_OK };
}

struct err
drop_open(struct drop *d, const char *path, const char *dir)
{
	init(d);
	return start(d, path, dir);
}

void
drop_open_late(struct drop *d, const char *path, const char *dir,
    drop_whole *whole, void *arg)
{
	init(d);
	d->path = xstrdup(path);
	d->dir = dir;
	d->whole = whole;
	d->arg = arg;
}

static void
send_out(struct drop *d)
{
	struct view v = str_view(&d->out);

	if (d->fd < 0 && d->path != NULL && !err_is(d->failure))
		d->failure = start(d, d->path, d->dir);
	while (v.len > 0 && !err_is(d->failure)) {
		ssize_t n = send(d->fd, v.ptr, v.len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			d->failure = err_sys(ERR_TEMP, "write to postdrop");
		else
			v = view_skip(v, (size_t)n);
	}
	str_reset(&d->out);
}

static void
put(struct drop *d, const struct ipc_type *type, const void *message)
{
	int none;
	struct err e = ipc_encode(&d->out, 0, type, message, &none);

	if (err_is(e) && !err_is(d->failure))
		d->failure = e;
	if (d->out.len >= OUT_STEP)
		send_out(d);
}

static void
put_rcpts(struct drop *d)
{
	struct ipc_more_rcpts frame = { str_view(&d->rcpts) };

	if (d->rcpts.len > 0)
		put(d, IPC_OUT(more_rcpts, &frame));
	str_reset(&d->rcpts);
}

void
drop_add_rcpt(
    struct drop *d, struct view address, unsigned notify, struct view orcpt)
{
	struct ipc_rcpt rcpt = { .address = address,
		.notify = notify,
		.orcpt = orcpt };

	ipc_list_add(&d->rcpts, ipc_rcpt_type(), &rcpt);
	if (d->rcpts.len >= RCPTS_STEP)
		put_rcpts(d);
}

void
drop_add_content(struct drop *d, struct view bytes)
{
	while (bytes.len > 0) {
		struct ipc_content frame = { view_first(
		    bytes, DROP_CONTENT_STEP) };

		put(d, IPC_OUT(content, &frame));
		bytes = view_skip(bytes, frame.bytes.len);
	}
}

/* More of what comes back.  ERR_GONE at the end. */
static struct err
read_more(struct drop *d)
{
	struct err gone = err_make(ERR_GONE, "postdrop gave no answer");

	if (d->in.len > IPC_FRAME_MAX)
		return gone;
	for (;;) {
		ssize_t n = read(d->fd, str_reserve(&d->in, 4096), 4096);

		if (n < 0 && errno == EINTR)
			continue;
		/* Closed with bytes of ours unread: what it said is there. */
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return gone;
		if (n < 0)
			return err_sys(ERR_TEMP, "read from postdrop");
		str_grew(&d->in, (size_t)n);
		return ERR_OK;
	}
}

/* The next frame; it borrows from d->in. */
static struct err
next_frame(struct drop *d, struct ipc_header *header)
{
	bool complete = false;
	struct err e = ERR_OK;

	while (!err_is(e)) {
		e = ipc_decode_header(view_skip(str_view(&d->in), d->in_at),
		    header, &complete);
		if (err_is(e))
			break;
		if (complete) {
			d->in_at += header->frame_len;
			return ERR_OK;
		}
		e = read_more(d);
	}
	if (e.kind == ERR_GONE && err_is(d->failure))
		return d->failure;
	e.kind = ERR_TEMP;
	return e;
}

static bool
is_begun(const struct ipc_header *header)
{
	return ipc_is_named(header, ipc_drop_begun_type());
}

static struct err
take_done(const struct ipc_header *header, struct str *queue_id)
{
	struct ipc_drop_done done;
	struct err e = ipc_decode(header, IPC_IN(drop_done, &done), -1);

	if (err_is(e)) {
		e.kind = ERR_TEMP;
		return e;
	}
	if (done.status != ERR_NONE)
		return err_make(done.status == ERR_PERM ? ERR_PERM : ERR_TEMP,
		    "%.*s", VIEW_ARGS(done.text));
	str_set(queue_id, done.queue_id);
	return ERR_OK;
}

struct err
drop_read_name(struct drop *d, struct str *queue_id)
{
	struct ipc_drop_begun begun;
	struct ipc_header header;
	struct err e = next_frame(d, &header);

	if (!err_is(e) && !is_begun(&header)) {
		e = take_done(&header, queue_id);
		if (!err_is(e))
			e = err_make(ERR_TEMP, "postdrop ended early");
	} else if (!err_is(e)) {
		e = ipc_decode(&header, IPC_IN(drop_begun, &begun), -1);
		if (!err_is(e))
			str_set(queue_id, begun.queue_id);
	}
	if (err_is(e) && !err_is(d->failure))
		d->failure = e;
	return e;
}

struct err
drop_finish(
    struct drop *d, const struct ipc_drop_commit *commit, struct str *queue_id)
{
	struct ipc_header header;
	struct err e;

	put_rcpts(d);
	/* After a failure of ours it must not be taken for whole. */
	if (!err_is(d->failure))
		put(d, IPC_OUT(drop_commit, commit));
	if (d->fd < 0 && d->path != NULL && !err_is(d->failure) &&
	    d->whole(d->arg, str_view(&d->out), queue_id, &e)) {
		TEST_POINT("sendmail-sent");
		return e;
	}
	if (!err_is(d->failure))
		send_out(d);
	TEST_POINT("sendmail-sent");
	/* It could not be started. */
	if (d->fd < 0)
		return d->failure;
	shutdown(d->fd, SHUT_WR);
	/* Even if it stopped reading: it says why. */
	do
		e = next_frame(d, &header);
	while (!err_is(e) && is_begun(&header));
	return err_is(e) ? e : take_done(&header, queue_id);
}

void
drop_close(struct drop *d)
{
	int status;

	str_clear(&d->out);
	str_clear(&d->in);
	str_clear(&d->rcpts);
	free(d->path);
	d->path = NULL;
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	if (d->pid > 0)
		while (waitpid(d->pid, &status, 0) < 0 && errno == EINTR)
			;
	d->pid = 0;
}
