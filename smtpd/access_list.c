/*
 * Lists of restrictions: from the words of a parameter, or of a table's
 * answer, to items, and running them.
 */
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "smtpd/access_run.h"
#include "smtpd/dnslist.h"
#include "smtpd/explain.h"
#include "smtpd/policy.h"

#include <stdlib.h>

enum {
	/* Tables may lead to restrictions that lead to tables; each list in a
	 * list takes some of the fiber's stack. */
	DEPTH_MAX = 20,
	GUARD_LISTS_MAX = 100,
	RUN_MAX = 1000,
};

/* --- what cannot be run: never passed over --- */

static enum access_verdict
run_unknown(struct access *a, const struct access_item *item)
{
	return access_misconfigured(
	    a, "unknown smtpd restriction: \"%s\"", item->name);
}

static enum access_verdict
run_without_argument(struct access *a, const struct access_item *item)
{
	static const char *const wants[] = {
		[ACCESS_ARG_NONE] = "nothing",
		[ACCESS_ARG_TABLE] = "a table",
		[ACCESS_ARG_DNSLIST] = "a domain name argument",
		[ACCESS_ARG_POLICY] = "the endpoint of a policy server",
		[ACCESS_ARG_NUMBER] = "a number",
	};
	const struct access_row *row = access_row_find(view_of(item->name));

	return access_misconfigured(a, "restriction %s: \"%s\" is not %s",
	    item->name, item->arg != NULL ? item->arg : "",
	    wants[row != NULL ? row->arg : ACCESS_ARG_TABLE]);
}

static enum access_verdict
run_table_in_words(struct access *a, const struct access_item *item)
{
	return access_misconfigured(a,
	    "a table's answer names a restriction with a table (\"%s\"): "
	    "define a restriction class and specify its name instead",
	    item->name);
}

static const struct access_row unknown_row = { .name = "",
	.run = run_unknown };
static const struct access_row argless_row = { .name = "",
	.run = run_without_argument };
static const struct access_row in_words_row = { .name = "",
	.run = run_table_in_words };

/* --- restriction classes --- */

enum access_verdict
access_run_class(struct access *a, const struct access_item *item)
{
	return access_run_list(a, item->class, a->subject);
}

static const struct access_row class_row = { .name = "",
	.run = access_run_class };

/* --- tables without a restriction's name --- */

/* A bare type:table stands for a check of what the list is about. */
static const struct access_row stage_tables[] = {
	[ACCESS_CLIENT] = { "check_client_access", access_check_table,
	    ACCESS_ARG_TABLE, 0, SUBJECT_CLIENT, 0 },
	[ACCESS_HELO] = { "check_helo_access", access_check_table,
	    ACCESS_ARG_TABLE, 0, SUBJECT_HELO, 0 },
	[ACCESS_SENDER] = { "check_sender_access", access_check_table,
	    ACCESS_ARG_TABLE, 0, SUBJECT_SENDER, 0 },
	[ACCESS_RELAY] = { "check_recipient_access", access_check_table,
	    ACCESS_ARG_TABLE, 0, SUBJECT_RECIPIENT, 0 },
	[ACCESS_RECIPIENT] = { "check_recipient_access", access_check_table,
	    ACCESS_ARG_TABLE, 0, SUBJECT_RECIPIENT, 0 },
	[ACCESS_ETRN] = { "check_etrn_access", access_check_table,
	    ACCESS_ARG_TABLE, 0, SUBJECT_ETRN, 0 },
	[ACCESS_REWRITE] = { "check_address_map", access_check_table,
	    ACCESS_ARG_TABLE, 0, SUBJECT_CLIENT, 0 },
};

/* By the stage that it is met at: a class is for all of them. */
static enum access_verdict
run_bare_table(struct access *a, const struct access_item *item)
{
	struct access_item stands_for = *item;

	if ((size_t)a->stage >= ARRAY_LEN(stage_tables) ||
	    stage_tables[a->stage].name == NULL)
		return access_misconfigured(a,
		    "specify one of (check_client_access, "
		    "check_helo_access, check_sender_access, "
		    "check_recipient_access, check_etrn_access) before \"%s\"",
		    item->name);
	stands_for.row = &stage_tables[a->stage];
	return stands_for.row->run(a, &stands_for);
}

static const struct access_row bare_row = { .name = "",
	.run = run_bare_table,
	.arg = ACCESS_ARG_TABLE };

/* --- parsing --- */

/* Where words come from, and whether they may open what they name. */
struct source {
	struct smtpd *smtpd;
	const char *parameter;
	bool may_open;
};

static void
warn_item(const struct source *src, const struct access_item *item,
    const char *what)
{
	log_warn("%s: restriction \"%s\" %s: mail will be deferred",
	    src->parameter, item->name, what);
}

