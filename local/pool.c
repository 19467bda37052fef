/* The front's side of the monitor and the children: see pool.h. */
#include "local/pool.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	USER_MS = 5000,
	/* More than the name service is given. */
	MONITOR_MS = 100 * 1000,
	MONITOR_LEAVES_MS = 35 * 1000,
	/* A child that says nothing for that long hangs in its file system. */
	ANSWER_MS = 1000 * 1000,
};

void
pool_init(struct pool *p, int monitor)
{
	*p = (struct pool){ .next_user = 0 };
	caller_init(&p->monitor);
	caller_take_socket(&p->monitor, monitor);
	wait_queue_init(&p->freed);
	for (size_t i = 0; i < POOL_CHILDREN_MAX; i++) {
		caller_init(&p->children[i].caller);
		wait_queue_init(&p->children[i].started);
	}
}

/* It leaves when its children have; whoever waits for our end may then unmount
 * what they had open. */
static void
await_monitor(const struct caller *monitor)
{
	struct pollfd p = { .fd = monitor->watch.fd };
	int64_t deadline = deadline_in_ms(MONITOR_LEAVES_MS);

	if (!caller_is_open(monitor) || shutdown(p.fd, SHUT_WR) < 0)
		return;
	while (poll(&p, 1, deadline_left(deadline)) < 0 && errno == EINTR)
		;
}

void
pool_clear(struct pool *p)
{
	for (size_t i = 0; i < POOL_CHILDREN_MAX; i++)
		caller_close(&p->children[i].caller);
	await_monitor(&p->monitor);
	caller_close(&p->monitor);
}

/* --- the monitor --- */

struct err
pool_ask(struct pool *p, enum monitor_op op, const struct pool_identity *who,
    struct monitor_answer *a, int *fd)
{
	struct monitor_request r = { .op = op, .uid = who->uid,
		.gid = who->gid };
	struct caller_answer answer = { .buf = a, .room = sizeof(*a) };
	struct err e;

	if (strlen(who->name) >= sizeof(r.name))
		return err_make(ERR_PERM, "user name is too long");
	memcpy(r.name, who->name, strlen(who->name) + 1);
	e = caller_ask(&p->monitor, view_make(&r, sizeof(r)), NULL, 0, &answer,
	    deadline_in_ms(MONITOR_MS));
	if (err_is(e)) {
		p->is_lost = p->is_lost || !caller_is_open(&p->monitor);
		return err_make(ERR_TEMP, "ask the monitor: %s", e.text);
	}
	if (fd != NULL)
		*fd = answer.fd;
	else if (answer.fd >= 0)
		close(answer.fd);
	if (answer.len != sizeof(*a) ||
	    memchr(a->home, '\0', sizeof(a->home)) == NULL)
		return err_make(ERR_TEMP, "ask the monitor: bad answer");
	return ERR_OK;
}

