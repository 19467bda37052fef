#include "lib/table/create.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "lib/table/table.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const types[] = { "hash", "btree", "cdb",
#ifdef HAVE_LMDB
	"lmdb",
#endif
};

static char dir[64];
static struct str spec = { str_nothing, 0, 0 };
static struct str path = { str_nothing, 0, 0 };

static void
begin(int i)
{
	snprintf(dir, sizeof(dir), "/tmp/create_test.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	str_printf(&spec, "%s:%s/t", types[i], dir);
	ck_assert(table_make_path(str_view(&spec), &path));
}

static void
end(void)
{
	unlink(path.ptr);
	/* Nothing else may be left. */
	ck_assert_int_eq(rmdir(dir), 0);
	str_clear(&spec);
	str_clear(&path);
}

static void
build(unsigned flags, const char *key, const char *value)
{
	struct table_maker *m;
	struct err e = table_make_open(str_view(&spec), flags, 0640, 0, &m);

	ck_assert_msg(!err_is(e), "%s", e.text);
	ck_assert(!err_is(table_make_put(m, view_of(key), view_of(value))));
	e = table_make_finish(m);
	ck_assert_msg(!err_is(e), "%s", e.text);
}

static void
expect(const char *key, const char *want)
{
	struct str value = STR_EMPTY;
	struct table *t;
	bool found;
	struct err e = table_open(str_view(&spec), 0, &t);

	ck_assert_msg(!err_is(e), "%s", e.text);
	e = table_find(t, view_of(key), &value, &found);
	ck_assert_msg(!err_is(e), "%s", e.text);
	ck_assert(found == (want != NULL));
	if (want != NULL)
		ck_assert_str_eq(value.ptr, want);
	table_close(t);
	str_clear(&value);
}

START_TEST(create_builds_what_table_finds)
{
	begin(_i);
	build(0, "Key", "value");
	expect("KEY", "value");
	expect("ke", NULL);
	build(MAKE_BARE, "bare", "");
	expect("bare", "");
	expect("key", NULL);
	end();
}
END_TEST

START_TEST(create_keeps_the_first_or_replaces)
{
	struct table_maker *m;

	begin(_i);
	ck_assert(
	    !err_is(table_make_open(str_view(&spec), MAKE_QUIET, 0600, 0, &m)));
	table_make_put(m, VIEW("a"), VIEW("1"));
	table_make_put(m, VIEW("A"), VIEW("2"));
	ck_assert(!err_is(table_make_finish(m)));
	expect("a", "1");
	build(MAKE_UPDATE | MAKE_REPLACE, "a", "3");
	expect("a", "3");
	build(MAKE_UPDATE, "b", "4");
	expect("a", "3");
	expect("b", "4");
	end();
}
END_TEST

START_TEST(create_deletes)
{
	struct table_maker *m;
	bool found;
	struct err e;

	begin(_i);
	e = table_make_open(
	    str_view(&spec), MAKE_UPDATE | MAKE_MUST_EXIST, 0600, 0, &m);
	ck_assert_int_eq(e.kind, ERR_TEMP);
	build(0, "a", "1");
	ck_assert(!err_is(table_make_open(
	    str_view(&spec), MAKE_UPDATE | MAKE_MUST_EXIST, 0600, 0, &m)));
	ck_assert(!err_is(table_make_delete(m, VIEW("x"), &found)) && !found);
	ck_assert(!err_is(table_make_delete(m, VIEW("A"), &found)) && found);
	ck_assert(!err_is(table_make_finish(m)));
	expect("a", NULL);
	end();
}
END_TEST

/* Readers see the old whole, and that there is a new one. */
START_TEST(create_never_changes_a_file_in_place)
{
	struct str value = STR_EMPTY;
	struct table_maker *m;
	struct table *t;
	bool found;

	begin(_i);
	build(0, "a", "1");
	ck_assert(!err_is(table_open(str_view(&spec), 0, &t)));
	ck_assert(!table_has_changed(t));
	build(0, "b", "2");
	ck_assert(table_has_changed(t));
	ck_assert(!err_is(table_find(t, VIEW("a"), &value, &found)));
	ck_assert(found);
	table_close(t);
	/* Giving up leaves no trace. */
	ck_assert(!err_is(table_make_open(str_view(&spec), 0, 0600, 0, &m)));
	table_make_put(m, VIEW("c"), VIEW("3"));
	table_make_abort(m);
	expect("b", "2");
	str_clear(&value);
	end();
}
END_TEST

/* What others do: truncate or write the file that somebody reads. */
START_TEST(create_file_written_in_place_is_a_temporary_failure)
{
	struct str value = STR_EMPTY;
	struct table *t;
	bool found;
	struct err e;

	begin(_i);
	build(0, "a", "1");
	ck_assert(!err_is(table_open(str_view(&spec), 0, &t)));
	ck_assert_int_eq(truncate(path.ptr, 0), 0);
	e = table_find(t, VIEW("nosuch"), &value, &found);
	ck_assert_int_eq(e.kind, ERR_TEMP);
	ck_assert(!found);
	ck_assert(table_has_changed(t));
	table_close(t);
	e = table_open(str_view(&spec), 0, &t);
	ck_assert_int_eq(e.kind, ERR_TEMP);
	str_clear(&value);
	end();
}
END_TEST

START_TEST(create_keeps_mode_and_gives_that_of_the_source)
{
	struct stat st;

	begin(_i);
	build(0, "a", "1");
	ck_assert_int_eq(stat(path.ptr, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0640);
	ck_assert_int_eq(chmod(path.ptr, 0604), 0);
	build(0, "a", "1");
	ck_assert_int_eq(stat(path.ptr, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0604);
	build(MAKE_FRESH, "a", "1");
	ck_assert_int_eq(stat(path.ptr, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0640);
	end();
}
END_TEST

/* Two that add at the same time: both are there afterwards. */
START_TEST(create_updates_wait_for_each_other)
{
	pid_t children[4];
	char key[32];

	begin(_i);
	build(0, "first", "x");
	for (int c = 0; c < 4; c++) {
		children[c] = fork();
		ck_assert_int_ge(children[c], 0);
		if (children[c] == 0) {
			for (int i = 0; i < 5; i++) {
				snprintf(key, sizeof(key), "k%d-%d", c, i);
				build(MAKE_UPDATE, key, "v");
			}
			_exit(0);
		}
	}
	for (int c = 0; c < 4; c++) {
		int status;

		ck_assert_int_eq(waitpid(children[c], &status, 0), children[c]);
		ck_assert_int_eq(status, 0);
	}
	for (int c = 0; c < 4; c++)
		for (int i = 0; i < 5; i++) {
			snprintf(key, sizeof(key), "k%d-%d", c, i);
			expect(key, "v");
		}
	expect("first", "x");
	end();
}
END_TEST

START_TEST(create_table_works_in_a_changed_root)
{
	pid_t child;
	int status;

	begin(_i);
	if (geteuid() != 0) {
		rmdir(dir);
		return;
	}
	build(0, "a", "1");
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		struct str value = STR_EMPTY;
		struct table *t;
		bool found;

		if (err_is(table_open(str_view(&spec), 0, &t)) ||
		    chroot("/proc/self/fdinfo") < 0 || chdir("/") < 0)
			_exit(1);
		if (err_is(table_find(t, VIEW("a"), &value, &found)) ||
		    !found || table_has_changed(t))
			_exit(2);
		if (err_is(table_find(t, VIEW("b"), &value, &found)) || found)
			_exit(3);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	end();
}
END_TEST

START_TEST(create_refuses_types_that_cannot_be_made)
{
	struct table_maker *m;
	struct err e = table_make_open(VIEW("regexp:/x"), 0, 0, 0, &m);

	ck_assert_int_eq(e.kind, ERR_PERM);
	ck_assert_str_eq(
	    e.text, "no 'map create' support for this type: regexp");
	e = table_make_open(VIEW("nosuch:/x"), 0, 0, 0, &m);
	ck_assert_str_eq(e.text, "unsupported dictionary type: nosuch");
	e = table_make_open(VIEW("hash:/nonexistent/x"), 0, 0, 0, &m);
	ck_assert_int_eq(e.kind, ERR_TEMP);
}
END_TEST

START_TEST(create_lists_tables)
{
	struct str key = STR_EMPTY, value = STR_EMPTY, all = STR_EMPTY;
	struct table *t;
	bool more = true;

	begin(_i);
	build(0, "a", "1");
	build(MAKE_UPDATE, "b", "2");
	ck_assert(!err_is(table_open(str_view(&spec), 0, &t)));
	for (int pass = 0; pass < 2; pass++) {
		ck_assert(!err_is(table_next(t, true, &key, &value, &more)));
		for (; more; table_next(t, false, &key, &value, &more))
			str_addf(&all, "%s=%s ", key.ptr, value.ptr);
	}
	ck_assert_uint_eq(all.len, 16);
	table_close(t);
	ck_assert(!err_is(table_open(VIEW("static:x"), 0, &t)));
	ck_assert_int_eq(
	    table_next(t, true, &key, &value, &more).kind, ERR_PERM);
	table_close(t);
	str_clear(&key);
	str_clear(&value);
	str_clear(&all);
	end();
}
END_TEST

#define EACH ARRAY_LEN(types)

UNIT_MAIN("create", { create_builds_what_table_finds, EACH },
    { create_keeps_the_first_or_replaces, EACH }, { create_deletes, EACH },
    { create_never_changes_a_file_in_place, EACH },
    { create_file_written_in_place_is_a_temporary_failure, EACH },
    { create_keeps_mode_and_gives_that_of_the_source, EACH },
    { create_updates_wait_for_each_other, EACH },
    { create_table_works_in_a_changed_root, EACH },
    { create_refuses_types_that_cannot_be_made, 1 },
    { create_lists_tables, EACH })
