/* Every message of messages.h goes through the wire and back; then each of its
 * frames is cut and changed, which must never be read beyond its end. */
#include "lib/ipc/type.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "lib/ipc/messages.h"

#include <stdio.h>

enum { N_MESSAGES = 35 };

/* Values that tell the fields apart; an FD field gets `fd`. */
static void *
fill_message(const struct ipc_type *type, int fd)
{
	static const char text[] = "some\0text\r\n\xff";
	char *m = xcalloc(1, type->size);

	for (size_t i = 0; i < type->n_fields; i++) {
		char *at = m + type->fields[i].offset;
		struct view v = view_make(text, i % sizeof(text));
		int64_t n = i % 2 == 0 ? INT64_MIN + (int64_t)i : -(int64_t)i;

		switch (type->fields[i].kind) {
		case IPC_STR:
		case IPC_LIST:
			memcpy(at, &v, sizeof(v));
			break;
		case IPC_INT:
			memcpy(at, &n, sizeof(n));
			break;
		case IPC_FD:
			memcpy(at, &fd, sizeof(fd));
			break;
		}
	}
	return m;
}

static void
check_same(const struct ipc_type *type, const char *a, const char *b)
{
	for (size_t i = 0; i < type->n_fields; i++) {
		size_t at = type->fields[i].offset;
		struct view v, w;

		if (type->fields[i].kind == IPC_INT)
			ck_assert_mem_eq(a + at, b + at, sizeof(int64_t));
		if (type->fields[i].kind == IPC_FD)
			ck_assert_mem_eq(a + at, b + at, sizeof(int));
		if (type->fields[i].kind != IPC_STR &&
		    type->fields[i].kind != IPC_LIST)
			continue;
		memcpy(&v, a + at, sizeof(v));
		memcpy(&w, b + at, sizeof(w));
		ck_assert_msg(
		    view_eq(v, w), "%s.%s", type->name, type->fields[i].name);
	}
}

/* Exactly this many bytes, so that a read past them is seen. */
static struct err
read_bytes(struct view bytes, const struct ipc_type *type, void *message,
    int fd, bool *complete)
{
	char *copy = xmalloc(bytes.len > 0 ? bytes.len : 1);
	struct ipc_header h;
	struct err e;

	if (bytes.len > 0)
		memcpy(copy, bytes.ptr, bytes.len);
	e = ipc_decode_header(view_make(copy, bytes.len), &h, complete);
	if (!err_is(e) && *complete)
		e = ipc_decode(&h, type, message, fd);
	free(copy);
	return e;
}

static bool
has_fd(const struct ipc_type *type)
{
	for (size_t i = 0; i < type->n_fields; i++)
		if (type->fields[i].kind == IPC_FD)
			return true;
	return false;
}

START_TEST(message_comes_back_as_it_was)
{
	const struct ipc_type *type = ipc_type_at((size_t)_i);
	struct str out = STR_EMPTY;
	struct ipc_header h;
	char *in, *back;
	bool complete;
	int fd;

	if (type == NULL)
		return;
	in = fill_message(type, 7);
	back = xcalloc(1, type->size);
	ck_assert(!err_is(ipc_encode(&out, 12345678, type, in, &fd)));
	ck_assert_int_eq(fd, has_fd(type) ? 7 : -1);
	ck_assert(!err_is(ipc_decode_header(str_view(&out), &h, &complete)));
	ck_assert(complete);
	ck_assert_uint_eq(h.number, 12345678);
	ck_assert_uint_eq(h.frame_len, out.len);
	ck_assert_int_eq(h.n_fds, has_fd(type));
	ck_assert(!err_is(ipc_decode(&h, type, back, fd)));
	check_same(type, in, back);
	free(in);
	free(back);
	str_clear(&out);
}
END_TEST

START_TEST(message_goes_through_a_list)
{
	const struct ipc_type *type = ipc_type_at((size_t)_i);
	struct str list = STR_EMPTY;
	struct view rest;
	char *in, *back;
	bool more;

	if (type == NULL)
		return;
	in = fill_message(type, -1);
	back = xcalloc(1, type->size);
	for (int i = 0; i < 3; i++)
		ipc_list_add(&list, type, in);
	rest = str_view(&list);
	for (int i = 0; i < 3; i++) {
		ck_assert(!err_is(ipc_list_next(&rest, type, back, &more)));
		ck_assert(more);
		check_same(type, in, back);
	}
	ck_assert(!err_is(ipc_list_next(&rest, type, back, &more)));
	ck_assert(!more);
	rest = view_first(str_view(&list), list.len - 1);
	while (!err_is(ipc_list_next(&rest, type, back, &more)))
		ck_assert(more);
	free(in);
	free(back);
	str_clear(&list);
}
END_TEST

