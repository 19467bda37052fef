/*
 * Log lines: see log.h.  A datagram to `log` holds records, each one line:
 * level digit, space, wall clock in us, space, pid, space, tag, space, text,
 * newline.  Text has no control characters left, so a newline ends a record.
 */
#include "lib/base/log.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum {
	LOG_DATAGRAM_MAX = 16384,
	LOG_GATHER_US = 20000,
	/* Kept while the log is behind; the kernel itself holds few datagrams
	 * (net.unix.max_dgram_qlen, often 10). */
	LOG_KEPT_MAX = 131072,
	LOG_DRAIN_US = 100000,
	/* How long to leave a log alone that does not read: twice as long each
	 * time. */
	LOG_FULL_MIN_US = 20000,
	LOG_FULL_MAX_US = 1000000,
};

static struct {
	char tag[64];
	int pid; /* a system call per line would show; 0 after a fork */
	int fd;
	bool debug;
	bool to_stderr;
	bool to_syslog;
	struct str gathered;
	uint64_t dropped;
	int64_t oldest_us; /* of what is gathered */
	int64_t full_us;   /* the other end was full: so long until the next try */
	int64_t retry_us;  /* when that is */
} log_state = { .tag = "barid", .fd = -1, .to_stderr = true,
	.gathered = { str_nothing, 0, 0 } };

/* What lib/run/fiber.h says of the fiber that runs. */
static _Thread_local bool debug_here;

/* Threads of offload warn as well. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const char *const level_words[] = {
	[LOG_LEVEL_DEBUG] = "debug: ",
	[LOG_LEVEL_INFO] = "",
	[LOG_LEVEL_WARN] = "warning: ",
	[LOG_LEVEL_ERROR] = "error: ",
	[LOG_LEVEL_FATAL] = "fatal: ",
};

static void
forget_pid(void)
{
	log_state.pid = 0;
}

static int
own_pid(void)
{
	static bool watched;

	if (!watched)
		pthread_atfork(NULL, NULL, forget_pid);
	watched = true;
	if (log_state.pid == 0)
		log_state.pid = (int)getpid();
	return log_state.pid;
}

void
log_open(const char *tag)
{
	snprintf(log_state.tag, sizeof(log_state.tag), "%s", tag);
	for (char *p = log_state.tag; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~')
			*p = '_';
}

void
log_set_debug(bool on)
{
	log_state.debug = on;
}

void
log_set_debug_here(bool on)
{
	debug_here = on;
}

bool
log_is_debug(void)
{
	return log_state.debug | debug_here;
}

void
log_set_stderr(bool on)
{
	log_state.to_stderr = on;
}

void
log_set_syslog(bool on)
{
	if (on)
		openlog(log_state.tag, LOG_PID, LOG_MAIL);
	log_state.to_syslog = on;
	log_state.to_stderr = !on;
}

void
log_take_socket(int fd)
{
	if (log_state.fd >= 0)
		close(log_state.fd);
	log_state.fd = fd;
	log_state.to_stderr = fd < 0;
}

/* The length of a printable UTF-8 character at the front of v, else 0. */
static size_t
printable_len(struct view v)
{
	unsigned char c = (unsigned char)v.ptr[0];
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	if (n == 1)
		return c >= ' ' && c != 0x7f;
	if (n > v.len || !view_is_utf8(view_first(v, n)))
		return 0;
	/* C1 controls are U+0080 to U+009F; U+2028, U+2029 and the overrides
	 * U+202A to U+202E, U+2066 to U+2069 turn a terminal's line around. */
	if (c == 0xc2 && (unsigned char)v.ptr[1] < 0xa0)
		return 0;
	if (c == 0xe2 && (unsigned char)v.ptr[1] == 0x80 &&
	    (unsigned char)v.ptr[2] >= 0xa8 && (unsigned char)v.ptr[2] <= 0xae)
		return 0;
	if (c == 0xe2 && (unsigned char)v.ptr[1] == 0x81 &&
	    (unsigned char)v.ptr[2] >= 0xa6 && (unsigned char)v.ptr[2] <= 0xa9)
		return 0;
	return n;
}

void
log_clean(struct str *out, struct view v, size_t max)
{
	size_t end;

	if (__builtin_add_overflow(out->len, max, &end))
		end = SIZE_MAX;
	while (v.len > 0 && out->len < end) {
		size_t n = printable_len(v);

		if (n > 0) {
			if (out->len + n > end)
				break;
			str_add(out, view_first(v, n));
			v = view_skip(v, n);
		} else {
			if (out->len + 4 > end)
				break;
			str_addf(out, "\\x%02X", (unsigned char)v.ptr[0]);
			v = view_skip(v, 1);
		}
	}
}

void
log_format_line(struct str *out, int64_t wall_us, struct view host,
    struct view tag, int64_t pid, struct view text)
{
	static time_t cached = -1;
	static char stamp[32];
	time_t now = (time_t)(wall_us / 1000000);

