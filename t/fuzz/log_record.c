/* Datagrams of log records, from whoever may send them. */
#include "lib/base/clock.h"
#include "log/receive.h"

#include <assert.h>
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Nothing but whole lines of printable text comes out. */
static void
check_lines(struct view out)
{
	assert(out.len == 0 || out.ptr[out.len - 1] == '\n');
	for (size_t i = 0; i < out.len; i++) {
		unsigned char c = (unsigned char)out.ptr[i];

		assert(c == '\n' || (c >= ' ' && c != 0x7f));
	}
	assert(view_is_utf8(out));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sink sinks[2];
	static bool open_already;

	if (!open_already) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		log_take_socket(null);
		(void)sink_open_stream(&sinks[0], null);
		(void)sink_open_syslog(&sinks[1], "/nowhere", "mail");
		open_already = true;
	}
	for (int i = 0; i < 2; i++) {
		struct order order;
		struct receiver r = { .order = &order, .told_at = 1 };

		order_init(&order, &sinks[i]);
		receive_one(&r, view_make(data, size), size % 3, 0);
		order_release(&order, INT64_MAX);
		order_clear(&order);
		check_lines(str_view(&sinks[i].out));
		str_reset(&sinks[i].out);
	}
	return 0;
}
