/* The right side of an alias: see alias.h. */
#include "local/alias.h"

#include "lib/mail/addrlist.h"

/* Where the comma behind this member is (or the end): quotes, comments and
 * angle brackets hide commas. */
static size_t
member_len(struct view v)
{
	size_t depth = 0;
	bool quoted = false, angle = false;

	for (size_t i = 0; i < v.len; i++) {
		char c = v.ptr[i];

		if (c == '\\')
			i++;
		else if (quoted)
			quoted = c != '"';
		else if (c == '"')
			quoted = true;
		else if (c == '(')
			depth++;
		else if (c == ')' && depth > 0)
			depth--;
		else if (c == '<' || c == '>')
			angle = c == '<';
		else if (c == ',' && depth == 0 && !angle)
			return i;
	}
	return v.len;
}

/* If all of v is one quoted string: what it says. */
static bool
unquote(struct view v, struct str *out)
{
	str_reset(out);
	if (v.len < 2 || v.ptr[0] != '"')
		return false;
	for (size_t i = 1; i < v.len; i++) {
		if (v.ptr[i] == '"')
			return i + 1 == v.len;
		if (v.ptr[i] == '\\' && i + 1 < v.len)
			i++;
		str_add_byte(out, v.ptr[i]);
	}
	return false;
}

static bool
visit_addresses(struct view member, struct str *text,
    bool (*visit)(void *arg, enum alias_kind kind, struct view text), void *arg)
{
	struct addrlist l;
	struct addrlist_item item;
	bool go_on = true;

	addrlist_init(&l, member);
	while (go_on && addrlist_next(&l, &item, text)) {
		enum alias_kind kind = ALIAS_ADDRESS;

		if ((item.flags & (ADDRLIST_BAD | ADDRLIST_NULL)) != 0 ||
		    text->len == 0)
			kind = ALIAS_BAD;
		go_on = visit(arg, kind, str_view(text));
	}
	return go_on;
}

static bool
visit_member(struct view member, struct str *text,
    bool (*visit)(void *arg, enum alias_kind kind, struct view text), void *arg)
{
	static const struct view include = VIEW(":include:");
	struct view plain = member;

	if (view_starts_case(member, include))
		return visit(arg, ALIAS_INCLUDE,
		    view_trim(view_skip(member, include.len)));
	if (member.len > 1 && member.ptr[0] == '\\' &&
	    view_find(member, '@') == VIEW_NPOS)
		return visit(arg, ALIAS_MAILBOX, view_skip(member, 1));
	if (unquote(member, text))
		plain = str_view(text);
	if (plain.len > 0 && plain.ptr[0] == '|')
		return visit(arg, ALIAS_COMMAND, view_skip(plain, 1));
	if (plain.len > 0 && plain.ptr[0] == '/')
		return visit(arg, ALIAS_FILE, plain);
	if (view_starts_case(plain, include))
		return visit(arg, ALIAS_INCLUDE,
		    view_trim(view_skip(plain, include.len)));
	return visit_addresses(member, text, visit, arg);
}

void
alias_each(struct view value,
    bool (*visit)(void *arg, enum alias_kind kind, struct view text), void *arg)
{
	struct str text = STR_EMPTY;
	bool go_on = true;

	while (go_on && value.len > 0) {
		size_t len = member_len(value);
		struct view member = view_trim(view_first(value, len));

		value = view_skip(value, len + 1);
		if (member.len > 0)
			go_on = visit_member(member, &text, visit, arg);
	}
	str_clear(&text);
}
