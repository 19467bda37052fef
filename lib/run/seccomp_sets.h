/*
 * The system calls that a process may still make, as named sets (enum
 * sandbox_calls).  For sandbox.c.
 */
#ifndef RUN_SECCOMP_SETS_H
#define RUN_SECCOMP_SETS_H

#include "lib/base/err.h"

#include <stdbool.h>

/*
 * For good, the calling thread; needs no_new_privs.  What is in none of the
 * sets kills the process (in check builds SIGSYS tells the call first);
 * clone3, and what the library does not know, gives ENOSYS.  *there is false,
 * without an error, where the kernel was built without filters.
 */
struct err seccomp_enforce(unsigned sets, bool *there);

#endif
