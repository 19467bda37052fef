/*
 * One run over a list of restrictions: what the restrictions see, and how they
 * refuse.  For the files of access control only.
 */
#ifndef SMTPD_ACCESS_RUN_H
#define SMTPD_ACCESS_RUN_H

#include "lib/conf/restrictions.h"
#include "smtpd/access.h"

enum access_verdict { ACCESS_DUNNO, ACCESS_OK, ACCESS_REFUSED };

/* What a restriction is about: its name in replies, and which enhanced codes
 * fit it. */
enum access_subject {
	SUBJECT_CLIENT,
	SUBJECT_REVERSE, /* the client's name by PTR alone */
	SUBJECT_HELO,
	SUBJECT_SENDER,
	SUBJECT_RECIPIENT,
	SUBJECT_LOGIN,
	SUBJECT_CERTIFICATE,
	SUBJECT_DATA,
	SUBJECT_END_OF_DATA,
	SUBJECT_ETRN,
	SUBJECT_NONE, /* the text stands for itself */
};

struct access {
	struct session *s;
	enum access_stage stage;
	/* What words without a subject of their own are about: that of the
	 * stage, or of the table that named them. */
	enum access_subject subject;
	struct view recipient; /* internal form; len 0: there is none */
	struct view etrn;
	struct str refusal;	    /* the reply's line */
	struct str defer_if_permit; /* the line to say instead of permitting */
	struct str defer_if_reject; /* ... instead of a 5xx */
	unsigned depth;		    /* of lists in lists */
	unsigned warn_depth; /* where warn_if_reject stands; 0: nowhere */
	bool hangs_up;	     /* HANGUP: no reply at all */
	bool sender_is_listed, recipient_is_listed; /* that was checked */
	unsigned n_run;
	const char *list; /* the one that runs: for explanations */
};

static inline bool
access_is_warning(const struct access *a)
{
	return a->warn_depth != 0;
}

/* What will be thrown away is not refused any more: DISCARD. */
static inline bool
access_is_discarded(const struct access *a)
{
	return a->s->t != NULL && a->s->t->discard;
}

struct access_item;
typedef enum access_verdict access_fn(
    struct access *a, const struct access_item *item);

struct access_row {
	const char *name;
	access_fn *run;
	enum access_arg arg;
	unsigned flags;
	int subject; /* of which a table or a DNS list is asked */
	int type;    /* of the DNS records that lead to the keys; 0: none */
};

struct dnslist;
struct policy_service;

struct access_item {
	const struct access_row *row;
	char *name; /* as written: for logs */
	char *arg;  /* as written, or NULL */
	union {
		struct table *table;
		struct dnslist *dnslist;
		struct policy_service *policy; /* shared */
		int64_t number;
		struct access_list *class; /* shared */
	};
};

struct access_list {
	char *parameter; /* its name: for logs */
	struct access_item *items;
	size_t n;
};

/* What the lists of a process share. */
struct access_shared {
	struct htable classes;	/* name to struct access_list */
	struct htable policies; /* as written to struct policy_service */
	struct table_list *sender_logins, *rbl_replies;
	struct match_list *mx_backup_networks, *logged_permits;
	char *expansion_filter; /* without escapes */
	bool has_sasl;
};

/* restrictions.c: ends in a row without a name. */
extern const struct access_row access_rows[];
const struct access_row *access_row_find(struct view name);

/* --- access_list.c --- */

/* Run the items in their order, as words about this subject.  Stops at the
 * first that decides. */
enum access_verdict access_run_list(
    struct access *a, const struct access_list *l, enum access_subject subject);
/* The same for words that a table or a policy server answered with. */
enum access_verdict access_run_words(struct access *a, struct view words,
    enum access_subject subject, const char *source);

/* --- access_reply.c --- */

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
/* A line that is made already. */
enum access_verdict access_refuse_line(struct access *a, struct str *line);
/* Something could not be asked, and might have said no: what the parameter
 * (its value) wants, "defer_if_permit" or "defer", with code 450; "dunno" goes
 * on. */
enum access_verdict access_not_known(struct access *a, const char *action,
    enum access_subject subject, const char *dsn, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* Something failed that warn_if_reject stands before, and might have permitted:
 * a 5xx that follows would not be for good. */
void access_keep_doubt(struct access *a);
/* A table failed: 451 4.3.5, about its subject; what it was is logged. */
enum access_verdict access_table_failed(struct access *a,
    enum access_subject subject, struct view table, struct err why);
/* What we need to know cannot be found out: 451 4.3.0; logged. */
enum access_verdict access_lookup_failed(
    struct access *a, struct view what, struct err why);
/* The configuration is wrong: 451 4.3.5; what it is is logged. */
enum access_verdict access_misconfigured(
    struct access *a, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A table has permitted what nobody vouches for: a mistake in it. */
enum access_verdict access_forbid_ok(
    struct access *a, const struct access_item *item);
/* A permit, logged if smtpd_log_access_permit_actions says so.  `source` is
 * the table, or "". */
enum access_verdict access_permit(struct access *a, const char *action,
    enum access_subject subject, const char *source);

/* What the replies call the subject: "Client host", ... and its value. */
const char *access_subject_title(enum access_subject subject);
void access_add_subject(
    struct str *out, const struct access *a, enum access_subject subject);
enum access_subject access_stage_subject(enum access_stage stage);
/* An address (sender, recipient), empty if there is none (yet). */
struct view access_address(const struct access *a, enum access_subject subject);

/* --- access_map.c --- */

/* One look into a table; what is left of a name is not asked of patterns. */
struct access_search {
	struct table *table;
	struct str value;
	bool found, is_part;
};

/* A name, then its parents. */
struct err access_find_domain(
    const struct access *a, struct access_search *q, struct view name);
/* An address, then the networks it is in, part by part. */
struct err access_find_addr(struct access_search *q, struct view addr);

/* --- access_action.c --- */

/* Do what a table (or a policy server) answered about a subject. */
enum access_verdict access_act(struct access *a, enum access_subject subject,
    struct view value, const char *source);

/* --- restrictions*.c --- */

access_fn access_check_table;
/* access_verify.c: is mail for it taken where it would go? */
access_fn access_unverified_sender, access_unverified_recipient;
/* access_grey.c: has it come again? */
access_fn access_check_greylist;
access_fn access_check_hosts;	/* MX, NS, A of a domain in a table */
access_fn access_reject_dnslist, access_permit_dnslist, access_reject_maps_rbl;
access_fn access_check_policy;
access_fn access_run_class;

access_fn reject_unknown_client, reject_unknown_reverse, reject_unknown_forward;
access_fn reject_invalid_helo, reject_non_fqdn_helo, reject_unknown_helo;
access_fn reject_non_fqdn_sender, reject_non_fqdn_recipient;
access_fn reject_unknown_sender, reject_unknown_recipient;
access_fn reject_unlisted_sender, reject_unlisted_recipient;
access_fn permit_auth_destination, reject_unauth_destination;
access_fn defer_unauth_destination, check_relay_domains, permit_mx_backup;
access_fn reject_sender_login, reject_known_sender_login;
access_fn reject_auth_sender_login, reject_unauth_sender_login;

/* Is the sender, the recipient listed? */
enum access_verdict access_check_listed(
    struct access *a, enum access_subject subject);
/* ACCESS_OK: the recipient is one that we have mail for. */
enum access_verdict access_check_destination(struct access *a);

/* The characters of smtpd_expansion_filter, which is written with the escapes
 * of C; the caller frees them. */
char *access_filter_of(struct view value);

#endif
