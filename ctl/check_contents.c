/* What tables answer with: transports that nobody has, actions that are none. */
#include "ctl/check.h"

#include "ctl/table_line.h"
#include "lib/base/mem.h"
#include "lib/conf/each.h"
#include "lib/conf/main_cf.h"
#include "lib/table/source.h"

#include <stdlib.h>

enum { TOLD_MAX = 20, RULES_MAX = 16 << 20 };

static const char *const transport_tables[] = { "transport_maps",
	"sender_dependent_default_transport_maps",
	"address_verify_transport_maps" };

static const char *const content_tables[] = { "header_checks",
	"mime_header_checks", "nested_header_checks", "body_checks" };

static const char *const access_actions[] = {
#define ACTION(name, run) name,
#include "lib/conf/access_actions.h"
};

static const char *const content_actions[] = {
#define ACTION(name, run) name,
#include "lib/conf/content_actions.h"
};

/* One table. */
struct contents {
	struct check *c;
	const struct check_place *at;
	struct view spec;
	size_t n_told;
	struct str file;
};

/* Where the pair stands, if its text says so; else the parameter. */
static struct check_place
place_of(struct contents *x, struct view key, struct view value)
{
	struct check_place at = *x->at;
	size_t line;

	if (table_line_find(x->spec, key, value, &line, &x->file) ==
	    TABLE_LINE_FOUND) {
		at.file = x->file.ptr;
		at.line = (int)line;
	}
	return at;
}

/* --- transports --- */

static bool
check_route(void *arg, struct view key, struct view value)
{
	struct contents *x = arg;
	struct view name = view_trim(view_first(value, view_find(value, ':')));
	const char *fault;
	struct check_place at;

	if (!x->c->has_master || name.len == 0)
		return true;
	fault = check_transport_fault(x->c, name);
	if (fault == NULL)
		return true;
	at = place_of(x, key, value);
	check_tell(x->c, CHECK_ERROR, &at, "table %.*s: %.*s: service %.*s/unix %s",
	    VIEW_ARGS(x->spec), VIEW_ARGS(key), VIEW_ARGS(name), fault);
	return ++x->n_told < TOLD_MAX;
}

/* --- actions --- */

static bool
is_digits(struct view v)
{
	size_t i = 0;

	while (i < v.len && ascii_is_digit(v.ptr[i]))
		i++;
	return v.len > 0 && i == v.len;
}

static bool
is_among(const char *const *names, size_t n, struct view word)
{
	for (size_t i = 0; i < n; i++)
		if (view_eq_case(word, view_of(names[i])))
			return true;
	return false;
}

static bool
is_access_action(struct view word)
{
	return is_among(access_actions, ARRAY_LEN(access_actions), word) ||
	    (word.len == 3 && is_digits(word) &&
		(word.ptr[0] == '4' || word.ptr[0] == '5'));
}

static struct view
first_word(struct view line)
{
	return view_first(line, view_find_any(line, " \t"));
}

/* What is no action is a list of restrictions. */
static bool
is_good_answer(struct check *c, struct view line)
{
	return line.len == 0 || is_digits(line) ||
	    is_access_action(first_word(line)) ||
	    check_restriction_words_are_good(c, line);
}

static void
check_access(struct contents *x, const struct check_place *at, struct view line)
{
	size_t before = x->c->n_errors;

	if (!is_good_answer(x->c, line))
		check_restriction_words(x->c, at, line);
	x->n_told += x->c->n_errors > before;
}

static bool
check_action(void *arg, struct view key, struct view value)
{
	struct contents *x = arg;
	struct view line = view_trim(value);
	struct check_place at;

	/* To find the place the whole text is read: not for every pair. */
	if (!is_good_answer(x->c, line)) {
		at = place_of(x, key, value);
		check_access(x, &at, line);
	}
	return x->n_told < TOLD_MAX;
}

static void
check_content(
    struct contents *x, const struct check_place *at, struct view line)
{
	struct view word = first_word(line);

