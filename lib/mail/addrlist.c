/*
 * Address lists: see addrlist.h.  An element (what stands between commas) is
 * looked at twice: once for where it ends and whether there is a '<' in it,
 * once for its address.  Comments are counted, not descended into.
 */
#include "lib/mail/addrlist.h"

#include "lib/mail/addr.h"

#include <limits.h>

enum token_kind {
	TOKEN_END,
	TOKEN_BLANK,   /* white space and comments */
	TOKEN_WORD,    /* atom, with dots */
	TOKEN_QUOTED,  /* "..." */
	TOKEN_LITERAL, /* [...] */
	TOKEN_SPECIAL, /* one of <>,;:@ and stray ) ] */
};

struct token {
	enum token_kind kind;
	size_t at, end;
	char special;
};

static size_t
comment_end(struct view v, size_t i)
{
	size_t depth = 0;

	for (; i < v.len; i++) {
		if (v.ptr[i] == '\\')
			i++;
		else if (v.ptr[i] == '(')
			depth++;
		else if (v.ptr[i] == ')' && --depth == 0)
			return i + 1;
	}
	return v.len;
}

/* The end of what begins at i and ends with this byte. */
static size_t
closed_end(struct view v, size_t i, char close)
{
	for (i++; i < v.len; i++) {
		if (v.ptr[i] == '\\')
			i++;
		else if (v.ptr[i] == close)
			return i + 1;
	}
	return v.len;
}

/* White space and specials. */
static bool
ends_word(char c)
{
	static const bool ends[UCHAR_MAX + 1] = { [' '] = true,
		['\t'] = true, ['\n'] = true, ['\v'] = true, ['\f'] = true,
		['\r'] = true, ['('] = true, [')'] = true, ['<'] = true,
		['>'] = true, ['['] = true, [']'] = true, [':'] = true,
		[';'] = true, ['@'] = true, [','] = true, ['"'] = true };

	return ends[(unsigned char)c];
}

static size_t
word_end(struct view v, size_t i)
{
	while (i < v.len && !ends_word(v.ptr[i]))
		i += v.ptr[i] == '\\' ? 2 : 1;
	return i < v.len ? i : v.len;
}

/* The token at i of what ends at v.len. */
static struct token
token_at(struct view v, size_t i)
{
	struct token t = { .kind = TOKEN_END, .at = i, .end = i };
	char c;

	if (i >= v.len)
		return t;
	c = v.ptr[i];
	if (ascii_is_space(c)) {
		t.kind = TOKEN_BLANK;
		while (t.end < v.len && ascii_is_space(v.ptr[t.end]))
			t.end++;
	} else if (c == '(') {
		t.kind = TOKEN_BLANK;
		t.end = comment_end(v, i);
	} else if (c == '"') {
		t.kind = TOKEN_QUOTED;
		t.end = closed_end(v, i, '"');
	} else if (c == '[') {
		t.kind = TOKEN_LITERAL;
		t.end = closed_end(v, i, ']');
	} else if (ends_word(c)) {
		t.kind = TOKEN_SPECIAL;
		t.special = c;
		t.end = i + 1;
	} else {
		t.kind = TOKEN_WORD;
		t.end = word_end(v, i);
	}
	return t;
}

static struct view
range(struct view v, size_t from, size_t to)
{
	return view_sub(v, from, to - from);
}

/*
 * The internal form is put together token by token.  The domain begins after
 * the last @ that is not quoted.
 */
struct build {
	struct str *out;
	size_t at; /* bytes before the last @, VIEW_NPOS if none */
	bool quoted_at, second_at, too_long;
};

static void
build_byte(struct build *b, char c)
{
	if (b->out->len >= ADDR_MAX)
		b->too_long = true;
	else
		str_add_byte(b->out, c);
}

static void
build_token(struct build *b, struct view text, struct token t)
{
	struct view v = range(text, t.at, t.end);

	if (t.kind == TOKEN_QUOTED) {
		v = view_skip(v, 1);
		if (view_ends(v, VIEW("\"")))
			v.len--;
	}
	if (t.kind == TOKEN_SPECIAL && t.special == '@') {
		b->second_at |= b->at != VIEW_NPOS;
		b->at = b->out->len;
	}
	/* Most are words with nothing in them to look at. */
	if (t.kind == TOKEN_WORD && view_find(v, '\\') == VIEW_NPOS &&
	    b->out->len + v.len <= ADDR_MAX) {
		str_add(b->out, v);
		return;
	}
	for (size_t i = 0; i < v.len; i++) {
		char c = v.ptr[i];

		/* Folds inside of quotes. */
		if (c == '\r' || c == '\n')
			continue;
		if (c == '\\' && t.kind != TOKEN_LITERAL && i + 1 < v.len)
			c = v.ptr[++i];
		if (c == '@' && t.kind != TOKEN_SPECIAL)
			b->quoted_at = true;
		build_byte(b, c);
	}
}

