/*
 * A submission as a program that was taken over would make it: any envelope,
 * frames in any order, the connection lost at any of them, a name that is taken
 * by another file, by the same message or by what a crash left of it.  What must
 * hold: nothing is acknowledged that is not there, whole, under its name, with
 * these recipients and this content; what is refused leaves nothing behind, and
 * what was there before is as it was; there is one answer; qmgr hears of nothing
 * that was not acknowledged.
 *
 * The input: a byte of choices (below), the envelope's texts, each ended by a
 * line feed, then frames: a letter (C content, R recipients, A an address, E the
 * end, F the end without commit, X another message) and its bytes up to 0xff.
 */
#define TESTING_WITH_STORE
#include "cleanup/checks.h"
#include "cleanup/testing.h"

#include "lib/base/log.h"
#include "lib/daemon/peers.h"
#include "lib/ipc/conn.h"
#include "lib/ipc/server.h"
#include "lib/mail/queue_id.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BY_SMTPD = 1,
	NO_ROOM = 2,
	WHOLE = 4,
	AGAIN = 8,
	HOLD = 16,
	/* What has the name already: 0 nothing, another file, litter, the same
	 * message. */
	TAKEN_SHIFT = 5,
	TAKEN_MASK = 3,
	LOST = 128,
};
enum { TAKEN_NOT, TAKEN_OTHER, TAKEN_LITTER, TAKEN_SAME };
enum { FRAME_END = 0xff };

struct ipc_request {
	struct cleanup *cleanup;
	unsigned how;
	struct ipc_submit submit;
	struct view frames;
	struct str content; /* that was handed over */
	int64_t n_replies;
	int64_t code;
};

/* The one that runs. */
static struct ipc_request *current;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const queues[] = { "active", "incoming", "hold", "deferred",
	"corrupt" };

/* --- in the place of lib/ipc and lib/daemon/peers --- */

uid_t
ipc_request_uid(const struct ipc_request *r)
{
	return (r->how & BY_SMTPD) != 0 ? 1 : 0;
}

bool
peers_is(uid_t uid, enum sandbox_identity who)
{
	return uid == 1 && who == IDENTITY_SMTPD;
}

void *
ipc_request_owner(struct ipc_request *r)
{
	return r->cleanup;
}

bool
ipc_request_is_lost(const struct ipc_request *r)
{
	return (r->how & LOST) != 0 && r->frames.len == 0;
}

bool
ipc_request_read(
    struct ipc_request *r, const struct ipc_type *type, void *message)
{
	assert(type == ipc_submit_type());
	memcpy(message, &r->submit, sizeof(r->submit));
	return true;
}

static struct ipc_frame *
frame_of(const struct ipc_type *type, const void *message)
{
	struct ipc_frame *f = xcalloc(1, sizeof(*f));
	bool complete;
	int fd;

	list_init(&f->node);
	f->fd = -1;
	f->bytes = STR_EMPTY;
	assert(!err_is(ipc_encode(&f->bytes, 1, type, message, &fd)));
	assert(!err_is(ipc_decode_header(
		   str_view(&f->bytes), &f->header, &complete)) &&
	    complete);
	return f;
}

static void
add_rcpt(struct str *list, struct view address)
{
	struct ipc_rcpt rcpt = {
		.address = address, .original = address, .orcpt = VIEW_EMPTY
	};

	ipc_list_add(list, IPC_OUT(rcpt, &rcpt));
}

static struct ipc_frame *
make_frame(struct ipc_request *r, char letter, struct view bytes)
{
	struct str list = STR_EMPTY;
	struct ipc_frame *f;

	if (letter == 'R')
		str_add(&list, bytes);
	if (letter == 'A')
		add_rcpt(&list, bytes);
	switch (letter) {
	case 'R':
	case 'A': {
		struct ipc_more_rcpts m = { str_view(&list) };

		f = frame_of(IPC_OUT(more_rcpts, &m));
		break;
	}
	case 'E':
	case 'F': {
		struct ipc_submit_end m = { .commit = letter == 'E',
			.flags = bytes.len > 0 ? bytes.ptr[0] : 0,
			.filter = VIEW_EMPTY,
			.redirect = VIEW_EMPTY,
			.rcpts = VIEW_EMPTY };

		f = frame_of(IPC_OUT(submit_end, &m));
		break;
	}
	case 'C': {
		struct ipc_content m = { bytes };

		str_add(&r->content, bytes);
		f = frame_of(IPC_OUT(content, &m));
		break;
	}
	default: {
		struct ipc_flow m = { 1, 1 };

		f = frame_of(IPC_OUT(flow, &m));
		break;
	}
	}
	str_clear(&list);
	return f;
}

