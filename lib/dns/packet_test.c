#include "lib/dns/packet.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

/* Header of an answer with one question (a.b, type and class IN) and these
 * counts. */
#define HEAD(answers) "\x12\x34\x81\x80\0\1\0" answers "\0\0\0\0"
#define QUESTION "\1a\1b\0\0\1\0\1"
#define RR(type, len) "\xc0\x0c\0" type "\0\1\0\0\1\x2c\0" len

START_TEST(a_plain_answer_is_read)
{
	static const char bytes[] =
	    "\x12\x34\x83\xa3\0\1\0\2\0\0\0\0" QUESTION RR(
		"\1", "\4") "\xc0\0\2\1" RR("\x0f", "\7") "\0\x0a\2mx\xc0\x0c";
	struct dns_packet p;
	struct dns_rr rr;
	bool more;

	ck_assert(
	    !err_is(dns_packet_open(&p, view_make(bytes, sizeof(bytes) - 1))));
	ck_assert_int_eq(p.id, 0x1234);
	ck_assert(p.is_answer && p.truncated && p.authentic);
	ck_assert_int_eq(p.rcode, DNS_RCODE_NXDOMAIN);
	ck_assert(!err_is(dns_packet_next(&p, &rr, &more)) && more);
	ck_assert_str_eq(rr.owner.text, "a.b");
	ck_assert_int_eq(rr.type, DNS_TYPE_A);
	ck_assert_uint_eq(rr.ttl, 300);
	ck_assert_int_eq(rr.addr.bytes[0], 192);
	ck_assert(!err_is(dns_packet_next(&p, &rr, &more)) && more);
	ck_assert_int_eq(rr.preference, 10);
	ck_assert_str_eq(rr.target.text, "mx.a.b");
	ck_assert(!err_is(dns_packet_next(&p, &rr, &more)) && !more);
	ck_assert(!err_is(dns_packet_next(&p, &rr, &more)) && !more);
}
END_TEST

#define CASE(literal, ok)                        \
	{                                        \
		literal, sizeof(literal) - 1, ok \
	}

static const struct {
	const char *bytes;
	size_t len;
	bool ok;
} packets[] = {
	CASE(HEAD("\0") QUESTION, true),
	CASE("", false),
	CASE("\x12\x34\x81\x80\0\1\0\0\0\0\0", false),
	CASE("\x12\x34\x81\x80\0\0\0\0\0\0\0\0", true),
	CASE(HEAD("\0") "\1a\1b\0\0\1\0", false),
	CASE(HEAD("\0") "\1a\1b", false),
	/* A pointer to itself, forwards, past the end, and to each other. */
	CASE(HEAD("\0") "\xc0\x0c\0\1\0\1", false),
	CASE(HEAD("\0") "\xc0\x0e\0\1\0\1", false),
	CASE(HEAD("\0") "\xff\xff\0\1\0\1", false),
	CASE(HEAD("\0") "\1a\xc0\x0c\0\1\0\1", false),
	CASE(HEAD("\0") "\xc0", false),
	/* Label types that are none. */
	CASE(HEAD("\0") "\x40"
			"a\0\0\1\0\1",
	    false),
	CASE(HEAD("\0") "\x80"
			"a\0\0\1\0\1",
	    false),
	/* More records said than are there. */
	CASE(HEAD("\1") QUESTION, false),
	CASE(HEAD("\1") QUESTION "\xc0\x0c\0\1\0\1\0\0\0\0\0", false),
	CASE(HEAD("\1") QUESTION RR("\1", "\4") "abc", false),
	/* Lengths of data that do not fit the type. */
	CASE(HEAD("\1") QUESTION RR("\1", "\3") "abc", false),
	CASE(HEAD("\1") QUESTION RR("\1", "\5") "abcde", false),
	CASE(HEAD("\1") QUESTION RR("\x1c", "\4") "abcd", false),
	CASE(HEAD("\1") QUESTION RR("\1", "\0"), false),
	CASE(HEAD("\1") QUESTION RR("\x0f", "\2") "\0\1", false),
	CASE(HEAD("\1") QUESTION RR("\x0f", "\3") "\0\1\0", true),
	CASE(HEAD("\1") QUESTION RR("\x0f", "\4") "\0\1\0\0", false),
	CASE(HEAD("\1") QUESTION RR("\x0c", "\2") "\1a\0", false),
	CASE(HEAD("\1") QUESTION RR("\x10", "\0"), false),
	CASE(HEAD("\1") QUESTION RR("\x10", "\1") "\0", true),
	CASE(HEAD("\1") QUESTION RR("\x10", "\3") "\3ab", false),
	CASE(HEAD("\1") QUESTION RR("\x10", "\5") "\1a\2bc", true),
	CASE(HEAD("\1") QUESTION RR("\x21", "\7") "\0\1\0\2\0\3\0", true),
	CASE(HEAD("\1") QUESTION RR("\x21", "\6") "\0\1\0\2\0\3", false),
	/* TLSA: three numbers and at least a byte. */
	CASE(HEAD("\1") QUESTION RR("\x34", "\0"), false),
	CASE(HEAD("\1") QUESTION RR("\x34", "\3") "\3\1\1", false),
	CASE(HEAD("\1") QUESTION RR("\x34", "\4") "\3\1\1x", true),
	CASE(HEAD("\1") QUESTION RR(
		 "\x34", "\x28") "\xff\xff\xff"
				 "1234567890123456789012345678901234567",
	    true),
	/* A type that we do not know may hold anything. */
	CASE(HEAD("\1") QUESTION RR("\xfe", "\2") "\xc0\xff", true),
};

