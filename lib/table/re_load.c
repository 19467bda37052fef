/*
 * Reading the rules of regexp: and pcre: tables.  What is wrong is told with its
 * line, and left out; the texts are those of Postfix.
 */
#include "lib/table/re.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/table/posix_re.h"
#include "lib/table/rules.h"

#include <stdlib.h>

/* Of one pattern. */
enum { RE_GROUPS_MAX = 250, RE_PATTERN_MAX = 65536 };

struct loader {
	struct re *re;
	struct rules rules;
	bool posix, no_substitute;
	size_t *open; /* rules that are an open if */
	size_t n_open;
};

__attribute__((format(printf, 3, 4))) static void
warn_line(const struct re *re, size_t line, const char *format, ...)
{
	struct str text = STR_EMPTY;
	va_list ap;

	va_start(ap, format);
	str_vaddf(&text, format, ap);
	va_end(ap);
	log_warn(
	    "%s map %s, line %zu: %s", re->type, re->name.ptr, line, text.ptr);
	str_clear(&text);
}

#define WARN(l, ...) warn_line((l)->re, (l)->rules.line, __VA_ARGS__)

/* The letters after a pattern toggle these. */
static const struct option {
	char letter;
	uint32_t flag;
} pcre_options[] = { { 'i', PCRE2_CASELESS }, { 'm', PCRE2_MULTILINE },
	{ 's', PCRE2_DOTALL }, { 'x', PCRE2_EXTENDED }, { 'A', PCRE2_ANCHORED },
	{ 'E', PCRE2_DOLLAR_ENDONLY }, { 'U', PCRE2_UNGREEDY }, { 'X', 0 } };

/* For regexp: x is extended syntax, m that lines count; on flags which mean
 * nothing else there. */
enum { POSIX_EXTENDED = PCRE2_EXTENDED, POSIX_NEWLINE = PCRE2_MULTILINE };

static const struct option posix_options[] = { { 'i', PCRE2_CASELESS },
	{ 'm', POSIX_NEWLINE }, { 'x', POSIX_EXTENDED } };

static bool
toggle(const struct loader *l, char letter, uint32_t *flags)
{
	const struct option *o = l->posix ? posix_options : pcre_options;
	size_t n =
	    l->posix ? ARRAY_LEN(posix_options) : ARRAY_LEN(pcre_options);

	for (size_t i = 0; i < n; i++)
		if (o[i].letter == letter) {
			if (o[i].flag == 0)
				WARN(l,
				    "ignoring obsolete regexp option "
				    "\"%c\"",
				    letter);
			*flags ^= o[i].flag;
			return true;
		}
	WARN(l, "unknown regexp option \"%c\": skipping this rule", letter);
	return false;
}

struct pattern {
	bool negated;
	uint32_t flags;
	struct view text;
};

/* "!/text/flags" off the front; what follows stays, without white space. */
static bool
cut_pattern(const struct loader *l, struct view *rest, struct pattern *p)
{
	char delimiter;
	size_t end = 1;

	*p = (struct pattern){ .flags = PCRE2_CASELESS };
	p->flags |= l->posix ? (uint32_t)POSIX_EXTENDED : PCRE2_DOTALL;
	while (rest->len > 0 && rest->ptr[0] == '!') {
		p->negated = !p->negated;
		*rest = view_trim_left(view_skip(*rest, 1));
	}
	if (rest->len == 0) {
		WARN(l, "no regexp: skipping this rule");
		return false;
	}
	delimiter = rest->ptr[0];
	while (end < rest->len && rest->ptr[end] != delimiter)
		end += rest->ptr[end] == '\\' ? 2 : 1;
	if (end >= rest->len) {
		WARN(l, "no closing regexp delimiter \"%c\": %s this rule",
		    delimiter, l->posix ? "skipping" : "ignoring");
		return false;
	}
	p->text = view_sub(*rest, 1, end - 1);
	*rest = view_skip(*rest, end + 1);
	for (; rest->len > 0 && !ascii_is_space(rest->ptr[0]);
	     *rest = view_skip(*rest, 1))
		if (!toggle(l, rest->ptr[0], &p->flags))
			return false;
	*rest = view_trim(*rest);
	return true;
}

static pcre2_code *
compile_text(const struct loader *l, struct view text, uint32_t flags)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	PCRE2_UCHAR why[120];
	PCRE2_SIZE offset;
	pcre2_code *code;
	int rc;

	if (context == NULL)
		return NULL;
	/* \C could split a character; the checks of UTF need that it not. */
	flags |= PCRE2_NEVER_BACKSLASH_C;
	pcre2_set_max_pattern_length(context, RE_PATTERN_MAX);
	pcre2_set_parens_nest_limit(context, RE_GROUPS_MAX);
	code = pcre2_compile(
	    (PCRE2_SPTR)text.ptr, text.len, flags, &rc, &offset, context);
	pcre2_compile_context_free(context);
	if (code != NULL)
		return code;
	pcre2_get_error_message(rc, why, sizeof(why));
	if (l->posix)
		WARN(l, "%s", (const char *)why);
	else
		WARN(l, "error in regex at offset %zu: %s", offset,
		    (const char *)why);
	return NULL;
}

