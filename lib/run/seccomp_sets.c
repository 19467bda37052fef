/*
 * Filters of system calls: see seccomp_sets.h.  The sets were put together
 * from what glibc 2.36 and newer, OpenSSL 3 and our own code call; where a
 * function may use one of several calls, all stand here.
 *
 * libseccomp makes the program; ours is the head before it, which gives ENOSYS
 * for numbers that are newer than the library: that cannot be said in its
 * rules together with "kill" as the default.
 */
#include "lib/run/seccomp_sets.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/run/sandbox.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Beyond enum sandbox_calls: what the sanitizers need to tell what they
 * found. */
enum { CALLS_SANITIZER = 1 << 30 };

#if defined(__SANITIZE_ADDRESS__)
#define SECCOMP_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SECCOMP_ASAN 1
#endif
#endif

#ifdef SECCOMP_ASAN
enum { CALLS_OF_BUILD = CALLS_BASE | CALLS_SANITIZER };
#else
enum { CALLS_OF_BUILD = CALLS_BASE };
#endif

#ifdef BARID_CHECKS
#define FORBIDDEN SCMP_ACT_TRAP
#else
#define FORBIDDEN SCMP_ACT_KILL_PROCESS
#endif

/* Newer than these no table of libseccomp is for a while. */
enum { CALL_NUMBERS_MAX = 1024, X32_BIT = 0x40000000 };

static const char *const base_calls[] = {
	/* malloc, stacks */
	"brk",
	"munmap",
	"mremap",
	"madvise",
	"mlock",
	"mlock2",
	"munlock",
	/* locks, threads' ends, restarts */
	"futex",
	"futex_time64",
	"set_robust_list",
	"rseq",
	"set_tid_address",
	"restart_syscall",
	"exit",
	"exit_group",
	"sched_yield",
	/* signals, swapcontext */
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"rt_sigpending",
	"rt_sigtimedwait",
	"rt_sigtimedwait_time64",
	"sigreturn",
	"sigaltstack",
	/* what the vDSO cannot answer */
	"clock_gettime",
	"clock_gettime64",
	"clock_getres",
	"clock_getres_time64",
	"gettimeofday",
	"time",
	"getcpu",
	/* sleep, alarm */
	"nanosleep",
	"clock_nanosleep",
	"clock_nanosleep_time64",
	"setitimer",
	"getitimer",
	"alarm",
	"pause",
	"poll",
	"ppoll",
	"ppoll_time64",
	"_newselect",
	"select",
	"pselect6",
	"pselect6_time64",
	/* who and where am I */
	"getpid",
	"getppid",
	"gettid",
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"getresuid",
	"getresgid",
	"getgroups",
	"getrlimit",
	"ugetrlimit",
	"getrusage",
	"times",
	"uname",
	"sysinfo",
	"sched_getaffinity",
	"getrandom",
	"umask",
	/* descriptors that are there; the log's socket */
	"read",
	"readv",
	"write",
	"writev",
	"send",
	"sendto",
	"close",
	"close_range",
	"lseek",
	"_llseek",
	"dup",
	"dup2",
	"dup3",
	"fstat",
	"fstat64",
};

/* clone is below: only with CLONE_THREAD. */
static const char *const thread_calls[] = {
	"get_robust_list",
	"arch_prctl",
	"sched_getparam",
	"sched_getscheduler",
};

static const char *const stream_calls[] = {
	"recv",
	"recvfrom",
	"recvmsg",
	"recvmmsg",
	"recvmmsg_time64",
	"sendmsg",
	"sendmmsg",
	"shutdown",
	"getsockopt",
	"setsockopt",
	"getsockname",
	"getpeername",
	"epoll_create",
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"epoll_pwait2",
	"eventfd2",
	"timerfd_create",
	"timerfd_settime",
	"timerfd_settime64",
	"timerfd_gettime",
	"signalfd4",
	"pipe",
	"pipe2",
	"pread64",
	"preadv",
};

static const char *const connect_calls[] = { "connect" };

static const char *const inet_calls[] = { "connect", "bind" };

static const char *const accept_calls[] = { "accept", "accept4" };

static const char *const file_read_calls[] = {
	"pread64",
	"preadv",
	"preadv2",
	"stat",
	"stat64",
	"lstat",
	"lstat64",
	"statx",
	"fstatfs",
	"fstatfs64",
	"statfs",
	"statfs64",
	"getdents",
	"getdents64",
	"readlink",
	"readlinkat",
	"access",
	"faccessat",
	"faccessat2",
	"fadvise64",
	"readahead",
	"getcwd",
	"flock",
	"sendfile",
	"sendfile64",
};

