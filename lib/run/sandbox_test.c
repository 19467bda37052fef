/*
 * Each role of a table is dropped to in a child, which then tries what it must
 * and must not be able to do; the parent looks at what the kernel says of it.
 * As root the child becomes uid 65534; all runs a second time in an ordinary
 * user's way.  What cannot be tested says why.
 */
#include "lib/run/sandbox.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/surplus.h"
#include "lib/base/unit.h"
#include "lib/run/fiber.h"
#include "lib/run/landlock.h"
#include "lib/run/loop.h"
#include "lib/run/offload.h"
#include "lib/run/sandbox_impl.h"
#include "lib/run/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { TEST_ID = 65534, SIZE_LIMIT = 100000 };

static const struct sandbox_path queue_paths[] = {
	{ "active", true },
	{ "incoming", true },
	{ "readable", false },
	{ "/nonexistent/of-barid", false },
	{ NULL, false },
};

static const struct sandbox_path read_paths[] = {
	{ "active", false },
	{ "readable", false },
	{ NULL, false },
};

static const struct sandbox_role roles[] = {
	{ .name = "base",
	    .identity = IDENTITY_ANVIL,
	    .root = ROOT_EMPTY,
	    .calls = CALLS_BASE },
	{ .name = "smtpd",
	    .identity = IDENTITY_SMTPD,
	    .root = ROOT_QUEUE,
	    .calls = CALLS_STREAM | CALLS_CONNECT | CALLS_ACCEPT },
	{ .name = "smtp",
	    .identity = IDENTITY_SMTP,
	    .root = ROOT_QUEUE,
	    .calls = CALLS_STREAM | CALLS_CONNECT | CALLS_INET | CALLS_ACCEPT },
	{ .name = "resolve",
	    .identity = IDENTITY_RESOLVE,
	    .root = ROOT_EMPTY,
	    .calls = CALLS_STREAM | CALLS_RESOLVER | CALLS_ACCEPT },
	{ .name = "cleanup",
	    .identity = IDENTITY_QUEUE,
	    .root = ROOT_NONE,
	    .calls = CALLS_STREAM | CALLS_THREAD | CALLS_CONNECT |
		CALLS_ACCEPT | CALLS_QUEUE,
	    .paths = queue_paths },
	{ .name = "showq",
	    .identity = IDENTITY_QUEUE,
	    .root = ROOT_QUEUE,
	    .calls = CALLS_STREAM | CALLS_ACCEPT | CALLS_FILE_READ,
	    .paths = read_paths,
	    .file_size_max = SIZE_LIMIT },
	{ .name = "threads",
	    .identity = IDENTITY_LOG,
	    .root = ROOT_NONE,
	    .calls = CALLS_THREAD },
	{ .name = "mailbox",
	    .identity = IDENTITY_QUEUE,
	    .root = ROOT_NONE,
	    .calls = CALLS_MAILBOX,
	    .paths = queue_paths },
};

/* --- what a child tries: 0 if it was done --- */

static int spare_listener = -1, abstract_listener = -1;
static pid_t other_process;
static struct sockaddr_un listener_addr, abstract_addr;

static int
try_ordinary_work(void)
{
	sigset_t set, old;
	struct timespec t = { 0, 1000 };
	struct stat st;
	struct rlimit r;
	char *p = malloc(3 << 20);
	struct tm tm;
	time_t now = time(NULL);
	char text[64];
	ucontext_t context;

	if (p == NULL)
		return -1;
	memset(p, 1, 3 << 20);
	p = realloc(p, 9 << 20);
	free(p);
	sigemptyset(&set);
	localtime_r(&now, &tm);
	if (strftime(text, sizeof(text), "%Z %H:%M", &tm) == 0 ||
	    sigprocmask(SIG_BLOCK, &set, &old) < 0 ||
	    getcontext(&context) < 0 || getentropy(text, 16) < 0 ||
	    nanosleep(&t, NULL) < 0 || fstat(1, &st) < 0 ||
	    getrlimit(RLIMIT_NOFILE, &r) < 0 || getpid() <= 1)
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &t);
	log_info("%s", "from behind");
	printf("%s", "");
	fflush(stdout);
	return sysconf(_SC_OPEN_MAX) > 0 ? 0 : -1;
}

