/* Reading main.cf: lines, pairs, where each came from. */
#include "lib/conf/main_cf.h"

#include "lib/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINE_SHOWN = 30 /* in a warning, as Postfix */ };

struct source_file {
	struct list node;
	char *name;
};

void
main_cf_init(struct main_cf *cf)
{
	htable_init(&cf->by_name);
	list_init(&cf->defs);
	list_init(&cf->warnings);
	list_init(&cf->files);
	cf->n_defs = 0;
}

void
main_cf_warn(struct list *warnings, const char *file, int line,
    const char *format, ...)
{
	struct main_cf_warning *w = xcalloc(1, sizeof(*w));
	va_list ap;

	w->file = file;
	w->line = line;
	va_start(ap, format);
	(void)vsnprintf(w->text, sizeof(w->text), format, ap);
	va_end(ap);
	list_append(warnings, &w->node);
}

void
main_cf_describe(const struct main_cf_warning *w, struct str *out)
{
	str_reset(out);
	if (w->file != NULL)
		str_addf(out, "%s, line %d: ", w->file, w->line);
	str_add_text(out, w->text);
}

void
main_cf_clear_warnings(struct list *warnings)
{
	LIST_EACH (it, after, warnings)
		free(LIST_ITEM(it, struct main_cf_warning, node));
	list_init(warnings);
}

void
main_cf_clear(struct main_cf *cf)
{
	LIST_EACH (it, after, &cf->defs) {
		struct main_cf_def *def =
		    LIST_ITEM(it, struct main_cf_def, node);

		free(def->name);
		free(def->value);
		free(def);
	}
	LIST_EACH (it, after, &cf->files) {
		struct source_file *file =
		    LIST_ITEM(it, struct source_file, node);

		free(file->name);
		free(file);
	}
	main_cf_clear_warnings(&cf->warnings);
	htable_clear(&cf->by_name, NULL);
	main_cf_init(cf);
}

/* One physical line without its end; false at the end of the text. */
static bool
take_line(struct view *rest, struct view *line)
{
	size_t n = view_find(*rest, '\n');

	if (rest->len == 0)
		return false;
	*line = view_first(*rest, n);
	*rest = view_skip(*rest, n == VIEW_NPOS ? rest->len : n + 1);
	return true;
}

static bool
is_skipped(struct view line)
{
	line = view_trim_left(line);
	return line.len == 0 || line.ptr[0] == '#';
}

bool
conf_lines_next(struct conf_lines *lines, struct str *text, int *line)
{
	struct view rest = lines->rest, physical;
	int number = lines->next_line;
	bool found = false;

	str_reset(text);
	while (take_line(&rest, &physical)) {
		if (!is_skipped(physical)) {
			if (found && !ascii_is_space(physical.ptr[0]))
				break;
			if (!found)
				*line = number;
			found = true;
			str_add(text, physical);
		}
		number++;
		lines->rest = rest;
		lines->next_line = number;
	}
	return found;
}

struct err
conf_split_pair(struct view text, struct view *name, struct view *value)
{
	size_t equals = view_find(text, '=');

	*name = view_trim(view_first(text, equals));
	*value = VIEW_EMPTY;
	if (equals == VIEW_NPOS ||
	    view_find_any(*name, " \t\r\v\f") != VIEW_NPOS)
		return err_make(ERR_PERM,
		    "missing '=' after attribute name: \"%.*s\"",
		    VIEW_ARGS(view_first(view_trim_left(text), 100)));
	if (name->len == 0)
		return err_make(ERR_PERM, "missing attribute name: \"%.*s\"",
		    VIEW_ARGS(view_first(view_trim_left(text), 100)));
	*value = view_trim(view_skip(text, equals + 1));
	return ERR_OK;
}

static const char *
remember_file(struct main_cf *cf, const char *name)
{
	struct source_file *file = xcalloc(1, sizeof(*file));

	file->name = xstrdup(name);
	list_append(&cf->files, &file->node);
	return file->name;
}

static void
define(struct main_cf *cf, struct view name, struct view value,
    const char *file, int line)
{
	struct main_cf_def *def = htable_find(&cf->by_name, name);

	if (def != NULL) {
		/* To override another file is what a drop-in is for. */
		if (!view_eq(view_of(def->value), value) && def->file == file)
			main_cf_warn(&cf->warnings, file, line,
			    "overriding earlier entry: %s=%s", def->name,
			    def->value);
		free(def->value);
	} else {
		def = xcalloc(1, sizeof(*def));
		def->name = xstrndup(name.ptr, name.len);
		list_append(&cf->defs, &def->node);
		htable_set(&cf->by_name, name, def);
		cf->n_defs++;
	}
	def->value = xstrndup(value.ptr, value.len);
	def->file = file;
	def->line = line;
}

