/*
 * Actions on messages: asked of qmgr while it runs, since it alone knows what
 * is being delivered; done here, under its lock, while it does not.
 */
#include "ctl/postsuper.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/testpoint.h"
#include "lib/mail/queue_disk.h"
#include "lib/mail/queue_file.h"
#include "lib/mail/wake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ASK_TIMEOUT = 600 };

/* --- without qmgr --- */

static bool
make_folder(struct super *s, struct view id)
{
	char folder[] = { 'd', 'e', 'f', 'e', 'r', 'r', 'e', 'd', '/',
		queue_id_hash(id), '\0' };
	int made = queue_make_folder(id);

	return made == 0 ||
	    (made > 0 && chown(folder, s->owner, s->group) == 0);
}

static bool
move(struct super *s, struct view id, const char *from, const char *to)
{
	struct queue_path source = queue_path_of(from, id);
	struct queue_path target = queue_path_of(to, id);

	/* Being due again is a matter of the file's time. */
	if (strcmp(to, "deferred") == 0 &&
	    (!make_folder(s, id) ||
		utimensat(AT_FDCWD, source.text, NULL, AT_SYMLINK_NOFOLLOW) <
		    0))
		return false;
	if (strcmp(from, to) == 0)
		return true;
	TEST_POINT("postsuper-move");
	if (queue_move(source.text, target.text) == 0) {
		TEST_POINT("postsuper-moved");
		return true;
	}
	if (errno != ENOENT)
		super_warn("rename %s to %s: %s", source.text, target.text,
		    strerror(errno));
	return false;
}

static bool
delete_file(struct super *s, struct view id, const char *queue)
{
	struct queue_path path = queue_path_of(queue, id);

	(void)s;
	if (unlink(path.text) == 0) {
		TEST_POINT("postsuper-deleted");
		return true;
	}
	if (errno != ENOENT)
		super_warn("remove %s: %s", path.text, strerror(errno));
	return false;
}

static bool
hold_file(struct super *s, struct view id, const char *queue)
{
	return strcmp(queue, "hold") != 0 && move(s, id, queue, "hold");
}

static bool
release_file(struct super *s, struct view id, const char *queue)
{
	return strcmp(queue, "hold") == 0 && move(s, id, queue, "deferred");
}

/* Through pickup and cleanup once more, which may run though qmgr does not. */
static bool
requeue_file(struct super *s, struct view id, const char *queue)
{
	if (!move(s, id, queue, "maildrop"))
		return false;
	wake_pickup("private/pickup", id);
	return true;
}

static struct err
append_state(int fd, const char *what)
{
	struct ipc_journal_state state = { .what = view_of(what),
		.at_us = clock_wall_us() };
	struct str bytes = STR_EMPTY;
	struct queue_journal journal;
	struct queue_file file;
	enum journal_kind kind;
	struct view record;
	struct err e = queue_file_read(&file, fd);

	if (err_is(e))
		return e;
	e = queue_journal_read(&file, &journal);
	while (!err_is(e) && queue_journal_next(&journal, &kind, &record))
		;
	queue_journal_add(
	    &bytes, JOURNAL_STATE, IPC_OUT(journal_state, &state));
	/* What a crash left behind the last whole record goes first. */
	if (!err_is(e) && file.file_len > journal.good_end &&
	    ftruncate(fd, journal.good_end) < 0)
		e = err_sys(ERR_TEMP, "cut journal");
	if (!err_is(e))
		e = queue_journal_append(
		    fd, str_view(&bytes), &journal.good_end);
	queue_journal_clear(&journal);
	queue_file_clear(&file);
	str_clear(&bytes);
	return e;
}