static int
try_open_passwd(void)
{
	return open("/etc/passwd", O_RDONLY);
}

static int
try_read_queue(void)
{
	char c;
	int fd = open("active/file", O_RDONLY | O_CLOEXEC);

	return fd < 0 || pread(fd, &c, 1, 0) != 1 ? -1 : close(fd);
}

static int
try_create(void)
{
	int fd = open("active/new", O_CREAT | O_EXCL | O_WRONLY, 0600);

	if (fd < 0 || write(fd, "x", 1) != 1 || fsync(fd) < 0 ||
	    flock(fd, LOCK_EX) < 0 || fchmod(fd, 0700) < 0)
		return -1;
	return close(fd);
}

static int
try_move(void)
{
	if (rename("active/file", "incoming/file") < 0)
		return -1;
	return link("incoming/file", "active/file");
}

static int
try_create_outside(void)
{
	return open("outside", O_CREAT | O_WRONLY, 0600);
}

static int
try_write_readable(void)
{
	return open("readable", O_WRONLY);
}

static int
try_unix(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -1
		      : connect(fd, (struct sockaddr *)&listener_addr,
			    sizeof(listener_addr));
}

static int
try_abstract(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -1
		      : connect(fd, (struct sockaddr *)&abstract_addr,
			    sizeof(abstract_addr));
}

static int
try_inet(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static int
try_inet6(void)
{
	return socket(AF_INET6, SOCK_DGRAM, 0);
}

static int
try_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0);
}

static int
try_accept(void)
{
	int fd = accept4(spare_listener, NULL, NULL, SOCK_CLOEXEC);

	return fd < 0 && errno != EAGAIN ? -1 : 0;
}

static int
try_ptrace(void)
{
	return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int
try_execve(void)
{
	char *argv[] = { (char[]){ "true" }, NULL };

	return execve("/bin/true", argv, argv + 1);
}

static int
try_setuid(void)
{
	return setuid(0);
}

static int
try_setgroups(void)
{
	gid_t none = 0;

	return setgroups(1, &none);
}

static int
try_mount(void)
{
	return mount("none", "/tmp", "tmpfs", 0, NULL);
}

static int
try_chroot(void)
{
	return chroot(".");
}

static int
try_kill(void)
{
	return kill(other_process, SIGTERM);
}

static int
try_tgkill(void)
{
	return (int)syscall(SYS_tgkill, other_process, other_process, SIGTERM);
}

static int
try_mmap_exec(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
	    ? -1
	    : 0;
}

static int
try_mprotect_exec(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static int
try_fork(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return pid < 0 ? -1 : 0;
}

static void *
nothing(void *arg)
{
	free(malloc(100));
	return arg;
}

static int
try_thread(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, nothing, NULL) != 0)
		return -1;
	return pthread_join(t, NULL) == 0 ? 0 : -1;
}

static int
try_memfd(void)
{
	return memfd_create("x", 0);
}

static int
try_io_uring(void)
{
	return (int)syscall(SYS_io_uring_setup, 1, NULL);
}

static int
try_bpf(void)
{
	return (int)syscall(SYS_bpf, 0, NULL, 0);
}

static int
try_userfaultfd(void)
{
	return (int)syscall(SYS_userfaultfd, 0);
}

static int
try_unshare(void)
{
	return (int)syscall(SYS_unshare, 0x10000000);
}

static int
try_set_limit(void)
{
	struct rlimit r = { 10, 10 };

	return setrlimit(RLIMIT_NOFILE, &r);
}

static int
try_core_limit(void)
{
	struct rlimit r;

	return getrlimit(RLIMIT_CORE, &r) < 0 || r.rlim_max == 0 ? -1 : 0;
}

static int
try_undumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

