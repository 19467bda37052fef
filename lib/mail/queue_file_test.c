/* Queue files: what is written is read, and damage is seen. */
#include "lib/mail/queue_file.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "lib/mail/queue_disk.h"
#include "lib/mail/queue_id.h"
#include "lib/mail/queue_sample.h"

#include <pthread.h>
#include <sys/stat.h>

static const struct queue_sample small = {
	.n_rcpts = 3,
	.content = { "From: a\r\n\r\nbody\r\n", 17 },
	.added = { "X: y\r\n", 6 },
	.sender = { "a@example.com", 13 },
};

/* All that can be read, in one text, so that two files can be compared.
 * The error that ended it, if any. */
static struct err
read_all(int fd, struct str *out, int64_t *n_rcpts, int64_t *n_records)
{
	struct queue_file q;
	struct queue_journal j;
	struct queue_content c;
	struct str memory = STR_EMPTY;
	enum journal_kind kind;
	struct view list, piece, record;
	int64_t at = 0;
	struct err e = queue_file_read(&q, fd);

	*n_rcpts = *n_records = 0;
	if (err_is(e))
		return e;
	str_add(out, q.envelope.sender);
	str_add(out, q.envelope.client_addr);
	e = queue_file_check_rcpts(&q);
	if (!err_is(e))
		e = queue_file_check_body(&q, QUEUE_CHECK_BODY_MAX);
	while (!err_is(e)) {
		e = queue_file_read_rcpts(&q, &at, &memory, &list);
		if (err_is(e) || list.len == 0)
			break;
		for (;;) {
			struct ipc_rcpt r;
			bool more;

			e = ipc_list_next(&list, IPC_IN(rcpt, &r), &more);
			if (err_is(e) || !more)
				break;
			str_add(out, r.address);
			++*n_rcpts;
		}
	}
	queue_content_init(&c, fd, q.envelope.layout);
	while (!err_is(e)) {
		e = queue_content_next(&c, &piece);
		if (piece.len == 0)
			break;
		str_add(out, piece);
	}
	queue_content_clear(&c);
	if (!err_is(e)) {
		e = queue_journal_read(&q, &j);
		while (!err_is(e) && queue_journal_next(&j, &kind, &record))
			++*n_records;
		queue_journal_clear(&j);
	}
	str_clear(&memory);
	queue_file_clear(&q);
	return e;
}

static struct err
read_bytes(
    struct view bytes, struct str *out, int64_t *n_rcpts, int64_t *n_records)
{
	int fd = queue_sample_file(bytes);
	struct err e = read_all(fd, out, n_rcpts, n_records);

	close(fd);
	return e;
}

static void
build(struct str *bytes, const struct queue_sample *s, bool journal)
{
	struct queue_preamble p;

	queue_sample_build(bytes, s, &p);
	if (!journal)
		return;
	queue_sample_outcome(bytes, 0, 2, OUTCOME_SENT, "2.0.0", "ok");
	queue_sample_outcome(bytes, 2, 1, OUTCOME_DEFERRED, "4.4.1", "later");
	queue_sample_report(bytes, REPORT_DELAY, "ABCDEF");
}

static const int64_t counts[] = { 1, 3, 1000, 1001, 5000 };

START_TEST(what_is_written_is_read)
{
	struct queue_sample s = small;
	struct str bytes = STR_EMPTY, out = STR_EMPTY;
	int64_t n_rcpts, n_records;
	struct err e;

	s.n_rcpts = counts[_i];
	build(&bytes, &s, true);
	e = read_bytes(str_view(&bytes), &out, &n_rcpts, &n_records);
	ck_assert_msg(!err_is(e), "%s", e.text);
	ck_assert_int_eq(n_rcpts, s.n_rcpts);
	ck_assert_int_eq(n_records, 3);
	ck_assert(
	    view_ends(str_view(&out), VIEW("X: y\r\nFrom: a\r\n\r\nbody\r\n")));
	str_clear(&bytes);
	str_clear(&out);
}
END_TEST

START_TEST(attack_70_a_file_cut_anywhere_is_not_taken)
{
	struct str bytes = STR_EMPTY, out = STR_EMPTY;
	int64_t n_rcpts, n_records;

	build(&bytes, &small, false);
	for (size_t n = 0; n < bytes.len; n++) {
		struct err e = read_bytes(view_first(str_view(&bytes), n), &out,
		    &n_rcpts, &n_records);

		/* Only what holds nothing may be thrown away. */
		ck_assert_int_eq(e.kind, n == 0 ? ERR_GONE : ERR_PERM);
	}
	str_clear(&bytes);
	str_clear(&out);
}
END_TEST

