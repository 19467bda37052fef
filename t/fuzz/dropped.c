/* A file of maildrop as pickup reads it. */
#include "pickup/dropped.h"

#include "lib/mail/addr.h"

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

/* The checksums keep a fuzzer out: they are made right first. */
static void
repair(int fd, size_t size)
{
	char head[QUEUE_PREAMBLE_LEN];
	struct queue_preamble p = { 0 };
	int64_t *const numbers[] = { &p.flags, &p.arrival_us, &p.content_at,
		&p.content_len, &p.envelope_at, &p.envelope_len, &p.rcpts_at,
		&p.rcpts_len, &p.n_rcpts, &p.commit_len, &p.longest_line,
		&p.size, &p.rcpts_sum };

	if (size < QUEUE_PREAMBLE_LEN ||
	    pread(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head))
		return;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		uint64_t n = 0;

		for (int k = 0; k < 8; k++)
			n = n << 8 | (unsigned char)head[8 + i * 8 + (size_t)k];
		*numbers[i] = (int64_t)n;
	}
	queue_build_preamble(head, &p);
	if (pwrite(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head))
		assert(!"write");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rcpts = STR_EMPTY, content = STR_EMPTY;
	bool litter, more = true;
	struct dropped d;
	struct err e;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	/* A memfd has no name, and so no link: that test is not made here. */
	assert(fd >= 0);
	if (write(fd, data, size) != (ssize_t)size)
		assert(!"write");
	repair(fd, size);
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
	str_clear(&rcpts);
	str_clear(&content);
	return 0;
}