struct err
ipc_request_next(struct ipc_request *r, struct ipc_frame **f, int64_t deadline)
{
	size_t end = view_find(r->frames, (char)FRAME_END);
	struct view frame = view_first(r->frames, end);

	(void)deadline;
	r->frames =
	    end == VIEW_NPOS ? VIEW_EMPTY : view_skip(r->frames, end + 1);
	if (frame.len == 0)
		return err_make(ERR_GONE, "receive: connection closed");
	*f = make_frame(r, frame.ptr[0], view_skip(frame, 1));
	return ERR_OK;
}

struct err
ipc_tell(struct ipc_service *s, const struct ipc_type *type,
    const void *message, int64_t deadline)
{
	(void)message, (void)deadline;
	assert(s == &current->cleanup->qmgr && type == ipc_queued_type());
	assert(current->n_replies == 1 && current->code == 250);
	return ERR_OK;
}

/* --- what is on disk --- */

static struct queue_path
path_in(const struct ipc_request *r, const char *queue)
{
	return queue_path_of(queue, r->submit.queue_id);
}

/* The only queue that has it; NULL if none has. */
static const char *
find_queue(const struct ipc_request *r)
{
	const char *found = NULL;

	for (size_t i = 0; i < ARRAY_LEN(queues); i++)
		if (access(path_in(r, queues[i]).text, F_OK) == 0) {
			assert(found == NULL);
			found = queues[i];
		}
	return found;
}

static void
check_content(const struct queue_file *q, const struct ipc_request *r)
{
	struct view content =
	    r->submit.whole != 0 ? r->submit.content : str_view(&r->content);
	char *bytes = xmalloc(content.len + 1);

	assert(q->preamble.content_len == (int64_t)content.len);
	assert(pread(q->fd, bytes, content.len, q->preamble.content_at) ==
	    (ssize_t)content.len);
	assert(view_eq(view_make(bytes, content.len), content));
	free(bytes);
}

/* Somebody was told that it is safe. */
static void
check_queued(const struct ipc_request *r)
{
	const char *queue = find_queue(r);
	struct queue_file q;
	int fd;

	assert(queue != NULL);
	fd = open(path_in(r, queue).text, O_RDONLY | O_CLOEXEC);
	assert(fd >= 0);
	assert(!err_is(queue_file_read(&q, fd)));
	assert(q.preamble.n_rcpts > 0 && q.preamble.body_sum != 0);
	assert(!err_is(queue_file_check_rcpts(&q)));
	assert(!err_is(queue_file_check_body(&q, INT64_MAX)));
	assert(view_eq(q.envelope.queue_id, r->submit.queue_id));
	assert((q.preamble.flags & SUBMIT_AGAIN) == 0);
	check_content(&q, r);
	queue_file_clear(&q);
	close(fd);
}

void
ipc_reply(
    struct ipc_request *r, const struct ipc_type *type, const void *message)
{
	const struct ipc_submitted *a = message;

	assert(type == ipc_submitted_type() && r->n_replies++ == 0);
	r->code = a->code;
	assert((a->code == 250) == (a->status == ERR_NONE));
	assert(a->code == 250 || (a->code >= 400 && a->code < 600));
	for (size_t i = 0; i < a->reply.len; i++)
		assert((unsigned char)a->reply.ptr[i] >= ' ');
	if (a->code == 250)
		check_queued(r);
}

/* --- a run --- */

static void
snapshot(const char *path, struct str *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char buf[4096];
	ssize_t n;

	str_reset(out);
	while (fd >= 0 && (n = read(fd, buf, sizeof(buf))) > 0)
		str_add(out, view_make(buf, (size_t)n));
	if (fd >= 0)
		close(fd);
}

static void
put(const char *path, const char *bytes, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	assert(fd >= 0);
	assert(write(fd, bytes, strlen(bytes)) == (ssize_t)strlen(bytes));
	assert(bytes[0] != '\0' || ftruncate(fd, 300) == 0);
	close(fd);
}

static void
run(struct ipc_request *r)
{
	struct ipc_request copy = *r;

	copy.content = STR_EMPTY;
	copy.code = 0;
	current = &copy;
	submit_run(&copy);
	r->code = copy.code;
	assert(copy.n_replies <= 1);
	assert(copy.n_replies == 1 || (copy.how & LOST) != 0);
	str_clear(&copy.content);
}

static const char *
taken_queue(const struct ipc_request *r)
{
	return (r->how & HOLD) != 0   ? "hold"
	    : (r->how & NO_ROOM) != 0 ? "incoming"
				      : "active";
}

/* With something under its name. */
static void
run_taken(struct ipc_request *r, unsigned taken)
{
	struct queue_path path = path_in(r, taken_queue(r));
	struct str before = STR_EMPTY, after = STR_EMPTY;

	if (taken == TAKEN_SAME) {
		r->submit.flags &= ~(int64_t)SUBMIT_AGAIN;
		run(r);
		r->submit.flags |= (r->how & AGAIN) != 0 ? SUBMIT_AGAIN : 0;
		if (r->code != 250)
			return;
	} else {
		put(path.text, taken == TAKEN_OTHER ? "something else" : "",
		    0600);
	}
	snapshot(path.text, &before);
	run(r);
	snapshot(path.text, &after);
	/* Litter may become the message, and what it becomes may go. */
	if (taken != TAKEN_LITTER)
		assert(view_eq(str_view(&before), str_view(&after)));
	if (taken == TAKEN_OTHER)
		assert(r->code != 250);
	str_clear(&before);
	str_clear(&after);
}