static const char *const queue_calls[] = {
	"open",
	"openat",
	"openat2",
	"creat",
	"pwrite64",
	"pwritev",
	"pwritev2",
	"truncate",
	"ftruncate",
	"ftruncate64",
	"fallocate",
	"copy_file_range",
	"fsync",
	"fdatasync",
	"sync_file_range",
	"syncfs",
	"rename",
	"renameat",
	"renameat2",
	"link",
	"linkat",
	"unlink",
	"unlinkat",
	"mkdir",
	"mkdirat",
	"rmdir",
	"fchmod",
	"utimensat",
	"utimensat_time64",
	"futimesat",
	"utime",
	"utimes",
};

static const char *const resolver_calls[] = {
	"getpriority",
	"sched_getparam",
	"sched_getscheduler",
};

static const char *const sanitizer_calls[] = {
	"readlink",
	"readlinkat",
	"stat",
	"lstat",
	"statx",
	"access",
	"faccessat",
	"faccessat2",
	"getcwd",
	"pipe2",
	"getdents64",
	"arch_prctl",
	"get_robust_list",
	"wait4",
	"membarrier",
	"mincore",
};

static const struct {
	unsigned set;
	const char *const *calls;
	size_t n;
} plain_sets[] = {
	{ CALLS_BASE, base_calls, ARRAY_LEN(base_calls) },
	{ CALLS_THREAD, thread_calls, ARRAY_LEN(thread_calls) },
	{ CALLS_STREAM, stream_calls, ARRAY_LEN(stream_calls) },
	{ CALLS_CONNECT, connect_calls, ARRAY_LEN(connect_calls) },
	{ CALLS_INET | CALLS_RESOLVER, inet_calls, ARRAY_LEN(inet_calls) },
	{ CALLS_ACCEPT, accept_calls, ARRAY_LEN(accept_calls) },
	{ CALLS_FILE_READ | CALLS_QUEUE | CALLS_MAILBOX, file_read_calls,
	    ARRAY_LEN(file_read_calls) },
	{ CALLS_QUEUE | CALLS_MAILBOX, queue_calls, ARRAY_LEN(queue_calls) },
	{ CALLS_RESOLVER, resolver_calls, ARRAY_LEN(resolver_calls) },
	{ CALLS_SANITIZER, sanitizer_calls, ARRAY_LEN(sanitizer_calls) },
};

enum {
	ALL_FILES = CALLS_FILE_READ | CALLS_QUEUE | CALLS_MAILBOX,
	WRITE_FILES = CALLS_QUEUE | CALLS_MAILBOX
};

#define IS(arg, value)                                     \
	{                                                  \
		arg, SCMP_CMP_EQ, (scmp_datum_t)(value), 0 \
	}
#define MASKED(arg, mask, value)                               \
	{                                                      \
		arg, SCMP_CMP_MASKED_EQ, (scmp_datum_t)(mask), \
		    (scmp_datum_t)(value)                      \
	}

/* O_TMPFILE needs to be open for writing, so it is none of these. */
#define OPEN_CHANGES (O_ACCMODE | O_CREAT | O_TRUNC)
#define NO_EXEC(call)                           \
	{                                       \
		call, CALLS_BASE, 0, 0, 1,      \
		{                               \
			MASKED(2, PROT_EXEC, 0) \
		}                               \
	}
#define FCNTL(sets, command)                            \
	{ "fcntl", sets, 0, 0, 1, { IS(1, command) } }, \
	{                                               \
		"fcntl64", sets, 0, 0, 1,               \
		{                                       \
			IS(1, command)                  \
		}                                       \
	}

#ifdef __s390x__
enum { CLONE_FLAGS_ARG = 1 };
#else
enum { CLONE_FLAGS_ARG = 0 };
#endif

/* What is allowed, or gives an error, by its arguments; with any of `sets` and
 * none of `unless`, which allow the whole call. */
