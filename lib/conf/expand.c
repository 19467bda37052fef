/* Macros in values: a recursive descent over views. */
#include "lib/conf/expand.h"

#include "lib/base/mem.h"

enum {
	STEPS_MAX = 100000,
	LEVEL_PARTS = 3,
	/* In messages: around what is wrong; of a value. */
	CONTEXT = 20,
	TEXT_SHOWN = 150,
};

struct expander {
	const struct conf_macros *macros;
	/* If set, nothing is expanded: names are told, all branches walked. */
	void (*visit)(void *arg, struct view name);
	void *visit_arg;
	int depth;
	int steps; /* bounds "a=$b$b, b=$c$c, …", whose result may be empty */
};

static struct err expand_text(
    struct expander *x, struct str *out, struct view text);

static bool
is_name_byte(char c)
{
	return ascii_is_alnum(c) || c == '_';
}

static size_t
name_length(struct view text)
{
	size_t n = 0;

	while (n < text.len && is_name_byte(text.ptr[n]))
		n++;
	return n;
}

/* text begins with `open`; the length up to and with the matching `close`,
 * 0 if there is none. */
static size_t
balanced_length(struct view text, char open, char close)
{
	size_t level = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == open)
			level++;
		else if (text.ptr[i] == close && --level == 0)
			return i + 1;
	}
	return 0;
}

/* As Postfix says it: what was read, ">>>", what was not expected. */
static struct err
bad_syntax(const char *what, struct view before, const char *brace,
    struct view at)
{
	if (before.len > CONTEXT)
		before = view_skip(before, before.len - CONTEXT);
	return err_make(ERR_PERM, "%s at: \"...%.*s%s>>>%.*s\"", what,
	    VIEW_ARGS(before), brace, VIEW_ARGS(view_first(at, CONTEXT)));
}

/* Cut "{payload}" off the front of *rest, which is part of `body`.  White
 * space before the braces and at the payload's front goes; that at its end is
 * content. */
static struct err
take_braces(struct view body, struct view *rest, struct view *payload)
{
	struct view text = view_trim_left(*rest);
	size_t n;

	if (text.len == 0 || text.ptr[0] != '{')
		return bad_syntax("\"{expression}\" expected",
		    view_first(body, (size_t)(rest->ptr - body.ptr)), "",
		    *rest);
	n = balanced_length(text, '{', '}');
	if (n == 0)
		return err_make(ERR_PERM, "missing '}' in \"%.*s\"",
		    VIEW_ARGS(view_first(text, TEXT_SHOWN)));
	*payload = view_trim_left(view_sub(text, 1, n - 2));
	*rest = view_skip(text, n);
	return ERR_OK;
}

/* `what` is for the message: the name whose value it is, or the text. */
static struct err
expand_deeper(
    struct expander *x, struct str *out, struct view what, struct view text)
{
	int limit = x->macros != NULL && x->macros->recurse
	    ? CONF_EXPAND_DEPTH_MAX
	    : CONF_EXPAND_FLAT_DEPTH_MAX;
	struct err e;

	if (x->depth >= limit)
		return err_make(ERR_PERM,
		    "unreasonable macro call nesting: \"%.*s\"",
		    VIEW_ARGS(view_first(what, TEXT_SHOWN)));
	x->depth++;
	e = expand_text(x, out, text);
	x->depth--;
	return e;
}

static struct err
expand_nested(struct expander *x, struct str *out, struct view text)
{
	return expand_deeper(x, out, text, text);
}

/* The payload in its branch, if that is the branch to take. */
static struct err
expand_branch(struct expander *x, struct str *out, struct view text, bool take)
{
	if (!take && x->visit == NULL)
		return ERR_OK;
	return expand_nested(x, out, text);
}

/* What follows the name or the comparison: "?…" or ":…". */
static struct err
expand_conditional(
    struct expander *x, struct str *out, struct view rest, bool condition)
{
	bool wants = rest.ptr[0] == '?';
	struct view yes, no;
	struct err e;

	rest = view_trim_left(view_skip(rest, 1));
	if (rest.len == 0 || rest.ptr[0] != '{')
		return expand_branch(x, out, rest, condition == wants);
	e = take_braces(rest, &rest, &yes);
	if (err_is(e))
		return e;
	e = expand_branch(x, out, yes, condition == wants);
	rest = view_trim_left(rest);
	if (err_is(e) || rest.len == 0)
		return e;
	if (!wants)
		return bad_syntax("unexpected input", yes, "}", rest);
	if (rest.ptr[0] != ':')
		return bad_syntax("\":\" expected", yes, "}", rest);
	rest = view_trim_left(view_skip(rest, 1));
	no = rest;
	if (rest.len > 0 && rest.ptr[0] == '{') {
		e = take_braces(rest, &rest, &no);
		if (err_is(e))
			return e;
		rest = view_trim_left(rest);
		if (rest.len > 0)
			return bad_syntax("unexpected input", no, "}", rest);
	}
	return expand_branch(x, out, no, !condition);
}

