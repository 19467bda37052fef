/*
 * regexp: and pcre: tables: the first pattern that matches decides.  Both are
 * matched by PCRE2, without its JIT compiler (which needs much stack and a
 * mapping that is writable and executable), and with limits: a pattern that
 * takes too long makes the table fail, which is never "not found".
 */
#include "lib/base/mem.h"
#include "lib/base/trace.h"
#include "lib/table/re.h"

#include <stdlib.h>

/* Calls of the matcher's inner function and KiB of its heap, each match. */
enum { RE_MATCH_MAX = 1000000, RE_DEPTH_MAX = 50000, RE_HEAP_MAX = 8192 };

static void
re_free(struct re *re)
{
	for (size_t i = 0; i < re->n_rules; i++)
		pcre2_code_free(re->rules[i].code);
	free(re->rules);
	free(re->parts);
	str_clear(&re->texts);
	str_clear(&re->name);
	held_clear(&re->held);
	pcre2_match_data_free(re->match);
	pcre2_match_context_free(re->limits);
	free(re);
}

static struct err
prepare_match(struct re *re)
{
	uint32_t groups = 0;

	for (size_t i = 0; i < re->n_rules; i++)
		if (re->rules[i].code != NULL &&
		    re_count_groups(re->rules[i].code) > groups)
			groups = re_count_groups(re->rules[i].code);
	re->match = pcre2_match_data_create(groups + 1, NULL);
	re->limits = pcre2_match_context_create(NULL);
	if (re->match == NULL || re->limits == NULL)
		return err_make(ERR_TEMP, "open %s map %s: out of memory",
		    re->type, re->name.ptr);
	pcre2_set_match_limit(re->limits, RE_MATCH_MAX);
	pcre2_set_depth_limit(re->limits, RE_DEPTH_MAX);
	pcre2_set_heap_limit(re->limits, RE_HEAP_MAX);
	return ERR_OK;
}

static struct err
open_re(struct table *t, bool posix)
{
	struct re *re = xcalloc(1, sizeof(*re));
	struct err e;

	re->type = t->type->name;
	re->held = HELD_NONE;
	str_init(&re->texts);
	str_init(&re->name);
	str_set(&re->name, t->name);
	e = re_load(re, t, posix);
	if (!err_is(e)) {
		t->fixed = false;
		e = prepare_match(re);
	}
	if (err_is(e))
		re_free(re);
	else
		t->state = re;
	return e;
}

static struct err
open_regexp(struct table *t)
{
	return open_re(t, true);
}

static struct err
open_pcre(struct table *t)
{
	return open_re(t, false);
}

static void
make_result(const struct re *re, const struct re_rule *rule, struct view key,
    struct str *value)
{
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(re->match);

	str_reset(value);
	for (size_t i = 0; i < rule->n_parts; i++) {
		const struct re_part *part = &re->parts[rule->parts + i];
		PCRE2_SIZE from = at[2 * part->group];
		PCRE2_SIZE to = at[2 * part->group + 1];

		str_add(value,
		    view_sub(str_view(&re->texts), part->from, part->len));
		/* \K can put a match's end before its start. */
		if (part->group > 0 && from != PCRE2_UNSET && from < to)
			str_add(value, view_sub(key, from, to - from));
	}
}

static struct err
run(const struct re *re, const struct re_rule *rule, struct view key, bool *yes)
{
	PCRE2_UCHAR why[120];
	int rc = pcre2_match(rule->code, (PCRE2_SPTR)key.ptr, key.len, 0, 0,
	    re->match, re->limits);

	*yes = (rc >= 0) != rule->negated;
	if (rc >= 0 || rc == PCRE2_ERROR_NOMATCH)
		return ERR_OK;
	pcre2_get_error_message(rc, why, sizeof(why));
	return err_make(ERR_TEMP, "%s map %.80s, line %zu: %s", re->type,
	    re->name.ptr, rule->line, (const char *)why);
}

static struct err
find_re(struct table *t, struct view key, struct str *value, bool *found)
{
	const struct re *re = t->state;
	struct err e = ERR_OK;

	for (size_t i = 0, next; i < re->n_rules && !err_is(e) && !*found;
	     i = next) {
		const struct re_rule *rule = &re->rules[i];
		bool yes;

		next = i + 1;
		if (rule->kind == RE_ENDIF)
			continue;
		e = run(re, rule, key, &yes);
		if (err_is(e))
			break;
		if (rule->kind == RE_IF && !yes)
			next = rule->end;
		*found = rule->kind == RE_MATCH && yes;
		if (*found) {
			make_result(re, rule, key, value);
			trace_set_line(rule->line);
		}
	}
	return e;
}

static void
close_re(struct table *t)
{
	re_free(t->state);
	t->state = NULL;
}

static bool
changed_re(const struct table *t, bool path)
{
	const struct re *re = t->state;

	return held_has_changed(&re->held, path);
}

const struct table_type type_regexp = { .name = "regexp",
	.open = open_regexp,
	.find = find_re,
	.close = close_re,
	.changed = changed_re };
const struct table_type type_pcre = { .name = "pcre",
	.open = open_pcre,
	.find = find_re,
	.close = close_re,
	.changed = changed_re };
