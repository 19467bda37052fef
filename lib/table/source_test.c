#include "lib/table/source.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

/* All pairs of a text as "key=value;". */
static void
join(struct view text, unsigned flags, struct str *out,
    bool next(struct source *, struct view *, struct view *))
{
	struct source s;
	struct view key, value;

	str_reset(out);
	source_init(&s, text, "test", flags);
	while (next(&s, &key, &value))
		str_addf(out, "%zu:%.*s=%.*s;", s.line, VIEW_ARGS(key),
		    VIEW_ARGS(value));
	source_clear(&s);
}

static const struct {
	const char *text, *pairs;
	unsigned flags;
} maps[] = {
	{ "a b\n", "1:a=b;", 0 },
	{ "a b", "1:a=b;", 0 },
	{ "# x\n\n \t\na  b  c \t\n", "4:a=b  c;", 0 },
	{ "a one\n  two\nb c", "1:a=one  two;3:b=c;", 0 },
	{ "a one\n# no\n\n  two\n", "1:a=one  two;", 0 },
	{ " lost\na b\n", "2:a=b;", 0 },
	{ "a\nb c\n", "2:b=c;", 0 },
	{ "\"a b\" c\n", "1:\"a b\"=c;", 0 },
	{ "\"a b c\nd e\n", "2:d=e;", 0 },
	{ "\"a\\\"b\" c\n", "1:\"a\\\"b\"=c;", 0 },
	{ "a\\ b c\n", "1:a\\ b=c;", 0 },
	{ "a: b\n", "1:a:=b;", 0 },
	{ "a\tb\r\n", "1:a=b;", 0 },
	{ "\xff b\nc d\n", "2:c=d;", SOURCE_UTF8 },
	{ "\xff b\n", "1:\xff=b;", 0 },
	{ "", "", 0 },
	{ "\n\n#", "", 0 },
	{ "a\\", "", 0 },
};

START_TEST(source_reads_pairs_as_postmap_does)
{
	struct str out = STR_EMPTY;

	join(view_of(maps[_i].text), maps[_i].flags, &out, source_next_pair);
	ck_assert_str_eq(out.ptr, maps[_i].pairs);
	str_clear(&out);
}
END_TEST

static const struct {
	const char *text, *pairs;
} aliases[] = {
	{ "Foo:  bar, Baz\n  two\n", "1:Foo=bar, Baz two;" },
	{ "a:\n", "" },
	{ "a b\n", "" },
	{ "\"q k\":  |\"cmd arg\"\n", "1:q k=|\"cmd arg\";" },
	{ "\"|x\": y", "1:|x=y;" },
	{ "<x@y>: d", "" },
	{ "x@y: d", "" },
	{ "u (c): e", "1:u (c)=e;" },
	{ "a: \"|foo  \\\"bar\\\"\"", "1:a=\"|foo  \\\"bar\\\"\";" },
	{ "d: :include:/x/y", "1:d=:include:/x/y;" },
	{ "e: <a@b>, \"x y\"@z ; q", "1:e=<a@b>, \"x y\"@z;q;" },
	{ "g: a@[1.2.3.4]", "1:g=a@[1.2.3.4];" },
	{ "a.b: \\root", "1:a.b=root;" },
	{ "j: \"a", "1:j=\"a\";" },
	{ "j: \"a\\", "1:j=\"a\\\\\";" },
	{ "\"a: b\": c", "1:a: b=c;" },
	{ "l: Foo Bar <x@y>", "1:l=Foo Bar <x@y>;" },
	{ "s: |/bin/foo bar", "1:s=|/bin/foo bar;" },
	{ "o :p", "1:o=p;" },
};

START_TEST(source_reads_aliases_as_postalias_does)
{
	struct str out = STR_EMPTY;

	join(view_of(aliases[_i].text), 0, &out, source_next_alias);
	ck_assert_str_eq(out.ptr, aliases[_i].pairs);
	str_clear(&out);
}
END_TEST

START_TEST(source_cuts_a_line_without_end)
{
	struct str text = STR_EMPTY;
	struct source s;
	struct view line;

	str_add_text(&text, "a");
	for (int i = 0; i < 30000; i++)
		str_add_text(&text,
		    "\n                                     "
		    "                                        b");
	source_init(&s, str_view(&text), "test", 0);
	ck_assert(source_next_line(&s, &line));
	ck_assert_uint_le(line.len, 1 << 20);
	ck_assert(!source_next_line(&s, &line));
	source_clear(&s);
	str_clear(&text);
}
END_TEST

UNIT_MAIN("source", { source_reads_pairs_as_postmap_does, ARRAY_LEN(maps) },
    { source_reads_aliases_as_postalias_does, ARRAY_LEN(aliases) },
    { source_cuts_a_line_without_end, 1 })
