/*
 * Making tables and changing them: see postmap.h.
 *
 * Root does not write where somebody else could have laid a trap: in a folder
 * that others may write to it becomes, in a child and for good, who owns the
 * source file.
 */
#include "ctl/postmap.h"

#include "lib/base/mem.h"
#include "lib/table/create.h"
#include "lib/table/held.h"
#include "lib/table/table.h"

#include <errno.h>
#include <grp.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Bytes of files that one value of -F may hold. */
enum { FILES_MAX = 16 << 20 };

/* A child's status. */
enum { EXIT_NO_KEY = 2 };

static struct view
spec_name(struct view spec)
{
	return view_skip(spec, view_find(spec, ':') + 1);
}

/*
 * What files are named, one after the other: a value of -F names certificates
 * and keys, and holds what is in them, in base64.
 */
static struct err
read_files(struct view names, struct str *out)
{
	struct str content = STR_EMPTY, text = STR_EMPTY;
	struct err e = ERR_OK;
	struct view name;

	while (!err_is(e) && view_token(&names, ", \t\r\n", &name)) {
		struct held held;

		e = held_read(&held, "open", name, &text);
		if (err_is(e))
			break;
		held_clear(&held);
		str_add(&content, str_view(&text));
		if (content.len > FILES_MAX)
			e = err_make(ERR_TEMP, "read %.*s: more than %d bytes",
			    VIEW_ARGS(view_first(name, 100)), FILES_MAX);
	}
	str_reset(out);
	if (!err_is(e)) {
		char *to = str_reserve(out, content.len / 3 * 4 + 5);

		str_grew(out,
		    (size_t)EVP_EncodeBlock((unsigned char *)to,
			(unsigned char *)content.ptr, (int)content.len));
	}
	str_clear(&content);
	str_clear(&text);
	return e;
}

/* What other programs that read a file of aliases look for. */
static struct err
add_marks(const struct run *run, struct table_maker *m)
{
	char when[32];
	struct err e;

	snprintf(when, sizeof(when), "%010lld", (long long)time(NULL));
	e = table_make_put_raw(m, VIEW("@"), VIEW("@"));
	if (!err_is(e))
		e = table_make_put_raw(
		    m, VIEW("YP_LAST_MODIFIED"), view_of(when));
	if (!err_is(e))
		e = table_make_put_raw(
		    m, VIEW("YP_MASTER_NAME"), view_of(run->host));
	return e;
}

static struct err
put_pairs(const struct run *run, struct table_maker *m, struct source *s)
{
	struct str files = STR_EMPTY;
	struct view key, value;
	struct err e = ERR_OK;

	while (!err_is(e) && run->tool->next(s, &key, &value)) {
		if (run->files) {
			e = read_files(value, &files);
			value = str_view(&files);
		}
		if (!err_is(e))
			e = table_make_put(m, key, value);
	}
	str_clear(&files);
	if (!err_is(e) && run->tool->aliases)
		e = add_marks(run, m);
	return e;
}

static struct err
build_from(const struct run *run, struct view spec, struct view text,
    const char *name, unsigned flags, mode_t mode)
{
	struct table_maker *m;
	struct source source;
	struct err e =
	    table_make_open(spec, run->make | flags, mode, text.len, &m);

	if (err_is(e))
		return e;
	source_init(&source, text, name, run->source);
	e = put_pairs(run, m, &source);
	source_clear(&source);
	if (err_is(e)) {
		table_make_abort(m);
		return e;
	}
	return table_make_finish(m);
}

static mode_t
mode_for(const struct run *run, const struct stat *source)
{
	mode_t shared = S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH;

	if (run->plain_mode)
		return shared;
	return (source->st_mode & (S_IRGRP | S_IROTH)) | S_IRUSR | S_IWUSR;
}

