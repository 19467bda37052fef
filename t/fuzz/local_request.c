/*
 * What a delivery child and the monitor read from the front: whatever is
 * accepted must be within its bounds.
 */
#include "local/wire.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view packet = view_make(data, size);
	struct monitor_request request;
	struct child_answer answer;
	struct child_job job;

	if (!err_is(child_request_read(packet, &job))) {
		struct str again = STR_EMPTY;

		assert(job.base[0] == '/' && job.path[0] != '/');
		assert(job.path[0] != '\0');
		assert(strlen(job.base) < WIRE_PATH_MAX);
		assert(strlen(job.path) < WIRE_PATH_MAX);
		assert(strlen(job.loop) < WIRE_LOOP_MAX);
		assert(!err_is(child_request_write(&again, &job)));
		assert(view_eq(str_view(&again), packet));
		str_clear(&again);
	}
	if (monitor_request_read(packet, &request))
		assert(strlen(request.name) < WIRE_NAME_MAX);
	if (child_answer_read(packet, &answer))
		assert(strlen(answer.text) < WIRE_TEXT_MAX);
	return 0;
}
