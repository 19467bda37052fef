/* Dying at a named place: see testpoint.h. */
#include "lib/base/testpoint.h"

#ifdef BARID_CHECKS
#include "lib/base/view.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

/* One count for a program and all that it forks, on any thread: there is one
 * death in all of them. */
static atomic_llong *passed;

__attribute__((constructor)) static void
make_count(void)
{
	void *page;

	if (getenv(TESTPOINT_VARIABLE) == NULL)
		return;
	page = mmap(NULL, sizeof(*passed), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (page != MAP_FAILED)
		passed = page;
}

void
testpoint_pass(const char *name)
{
	const char *wanted = getenv(TESTPOINT_VARIABLE);
	struct view rest, which;
	int64_t count = 1;

	if (wanted == NULL || passed == NULL)
		return;
	rest = view_of(wanted);
	view_field(&rest, ':', &which);
	if (!view_eq(which, view_of(name)))
		return;
	if (rest.ptr != NULL)
		view_to_int(rest, &count);
	/* By tgkill, which the sandboxes allow. */
	if (atomic_fetch_add(passed, 1) + 1 == count)
		raise(SIGKILL);
}
#else
/* ISO C wants something in each file. */
extern int testpoint_is_off;
#endif
