#include "lib/dns/answer.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

#include <stdio.h>

/* Packets are written as text: "owner type ttl data" in lines. */

static void
put16(struct str *s, unsigned n)
{
	str_add_byte(s, (char)(n >> 8));
	str_add_byte(s, (char)n);
}

static void
put_name(struct str *s, struct view name)
{
	struct view label;

	while (view_token(&name, ".", &label)) {
		str_add_byte(s, (char)label.len);
		str_add(s, label);
	}
	str_add_byte(s, 0);
}

static void
put_data(struct str *s, int type, struct view data)
{
	struct str d = STR_EMPTY;
	struct view word;

	if (type == DNS_TYPE_A || type == DNS_TYPE_AAAA) {
		struct dns_addr a;

		ck_assert(dns_addr_parse(data, &a));
		str_add(&d, view_make(a.bytes, dns_addr_len(&a)));
	} else if (type == DNS_TYPE_TXT) {
		str_add_byte(&d, (char)data.len);
		str_add(&d, data);
	} else if (type == DNS_TYPE_SOA) {
		put_name(&d, VIEW("ns.test"));
		put_name(&d, VIEW("root.test"));
		for (int i = 0; i < 9; i++)
			put16(&d, 0);
		put16(&d, 42);
	} else {
		while (view_token(&data, " ", &word)) {
			uint64_t n;

			if (view_to_uint(word, 10, &n))
				put16(&d, (unsigned)n);
			else
				put_name(&d, word);
		}
	}
	put16(s, (unsigned)d.len);
	str_add(s, str_view(&d));
	str_clear(&d);
}

/* `lines` that begin with '*' are of the authority section, last. */
static void
make_packet(struct str *s, int rcode, const char *lines)
{
	static const struct {
		const char *name;
		int type;
	} types[] = { { "A", 1 }, { "CNAME", 5 }, { "SOA", 6 }, { "MX", 15 },
		{ "TXT", 16 }, { "AAAA", 28 }, { "SRV", 33 } };
	struct view rest = view_of(lines), line, word;
	int n[2] = { 0, 0 };

	str_set(s, view_make("\0\0\x81\0\0\0\0\0\0\0\0\0", 12));
	s->ptr[3] = (char)(0x80 | rcode);
	while (view_token(&rest, "\n", &line)) {
		int type = 0, section = line.ptr[0] == '*';
		uint64_t ttl;

		n[section]++;
		line = view_skip(line, (size_t)section);
		view_token(&line, " ", &word);
		put_name(s, word);
		view_token(&line, " ", &word);
		for (size_t i = 0; i < ARRAY_LEN(types); i++)
			if (view_eq(word, view_of(types[i].name)))
				type = types[i].type;
		put16(s, (unsigned)type);
		put16(s, DNS_CLASS_IN);
		view_token(&line, " ", &word);
		ck_assert(view_to_uint(word, 10, &ttl));
		put16(s, (unsigned)(ttl >> 16));
		put16(s, (unsigned)ttl & 0xffff);
		put_data(s, type, view_trim(line));
	}
	s->ptr[7] = (char)n[0];
	s->ptr[9] = (char)n[1];
}

