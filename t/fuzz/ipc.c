/*
 * Frames between processes: any bytes, as frames one after the other, each
 * decoded as every message there is, lists in them as every message again.
 * What can be read is written and must read as the same.
 */
#include "lib/base/mem.h"
#include "lib/ipc/messages.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LIST_ROWS_MAX = 100 };

static volatile unsigned sum;

static void
touch(struct view v)
{
	for (size_t i = 0; i < v.len; i++)
		sum += (unsigned char)v.ptr[i];
}

static void
touch_strings(const struct ipc_type *type, const char *message)
{
	for (size_t i = 0; i < type->n_fields; i++) {
		struct view v;

		if (type->fields[i].kind != IPC_STR &&
		    type->fields[i].kind != IPC_LIST)
			continue;
		memcpy(&v, message + type->fields[i].offset, sizeof(v));
		touch(v);
	}
}

static void
read_list(struct view list)
{
	for (size_t i = 0; ipc_type_at(i) != NULL; i++) {
		const struct ipc_type *type = ipc_type_at(i);
		char *m = xcalloc(1, type->size);
		struct view rest = list;
		bool more = true;

		for (int n = 0; more && n < LIST_ROWS_MAX; n++) {
			if (err_is(ipc_list_next(&rest, type, m, &more)))
				break;
			if (more)
				touch_strings(type, m);
		}
		free(m);
	}
}

static void
write_again(
    const struct ipc_header *h, const struct ipc_type *type, const char *m)
{
	struct str out = STR_EMPTY;
	char *back = xcalloc(1, type->size);
	struct ipc_header again;
	bool complete;
	int fd;

	/* What the writer does not know was passed over: never longer. */
	if (err_is(ipc_encode(&out, h->number, type, m, &fd)) ||
	    out.len > h->frame_len ||
	    err_is(ipc_decode_header(str_view(&out), &again, &complete)) ||
	    !complete || again.number != h->number ||
	    err_is(ipc_decode(&again, type, back, fd)))
		abort();
	str_clear(&out);
	free(back);
}

static void
read_frame(const struct ipc_header *h)
{
	for (size_t i = 0; ipc_type_at(i) != NULL; i++) {
		const struct ipc_type *type = ipc_type_at(i);
		char *m = xcalloc(1, type->size);
		struct ipc_header named = *h;

		/* As whatever it calls itself, and as all others. */
		named.name = view_of(type->name);
		if (!err_is(
			ipc_decode(&named, type, m, h->n_fds > 0 ? 7 : -1))) {
			touch_strings(type, m);
			if (view_eq(h->name, named.name))
				write_again(h, type, m);
		}
		free(m);
	}
	read_list(h->attributes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view v = view_make(data, size);

	for (;;) {
		struct ipc_header h;
		bool complete;

		if (err_is(ipc_decode_header(v, &h, &complete)) || !complete)
			return 0;
		if (h.frame_len > v.len)
			abort();
		touch(h.name);
		read_frame(&h);
		v = view_skip(v, h.frame_len);
	}
}
