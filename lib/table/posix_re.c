/* POSIX regular expressions in the syntax of PCRE2. */
#include "lib/table/posix_re.h"

enum { POSIX_RE_GROUPS_MAX = 250 };

struct translation {
	struct view rest;
	bool extended, newline;
	struct str *out;
	size_t atom;   /* where the last atom began in out */
	bool has_atom; /* is there something to repeat */
	bool repeated; /* was it repeated already */
	size_t groups[POSIX_RE_GROUPS_MAX]; /* where open ones began */
	size_t depth;
};

static void
begin_atom(struct translation *t)
{
	t->atom = t->out->len;
	t->has_atom = true;
	t->repeated = false;
}

/* A byte that stands for itself, whatever PCRE2 thinks of it. */
static void
add_literal(struct translation *t, char c)
{
	begin_atom(t);
	if (!ascii_is_alnum(c) && (unsigned char)c < 128 && c > ' ')
		str_add_byte(t->out, '\\');
	if (c == 0)
		str_add_text(t->out, "\\x00");
	else
		str_add_byte(t->out, c);
}

/* "[:alpha:]", "[.-.]", "[=a=]": copy the class, or the one byte it means. */
static bool
add_class(struct translation *t)
{
	char kind = t->rest.ptr[1];
	char close[2] = { kind, ']' };
	size_t end = view_find_text(view_skip(t->rest, 2), view_make(close, 2));
	struct view inside;

	if (end == VIEW_NPOS)
		return false;
	inside = view_sub(t->rest, 2, end);
	if (kind == ':') {
		str_addf(t->out, "[:%.*s:]", VIEW_ARGS(inside));
	} else if (inside.len == 1) {
		/* With a letter it would be something else. */
		if (!ascii_is_alnum(inside.ptr[0]))
			str_add_byte(t->out, '\\');
		str_add(t->out, inside);
	} else {
		return false;
	}
	t->rest = view_skip(t->rest, end + 4);
	return true;
}

static struct err
add_bracket(struct translation *t)
{
	bool first = true, negated;

	begin_atom(t);
	t->rest = view_skip(t->rest, 1);
	negated = t->rest.len > 0 && t->rest.ptr[0] == '^';
	str_add_text(t->out, negated ? t->newline ? "[^\\n" : "[^" : "[");
	if (negated)
		t->rest = view_skip(t->rest, 1);
	for (; t->rest.len > 0; first = false) {
		char c = t->rest.ptr[0];
		char next = t->rest.len > 1 ? t->rest.ptr[1] : 0;

		if (c == ']' && !first) {
			str_add_byte(t->out, ']');
			t->rest = view_skip(t->rest, 1);
			return ERR_OK;
		}
		if (c == '[' && (next == ':' || next == '.' || next == '=')) {
			if (!add_class(t))
				break;
			continue;
		}
		/* A backslash is an ordinary byte in brackets of POSIX. */
		if (c == '\\' || c == '[' || c == ']' || c == '^')
			str_add_byte(t->out, '\\');
		str_add_byte(t->out, c);
		t->rest = view_skip(t->rest, 1);
	}
	return err_make(ERR_PERM, "Unmatched [, [^, [:, [., or [=");
}

static struct err
open_group(struct translation *t)
{
	if (t->depth == POSIX_RE_GROUPS_MAX)
		return err_make(ERR_PERM, "Regular expression too big");
	t->groups[t->depth++] = t->out->len;
	str_add_byte(t->out, '(');
	t->has_atom = false;
	return ERR_OK;
}

static struct err
close_group(struct translation *t)
{
	if (t->depth == 0) {
		/* A lone ")" is itself in extended syntax. */
		if (!t->extended)
			return err_make(ERR_PERM, "Unmatched ) or \\)");
		add_literal(t, ')');
		return ERR_OK;
	}
	str_add_byte(t->out, ')');
	t->atom = t->groups[--t->depth];
	t->has_atom = true;
	t->repeated = false;
	return ERR_OK;
}

/* Repeat the last atom; a second repetition ("a+?") means "(a+)?" here and
 * something else to PCRE2. */
static void
repeat(struct translation *t, struct view how)
{
	if (t->repeated) {
		struct str tail = STR_EMPTY;

		str_set(&tail, view_skip(str_view(t->out), t->atom));
		str_cut(t->out, t->atom);
		str_addf(t->out, "(?:%s)", tail.ptr);
		str_clear(&tail);
	}
	str_add(t->out, how);
	t->repeated = true;
}

/* "{m}", "{m,}", "{m,n}", "{,n}"; close is "}" or "\}". */
static struct err
add_interval(struct translation *t, struct view close)
{
	size_t end = view_find_text(t->rest, close);
	struct view inside, low, high;
	struct str how = STR_EMPTY;
	size_t comma;
	uint64_t from = 0, to = 0;
	bool good;

	if (end == VIEW_NPOS)
		return err_make(ERR_PERM, "Unmatched \\{");
	inside = view_first(t->rest, end);
	comma = view_find(inside, ',');
	low = view_first(inside, comma);
	high = comma == VIEW_NPOS ? low : view_skip(inside, comma + 1);
	good = inside.len > 0 &&
	    (low.len == 0 || view_to_uint(low, 10, &from)) &&
	    (high.len == 0 || view_to_uint(high, 10, &to)) &&
	    (low.len > 0 || comma != VIEW_NPOS) && from <= 32767 &&
	    to <= 32767 && (high.len == 0 || from <= to);
	if (!good)
		return err_make(ERR_PERM, "Invalid content of \\{\\}");
	str_printf(&how, "{%u", (unsigned)from);
	if (comma != VIEW_NPOS)
		str_add_byte(&how, ',');
	if (comma != VIEW_NPOS && high.len > 0)
		str_addf(&how, "%u", (unsigned)to);
	str_add_byte(&how, '}');
	repeat(t, str_view(&how));
	str_clear(&how);
	t->rest = view_skip(t->rest, end + close.len);
	return ERR_OK;
}

