#include "lib/table/cache.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "lib/table/cache_store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOW = 1000000 };

/* Berkeley DB leaves its pages behind when it gives up on a damaged file. */
const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
	return "leak:libdb-\n";
}

static char dir[] = "/tmp/cache_test.XXXXXX";
static bool has_dir;
static struct str spec, file;

static struct cache *
open_named(const char *type, const char *name, int64_t most)
{
	struct cache *c;
	struct err e;

	if (!has_dir)
		ck_assert_ptr_nonnull(mkdtemp(dir));
	has_dir = true;
	str_printf(&spec, "%s:%s/%s", type, dir, name);
	cache_path(str_view(&spec), &file);
	e = cache_open(str_view(&spec), most, &c);
	ck_assert_msg(!err_is(e), "%s", e.text);
	return c;
}

static void
put(struct cache *c, const char *key, const char *value, int64_t until)
{
	cache_put(c, view_of(key), view_of(value), until);
}

static const char *
get(struct cache *c, const char *key, int64_t now)
{
	static struct str value;

	str_set(&value, VIEW("?"));
	return cache_get(c, view_of(key), now, &value) ? value.ptr : NULL;
}

/* Nothing is left behind. */
static void
done(struct cache *c)
{
	static const char *const ends[] = { "", ".use", ".damaged" };
	size_t len = file.len;

	cache_close(c);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		str_add_text(&file, ends[i]);
		unlink(file.ptr);
		str_cut(&file, len);
	}
	ck_assert_int_eq(rmdir(dir), 0);
}

static const char *const types[] = {
	"btree",
	"hash",
#ifdef HAVE_LMDB
	"lmdb",
#endif
};

START_TEST(an_entry_lasts_until_its_time_and_over_a_restart)
{
	struct cache *c = open_named(types[_i], "lasts", 100);

	put(c, "a", "1", NOW + 10);
	put(c, "b", "x y", NOW + 20);
	put(c, "a", "2", NOW + 10);
	ck_assert_int_eq(cache_entries(c), 2);
	ck_assert_str_eq(get(c, "a", NOW), "2");
	cache_close(c);
	c = open_named(types[_i], "lasts", 100);
	ck_assert_int_eq(cache_entries(c), 2);
	ck_assert_str_eq(get(c, "a", NOW + 9), "2");
	ck_assert_ptr_null(get(c, "a", NOW + 10));
	ck_assert_str_eq(get(c, "b", NOW + 10), "x y");
	ck_assert_ptr_null(get(c, "c", NOW));
	cache_drop(c, VIEW("b"));
	ck_assert_ptr_null(get(c, "b", NOW));
	ck_assert_int_eq(cache_entries(c), 1);
	done(c);
}
END_TEST

START_TEST(a_long_key_is_as_good_as_a_short_one)
{
	struct cache *c = open_named(types[_i], "long", 100);
	char key[1500];

	memset(key, 'k', sizeof(key));
	key[sizeof(key) - 1] = '\0';
	put(c, key, "1", NOW + 10);
	key[sizeof(key) - 2] = 'x';
	ck_assert_ptr_null(get(c, key, NOW));
	put(c, key, "2", NOW + 10);
	cache_flush(c);
	ck_assert_str_eq(get(c, key, NOW), "2");
	key[sizeof(key) - 2] = 'k';
	ck_assert_str_eq(get(c, key, NOW), "1");
	cache_drop(c, view_of(key));
	ck_assert_int_eq(cache_entries(c), 1);
	done(c);
}
END_TEST

START_TEST(it_is_bounded_and_keeps_what_lasts_longest)
{
	struct cache *c = open_named(types[_i], "bound", 100);
	int kept = 0;
	char key[20];

	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		put(c, key, "v", i % 10 == 0 ? NOW + 9999 : NOW + 1);
		ck_assert_int_le(cache_entries(c), 100);
	}
	for (int i = 0; i < 1000; i += 10) {
		snprintf(key, sizeof(key), "k%d", i);
		kept += get(c, key, NOW) != NULL;
	}
	/* Were they chosen blindly it would be ten or so. */
	ck_assert_int_ge(kept, 25);
	done(c);
}
END_TEST

START_TEST(cleaning_drops_what_has_ended_and_what_is_no_entry)
{
	struct cache *c = open_named(types[_i], "clean", 10000);
	char key[20];

	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		put(c, key, "v", i % 4 == 0 ? NOW + 5 : NOW - 5);
	}
	while (!cache_clean(c, NOW))
		;
	ck_assert_int_eq(cache_last_pass(c).kept, 250);
	ck_assert_int_eq(cache_last_pass(c).dropped, 750);
	ck_assert_int_eq(cache_entries(c), 250);
	while (!cache_clean(c, NOW + 5))
		;
	ck_assert_int_eq(cache_entries(c), 0);
	done(c);
}
END_TEST

