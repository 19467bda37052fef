/*
 * One run over a list of restrictions: what the restrictions see, and how they
 * refuse.  For the files of access control only.
 */
#ifndef SMTPD_ACCESS_RUN_H
#define SMTPD_ACCESS_RUN_H

#include "smtpd/access.h"

enum access_verdict { ACCESS_DUNNO, ACCESS_OK, ACCESS_REFUSED };

/* What a restriction is about: its name in replies, and which enhanced codes
 * fit it. */
enum access_subject {
	SUBJECT_CLIENT,
	SUBJECT_HELO,
	SUBJECT_SENDER,
	SUBJECT_RECIPIENT,
	SUBJECT_DATA,
	SUBJECT_END_OF_DATA,
	SUBJECT_ETRN,
	SUBJECT_NONE, /* the text stands for itself */
};

struct access {
	struct session *s;
	enum access_stage stage;
	struct view recipient; /* internal form; len 0: there is none */
	struct view etrn;
	struct str refusal;	    /* the reply's line */
	struct str defer_if_permit; /* the line to say instead of permitting */
	struct str defer_if_reject; /* ... instead of a 5xx */
	bool is_warning;	    /* warn_if_reject stands before it */
	bool sender_is_listed, recipient_is_listed; /* that was checked */
	unsigned depth, n_run;
};

struct access_item;
typedef enum access_verdict access_fn(
    struct access *a, const struct access_item *item);

enum access_flags {
	ACCESS_TAKES_TABLE = 1 << 0,
	ACCESS_GUARDS = 1 << 1, /* mail for other hosts does not pass it */
	ACCESS_WARNS = 1 << 2,	/* the next only warns */
	ACCESS_ENDS = 1 << 3,	/* what follows is never reached */
};

struct access_row {
	const char *name;
	access_fn *run;
	unsigned flags;
	int subject; /* of which the table is asked */
};

struct access_item {
	const struct access_row *row;
	char *text;	     /* as written: for logs */
	struct table *table; /* of ACCESS_TAKES_TABLE */
};

/* restrictions.c: ends in a row without a name. */
extern const struct access_row access_rows[];
const struct access_row *access_row_find(struct view name);

/*
 * Refuse: "CODE DSN <what>: Client host rejected: TEXT".  The class of the
 * enhanced code follows the code, and 5.1.x is changed to what fits the
 * subject.  Logs.  With warn_if_reject it only logs, and gives ACCESS_DUNNO.
 */
enum access_verdict access_refuse(struct access *a, enum access_subject subject,
    int64_t code, const char *dsn, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* The same for when the list ends in a permit. */
enum access_verdict access_defer_if_permit(struct access *a,
    enum access_subject subject, int64_t code, const char *dsn,
    const char *format, ...) __attribute__((format(printf, 5, 6)));
enum access_verdict access_defer_if_reject(struct access *a,
    enum access_subject subject, int64_t code, const char *dsn,
    const char *format, ...) __attribute__((format(printf, 5, 6)));
/* A table failed: 451 4.3.0; what it was is logged. */
enum access_verdict access_lookup_failed(
    struct access *a, struct view what, struct err why);
/* The configuration is wrong: 451 4.3.5; what it is is logged. */
enum access_verdict access_misconfigured(struct access *a, const char *what);

/* What the replies call the subject: "Client host", ... and its value. */
const char *access_subject_title(enum access_subject subject);
void access_add_subject(
    struct str *out, const struct access *a, enum access_subject subject);
enum access_subject access_stage_subject(enum access_stage stage);

/* access_map.c: look the subject up in a table and do what is found. */
access_fn access_check_table;
/* access_verify.c: is mail for it taken where it would go? */
access_fn access_unverified_sender, access_unverified_recipient;
/* access.c: run words found in a table as restrictions. */
enum access_verdict access_run_words(struct access *a, struct view words);
/* restrictions.c: is the sender, the recipient listed? */
enum access_verdict access_check_listed(
    struct access *a, enum access_subject subject);

#endif
