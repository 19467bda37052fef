/*
 * The source form of aliases(5): "name: value, value", in tokens of RFC 5322
 * 3.2, so that a quoted name may hold a colon.
 */
#include "lib/table/source.h"

enum token_kind {
	TOKEN_NONE,
	TOKEN_WORD,
	TOKEN_QUOTED,
	TOKEN_LITERAL,
	TOKEN_COMMENT,
	TOKEN_SPECIAL
};

/* '/' stands in atoms, '|' alone: values are not only addresses.  A backslash
 * quotes one byte of an atom ("\\root" means root). */
static const char specials[] = "()<>@,;:\".[]|";

static bool
is_special(char c)
{
	return c != 0 && strchr(specials, c) != NULL;
}

/* Length of what began with a delimiter, up to and with the closing one; a
 * backslash takes the next byte along; only comments nest. */
static size_t
delimited_len(struct view v, char close)
{
	size_t depth = 1;

	for (size_t i = 1; i < v.len; i++) {
		char c = v.ptr[i];

		if (c == '\\')
			i++;
		else if (c == close && --depth == 0)
			return i + 1;
		else if (c == '(' && close == ')')
			depth++;
	}
	return v.len;
}

static size_t
word_len(struct view v)
{
	size_t i = 0;

	while (i < v.len && !is_special(v.ptr[i]) && !ascii_is_space(v.ptr[i]))
		i += v.ptr[i] == '\\' ? 2 : 1;
	return i;
}

/* Cut the next token off; white space before it is dropped. */
static enum token_kind
next_token(struct view *rest, struct view *token)
{
	enum token_kind kind = TOKEN_SPECIAL;
	size_t len = 1;

	*rest = view_trim_left(*rest);
	if (rest->len == 0)
		return TOKEN_NONE;
	if (rest->ptr[0] == '"') {
		kind = TOKEN_QUOTED;
		len = delimited_len(*rest, '"');
	} else if (rest->ptr[0] == '(') {
		kind = TOKEN_COMMENT;
		len = delimited_len(*rest, ')');
	} else if (rest->ptr[0] == '[') {
		kind = TOKEN_LITERAL;
		len = delimited_len(*rest, ']');
	} else if (!is_special(rest->ptr[0])) {
		kind = TOKEN_WORD;
		len = word_len(*rest);
	}
	*token = view_first(*rest, len);
	*rest = view_skip(*rest, len);
	return kind;
}

static void
add_without_backslashes(struct str *out, struct view text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\\' && i + 1 < text.len)
			i++;
		str_add_byte(out, text.ptr[i]);
	}
}

/* Was the closing quote there?  A backslash may have taken it along. */
static bool
is_closed(struct view token)
{
	for (size_t i = 1; i < token.len; i++) {
		if (token.ptr[i] == '\\')
			i++;
		else if (token.ptr[i] == '"')
			return true;
	}
	return false;
}

/* Quoted, with the backslashes that it needs and no others: the value is
 * parsed again when it is used. */
static void
add_quotes(struct str *out, struct view text)
{
	str_add_byte(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '"' || text.ptr[i] == '\\')
			str_add_byte(out, '\\');
		str_add_byte(out, text.ptr[i]);
	}
	str_add_byte(out, '"');
}

static bool
needs_quotes(struct view text)
{
	for (size_t i = 0; i < text.len; i++)
		if (is_special(text.ptr[i]) || ascii_is_space(text.ptr[i]))
			return true;
	return false;
}

/* A word or quoted text. */
static void
add_text(struct str *out, enum token_kind kind, struct view token, bool raw)
{
	struct str text = STR_EMPTY;

	if (kind == TOKEN_QUOTED) {
		size_t closed = is_closed(token) ? 1 : 0;

		token = view_skip(token, 1);
		token = view_first(token, token.len - closed);
	}
	add_without_backslashes(&text, token);
	if (raw || (kind == TOKEN_WORD && !needs_quotes(str_view(&text))))
		str_add(out, str_view(&text));
	else
		add_quotes(out, str_view(&text));
	str_clear(&text);
}

/* White space stays between words only, and before a route's '<'. */
static void
add_token(struct str *out, enum token_kind before, enum token_kind kind,
    struct view token, bool unquote)
{
	bool words = before != TOKEN_NONE && before != TOKEN_SPECIAL &&
	    kind != TOKEN_SPECIAL;
	bool route = before != TOKEN_NONE && token.ptr[0] == '<' &&
	    kind == TOKEN_SPECIAL;

	if ((words || route) && !view_ends(str_view(out), VIEW(", ")))
		str_add_byte(out, ' ');
	if (kind == TOKEN_QUOTED || kind == TOKEN_WORD)
		add_text(out, kind, token, unquote);
	else
		str_add(out, token);
}

/* The name up to the colon; false if it has an '@' or a route in it. */
static bool
read_name(struct view *rest, struct str *name, bool *colon)
{
	enum token_kind kind, before = TOKEN_NONE;
	struct view token;
	bool local = true;

	*colon = false;
	while ((kind = next_token(rest, &token)) != TOKEN_NONE) {
		if (kind == TOKEN_SPECIAL && token.ptr[0] == ':') {
			*colon = true;
			break;
		}
		if (kind == TOKEN_SPECIAL && strchr("@<,;", token.ptr[0]))
			local = false;
		add_token(name, before, kind, token, true);
		before = kind;
	}
	return local;
}

static void
read_value(struct view *rest, struct str *value)
{
	enum token_kind kind, before = TOKEN_NONE;
	struct view token;

	while ((kind = next_token(rest, &token)) != TOKEN_NONE) {
		add_token(value, before, kind, token, false);
		before = kind;
		if (kind == TOKEN_SPECIAL && token.ptr[0] == ',')
			str_add_byte(value, ' ');
	}
}

static bool
parse_alias(struct source *s, struct view line)
{
	bool colon, local;

	str_reset(&s->key);
	str_reset(&s->value);
	local = read_name(&line, &s->key, &colon);
	read_value(&line, &s->value);
	if (!colon || s->key.len == 0 || s->value.len == 0)
		source_warn(s,
		    "%s, line %zu: need name:value pair", s->name, s->line);
	else if (!local)
		source_warn(s, "%s, line %zu: name must be local", s->name,
		    s->line);
	else
		return true;
	return false;
}

bool
source_next_alias(struct source *s, struct view *name, struct view *value)
{
	struct view line;

	while (source_next_line(s, &line)) {
		if (s->flags & SOURCE_UTF8 && !view_is_utf8(line)) {
			source_warn(s,
			    "%s, line %zu: non-UTF-8 input \"%.*s\" -- "
				 "ignoring this line",
			    s->name, s->line, VIEW_ARGS(view_first(line, 200)));
		} else if (parse_alias(s, line)) {
			*name = str_view(&s->key);
			*value = str_view(&s->value);
			return true;
		}
	}
	return false;
}
