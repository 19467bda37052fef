#include "lib/mail/content.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/unit.h"

/*
 * The same, written as plainly as can be: one byte at a time over the whole
 * input.  Returns the bytes taken.
 */
static size_t
plain_decode(enum content_kind kind, bool loose, struct view in,
    struct str *out, bool *ended)
{
	size_t line = out->len; /* where the line begins in out */
	bool last_crlf = true, dot = false;
	size_t i = 0;

	*ended = false;
	while (i < in.len) {
		size_t crs = 0;

		if (kind == CONTENT_DATA && out->len == line && !dot &&
		    in.ptr[i] == '.') {
			dot = true;
			i++;
			continue;
		}
		while (i + crs < in.len && in.ptr[i + crs] == '\r')
			crs++;
		if (i + crs < in.len && in.ptr[i + crs] == '\n') {
			bool crlf = crs > 0;

			for (size_t k = 1; k < crs && kind != CONTENT_LOCAL;
			     k++)
				str_add_byte(out, ' ');
			i += crs + 1;
			if (dot && out->len == line &&
			    (loose || (crlf && last_crlf))) {
				*ended = true;
				return i;
			}
			str_add_text(out, "\r\n");
			line = out->len;
			dot = false;
			last_crlf = crlf;
		} else if (i + crs == in.len && crs > 0) {
			/* Not known yet what they are. */
			if (kind == CONTENT_LOCAL)
				return in.len;
			for (size_t k = 1; k < crs; k++)
				str_add_byte(out, ' ');
			return in.len;
		} else if (crs > 0) {
			for (size_t k = 0; k < crs; k++)
				str_add_byte(out, ' ');
			i += crs;
		} else {
			str_add_byte(out, in.ptr[i++]);
		}
	}
	return i;
}

/* Decode in two pieces. */
static size_t
decode(struct content_in *c, enum content_kind kind, bool loose, struct view in,
    size_t split, struct str *out)
{
	size_t n;

	content_in_init(c, kind, loose);
	n = content_in_feed(c, view_first(in, split), out);
	if (!c->has_ended)
		n += content_in_feed(c, view_skip(in, split), out);
	return n;
}

static void
check_all_splits(struct view in, enum content_kind kind, bool loose)
{
	struct str want = STR_EMPTY;
	struct str got = STR_EMPTY;
	bool ended;
	size_t taken = plain_decode(kind, loose, in, &want, &ended);

	for (size_t split = 0; split <= in.len; split++) {
		struct content_in c;
		size_t n;

		str_reset(&got);
		n = decode(&c, kind, loose, in, split, &got);
		ck_assert_uint_eq(n, taken);
		ck_assert_int_eq(c.has_ended, ended);
		ck_assert(view_eq(str_view(&got), str_view(&want)));
		ck_assert_uint_eq(c.out_len, got.len);
	}
	str_clear(&want);
	str_clear(&got);
}

/* Every string of dots, CRs, LFs and letters up to this length, in pieces
 * split everywhere, in every mode. */
START_TEST(content_decodes_all_short_strings_as_the_plain_decoder)
{
	static const char letters[] = ".\r\nx";
	enum { LEN = 6 };
	char text[LEN];

	for (unsigned n = 0; n < 1u << (2 * LEN); n++) {
		for (int i = 0; i < LEN; i++)
			text[i] = letters[n >> (2 * i) & 3];
		check_all_splits(view_make(text, LEN), CONTENT_DATA, _i);
		if (_i == 0) {
			check_all_splits(
			    view_make(text, LEN), CONTENT_CHUNK, false);
			check_all_splits(
			    view_make(text, LEN), CONTENT_LOCAL, false);
		}
	}
}
END_TEST

static uint64_t
longest_line(struct view v)
{
	uint64_t longest = 0;
	size_t at;

	while ((at = view_find_text(v, VIEW("\r\n"))) != VIEW_NPOS) {
		longest = at > longest ? at : longest;
		v = view_skip(v, at + 2);
	}
	return longest;
}

