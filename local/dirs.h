/*
 * Opening what lies in folders that somebody else can write to, as the owner
 * of a mailbox.  Below a held descriptor no symbolic link is followed and no
 * ".." leaves it: by openat2, or component by component where the kernel or a
 * filter of system calls does not have that.
 */
#ifndef LOCAL_DIRS_H
#define LOCAL_DIRS_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Open the directory at this absolute path (O_PATH).  Symbolic links in it are
 * followed if root or uid owns them.  -1 with errno; ELOOP for other links.
 */
int dirs_open_base(const char *path, uid_t uid);
/*
 * Open path below dir; flags as for open, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY and
 * O_CLOEXEC are added.  With O_CREAT only the last component is created. -1
 * with errno.
 */
int dirs_open_beneath(int dir, const char *path, int flags, mode_t mode);
/* The same for a directory that is created, with its parents, mode 0700, if it
 * is not there. */
int dirs_make_beneath(int dir, const char *path);

/* Tests only: as if the kernel had no openat2. */
void dirs_forget_openat2(bool forget);

#endif
