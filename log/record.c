/* Records of log lines: see record.h. */
#include "log/record.h"

/* What ends a tag for who reads the log must not stand in it. */
static bool
take_tag(struct view tag, char *out)
{
	if (tag.len == 0 || tag.len > RECORD_TAG_MAX)
		return false;
	for (size_t i = 0; i < tag.len; i++) {
		char c = tag.ptr[i];

		if (c <= ' ' || c > '~')
			return false;
		out[i] = strchr("[]:", c) != NULL ? '_' : c;
	}
	out[tag.len] = '\0';
	return true;
}

/* The bytes up to the next space, and past it; false if there is none. */
static bool
cut_word(struct view *rest, struct view *word)
{
	size_t space = view_find(*rest, ' ');

	if (space == VIEW_NPOS)
		return false;
	*word = view_first(*rest, space);
	*rest = view_skip(*rest, space + 1);
	return true;
}

static bool
cut_number(struct view *rest, int64_t *number)
{
	struct view word;

	return cut_word(rest, &word) && view_to_int(word, number) &&
	    *number >= 0;
}

static bool
parse(struct view line, struct record *r)
{
	struct view tag;
	int64_t level;

	if (!cut_number(&line, &level) || level > LOG_LEVEL_FATAL)
		return false;
	r->level = (enum log_level)level;
	if (!cut_number(&line, &r->wall_us) || !cut_number(&line, &r->pid) ||
	    !cut_word(&line, &tag) || !take_tag(tag, r->tag))
		return false;
	r->text = line;
	return true;
}

bool
record_next(struct view *datagram, struct record *r, bool *good)
{
	size_t end = view_find(*datagram, '\n');

	if (datagram->len == 0)
		return false;
	/* The last one is cut short if the datagram was. */
	*good = end != VIEW_NPOS && parse(view_first(*datagram, end), r);
	*datagram =
	    end == VIEW_NPOS ? VIEW_EMPTY : view_skip(*datagram, end + 1);
	return true;
}

void
record_add_text(struct str *out, const struct record *r)
{
	size_t i = 0;

	/* Honest lines are clean: look at them once, copy them once. */
	while (
	    i < r->text.len && r->text.ptr[i] >= ' ' && r->text.ptr[i] <= '~')
		i++;
	if (i == r->text.len && i <= RECORD_TEXT_MAX)
		str_add(out, r->text);
	else
		log_clean(out, r->text, RECORD_TEXT_MAX);
}