static pcre2_code *
compile_posix(const struct loader *l, const struct pattern *p)
{
	bool newline = (p->flags & POSIX_NEWLINE) != 0;
	uint32_t flags = p->flags & PCRE2_CASELESS;
	struct str text = STR_EMPTY;
	pcre2_code *code = NULL;
	struct err e = posix_re_translate(
	    p->text, (p->flags & POSIX_EXTENDED) != 0, newline, &text);

	flags |=
	    newline ? PCRE2_MULTILINE : PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY;
	if (err_is(e))
		WARN(l, "%s", e.text);
	else
		code = compile_text(l, str_view(&text), flags);
	str_clear(&text);
	return code;
}

static pcre2_code *
compile(const struct loader *l, const struct pattern *p)
{
	if (l->posix)
		return compile_posix(l, p);
	/* What is not UTF-8 in a subject just does not match a character. */
	if (view_is_utf8(p->text))
		return compile_text(
		    l, p->text, p->flags | PCRE2_UTF | PCRE2_MATCH_INVALID_UTF);
	return compile_text(l, p->text, p->flags);
}

uint32_t
re_count_groups(const pcre2_code *code)
{
	uint32_t n = 0;

	pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &n);
	return n;
}

static struct re_rule *
add_rule(struct loader *l, enum re_kind kind)
{
	struct re *re = l->re;

	if (re->n_rules == re->rules_room) {
		re->rules_room = re->rules_room * 2 + 16;
		re->rules = xreallocarray(
		    re->rules, re->rules_room, sizeof(*re->rules));
	}
	re->rules[re->n_rules] = (struct re_rule){
		.kind = kind, .line = l->rules.line, .end = SIZE_MAX
	};
	return &re->rules[re->n_rules++];
}

static void
add_part(struct re *re, struct view text, uint32_t group)
{
	re->parts =
	    xreallocarray(re->parts, re->n_parts + 1, sizeof(*re->parts));
	re->parts[re->n_parts++] =
	    (struct re_part){ re->texts.len, text.len, group };
	str_add(&re->texts, text);
}

/* After a '$': "1", "{1}" or "(1)". */
static bool
cut_index(struct view *rest, struct view *index)
{
	char open = rest->len > 0 ? rest->ptr[0] : 0;
	char close = open == '{' ? '}' : open == '(' ? ')' : 0;
	size_t end = 0;

	if (close != 0) {
		end = view_find(*rest, close);
		if (end == VIEW_NPOS) {
			log_warn("truncated macro reference: \"$%.*s\"",
			    VIEW_ARGS(view_first(*rest, 100)));
			return false;
		}
		*index = view_sub(*rest, 1, end - 1);
		*rest = view_skip(*rest, end + 1);
		return true;
	}
	while (end < rest->len &&
	    (ascii_is_alnum(rest->ptr[end]) || rest->ptr[end] == '_'))
		end++;
	*index = view_first(*rest, end);
	*rest = view_skip(*rest, end);
	if (end == 0)
		log_warn("empty macro name: \"$%.*s\"",
		    VIEW_ARGS(view_first(*rest, 100)));
	return end > 0;
}

static bool
cut_group(const struct loader *l, struct view *rest, uint32_t *group)
{
	struct view index;
	uint64_t n;
	bool number, digits = true;

	if (!cut_index(rest, &index))
		return false;
	for (size_t i = 0; i < index.len; i++)
		digits = digits && ascii_is_digit(index.ptr[i]);
	number = view_to_uint(index, 10, &n);
	if (digits && index.len > 0 && (!number || n > RE_GROUPS_MAX))
		n = RE_GROUPS_MAX + 1;
	else if (!number) {
		WARN(l, "non-numeric replacement index \"%.*s\"",
		    VIEW_ARGS(view_first(index, 100)));
		return false;
	} else if (n == 0) {
		WARN(l, "%s replacement index \"%.*s\"",
		    l->posix ? "out-of-range" : "out of range",
		    VIEW_ARGS(index));
		return false;
	}
	*group = (uint32_t)n;
	return true;
}

/* The result in parts; false if it cannot be. *highest: the group of the
 * greatest number in it. */