static struct view
take_text(struct view *rest)
{
	struct view text;

	view_field(rest, '\n', &text);
	return text;
}

/* Whole content is the first frame of it. */
static void
take_whole(struct ipc_request *r)
{
	size_t end = view_find(r->frames, (char)FRAME_END);

	r->submit.whole = 1;
	r->submit.content = view_first(r->frames, end);
	r->frames = VIEW_EMPTY;
}

static void
fill(struct ipc_request *r, struct view rest, struct str *rcpts)
{
	struct ipc_submit *s = &r->submit;
	struct view rcpt;

	s->queue_id = take_text(&rest);
	if (s->queue_id.len == 0)
		s->queue_id = VIEW("4F2A000000001");
	s->origin = take_text(&rest);
	if (s->origin.len == 0)
		s->origin = VIEW("smtpd");
	s->context = take_text(&rest);
	if (s->context.len == 0)
		s->context = VIEW("remote");
	s->sender = take_text(&rest);
	s->full_name = take_text(&rest);
	s->envid = take_text(&rest);
	s->client_name = s->client_addr = s->helo = take_text(&rest);
	s->protocol = VIEW("ESMTP");
	s->sasl_method = s->sasl_username = s->filter = s->redirect =
	    VIEW_EMPTY;
	s->arrival_us = INT64_C(1700000000000000);
	s->flags = (r->how & AGAIN) != 0 ? SUBMIT_AGAIN : 0;
	s->hold = (r->how & HOLD) != 0;
	rcpt = take_text(&rest);
	if (rcpt.len > 0)
		add_rcpt(rcpts, rcpt);
	s->rcpts = str_view(rcpts);
	s->content = VIEW_EMPTY;
	r->frames = rest;
	if ((r->how & WHOLE) != 0)
		take_whole(r);
}

static bool
is_empty(const char *folder)
{
	DIR *dir = opendir(folder);
	size_t n = 0;

	assert(dir != NULL);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n == 2;
}

static void
clean(const struct ipc_request *r, unsigned taken)
{
	const char *queue = find_queue(r);

	/* What was refused has left nothing. */
	assert(queue == NULL || r->code == 250 || taken != TAKEN_NOT);
	if (queue != NULL)
		unlink(path_in(r, queue).text);
	/* Under no other name either. */
	for (size_t i = 0; i < ARRAY_LEN(queues); i++)
		assert(is_empty(queues[i]));
}

static int
enter(struct cleanup *c)
{
	static int outside = -1, inside = -1;
	static struct checks checks;

	if (inside < 0) {
		/* In memory if that is there: each message is synced. */
		char memory[] = "/dev/shm/cleanup_submit.XXXXXX";
		char disk[] = "/tmp/cleanup_submit.XXXXXX";
		const char *folder = mkdtemp(memory);

		if (folder == NULL)
			folder = mkdtemp(disk);
		log_take_socket(open("/dev/null", O_WRONLY | O_CLOEXEC));
		test_cleanup_init(c,
		    "message_size_limit = 200000\n"
		    "queue_minfree = 1\n");
		assert(!err_is(checks_open(&checks, c->conf)));
		c->checks = &checks;
		assert(folder != NULL);
		outside = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		inside = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert(fchdir(inside) == 0);
		for (size_t i = 0; i < ARRAY_LEN(queues); i++)
			assert(mkdir(queues[i], 0700) == 0);
		assert(fchdir(outside) == 0);
	}
	assert(fchdir(inside) == 0);
	return outside;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cleanup cleanup;
	struct ipc_request r = { .cleanup = &cleanup };
	struct str rcpts = STR_EMPTY;
	unsigned taken;
	int outside;

	if (size < 1)
		return 0;
	outside = enter(&cleanup);
	r.how = data[0];
	taken = (r.how >> TAKEN_SHIFT) & TAKEN_MASK;
	cleanup.room = (r.how & NO_ROOM) == 0;
	fill(&r, view_make((const char *)data + 1, size - 1), &rcpts);
	if (!queue_id_is_valid(r.submit.queue_id))
		taken = TAKEN_NOT;
	if (taken == TAKEN_NOT)
		run(&r);
	else
		run_taken(&r, taken);
	if (queue_id_is_valid(r.submit.queue_id))
		clean(&r, taken);
	assert(cleanup.held == 0);
	str_clear(&rcpts);
	assert(fchdir(outside) == 0);
	return 0;
}
