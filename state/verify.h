/*
 * What is known of addresses: the result of the last probe, when it was, and
 * whether another one should be sent.  Knows no messages: who calls sends the
 * probes.
 *
 * In the cache an address has "STATUS:PROBED:UPDATED:TEXT": an enum
 * verify_status, when a probe under way was sent (0: none is), when the result
 * came (0: none is known), both in seconds, and the reason.
 */
#ifndef STATE_VERIFY_H
#define STATE_VERIFY_H

#include "lib/base/htable.h"
#include "lib/base/str.h"
#include "lib/conf/conf.h"
#include "lib/ipc/messages.h"
#include "state/store.h"

enum {
	/* Without a word for so long a probe is lost, s. */
	VERIFY_PROBE_TTL = 1000,
	VERIFY_TEXT_MAX = 500,
	VERIFY_ADDRESS_MAX = 1024,
};

struct verify {
	const struct conf *conf;
	struct store *store;
	struct htable pending; /* address -> when, of probes under way */
	struct htable domains; /* domain -> how many of them */
	int64_t told_full_at;
};

/* The store is the caller's.  If it is shared, what asks or tells waits. */
void verify_init(
    struct verify *v, const struct conf *conf, struct store *store);
void verify_clear(struct verify *v);

struct verify_answer {
	enum verify_status status;
	struct str text;
	bool probe; /* send one: it counts as sent from now on */
};

#define VERIFY_ANSWER_EMPTY \
	((struct verify_answer){ VERIFY_TODO, STR_EMPTY, false })

/* The key of an address: its domain is the same in any case. */
void verify_key(struct view address, struct str *key);

/* Many questions for one address lead to one probe.  ERR_TEMP, ERR_TIME: what is
 * known cannot be asked for. */
struct err verify_ask(
    struct verify *v, struct view key, int64_t now, struct verify_answer *out);
/* What became of a probe. */
void verify_told(struct verify *v, struct view key, enum verify_status status,
    struct view text, int64_t now);
/* It could not be sent. */
void verify_not_sent(struct verify *v, struct view key, int64_t now);
/* Forget probes of which no word came. */
void verify_expire(struct verify *v, int64_t now);

struct verify_entry {
	enum verify_status status;
	int64_t probed, updated;
	struct view text;
};

bool verify_entry_read(struct view value, struct verify_entry *e);
void verify_entry_write(struct str *value, const struct verify_entry *e);

#endif
