/* Copying a folder of configuration: see import.h. */
#include "ctl/import.h"

#include "ctl/barid.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/conf/main_cf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINK_MAX_LEN = 4096, COPY_SIZE = 65536 };

/* What Postfix's package installs for itself. */
static const char *const left_out[] = { "dynamicmaps.cf", "dynamicmaps.cf.d",
	"main.cf.proto", "makedefs.out", "master.cf.proto", "post-install",
	"postfix-files", "postfix-files.d", "postfix-script", "postfix-wrapper",
	"postfix_groups.pl" };

/* Places and accounts of a Postfix, which are others here. */
static const char *const places[] = { "command_directory", "config_directory",
	"daemon_directory", "data_directory", "html_directory", "mail_owner",
	"mailq_path", "manpage_directory", "meta_directory", "newaliases_path",
	"queue_directory", "readme_directory", "sample_directory",
	"sendmail_path", "setgid_group", "shlib_directory" };

bool
import_fail(const char *what, const char *path)
{
	tell("fatal", "%s %s: %s", what, path, strerror(errno));
	return false;
}

static bool
is_among(const char *const *names, size_t n, struct view name)
{
	for (size_t i = 0; i < n; i++)
		if (view_eq(name, view_of(names[i])))
			return true;
	return false;
}

/* --- texts --- */

static bool
is_path_byte(char c)
{
	return ascii_is_alnum(c) || c == '_' || c == '-' || c == '.' ||
	    c == '/';
}

/* Every path below `from` becomes one below `to`; how many. */
static size_t
move_paths(const struct import *im, struct view line, struct str *out)
{
	struct view from = view_of(im->from);
	size_t n = 0;

	while (line.len > 0) {
		size_t at = view_find_text(line, from);
		bool whole;

		if (at == VIEW_NPOS)
			break;
		/* Neither /x/etc/postfix nor /etc/postfix-old. */
		whole = (at == 0 || !is_path_byte(line.ptr[at - 1])) &&
		    (at + from.len == line.len ||
			line.ptr[at + from.len] == '/' ||
			!is_path_byte(line.ptr[at + from.len]));
		str_add(out, view_first(line, at));
		str_add_text(out, whole ? im->to : im->from);
		n += whole;
		line = view_skip(line, at + from.len);
	}
	str_add(out, line);
	return n;
}

static struct view
name_of(struct view line)
{
	return view_trim(view_first(line, view_find(line, '=')));
}

/* One file; `has_places`: main.cf and drop-ins, where places are left out. */
static void
convert(const struct import *im, const char *path, struct view text,
    bool has_places, struct str *out)
{
	bool out_of_place = false;
	int number = 0;

	while (text.len > 0) {
		size_t n = view_find(text, '\n');
		struct view line = view_first(text, n);
		struct view start = view_trim_left(line);

		text = view_skip(text, n == VIEW_NPOS ? text.len : n + 1);
		number++;
		if (start.len == 0 || start.ptr[0] == '#') {
			str_addf(out, "%.*s\n", VIEW_ARGS(line));
			continue;
		}
		if (start.len == line.len) {
			out_of_place = has_places &&
			    is_among(places, ARRAY_LEN(places), name_of(line));
			if (out_of_place)
				printf("%s, line %d: parameter %.*s: left out: "
				       "a place or account of Postfix\n",
				    path, number, VIEW_ARGS(name_of(line)));
		}
		if (out_of_place)
			str_add_text(out, "# of Postfix: ");
		if (move_paths(im, line, out) > 0 && !out_of_place)
			printf("%s, line %d: paths below %s are now below "
			       "%s\n",
			    path, number, im->from, im->to);
		str_add_byte(out, '\n');
	}
}

static bool
is_drop_in(const char *below)
{
	struct view v = view_of(below);

	return view_starts(v, VIEW(MAIN_CF_DROP_INS "/")) &&
	    view_ends(v, VIEW(".cf"));
}

static bool
is_main(const char *below)
{
	return strcmp(below, "main.cf") == 0 || is_drop_in(below);
}

/* Read as a part of the configuration, wherever a link leads. */
static bool
is_own(const char *below)
{
	return is_main(below) || strcmp(below, "master.cf") == 0;
}

/* What is converted: these, and what tables of databases are asked and how
 * ("mysql:/etc/postfix/virtual.cf"); the others are copied as they are. */
static bool
is_converted(const char *below)
{
	return is_own(below) || view_ends(view_of(below), VIEW(".cf"));
}

/* --- files --- */

