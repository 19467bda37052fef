/*
 * What `anvil` counts: for each service and client, the connections that are
 * open, by the peer that told of them, and the events of each kind in the
 * current time unit.  Knows no messages and no clock but the one it is given.
 *
 * Memory is bounded: COUNT_ENTRIES_MAX clients of about 200 bytes (and what
 * their names need), COUNT_PEER_MAX of them with connections of one peer.  When
 * it is full the client that was idle longest goes; when none is idle a new one
 * is not counted.
 */
#ifndef ANVIL_COUNT_H
#define ANVIL_COUNT_H

#include "lib/base/htable.h"
#include "lib/base/list.h"
#include "lib/base/str.h"
#include "lib/ipc/anvil.h"

enum {
	COUNT_KINDS = ANVIL_AUTH + 1,
	COUNT_ENTRIES_MAX = 100000,
	COUNT_PEER_MAX = 50000,
	COUNT_OPEN_MAX = 1000000, /* of one client, restated by one peer */
};

/* The highest since the last report. */
struct count_record {
	int64_t value;
	int64_t at;			  /* time of day, s */
	char who[ANVIL_NAME_MAX * 2 + 2]; /* "smtp:192.0.2.1" */
};

struct counts {
	struct htable entries; /* service, NUL, client */
	struct list idle;      /* nothing open; idle longest first */
	int64_t unit_ms;
	bool told_full;
	struct count_record rates[COUNT_KINDS], open, size;
};

/* What one connection to `anvil` has told to be open; goes with it. */
struct count_peer {
	struct counts *counts;
	struct htable open;
};

/* The unit is seconds. */
void counts_init(struct counts *c, int64_t unit);
/* No peer may be left. */
void counts_clear(struct counts *c);

struct count_peer *count_peer_new(struct counts *c);
/* Takes all that it had open away. */
void count_peer_free(struct count_peer *p);

/* Times: `now` is monotonic ms.  Names over ANVIL_NAME_MAX are cut. */
struct anvil_numbers count_event(struct count_peer *p, struct view service,
    struct view client, enum anvil_event event, int64_t now);
/* Ignored if this peer has none open. */
void count_disconnect(
    struct count_peer *p, struct view service, struct view client, int64_t now);
/* So many are open on this peer. */
void count_restate(struct count_peer *p, struct view service,
    struct view client, int64_t n, int64_t now);

/*
 * What is to be logged, in lines, "statistics: max connection rate 18/60s for
 * (smtp:192.0.2.1) at Nov 21 21:00:53"; afterwards the records begin again.
 */
void counts_report(
    struct counts *c, void (*line)(const char *text, void *arg), void *arg);

#endif
