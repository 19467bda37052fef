/* The front's side of the monitor and the children: see pool.h. */
#include "local/pool.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"

#include <unistd.h>

enum {
	USER_MS = 5000,
	/* A child that says nothing for that long hangs in its file system. */
	ANSWER_MS = 1000 * 1000,
};

void
pool_init(struct pool *p, int monitor)
{
	*p = (struct pool){ .monitor = monitor };
	for (size_t i = 0; i < POOL_CHILDREN_MAX; i++)
		p->children[i].fd = -1;
}

static void
lose(struct pool_child *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

void
pool_clear(struct pool *p)
{
	for (size_t i = 0; i < POOL_CHILDREN_MAX; i++)
		lose(&p->children[i]);
	close(p->monitor);
}

/* --- the monitor --- */

struct err
pool_ask(struct pool *p, enum monitor_op op, const struct pool_identity *who,
    struct monitor_answer *a, int *fd)
{
	struct monitor_request r = {
		.magic = WIRE_MAGIC, .op = op, .uid = who->uid, .gid = who->gid
	};
	int fds[WIRE_FDS_MAX];
	struct err e;
	size_t len;

	if (strlen(who->name) >= sizeof(r.name))
		return err_make(ERR_PERM, "user name is too long");
	memcpy(r.name, who->name, strlen(who->name) + 1);
	e = wire_send(p->monitor, &r, sizeof(r), VIEW_EMPTY, NULL, 0);
	if (!err_is(e))
		e = wire_receive(p->monitor, a, sizeof(*a), &len, fds);
	if (err_is(e)) {
		p->is_lost = true;
		return err_make(ERR_TEMP, "ask the monitor: %s", e.text);
	}
	if (fd != NULL)
		*fd = fds[0];
	else if (fds[0] >= 0)
		close(fds[0]);
	if (fds[1] >= 0)
		close(fds[1]);
	if (len != sizeof(*a) || a->magic != WIRE_MAGIC ||
	    memchr(a->home, '\0', sizeof(a->home)) == NULL)
		return err_make(ERR_TEMP, "ask the monitor: bad answer");
	return ERR_OK;
}

struct err
pool_find_user(struct pool *p, const char *name, struct monitor_answer *a)
{
	struct pool_identity who = { .name = name };
	struct pool_user *u;
	int64_t now = clock_ms();
	struct err e;

	for (size_t i = 0; i < POOL_USERS_MAX; i++) {
		u = &p->users[i];
		if (u->until_ms > now && strcmp(u->name, name) == 0) {
			*a = u->answer;
			return ERR_OK;
		}
	}
	e = pool_ask(p, MONITOR_USER, &who, a, NULL);
	if (err_is(e) || a->status != MONITOR_OK)
		return e;
	u = &p->users[p->next_user++ % POOL_USERS_MAX];
	memcpy(u->name, name, strlen(name) + 1);
	u->answer = *a;
	u->until_ms = now + USER_MS;
	return ERR_OK;
}

/* --- children --- */

static struct pool_child *
find_child(struct pool *p, const struct pool_identity *who)
{
	struct pool_child *oldest = &p->children[0];

	for (size_t i = 0; i < POOL_CHILDREN_MAX; i++) {
		struct pool_child *c = &p->children[i];

		if (c->fd >= 0 && strcmp(c->name, who->name) == 0 &&
		    c->uid == who->uid && c->gid == who->gid)
			return c;
		if (oldest->fd >= 0 && (c->fd < 0 || c->used < oldest->used))
			oldest = c;
	}
	lose(oldest);
	return oldest;
}

static struct err
start_child(
    struct pool *p, const struct pool_identity *who, struct pool_child *c)
{
	struct monitor_answer a;
	struct err e = pool_ask(p, MONITOR_CHILD, who, &a, &c->fd);

	if (err_is(e))
		return e;
	if (a.status != MONITOR_OK || c->fd < 0) {
		lose(c);
		return err_make(ERR_TEMP,
		    "delivery as this user was refused"
		    "%s%s",
		    a.status == MONITOR_FAILED ? ": " : "",
		    a.status == MONITOR_FAILED ? strerror(a.error) : "");
	}
	memcpy(c->name, who->name, strlen(who->name) + 1);
	c->uid = who->uid;
	c->gid = who->gid;
	return wire_limit_wait(c->fd, ANSWER_MS);
}

static struct err
converse(struct pool_child *c, struct view packet, const int *fds, size_t n_fds,
    struct child_answer *a)
{
	char answer[sizeof(*a)];
	int extra[WIRE_FDS_MAX];
	size_t len;
	struct err e =
	    wire_send(c->fd, packet.ptr, packet.len, VIEW_EMPTY, fds, n_fds);

	if (!err_is(e))
		e = wire_receive(c->fd, answer, sizeof(answer), &len, extra);
	if (err_is(e))
		return e;
	for (size_t i = 0; i < WIRE_FDS_MAX; i++)
		if (extra[i] >= 0)
			close(extra[i]);
	if (!child_answer_read(view_make(answer, len), a))
		return err_make(ERR_TEMP, "bad answer");
	return ERR_OK;
}

struct err
pool_deliver(struct pool *p, const struct pool_identity *who,
    struct view packet, const int *fds, size_t n_fds, struct child_answer *a)
{
	struct pool_child *c = find_child(p, who);
	bool reused = c->fd >= 0;
	struct err e = ERR_OK;

	for (;;) {
		if (c->fd < 0)
			e = start_child(p, who, c);
		if (err_is(e))
			return e;
		c->used = ++p->clock;
		e = converse(c, packet, fds, n_fds, a);
		if (!err_is(e))
			return e;
		lose(c);
		/* One that was idle for long has left: it read nothing. */
		if (!reused || e.kind != ERR_GONE)
			return err_make(
			    ERR_TEMP, "mailbox process: %s", e.text);
		reused = false;
		e = ERR_OK;
	}
}