static bool
write_all(int fd, const char *path, struct view text)
{
	while (text.len > 0) {
		ssize_t n = write(fd, text.ptr, text.len);

		if (n < 0 && errno != EINTR)
			return import_fail("write", path);
		if (n > 0)
			text = view_skip(text, (size_t)n);
	}
	return true;
}

/* What is copied as it is may still speak of the old folder: a script, an alias
 * with :include:.  One line of a file is told. */
static void
look_for_paths(const struct import *im, const char *path, struct view text)
{
	struct str moved = STR_EMPTY;
	struct view line;
	int number = 0;
	bool found = false;

	/* Indexed files are told of by their texts. */
	if (view_find(text, '\0') != VIEW_NPOS)
		return;
	while (!found && text.len > 0 && view_field(&text, '\n', &line)) {
		number++;
		str_reset(&moved);
		found = move_paths(im, line, &moved) > 0;
	}
	if (found)
		printf("%s, line %d: speaks of %s, and is copied as it is\n",
		    path, number, im->from);
	str_clear(&moved);
}

static bool
copy_bytes(int from, int to, const char *path, const char *copy)
{
	struct str buf = STR_EMPTY;
	bool ok = true;
	ssize_t n = 1;

	while (ok && n != 0) {
		char *at;

		str_reset(&buf);
		at = str_reserve(&buf, COPY_SIZE);
		n = read(from, at, COPY_SIZE);
		if (n < 0 && errno != EINTR)
			ok = import_fail("read", path);
		else if (n > 0)
			ok = write_all(to, copy, view_make(at, (size_t)n));
	}
	str_clear(&buf);
	return ok;
}

static bool
copy_content(const struct import *im, const char *below, const char *path,
    int from, const char *copy, int to)
{
	struct str text = STR_EMPTY, made = STR_EMPTY;
	struct err e;
	bool ok;

	e = conf_read_file(path, MAIN_CF_FILE_MAX, &text);
	if (!is_converted(below)) {
		if (!err_is(e))
			look_for_paths(im, path, str_view(&text));
		ok = copy_bytes(from, to, path, copy);
	} else if (err_is(e)) {
		tell("fatal", "%s", e.text);
		ok = false;
	} else {
		convert(im, path, str_view(&text), is_main(below), &made);
		ok = write_all(to, copy, str_view(&made));
	}
	str_clear(&text);
	str_clear(&made);
	return ok;
}

static bool
copy_file(const struct import *im, const char *below, const char *path,
    const char *copy, const struct stat *st)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };
	int from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK |
		(is_own(below) ? 0 : O_NOFOLLOW));
	int to;
	bool ok;

	if (from < 0)
		return import_fail("open", path);
	to = open(copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (to < 0) {
		(void)close(from);
		return import_fail("make", copy);
	}
	ok = copy_content(im, below, path, from, copy, to);
	if (ok &&
	    ((geteuid() == 0 && fchown(to, st->st_uid, st->st_gid) != 0) ||
		fchmod(to, st->st_mode & 0777) != 0 ||
		futimens(to, times) != 0 || fsync(to) != 0))
		ok = import_fail("finish", copy);
	(void)close(from);
	(void)close(to);
	return ok;
}

/* A link into the folder leads into the new one. */
static bool
copy_link(const struct import *im, const char *path, const char *copy)
{
	struct str target = STR_EMPTY, moved = STR_EMPTY;
	ssize_t n =
	    readlink(path, str_reserve(&target, LINK_MAX_LEN), LINK_MAX_LEN);
	bool ok = n >= 0 && n < LINK_MAX_LEN;

	if (!ok) {
		(void)import_fail("read", path);
	} else {
		str_grew(&target, (size_t)n);
		move_paths(im, str_view(&target), &moved);
		ok = symlink(moved.ptr, copy) == 0 || import_fail("make", copy);
	}
	str_clear(&target);
	str_clear(&moved);
	return ok;
}

static bool copy_folder(struct import *im, const char *below, int depth);

