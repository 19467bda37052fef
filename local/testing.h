/*
 * For the unit tests of this folder: a temporary folder, and a queue file with
 * some content whose ranges are out of order.
 */
#ifndef LOCAL_TESTING_H
#define LOCAL_TESTING_H

#include "lib/base/str.h"
#include "lib/base/unit.h"
#include "lib/mail/queue_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Made by each test, mode 0755, and current. */
static inline char *
testing_folder(void)
{
	char *path = strdup("/tmp/barid-local-XXXXXX");

	ck_assert_ptr_nonnull(mkdtemp(path));
	ck_assert_int_eq(chmod(path, 0755), 0);
	ck_assert_int_eq(chdir(path), 0);
	return path;
}

static inline int
testing_remove_one(
    const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	remove(path);
	return 0;
}

/* The folder and all in it; frees the name. */
static inline void
testing_folder_remove(char *path)
{
	ck_assert_int_eq(chdir("/"), 0);
	nftw(path, testing_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(path);
}

struct testing_message {
	int fd;
	struct str layout;
};

/* The header stands behind the body in the file, as a rewritten one does. */
static inline struct testing_message
testing_message(struct view header, struct view body)
{
	struct testing_message m = { .layout = STR_EMPTY };
	char name[] = "/tmp/barid-queue-XXXXXX";
	int fd = mkstemp(name);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "junk", 4), 4);
	ck_assert_int_eq(write(fd, body.ptr, body.len), (ssize_t)body.len);
	ck_assert_int_eq(
	    write(fd, header.ptr, header.len), (ssize_t)header.len);
	close(fd);
	m.fd = open(name, O_RDONLY | O_CLOEXEC);
	unlink(name);
	queue_layout_add(&m.layout, 4 + (int64_t)body.len, (int64_t)header.len);
	queue_layout_add(&m.layout, 4, (int64_t)body.len);
	return m;
}

static inline void
testing_message_clear(struct testing_message *m)
{
	close(m->fd);
	str_clear(&m->layout);
}

/* All of a file; the test fails if it cannot be read. */
static inline void
testing_read(const char *path, struct str *out)
{
	char buf[1024];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_msg(fd >= 0, "%s", path);
	str_reset(out);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		str_add(out, view_make(buf, (size_t)n));
	close(fd);
}

static inline void
testing_write(const char *path, struct view v)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_msg(fd >= 0, "%s", path);
	ck_assert_int_eq(write(fd, v.ptr, v.len), (ssize_t)v.len);
	close(fd);
}

/* The number of files in a folder, the name of one in *name (may be NULL). */
static inline int
testing_count(const char *path, struct str *name)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int n = 0;

	if (dir == NULL)
		return -1;
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		n++;
		if (name != NULL)
			str_printf(name, "%s/%s", path, entry->d_name);
	}
	closedir(dir);
	return n;
}

#endif