/* Long lines and short ones, now and then something that is not a line. */
static void
add_random_text(struct str *text, unsigned *seed, size_t len)
{
	static const struct view odd[] = { VIEW("."), VIEW("\r"), VIEW("\n"),
		VIEW("\0"), VIEW("\x80"), VIEW("\r\n.\r\n"), VIEW("\r\n..") };
	unsigned often = (unsigned)rand_r(seed) % 3 * 200 + 20;

	str_reset(text);
	while (text->len < len) {
		unsigned n = (unsigned)rand_r(seed);

		for (unsigned i = 0; i < n % 150; i++)
			str_add_byte(text, (char)('a' + i % 26));
		if (n / 151 % often == 0)
			str_add(text, odd[n / 7 % ARRAY_LEN(odd)]);
		else
			str_add_text(text, "\r\n");
	}
}

/* Out is room to work in. */
static void
check_as_plain(struct view in, size_t split, struct str *out, struct str *want)
{
	struct content_in c;
	struct view taken;
	bool ended;
	size_t n;

	str_reset(want);
	n = plain_decode(CONTENT_DATA, false, in, want, &ended);
	str_reset(out);
	ck_assert_uint_eq(decode(&c, CONTENT_DATA, false, in, split, out), n);
	ck_assert_int_eq(c.has_ended, ended);
	ck_assert(view_eq(str_view(out), str_view(want)));
	ck_assert_uint_eq(c.longest_line, longest_line(str_view(out)));
	taken = view_first(in, n);
	ck_assert_int_eq((c.flags & CONTENT_NUL) != 0,
	    view_find(taken, '\0') != VIEW_NPOS);
	ck_assert_int_eq((c.flags & CONTENT_8BIT) != 0, !view_is_ascii(taken));
}

START_TEST(long_text_is_decoded_as_the_plain_decoder_does)
{
	struct str text = STR_EMPTY, out = STR_EMPTY, want = STR_EMPTY;
	unsigned seed = (unsigned)_i;

	for (int turn = 0; turn < 300; turn++) {
		add_random_text(&text, &seed, 1500);
		check_as_plain(str_view(&text), (size_t)rand_r(&seed) % 1500,
		    &out, &want);
	}
	str_clear(&text);
	str_clear(&out);
	str_clear(&want);
}
END_TEST

/* One thing that is odd, at each place of lines that are not: before, in and
 * behind each block of bytes that are looked at together. */
START_TEST(what_is_odd_is_seen_wherever_it_stands)
{
	static const struct view odd[] = { VIEW("."), VIEW("\r"), VIEW("\n"),
		VIEW("\r\r\n"), VIEW("\0"), VIEW("\xff"), VIEW("\r\n.."),
		VIEW("\r\n.\n"), VIEW("\r\n.\r\n\0\xff") };
	struct str lines = STR_EMPTY, text = STR_EMPTY;
	struct str out = STR_EMPTY, want = STR_EMPTY;

	while (lines.len < 280) {
		for (int i = 0; i < 7 * _i; i++)
			str_add_byte(&lines, 'x');
		str_add_text(&lines, "\r\n");
	}
	for (size_t at = 0; at < 200; at++)
		for (size_t k = 0; k < ARRAY_LEN(odd); k++) {
			str_set(&text, view_first(str_view(&lines), at));
			str_add(&text, odd[k]);
			str_add(&text, view_skip(str_view(&lines), at));
			check_as_plain(str_view(&text), at % 70, &out, &want);
		}
	str_clear(&lines);
	str_clear(&text);
	str_clear(&out);
	str_clear(&want);
}
END_TEST

