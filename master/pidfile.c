/* The pid file: see pidfile.h.  The lock, not the number, says who is alive. */
#include "master/pidfile.h"

#include "lib/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

void
pidfile_take(void)
{
	static const char path[] = "pid/master.pid";
	char text[32];
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	int n;

	if (fd < 0)
		die_temp("open %s: %s", path, strerror(errno));
	fchmod(fd, 0644);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		die_temp("%s is locked: the mail system is already running",
		    path);
	/* Postfix's form: right-aligned.  Kept open, and locked, for life. */
	n = snprintf(text, sizeof(text), "%10d\n", (int)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) != n)
		die_temp("write %s: %s", path, strerror(errno));
}
