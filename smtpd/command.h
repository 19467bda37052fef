/*
 * The commands, one row each.  What is common (order, arguments, limits,
 * pipelining) is checked once from the flags.
 */
#ifndef SMTPD_COMMAND_H
#define SMTPD_COMMAND_H

#include "smtpd/session.h"

enum command_flags {
	/* Something must come before it, or may not. */
	COMMAND_NEEDS_HELO = 1 << 0, /* if smtpd_helo_required */
	COMMAND_NEEDS_MAIL = 1 << 1,
	COMMAND_NOT_IN_MAIL = 1 << 2,
	COMMAND_NOT_IN_BDAT = 1 << 3,
	COMMAND_NO_ARGS = 1 << 4,
	/* The reply must be awaited: RFC 2920 3.1. */
	COMMAND_LAST = 1 << 5,
	/* Gets nowhere: counts against smtpd_junk_command_limit. */
	COMMAND_JUNK = 1 << 6,
	/* What comes after it is no command of a group: a chunk, or nothing
	 * that matters. */
	COMMAND_FOLLOWED = 1 << 8,
	/* Known, and not offered: 502. */
	COMMAND_ABSENT = 1 << 7,
};

struct command {
	const char *verb;
	/* True if it succeeded; else the reply was an error. */
	bool (*run)(struct session *s, struct view args);
	unsigned flags;
	const char *help; /* its name in HELP, NULL if it is not told */
};

/* In the order of the disconnect line; the last, without a verb, counts what is
 * no command. */
extern const struct command commands[];
size_t command_count(void);

/* One line from the client: finds its row, checks, runs, counts. */
void command_dispatch(struct session *s, struct view line);

/* --- command_hello.c --- */
bool command_helo(struct session *s, struct view args);
bool command_ehlo(struct session *s, struct view args);
bool command_rset(struct session *s, struct view args);
bool command_noop(struct session *s, struct view args);
bool command_quit(struct session *s, struct view args);
bool command_help(struct session *s, struct view args);

/* --- command_mail.c --- */
bool command_mail(struct session *s, struct view args);
bool command_rcpt(struct session *s, struct view args);
bool command_vrfy(struct session *s, struct view args);
bool command_etrn(struct session *s, struct view args);

/* --- data.c --- */
bool command_data(struct session *s, struct view args);
bool command_bdat(struct session *s, struct view args);

/* --- xclient.c --- */
bool command_xclient(struct session *s, struct view args);
bool command_xforward(struct session *s, struct view args);

#endif