	if (now != cached) {
		struct tm tm;

		/* The C locale's month names: no setlocale is ever called. */
		localtime_r(&now, &tm);
		strftime(stamp, sizeof(stamp), "%b %e %H:%M:%S", &tm);
		cached = now;
	}
	str_add_text(out, stamp);
	str_add_byte(out, ' ');
	str_add(out, host);
	str_add_byte(out, ' ');
	str_add(out, tag);
	str_add_byte(out, '[');
	str_add_int(out, pid);
	str_add_text(out, "]: ");
	str_add(out, text);
	str_add_byte(out, '\n');
}

/* Does the other end take more, or is it gone? */
enum send_result { SEND_DONE, SEND_FULL, SEND_DEAD };

static enum send_result
log_send(struct view records)
{
	ssize_t n;

	do
		n = send(log_state.fd, records.ptr, records.len,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return SEND_DONE;
	return errno == EAGAIN || errno == ENOBUFS ? SEND_FULL : SEND_DEAD;
}

/* As many whole lines from the front as a datagram holds. */
static struct view
first_datagram(struct view lines)
{
	size_t end = view_find_last(
	    view_first(lines, LOG_DATAGRAM_MAX), '\n');

	return end == VIEW_NPOS ? lines : view_first(lines, end + 1);
}

static uint64_t
count_lines(struct view v)
{
	uint64_t lines = 0;

	for (size_t i = 0; i < v.len; i++)
		lines += v.ptr[i] == '\n';
	return lines;
}

static void
tell_lost(void)
{
	if (log_state.dropped == 0 ||
	    log_state.gathered.len > LOG_KEPT_MAX - LOG_DATAGRAM_MAX)
		return;
	str_addf(&log_state.gathered,
	    "%d %" PRId64 " %d %s %" PRIu64 " log lines were lost\n",
	    LOG_LEVEL_WARN, clock_wall_us(), own_pid(), log_state.tag,
	    log_state.dropped);
	log_state.dropped = 0;
}

static void
note_full(bool urgent)
{
	int64_t wait_us = log_state.full_us * (urgent ? 1 : 2);

	if (wait_us < LOG_FULL_MIN_US)
		wait_us = LOG_FULL_MIN_US;
	if (wait_us > LOG_FULL_MAX_US)
		wait_us = LOG_FULL_MAX_US;
	log_state.full_us = wait_us;
	log_state.retry_us = clock_us() + wait_us;
}

/* With the lock held.  What the other end has no room for stays.  One that was
 * full a moment ago is asked again only if it is urgent. */
static void
flush_gathered(bool urgent)
{
	struct view rest;

	if (log_state.fd < 0 || log_state.gathered.len == 0 ||
	    (!urgent && log_state.full_us > 0 &&
		clock_us() < log_state.retry_us))
		return;
	tell_lost();
	rest = str_view(&log_state.gathered);
	while (rest.len > 0) {
		struct view lines = first_datagram(rest);
		enum send_result result = log_send(lines);

		if (result == SEND_FULL) {
			note_full(urgent);
			break;
		}
		log_state.full_us = 0;
		if (result == SEND_DEAD)
			log_state.dropped += count_lines(lines);
		rest = view_skip(rest, lines.len);
	}
	str_drop_front(
	    &log_state.gathered, log_state.gathered.len - rest.len);
}

void
log_flush(void)
{
	pthread_mutex_lock(&lock);
	flush_gathered(true);
	pthread_mutex_unlock(&lock);
}

void
log_drain(void)
{
	int64_t end = clock_us() + LOG_DRAIN_US;

	for (;;) {
		struct pollfd p = { log_state.fd, POLLOUT, 0 };
		int64_t left_us;

		log_flush();
		left_us = end - clock_us();
		if (log_state.fd < 0 || log_state.gathered.len == 0 ||
		    left_us <= 0)
			return;
		poll(&p, 1, (int)(left_us / 1000) + 1);
	}
}

int
log_flush_if_old(void)
{
	int64_t us = 0;

	if (log_state.gathered.len == 0)
		return 0;
	pthread_mutex_lock(&lock);
	if (clock_us() - log_state.oldest_us >= LOG_GATHER_US)
		flush_gathered(false);
	if (log_state.gathered.len > 0)
		us = log_state.full_us > 0 ? log_state.retry_us - clock_us()
					   : LOG_GATHER_US;
	pthread_mutex_unlock(&lock);
	/* At least one: 0 is that nothing waits. */
	return log_state.gathered.len == 0 ? 0
	    : us <= 1000		     ? 1
					     : (int)(us / 1000);
}

/* Set while a line of another program's name is made. */
static _Thread_local const char *speaker;

/* Who speaks: valid until the next call of this thread. */
static const char *
tag_now(void)
{
	static _Thread_local char other[sizeof(log_state.tag) * 2];
	const char *slash = strrchr(log_state.tag, '/');
	int len = slash != NULL ? (int)(slash + 1 - log_state.tag) : 0;

	if (speaker == NULL)
		return log_state.tag;
	snprintf(other, sizeof(other), "%.*s%s", len, log_state.tag, speaker);
	return other;
}

/* As log/record.c reads it. */
static void
add_record(struct str *out, enum log_level level, const char *text)
{
	str_add_int(out, level);
	str_add_byte(out, ' ');
	str_add_int(out, clock_wall_us());
	str_add_byte(out, ' ');
	str_add_int(out, own_pid());
	str_add_byte(out, ' ');
	str_add_text(out, tag_now());
	str_add_byte(out, ' ');
	str_add_text(out, text);
	str_add_byte(out, '\n');
}

/* With the lock held. */
static void
gather(enum log_level level, const char *text, size_t max)
{
	if (log_state.gathered.len + max > LOG_DATAGRAM_MAX)
		flush_gathered(false);
	if (log_state.gathered.len + max > LOG_KEPT_MAX) {
		log_state.dropped++;
		return;
	}
	if (log_state.gathered.len == 0)
		log_state.oldest_us = clock_us();
	add_record(&log_state.gathered, level, text);
	if (level >= LOG_LEVEL_FATAL)
		flush_gathered(true);
}

static bool
is_for_stderr(enum log_level level)
{
	if (log_state.to_syslog)
		return level >= LOG_LEVEL_FATAL;
	return log_state.to_stderr || log_state.fd < 0;
}

static void
tell_syslog(enum log_level level, const char *text)
{
	static const int priorities[] = {
		[LOG_LEVEL_DEBUG] = LOG_DEBUG,
		[LOG_LEVEL_INFO] = LOG_INFO,
		[LOG_LEVEL_WARN] = LOG_WARNING,
		[LOG_LEVEL_ERROR] = LOG_ERR,
		[LOG_LEVEL_FATAL] = LOG_CRIT,
	};

	syslog(priorities[level], "%s", text);
}

static struct {
	log_take_fn *take;
	void *arg;
} taker;

void
log_set_taker(log_take_fn *take, void *arg)
{
	taker.take = take;
	taker.arg = arg;
}

static bool
is_taken(enum log_level level)
{
	return taker.take != NULL &&
	    (level == LOG_LEVEL_WARN || level == LOG_LEVEL_ERROR);
}

static void
log_line(enum log_level level, const char *format, va_list ap)
{
	struct str raw = STR_EMPTY, text = STR_EMPTY;
	int saved = errno;

	str_vaddf(&raw, format, ap);
	if (is_taken(level)) {
		log_clean(&text, str_view(&raw), LOG_LINE_MAX);
		taker.take(taker.arg, text.ptr);
		goto out;
	}
	str_add_text(&text, level_words[level]);
	log_clean(&text, str_view(&raw), LOG_LINE_MAX);
	pthread_mutex_lock(&lock);
	if (is_for_stderr(level))
		fprintf(stderr, "%s: %s\n", tag_now(), text.ptr);
	if (log_state.fd >= 0)
		gather(level, text.ptr, text.len + 128);
	else if (log_state.to_syslog)
		tell_syslog(level, text.ptr);
	pthread_mutex_unlock(&lock);
out:
	str_clear(&raw);
	str_clear(&text);
	errno = saved;
}

#define LOG_LEVEL_FUNCTION(name, level)            \
	void name(const char *format, ...)         \
	{                                          \
		va_list ap;                        \
                                                   \
		va_start(ap, format);              \
		log_line(level, format, ap);       \
		va_end(ap);                        \
	}

LOG_LEVEL_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_LEVEL_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_LEVEL_FUNCTION(log_error, LOG_LEVEL_ERROR)

static void __attribute__((format(printf, 3, 0)))
log_as(const char *program, enum log_level level, const char *format,
    va_list ap)
{
	speaker = program;
	log_line(level, format, ap);
	speaker = NULL;
}

void
log_info_as(const char *program, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	log_as(program, LOG_LEVEL_INFO, format, ap);
	va_end(ap);
}

void
log_warn_as(const char *program, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	log_as(program, LOG_LEVEL_WARN, format, ap);
	va_end(ap);
}

void
log_debug(const char *format, ...)
{
	va_list ap;

	if (!log_is_debug())
		return;
	va_start(ap, format);
	log_line(LOG_LEVEL_DEBUG, format, ap);
	va_end(ap);
}

_Noreturn void
die_usage(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	log_line(LOG_LEVEL_FATAL, format, ap);
	va_end(ap);
	exit(64);
}

_Noreturn void
die_temp(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	log_line(LOG_LEVEL_FATAL, format, ap);
	va_end(ap);
	exit(75);
}
