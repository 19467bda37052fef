/*
 * DNS lists: of clients' addresses and of domains, that refuse or permit, and
 * the reply that a refused client gets.
 */
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/mail/addr.h"
#include "lib/mail/dsn.h"
#include "smtpd/access_run.h"
#include "smtpd/dnslist.h"
#include "smtpd/lookup.h"
#include "smtpd/macros.h"
#include "smtpd/reply.h"

#include <stdio.h>

enum { REASON_MAX = 255, SHOWN_MAX = 100 };

/* One question to one list, and what it said. */
struct listing {
	const struct dnslist *list;
	enum access_subject subject; /* SUBJECT_NONE: the client's address */
	struct str what;	     /* what was asked about, as replies show it */
	struct str name;	     /* the name in the DNS */
	struct str reason;	     /* by TXT, if it is listed */
	enum { NOT_LISTED, LISTED, NOT_KNOWN } state;
};

static void
listing_clear(struct listing *l)
{
	str_clear(&l->what);
	str_clear(&l->name);
	str_clear(&l->reason);
}

/* The domain that a list is asked about; what is shown of it goes to `what`.
 * Empty: there is none. */
static struct view
domain_of(const struct access *a, enum access_subject subject, struct str *what)
{
	const struct session *s = a->s;
	const char *name = subject == SUBJECT_CLIENT ? s->client.name
	    : subject == SUBJECT_REVERSE	     ? s->client.reverse
						     : s->helo;

	if (subject == SUBJECT_SENDER || subject == SUBJECT_RECIPIENT) {
		struct view address = access_address(a, subject);

		addr_to_external(what, address);
		return addr_domain(address);
	}
	if (name == NULL ||
	    (subject != SUBJECT_HELO && strcmp(name, "unknown") == 0))
		return VIEW_EMPTY;
	str_set(what, view_of(name));
	return view_of(name);
}

/* False: there is nothing to ask about. */
static bool
make_name(const struct access *a, struct listing *l)
{
	struct dns_addr addr;

	if (l->subject != SUBJECT_NONE)
		return dnslist_name_of_name(
		    l->list, domain_of(a, l->subject, &l->what), &l->name);
	str_set(&l->what, view_of(a->s->client.addr));
	if (!dns_addr_parse(view_of(a->s->client.addr), &addr))
		return false;
	dnslist_name_of_addr(l->list, &addr, &l->name);
	return true;
}

/* All texts, one behind the other. */
static void
add_reason(struct access *a, struct listing *l)
{
	struct dns_answer answer;

	lookup_records(
	    a->s->smtpd, str_view(&l->name), DNS_TYPE_TXT, &answer);
	for (size_t i = 0; i < answer.n_records; i++) {
		if (answer.records[i].type != DNS_TYPE_TXT)
			continue;
		if (l->reason.len > 0)
			str_add_text(&l->reason, " / ");
		reply_add_clean(
		    &l->reason, dns_record_data(&answer, i), REASON_MAX);
	}
	str_cut(&l->reason, REASON_MAX);
	dns_answer_clear(&answer);
}

static void
ask_list(struct access *a, struct listing *l, bool with_reason)
{
	struct dns_answer answer;

	l->state = NOT_LISTED;
	if (!make_name(a, l))
		return;
	lookup_records(a->s->smtpd, str_view(&l->name), DNS_TYPE_A, &answer);
	/* The name was fine: an answer without sense is none. */
	if (dns_status_is_temp(answer.status) || answer.status == DNS_INVALID) {
		log_warn("%s: RBL lookup error: %s", l->name.ptr,
		    answer.reason);
		l->state = NOT_KNOWN;
	}
	for (size_t i = 0; i < answer.n_records && l->state == NOT_LISTED; i++) {
		struct view data = dns_record_data(&answer, i);

		if (answer.records[i].type == DNS_TYPE_A && data.len == 4 &&
		    dnslist_matches(l->list, (const uint8_t *)data.ptr))
			l->state = LISTED;
	}
	dns_answer_clear(&answer);
	if (l->state == LISTED && with_reason)
		add_reason(a, l);
}

/* --- the reply --- */

struct reply_macros {
	const struct access *a;
	const struct listing *listing;
	struct macro_memory memory;
	char code[8];
};

