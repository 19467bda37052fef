/* Access control at its stages: see access.h. */
#include "smtpd/access.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "smtpd/access_run.h"
#include "smtpd/explain.h"
#include "smtpd/policy.h"
#include "smtpd/reply.h"

#include <stdlib.h>

/* --- what the lists share --- */

char *
access_filter_of(struct view v)
{
	static const char names[] = "abfnrtv", bytes[] = "\a\b\f\n\r\t\v";
	struct str out = STR_EMPTY;

	for (size_t i = 0; i < v.len; i++) {
		char c = v.ptr[i];
		unsigned octal = 0;
		size_t digits = 0;

		if (c != '\\' || i + 1 == v.len) {
			str_add_byte(&out, c);
			continue;
		}
		c = v.ptr[++i];
		while (digits < 3 && i + digits < v.len &&
		    v.ptr[i + digits] >= '0' && v.ptr[i + digits] <= '7')
			octal = octal * 8 +
			    (unsigned)(v.ptr[i + digits++] - '0');
		if (digits > 0) {
			i += digits - 1;
			c = (char)octal;
		} else if (strchr(names, c) != NULL) {
			c = bytes[strchr(names, c) - names];
		}
		if (c != '\0')
			str_add_byte(&out, c);
	}
	return str_release(&out);
}

void
access_open(struct smtpd *smtpd)
{
	const struct conf *conf = smtpd->conf;
	struct access_shared *a = xcalloc(1, sizeof(*a));

	smtpd->access_shared = a;
	htable_init(&a->classes);
	htable_init(&a->policies);
	a->has_sasl = conf->smtpd_sasl_auth_enable;
	a->expansion_filter =
	    access_filter_of(view_of(conf->smtpd_expansion_filter));
	a->sender_logins = smtpd_open_tables(
	    "smtpd_sender_login_maps", conf->smtpd_sender_login_maps);
	a->rbl_replies = smtpd_open_tables(
	    "rbl_reply_maps", conf->rbl_reply_maps);
	a->mx_backup_networks = smtpd_open_match("permit_mx_backup_networks",
	    conf->permit_mx_backup_networks,
	    smtpd_parents_match(conf, "permit_mx_backup_networks")
		? MATCH_PARENTS
		: 0);
	a->logged_permits = smtpd_open_match("smtpd_log_access_permit_actions",
	    conf->smtpd_log_access_permit_actions, MATCH_WHOLE);
	access_classes_open(smtpd);
}

static void
close_class(void *list)
{
	access_list_close(list);
}

void
access_close(struct smtpd *smtpd)
{
	struct access_shared *a = smtpd->access_shared;

	if (a == NULL)
		return;
	htable_clear(&a->classes, close_class);
	htable_clear(&a->policies, policy_free);
	table_list_close(a->sender_logins);
	table_list_close(a->rbl_replies);
	match_list_close(a->mx_backup_networks);
	match_list_close(a->logged_permits);
	free(a->expansion_filter);
	free(a);
	smtpd->access_shared = NULL;
}

static void
look_for_change(struct view name, void *list, void *changed)
{
	(void)name;
	if (access_list_has_changed(list))
		*(bool *)changed = true;
}

bool
access_has_changed(const struct smtpd *smtpd)
{
	const struct access_shared *a = smtpd->access_shared;
	bool changed = false;

	if (a == NULL)
		return false;
	htable_each(&a->classes, look_for_change, &changed);
	for (size_t i = 0; i < ACCESS_STAGES && !changed; i++)
		changed = access_list_has_changed(smtpd->access[i]);
	return changed || table_list_has_changed(a->sender_logins) ||
	    table_list_has_changed(a->rbl_replies) ||
	    match_list_has_changed(a->mx_backup_networks) ||
	    match_list_has_changed(a->logged_permits);
}

/* --- the stages --- */

static void
access_init(struct access *a, struct session *s, struct view recipient)
{
	*a = (struct access){ .s = s,
		.recipient = recipient,
		.etrn = VIEW_EMPTY,
		.refusal = STR_EMPTY,
		.defer_if_permit = STR_EMPTY,
		.defer_if_reject = STR_EMPTY };
}

