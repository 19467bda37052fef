/* Queue IDs. */
#include "lib/mail/queue_id.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/unit.h"

START_TEST(ids_rise_and_differ)
{
	bool is_long = _i == 1;
	struct queue_id last = queue_id_new(7, is_long, NULL);
	int64_t last_us = 0;

	for (int i = 0; i < 20000; i++) {
		int64_t us;
		struct queue_id id = queue_id_new(7, is_long, &us);

		ck_assert(queue_id_is_valid(queue_id_view(&id)));
		ck_assert_str_ne(id.text, last.text);
		ck_assert(us >= last_us);
		/* The long form sorts by time. */
		if (is_long && last_us != 0)
			ck_assert(strcmp(id.text, last.text) > 0);
		last = id;
		last_us = us;
	}
}
END_TEST

START_TEST(slots_keep_processes_apart)
{
	for (int is_long = 0; is_long <= 1; is_long++) {
		struct queue_id a = queue_id_new(0, is_long, NULL);
		struct queue_id b =
		    queue_id_new(QUEUE_SLOTS_MAX - 1, is_long, NULL);
		size_t n = strlen(a.text);

		ck_assert(queue_id_is_valid(queue_id_view(&a)));
		ck_assert(queue_id_is_valid(queue_id_view(&b)));
		ck_assert_str_ne(a.text + n - 1, b.text + n - 1);
	}
}
END_TEST

static const struct {
	const char *text;
	bool ok;
} texts[] = {
	{ "4F2A00", true },
	{ "4Zxk1y0ZzBCzzz", true },
	{ "12345678901234567890123", true },
	{ "123456789012345678901234", false },
	{ "4F2A0", false },
	{ "", false },
	{ "../../etc", false },
	{ "4F2A0/", false },
	{ "4F2A.0", false },
	{ "4F2A 0", false },
	{ "4F2A\n0", false },
	{ "4F2A\303\2510", false },
};

START_TEST(only_letters_and_digits_name_a_file)
{
	ck_assert_int_eq(
	    queue_id_is_valid(view_of(texts[_i].text)), texts[_i].ok);
}
END_TEST

START_TEST(a_nul_is_no_part_of_an_id)
{
	ck_assert(!queue_id_is_valid(VIEW("4F2A00\0")));
}
END_TEST

/* Whatever the ID, its folder is one of those that are read at a start. */
START_TEST(deferred_mail_stands_in_sixteen_folders)
{
	static const char letters[] = "0123456789ABCDEFGHJKLZabcdefxyz";

	for (size_t i = 0; letters[i] != '\0'; i++)
		for (int z = 0; z <= 1; z++) {
			char text[] = "000000000000000";
			char hash;

			memset(text, letters[i], 10);
			if (z == 1)
				text[10] = 'z';
			hash = queue_id_hash(view_of(text));
			ck_assert_ptr_nonnull(strchr("0123456789ABCDEF", hash));
		}
}
END_TEST

static const struct {
	const char *queue, *id, *path;
} paths[] = {
	{ "active", "0123AF6789", "active/0123AF6789" },
	{ "deferred", "0123AF6789", "deferred/A/0123AF6789" },
	{ "deferred", "0123456789", "deferred/4/0123456789" },
};

START_TEST(paths_are_hashed_where_many_stand)
{
	struct queue_path p =
	    queue_path_of(paths[_i].queue, view_of(paths[_i].id));

	ck_assert_str_eq(p.text, paths[_i].path);
}
END_TEST

#ifdef BARID_CHECKS
/* Attack 99: the clock is set back.  IDs go on rising, the time is the true
 * one. */
START_TEST(ids_rise_while_the_clock_is_set_back)
{
	static const int64_t day = INT64_C(86400) * 1000000;
	static int64_t shift;
	struct queue_id last, id;
	int64_t before, us;

	clock_test_shift_us = &shift;
	last = queue_id_new(7, true, &before);
	shift = -day;
	for (int i = 0; i < 1000; i++) {
		id = queue_id_new(7, true, &us);
		ck_assert(strcmp(id.text, last.text) > 0);
		ck_assert_int_lt(us, before - day / 2);
		last = id;
	}
	shift = day;
	id = queue_id_new(7, true, &us);
	ck_assert(strcmp(id.text, last.text) > 0);
	ck_assert_int_ge(us, before + day);
	shift = 0;
}
END_TEST
#endif

UNIT_MAIN("queue_id",
#ifdef BARID_CHECKS
    { ids_rise_while_the_clock_is_set_back, 1 },
#endif
    { ids_rise_and_differ, 2 },
    { slots_keep_processes_apart, 1 },
    { only_letters_and_digits_name_a_file, ARRAY_LEN(texts) },
    { a_nul_is_no_part_of_an_id, 1 },
    { deferred_mail_stands_in_sixteen_folders, 1 },
    { paths_are_hashed_where_many_stand, ARRAY_LEN(paths) })