bool
conf_level_compare(struct view a, struct view b, int *order)
{
	*order = 0;
	for (int part = 0; part < LEVEL_PARTS; part++) {
		uint64_t x = 0, y = 0;
		size_t dot;

		for (int side = 0; side < 2; side++) {
			struct view *v = side == 0 ? &a : &b;
			struct view digits;

			if (v->ptr == NULL)
				continue;
			dot = view_find(*v, '.');
			digits = view_first(*v, dot);
			if (digits.len > 9 ||
			    !view_to_uint(digits, 10, side == 0 ? &x : &y))
				return false;
			*v = dot == VIEW_NPOS ? (struct view){ NULL, 0 }
					      : view_skip(*v, dot + 1);
		}
		if (*order == 0)
			*order = (x > y) - (x < y);
	}
	return a.ptr == NULL && b.ptr == NULL;
}

static bool
all_digits(struct view v)
{
	for (size_t i = 0; i < v.len; i++)
		if (!ascii_is_digit(v.ptr[i]))
			return false;
	return v.len > 0;
}

/* Numbers of any length, so nothing overflows. */
static int
compare_values(struct view a, struct view b)
{
	if (!all_digits(a) || !all_digits(b))
		return view_cmp(a, b);
	while (a.len > 1 && a.ptr[0] == '0')
		a = view_skip(a, 1);
	while (b.len > 1 && b.ptr[0] == '0')
		b = view_skip(b, 1);
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return view_cmp(a, b);
}

struct operator
{
	const char *text;
	bool level, less, equal, greater;
};

/* Longest first. */
static const struct operator operators[] = {
	{ "==level", true, false, true, false },
	{ "!=level", true, true, false, true },
	{ "<=level", true, true, true, false },
	{ ">=level", true, false, true, true },
	{ "<level", true, true, false, false },
	{ ">level", true, false, false, true },
	{ "==", false, false, true, false },
	{ "!=", false, true, false, true },
	{ "<=", false, true, true, false },
	{ ">=", false, false, true, true },
	{ "<", false, true, false, false },
	{ ">", false, false, false, true },
};

static const struct operator* take_operator(struct view *rest)
{
	*rest = view_trim_left(*rest);
	for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
		struct view op = view_of(operators[i].text);

		if (view_starts(*rest, op)) {
			*rest = view_skip(*rest, op.len);
			return &operators[i];
		}
	}
	return NULL;
}

static struct err
evaluate(struct expander *x, struct view left, const struct operator* op,
    struct view right, bool *result)
{
	struct str a = STR_EMPTY, b = STR_EMPTY;
	struct err e = expand_nested(x, &a, left);
	int order = 0;

	if (!err_is(e))
		e = expand_nested(x, &b, right);
	if (err_is(e) || x->visit != NULL)
		goto out;
	if (!op->level)
		order = compare_values(str_view(&a), str_view(&b));
	else if (!conf_level_compare(str_view(&a), str_view(&b), &order))
		e = err_make(ERR_PERM,
		    "malformed compatibility level syntax: \"%.40s\"",
		    conf_level_compare(str_view(&a), VIEW("0"), &order)
			? b.ptr
			: a.ptr);
	*result = order < 0 ? op->less : order == 0 ? op->equal : op->greater;
out:
	str_clear(&a);
	str_clear(&b);
	return e;
}

/* Shown with one space, whatever stands there. */
static struct err
no_right_side(struct view left, const struct operator* op, struct view rest)
{
	struct str before = STR_EMPTY;
	struct err e;

	str_printf(&before, "{%.*s} %s", VIEW_ARGS(left), op->text);
	e = bad_syntax("\"{expression}\" expected", str_view(&before), "", rest);
	str_clear(&before);
	return e;
}

/* "{a} op {b} …": the text begins with the first brace. */
static struct err
expand_comparison(struct expander *x, struct str *out, struct view rest)
{
	const struct operator* op;
	struct view left, right;
	bool result = false;
	struct view body = rest;
	struct err e = take_braces(body, &rest, &left);

	if (err_is(e))
		return e;
	op = take_operator(&rest);
	if (op == NULL)
		return bad_syntax(
		    "\"==\" or \"!=\"\" or \"<\"\" or \"<=\"\" or "
		    "\">=\"\" or \">\" expected",
		    left, "}", view_trim_left(rest));
	if (!view_starts(view_trim_left(rest), VIEW("{")))
		return no_right_side(left, op, rest);
	e = take_braces(body, &rest, &right);
	if (!err_is(e))
		e = evaluate(x, left, op, right, &result);
	if (err_is(e))
		return e;
	rest = view_trim_left(rest);
	if (rest.len == 0) {
		if (result)
			str_add_text(out, "true");
		return ERR_OK;
	}
	if (rest.ptr[0] != '?' && rest.ptr[0] != ':')
		return bad_syntax(
		    "\"?\" or \":\" expected", VIEW_EMPTY, "}", rest);
	return expand_conditional(x, out, rest, result);
}

static bool
look_up(struct expander *x, struct view name, struct view *value)
{
	*value = VIEW_EMPTY;
	return x->macros->lookup(x->macros->arg, name, value);
}

