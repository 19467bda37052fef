#include "lib/mail/mime_type.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

static const struct {
	const char *body;
	enum mime_kind kind;
	const char *boundary;
} types[] = {
	{ "text/plain", MIME_TEXT, "" },
	{ "TEXT/HTML; charset=utf-8", MIME_TEXT, "" },
	{ "multipart/mixed; boundary=abc", MIME_MULTIPART, "abc" },
	{ "Multipart/Mixed;\n\tBOUNDARY = \"a b:c\"", MIME_MULTIPART, "a b:c" },
	{ "multipart/digest;boundary=x;y=z", MIME_DIGEST, "x" },
	{ "multipart/mixed; charset=x; boundary=\"q\\\"q\"", MIME_MULTIPART,
	    "q\"q" },
	{ "multipart (a (b) \\) c) / mixed; (d) boundary=(e)f", MIME_MULTIPART,
	    "f" },
	{ "multipart/mixed; boundary=one; boundary=two", MIME_MULTIPART,
	    "one" },
	{ "multipart/mixed; boundary=\"open", MIME_MULTIPART, "open" },
	{ "multipart/mixed; boundary=", MIME_MULTIPART, "" },
	{ "multipart/mixed; boundary=\"\"", MIME_MULTIPART, "" },
	{ "multipart/mixed; boundary", MIME_MULTIPART, "" },
	{ "multipart/mixed; x=boundary; y=boundary=z", MIME_MULTIPART, "" },
	{ "multipart/mixed; xboundary=z", MIME_MULTIPART, "" },
	{ "multipart/mixed; x=\";boundary=no\"; boundary=yes", MIME_MULTIPART,
	    "yes" },
	{ "multipart/mixed (open; boundary=no", MIME_MULTIPART, "" },
	{ "multipart; boundary=a", MIME_MULTIPART, "a" },
	{ "message/rfc822", MIME_MESSAGE, "" },
	{ "message/global", MIME_MESSAGE, "" },
	{ "message/partial; id=1", MIME_FRAGMENT, "" },
	{ "message/external-body", MIME_FRAGMENT, "" },
	{ "message/delivery-status", MIME_LEAF, "" },
	{ "application/octet-stream; boundary=x", MIME_LEAF, "x" },
	{ "", MIME_LEAF, "" },
	{ ";", MIME_LEAF, "" },
	{ "/", MIME_LEAF, "" },
	{ "\"multipart\"/\"mixed\"; \"boundary\"=\"a\nb\"", MIME_MULTIPART,
	    "ab" },
	/* One byte more than counts. */
	{ "multipart/mixed; boundary="
	  "0123456789012345678901234567890123456789"
	  "0123456789012345678901234567890123456789",
	    MIME_MULTIPART,
	    "0123456789012345678901234567890123456789"
	    "012345678901234567890123456789" },
};

START_TEST(a_content_type_says_what_a_part_is)
{
	struct str boundary = STR_EMPTY;
	bool has_boundary;

	ck_assert_int_eq(
	    mime_read_type(
		view_of(types[_i].body), 70, &boundary, &has_boundary),
	    types[_i].kind);
	ck_assert(has_boundary ==
	    (boundary.len > 0 ||
		strstr(types[_i].body, "boundary=\"\"") != NULL));
	ck_assert_str_eq(boundary.ptr, types[_i].boundary);
	str_clear(&boundary);
}
END_TEST

static const struct {
	const char *body;
	enum mime_encoding encoding, domain;
} encodings[] = {
	{ "7bit", MIME_7BIT, MIME_7BIT },
	{ "8bit", MIME_8BIT, MIME_8BIT },
	{ "8BIT (of course)", MIME_8BIT, MIME_8BIT },
	{ " (x) Binary", MIME_BINARY, MIME_BINARY },
	{ "quoted-printable", MIME_CODED, MIME_7BIT },
	{ "Base64\n ", MIME_CODED, MIME_7BIT },
	{ "8bits", MIME_7BIT, MIME_7BIT },
	{ "x-uuencode", MIME_7BIT, MIME_7BIT },
	{ "", MIME_7BIT, MIME_7BIT },
};

START_TEST(an_encoding_is_one_of_the_known)
{
	enum mime_encoding got = mime_read_encoding(view_of(encodings[_i].body));

	ck_assert_int_eq(got, encodings[_i].encoding);
	ck_assert_int_eq(mime_domain(got), encodings[_i].domain);
}
END_TEST

UNIT_MAIN("mime_type",
    { a_content_type_says_what_a_part_is, ARRAY_LEN(types) },
    { an_encoding_is_one_of_the_known, ARRAY_LEN(encodings) })