/* The folder's state; false if there is none. */
static bool
stat_folder(struct view path, struct stat *st)
{
	size_t slash = view_find_last(path, '/');
	struct str folder = STR_EMPTY;
	bool good;

	str_set(&folder,
	    slash == VIEW_NPOS ? VIEW(".")
			       : view_first(path, slash == 0 ? 1 : slash));
	good = stat(folder.ptr, st) == 0;
	str_clear(&folder);
	return good;
}

/* Could another than root put files into the folder of this path? */
static bool
is_foreign_folder(struct view path)
{
	struct stat st;

	return geteuid() == 0 && stat_folder(path, &st) &&
	    (st.st_uid != 0 ||
		((st.st_mode & (S_IWGRP | S_IWOTH)) && st.st_gid != 0) ||
		(st.st_mode & S_IWOTH));
}

/* For good: there is no way back for what this process does from now on. */
static void
become(uid_t uid, gid_t gid)
{
	if (setgroups(1, &gid) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(uid, uid, uid) < 0)
		postmap_fatal(
		    "act as user %u: %s", (unsigned)uid, strerror(errno));
	if (uid != 0 && setuid(0) == 0)
		postmap_fatal(
		    "act as user %u: root was not given up", (unsigned)uid);
}

typedef struct err build_fn(
    const struct run *run, struct view spec, unsigned flags);

/* False for ERR_GONE, by which a change says that there was no such key. */
static bool
check_change(struct err e)
{
	if (e.kind != ERR_GONE)
		postmap_check(e);
	return e.kind != ERR_GONE;
}

