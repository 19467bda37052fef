/*
 * The command line of sendmail(1), mailq(1) and newaliases(1), with the
 * options of thirty years.
 */
#ifndef SENDMAIL_OPTIONS_H
#define SENDMAIL_OPTIONS_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum sendmail_mode {
	MODE_SUBMIT,	 /* -bm */
	MODE_PROBE,	 /* -bv */
	MODE_LIST,	 /* -bp, mailq */
	MODE_ALIASES,	 /* -bi, -I, newaliases */
	MODE_DAEMON,	 /* -bd, -bl, smtpd */
	MODE_SMTP,	 /* -bs */
	MODE_FLUSH,	 /* -q */
	MODE_FLUSH_ID,	 /* -qI */
	MODE_FLUSH_SITE, /* -qR */
	MODE_NOTHING,	 /* -bh, -bH */
};

/* Texts are of argv. */
struct options {
	enum sendmail_mode mode;
	const char *config;    /* -C; NULL: the default */
	const char *full_name; /* -F */
	const char *sender;    /* -f, -r; NULL if not given */
	const char *envid;     /* -V; "" */
	const char *aliases;   /* -oA; NULL */
	const char *flush;     /* of -qI, -qR */
	int64_t flags;	       /* enum submit_flags */
	int64_t ret;	       /* enum esmtp_ret */
	unsigned notify;       /* enum esmtp_notify */
	int verbose;
	bool extract, dot_ends, remote, flush_too;
	char **rcpts;
	int n_rcpts;
	/* What to tell without giving up; NULL. */
	const char *warning;
};

/* ERR_PERM: not to be done, the text is for the user. */
struct err options_parse(struct options *o, int argc, char **argv);

#endif
