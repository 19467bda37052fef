/*
 * Headers in cleanup: whatever the content and however much of it is looked at,
 * the pieces lie within it and keep its order, its body comes out whole and at
 * the end, and added text ends its lines.  The first byte chooses the context,
 * the second how much is looked at.
 */
#include "cleanup/testing.h"

#include "lib/base/log.h"

#include <assert.h>
#include <fcntl.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_pieces(const struct message *m)
{
	int64_t content_at = 0, added_at = 0;

	for (size_t i = 0; i < m->n_pieces; i++) {
		const struct piece *p = &m->pieces[i];
		int64_t *at = p->added ? &added_at : &content_at;
		int64_t end = p->added ? (int64_t)m->added.len : m->content_len;

		assert(p->len > 0 && p->at >= *at && p->len <= end - p->at);
		*at = p->at + p->len;
	}
	/* Nothing is cut off at the end: what was dropped is a header. */
	assert(content_at == m->content_len || m->n_pieces == 0 ||
	    m->pieces[m->n_pieces - 1].added);
}

static void
check_body(const struct message *m)
{
	struct header_iter it;
	struct header h;
	enum header_what what;
	struct str out = STR_EMPTY;

	header_iter_init(&it, m->content);
	do
		what = header_next(&it, &h);
	while (what == HEADER_FIELD || what == HEADER_FROM_LINE);
	test_message_result(m, &out);
	if (what == HEADER_END || what == HEADER_NOT)
		assert(view_ends(str_view(&out), view_skip(m->content, it.at)));
	str_clear(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cleanup cleanup;
	struct view content, head;
	struct message m;
	struct verdict v;

	if (size < 2)
		return 0;
	if (cleanup.conf == NULL)
		log_take_socket(open("/dev/null", O_WRONLY | O_CLOEXEC));
	if (cleanup.conf == NULL)
		test_cleanup_init(&cleanup,
		    "hopcount_limit = 5\ninet_interfaces = 127.0.0.1\n"
		    "canonical_maps = inline:{ {a = b c} {@x = @y} }\n"
		    "masquerade_domains = !k.m m\n");
	content = view_make(data + 2, size - 2);
	head = view_first(
	    content, data[1] < 128 ? content.len : (size_t)data[1] - 128);
	test_message_init(
	    &m, &cleanup, data[0] % 2 == 0 ? "local" : "remote", content);
	if (headers_process(&m, head, &v)) {
		check_pieces(&m);
		check_body(&m);
	} else {
		assert(v.code >= 400);
	}
	test_message_clear(&m);
	return 0;
}
