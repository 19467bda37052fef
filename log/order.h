/*
 * Lines in the order of their times.  Each process sends what it has to tell
 * some milliseconds late, many lines at once; so lines are held a little
 * longer than that, and leave sorted: who follows a message reads its way
 * from top to bottom.
 */
#ifndef LOG_ORDER_H
#define LOG_ORDER_H

#include "log/sink.h"

enum {
	ORDER_HOLD_MS = 50,       /* longer than the senders gather */
	ORDER_LINES_MAX = 4096,   /* beyond these, all leave at once */
	ORDER_BYTES_MAX = 1 << 20,
	ORDER_AHEAD_US = 1000000, /* no clock here is that far ahead of ours */
};

struct held_line {
	struct record record; /* its text is at text_at of the texts */
	size_t text_at;
	uint64_t number;      /* as it came: equal times stay in order */
};

struct order {
	struct sink *sink;
	struct held_line *lines;
	size_t n, room;
	struct str texts;
	uint64_t next_number;
};

void order_init(struct order *o, struct sink *sink);
void order_clear(struct order *o);
/* Take a line; copies it. */
void order_add(struct order *o, const struct record *r);
/* Give the sink the lines of times up to this (us of the wall clock), and those
 * that were said before the clock was set back; INT64_MAX for all. */
void order_release(struct order *o, int64_t until_us);

#endif