/* By its mode: what was acknowledged has noted its preamble there. */
START_TEST(a_file_without_its_preamble_is_litter_unless_it_had_one)
{
	struct str bytes = STR_EMPTY;
	struct queue_file q;
	int fd;

	build(&bytes, &small, false);
	memset(bytes.ptr, 0, QUEUE_PREAMBLE_LEN);
	fd = queue_sample_file(str_view(&bytes));
	ck_assert_int_eq(fchmod(fd, 0600), 0);
	ck_assert_int_eq(queue_file_read(&q, fd).kind, ERR_GONE);
	ck_assert(!err_is(queue_note_commit(fd, QUEUE_MODE)));
	ck_assert_int_eq(queue_file_read(&q, fd).kind, ERR_PERM);
	/* Another block that reads as zeros, and the whole file. */
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_int_eq(ftruncate(fd, 4096), 0);
	ck_assert_int_eq(queue_file_read(&q, fd).kind, ERR_PERM);
	ck_assert_int_eq(fchmod(fd, 0600), 0);
	ck_assert_int_eq(queue_file_read(&q, fd).kind, ERR_GONE);
	ck_assert_int_eq(pwrite(fd, "x", 1, 100), 1);
	ck_assert_int_eq(queue_file_read(&q, fd).kind, ERR_PERM);
	close(fd);
	str_clear(&bytes);
}
END_TEST

START_TEST(a_torn_journal_gives_its_whole_records)
{
	struct str bytes = STR_EMPTY, out = STR_EMPTY;
	int64_t n_rcpts, n_records, last = 0;
	size_t start;

	build(&bytes, &small, false);
	start = bytes.len;
	build(&bytes, &small, true);
	for (size_t n = start; n <= bytes.len; n++) {
		struct err e = read_bytes(view_first(str_view(&bytes), n), &out,
		    &n_rcpts, &n_records);

		ck_assert(!err_is(e));
		ck_assert(n_records == last || n_records == last + 1);
		last = n_records;
	}
	ck_assert_int_eq(last, 3);
	str_clear(&bytes);
	str_clear(&out);
}
END_TEST

/* Everything is either refused or reads the same; but in files of a version that
 * had no checksum of content, that is for the disk to keep. */
START_TEST(attack_70_a_flipped_bit_is_seen_or_harmless)
{
	bool is_old = _i == 1;
	struct str bytes = STR_EMPTY, good = STR_EMPTY, out = STR_EMPTY;
	struct queue_preamble p;
	int64_t n_rcpts, n_records;
	size_t journal_at;

	queue_sample_build(&bytes, &small, &p);
	journal_at = bytes.len;
	build(&bytes, &small, true);
	if (is_old) {
		p.body_sum = 0;
		queue_build_preamble(bytes.ptr, &p);
	}
	ck_assert(
	    !err_is(read_bytes(str_view(&bytes), &good, &n_rcpts, &n_records)));
	for (size_t at = 0; at < bytes.len; at++)
		for (int bit = 0; bit < 8; bit++) {
			bool is_text = is_old && (int64_t)at >= p.content_at &&
			    (int64_t)at < p.envelope_at;
			struct err e;

			bytes.ptr[at] ^= (char)(1 << bit);
			str_reset(&out);
			e = read_bytes(
			    str_view(&bytes), &out, &n_rcpts, &n_records);
			if (is_text || at >= journal_at)
				ck_assert_msg(
				    !err_is(e), "%zu: %s", at, e.text);
			else
				ck_assert_msg(e.kind == ERR_PERM, "%zu", at);
			if (at >= journal_at) {
				ck_assert(n_records < 3);
				ck_assert(
				    view_eq(str_view(&out), str_view(&good)));
			}
			bytes.ptr[at] ^= (char)(1 << bit);
		}
	str_clear(&bytes);
	str_clear(&good);
	str_clear(&out);
}
END_TEST

static const struct {
	int64_t at, len;
	int64_t size; /* of a file of 1000 bytes */
} ranges[] = {
	{ 0, 1000, 1000 },
	{ 999, 1, 1 },
	{ 1000, 0, 0 }, /* an empty range is left out */
	{ 1000, 1, -1 },
	{ 1, 1000, -1 },
	{ -1, 1, -1 },
	{ 0, -1, -1 },
	{ INT64_MAX, 1, -1 },
	{ 1, INT64_MAX, -1 },
	{ INT64_MIN, INT64_MIN, -1 },
};

START_TEST(a_layout_stays_within_its_file)
{
	struct str layout = STR_EMPTY;

	queue_layout_add(&layout, ranges[_i].at, ranges[_i].len);
	ck_assert_int_eq(
	    queue_layout_size(str_view(&layout), 1000), ranges[_i].size);
	/* A part of a range is no layout. */
	if (layout.len > 0)
		ck_assert_int_eq(
		    queue_layout_size(
			view_first(str_view(&layout), layout.len - 1), 1000),
		    -1);
	str_clear(&layout);
}
END_TEST

