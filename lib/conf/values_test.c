#include "lib/conf/values.h"

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/unit.h"

static const struct {
	const char *text;
	char unit;
	int64_t ms; /* -1: refused */
} times[] = {
	{ "5", 's', 5000 },
	{ "5", 'd', 5 * 86400000LL },
	{ "5s", 'd', 5000 },
	{ " 7 ", 's', 7000 },
	{ "2m", 's', 120000 },
	{ "1h", 's', 3600000 },
	{ "1w", 's', 604800000 },
	{ "1W", 's', 604800000 },
	{ "250ms", 's', 250 },
	{ "0", 'h', 0 },
	{ "", 's', -1 },
	{ "s", 's', -1 },
	{ "-1", 's', -1 },
	{ "+1", 's', -1 },
	{ "1 s", 's', -1 },
	{ "1.5s", 's', -1 },
	{ "1y", 's', -1 },
	{ "9223372036854775807", 's', -1 },
	{ "92233720368547758070", 's', -1 },
};

START_TEST(times_have_units)
{
	int64_t ms;
	bool ok = conf_parse_time(view_of(times[_i].text), times[_i].unit, &ms);

	ck_assert_msg(ok == (times[_i].ms >= 0), "%s", times[_i].text);
	if (ok)
		ck_assert_int_eq(ms, times[_i].ms);
}
END_TEST

static const struct {
	const char *text;
	int64_t bytes;
} sizes[] = {
	{ "0", 0 },
	{ "10240000", 10240000 },
	{ "1k", 1024 },
	{ "50M", 50 << 20 },
	{ "2g", 2LL << 30 },
	{ "1t", -1 },
	{ "1kb", -1 },
	{ "", -1 },
	{ "-1", -1 },
	{ "9007199254740993m", -1 },
};

START_TEST(sizes_have_units)
{
	int64_t bytes;
	bool ok = conf_parse_size(view_of(sizes[_i].text), &bytes);

	ck_assert_msg(ok == (sizes[_i].bytes >= 0), "%s", sizes[_i].text);
	if (ok)
		ck_assert_int_eq(bytes, sizes[_i].bytes);
}
END_TEST

static const struct {
	const char *text, *items; /* joined by | */
} lists[] = {
	{ "", "" },
	{ " , ,, ", "" },
	{ "a", "a" },
	{ "a, b c,d\te", "a|b|c|d|e" },
	{ "{ a b } c", "a b|c" },
	{ "{a}{b} c", "{a}{b}|c" },
	{ "{ {a} b }", "{a} b" },
	{ "x:{a, b}, c", "x:{a, b}|c" },
	{ "CONNECT regexp:{{/^[^A-Z]/ Bogus}}",
	    "CONNECT|regexp:{{/^[^A-Z]/ Bogus}}" },
	{ "{a b", "{a b" },
	{ "a} b", "a}|b" },
	{ "{} a", "|a" },
	{ "!a, !/f", "!a|!/f" },
};

START_TEST(lists_keep_groups_together)
{
	struct view rest = view_of(lists[_i].text), item;
	struct str out = STR_EMPTY;
	const char *bar = "";

	while (conf_list_next(&rest, &item)) {
		str_addf(&out, "%s%.*s", bar, VIEW_ARGS(item));
		bar = "|";
	}
	ck_assert_str_eq(out.ptr, lists[_i].items);
	str_clear(&out);
}
END_TEST

START_TEST(booleans_are_yes_or_no)
{
	bool b;

	ck_assert(conf_parse_bool(VIEW("yes"), &b) && b);
	ck_assert(conf_parse_bool(VIEW(" No "), &b) && !b);
	ck_assert(!conf_parse_bool(VIEW("true"), &b));
	ck_assert(!conf_parse_bool(VIEW(""), &b));
}
END_TEST

UNIT_MAIN("values", { times_have_units, ARRAY_LEN(times) },
    { sizes_have_units, ARRAY_LEN(sizes) },
    { lists_keep_groups_together, ARRAY_LEN(lists) },
    { booleans_are_yes_or_no, 1 })
