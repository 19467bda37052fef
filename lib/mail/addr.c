/*
 * Envelope addresses: see addr.h.  Parsing is one walk over the text for
 * where it ends and one over the local part; nothing is copied.
 */
#include "lib/mail/addr.h"

#include "lib/base/mem.h"

#include <arpa/inet.h>
#include <netinet/in.h>

/* RFC 5321 4.5.3.1.2 and RFC 1035 2.3.4. */
enum { DOMAIN_MAX = 255, LABEL_MAX = 63 };

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_control(char c)
{
	return (unsigned char)c < 32 || c == 127;
}

static bool
is_high(char c)
{
	return (unsigned char)c > 127;
}

/* RFC 5322 3.2.3 atext, and whatever is above ASCII. */
static bool
is_atext(char c)
{
	return ascii_is_alnum(c) || is_high(c) ||
	    (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static struct view
trim_blanks(struct view v)
{
	while (v.len > 0 && is_blank(v.ptr[0]))
		v = view_skip(v, 1);
	while (v.len > 0 && is_blank(v.ptr[v.len - 1]))
		v.len--;
	return v;
}

static struct err
bad(const char *why)
{
	return err_make(ERR_PERM, "parse address: %s", why);
}

/* Where the first of the bytes in set stands outside of quotes, else the
 * length; *is_open if a quoted string does not end. */
static size_t
find_unquoted(struct view v, const char *set, bool *is_open)
{
	bool quoted = false;
	size_t i;

	for (i = 0; i < v.len; i++) {
		char c = v.ptr[i];

		if (ascii_is_alnum(c))
			continue; /* in no set, and nearly all of it */
		if (c == '\\' && i + 1 < v.len)
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && c != '\0' && strchr(set, c) != NULL)
			break;
	}
	*is_open = quoted;
	return i < v.len ? i : v.len;
}

/*
 * Code points that are valid UTF-8 and still must not be in an address: C1
 * controls, line and paragraph separators, and what overrides the direction
 * of text, with which a log or a listing shows another address than there is.
 */
static bool
has_utf8_control(struct view v)
{
	for (size_t i = 0; i + 1 < v.len; i++) {
		const unsigned char *p = (const unsigned char *)v.ptr + i;

		if (p[0] == 0xc2 && p[1] < 0xa0)
			return true;
		if (p[0] != 0xe2 || i + 2 >= v.len)
			continue;
		/* U+2028 to U+202E, U+2066 to U+2069, marks U+200E, U+200F */
		if (p[1] == 0x80 &&
		    ((p[2] >= 0xa8 && p[2] <= 0xae) || p[2] == 0x8e ||
			p[2] == 0x8f))
			return true;
		if (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9)
			return true;
	}
	return false;
}

static struct err
check_bytes(struct view v, unsigned parse_flags, unsigned *flags)
{
	if (v.len > ADDR_MAX)
		return bad("too long");
	for (size_t i = 0; i < v.len; i++)
		if (is_control(v.ptr[i]))
			return bad("control character");
	if (view_is_ascii(v))
		return ERR_OK;
	if (!(parse_flags & ADDR_UTF8))
		return bad("not ASCII");
	if (!view_is_utf8(v) || has_utf8_control(v))
		return bad("invalid UTF-8");
	*flags |= ADDR_IS_UTF8;
	return ERR_OK;
}

/* The bytes of the path at the front of text, without brackets. */
static struct err
cut_path(
    struct view text, unsigned flags, struct view *inner, struct view *rest)
{
	bool is_open;
	size_t end;

	if (text.len > 0 && is_blank(text.ptr[0]) && (flags & ADDR_STRICT))
		return bad("white space before the address");
	while (text.len > 0 && is_blank(text.ptr[0]))
		text = view_skip(text, 1);
	if (text.len == 0)
		return bad("none there");
	if (text.ptr[0] != '<') {
		if (flags & ADDR_STRICT)
			return bad("no <>");
		end = find_unquoted(text, " \t", &is_open);
		*inner = view_first(text, end);
	} else {
		text = view_skip(text, 1);
		end = find_unquoted(text, ">", &is_open);
		if (end == text.len)
			return bad("no >");
		*inner = view_first(text, end++);
		if (!(flags & ADDR_STRICT))
			*inner = trim_blanks(*inner);
	}
	if (is_open)
		return bad("quote without end");
	*rest = view_skip(text, end);
	if (rest->len > 0 && !is_blank(rest->ptr[0]))
		return bad("text after >");
	while (rest->len > 0 && is_blank(rest->ptr[0]))
		*rest = view_skip(*rest, 1);
	return ERR_OK;
}

/* Drop "@a,@b:"; RFC 5321 appendix C wants it accepted and ignored. */
static struct err
drop_route(struct view *inner, unsigned *flags)
{
	size_t colon;

	if (inner->len == 0 || inner->ptr[0] != '@')
		return ERR_OK;
	colon = view_find(*inner, ':');
	/* An IPv6 literal in the route has colons of its own: no one has
	 * used that, and guessing where it ends helps no one. */
	for (size_t i = 0; i < inner->len && i < colon; i++) {
		char c = inner->ptr[i];

		if (!is_atext(c) && strchr("@,.[]", c) == NULL)
			return bad("source route");
	}
	if (colon == VIEW_NPOS)
		return bad("source route without address");
	*inner = view_skip(*inner, colon + 1);
	*flags |= ADDR_HAD_ROUTE;
	return ERR_OK;
}

/* One local part's facts, gathered in one walk. */
struct local_walk {
	size_t len;
	bool has_quote, has_atom, has_quoted_at, is_empty;
};

/* The end of a quoted string that begins at v[i], or v.len. */
static size_t
walk_quoted(struct view v, size_t i, struct local_walk *w)
{
	w->has_quote = true;
	for (i++; i < v.len && v.ptr[i] != '"'; i++) {
		if (v.ptr[i] == '\\' && i + 1 < v.len)
			i++;
		w->has_quoted_at |= v.ptr[i] == '@';
		w->is_empty = false;
	}
	return i;
}

static struct err
walk_local(struct view v, struct local_walk *w)
{
	size_t i;

	*w = (struct local_walk){ .is_empty = true };
	for (i = 0; i < v.len && v.ptr[i] != '@'; i++) {
		char c = v.ptr[i];

		if (c == '"') {
			i = walk_quoted(v, i, w);
			if (i == v.len)
				return bad("quote without end");
		} else if (c == '\\') {
			if (++i == v.len)
				return bad("backslash at the end");
			w->has_quote = w->has_atom = true;
			w->has_quoted_at |= v.ptr[i] == '@';
			w->is_empty = false;
		} else if (is_atext(c) || c == '.') {
			w->has_atom = true;
			w->is_empty = false;
		} else {
			return bad("special character in the local part");
		}
	}
	w->len = i;
	if (w->is_empty)
		return bad("empty local part");
	return ERR_OK;
}

static bool
has_empty_label(struct view v)
{
	return v.len == 0 || v.ptr[0] == '.' || v.ptr[v.len - 1] == '.' ||
	    view_find_text(v, VIEW("..")) != VIEW_NPOS;
}

static struct err
check_domain(struct view domain, unsigned *flags)
{
	size_t label = 0;
	struct view ip;
	bool is_ipv6;

	if (domain.len > DOMAIN_MAX)
		return bad("domain too long");
	if (domain.len > 0 && domain.ptr[0] == '[') {
		if (!addr_parse_literal(domain, &ip, &is_ipv6))
			return bad("address literal");
		*flags |= ADDR_IS_LITERAL;
		return ERR_OK;
	}
	if (has_empty_label(domain))
		return bad("empty label in the domain");
	for (size_t i = 0; i < domain.len; i++) {
		char c = domain.ptr[i];

		label = c == '.' ? 0 : label + 1;
		if (label > LABEL_MAX && view_is_ascii(domain))
			return bad("label too long");
		if (!ascii_is_alnum(c) && !is_high(c) && c != '-' && c != '_' &&
		    c != '.')
			return bad("character in the domain");
	}
	return ERR_OK;
}

static struct err
split_path(struct view inner, unsigned flags, struct addr *addr)
{
	struct local_walk w;
	struct err e = walk_local(inner, &w);

	if (err_is(e))
		return e;
	addr->local = view_first(inner, w.len);
	addr->text = inner;
	addr->domain = VIEW_EMPTY;
	if (w.has_quote)
		addr->flags |= ADDR_IS_QUOTED;
	if (flags & ADDR_STRICT) {
		if (w.has_quote && w.has_atom)
			return bad("partly quoted local part");
		if (!w.has_quote && has_empty_label(addr->local))
			return bad("dots in the local part");
	}
	if (w.len == inner.len) {
		/* Its internal form would grow a domain. */
		if (w.has_quoted_at)
			return bad("quoted @ without a domain");
		return ERR_OK;
	}
	addr->domain = view_skip(inner, w.len + 1);
	if (!(flags & ADDR_STRICT) && addr->domain.len > 1 &&
	    view_ends(addr->domain, VIEW("."))) {
		addr->domain.len--;
		addr->text.len--;
	}
	return check_domain(addr->domain, &addr->flags);
}

struct err
addr_parse_path(
    struct view text, unsigned flags, struct addr *addr, struct view *rest)
{
	struct view inner, after;
	struct err e;

	*addr = (struct addr){ VIEW_EMPTY, VIEW_EMPTY, VIEW_EMPTY, 0 };
	if (rest != NULL)
		*rest = VIEW_EMPTY;
	e = cut_path(text, flags, &inner, &after);
	if (!err_is(e))
		e = check_bytes(inner, flags, &addr->flags);
	if (!err_is(e) && rest == NULL && after.len > 0)
		e = bad("text after it");
	if (err_is(e))
		return e;
	if (rest != NULL)
		*rest = after;
	if (inner.len == 0) {
		addr->flags |= ADDR_IS_NULL;
		return flags & ADDR_NULL ? ERR_OK : bad("empty");
	}
	e = drop_route(&inner, &addr->flags);
	if (!err_is(e))
		e = split_path(inner, flags, addr);
	return e;
}

bool
addr_parse_literal(struct view domain, struct view *ip, bool *is_ipv6)
{
	char text[INET6_ADDRSTRLEN + 1];
	unsigned char bytes[sizeof(struct in6_addr)];

	if (domain.len < 2 || domain.ptr[0] != '[' ||
	    domain.ptr[domain.len - 1] != ']')
		return false;
	*ip = view_sub(domain, 1, domain.len - 2);
	*is_ipv6 = view_starts_case(*ip, VIEW("IPv6:"));
	if (*is_ipv6)
		*ip = view_skip(*ip, 5);
	if (ip->len == 0 || ip->len >= sizeof(text) ||
	    view_find(*ip, '\0') != VIEW_NPOS)
		return false;
	memcpy(text, ip->ptr, ip->len);
	text[ip->len] = '\0';
	return inet_pton(*is_ipv6 ? AF_INET6 : AF_INET, text, bytes) == 1;
}

/* Append a local part without its quotes. */
static void
add_unquoted(struct str *out, struct view local)
{
	for (size_t i = 0; i < local.len; i++) {
		if (local.ptr[i] == '"')
			continue;
		if (local.ptr[i] == '\\' && i + 1 < local.len)
			i++;
		str_add_byte(out, local.ptr[i]);
	}
}

void
addr_add_internal(struct str *out, const struct addr *addr)
{
	if (addr->flags & ADDR_IS_QUOTED)
		add_unquoted(out, addr->local);
	else
		str_add(out, addr->local);
	if (addr->domain.len == 0)
		return;
	str_add_byte(out, '@');
	str_add(out, addr->domain);
}

static bool
is_dot_string(struct view v)
{
	if (has_empty_label(v))
		return false;
	for (size_t i = 0; i < v.len; i++)
		if (!is_atext(v.ptr[i]) && v.ptr[i] != '.')
			return false;
	return true;
}

static void
add_quoted(struct str *out, struct view local)
{
	str_add_byte(out, '"');
	for (size_t i = 0; i < local.len; i++) {
		char c = local.ptr[i];

		if (c == '"' || c == '\\')
			str_add_byte(out, '\\');
		str_add_byte(out, is_control(c) ? '?' : c);
	}
	str_add_byte(out, '"');
}

void
addr_to_external(struct str *out, struct view internal)
{
	size_t at = view_find_last(internal, '@');
	struct view local = addr_local(internal);
	bool quote = internal.len > 0 && !is_dot_string(local);

	size_t from;

	if (quote)
		add_quoted(out, local);
	else
		str_add(out, local);
	from = out->len;
	if (at != VIEW_NPOS)
		str_add(out, view_skip(internal, at));
	for (size_t i = from; i < out->len; i++) {
		char c = out->ptr[i];

		if (is_control(c) || strchr(" <>\"\\(),;", c) != NULL)
			out->ptr[i] = '?';
	}
}

void
addr_to_internal(struct str *out, struct view external)
{
	size_t at = VIEW_NPOS;
	size_t from = 0;
	bool is_open;

	for (size_t i = 0; i < external.len; i++)
		if (external.ptr[i] == '\0' || external.ptr[i] == '\r' ||
		    external.ptr[i] == '\n')
			external.len = i;
	for (;;) {
		struct view rest = view_skip(external, from);
		size_t n = find_unquoted(rest, "@", &is_open);

		if (n == rest.len)
			break;
		at = from + n;
		from = at + 1;
	}
	add_unquoted(out, view_first(external, at));
	if (at != VIEW_NPOS)
		str_add(out, view_skip(external, at));
}

static bool
has_control(struct view v)
{
	for (size_t i = 0; i < v.len; i++)
		if (is_control(v.ptr[i]))
			return true;
	return false;
}

bool
addr_is_sane(struct view internal)
{
	return internal.len <= ADDR_MAX && !has_control(internal);
}

bool
addr_may_complete(struct view given, struct view full)
{
	/* A domain, and one more behind that, with @ and dot. */
	return full.len > 0 && full.len <= given.len + 2 * (DOMAIN_MAX + 1) &&
	    !has_control(full);
}

struct view
addr_local(struct view internal)
{
	return view_first(internal, view_find_last(internal, '@'));
}

struct view
addr_domain(struct view internal)
{
	size_t at = view_find_last(internal, '@');

	return at == VIEW_NPOS ? VIEW_EMPTY : view_skip(internal, at + 1);
}

bool
addr_split_extension(struct view local, struct view delimiters,
    bool owner_request_special, struct view *user, struct view *extension)
{
	static const struct view whole[] = {
		VIEW("postmaster"),
		VIEW("mailer-daemon"),
		VIEW("double-bounce"),
	};
	size_t i;

	*user = local;
	*extension = VIEW_EMPTY;
	if (delimiters.len == 0)
		return false;
	for (i = 0; i < ARRAY_LEN(whole); i++)
		if (view_eq_case(local, whole[i]))
			return false;
	if (owner_request_special && view_find(delimiters, '-') != VIEW_NPOS &&
	    (view_starts_case(local, VIEW("owner-")) ||
		(local.len > 8 && view_ends_case(local, VIEW("-request")))))
		return false;
	for (i = 0; i < local.len; i++)
		if (view_find(delimiters, local.ptr[i]) != VIEW_NPOS)
			break;
	if (i == 0 || i == local.len)
		return false;
	*user = view_first(local, i);
	*extension = view_skip(local, i + 1);
	return true;
}

bool
addr_eq(struct view a, struct view b)
{
	return view_eq(addr_local(a), addr_local(b)) &&
	    view_eq_case(addr_domain(a), addr_domain(b));
}