/* What the first stages would have refused but for a temporary error. */
static void
take_doubt(struct access *a, size_t n_stages)
{
	for (size_t i = 0; i < n_stages && a->defer_if_permit.len == 0; i++)
		if (a->s->doubts[i] != NULL)
			str_set(&a->defer_if_permit, view_of(a->s->doubts[i]));
}

static void
access_clear(struct access *a)
{
	str_clear(&a->refusal);
	str_clear(&a->defer_if_permit);
	str_clear(&a->defer_if_reject);
}

static enum access_verdict
run_stage(struct access *a, enum access_stage stage)
{
	a->stage = stage;
	/* A permit would have ended its own list only. */
	str_reset(&a->defer_if_reject);
	return access_run_list(
	    a, a->s->smtpd->access[stage], access_stage_subject(stage));
}

static enum access_verdict
check_one_listed(
    struct access *a, enum access_subject subject, const char *parameter)
{
	return a->s->smtpd->explain != NULL
	    ? explain_listed(a, subject, parameter)
	    : access_check_listed(a, subject);
}

/* smtpd_reject_unlisted_sender, where no list has asked already. */
static enum access_verdict
check_listed_sender(struct access *a)
{
	str_reset(&a->defer_if_reject);
	if (!a->s->smtpd->conf->smtpd_reject_unlisted_sender ||
	    a->sender_is_listed || access_is_discarded(a))
		return ACCESS_DUNNO;
	return check_one_listed(
	    a, SUBJECT_SENDER, "smtpd_reject_unlisted_sender");
}

/* An earlier doubt counts where nothing else refused. */
static enum access_verdict
settle(struct access *a, enum access_verdict v)
{
	struct str line = STR_EMPTY;

	if (v == ACCESS_REFUSED || a->defer_if_permit.len == 0)
		return v;
	str_set(&line, str_view(&a->defer_if_permit));
	a->warn_depth = 0;
	v = access_refuse_line(a, &line);
	str_clear(&line);
	return v;
}

static bool
finish(struct access *a, enum access_verdict v, struct str *refusal)
{
	if (v == ACCESS_REFUSED)
		str_set(refusal, str_view(&a->refusal));
	if (a->hangs_up && a->s->ending == SESSION_ON)
		a->s->ending = SESSION_LOST;
	access_clear(a);
	return v != ACCESS_REFUSED;
}

void
access_forget_doubts(struct session *s, enum access_stage stage)
{
	for (size_t i = stage; i < ARRAY_LEN(s->doubts); i++) {
		free(s->doubts[i]);
		s->doubts[i] = NULL;
	}
}

bool
access_check_stage(struct session *s, enum access_stage stage,
    const char *where, struct str *refusal)
{
	struct access a;
	enum access_verdict v;
	bool had_doubt;

	if (s->smtpd->stand_alone)
		return true;
	access_init(&a, s, VIEW_EMPTY);
	/* Later on it was told at RCPT, but to who writes to postmaster. */
	if (stage < ACCESS_DATA)
		take_doubt(&a, stage);
	had_doubt = a.defer_if_permit.len > 0;
	s->where = where;
	/* There is one to speak of only if there is one. */
	if (stage >= ACCESS_DATA && s->t != NULL && s->t->n_rcpts == 1)
		a.recipient = str_view(&s->t->first_rcpt);
	v = run_stage(&a, stage);
	if (stage == ACCESS_SENDER && v != ACCESS_REFUSED)
		v = check_listed_sender(&a);
	/* What is refused changes nothing that was said before. */
	if (v != ACCESS_REFUSED)
		access_forget_doubts(s, stage);
	if (stage >= ACCESS_DATA) {
		v = settle(&a, v);
	} else if (!had_doubt && a.defer_if_permit.len > 0) {
		/* Kept for RCPT; that HELO was refused stops nobody. */
		free(s->doubts[stage]);
		s->doubts[stage] = str_release(&a.defer_if_permit);
		str_init(&a.defer_if_permit);
	}
	return finish(&a, v, refusal);
}