	if (word.len == 0 ||
	    is_among(content_actions, ARRAY_LEN(content_actions), word))
		return;
	check_tell(x->c, CHECK_WARNING, at,
	    "unknown action \"%.*s\": has no effect", VIEW_ARGS(word));
	x->n_told++;
}

/* --- rules: tables of patterns cannot be listed, but read --- */

typedef void check_rule_fn(
    struct contents *x, const struct check_place *at, struct view action);

/* "/pattern/flags ACTION": false for what is no rule (if, endif). */
static bool
find_action(struct view line, bool is_cidr, struct view *action)
{
	size_t i = 0;

	if (is_cidr) {
		i = view_find_any(line, " \t");
	} else {
		if (line.len > 0 && line.ptr[0] == '!')
			line = view_trim_left(view_skip(line, 1));
		if (line.len == 0 || ascii_is_alnum(line.ptr[0]))
			return false;
		for (i = 1; i < line.len && line.ptr[i] != line.ptr[0]; i++)
			i += line.ptr[i] == '\\';
		i = i < line.len
		    ? i + view_find_any(view_skip(line, i), " \t")
		    : VIEW_NPOS;
	}
	if (i >= line.len)
		return false;
	*action = view_trim(view_skip(line, i));
	return view_find(first_word(*action), '$') == VIEW_NPOS;
}

static bool
is_cidr(struct view spec)
{
	return view_starts(spec, VIEW("cidr:"));
}

static bool
has_rules(struct view spec)
{
	return view_starts(spec, VIEW("regexp:")) ||
	    view_starts(spec, VIEW("pcre:")) || is_cidr(spec);
}

static void
each_rule(struct contents *x, check_rule_fn *look)
{
	struct str text = STR_EMPTY;
	struct check_place at = *x->at;
	struct view line, action;
	struct source s;

	str_set(&x->file, view_skip(x->spec, view_find(x->spec, ':') + 1));
	at.file = x->file.ptr;
	if (err_is(conf_read_file(x->file.ptr, RULES_MAX, &text)))
		return;
	source_init(&s, str_view(&text), x->file.ptr, SOURCE_QUIET);
	while (x->n_told < TOLD_MAX && source_next_line(&s, &line)) {
		at.line = (int)s.line;
		if (find_action(line, is_cidr(x->spec), &action) &&
		    !view_starts(line, VIEW("if ")))
			look(x, &at, action);
	}
	source_clear(&s);
	str_clear(&text);
}

/* --- which tables --- */

static void
look_at(struct check *c, const struct check_place *at, struct view word,
    check_pair_fn *look, check_rule_fn *look_at_rule)
{
	struct contents x = { c, at, check_table_spec(word), 0, STR_EMPTY };

	if (check_is_special(word)) {
		/* That was told. */
	} else if (has_rules(x.spec)) {
		if (look_at_rule != NULL)
			each_rule(&x, look_at_rule);
	} else if (look != NULL && check_is_table(x.spec)) {
		check_listen(c, at);
		check_each_pair(x.spec, look, &x);
		check_listen(c, NULL);
	}
	str_clear(&x.file);
}

static void
look_at_all(struct check *c, const struct check_place *at, struct view value,
    check_pair_fn *look, check_rule_fn *look_at_rule)
{
	struct view word;

	while (conf_list_next(&value, &word))
		look_at(c, at, word, look, look_at_rule);
}

/* A table stands behind its restriction, whatever the parameter: lists, and
 * classes. */
static void
visit(struct check *c, const struct check_place *at, struct view value)
{
	struct view rest = value, word;
	bool wanted = false;

	/* What is not set names no table. */
	if (at->file == NULL)
		return;
	if (is_among(transport_tables, ARRAY_LEN(transport_tables),
		view_of(at->parameter)))
		look_at_all(c, at, value, check_route, NULL);
	if (is_among(content_tables, ARRAY_LEN(content_tables),
		view_of(at->parameter)))
		look_at_all(c, at, value, NULL, check_content);
	while (conf_list_next(&rest, &word)) {
		if (wanted)
			look_at(c, at, word, check_action, check_access);
		wanted = check_restriction_has_table(word);
	}
}

void
check_contents(struct check *c)
{
	check_each_value(c, visit);
}
