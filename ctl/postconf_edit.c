/*
 * Editing main.cf and the lines of master.cf.  A new file is written beside the
 * old one, synced and renamed, so that a reader sees the one or the other.
 * Comments, blank lines and order stay.
 */
#include "ctl/postconf.h"

#include "lib/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct edit {
	char *key;  /* parameter; for master.cf "name/type" */
	char *line; /* what replaces it: EDIT_SET only */
	bool seen;
};

struct edits {
	enum postconf_edit how;
	struct edit *items;
	size_t n;
	const char *file;
	/* The key of a logical line's first physical line. */
	void (*key_of)(struct view line, struct str *key);
};

static void
main_key(struct view line, struct str *key)
{
	str_set(key, view_trim(view_first(line, view_find(line, '='))));
}

static void
master_key(struct view line, struct str *key)
{
	struct view name = VIEW_EMPTY, type = VIEW_EMPTY;

	view_token(&line, " \t\r\v\f", &name);
	view_token(&line, " \t\r\v\f", &type);
	str_printf(key, "%.*s/%.*s", VIEW_ARGS(name), VIEW_ARGS(type));
}

static bool
key_matches(const char *pattern, struct view key)
{
	struct view want = view_of(pattern), w, k;

	if (view_eq(want, key))
		return true;
	if (view_find(want, '/') == VIEW_NPOS)
		return false;
	while (view_field(&want, '/', &w))
		if (!view_field(&key, '/', &k) ||
		    (!view_eq(w, VIEW("*")) && !view_eq(w, k)))
			return false;
	return true;
}

static struct edit *
find_edit(const struct edits *edits, struct view key)
{
	for (size_t i = 0; i < edits->n; i++)
		if (key_matches(edits->items[i].key, key))
			return &edits->items[i];
	return NULL;
}

/* A physical line of an edited entry. */
static void
edit_line(const struct edits *edits, struct edit *edit, struct view line,
    bool is_first, struct str *out)
{
	if (edits->how == EDIT_COMMENT)
		str_addf(out, "#%.*s\n", VIEW_ARGS(line));
	if (is_first && edits->how == EDIT_SET)
		str_addf(out, "%s\n", edit->line);
	if (is_first && edit->seen && edits->how == EDIT_SET)
		postconf_warn(
		    "%s: multiple entries for \"%s\"", edits->file, edit->key);
	edit->seen = true;
}

static void
apply(const struct edits *edits, struct view text, struct str *out)
{
	struct view rest = text, line;
	struct str key = STR_EMPTY;
	struct edit *edit = NULL;

	while (rest.len > 0) {
		size_t n = view_find(rest, '\n');
		struct view start;
		bool is_first;

		line = view_first(rest, n);
		rest = view_skip(rest, n == VIEW_NPOS ? rest.len : n + 1);
		start = view_trim_left(line);
		is_first = start.len > 0 && start.len == line.len;
		if (start.len == 0 || start.ptr[0] == '#') {
			str_addf(out, "%.*s\n", VIEW_ARGS(line));
			continue;
		}
		if (is_first) {
			edits->key_of(line, &key);
			edit = find_edit(edits, str_view(&key));
		}
		if (edit != NULL)
			edit_line(edits, edit, line, is_first, out);
		else
			str_addf(out, "%.*s\n", VIEW_ARGS(line));
	}
	for (size_t i = 0; i < edits->n; i++)
		if (!edits->items[i].seen && edits->how == EDIT_SET)
			str_addf(out, "%s\n", edits->items[i].line);
	str_clear(&key);
}

/* Opens and locks the file that will replace path: only one editor at once. */
static int
open_temporary(const char *path)
{
	struct stat held, named;
	int fd;

	for (;;) {
		fd =
		    open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			postconf_fatal("open %s: %s", path, strerror(errno));
		if (flock(fd, LOCK_EX) != 0 || fstat(fd, &held) != 0)
			postconf_fatal("lock %s: %s", path, strerror(errno));
		/* The one before may have renamed it while we waited. */
		if (stat(path, &named) == 0 && named.st_ino == held.st_ino &&
		    named.st_dev == held.st_dev)
			return fd;
		(void)close(fd);
	}
}

static void
write_all(int fd, const char *path, struct view text)
{
	if (ftruncate(fd, 0) != 0)
		postconf_fatal("truncate %s: %s", path, strerror(errno));
	while (text.len > 0) {
		ssize_t n = write(fd, text.ptr, text.len);

		if (n < 0 && errno != EINTR)
			postconf_fatal("write %s: %s", path, strerror(errno));
		if (n > 0)
			text = view_skip(text, (size_t)n);
	}
}

static void
sync_directory(const char *path)
{
	char *copy = xstrdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) != 0)
		postconf_warn(
		    "sync the directory of %s: %s", path, strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	free(copy);
}

