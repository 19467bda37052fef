/*
 * barid status: every process, with its generation, its sessions, and the
 * layers of the sandbox that the kernel says are in force.
 */
#include "ctl/barid.h"

#include "lib/base/str.h"
#include "lib/run/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { STATUS_MAX = 1 << 20 };

/* All that the descriptor gives. */
static bool
read_all(int fd, struct str *out)
{
	for (;;) {
		ssize_t n = read(fd, str_reserve(out, 4096), 4096);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || out->len > STATUS_MAX)
			return n == 0;
		str_grew(out, (size_t)n);
	}
}

static bool
read_file(const char *path, struct str *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return false;
	ok = read_all(fd, out);
	close(fd);
	return ok;
}

/* The value of a line of /proc/PID/status. */
static struct view
field(struct view status, const char *name)
{
	struct view line;

	while (view_field(&status, '\n', &line))
		if (view_starts(line, view_of(name)))
			return view_trim(view_skip(line, strlen(name)));
	return VIEW_EMPTY;
}

static bool
is_chrooted(const char *pid)
{
	struct str path = STR_EMPTY;
	struct stat own, theirs;
	bool changed;

	str_printf(&path, "/proc/%s/root/", pid);
	changed = stat("/", &own) == 0 && stat(path.ptr, &theirs) == 0 &&
	    (own.st_dev != theirs.st_dev || own.st_ino != theirs.st_ino);
	str_clear(&path);
	return changed;
}

/* Landlock has no line in /proc; its presence shows in the others' order. */
static void
print_layers(const char *pid)
{
	struct str path = STR_EMPTY, text = STR_EMPTY;
	struct view status, uid, rest;

	str_printf(&path, "/proc/%s/status", pid);
	if (read_file(path.ptr, &text)) {
		status = str_view(&text);
		rest = field(status, "Uid:");
		view_token(&rest, " \t", &uid);
		printf(" uid=%.*s", VIEW_ARGS(uid));
		if (is_chrooted(pid))
			printf(" chroot");
		if (view_eq(field(status, "CapEff:"),
			VIEW("0000000000000000")))
			printf(" no-caps");
		if (view_eq(field(status, "NoNewPrivs:"), VIEW("1")))
			printf(" no-new-privs");
		if (view_eq(field(status, "Seccomp:"), VIEW("2")))
			printf(" seccomp");
	}
	printf("\n");
	str_clear(&path);
	str_clear(&text);
}

static void
print_line(struct view line)
{
	struct view f[8], rest = line;
	struct str pid = STR_EMPTY;

	for (size_t i = 0; i < 8; i++)
		view_token(&rest, " ", &f[i]);
	str_add(&pid, f[3]);
	printf("%-12.*s %-11.*s pid=%-7.*s process=%-5.*s generation=%-3.*s "
	       "%-8.*s sessions=%-5.*s",
	    VIEW_ARGS(f[0]), VIEW_ARGS(f[2]), VIEW_ARGS(f[3]),
	    VIEW_ARGS(f[4]), VIEW_ARGS(f[5]), VIEW_ARGS(f[6]),
	    VIEW_ARGS(f[7]));
	print_layers(pid.ptr);
	str_clear(&pid);
}

int
status_print(const struct barid *b)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX,
		.sun_path = "private/master" };
	struct str text = STR_EMPTY;
	struct view rest, line;
	int fd;

	if (chdir(b->conf->queue_directory) < 0)
		return 0;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    !read_all(fd, &text)) {
		/* Not ours to see; that it runs was said already. */
		if (fd >= 0)
			close(fd);
		return 0;
	}
	close(fd);
	rest = str_view(&text);
	while (view_field(&rest, '\n', &line))
		if (line.len > 0)
			print_line(line);
	str_clear(&text);
	return 0;
}