static const struct {
	const char *call;
	unsigned sets, unless;
	int code; /* 0: allowed, else what it gives */
	unsigned n;
	struct scmp_arg_cmp args[2];
} rules[] = {
	NO_EXEC("mmap"),
	NO_EXEC("mmap2"),
	NO_EXEC("mprotect"),
	/* fstat of newer C libraries */
	{ "newfstatat", CALLS_BASE, ALL_FILES | CALLS_SANITIZER, 0, 1,
	    { IS(3, AT_EMPTY_PATH) } },
	{ "newfstatat", ALL_FILES | CALLS_SANITIZER, 0, 0, 0, { { 0 } } },
	{ "fstatat64", ALL_FILES | CALLS_SANITIZER, 0, 0, 0, { { 0 } } },
	/* our own limits, to read */
	{ "prlimit64", CALLS_BASE, 0, 0, 2, { IS(0, 0), IS(2, 0) } },
	{ "prctl", CALLS_BASE, 0, 0, 1, { IS(0, PR_SET_NAME) } },
	{ "prctl", CALLS_BASE, 0, 0, 1, { IS(0, PR_SET_PDEATHSIG) } },
#ifdef PR_SET_VMA
	{ "prctl", CALLS_BASE, 0, 0, 1, { IS(0, PR_SET_VMA) } },
#endif
	FCNTL(CALLS_BASE, F_GETFL),
	FCNTL(CALLS_BASE, F_SETFL),
	FCNTL(CALLS_BASE, F_GETFD),
	FCNTL(CALLS_BASE, F_SETFD),
	FCNTL(CALLS_BASE, F_DUPFD_CLOEXEC),
	FCNTL(ALL_FILES, F_GETLK),
	FCNTL(ALL_FILES, F_SETLK),
	FCNTL(ALL_FILES, F_SETLKW),
	FCNTL(ALL_FILES, F_OFD_GETLK),
	FCNTL(ALL_FILES, F_OFD_SETLK),
	FCNTL(ALL_FILES, F_OFD_SETLKW),
	/* isatty */
	{ "ioctl", CALLS_BASE, 0, 0, 1, { IS(1, TCGETS) } },
	{ "ioctl", CALLS_STREAM, 0, 0, 1, { IS(1, FIONREAD) } },
	{ "ioctl", CALLS_STREAM, 0, 0, 1, { IS(1, FIONBIO) } },
	{ "clone", CALLS_THREAD, 0, 0, 1,
	    { MASKED(CLONE_FLAGS_ARG, CLONE_THREAD, CLONE_THREAD) } },
	{ "socketpair", CALLS_STREAM, 0, 0, 1, { IS(0, AF_UNIX) } },
	{ "socket", CALLS_CONNECT, 0, 0, 1, { IS(0, AF_UNIX) } },
	{ "socket", CALLS_INET | CALLS_RESOLVER, 0, 0, 1, { IS(0, AF_INET) } },
	{ "socket", CALLS_INET | CALLS_RESOLVER, 0, 0, 1, { IS(0, AF_INET6) } },
	{ "open", CALLS_FILE_READ | CALLS_SANITIZER, WRITE_FILES, 0, 1,
	    { MASKED(1, OPEN_CHANGES, O_RDONLY) } },
	{ "openat", CALLS_FILE_READ | CALLS_SANITIZER, WRITE_FILES, 0, 1,
	    { MASKED(2, OPEN_CHANGES, O_RDONLY) } },
	/* SQLite then reads only; getaddrinfo takes all addresses for good. */
	{ "open", CALLS_DATABASE, WRITE_FILES, EACCES, 1,
	    { MASKED(1, O_ACCMODE, O_RDWR) } },
	{ "open", CALLS_DATABASE, WRITE_FILES, EACCES, 1,
	    { MASKED(1, O_ACCMODE, O_WRONLY) } },
	{ "openat", CALLS_DATABASE, WRITE_FILES, EACCES, 1,
	    { MASKED(2, O_ACCMODE, O_RDWR) } },
	{ "openat", CALLS_DATABASE, WRITE_FILES, EACCES, 1,
	    { MASKED(2, O_ACCMODE, O_WRONLY) } },
	{ "unlink", CALLS_DATABASE, WRITE_FILES, EACCES, 0, { { 0 } } },
	{ "socket", CALLS_DATABASE, 0, EAFNOSUPPORT, 1,
	    { IS(0, AF_NETLINK) } },
	/* Callers have another way. */
	{ "clone3", CALLS_BASE, 0, ENOSYS, 0, { { 0 } } },
	{ "futex_waitv", CALLS_BASE, 0, ENOSYS, 0, { { 0 } } },
	{ "membarrier", CALLS_BASE, CALLS_SANITIZER, ENOSYS, 0, { { 0 } } },
	/* Its flags cannot be looked at. */
	{ "openat2", CALLS_FILE_READ, WRITE_FILES, ENOSYS, 0, { { 0 } } },
	/* The sanitizer goes on without its symbolizer. */
	{ "clone", CALLS_SANITIZER, 0, EPERM, 1,
	    { MASKED(CLONE_FLAGS_ARG, CLONE_THREAD, 0) } },
};

static struct err
add_rule(scmp_filter_ctx ctx, const char *call, int code,
    const struct scmp_arg_cmp *args, unsigned n)
{
	int number = seccomp_syscall_resolve_name(call);
	uint32_t action =
	    code == 0 ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO((uint32_t)code);
	int failed;

	/* Not one of this architecture's, or of this library's. */
	if (number < 0)
		return ERR_OK;
	failed = seccomp_rule_add_array(ctx, action, number, n, args);
	if (failed == 0 || failed == -EEXIST)
		return ERR_OK;
	return err_make(ERR_TEMP, "allow %s: %s", call, strerror(-failed));
}

