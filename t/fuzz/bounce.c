/*
 * Reports: whatever the envelope, the recipients, the journal and the message
 * say, the report's own lines end in CRLF, none is too long, no foreign text
 * begins one, characters stay whole, and its size is bounded.
 *
 * The first byte chooses kind and flags, the second NOTIFY and the outcome.
 * The rest, cut at '|', is: sender, ENVID, recipient, original recipient,
 * ORCPT, status code, reason, the remote's name, the content, and raw bytes
 * behind the journal.
 */
#include "bounce/testing.h"

#include "lib/mail/addr.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	KIND = 3,
	IS_UTF8 = 4,
	IS_8BIT = 8,
	IS_TRACE = 16,
	ONLY_HEADER = 32,
	FOR_POSTMASTER = 128,
	/* In the second byte. */
	NOTIFY = 15,
	LIMIT_SMALL = 128,
	/* What stands in a report beside what is bounded by the limits of a
	 * line or a recipient. */
	SIZE_MAX_OWN = 12000,
	MANY = 1003,
};

enum part {
	SENDER,
	ENVID,
	ADDRESS,
	ORIGINAL,
	ORCPT,
	DSN,
	TEXT,
	REMOTE,
	CONTENT,
	JOURNAL,
	PARTS,
};

struct input {
	uint8_t flags, more;
	struct view parts[PARTS];
	struct str content; /* as a queue file has it */
};

static void
parse(struct input *in, struct view v)
{
	struct view rest, line;

	*in = (struct input){ .flags = (uint8_t)v.ptr[0],
		.more = (uint8_t)v.ptr[1],
		.content = STR_EMPTY };
	v = view_skip(v, 2);
	for (int i = 0; i < PARTS; i++) {
		size_t end = i + 1 < PARTS ? view_find(v, '|') : VIEW_NPOS;

		in->parts[i] = view_first(v, end);
		v = view_skip(v, in->parts[i].len + 1);
	}
	in->parts[SENDER] = view_first(in->parts[SENDER], ADDR_MAX);
	rest = in->parts[CONTENT];
	while (view_field(&rest, '\n', &line)) {
		for (size_t i = 0; i < line.len; i++)
			str_add_byte(&in->content,
			    line.ptr[i] == '\r' ? ' ' : line.ptr[i]);
		str_add_text(&in->content, "\r\n");
	}
}

static void
add_rcpts(struct str *out, const struct input *in, int64_t n)
{
	for (int64_t i = 0; i < n; i++) {
		struct ipc_rcpt r = {
			.number = i,
			.address = view_first(in->parts[ADDRESS], ADDR_MAX),
			.original = view_first(in->parts[ORIGINAL], ADDR_MAX),
			.orcpt = view_first(in->parts[ORCPT], 500),
			.notify = in->more & NOTIFY,
		};

		ipc_list_add(out, IPC_OUT(rcpt, &r));
	}
}

static void
add_outcomes(struct str *out, const struct input *in, int64_t n)
{
	struct ipc_journal_outcome o = { .first = 0,
		.count = n,
		.status = (in->more >> 4 & 7) % 5 + 1,
		.at_us = 1,
		.dsn = in->parts[DSN],
		.text = in->parts[TEXT],
		.relay = VIEW("r"),
		.remote = in->parts[REMOTE] };

	queue_journal_add(out, JOURNAL_OUTCOME, IPC_OUT(journal_outcome, &o));
	/* The first has another one. */
	o.count = 1;
	o.status = OUTCOME_BOUNCED;
	o.remote = VIEW_EMPTY;
	queue_journal_add(out, JOURNAL_OUTCOME, IPC_OUT(journal_outcome, &o));
	/* Some were told already, and then it went on. */
	if (!view_starts(in->parts[JOURNAL], VIEW("told")))
		return;
	queue_sample_report(out, (enum report_kind)(in->flags & KIND), "4F2A");
	o.first = 1;
	queue_journal_add(out, JOURNAL_OUTCOME, IPC_OUT(journal_outcome, &o));
}

static void
build(struct str *file, const struct input *in)
{
	/* Rarely: that takes long. */
	int64_t n = view_eq(in->parts[JOURNAL], VIEW("many")) ? MANY : 3;
	struct str rcpts = STR_EMPTY, tail = STR_EMPTY, layout = STR_EMPTY;
	struct queue_preamble p = { .n_rcpts = n,
		.content_at = QUEUE_PREAMBLE_LEN,
		.content_len = (int64_t)in->content.len,
		.arrival_us = INT64_C(1700000000000000) };
	struct ipc_envelope env = { .queue_id = VIEW("4F2A000000001"),
		.origin = VIEW("smtpd"),
		.context = VIEW("remote"),
		.sender = in->parts[SENDER],
		.full_name = VIEW_EMPTY,
		.envid = view_first(in->parts[ENVID], 100),
		.ret = (in->flags & ONLY_HEADER) != 0 ? 2 : 0,
		.client_name = VIEW("c"),
		.client_addr = VIEW("192.0.2.1"),
		.protocol = VIEW("ESMTP"),
		.helo = VIEW("c"),
		.sasl_method = VIEW_EMPTY,
		.sasl_username = VIEW_EMPTY,
		.filter = VIEW_EMPTY };
	char head[QUEUE_PREAMBLE_LEN];

	p.flags = ((in->flags & IS_UTF8) != 0 ? SUBMIT_SMTPUTF8 : 0) |
	    ((in->flags & IS_8BIT) != 0 ? SUBMIT_EIGHT_BIT : 0) |
	    ((in->flags & IS_TRACE) != 0 ? SUBMIT_DSN_TRACE : 0);
	add_rcpts(&rcpts, in, n);
	if (n > QUEUE_RCPTS_INLINE) {
		p.rcpts_at = QUEUE_PREAMBLE_LEN;
		p.rcpts_len = (int64_t)rcpts.len;
		p.rcpts_sum = queue_rcpts_sum(str_view(&rcpts));
		p.content_at += p.rcpts_len;
	}
	queue_layout_add(&layout, p.content_at, p.content_len);
	env.layout = str_view(&layout);
	queue_build_tail(&tail, &p, &env,
	    n > QUEUE_RCPTS_INLINE ? VIEW_EMPTY : str_view(&rcpts), VIEW_EMPTY);
	queue_build_preamble(head, &p);
	str_add(file, view_make(head, sizeof(head)));
	if (n > QUEUE_RCPTS_INLINE)
		str_add(file, str_view(&rcpts));
	str_add(file, str_view(&in->content));
	str_add(file, str_view(&tail));
	add_outcomes(file, in, n);
	str_add(file, in->parts[JOURNAL]);
	str_clear(&rcpts);
	str_clear(&tail);
	str_clear(&layout);
}