static struct err
read_line(struct main_cf *cf, struct view text, const char *file, int line)
{
	struct view name, value;
	struct err e;

	if (text.len > MAIN_CF_LINE_MAX)
		return err_make(
		    ERR_PERM, "longer than %d bytes", MAIN_CF_LINE_MAX);
	if (view_find(text, '\0') != VIEW_NPOS)
		return err_make(ERR_PERM, "has a zero byte");
	if (ascii_is_space(text.ptr[0])) {
		main_cf_warn(&cf->warnings, file, line,
		    "logical line must not start with whitespace: "
		    "\"%.*s%s\"",
		    VIEW_ARGS(view_first(text, LINE_SHOWN)),
		    text.len > LINE_SHOWN ? "..." : "");
		return ERR_OK;
	}
	e = conf_split_pair(text, &name, &value);
	if (err_is(e))
		return e;
	if (cf->n_defs >= MAIN_CF_DEFS_MAX)
		return err_make(
		    ERR_PERM, "more than %d names", MAIN_CF_DEFS_MAX);
	define(cf, name, value, file, line);
	return ERR_OK;
}

struct err
main_cf_read_text(struct main_cf *cf, struct view text, const char *file)
{
	struct conf_lines lines = { text, 1 };
	const char *name = remember_file(cf, file);
	struct str logical = STR_EMPTY;
	struct err e = ERR_OK;
	int line;

	while (!err_is(e) && conf_lines_next(&lines, &logical, &line)) {
		e = read_line(cf, str_view(&logical), name, line);
		if (err_is(e))
			e = err_make(
			    e.kind, "%s, line %d: %s", file, line, e.text);
	}
	str_clear(&logical);
	return e;
}

struct err
conf_read_file(const char *path, size_t max, struct str *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n;

	str_reset(out);
	if (fd < 0)
		return err_sys(ERR_TEMP, "open %s", path);
	do {
		char *at = str_reserve(out, 65536);

		n = read(fd, at, 65536);
		if (n > 0)
			str_grew(out, (size_t)n);
	} while ((n > 0 && out->len <= max) || (n < 0 && errno == EINTR));
	if (n < 0) {
		struct err e = err_sys(ERR_TEMP, "read %s", path);

		(void)close(fd);
		return e;
	}
	(void)close(fd);
	if (out->len > max)
		return err_make(
		    ERR_PERM, "read %s: longer than %zu bytes", path, max);
	return ERR_OK;
}

struct err
main_cf_read_file(struct main_cf *cf, const char *path)
{
	struct str text = STR_EMPTY;
	struct err e = conf_read_file(path, MAIN_CF_FILE_MAX, &text);

	if (!err_is(e))
		e = main_cf_read_text(cf, str_view(&text), path);
	str_clear(&text);
	return e;
}

static int
compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names that begin with a dot are an editor's. */
static bool
is_drop_in(const char *name)
{
	return name[0] != '.' && view_ends(view_of(name), VIEW(".cf"));
}

struct err
main_cf_list_drop_ins(const char *dir, char ***paths, size_t *n)
{
	struct str path = STR_EMPTY;
	struct err e = ERR_OK;
	struct dirent *entry;
	DIR *d;

	*paths = NULL;
	*n = 0;
	str_printf(&path, "%s/" MAIN_CF_DROP_INS, dir);
	d = opendir(path.ptr);
	if (d == NULL) {
		if (errno != ENOENT)
			e = err_sys(ERR_TEMP, "open %s", path.ptr);
		str_clear(&path);
		return e;
	}
	while ((entry = readdir(d)) != NULL) {
		if (!is_drop_in(entry->d_name))
			continue;
		if (*n == MAIN_CF_DROP_INS_MAX) {
			e = err_make(ERR_PERM, "%s/" MAIN_CF_DROP_INS
			    ": more than %d files", dir, MAIN_CF_DROP_INS_MAX);
			break;
		}
		*paths = xreallocarray(*paths, *n + 1, sizeof(**paths));
		str_printf(&path, "%s/" MAIN_CF_DROP_INS "/%s", dir,
		    entry->d_name);
		(*paths)[(*n)++] = xstrdup(path.ptr);
	}
	(void)closedir(d);
	str_clear(&path);
	if (*n > 0)
		qsort(*paths, *n, sizeof(**paths), compare_paths);
	return e;
}

struct err
main_cf_read_dir(struct main_cf *cf, const char *dir)
{
	struct str path = STR_EMPTY;
	char **paths = NULL;
	size_t n = 0;
	struct err e;

	str_printf(&path, "%s/main.cf", dir);
	e = main_cf_read_file(cf, path.ptr);
	str_clear(&path);
	if (!err_is(e))
		e = main_cf_list_drop_ins(dir, &paths, &n);
	for (size_t i = 0; i < n; i++) {
		if (!err_is(e))
			e = main_cf_read_file(cf, paths[i]);
		free(paths[i]);
	}
	free(paths);
	return e;
}

const struct main_cf_def *
main_cf_find(const struct main_cf *cf, struct view name)
{
	return htable_find(&cf->by_name, name);
}
