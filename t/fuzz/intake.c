/* What postdrop reads from its caller. */
#include "sendmail/intake.h"

#include "lib/mail/addr.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct err
take(struct intake *in, struct view bytes)
{
	(void)in;
	(void)bytes;
	return ERR_OK;
}

static bool
is_clean(struct view v)
{
	for (size_t i = 0; i < v.len; i++)
		if ((unsigned char)v.ptr[i] < ' ' || v.ptr[i] == 0x7f)
			return false;
	return v.len <= ADDR_MAX;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view rest = view_make(data, size);
	size_t step = size > 0 ? data[0] % 64 + 1 : 1;
	struct ipc_rcpt rcpt;
	struct intake in;
	struct view list;
	int64_t n = 0;
	bool more;

	rest = view_skip(rest, 1);
	intake_init(&in, 1 << 16, take);
	while (
	    rest.len > 0 && !err_is(intake_feed(&in, view_first(rest, step))))
		rest = view_skip(rest, view_first(rest, step).len);
	/* What was taken is fit to be written. */
	list = str_view(&in.rcpts);
	for (;;) {
		assert(
		    !err_is(ipc_list_next(&list, IPC_IN(rcpt, &rcpt), &more)));
		if (!more)
			break;
		assert(rcpt.number == n++);
		assert(is_clean(rcpt.address));
	}
	assert(n == in.n_rcpts);
	if (in.committed)
		assert(n > 0 && is_clean(in.commit.sender));
	intake_clear(&in);
	return 0;
}
