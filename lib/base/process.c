#include "lib/base/process.h"

#include "lib/base/mem.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
process_open_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd > 2)
		close(fd);
}

void
process_tidy_descriptors(void)
{
	process_open_standard();
	close_range(3, ~0U, 0);
}

void
process_reset_signals(void)
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		if (i != SIGKILL && i != SIGSTOP)
			signal(i, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The C library opens a file for a time zone that is named by a path. */
static bool
is_harmless(const char *value)
{
	return strlen(value) < 100 && strchr(value, '/') == NULL &&
	    value[0] != ':';
}

void
process_clean_environment(void)
{
	static const char *const permitted[] = {
		"TZ",
		"LANG",
#ifdef BARID_CHECKS
		"BARID_TEST_POINT", "BARID_TEST_CLOCK",
		"ASAN_OPTIONS",
		"UBSAN_OPTIONS",
		"LSAN_OPTIONS",
#endif
	};
	char *kept[ARRAY_LEN(permitted)];

	for (size_t i = 0; i < ARRAY_LEN(permitted); i++) {
		const char *value = getenv(permitted[i]);

		kept[i] = value != NULL && (i > 1 || is_harmless(value))
		    ? xstrdup(value)
		    : NULL;
	}
	clearenv();
	for (size_t i = 0; i < ARRAY_LEN(permitted); i++) {
		if (kept[i] != NULL)
			setenv(permitted[i], kept[i], 1);
		free(kept[i]);
	}
	setenv("PATH", "/usr/bin:/bin:/usr/sbin:/sbin", 1);
}

bool
process_is_elevated(void)
{
	uid_t uid, euid, suid;
	gid_t gid, egid, sgid;

	if (getresuid(&uid, &euid, &suid) < 0 ||
	    getresgid(&gid, &egid, &sgid) < 0)
		return true;
	if (uid == 0 && euid == 0)
		return false;
	return uid != euid || uid != suid || gid != egid || gid != sgid;
}