static bool
find_macro(void *arg, struct view name, struct view *value)
{
	struct reply_macros *m = arg;
	const struct listing *l = m->listing;
	const struct {
		const char *name;
		struct view value;
	} rows[] = {
		{ "rbl_code", view_of(m->code) },
		{ "rbl_domain", view_of(l->list->domain) },
		{ "rbl_reason", str_view(&l->reason) },
		{ "rbl_txt", str_view(&l->reason) },
		{ "rbl_what", str_view(&l->what) },
		{ "rbl_class",
		    view_of(access_subject_title(l->subject == SUBJECT_NONE
			    ? SUBJECT_CLIENT
			    : l->subject)) },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (view_eq(name, view_of(rows[i].name))) {
			*value = rows[i].value;
			return true;
		}
	return macro_find(
	    m->a->s, m->a->recipient, name, &m->memory, value);
}

/* "550 5.7.1 text" */
static enum access_verdict
refuse_with(struct access *a, struct view text)
{
	struct view word = view_first(text, view_find_any(text, " \t"));
	struct dsn_split why = dsn_split(
	    view_trim(view_skip(text, word.len)), DSN_STATUS(4, 7, 1));
	char dsn[DSN_STATUS_SIZE];
	int64_t code;

	if (word.len != 3 || !view_to_int(word, &code) || code < 400 ||
	    code > 599) {
		log_warn("rbl response code configuration error: %.*s",
		    VIEW_ARGS(view_first(text, SHOWN_MAX)));
		code = 450;
		why = (struct dsn_split){ DSN_STATUS(4, 7, 1),
			VIEW("Service unavailable") };
	}
	return access_refuse(a, SUBJECT_NONE, code, dsn_text(why.status, dsn),
	    "%.*s", VIEW_ARGS(why.text));
}

static enum access_verdict
refuse(struct access *a, const struct listing *l)
{
	const struct conf *conf = a->s->smtpd->conf;
	struct access_shared *shared = a->s->smtpd->access_shared;
	struct reply_macros m = { .a = a, .listing = l };
	struct conf_macros macros = { .lookup = find_macro,
		.arg = &m,
		.filter = shared->expansion_filter };
	struct str template = STR_EMPTY, text = STR_EMPTY;
	enum access_verdict v;
	bool found = false;
	struct err e = table_list_find(shared->rbl_replies,
	    view_of(l->list->text), TABLE_ALL, &template, &found);

	snprintf(m.code, sizeof(m.code), "%d", (int)conf->maps_rbl_reject_code);
	if (!err_is(e) && !found)
		str_set(&template, view_of(conf->default_rbl_reply));
	/* Listed it is: whatever the template, it is refused. */
	if (!err_is(e))
		e = conf_expand(&text, str_view(&template), &macros);
	if (err_is(e))
		v = access_lookup_failed(a, view_of("rbl_reply_maps"), e);
	else
		v = refuse_with(a, str_view(&text));
	str_clear(&template);
	str_clear(&text);
	macro_memory_clear(&m.memory);
	return v;
}

/* --- the restrictions --- */

static enum access_verdict
check_list(struct access *a, const struct dnslist *list, int subject)
{
	struct listing l = { .list = list,
		.subject = (enum access_subject)subject,
		.what = STR_EMPTY,
		.name = STR_EMPTY,
		.reason = STR_EMPTY };
	enum access_verdict v = ACCESS_DUNNO;

	ask_list(a, &l, true);
	if (l.state == LISTED)
		v = refuse(a, &l);
	else if (l.state == NOT_KNOWN)
		v = access_not_known(a,
		    a->s->smtpd->conf->smtpd_dns_tempfail_action, SUBJECT_NONE,
		    "4.7.1",
		    "Service unavailable; %s [%s] cannot be looked up in %s",
		    access_subject_title(l.subject == SUBJECT_NONE
			    ? SUBJECT_CLIENT
			    : l.subject),
		    l.what.ptr, list->domain);
	listing_clear(&l);
	return v;
}

enum access_verdict
access_reject_dnslist(struct access *a, const struct access_item *item)
{
	return check_list(a, item->dnslist, item->row->subject);
}

enum access_verdict
access_reject_maps_rbl(struct access *a, const struct access_item *item)
{
	struct view rest = view_of(a->s->smtpd->conf->maps_rbl_domains), word;
	enum access_verdict v = ACCESS_DUNNO;

	(void)item;
	while (v == ACCESS_DUNNO && conf_list_next(&rest, &word)) {
		struct dnslist *list = dnslist_parse(word);

		v = list != NULL ? check_list(a, list, SUBJECT_NONE)
				 : access_misconfigured(a,
				       "maps_rbl_domains: bad list: %.*s",
				       VIEW_ARGS(word));
		dnslist_free(list);
	}
	return v;
}

/* Never for mail to anywhere: a list of friends is no list of relay users. */
static bool
may_permit(struct access *a, enum access_verdict *v)
{
	if (a->recipient.len == 0)
		return true;
	*v = access_check_destination(a);
	return *v == ACCESS_OK;
}

enum access_verdict
access_permit_dnslist(struct access *a, const struct access_item *item)
{
	struct listing l = { .list = item->dnslist,
		.subject = (enum access_subject)item->row->subject,
		.what = STR_EMPTY,
		.name = STR_EMPTY,
		.reason = STR_EMPTY };
	enum access_verdict v = ACCESS_DUNNO;

	ask_list(a, &l, false);
	if (l.state == NOT_KNOWN)
		v = access_defer_if_reject(a, SUBJECT_NONE, 450, "4.7.1",
		    "<%s>: Client host rejected: Service unavailable",
		    l.what.ptr);
	else if (l.state == LISTED && may_permit(a, &v))
		v = access_permit(a, item->name, SUBJECT_CLIENT, "");
	listing_clear(&l);
	return v;
}
