#include "lib/mail/mime.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

static const struct mime_limits plain_limits = { .header_size = 200,
	.boundary = 70,
	.line = 64,
	.nesting = 3 };

/*
 * Each event as a word: the class's letter and text of a header ("P[To: x]"),
 * "." for the end of a block (":" if there was no empty line), "offset=text" of
 * a line, with "+" if it goes on, "!n" for a fault.  Ranges must follow each
 * other without a gap.
 */
static void
run(const struct mime_limits *limits, struct view text, size_t step,
    struct str *out)
{
	static const char classes[] = "PMN";
	struct mime m;
	struct mime_event ev = { .what = MIME_LINE };
	uint64_t at = 0;

	str_reset(out);
	mime_init(&m, limits);
	for (size_t from = 0;; from += step) {
		if (from < text.len)
			mime_take(&m, view_sub(text, from, step));
		else
			mime_finish(&m);
		while (mime_next(&m, &ev)) {
			if (ev.what != MIME_FAULTY) {
				ck_assert_uint_eq(ev.at, at);
				at += ev.len;
			}
			ck_assert_uint_le(at, text.len);
			switch (ev.what) {
			case MIME_HEADER:
				str_addf(out, "%c[%.*s]%s ", classes[ev.class],
				    VIEW_ARGS(ev.text), ev.is_changed ? "~" : "");
				break;
			case MIME_FROM_LINE:
				str_addf(out, "F ");
				break;
			case MIME_HEADERS_END:
				str_addf(out, "%c%s ", classes[ev.class],
				    ev.len > 0	      ? "."
					: ev.is_ended ? ":"
						      : "$");
				break;
			case MIME_LINE:
				str_addf(out, "%d=%.*s%s ", (int)ev.offset,
				    VIEW_ARGS(ev.text), ev.is_ended ? "" : "+");
				break;
			case MIME_FAULTY:
				str_addf(out, "!%d ", (int)ev.fault);
				break;
			case MIME_END:
				str_add_text(out, "end");
				break;
			}
		}
		if (from >= text.len)
			break;
	}
	ck_assert_int_eq(ev.what, MIME_END);
	ck_assert_uint_eq(at, text.len);
	mime_clear(&m);
}