/* The kernel's answer must be ENOSYS, not death. */
static int
try_newer(void)
{
	return syscall(SYS_clone3, NULL, 0) < 0 && errno == ENOSYS &&
		syscall(1020) < 0 && errno == ENOSYS
	    ? 0
	    : -1;
}

#ifdef __x86_64__
static int
try_x32(void)
{
	return (int)syscall(0x40000000 + SYS_getpid);
}
#endif

/* The ends of what may be done: as `sets` says, or always, or never. */
enum { NEVER = 0, ALWAYS = CALLS_BASE };

static const struct {
	const char *name;
	int (*run)(void);
	unsigned sets;
} acts[] = {
	{ "ordinary work", try_ordinary_work, ALWAYS },
	{ "clone3 and unknown calls give ENOSYS", try_newer, ALWAYS },
	{ "read a queue file", try_read_queue,
	    CALLS_FILE_READ | CALLS_QUEUE | CALLS_MAILBOX },
	{ "create a file", try_create, CALLS_QUEUE | CALLS_MAILBOX },
	{ "move a file to another directory", try_move,
	    CALLS_QUEUE | CALLS_MAILBOX },
	{ "create a file elsewhere", try_create_outside, NEVER },
	{ "write to what is to be read", try_write_readable, NEVER },
	{ "open /etc/passwd", try_open_passwd, NEVER },
	{ "connect to a Unix socket", try_unix, CALLS_CONNECT },
	{ "connect to an abstract socket", try_abstract, NEVER },
	{ "socket(AF_INET)", try_inet, CALLS_INET | CALLS_RESOLVER },
	{ "socket(AF_INET6)", try_inet6, CALLS_INET | CALLS_RESOLVER },
	{ "socket(AF_NETLINK)", try_netlink, NEVER },
	{ "accept", try_accept, CALLS_ACCEPT },
	{ "ptrace", try_ptrace, NEVER },
	{ "execve", try_execve, NEVER },
	{ "setuid(0)", try_setuid, NEVER },
	{ "setgroups", try_setgroups, NEVER },
	{ "mount", try_mount, NEVER },
	{ "chroot", try_chroot, NEVER },
	{ "kill another process", try_kill, NEVER },
	{ "tgkill another process", try_tgkill, NEVER },
	{ "mmap PROT_EXEC", try_mmap_exec, NEVER },
	{ "mprotect PROT_EXEC", try_mprotect_exec, NEVER },
	{ "fork", try_fork, NEVER },
	{ "start a thread", try_thread, CALLS_THREAD },
	{ "memfd_create", try_memfd, NEVER },
	{ "io_uring_setup", try_io_uring, NEVER },
	{ "bpf", try_bpf, NEVER },
	{ "userfaultfd", try_userfaultfd, NEVER },
	{ "unshare", try_unshare, NEVER },
	{ "set a limit", try_set_limit, NEVER },
	{ "dump core", try_core_limit, NEVER },
	{ "become dumpable", try_undumpable, NEVER },
#ifdef __x86_64__
	{ "a call of another ABI", try_x32, NEVER },
#endif
};

/* --- the scene --- */

static char queue_dir[64];
static struct sandbox_site site;

static bool
is_root(void)
{
	return geteuid() == 0;
}

static void
own_file(const char *name, bool dir)
{
	int fd;

	if (dir) {
		ck_assert_int_eq(mkdir(name, 0700), 0);
	} else {
		fd = open(name, O_CREAT | O_WRONLY, 0600);
		ck_assert_int_eq(write(fd, "abc", 3), 3);
		close(fd);
	}
	if (is_root())
		ck_assert_int_eq(chown(name, TEST_ID, TEST_ID), 0);
}

static int
listen_at(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	ck_assert_int_eq(
	    bind(fd, (const struct sockaddr *)addr, sizeof(*addr)), 0);
	ck_assert_int_eq(listen(fd, 100), 0);
	return fd;
}

