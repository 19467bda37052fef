/*
 * Templates of questions and results, from foreign bytes: the first line is the
 * template, the second the key, the rest are results, one a line.
 */
#include "lib/base/log.h"
#include "lib/table/query.h"

#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As the inside of a string literal, but for what no key may have. */
static bool
quote(void *arg, struct view text, struct str *out)
{
	size_t *n = arg;

	++*n;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\0')
			return false;
		if (text.ptr[i] == '\'')
			str_add_byte(out, '\'');
		str_add_byte(out, text.ptr[i]);
	}
	return true;
}

/* The letters of macros in it, as query_check counts them. */
static size_t
count_macros(struct view text)
{
	size_t n = 0;

	for (size_t i = 0; i + 1 < text.len; i++)
		if (text.ptr[i] == '%' && text.ptr[++i] != '%')
			n++;
	return n;
}

static void
expand(struct view template, struct view key)
{
	struct str out = STR_EMPTY;
	bool good = !err_is(query_check("fuzz", "query", template));
	size_t n = 0, quotes = 0;
	bool whole;

	str_set(&out, VIEW("before"));
	query_expand(template, key, quote, &n, &out, &whole);
	assert(view_starts(str_view(&out), VIEW("before")));
	/* Nothing of a question that is not asked. */
	assert(whole || out.len == 6);
	/* Each macro once, quoted: a key never ends a string, so that outside
	 * of it as many quotes stand as in the template, or two for one. */
	for (size_t i = 0; i < out.len; i++)
		quotes += out.ptr[i] == '\'';
	for (size_t i = 0; i < template.len; i++)
		quotes -= template.ptr[i] == '\'';
	if (good && whole) {
		assert(n == count_macros(template));
		assert(quotes % 2 == 0);
		assert(query_has_key(template) == (n > 0));
	}
	str_clear(&out);
}

static void
join(struct view format, struct view key, struct view rest)
{
	struct str text = STR_EMPTY, value = STR_EMPTY;
	struct query_common c = { .expansion_limit = 5 };
	struct query_result r;
	struct view line;
	bool more = true;

	str_set(&text, format);
	c.result_format = text.ptr;
	r = query_result_for(&c, key, "fuzz:", &value);
	while (more && view_field(&rest, '\n', &line)) {
		more = query_result_add(&r, line);
		assert(more == !err_is(r.e));
	}
	assert(err_is(r.e) || (r.n <= 5 && value.len <= QUERY_VALUE_MAX));
	str_clear(&text);
	str_clear(&value);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view rest = view_make(data, size), template, key;
	static bool hushed;

	/* Results that are empty are warned of. */
	if (!hushed)
		log_take_socket(open("/dev/null", O_WRONLY | O_CLOEXEC));
	hushed = true;
	if (size > 20000 || !view_field(&rest, '\n', &template) ||
	    !view_field(&rest, '\n', &key))
		return 0;
	expand(template, key);
	if (!err_is(query_check("fuzz", "result_format", template)))
		join(template, key, rest);
	return 0;
}
