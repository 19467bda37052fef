#include "local/dirs.h"

#include "local/testing.h"

#include <errno.h>

/* Each test runs with openat2 and with the walk that replaces it. */
static char *
begin(int row)
{
	dirs_forget_openat2(row == 1);
	return testing_folder();
}

START_TEST(what_is_below_is_opened_and_nothing_else)
{
	char *top = begin(_i);
	int base, fd;

	mkdir("base", 0700);
	mkdir("base/sub", 0700);
	testing_write("base/sub/file", VIEW("x"));
	testing_write("outside", VIEW("x"));
	ck_assert_int_eq(symlink("sub", "base/link"), 0);
	ck_assert_int_eq(symlink("sub/file", "base/filelink"), 0);
	ck_assert_int_eq(symlink("/", "base/root"), 0);
	base = dirs_open_base(top, getuid());
	ck_assert_int_ge(base, 0);
	close(base);
	base = open("base", O_PATH | O_DIRECTORY);
	fd = dirs_open_beneath(base, "sub//file", O_RDONLY, 0);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(dirs_open_beneath(base, "link/file", O_RDONLY, 0), -1);
	ck_assert_int_eq(dirs_open_beneath(base, "filelink", O_RDONLY, 0), -1);
	ck_assert_int_eq(errno, ELOOP);
	ck_assert_int_eq(
	    dirs_open_beneath(base, "root/etc/passwd", O_RDONLY, 0), -1);
	ck_assert_int_eq(
	    dirs_open_beneath(base, "../outside", O_RDONLY, 0), -1);
	ck_assert_int_eq(
	    dirs_open_beneath(base, "sub/../../outside", O_RDONLY, 0), -1);
	ck_assert_int_eq(errno, EXDEV);
	ck_assert_int_eq(dirs_open_beneath(base, "none", O_RDONLY, 0), -1);
	ck_assert_int_eq(errno, ENOENT);
	close(base);
	testing_folder_remove(top);
}
END_TEST

START_TEST(missing_directories_are_made_private)
{
	char *top = begin(_i);
	int base = open(".", O_PATH | O_DIRECTORY), fd;
	struct stat st;

	fd = dirs_make_beneath(base, "a/b/c");
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(stat("a/b/c", &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0700);
	ck_assert_int_eq(symlink("/tmp", "evil"), 0);
	ck_assert_int_eq(dirs_make_beneath(base, "evil/x"), -1);
	ck_assert_int_eq(dirs_make_beneath(base, "x/../../y"), -1);
	close(base);
	testing_folder_remove(top);
}
END_TEST

START_TEST(links_to_a_home_count_if_root_or_the_user_owns_them)
{
	char *top = begin(_i), path[200];
	int fd;

	mkdir("real", 0755);
	ck_assert_int_eq(symlink("real", "home"), 0);
	ck_assert_int_eq(symlink("loop", "loop"), 0);
	snprintf(path, sizeof(path), "%s/home", top);
	fd = dirs_open_base(path, getuid());
	ck_assert_int_ge(fd, 0);
	close(fd);
	if (getuid() == 0) {
		ck_assert_int_eq(lchown("home", 12345, 12345), 0);
		ck_assert_int_eq(dirs_open_base(path, 23456), -1);
		ck_assert_int_eq(errno, ELOOP);
		fd = dirs_open_base(path, 12345);
		ck_assert_int_ge(fd, 0);
		close(fd);
	}
	snprintf(path, sizeof(path), "%s/loop", top);
	ck_assert_int_eq(dirs_open_base(path, getuid()), -1);
	ck_assert_int_eq(dirs_open_base("relative", getuid()), -1);
	testing_folder_remove(top);
}
END_TEST

UNIT_MAIN("local/dirs", { what_is_below_is_opened_and_nothing_else, 2 },
    { missing_directories_are_made_private, 2 },
    { links_to_a_home_count_if_root_or_the_user_owns_them, 2 })
