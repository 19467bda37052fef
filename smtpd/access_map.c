/*
 * check_*_access: the keys that a table is asked for, and the actions that it
 * may answer with (access(5)).
 */
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/mail/addr.h"
#include "lib/mail/dsn.h"
#include "smtpd/access_run.h"
#include "smtpd/notice.h"
#include "smtpd/reply.h"

#include <stdlib.h>

enum { PREPEND_MAX = 64 * 1024 };

/* One look into the table; what is left of a name is not asked of patterns. */
struct search {
	struct table *table;
	struct str value;
	bool found, is_part;
};

/* False: go on with the next key. */
static bool
ask(struct search *q, struct view key, struct err *e)
{
	if (key.len == 0 || (q->is_part && table_is_pattern(q->table)))
		return false;
	*e = table_find(q->table, key, &q->value, &q->found);
	return err_is(*e) || q->found;
}

/* A name, then its parents. */
static struct err
find_domain(struct search *q, struct view name, bool bare_parents)
{
	struct err e = ERR_OK;

	if (ask(q, name, &e))
		return e;
	q->is_part = true;
	for (;;) {
		size_t dot = view_find(view_skip(name, 1), '.');

		if (name.len == 0 || dot == VIEW_NPOS)
			break;
		name = view_skip(name, dot + 1); /* ".example.org" */
		if (ask(q, bare_parents ? view_skip(name, 1) : name, &e))
			break;
	}
	q->is_part = false;
	return e;
}

/* An address, then the networks it is in, part by part. */
static struct err
find_addr(struct search *q, struct view addr)
{
	char separator = view_find(addr, ':') != VIEW_NPOS ? ':' : '.';
	struct err e = ERR_OK;

	if (ask(q, addr, &e))
		return e;
	q->is_part = true;
	for (;;) {
		size_t at = view_find_last(addr, separator);

		if (at == VIEW_NPOS)
			break;
		addr = view_first(addr, at);
		if (separator == ':' && view_ends(addr, VIEW(":")))
			continue;
		if (ask(q, addr, &e))
			break;
	}
	q->is_part = false;
	return e;
}

/* "user@" */
static bool
ask_user(struct search *q, struct view user, struct err *e)
{
	struct str key = STR_EMPTY;
	bool done;

	str_set(&key, user);
	str_add_byte(&key, '@');
	done = ask(q, str_view(&key), e);
	str_clear(&key);
	return done;
}

static struct err
find_mail(struct search *q, const struct access *a, struct view address)
{
	const struct smtpd *smtpd = a->s->smtpd;
	struct view local = addr_local(address), user, extension;
	bool extended = addr_split_extension(local,
	    view_of(smtpd->conf->recipient_delimiter),
	    smtpd->conf->owner_request_special, &user, &extension);
	struct str key = STR_EMPTY;
	struct err e = ERR_OK;

	if (ask(q, address, &e))
		return e;
	q->is_part = true;
	str_set(&key, user);
	str_add(&key, view_skip(address, local.len));
	if (extended && ask(q, str_view(&key), &e))
		goto out;
	/* A part itself: patterns saw the whole address. */
	if (addr_domain(address).len > 0 && !table_is_pattern(q->table)) {
		e = find_domain(q, addr_domain(address), smtpd->access_parents);
		if (err_is(e) || q->found)
			goto out;
		q->is_part = true;
	}
	if (!ask_user(q, local, &e) && extended)
		ask_user(q, user, &e);
out:
	str_clear(&key);
	return e;
}

static struct err
find_client(struct search *q, const struct access *a)
{
	struct err e = find_domain(
	    q, view_of(a->s->client.name), a->s->smtpd->access_parents);

	if (err_is(e) || q->found)
		return e;
	return find_addr(q, view_of(a->s->client.addr));
}

static struct err
find_subject(
    struct search *q, const struct access *a, enum access_subject subject)
{
	const struct session *s = a->s;
	bool parents = s->smtpd->access_parents;

