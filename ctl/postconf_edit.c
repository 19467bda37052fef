/*
 * Editing main.cf and its drop-in files.  Comments, blank lines and order
 * stay.  A parameter is set where it counts: in the last file that has it.
 */
#include "ctl/postconf.h"

#include "lib/base/mem.h"

#include <stdlib.h>
#include <unistd.h>

struct edit {
	char *name;
	char *line;	  /* what replaces it: EDIT_SET only */
	const char *file; /* the only one to change; NULL is all */
	bool seen;	  /* in the file at hand */
};

struct edits {
	enum postconf_edit how;
	struct edit *items;
	size_t n;
	const char *file; /* at hand */
	bool append;	  /* what is not there goes to this file's end */
	bool changed;
};

static struct edit *
find_edit(const struct edits *edits, struct view name)
{
	for (size_t i = 0; i < edits->n; i++) {
		struct edit *edit = &edits->items[i];

		if (view_eq(view_of(edit->name), name) &&
		    (edit->file == NULL ||
			strcmp(edit->file, edits->file) == 0))
			return edit;
	}
	return NULL;
}

/* A line as it is, zero bytes too: no format would do. */
static void
add_line(struct str *out, struct view line)
{
	str_add(out, line);
	str_add_byte(out, '\n');
}

/* A physical line of an edited entry. */
static void
edit_line(struct edits *edits, struct edit *edit, struct view line,
    bool is_first, struct str *out)
{
	if (is_first && edit->seen)
		postconf_warn(
		    "%s: multiple entries for \"%s\"", edits->file, edit->name);
	if (edits->how == EDIT_COMMENT) {
		str_add_byte(out, '#');
		add_line(out, line);
	} else if (is_first && edits->how == EDIT_SET)
		str_addf(out, "%s\n", edit->line);
	edit->seen = true;
	edits->changed = true;
}

static void
append_new(struct edits *edits, struct str *out)
{
	for (size_t i = 0; i < edits->n; i++) {
		struct edit *edit = &edits->items[i];

		if (edit->seen || edits->how != EDIT_SET ||
		    (edit->file == NULL ? !edits->append
					: strcmp(edit->file, edits->file) != 0))
			continue;
		str_addf(out, "%s\n", edit->line);
		edits->changed = true;
	}
}

static bool
apply(void *arg, struct view text, struct str *out)
{
	struct edits *edits = arg;
	struct view rest = text, line;
	struct edit *edit = NULL;

	edits->changed = false;
	for (size_t i = 0; i < edits->n; i++)
		edits->items[i].seen = false;
	while (rest.len > 0) {
		size_t n = view_find(rest, '\n');
		struct view start;

		line = view_first(rest, n);
		rest = view_skip(rest, n == VIEW_NPOS ? rest.len : n + 1);
		start = view_trim_left(line);
		if (start.len > 0 && start.ptr[0] != '#') {
			bool is_first = start.len == line.len;

			if (is_first)
				edit = find_edit(edits,
				    view_first(line,
					view_find_any(line, "= \t\r\v\f")));
			if (edit != NULL) {
				edit_line(edits, edit, line, is_first, out);
				continue;
			}
		}
		add_line(out, line);
	}
	append_new(edits, out);
	return edits->changed;
}

void
postconf_check_edit(const struct postconf *pc, const char *arg)
{
	const char *options = pc->mode == MODE_MAIN
	    ? "-e, -X, or -# accepts"
	    : "-Me, -Fe, -Pe, -X, or -# accept";

	if (strchr(arg, '\n') != NULL)
		postconf_fatal("%s no multi-line input", options);
	if (view_starts(view_trim_left(view_of(arg)), VIEW("#")))
		postconf_fatal("%s no comment input", options);
}

/* The same name twice on the command line: the last one counts. */
static struct edit *
new_edit(struct edits *edits, struct view name)
{
	for (size_t i = 0; i < edits->n; i++) {
		struct edit *edit = &edits->items[i];

		if (!view_eq(view_of(edit->name), name))
			continue;
		postconf_warn("ignoring earlier request: '%s'",
		    edit->line != NULL ? edit->line : edit->name);
		free(edit->line);
		edit->line = NULL;
		return edit;
	}
	edits->items[edits->n].name = xstrndup(name.ptr, name.len);
	return &edits->items[edits->n++];
}

static void
take_argument(
    const struct postconf *pc, struct edits *edits, const char *arg)
{
	struct str line = STR_EMPTY;
	struct view name = view_of(arg), value;
	struct err e;

	postconf_check_edit(pc, arg);
	if (edits->how == EDIT_SET) {
		e = conf_split_pair(view_of(arg), &name, &value);
		if (err_is(e))
			postconf_fatal("%s", e.text);
		str_printf(
		    &line, "%.*s = %.*s", VIEW_ARGS(name), VIEW_ARGS(value));
		new_edit(edits, name)->line = xstrdup(line.ptr);
		str_clear(&line);
		return;
	}
	name = view_trim_left(name);
	if (name.len == 0)
		postconf_fatal("-X or -# requires non-blank parameter names");
	if (view_find(name, '=') != VIEW_NPOS)
		postconf_fatal("-X or -# requires parameter names without "
			       "value");
	(void)new_edit(edits, name);
}

/* Where a drop-in file sets the parameter, main.cf would say it in vain. */
static void
find_files(struct postconf *pc, struct edits *edits, const char *main_path)
{
	struct main_cf *cf = &pc->names.file;
	struct err e = main_cf_read_dir(cf, pc->names.dir);

	/* What cannot be read can yet be mended: in main.cf. */
	if (err_is(e))
		postconf_warn("%s", e.text);
	for (size_t i = 0; i < edits->n; i++) {
		struct edit *edit = &edits->items[i];
		const struct main_cf_def *def =
		    main_cf_find(cf, view_of(edit->name));

		edit->file = main_path;
		if (def == NULL || strcmp(def->file, main_path) == 0)
			continue;
		edit->file = def->file;
		postconf_warn("%s: \"%s\" is set here, after main.cf: edited "
			      "here",
		    def->file, edit->name);
	}
}

static void
edit_drop_ins(struct edits *edits, char **paths, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		edits->file = paths[i];
		file_replace(paths[i], apply, edits);
	}
}

void
postconf_edit_main(struct postconf *pc, char **args, size_t n)
{
	struct edits edits = { .how = pc->edit,
		.items = xcalloc(n, sizeof(struct edit)) };
	struct str path = STR_EMPTY;
	char **drop_ins = NULL;
	size_t n_drop_ins = 0;
	struct err e;

	for (size_t i = 0; i < n; i++)
		take_argument(pc, &edits, args[i]);
	str_printf(&path, "%s/main.cf", pc->names.dir);
	e = main_cf_list_drop_ins(pc->names.dir, &drop_ins, &n_drop_ins);
	if (err_is(e))
		postconf_fatal("%s", e.text);
	if (n_drop_ins > 0 && edits.how == EDIT_SET)
		find_files(pc, &edits, path.ptr);
	edits.file = path.ptr;
	edits.append = true;
	file_replace(path.ptr, apply, &edits);
	edits.append = false;
	edit_drop_ins(&edits, drop_ins, n_drop_ins);
	for (size_t i = 0; i < edits.n; i++) {
		free(edits.items[i].name);
		free(edits.items[i].line);
	}
	free(edits.items);
	for (size_t i = 0; i < n_drop_ins; i++)
		free(drop_ins[i]);
	free(drop_ins);
	str_clear(&path);
}
