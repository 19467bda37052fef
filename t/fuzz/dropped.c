/* A file of maildrop as pickup reads it. */
#include "pickup/dropped.h"

#include "lib/mail/addr.h"
#include "lib/mail/queue_sample.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_content(struct view v)
{
	for (size_t i = 0; i < v.len; i++) {
		if (v.ptr[i] == '\n')
			assert(i > 0 && v.ptr[i - 1] == '\r');
		if (v.ptr[i] == '\r')
			assert(i + 1 < v.len && v.ptr[i + 1] == '\n');
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str file = STR_EMPTY, rcpts = STR_EMPTY, content = STR_EMPTY;
	bool litter, more = true;
	struct dropped d;
	struct err e;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	/* A memfd has no name, and so no link: that test is not made here. */
	assert(fd >= 0);
	str_add(&file, view_make(data, size));
	/* The checksums keep a fuzzer out. */
	queue_sample_repair(&file);
	if (err_is(queue_write_at(fd, str_view(&file), 0)))
		assert(!"write");
	e = dropped_read(&d, fd, getuid(), &litter);
	if (strstr(e.text, "links") != NULL)
		e = dropped_examine(&d, getuid(), &litter);
	while (!err_is(e) && more && rcpts.len < 1 << 20)
		e = dropped_next_rcpts(&d, &rcpts, &more);
	more = true;
	while (!err_is(e) && more && content.len < 1 << 22)
		e = dropped_next_content(&d, &content, &more);
	if (!err_is(e) && !more)
		check_content(str_view(&content));
	dropped_close(&d);
	str_clear(&file);
	str_clear(&rcpts);
	str_clear(&content);
	return 0;
}