	switch (subject) {
	case SUBJECT_CLIENT:
		return find_client(q, a);
	case SUBJECT_HELO:
		if (s->helo == NULL)
			return ERR_OK;
		return find_domain(q, view_of(s->helo), parents);
	case SUBJECT_SENDER:
		if (s->t == NULL)
			return ERR_OK;
		return find_mail(q, a,
		    s->t->sender.len > 0
			? str_view(&s->t->sender)
			: view_of(
			      s->smtpd->conf->smtpd_null_access_lookup_key));
	case SUBJECT_RECIPIENT:
		return find_mail(q, a, a->recipient);
	case SUBJECT_ETRN:
		return find_domain(q, a->etrn, parents);
	case SUBJECT_DATA:
	case SUBJECT_END_OF_DATA:
	case SUBJECT_NONE:
		break;
	}
	return ERR_OK;
}

/* --- actions --- */

struct action {
	const char *name;
	enum access_verdict (*run)(
	    struct access *a, enum access_subject subject, struct view text);
};

static enum access_verdict
action_ok(struct access *a, enum access_subject subject, struct view text)
{
	(void)a, (void)subject, (void)text;
	return ACCESS_OK;
}

static enum access_verdict
action_dunno(struct access *a, enum access_subject subject, struct view text)
{
	(void)a, (void)subject, (void)text;
	return ACCESS_DUNNO;
}

/* The code's own enhanced code may stand before the text. */
static enum access_verdict
refuse_with(struct access *a, enum access_subject subject, int64_t code,
    struct view text)
{
	struct dsn_split why =
	    dsn_split(text, DSN_STATUS((uint8_t)(code / 100), 7, 1));
	char dsn[DSN_STATUS_SIZE];

	if (why.text.len == 0)
		why.text = VIEW("Access denied");
	return access_refuse(a, subject, code, dsn_text(why.status, dsn),
	    "%.*s", VIEW_ARGS(why.text));
}

static enum access_verdict
action_reject(struct access *a, enum access_subject subject, struct view text)
{
	return refuse_with(
	    a, subject, a->s->smtpd->conf->access_map_reject_code, text);
}

static enum access_verdict
action_defer(struct access *a, enum access_subject subject, struct view text)
{
	return refuse_with(
	    a, subject, a->s->smtpd->conf->access_map_defer_code, text);
}

static enum access_verdict
action_defer_if(struct access *a, enum access_subject subject, struct view text,
    bool permit)
{
	struct dsn_split why = dsn_split(text, DSN_STATUS(4, 7, 1));
	char dsn[DSN_STATUS_SIZE];

	if (why.text.len == 0)
		why.text = VIEW("Service unavailable");
	dsn_text(why.status, dsn);
	return permit ? access_defer_if_permit(
			    a, subject, 450, dsn, "%.*s", VIEW_ARGS(why.text))
		      : access_defer_if_reject(
			    a, subject, 450, dsn, "%.*s", VIEW_ARGS(why.text));
}

static enum access_verdict
action_defer_if_permit(
    struct access *a, enum access_subject subject, struct view text)
{
	return action_defer_if(a, subject, text, true);
}

static enum access_verdict
action_defer_if_reject(
    struct access *a, enum access_subject subject, struct view text)
{
	return action_defer_if(a, subject, text, false);
}

/* "<x@y>: Sender address TEXT" */
static void
tell(struct access *a, enum access_subject subject, const char *what,
    struct view text, const char *otherwise)
{
	struct str line = STR_EMPTY;

	str_add_byte(&line, '<');
	access_add_subject(&line, a, subject);
	str_addf(&line, ">: %s ", access_subject_title(subject));
	if (text.len > 0)
		str_add(&line, text);
	else
		str_add_text(&line, otherwise);
	notice(a->s, what, line.ptr, a->recipient);
	str_clear(&line);
}

