/*
 * Where lines go: see sink.h.  Each kind has one function that writes from the
 * buffer once; all else is common.
 */
#include "log/sink.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

enum { SYSLOG_BATCH = 32 };

static const struct {
	const char *name;
	int code;
} facilities[] = { { "auth", LOG_AUTH }, { "authpriv", LOG_AUTHPRIV },
	{ "cron", LOG_CRON }, { "daemon", LOG_DAEMON }, { "ftp", LOG_FTP },
	{ "kern", LOG_KERN }, { "lpr", LOG_LPR }, { "mail", LOG_MAIL },
	{ "news", LOG_NEWS }, { "security", LOG_AUTH },
	{ "syslog", LOG_SYSLOG }, { "user", LOG_USER }, { "uucp", LOG_UUCP },
	{ "local0", LOG_LOCAL0 }, { "local1", LOG_LOCAL1 },
	{ "local2", LOG_LOCAL2 }, { "local3", LOG_LOCAL3 },
	{ "local4", LOG_LOCAL4 }, { "local5", LOG_LOCAL5 },
	{ "local6", LOG_LOCAL6 }, { "local7", LOG_LOCAL7 } };

static const int severities[] = {
	[LOG_LEVEL_DEBUG] = LOG_DEBUG,
	[LOG_LEVEL_INFO] = LOG_INFO,
	[LOG_LEVEL_WARN] = LOG_WARNING,
	[LOG_LEVEL_ERROR] = LOG_ERR,
	[LOG_LEVEL_FATAL] = LOG_CRIT,
};

/* --- open and close --- */

