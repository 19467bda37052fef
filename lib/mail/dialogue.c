/* Commands and replies in the log: see dialogue.h. */
#include "lib/mail/dialogue.h"

#include "lib/base/log.h"

/* "AUTH PLAIN AGJvYgBzZWNyZXQ=" is known by its first two words. */
static struct view
without_secret(struct view line)
{
	struct view rest = line, word;

	if (!view_token(&rest, " \t", &word) ||
	    !view_eq_case(word, VIEW("AUTH")) ||
	    !view_token(&rest, " \t", &word))
		return line;
	return view_first(line, (size_t)(word.ptr - line.ptr) + word.len);
}

static void
log_one(enum dialogue_direction direction, const char *peer, struct view line)
{
	struct view shown;

	if (view_ends(line, VIEW("\r")))
		line.len--;
	shown = without_secret(line);
	log_debug("%c %s: %.*s%s", (char)direction, peer, VIEW_ARGS(shown),
	    shown.len < line.len ? " ..." : "");
}

void
dialogue_log(
    enum dialogue_direction direction, const char *peer, struct view text)
{
	bool is_on = log_is_debug();
	struct view line;

	if (!is_on)
		log_set_debug_here(true);
	while (text.len > 0 && view_field(&text, '\n', &line))
		log_one(direction, peer, line);
	if (!is_on)
		log_set_debug_here(false);
}