/* Appends the value of a name. */
static struct err
expand_name(struct expander *x, struct str *out, struct view name)
{
	size_t before = out->len;
	struct err e = ERR_OK;
	struct view value;

	if (x->visit != NULL) {
		x->visit(x->visit_arg, name);
		return ERR_OK;
	}
	if (!look_up(x, name, &value)) {
		if (x->macros->strict)
			return err_make(ERR_PERM, "undefined name \"%.*s\"",
			    VIEW_ARGS(view_first(name, 60)));
		return ERR_OK;
	}
	if (x->macros->recurse)
		e = expand_deeper(x, out, name, value);
	else
		str_add(out, value);
	for (size_t i = before; x->macros->filter != NULL && i < out->len; i++)
		if (out->ptr[i] == '\0' ||
		    strchr(x->macros->filter, out->ptr[i]) == NULL)
			out->ptr[i] = '_';
	return e;
}

/* Whether the name's value, expanded, is not empty. */
static struct err
test_name(struct expander *x, struct view name, bool *result)
{
	struct str value = STR_EMPTY;
	struct view raw;
	struct err e = ERR_OK;

	*result = false;
	if (x->visit != NULL)
		x->visit(x->visit_arg, name);
	else if (look_up(x, name, &raw) && raw.len > 0) {
		if (x->macros->recurse)
			e = expand_deeper(x, &value, name, raw);
		else
			str_add(&value, raw);
		*result = value.len > 0;
	}
	str_clear(&value);
	return e;
}

static struct err
empty_name(struct view whole)
{
	return err_make(ERR_PERM, "empty macro name: \"%.*s\"",
	    VIEW_ARGS(view_first(whole, TEXT_SHOWN)));
}

/* What stands between ${ and } in `whole`. */
static struct err
expand_body(struct expander *x, struct str *out, struct view whole,
    struct view body)
{
	struct view name, rest;
	bool condition;
	struct err e;

	body = view_trim_left(body);
	if (body.len == 0)
		return empty_name(whole);
	if (body.ptr[0] == '{')
		return expand_comparison(x, out, body);
	name = view_first(body, name_length(body));
	rest = view_trim_left(view_skip(body, name.len));
	if (name.len > 0 && rest.len == 0)
		return expand_name(x, out, name);
	if (name.len == 0 || (rest.ptr[0] != '?' && rest.ptr[0] != ':'))
		return bad_syntax(
		    "attribute name syntax error", name, "", rest);
	e = test_name(x, name, &condition);
	if (err_is(e))
		return e;
	return expand_conditional(x, out, rest, condition);
}

/* *text begins with '$', a part of `whole`; what is used is cut off. */
static struct err
expand_dollar(struct expander *x, struct str *out, struct view whole,
    struct view *text)
{
	struct view at = view_skip(*text, 1), body;
	size_t n;

	if (++x->steps > STEPS_MAX || out->len > CONF_EXPAND_OUT_MAX)
		return err_make(ERR_PERM, "the expanded value is too long");
	if (at.len > 0 && at.ptr[0] == '$') {
		str_add_byte(out, '$');
		*text = view_skip(at, 1);
		return ERR_OK;
	}
	if (at.len > 0 && (at.ptr[0] == '{' || at.ptr[0] == '(')) {
		n = balanced_length(
		    at, at.ptr[0], at.ptr[0] == '{' ? '}' : ')');
		if (n == 0)
			return err_make(ERR_PERM,
			    "truncated macro reference: \"%.*s\"",
			    VIEW_ARGS(view_first(whole, TEXT_SHOWN)));
		body = view_sub(at, 1, n - 2);
		*text = view_skip(at, n);
		return expand_body(x, out, whole, body);
	}
	n = name_length(at);
	if (n == 0)
		return empty_name(whole);
	*text = view_skip(at, n);
	return expand_name(x, out, view_first(at, n));
}

static struct err
expand_text(struct expander *x, struct str *out, struct view text)
{
	struct view whole = text;
	struct err e = ERR_OK;

	while (text.len > 0 && !err_is(e)) {
		size_t n = view_find(text, '$');

		if (n == VIEW_NPOS)
			n = text.len;
		if (n > CONF_EXPAND_OUT_MAX ||
		    out->len > CONF_EXPAND_OUT_MAX - n)
			return err_make(
			    ERR_PERM, "the expanded value is too long");
		str_add(out, view_first(text, n));
		text = view_skip(text, n);
		if (text.len > 0)
			e = expand_dollar(x, out, whole, &text);
	}
	return e;
}

struct err
conf_expand(struct str *out, struct view text, const struct conf_macros *macros)
{
	struct expander x = { .macros = macros };

	return expand_text(&x, out, text);
}

struct err
conf_expand_names(
    struct view text, void (*visit)(void *arg, struct view name), void *arg)
{
	struct expander x = { .visit = visit, .visit_arg = arg };
	struct str scratch = STR_EMPTY;
	struct err e = expand_text(&x, &scratch, text);

	str_clear(&scratch);
	return e;
}
