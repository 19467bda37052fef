/* Large files, direct and not: what is read back is what was put in. */
#include "local/store.h"

#include "lib/base/mem.h"
#include "local/testing.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

enum { MIB = 1 << 20, PIECE = 65521 };

static char *top;

static void
begin(void)
{
	top = testing_folder();
}

static void
end(void)
{
	testing_folder_remove(top);
}

/* Bytes that tell one place from another. */
static void
fill(struct str *s, size_t n)
{
	char *to = str_reserve(s, n);
	uint32_t x = 1;

	for (size_t i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		to[i] = (char)(x >> 24);
	}
	str_grew(s, n);
}

static int
open_file(const char *name)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static bool
put(struct store *s, struct str *out, struct view all)
{
	bool good = true;

	for (size_t at = 0; at < all.len && good; at += PIECE) {
		str_add(out, view_sub(all, at, PIECE));
		good = store_some(s);
	}
	return good && store_finish(s);
}

/* A size, and an offset that the first byte gets: a direct write is refused
 * where it is no block's. */
static const struct {
	size_t size;
	off_t offset;
	bool is_new;
} cases[] = {
	{ 0, 0, true },
	{ 1, 0, true },
	{ MIB - 1, 0, true },
	{ MIB, 0, true },
	{ MIB + 4095, 0, true },
	{ 3 * MIB, 0, true },
	{ 3 * MIB + 12345, 0, true },
	{ 3 * MIB + 12345, 1, true },
	{ 3 * MIB + 12345, 777, false },
};

START_TEST(a_file_has_what_was_put_in)
{
	struct str all = STR_EMPTY, out = STR_EMPTY, got = STR_EMPTY;
	struct store s;
	int fd;

	begin();
	fd = open_file("file");
	fill(&all, cases[_i].size);
	ck_assert_int_eq(
	    lseek(fd, cases[_i].offset, SEEK_SET), cases[_i].offset);
	store_begin(
	    &s, &out, fd, (int64_t)cases[_i].size, cases[_i].is_new);
	ck_assert(put(&s, &out, str_view(&all)));
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_DIRECT, 0);
	close(fd);
	testing_read("file", &got);
	str_drop_front(&got, (size_t)cases[_i].offset);
	ck_assert(view_eq(str_view(&got), str_view(&all)));
	str_clear(&all);
	str_clear(&out);
	str_clear(&got);
	end();
}
END_TEST

/* What is gathered in one store is not in the next one's file. */
START_TEST(a_failed_store_leaves_nothing_for_the_next)
{
	struct rlimit limit = { 2 * MIB + 100, RLIM_INFINITY };
	struct str all = STR_EMPTY, out = STR_EMPTY, got = STR_EMPTY;
	struct store s;
	int fd;

	begin();
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	fd = open_file("file");
	fill(&all, 4 * MIB);
	store_begin(&s, &out, fd, 4 * MIB, true);
	ck_assert(!put(&s, &out, str_view(&all)));
	ck_assert_int_eq(errno, EFBIG);
	close(fd);
	fd = open_file("file");
	store_begin(&s, &out, fd, 5, true);
	ck_assert(put(&s, &out, VIEW("hello")));
	close(fd);
	testing_read("file", &got);
	ck_assert_str_eq(got.ptr, "hello");
	str_clear(&all);
	str_clear(&out);
	str_clear(&got);
	end();
}
END_TEST

UNIT_MAIN("local/store", { a_file_has_what_was_put_in, ARRAY_LEN(cases) },
    { a_failed_store_leaves_nothing_for_the_next, 1 })