static const struct {
	const char *text, *expect;
} cases[] = {
	{ "", "P$ end" },
	{ "\r\n", "P. end" },
	{ "A: b\r\n\r\nbody\r\nx", "P[A: b] P. 1=body 6=x+ end" },
	{ "A: b\n c\r\n\td\r\nE:f\r\n\r\n", "P[A: b\n c\n\td] P[E:f] P. end" },
	{ "A: b", "P[A: b] P$ end" },
	{ "A \t: b", "P[A: b]~ P$ end" },
	{ "A: b\r\nno header\r\n", "P[A: b] P: 0=no header end" },
	{ "From x\r\n>From y\r\nA: b\r\nFrom z\r\n",
	    "F F P[A: b] P: 0=From z end" },
	{ " folded\r\n", "P: 0= folded end" },
	/* One multipart: preamble, two parts, end. */
	{ "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	  "pre\r\n--b\r\nX: 1\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\nend\r\n",
	    "P[Content-Type: multipart/mixed; boundary=b] P. 1=pre 5=--b "
	    "M[X: 1] M. 1=one 5=--b M. 1=two 0=--b-- 6=end end" },
	/* A prefix is enough, as in Postfix. */
	{ "Content-Type: multipart/mixed; boundary=b\r\n\r\n--bc \r\nX: 1\r\n",
	    "P[Content-Type: multipart/mixed; boundary=b] P. 1=--bc  M[X: 1] "
	    "M$ end" },
	/* A part's block that ends without an empty line, by a delimiter. */
	{ "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	  "--b\r\nX: 1\r\n--b\r\nY: 2\r\ntext\r\n",
	    "P[Content-Type: multipart/mixed; boundary=b] P. 1=--b M[X: 1] M: "
	    "0=--b M[Y: 2] M: 0=text end" },
	/* Inner and outer. */
	{ "Content-Type: multipart/a; boundary=o\r\n\r\n--o\r\n"
	  "Content-Type: multipart/b; boundary=i\r\n\r\n--i\r\nX: 1\r\n\r\n"
	  "--o\r\nY: 2\r\n\r\n--i\r\n",
	    "P[Content-Type: multipart/a; boundary=o] P. 1=--o "
	    "M[Content-Type: multipart/b; boundary=i] M. 1=--i M[X: 1] M. "
	    "1=--o M[Y: 2] M. 1=--i end" },
	/* A message within. */
	{ "Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nbody\r\n",
	    "P[Content-Type: message/rfc822] P. N[Subject: in] N. 1=body "
	    "end" },
	{ "Content-Type: message/rfc822\r\n\r\n"
	  "Content-Type: message/rfc822\r\n\r\nA: b\r\n",
	    "P[Content-Type: message/rfc822] P. "
	    "N[Content-Type: message/rfc822] N. N[A: b] N$ end" },
	{ "Content-Type: message/rfc822\r\n", "P[Content-Type: message/rfc822] "
					      "P$ end" },
	{ "Content-Type: message/rfc822\r\n\r\nbody\r\n",
	    "P[Content-Type: message/rfc822] P. N: 0=body end" },
	{ "Content-Type: multipart/digest; boundary=d\r\n\r\n--d\r\n\r\n"
	  "Subject: in\r\n\r\nx\r\n",
	    "P[Content-Type: multipart/digest; boundary=d] P. 1=--d M. "
	    "N[Subject: in] N. 1=x end" },
	/* What is coded should not be a message; but as in Postfix. */
	{ "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64"
	  "\r\n\r\nA: b\r\n",
	    "P[Content-Type: message/rfc822] "
	    "P[Content-Transfer-Encoding: base64] !8 P. N[A: b] N$ end" },
	{ "Content-Type: message/partial\r\nContent-Transfer-Encoding: 8bit"
	  "\r\n\r\n",
	    "P[Content-Type: message/partial] "
	    "P[Content-Transfer-Encoding: 8bit] !8 P. end" },
	/* 8-bit data. */
	{ "A: \xe4\r\n\r\n\xe4\r\n\xe4\r\n",
	    "!2 P[A: \xe4] P. !4 1=\xe4 3=\xe4 end" },
	{ "Content-Transfer-Encoding: 8bit\r\n\r\n\xe4\r\n",
	    "P[Content-Transfer-Encoding: 8bit] P. 1=\xe4 end" },
	{ "Content-Transfer-Encoding: base64\r\n\r\n\xe4\r\n",
	    "P[Content-Transfer-Encoding: base64] P. !4 1=\xe4 end" },
	/* The fourth level is too deep: no part of it is told apart. */
	{ "Content-Type: multipart/a; boundary=1\r\n"
	  "Content-Type: multipart/a; boundary=2\r\n"
	  "Content-Type: multipart/a; boundary=3\r\n"
	  "Content-Type: multipart/a; boundary=4\r\n\r\n--4\r\n--3\r\n\r\n",
	    "P[Content-Type: multipart/a; boundary=1] "
	    "P[Content-Type: multipart/a; boundary=2] "
	    "P[Content-Type: multipart/a; boundary=3] "
	    "!1 P[Content-Type: multipart/a; boundary=4] P. 1=--4 5=--3 M. "
	    "end" },
	/* Long lines come in chunks of 64. */
	{ "\r\n0123456789012345678901234567890123456789012345678901234567890123"
	  "4\r\n",
	    "P. 1=01234567890123456789012345678901234567890123456789012345"
	    "67890123+ 65=4 end" },
	{ "\r\n0123456789012345678901234567890123456789012345678901234567890123"
	  "\r\nx\r\n",
	    "P. 1=01234567890123456789012345678901234567890123456789012345"
	    "67890123 66=x end" },
	/* Also in a header, and that stays one. */
	{ "A: 456789012345678901234567890123456789012345678901234567890123456"
	  "789\r\nB: c\r\n",
	    "P[A: 45678901234567890123456789012345678901234567890123456789012"
	    "3456789] P[B: c] P$ end" },
	/* A very long delimiter does not hide the header after it. */
	{ "Content-Type: multipart/a; boundary=1\r\n\r\n"
	  "--1                                                              "
	  "               x\r\nA: b\r\n\r\n",
	    "P[Content-Type: multipart/a; boundary=1] P. "
	    "1=--1                                                       "
	    "      + 65=                x M[A: b] M. end" },
};

