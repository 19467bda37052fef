/*
 * Telling the state of all processes: see status.h.  Only root (or the user
 * whose instance it is) may ask.  A line:
 *	SERVICE TYPE PROGRAM PID PROCESS/PROCESSES GENERATION STATE SESSIONS
 */
#include "master/status.h"

#include "lib/base/log.h"
#include "master/service.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct loop_watch listener;

static const char *const states[] = {
	[CHILD_STARTING] = "starting",
	[CHILD_SERVING] = "serving",
	[CHILD_DRAINING] = "draining",
};

static uint32_t
sessions_of(const struct child *c)
{
	const struct service *s = c->service;
	uint32_t n;

	if (s->program->kind == PROGRAM_WORKER)
		return c->busy;
	if (s->page == NULL || c->generation != s->generation)
		return 0;
	n = __atomic_load_n(&s->page->sessions[c->process - 1],
	    __ATOMIC_RELAXED);
	return n > 0 ? n - 1 : 0;
}

static void
describe(struct str *out, struct service *s)
{
	LIST_EACH(it, after, &s->children)
	{
		struct child *c = LIST_ITEM(it, struct child, node);

		str_addf(out, "%s %s %s %d %d/%d %d %s %u\n", s->cf->name,
		    master_type_name(s->cf->type), s->cf->command,
		    (int)c->pid, c->process,
		    s->program->kind == PROGRAM_SESSIONS ? s->n_processes : 1,
		    c->generation, states[c->state], sessions_of(c));
	}
}

static void
on_asked(struct loop_watch *w, uint32_t events)
{
	struct str out = STR_EMPTY;
	struct ucred cred;
	socklen_t len = sizeof(cred);
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 &&
	    (cred.uid == 0 || cred.uid == geteuid())) {
		LIST_EACH(it, after, &master.services)
			describe(&out, LIST_ITEM(it, struct service, node));
		/* It fits into the socket's buffer; who does not read is not
		 * waited for. */
		if (send(fd, out.ptr, out.len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			log_warn("tell status: %s", strerror(errno));
	}
	str_clear(&out);
	close(fd);
}

void
status_open(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX,
		.sun_path = "private/master" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	unlink(addr.sun_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(fd, 8) < 0) {
		log_warn("listen on %s: %s", addr.sun_path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return;
	}
	listener = (struct loop_watch){ .fd = fd, .events = EPOLLIN,
		.ready = on_asked };
	loop_add_watch(&listener);
}
