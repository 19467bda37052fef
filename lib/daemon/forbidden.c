/* Trying what a daemon may not do: see forbidden.h. */
#include "lib/daemon/forbidden.h"

#ifdef BARID_CHECKS

#include "lib/base/log.h"
#include "lib/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Each returns -1 with errno if it was refused. */

static int
try_passwd(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static int
try_shadow(void)
{
	return open("/etc/shadow", O_RDONLY | O_CLOEXEC);
}

static int
try_write(void)
{
	return open(
	    "/tmp/barid-forbidden", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

/* A queue's directory by its name from outside, and from inside. */
static int
try_hold(void)
{
	int fd = open("hold", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 ? fd : open("/hold", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int
try_exec(void)
{
	char *const argv[] = { NULL };

	return execve("/bin/true", argv, argv);
}

static int
try_fork(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return pid;
}

static int
try_root(void)
{
	return (int)syscall(SYS_setuid, 0);
}

static int
try_ptrace(void)
{
	return (int)ptrace(PTRACE_ATTACH, getppid(), 0, 0);
}

static int
try_kill(void)
{
	return kill(getppid(), SIGCONT);
}

static int
try_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? -1 : 0;
}

static int
try_memfd(void)
{
	return memfd_create("forbidden", MFD_CLOEXEC);
}

static int
try_inet(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int
try_packet(void)
{
	return socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
}

static int
try_mount(void)
{
	return mount("none", "/", "tmpfs", 0, NULL);
}

static int
try_namespace(void)
{
	return unshare(CLONE_NEWUSER);
}

static int
try_dumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static const struct {
	const char *name;
	int (*run)(void);
} acts[] = {
	{ "passwd", try_passwd },
	{ "shadow", try_shadow },
	{ "write", try_write },
	{ "hold", try_hold },
	{ "exec", try_exec },
	{ "fork", try_fork },
	{ "root", try_root },
	{ "ptrace", try_ptrace },
	{ "kill", try_kill },
	{ "code", try_code },
	{ "memfd", try_memfd },
	{ "inet", try_inet },
	{ "packet", try_packet },
	{ "mount", try_mount },
	{ "namespace", try_namespace },
	{ "dumpable", try_dumpable },
};

static void
try_act(const char *name, int (*run)(void))
{
	/* What was said before must not go with us. */
	log_flush();
	errno = 0;
	if (run() < 0)
		log_info("forbidden %s: refused: %s", name, strerror(errno));
	else
		log_info("forbidden %s: done", name);
	log_flush();
}

void
forbidden_try(const char *program)
{
	const char *prefix =
	    strcmp(program, "log") == 0 ? "forbidden-log:" : "forbidden:";
	const char *wanted = getenv("BARID_TEST_POINT");

	if (wanted == NULL || strncmp(wanted, prefix, strlen(prefix)) != 0)
		return;
	wanted += strlen(prefix);
	for (size_t i = 0; i < ARRAY_LEN(acts); i++)
		if (strcmp(acts[i].name, wanted) == 0)
			try_act(acts[i].name, acts[i].run);
}

#else

void
forbidden_try(const char *program)
{
	(void)program;
}

#endif
