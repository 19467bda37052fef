/* Text files of tables: logical lines, and pairs of key and value on them. */
#include "lib/table/source.h"

#include "lib/base/log.h"
#include "lib/table/table.h"

#include <stdarg.h>

void
source_init(
    struct source *s, struct view text, const char *name, unsigned flags)
{
	*s = (struct source){ .rest = text,
		.name = name,
		.flags = flags,
		.next = 1,
		.joined = STR_EMPTY,
		.key = STR_EMPTY,
		.value = STR_EMPTY };
}

void
source_clear(struct source *s)
{
	str_clear(&s->joined);
	str_clear(&s->key);
	str_clear(&s->value);
}

/* The next physical line without its end. */
static bool
next_physical(struct source *s, struct view *line)
{
	if (s->rest.len == 0)
		return false;
	if (!view_field(&s->rest, '\n', line))
		return false;
	if (s->rest.ptr == NULL)
		s->rest = VIEW_EMPTY;
	s->next++;
	return true;
}

static bool
is_nothing(struct view line)
{
	line = view_trim_left(line);
	return line.len == 0 || line.ptr[0] == '#';
}

/* Does the line that comes next belong to the logical line? */
static bool
goes_on(const struct source *s)
{
	struct view rest = s->rest, line;

	if (rest.len == 0 || !view_field(&rest, '\n', &line))
		return false;
	return is_nothing(line) || ascii_is_space(line.ptr[0]);
}

void
source_warn(const struct source *s, const char *format, ...)
{
	struct str text = STR_EMPTY;
	va_list ap;

	if ((s->flags & SOURCE_QUIET) != 0)
		return;
	va_start(ap, format);
	str_vaddf(&text, format, ap);
	va_end(ap);
	log_warn("%s", text.ptr);
	str_clear(&text);
}

static void
add_part(struct source *s, struct view part)
{
	if (s->joined.len + part.len > TABLE_LINE_MAX) {
		source_warn(s,
		    "%s, line %zu: line longer than %d bytes -- ignoring "
		    "the rest of it",
		    s->name, s->line, TABLE_LINE_MAX);
		part = view_first(part, TABLE_LINE_MAX - s->joined.len);
	}
	str_add(&s->joined, part);
}

/* What follows the first part; it is copied only if something does. */
static struct view
take_logical(struct source *s, struct view first)
{
	struct view part;

	if (!goes_on(s) && first.len <= TABLE_LINE_MAX)
		return view_trim_right(first);
	str_reset(&s->joined);
	add_part(s, first);
	while (goes_on(s) && next_physical(s, &part))
		if (!is_nothing(part))
			add_part(s, part);
	return view_trim_right(str_view(&s->joined));
}

bool
source_next_line(struct source *s, struct view *line)
{
	struct view first;

	for (;;) {
		s->line = s->next;
		if (!next_physical(s, &first))
			return false;
		if (is_nothing(first))
			continue;
		if (!ascii_is_space(first.ptr[0]))
			break;
		source_warn(s,
		    "%s: logical line must not start with whitespace: "
		    "\"%.*s%s\"",
		    s->name, VIEW_ARGS(view_first(first, 30)),
		    first.len > 30 ? "..." : "");
	}
	*line = take_logical(s, first);
	return true;
}

static const char *
ignored(const struct source *s)
{
	return s->flags & SOURCE_SAY_IGNORED ? " -- ignoring this line" : "";
}

/* Where the key ends: at white space outside double quotes; a backslash takes
 * the next byte along.  VIEW_NPOS if a quote is missing. */
static size_t
key_end(struct view line)
{
	bool quoted = false;
	size_t i;

	for (i = 0; i < line.len; i++) {
		char c = line.ptr[i];

		if (c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && ascii_is_space(c))
			break;
	}
	if (quoted)
		return VIEW_NPOS;
	return i < line.len ? i : line.len;
}

static bool
is_text(struct source *s, struct view line)
{
	if (!(s->flags & SOURCE_UTF8) || view_is_utf8(line))
		return true;
	source_warn(s,
	    "%s, line %zu: non-UTF-8 input \"%.*s\" -- ignoring this line",
	    s->name, s->line, VIEW_ARGS(view_first(line, 200)));
	return false;
}

static bool
parse_pair(
    struct source *s, struct view line, struct view *key, struct view *value)
{
	size_t end = key_end(line);

	if (end == VIEW_NPOS) {
		source_warn(s,
		    "%s, line %zu: unbalanced '\"' in '%.*s' -- ignoring "
		    "this line",
		    s->name, s->line, VIEW_ARGS(view_first(line, 200)));
		return false;
	}
	*key = view_first(line, end);
	*value = view_trim(view_skip(line, end));
	if (key->len == 0 || value->len == 0) {
		source_warn(s,
		    "%s, line %zu: expected format: key whitespace value%s",
		    s->name, s->line, ignored(s));
		return false;
	}
	if (key->ptr[key->len - 1] == ':')
		source_warn(s,
		    "%s, line %zu: record is in \"key: value\" format; is "
		    "this an alias file?",
		    s->name, s->line);
	return true;
}

bool
source_next_pair(struct source *s, struct view *key, struct view *value)
{
	struct view line;

	while (source_next_line(s, &line))
		if (is_text(s, line) && parse_pair(s, line, key, value))
			return true;
	return false;
}
