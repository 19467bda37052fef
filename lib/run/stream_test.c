/* Streams: lines however they arrive, limits, ends, what is written. */
#include "lib/run/stream.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "lib/run/fiber.h"
#include "lib/run/io.h"
#include "lib/run/loop.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ON_FIBER, PLAIN, WAYS, LONG_MS = 20000 };

static int way_row;

static void
run_test(void *arg)
{
	void (*const *test)(void) = arg;

	(*test)();
	loop_stop();
}

/* Row _i of a table stands for both ways. */
static void
in_way(int row, void (*test)(void))
{
	way_row = row / WAYS;
	if (row % WAYS == PLAIN) {
		test();
		return;
	}
	loop_init();
	fiber_spawn("test", run_test, &test);
	loop_run();
	ck_assert_uint_eq(fiber_count(), 0);
	loop_clear();
}

static struct stream s;
static int other;

static void
open_stream(void)
{
	int ends[2];

	ck_assert_int_eq(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	stream_init(&s, ends[0]);
	other = ends[1];
}

static void
close_stream(void)
{
	stream_clear(&s);
	stream_clear(&s);
	io_close(other);
}

static void
say(const char *text)
{
	ck_assert_int_eq(
	    write(other, text, strlen(text)), (ssize_t)strlen(text));
}

/* Lines of at most 10 bytes; 30 more are dropped. */
static const struct {
	const char *said; /* '|' is where the writer waits */
	const char *line;
	enum stream_eol eol;
	enum err_kind kind;
	const char *next; /* what the next line is, if any */
} lines[] = {
	{ "abc\r\nnext\r\n", "abc", STREAM_EOL_CRLF, ERR_NONE, "next" },
	{ "abc\nnext\r\n", "abc", STREAM_EOL_LF, ERR_NONE, "next" },
	{ "\r\nnext\r\n", "", STREAM_EOL_CRLF, ERR_NONE, "next" },
	{ "\nnext\n", "", STREAM_EOL_LF, ERR_NONE, "next" },
	{ "a\rb\r\r\nnext\r\n", "a\rb\r", STREAM_EOL_CRLF, ERR_NONE, "next" },
	{ "0123456789\r\nnext\n", "0123456789", STREAM_EOL_CRLF, ERR_NONE,
	    "next" },
	{ "0123456789a\r\nnext\n", NULL, STREAM_EOL_CRLF, ERR_PERM, "next" },
	{ "0123456789\nnext\n", "0123456789", STREAM_EOL_LF, ERR_NONE, "next" },
	{ "ab|c\r|\nne|xt\r\n", "abc", STREAM_EOL_CRLF, ERR_NONE, "next" },
	{ "|0|1|2|3|4|5|6|7|8|9|\r|\n|next|\n", "0123456789", STREAM_EOL_CRLF,
	    ERR_NONE, "next" },
	{ "0123456789ab|cdef|ghi\r|\nnext\n", NULL, STREAM_EOL_LF, ERR_PERM,
	    "next" },
	{ "abc", "abc", STREAM_EOL_LF, ERR_GONE, NULL },
	{ "", "", STREAM_EOL_LF, ERR_GONE, NULL },
	{ "0123456789|abcdef", NULL, STREAM_EOL_LF, ERR_GONE, NULL },
};

static void
say_in_parts(void *arg)
{
	const char *said = arg;

	for (; *said != '\0'; said++) {
		if (*said == '|')
			fiber_sleep(1);
		else
			ck_assert_int_eq(write(other, said, 1), 1);
	}
	shutdown(other, SHUT_WR);
}

static void
read_lines(void)
{
	const char *said = lines[way_row].said;
	int64_t deadline = deadline_in_ms(LONG_MS);
	enum stream_eol eol;
	struct view line;
	struct err e;

	open_stream();
	if (loop_is_on())
		fiber_spawn("say", say_in_parts, (void *)(uintptr_t)said);
	else
		say_in_parts((void *)(uintptr_t)said);
	e = stream_read_line(&s, 10, 30, &line, &eol, deadline);
	ck_assert_msg(e.kind == lines[way_row].kind, "%s: %s", said, e.text);
	if (lines[way_row].line != NULL)
		ck_assert_msg(view_eq(line, view_of(lines[way_row].line)),
		    "%s: %.*s", said, VIEW_ARGS(line));
	if (e.kind == ERR_NONE)
		ck_assert_int_eq(eol, lines[way_row].eol);
	if (lines[way_row].next != NULL) {
		e = stream_read_line(&s, 10, 30, &line, &eol, deadline);
		ck_assert(!err_is(e));
		ck_assert(view_eq(line, VIEW("next")));
	}
	while (fiber_count() > 1)
		fiber_sleep(1);
	close_stream();
}

START_TEST(line_is_read_however_it_arrives)
{
	in_way(_i, read_lines);
}
END_TEST

enum { ENDLESS = STREAM_IN_STEP + 100 };

static void
read_endless(void)
{
	char *much = xcalloc(1, ENDLESS);
	enum stream_eol eol;
	struct view line;

	open_stream();
	ck_assert_int_eq(write(other, much, ENDLESS), ENDLESS);
	ck_assert_int_eq(
	    stream_read_line(&s, 10, 30, &line, &eol, deadline_in_ms(LONG_MS))
		.kind,
	    ERR_GONE);
	ck_assert_uint_eq(line.len, 0);
	close_stream();
	free(much);
}

START_TEST(endless_line_is_not_read_to_its_end)
{
	in_way(_i, read_endless);
}
END_TEST

static void
peek(void)
{
	int64_t soon = deadline_in_ms(20);
	struct view v;

	open_stream();
	ck_assert_int_eq(stream_peek(&s, &v, soon).kind, ERR_TIME);
	ck_assert(!stream_has_input(&s));
	say("abcdef");
	ck_assert(stream_has_input(&s));
	ck_assert(!err_is(stream_peek(&s, &v, deadline_in_ms(LONG_MS))));
	ck_assert(view_eq(v, VIEW("abcdef")));
	stream_consume(&s, 2);
	ck_assert(view_eq(stream_buffered(&s), VIEW("cdef")));
	ck_assert(!err_is(stream_peek_n(&s, 4, &v, soon)));
	ck_assert_int_eq(
	    stream_peek_n(&s, 5, &v, deadline_in_ms(20)).kind, ERR_TIME);
	say("g");
	ck_assert(!err_is(stream_peek_n(&s, 5, &v, deadline_in_ms(LONG_MS))));
	ck_assert(view_eq(v, VIEW("cdefg")));
	stream_drop_input(&s);
	ck_assert_uint_eq(stream_buffered(&s).len, 0);
	ck_assert_int_eq(s.read_bytes, 7);
	shutdown(other, SHUT_WR);
	ck_assert_int_eq(
	    stream_peek(&s, &v, deadline_in_ms(LONG_MS)).kind, ERR_GONE);
	ck_assert(stream_has_input(&s));
	close_stream();
}

START_TEST(peek_consumes_nothing)
{
	in_way(_i, peek);
}
END_TEST

static void
write_some(void)
{
	int64_t deadline = deadline_in_ms(LONG_MS);
	char text[100];
	char *big = xcalloc(1, STREAM_OUT_MAX + 1);
	ssize_t n;
	struct err e;

	open_stream();
	stream_add(&s, VIEW("250-"));
	stream_addf(&s, "%s %d\r\n", "SIZE", 10);
	ck_assert(!err_is(stream_write(&s, VIEW("250 OK\r\n"), deadline)));
	ck_assert_int_eq(read(other, text, sizeof(text)), -1);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert(!err_is(stream_flush(&s, deadline)));
	n = read(other, text, sizeof(text));
	ck_assert(view_eq(
	    view_make(text, (size_t)n), VIEW("250-SIZE 10\r\n250 OK\r\n")));
	ck_assert_int_eq(s.written_bytes, n);
	/* More than it keeps goes out by itself. */
	ck_assert(!err_is(
	    stream_write(&s, view_make(big, STREAM_OUT_MAX + 1), deadline)));
	ck_assert_int_eq(s.written_bytes, n + STREAM_OUT_MAX + 1);
	e = ERR_OK;
	while (!err_is(e))
		e = stream_write(
		    &s, view_make(big, STREAM_OUT_MAX), deadline_in_ms(20));
	ck_assert_int_eq(e.kind, ERR_TIME);
	ck_assert_uint_eq(s.out.len, 0);
	io_close(other);
	other = -1;
	stream_add(&s, VIEW("x"));
	ck_assert_int_eq(stream_flush(&s, deadline).kind, ERR_GONE);
	close_stream();
	free(big);
}

START_TEST(what_is_written_leaves_at_the_flush)
{
	signal(SIGPIPE, SIG_IGN);
	in_way(_i, write_some);
}
END_TEST

/* --- another transport: turns bits around --- */

static int n_closed;

static ssize_t
turned_read(void *state, int fd, void *buf, size_t room, int *wait)
{
	ssize_t n = read(fd, buf, room > 3 ? 3 : room);

	(void)state;
	*wait = IO_READ;
	for (ssize_t i = 0; i < n; i++)
		((char *)buf)[i] ^= 1;
	return n;
}

static ssize_t
turned_write(void *state, int fd, const void *buf, size_t len, int *wait)
{
	char byte = *(const char *)buf ^ 1;

	(void)state, (void)len;
	*wait = IO_WRITE;
	return write(fd, &byte, 1);
}

static void
turned_close(void *state)
{
	(void)state;
	n_closed++;
}

static const struct stream_transport turned = { turned_read, turned_write,
	turned_close };

static void
change_transport(void)
{
	int64_t deadline = deadline_in_ms(LONG_MS);
	char text[10];
	struct view v;
	int fd;

	n_closed = 0;
	open_stream();
	say("abc");
	ck_assert(!err_is(stream_peek(&s, &v, deadline)));
	stream_drop_input(&s);
	stream_set_transport(&s, &turned, NULL);
	say("`cbe"); /* "abcd" turned */
	ck_assert(!err_is(stream_peek_n(&s, 4, &v, deadline)));
	ck_assert(view_eq(v, VIEW("abcd")));
	stream_add(&s, VIEW("ab"));
	ck_assert(!err_is(stream_flush(&s, deadline)));
	ck_assert_int_eq(read(other, text, sizeof(text)), 2);
	ck_assert_int_eq(text[0], '`');
	fd = stream_release_fd(&s);
	ck_assert_int_eq(n_closed, 1);
	ck_assert_int_eq(write(fd, "x", 1), 1);
	close(fd);
	close_stream();
	ck_assert_int_eq(n_closed, 1);
}

START_TEST(transport_is_exchanged)
{
	in_way(_i, change_transport);
}
END_TEST

UNIT_MAIN("stream",
    { line_is_read_however_it_arrives, (int)ARRAY_LEN(lines) * WAYS },
    { endless_line_is_not_read_to_its_end, WAYS },
    { peek_consumes_nothing, WAYS },
    { what_is_written_leaves_at_the_flush, WAYS },
    { transport_is_exchanged, WAYS })
