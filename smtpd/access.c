/* Lists of restrictions: parsing, running, refusing.  See access.h. */
#include "smtpd/access.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/mail/addr.h"
#include "lib/mail/dsn.h"
#include "smtpd/access_run.h"
#include "smtpd/notice.h"
#include "smtpd/rcpt_class.h"
#include "smtpd/reply.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
	NAME_SHOWN = 256,
	/* Tables may lead to restrictions that lead to tables. */
	DEPTH_MAX = 10,
	RUN_MAX = 1000,
	TEXT_MAX = 400,
};

struct access_list {
	const char *parameter;
	struct access_item *items;
	size_t n;
};

/* --- parsing --- */

static enum access_verdict
run_unknown(struct access *a, const struct access_item *item)
{
	struct str what = STR_EMPTY;
	enum access_verdict v;

	str_printf(&what, "restriction \"%s\" is not known", item->text);
	v = access_misconfigured(a, what.ptr);
	str_clear(&what);
	return v;
}

static enum access_verdict
run_without_table(struct access *a, const struct access_item *item)
{
	struct str what = STR_EMPTY;
	enum access_verdict v;

	str_printf(&what, "restriction \"%s\" has no table", item->text);
	v = access_misconfigured(a, what.ptr);
	str_clear(&what);
	return v;
}

static const struct access_row unknown_row = { "", run_unknown, 0, 0 };
static const struct access_row tableless_row = { "", run_without_table, 0, 0 };

/* A bare type:table stands for a check of what the list is about. */
static const struct access_row stage_tables[] = {
	[ACCESS_CLIENT] = { "check_client_access", access_check_table,
	    ACCESS_TAKES_TABLE, SUBJECT_CLIENT },
	[ACCESS_HELO] = { "check_helo_access", access_check_table,
	    ACCESS_TAKES_TABLE, SUBJECT_HELO },
	[ACCESS_SENDER] = { "check_sender_access", access_check_table,
	    ACCESS_TAKES_TABLE, SUBJECT_SENDER },
	[ACCESS_RELAY] = { "check_recipient_access", access_check_table,
	    ACCESS_TAKES_TABLE, SUBJECT_RECIPIENT },
	[ACCESS_RECIPIENT] = { "check_recipient_access", access_check_table,
	    ACCESS_TAKES_TABLE, SUBJECT_RECIPIENT },
	[ACCESS_ETRN] = { "check_etrn_access", access_check_table,
	    ACCESS_TAKES_TABLE, SUBJECT_ETRN },
	[ACCESS_REWRITE] = { "check_address_map", access_check_table,
	    ACCESS_TAKES_TABLE, SUBJECT_CLIENT },
};

static bool
looks_like_table(struct view word)
{
	return view_find(word, ':') != VIEW_NPOS;
}

static void
open_item_table(struct access_item *item, struct view spec)
{
	struct err e = table_open(spec, TABLE_OPEN_LATER, &item->table);

	if (!err_is(e))
		return;
	log_warn("%.*s: %s", VIEW_ARGS(spec), e.text);
	item->row = &tableless_row;
}

static void
add_item(struct access_list *l, enum access_stage stage, struct view word,
    struct view *rest)
{
	struct access_item *item;
	struct view spec = word;

	l->items = xreallocarray(l->items, l->n + 1, sizeof(*l->items));
	item = &l->items[l->n++];
	*item = (struct access_item){ .row = access_row_find(word),
		.text = xstrndup(word.ptr, word.len) };
	if (item->row == NULL && looks_like_table(word) &&
	    (size_t)stage < ARRAY_LEN(stage_tables) &&
	    stage_tables[stage].name != NULL) {
		item->row = &stage_tables[stage];
		open_item_table(item, spec);
		return;
	}
	if (item->row == NULL)
		item->row = &unknown_row;
	if ((item->row->flags & ACCESS_TAKES_TABLE) == 0)
		return;
	if (rest == NULL || !conf_list_next(rest, &spec))
		item->row = &tableless_row;
	else
		open_item_table(item, spec);
}

struct access_list *
access_list_open(struct smtpd *smtpd, enum access_stage stage,
    const char *parameter, const char *value)
{
	struct access_list *l = xcalloc(1, sizeof(*l));
	struct view rest = view_of(value), word;

	(void)smtpd;
	l->parameter = parameter;
	while (conf_list_next(&rest, &word))
		add_item(l, stage, word, &rest);
	for (size_t i = 0; i < l->n; i++)
		if (l->items[i].row == &unknown_row)
			log_warn("%s: restriction \"%s\" is not known: "
				 "mail will be deferred",
			    parameter, l->items[i].text);
	return l;
}

