/* The queue's folders: going through them, and putting them in order. */
#include "ctl/postsuper.h"

#include "lib/base/clock.h"
#include "lib/mail/queue_disk.h"
#include "lib/mail/queue_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file that nobody finished within that many seconds is litter. */
enum { PURGE_AGE = 36 * 3600, DEPTH_MAX = 3 };

struct walk {
	const char *queue;
	void (*visit)(
	    void *arg, const char *queue, const char *path, struct view id);
	void *arg;
};

/* Hashed folders are named by one character; the depth may have been another
 * under another program. */
static void
walk_folder(const struct walk *w, const char *path, int depth)
{
	struct str name = STR_EMPTY;
	struct dirent *entry;
	DIR *dir = opendir(path);

	if (dir == NULL) {
		if (errno != ENOENT)
			super_warn("open %s: %s", path, strerror(errno));
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		str_printf(&name, "%s/%s", path, entry->d_name);
		if (entry->d_name[1] == '\0' && depth < DEPTH_MAX)
			walk_folder(w, name.ptr, depth + 1);
		else if (queue_id_is_valid(view_of(entry->d_name)))
			w->visit(
			    w->arg, w->queue, name.ptr, view_of(entry->d_name));
	}
	closedir(dir);
	str_clear(&name);
}

void
super_each_file(unsigned mask,
    void (*visit)(
	void *arg, const char *queue, const char *path, struct view id),
    void *arg)
{
	for (unsigned i = 0; i < SUPER_QUEUES; i++) {
		struct walk w = { super_queue_names[i], visit, arg };

		if ((mask & 1U << i) != 0)
			walk_folder(&w, super_queue_names[i], 0);
	}
}

/* --- -p --- */

static bool
is_litter(int fd)
{
	struct queue_file file;
	struct stat st;
	struct err e;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_mtime > clock_wall() - PURGE_AGE)
		return false;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return false;
	e = queue_file_read(&file, fd);
	if (!err_is(e))
		queue_file_clear(&file);
	return e.kind == ERR_GONE;
}

static void
purge_file(void *arg, const char *queue, const char *path, struct view id)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	(void)arg;
	(void)queue;
	(void)id;
	if (fd < 0)
		return;
	if (is_litter(fd) && unlink(path) == 0)
		super_tell("%s: removed stale file", path);
	close(fd);
}

void
super_purge(unsigned mask)
{
	super_each_file(mask, purge_file, NULL);
}

/* --- -s --- */

static void
place_file(void *arg, const char *queue, const char *path, struct view id)
{
	struct super *s = arg;
	struct queue_path right = queue_path_of(queue, id);
	char folder[QUEUE_PATH_MAX];
	char *slash;

	if (strcmp(path, right.text) == 0)
		return;
	snprintf(folder, sizeof(folder), "%s", right.text);
	slash = strrchr(folder, '/');
	*slash = '\0';
	if (mkdir(folder, 0700) == 0 && chown(folder, s->owner, s->group) < 0)
		super_warn("chown %s: %s", folder, strerror(errno));
	if (queue_move(path, right.text) < 0) {
		if (errno != ENOENT)
			super_warn("rename %s to %s: %s", path, right.text,
			    strerror(errno));
		return;
	}
	super_tell("%s: moved to %s", path, right.text);
}

void
super_check_structure(struct super *s, unsigned mask)
{
	super_each_file(mask, place_file, s);
}