/* Numbers under a good checksum that no honest writer makes. */
static const struct {
	size_t offset; /* in struct queue_preamble */
	int64_t value;
} lies[] = {
	{ offsetof(struct queue_preamble, n_rcpts), INT64_MAX },
	{ offsetof(struct queue_preamble, n_rcpts), 100 },
	{ offsetof(struct queue_preamble, rcpts_len), INT64_MAX },
	{ offsetof(struct queue_preamble, rcpts_at), INT64_MAX },
	{ offsetof(struct queue_preamble, rcpts_at), 0 },
	{ offsetof(struct queue_preamble, rcpts_sum), 1 },
	{ offsetof(struct queue_preamble, envelope_len), INT64_MAX },
	{ offsetof(struct queue_preamble, envelope_len), 0 },
	{ offsetof(struct queue_preamble, envelope_at), INT64_MAX },
	{ offsetof(struct queue_preamble, content_len), INT64_MAX },
	{ offsetof(struct queue_preamble, content_at), INT64_MAX },
	{ offsetof(struct queue_preamble, content_at), 1 },
	{ offsetof(struct queue_preamble, commit_len), INT64_MAX },
	{ offsetof(struct queue_preamble, commit_len), 0 },
	{ offsetof(struct queue_preamble, commit_len), 130 },
	{ offsetof(struct queue_preamble, size), 0 },
	{ offsetof(struct queue_preamble, arrival_us), -1 },
	{ offsetof(struct queue_preamble, flags), INT64_MIN },
};

START_TEST(a_preamble_that_lies_is_damage)
{
	struct str bytes = STR_EMPTY, out = STR_EMPTY;
	struct queue_preamble p;
	int64_t n_rcpts, n_records;
	struct err e;

	queue_sample_build(&bytes, &small, &p);
	memcpy((char *)&p + lies[_i].offset, &lies[_i].value, sizeof(int64_t));
	queue_build_preamble(bytes.ptr, &p);
	e = read_bytes(str_view(&bytes), &out, &n_rcpts, &n_records);
	ck_assert_int_eq(e.kind, ERR_PERM);
	str_clear(&bytes);
	str_clear(&out);
}
END_TEST

START_TEST(an_append_cuts_what_was_torn)
{
	struct str bytes = STR_EMPTY, out = STR_EMPTY, one = STR_EMPTY;
	int64_t n_rcpts, n_records, end;
	int fd;

	build(&bytes, &small, false);
	end = (int64_t)bytes.len;
	queue_sample_outcome(&one, 0, 1, OUTCOME_SENT, "2.0.0", "ok");
	/* Torn, and longer than what comes in its place. */
	for (int i = 0; i < 10; i++)
		str_add(&bytes, view_first(str_view(&one), one.len - 1));
	fd = queue_sample_file(str_view(&bytes));
	ck_assert(!err_is(queue_journal_append(fd, str_view(&one), &end)));
	ck_assert(!err_is(queue_journal_append(fd, str_view(&one), &end)));
	ck_assert(!err_is(read_all(fd, &out, &n_rcpts, &n_records)));
	ck_assert_int_eq(n_records, 2);
	ck_assert_int_eq(lseek(fd, 0, SEEK_END), end);
	close(fd);
	str_clear(&bytes);
	str_clear(&out);
	str_clear(&one);
}
END_TEST

static void *
read_many(void *arg)
{
	const struct str *bytes = arg;
	struct str out = STR_EMPTY;
	int64_t n_rcpts, n_records;

	for (int i = 0; i < 50; i++)
		if (err_is(read_bytes(
			str_view(bytes), &out, &n_rcpts, &n_records)))
			return arg;
	str_clear(&out);
	return NULL;
}

/* qmgr reads many at once; what is set up once must not be seen half done.
 * Run this one alone (CK_RUN_CASE) under a thread checker too. */
START_TEST(threads_read_side_by_side)
{
	struct str bytes = STR_EMPTY;
	struct queue_preamble p;
	pthread_t threads[8];
	void *bad;

	queue_sample_build(&bytes, &small, &p);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_create(&threads[i], NULL, read_many, &bytes);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		pthread_join(threads[i], &bad);
		ck_assert_ptr_null(bad);
	}
	str_clear(&bytes);
}
END_TEST

START_TEST(a_new_file_has_a_lock_and_never_overwrites)
{
	char dir[] = "/tmp/queue-test.XXXXXX";
	struct view id = VIEW("4F2A000000001");
	int fd, other;
	struct err e;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
	ck_assert_int_eq(mkdir("active", 0700), 0);
	e = queue_create("active", id, &fd);
	ck_assert_msg(!err_is(e), "%s", e.text);
	e = queue_create("active", id, &other);
	ck_assert_int_eq(e.kind, ERR_TEMP);
	ck_assert(!err_is(queue_sync(fd, "active")));
	close(fd);
	ck_assert_int_eq(unlink("active/4F2A000000001"), 0);
	ck_assert_int_eq(rmdir("active"), 0);
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

UNIT_MAIN("queue_file", { what_is_written_is_read, ARRAY_LEN(counts) },
    { attack_70_a_file_cut_anywhere_is_not_taken, 1 },
    { a_file_without_its_preamble_is_litter_unless_it_had_one, 1 },
    { a_torn_journal_gives_its_whole_records, 1 },
    { attack_70_a_flipped_bit_is_seen_or_harmless, 2 },
    { a_layout_stays_within_its_file, ARRAY_LEN(ranges) },
    { a_preamble_that_lies_is_damage, ARRAY_LEN(lies) },
    { an_append_cuts_what_was_torn, 1 }, { threads_read_side_by_side, 1 },
    { a_new_file_has_a_lock_and_never_overwrites, 1 })
