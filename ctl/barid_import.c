/*
 * "barid import": the configuration of a Postfix becomes ours.  A new folder is
 * made beside the one that will be used, and renamed when it is whole; what was
 * there is kept.  Then it is told what will be different.
 */
#include "ctl/barid.h"
#include "ctl/check.h"
#include "ctl/import.h"

#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/conf/main_cf.h"
#include "lib/daemon/program.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* An exit status. */
static int
failed(const char *what, const char *path)
{
	(void)import_fail(what, path);
	return 1;
}

/* --- the folder in its place --- */

/* Anything but an empty folder, which a rename replaces. */
static bool
is_taken(const char *path)
{
	struct dirent *entry;
	bool yes = false;
	DIR *d = opendir(path);

	if (d == NULL)
		return errno != ENOENT;
	while (!yes && (entry = readdir(d)) != NULL)
		yes = strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0;
	(void)closedir(d);
	return yes;
}

/* In one step: who reads sees the old folder or the new. */
static int
put_in_place(const struct import *im)
{
	struct str old = STR_EMPTY;
	struct err e;
	int status = 0;

	if (!is_taken(im->to)) {
		if (rename(im->work, im->to) != 0)
			status = failed("make", im->to);
	} else if (renameat2(AT_FDCWD, im->work, AT_FDCWD, im->to,
		       RENAME_EXCHANGE) != 0) {
		status = failed("replace", im->to);
	} else {
		str_printf(
		    &old, "%s.old.%lld", im->to, (long long)clock_wall());
		if (rename(im->work, old.ptr) != 0)
			str_set(&old, view_of(im->work));
		printf("%s: what was there is now %s\n", im->to, old.ptr);
	}
	e = status == 0 ? fs_sync_parent(im->to) : ERR_OK;
	if (err_is(e))
		tell("warning", "%s", e.text);
	str_clear(&old);
	return status;
}

/* --- what will be different --- */

static void
tell_service(const struct master_service *s)
{
	const struct program *program = program_find(s->command);
	const char *type = master_type_name(s->type);

	if (program->kind == PROGRAM_NONE)
		printf("%s, line %d: service %s/%s: %s starts nothing: others "
		       "do its work\n",
		    s->file, s->line, s->name, type, s->command);
	if (s->limit > 0 && program->kind == PROGRAM_SESSIONS)
		printf("%s, line %d: service %s/%s: process limit %lld: bounds "
		       "%s of all processes together\n",
		    s->file, s->line, s->name, type, (long long)s->limit,
		    program->clients ? "the clients" : "the sessions");
}

/* It stands in nearly every line of some distributions' files. */
static void
tell_chroots(const struct check *c)
{
	struct str lines = STR_EMPTY;
	size_t n = 0;

	LIST_EACH (it, after, &c->master.services) {
		const struct master_service *s =
		    LIST_ITEM(it, struct master_service, node);
		enum program_kind kind = program_find(s->command)->kind;

		/* What runs, and is ours. */
		if (!s->chroot || kind == PROGRAM_FOREIGN ||
		    kind == PROGRAM_NONE || kind == PROGRAM_LATER)
			continue;
		str_addf(&lines, "%s%d", n++ > 0 ? ", " : "", s->line);
	}
	if (n > 0)
		printf("%s, line%s %s: the chroot column: programs choose their "
		       "own changed root\n",
		    c->master.file, n > 1 ? "s" : "", lines.ptr);
	str_clear(&lines);
}

static void
tell_differences(const struct check *c)
{
	LIST_EACH (it, after, &c->names.file.defs) {
		const struct main_cf_def *def =
		    LIST_ITEM(it, struct main_cf_def, node);
		const char *text = check_difference(def->name);

		if (text != NULL)
			printf("%s, line %d: parameter %s: %s\n", def->file,
			    def->line, def->name, text);
	}
	LIST_EACH (it, after, &c->master.services)
		tell_service(LIST_ITEM(it, struct master_service, node));
	tell_chroots(c);
}

static void
report(const struct import *im)
{
	struct check check;

	check_run(&check, im->to);
	check_print(&check);
	tell_differences(&check);
	printf("%s: imported from %s: %zu errors, %zu warnings\n", im->to,
	    im->from, check.n_errors, check.n_warnings);
	check_clear(&check);
}

/* --- the verb --- */

static int
usage(void)
{
	tell("fatal",
	    "usage: barid import [--replace] [--to directory] "
	    "source");
	return 1;
}

static bool
is_same_folder(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
	    x.st_ino == y.st_ino;
}

static bool
set_mode(const char *dir, mode_t like)
{
	return chmod(dir, like & 0755) == 0 ||
	    import_fail("set the mode of", dir);
}

/* The place is in the folder that is copied, as /etc/postfix/barid is. */
static bool
is_inside(const struct import *im)
{
	char *parent = xstrdup(im->to);
	char *to = realpath(dirname(parent), NULL);
	char *from = realpath(im->from, NULL);
	size_t n = from == NULL ? 0 : strlen(from);
	bool yes = from != NULL && to != NULL && strncmp(to, from, n) == 0 &&
	    (to[n] == '/' || to[n] == '\0');

	free(parent);
	free(to);
	free(from);
	return yes;
}

static int
run(struct import *im, bool replace)
{
	struct stat st;
	int status = 1;

	if (is_same_folder(im->from, im->to)) {
		tell("fatal",
		    "%s is where the import would go: name another "
		    "folder with --to",
		    im->from);
		return 1;
	}
	if (is_inside(im)) {
		tell("fatal", "%s is in %s: name a folder beside it with --to",
		    im->to, im->from);
		return 1;
	}
	if (is_taken(im->to) && !replace) {
		tell("fatal",
		    "%s is there already: with --replace the import "
		    "takes its place, and it is kept under another "
		    "name",
		    im->to);
		return 1;
	}
	if (stat(im->from, &st) != 0)
		return failed("open", im->from);
	if (mkdir(im->work, 0700) != 0)
		return failed("make", im->work);
	/* Its mode before its tables: whom a folder in it belongs to makes those
	 * there. */
	if (import_copy(im) && set_mode(im->work, st.st_mode) &&
	    import_make_maps(im))
		status = put_in_place(im);
	if (status != 0)
		import_remove(im->work);
	else
		report(im);
	return status;
}

static char *
without_slash(const char *path)
{
	char *copy = xstrdup(path);

	for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--)
		copy[n - 1] = '\0';
	return copy;
}

int
verb_import(struct barid *b, int argc, char **argv)
{
	static const struct option options[] = { { "replace", no_argument, NULL,
						     'r' },
		{ "to", required_argument, NULL, 't' }, { NULL, 0, NULL, 0 } };
	const char *to = b->dir;
	struct str work = STR_EMPTY;
	struct import im;
	bool replace = false;
	int option, status;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 't')
			to = optarg;
		else if (option == 'r')
			replace = true;
		else
			return usage();
	}
	if (argc - optind != 1)
		return usage();
	im.from = without_slash(argv[optind]);
	im.to = without_slash(conf_dir(to));
	str_printf(&work, "%s.import.%ld", im.to, (long)getpid());
	im.work = work.ptr;
	im.n_files = 0;
	status = run(&im, replace);
	free(im.from);
	free(im.to);
	str_clear(&work);
	return status;
}
