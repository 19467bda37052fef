/*
 * What policy servers answer, and how DNS lists are written: an answer is one
 * clean action or an error, and a filter matches nothing it does not name.
 */
#include "smtpd/dnslist.h"
#include "smtpd/policy.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
feed(struct view text)
{
	struct policy_reply r;
	struct err e = ERR_OK;
	struct view line;

	policy_reply_init(&r);
	while (!err_is(e) && !r.is_done && view_field(&text, '\n', &line))
		e = policy_reply_feed(&r, line);
	assert(!r.is_done || (r.has_action && r.action.len > 0));
	assert(r.n_lines <= POLICY_LINES_MAX + 1);
	for (size_t i = 0; i < r.action.len; i++)
		assert((unsigned char)r.action.ptr[i] >= ' ' ||
		    r.action.ptr[i] == '\t');
	policy_reply_clear(&r);
}

static void
parse(struct view text)
{
	struct dnslist *l = dnslist_parse(text);
	const uint8_t addr[4] = { 127, 0, 0, 2 };
	struct str name = STR_EMPTY;

	if (l == NULL)
		return;
	assert(dns_name_is_valid(view_of(l->domain)));
	assert(l->has_filter || dnslist_matches(l, addr));
	if (dnslist_name_of_name(l, text, &name))
		assert(name.len <= DNS_NAME_MAX);
	str_clear(&name);
	dnslist_free(l);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	feed(view_make(data, size));
	parse(view_make(data, size));
	return 0;
}
