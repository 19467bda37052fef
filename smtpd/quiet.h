/*
 * How many log lines one client may cause: whoever connects a thousand times a
 * second, or has a thousand recipients refused, must not fill the disk with
 * lines that say the same.  Beyond smtpd_client_log_limit a minute they are
 * left out and counted, and one line tells how many, at the end of the minute.
 *
 * What may be left out:
 *  - nothing about a session in which a message was accepted: those lines are
 *    not counted, and "client=" of an accepted message always comes;
 *  - refusals have a number of their own, so that they cannot be hidden behind
 *    empty connections from programs that ban who is refused too often;
 *  - nothing about clients on smtpd_client_event_limit_exceptions.
 */
#ifndef SMTPD_QUIET_H
#define SMTPD_QUIET_H

#include "lib/base/htable.h"
#include "lib/base/list.h"

#include <stdbool.h>
#include <stdint.h>

struct session;
struct smtpd;

enum quiet_kind {
	QUIET_CONNECT,
	QUIET_CLIENT,
	QUIET_REJECT,
	QUIET_END,
	QUIET_DISCONNECT,
	QUIET_OTHER,
	QUIET_KINDS,
};

enum { QUIET_WINDOW_MS = 60000, QUIET_CLIENTS_MAX = 10000 };

/* The clients of the last minute. */
struct quiet {
	struct htable clients;
	struct list by_age;
	size_t n;
};

void quiet_init(struct quiet *q);
/* Tells what was left out. */
void quiet_clear(struct quiet *q);
/* May the session log a line of this kind?  If not it is counted as left
 * out. */
bool quiet_allows(struct session *s, enum quiet_kind kind);
/* A message was accepted: the lines of this session are free. */
void quiet_forgive(struct session *s);

#endif
