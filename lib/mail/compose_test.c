#include "lib/mail/compose.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

static const struct {
	const char *name, *charset, *phrase, *comment;
} cases[] = {
	{ "Joe Smith", "utf-8", "Joe Smith", "(Joe Smith)" },
	{ " Joe ", "utf-8", "Joe", "(Joe)" },
	{ "Joe Q. Smith", "utf-8", "\"Joe Q. Smith\"", "(Joe Q. Smith)" },
	{ "a\"b\\c", "utf-8", "\"a\\\"b\\\\c\"", "(a\"b\\\\c)" },
	{ "a) <x@y> (", "utf-8", "\"a) <x@y> (\"", "(a\\) <x@y> \\()" },
	{ "a\r\nBcc: b", "utf-8", "\"a  Bcc: b\"", "(a  Bcc: b)" },
	{ "=?utf-8?q?x?=", "utf-8", "\"=?utf-8?q?x?=\"", "(=?utf-8?q?x?=)" },
	{ "J\xc3\xb6rg M.", "utf-8",
	    "=?utf-8?q?J=C3=B6rg_M=2E?=", "(=?utf-8?q?J=C3=B6rg_M=2E?=)" },
	{ "J\xf6rg", "utf-8",
	    "=?unknown-8bit?q?J=F6rg?=", "(=?unknown-8bit?q?J=F6rg?=)" },
	{ "J\xf6rg", "iso-8859-1",
	    "=?iso-8859-1?q?J=F6rg?=", "(=?iso-8859-1?q?J=F6rg?=)" },
	{ "J\xc3\xb6rg", "", "\"J\xc3\xb6rg\"", "(J\xc3\xb6rg)" },
	{ "J\xc3\xb6rg", "a b?", "\"J\xc3\xb6rg\"", "(J\xc3\xb6rg)" },
};

START_TEST(compose_quotes_names)
{
	struct str out = STR_EMPTY;

	compose_add_phrase(
	    &out, view_of(cases[_i].name), view_of(cases[_i].charset));
	ck_assert_str_eq(out.ptr, cases[_i].phrase);
	str_reset(&out);
	compose_add_comment(
	    &out, view_of(cases[_i].name), view_of(cases[_i].charset));
	ck_assert_str_eq(out.ptr, cases[_i].comment);
	str_clear(&out);
}
END_TEST

START_TEST(compose_encoded_words_are_short_and_whole)
{
	struct str name = STR_EMPTY;
	struct str out = STR_EMPTY;
	struct view rest, word;

	for (int i = 0; i < 1000; i++)
		str_add_text(&name, "\xe2\x82\xac");
	compose_add_phrase(&out, str_view(&name), VIEW("utf-8"));
	rest = str_view(&out);
	ck_assert_uint_lt(out.len, 3000);
	while (view_token(&rest, " \r\n", &word)) {
		ck_assert_uint_le(word.len, 75);
		ck_assert(view_starts(word, VIEW("=?utf-8?q?=E2")));
		ck_assert(view_ends(word, VIEW("=AC?=")));
	}
	str_clear(&name);
	str_clear(&out);
}
END_TEST

START_TEST(compose_from_and_message_id)
{
	struct str out = STR_EMPTY;

	compose_add_from(&out, "From", VIEW("a b@c"), VIEW("Joe X."),
	    VIEW("utf-8"), COMPOSE_FROM_STANDARD);
	compose_add_from(&out, "Resent-From", VIEW("a@c"), VIEW("Joe X."),
	    VIEW("utf-8"), COMPOSE_FROM_OBSOLETE);
	compose_add_from(&out, "From", VIEW("a@c"), VIEW(" "), VIEW("utf-8"),
	    COMPOSE_FROM_STANDARD);
	ck_assert_str_eq(out.ptr,
	    "From: \"Joe X.\" <\"a b\"@c>\r\n"
	    "Resent-From: a@c (Joe X.)\r\n"
	    "From: a@c\r\n");
	str_reset(&out);
	compose_add_message_id(
	    &out, VIEW("4FCE7A944A5"), false, VIEW("host.test"), 1795294706);
	ck_assert_str_eq(out.ptr, "<20261121205826.4FCE7A944A5@host.test>");
	str_reset(&out);
	compose_add_message_id(&out, VIEW("4jX4Nj4jyGz1cbpb"), true,
	    VIEW("host.test"), 1795294706);
	ck_assert_str_eq(out.ptr, "<4jX4Nj4jyGz1cbpb@host.test>");
	str_clear(&out);
}
END_TEST

UNIT_MAIN("compose", { compose_quotes_names, ARRAY_LEN(cases) },
    { compose_encoded_words_are_short_and_whole, 1 },
    { compose_from_and_message_id, 1 })
