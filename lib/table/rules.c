/* The rules of pattern tables, from a file or an in-line body. */
#include "lib/table/rules.h"

#include "lib/table/words.h"

/* A body is well-formed if its words are all in braces. */
static struct err
check_body(const char *type, struct view name, struct view *inside)
{
	struct view rest, word, rule;

	rest = name;
	if (!words_next(&rest, &word) || !words_in_braces(word, inside))
		return err_make(ERR_PERM, "%s map: missing '}' in \"%.*s\"",
		    type, VIEW_ARGS(view_first(name, 100)));
	if (view_trim(rest).len > 0 || !words_in_braces(name, inside))
		return err_make(ERR_PERM,
		    "%s map: syntax error after '}' in "
		    "\"%.*s\"",
		    type, VIEW_ARGS(view_first(name, 100)));
	for (rest = *inside; words_next(&rest, &word);) {
		if (word.ptr[0] != '{')
			return err_make(ERR_PERM,
			    "%s map: no '{' at start of "
			    "text in \"%.*s\"",
			    type, VIEW_ARGS(view_first(word, 100)));
		if (!words_in_braces(word, &rule))
			return err_make(ERR_PERM,
			    "%s map: syntax error after "
			    "'}' in \"%.*s\"",
			    type, VIEW_ARGS(view_first(word, 100)));
	}
	return ERR_OK;
}

struct err
rules_open(struct rules *r, const char *type, struct view name)
{
	struct err e = ERR_OK;

	*r = (struct rules){
		.held = HELD_NONE, .name = STR_EMPTY, .text = STR_EMPTY
	};
	r->in_line = name.len > 0 && name.ptr[0] == '{';
	if (r->in_line)
		e = check_body(type, name, &r->inside);
	else
		e = held_read(&r->held, "open", name, &r->text);
	str_set(&r->name, name);
	source_init(&r->source, str_view(&r->text), r->name.ptr, 0);
	if (err_is(e))
		rules_clear(r);
	return e;
}

bool
rules_next(struct rules *r, struct view *rule)
{
	struct view word;

	if (!r->in_line) {
		if (!source_next_line(&r->source, rule))
			return false;
		r->line = r->source.line;
		return true;
	}
	if (!words_next(&r->inside, &word))
		return false;
	r->line++;
	words_in_braces(word, rule);
	return true;
}

void
rules_clear(struct rules *r)
{
	source_clear(&r->source);
	str_clear(&r->name);
	str_clear(&r->text);
}