/* Every line ends in CRLF. */
static void
check_ends(struct view v)
{
	for (size_t i = 0; i < v.len; i++) {
		if (v.ptr[i] == '\r')
			assert(i + 1 < v.len && v.ptr[i + 1] == '\n');
		if (v.ptr[i] == '\n')
			assert(i > 0 && v.ptr[i - 1] == '\r');
	}
	assert(view_ends(v, VIEW("\r\n")));
}

/* What we wrote ourselves, all before the message. */
static void
check_own(struct view v, bool is_utf8)
{
	struct view line;

	while (view_field(&v, '\n', &line)) {
		for (size_t i = 0; i + 1 < line.len; i++) {
			unsigned char c = (unsigned char)line.ptr[i];

			assert((c >= 32 && c != 127) || c == '\t');
			assert(c < 127 || is_utf8);
		}
		assert(view_is_utf8(line));
		/* A path that is longer itself cannot be folded. */
		assert(line.len <= 4 * ADDR_MAX + 100);
		assert(!view_starts(line, VIEW("Injected")));
	}
}

static void
check_report(const struct input *in, struct view v)
{
	size_t at = view_find_text(v, VIEW("\r\n\r\nReturn-Path: <"));
	struct view rest = v, boundary;
	size_t n = 0;

	check_ends(v);
	assert(at != VIEW_NPOS);
	check_own(view_first(v, at), (in->flags & IS_UTF8) != 0);
	boundary = view_skip(v, view_find_text(v, VIEW("boundary=\"")) + 10);
	boundary = view_first(boundary, view_find(boundary, '"'));
	/* RFC 2046 5.1.1 */
	assert(boundary.len > 10 && boundary.len <= 70);
	/* A message cannot know it, a fuzzer can. */
	if (view_find_text(str_view(&in->content), VIEW("REPORT.")) !=
	    VIEW_NPOS)
		return;
	while ((at = view_find_text(rest, VIEW("\r\n--"))) != VIEW_NPOS) {
		rest = view_skip(rest, at + 4);
		n += view_starts(rest, boundary);
	}
	/* Three parts, and the end. */
	assert(n == 4);
	assert(view_eq(view_skip(rest, boundary.len), VIEW("--\r\n")));
}

static void
report(struct conf *conf, const struct input *in, struct view file)
{
	enum report_kind kind = (enum report_kind)(in->flags & KIND);
	static struct report_texts texts;
	struct bounce b = { .conf = conf, .texts = &texts };
	struct addressee to;
	struct str memory = STR_EMPTY;
	struct sink sink;
	struct history h;
	int fd = queue_sample_file(file);
	int64_t n = 0;

	if (texts.of[0].text == NULL)
		(void)report_texts_load("", &texts);
	sink_init(&sink);
	if (!err_is(history_read(&h, fd, kind)) &&
	    !err_is(history_each(&h, kind, NULL, NULL, &n)) &&
	    ((in->flags & FOR_POSTMASTER) != 0
		    ? addressee_find_copy(conf, kind, &memory, &to)
		    : addressee_find(
			  conf, h.file.envelope.sender, kind, &memory, &to)) &&
	    !err_is(compose_report(&b, &sink, &h, kind, &to, VIEW("REPORT")))) {
		assert(n <= MANY);
		check_report(in, str_view(&sink.pending));
		assert(sink.pending.len < SIZE_MAX_OWN + in->content.len +
			(size_t)(n < 1000 ? n : 1000) * SIZE_MAX_OWN * 2);
	}
	sink_clear(&sink);
	history_clear(&h);
	str_clear(&memory);
	close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct conf *conf[2];
	struct str file = STR_EMPTY;
	struct input in;

	if (size < 2)
		return 0;
	if (conf[0] == NULL) {
		conf[0] =
		    test_conf("myhostname = mx.here.example\n"
			      "notify_classes = bounce, delay, 2bounce\n");
		conf[1] = test_conf(
		    "bounce_size_limit = 200\n"
		    "notify_classes = bounce, delay\n"
		    "myhostname = a-long-name-of-a-mail-server-for-which-"
		    "nobody.made-room.department.university.example\n");
	}
	parse(&in, view_make(data, size));
	build(&file, &in);
	report(conf[(in.more & LIMIT_SMALL) != 0], &in, str_view(&file));
	str_clear(&file);
	str_clear(&in.content);
	return 0;
}