/* After a backslash: GNU's classes, or the byte itself. */
static struct err
add_escape(struct translation *t, char c)
{
	static const struct {
		char c;
		const char *text;
	} known[] = { { 'w', "\\w" }, { 'W', "\\W" }, { 's', "\\s" },
		{ 'S', "\\S" }, { 'b', "\\b" }, { 'B', "\\B" },
		{ '<', "\\b(?=\\w)" }, { '>', "\\b(?<=\\w)" }, { '`', "\\A" },
		{ '\'', "\\z" } };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (c == known[i].c) {
			begin_atom(t);
			str_add_text(t->out, known[i].text);
			return ERR_OK;
		}
	if (c >= '1' && c <= '9') {
		begin_atom(t);
		/* Digits that follow are not part of the number. */
		str_addf(t->out, "\\g{%c}", c);
		return ERR_OK;
	}
	add_literal(t, c);
	return ERR_OK;
}

/* What the basic syntax writes with a backslash. */
static struct err
add_basic_operator(struct translation *t, char c, bool *done)
{
	*done = true;
	switch (c) {
	case '(':
		return open_group(t);
	case ')':
		return close_group(t);
	case '|':
		str_add_byte(t->out, '|');
		t->has_atom = false;
		return ERR_OK;
	case '{':
		if (t->has_atom)
			return add_interval(t, VIEW("\\}"));
		return err_make(
		    ERR_PERM, "Invalid preceding regular expression");
	case '+':
	case '?':
		if (t->has_atom) {
			repeat(t, view_make(&c, 1));
			return ERR_OK;
		}
	}
	*done = false;
	return ERR_OK;
}

static struct err
add_backslashed(struct translation *t)
{
	struct err e = ERR_OK;
	bool done = false;
	char c;

	if (t->rest.len < 2)
		return err_make(ERR_PERM, "Trailing backslash");
	c = t->rest.ptr[1];
	t->rest = view_skip(t->rest, 2);
	if (!t->extended)
		e = add_basic_operator(t, c, &done);
	if (!err_is(e) && !done)
		e = add_escape(t, c);
	return e;
}

static struct err
add_extended_operator(struct translation *t, char c)
{
	t->rest = view_skip(t->rest, 1);
	switch (c) {
	case '(':
		return open_group(t);
	case ')':
		return close_group(t);
	case '|':
		str_add_byte(t->out, '|');
		t->has_atom = false;
		return ERR_OK;
	case '{':
		if (t->has_atom)
			return add_interval(t, VIEW("}"));
		return err_make(
		    ERR_PERM, "Invalid preceding regular expression");
	default: /* + ? */
		if (!t->has_atom)
			return err_make(
			    ERR_PERM, "Invalid preceding regular expression");
		repeat(t, view_make(&c, 1));
		return ERR_OK;
	}
}

/* In basic syntax '^' is an anchor only at the start, '$' only at the end, of
 * the pattern, a group or an alternative. */
static bool
is_anchor(const struct translation *t, char c, bool at_start)
{
	struct view after = view_skip(t->rest, 1);

	if (t->extended)
		return true;
	if (c == '^')
		return at_start;
	return after.len == 0 || view_starts(after, VIEW("\\)")) ||
	    view_starts(after, VIEW("\\|"));
}

static struct err
add_next(struct translation *t, bool at_start)
{
	char c = t->rest.ptr[0];

	if (c == '\\')
		return add_backslashed(t);
	if (c == '[')
		return add_bracket(t);
	if (t->extended && strchr("()|{+?", c) != NULL && c != 0)
		return add_extended_operator(t, c);
	if (c == '*' && t->repeated && t->has_atom && !t->extended)
		return err_make(
		    ERR_PERM, "Invalid preceding regular expression");
	if (c == '*' && t->has_atom) {
		t->rest = view_skip(t->rest, 1);
		repeat(t, VIEW("*"));
		return ERR_OK;
	}
	if (c == '*' && t->extended)
		return err_make(
		    ERR_PERM, "Invalid preceding regular expression");
	if ((c == '^' || c == '$') && is_anchor(t, c, at_start)) {
		str_add_byte(t->out, c);
		t->has_atom = false;
	} else if (c == '.') {
		begin_atom(t);
		str_add_byte(t->out, '.');
	} else {
		add_literal(t, c);
	}
	t->rest = view_skip(t->rest, 1);
	return ERR_OK;
}

struct err
posix_re_translate(
    struct view pattern, bool extended, bool newline, struct str *out)
{
	struct translation t = { .rest = pattern,
		.extended = extended,
		.newline = newline,
		.out = out };
	struct err e = ERR_OK;

	while (t.rest.len > 0 && !err_is(e)) {
		char last = out->len > 0 ? out->ptr[out->len - 1] : '(';
		bool at_start = !t.has_atom &&
		    (out->len == 0 || last == '(' || last == '|');

		e = add_next(&t, at_start);
	}
	if (!err_is(e) && t.depth > 0)
		e = err_make(ERR_PERM, "Unmatched ( or \\(");
	return e;
}