/* The domain as it is written must not need quotes; blanks and specials in it
 * come from mistakes. */
static bool
is_no_domain_byte(char c)
{
	static const bool none[UCHAR_MAX + 1] = { [' '] = true, ['"'] = true,
		['\\'] = true, ['<'] = true, ['>'] = true, ['('] = true,
		[')'] = true, [','] = true, [';'] = true };

	return none[(unsigned char)c];
}

static unsigned
build_flags(const struct build *b)
{
	struct view v = str_view(b->out);
	size_t local = b->at == VIEW_NPOS ? v.len : b->at;

	if (b->too_long || b->second_at || local == 0 || local + 1 == v.len)
		return ADDRLIST_BAD;
	/* Its internal form would be another address. */
	if (b->at == VIEW_NPOS && b->quoted_at)
		return ADDRLIST_BAD;
	for (size_t i = 0; i < v.len; i++)
		if ((unsigned char)v.ptr[i] < 32 || v.ptr[i] == 127)
			return ADDRLIST_BAD;
	for (size_t i = local; i < v.len; i++)
		if (is_no_domain_byte(v.ptr[i]))
			return ADDRLIST_BAD;
	return 0;
}

void
addrlist_init(struct addrlist *l, struct view text)
{
	*l = (struct addrlist){ .text = text };
}

/* What an element looks like at first sight. */
struct element {
	size_t end;	    /* where its terminator stands */
	char terminator;    /* ',', ';', ':', '<' or 0 */
	bool has_at;	    /* an @ before it */
	bool begins_at;	    /* begins with @ */
	size_t first, last; /* from the first to the end of the last token */
};

static struct element
look_at_element(struct view text, size_t at)
{
	struct element e = { .first = VIEW_NPOS };
	struct token t;

	for (;; at = t.end) {
		t = token_at(text, at);
		if (t.kind == TOKEN_END)
			break;
		if (t.kind == TOKEN_BLANK)
			continue;
		if (t.kind == TOKEN_SPECIAL) {
			if (strchr(",;:<", t.special) != NULL) {
				e.terminator = t.special;
				break;
			}
			if (t.special == '@')
				e.has_at = true;
			/* Stray closing brackets are like blanks. */
			else
				continue;
		}
		if (e.first == VIEW_NPOS) {
			e.first = t.at;
			e.begins_at = t.special == '@';
		}
		e.last = t.end;
	}
	e.end = t.at;
	return e;
}

/*
 * The address in <>; at is after the '<'.  Sets l->at after the '>', or where
 * an address without '>' ends.
 */
static void
take_angle(struct addrlist *l, size_t at, struct addrlist_item *item,
    struct str *internal)
{
	struct build b = { .out = internal, .at = VIEW_NPOS };
	size_t first = VIEW_NPOS, last = at;
	bool in_route = false;
	struct token t;

	for (;; at = t.end) {
		t = token_at(l->text, at);
		if (t.kind == TOKEN_END)
			break;
		if (t.kind == TOKEN_BLANK)
			continue;
		if (t.kind == TOKEN_SPECIAL) {
			if (t.special == '>')
				break;
			if ((t.special == ',' && !in_route) || t.special == ';')
				break;
			if (t.special == '<' || t.special == ':') {
				/* "<<a@b>>"; "@a,@b:" */
				if (t.special == '<')
					first = VIEW_NPOS;
				in_route = false;
				str_reset(internal);
				b = (struct build){ .out = internal,
					.at = VIEW_NPOS };
				continue;
			}
			if (t.special == '@' && first == VIEW_NPOS)
				in_route = true;
			else if (t.special == ')' || t.special == ']')
				continue;
		}
		if (first == VIEW_NPOS)
			first = t.at;
		last = t.end;
		build_token(&b, l->text, t);
	}
	l->at = t.special == '>' ? t.end : t.at;
	item->flags |= ADDRLIST_ANGLE;
	if (first == VIEW_NPOS) {
		item->spec = range(l->text, t.at, t.at);
		item->flags |= ADDRLIST_NULL;
		return;
	}
	item->spec = range(l->text, first, last);
	item->flags |= build_flags(&b);
}

