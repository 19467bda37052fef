/*
 * A file in maildrop: see dropper.h.  The group is in force only while a name
 * in the queue directory is touched.
 */
#include "sendmail/dropper.h"

#include "lib/base/crc32c.h"
#include "lib/base/fs.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/testpoint.h"
#include "lib/conf/user_list.h"
#include "lib/mail/queue_file.h"
#include "lib/mail/wake.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	WRITE_STEP = 256 * 1024,
	NAME_TRIES = 100,
	/* To tell two apart that run in the same microsecond. */
	SLOTS = QUEUE_SLOTS_MAX,
};

static void
use_group(gid_t group)
{
	if (group != getegid() && setegid(group) < 0)
		die_temp("setegid %ld: %s", (long)group, strerror(errno));
}

static struct queue_path
path_of(const struct dropper *p)
{
	return queue_path_of("maildrop", queue_id_view(&p->id));
}

/* --- the file --- */

/*
 * pickup must read it, as must nobody else: but maildrop lets nobody in, so
 * that the mode may be open.  It is so from the beginning, since pickup sees by
 * the lock that we live, and needs to open the file for that.
 */
struct err
dropper_create(struct dropper *p)
{
	struct err e = ERR_OK;

	use_group(p->group);
	for (int i = 0; i < NAME_TRIES && p->fd < 0; i++) {
		p->id = queue_id_new((getpid() + i) % SLOTS, p->long_ids, NULL);
		p->fd = open(path_of(p).text,
		    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
		if (p->fd < 0 && errno != EEXIST)
			break;
	}
	if (p->fd < 0)
		e = err_sys(ERR_TEMP, "create %s", path_of(p).text);
	else if (flock(p->fd, LOCK_EX | LOCK_NB) < 0)
		e = err_sys(ERR_TEMP, "lock %s", path_of(p).text);
	use_group(p->own_group);
	TEST_POINT("postdrop-created");
	return e;
}

void
dropper_remove(struct dropper *p)
{
	if (p->fd < 0)
		return;
	use_group(p->group);
	unlink(path_of(p).text);
	use_group(p->own_group);
	close(p->fd);
	p->fd = -1;
}

static struct err
write_buffer(struct dropper *p)
{
	struct err e = queue_write_at(p->fd, str_view(&p->buffer), p->written);

	p->written += (int64_t)p->buffer.len;
	str_reset(&p->buffer);
	return e;
}

static struct err
on_content(struct intake *in, struct view bytes)
{
	struct dropper *p = (struct dropper *)(void *)in;

	p->sum = crc32c(p->sum, bytes);
	str_add(&p->buffer, bytes);
	return p->buffer.len < WRITE_STEP ? ERR_OK : write_buffer(p);
}

/* The name too: we may not open maildrop for its own sync. */
static struct err
sync_file(int fd)
{
	if (fsync(fd) < 0 || (!fs_keeps_names(fd) && syncfs(fd) < 0))
		return err_sys(ERR_TEMP, "sync queue file");
	return ERR_OK;
}

struct err
dropper_commit(struct dropper *p)
{
	const struct ipc_drop_commit *c = &p->intake.commit;
	struct queue_preamble preamble = { .flags = c->flags,
		.n_rcpts = p->intake.n_rcpts,
		.content_at = QUEUE_PREAMBLE_LEN,
		.content_len = p->intake.content_len,
		.body_sum = queue_body_sum(p->sum) };
	struct ipc_envelope envelope = {
		.queue_id = queue_id_view(&p->id),
		.origin = VIEW("sendmail"),
		.context = c->context,
		.sender = c->sender,
		.full_name = c->full_name,
		.envid = c->envid,
		.ret = c->ret,
	};
	struct str layout = STR_EMPTY, tail = STR_EMPTY;
	char head[QUEUE_PREAMBLE_LEN];
	struct stat st;
	struct err e = ERR_OK;

	if (fstat(p->fd, &st) < 0)
		return err_sys(ERR_TEMP, "fstat %s", path_of(p).text);
	preamble.arrival_us = st.st_mtim.tv_sec * INT64_C(1000000) +
	    st.st_mtim.tv_nsec / 1000;
	queue_layout_add(&layout, preamble.content_at, preamble.content_len);
	envelope.layout = str_view(&layout);
	queue_build_tail(&tail, &preamble, &envelope,
	    str_view(&p->intake.rcpts), VIEW_EMPTY);
	queue_build_preamble(head, &preamble);
	str_add(&p->buffer, str_view(&tail));
	e = write_buffer(p);
	TEST_POINT("postdrop-content");
	/* Last: a file without it is known for litter. */
	if (!err_is(e))
		e = queue_write_at(p->fd, view_make(head, sizeof(head)), 0);
	TEST_POINT("postdrop-written");
	if (!err_is(e))
		e = queue_note_commit(p->fd, st.st_mode);
	if (!err_is(e))
		e = sync_file(p->fd);
	TEST_POINT("postdrop-synced");
	str_clear(&layout);
	str_clear(&tail);
	return e;
}

void
dropper_close(struct dropper *p)
{
	/* With the lock: now it is pickup's. */
	close(p->fd);
	p->fd = -1;
	use_group(p->group);
	wake_pickup("public/pickup", queue_id_view(&p->id));
	use_group(p->own_group);
	TEST_POINT("postdrop-woken");
}

struct err
dropper_configure(struct dropper *p, struct conf_light *conf)
{
	const char *queue;
	int64_t limit = 0, long_ids = 0;
	struct err e = conf_light_get(conf, "queue_directory", &queue, NULL);

	if (!err_is(e))
		e = conf_light_get(conf, "message_size_limit", NULL, &limit);
	if (!err_is(e))
		e = conf_light_get(
		    conf, "enable_long_queue_ids", NULL, &long_ids);
	if (!err_is(e))
		e = user_list_check(
		    conf, "authorized_submit_users", "submit mail");
	if (!err_is(e) && chdir(queue) < 0)
		e = err_sys(ERR_TEMP, "change to %s", queue);
	p->intake.size_limit = limit;
	p->long_ids = long_ids != 0;
	return e;
}

void
dropper_init(struct dropper *p)
{
	*p = (struct dropper){ .fd = -1, .buffer = STR_EMPTY };
	p->group = getegid();
	p->own_group = getgid();
	use_group(p->own_group);
	intake_init(&p->intake, 0, on_content);
	str_reserve(&p->buffer, QUEUE_PREAMBLE_LEN);
	memset(p->buffer.ptr, 0, QUEUE_PREAMBLE_LEN);
	str_grew(&p->buffer, QUEUE_PREAMBLE_LEN);
}

void
dropper_clear(struct dropper *p)
{
	intake_clear(&p->intake);
	str_clear(&p->buffer);
}
