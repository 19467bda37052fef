/*
 * From a packet to the answer of one question: see answer.h.  The packet is
 * read twice: first for the CNAMEs, which may stand in any order, then for the
 * records at their end.
 */
#include "lib/dns/answer.h"

#include "lib/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

enum { FIRST_ROOM = 8, NEGATIVE_TTL_MAX = 900 };

static const struct {
	int type;
	const char *name;
} type_names[] = {
	{ DNS_TYPE_A, "A" },
	{ DNS_TYPE_NS, "NS" },
	{ DNS_TYPE_CNAME, "CNAME" },
	{ DNS_TYPE_SOA, "SOA" },
	{ DNS_TYPE_PTR, "PTR" },
	{ DNS_TYPE_MX, "MX" },
	{ DNS_TYPE_TXT, "TXT" },
	{ DNS_TYPE_AAAA, "AAAA" },
	{ DNS_TYPE_SRV, "SRV" },
	{ DNS_TYPE_TLSA, "TLSA" },
};

const char *
dns_type_name(int type, char buf[static 16])
{
	for (size_t i = 0; i < ARRAY_LEN(type_names); i++)
		if (type_names[i].type == type)
			return type_names[i].name;
	snprintf(buf, 16, "TYPE%u", (unsigned)type & 0xffff);
	return buf;
}

enum dns_status
dns_status_of(int64_t number)
{
	return number >= DNS_OK && number <= DNS_INVALID
	    ? (enum dns_status)number
	    : DNS_TEMP;
}

void
dns_status_reason(char reason[DNS_REASON_SIZE], enum dns_status status,
    struct view name, int type)
{
	static const char *const why[] = {
		[DNS_OK] = "",
		[DNS_NODATA] = "Host found but no data record of requested "
			       "type",
		[DNS_NXDOMAIN] = "Host not found",
		[DNS_TEMP] = "Host not found, try again",
		[DNS_BOGUS] = "DNSSEC validation failed, try again",
		[DNS_INVALID] = "Malformed name or malformed name server "
				"reply",
	};
	bool absent = status == DNS_NODATA || status == DNS_NXDOMAIN ||
	    status == DNS_TEMP;
	char buf[16];

	/* The name is cut rather than the reason. */
	snprintf(reason, DNS_REASON_SIZE,
	    "%sName service error for name=%.*s type=%s: %s",
	    absent ? "Host or domain name not found. " : "",
	    (int)(name.len > 60 ? 60 : name.len), name.ptr,
	    dns_type_name(type, buf), why[status]);
}

void
dns_answer_init(struct dns_answer *a)
{
	*a = (struct dns_answer){ .status = DNS_TEMP, .data = STR_EMPTY };
}

void
dns_answer_clear(struct dns_answer *a)
{
	free(a->records);
	str_clear(&a->data);
	dns_answer_init(a);
}

static void
drop_records(struct dns_answer *a)
{
	a->n_records = 0;
	str_reset(&a->data);
}

void
dns_answer_fail(
    struct dns_answer *a, enum dns_status status, struct view name, int type)
{
	drop_records(a);
	a->status = status;
	a->secure = false;
	dns_status_reason(a->reason, status, name, type);
}

struct view
dns_record_data(const struct dns_answer *a, size_t i)
{
	return view_make(a->data.ptr + a->records[i].at, a->records[i].len);
}

bool
dns_answer_add(struct dns_answer *a, int type, int preference, struct view data)
{
	if (a->n_records >= DNS_RECORDS_MAX ||
	    data.len > DNS_RECORD_BYTES_MAX - a->data.len)
		return false;
	if (a->n_records == a->room) {
		a->room = a->room > 0 ? a->room * 2 : FIRST_ROOM;
		a->records =
		    xreallocarray(a->records, a->room, sizeof(a->records[0]));
	}
	a->records[a->n_records++] =
	    (struct dns_record){ type, preference, a->data.len, data.len };
	str_add(&a->data, data);
	return true;
}

/* Insertion: stable, and there are few. */
void
dns_answer_sort(struct dns_answer *a)
{
	for (size_t i = 1; i < a->n_records; i++) {
		struct dns_record r = a->records[i];
		size_t j = i;

		while (j > 0 && a->records[j - 1].preference > r.preference) {
			a->records[j] = a->records[j - 1];
			j--;
		}
		a->records[j] = r;
	}
}

/* --- reading --- */

/* What a record says, as dns_record_data has it. */
static void
data_of_record(const struct dns_rr *rr, struct str *out)
{
	str_reset(out);
	switch (rr->type) {
	case DNS_TYPE_TXT:
		dns_txt_join(rr, out);
		break;
	case DNS_TYPE_SRV:
		str_printf(
		    out, "%u %u %s", rr->weight, rr->port, rr->target.text);
		break;
	case DNS_TYPE_MX:
	case DNS_TYPE_PTR:
	case DNS_TYPE_NS:
	case DNS_TYPE_CNAME:
	case DNS_TYPE_SOA:
		str_set(out, dns_name_view(&rr->target));
		break;
	default:
		str_set(out, rr->rdata);
	}
}

