/* The lines that indexed tables were made of: see explain_line.h. */
#include "ctl/explain_line.h"

#include "lib/conf/main_cf.h"
#include "lib/table/create.h"
#include "lib/table/source.h"

#include <sys/stat.h>

enum { TEXT_MAX = 256 << 20 };

typedef bool next_fn(struct source *s, struct view *key, struct view *value);

/* The first pair counts: what follows was a duplicate for postmap. */
static bool
look_in(struct view text, const char *name, next_fn *next, struct view key,
    struct view value, size_t *line)
{
	struct view k, v;
	struct source s;
	bool found = false, equal = false;

	source_init(&s, text, name, SOURCE_QUIET);
	while (!found && next(&s, &k, &v)) {
		found = view_eq_case(k, key);
		equal = found && view_eq(v, value);
		*line = s.line;
	}
	source_clear(&s);
	return equal;
}

static enum explain_line
look_up(const char *file, struct view key, struct view value, size_t *line)
{
	struct str text = STR_EMPTY;
	bool found = false;

	if (!err_is(conf_read_file(file, TEXT_MAX, &text)))
		found = look_in(str_view(&text), file, source_next_pair, key,
			    value, line) ||
		    look_in(str_view(&text), file, source_next_alias, key,
			value, line);
	str_clear(&text);
	return found ? EXPLAIN_LINE_FOUND : EXPLAIN_LINE_OTHER;
}

static bool
is_newer(const struct stat *a, const struct stat *b)
{
	return a->st_mtim.tv_sec > b->st_mtim.tv_sec ||
	    (a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
		a->st_mtim.tv_nsec > b->st_mtim.tv_nsec);
}

enum explain_line
explain_find_line(struct view spec, struct view key, struct view value,
    size_t *line, struct str *file)
{
	struct stat made, source;
	struct str path = STR_EMPTY;
	enum explain_line found = EXPLAIN_LINE_NONE;

	*line = 0;
	if (table_make_path(spec, &path) && stat(path.ptr, &made) == 0) {
		str_set(file, view_skip(spec, view_find(spec, ':') + 1));
		if (stat(file->ptr, &source) != 0 ||
		    !S_ISREG(source.st_mode))
			found = EXPLAIN_LINE_NONE;
		else if (is_newer(&source, &made))
			found = EXPLAIN_LINE_NEWER;
		else
			found = look_up(file->ptr, key, value, line);
	}
	str_clear(&path);
	return found;
}