/* The attack cases on framing.  The tail is what must stay content. */
static const struct {
	const char *wire;
	bool loose_ends, strict_ends;
	const char *content; /* strict */
	unsigned flags;
} attacks[] = {
	{ "a\r\n.\r\n", true, true, "a\r\n", 0 },
	{ ".\r\n", true, true, "", 0 },
	{ "a\n.\n", true, false, "a\r\n\r\n", CONTENT_BARE_LF },
	{ "a\n.\r\n", true, false, "a\r\n\r\n", CONTENT_BARE_LF },
	{ "a\r\n.\n", true, false, "a\r\n\r\n", CONTENT_BARE_LF },
	{ "a\r.\rb\r\n", false, false, "a . b\r\n", CONTENT_BARE_CR },
	{ "a\r\r\n.\r\r\n", false, false, "a \r\n \r\n", CONTENT_BARE_CR },
	{ "a\r\r\n.\r\n", true, true, "a \r\n", CONTENT_BARE_CR },
	{ "a\r\n.\r\r\n", false, false, "a\r\n \r\n", CONTENT_BARE_CR },
	{ "a\r\n.\rb\r\n", false, false, "a\r\n b\r\n", CONTENT_BARE_CR },
	{ "a\r\n..\r\n", false, false, "a\r\n.\r\n", 0 },
	{ "a\r\n.b\r\n...c\r\n", false, false, "a\r\nb\r\n..c\r\n", 0 },
	{ "a\n..b\r\n", false, false, "a\r\n.b\r\n", CONTENT_BARE_LF },
	{ "a\r\n. \r\n", false, false, "a\r\n \r\n", 0 },
	{ "a\r\n.\r\n.\r\n", true, true, "a\r\n", 0 },
};

START_TEST(content_data_ends_only_where_it_should)
{
	struct view wire = view_of(attacks[_i].wire);
	struct str out = STR_EMPTY;
	struct content_in c;

	for (size_t split = 0; split <= wire.len; split++) {
		str_reset(&out);
		decode(&c, CONTENT_DATA, true, wire, split, &out);
		ck_assert_int_eq(c.has_ended, attacks[_i].loose_ends);
		str_reset(&out);
		decode(&c, CONTENT_DATA, false, wire, split, &out);
		ck_assert_int_eq(c.has_ended, attacks[_i].strict_ends);
		ck_assert_str_eq(out.ptr, attacks[_i].content);
		ck_assert_uint_eq(c.flags, attacks[_i].flags);
	}
	str_clear(&out);
}
END_TEST

static const struct {
	enum content_kind kind;
	const char *wire, *content;
	unsigned flags;
	uint64_t longest;
} whole[] = {
	{ CONTENT_CHUNK, "", "", 0, 0 },
	{ CONTENT_CHUNK, ".\r\n.x\r\n", ".\r\n.x\r\n", 0, 2 },
	{ CONTENT_CHUNK, "abc", "abc\r\n", CONTENT_NO_EOL, 3 },
	{ CONTENT_CHUNK, "abc\r", "abc \r\n", CONTENT_NO_EOL | CONTENT_BARE_CR,
	    4 },
	{ CONTENT_CHUNK, "a\n", "a\r\n", CONTENT_BARE_LF, 1 },
	{ CONTENT_LOCAL, "a\n.\nb", "a\r\n.\r\nb\r\n", CONTENT_NO_EOL, 1 },
	{ CONTENT_LOCAL, "a\r\r\nb\r\n", "a\r\nb\r\n", 0, 1 },
	{ CONTENT_LOCAL, "a\rb\r", "a b\r\n", CONTENT_NO_EOL | CONTENT_BARE_CR,
	    3 },
	{ CONTENT_LOCAL, "\n\n", "\r\n\r\n", 0, 0 },
	{ CONTENT_CHUNK, "S: \xc3\xa4\r\n\r\nx\r\n", "S: \xc3\xa4\r\n\r\nx\r\n",
	    CONTENT_8BIT | CONTENT_8BIT_HEADER, 5 },
	{ CONTENT_CHUNK, "S: x\r\n\r\n\xc3\xa4\r\n", "S: x\r\n\r\n\xc3\xa4\r\n",
	    CONTENT_8BIT, 4 },
	{ CONTENT_LOCAL, "gr\xc3\xbc\xc3\x9f\n", "gr\xc3\xbc\xc3\x9f\r\n",
	    CONTENT_8BIT, 6 },
};