void
access_list_close(struct access_list *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n; i++) {
		table_close(l->items[i].table);
		free(l->items[i].text);
	}
	free(l->items);
	free(l);
}

bool
access_list_has_changed(const struct access_list *l)
{
	for (size_t i = 0; l != NULL && i < l->n; i++)
		if (l->items[i].table != NULL &&
		    table_has_changed(l->items[i].table))
			return true;
	return false;
}

bool
access_list_guards_relay(const struct access_list *l)
{
	for (size_t i = 0; l != NULL && i < l->n; i++) {
		unsigned flags = l->items[i].row->flags;

		if ((flags & ACCESS_WARNS) != 0)
			i++;
		else if ((flags & ACCESS_GUARDS) != 0)
			return true;
		else if ((flags & ACCESS_ENDS) != 0)
			return false;
	}
	return false;
}

/* --- refusing --- */

const char *
access_subject_title(enum access_subject subject)
{
	static const char *const titles[] = {
		[SUBJECT_CLIENT] = "Client host",
		[SUBJECT_HELO] = "Helo command",
		[SUBJECT_SENDER] = "Sender address",
		[SUBJECT_RECIPIENT] = "Recipient address",
		[SUBJECT_DATA] = "Data command",
		[SUBJECT_END_OF_DATA] = "End-of-data",
		[SUBJECT_ETRN] = "Etrn command",
		[SUBJECT_NONE] = "",
	};

	return titles[subject];
}

enum access_subject
access_stage_subject(enum access_stage stage)
{
	static const enum access_subject subjects[ACCESS_STAGES] = {
		[ACCESS_CLIENT] = SUBJECT_CLIENT,
		[ACCESS_HELO] = SUBJECT_HELO,
		[ACCESS_SENDER] = SUBJECT_SENDER,
		[ACCESS_RELAY] = SUBJECT_RECIPIENT,
		[ACCESS_RECIPIENT] = SUBJECT_RECIPIENT,
		[ACCESS_DATA] = SUBJECT_DATA,
		[ACCESS_END_OF_DATA] = SUBJECT_END_OF_DATA,
		[ACCESS_ETRN] = SUBJECT_ETRN,
		[ACCESS_REWRITE] = SUBJECT_CLIENT,
	};

	return subjects[stage];
}

void
access_add_subject(
    struct str *out, const struct access *a, enum access_subject subject)
{
	struct str text = STR_EMPTY;
	const struct session *s = a->s;

	switch (subject) {
	case SUBJECT_CLIENT:
		str_add_text(&text, s->client.label);
		break;
	case SUBJECT_HELO:
		str_add_text(&text, s->helo != NULL ? s->helo : "");
		break;
	case SUBJECT_SENDER:
		if (s->t != NULL)
			addr_to_external(&text, str_view(&s->t->sender));
		break;
	case SUBJECT_RECIPIENT:
		addr_to_external(&text, a->recipient);
		break;
	case SUBJECT_ETRN:
		str_add(&text, a->etrn);
		break;
	case SUBJECT_DATA:
		str_add_text(&text, "DATA");
		break;
	case SUBJECT_END_OF_DATA:
		str_add_text(&text, "END-OF-MESSAGE");
		break;
	case SUBJECT_NONE:
		break;
	}
	reply_add_clean(out, str_view(&text), NAME_SHOWN);
	str_clear(&text);
}

/*
 * An enhanced code of addresses said of something else: sender's codes and
 * recipient's differ, and other things have none (RFC 3463 3.2).
 */
static struct dsn_status
fit_status(struct dsn_status d, enum access_subject subject)
{
	static const uint16_t of_sender[] = { 0, 0, 8, 7, 0, 0, 0 };

	if (d.subject != 1 || subject == SUBJECT_NONE)
		return d;
	if (subject == SUBJECT_SENDER) {
		if (d.detail < ARRAY_LEN(of_sender))
			d.detail = of_sender[d.detail];
	} else if (subject == SUBJECT_RECIPIENT) {
		if (d.detail == 7 || d.detail == 8)
			d.detail = d.detail == 7 ? 3 : 2;
	} else {
		d.subject = d.detail = 0;
	}
	return d;
}