static bool
parse_result(struct loader *l, struct view rest, uint32_t *highest)
{
	*highest = 0;
	while (rest.len > 0) {
		size_t dollar = view_find(rest, '$');
		struct view text = view_first(rest, dollar);
		uint32_t group = 0;

		rest = dollar == VIEW_NPOS ? VIEW_EMPTY
					   : view_skip(rest, dollar + 1);
		if (dollar != VIEW_NPOS && rest.len > 0 && rest.ptr[0] == '$') {
			text.len++;
			rest = view_skip(rest, 1);
		} else if (dollar != VIEW_NPOS &&
		    !cut_group(l, &rest, &group)) {
			WARN(l, "bad replacement syntax: skipping this rule");
			return false;
		}
		add_part(l->re, text, group);
		if (group > *highest)
			*highest = group;
	}
	return true;
}

static bool
check_result(const struct loader *l, const struct pattern *p, uint32_t highest,
    uint32_t groups)
{
	if (highest == 0)
		return true;
	if (p->negated)
		WARN(l,
		    "$number found in negative match replacement text: "
		    "skipping this rule");
	else if (l->no_substitute)
		WARN(l,
		    "regular expression substitution is not allowed: "
		    "skipping this rule");
	else if (highest > groups)
		WARN(l,
		    "out of range replacement index \"%u\": skipping this "
		    "rule",
		    highest);
	else
		return true;
	return false;
}

static void
load_match(struct loader *l, struct view rest)
{
	size_t first_part = l->re->n_parts, texts = l->re->texts.len;
	struct re_rule *rule;
	struct pattern p;
	pcre2_code *code;
	uint32_t highest;

	if (!cut_pattern(l, &rest, &p))
		return;
	if (rest.len == 0)
		WARN(l, "no replacement text: using empty string");
	if (parse_result(l, rest, &highest) &&
	    (code = compile(l, &p)) != NULL) {
		if (check_result(l, &p, highest, re_count_groups(code))) {
			rule = add_rule(l, RE_MATCH);
			rule->negated = p.negated;
			rule->code = code;
			rule->parts = first_part;
			rule->n_parts = l->re->n_parts - first_part;
			return;
		}
		pcre2_code_free(code);
	}
	l->re->n_parts = first_part;
	str_cut(&l->re->texts, texts);
}

static void
load_if(struct loader *l, struct view rest)
{
	struct re_rule *rule;
	struct pattern p;
	pcre2_code *code;

	rest = view_trim_left(view_skip(rest, 2));
	if (!cut_pattern(l, &rest, &p))
		return;
	if (rest.len > 0) {
		WARN(l, "ignoring extra text after IF statement: \"%.*s\"",
		    VIEW_ARGS(view_first(rest, 100)));
		WARN(l,
		    "do not prepend whitespace to statements between IF "
		    "and ENDIF");
	}
	code = compile(l, &p);
	if (code == NULL)
		return;
	rule = add_rule(l, RE_IF);
	rule->negated = p.negated;
	rule->code = code;
	l->open = xreallocarray(l->open, l->n_open + 1, sizeof(*l->open));
	l->open[l->n_open++] = l->re->n_rules - 1;
}

static void
load_endif(struct loader *l, struct view rest)
{
	if (l->n_open == 0) {
		WARN(l, "ignoring ENDIF without matching IF");
		return;
	}
	if (rest.len > 5) {
		WARN(l, "ignoring extra text after ENDIF");
	}
	add_rule(l, RE_ENDIF);
	l->re->rules[l->open[--l->n_open]].end = l->re->n_rules;
}

static bool
is_word(struct view rule, struct view word)
{
	return view_starts_case(rule, word) &&
	    (rule.len == word.len || !ascii_is_alnum(rule.ptr[word.len]));
}

static void
load_all(struct loader *l)
{
	struct view rule;

	while (rules_next(&l->rules, &rule)) {
		if (is_word(rule, VIEW("if")))
			load_if(l, rule);
		else if (is_word(rule, VIEW("endif")))
			load_endif(l, rule);
		else if (rule.len > 0 && !ascii_is_alnum(rule.ptr[0]))
			load_match(l, rule);
		else
			WARN(l, "ignoring unrecognized request");
	}
	while (l->n_open > 0)
		warn_line(l->re, l->re->rules[l->open[--l->n_open]].line,
		    "IF has no matching ENDIF");
	free(l->open);
}

struct err
re_load(struct re *re, const struct table *t, bool posix)
{
	struct loader l = { .re = re,
		.posix = posix,
		.no_substitute = (t->flags & TABLE_NO_SUBSTITUTE) != 0 };
	struct err e = rules_open(&l.rules, t->type->name, t->name);

	if (err_is(e))
		return e;
	load_all(&l);
	re->held = l.rules.held;
	rules_clear(&l.rules);
	return ERR_OK;
}
