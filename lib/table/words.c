/* Splitting lists in which braces group. */
#include "lib/table/words.h"

static bool
is_separator(char c)
{
	return c != 0 && strchr(WORDS_SEPARATORS, c) != NULL;
}

bool
words_next(struct view *rest, struct view *word)
{
	size_t from = 0, to, depth = 0;

	while (from < rest->len && is_separator(rest->ptr[from]))
		from++;
	for (to = from; to < rest->len; to++) {
		char c = rest->ptr[to];

		if (c == '{')
			depth++;
		else if (c == '}' && depth > 0)
			depth--;
		else if (depth == 0 && is_separator(c))
			break;
	}
	*word = view_sub(*rest, from, to - from);
	*rest = view_skip(*rest, to);
	return word->len > 0;
}

bool
words_in_braces(struct view text, struct view *inside)
{
	size_t depth = 0;

	if (text.len < 2 || text.ptr[0] != '{')
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '{')
			depth++;
		else if (text.ptr[i] == '}' && --depth == 0 && i + 1 < text.len)
			return false;
	}
	if (depth != 0)
		return false;
	*inside = view_trim(view_sub(text, 1, text.len - 2));
	return true;
}