START_TEST(content_is_completed_and_described)
{
	struct view wire = view_of(whole[_i].wire);
	struct str out = STR_EMPTY;
	struct content_in c;

	for (size_t split = 0; split <= wire.len; split++) {
		str_reset(&out);
		decode(&c, whole[_i].kind, false, wire, split, &out);
		content_in_finish(&c, &out);
		ck_assert_str_eq(out.ptr, whole[_i].content);
		ck_assert_uint_eq(c.flags, whole[_i].flags);
		ck_assert_uint_eq(c.longest_line, whole[_i].longest);
		ck_assert(c.has_ended);
		/* Measuring comes to the same. */
		decode(&c, whole[_i].kind, false, wire, split, NULL);
		content_in_finish(&c, NULL);
		ck_assert_uint_eq(c.out_len, out.len);
	}
	str_clear(&out);
}
END_TEST

START_TEST(content_tells_of_nul_and_where_the_header_ends)
{
	struct view wire = view_make("A: b\r\n\r\nx\0y\r\n.\r\nQUIT\r\n\0", 23);
	struct str out = STR_EMPTY;
	struct content_in c;

	content_in_init(&c, CONTENT_DATA, false);
	ck_assert_uint_eq(content_in_feed(&c, wire, &out), 16);
	ck_assert_uint_eq(c.flags, CONTENT_NUL);
	ck_assert_uint_eq(out.len, 13);
	ck_assert_uint_eq(c.header.body_at, 8);
	ck_assert_int_eq(c.header.end, HEADER_END);
	str_clear(&out);
}
END_TEST

static void
encode(struct view in, size_t split, size_t limit, struct str *out)
{
	struct content_out c;

	content_out_init(&c, limit);
	content_out_feed(&c, view_first(in, split), out);
	content_out_feed(&c, view_skip(in, split), out);
	content_out_finish(&c, out);
}

static const struct {
	const char *content;
	size_t limit;
	const char *wire;
} encodings[] = {
	{ "", 0, ".\r\n" },
	{ ".", 0, "..\r\n.\r\n" },
	{ ".\r\n", 0, "..\r\n.\r\n" },
	{ "a\r\n.\r\n..b\r\n", 0, "a\r\n..\r\n...b\r\n.\r\n" },
	{ "a\n.\n", 0, "a\r\n..\r\n.\r\n" },
	{ "a\r.\r\r\n.\r", 0, "a . \r\n.. \r\n.\r\n" },
	{ "0123456789abcdef\r\n", 16, "0123456789abcdef\r\n.\r\n" },
	{ "0123456789abcdefg\r\n", 16, "0123456789abcdef\r\n g\r\n.\r\n" },
	{ ".123456789abcdefg\r\n", 16, "..123456789abcdef\r\n g\r\n.\r\n" },
	{ "0123456789abcdef.\r\n.\r\n", 16,
	    "0123456789abcdef\r\n .\r\n..\r\n.\r\n" },
	{ "0123456789abcde\xc3\xa4\r\n", 16,
	    "0123456789abcde\r\n \xc3\xa4\r\n.\r\n" },
	{ "0123456789abcd\xc3\xa4\r\n", 16, "0123456789abcd\xc3\xa4\r\n.\r\n" },
	{ "0123456789abc\xf0\x9f\x93\xa8\r\n", 16,
	    "0123456789abc\r\n \xf0\x9f\x93\xa8\r\n.\r\n" },
	{ "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80"
	  "\x80\r\n",
	    16,
	    "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80"
	    "\r\n \x80\r\n.\r\n" },
	{ "0123456789abcde\xf0\r\n", 16, "0123456789abcde\r\n \xf0\r\n.\r\n" },
	{ "0123456789abcdef0123456789abcdef\r\n", 16,
	    "0123456789abcdef\r\n 0123456789abcde\r\n f\r\n.\r\n" },
};