static void
sink_init(struct sink *s, enum sink_kind kind, const char *path)
{
	*s = (struct sink){ .kind = kind,
		.fd = -1,
		.dir_fd = -1,
		.out = STR_EMPTY,
		.text = STR_EMPTY };
	snprintf(s->path, sizeof(s->path), "%s", path);
	snprintf(s->tag, sizeof(s->tag), "log");
	/* The short name, as syslog daemons write it. */
	if (gethostname(s->host, sizeof(s->host)) < 0)
		snprintf(s->host, sizeof(s->host), "localhost");
	s->host[sizeof(s->host) - 1] = '\0';
	s->host[strcspn(s->host, ".")] = '\0';
	for (char *p = s->host; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~')
			*p = '_';
}

/* So that the path can be looked at when it is out of sight.  Without it, only
 * a removal is noticed. */
static void
open_folder(struct sink *s)
{
	char *slash = strrchr(s->path, '/');

	if (slash == NULL)
		return;
	*slash = '\0';
	s->dir_fd = open(
	    slash == s->path ? "/" : s->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	*slash = '/';
}

struct err
sink_open_file(struct sink *s, const char *path)
{
	struct err e;

	sink_init(s, SINK_FILE, path);
	s->fd = open(path,
	    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
		O_CLOEXEC,
	    0600);
	if (s->fd < 0 || fstat(s->fd, &s->opened) < 0)
		e = err_sys(ERR_TEMP, "open %s", path);
	else if (strlen(path) >= sizeof(s->path))
		e = err_make(ERR_TEMP, "open: the path is too long");
	else if (!S_ISREG(s->opened.st_mode))
		e = err_make(ERR_TEMP, "open %s: not a regular file", path);
	else
		e = ERR_OK;
	if (err_is(e))
		sink_close(s);
	else
		open_folder(s);
	return e;
}

struct err
sink_open_stream(struct sink *s, int fd)
{
	sink_init(s, SINK_STREAM, "standard output");
	s->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (s->fd < 0 || fstat(s->fd, &s->opened) < 0) {
		struct err e = err_sys(ERR_TEMP, "use %s", s->path);

		sink_close(s);
		return e;
	}
	s->is_socket = S_ISSOCK(s->opened.st_mode);
	return ERR_OK;
}

struct err
sink_open_syslog(struct sink *s, const char *path, const char *facility)
{
	sink_init(s, SINK_SYSLOG, path);
	for (size_t i = 0; i < ARRAY_LEN(facilities); i++) {
		if (strcasecmp(facility, facilities[i].name) != 0)
			continue;
		s->facility = facilities[i].code;
		return ERR_OK;
	}
	return err_make(ERR_PERM, "syslog_facility: no facility %s", facility);
}

void
sink_close(struct sink *s)
{
	if (s->fd >= 0)
		close(s->fd);
	if (s->dir_fd >= 0)
		close(s->dir_fd);
	s->fd = s->dir_fd = -1;
	str_clear(&s->out);
	str_clear(&s->text);
}

/* --- adding --- */

/* The form of syslog(3), which log daemons expect on their own socket: no
 * host. */
static void
add_syslog_line(struct sink *s, const struct record *r, struct view text)
{
	size_t stamp = sizeof("Nov 21 22:00:00") - 1;
	size_t gap;

	str_addf(&s->out, "<%d>", s->facility | severities[r->level]);
	gap = s->out.len + stamp;
	log_format_line(
	    &s->out, r->wall_us, VIEW_EMPTY, view_of(r->tag), r->pid, text);
	/* Two spaces, where the host is not. */
	memmove(s->out.ptr + gap, s->out.ptr + gap + 1, s->out.len - gap - 1);
	str_cut(&s->out, s->out.len - 1);
}

static void
add_line(struct sink *s, const struct record *r, struct view text)
{
	if (s->kind == SINK_SYSLOG)
		add_syslog_line(s, r, text);
	else
		log_format_line(&s->out, r->wall_us, view_of(s->host),
		    view_of(r->tag), r->pid, text);
}

void
sink_add(struct sink *s, const struct record *r)
{
	str_reset(&s->text);
	record_add_text(&s->text, r);
	add_line(s, r, str_view(&s->text));
}

bool
sink_is_full(const struct sink *s)
{
	return s->out.len - s->out_at >= SINK_FULL;
}

/* --- writing --- */

static uint64_t
count_lines(struct view v)
{
	uint64_t n = 0;

	for (size_t i = 0; i < v.len; i++)
		n += v.ptr[i] == '\n';
	return n;
}

static void
out_reset(struct sink *s)
{
	str_reset(&s->out);
	s->out_at = s->notice_len = 0;
}

/* Nothing can be written: what is there is counted and dropped. */
static void
lose(struct sink *s, struct err why)
{
	struct view rest = view_skip(str_view(&s->out), s->out_at);

	if (s->out_at > 0)
		s->torn = s->out.ptr[s->out_at - 1] != '\n';
	/* A notice counts for itself, and so does the newline before it. */
	if (s->out_at < s->notice_len)
		rest = view_skip(rest, s->notice_len - s->out_at);
	s->lost += count_lines(rest);
	snprintf(s->lost_why, sizeof(s->lost_why), "%s", why.text);
	out_reset(s);
}

/* Put before what is to be written how much was lost. */
static void
add_notice(struct sink *s)
{
	struct str lines = s->out;
	struct str text = STR_EMPTY;
	struct record r = { .level = LOG_LEVEL_WARN,
		.wall_us = clock_wall_us(),
		.pid = getpid() };

	snprintf(r.tag, sizeof(r.tag), "%s", s->tag);
	s->out = STR_EMPTY;
	if (s->torn)
		str_add_byte(&s->out, '\n');
	str_printf(&text,
	    "warning: %llu log lines were lost: ", (unsigned long long)s->lost);
	log_clean(&text, view_of(s->lost_why), LOG_LINE_MAX);
	add_line(s, &r, str_view(&text));
	s->notice_len = s->out.len;
	str_add(&s->out, str_view(&lines));
	str_clear(&lines);
	str_clear(&text);
}

/* -1 with EAGAIN if it would block. */
static ssize_t
write_stream(struct sink *s, struct view v)
{
	struct pollfd p = { s->fd, POLLOUT, 0 };

	if (s->is_socket)
		return send(s->fd, v.ptr, v.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	/* The descriptor is shared with others, so it stays as it is: a pipe
	 * that can be written takes this much without blocking. */
	if (poll(&p, 1, 0) == 0) {
		errno = EAGAIN;
		return -1;
	}
	return write(s->fd, v.ptr, v.len < PIPE_BUF ? v.len : PIPE_BUF);
}

static int
syslog_connect(struct sink *s)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(s->path) >= sizeof(addr.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(addr.sun_path, s->path, strlen(s->path));
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	s->fd = fd;
	return 0;
}

/* Each line is a datagram, without its newline. */
static size_t
fill_batch(struct view rest, struct mmsghdr *messages, struct iovec *parts)
{
	size_t n = 0;

	for (; n < SYSLOG_BATCH && rest.len > 0; n++) {
		size_t end = view_find(rest, '\n');

		parts[n] = (struct iovec){ (void *)(uintptr_t)rest.ptr, end };
		messages[n] = (struct mmsghdr){
			.msg_hdr = { .msg_iov = &parts[n], .msg_iovlen = 1 }
		};
		rest = view_skip(rest, end + 1);
	}
	return n;
}

static ssize_t
send_batch(struct sink *s, struct view v)
{
	struct mmsghdr messages[SYSLOG_BATCH] = { 0 };
	struct iovec parts[SYSLOG_BATCH];
	size_t n = fill_batch(v, messages, parts);
	int sent =
	    sendmmsg(s->fd, messages, (unsigned)n, MSG_DONTWAIT | MSG_NOSIGNAL);
	size_t len = 0;

	if (sent < 0)
		return -1;
	for (int i = 0; i < sent; i++)
		len += parts[i].iov_len + 1;
	return (ssize_t)len;
}

/* -1 with EAGAIN if the log daemon does not read. */
static ssize_t
write_syslog(struct sink *s, struct view v)
{
	ssize_t n;

	if (s->fd < 0 && clock_ms() < s->retry_at) {
		errno = EAGAIN;
		return -1;
	}
	for (int tries = 0;; tries++) {
		if (s->fd < 0 && syslog_connect(s) < 0)
			break;
		n = send_batch(s, v);
		if (n >= 0)
			return n;
		if (errno == EAGAIN || errno == ENOBUFS || errno == EINTR)
			return -1;
		/* The log daemon was started again. */
		close(s->fd);
		s->fd = -1;
		if (tries > 0)
			break;
	}
	s->retry_at = clock_ms() + SINK_RETRY_MS;
	return -1;
}

static ssize_t
write_some(struct sink *s, struct view v)
{
	switch (s->kind) {
	case SINK_FILE:
		return write(s->fd, v.ptr, v.len);
	case SINK_STREAM:
		return write_stream(s, v);
	case SINK_SYSLOG:
		break;
	}
	return write_syslog(s, v);
}

bool
sink_write(struct sink *s)
{
	if (s->lost > 0 && s->notice_len == 0 && s->out_at == 0 &&
	    s->out.len > 0)
		add_notice(s);
	while (s->out_at < s->out.len) {
		ssize_t n =
		    write_some(s, view_skip(str_view(&s->out), s->out_at));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == ENOBUFS))
			return false;
		if (n < 0) {
			lose(s, err_sys(ERR_TEMP, "write to %s", s->path));
			return true;
		}
		s->out_at += (size_t)n;
		if (s->notice_len > 0 && s->out_at >= s->notice_len) {
			s->lost = s->notice_len = 0;
			s->torn = false;
		}
	}
	out_reset(s);
	return true;
}

/* --- rotation --- */

bool
sink_is_stale(const struct sink *s)
{
	struct stat st;

	if (s->kind != SINK_FILE)
		return false;
	if (fstat(s->fd, &st) == 0 && st.st_nlink == 0)
		return true;
	if (s->dir_fd < 0)
		return false;
	if (fstatat(s->dir_fd, strrchr(s->path, '/') + 1, &st,
		AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT;
	return st.st_ino != s->opened.st_ino || st.st_dev != s->opened.st_dev;
}

bool
sink_path_allowed(struct view path, struct view prefixes)
{
	struct view prefix;

	while (view_token(&prefixes, ", \t\r\n", &prefix)) {
		while (prefix.len > 1 && view_ends(prefix, VIEW("/")))
			prefix.len--;
		if (view_starts(path, prefix) &&
		    (path.len == prefix.len || path.ptr[prefix.len] == '/' ||
			prefix.len == 1))
			return true;
	}
	return false;
}
