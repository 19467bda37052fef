/* Who may talk to whom: see peers.h. */
#include "lib/daemon/peers.h"

#include "lib/base/mem.h"

#include <sys/resource.h>

enum {
	PEERS_MESSAGES_MAX = 8,
	/* Of one user of the machine; the commands need one each. */
	ANYONE_CONNECTIONS_MAX = 20,
	CONNECTIONS_MIN = 64,
};

/* Whoever reaches the socket: its folder's mode is the guard.  public/ lets in
 * the set-gid commands, which any user may call. */
#define PEERS_ANYONE IDENTITY_COUNT

struct peers_row {
	const char *program; /* the one that is asked */
	enum sandbox_identity from;
	const char *messages[PEERS_MESSAGES_MAX];
};

/* Root is master and the administrator's commands; IDENTITY_ROOT in a row is
 * `local`, `pipe`, and commands. */
static const struct peers_row rows[] = {
	{ "cleanup", IDENTITY_SMTPD, { "submit", "more_rcpts", "content",
		"submit_end" } },
	{ "cleanup", IDENTITY_QUEUE, { "submit", "more_rcpts", "content",
		"submit_end" } },
	{ "cleanup", IDENTITY_ROOT, { "submit", "more_rcpts", "content",
		"submit_end" } },
	{ "qmgr", IDENTITY_QUEUE, { "queued", "flush", "late_delivered" } },
	{ "qmgr", IDENTITY_SMTP, { "late_delivered" } },
	{ "qmgr", IDENTITY_SMTPD, { "flush" } },
	{ "qmgr", IDENTITY_ROOT, { "queue_act", "flush" } },
	/* postqueue: sees that its caller may.  It only hastens deliveries. */
	{ "qmgr", PEERS_ANYONE, { "flush" } },
	{ "rewrite", IDENTITY_SMTPD, { "rewrite", "route", "srs_ask" } },
	{ "rewrite", IDENTITY_QUEUE, { "rewrite", "route", "srs_ask" } },
	{ "rewrite", IDENTITY_ROOT, { "rewrite", "route", "srs_ask" } },
	{ "lookup", IDENTITY_SMTPD, { "table_ask" } },
	{ "lookup", IDENTITY_QUEUE, { "table_ask", "share_ask" } },
	{ "lookup", IDENTITY_SMTP, { "table_ask" } },
	{ "lookup", IDENTITY_REWRITE, { "table_ask" } },
	{ "lookup", IDENTITY_ROOT, { "table_ask" } },
	{ "resolve", IDENTITY_SMTPD, { "dns_ask", "peer_name", "host_ask" } },
	{ "resolve", IDENTITY_SMTP, { "dns_ask", "peer_name", "host_ask" } },
	{ "resolve", IDENTITY_REWRITE, { "dns_ask", "host_ask" } },
	{ "resolve", IDENTITY_OWNER, { "host_ask" } },
	{ "dial", IDENTITY_SMTPD, { "dial" } },
	{ "dial", IDENTITY_SMTP, { "dial" } },
	{ "dial", IDENTITY_QUEUE, { "dial" } },
	{ "dial", IDENTITY_LOOKUP, { "dial" } },
	{ "anvil", IDENTITY_SMTPD, { "anvil", "anvil_restate" } },
	{ "state", IDENTITY_SMTPD, { "verify_ask", "state_ask", "state_tell",
		"state_swap", "state_count" } },
	{ "state", IDENTITY_QUEUE, { "verify_told" } },
	{ "smtp", IDENTITY_QUEUE, { "deliver" } },
	{ "lmtp", IDENTITY_QUEUE, { "deliver" } },
	{ "local", IDENTITY_QUEUE, { "deliver" } },
	{ "virtual", IDENTITY_QUEUE, { "deliver" } },
	{ "bounce", IDENTITY_QUEUE, { "report" } },
};

static uid_t uids[IDENTITY_COUNT];
static bool all_are_one;
static const char *program_asked;
static size_t most_of_one;

static size_t
half_of_descriptors(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0 ||
	    r.rlim_cur / 2 < CONNECTIONS_MIN)
		return CONNECTIONS_MIN;
	return (size_t)r.rlim_cur / 2;
}

struct err
peers_resolve(const struct sandbox_site *site, const char *program)
{
	program_asked = program;
	most_of_one = half_of_descriptors();
	all_are_one = site->unprivileged;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		gid_t gid;
		struct err e;

		if (strcmp(rows[i].program, program) != 0 ||
		    rows[i].from == PEERS_ANYONE)
			continue;
		if (rows[i].from == IDENTITY_ROOT) {
			uids[IDENTITY_ROOT] = 0;
			continue;
		}
		e = sandbox_find_identity(site, rows[i].from,
		    &uids[rows[i].from], &gid);
		if (err_is(e))
			return e;
	}
	return ERR_OK;
}

static bool
row_is_for(const struct peers_row *row, uid_t uid)
{
	return strcmp(row->program, program_asked) == 0 &&
	    (row->from == PEERS_ANYONE || uids[row->from] == uid);
}

bool
peers_may_connect(const struct ipc_server *s, uid_t uid)
{
	(void)s;
	if (all_are_one)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (row_is_for(&rows[i], uid))
			return true;
	return false;
}

static bool
is_named(uid_t uid)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].from != PEERS_ANYONE && row_is_for(&rows[i], uid))
			return true;
	return false;
}

size_t
peers_most_of(const struct ipc_server *s, uid_t uid)
{
	(void)s;
	if (all_are_one)
		return SIZE_MAX;
	return is_named(uid) ? most_of_one : ANYONE_CONNECTIONS_MAX;
}

bool
peers_is(uid_t uid, enum sandbox_identity who)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].from == who && row_is_for(&rows[i], uid))
			return !all_are_one;
	return false;
}

bool
peers_may_send(const struct ipc_server *s, uid_t uid,
    const struct ipc_type *type)
{
	(void)s;
	if (all_are_one)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (!row_is_for(&rows[i], uid))
			continue;
		for (size_t m = 0; m < PEERS_MESSAGES_MAX &&
		     rows[i].messages[m] != NULL; m++)
			if (strcmp(rows[i].messages[m], type->name) == 0)
				return true;
	}
	return false;
}