static enum access_verdict
action_warn(struct access *a, enum access_subject subject, struct view text)
{
	tell(a, subject, "warn", text, "triggers WARN action");
	return ACCESS_DUNNO;
}

static enum access_verdict
action_info(struct access *a, enum access_subject subject, struct view text)
{
	tell(a, subject, "info", text, "triggers INFO action");
	return ACCESS_DUNNO;
}

static enum access_verdict
action_hold(struct access *a, enum access_subject subject, struct view text)
{
	tell(a, subject, "hold", text, "triggers HOLD action");
	if (!a->is_warning && a->s->t != NULL)
		a->s->t->hold = true;
	return ACCESS_DUNNO;
}

static enum access_verdict
action_discard(struct access *a, enum access_subject subject, struct view text)
{
	tell(a, subject, "discard", text, "triggers DISCARD action");
	if (a->is_warning || a->s->t == NULL)
		return ACCESS_DUNNO;
	a->s->t->discard = true;
	return ACCESS_OK;
}

/* One header, of one line. */
static enum access_verdict
action_prepend(struct access *a, enum access_subject subject, struct view text)
{
	struct transaction *t = a->s->t;

	if (header_name_len(text) == 0 ||
	    view_find_any(text, "\r\n") != VIEW_NPOS)
		return access_misconfigured(a, "PREPEND needs a header");
	tell(a, subject, "prepend", text, "");
	if (t == NULL || a->is_warning ||
	    t->prepend.len + text.len > PREPEND_MAX)
		return ACCESS_DUNNO;
	str_add(&t->prepend, text);
	str_add_text(&t->prepend, "\r\n");
	return ACCESS_DUNNO;
}

static const struct action actions[] = {
	{ "OK", action_ok },
	{ "DUNNO", action_dunno },
	{ "REJECT", action_reject },
	{ "DEFER", action_defer },
	{ "DEFER_IF_PERMIT", action_defer_if_permit },
	{ "DEFER_IF_REJECT", action_defer_if_reject },
	{ "WARN", action_warn },
	{ "INFO", action_info },
	{ "HOLD", action_hold },
	{ "DISCARD", action_discard },
	{ "PREPEND", action_prepend },
};

static bool
is_all_digits(struct view v)
{
	size_t i = 0;

	while (i < v.len && ascii_is_digit(v.ptr[i]))
		i++;
	return v.len > 0 && i == v.len;
}

/* "550 5.7.1 text" */
static bool
is_reply(struct view word)
{
	return word.len == 3 && is_all_digits(word) &&
	    (word.ptr[0] == '4' || word.ptr[0] == '5');
}

static enum access_verdict
act(struct access *a, enum access_subject subject, struct view value)
{
	struct view line = view_trim(value);
	struct view word = view_first(line, view_find_any(line, " \t"));
	struct view text = view_trim(view_skip(line, word.len));
	int64_t code;

	if (is_reply(word) && view_to_int(word, &code))
		return refuse_with(a, subject, code, text);
	if (is_all_digits(line))
		return ACCESS_OK;
	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		if (view_eq_case(word, view_of(actions[i].name)))
			return actions[i].run(a, subject, text);
	return access_run_words(a, line);
}

enum access_verdict
access_check_table(struct access *a, const struct access_item *item)
{
	enum access_subject subject = (enum access_subject)item->row->subject;
	struct search q = { .table = item->table, .value = STR_EMPTY };
	enum access_verdict v = ACCESS_DUNNO;
	struct err e;

	if (subject == SUBJECT_RECIPIENT && a->recipient.len == 0)
		return v;
	e = find_subject(&q, a, subject);
	if (err_is(e))
		v = access_lookup_failed(a, table_spec(item->table), e);
	else if (q.found)
		v = act(a, subject, str_view(&q.value));
	str_clear(&q.value);
	return v;
}
