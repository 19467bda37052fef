/*
 * Landlock by its system calls: what files, TCP ports, abstract sockets and
 * signals a process may still reach.  Handles what the running kernel knows,
 * up to ABI 7.  For sandbox.c.
 */
#ifndef RUN_LANDLOCK_H
#define RUN_LANDLOCK_H

#include "lib/base/err.h"
#include "lib/run/sandbox.h"

#include <stdbool.h>

/* The kernel's ABI; 0 if it has none, or has it switched off. */
int landlock_abi(void);

/*
 * The descriptor of a set of rules that leaves these paths (ends in a NULL
 * path; NULL: none at all), relative ones below `base`.  A relative path must
 * exist; an absolute one that does not is passed over.  TCP only with `tcp`.
 * *fd is -1, without an error, where the kernel is too old for what is asked.
 */
struct err landlock_open_rules(
    const struct sandbox_path *paths, const char *base, bool tcp, int *fd);
/* For good; needs no_new_privs.  Closes the descriptor. */
struct err landlock_enforce(int fd);

#endif
