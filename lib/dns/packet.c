/*
 * Reading a DNS message: see packet.h.  `at` never passes the end of `bytes`;
 * every reader checks what it takes against the end that it was given.
 */
#include "lib/dns/packet.h"

#include "lib/base/mem.h"

enum {
	HEADER_SIZE = 12,
	NAME_WIRE_MAX = 255,
	POINTERS_MAX = 64, /* in one name; each must point backwards too */
};

/* A place in the packet and where it must stop. */
struct cursor {
	struct view bytes;
	size_t at, end;
};

static bool
read_u8(struct cursor *c, uint8_t *out)
{
	if (c->end - c->at < 1)
		return false;
	*out = (uint8_t)c->bytes.ptr[c->at++];
	return true;
}

static bool
read_u16(struct cursor *c, uint16_t *out)
{
	uint8_t high, low;

	if (!read_u8(c, &high) || !read_u8(c, &low))
		return false;
	*out = (uint16_t)(high << 8 | low);
	return true;
}

static bool
read_u32(struct cursor *c, uint32_t *out)
{
	uint16_t high, low;

	if (!read_u16(c, &high) || !read_u16(c, &low))
		return false;
	*out = (uint32_t)high << 16 | low;
	return true;
}

static bool
byte_is_odd(uint8_t b)
{
	return b <= ' ' || b == '.' || b >= 127;
}

static void
add_label(struct dns_name *name, const char *label, size_t len)
{
	if (name->len > 0)
		name->text[name->len++] = '.';
	for (size_t i = 0; i < len; i++)
		if (byte_is_odd((uint8_t)label[i]))
			name->odd = true;
	memcpy(name->text + name->len, label, len);
	name->len += len;
}

/*
 * Labels from `at` on, following pointers (RFC 1035 4.1.4), each of which must
 * go further back than the place where its run of labels began: no loop can.
 * *after is where the name ends in the run that it began in.
 */
static bool
read_labels(struct view bytes, size_t at, size_t end, struct dns_name *name,
    size_t *after)
{
	size_t wire = 0, run = at;
	int pointers = 0;

	for (;;) {
		uint8_t len;

		if (at >= end)
			return false;
		len = (uint8_t)bytes.ptr[at++];
		if (len >= 0xc0) {
			if (at >= end || ++pointers > POINTERS_MAX)
				return false;
			if (pointers == 1)
				*after = at + 1;
			at = (size_t)(len & 0x3f) << 8 | (uint8_t)bytes.ptr[at];
			if (at >= run)
				return false;
			run = at;
			end = bytes.len;
			continue;
		}
		wire += (size_t)len + 1;
		if (len > DNS_LABEL_MAX || wire > NAME_WIRE_MAX ||
		    len > end - at)
			return false;
		if (len == 0)
			break;
		add_label(name, bytes.ptr + at, len);
		at += len;
	}
	if (pointers == 0)
		*after = at;
	name->text[name->len] = '\0';
	return true;
}

static bool
read_name(struct cursor *c, struct dns_name *name)
{
	name->len = 0;
	name->odd = false;
	return read_labels(c->bytes, c->at, c->end, name, &c->at);
}

bool
dns_name_eq(const struct dns_name *a, const struct dns_name *b)
{
	return !a->odd && !b->odd &&
	    view_eq_case(dns_name_view(a), dns_name_view(b));
}

struct view
dns_name_view(const struct dns_name *name)
{
	return view_make(name->text, name->len);
}

static bool
skip_questions(struct dns_packet *p, struct cursor *c)
{
	for (unsigned i = 0; i < p->n_questions; i++) {
		struct dns_name name;
		uint16_t type, class;

		if (!read_name(c, &name) || !read_u16(c, &type) ||
		    !read_u16(c, &class))
			return false;
	}
	return true;
}

struct err
dns_packet_open(struct dns_packet *p, struct view bytes)
{
	struct cursor c = { bytes, 0, bytes.len };
	uint16_t flags;

	*p = (struct dns_packet){ .bytes = bytes };
	if (!read_u16(&c, &p->id) || !read_u16(&c, &flags) ||
	    !read_u16(&c, &p->n_questions) || !read_u16(&c, &p->left[0]) ||
	    !read_u16(&c, &p->left[1]) || !read_u16(&c, &p->left[2]))
		return err_make(ERR_TEMP, "read DNS packet: header is short");
	p->is_answer = (flags & 0x8000) != 0;
	p->truncated = (flags & 0x0200) != 0;
	p->authentic = (flags & 0x0020) != 0;
	p->rcode = (enum dns_rcode)(flags & 0x000f);
	if (!skip_questions(p, &c))
		return err_make(ERR_TEMP, "read DNS packet: bad question");
	p->at = c.at;
	return ERR_OK;
}

/* --- data of the types that we know; the cursor ends where rdata does --- */