static struct err
add_rules(scmp_filter_ctx ctx, unsigned sets)
{
	/* Other threads cannot be signalled, nor other processes. */
	const struct scmp_arg_cmp self[] = { IS(0, getpid()) };
	struct err e = add_rule(ctx, "tgkill", 0, self, 1);

	for (size_t i = 0; i < ARRAY_LEN(plain_sets); i++) {
		if ((plain_sets[i].set & sets) == 0)
			continue;
		for (size_t j = 0; !err_is(e) && j < plain_sets[i].n; j++)
			e = add_rule(ctx, plain_sets[i].calls[j], 0, NULL, 0);
	}
	for (size_t i = 0; !err_is(e) && i < ARRAY_LEN(rules); i++)
		if ((rules[i].sets & sets) != 0 &&
		    (rules[i].unless & sets) == 0)
			e = add_rule(ctx, rules[i].call, rules[i].code,
			    rules[i].args, rules[i].n);
	return e;
}

static uint32_t
newest_known_call(void)
{
	for (int n = CALL_NUMBERS_MAX; n > 0; n--) {
		char *name =
		    seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, n);

		if (name != NULL) {
			free(name);
			return (uint32_t)n;
		}
	}
	return CALL_NUMBERS_MAX;
}

enum { HEAD = 6, FILTER_MAX = BPF_MAXINSNS };

/* For numbers of our own architecture beyond the newest; the rest goes on to
 * the library's part, which looks at the architecture again. */
static void
write_head(struct sock_filter *f)
{
	const struct sock_filter head[HEAD] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, arch)),
		BPF_JUMP(
		    BPF_JMP | BPF_JEQ | BPF_K, seccomp_arch_native(), 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, newest_known_call(), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	};

	memcpy(f, head, sizeof(head));
}

/* The library's program, through a pipe: it is far below what a pipe takes. */
static struct err
export_rules(scmp_filter_ctx ctx, struct sock_filter *f, size_t room, size_t *n)
{
	int ends[2];
	int failed;
	ssize_t got = 0;
	struct err e = ERR_OK;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_sys(ERR_TEMP, "pipe");
	failed = seccomp_export_bpf(ctx, ends[1]);
	if (failed == 0)
		got = read(ends[0], f, room * sizeof(*f));
	if (failed != 0)
		e = err_make(ERR_TEMP, "export: %s", strerror(-failed));
	else if (got <= 0 || (size_t)got >= room * sizeof(*f) ||
	    (size_t)got % sizeof(*f) != 0)
		e = err_make(ERR_TEMP, "export: %zd bytes", got);
	*n = (size_t)got / sizeof(*f);
	close(ends[0]);
	close(ends[1]);
	return e;
}

static struct err
make_filter(unsigned sets, struct sock_filter *f, size_t *n)
{
	scmp_filter_ctx ctx = seccomp_init(FORBIDDEN);
	struct err e;

	if (ctx == NULL)
		return err_make(ERR_TEMP, "seccomp_init");
	e = add_rules(ctx, sets);
	write_head(f);
	if (!err_is(e))
		e = export_rules(ctx, f + HEAD, FILTER_MAX - HEAD, n);
	*n += HEAD;
	seccomp_release(ctx);
	return e;
}

#ifdef BARID_CHECKS
/* Dies by the signal all the same.  log_error is not for signal handlers, but
 * this one is called at a known place, and the process ends. */
static void
on_forbidden(int sig, siginfo_t *info, void *context)
{
	static char text[64];
	int len;

	(void)context;
	len = snprintf(text, sizeof(text), "seccomp: forbidden call %d\n",
	    info->si_syscall);
	if (write(STDERR_FILENO, text, (size_t)len) == len)
		log_error("seccomp: forbidden call %d", info->si_syscall);
	log_flush();
	raise(sig);
}

static void
catch_forbidden(void)
{
	struct sigaction sa = { .sa_sigaction = on_forbidden,
		.sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESETHAND };
	sigset_t set;

	sigemptyset(&sa.sa_mask);
	sigaction(SIGSYS, &sa, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}
#else
static void
catch_forbidden(void)
{
}
#endif

struct err
seccomp_enforce(unsigned sets, bool *there)
{
	struct sock_filter *f;
	struct sock_fprog program;
	size_t n = 0;
	struct err e;

	*there = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
	if (!*there)
		return ERR_OK;
	f = xcalloc(FILTER_MAX, sizeof(*f));
	e = make_filter(sets | CALLS_OF_BUILD, f, &n);
	if (!err_is(e)) {
		catch_forbidden();
		program.len = (unsigned short)n;
		program.filter = f;
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) <
		    0)
			e = err_sys(ERR_TEMP, "load %zu instructions", n);
	}
	free(f);
	return e;
}
