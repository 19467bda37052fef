/*
 * One line an event.  Lines go to whoever the process was told: the `log`
 * daemon's datagram socket (batched, never waiting), standard error, or both.
 * Foreign bytes that a caller prints with %s are cleaned here, whatever they
 * are: control characters, DEL, C1 and invalid UTF-8 become \xNN.
 *
 * Three ends of a process: die_usage (64, the operator's command line),
 * die_temp (75, the environment; master tries again with a back-off) and
 * assert (our bug).
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "lib/base/str.h"

#include <stdbool.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN,
	LOG_LEVEL_ERROR, LOG_LEVEL_FATAL };

/* Longest line in bytes, prefix not counted; the rest is cut. */
enum { LOG_LINE_MAX = 2000 };

/*
 * Who speaks: "postfix/smtpd" style tag.  Lines go to standard error until
 * log_to_socket.  May be called again.
 */
void log_open(const char *tag);
/* Also tell lines of level debug. */
void log_set_debug(bool on);
/* The same for what this thread does from now on: for one session of many. */
void log_set_debug_here(bool on);
/* Either of them. */
bool log_is_debug(void);
/* Lines go to standard error too (or not) once there is a socket. */
void log_set_stderr(bool on);
/*
 * Without a socket lines go to syslog(3), facility mail, instead of standard
 * error; those of _Noreturn functions to both.
 */
void log_set_syslog(bool on);
/*
 * Send lines as datagrams to this connected, non-blocking socket (becomes
 * ours).  They are gathered until log_flush, which the loop calls each turn,
 * or until a datagram is full.  What the other end has no room for is kept for
 * the next time, up to a limit; what is more is counted and told later.
 */
void log_take_socket(int fd);
void log_flush(void);
/* The same, and wait for the other end, at most 100 ms: for who leaves, or has
 * nothing else to do. */
void log_drain(void);
/* The same if the oldest line has waited for some milliseconds; the loop calls
 * it each turn, so that lines of many turns share a datagram.  The milliseconds
 * until it should be called again if lines are left waiting, more and more of
 * them, up to a second, while the other end does not read; else 0. */
int log_flush_if_old(void);
/*
 * For a command that tells what is wrong in a form of its own: warnings and
 * errors, cleaned, go there and nowhere else.  NULL: as before.
 */
typedef void log_take_fn(void *arg, const char *text);
void log_set_taker(log_take_fn *take, void *arg);
/* A line with time stamp and host, for who writes without `log`:
 * "Nov 21 22:00:00 host tag[pid]: text". Time is wall clock in us. */
void log_format_line(struct str *out, int64_t wall_us, struct view host,
    struct view tag, int64_t pid, struct view text);

void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same under the name of another program, which is a part of this one:
 * "postfix/dnsblog" for "postfix/smtpd". */
void log_info_as(const char *program, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void log_warn_as(const char *program, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

_Noreturn void die_usage(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
_Noreturn void die_temp(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* Appends v, cleaned as above; at most max bytes of output are added. */
void log_clean(struct str *out, struct view v, size_t max);

#endif
