/* The programs that master knows: see program.h. */
#include "master/program.h"

#include "lib/base/mem.h"

#include <string.h>

static const struct program programs[] = {
	{ "smtpd", "smtpd", PROGRAM_SESSIONS, 0, 0, true },
	{ "cleanup", "cleanup", PROGRAM_SESSIONS, 2, 0, false },
	{ "rewrite", "rewrite", PROGRAM_SESSIONS, 2, 0, false },
	{ "trivial-rewrite", "rewrite", PROGRAM_SESSIONS, 2, 0, false },
	{ "lookup", "lookup", PROGRAM_SESSIONS, 0, 0, false },
	{ "resolve", "resolve", PROGRAM_SESSIONS, 1, 1, false },
	{ "dial", "dial", PROGRAM_SESSIONS, 1, 1, false },
	{ "anvil", "anvil", PROGRAM_SESSIONS, 1, 1, false },
	{ "smtp", "smtp", PROGRAM_SESSIONS, 0, 0, false },
	{ "lmtp", "smtp", PROGRAM_SESSIONS, 0, 0, false },
	{ "bounce", "bounce", PROGRAM_SESSIONS, 1, 1, false },
	{ "pickup", "pickup", PROGRAM_ALONE, 1, 1, false },
	{ "qmgr", "qmgr", PROGRAM_ALONE, 1, 1, false },
	{ "nqmgr", "qmgr", PROGRAM_ALONE, 1, 1, false },
	{ "oqmgr", "qmgr", PROGRAM_ALONE, 1, 1, false },
	{ "showq", "showq", PROGRAM_ALONE, 1, 1, false },
	{ "log", "log", PROGRAM_ALONE, 1, 1, false },
	{ "local", "local", PROGRAM_SESSIONS, 0, 0, false },
	{ "virtual", "local", PROGRAM_SESSIONS, 0, 0, false },
	/* Done by qmgr itself. */
	{ "error", NULL, PROGRAM_NONE, 0, 0, false },
	{ "retry", NULL, PROGRAM_NONE, 0, 0, false },
	{ "discard", NULL, PROGRAM_NONE, 0, 0, false },
	{ "flush", NULL, PROGRAM_NONE, 0, 0, false },
	/* Not needed here. */
	{ "tlsmgr", NULL, PROGRAM_NONE, 0, 0, false },
	{ "tlsproxy", NULL, PROGRAM_NONE, 0, 0, false },
	{ "proxymap", NULL, PROGRAM_NONE, 0, 0, false },
	{ "scache", NULL, PROGRAM_NONE, 0, 0, false },
	{ "dnsblog", NULL, PROGRAM_NONE, 0, 0, false },
	{ "postlogd", NULL, PROGRAM_NONE, 0, 0, false },
	/* Known, to come. */
	{ "verify", NULL, PROGRAM_LATER, 0, 0, false },
	{ "postscreen", NULL, PROGRAM_LATER, 0, 0, false },
	{ "pipe", NULL, PROGRAM_LATER, 0, 0, false },
	{ "spawn", NULL, PROGRAM_LATER, 0, 0, false },
	{ "qmqpd", NULL, PROGRAM_LATER, 0, 0, false },
};

const struct program *
program_find(const char *command)
{
	static const struct program foreign = { "", NULL, PROGRAM_FOREIGN, 0,
		0, false };

	for (size_t i = 0; i < ARRAY_LEN(programs); i++)
		if (strcmp(programs[i].command, command) == 0)
			return &programs[i];
	return &foreign;
}

/* The log comes first: what the others say at start is not lost anyway, since
 * its socket is there before them, but it is written sooner. */
const char *const program_builtin_services[] = {
	"log unix-dgram - - n - 1 log",
	"resolve unix - - n - - resolve",
	"lookup unix - - n - - lookup",
	"dial unix - - n - - dial",
	"rewrite unix - - n - - rewrite",
	"anvil unix - - n - - anvil",
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
	NULL,
};