const char *
pool_why(const struct monitor_answer *a)
{
	switch ((enum monitor_status)a->status) {
	case MONITOR_OK:
		break;
	case MONITOR_UNKNOWN:
		return "there is no such user any more";
	case MONITOR_REFUSED:
		return "refused";
	case MONITOR_EXISTS:
		return "File exists";
	case MONITOR_FAILED:
		return strerror(a->error);
	case MONITOR_SLOW:
		return "the name service did not answer in time";
	case MONITOR_BUSY:
		return "too many questions or deliveries at once";
	case MONITOR_DIED:
		return "the process that asked the name service died";
	case MONITOR_GROUPS:
		return "the user is in too many groups";
	}
	return "bad answer of the monitor";
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

static bool
is_for(const struct pool_child *c, const struct pool_identity *who)
{
	return (caller_is_open(&c->caller) || c->is_starting) &&
	    c->uid == who->uid && c->gid == who->gid &&
	    strcmp(c->name, who->name) == 0;
}

/* The child of this identity, or a place for it: one that is free, or that of
 * the child which is idle for longest; NULL if all work. */
static struct pool_child *
find_child(struct pool *p, const struct pool_identity *who)
{
	struct pool_child *place = NULL;

	for (size_t i = 0; i < POOL_CHILDREN_MAX; i++) {
		struct pool_child *c = &p->children[i];

		if (is_for(c, who))
			return c;
		if (c->n_users > 0)
			continue;
		if (place == NULL ||
		    (caller_is_open(&place->caller) &&
			(!caller_is_open(&c->caller) ||
			    c->used < place->used)))
			place = c;
	}
	if (place != NULL)
		caller_close(&place->caller);
	return place;
}

/* Hold it until release_child, so that no other identity gets its place. */
static struct err
hold_child(struct pool *p, const struct pool_identity *who,
    struct pool_child **out, int64_t deadline)
{
	for (;;) {
		struct pool_child *c = find_child(p, who);
		struct err e;

		*out = c;
		if (c != NULL) {
			c->n_users++;
			c->used = ++p->clock;
			return ERR_OK;
		}
		e = wait_queue_for(&p->freed, deadline);
		if (err_is(e))
			return err_make(
			    ERR_TEMP, "all mailbox processes are busy");
	}
}

static void
release_child(struct pool *p, struct pool_child *c)
{
	if (--c->n_users == 0)
		wait_queue_wake_one(&p->freed);
}

static struct err
start_child(
    struct pool *p, const struct pool_identity *who, struct pool_child *c)
{
	struct monitor_answer *a = xmalloc(sizeof(*a));
	struct err e;
	int fd = -1;

	c->is_starting = true;
	memcpy(c->name, who->name, strlen(who->name) + 1);
	c->uid = who->uid;
	c->gid = who->gid;
	e = pool_ask(p, MONITOR_CHILD, who, a, &fd);
	c->is_starting = false;
	if (!err_is(e) && (a->status != MONITOR_OK || fd < 0)) {
		e = err_make(
		    ERR_TEMP, "deliver as this user: %s", pool_why(a));
		if (fd >= 0)
			close(fd);
	} else if (!err_is(e)) {
		caller_take_socket(&c->caller, fd);
	}
	wait_queue_wake_all(&c->started);
	free(a);
	return e;
}

/* The child runs when this is OK; *reused: it did before. */
static struct err
need_child(struct pool *p, const struct pool_identity *who,
    struct pool_child *c, int64_t deadline, bool *reused)
{
	*reused = caller_is_open(&c->caller);
	while (!caller_is_open(&c->caller)) {
		struct err e;

		if (!c->is_starting)
			return start_child(p, who, c);
		e = wait_queue_for(&c->started, deadline);
		if (err_is(e))
			return err_make(ERR_TEMP, "mailbox process: %s", e.text);
	}
	return ERR_OK;
}

static struct err
converse(struct pool_child *c, struct view packet, const int *fds, size_t n_fds,
    struct child_answer *a, int64_t deadline)
{
	char buf[sizeof(*a)];
	struct caller_answer answer = { .buf = buf, .room = sizeof(buf) };
	struct err e =
	    caller_ask(&c->caller, packet, fds, n_fds, &answer, deadline);

	if (err_is(e))
		return e;
	if (answer.fd >= 0)
		close(answer.fd);
	if (!child_answer_read(view_make(buf, answer.len), a))
		return err_make(ERR_TEMP, "bad answer");
	return ERR_OK;
}

struct err
pool_deliver(struct pool *p, const struct pool_identity *who,
    struct view packet, const int *fds, size_t n_fds, struct child_answer *a)
{
	int64_t deadline = deadline_in_ms(ANSWER_MS);
	bool again = true;
	struct err e = ERR_OK;

	if (strlen(who->name) >= WIRE_NAME_MAX)
		return err_make(ERR_PERM, "user name is too long");
	for (int i = 0; i < 2 && again; i++) {
		struct pool_child *c;
		bool reused;

		e = hold_child(p, who, &c, deadline);
		if (err_is(e))
			return e;
		e = need_child(p, who, c, deadline, &reused);
		if (err_is(e)) {
			release_child(p, c);
			return e;
		}
		e = converse(c, packet, fds, n_fds, a, deadline);
		release_child(p, c);
		/* One that was idle for long has left: it read nothing. */
		again = reused && e.kind == ERR_GONE;
		if (e.kind == ERR_GONE && c->n_users == 0)
			log_warn("mailbox process of uid %ld was lost",
			    (long)who->uid);
	}
	return err_is(e) ? err_make(ERR_TEMP, "mailbox process: %s", e.text)
			 : ERR_OK;
}