/* Words without @: one address, its words joined by a blank. */
static void
take_words(struct view text, const struct element *e,
    struct addrlist_item *item, struct str *internal)
{
	struct view v = view_first(text, e->last);
	struct build b = { .out = internal, .at = VIEW_NPOS };
	size_t last = e->first;

	for (size_t at = e->first; at < v.len;) {
		struct token t = token_at(v, at);

		at = t.end;
		if (t.kind == TOKEN_BLANK || t.kind == TOKEN_SPECIAL)
			continue;
		if (t.at > last)
			build_byte(&b, ' ');
		build_token(&b, v, t);
		last = t.end;
	}
	item->spec = range(text, e->first, e->last);
	item->flags |= build_flags(&b);
}

/* Whether two tokens with a blank between them still belong together: blanks
 * are allowed around @ and dots (RFC 5322 4.4). */
static bool
joins(struct view text, size_t last_end, struct token next)
{
	char before = text.ptr[last_end - 1];

	if (next.at == last_end || before == '@' || before == '.')
		return true;
	return next.special == '@' || text.ptr[next.at] == '.';
}

/*
 * The next address with @ in the element that ends at l->plain_end; words
 * without are a name that stands before it.  False if there is none left.
 */
static bool
take_spec(struct addrlist *l, struct addrlist_item *item, struct str *internal)
{
	struct view v = view_first(l->text, l->plain_end);
	struct build b = { .out = internal, .at = VIEW_NPOS };
	size_t first = VIEW_NPOS, last = 0;
	bool has_at = false;
	struct token t;

	for (size_t at = l->at;; at = t.end) {
		t = token_at(v, at);
		if (t.kind == TOKEN_BLANK ||
		    (t.kind == TOKEN_SPECIAL && t.special != '@'))
			continue;
		if (t.kind == TOKEN_END ||
		    (first != VIEW_NPOS && !joins(v, last, t))) {
			if (has_at || t.kind == TOKEN_END)
				break;
			str_reset(internal);
			b = (struct build){ .out = internal, .at = VIEW_NPOS };
			first = VIEW_NPOS;
		}
		if (first == VIEW_NPOS)
			first = t.at;
		has_at |= t.special == '@';
		last = t.end;
		build_token(&b, v, t);
	}
	l->at = t.at;
	if (!has_at)
		return false;
	item->spec = range(l->text, first, last);
	item->flags |= build_flags(&b);
	return true;
}

static void
start_item(
    const struct addrlist *l, struct addrlist_item *item, struct str *internal)
{
	str_reset(internal);
	*item = (struct addrlist_item){
		.spec = VIEW_EMPTY,
		.phrase = VIEW_EMPTY,
		.flags = l->in_group ? ADDRLIST_GROUP : 0,
	};
}

/* Pass over the element's end. */
static void
finish_element(struct addrlist *l, const struct element *e)
{
	if (e->terminator == ';')
		l->in_group = false;
	else if (e->terminator == ':' && !e->has_at && e->first != VIEW_NPOS)
		l->in_group = true;
	l->at = e->end + (e->terminator != '\0' ? 1 : 0);
}

bool
addrlist_next(
    struct addrlist *l, struct addrlist_item *item, struct str *internal)
{
	start_item(l, item, internal);
	for (;;) {
		struct element e;

		if (l->plain_end > l->at) {
			if (take_spec(l, item, internal))
				return true;
			start_item(l, item, internal);
		}
		l->plain_end = 0;
		if (l->at >= l->text.len)
			return false;
		e = look_at_element(l->text, l->at);
		if (e.terminator == '<') {
			if (e.first != VIEW_NPOS)
				item->phrase = range(l->text, e.first, e.last);
			take_angle(l, e.end + 1, item, internal);
			return true;
		}
		/* Nothing there, a group's name, or a route's hosts. */
		if (e.first == VIEW_NPOS ||
		    (e.terminator == ':' && (!e.has_at || e.begins_at))) {
			finish_element(l, &e);
			start_item(l, item, internal);
			continue;
		}
		if (e.has_at) {
			l->plain_end = e.end;
			continue;
		}
		take_words(l->text, &e, item, internal);
		finish_element(l, &e);
		return true;
	}
}
