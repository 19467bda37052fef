/* Addresses in headers: see header_addresses.h. */
#include "lib/mail/header_addresses.h"

#include "lib/mail/addr.h"
#include "lib/mail/addrlist.h"
#include "lib/run/fiber.h"

/* Addresses after which others get their turn. */
enum { TURN = 256 };

static struct err
let_others_run(size_t n)
{
	return n % TURN == 0 ? fiber_yield() : ERR_OK;
}

/* Behind a comment (nested), or a quoted string or literal that ends in `end`;
 * v begins with its first character. */
static size_t
delimited_len(struct view v, char begin, char end)
{
	size_t depth = 0;

	for (size_t i = 0; i < v.len; i++) {
		char c = v.ptr[i];

		if (c == '\\')
			i++;
		else if (begin == '(' && c == begin)
			depth++;
		else if (c == end && (begin == '(' ? --depth == 0 : i > 0))
			return i + 1;
	}
	return v.len;
}

static bool
is_special(char c)
{
	return c != '\0' && strchr("()<>@,;:\"[].%!|", c) != NULL;
}

static size_t
token_len(struct view v)
{
	size_t n = 0;

	if (v.ptr[0] == '(')
		return delimited_len(v, '(', ')');
	if (v.ptr[0] == '"')
		return delimited_len(v, '"', '"');
	if (v.ptr[0] == '[')
		return delimited_len(v, '[', ']');
	if (is_special(v.ptr[0]))
		return 1;
	while (n < v.len && !is_special(v.ptr[n]) && !ascii_is_space(v.ptr[n]))
		n += v.ptr[n] == '\\' && n + 1 < v.len ? 2 : 1;
	return n;
}

/* The part of it that has as many tokens at most. */
static struct view
first_tokens(struct view body, int64_t most)
{
	struct view rest = body;

	/* None has less than a byte. */
	if ((int64_t)body.len <= most)
		return body;
	while (most > 0) {
		while (rest.len > 0 && ascii_is_space(rest.ptr[0]))
			rest = view_skip(rest, 1);
		if (rest.len == 0)
			return body;
		rest = view_skip(rest, token_len(rest));
		most--;
	}
	return view_trim(rest).len == 0
	    ? body
	    : view_first(body, body.len - rest.len);
}

struct err
header_rewrite_addresses(const struct header *h, int64_t most,
    header_address_fn *become, void *arg, struct str *out, bool *changed)
{
	struct view body = first_tokens(h->body, most);
	/* It ends as it did. */
	size_t end = body.len == h->body.len
	    ? h->text.len
	    : (size_t)(body.ptr + body.len - h->text.ptr);
	struct addrlist list;
	struct addrlist_item item;
	struct str address = STR_EMPTY, after = STR_EMPTY;
	size_t copied = 0, n = 0, from = out->len;
	size_t body_at = (size_t)(h->body.ptr - h->text.ptr);
	struct err e = ERR_OK;

	*changed = false;
	addrlist_init(&list, body);
	while (!err_is(e) && addrlist_next(&list, &item, &address)) {
		size_t at = body_at + (size_t)(item.spec.ptr - h->body.ptr);

		if ((item.flags & (ADDRLIST_NULL | ADDRLIST_BAD)) != 0)
			continue;
		e = let_others_run(++n);
		if (!err_is(e))
			e = become(arg, str_view(&address), &after);
		if (err_is(e) || view_eq(str_view(&after), str_view(&address)))
			continue;
		str_add(out, view_sub(h->text, copied, at - copied));
		addr_to_external(out, str_view(&after));
		copied = at + item.spec.len;
		*changed = true;
	}
	if (err_is(e))
		*changed = false;
	if (*changed) {
		str_add(out, view_sub(h->text, copied, end - copied));
		if (end < h->text.len)
			str_add_text(out, "\r\n");
	} else {
		str_cut(out, from);
	}
	str_clear(&address);
	str_clear(&after);
	return e;
}
