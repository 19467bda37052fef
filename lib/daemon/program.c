/* The programs that master knows: see program.h. */
#include "lib/daemon/program.h"

#include "lib/base/mem.h"

#include <string.h>

static const struct program programs[] = {
	{ "smtpd", "smtpd", PROGRAM_SESSIONS, 0, 0, true, 0 },
	/* Sessions that begin with its tests. */
	{ "postscreen", "smtpd", PROGRAM_SESSIONS, 0, 0, true, 0 },
	{ "cleanup", "cleanup", PROGRAM_SESSIONS, 2, 0, false, 0 },
	{ "rewrite", "rewrite", PROGRAM_SESSIONS, 2, 0, false, 0 },
	{ "trivial-rewrite", "rewrite", PROGRAM_SESSIONS, 2, 0, false, 0 },
	{ "lookup", "lookup", PROGRAM_SESSIONS, 0, 0, false, 0 },
	{ "resolve", "resolve", PROGRAM_SESSIONS, 1, 1, false, 0 },
	{ "dial", "dial", PROGRAM_SESSIONS, 1, 1, false, 0 },
	{ "anvil", "anvil", PROGRAM_SESSIONS, 1, 1, false, 0 },
	{ "smtp", "smtp", PROGRAM_SESSIONS, 0, 0, false, 0 },
	{ "lmtp", "smtp", PROGRAM_SESSIONS, 0, 0, false, 0 },
	{ "bounce", "bounce", PROGRAM_SESSIONS, 1, 1, false, 0 },
	{ "pickup", "pickup", PROGRAM_ALONE, 1, 1, false, 0 },
	{ "qmgr", "qmgr", PROGRAM_ALONE, 1, 1, false, 0 },
	{ "nqmgr", "qmgr", PROGRAM_ALONE, 1, 1, false, 0 },
	{ "oqmgr", "qmgr", PROGRAM_ALONE, 1, 1, false, 0 },
	{ "showq", "showq", PROGRAM_ALONE, 1, 1, false, 0 },
	{ "state", "state", PROGRAM_ALONE, 1, 1, false, 0 },
	{ "log", "log", PROGRAM_ALONE, 1, 1, false, 0 },
	/* Their threads do the work; one front has all that it needs in the
	 * processor's caches. */
	{ "local", "local", PROGRAM_SESSIONS, 0, 0, false, 1 },
	{ "virtual", "local", PROGRAM_SESSIONS, 0, 0, false, 1 },
	/* Done by qmgr itself. */
	{ "error", NULL, PROGRAM_NONE, 0, 0, false, 0 },
	{ "retry", NULL, PROGRAM_NONE, 0, 0, false, 0 },
	{ "discard", NULL, PROGRAM_NONE, 0, 0, false, 0 },
	{ "flush", NULL, PROGRAM_NONE, 0, 0, false, 0 },
	/* Not needed here. */
	{ "tlsmgr", NULL, PROGRAM_NONE, 0, 0, false, 0 },
	{ "tlsproxy", NULL, PROGRAM_NONE, 0, 0, false, 0 },
	{ "proxymap", NULL, PROGRAM_NONE, 0, 0, false, 0 },
	{ "scache", NULL, PROGRAM_NONE, 0, 0, false, 0 },
	{ "dnsblog", NULL, PROGRAM_NONE, 0, 0, false, 0 },
	{ "postlogd", NULL, PROGRAM_NONE, 0, 0, false, 0 },
	/* Done by state. */
	{ "verify", NULL, PROGRAM_NONE, 0, 0, false, 0 },
	/* Known, to come. */
	{ "pipe", NULL, PROGRAM_LATER, 0, 0, false, 0 },
	{ "spawn", NULL, PROGRAM_LATER, 0, 0, false, 0 },
	{ "qmqpd", NULL, PROGRAM_LATER, 0, 0, false, 0 },
};

const struct program *
program_find(const char *command)
{
	static const struct program foreign = { "", NULL, PROGRAM_FOREIGN, 0,
		0, false, 0 };

	for (size_t i = 0; i < ARRAY_LEN(programs); i++)
		if (strcmp(programs[i].command, command) == 0)
			return &programs[i];
	return &foreign;
}

/* The log comes first: what the others say at start is not lost anyway, since
 * its socket is there before them, but it is written sooner. */
static const char *const builtin_services[] = {
	"log unix-dgram - - n - 1 log",
	"resolve unix - - n - - resolve",
	"lookup unix - - n - - lookup",
	"dial unix - - n - - dial",
	"rewrite unix - - n - - rewrite",
	"anvil unix - - n - - anvil",
	"state unix - - n - 1 state",
	"cleanup unix n - n - - cleanup",
	"qmgr unix n - n 300 1 qmgr",
	"bounce unix - - n - - bounce",
	"showq unix n - n - - showq",
	"pickup unix n - n 60 1 pickup",
	"smtp unix - - n - - smtp",
	"relay unix - - n - - smtp",
	"lmtp unix - - n - - lmtp",
	"local unix - n n - - local",
	"virtual unix - n n - - virtual",
};

static bool
has_processes(struct view file)
{
	for (size_t i = 0; i < ARRAY_LEN(programs); i++)
		if (programs[i].kind == PROGRAM_SESSIONS &&
		    view_eq(file, view_of(programs[i].file)))
			return true;
	return false;
}

bool
program_is_builtin_transport(struct view name)
{
	static const char *const names[] = { "smtp", "relay", "lmtp", "local",
		"virtual" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (view_eq(name, view_of(names[i])))
			return true;
	return false;
}

bool
program_has_setting(struct view name, const char *suffix)
{
	return strcmp(suffix, "_processes") == 0 ||
		strcmp(suffix, "_sessions_per_process") == 0
	    ? has_processes(name)
	    : program_is_builtin_transport(name);
}

struct err
program_add_builtin(struct master_cf *cf, bool chroot_default)
{
	struct err e = ERR_OK;

	for (size_t i = 0; !err_is(e) && i < ARRAY_LEN(builtin_services); i++)
		e = master_cf_add_builtin(
		    cf, builtin_services[i], chroot_default);
	return e;
}

/* "1" in the line of postscreen is the number of postscreens. */
static void
join_screened(struct master_service *screen, const struct master_service *pass)
{
	screen->limit = pass != NULL ? pass->limit : -1;
	if (pass == NULL || pass->argc < 2)
		return;
	screen->argv = xreallocarray(screen->argv,
	    screen->argc + pass->argc, sizeof(*screen->argv));
	for (size_t i = 1; i < pass->argc; i++)
		screen->argv[screen->argc++] = xstrdup(pass->argv[i]);
	screen->argv[screen->argc] = NULL;
}

void
program_join_screened(struct master_cf *cf, const char *smtpd_service_name)
{
	const struct master_service *pass =
	    master_cf_find(cf, view_of(smtpd_service_name), MASTER_PASS);

	LIST_EACH (it, after, &cf->services) {
		struct master_service *m =
		    LIST_ITEM(it, struct master_service, node);

		if (strcmp(m->command, "postscreen") == 0)
			join_screened(m, pass);
	}
}
