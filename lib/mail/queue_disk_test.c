/* Moves within the queue: nothing is overwritten, nothing has two names.  Each
 * on whatever /tmp is, and where a rename is not enough. */
#include "lib/mail/queue_disk.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const parents[] = { "/tmp", "/dev/shm" };
static const struct view id = VIEW("4F2A000000001");

#define ACTIVE "active/4F2A000000001"
#define HOLD "hold/4F2A000000001"
#define MAILDROP "maildrop/4F2A000000001"
#define DEFERRED "deferred/0/4F2A000000001"

/* False: this machine has no such folder. */
static bool
enter(const char *parent, char dir[64])
{
	static const char *const queues[] = { "active", "incoming", "deferred",
		"hold", "maildrop" };

	snprintf(dir, 64, "%s/queue-test.XXXXXX", parent);
	if (mkdtemp(dir) == NULL)
		return false;
	ck_assert_int_eq(chdir(dir), 0);
	for (size_t i = 0; i < ARRAY_LEN(queues); i++)
		ck_assert_int_eq(mkdir(queues[i], 0700), 0);
	return true;
}

static void
leave(const char *dir)
{
	static const char *const all[] = { ACTIVE, HOLD, DEFERRED, MAILDROP,
		"deferred/0", "active", "incoming", "deferred", "hold",
		"maildrop" };

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (unlink(all[i]) < 0)
			rmdir(all[i]);
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(rmdir(dir), 0);
}

static void
put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), strlen(text));
	ck_assert(!err_is(queue_sync(fd, "active")));
	close(fd);
}

static bool
is_there(const char *path, nlink_t links)
{
	struct stat st;

	return lstat(path, &st) == 0 && st.st_nlink == links;
}

START_TEST(a_move_leaves_one_name)
{
	char dir[64];

	if (!enter(parents[_i], dir))
		return;
	queue_disk_learn();
	put(ACTIVE, "one");
	ck_assert_int_eq(queue_make_folder(id), 1);
	ck_assert_int_eq(queue_make_folder(id), 0);
	ck_assert_int_eq(queue_move(ACTIVE, DEFERRED), 0);
	ck_assert(is_there(DEFERRED, 1));
	ck_assert(!is_there(ACTIVE, 1));
	ck_assert_int_eq(queue_move(ACTIVE, HOLD), -1);
	ck_assert_int_eq(errno, ENOENT);
	leave(dir);
}
END_TEST

START_TEST(a_move_never_overwrites)
{
	char dir[64];

	if (!enter(parents[_i], dir))
		return;
	put(ACTIVE, "one");
	put(HOLD, "two");
	ck_assert_int_eq(queue_move(ACTIVE, HOLD), -1);
	ck_assert_int_eq(errno, EEXIST);
	ck_assert(is_there(ACTIVE, 1));
	ck_assert(is_there(HOLD, 1));
	leave(dir);
}
END_TEST

/* The power failed between the two halves of a move. */
START_TEST(a_file_with_two_names_gets_one)
{
	char dir[64];
	int fd;

	if (!enter(parents[_i], dir))
		return;
	put(ACTIVE, "one");
	ck_assert_int_eq(link(ACTIVE, HOLD), 0);
	fd = open(ACTIVE, O_RDONLY);
	queue_drop_other_names("active", id, fd);
	ck_assert(is_there(ACTIVE, 1));
	ck_assert(!is_there(HOLD, 1));
	ck_assert_int_eq(link(ACTIVE, MAILDROP), 0);
	queue_drop_other_names("active", id, fd);
	ck_assert(!is_there(MAILDROP, 1));
	/* What has the same name but is another file is not ours to remove. */
	put(HOLD, "two");
	queue_drop_other_names("active", id, fd);
	ck_assert(is_there(HOLD, 1));
	close(fd);
	leave(dir);
}
END_TEST

START_TEST(a_move_that_was_half_done_is_done)
{
	char dir[64];

	/* Only where it is made of halves: a rename refuses. */
	if (!enter("/dev/shm", dir))
		return;
	put(ACTIVE, "one");
	ck_assert_int_eq(link(ACTIVE, HOLD), 0);
	ck_assert_int_eq(queue_move(ACTIVE, HOLD), 0);
	ck_assert(is_there(HOLD, 1));
	ck_assert(!is_there(ACTIVE, 1));
	leave(dir);
}
END_TEST

UNIT_MAIN("queue_disk", { a_move_leaves_one_name, ARRAY_LEN(parents) },
    { a_move_never_overwrites, ARRAY_LEN(parents) },
    { a_file_with_two_names_gets_one, ARRAY_LEN(parents) },
    { a_move_that_was_half_done_is_done, 1 })
