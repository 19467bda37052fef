/*
 * What a file system keeps of changes when the power fails.  Some file systems
 * answer for themselves; ext4 only with a journal, which sysfs tells: in a
 * sandbox without a way there the answer is no, which costs syncs and no mail.
 * So ask before the sandbox where it matters.  These do not wait.
 */
#ifndef BASE_FS_H
#define BASE_FS_H

#include "lib/base/err.h"

#include <stdbool.h>

/* Of changes in directories, an earlier one is never lost if a later one is
 * kept: ext4 with a journal, XFS. */
bool fs_keeps_order(int fd);
/* The sync of a new file commits its name, and a rename is kept as a whole or
 * not at all: those, and btrfs. */
bool fs_keeps_names(int fd);
/* Sync a directory.  ERR_TEMP. */
struct err fs_sync_directory(const char *path);
/* The one that this file or directory is in. */
struct err fs_sync_parent(const char *path);

#endif
