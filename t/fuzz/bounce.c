/*
 * Reports: whatever the envelope and the journal say, the report's lines end in
 * CRLF, none is too long, no foreign text begins one, and its size is bounded.
 * The first byte chooses kind and flags; the rest, cut at '|', is the sender,
 * the status code, the reason and the remote's name, then raw journal bytes.
 */
#include "bounce/testing.h"

#include "lib/mail/addr.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_lines(struct view v)
{
	size_t len = 0;

	for (size_t i = 0; i < v.len; i++) {
		unsigned char c = (unsigned char)v.ptr[i];

		if (c == '\r') {
			assert(i + 1 < v.len && v.ptr[i + 1] == '\n');
		} else if (c == '\n') {
			assert(i > 0 && v.ptr[i - 1] == '\r');
			len = 0;
			continue;
		} else {
			assert((c >= 32 && c != 127) || c == '\t');
		}
		/* A path that is longer itself cannot be folded. */
		assert(++len <= 2 * ADDR_MAX + 100);
	}
	assert(len == 0);
}

static void
build(struct str *file, struct view v)
{
	struct view part[4];
	struct queue_sample s = { .n_rcpts = 3,
		.content = VIEW("Subject: s\r\n\r\nbody\r\n"),
		.added = VIEW_EMPTY,
		.layout = VIEW_EMPTY };
	struct queue_preamble p;

	s.flags = v.ptr[0] & 4 ? SUBMIT_SMTPUTF8 : 0;
	s.notify = v.ptr[0] & 8 ? 2 : 0;
	v = view_skip(v, 1);
	for (size_t i = 0; i < ARRAY_LEN(part); i++) {
		size_t end = view_find(v, '|');

		part[i] = view_first(v, end);
		v = view_skip(v, part[i].len + 1);
	}
	s.sender = view_first(part[0], ADDR_MAX);
	queue_sample_build(file, &s, &p);
	for (int i = 0; i < 3; i++) {
		struct ipc_journal_outcome o = { i, 1, (int64_t)(v.len % 5) + i,
			1, part[1], part[2], VIEW("r"),
			i == 0 ? VIEW_EMPTY : part[3] };

		queue_journal_add(
		    file, JOURNAL_OUTCOME, IPC_OUT(journal_outcome, &o));
	}
	str_add(file, v);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct conf *conf;
	struct str file = STR_EMPTY;
	struct sink sink;
	int64_t n;

	if (size < 1)
		return 0;
	if (conf == NULL)
		conf = test_conf("myhostname = mx.here.example\n");
	build(&file, view_make(data, size));
	sink_init(&sink);
	if (!err_is(test_report(conf, str_view(&file),
		(enum report_kind)(data[0] & 3), &sink, &n))) {
		check_lines(str_view(&sink.pending));
		assert(sink.pending.len < 100000);
		/* What follows "Injected" is only found inside of lines. */
		assert(strstr(sink.pending.ptr, "\r\nInjected") == NULL);
	}
	sink_clear(&sink);
	str_clear(&file);
	return 0;
}