static void
set_scene(void)
{
	snprintf(queue_dir, sizeof(queue_dir), "/tmp/sandbox-test.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(queue_dir));
	ck_assert_int_eq(chmod(queue_dir, 0755), 0);
	ck_assert_int_eq(chdir(queue_dir), 0);
	ck_assert_int_eq(mkdir("empty", 0555), 0);
	own_file("active", true);
	own_file("incoming", true);
	own_file("active/file", false);
	own_file("readable", false);
	listener_addr =
	    (struct sockaddr_un){ .sun_family = AF_UNIX, .sun_path = "socket" };
	spare_listener = listen_at(&listener_addr);
	chmod("socket", 0777);
	abstract_addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(abstract_addr.sun_path + 1, sizeof(abstract_addr.sun_path) - 1,
	    "barid-sandbox-test-%ld", (long)getpid());
	abstract_listener = listen_at(&abstract_addr);
	other_process = getpid();
	site = (struct sandbox_site){ .queue_directory = queue_dir,
		.mail_owner = "barid",
		.setgid_group = "postdrop" };
}

static void
clear_scene(void)
{
	static const char *const names[] = { "active/file", "active/new",
		"incoming/file", "readable", "outside", "socket" };

	close(spare_listener);
	close(abstract_listener);
	ck_assert_int_eq(chdir(queue_dir), 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unlink(names[i]);
	rmdir("active");
	rmdir("incoming");
	rmdir("empty");
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(rmdir(queue_dir), 0);
}

enum way { AS_ROOT, AS_USER, WAYS };

static bool
can_go(enum way way)
{
	if (way == AS_ROOT && !is_root()) {
		printf("# skipped: dropping from root needs root\n");
		return false;
	}
	return true;
}

/* In a child. */
static void
drop(const struct sandbox_role *role, enum way way)
{
	struct sandbox_ids ids = { .uid = TEST_ID, .gid = TEST_ID };

	if (way == AS_USER && is_root() &&
	    (setgroups(0, NULL) < 0 ||
		setresgid(TEST_ID, TEST_ID, TEST_ID) < 0 ||
		setresuid(TEST_ID, TEST_ID, TEST_ID) < 0))
		_exit(99);
	site.unprivileged = way == AS_USER;
	if (way == AS_USER) {
		ids.uid = getuid();
		ids.gid = getgid();
	}
	sandbox_drop_to(role, &site, &ids);
}

enum { DONE = 10, REFUSED, DIED };

static int
end_of(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		return DIED;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Check builds tell each forbidden call there. */
static void
quiet(void)
{
	int fd = open("/dev/null", O_RDWR);

	dup2(fd, 1);
	dup2(fd, 2);
	close(fd);
}

static int
try_in_child(const struct sandbox_role *role, enum way way, int (*run)(void))
{
	pid_t pid = fork();

	if (pid != 0)
		return end_of(pid);
	quiet();
	drop(role, way);
	_exit(run() >= 0 ? DONE : REFUSED);
}

/* What an ordinary user's process could do even so: no changed root, and a
 * kernel without the newer scopes. */
static bool
cannot_be_refused(const struct sandbox_role *role, const char *act)
{
	if (landlock_abi() < 6 && strstr(act, "abstract") != NULL)
		return (role->calls & CALLS_CONNECT) != 0;
	return landlock_abi() == 0 && strstr(act, "file") != NULL;
}

START_TEST(role_may_do_what_it_should_and_nothing_else)
{
	const struct sandbox_role *role = &roles[_i / WAYS];
	enum way way = (enum way)(_i % WAYS);

	if (!can_go(way))
		return;
	for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
		bool may = ((role->calls | CALLS_BASE) & acts[i].sets) != 0;
		int end;

		/* Sockets are outside an empty root. */
		if (acts[i].run == try_unix && role->root == ROOT_EMPTY)
			continue;
		if (!may && cannot_be_refused(role, acts[i].name))
			continue;
		set_scene();
		end = try_in_child(role, way, acts[i].run);
		clear_scene();
		if (may)
			ck_assert_msg(end == DONE, "%s, way %d: %s: ended %d",
			    role->name, way, acts[i].name, end);
		else
			ck_assert_msg(end == REFUSED || end == DIED,
			    "%s, way %d: %s: ended %d", role->name, way,
			    acts[i].name, end);
	}
}
END_TEST

/* Which are to die, and not only to fail. */
START_TEST(forbidden_calls_kill)
{
	static int (*const deadly[])(void) = { try_ptrace, try_execve,
		try_setuid, try_mount, try_kill, try_tgkill, try_mmap_exec,
		try_inet, try_memfd, try_bpf, try_io_uring, try_set_limit };
	enum way way = (enum way)(_i % WAYS);

	if (!can_go(way))
		return;
	for (size_t i = 0; i < ARRAY_LEN(deadly); i++) {
		int end;

		set_scene();
		end = try_in_child(&roles[1], way, deadly[i]);
		clear_scene();
		ck_assert_msg(end == DIED, "%zu ended %d", i, end);
	}
}
END_TEST

/* --- what the kernel says --- */

static pid_t
start_waiting_child(void (*begin)(void *), void *arg, int *to, int *from)
{
	int down[2], up[2];
	char c = 'r';
	pid_t pid;

	ck_assert_int_eq(pipe(down), 0);
	ck_assert_int_eq(pipe(up), 0);
	pid = fork();
	if (pid == 0) {
		close(down[1]);
		close(up[0]);
		begin(arg);
		if (write(up[1], &c, 1) != 1 ||
		    write(up[1], sandbox_layers(), 127) != 127 ||
		    read(down[0], &c, 1) < 0)
			_exit(1);
		_exit(0);
	}
	close(down[0]);
	close(up[1]);
	*to = down[1];
	*from = up[0];
	return pid;
}

static void
read_proc(pid_t pid, const char *name, char *buf, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
	fd = open(path, O_RDONLY);
	ck_assert_int_ge(fd, 0);
	n = read(fd, buf, size - 1);
	ck_assert_int_gt(n, 0);
	buf[n] = '\0';
	close(fd);
}

static void
check_line(const char *status, const char *line)
{
	ck_assert_msg(
	    strstr(status, line) != NULL, "no \"%s\" in:\n%s", line, status);
}

#define NO_CAPS(set) "\n" set ":\t0000000000000000\n"

static void
check_status(pid_t pid, bool was_root)
{
	static char status[4096];

	read_proc(pid, "status", status, sizeof(status));
	check_line(status, "\nUid:\t65534\t65534\t65534\t65534\n");
	check_line(status, "\nGid:\t65534\t65534\t65534\t65534\n");
	check_line(status, "\nGroups:\t \n");
	check_line(status, NO_CAPS("CapInh"));
	check_line(status, NO_CAPS("CapPrm"));
	check_line(status, NO_CAPS("CapEff"));
	check_line(status, NO_CAPS("CapAmb"));
	if (was_root)
		check_line(status, NO_CAPS("CapBnd"));
	check_line(status, "\nNoNewPrivs:\t1\n");
	check_line(status, "\nSeccomp:\t2\n");
	check_line(status, "\nThreads:\t1\n");
}

struct drop_arg {
	const struct sandbox_role *role;
	enum way way;
};

static void
begin_drop(void *arg)
{
	struct drop_arg *a = arg;

	drop(a->role, a->way);
}

static void
check_layers(const struct sandbox_role *role, enum way way, const char *layers)
{
	char landlock[32];

	snprintf(landlock, sizeof(landlock), "landlock:%d", landlock_abi());
	ck_assert_msg(strstr(layers, "limits") && strstr(layers, "uid") &&
		strstr(layers, "caps") && strstr(layers, "nnp") &&
		strstr(layers, "seccomp"),
	    "%s", layers);
	ck_assert_int_eq(strstr(layers, "chroot") != NULL,
	    way == AS_ROOT && role->root != ROOT_NONE);
	if (landlock_abi() >= 2)
		ck_assert_msg(strstr(layers, landlock) != NULL, "%s", layers);
}

static void
check_limits(pid_t pid, const struct sandbox_role *role)
{
	static char limits[4096];
	char size[80];

	read_proc(pid, "limits", limits, sizeof(limits));
	check_line(limits, "Max core file size        0                    0 ");
	snprintf(size, sizeof(size), "Max file size             %-20d %-20d ",
	    SIZE_LIMIT, SIZE_LIMIT);
	if (role->file_size_max > 0)
		check_line(limits, size);
}

/* In both ways uid 65534, so an ordinary user who is another cannot tell. */
START_TEST(kernel_says_that_all_is_dropped)
{
	struct drop_arg a = { &roles[_i / WAYS], (enum way)(_i % WAYS) };
	char text[128];
	struct stat st;
	char path[64];
	int to, from;
	pid_t pid;

	if (!is_root()) {
		printf("# skipped: reads what only root sees\n");
		return;
	}
	set_scene();
	pid = start_waiting_child(begin_drop, &a, &to, &from);
	ck_assert_int_eq(read(from, text, 1), 1);
	ck_assert_int_eq(read(from, text, sizeof(text)), 127);
	text[127] = '\0';
	check_layers(a.role, a.way, text);
	check_status(pid, a.way == AS_ROOT);
	check_limits(pid, a.role);
	snprintf(path, sizeof(path), "/proc/%ld/fd", (long)pid);
	ck_assert_int_eq(stat(path, &st), 0);
	/* Not dumpable: its entry is root's. */
	ck_assert_int_eq(st.st_uid, 0);
	close(to);
	ck_assert_int_eq(end_of(pid), 0);
	close(from);
	clear_scene();
}
END_TEST

/* --- our own machinery behind the drop --- */

static int work_fd = -1;
static atomic_size_t n_worked;

static void
write_and_sync(void *arg)
{
	char *p = malloc(300000);

	(void)arg;
	memset(p, 1, 300000);
	free(p);
	if (write(work_fd, "x", 1) == 1 && fsync(work_fd) == 0)
		n_worked++;
}

static void
work_beside(void *arg)
{
	(void)arg;
	offload(write_and_sync, NULL);
}

/* Threads and stacks that were needed once end and are given back. */
static void
work_hard_and_rest(void)
{
	surplus_after_ms = 2;
	for (int i = 0; i < 10; i++)
		fiber_spawn("beside", work_beside, NULL);
	while (fiber_count() > 1)
		fiber_sleep(1);
	for (int i = 0; i < 3; i++)
		fiber_sleep(5);
}

static void
work_on_fiber(void *arg)
{
	int *ends = arg;
	struct stream s;
	struct view v;

	work_hard_and_rest();
	offload(write_and_sync, NULL);
	stream_init(&s, ends[0]);
	if (write(ends[1], "hello", 5) != 5 ||
	    err_is(stream_peek_n(&s, 5, &v, deadline_in_ms(5000))) ||
	    err_is(fiber_sleep(1)))
		_exit(97);
	fiber_trim_stack();
	stream_clear(&s);
	close(ends[1]);
	loop_stop();
}

static int
try_loop(void)
{
	int ends[2];

	work_fd = open("active/work", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	if (work_fd < 0 || unlink("active/work") < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		return -1;
	loop_init();
	fiber_spawn("work", work_on_fiber, ends);
	loop_run();
	offload_clear();
	loop_clear();
	return n_worked == 11 ? 0 : -1;
}

START_TEST(loop_fibers_and_threads_work_behind_the_drop)
{
	int end;

	if (!can_go((enum way)_i))
		return;
	set_scene();
	end = try_in_child(&roles[4], (enum way)_i, try_loop);
	clear_scene();
	ck_assert_int_eq(end, DONE);
}
END_TEST

static int
try_abort(void)
{
	abort();
}

static int
try_exit(void)
{
	exit(DONE);
}

/* As they would without: what master tells must be what happened. */
START_TEST(abort_and_exit_are_themselves_behind_the_drop)
{
	if (!can_go((enum way)_i))
		return;
	set_scene();
	ck_assert_int_eq(
	    try_in_child(&roles[0], (enum way)_i, try_abort), -SIGABRT);
	ck_assert_int_eq(try_in_child(&roles[0], (enum way)_i, try_exit), DONE);
	clear_scene();
}
END_TEST

/* --- monitors, and what they start --- */

static const struct sandbox_role monitor = {
	.name = "local", .identity = IDENTITY_ROOT, .has_children = true
};

static void
begin_monitor(void *arg)
{
	(void)arg;
	sandbox_drop_to(&monitor, &site, &(struct sandbox_ids){ .uid = 0 });
}

START_TEST(monitor_hands_nothing_down)
{
	static char status[4096];
	char text[128];
	int to, from;
	pid_t pid;

	if (!can_go(AS_ROOT))
		return;
	set_scene();
	pid = start_waiting_child(begin_monitor, NULL, &to, &from);
	ck_assert_int_eq(read(from, text, 1), 1);
	ck_assert_int_eq(read(from, text, sizeof(text)), 127);
	read_proc(pid, "status", status, sizeof(status));
	check_line(status, "\nUid:\t0\t0\t0\t0\n");
	check_line(status, "\nNoNewPrivs:\t0\n");
	check_line(status, "\nSeccomp:\t0\n");
	/* CHOWN DAC_OVERRIDE FOWNER KILL SETGID SETUID SETPCAP
	 * NET_BIND_SERVICE SYS_CHROOT SYS_RESOURCE: all or, in a container,
	 * less. */
	ck_assert_msg((strtoull(strstr(status, "\nCapEff:\t") + 9, NULL, 16) &
			  ~0x10405ebULL) == 0,
	    "%s", status);
	ck_assert_ptr_null(strstr(status, NO_CAPS("CapBnd")));
	close(to);
	ck_assert_int_eq(end_of(pid), 0);
	close(from);
	clear_scene();
}
END_TEST

static void
begin_owner(void *arg)
{
	static const struct sandbox_ids owner = { .uid = TEST_ID,
		.gid = TEST_ID };

	(void)arg;
	if (err_is(sandbox_become_user(&owner, CALLS_MAILBOX)))
		_exit(98);
}

START_TEST(mailbox_owner_is_dropped_to_from_a_monitor)
{
	char text[128];
	int to, from;
	pid_t pid;

	if (!can_go(AS_ROOT))
		return;
	set_scene();
	begin_monitor(NULL);
	pid = start_waiting_child(begin_owner, NULL, &to, &from);
	ck_assert_int_eq(read(from, text, 1), 1);
	ck_assert_int_eq(read(from, text, sizeof(text)), 127);
	check_status(pid, true);
	close(to);
	ck_assert_int_eq(end_of(pid), 0);
	close(from);
	clear_scene();
}
END_TEST

START_TEST(mailbox_owner_is_never_root)
{
	const struct sandbox_ids root = { .uid = 0 };
	const struct sandbox_ids other = { .uid = geteuid() + 1,
		.gid = getegid() };
	struct err e = sandbox_become_user(&root, CALLS_MAILBOX);

	ck_assert_int_eq(e.kind, ERR_PERM);
	if (!is_root()) {
		e = sandbox_become_user(&other, 0);
		ck_assert_int_eq(e.kind, ERR_PERM);
	}
}
END_TEST

/* --- what must end the start --- */

static int
drop_end(const struct sandbox_role *role, const struct sandbox_site *where,
    const struct sandbox_ids *ids)
{
	pid_t pid = fork();

	if (pid != 0)
		return end_of(pid);
	quiet();
	sandbox_drop_to(role, where, ids);
	_exit(DONE);
}

static void *
wait_for_ever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

START_TEST(start_fails_if_a_layer_does)
{
	const struct sandbox_ids nobody = { .uid = TEST_ID, .gid = TEST_ID };
	const struct sandbox_ids root = { .uid = 0, .gid = 0 };
	static const struct sandbox_path missing[] = { { "nowhere", true },
		{ NULL, false } };
	struct sandbox_role role = roles[0];
	pthread_t thread;
	pid_t pid;

	set_scene();
	site.unprivileged = true;
	if (is_root())
		ck_assert_int_eq(drop_end(&role, &site, &nobody), 75);
	site.unprivileged = false;
	if (!can_go(AS_ROOT)) {
		ck_assert_int_eq(drop_end(&role, &site, &nobody), 75);
		clear_scene();
		return;
	}
	ck_assert_int_eq(drop_end(&role, &site, &nobody), DONE);
	ck_assert_int_eq(drop_end(&role, &site, &root), 75);
	role.paths = missing;
	ck_assert_int_eq(drop_end(&role, &site, &nobody), 75);
	role.paths = NULL;
	ck_assert_int_eq(chmod("empty", 0775), 0);
	ck_assert_int_eq(drop_end(&role, &site, &nobody), 75);
	ck_assert_int_eq(rmdir("empty"), 0);
	ck_assert_int_eq(drop_end(&role, &site, &nobody), 75);
	ck_assert_int_eq(mkdir("empty", 0555), 0);
	pid = fork();
	if (pid == 0) {
		quiet();
		if (pthread_create(&thread, NULL, wait_for_ever, NULL) == 0)
			sandbox_drop_to(&role, &site, &nobody);
		_exit(DONE);
	}
	ck_assert_int_eq(end_of(pid), 75);
	clear_scene();
}
END_TEST

START_TEST(accounts_have_the_mail_owner_in_front)
{
	const struct sandbox_site s = { .mail_owner = "nosuchowner" };
	char name[64];
	uid_t uid;
	gid_t gid;
	struct err e;

	sandbox_account_name(&s, IDENTITY_QUEUE, name, sizeof(name));
	ck_assert_str_eq(name, "nosuchowner");
	sandbox_account_name(&s, IDENTITY_SMTPD, name, sizeof(name));
	ck_assert_str_eq(name, "nosuchowner-smtpd");
	sandbox_account_name(&s, IDENTITY_LOG, name, sizeof(name));
	ck_assert_str_eq(name, "nosuchowner-log");
	sandbox_account_name(&s, IDENTITY_ROOT, name, sizeof(name));
	ck_assert_str_eq(name, "root");
	e = sandbox_find_identity(&s, IDENTITY_KEYS, &uid, &gid);
	ck_assert_int_eq(e.kind, ERR_TEMP);
	ck_assert_ptr_nonnull(strstr(e.text, "nosuchowner-keys"));
	ck_assert(
	    !err_is(sandbox_find_identity(&s, IDENTITY_ROOT, &uid, &gid)));
	ck_assert_int_eq(uid, 0);
}
END_TEST

START_TEST(account_with_rights_of_root_is_refused)
{
	const struct sandbox_site s = { .mail_owner = "root" };
	uid_t uid;
	gid_t gid;
	struct err e = sandbox_find_identity(&s, IDENTITY_QUEUE, &uid, &gid);

	ck_assert_int_eq(e.kind, ERR_TEMP);
}
END_TEST

UNIT_MAIN("sandbox",
    { role_may_do_what_it_should_and_nothing_else,
	(int)ARRAY_LEN(roles) * WAYS },
    { forbidden_calls_kill, WAYS },
    { loop_fibers_and_threads_work_behind_the_drop, WAYS },
    { abort_and_exit_are_themselves_behind_the_drop, WAYS },
    { kernel_says_that_all_is_dropped, (int)ARRAY_LEN(roles) * WAYS },
    { monitor_hands_nothing_down, 1 },
    { mailbox_owner_is_dropped_to_from_a_monitor, 1 },
    { mailbox_owner_is_never_root, 1 }, { start_fails_if_a_layer_does, 1 },
    { accounts_have_the_mail_owner_in_front, 1 },
    { account_with_rights_of_root_is_refused, 1 })