static const struct access_row *
open_table(const struct source *src, struct access_item *item,
    const struct access_row *row, struct view spec)
{
	struct err e;

	if (!src->may_open)
		return &in_words_row;
	e = table_open(spec, TABLE_OPEN_LATER, &item->table);
	if (!err_is(e))
		return row;
	log_warn("%s: %.*s: %s", src->parameter, VIEW_ARGS(spec), e.text);
	item->table = NULL;
	return &argless_row;
}

/* Sets what the item's argument stands for; the row to run. */
static const struct access_row *
take_argument(const struct source *src, struct access_item *item,
    const struct access_row *row, struct view arg)
{
	bool good = true;

	item->arg = xstrndup(arg.ptr, arg.len);
	switch (row->arg) {
	case ACCESS_ARG_NONE:
		break;
	case ACCESS_ARG_TABLE:
		return open_table(src, item, row, arg);
	case ACCESS_ARG_DNSLIST:
		item->dnslist = dnslist_parse(arg);
		good = item->dnslist != NULL;
		break;
	case ACCESS_ARG_POLICY:
		item->policy = policy_find(src->smtpd, arg);
		good = item->policy != NULL;
		break;
	case ACCESS_ARG_NUMBER:
		good = view_to_int(arg, &item->number) && item->number >= 0;
		break;
	}
	return good ? row : &argless_row;
}

static void
warn_of_old(const struct source *src, const struct access_item *item)
{
	if (src->may_open && (item->row->flags & ACCESS_OLD) != 0)
		log_warn("%s: restriction %s is of old releases of Postfix; "
			 "see access(5) for what replaced it",
		    src->parameter, item->name);
}

static void
parse_item(const struct source *src, struct access_item *item,
    struct view word, struct view *rest)
{
	const struct access_row *row = access_row_find(word);
	struct access_list *class =
	    htable_find(&src->smtpd->access_shared->classes, word);
	struct view arg;

	*item = (struct access_item){ .row = row,
		.name = xstrndup(word.ptr, word.len) };
	if (row != NULL && row->arg != ACCESS_ARG_NONE) {
		item->row = &argless_row;
		if (conf_list_next(rest, &arg))
			item->row = take_argument(src, item, row, arg);
	} else if (row == NULL && class != NULL) {
		item->row = &class_row;
		item->class = class;
	} else if (row == NULL && view_find(word, ':') != VIEW_NPOS) {
		item->row = open_table(src, item, &bare_row, word);
	} else if (row == NULL) {
		item->row = &unknown_row;
	}
	if (src->may_open && item->row == &unknown_row)
		warn_item(src, item, "is not known");
	else if (src->may_open && item->row == &argless_row)
		warn_item(src, item, "lacks what it needs");
	else
		warn_of_old(src, item);
}

static void
clear_item(struct access_item *item)
{
	if (item->row->arg == ACCESS_ARG_TABLE)
		table_close(item->table);
	else if (item->row->arg == ACCESS_ARG_DNSLIST)
		dnslist_free(item->dnslist);
	free(item->name);
	free(item->arg);
}

static void
parse_list(struct smtpd *smtpd, struct access_list *l, const char *value)
{
	struct source src = { smtpd, l->parameter, true };
	struct view rest = view_of(value), word;

	while (conf_list_next(&rest, &word)) {
		l->items =
		    xreallocarray(l->items, l->n + 1, sizeof(*l->items));
		parse_item(&src, &l->items[l->n++], word, &rest);
	}
}

static struct access_list *
list_new(struct view parameter)
{
	struct access_list *l = xcalloc(1, sizeof(*l));

	l->parameter = xstrndup(parameter.ptr, parameter.len);
	return l;
}

struct access_list *
access_list_open(struct smtpd *smtpd, const char *parameter, const char *value)
{
	struct access_list *l = list_new(view_of(parameter));

	parse_list(smtpd, l, value);
	return l;
}

void
access_list_close(struct access_list *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n; i++)
		clear_item(&l->items[i]);
	free(l->items);
	free(l->parameter);
	free(l);
}

static enum access_verdict
run_undefined(struct access *a, const struct access_item *item)
{
	return access_misconfigured(
	    a, "restriction class `%s' needs a definition", item->name);
}

static const struct access_row undefined_row = { .name = "",
	.run = run_undefined };

/* A class that says nothing may have been meant to refuse. */
static void
add_undefined(struct access_list *l)
{
	log_warn("restriction class `%s' needs a definition: mail will be "
		 "deferred",
	    l->parameter);
	l->items = xcalloc(1, sizeof(*l->items));
	l->items[0] = (struct access_item){ .row = &undefined_row,
		.name = xstrdup(l->parameter) };
	l->n = 1;
}

