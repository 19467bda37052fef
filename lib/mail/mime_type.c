/* Content-Type and Content-Transfer-Encoding: see mime_type.h. */
#include "lib/mail/mime_type.h"

#include "lib/base/mem.h"

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_SPECIAL };

struct token {
	enum token_kind kind;
	char special;
	struct str text; /* of a word, at most `max` bytes */
	size_t max;
};

/* RFC 2045 5.1: tspecials, and blanks. */
static bool
ends_word(char c)
{
	return ascii_is_space(c) ||
	    (c != '\0' && strchr("()<>@,;:\\\"/[]?=", c) != NULL);
}

static void
add(struct token *t, char c)
{
	if (t->text.len < t->max)
		str_add_byte(&t->text, c);
}

/* Comments nest (RFC 5322 3.2.2); one without an end goes to the end. */
static size_t
skip_comment(struct view v, size_t at)
{
	size_t depth = 0;

	for (; at < v.len; at++) {
		if (v.ptr[at] == '\\')
			at++;
		else if (v.ptr[at] == '(')
			depth++;
		else if (v.ptr[at] == ')' && --depth == 0)
			return at + 1;
	}
	return v.len;
}

static size_t
take_quoted(struct view v, size_t at, struct token *t)
{
	for (at++; at < v.len && v.ptr[at] != '"'; at++) {
		if (v.ptr[at] == '\\' && at + 1 < v.len)
			at++;
		if (v.ptr[at] != '\n' && v.ptr[at] != '\r')
			add(t, v.ptr[at]);
	}
	return at + 1;
}

/* The next token off the front. */
static void
next_token(struct view *rest, struct token *t)
{
	struct view v = *rest;
	size_t at = 0;

	str_reset(&t->text);
	while (at < v.len && (ascii_is_space(v.ptr[at]) || v.ptr[at] == '('))
		at = v.ptr[at] == '(' ? skip_comment(v, at) : at + 1;
	if (at >= v.len) {
		t->kind = TOKEN_END;
	} else if (v.ptr[at] == '"') {
		t->kind = TOKEN_WORD;
		at = take_quoted(v, at, t);
	} else if (ends_word(v.ptr[at])) {
		t->kind = TOKEN_SPECIAL;
		t->special = v.ptr[at++];
	} else {
		t->kind = TOKEN_WORD;
		while (at < v.len && !ends_word(v.ptr[at]))
			add(t, v.ptr[at++]);
	}
	*rest = view_skip(v, at);
}

static bool
is_special(const struct token *t, char c)
{
	return t->kind == TOKEN_SPECIAL && t->special == c;
}

static bool
is_word(const struct token *t, const char *word)
{
	return t->kind == TOKEN_WORD &&
	    view_eq_case(str_view(&t->text), view_of(word));
}

static enum mime_kind
find_kind(const struct str *type, const struct str *subtype)
{
	static const struct {
		const char *type, *subtype; /* NULL: any other */
		enum mime_kind kind;
	} rows[] = {
		{ "text", NULL, MIME_TEXT },
		{ "multipart", "digest", MIME_DIGEST },
		{ "multipart", NULL, MIME_MULTIPART },
		{ "message", "rfc822", MIME_MESSAGE },
		{ "message", "global", MIME_MESSAGE },
		{ "message", "partial", MIME_FRAGMENT },
		{ "message", "external-body", MIME_FRAGMENT },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (view_eq_case(str_view(type), view_of(rows[i].type)) &&
		    (rows[i].subtype == NULL ||
			view_eq_case(
			    str_view(subtype), view_of(rows[i].subtype))))
			return rows[i].kind;
	return MIME_LEAF;
}

/* "type/subtype" */
static enum mime_kind
read_kind(struct view *rest, struct token *t)
{
	struct str type = STR_EMPTY;
	enum mime_kind kind = MIME_LEAF;

	next_token(rest, t);
	if (t->kind == TOKEN_WORD) {
		str_set(&type, str_view(&t->text));
		next_token(rest, t);
		if (is_special(t, '/'))
			next_token(rest, t);
		kind = find_kind(&type, &t->text);
	}
	str_clear(&type);
	return kind;
}

enum mime_kind
mime_read_type(
    struct view body, size_t max, struct str *boundary, bool *has_boundary)
{
	struct token t = { .text = STR_EMPTY, .max = max < 64 ? 64 : max };
	enum mime_kind kind = read_kind(&body, &t);
	bool is_name = false; /* a ';' stands before this token */

	str_reset(boundary);
	*has_boundary = false;
	while (t.kind != TOKEN_END && !*has_boundary) {
		bool is_ours = is_name && is_word(&t, "boundary");

		is_name = is_special(&t, ';');
		next_token(&body, &t);
		if (!is_ours || !is_special(&t, '='))
			continue;
		next_token(&body, &t);
		*has_boundary = t.kind == TOKEN_WORD;
		if (*has_boundary)
			str_set(boundary,
			    view_first(str_view(&t.text), max));
	}
	str_clear(&t.text);
	return kind;
}

enum mime_encoding
mime_read_encoding(struct view body)
{
	static const struct {
		const char *name;
		enum mime_encoding encoding;
	} rows[] = {
		{ "8bit", MIME_8BIT },
		{ "binary", MIME_BINARY },
		{ "quoted-printable", MIME_CODED },
		{ "base64", MIME_CODED },
	};
	struct token t = { .text = STR_EMPTY, .max = 64 };
	enum mime_encoding encoding = MIME_7BIT;

	next_token(&body, &t);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (is_word(&t, rows[i].name))
			encoding = rows[i].encoding;
	str_clear(&t.text);
	return encoding;
}

enum mime_encoding
mime_domain(enum mime_encoding encoding)
{
	return encoding == MIME_CODED ? MIME_7BIT : encoding;
}