static void
overwrite(const char *path, off_t at, size_t n, int byte)
{
	char bytes[1024];
	int fd = open(path, O_WRONLY);

	ck_assert_int_ge(fd, 0);
	memset(bytes, byte, sizeof(bytes));
	while (n > 0) {
		size_t some = n < sizeof(bytes) ? n : sizeof(bytes);

		ck_assert_int_eq(pwrite(fd, bytes, some, at), (ssize_t)some);
		at += (off_t)some;
		n -= some;
	}
	close(fd);
}

static const struct {
	off_t at;
	size_t n;
	int byte;
	off_t cut; /* to this length; -1: not */
} damages[] = {
	{ 0, 64, 0xff, -1 },
	{ 0, 4096, 0, -1 },
	{ 4096, 4096, 0x41, -1 },
	{ 8192 + 100, 300, 0, -1 },
	{ 5000, 20, 0x7f, -1 },
	{ 0, 0, 0, 10 },
	{ 0, 0, 0, 4096 + 7 },
	{ 0, 512, 0x41, 512 },
};

/* By the last owner's death, so that it is looked at. */
START_TEST(a_damaged_file_is_moved_away_and_begun_anew)
{
	struct cache *c = open_named("btree", "damage", 10000);
	struct str aside = STR_EMPTY;
	char key[20];
	pid_t pid;

	str_printf(&aside, "%s.damaged", file.ptr);
	unlink(aside.ptr);
	cache_close(c);
	pid = fork();
	if (pid == 0) {
		c = open_named("btree", "damage", 10000);
		for (int i = 0; i < 2000; i++) {
			snprintf(key, sizeof(key), "key%d", i);
			put(c, key, "value", NOW + 5);
		}
		cache_flush(c);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	c = open_named("btree", "damage", 10000);
	ck_assert_str_eq(get(c, "key77", NOW), "value");
	ck_assert_int_eq(cache_entries(c), 2000);
	cache_close(c);
	/* As one that had it open leaves it. */
	str_add_text(&file, ".use");
	overwrite(file.ptr, 0, 1, '1');
	str_cut(&file, file.len - 4);
	if (damages[_i].n > 0)
		overwrite(
		    file.ptr, damages[_i].at, damages[_i].n, damages[_i].byte);
	if (damages[_i].cut >= 0)
		ck_assert_int_eq(truncate(file.ptr, damages[_i].cut), 0);
	c = open_named("btree", "damage", 10000);
	ck_assert_int_eq(access(aside.ptr, F_OK), 0);
	ck_assert_int_eq(cache_entries(c), 0);
	put(c, "new", "life", NOW + 5);
	cache_close(c);
	c = open_named("btree", "damage", 10000);
	ck_assert_str_eq(get(c, "new", NOW), "life");
	done(c);
	str_clear(&aside);
}
END_TEST

START_TEST(a_file_that_is_damaged_while_in_use_is_no_harm)
{
	struct cache *c = open_named("btree", "live", 1000000);
	char key[64];

	for (int i = 0; i < 60000; i++) {
		snprintf(key, sizeof(key), "%dkey%d", i * 7919 % 60000, i);
		put(c, key, "a value of some length, so that it needs pages",
		    NOW + 5);
	}
	cache_flush(c);
	overwrite(file.ptr, 4096, 4 << 20, 0x55);
	for (int i = 0; i < 60000; i++) {
		snprintf(key, sizeof(key), "%dkey%d", i * 7919 % 60000, i);
		get(c, key, NOW);
	}
	put(c, "new", "life", NOW + 5);
	ck_assert_str_eq(get(c, "new", NOW), "life");
	ck_assert_int_lt(cache_entries(c), 60000);
	done(c);
}
END_TEST

#ifdef HAVE_LMDB
static const struct {
	off_t at;
	size_t n;
	off_t cut;
} lmdb_damages[] = {
	{ 0, 8192, -1 },
	{ 0, 0, 5000 },
	{ 0, 0, 20000 },
	{ 0, 0, 100 },
};

START_TEST(a_damaged_file_of_lmdb_is_begun_anew_too)
{
	struct cache *c = open_named("lmdb", "damage", 10000);
	char key[20];

	for (int i = 0; i < 2000; i++) {
		snprintf(key, sizeof(key), "key%d", i);
		put(c, key, "value", NOW + 5);
	}
	cache_close(c);
	if (lmdb_damages[_i].n > 0)
		overwrite(
		    file.ptr, lmdb_damages[_i].at, lmdb_damages[_i].n, 'x');
	else
		ck_assert_int_eq(truncate(file.ptr, lmdb_damages[_i].cut), 0);
	c = open_named("lmdb", "damage", 10000);
	ck_assert_int_eq(cache_entries(c), 0);
	put(c, "new", "life", NOW + 5);
	cache_close(c);
	c = open_named("lmdb", "damage", 10000);
	ck_assert_str_eq(get(c, "new", NOW), "life");
	done(c);
}
END_TEST
#else
static const int lmdb_damages[1];
START_TEST(a_damaged_file_of_lmdb_is_begun_anew_too)
{
	(void)_i;
}
END_TEST
#endif

START_TEST(who_dies_with_it_again_and_again_gets_a_new_one)
{
	struct cache *c = open_named("btree", "deaths", 100);

	put(c, "a", "1", NOW + 10);
	cache_close(c);
	for (int i = 0; i < 4; i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			c = open_named("btree", "deaths", 100);
			_exit(get(c, "a", NOW) != NULL);
		}
		waitpid(pid, &status, 0);
		ck_assert_int_eq(WEXITSTATUS(status), i < 3);
	}
	c = open_named("btree", "deaths", 100);
	done(c);
}
END_TEST

