/*
 * The part of a service that talks to qmgr: many requests at once, each
 * recipient by recipient.  It runs as the queue's owner in a sandbox without
 * files; the mailboxes are others' business (wire.h).
 */
#ifndef LOCAL_FRONT_H
#define LOCAL_FRONT_H

#include "lib/daemon/daemon.h"
#include "lib/ipc/client.h"
#include "lib/ipc/server.h"
#include "lib/mail/dsn.h"
#include "local/child.h"
#include "local/expand.h"
#include "local/pool.h"

struct front;
struct delivery;
struct work;

enum { FRONT_SPARES_MAX = 32 };

struct front {
	const struct daemon *daemon;
	const struct conf *conf;
	const char *relay; /* "local", "virtual" */
	/* Decide and deliver one recipient; sets d->verdict. */
	void (*deliver)(struct front *f, struct delivery *d);
	struct pool pool;
	struct ipc_service cleanup;
	struct expand_site expand; /* local */
	struct table_list *virtual_mailboxes, *virtual_uids, *virtual_gids;
	bool prepend_file, prepend_forward; /* prepend_delivered_header */
	bool is_worn_out; /* it was said that the monitor is lost */
	struct work *spares[FRONT_SPARES_MAX];
	size_t n_spares;
};

/* What one request needs for itself, since others are served meanwhile. */
struct work {
	struct str packet, head;
	/* The last answers: of the monitor, of a child; who the user is. */
	struct monitor_answer answer, user;
	struct child_answer stored;
	char *window; /* CONTENT_WINDOW bytes once they were needed */
};

/* How one recipient ended. */
struct verdict {
	enum outcome status;
	char dsn[DSN_STATUS_SIZE];
	char text[WIRE_TEXT_MAX];
};

/* One recipient of one request. */
struct delivery {
	const struct ipc_deliver *message;
	const struct ipc_rcpt *rcpt;
	struct view sender;  /* for Return-Path; an alias may change it */
	struct str address;  /* the recipient in lower case */
	struct str member;   /* for the log: the one user an alias led to */
	struct str external; /* the same as Delivered-To has it */
	struct verdict verdict;
	struct work *work;
};

/* A mailbox and whose it is. */
struct target {
	enum child_kind kind;
	unsigned flags; /* CHILD_IN_SPOOL */
	struct pool_identity owner;
	const char *base, *path;
};

/* Room for content_open. */
char *work_window(struct work *w);

void verdict_set(struct verdict *v, enum outcome status, const char *dsn,
    const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Deferred with this error's text, 4.3.0. */
void verdict_defer(struct verdict *v, struct err e);

/* The mailbox parameters that all children need.  `host` is never freed. */
void front_child_site(const struct daemon *d, const char *locks,
    int64_t size_limit, struct child_site *site);
/* Opens what both services need; before the drop. */
void front_open(struct front *f, const struct daemon *d, int monitor);
void front_close(struct front *f);
/* True if a table of this front was replaced since it was opened. */
bool front_tables_changed(void *front);
/* Handler of ipc_deliver. */
void front_handle(struct ipc_request *r);
/* One request, without the frames: outcomes are appended to the list. */
void front_deliver_all(
    struct front *f, const struct ipc_deliver *message, struct str *outcomes);

/* Deliver to a mailbox; sets d->verdict. */
void front_to_mailbox(
    struct front *f, struct delivery *d, const struct target *t);
/* True if the message is only asked about: then the verdict says what would
 * be done. */
bool front_is_probe(struct delivery *d, const char *what);

/* The two services' way with one recipient. */
void virtual_deliver(struct front *f, struct delivery *d);
/* Whose virtual mailbox the address has.  *why is set (and not an error) if
 * that is nobody: what is wrong with the maps. */
struct err virtual_find_owner(const struct front *f, struct view address,
    struct pool_identity *owner, struct str *why);
void user_deliver(struct front *f, struct delivery *d);

#endif
