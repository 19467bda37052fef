/*
 * One service that runs: its sockets, its processes, and when the next may be
 * started.
 */
#ifndef MASTER_SERVICE_H
#define MASTER_SERVICE_H

#include "lib/base/htable.h"
#include "lib/base/list.h"
#include "lib/conf/conf.h"
#include "lib/conf/master_cf.h"
#include "lib/daemon/control.h"
#include "lib/run/loop.h"
#include "master/program.h"

#include <stdbool.h>
#include <sys/types.h>

enum { SERVICE_SOCKETS_MAX = 16 };

struct service;

struct service_socket {
	char *address; /* "private/smtp", "192.0.2.1:25": what it is bound to */
	int fd;
	struct loop_watch watch;
	bool watching;
	struct service *service;
};

struct service {
	struct list node;
	struct master_service *cf;  /* borrowed from the master_cf in force */
	const struct program *program;
	struct service_socket sockets[SERVICE_SOCKETS_MAX];
	size_t n_sockets;
	struct list children;       /* struct child, of all generations */
	int n_processes;            /* sessions: that many when it runs */
	int64_t limit;              /* of clients; 0: none */
	int generation;
	int page_fd;                /* struct control_page of this generation */
	struct control_page *page;
	bool wanted;                /* a client has come, or it is ALONE */
	bool told_limit;
	/* Restarts: the delay doubles while processes die at birth. */
	int64_t delay_ms, not_before;
	struct timer retry;
	struct timer wakeup;
};

enum child_state { CHILD_STARTING, CHILD_SERVING, CHILD_DRAINING };

struct child {
	struct list node;
	struct service *service;
	pid_t pid;
	int process;    /* k of n, from 1 */
	int generation;
	int slot;
	enum child_state state;
	bool busy;      /* a worker with a client */
	bool served;
	int64_t started;
	int control;
	struct loop_watch watch;
	struct timer drain_limit;
};

struct master {
	struct conf *conf;
	const char *dir;
	struct master_cf cf;
	struct list services;
	bool unprivileged, foreground, stopping;
	int verbose;
	int n_processors;
};

extern struct master master;

/* --- sockets.c --- */
/* Open what the service's line says; keeps what `old` (may be NULL) has open
 * at the same address.  ERR_TEMP names the address. */
struct err service_open_sockets(struct service *s, struct service *old);
void service_close_sockets(struct service *s);
/* The log's address before its service is there. */
void service_watch_sockets(struct service *s, bool on,
    void (*ready)(struct loop_watch *w, uint32_t events));

/* --- child.c --- */
/* Starts what should run now and does not. */
void service_run(struct service *s);
/* All children of the service are told to leave when their sessions end. */
void service_drain(struct service *s);
/* Called for each child that ended. */
void child_reap(pid_t pid, int status);
void child_signal_all(int signal);
bool child_is_any_left(void);
void service_free(struct service *s);
/* New generation: its own page of counts; the present children are drained
 * once the new ones serve. */
void service_next_generation(struct service *s);

#endif