static void
rewrite(struct edits *edits, const char *path)
{
	struct str old = STR_EMPTY, new = STR_EMPTY, temporary = STR_EMPTY;
	/* Not the link but the file that it leads to. */
	char *real = realpath(path, NULL);
	struct stat st;
	struct err e;
	int fd;

	if (real == NULL || stat(real, &st) != 0)
		postconf_fatal("open %s: %s", path, strerror(errno));
	str_printf(&temporary, "%s.tmp", real);
	fd = open_temporary(temporary.ptr);
	e = conf_read_file(real, MAIN_CF_FILE_MAX, &old);
	if (err_is(e)) {
		(void)unlink(temporary.ptr);
		postconf_fatal("%s", e.text);
	}
	edits->file = path;
	apply(edits, str_view(&old), &new);
	write_all(fd, temporary.ptr, str_view(&new));
	if ((geteuid() == 0 && fchown(fd, st.st_uid, st.st_gid) != 0) ||
	    fchmod(fd, st.st_mode & 07777) != 0 || fsync(fd) != 0 ||
	    rename(temporary.ptr, real) != 0)
		postconf_fatal("replace %s: %s", path, strerror(errno));
	sync_directory(real);
	(void)close(fd);
	free(real);
	str_clear(&old);
	str_clear(&new);
	str_clear(&temporary);
}

static void
check_argument(const char *arg)
{
	if (strchr(arg, '\n') != NULL)
		postconf_fatal("-e, -X, or -# accepts no multi-line input");
	if (view_starts(view_trim_left(view_of(arg)), VIEW("#")))
		postconf_fatal("-e, -X, or -# accepts no comment input");
}

static void
run(struct postconf *pc, struct edits *edits, const char *file)
{
	struct str path = STR_EMPTY;

	str_printf(&path, "%s/%s", pc->names.dir, file);
	rewrite(edits, path.ptr);
	str_clear(&path);
	for (size_t i = 0; i < edits->n; i++) {
		free(edits->items[i].key);
		free(edits->items[i].line);
	}
	free(edits->items);
}

/* The same name twice on the command line: the last one counts. */
static struct edit *
new_edit(struct edits *edits, struct view key)
{
	struct edit *item = NULL;

	for (size_t i = 0; i < edits->n && item == NULL; i++)
		if (view_eq(view_of(edits->items[i].key), key))
			item = &edits->items[i];
	if (item == NULL) {
		item = &edits->items[edits->n++];
		item->key = xstrndup(key.ptr, key.len);
	}
	free(item->line);
	item->line = NULL;
	return item;
}

void
postconf_edit_main(struct postconf *pc, char **args, size_t n)
{
	struct edits edits = { pc->edit, xcalloc(n, sizeof(struct edit)), 0,
		NULL, main_key };
	struct str line = STR_EMPTY;

	for (size_t i = 0; i < n; i++) {
		struct view name = view_trim(view_of(args[i])), value;
		struct err e = ERR_OK;

		check_argument(args[i]);
		if (pc->edit == EDIT_SET)
			e = conf_split_pair(view_of(args[i]), &name, &value);
		else if (view_find_any(name, "= \t") != VIEW_NPOS ||
		    name.len == 0)
			e = err_make(
			    ERR_PERM, "-X or -# requires names without value");
		if (err_is(e))
			postconf_fatal("%s", e.text);
		str_printf(&line, "%.*s = %.*s", VIEW_ARGS(name),
		    pc->edit == EDIT_SET ? (int)value.len : 0,
		    pc->edit == EDIT_SET ? value.ptr : "");
		new_edit(&edits, name)->line = xstrdup(line.ptr);
	}
	str_clear(&line);
	run(pc, &edits, "main.cf");
}

/* "name/type = name type - - - - - command …": checked as a service. */
static void
take_service(struct edits *edits, const char *arg)
{
	struct view key, value;
	struct master_cf one;
	struct str name = STR_EMPTY, line = STR_EMPTY;
	struct err e = conf_split_pair(view_of(arg), &key, &value);

	master_cf_init(&one);
	if (!err_is(e))
		e = master_cf_read_text(&one, value, "command line", false);
	if (!err_is(e) && one.n_services != 1)
		e = err_make(ERR_PERM, "-Me requires name/type=service line");
	if (err_is(e))
		postconf_fatal("%s", e.text);
	master_key(value, &name);
	if (!view_eq(str_view(&name), key))
		postconf_fatal(
		    "the service line is not of \"%.*s\"", VIEW_ARGS(key));
	postconf_format_service(
	    LIST_ITEM(list_first(&one.services), struct master_service, node),
	    true, &line);
	new_edit(edits, key)->line = xstrndup(line.ptr, line.len);
	str_clear(&name);
	str_clear(&line);
	master_cf_clear(&one);
}

void
postconf_edit_master(struct postconf *pc, char **args, size_t n)
{
	struct edits edits = { pc->edit, xcalloc(n, sizeof(struct edit)), 0,
		NULL, master_key };

	if (pc->mode != MODE_SERVICES)
		postconf_fatal("editing with -F or -P is not supported; "
			       "use -M");
	for (size_t i = 0; i < n; i++) {
		check_argument(args[i]);
		if (pc->edit == EDIT_SET)
			take_service(&edits, args[i]);
		else if (view_find(view_of(args[i]), '/') == VIEW_NPOS)
			postconf_fatal("-M option requires "
				       "service_name/type");
		else
			(void)new_edit(&edits, view_of(args[i]));
	}
	run(pc, &edits, "master.cf");
}