/* The whole line. */
static void
make_line(struct str *line, const struct access *a, enum access_subject subject,
    int64_t code, const char *dsn, const char *format, va_list ap)
{
	struct dsn_split split = dsn_split(view_of(dsn), DSN_STATUS(5, 7, 1));
	struct dsn_status status = fit_status(split.status, subject);
	struct str text = STR_EMPTY;
	char buffer[DSN_STATUS_SIZE];

	status.class = (uint8_t)(code / 100);
	str_vaddf(&text, format, ap);
	str_printf(line, "%" PRId64 " %s ", code, dsn_text(status, buffer));
	if (subject != SUBJECT_NONE) {
		str_add_byte(line, '<');
		access_add_subject(line, a, subject);
		str_addf(
		    line, ">: %s rejected: ", access_subject_title(subject));
	}
	reply_add_clean(line, str_view(&text), TEXT_MAX);
	str_clear(&text);
}

static enum access_verdict
refuse_line(struct access *a, const struct str *line)
{
	const struct str *said = line;

	if (a->is_warning) {
		notice(a->s, "reject_warning", line->ptr, a->recipient);
		return ACCESS_DUNNO;
	}
	if (a->defer_if_reject.len > 0 && line->ptr[0] == '5')
		said = &a->defer_if_reject;
	str_set(&a->refusal, str_view(said));
	reply_soften(a->s->smtpd, &a->refusal);
	if (a->stage != ACCESS_REWRITE)
		notice(a->s, "reject", a->refusal.ptr, a->recipient);
	return ACCESS_REFUSED;
}

enum access_verdict
access_refuse(struct access *a, enum access_subject subject, int64_t code,
    const char *dsn, const char *format, ...)
{
	struct str line = STR_EMPTY;
	enum access_verdict v;
	va_list ap;

	va_start(ap, format);
	make_line(&line, a, subject, code, dsn, format, ap);
	va_end(ap);
	v = refuse_line(a, &line);
	str_clear(&line);
	return v;
}

static enum access_verdict
defer_later(struct access *a, struct str *place, struct str *line)
{
	if (a->is_warning)
		notice(a->s, "reject_warning", line->ptr, a->recipient);
	else if (place->len == 0)
		str_set(place, str_view(line));
	str_clear(line);
	return ACCESS_DUNNO;
}

enum access_verdict
access_defer_if_permit(struct access *a, enum access_subject subject,
    int64_t code, const char *dsn, const char *format, ...)
{
	struct str line = STR_EMPTY;
	va_list ap;

	va_start(ap, format);
	make_line(&line, a, subject, code, dsn, format, ap);
	va_end(ap);
	return defer_later(a, &a->defer_if_permit, &line);
}

enum access_verdict
access_defer_if_reject(struct access *a, enum access_subject subject,
    int64_t code, const char *dsn, const char *format, ...)
{
	struct str line = STR_EMPTY;
	va_list ap;

	va_start(ap, format);
	make_line(&line, a, subject, code, dsn, format, ap);
	va_end(ap);
	return defer_later(a, &a->defer_if_reject, &line);
}

enum access_verdict
access_lookup_failed(struct access *a, struct view what, struct err why)
{
	struct str name = STR_EMPTY;
	enum access_verdict v;

	log_warn(
	    "%s: %.*s: %s", session_queue_id(a->s), VIEW_ARGS(what), why.text);
	reply_add_clean(&name, what, NAME_SHOWN);
	a->is_warning = false;
	v = access_refuse(a, SUBJECT_NONE, 451, "4.3.0",
	    "<%s>: Temporary lookup failure", name.ptr);
	str_clear(&name);
	return v;
}

enum access_verdict
access_misconfigured(struct access *a, const char *what)
{
	log_warn("access control: %s", what);
	/* Whatever stands before it, this is never passed over. */
	a->is_warning = false;
	return access_refuse(
	    a, SUBJECT_NONE, 451, "4.3.5", "Server configuration problem");
}

/* --- running --- */

static enum access_verdict
run_item(struct access *a, const struct access_item *item)
{
	enum access_verdict v;

	if (++a->n_run > RUN_MAX)
		return access_misconfigured(a, "too many restrictions");
	if ((item->row->flags & ACCESS_WARNS) != 0) {
		a->is_warning = true;
		return ACCESS_DUNNO;
	}
	v = item->row->run(a, item);
	a->is_warning = false;
	return v;
}