static bool
expire_file(struct super *s, struct view id, const char *queue)
{
	struct queue_path path = queue_path_of(queue, id);
	int fd = open(path.text, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	struct err e;

	if (fd < 0)
		return false;
	e = append_state(fd, "expired");
	TEST_POINT("postsuper-expired");
	close(fd);
	if (err_is(e)) {
		super_warn("%s: %s", path.text, e.text);
		return false;
	}
	return strcmp(queue, "hold") == 0 || move(s, id, queue, "deferred");
}

static const struct {
	const char *step;
	bool (*run)(struct super *s, struct view id, const char *queue);
} steps[] = {
	{ "delete", delete_file },
	{ "hold", hold_file },
	{ "release", release_file },
	{ "requeue", requeue_file },
	{ "expire", expire_file },
};

/* The queue that has it now; NULL if none. */
static const char *
find_queue(struct view id, unsigned mask)
{
	for (unsigned i = 0; i < SUPER_QUEUES; i++)
		if ((mask & 1U << i) != 0 &&
		    faccessat(AT_FDCWD,
			queue_path_of(super_queue_names[i], id).text, F_OK,
			AT_SYMLINK_NOFOLLOW) == 0)
			return super_queue_names[i];
	return NULL;
}

static bool
run_step(struct super *s, const char *step, struct view id, unsigned mask)
{
	const char *queue = find_queue(id, mask);

	for (size_t i = 0; queue != NULL && i < ARRAY_LEN(steps); i++)
		if (strcmp(steps[i].step, step) == 0)
			return steps[i].run(s, id, queue);
	return false;
}

/* --- with it --- */

static void
name_queues(struct str *out, unsigned mask)
{
	for (unsigned i = 0; i < SUPER_QUEUES; i++)
		if ((mask & 1U << i) != 0)
			str_addf(out, "%s%s", out->len > 0 ? " " : "",
			    super_queue_names[i]);
}

/* Marks those that qmgr did it to. */
static struct err
ask_step(struct super *s, const char *step, unsigned mask,
    const struct queue_id *ids, size_t n, bool *done)
{
	struct ipc_queue_acted answer = { .status = ERR_NONE };
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct str queues = STR_EMPTY, list = STR_EMPTY;
	struct ipc_queue_act ask;
	struct ipc_queue_id one;
	bool more = true;
	struct err e;

	name_queues(&queues, mask);
	for (size_t i = 0; i < n; i++) {
		one.id = queue_id_view(&ids[i]);
		ipc_list_add(&list, ipc_queue_id_type(), &one);
	}
	ask = (struct ipc_queue_act){ view_of(step), str_view(&queues),
		str_view(&list) };
	e = ipc_call_once(&s->qmgr, IPC_OUT(queue_act, &ask),
	    IPC_IN(queue_acted, &answer), &keep, deadline_in(ASK_TIMEOUT));
	if (!err_is(e) && answer.status != ERR_NONE)
		e = err_make(ERR_TEMP, "qmgr: %.*s", VIEW_ARGS(answer.text));
	while (!err_is(e)) {
		e = ipc_list_next(&answer.ids, IPC_IN(queue_id, &one), &more);
		if (!more)
			break;
		for (size_t i = 0; !err_is(e) && i < n; i++)
			if (view_eq(one.id, queue_id_view(&ids[i])))
				done[i] = true;
	}
	ipc_keep_clear(&keep);
	str_clear(&queues);
	str_clear(&list);
	return e;
}

/* --- both --- */

static struct err
do_step(struct super *s, const char *step, unsigned mask,
    const struct queue_id *ids, size_t n, bool *done)
{
	if (s->running)
		return ask_step(s, step, mask, ids, n, done);
	for (size_t i = 0; i < n; i++)
		if (run_step(s, step, queue_id_view(&ids[i]), mask))
			done[i] = true;
	return ERR_OK;
}

/* maildrop and corrupt are not qmgr's. */
static void
delete_elsewhere(struct super *s, const struct super_action *a, unsigned mask,
    const struct queue_id *ids, size_t n, bool *done)
{
	unsigned own = mask & (SUPER_MAILDROP | SUPER_CORRUPT);

	if (own == 0 || !s->running || a->option != 'd')
		return;
	for (size_t i = 0; i < n; i++)
		if (!done[i] &&
		    run_step(s, "delete", queue_id_view(&ids[i]), own))
			done[i] = true;
}

struct err
super_act_on_ids(struct super *s, const struct super_action *a, unsigned mask,
    const struct queue_id *ids, size_t n)
{
	bool *done = xcalloc(n + 1, sizeof(*done));
	struct err e = do_step(s, a->steps[0], mask, ids, n, done);

	if (!err_is(e) && a->steps[1] != NULL)
		e = do_step(s, a->steps[1], mask, ids, n, done);
	if (!err_is(e))
		delete_elsewhere(s, a, mask, ids, n, done);
	for (size_t i = 0; i < n; i++)
		if (done[i]) {
			super_tell("%s: %s", ids[i].text, a->done);
			s->totals[a - super_actions]++;
		}
	free(done);
	return e;
}

struct batch {
	struct super *s;
	const struct super_action *action;
	unsigned mask;
	struct queue_id ids[SUPER_BATCH];
	size_t n;
	struct err e;
};

static void
flush_batch(struct batch *b)
{
	if (b->n > 0 && !err_is(b->e))
		b->e = super_act_on_ids(b->s, b->action, b->mask, b->ids, b->n);
	b->n = 0;
}

static void
add_file(void *arg, const char *queue, const char *path, struct view id)
{
	struct batch *b = arg;

	(void)queue;
	(void)path;
	b->ids[b->n] = (struct queue_id){ "" };
	memcpy(b->ids[b->n].text, id.ptr, id.len);
	if (++b->n == SUPER_BATCH)
		flush_batch(b);
}

struct err
super_act_on_all(struct super *s, const struct super_action *a, unsigned mask)
{
	struct batch *b = xcalloc(1, sizeof(*b));
	struct err e;

	b->s = s;
	b->action = a;
	b->mask = mask;
	b->e = ERR_OK;
	/* One queue after the other: what an action moves into a queue is not
	 * met there again. */
	for (unsigned i = 0; i < SUPER_QUEUES; i++) {
		b->mask = mask & 1U << i;
		super_each_file(b->mask, add_file, b);
		flush_batch(b);
	}
	e = b->e;
	free(b);
	return e;
}