static const struct {
	const char *lines;
	int rcode, type;
	enum dns_status status;
	size_t n;
	int ttl;
	const char *name, *first;
} cases[] = {
	{ "q.test A 60 192.0.2.1", 0, DNS_TYPE_A, DNS_OK, 1, 60, "q.test",
	    "\xc0\0\2\1" },
	{ "Q.TEST A 60 192.0.2.1\nother.test A 1 192.0.2.2", 0, DNS_TYPE_A,
	    DNS_OK, 1, 60, "q.test", NULL },
	{ "q.test MX 9 20 b.test\nq.test MX 8 10 a.test\nq.test MX 7 20 c.test",
	    0, DNS_TYPE_MX, DNS_OK, 3, 7, "q.test", "a.test" },
	/* RFC 7505: one MX that is the root. */
	{ "q.test MX 60 0 .", 0, DNS_TYPE_MX, DNS_OK, 1, 60, "q.test", "" },
	{ "q.test MX 60 5 1.2.3.4", 0, DNS_TYPE_MX, DNS_INVALID, 0, -1, NULL,
	    NULL },
	{ "q.test MX 60 5 a/b.test\nq.test MX 60 6 ok.test", 0, DNS_TYPE_MX,
	    DNS_OK, 1, 60, NULL, "ok.test" },
	/* CNAMEs, in any order. */
	{ "c.test A 50 192.0.2.1\nb.test CNAME 40 c.test\n"
	  "q.test CNAME 30 b.test",
	    0, DNS_TYPE_A, DNS_OK, 1, 30, "c.test", NULL },
	{ "q.test CNAME 30 b.test", 0, DNS_TYPE_A, DNS_NODATA, 0, 30, "b.test",
	    NULL },
	{ "q.test CNAME 30 b.test", 0, DNS_TYPE_CNAME, DNS_OK, 1, 30, "q.test",
	    "b.test" },
	{ "q.test CNAME 30 b.test", 3, DNS_TYPE_A, DNS_NXDOMAIN, 0, 30, NULL,
	    NULL },
	{ "q.test CNAME 30 q.test", 0, DNS_TYPE_A, DNS_TEMP, 0, -1, NULL,
	    NULL },
	{ "q.test CNAME 30 b.test\nb.test CNAME 30 q.test", 0, DNS_TYPE_A,
	    DNS_TEMP, 0, -1, NULL, NULL },
	{ "q.test CNAME 30 .", 0, DNS_TYPE_A, DNS_INVALID, 0, -1, NULL, NULL },
	/* Nothing there, for how long. */
	{ "*test SOA 100 x", 3, DNS_TYPE_A, DNS_NXDOMAIN, 0, 42, NULL, NULL },
	{ "*test SOA 10 x", 0, DNS_TYPE_A, DNS_NODATA, 0, 10, NULL, NULL },
	{ "", 0, DNS_TYPE_A, DNS_NODATA, 0, 900, NULL, NULL },
	{ "", 2, DNS_TYPE_A, DNS_TEMP, 0, -1, NULL, NULL },
	{ "", 5, DNS_TYPE_A, DNS_TEMP, 0, -1, NULL, NULL },
	{ "q.test A 60 192.0.2.1", 2, DNS_TYPE_A, DNS_TEMP, 0, -1, NULL, NULL },
	{ "q.test TXT 60 some text", 0, DNS_TYPE_TXT, DNS_OK, 1, 60, NULL,
	    "some text" },
	{ "q.test SRV 60 5 7 25 mx.test", 0, DNS_TYPE_SRV, DNS_OK, 1, 60, NULL,
	    "7 25 mx.test" },
};

START_TEST(answers_are_what_the_packet_says_of_the_question)
{
	struct str s = STR_EMPTY;
	struct dns_answer a;

	dns_answer_init(&a);
	make_packet(&s, cases[_i].rcode, cases[_i].lines);
	dns_answer_read(&a, str_view(&s), VIEW("q.test"), cases[_i].type);
	ck_assert_msg(
	    a.status == cases[_i].status, "row %d: status %d", _i, a.status);
	ck_assert_uint_eq(a.n_records, cases[_i].n);
	ck_assert((a.status == DNS_OK) == (a.reason[0] == '\0'));
	if (cases[_i].ttl >= 0)
		ck_assert_int_eq(a.ttl, cases[_i].ttl);
	if (cases[_i].name != NULL)
		ck_assert_str_eq(a.name, cases[_i].name);
	if (cases[_i].first != NULL && cases[_i].type != DNS_TYPE_A)
		ck_assert(
		    view_eq(dns_record_data(&a, 0), view_of(cases[_i].first)));
	dns_answer_clear(&a);
	str_clear(&s);
}
END_TEST

