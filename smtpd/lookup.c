/* DNS lookups of smtpd: see lookup.h. */
#include "smtpd/lookup.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <inttypes.h>

enum { DNS_TIMEOUT = 60 };

static int64_t
lookup_deadline(const struct smtpd *smtpd)
{
	return deadline_in_shorter(DNS_TIMEOUT, smtpd->conf->ipc_timeout);
}

/* --- smtpd_dns_reply_filter --- */

/* What the filter says of one record. */
enum filtered { KEEP, DROP, FAILED };

/* "mx.example. 300 IN MX 10 mail.example." */
static enum filtered
filter_text(struct smtpd *smtpd, const struct str *text)
{
	struct str action = STR_EMPTY;
	enum filtered result = KEEP;
	bool found;
	struct err e = table_list_find(smtpd->dns_filter, str_view(text),
	    TABLE_ALL, &action, &found);

	if (err_is(e)) {
		log_warn("smtpd_dns_reply_filter: %s", e.text);
		result = FAILED;
	} else if (found) {
		bool ignore =
		    view_eq_case(view_trim(str_view(&action)), VIEW("IGNORE"));

		log_info("ignoring DNS RR: %s", text->ptr);
		if (!ignore)
			log_warn("smtpd_dns_reply_filter: unknown DNS filter "
				 "action: %s",
			    action.ptr);
		result = ignore ? DROP : FAILED;
	}
	str_clear(&action);
	return result;
}

static void
begin_text(struct str *text, struct view name, int64_t ttl, const char *type)
{
	str_printf(text, "%.*s. %" PRId64 " IN %s ",
	    VIEW_ARGS(dns_name_bare(name)), ttl, type);
}

static bool
has_filter(const struct smtpd *smtpd)
{
	return !table_list_is_empty(smtpd->dns_filter);
}

/* What is left of n records; the status if that is none, or not known. */
static enum dns_status
status_after(enum dns_status status, size_t left, bool failed)
{
	if (failed)
		return DNS_TEMP;
	return left == 0 ? DNS_NODATA : status;
}

static enum filtered
filter_record(struct smtpd *smtpd, const struct dns_answer *a, size_t i)
{
	const struct dns_record *r = &a->records[i];
	struct view data = dns_record_data(a, i);
	struct str text = STR_EMPTY;
	char type[16], addr[DNS_ADDR_TEXT_SIZE];
	struct dns_addr ip = { .family =
				   r->type == DNS_TYPE_A ? AF_INET : AF_INET6 };
	enum filtered result;

	begin_text(
	    &text, view_of(a->name), a->ttl, dns_type_name(r->type, type));
	switch (r->type) {
	case DNS_TYPE_A:
	case DNS_TYPE_AAAA:
		memcpy(ip.bytes, data.ptr,
		    data.len < sizeof(ip.bytes) ? data.len : sizeof(ip.bytes));
		dns_addr_text(&ip, addr);
		str_add_text(&text, addr);
		break;
	case DNS_TYPE_NS:
		str_addf(&text, "%.*s.", VIEW_ARGS(data));
		break;
	default:
		str_add(&text, data);
		break;
	}
	result = filter_text(smtpd, &text);
	str_clear(&text);
	return result;
}

enum dns_status
lookup_records(struct smtpd *smtpd, struct view name, int type,
    struct dns_answer *out)
{
	size_t left = 0;
	bool failed = false;

	dns_lookup(
	    &smtpd->dns, name, type, 0, out, lookup_deadline(smtpd));
	if (out->status != DNS_OK || !has_filter(smtpd))
		return out->status;
	for (size_t i = 0; i < out->n_records; i++) {
		enum filtered f = filter_record(smtpd, out, i);

		failed = failed || f == FAILED;
		if (f == KEEP)
			out->records[left++] = out->records[i];
	}
	out->n_records = left;
	return out->status = status_after(out->status, left, failed);
}

enum dns_status
lookup_mx(struct smtpd *smtpd, struct view domain, struct dns_mx_list *out)
{
	struct str text = STR_EMPTY;
	size_t left = 0;
	bool failed = false;

	dns_lookup_mx(
	    &smtpd->dns, domain, 0, out, lookup_deadline(smtpd));
	if (out->status != DNS_OK || out->null_mx || !has_filter(smtpd))
		return out->status;
	for (size_t i = 0; i < out->n; i++) {
		enum filtered f;

		begin_text(&text, domain, out->ttl, "MX");
		str_addf(&text, "%d %s.", out->mx[i].preference,
		    out->mx[i].host);
		f = filter_text(smtpd, &text);
		failed = failed || f == FAILED;
		if (f == KEEP)
			out->mx[left++] = out->mx[i];
	}
	str_clear(&text);
	out->n = left;
	return out->status = status_after(out->status, left, failed);
}

enum dns_status
lookup_addrs(struct smtpd *smtpd, struct view host, bool native,
    struct dns_addr_list *out)
{
	struct str text = STR_EMPTY;
	size_t left = 0;
	bool failed = false;

	dns_lookup_addrs(&smtpd->dns, host, native ? DNS_NATIVE : 0, out,
	    lookup_deadline(smtpd));
	if (out->status != DNS_OK || !has_filter(smtpd))
		return out->status;
	for (size_t i = 0; i < out->n; i++) {
		char addr[DNS_ADDR_TEXT_SIZE];
		enum filtered f;

		dns_addr_text(&out->addrs[i], addr);
		begin_text(&text, host, out->ttl,
		    out->addrs[i].family == AF_INET ? "A" : "AAAA");
		str_add_text(&text, addr);
		f = filter_text(smtpd, &text);
		failed = failed || f == FAILED;
		if (f == KEEP)
			out->addrs[left++] = out->addrs[i];
	}
	str_clear(&text);
	out->n = left;
	return out->status = status_after(out->status, left, failed);
}
