/* Between loop.c, offload.c and fiber.c: the run queue.  Nobody else includes
 * this. */
#ifndef RUN_FIBER_IMPL_H
#define RUN_FIBER_IMPL_H

#include "lib/run/fiber.h"

#include <stdbool.h>
#include <stdint.h>

/* Switches into each fiber that is ready now, once.  True if more are ready
 * afterwards. */
bool fiber_run_ready(void);
/* On a thread that is not the loop's, once: whatever asks for the fiber that runs
 * is told that there is none. */
void fiber_none_here(void);
/* True if a fiber is ready to run. */
bool fiber_has_ready(void);
/* Frees the stacks that are kept for reuse. */
void fiber_drop_spares(void);
/* Frees those that were not needed for a while; true if there were any. */
bool fiber_drop_surplus(int64_t now_ms);

#endif
