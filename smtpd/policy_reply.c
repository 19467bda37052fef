/* What policy servers answer: see policy.h. */
#include "smtpd/policy.h"

enum { SHOWN_MAX = 60 };

void
policy_reply_init(struct policy_reply *r)
{
	*r = (struct policy_reply){ .action = STR_EMPTY };
}

void
policy_reply_clear(struct policy_reply *r)
{
	str_clear(&r->action);
}

static bool
has_control(struct view v)
{
	for (size_t i = 0; i < v.len; i++)
		if (((unsigned char)v.ptr[i] < ' ' && v.ptr[i] != '\t') ||
		    v.ptr[i] == 0x7f)
			return true;
	return false;
}

static struct err
take_action(struct policy_reply *r, struct view value)
{
	/* Which of two would be meant? */
	if (r->has_action)
		return err_make(ERR_TEMP, "two actions in one answer");
	if (value.len == 0)
		return err_make(ERR_TEMP, "an empty action");
	str_set(&r->action, value);
	r->has_action = true;
	return ERR_OK;
}

struct err
policy_reply_feed(struct policy_reply *r, struct view line)
{
	size_t equals;

	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	if (line.len == 0) {
		if (!r->has_action)
			return err_make(ERR_TEMP, "an answer without action");
		r->is_done = true;
		return ERR_OK;
	}
	if (++r->n_lines > POLICY_LINES_MAX)
		return err_make(ERR_TEMP, "an answer of too many lines");
	if (has_control(line))
		return err_make(ERR_TEMP, "control characters in the answer");
	equals = view_find(line, '=');
	if (equals == VIEW_NPOS || equals == 0)
		return err_make(ERR_TEMP, "no name=value: \"%.*s\"",
		    VIEW_ARGS(view_first(line, SHOWN_MAX)));
	/* Attributes of later versions are passed over. */
	if (!view_eq(view_trim(view_first(line, equals)), VIEW("action")))
		return ERR_OK;
	return take_action(r, view_trim(view_skip(line, equals + 1)));
}
