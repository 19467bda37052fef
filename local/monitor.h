/*
 * The privileged process of a service.  It answers struct monitor_request and
 * nothing else: who is a user, a child for an identity, and the three things
 * in the mail spool that need root.  It reads no message, no table and no
 * configuration of users.
 *
 * It waits for nobody but the front.  Users of /etc/passwd it finds itself
 * where the name service would look there first (passwd.h); others ask for all
 * others (names.h), and the answers come in any order.
 *
 * It gets none of the restrictions of the sandbox: what its children are to run
 * later would inherit them.
 */
#ifndef LOCAL_MONITOR_H
#define LOCAL_MONITOR_H

#include "local/child.h"

struct monitor_site {
	struct child_site child;
	const char *spool;   /* mail_spool_directory if it holds files,
				    * else NULL */
	int64_t minimum_uid; /* for identities given by number */
	int64_t names_ms;    /* what the name service may take */
	int64_t remember_ms; /* its answers, for what needs one once more */
	const char *names_order, *users; /* for passwd.h */
};

enum {
	/* Time for a second server of the service where the first is silent.
	 * With what a question waits for its turn, less than the front waits
	 * for the monitor. */
	MONITOR_NAMES_MS = 20 * 1000,
	/* As the front remembers users: it has just asked who it is. */
	MONITOR_REMEMBER_MS = 5 * 1000,
};

/* Starts it as a child of this process, which must have one thread; what is
 * returned is the socket to it.  Dies if it cannot. */
int monitor_start(const struct monitor_site *site);

/* Serves until the socket ends; returns then. */
void monitor_run(const struct monitor_site *site, int fd);

/* True if the name may be a file of the mail spool: no "/", no "." first, not
 * empty. */
bool monitor_name_is_good(const char *name);

#endif