/* A record whose target is a name must have one that can be told on. */
static bool
target_is_usable(const struct dns_rr *rr)
{
	struct view target = dns_name_view(&rr->target);

	switch (rr->type) {
	case DNS_TYPE_MX:
		/* The root: null MX, or a mistake that matches nothing. */
		return rr->target.len == 0 ||
		    (!rr->target.odd && dns_hostname_is_valid(target));
	case DNS_TYPE_SRV:
		return rr->target.len == 0 ||
		    (!rr->target.odd && dns_name_is_valid(target));
	case DNS_TYPE_PTR:
	case DNS_TYPE_NS:
		return !rr->target.odd && dns_name_is_valid(target);
	default:
		return !rr->target.odd;
	}
}

static bool
may_be_cut(int type)
{
	return type == DNS_TYPE_A || type == DNS_TYPE_AAAA ||
	    type == DNS_TYPE_MX || type == DNS_TYPE_PTR;
}

static void
lower_ttl(struct dns_answer *a, uint32_t ttl)
{
	if (ttl < a->ttl)
		a->ttl = ttl;
}

static void
set_name(struct dns_answer *a, struct view name)
{
	name = view_first(dns_name_bare(name), DNS_NAME_MAX);
	memcpy(a->name, name.ptr, name.len);
	a->name[name.len] = '\0';
}

static bool
answers_name(const struct dns_answer *a, const struct dns_rr *rr)
{
	return rr->section == DNS_SECTION_ANSWER && rr->class == DNS_CLASS_IN &&
	    !rr->owner.odd &&
	    view_eq_case(dns_name_view(&rr->owner), view_of(a->name));
}

/* Look for a CNAME of a->name; *found, and a->name its target, if there is. */
static struct err
follow_one(struct dns_answer *a, struct dns_packet p, bool *found)
{
	struct dns_rr rr;
	bool more;
	struct err e;

	*found = false;
	for (;;) {
		e = dns_packet_next(&p, &rr, &more);
		if (err_is(e) || !more)
			return e;
		if (rr.type != DNS_TYPE_CNAME || !answers_name(a, &rr))
			continue;
		if (rr.target.odd || rr.target.len == 0)
			return err_make(ERR_PERM, "bad CNAME");
		lower_ttl(a, rr.ttl);
		set_name(a, dns_name_view(&rr.target));
		*found = true;
		return ERR_OK;
	}
}

static struct err
follow_cnames(struct dns_answer *a, const struct dns_packet *p)
{
	bool found = true;
	struct err e = ERR_OK;

	for (int i = 0; found && !err_is(e); i++) {
		if (i > DNS_CNAMES_MAX)
			return err_make(ERR_TEMP, "too many CNAMEs");
		e = follow_one(a, *p, &found);
	}
	return e;
}

/* How long it is known that there is nothing (RFC 2308 5). */
static void
negative_ttl(struct dns_answer *a, const struct dns_rr *rr)
{
	if (rr->section != DNS_SECTION_AUTHORITY || rr->type != DNS_TYPE_SOA)
		return;
	lower_ttl(a, rr->ttl);
	lower_ttl(a, rr->minimum);
}

/* The records of this type at a->name.  *unusable counts those passed over. */
static struct err
collect(struct dns_answer *a, struct dns_packet p, int type, size_t *unusable)
{
	struct str data = STR_EMPTY;
	struct err e = ERR_OK;
	struct dns_rr rr;
	bool more = true;

	for (;;) {
		e = dns_packet_next(&p, &rr, &more);
		if (err_is(e) || !more)
			break;
		if (rr.type != type || !answers_name(a, &rr)) {
			if (a->n_records == 0)
				negative_ttl(a, &rr);
			continue;
		}
		if (!target_is_usable(&rr)) {
			++*unusable;
			continue;
		}
		lower_ttl(a, rr.ttl);
		data_of_record(&rr, &data);
		if (dns_answer_add(a, type, rr.preference, str_view(&data)))
			continue;
		if (!may_be_cut(type))
			e = err_make(ERR_PERM, "answer is too large");
		break;
	}
	str_clear(&data);
	return e;
}

static enum dns_status
read_records(struct dns_answer *a, const struct dns_packet *p, int type)
{
	size_t unusable = 0;
	struct err e = ERR_OK;

	if (type != DNS_TYPE_CNAME)
		e = follow_cnames(a, p);
	if (!err_is(e))
		e = collect(a, *p, type, &unusable);
	/* What a server garbled may be whole the next time. */
	if (err_is(e))
		return e.kind == ERR_TEMP ? DNS_TEMP : DNS_INVALID;
	if (a->n_records > 0)
		return DNS_OK;
	if (unusable > 0)
		return DNS_INVALID;
	return p->rcode == DNS_RCODE_NXDOMAIN ? DNS_NXDOMAIN : DNS_NODATA;
}

void
dns_answer_read(
    struct dns_answer *a, struct view packet, struct view name, int type)
{
	struct dns_packet p;
	enum dns_status status;

	drop_records(a);
	set_name(a, name);
	a->ttl = DNS_TTL_MAX;
	a->reason[0] = '\0';
	if (err_is(dns_packet_open(&p, packet)))
		status = DNS_TEMP;
	else if (p.rcode != DNS_RCODE_OK && p.rcode != DNS_RCODE_NXDOMAIN)
		status = DNS_TEMP;
	else
		status = read_records(a, &p, type);
	a->status = status;
	if (status != DNS_OK) {
		dns_answer_fail(a, status, name, type);
		lower_ttl(a, NEGATIVE_TTL_MAX);
	}
	dns_answer_sort(a);
}