START_TEST(events_follow_the_structure_in_pieces_of_any_size)
{
	struct view text = view_of(cases[_i].text);
	struct str out = STR_EMPTY;

	for (size_t step = 1; step <= text.len + 1; step++) {
		run(&plain_limits, text, step, &out);
		ck_assert_msg(strcmp(out.ptr, cases[_i].expect) == 0,
		    "step %zu: \"%s\", not \"%s\"", step, out.ptr,
		    cases[_i].expect);
	}
	str_clear(&out);
}
END_TEST

START_TEST(a_header_over_the_limit_is_changed)
{
	struct str text = STR_EMPTY, out = STR_EMPTY;
	struct mime_limits limits = plain_limits;

	limits.header_size = 20;
	str_add_text(&text, "A: 3456789\r\n 0123456789\r\n no\r\nB: c\r\n");
	for (size_t step = 1; step <= text.len; step++) {
		run(&limits, str_view(&text), step, &out);
		ck_assert_str_eq(out.ptr,
		    "P[A: 3456789\n 0123456789]~ P[B: c] P$ end");
	}
	str_clear(&text);
	str_clear(&out);
}
END_TEST

START_TEST(what_is_flat_has_no_parts)
{
	struct mime_limits limits = plain_limits;
	struct str out = STR_EMPTY;

	limits.is_flat = true;
	run(&limits,
	    VIEW("Content-Type: multipart/a; boundary=b\r\n\r\n--b\r\nX: "
		 "\xe4\r\n\r\n"),
	    5, &out);
	ck_assert_str_eq(out.ptr,
	    "P[Content-Type: multipart/a; boundary=b] P. 1=--b 5=X: \xe4 10= "
	    "end");
	str_clear(&out);
}
END_TEST

/* Attack 47: nothing but delimiters of a hundred levels. */
START_TEST(attack_47_deep_nesting_is_bounded)
{
	struct str text = STR_EMPTY;
	struct mime_limits limits = { .header_size = 102400,
		.boundary = 2048,
		.line = 2048,
		.nesting = 100 };
	struct mime m;
	struct mime_event ev;
	uint64_t at = 0;

	for (unsigned i = 0; i < 5000; i++)
		str_addf(&text,
		    "Content-Type: multipart/mixed; boundary=b%06u\r\n\r\n"
		    "--b%06u\r\n",
		    i, i);
	mime_init(&m, &limits);
	mime_take(&m, str_view(&text));
	while (mime_next(&m, &ev))
		at += ev.what == MIME_FAULTY ? 0 : ev.len;
	mime_finish(&m);
	while (mime_next(&m, &ev))
		at += ev.what == MIME_FAULTY ? 0 : ev.len;
	ck_assert_uint_eq(at, text.len);
	ck_assert_uint_le(m.room, 104);
	ck_assert_uint_eq(mime_faults(&m), MIME_FAULT_NESTING);
	ck_assert_str_eq(mime_fault_reply(mime_faults(&m)),
	    "5.6.0 MIME nesting exceeds safety limit");
	ck_assert_str_eq(mime_fault_text(MIME_FAULT_8BIT_BODY),
	    "improper use of 8-bit data in message body");
	mime_clear(&m);
	str_clear(&text);
}
END_TEST

UNIT_MAIN("mime",
    { events_follow_the_structure_in_pieces_of_any_size, ARRAY_LEN(cases) },
    { a_header_over_the_limit_is_changed, 1 }, { what_is_flat_has_no_parts, 1 },
    { attack_47_deep_nesting_is_bounded, 1 })
