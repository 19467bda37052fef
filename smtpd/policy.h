/*
 * Asking policy servers (check_policy_service): other software that decides
 * about a client, a sender, a recipient.  A question is lines of name=value
 * and an empty one; the answer is action=WHAT in the same form.
 *
 * Connections are kept and used again; each has one question at a time, and
 * sessions that ask at once have as many of them, up to a limit, above which
 * they wait for one.
 */
#ifndef SMTPD_POLICY_H
#define SMTPD_POLICY_H

#include "lib/base/err.h"
#include "lib/base/str.h"

#include <stdbool.h>

struct access;
struct policy_service;
struct smtpd;

/* The service of this text: "inet:host:port", "unix:path", or one of them and
 * its own settings ("inet:host:port, timeout=10s, default_action=DUNNO").
 * NULL if it cannot be.  It belongs to `smtpd`. */
struct policy_service *policy_find(struct smtpd *smtpd, struct view text);
void policy_free(void *service);

/* Ask, as often and as long as the settings say.  ERR_TEMP and the like: there
 * is no answer, and policy_default_action is what happens.  Waits. */
struct err policy_ask(
    struct policy_service *p, struct view request, struct str *action);
const char *policy_default_action(const struct policy_service *p);
const char *policy_context(const struct policy_service *p);
/* For logs: "127.0.0.1:10023", "private/policy". */
const char *policy_name(const struct policy_service *p);

/* --- policy_request.c --- */

/* The question about what is being checked. */
void policy_add_request(
    struct str *out, const struct access *a, const char *context);

/* --- policy_reply.c --- */

enum { POLICY_LINE_MAX = 16 * 1024, POLICY_LINES_MAX = 100 };

struct policy_reply {
	struct str action;
	bool has_action, is_done;
	unsigned n_lines;
};

void policy_reply_init(struct policy_reply *r);
void policy_reply_clear(struct policy_reply *r);
/*
 * Take one line, without its end.  r->is_done after the empty one.  ERR_TEMP if
 * the server does not speak the protocol: no name=value, control characters,
 * too many lines, no action or two of them.
 */
struct err policy_reply_feed(struct policy_reply *r, struct view line);

#endif
