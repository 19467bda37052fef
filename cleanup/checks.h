/*
 * Header and body checks: the tables, and what their answers make of a message
 * (header_checks(5)).
 */
#ifndef CLEANUP_CHECKS_H
#define CLEANUP_CHECKS_H

#include "cleanup/characters.h"
#include "cleanup/message.h"

#include "lib/mail/check_maps.h"

struct checks {
	struct check_maps maps;
	unsigned faults;  /* enum mime_fault that are refused */
	struct characters characters;
	bool is_any;	  /* there is something to look for */
	/* Our own reports, and notices to the postmaster, are looked at too. */
	bool for_reports, for_notices;
};

/* Open the tables: before the drop.  What cannot be opened makes mail wait.
 * ERR_PERM: a value that cannot be. */
struct err checks_open(struct checks *c, const struct conf *conf);
void checks_close(struct checks *c);
bool checks_have_changed(const struct checks *c);

/* Whether this message is looked at: not what our own programs write. */
bool checks_are_for(const struct checks *c, const struct message *m);

enum check_end {
	CHECK_KEEP,
	CHECK_DROP,
	CHECK_REPLACE, /* by *value: lines ended by LF, the last one not */
	CHECK_FAILED,  /* a table failed: m->orders has the refusal */
};

/* Ask the map of a header (lines joined by LF) or a line of a body, and do what
 * it says.  Waits if a table is remote. */
enum check_end checks_apply(struct message *m, enum check_map map,
    struct view text, struct str *value);

/* Whether it came from a client or a user who wants checks. */
bool checks_are_of_others(const struct message *m);

/* Content that arrives: in place, in memory of ours.  Returns what of it is
 * taken; orders a refusal if it must not be. */
struct view checks_take_content(struct message *m, struct view bytes);

/* Through all of the content: walk.c.  False, and the verdict: refused, or it
 * cannot be told now.  Waits. */
bool walk_content(struct message *m, struct verdict *verdict);

/* "ID: ACTION: CLASS TEXT from CLIENT; from=<> to=<> ...: WHY" */
void checks_log(const struct message *m, const char *action, const char *class,
    struct view text, struct view why);
void checks_log_fault(
    const struct message *m, enum mime_fault fault, struct view text);

#endif
