/*
 * One service that runs: its sockets, its processes, and when the next may be
 * started; and what the files of this folder share.
 */
#ifndef MASTER_SERVICE_H
#define MASTER_SERVICE_H

#include "lib/base/htable.h"
#include "lib/base/list.h"
#include "lib/conf/conf.h"
#include "lib/conf/master_cf.h"
#include "lib/daemon/control.h"
#include "lib/run/loop.h"
#include "lib/daemon/program.h"

#include <stdbool.h>
#include <sys/types.h>

enum { SERVICE_SOCKETS_MAX = 16 };

struct service;

struct service_socket {
	char *address; /* "private/smtp", "[192.0.2.1]:25" */
	int type;      /* SOCK_STREAM, SOCK_DGRAM */
	int fd;
	/* A service of the configuration in force has it too. */
	bool shared;
	/* Bound to the address with SOCKET_NEW behind it until all is well. */
	bool unborn;
	struct loop_watch watch;
	bool watching;
};

/* The lines of a master.cf, which live as long as a service of theirs. */
struct service_lines {
	struct master_cf cf;
	int n_users;
};

struct service {
	struct list node;
	struct service_lines *lines;
	struct master_service *cf;  /* one of them */
	const struct program *program;
	struct service_socket sockets[SERVICE_SOCKETS_MAX];
	size_t n_sockets;
	struct list children;       /* struct child, of all generations */
	int n_processes;            /* sessions: that many when it runs */
	int64_t limit;              /* of clients or workers; 0: none */
	int generation;
	int page_fd;                /* struct control_page of this generation */
	struct control_page *page;
	bool wanted;                /* a client has come, or it is ALONE */
	bool used;                  /* a client has come at all */
	bool retired;               /* no longer in master.cf */
	int64_t told_limit_at;
	bool changed;               /* a new generation is to come */
	/* Restarts: the delay doubles while processes die at birth. */
	int64_t delay_ms, not_before;
	struct timer retry;
	struct timer wakeup;
	struct timer renewal;       /* of what changed */
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
	bool busy, was_busy; /* a worker with a client */
	bool reloading; /* was told to: it may leave instead */
	bool used_up;   /* leaves when its successor serves */
	bool expelled;  /* told that its time is over */
	bool served;
	bool told_odd;  /* of what no program of ours says */
	int64_t started;
	int control;
	struct loop_watch watch;
	struct timer drain_limit;
};

struct master {
	struct conf *conf;
	const char *dir;
	struct list services;
	bool unprivileged, foreground, stopping;
	int verbose;
	int n_processors;
};

extern struct master master;

/* --- sockets.c --- */
/*
 * Open what the service's line says.  What a service in force has open already
 * is shared with it; it goes on as before, whatever becomes of this one.  A new
 * socket in the file system has a name of its own until service_settle_sockets.
 * `made` has the services of the same configuration.  The error names file,
 * line, service and address.
 */
struct err service_open_sockets(struct service *s, struct list *made);
/* The first that has this address; NULL if none. */
struct service *service_find_address(struct list *services,
    const char *address);
/* From now on this service is in force: its sockets take their names. */
void service_settle_sockets(struct service *s);
void service_close_sockets(struct service *s);
void service_watch_sockets(struct service *s, bool on,
    void (*ready)(struct loop_watch *w, uint32_t events));

/* --- services.c --- */
struct err services_load(struct conf **conf);
/* Build all services by the lines of master.cf, into the list.  Nothing that
 * runs is touched; on an error nothing is left. */
struct err services_build(struct list *made, struct conf *conf);
/* Puts them in force: what runs already is replaced. */
void services_install(struct list *made);
void services_discard(struct list *made);
void service_lines_release(struct service_lines *lines);
/* Says which lines of master.cf are without effect. */
void services_warn(void);
/* Tell all processes to leave, the log's once the others are gone. */
void services_stop(void);
void services_stop_log(void);
/* All but the log, unless it is SIGKILL. */
void services_signal(int signal);
/* A new process of the log opens its file anew. */
void services_renew_log(void);

/* --- child.c --- */
/* Starts what should run now and does not. */
void service_run(struct service *s);
/* All children of the service are told to leave when their sessions end. */
void service_drain(struct service *s);
/* The same, and their time is over. */
void service_leave(struct service *s);
/* From now on, what the wakeup column says. */
void service_start_wakeup(struct service *s);
/* The children of the old service become this one's. */
void service_adopt_children(struct service *s, struct service *old);
/* Tells one of its processes something. */
void child_tell(struct child *c, enum control_verb verb);
/* Called for each child that ended; others' are passed over. */
void child_reap(pid_t pid, int status);
void service_signal(struct service *s, int signal);
bool child_is_any_left(void);
/* It has no children. */
void service_free(struct service *s);
/* New generation: its own page of counts; the present children are drained
 * once the new ones serve, and those of the generation before leave now. */
void service_next_generation(struct service *s);

/* --- exec.c --- */
/* In the forked child: becomes the program. */
_Noreturn void child_exec(const struct child *c, int control);
/* For master itself: descriptors, environment, signals, rights. */
void surroundings_tidy(void);
void surroundings_drop_rights(void);

#endif
