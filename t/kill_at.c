/*
 * Kills a process at its N-th system call from now on, whichever it is:
 *
 *	kill_at PID N
 *
 * All threads are counted together, and calls that they begin after "ready" is
 * printed.  The process dies at the entrance of that call, so that it is not
 * made.  Then its number is printed; "gone" if the process ended before.  With N
 * of 0 nobody dies: until SIGTERM the calls are counted, and their number is
 * printed.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPTIONS \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK)

static volatile sig_atomic_t ended;

static void
on_term(int signal)
{
	(void)signal;
	ended = 1;
}

/* All threads that are there; a new one is seized by the kernel. */
static bool
seize_all(pid_t pid)
{
	char path[64];
	struct dirent *entry;
	DIR *dir;
	bool any = false;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	if (dir == NULL)
		return false;
	while ((entry = readdir(dir)) != NULL) {
		pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (tid <= 0 ||
		    ptrace(PTRACE_SEIZE, tid, NULL, (void *)OPTIONS) < 0)
			continue;
		any = true;
		ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
	}
	closedir(dir);
	return any;
}

/* The call at whose entrance the thread stands; -1: it is no entrance. */
static long
entered_call(pid_t tid)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, (void *)sizeof(info), &info) <=
		0 ||
	    info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return -1;
	return (long)info.entry.nr;
}

/* A stop that is no system call's: the signal, if it is one, goes on. */
static long
signal_to_pass(int status)
{
	return status >> 16 == 0 && WSTOPSIG(status) != (SIGTRAP | 0x80) ?
	    WSTOPSIG(status) :
	    0;
}

int
main(int argc, char **argv)
{
	pid_t pid = argc == 3 ? (pid_t)strtol(argv[1], NULL, 10) : 0;
	long n = argc == 3 ? strtol(argv[2], NULL, 10) : 0, count = 0;
	struct sigaction sa = { .sa_handler = on_term };
	int status;

	sigaction(SIGTERM, &sa, NULL);
	if (pid <= 0 || !seize_all(pid)) {
		printf("no such process\n");
		return 1;
	}
	printf("ready\n");
	fflush(stdout);
	while (ended == 0) {
		pid_t tid = waitpid(-1, &status, __WALL);
		long call;

		if (tid < 0 && errno == EINTR)
			continue;
		if (tid < 0)
			break;
		if (!WIFSTOPPED(status))
			continue;
		call = WSTOPSIG(status) == (SIGTRAP | 0x80) ?
		    entered_call(tid) :
		    -1;
		if (call >= 0 && ++count == n) {
			kill(pid, SIGKILL);
			printf("call %ld\n", call);
			return 0;
		}
		ptrace(PTRACE_SYSCALL, tid, NULL,
		    (void *)signal_to_pass(status));
	}
	printf("gone after %ld\n", count);
	return 0;
}
