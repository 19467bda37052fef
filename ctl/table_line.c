/* Lines of tables: see table_line.h. */
#include "ctl/table_line.h"

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

static enum table_line
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
	return found ? TABLE_LINE_FOUND : TABLE_LINE_OTHER;
}

static bool
is_newer(const struct stat *a, const struct stat *b)
{
	return a->st_mtim.tv_sec > b->st_mtim.tv_sec ||
	    (a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
		a->st_mtim.tv_nsec > b->st_mtim.tv_nsec);
}

static bool
is_indexed(struct view spec, struct stat *made)
{
	struct str path = STR_EMPTY;
	bool yes = table_make_path(spec, &path) && stat(path.ptr, made) == 0;

	str_clear(&path);
	return yes;
}

enum table_line
table_line_find(struct view spec, struct view key, struct view value,
    size_t *line, struct str *file)
{
	struct stat made, source;
	bool indexed;

	*line = 0;
	if (view_starts(spec, VIEW("proxy:")))
		spec = view_skip(spec, sizeof("proxy:") - 1);
	indexed = is_indexed(spec, &made);
	if (!indexed && !view_starts(spec, VIEW("texthash:")))
		return TABLE_LINE_NONE;
	str_set(file, view_skip(spec, view_find(spec, ':') + 1));
	if (stat(file->ptr, &source) != 0 || !S_ISREG(source.st_mode))
		return TABLE_LINE_NONE;
	if (indexed && is_newer(&source, &made))
		return TABLE_LINE_NEWER;
	return look_up(file->ptr, key, value, line);
}
