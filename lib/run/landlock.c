/*
 * Landlock: see landlock.h.  The definitions are our own, since the headers of
 * Debian 12 end at ABI 2; the kernel takes a longer struct from us as long as
 * what it does not know is zero.
 */
#include "lib/run/landlock.h"

#include "lib/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The same numbers on every architecture. */
enum {
	CALL_CREATE_RULESET = 444,
	CALL_ADD_RULE = 445,
	CALL_RESTRICT_SELF = 446,
	CREATE_VERSION = 1,
	RULE_PATH_BENEATH = 1,
	ABI_KNOWN = 7,
};

#define FS_EXECUTE UINT64_C(0x1)
#define FS_WRITE_FILE UINT64_C(0x2)
#define FS_READ_FILE UINT64_C(0x4)
#define FS_READ_DIR UINT64_C(0x8)
#define FS_REMOVE_DIR UINT64_C(0x10)
#define FS_REMOVE_FILE UINT64_C(0x20)
#define FS_MAKE_DIR UINT64_C(0x80)
#define FS_MAKE_REG UINT64_C(0x100)
#define FS_OF_ABI_1 UINT64_C(0x1fff)
#define FS_REFER UINT64_C(0x2000)     /* ABI 2 */
#define FS_TRUNCATE UINT64_C(0x4000)  /* ABI 3 */
#define FS_IOCTL_DEV UINT64_C(0x8000) /* ABI 5 */

#define NET_BIND_TCP UINT64_C(0x1) /* ABI 4 */
#define NET_CONNECT_TCP UINT64_C(0x2)

#define SCOPE_ABSTRACT_SOCKET UINT64_C(0x1) /* ABI 6 */
#define SCOPE_SIGNAL UINT64_C(0x2)

/* What makes sense on a path that is no directory. */
#define FS_OF_FILE (FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE)
#define FS_TO_READ (FS_READ_FILE | FS_READ_DIR)
/* No devices, sockets, pipes or symbolic links: nobody of ours makes any. */
#define FS_TO_WRITE                                                    \
	(FS_TO_READ | FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | \
	    FS_MAKE_DIR | FS_MAKE_REG | FS_REFER | FS_TRUNCATE)

struct ruleset_attr {
	uint64_t fs, net, scoped;
};

struct path_attr {
	uint64_t allowed;
	int32_t parent_fd;
} __attribute__((packed));

int
landlock_abi(void)
{
	long n = syscall(CALL_CREATE_RULESET, NULL, 0, CREATE_VERSION);

	return n < 0 ? 0 : n > ABI_KNOWN ? ABI_KNOWN : (int)n;
}

static uint64_t
fs_rights(int abi)
{
	uint64_t fs = FS_OF_ABI_1;

	if (abi >= 2)
		fs |= FS_REFER;
	if (abi >= 3)
		fs |= FS_TRUNCATE;
	if (abi >= 5)
		fs |= FS_IOCTL_DEV;
	return fs;
}

static struct err
add_path(int ruleset, int base, const struct sandbox_path *p, uint64_t known)
{
	struct path_attr attr = { .allowed =
				      p->write ? FS_TO_WRITE : FS_TO_READ };
	struct stat st;
	struct err e = ERR_OK;

	attr.parent_fd = openat(base, p->path, O_PATH | O_CLOEXEC);
	if (attr.parent_fd < 0 && errno == ENOENT && p->path[0] == '/')
		return ERR_OK;
	if (attr.parent_fd < 0)
		return err_sys(ERR_TEMP, "open %s", p->path);
	if (fstat(attr.parent_fd, &st) < 0)
		e = err_sys(ERR_TEMP, "stat %s", p->path);
	if (!S_ISDIR(st.st_mode))
		attr.allowed &= FS_OF_FILE;
	attr.allowed &= known;
	if (!err_is(e) &&
	    syscall(CALL_ADD_RULE, ruleset, RULE_PATH_BENEATH, &attr, 0) < 0)
		e = err_sys(ERR_TEMP, "add rule for %s", p->path);
	close(attr.parent_fd);
	return e;
}

static struct err
add_paths(int ruleset, const char *base, const struct sandbox_path *paths,
    uint64_t known)
{
	struct err e = ERR_OK;
	int dir = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return err_sys(ERR_TEMP, "open %s", base);
	for (; !err_is(e) && paths->path != NULL; paths++)
		e = add_path(ruleset, dir, paths, known);
	close(dir);
	return e;
}

static bool
any_write(const struct sandbox_path *paths)
{
	for (; paths != NULL && paths->path != NULL; paths++)
		if (paths->write)
			return true;
	return false;
}

struct err
landlock_open_rules(
    const struct sandbox_path *paths, const char *base, bool tcp, int *fd)
{
	int abi = landlock_abi();
	struct ruleset_attr attr = { .fs = fs_rights(abi) };
	struct err e = ERR_OK;

	*fd = -1;
	/* The first version forbids every rename and link from one directory
	 * to another: the queue could not work. */
	if (abi == 0 || (abi == 1 && any_write(paths)))
		return ERR_OK;
	if (abi >= 4 && !tcp)
		attr.net = NET_BIND_TCP | NET_CONNECT_TCP;
	if (abi >= 6)
		attr.scoped = SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL;
	*fd = (int)syscall(CALL_CREATE_RULESET, &attr, sizeof(attr), 0);
	if (*fd < 0)
		return err_sys(ERR_TEMP, "create rules");
	if (paths != NULL)
		e = add_paths(*fd, base, paths, attr.fs);
	if (err_is(e)) {
		close(*fd);
		*fd = -1;
	}
	return e;
}

struct err
landlock_enforce(int fd)
{
	struct err e = ERR_OK;

	if (syscall(CALL_RESTRICT_SELF, fd, 0) < 0)
		e = err_sys(ERR_TEMP, "enforce rules");
	close(fd);
	return e;
}