static bool
copy_entry(struct import *im, const char *below, int depth)
{
	struct str path = STR_EMPTY, copy = STR_EMPTY;
	struct stat st;
	bool ok = true;

	str_printf(&path, "%s/%s", im->from, below);
	str_printf(&copy, "%s/%s", im->work, below);
	if (++im->n_files > IMPORT_FILES_MAX) {
		tell("fatal", "%s: more than %d files", im->from,
		    IMPORT_FILES_MAX);
		ok = false;
	} else if ((is_own(below) ? stat : lstat)(path.ptr, &st) != 0) {
		/* A main.cf that is a link elsewhere is still Postfix's. */
		ok = import_fail("look at", path.ptr);
	} else if (S_ISREG(st.st_mode)) {
		ok = copy_file(im, below, path.ptr, copy.ptr, &st);
	} else if (S_ISLNK(st.st_mode)) {
		ok = copy_link(im, path.ptr, copy.ptr);
	} else if (S_ISDIR(st.st_mode)) {
		ok = mkdir(copy.ptr, 0700) == 0 || import_fail("make", copy.ptr);
		ok = ok && copy_folder(im, below, depth + 1);
		if (ok &&
		    ((geteuid() == 0 &&
			 lchown(copy.ptr, st.st_uid, st.st_gid) != 0) ||
			chmod(copy.ptr, st.st_mode & 0777) != 0))
			ok = import_fail("finish", copy.ptr);
	} else {
		printf("%s: left out: no file\n", path.ptr);
	}
	str_clear(&path);
	str_clear(&copy);
	return ok;
}

/* The next name but for `.` and `..`; NULL with errno 0 at the end. */
static const char *
next_name(DIR *d)
{
	struct dirent *entry;

	do {
		errno = 0;
		entry = readdir(d);
	} while (entry != NULL &&
	    (strcmp(entry->d_name, ".") == 0 ||
		strcmp(entry->d_name, "..") == 0));
	return entry == NULL ? NULL : entry->d_name;
}

struct file_names {
	char **all;
	size_t n;
};

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In the order of their names: what is told is the same each time. */
static bool
read_names(DIR *d, struct file_names *names)
{
	const char *name;
	bool good;

	while ((name = next_name(d)) != NULL) {
		names->all = xreallocarray(
		    names->all, names->n + 1, sizeof(*names->all));
		names->all[names->n++] = xstrdup(name);
	}
	good = errno == 0;
	if (names->n > 0)
		qsort(names->all, names->n, sizeof(*names->all),
		    compare_names);
	return good;
}

static void
clear_names(struct file_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->all[i]);
	free(names->all);
}

static bool
copy_name(struct import *im, const char *below, const char *name, int depth)
{
	struct str path = STR_EMPTY;
	bool ok = true;

	str_printf(
	    &path, "%s%s%s", below, below[0] != '\0' ? "/" : "", name);
	if (depth == 0 &&
	    is_among(left_out, ARRAY_LEN(left_out), view_of(name)))
		printf("%s/%s: left out: a file of Postfix's own\n", im->from,
		    path.ptr);
	else
		ok = copy_entry(im, path.ptr, depth);
	str_clear(&path);
	return ok;
}

static bool
copy_names(struct import *im, DIR *d, const char *below, int depth)
{
	struct file_names names = { NULL, 0 };
	bool ok = read_names(d, &names) || import_fail("read", im->from);

	for (size_t i = 0; ok && i < names.n; i++)
		ok = copy_name(im, below, names.all[i], depth);
	clear_names(&names);
	return ok;
}

static bool
copy_folder(struct import *im, const char *below, int depth)
{
	struct str path = STR_EMPTY;
	struct err e = ERR_OK;
	bool ok = false;
	DIR *d;

	str_printf(&path, "%s/%s", im->from, below);
	d = opendir(path.ptr);
	if (d == NULL) {
		(void)import_fail("open", path.ptr);
	} else if (depth > IMPORT_DEPTH_MAX) {
		tell("fatal", "%s: too deep", path.ptr);
	} else {
		str_printf(&path, "%s/%s", im->work, below);
		ok = copy_names(im, d, below, depth);
		e = ok ? fs_sync_directory(path.ptr) : ERR_OK;
	}
	if (err_is(e))
		tell("fatal", "%s", e.text);
	if (d != NULL)
		(void)closedir(d);
	str_clear(&path);
	return ok && !err_is(e);
}

bool
import_copy(struct import *im)
{
	return copy_folder(im, "", 0);
}

void
import_remove(const char *dir)
{
	struct str path = STR_EMPTY;
	const char *name;
	DIR *d = opendir(dir);

	while (d != NULL && (name = next_name(d)) != NULL) {
		struct stat st;

		str_printf(&path, "%s/%s", dir, name);
		if (lstat(path.ptr, &st) == 0 && S_ISDIR(st.st_mode))
			import_remove(path.ptr);
		else
			(void)unlink(path.ptr);
	}
	if (d != NULL)
		(void)closedir(d);
	if (rmdir(dir) != 0)
		(void)import_fail("remove", dir);
	str_clear(&path);
}
