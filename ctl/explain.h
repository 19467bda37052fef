/*
 * The daemons' programs, run by hand with -E, tell how they would decide; here
 * that is asked and shown.
 */
#ifndef CTL_EXPLAIN_H
#define CTL_EXPLAIN_H

#include "ctl/barid.h"
#include "lib/conf/master_cf.h"

#include <jansson.h>

/* Who is asked, and what. */
struct explain_question {
	const char *dir, *daemon_directory; /* of the instance */
	const char *command;		    /* as in master.cf: "virtual" */
	/* Its -o are the program's too; NULL: it has none. */
	const struct master_service *service;
	const char *const *args; /* after -E; ends in NULL */
};

/* A step of it; its members are texts. */
typedef void explain_take_fn(void *arg, const char *step, const json_t *all);

/* Show the steps that the program tells, and hand each to `take`.  False, told,
 * if it could not tell (all). */
bool explain_ask(
    const struct explain_question *q, explain_take_fn *take, void *arg);

/* A member of a step; "" if it is not there. */
const char *explain_text(const json_t *all, const char *name);

/* The -o of a service, beside which main.cf is read; pairs[i].name is NULL at
 * the end.  The caller frees by explain_overrides_free. */
struct conf_pair *explain_overrides(const struct master_service *service);
void explain_overrides_free(struct conf_pair *pairs);

#endif
