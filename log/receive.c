/* From the sockets to the sink: see receive.h. */
#include "log/receive.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { TELL_MS = 60 * 1000 };
#define DAY_US (INT64_C(86400) * 1000000)

void
receive_prepare(int fd)
{
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		die_temp("setsockopt SO_PASSCRED: %s", strerror(errno));
}

/* Once a minute at most: who floods us should not do it through this line. */
static void
tell_bad(struct receiver *r)
{
	int64_t now = clock_ms();

	if (r->bad == 0 || (r->told_at != 0 && now - r->told_at < TELL_MS))
		return;
	log_warn("%" PRIu64 " malformed log records, the last from process "
		 "%" PRId64 " of uid %" PRId64,
	    r->bad, r->bad_pid, r->bad_uid);
	r->bad = 0;
	r->told_at = now;
}

static bool
is_one_of(const char *const *names, const char *name)
{
	for (; *names != NULL; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

static void
check_tag(const struct receiver *r, struct record *record, int64_t uid)
{
	for (size_t i = 0; i < r->n_rules; i++) {
		const struct receiver_rule *rule = &r->rules[i];
		const char *slash = strrchr(record->tag, '/');
		const char *name = slash != NULL ? slash + 1 : record->tag;

		if ((int64_t)rule->uid != uid)
			continue;
		if (!is_one_of(rule->programs, name))
			snprintf(record->tag, sizeof(record->tag), "%s!",
			    rule->programs[0]);
		return;
	}
}

void
receive_one(struct receiver *r, struct view datagram, int64_t pid, int64_t uid)
{
	int64_t now = clock_wall_us();
	struct record record;
	bool good;

	while (record_next(&datagram, &record, &good)) {
		if (!good) {
			r->bad++;
			r->bad_pid = pid;
			r->bad_uid = uid;
			continue;
		}
		if (pid > 0)
			record.pid = pid;
		check_tag(r, &record, uid);
		if (record.wall_us < now - DAY_US ||
		    record.wall_us > now + ORDER_AHEAD_US)
			record.wall_us = now;
		order_add(r->order, &record);
	}
	tell_bad(r);
}

static void
read_sender(struct msghdr *m, int64_t *pid, int64_t *uid)
{
	struct ucred cred;

	*pid = 0;
	*uid = -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL;
	     c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET ||
		    c->cmsg_type != SCM_CREDENTIALS ||
		    c->cmsg_len != CMSG_LEN(sizeof(cred)))
			continue;
		memcpy(&cred, CMSG_DATA(c), sizeof(cred));
		*pid = cred.pid;
		*uid = cred.uid;
	}
}

bool
receive_datagrams(struct receiver *r, int fd)
{
	static char bytes[RECEIVE_DATAGRAM_MAX];
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} control;

	for (int i = 0; i < RECEIVE_BATCH && !sink_is_full(r->order->sink); i++) {
		struct iovec part = { bytes, sizeof(bytes) };
		/* Descriptors, for which there is no room, the kernel
		 * closes. */
		struct msghdr m = { .msg_iov = &part,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof(control) };
		int64_t pid, uid;
		ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return true;
		read_sender(&m, &pid, &uid);
		receive_one(r, view_make(bytes, (size_t)n), pid, uid);
	}
	return false;
}
