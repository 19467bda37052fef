/*
 * Header and body checks over any content: with rules that only look, what is
 * sent is what came, but for what is always dropped; with rules that change
 * nothing is torn.  The first byte chooses the rules.
 */
#include "cleanup/checks.h"
#include "cleanup/testing.h"

#include "lib/base/log.h"

#include <assert.h>
#include <fcntl.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void
store_flush(struct message *m)
{
	(void)m;
}

static const char *const rules[] = {
	"header_checks = static:WARN\nbody_checks = static:INFO\n",
	"header_checks = regexp:{{/^X-([A-Z]+): *(.*)$$/ $$1 $$2}}\n"
	"body_checks = regexp:{{/^act ([A-Z]+) *(.*)/ $$1 $$2} "
	"{/^d/ IGNORE}}\n"
	"body_checks_size_limit = 50\nheader_size_limit = 60\n",
	"header_checks = static:IGNORE\nbody_checks = static:STRIP\n",
	"strict_8bitmime = yes\nstrict_mime_encoding_domain = yes\n"
	"mime_nesting_limit = 3\n",
	"header_checks = static:DUNNO\ndisable_mime_input_processing = yes\n",
};

/* Pieces lie within what they are of; those of the content are in order. */
static void
check_pieces(const struct message *m)
{
	int64_t content_at = 0;

	for (size_t i = 0; i < m->n_pieces; i++) {
		const struct piece *p = &m->pieces[i];
		int64_t end = p->added ? (int64_t)m->added.len : m->content_len;

		assert(p->len > 0 && p->at >= 0 && p->len <= end - p->at);
		if (p->added)
			continue;
		assert(p->at >= content_at);
		content_at = p->at + p->len;
	}
}

/* No rule changes anything: the same as without rules. */
static void
check_same(struct cleanup *c, const struct message *m, struct view content)
{
	struct str a = STR_EMPTY, b = STR_EMPTY;
	struct message plain;
	struct verdict v;

	test_message_init(&plain, c, "remote", content);
	assert(headers_process(&plain, content, &v));
	test_message_result(m, &a);
	test_message_result(&plain, &b);
	assert(view_eq(str_view(&a), str_view(&b)));
	test_message_clear(&plain);
	str_clear(&a);
	str_clear(&b);
}

/* Blanks before a colon are taken out by the one and not by the other. */
static bool
has_odd_name(struct view content)
{
	return view_find_text(content, VIEW(" :")) != VIEW_NPOS ||
	    view_find_text(content, VIEW("\t:")) != VIEW_NPOS;
}

/* As it comes: every line ends in CRLF, and there is no other CR or LF. */
static void
normalise(struct str *out, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (data[i] == '\n')
			str_add_byte(out, '\r');
		if (data[i] != '\r')
			str_add_byte(out, (char)data[i]);
	}
	if (out->len > 0 && out->ptr[out->len - 1] != '\n')
		str_add_text(out, "\r\n");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cleanup cleanups[ARRAY_LEN(rules)];
	static struct checks checks[ARRAY_LEN(rules)];
	static struct mapping mappings[ARRAY_LEN(rules)];
	struct str content = STR_EMPTY;
	struct cleanup *c;
	struct message m;
	struct verdict v;
	size_t i;

	if (size < 1)
		return 0;
	i = data[0] % ARRAY_LEN(rules);
	c = &cleanups[i];
	if (c->conf == NULL) {
		log_take_socket(open("/dev/null", O_WRONLY | O_CLOEXEC));
		test_cleanup_init(c, rules[i]);
		/* The next one has the tests' own again. */
		mappings[i] = test_mapping;
		c->mapping = &mappings[i];
		assert(!err_is(checks_open(&checks[i], c->conf)));
		c->checks = &checks[i];
	}
	normalise(&content, data + 1, size - 1);
	test_message_init(&m, c, "remote", str_view(&content));
	m.submit.origin = VIEW("smtpd");
	m.submit.whole = 1;
	if (walk_content(&m, &v)) {
		check_pieces(&m);
		if ((i == 0 || i == 4) && content.len < 2000 &&
		    !has_odd_name(str_view(&content)))
			check_same(c, &m, str_view(&content));
	} else {
		assert(v.code >= 400 && v.code <= 599 && strlen(v.reply) > 6);
	}
	test_message_clear(&m);
	str_clear(&content);
	return 0;
}
