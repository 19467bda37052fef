/*
 * The one line that a delivery agent logs for each recipient, in the shape
 * that log analysers know:
 *
 *	ID: to=<a@b>, orig_to=<c@d>, relay=h[1.2.3.4]:25, conn_use=2, delay=1.2,
 *	    delays=0.1/0/1/0.05, dsn=2.0.0, status=sent (250 Ok)
 */
#ifndef MAIL_DELIVER_LOG_H
#define MAIL_DELIVER_LOG_H

#include "lib/base/str.h"

#include <stdbool.h>

/* The stations of a delivery: time of day in us. */
struct deliver_times {
	int64_t arrival_us;   /* the message came */
	int64_t active_us;    /* qmgr took it up; 0 is unknown */
	int64_t handoff_us;   /* the agent got it */
	int64_t connected_us; /* a session was set up, or could not be; 0 if
			       * there is none to set up */
	int64_t done_us;
};

struct deliver_line {
	struct view queue_id;
	struct view recipient; /* internal form, as all addresses here */
	struct view original;  /* shown if it is another, whatever the case */
	struct view relay;
	int64_t conn_use; /* shown if over 1 */
	struct deliver_times times;
	struct view dsn;
	int status;    /* enum outcome */
	bool is_probe; /* the words are deliverable, undeliverable */
	struct view text;
};

/* Append the line.  `resolution` is delay_logging_resolution_limit: digits
 * after the point of a delay, at most 6. */
void deliver_log_format(
    struct str *out, const struct deliver_line *l, int64_t resolution);
/* Format and log it. */
void deliver_log(const struct deliver_line *l, int64_t resolution);

/* Append a delay: two significant digits, integers from 10 seconds on, no
 * zeros at the end, at most `resolution` digits after the point; what is
 * negative (a clock was set) is 0. */
void deliver_log_delay(struct str *out, int64_t us, int64_t resolution);

#endif
