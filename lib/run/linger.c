/* Connections that are closed on our side: see linger.h. */
#include "lib/run/linger.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/run/io.h"
#include "lib/run/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_STEP = 256 * 1024 };

struct lingering {
	struct list node;
	struct loop_watch watch;
	struct timer limit;
	size_t dropped;
};

static struct list all; /* the oldest first */
static size_t n_all;
static void (*on_none)(void);

static void
end(struct lingering *l)
{
	loop_remove_watch(&l->watch);
	timer_cancel(&l->limit);
	list_remove(&l->node);
	n_all--;
	close(l->watch.fd);
	free(l);
	if (n_all == 0 && on_none != NULL)
		on_none();
}

static void
time_is_over(struct timer *t)
{
	end(LIST_ITEM(t, struct lingering, limit));
}

static void
drop_input(struct loop_watch *w, uint32_t events)
{
	struct lingering *l = LIST_ITEM(w, struct lingering, watch);
	/* With MSG_TRUNC TCP drops the bytes where they are. */
	ssize_t n =
	    recv(w->fd, NULL, READ_STEP, MSG_DONTWAIT | MSG_TRUNC);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		l->dropped += (size_t)n;
	if (n <= 0 || l->dropped >= LINGER_BYTES)
		end(l);
}

void
linger_take(int fd)
{
	struct lingering *l;

	if (fd < 0)
		return;
	if (!loop_is_on() || shutdown(fd, SHUT_WR) < 0) {
		io_close(fd);
		return;
	}
	/* A fiber has waited for it until now. */
	io_forget(fd);
	if (all.next == NULL)
		list_init(&all);
	if (n_all >= LINGER_MOST)
		end(LIST_ITEM(list_first(&all), struct lingering, node));
	l = xcalloc(1, sizeof(*l));
	l->watch = (struct loop_watch){ .fd = fd, .events = EPOLLIN,
		.ready = drop_input };
	list_append(&all, &l->node);
	n_all++;
	loop_add_watch(&l->watch);
	timer_set(&l->limit, deadline_in_ms(LINGER_MS), time_is_over);
}

size_t
linger_count(void)
{
	return n_all;
}

void
linger_on_none(void (*none_left)(void))
{
	on_none = none_left;
}

void
linger_close_all(void)
{
	while (n_all > 0)
		end(LIST_ITEM(list_first(&all), struct lingering, node));
}