START_TEST(content_encodes_alike_at_every_split)
{
	struct view in = view_of(encodings[_i].content);
	struct str out = STR_EMPTY;

	for (size_t split = 0; split <= in.len; split++) {
		str_reset(&out);
		encode(in, split, encodings[_i].limit, &out);
		ck_assert_str_eq(out.ptr, encodings[_i].wire);
	}
	str_clear(&out);
}
END_TEST

/* Whatever goes in, what goes out is one DATA stream that any decoder reads
 * alike, and clean content comes back as it was. */
START_TEST(content_survives_encoding_and_decoding)
{
	static const char letters[] = ".\r\nx";
	enum { LEN = 7 };
	struct str wire = STR_EMPTY, clean = STR_EMPTY, back = STR_EMPTY;
	char text[LEN];

	for (unsigned n = 0; n < 1u << (2 * LEN); n++) {
		struct content_in c;
		bool loose = n & 1;

		for (int i = 0; i < LEN; i++)
			text[i] = letters[n >> (2 * i) & 3];
		str_reset(&wire);
		str_reset(&clean);
		str_reset(&back);
		content_in_init(&c, CONTENT_CHUNK, false);
		content_in_feed(&c, view_make(text, LEN), &clean);
		content_in_finish(&c, &clean);
		encode(str_view(&clean), n % LEN, 0, &wire);
		ck_assert_uint_eq(
		    decode(&c, CONTENT_DATA, loose, str_view(&wire), 3, &back),
		    wire.len);
		ck_assert(c.has_ended);
		ck_assert_uint_eq(c.flags, 0);
		ck_assert(view_eq(str_view(&back), str_view(&clean)));
		str_reset(&back);
		encode(view_make(text, LEN), n % LEN, 0, &back);
		ck_assert(view_eq(str_view(&back), str_view(&wire)));
	}
	str_clear(&wire);
	str_clear(&clean);
	str_clear(&back);
}
END_TEST

static const char *const floods[] = { "x\r", "x\n", "\r", "\n", ".", ".\r",
	"\r\n.", "x", "\r\r\n", ".\n", "\xc3\xa4" };

START_TEST(content_takes_linear_time)
{
	struct str in = STR_EMPTY;
	int64_t began = clock_ms();

	while (in.len < 1000000)
		str_add_text(&in, floods[_i]);
	for (int kind = CONTENT_DATA; kind <= CONTENT_LOCAL; kind++) {
		struct str out = STR_EMPTY;
		struct content_in c;
		struct content_out o;

		content_in_init(&c, (enum content_kind)kind, false);
		content_in_feed(&c, str_view(&in), &out);
		content_in_finish(&c, &out);
		ck_assert_uint_le(out.len, 2 * in.len + 2);
		str_reset(&out);
		content_out_init(&o, 998);
		content_out_feed(&o, str_view(&in), &out);
		content_out_finish(&o, &out);
		ck_assert_uint_le(out.len, 2 * in.len + 8);
		str_clear(&out);
	}
	ck_assert_int_lt(clock_ms() - began, 10000);
	str_clear(&in);
}
END_TEST

UNIT_MAIN("content",
    { content_decodes_all_short_strings_as_the_plain_decoder, 2 },
    { what_is_odd_is_seen_wherever_it_stands, 20 },
    { long_text_is_decoded_as_the_plain_decoder_does, 10 },
    { content_data_ends_only_where_it_should, ARRAY_LEN(attacks) },
    { content_is_completed_and_described, ARRAY_LEN(whole) },
    { content_tells_of_nul_and_where_the_header_ends, 1 },
    { content_encodes_alike_at_every_split, ARRAY_LEN(encodings) },
    { content_survives_encoding_and_decoding, 1 },
    { content_takes_linear_time, ARRAY_LEN(floods) })