START_TEST(long_chains_of_cnames_end)
{
	struct str lines = STR_EMPTY, s = STR_EMPTY;
	struct dns_answer a;

	dns_answer_init(&a);
	for (int n = DNS_CNAMES_MAX; n <= DNS_CNAMES_MAX + 1; n++) {
		str_printf(&lines, "q.test CNAME 60 c1.test\n");
		for (int i = 1; i < n; i++)
			str_addf(
			    &lines, "c%d.test CNAME 60 c%d.test\n", i, i + 1);
		str_addf(&lines, "c%d.test A 60 192.0.2.1\n", n);
		make_packet(&s, 0, lines.ptr);
		dns_answer_read(&a, str_view(&s), VIEW("q.test"), DNS_TYPE_A);
		ck_assert_int_eq(
		    a.status, n == DNS_CNAMES_MAX ? DNS_OK : DNS_TEMP);
	}
	dns_answer_clear(&a);
	str_clear(&lines);
	str_clear(&s);
}
END_TEST

START_TEST(records_are_bounded)
{
	struct dns_answer a;
	struct str big = STR_EMPTY;
	int n = 0;

	dns_answer_init(&a);
	while (dns_answer_add(&a, DNS_TYPE_A, 0, VIEW("abcd")))
		n++;
	ck_assert_int_eq(n, DNS_RECORDS_MAX);
	dns_answer_clear(&a);
	for (int i = 0; i < DNS_RECORD_BYTES_MAX; i++)
		str_add_byte(&big, 'x');
	ck_assert(dns_answer_add(&a, DNS_TYPE_TXT, 0, str_view(&big)));
	ck_assert(!dns_answer_add(&a, DNS_TYPE_TXT, 0, VIEW("x")));
	dns_answer_clear(&a);
	str_clear(&big);
}
END_TEST

/* What has no preference has none of a neighbour's, nor of the stack. */
START_TEST(only_what_has_a_preference_is_sorted)
{
	struct str packet = STR_EMPTY;
	struct dns_answer a;

	make_packet(&packet, 0,
	    "q.test MX 60 30 a.test\n"
	    "q.test A 60 192.0.2.1\n"
	    "q.test MX 60 20 b.test\n"
	    "q.test A 60 192.0.2.2\n"
	    "q.test MX 60 10 c.test\n"
	    "q.test A 60 192.0.2.3\n");
	dns_answer_init(&a);
	dns_answer_read(&a, str_view(&packet), VIEW("q.test"), DNS_TYPE_A);
	ck_assert_uint_eq(a.n_records, 3);
	for (size_t i = 0; i < a.n_records; i++) {
		ck_assert_int_eq(a.records[i].preference, 0);
		ck_assert_int_eq(dns_record_data(&a, i).ptr[3], (int)i + 1);
	}
	dns_answer_clear(&a);
	str_clear(&packet);
}
END_TEST

START_TEST(reasons_have_the_shape_of_logs)
{
	char reason[DNS_REASON_SIZE];
	struct str name = STR_EMPTY;

	dns_status_reason(
	    reason, DNS_NXDOMAIN, VIEW("example.invalid"), DNS_TYPE_MX);
	ck_assert_str_eq(reason,
	    "Host or domain name not found. Name service error for "
	    "name=example.invalid type=MX: Host not found");
	for (int i = 0; i < 253; i++)
		str_add_byte(&name, 'x');
	dns_status_reason(reason, DNS_NODATA, str_view(&name), 65000);
	ck_assert(view_ends(view_of(reason),
	    VIEW("type=TYPE65000: Host found but no data record of requested "
		 "type")));
	str_clear(&name);
	ck_assert_int_eq(dns_status_of(99), DNS_TEMP);
	ck_assert_int_eq(dns_status_of(-1), DNS_TEMP);
}
END_TEST

UNIT_MAIN("answer",
    { answers_are_what_the_packet_says_of_the_question, ARRAY_LEN(cases) },
    { long_chains_of_cnames_end, 1 }, { records_are_bounded, 1 },
    { only_what_has_a_preference_is_sorted, 1 },
    { reasons_have_the_shape_of_logs, 1 })
