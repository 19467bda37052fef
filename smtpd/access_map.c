/*
 * check_*_access: the keys that a table is asked for (access(5)).
 */
#include "lib/mail/addr.h"
#include "smtpd/access_run.h"

/* False: go on with the next key. */
static bool
ask(struct access_search *q, struct view key, struct err *e)
{
	if (key.len == 0 || (q->is_part && table_is_pattern(q->table)))
		return false;
	*e = table_find(q->table, key, &q->value, &q->found);
	return err_is(*e) || q->found;
}

struct err
access_find_domain(
    const struct access *a, struct access_search *q, struct view name)
{
	bool bare_parents = a->s->smtpd->access_parents;
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

struct err
access_find_addr(struct access_search *q, struct view addr)
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
ask_user(struct access_search *q, struct view user, struct err *e)
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
find_mail(struct access_search *q, const struct access *a, struct view address)
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
		e = access_find_domain(a, q, addr_domain(address));
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

/* By its name, verified or not, and by its address. */
static struct err
find_client(struct access_search *q, const struct access *a, const char *name)
{
	struct err e = access_find_domain(a, q, view_of(name));

	if (err_is(e) || q->found)
		return e;
	return access_find_addr(q, view_of(a->s->client.addr));
}

static struct err
find_sender(struct access_search *q, const struct access *a)
{
	const struct session *s = a->s;

	if (s->t == NULL)
		return ERR_OK;
	if (s->t->sender.len > 0)
		return find_mail(q, a, str_view(&s->t->sender));
	return find_mail(
	    q, a, view_of(s->smtpd->conf->smtpd_null_access_lookup_key));
}

static struct err
find_login(struct access_search *q, const struct access *a)
{
	struct err e = ERR_OK;

	if (a->s->login.username != NULL)
		ask(q, view_of(a->s->login.username), &e);
	return e;
}

static struct err
find_subject(struct access_search *q, const struct access *a,
    enum access_subject subject)
{
	const struct session *s = a->s;

	switch (subject) {
	case SUBJECT_CLIENT:
		return find_client(q, a, s->client.name);
	case SUBJECT_REVERSE:
		return find_client(q, a, s->client.reverse);
	case SUBJECT_HELO:
		return s->helo != NULL
		    ? access_find_domain(a, q, view_of(s->helo))
		    : ERR_OK;
	case SUBJECT_SENDER:
		return find_sender(q, a);
	case SUBJECT_RECIPIENT:
		return a->recipient.len > 0 ? find_mail(q, a, a->recipient)
					    : ERR_OK;
	case SUBJECT_LOGIN:
		return find_login(q, a);
	case SUBJECT_ETRN:
		return access_find_domain(a, q, a->etrn);
	/* Nobody shows a certificate before there is TLS. */
	case SUBJECT_CERTIFICATE:
	case SUBJECT_DATA:
	case SUBJECT_END_OF_DATA:
	case SUBJECT_NONE:
		break;
	}
	return ERR_OK;
}

enum access_verdict
access_check_table(struct access *a, const struct access_item *item)
{
	enum access_subject subject = (enum access_subject)item->row->subject;
	struct access_search q = { .table = item->table, .value = STR_EMPTY };
	enum access_verdict v = ACCESS_DUNNO;
	struct err e = find_subject(&q, a, subject);

	if (err_is(e))
		v = access_table_failed(a, subject, table_spec(item->table), e);
	else if (q.found && a->stage == ACCESS_REWRITE)
		v = ACCESS_OK; /* whatever is found: "static:all" */
	else if (q.found)
		v = access_act(
		    a, subject, str_view(&q.value), table_spec(item->table).ptr);
	str_clear(&q.value);
	/* Whoever owns the address may call it anything. */
	if (subject == SUBJECT_REVERSE && v == ACCESS_OK &&
	    !access_is_discarded(a))
		v = access_forbid_ok(a, item);
	return v;
}