static bool
reads_whole(struct view bytes)
{
	struct dns_packet p;
	struct dns_rr rr;
	bool more = true;

	if (err_is(dns_packet_open(&p, bytes)))
		return false;
	while (more)
		if (err_is(dns_packet_next(&p, &rr, &more)))
			return false;
	return true;
}

START_TEST(lengths_and_pointers_are_checked)
{
	/* On the heap, so that a read past the end shows. */
	char *copy = xmalloc(packets[_i].len + 1);

	memcpy(copy, packets[_i].bytes, packets[_i].len);
	copy = xrealloc(copy, packets[_i].len > 0 ? packets[_i].len : 1);
	ck_assert_msg(
	    reads_whole(view_make(copy, packets[_i].len)) == packets[_i].ok,
	    "row %d", _i);
	free(copy);
}
END_TEST

START_TEST(long_names_and_chains_of_pointers_end)
{
	struct str s = STR_EMPTY;

	/* Four labels of 63 are over 255 bytes. */
	str_add(&s, view_make(HEAD("\0"), 12));
	for (int i = 0; i < 4; i++) {
		str_add_byte(&s, 63);
		for (int j = 0; j < 63; j++)
			str_add_byte(&s, 'x');
	}
	str_add(&s, view_make("\0\0\1\0\1", 5));
	ck_assert(!reads_whole(str_view(&s)));

	/* A name made of pointers, each to the one before. */
	str_set(&s, view_make("\x12\x34\x81\x80\0\2\0\0\0\0\0\0", 12));
	str_add(&s, view_make("\0\0\1\0\1", 5));
	s.ptr[5] = (char)101;
	for (unsigned i = 0; i < 100; i++) {
		unsigned to = i == 0 ? 12 : (unsigned)s.len - 6;

		str_add_byte(&s, (char)(0xc0 | to >> 8));
		str_add_byte(&s, (char)to);
		str_add(&s, view_make("\0\1\0\1", 4));
	}
	ck_assert(!reads_whole(str_view(&s)));
	str_clear(&s);
}
END_TEST

START_TEST(names_with_bytes_that_text_cannot_hold_are_odd)
{
	static const char bytes[] = HEAD("\3") QUESTION RR("\5",
	    "\5") "\3x.y\0" RR("\5", "\5") "\3x\0y\0" RR("\5", "\3") "\1_\0";
	struct dns_packet p;
	struct dns_rr rr;
	struct dns_name first;
	bool more;

	ck_assert(
	    !err_is(dns_packet_open(&p, view_make(bytes, sizeof(bytes) - 1))));
	ck_assert(!err_is(dns_packet_next(&p, &rr, &more)) && more);
	ck_assert(rr.target.odd);
	ck_assert(!dns_name_eq(&rr.target, &rr.target));
	ck_assert(!err_is(dns_packet_next(&p, &rr, &more)) && more);
	ck_assert(rr.target.odd);
	first = rr.owner;
	ck_assert(!err_is(dns_packet_next(&p, &rr, &more)) && more);
	ck_assert(!rr.target.odd);
	ck_assert(dns_name_eq(&rr.owner, &first));
}
END_TEST

UNIT_MAIN("packet", { a_plain_answer_is_read, 1 },
    { lengths_and_pointers_are_checked, ARRAY_LEN(packets) },
    { long_names_and_chains_of_pointers_end, 1 },
    { names_with_bytes_that_text_cannot_hold_are_odd, 1 })
