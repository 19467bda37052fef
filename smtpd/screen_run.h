/* What the files of the screen share. */
#ifndef SMTPD_SCREEN_RUN_H
#define SMTPD_SCREEN_RUN_H

#include "lib/table/match.h"
#include "lib/table/table.h"
#include "smtpd/dnslist.h"
#include "smtpd/screen.h"

/* In the order of the table's values. */
enum screen_test {
	SCREEN_PREGREET,
	SCREEN_DNSBL,
	SCREEN_PIPELINING,
	SCREEN_NON_SMTP,
	SCREEN_BARE_NEWLINE,
	SCREEN_TESTS,
};

enum screen_action { SCREEN_IGNORE, SCREEN_ENFORCE, SCREEN_DROP };

struct screen_site {
	struct dnslist *list;
	int64_t weight;
};

/* A word of postscreen_access_list. */
struct screen_rule {
	struct table *table; /* NULL: permit_mynetworks */
};

struct screen_settings {
	bool is_on[SCREEN_TESTS];
	enum screen_action action[SCREEN_TESTS];
	int64_t ttl[SCREEN_TESTS];
	enum screen_action denylist_action;
	struct screen_rule *rules;
	size_t n_rules;
	struct screen_site *sites;
	size_t n_sites;
	struct table_list *reply_map;
	struct match_list *interfaces, *forbidden_commands;
	/* For clients that are refused: what smtpd_ has for others. */
	struct table_list *command_filter, *footers, *discards;
	const char *footer;
	char *expansion_filter; /* without escapes */
	unsigned discarded;	/* enum offer, by default */
};

/* Until when each test need not be made again, s since 1970; 0: it was never
 * passed. */
struct screen_stamps {
	int64_t until[SCREEN_TESTS];
};

/* "1;2;3;4;5", as Postfix has it.  False if it is something else. */
bool screen_stamps_read(struct view value, struct screen_stamps *stamps);
void screen_stamps_write(struct str *value, const struct screen_stamps *stamps);

/* What is known of a client that is being tested. */
struct screen {
	struct str client, server; /* "[192.0.2.1]:4711" */
	int64_t began_us;	   /* of this phase */
	struct screen_stamps stamps;
	bool is_due[SCREEN_TESTS]; /* to be made, or failed */
	bool has_failed[SCREEN_TESTS];
	bool is_gone;   /* before the greeting, and that was said */
	bool is_vetoed; /* on an address of ours where nobody becomes known */
	struct str refusal; /* of each recipient; "" is none */
	/* Of a client that is refused: MAIL, internal form. */
	struct str sender;
	bool has_sender;
	bool is_counted; /* among smtpd->n_tested */
	int64_t n_commands;
};

/* postscreen_dnsbl_sites: "list.example=127.0.0.[2;4..10]*3".  Dies of what is
 * no such thing. */
void screen_sites_open(struct screen_settings *set, const char *value);

/* The lookups for one client, which go on beside what it waits for. */
struct screen_scoring;
struct screen_scoring *screen_scoring_begin(struct session *s);
/* All answers are there. */
bool screen_scoring_is_done(const struct screen_scoring *g);
/* Wait for them, until then at most. */
void screen_scoring_wait(struct screen_scoring *g, int64_t deadline);
struct screen_score {
	int64_t score;
	int64_t ttl;	    /* of the answers, the least; -1: none */
	const char *domain; /* of the list that weighed most; NULL: none */
};
struct screen_score screen_scoring_result(const struct screen_scoring *g);
/* The caller asks no more. */
void screen_scoring_end(struct screen_scoring *g);

/* The tests before the greeting that are due; false if that is the end of the
 * session.  Waits. */
bool screen_run_early(struct session *s);

/* Foreign bytes that a line of the log has at most. */
enum { SCREEN_SHOWN_MAX = 100 };
/* Lines of the log, as of postscreen. */
void screen_log(struct session *s, enum quiet_kind kind, const char *format,
    ...) __attribute__((format(printf, 3, 4)));
/* Foreign bytes as one knows them from C ("EHLO x\r\n"), the first 100. */
void screen_add_shown(struct str *out, struct view bytes);
/* "0.25": since this phase began. */
void screen_add_time(struct str *out, const struct screen *x);

/* A test failed: what its action leads to; false if that is the end. */
bool screen_fail(struct session *s, enum screen_test test,
    enum screen_action action, const char *refusal, const char *drop);
/* All is passed: log it, and remember. */
void screen_pass(struct session *s);

#endif
