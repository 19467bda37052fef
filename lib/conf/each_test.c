/* Everything that a configuration says. */
#include "lib/conf/each.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

#include <stdio.h>
#include <unistd.h>

static void
add_word(void *arg, struct view word)
{
	str_add(arg, word);
	str_add_byte(arg, '|');
}

static const struct {
	const char *value, *words;
} words[] = {
	{ "", "" },
	{ "a, b\tc", "a|b|c|" },
	{ "hash:/a, unix:passwd.byname", "hash:/a|unix:passwd.byname|" },
	{ "check_policy_service { unix:private/a, timeout=10s }, reject",
	    "check_policy_service|unix:private/a|timeout=10s|reject|" },
	{ "{ inet:localhost:1, default_action=accept } unix:b",
	    "inet:localhost:1|default_action=accept|unix:b|" },
	{ "unionmap:{ldap:/x, unix:y}",
	    "unionmap:{ldap:/x, unix:y}|ldap:/x|"
	    "unix:y|" },
	{ "{unix:a}", "unix:a|" },
	{ "a{", "a{|" },
};

START_TEST(each_word_of_a_value_is_visited_groups_and_their_words_too)
{
	struct str out = STR_EMPTY;

	conf_each_word(view_of(words[_i].value), add_word, &out);
	ck_assert_str_eq(out.ptr, words[_i].words);
	str_clear(&out);
}
END_TEST

START_TEST(braces_in_braces_have_an_end)
{
	struct str in = STR_EMPTY, out = STR_EMPTY;

	for (int i = 0; i < 1000; i++)
		str_add_text(&in, "x:{a ");
	for (int i = 0; i < 1000; i++)
		str_add_text(&in, "}");
	conf_each_word(str_view(&in), add_word, &out);
	ck_assert(out.len > 0 && out.len < 100 * 1000);
	str_clear(&in);
	str_clear(&out);
}
END_TEST

static void
write_file(const char *dir, const char *name, const char *text)
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	ck_assert_int_eq(fclose(f), 0);
}

static void
note_value(void *arg, struct view name, struct view value)
{
	if (view_eq(name, VIEW("smtpd_milters")) ||
	    view_eq(name, VIEW("my_class")) || view_eq(name, VIEW("relayhost")))
		str_addf(arg, "%.*s=%.*s;", VIEW_ARGS(name), VIEW_ARGS(value));
}

START_TEST(each_value_of_main_cf_and_master_cf_is_visited)
{
	char dir[] = "/tmp/barid-each-XXXXXX", path[300];
	struct conf_source source = { .dir = dir };
	struct str out = STR_EMPTY;
	struct conf *conf;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	write_file(dir, "main.cf",
	    "smtpd_milters = unix:$my_class\n"
	    "my_class = run/a\n");
	write_file(dir, "master.cf",
	    "smtp inet n - - - - smtpd\n"
	    "  -o smtpd_milters=inet:$my_class:1\n"
	    "  -o { relayhost = x y }\n");
	ck_assert(!err_is(conf_load(&source, &conf)));
	ck_assert(!err_is(conf_each_value(conf, note_value, &out)));
	ck_assert_str_eq(out.ptr,
	    "relayhost=;smtpd_milters=unix:run/a;"
	    "my_class=run/a;smtpd_milters=inet:run/a:1;relayhost=x y;");
	str_clear(&out);
	conf_free(conf);
	snprintf(path, sizeof(path), "%s/main.cf", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/master.cf", dir);
	unlink(path);
	rmdir(dir);
}
END_TEST

UNIT_MAIN("conf/each",
    { each_word_of_a_value_is_visited_groups_and_their_words_too,
	ARRAY_LEN(words) },
    { braces_in_braces_have_an_end, 1 },
    { each_value_of_main_cf_and_master_cf_is_visited, 1 })
