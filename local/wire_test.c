#include "local/wire.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct child_job good = { .kind = CHILD_MAILDIR,
	.flags = 3,
	.base = "/var/mail",
	.path = "a/b/",
	.loop = "a@example.org",
	.head = { "X: y\n", 5 },
	.layout = { "0123456789abcdef", 16 } };

START_TEST(a_request_reads_as_written)
{
	struct str packet = STR_EMPTY;
	struct child_job job;

	ck_assert(!err_is(child_request_write(&packet, &good)));
	ck_assert(!err_is(child_request_read(str_view(&packet), &job)));
	ck_assert_int_eq(job.kind, CHILD_MAILDIR);
	ck_assert_uint_eq(job.flags, 3);
	ck_assert_str_eq(job.base, good.base);
	ck_assert_str_eq(job.path, good.path);
	ck_assert_str_eq(job.loop, good.loop);
	ck_assert(view_eq(job.head, good.head));
	ck_assert(view_eq(job.layout, good.layout));
	str_clear(&packet);
}
END_TEST

START_TEST(a_request_that_is_cut_or_longer_is_refused)
{
	struct str packet = STR_EMPTY;
	struct child_job job;

	ck_assert(!err_is(child_request_write(&packet, &good)));
	for (size_t i = 0; i < packet.len; i++)
		ck_assert(err_is(child_request_read(
		    view_first(str_view(&packet), i), &job)));
	str_add_byte(&packet, 'x');
	ck_assert(err_is(child_request_read(str_view(&packet), &job)));
	str_clear(&packet);
}
END_TEST

static const struct {
	const char *base, *path;
	bool ok;
} paths[] = {
	{ "/", "user", true },
	{ "/m", "user/", true },
	{ "/m", "a..b/..c/d..", true },
	{ "m", "user", false },
	{ "/m", "", false },
	{ "/m", "/user", false },
	{ "/m", "..", false },
	{ "/m", "a/../../b", false },
	{ "/m", "a/..", false },
};

START_TEST(paths_that_leave_their_base_are_refused)
{
	struct child_job job = good;
	struct str packet = STR_EMPTY;

	job.base = paths[_i].base;
	job.path = paths[_i].path;
	ck_assert_msg(
	    err_is(child_request_write(&packet, &job)) != paths[_i].ok, "%s %s",
	    job.base, job.path);
	str_clear(&packet);
}
END_TEST

START_TEST(lengths_are_bounded)
{
	struct child_job job = good;
	struct str packet = STR_EMPTY;
	char *big = xmalloc(WIRE_LAYOUT_MAX + 2);

	memset(big, 'x', WIRE_LAYOUT_MAX + 1);
	big[WIRE_LAYOUT_MAX + 1] = '\0';
	job.layout = view_make(big, WIRE_LAYOUT_MAX + 1);
	ck_assert(err_is(child_request_write(&packet, &job)));
	job = good;
	job.head = view_make(big, WIRE_HEAD_MAX + 1);
	ck_assert(err_is(child_request_write(&packet, &job)));
	job = good;
	job.path = big;
	ck_assert(err_is(child_request_write(&packet, &job)));
	ck_assert_uint_eq(packet.len, 0);
	free(big);
	str_clear(&packet);
}
END_TEST

static void
expect_end(int fd, enum err_kind kind)
{
	int fds[WIRE_FDS_MAX];
	char buf[16];
	uint32_t number;
	size_t len;

	ck_assert_int_eq(
	    wire_receive(fd, &number, buf, sizeof(buf), &len, fds).kind, kind);
	for (size_t i = 0; i < WIRE_FDS_MAX; i++)
		ck_assert_int_eq(fds[i] < 0 || fcntl(fds[i], F_GETFD) < 0, 1);
}

START_TEST(descriptors_travel_and_too_many_are_refused)
{
	int pair[2], fds[WIRE_FDS_MAX], four[4];
	char buf[16];
	uint32_t number = 0;
	size_t len;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	ck_assert(!err_is(wire_limit_wait(pair[1], 20)));
	for (int i = 0; i < 4; i++)
		four[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ck_assert(!err_is(wire_send(pair[0], 77, VIEW("hello!"), four, 2)));
	ck_assert(!err_is(
	    wire_receive(pair[1], &number, buf, sizeof(buf), &len, fds)));
	ck_assert_uint_eq(number, 77);
	ck_assert_uint_eq(len, 6);
	ck_assert_mem_eq(buf, "hello!", 6);
	ck_assert_int_ge(fds[0], 0);
	ck_assert_int_ge(fds[1], 0);
	close(fds[0]);
	close(fds[1]);
	{
		union {
			struct cmsghdr align;
			char bytes[CMSG_SPACE(sizeof(four))];
		} control = { .bytes = { 0 } };
		struct iovec iov = { (void *)(uintptr_t) "x", 1 };
		struct msghdr m = { .msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control.bytes,
			.msg_controllen = sizeof(control.bytes) };

		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(four));
		memcpy(CMSG_DATA(&control.align), four, sizeof(four));
		ck_assert_int_eq(sendmsg(pair[0], &m, 0), 1);
	}
	/* That had no head, too. */
	expect_end(pair[1], ERR_PERM);
	ck_assert_int_eq(send(pair[0], "0123456789", 10, 0), 10);
	expect_end(pair[1], ERR_PERM);
	ck_assert(!err_is(
	    wire_send(pair[0], 78, VIEW("0123456789abcdefg"), NULL, 0)));
	expect_end(pair[1], ERR_PERM);
	expect_end(pair[1], ERR_TIME);
	close(pair[0]);
	expect_end(pair[1], ERR_GONE);
	close(pair[1]);
	for (int i = 0; i < 4; i++)
		close(four[i]);
}
END_TEST

UNIT_MAIN("local/wire", { a_request_reads_as_written, 1 },
    { a_request_that_is_cut_or_longer_is_refused, 1 },
    { paths_that_leave_their_base_are_refused, ARRAY_LEN(paths) },
    { lengths_are_bounded, 1 },
    { descriptors_travel_and_too_many_are_refused, 1 })