START_TEST(cut_or_changed_frame_is_never_believed_too_long)
{
	const struct ipc_type *type = ipc_type_at((size_t)_i);
	struct str out = STR_EMPTY;
	char *in, *back;
	bool complete;
	int fd;

	if (type == NULL)
		return;
	in = fill_message(type, -1);
	back = xcalloc(1, type->size);
	ck_assert(!err_is(ipc_encode(&out, 1, type, in, &fd)));
	for (size_t n = 0; n < out.len; n++) {
		read_bytes(
		    view_first(str_view(&out), n), type, back, -1, &complete);
		ck_assert(!complete);
	}
	for (size_t n = 0; n < out.len; n++) {
		static const char values[] = { 0, 1, 2, 32, 33, 'S', 'I', 'F',
			'L', '\x7f', '\x80', '\xff' };
		char was = out.ptr[n];

		for (size_t i = 0; i < sizeof(values); i++) {
			out.ptr[n] = values[i];
			read_bytes(str_view(&out), type, back, -1, &complete);
		}
		out.ptr[n] = was;
	}
	ck_assert(
	    !err_is(read_bytes(str_view(&out), type, back, -1, &complete)));
	free(in);
	free(back);
	str_clear(&out);
}
END_TEST

START_TEST(list_of_messages_is_whole)
{
	ck_assert_ptr_nonnull(ipc_type_at(N_MESSAGES - 1));
	for (size_t i = 0; ipc_type_at(i) != NULL; i++) {
		ck_assert_uint_le(ipc_type_at(i)->n_fields, IPC_FIELDS_MAX);
		for (size_t j = 0; j < i; j++)
			ck_assert_str_ne(
			    ipc_type_at(i)->name, ipc_type_at(j)->name);
	}
}
END_TEST

/* Frames of `result` (status, text) by hand: the length is put in front. */
#define HEAD       \
	"\0"       \
	"\0\0\0\1" \
	"\6result"
#define STATUS               \
	"I\6status\0\0\0\x8" \
	"\0\0\0\0\0\0\0\1"
#define TEXT              \
	"S\4text\0\0\0\2" \
	"hi"
#define UNKNOWN          \
	"Z\3new\0\0\0\1" \
	"x"

static const struct {
	struct view body;
	bool ok;
} frames[] = {
	{ VIEW(HEAD STATUS TEXT "\0"), true },
	{ VIEW(HEAD TEXT STATUS "\0"), true },
	{ VIEW(HEAD UNKNOWN TEXT UNKNOWN STATUS UNKNOWN "\0"), true },
	{ VIEW(HEAD STATUS "\0"), false }, /* text is missing */
	{ VIEW(HEAD "\0"), false },
	{ VIEW(HEAD STATUS TEXT STATUS "\0"), false }, /* twice */
	{ VIEW(HEAD STATUS TEXT TEXT "\0"), false },
	{ VIEW(HEAD STATUS TEXT), false },	  /* no end */
	{ VIEW(HEAD STATUS TEXT "\0\0"), false }, /* more after it */
	{ VIEW(HEAD STATUS TEXT "\0" TEXT), false },
	{ VIEW(HEAD "I\4text\0\0\0\x8"
		    "12345678" STATUS "\0"),
	    false },
	{ VIEW(HEAD "S\6status\0\0\0\x8"
		    "12345678" TEXT "\0"),
	    false },
	{ VIEW(HEAD "I\6status\0\0\0\7"
		    "1234567" TEXT "\0"),
	    false },
	{ VIEW(HEAD STATUS "S\4text\0\0\0\4"
			   "hi\0"),
	    false },
	{ VIEW(HEAD STATUS "S\4text\xff\xff\xff\xff"
			   "hi\0"),
	    false },
	{ VIEW(HEAD STATUS "S\0\0\0\0\0" TEXT "\0"), false },
	{ VIEW(HEAD STATUS "S\4"), false },
	{ VIEW("\0"
	       "\0\0\0\1"
	       "\7results" STATUS TEXT "\0"),
	    false },
	{ VIEW("\0"
	       "\0\0\0\1"
	       "\0" STATUS TEXT "\0"),
	    false },
	{ VIEW("\0"
	       "\0\0\0\1"
	       "\xff" STATUS TEXT "\0"),
	    false },
	{ VIEW("\2"
	       "\0\0\0\1"
	       "\6result" STATUS TEXT "\0"),
	    false },
	{ VIEW("\0"
	       "\0\0\0\1"
	       "\6resul"),
	    false },
};

