#include "lib/conf/light.h"

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/unit.h"
#include "lib/conf/user_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[] = "/tmp/light-test-XXXXXX";

static void
write_file(const char *name, const char *text)
{
	char path[100];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	fclose(f);
}

static struct conf_light *
load(const char *text)
{
	struct conf_light *c = NULL;
	struct err e;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	write_file("main.cf", text);
	e = conf_light_load(dir, &c);
	ck_assert_msg(!err_is(e), "%s", e.text);
	return c;
}

static void
clean_up(struct conf_light *c)
{
	char path[100];

	conf_light_free(c);
	snprintf(path, sizeof(path), "%s/main.cf", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/users", dir);
	unlink(path);
	rmdir(dir);
}

START_TEST(light_gives_values_expanded_and_checked)
{
	struct conf_light *c = load("myhostname = a.b\n"
				    "queue_directory = /q/$myhostname\n"
				    "message_size_limit = 2k\n"
				    "smtpd_timeout = never\n"
				    "enable_long_queue_ids = yes\n");
	const char *text;
	int64_t n;
	struct err e;

	ck_assert(!err_is(conf_light_get(c, "queue_directory", &text, NULL)));
	ck_assert_str_eq(text, "/q/a.b");
	ck_assert(!err_is(conf_light_get(c, "message_size_limit", NULL, &n)));
	ck_assert_int_eq(n, 2048);
	ck_assert(
	    !err_is(conf_light_get(c, "enable_long_queue_ids", NULL, &n)));
	ck_assert_int_eq(n, 1);
	ck_assert(
	    !err_is(conf_light_get(c, "authorized_submit_users", &text, &n)));
	ck_assert_str_eq(text, "static:anyone");
	e = conf_light_get(c, "smtpd_timeout", NULL, &n);
	ck_assert_int_eq(e.kind, ERR_PERM);
	ck_assert_ptr_nonnull(strstr(e.text, "smtpd_timeout"));
	clean_up(c);
}
END_TEST

static const struct {
	const char *list, *name;
	bool yes;
} cases[] = {
	{ "static:anyone", "joe", true },
	{ "", "joe", false },
	{ "ann, joe", "joe", true },
	{ "ann joe", "JOE", true },
	{ "ann", "joe", false },
	{ "!joe, static:anyone", "joe", false },
	{ "!ann, static:all", "joe", true },
	{ "!!joe", "joe", true },
	{ "FILE", "joe", true },
	{ "!FILE, static:anyone", "joe", false },
	{ "FILE, static:anyone", "tom", false },
	{ "FILE, static:anyone", "zoe", true },
};

START_TEST(user_list_matches_as_lists_do)
{
	struct conf_light *c = load("");
	struct str list = STR_EMPTY;
	const char *file = strstr(cases[_i].list, "FILE");
	bool yes;

	write_file("users", "# some\nann\n joe\n!tom\n");
	str_add_text(&list, cases[_i].list);
	if (file != NULL) {
		str_cut(&list, (size_t)(file - cases[_i].list));
		str_addf(&list, "%s/users%s", dir, file + 4);
	}
	ck_assert(!err_is(user_list_matches(
	    c, str_view(&list), view_of(cases[_i].name), &yes)));
	ck_assert_int_eq(yes, cases[_i].yes);
	str_clear(&list);
	clean_up(c);
}
END_TEST

START_TEST(user_list_fails_where_it_cannot_ask)
{
	struct conf_light *c = load("command_directory = /nonexistent\n");
	bool yes;

	ck_assert_int_eq(
	    user_list_matches(c, VIEW("/nonexistent"), VIEW("joe"), &yes).kind,
	    ERR_TEMP);
	ck_assert_int_eq(
	    user_list_matches(c, VIEW("hash:/x"), VIEW("joe"), &yes).kind,
	    ERR_TEMP);
	ck_assert(!yes);
	clean_up(c);
}
END_TEST

UNIT_MAIN("light", { light_gives_values_expanded_and_checked, 1 },
    { user_list_matches_as_lists_do, ARRAY_LEN(cases) },
    { user_list_fails_where_it_cannot_ask, 1 })
