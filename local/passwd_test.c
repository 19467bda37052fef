/* Which users are found without the name service, and which are not. */
#include "local/passwd.h"

#include "lib/base/mem.h"
#include "local/testing.h"

static char *top;
static struct passwd_files files;
static struct monitor_answer answer;

static void
begin(const char *order)
{
	top = testing_folder();
	files = (struct passwd_files){ .order = "order", .users = "users" };
	if (order != NULL)
		testing_write("order", view_of(order));
	testing_write("users",
	    VIEW("# nobody\n"
		 "ann:x:1001:1002:Ann:/home/ann:/bin/sh\n"
		 "\n"
		 "+bob:x:1003:1003::/home/bob:/bin/sh\n"
		 "-:x:1:1::/:\n"
		 "broken:x:y\n"
		 "cyd:x:1004:1004::/home/cyd:/bin/sh\n"));
	answer = (struct monitor_answer){ .status = 0 };
}

static bool
find(const char *name)
{
	return passwd_find(&files, name, &answer);
}

static const struct {
	const char *order;
	bool first;
} orders[] = {
	{ "passwd: files", true },
	{ "passwd: files\n", true },
	{ "passwd:files\n", true },
	{ "\t passwd:\t files systemd\n", true },
	{ "group: ldap\npasswd: files ldap # a remark\n", true },
	{ "passwd: files#\n", true },
	{ "passwd: files [NOTFOUND=return] ldap\n", false },
	{ "passwd: files [SUCCESS=continue] ldap\n", false },
	{ "passwd: files[SUCCESS=merge] ldap\n", false },
	{ "passwd: sss files\n", false },
	{ "passwd: compat\n", false },
	{ "passwd: filesystem\n", false },
	{ "passwd:\n", false },
	{ "# passwd: files\n", false },
	{ "group: files\n", false },
	{ "passwd_compat: files\n", false },
	{ "", false },
	{ NULL, false },
	/* The last line counts. */
	{ "passwd: files\npasswd: ldap files\n", false },
	{ "passwd: ldap\npasswd: files\n", true },
};

START_TEST(files_are_asked_where_they_are_first)
{
	begin(orders[_i].order);
	ck_assert_msg(find("ann") == orders[_i].first, "%s", orders[_i].order);
	/* As it is remembered. */
	ck_assert(find("ann") == orders[_i].first);
	testing_folder_remove(top);
}
END_TEST

START_TEST(a_user_is_found_as_the_line_says)
{
	begin("passwd: files systemd\n");
	ck_assert(find("ann"));
	ck_assert_int_eq((int)answer.status, MONITOR_OK);
	ck_assert_int_eq((int)answer.uid, 1001);
	ck_assert_int_eq((int)answer.gid, 1002);
	ck_assert_str_eq(answer.home, "/home/ann");
	ck_assert(find("cyd"));
	ck_assert_int_eq((int)answer.uid, 1004);
	testing_folder_remove(top);
}
END_TEST

static const char *const others[] = { "dan", "", "an", "annie", "Ann", "+bob",
	"bob", "+", "-", "broken", "# nobody", "ann:x" };

START_TEST(others_are_left_to_the_name_service)
{
	begin("passwd: files\n");
	ck_assert(!find(others[_i]));
	ck_assert_int_eq((int)answer.status, 0);
	testing_folder_remove(top);
}
END_TEST

START_TEST(what_is_written_counts_at_once)
{
	begin("passwd: files\n");
	ck_assert(find("ann"));
	testing_write("users", VIEW("eve:x:1001:1001::/home/eve:/bin/sh\n"));
	ck_assert(!find("ann"));
	ck_assert(find("eve"));
	testing_write("order", VIEW("passwd: ldap files\n"));
	ck_assert(!find("eve"));
	testing_write("order", VIEW("passwd: files ldap\n"));
	ck_assert(find("eve"));
	unlink("users");
	ck_assert(!find("eve"));
	testing_folder_remove(top);
}
END_TEST

START_TEST(a_line_beyond_all_measure_is_left_to_the_name_service)
{
	struct str text = STR_EMPTY;

	begin("passwd: files\n");
	str_add_text(&text, "long:x:1:1::/");
	for (size_t i = 0; i < WIRE_PATH_MAX; i++)
		str_add_byte(&text, 'h');
	str_add_text(&text, ":/bin/sh\n");
	testing_write("users", str_view(&text));
	ck_assert(find("long"));
	ck_assert_int_eq((int)answer.status, MONITOR_REFUSED);
	for (size_t i = 0; i < 20000; i++)
		str_add_byte(&text, 'n');
	str_add_text(&text, "\nann:x:1:1::/:\n");
	testing_write("users", str_view(&text));
	ck_assert(!find("ann"));
	str_clear(&text);
	testing_folder_remove(top);
}
END_TEST

UNIT_MAIN("local/passwd",
    { files_are_asked_where_they_are_first, ARRAY_LEN(orders) },
    { a_user_is_found_as_the_line_says, 1 },
    { others_are_left_to_the_name_service, ARRAY_LEN(others) },
    { what_is_written_counts_at_once, 1 },
    { a_line_beyond_all_measure_is_left_to_the_name_service, 1 })