static enum access_verdict
run_list(struct access *a, const struct access_list *l)
{
	enum access_verdict v = ACCESS_DUNNO;

	for (size_t i = 0; l != NULL && i < l->n && v == ACCESS_DUNNO; i++)
		v = run_item(a, &l->items[i]);
	a->is_warning = false;
	return v;
}

enum access_verdict
access_run_words(struct access *a, struct view words)
{
	enum access_verdict v = ACCESS_DUNNO;
	struct view word;

	if (++a->depth > DEPTH_MAX)
		return access_misconfigured(a, "restrictions nest too deeply");
	while (v == ACCESS_DUNNO && conf_list_next(&words, &word)) {
		struct access_item item = { .row = access_row_find(word),
			.text = xstrndup(word.ptr, word.len) };

		/* What needs a table would have to open it here. */
		if (item.row == NULL ||
		    (item.row->flags & ACCESS_TAKES_TABLE) != 0)
			item.row = &unknown_row;
		v = run_item(a, &item);
		free(item.text);
	}
	a->depth--;
	return v;
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
	if (s->defer_if_permit != NULL)
		str_set(&a->defer_if_permit, view_of(s->defer_if_permit));
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
	return run_list(a, a->s->smtpd->access[stage]);
}

/* An earlier doubt counts where nothing else refused. */
static enum access_verdict
settle(struct access *a, enum access_verdict v)
{
	struct str line = STR_EMPTY;

	if (v == ACCESS_REFUSED || a->defer_if_permit.len == 0)
		return v;
	str_set(&line, str_view(&a->defer_if_permit));
	v = refuse_line(a, &line);
	str_clear(&line);
	return v;
}

static bool
finish(struct access *a, enum access_verdict v, struct str *refusal)
{
	if (v == ACCESS_REFUSED)
		str_set(refusal, str_view(&a->refusal));
	access_clear(a);
	return v != ACCESS_REFUSED;
}

bool
access_check_stage(struct session *s, enum access_stage stage,
    const char *where, struct str *refusal)
{
	struct access a;
	enum access_verdict v;

	if (s->smtpd->stand_alone)
		return true;
	access_init(&a, s, VIEW_EMPTY);
	s->where = where;
	/* There is one to speak of only if there is one. */
	if (stage >= ACCESS_DATA && s->t != NULL && s->t->n_rcpts == 1)
		a.recipient = str_view(&s->t->first_rcpt);
	v = run_stage(&a, stage);
	if (stage >= ACCESS_DATA) {
		v = settle(&a, v);
	} else if (v != ACCESS_REFUSED && a.defer_if_permit.len > 0) {
		/* Kept for RCPT. */
		free(s->defer_if_permit);
		s->defer_if_permit = str_release(&a.defer_if_permit);
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
	     i < ARRAY_LEN(stages) && v != ACCESS_REFUSED; i++)
		v = run_stage(a, stages[i]);
	return v;
}

static enum access_verdict
check_listed(struct access *a)
{
	const struct conf *conf = a->s->smtpd->conf;
	enum access_verdict v = ACCESS_DUNNO;

	if (conf->smtpd_reject_unlisted_sender && !a->sender_is_listed)
		v = access_check_listed(a, SUBJECT_SENDER);
	if (v != ACCESS_REFUSED && conf->smtpd_reject_unlisted_recipient &&
	    !a->s->smtpd->override.no_unknown_recipient_checks &&
	    !a->recipient_is_listed)
		v = access_check_listed(a, SUBJECT_RECIPIENT);
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
	v = run_rcpt_stages(&a);
	a.stage = ACCESS_RECIPIENT;
	v = settle(&a, v);
	if (v != ACCESS_REFUSED && !(s->t != NULL && s->t->discard))
		v = check_listed(&a);
	return finish(&a, v, refusal);
}

bool
access_check_vrfy(struct session *s, struct view recipient, struct str *refusal)
{
	struct access a;
	enum access_verdict v;

	if (s->smtpd->stand_alone)
		return true;
	access_init(&a, s, recipient);
	v = run_rcpt_stages(&a);
	a.stage = ACCESS_RECIPIENT;
	v = settle(&a, v);
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
	a.etrn = domain;
	if (s->smtpd->conf->smtpd_delay_reject) {
		v = run_stage(&a, ACCESS_CLIENT);
		if (v != ACCESS_REFUSED)
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

	reply_line(s, str_view(refusal));
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