/* Power cuts, weeks apart, are no reason to forget all. */
START_TEST(who_has_used_it_for_long_does_not_die_of_it)
{
	int64_t usual = cache_trusted_after_ms;
	struct cache *c = open_named("btree", "lives", 100);

	put(c, "a", "1", NOW + 10);
	cache_close(c);
	cache_trusted_after_ms = 0;
	for (int i = 0; i < 6; i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			c = open_named("btree", "lives", 100);
			cache_flush(c);
			_exit(get(c, "a", NOW) != NULL);
		}
		waitpid(pid, &status, 0);
		ck_assert_int_eq(WEXITSTATUS(status), 1);
	}
	cache_trusted_after_ms = usual;
	c = open_named("btree", "lives", 100);
	done(c);
}
END_TEST

START_TEST(memory_stands_in_for_a_file_that_cannot_be_had)
{
	static const char *const specs[] = { "",
		"internal:", "btree:/nonexistent/folder/name" };
	struct cache *c;

	ck_assert(!err_is(cache_open(view_of(specs[_i]), 10, &c)));
	put(c, "a", "1", NOW + 10);
	ck_assert_str_eq(get(c, "a", NOW), "1");
	cache_flush(c);
	cache_close(c);
}
END_TEST

START_TEST(other_types_are_an_error)
{
	struct cache *c;

	ck_assert_int_eq(cache_open(VIEW("regexp:/x"), 10, &c).kind, ERR_PERM);
	ck_assert_int_eq(cache_open(VIEW("x"), 10, &c).kind, ERR_PERM);
}
END_TEST

static const struct {
	const char *text;
	int64_t until;
	const char *value;
} entries[] = {
	{ "10 x", 10, "x" },
	{ "1 ", 1, "" },
	{ "123456789012345678 a b", 123456789012345678, "a b" },
	{ "1234567890123456789 a", 0, NULL },
	{ "x 1", 0, NULL },
	{ "-1 1", 0, NULL },
	{ " 1", 0, NULL },
	{ "", 0, NULL },
	{ "12", 0, NULL },
	/* As Postfix's postscreen has it. */
	{ "1;2;3;4;5", 0, NULL },
};

START_TEST(an_entry_is_a_time_a_space_and_the_value)
{
	struct view value;
	int64_t until;
	bool ok = cache_split(view_of(entries[_i].text), &until, &value);

	ck_assert_int_eq(ok, entries[_i].value != NULL);
	if (!ok)
		return;
	ck_assert_int_eq(until, entries[_i].until);
	ck_assert(view_eq(value, view_of(entries[_i].value)));
}
END_TEST

START_TEST(what_is_too_long_is_not_kept)
{
	struct cache *c;
	char *big = xmalloc(CACHE_VALUE_MAX + 2);

	memset(big, 'x', CACHE_VALUE_MAX + 1);
	big[CACHE_VALUE_MAX + 1] = '\0';
	ck_assert(!err_is(cache_open(VIEW_EMPTY, 10, &c)));
	put(c, "a", big, NOW + 10);
	put(c, big, "a", NOW + 10);
	put(c, "", "a", NOW + 10);
	ck_assert_int_eq(cache_entries(c), 0);
	put(c, "a", big + 1, NOW + 10);
	ck_assert_str_eq(get(c, "a", NOW), big + 1);
	cache_close(c);
	free(big);
}
END_TEST

UNIT_MAIN("cache",
    { an_entry_lasts_until_its_time_and_over_a_restart, ARRAY_LEN(types) },
    { a_long_key_is_as_good_as_a_short_one, ARRAY_LEN(types) },
    { it_is_bounded_and_keeps_what_lasts_longest, ARRAY_LEN(types) },
    { cleaning_drops_what_has_ended_and_what_is_no_entry, ARRAY_LEN(types) },
    { a_damaged_file_is_moved_away_and_begun_anew, ARRAY_LEN(damages) },
    { a_damaged_file_of_lmdb_is_begun_anew_too, ARRAY_LEN(lmdb_damages) },
    { a_file_that_is_damaged_while_in_use_is_no_harm, 1 },
    { who_dies_with_it_again_and_again_gets_a_new_one, 1 },
    { who_has_used_it_for_long_does_not_die_of_it, 1 },
    { memory_stands_in_for_a_file_that_cannot_be_had, 3 },
    { other_types_are_an_error, 1 },
    { an_entry_is_a_time_a_space_and_the_value, ARRAY_LEN(entries) },
    { what_is_too_long_is_not_kept, 1 })
