/* Indexed files that came with the import, or should have: see import.h. */
#include "ctl/import.h"

#include "ctl/barid.h"
#include "ctl/check.h"
#include "lib/base/mem.h"
#include "lib/conf/each.h"
#include "lib/table/create.h"
#include "lib/table/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
	struct import *im;
	struct htable seen;
	bool defaults; /* at hand: the values that nobody set */
	bool failed;
} maps;

/* postmap or postalias on the source, as an administrator would. */
static bool
make_map(const char *tool, const char *spec)
{
	struct str path = STR_EMPTY;
	int status;
	pid_t pid;

	str_printf(&path, "%s/%s", BARID_SBIN_DIR, tool);
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		execl(path.ptr, tool, "-c", maps.im->work, spec, (char *)NULL);
		_exit(127);
	}
	str_clear(&path);
	return pid > 0 && waitpid(pid, &status, 0) == pid &&
	    WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* "hash:/NEW/x" as "hash:/WORK/x", where it is now. */
static bool
spec_now(struct view word, struct str *spec)
{
	size_t colon = view_find(word, ':');
	struct view path = view_skip(word, colon + 1);
	size_t n = strlen(maps.im->to);

	if (!view_starts(path, view_of(maps.im->to)) || path.len <= n ||
	    path.ptr[n] != '/')
		return false;
	str_printf(spec, "%.*s:%s%.*s", VIEW_ARGS(view_first(word, colon)),
	    maps.im->work, VIEW_ARGS(view_skip(path, n)));
	return true;
}

/* A file that is not in the folder is shared with the Postfix. */
static void
tell_elsewhere(const struct check_place *at, struct view word)
{
	struct view path = view_skip(word, view_find(word, ':') + 1);
	struct str file = STR_EMPTY;
	struct stat st;

	str_set(&file, path);
	if (at->file != NULL && path.ptr[0] == '/' &&
	    stat(file.ptr, &st) == 0)
		/* It is in `work` yet, and will be in `to`. */
		printf("%s%s, line %d: parameter %s: %.*s stays where it is\n",
		    maps.im->to, at->file + strlen(maps.im->work), at->line,
		    at->parameter, VIEW_ARGS(word));
	str_clear(&file);
}

static void
look_at(void *arg, struct view word)
{
	const struct check_place *at = arg;
	struct str spec = STR_EMPTY, made = STR_EMPTY;
	struct table *table = NULL;
	struct err e;

	word = check_table_spec(word);
	if (!check_is_table(word) || htable_find(&maps.seen, word) != NULL)
		goto out;
	htable_set(&maps.seen, word, &maps);
	if (!spec_now(word, &spec)) {
		tell_elsewhere(at, word);
		goto out;
	}
	if (!table_make_path(str_view(&spec), &made))
		goto out;
	e = table_open(str_view(&spec), 0, &table);
	table_close(table);
	if (!err_is(e))
		goto out;
	if (make_map(view_starts(view_of(at->parameter), VIEW("alias"))
		    ? "postalias"
		    : "postmap",
		spec.ptr))
		printf("%s: parameter %s: %.*s made anew\n", maps.im->to,
		    at->parameter, VIEW_ARGS(word));
	/* What cannot be made is an error of the check that follows. */
out:
	str_clear(&spec);
	str_clear(&made);
}

static void
visit(struct check *c, const struct check_place *at, struct view value)
{
	(void)c;
	/* First where they were written: what is an alias table, and what
	 * is told. */
	if (maps.defaults == (at->file == NULL))
		conf_each_word(value, look_at, (void *)(uintptr_t)at);
}

bool
import_make_maps(struct import *im)
{
	struct check c;

	maps.im = im;
	htable_init(&maps.seen);
	if (!check_read(&c, im->work)) {
		check_print(&c);
		maps.failed = true;
	} else {
		/* $config_directory is where it will be. */
		names_override(
		    &c.names, VIEW("config_directory"), view_of(im->to));
		check_each_value(&c, visit);
		maps.defaults = true;
		check_each_value(&c, visit);
	}
	check_clear(&c);
	htable_clear(&maps.seen, NULL);
	return !maps.failed;
}
