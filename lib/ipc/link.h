/*
 * Within lib/ipc: connections of a client to a service, and the questions that
 * are open on them.  Shared ones carry the questions of all fibers; the others
 * belong to one conversation at a time.
 */
#ifndef IPC_LINK_H
#define IPC_LINK_H

#include "lib/ipc/client.h"

struct ipc_question {
	struct list node;
	uint32_t number;
	bool abandoned, over;
	struct wait wait;
	struct ipc_frame *answer;
};

struct ipc_link {
	struct list node; /* of the service's links or idle talks, or none */
	struct ipc_service *service;
	struct ipc_conn *conn;
	struct list questions;
	size_t n_questions;
	bool shared, lost;
	size_t users; /* fibers that hold it; freed when lost and none is left */
};

/* Waits for the other end to accept.  In no list yet, and without users. */
struct err ipc_link_connect(struct ipc_service *s, bool shared,
    struct ipc_link **out, int64_t deadline);
/* A shared link to ask on; one more is opened while all are busy and the
 * service has more processes.  Borrowed: count yourself a user before you wait.
 * May wait. */
struct err ipc_link_find_shared(
    struct ipc_service *s, struct ipc_link **out, int64_t deadline);
/* Out of the service's lists; its questions fail. */
void ipc_link_lose(struct ipc_link *l);
/* The end of users++. */
void ipc_link_unuse(struct ipc_link *l);

/* Never 0. */
uint32_t ipc_new_number(struct ipc_service *s);
struct ipc_question *ipc_question_new(struct ipc_link *l, uint32_t number);
void ipc_question_free(struct ipc_link *l, struct ipc_question *q);
/* Wait for the answer to q, which is gone afterwards.  Errors as ipc_call. */
struct err ipc_question_await(struct ipc_link *l, struct ipc_question *q,
    const struct ipc_type *type, void *answer, struct ipc_keep *keep,
    int64_t deadline);

#endif