/* Do it as this user, in a child if that is not who we are. */
static bool
run_as(const struct run *run, build_fn *build, struct view spec,
    const struct stat *owner)
{
	int status = 0;
	pid_t child;

	if (owner->st_uid == 0) {
		/* What lies there already may be a trap: take no mode and no
		 * owner over from it. */
		return check_change(build(run, spec, MAKE_FRESH));
	}
	fflush(stdout);
	child = fork();
	if (child < 0)
		postmap_fatal("fork: %s", strerror(errno));
	if (child == 0) {
		become(owner->st_uid, owner->st_gid);
		exit(check_change(build(run, spec, 0)) ? 0 : EXIT_NO_KEY);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			postmap_fatal("wait for a child: %s", strerror(errno));
	if (!WIFEXITED(status))
		postmap_fatal("child ended by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status) == EXIT_NO_KEY)
		return false;
	if (WEXITSTATUS(status) != 0)
		exit(1);
	return true;
}

static struct err
build_file(const struct run *run, struct view spec, unsigned flags)
{
	struct str text = STR_EMPTY, name = STR_EMPTY;
	struct held held;
	struct err e;

	str_set(&name, spec_name(spec));
	e = held_read(&held, "open", str_view(&name), &text);
	if (!err_is(e)) {
		e = build_from(run, spec, str_view(&text), name.ptr, flags,
		    mode_for(run, &held.seen));
		held_clear(&held);
	}
	str_clear(&text);
	str_clear(&name);
	return e;
}

int
postmap_build(const struct run *run, char **args)
{
	struct str spec = STR_EMPTY, path = STR_EMPTY;
	struct stat source;

	for (; *args != NULL; args++) {
		postmap_make_spec(run, *args, &spec);
		/* A type that cannot be made is told before a missing file. */
		if (!table_make_path(str_view(&spec), &path)) {
			struct table_maker *none;

			postmap_check(
			    table_make_open(str_view(&spec), 0, 0, 0, &none));
		}
		if (stat(spec.ptr + (spec.len - spec_name(str_view(&spec)).len),
			&source) < 0)
			postmap_fatal("open %.*s: %s",
			    VIEW_ARGS(spec_name(str_view(&spec))),
			    strerror(errno));
		if (!run->keep_root && is_foreign_folder(str_view(&path)))
			run_as(run, build_file, str_view(&spec), &source);
		else
			postmap_check(build_file(run, str_view(&spec), 0));
	}
	str_clear(&spec);
	str_clear(&path);
	return 0;
}

/* -i and -d have no source file: act as who owns the file that changes, or
 * the folder of a new one. */
static bool
run_change(const struct run *run, build_fn *change, struct view spec)
{
	struct str path = STR_EMPTY;
	struct stat owner;
	bool done;

	if (table_make_path(spec, &path) && !run->keep_root &&
	    is_foreign_folder(str_view(&path)) &&
	    (lstat(path.ptr, &owner) == 0 ||
		stat_folder(str_view(&path), &owner)))
		done = run_as(run, change, spec, &owner);
	else
		done = check_change(change(run, spec, 0));
	str_clear(&path);
	return done;
}

static struct str input = { str_nothing, 0, 0 };

static void
read_input(void)
{
	for (;;) {
		size_t n = fread(str_reserve(&input, 65536), 1, 65536, stdin);

		str_grew(&input, n);
		if (n == 0)
			break;
		if (input.len > HELD_TEXT_MAX)
			postmap_fatal(
			    "read stdin: more than %d bytes", HELD_TEXT_MAX);
	}
	if (ferror(stdin))
		postmap_fatal("read stdin: %s", strerror(errno));
}

static struct err
increment_file(const struct run *run, struct view spec, unsigned flags)
{
	return build_from(run, spec, str_view(&input), "stdin",
	    flags | MAKE_UPDATE, S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);
}

int
postmap_increment(const struct run *run, char **args)
{
	struct str spec = STR_EMPTY;

	read_input();
	for (; *args != NULL; args++) {
		postmap_make_spec(run, *args, &spec);
		run_change(run, increment_file, str_view(&spec));
	}
	str_clear(&spec);
	str_clear(&input);
	return 0;
}

/* Delete the keys that the input lists; ERR_GONE if none was there. */
static struct err
delete_keys(const struct run *run, struct view spec, unsigned flags)
{
	struct view keys = str_view(&input), key;
	struct table_maker *m;
	bool any = false, found;
	struct err e = table_make_open(spec,
	    run->make | flags | MAKE_UPDATE | MAKE_MUST_EXIST, 0600, 0, &m);

	if (err_is(e))
		return e;
	while (!err_is(e) && keys.len > 0 && view_field(&keys, '\n', &key)) {
		if (keys.ptr == NULL)
			keys = VIEW_EMPTY;
		if (key.len == 0)
			continue;
		e = table_make_delete(m, key, &found);
		any = any || found;
	}
	if (!err_is(e) && any)
		return table_make_finish(m);
	table_make_abort(m);
	return err_is(e) ? e : err_make(ERR_GONE, "no such key");
}

static bool
is_known_type(struct view spec)
{
	struct view type = view_first(spec, view_find(spec, ':'));
	const char *name;

	for (size_t i = 0; (name = table_type_name(i)) != NULL; i++)
		if (view_eq(type, view_of(name)))
			return true;
	return false;
}

int
postmap_delete(const struct run *run, char **args)
{
	struct str spec = STR_EMPTY, path = STR_EMPTY;
	bool any = false;

	if (view_eq(run->key, VIEW("-")))
		read_input();
	else
		str_set(&input, run->key);
	for (; *args != NULL; args++) {
		postmap_make_spec(run, *args, &spec);
		if (!table_make_path(str_view(&spec), &path)) {
			if (!is_known_type(str_view(&spec)))
				postmap_fatal(
				    "unsupported dictionary type: %.*s",
				    VIEW_ARGS(view_first(str_view(&spec),
					view_find(str_view(&spec), ':'))));
			postmap_fatal(
			    "%s map requires O_RDONLY access mode", spec.ptr);
		}
		if (run_change(run, delete_keys, str_view(&spec)))
			any = true;
	}
	str_clear(&spec);
	str_clear(&path);
	str_clear(&input);
	return any ? 0 : 1;
}
