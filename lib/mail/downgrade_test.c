/* Unit tests of the conversion of 8-bit content. */
#include "lib/mail/downgrade.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

#define CTE "Content-Transfer-Encoding: "
#define LONG                                                                   \
	"01234567890123456789012345678901234567890123456789012345678901234567" \
	"89"

static const struct {
	const char *in, *out; /* out NULL: as it was */
} cases[] = {
	{ "", NULL },
	{ "A: b\r\n\r\n\xe4\r\n", NULL },
	{ CTE "7bit\r\n\r\n\xe4=\r\n", NULL },
	{ "no header at all \xe4\r\n", NULL },
	{ CTE "8bit\r\n\r\n\xe4=\t\r\n a\tb\r\n",
	    CTE "quoted-printable\r\n\r\n=E4=3D=09\r\n a\tb\r\n" },
	{ "A: b\r\ncontent-transfer-encoding:\r\n BINARY\r\nC: "
	  "d\r\n\r\n\x7f\r\n",
	    "A: b\r\n" CTE "quoted-printable\r\nC: d\r\n\r\n=7F\r\n" },
	{ CTE "8bit\r\n\r\n" LONG "012345\r\n",
	    CTE "quoted-printable\r\n\r\n" LONG "01234=\r\n5\r\n" },
	{ CTE "8bit\r\n\r\n" LONG "0123\xe4\r\n",
	    CTE "quoted-printable\r\n\r\n" LONG "0123=\r\n=E4\r\n" },
	/* Each part for itself; preamble and epilogue stay. */
	{ CTE "8bit\r\nContent-Type: multipart/mixed;\r\n"
	      " charset=x ; BOUNDARY=\"b\\c\"\r\n\r\npre\r\n--bc\r\n" CTE
	      "8bit\r\n\r\n\xe4\r\n--bc\r\n\r\n=\r\n--bcx\r\n--bc--\r\n"
	      "post=\r\n",
	    CTE "7bit\r\nContent-Type: multipart/mixed;\r\n"
		" charset=x ; BOUNDARY=\"b\\c\"\r\n\r\npre\r\n--bc\r\n" CTE
		"quoted-printable\r\n\r\n=E4\r\n--bc\r\n\r\n=\r\n--bcx\r\n"
		"--bc--\r\npost=\r\n" },
	/* An outer boundary ends the inner parts. */
	{ "Content-Type: multipart/a; boundary=o\r\n\r\n--o\r\n"
	  "Content-Type: multipart/b; boundary=oi\r\n\r\n--oi\r\n" CTE
	  "8bit\r\n\r\n=\r\n--o\r\n\r\n--oi\r\n=\r\n--o--\r\n",
	    "Content-Type: multipart/a; boundary=o\r\n\r\n--o\r\n"
	    "Content-Type: multipart/b; boundary=oi\r\n\r\n--oi\r\n" CTE
	    "quoted-printable\r\n\r\n=3D\r\n--o\r\n\r\n--oi\r\n=\r\n"
	    "--o--\r\n" },
	/* A message in a message. */
	{ "Content-Type: message/rfc822\r\n" CTE "8bit\r\n\r\nA: b\r\n" CTE
	  "8bit\r\n\r\n\xe4\r\n",
	    "Content-Type: message/rfc822\r\n" CTE "7bit\r\n\r\nA: b\r\n" CTE
	    "quoted-printable\r\n\r\n=E4\r\n" },
	/* A part that ends within its header. */
	{ "Content-Type: multipart/a; boundary=o\r\n\r\n--o\r\nA: "
	  "b\r\n--o\r\n" CTE "8bit\r\n\r\n=\r\n",
	    "Content-Type: multipart/a; boundary=o\r\n\r\n--o\r\nA: b\r\n"
	    "--o\r\n" CTE "quoted-printable\r\n\r\n=3D\r\n" },
	/* A body without an empty line before it. */
	{ CTE "8bit\r\nnot a header\r\n=\r\n",
	    CTE "quoted-printable\r\nnot a header\r\n=3D\r\n" },
	{ "Content-Type: multipart/a; boundary=\r\n\r\n--\r\n" CTE
	  "8bit\r\n\r\n=\r\n",
	    NULL },
};

static void
convert(struct view in, size_t step, struct str *out)
{
	struct downgrade d;

	downgrade_init(&d);
	while (in.len > 0) {
		downgrade_feed(&d, view_first(in, step), out);
		in = view_skip(in, step);
	}
	downgrade_finish(&d, out);
	downgrade_clear(&d);
}

START_TEST(parts_that_say_8bit_become_quoted_printable)
{
	const char *want = cases[_i].out != NULL ? cases[_i].out : cases[_i].in;

	/* Whatever the pieces are. */
	for (size_t step = 1; step < 64; step++) {
		struct str out = STR_EMPTY;

		convert(view_of(cases[_i].in), step, &out);
		ck_assert_str_eq(out.ptr, want);
		str_clear(&out);
	}
}
END_TEST

START_TEST(memory_is_bounded)
{
	struct str in = STR_EMPTY, out = STR_EMPTY;
	struct downgrade d;

	str_add_text(&in, "A: ");
	for (size_t i = 0; i < 100000; i++)
		str_add_text(&in, "0123456789");
	downgrade_init(&d);
	downgrade_feed(&d, str_view(&in), &out);
	ck_assert_uint_le(
	    d.header.room + d.line.room, 4 * DOWNGRADE_HEADER_MAX);
	downgrade_finish(&d, &out);
	ck_assert(view_eq(str_view(&in), str_view(&out)));
	downgrade_clear(&d);
	str_clear(&in);
	str_clear(&out);
}
END_TEST

START_TEST(deep_nesting_ends_the_conversion)
{
	struct str in = STR_EMPTY, out = STR_EMPTY;

	for (int i = 0; i < 30; i++)
		str_addf(&in,
		    "Content-Type: multipart/a; boundary=b%d\r\n\r\n--b%d\r\n",
		    i, i);
	str_add_text(&in, CTE "8bit\r\n\r\n=\r\n");
	convert(str_view(&in), 1000, &out);
	ck_assert_str_eq(in.ptr, out.ptr);
	str_clear(&in);
	str_clear(&out);
}
END_TEST

UNIT_MAIN("downgrade",
    { parts_that_say_8bit_become_quoted_printable, ARRAY_LEN(cases) },
    { memory_is_bounded, 1 }, { deep_nesting_ends_the_conversion, 1 })
