/* Between sandbox.c and its test: the drop to given numbers, since a test
 * makes no accounts.  Nobody else includes this. */
#ifndef RUN_SANDBOX_IMPL_H
#define RUN_SANDBOX_IMPL_H

#include "lib/run/sandbox.h"

/* All of priv_drop but the accounts' names. */
void sandbox_drop_to(const struct sandbox_role *role,
    const struct sandbox_site *site, const struct sandbox_ids *ids);

#endif