/* The lists in their order; a permit ends only its own. */
static enum access_verdict
run_rcpt_stages(struct access *a)
{
	const struct conf *conf = a->s->smtpd->conf;
	bool relay_first = conf->smtpd_relay_before_recipient_restrictions;
	const enum access_stage stages[] = { ACCESS_CLIENT, ACCESS_HELO,
		ACCESS_SENDER, relay_first ? ACCESS_RELAY : ACCESS_RECIPIENT,
		relay_first ? ACCESS_RECIPIENT : ACCESS_RELAY };
	enum access_verdict v = ACCESS_DUNNO;

	for (size_t i = conf->smtpd_delay_reject ? 0 : 3;
	     i < ARRAY_LEN(stages) && v != ACCESS_REFUSED; i++) {
		/* Nothing to be asked of what was not said: VRFY comes without
		 * MAIL, and all may come without HELO. */
		if ((stages[i] == ACCESS_HELO && a->s->helo == NULL) ||
		    (stages[i] == ACCESS_SENDER && a->s->t == NULL))
			continue;
		v = run_stage(a, stages[i]);
		if (stages[i] == ACCESS_SENDER && v != ACCESS_REFUSED)
			v = check_listed_sender(a);
	}
	return v;
}

static enum access_verdict
check_listed(struct access *a)
{
	const struct conf *conf = a->s->smtpd->conf;
	enum access_verdict v = ACCESS_DUNNO;

	str_reset(&a->defer_if_reject);
	if (conf->smtpd_reject_unlisted_recipient &&
	    !a->s->smtpd->override.no_unknown_recipient_checks &&
	    !a->recipient_is_listed)
		v = check_one_listed(a, SUBJECT_RECIPIENT,
		    "smtpd_reject_unlisted_recipient");
	return v;
}

bool
access_check_rcpt(struct session *s, struct view recipient, struct str *refusal)
{
	struct access a;
	enum access_verdict v;

	/* RFC 5321 4.5.1: whoever else may not write to us may write there. */
	if (s->smtpd->stand_alone ||
	    view_eq_case(recipient, VIEW("postmaster")))
		return true;
	access_init(&a, s, recipient);
	take_doubt(&a, ARRAY_LEN(s->doubts));
	v = run_rcpt_stages(&a);
	a.stage = ACCESS_RECIPIENT;
	v = settle(&a, v);
	if (v != ACCESS_REFUSED && !access_is_discarded(&a))
		v = check_listed(&a);
	return finish(&a, v, refusal);
}

bool
access_check_vrfy(struct session *s, struct view recipient, struct str *refusal)
{
	struct access a;
	enum access_verdict v;

	if (s->smtpd->stand_alone ||
	    view_eq_case(recipient, VIEW("postmaster")))
		return true;
	access_init(&a, s, recipient);
	take_doubt(&a, ARRAY_LEN(s->doubts));
	v = run_rcpt_stages(&a);
	a.stage = ACCESS_RECIPIENT;
	v = settle(&a, v);
	str_reset(&a.defer_if_reject);
	if (v != ACCESS_REFUSED)
		v = access_check_listed(&a, SUBJECT_RECIPIENT);
	return finish(&a, v, refusal);
}

bool
access_check_etrn(struct session *s, struct view domain, struct str *refusal)
{
	struct access a;
	enum access_verdict v = ACCESS_DUNNO;

	if (s->smtpd->stand_alone)
		return true;
	access_init(&a, s, VIEW_EMPTY);
	take_doubt(&a, ARRAY_LEN(s->doubts));
	a.etrn = domain;
	if (s->smtpd->conf->smtpd_delay_reject) {
		v = run_stage(&a, ACCESS_CLIENT);
		if (v != ACCESS_REFUSED && s->helo != NULL)
			v = run_stage(&a, ACCESS_HELO);
	}
	if (v != ACCESS_REFUSED)
		v = run_stage(&a, ACCESS_ETRN);
	return finish(&a, settle(&a, v), refusal);
}

void
access_say(struct session *s, struct str *refusal)
{
	bool closes = view_starts(str_view(refusal), VIEW("421")) ||
	    view_starts(str_view(refusal), VIEW("521"));

	reply_refusal(s, str_view(refusal));
	if (closes && s->ending == SESSION_ON)
		s->ending = SESSION_CLOSED;
	str_clear(refusal);
}

bool
access_is_local_client(struct session *s)
{
	struct access a;
	enum access_verdict v;

	if (s->smtpd->stand_alone)
		return true;
	access_init(&a, s, VIEW_EMPTY);
	v = run_stage(&a, ACCESS_REWRITE);
	access_clear(&a);
	return v == ACCESS_OK;
}
