#include "lib/conf/user_list.h"

#include "lib/base/mem.h"
#include "lib/conf/main_cf.h"
#include "lib/conf/values.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DEPTH_MAX = 5, FILE_MAX = 1 << 20, ANSWER_MAX = 2048 };

struct asking {
	struct conf_light *conf;
	struct view name;
};

static struct err match_words(
    const struct asking *a, struct view list, int depth, bool *yes, bool *no);

/* All that comes, up to a limit; whether there was anything. */
static bool
drain(int fd)
{
	char buf[ANSWER_MAX];
	bool any = false;
	ssize_t n;

	while (
	    (n = read(fd, buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR))
		any = any || n > 0;
	return any;
}

/* Runs as the caller: the group that we were given is dropped. */
static _Noreturn void
run_postmap(const char *const *argv, int out)
{
	if (setresgid(getgid(), getgid(), getgid()) < 0 ||
	    setresuid(getuid(), getuid(), getuid()) < 0)
		_exit(75);
	if (dup2(out, STDOUT_FILENO) < 0)
		_exit(75);
	execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(75);
}

/* postmap says 0 for found; 1, and nothing on standard error, for not
 * found. */
static struct err
ask_postmap(const struct asking *a, struct view table, bool *yes)
{
	const char *sbin = NULL;
	struct str path = STR_EMPTY, spec = STR_EMPTY, key = STR_EMPTY;
	int ends[2], status = -1;
	bool any;
	pid_t pid;
	struct err e =
	    conf_light_get(a->conf, "command_directory", &sbin, NULL);

	if (err_is(e))
		return e;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(ERR_TEMP, "pipe");
	str_printf(&path, "%s/postmap", sbin);
	str_set(&spec, table);
	str_set(&key, a->name);
	pid = fork();
	if (pid == 0) {
		const char *argv[] = { path.ptr, "-c", conf_light_dir(a->conf),
			"-q", key.ptr, spec.ptr, NULL };

		dup2(ends[1], STDERR_FILENO);
		run_postmap(argv, ends[1]);
	}
	close(ends[1]);
	any = pid > 0 && drain(ends[0]);
	close(ends[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	*yes = WIFEXITED(status) && WEXITSTATUS(status) == 0 && any;
	if (pid < 0 ||
	    (!*yes && (!WIFEXITED(status) || WEXITSTATUS(status) != 1 || any)))
		e = err_make(
		    ERR_TEMP, "look up in %s: postmap failed", spec.ptr);
	str_clear(&path);
	str_clear(&spec);
	str_clear(&key);
	return e;
}

static struct err
match_file(
    const struct asking *a, struct view path, int depth, bool *yes, bool *no)
{
	struct str name = STR_EMPTY, text = STR_EMPTY, line = STR_EMPTY;
	struct conf_lines lines = { VIEW_EMPTY, 1 };
	int number;
	struct err e;

	if (depth >= DEPTH_MAX)
		return err_make(ERR_TEMP, "files within files");
	str_set(&name, path);
	e = conf_read_file(name.ptr, FILE_MAX, &text);
	lines.rest = str_view(&text);
	while (!err_is(e) && !*yes && !*no &&
	    conf_lines_next(&lines, &line, &number))
		e = match_words(a, str_view(&line), depth + 1, yes, no);
	str_clear(&name);
	str_clear(&text);
	str_clear(&line);
	return e;
}

/* One word; *yes if it matches, *no if a word in its file excludes. */
static struct err
match_word(
    const struct asking *a, struct view word, int depth, bool *yes, bool *no)
{
	if (word.len > 0 && word.ptr[0] == '/')
		return match_file(a, word, depth, yes, no);
	if (view_starts(word, VIEW("static:"))) {
		*yes = true;
		return ERR_OK;
	}
	if (view_find(word, ':') != VIEW_NPOS)
		return ask_postmap(a, word, yes);
	*yes = view_eq_case(word, a->name);
	return ERR_OK;
}

/* The first word that matches decides. */
static struct err
match_words(
    const struct asking *a, struct view list, int depth, bool *yes, bool *no)
{
	struct view word;
	struct err e = ERR_OK;

	while (!err_is(e) && !*yes && !*no && conf_list_next(&list, &word)) {
		bool negated = false, hit = false;

		while (word.len > 0 && word.ptr[0] == '!') {
			negated = !negated;
			word = view_skip(word, 1);
		}
		e = match_word(a, word, depth, &hit, no);
		if (hit && negated)
			*no = true;
		else
			*yes = hit;
	}
	return e;
}

struct err
user_list_matches(
    struct conf_light *conf, struct view list, struct view name, bool *yes)
{
	struct asking a = { conf, name };
	bool no = false;

	*yes = false;
	return match_words(&a, list, 0, yes, &no);
}

struct err
user_list_check(struct conf_light *conf, const char *parameter, const char *act)
{
	const char *list, *name = "unknown";
	struct passwd *pw;
	bool yes;
	struct err e = conf_light_get(conf, parameter, &list, NULL);

	/* Without a look at the accounts: that is most of all calls. */
	if (err_is(e) || strcmp(list, "static:anyone") == 0)
		return e;
	pw = getpwuid(getuid());
	if (pw != NULL)
		name = pw->pw_name;
	e = user_list_matches(conf, view_of(list), view_of(name), &yes);
	if (!err_is(e) && !yes)
		e = err_make(ERR_PERM, "User %s(%ld) is not allowed to %s",
		    name, (long)getuid(), act);
	return e;
}
