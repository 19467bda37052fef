/*
 * What every daemon's main is made of: start, open what needs privileges, drop
 * them, serve.
 *
 *	int
 *	main(int argc, char **argv)
 *	{
 *		struct daemon d;
 *
 *		daemon_start(&d, "anvil", argc, argv);
 *		... open tables and files with d.conf ...
 *		daemon_drop(&d, &anvil_role);
 *		return daemon_serve_ipc(&d, handlers, &state);
 *	}
 *
 * master starts a daemon as
 *	PROGRAM -n SERVICE -t TYPE -c CONFIG_DIR -k K/N -g GENERATION -s SLOT
 *	    -l LISTENERS -m SESSIONS_MAX [-z] [-u] [-v]... [-D]
 *	    [-o name=value]... [service's own arguments]
 * with the descriptors of control.h.  -z: chroot asked for in master.cf, -u:
 * master runs as an ordinary user.  Without -n it is started by hand, as a
 * filter on standard input (smtpd -S).
 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include "lib/base/err.h"
#include "lib/conf/conf.h"
#include "lib/daemon/control.h"
#include "lib/ipc/client.h"
#include "lib/ipc/server.h"
#include "lib/run/sandbox.h"

#include <stdbool.h>
#include <sys/socket.h>

enum { DAEMON_LISTENERS_MAX = 32 };

struct daemon {
	const char *program; /* "smtpd" */
	const char *service; /* its name in master.cf; "smtp" */
	const char *type;    /* inet, unix, pass, unix-dgram, fifo */
	const char *dir;     /* of the configuration */
	struct conf *conf;
	int process, processes, generation; /* process k of n, from 1 */
	int slot;            /* unique among the living processes */
	int64_t sessions_max; /* of this process */
	bool managed;        /* started by master */
	bool unprivileged;   /* all identities are one */
	int verbose;
	int listeners[DAEMON_LISTENERS_MAX];
	size_t n_listeners;
	char **args;         /* what is left of argv */
	int n_args;
	/* -o name=value pairs, as conf_load took them. */
	struct conf_pair *overrides;
	size_t n_overrides;
};

/*
 * The common beginning: descriptors 0 to 2 open, others closed but for
 * master's; environment replaced by the permitted list; umask 077; signals
 * reset, SIGPIPE and SIGXFSZ ignored; arguments read; configuration loaded (or
 * it dies with the reason); log opened; queue directory entered.
 */
void daemon_start(struct daemon *d, const char *program, int argc,
    char **argv);

/* True if it was started by hand with -E, to tell barid(8) how it would decide.
 * From then on remote tables are asked of lookup, as always: to be called
 * before tables are opened. */
bool daemon_is_to_explain(const struct daemon *d);

/* For who was started by a user: standard error is the user's, so lines go to
 * the `log` service if it is there and lets us, else to syslog(3). */
void daemon_log_as_command(void);

/* Drops privileges for good as the role says (see sandbox.h), or dies with the
 * layer that failed. Afterwards the lookup service answers for remote tables. */
void daemon_drop(struct daemon *d, const struct sandbox_role *role);

/* --- sessions: one fiber a client --- */

struct daemon_client {
	int fd; /* the session's: it closes it */
	struct sockaddr_storage addr;
	socklen_t addr_len;
	void *owner;
};

/* Accept clients on all listeners and run one fiber for each, until master
 * says to drain and the last has left.  Returns the exit status. */
int daemon_serve_sessions(struct daemon *d,
    void (*session)(struct daemon_client *client), void *owner);

/* True once the process drains: a session ends at its next good place (421). */
bool daemon_is_draining(void);

/* --- services of other processes --- */

/* Answer messages on all listeners by this table; who may send what stands in
 * lib/ipc/peers.h.  With a loop; fibers may be spawned before. */
int daemon_serve_ipc(struct daemon *d, const struct ipc_handler *handlers,
    void *owner);
/* The server of daemon_serve_ipc, to tell all peers something. */
struct ipc_server *daemon_ipc_server(void);
/* What each new peer of it hears first (see struct ipc_server); before
 * daemon_serve_ipc. */
void daemon_greet_peers(
    void (*greet)(struct ipc_server *s, struct ipc_conn *c));
/* When master dies this process does not leave in the middle of an answer, but
 * has 30 s to finish what it was asked for. */
void daemon_finish_orphaned(struct daemon *d);
/* True if master has died. */
bool daemon_is_orphaned(void);

/* --- workers: one client at a time, blocking, no loop --- */

int daemon_serve_worker(struct daemon *d, const struct ipc_handler *handlers,
    void *owner);

/* Serve no further client, and end the present one between two questions:
 * from within a handler, when this process should be replaced. */
void daemon_worker_leave(struct daemon *d);

/* --- alone: a loop, with any of these before daemon_run --- */

/* Call `accepted` on the loop's stack for each connection to listener i. */
void daemon_listen(struct daemon *d, size_t i,
    void (*accepted)(int fd, void *owner), void *owner);
/* Turn until master says to leave.  Returns the exit status. */
int daemon_run(struct daemon *d);
/* Called when master asks to read the configuration again; default: drain. */
void daemon_on_reload(struct daemon *d, void (*reload)(void *owner),
    void *owner);
/* The same when it asks to drain; default: stop the loop when idle. */
void daemon_on_drain(struct daemon *d, void (*drain)(void *owner),
    void *owner);

/* Called when drain_time is over, or sooner if master says so: what is idle
 * ends now (421), what is between two transactions soon. */
void daemon_on_leave(struct daemon *d, void (*leave)(void *owner),
    void *owner);
/* Called as often as the wakeup column of the service says. */
void daemon_on_wakeup(struct daemon *d, void (*wakeup)(void *owner),
    void *owner);

/* A service of Barid's as this process reaches it: "private/NAME". */
void daemon_service(const struct daemon *d, const char *name,
    struct ipc_service *s);

/* Ask this often, in seconds, whether tables or files changed; a change makes
 * master replace the process. */
void daemon_watch_tables(struct daemon *d, bool (*changed)(void *owner),
    void *owner);
/* Something that cannot be had back is lost: master is to replace this process,
 * which goes on until its successor serves. */
void daemon_retire(const struct daemon *d);

#endif