START_TEST(reader_refuses_what_is_not_exactly_so)
{
	struct view body = frames[_i].body;
	struct str out = STR_EMPTY;
	struct ipc_result result = { 0 };
	size_t len = body.len + 4;
	bool complete;
	struct err e;

	str_addf(&out, "%c%c%c%c", 0, 0, (int)(len >> 8), (int)(len & 255));
	str_add(&out, body);
	e = read_bytes(
	    str_view(&out), ipc_result_type(), &result, -1, &complete);
	ck_assert_msg(err_is(e) != frames[_i].ok, "row %d: %s", _i, e.text);
	ck_assert(!err_is(e) || e.kind == ERR_PERM);
	str_clear(&out);
}
END_TEST

START_TEST(length_is_bounded_before_it_is_waited_for)
{
	static const struct {
		struct view bytes;
		bool ok;
	} lengths[] = {
		{ VIEW("\0\0\0\0"), false },
		{ VIEW("\0\0\0\x4"), false },
		{ VIEW("\0\0\0\xb"), false },
		{ VIEW("\0\0\0\xc"), true },
		{ VIEW("\0\1\0\0"), true },
		{ VIEW("\0\1\0\1"), false },
		{ VIEW("\x7f\xff\xff\xff"), false },
		{ VIEW("\xff\xff\xff\xff"), false },
	};

	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		struct ipc_header h;
		bool complete;
		struct err e =
		    ipc_decode_header(lengths[i].bytes, &h, &complete);

		ck_assert_msg(err_is(e) != lengths[i].ok, "row %zu", i);
		ck_assert(!complete);
	}
}
END_TEST

START_TEST(descriptor_and_its_mark_go_together)
{
	struct ipc_report in = { .file = 7, .queue_id = VIEW("A") };
	struct ipc_report back;
	struct str out = STR_EMPTY;
	bool complete;
	int fd;

	ipc_encode(&out, 1, IPC_OUT(report, &in), &fd);
	ck_assert_int_eq(fd, 7);
	ck_assert(err_is(read_bytes(
	    str_view(&out), ipc_report_type(), &back, -1, &complete)));
	str_reset(&out);
	in.file = -1;
	ipc_encode(&out, 1, IPC_OUT(report, &in), &fd);
	ck_assert_int_eq(fd, -1);
	ck_assert(err_is(read_bytes(
	    str_view(&out), ipc_report_type(), &back, 9, &complete)));
	ck_assert(!err_is(read_bytes(
	    str_view(&out), ipc_report_type(), &back, -1, &complete)));
	ck_assert_int_eq(back.file, -1);
	str_clear(&out);
}
END_TEST

START_TEST(message_beyond_the_largest_frame_is_not_written)
{
	struct str big = STR_EMPTY, out = STR_EMPTY;
	struct ipc_content m;
	struct err e;
	size_t room;
	int fd;

	str_add_text(&out, "before");
	str_reserve(&big, IPC_FRAME_MAX);
	memset(big.ptr, 'x', IPC_FRAME_MAX);
	str_grew(&big, IPC_FRAME_MAX);
	m.bytes = str_view(&big);
	e = ipc_encode(&out, 1, IPC_OUT(content, &m), &fd);
	ck_assert_int_eq(e.kind, ERR_PERM);
	ck_assert_uint_eq(out.len, 6);
	/* length fds number name(content) S name(bytes) length end */
	room = IPC_FRAME_MAX - (4 + 1 + 4 + 8 + 1 + 6 + 4 + 1);
	m.bytes.len = room;
	ck_assert(!err_is(ipc_encode(&out, 1, IPC_OUT(content, &m), &fd)));
	ck_assert_uint_eq(out.len, 6 + IPC_FRAME_MAX);
	m.bytes.len = room + 1;
	ck_assert(err_is(ipc_encode(&out, 1, IPC_OUT(content, &m), &fd)));
	str_clear(&big);
	str_clear(&out);
}
END_TEST

UNIT_MAIN("ipc type", { message_comes_back_as_it_was, 100 },
    { message_goes_through_a_list, 100 },
    { cut_or_changed_frame_is_never_believed_too_long, 100 },
    { list_of_messages_is_whole, 1 },
    { reader_refuses_what_is_not_exactly_so, (int)ARRAY_LEN(frames) },
    { length_is_bounded_before_it_is_waited_for, 1 },
    { descriptor_and_its_mark_go_together, 1 },
    { message_beyond_the_largest_frame_is_not_written, 1 })