static bool
read_a(struct cursor *c, struct dns_rr *rr)
{
	size_t len = rr->type == DNS_TYPE_A ? 4 : 16;

	if (rr->rdata.len != len)
		return false;
	rr->addr.family = rr->type == DNS_TYPE_A ? AF_INET : AF_INET6;
	memcpy(rr->addr.bytes, rr->rdata.ptr, len);
	c->at += len;
	return true;
}

static bool
read_target(struct cursor *c, struct dns_rr *rr)
{
	return read_name(c, &rr->target);
}

static bool
read_mx(struct cursor *c, struct dns_rr *rr)
{
	return read_u16(c, &rr->preference) && read_name(c, &rr->target);
}

static bool
read_srv(struct cursor *c, struct dns_rr *rr)
{
	return read_u16(c, &rr->preference) && read_u16(c, &rr->weight) &&
	    read_u16(c, &rr->port) && read_name(c, &rr->target);
}

static bool
read_soa(struct cursor *c, struct dns_rr *rr)
{
	struct dns_name rname;
	uint32_t skipped;

	return read_name(c, &rr->target) && read_name(c, &rname) &&
	    read_u32(c, &skipped) && read_u32(c, &skipped) &&
	    read_u32(c, &skipped) && read_u32(c, &skipped) &&
	    read_u32(c, &rr->minimum);
}

static bool
read_txt(struct cursor *c, struct dns_rr *rr)
{
	(void)rr;
	if (c->at == c->end)
		return false; /* RFC 1035 3.3.14: one string or more */
	while (c->at < c->end) {
		uint8_t len;

		if (!read_u8(c, &len) || len > c->end - c->at)
			return false;
		c->at += len;
	}
	return true;
}

static bool
read_tlsa(struct cursor *c, struct dns_rr *rr)
{
	/* Three numbers and data, RFC 6698 2.1; what they say is for DANE. */
	if (rr->rdata.len < 4)
		return false;
	c->at = c->end;
	return true;
}

static const struct {
	uint16_t type;
	bool (*read)(struct cursor *c, struct dns_rr *rr);
} known_types[] = {
	{ DNS_TYPE_A, read_a },
	{ DNS_TYPE_AAAA, read_a },
	{ DNS_TYPE_NS, read_target },
	{ DNS_TYPE_CNAME, read_target },
	{ DNS_TYPE_PTR, read_target },
	{ DNS_TYPE_MX, read_mx },
	{ DNS_TYPE_SRV, read_srv },
	{ DNS_TYPE_SOA, read_soa },
	{ DNS_TYPE_TXT, read_txt },
	{ DNS_TYPE_TLSA, read_tlsa },
};

/* All of the data, and nothing but it, must be what the type has. */
static bool
read_data(struct dns_packet *p, struct dns_rr *rr)
{
	struct cursor c = { p->bytes, p->at, p->at + rr->rdata.len };

	if (rr->class != DNS_CLASS_IN)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(known_types); i++)
		if (known_types[i].type == rr->type)
			return known_types[i].read(&c, rr) && c.at == c.end;
	return true;
}

static bool
read_record(struct dns_packet *p, struct dns_rr *rr)
{
	struct cursor c = { p->bytes, p->at, p->bytes.len };
	uint16_t len;

	rr->target.len = 0;
	rr->target.text[0] = '\0';
	rr->target.odd = false;
	/* Nothing of the record before stays: it would sort this one. */
	rr->preference = rr->weight = rr->port = 0;
	rr->minimum = 0;
	if (!read_name(&c, &rr->owner) || !read_u16(&c, &rr->type) ||
	    !read_u16(&c, &rr->class) || !read_u32(&c, &rr->ttl) ||
	    !read_u16(&c, &len) || len > c.end - c.at)
		return false;
	if ((rr->ttl & 0x80000000) != 0)
		rr->ttl = 0;
	rr->rdata = view_make(p->bytes.ptr + c.at, len);
	p->at = c.at;
	if (!read_data(p, rr))
		return false;
	p->at += len;
	return true;
}

struct err
dns_packet_next(struct dns_packet *p, struct dns_rr *rr, bool *more)
{
	int section = DNS_SECTION_ANSWER;

	*more = false;
	while (section <= DNS_SECTION_ADDITIONAL && p->left[section] == 0)
		section++;
	if (section > DNS_SECTION_ADDITIONAL)
		return ERR_OK;
	p->left[section]--;
	rr->section = (enum dns_section)section;
	if (!read_record(p, rr))
		return err_make(ERR_TEMP, "read DNS packet: bad record");
	*more = true;
	return ERR_OK;
}

void
dns_txt_join(const struct dns_rr *rr, struct str *out)
{
	struct view rest = rr->rdata;

	while (rest.len > 0) {
		size_t len = (uint8_t)rest.ptr[0];

		rest = view_skip(rest, 1);
		str_add(out, view_first(rest, len));
		rest = view_skip(rest, len);
	}
}