/* All classes are known before the first is parsed: they may name each
 * other. */
void
access_classes_open(struct smtpd *smtpd)
{
	const struct conf *conf = smtpd->conf;
	struct htable *classes = &smtpd->access_shared->classes;
	struct view rest = view_of(conf->smtpd_restriction_classes), name;

	while (conf_list_next(&rest, &name))
		if (htable_find(classes, name) == NULL)
			htable_set(classes, name, list_new(name));
	rest = view_of(conf->smtpd_restriction_classes);
	while (conf_list_next(&rest, &name)) {
		struct access_list *l = htable_find(classes, name);
		const char *value = conf_find(conf, l->parameter);

		if (l->n > 0)
			continue;
		parse_list(smtpd, l, value != NULL ? value : "");
		if (l->n == 0)
			add_undefined(l);
	}
}

bool
access_list_has_changed(const struct access_list *l)
{
	for (size_t i = 0; l != NULL && i < l->n; i++)
		if (l->items[i].row->arg == ACCESS_ARG_TABLE &&
		    l->items[i].table != NULL &&
		    table_has_changed(l->items[i].table))
			return true;
	return false;
}

/* `left`: how many lists may still be looked at, since classes may name each
 * other. */
static bool
guards_relay(const struct access_list *l, unsigned *left)
{
	if (*left == 0)
		return false;
	(*left)--;
	for (size_t i = 0; i < l->n; i++) {
		const struct access_item *item = &l->items[i];

		if ((item->row->flags & ACCESS_WARNS) != 0)
			i++;
		else if ((item->row->flags & ACCESS_GUARDS) != 0)
			return true;
		else if ((item->row->flags & ACCESS_ENDS) != 0)
			return false;
		else if (item->row == &class_row &&
		    guards_relay(item->class, left))
			return true;
	}
	return false;
}

bool
access_list_guards_relay(const struct access_list *l)
{
	unsigned left = GUARD_LISTS_MAX;

	return l != NULL && guards_relay(l, &left);
}

/* --- running --- */

static enum access_verdict
run_item(struct access *a, const struct access_item *item)
{
	enum access_verdict v;

	if (++a->n_run > RUN_MAX)
		return access_misconfigured(a, "too many restrictions");
	if ((item->row->flags & ACCESS_WARNS) != 0) {
		if (a->warn_depth == 0)
			a->warn_depth = a->depth;
		return ACCESS_DUNNO;
	}
	if ((item->row->flags & ACCESS_SASL) != 0 &&
	    !a->s->smtpd->access_shared->has_sasl) {
		log_warn("restriction `%s' ignored: no SASL support",
		    item->name);
		v = ACCESS_DUNNO;
	} else {
		v = a->s->smtpd->explain != NULL ? explain_item(a, item)
						 : item->row->run(a, item);
	}
	/* It covers one item of its own list, and all below that. */
	if (a->warn_depth == a->depth)
		a->warn_depth = 0;
	return v;
}

/* False, and the verdict is set, if this would be one list too many. */
static bool
enter(struct access *a, enum access_verdict *v)
{
	if (++a->depth <= DEPTH_MAX)
		return true;
	a->depth--;
	*v = access_misconfigured(a, "restrictions nest too deeply");
	return false;
}

static void
leave(struct access *a, enum access_subject subject)
{
	if (a->warn_depth == a->depth)
		a->warn_depth = 0;
	a->subject = subject;
	a->depth--;
}

enum access_verdict
access_run_list(
    struct access *a, const struct access_list *l, enum access_subject subject)
{
	enum access_subject outer = a->subject;
	const char *outer_list = a->list;
	enum access_verdict v = ACCESS_DUNNO;

	if (l == NULL || l->n == 0 || !enter(a, &v))
		return v;
	a->subject = subject;
	a->list = l->parameter;
	for (size_t i = 0;
	     i < l->n && v == ACCESS_DUNNO && !access_is_discarded(a); i++)
		v = run_item(a, &l->items[i]);
	a->list = outer_list;
	leave(a, outer);
	return v;
}

enum access_verdict
access_run_words(struct access *a, struct view words,
    enum access_subject subject, const char *source)
{
	enum access_subject outer = a->subject;
	const char *outer_list = a->list;
	enum access_verdict v = ACCESS_DUNNO;
	struct source src = { a->s->smtpd, source, false };
	struct view word;

	if (!enter(a, &v))
		return v;
	a->subject = subject;
	a->list = source;
	while (v == ACCESS_DUNNO && conf_list_next(&words, &word)) {
		struct access_item item;

		parse_item(&src, &item, word, &words);
		v = run_item(a, &item);
		clear_item(&item);
	}
	a->list = outer_list;
	leave(a, outer);
	return v;
}
