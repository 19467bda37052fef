/*
 * barid(8), the administrator's command: what its verbs share.
 */
#ifndef CTL_BARID_H
#define CTL_BARID_H

#include "lib/conf/conf.h"

#include <stdbool.h>
#include <sys/types.h>

struct barid {
	const struct conf *conf;
	struct conf *loaded; /* the same, to be freed; NULL before it is */
	const char *dir;   /* of the configuration */
	bool verbose, debug;
};

/* Tell: to standard error, and to syslog as Postfix's script does. */
void tell(const char *level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Load the configuration, if that was not done: once, since what messages are
 * called depends on it. */
struct err barid_load(struct barid *b);

/* The pid of the master of this queue directory, 0 if none runs (its lock on
 * the pid file says so, not the number). */
pid_t master_pid(const struct barid *b);

/* --- barid_setup.c --- */
/* Create what is missing of the queue and data directories.  False, told, if
 * it cannot. */
bool setup_directories(const struct barid *b);
/* As root: accounts, owners, modes, set-gid bits. */
bool setup_accounts(const struct barid *b);
bool setup_permissions(const struct barid *b);
/* Visit each directory of the queue whose owner or mode is wrong; nothing if
 * there is no queue directory yet. */
void setup_each_wrong(const struct conf *conf,
    void (*visit)(void *arg, const char *path, const char *text), void *arg);
/* Complain about what is not as it should be; false if a start must fail. */
bool setup_check(const struct barid *b);

/* --- barid_explain.c --- */
/* explain [--json] [--ask] [--client IP] [--helo NAME] [--from SENDER]
 * [--service NAME] ADDRESS */
int verb_explain(struct barid *b, int argc, char **argv);

/* --- barid_import.c --- */
/* import [--replace] [--to DIR] SOURCE */
int verb_import(struct barid *b, int argc, char **argv);

/* --- barid_status.c --- */
int status_print(const struct barid *b);

#endif
