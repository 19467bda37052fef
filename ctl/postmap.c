/*
 * postmap(1) and postalias(1): build, change, list and ask lookup tables.  One
 * program with two names; what differs is the source's syntax, the options and
 * how a pair is printed.
 *
 * Root does not write where somebody else could have laid a trap: in a folder
 * that others may write to it becomes, in a child and for good, who owns the
 * source file.
 */
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/conf/conf.h"
#include "lib/mail/mime.h"
#include "lib/table/create.h"
#include "lib/table/held.h"
#include "lib/table/source.h"
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

enum mode { MODE_BUILD, MODE_INCREMENT, MODE_ASK, MODE_DELETE, MODE_LIST };

struct tool {
	const char *name;
	const char *options;
	const char *usage;
	const char *separator; /* between key and value in a listing */
	bool (*next)(struct source *s, struct view *key, struct view *value);
	bool aliases;
};

static const struct tool tools[] = {
	{ "postmap", "+bc:d:fFhijmnNopq:rsuUvw",
	    "[-bfFhijmnNoprsuUvw] [-c config_dir] [-d key] [-q key] "
	    "[map_type:]file...",
	    "\t", source_next_pair, false },
	{ "postalias", "+c:d:fijnNopq:rsuvw",
	    "[-Nfijnoprsuvw] [-c config_dir] [-d key] [-q key] "
	    "[map_type:]file...",
	    ":\t", source_next_alias, true },
};

struct run {
	const struct tool *tool;
	enum mode mode;
	struct view key;    /* of -q and -d */
	const char *config; /* of -c */
	char *type;	    /* where a table names none */
	char *host;	    /* myhostname */
	unsigned make;	    /* flags of table_make_open */
	unsigned source;    /* flags of source_init */
	bool utf8_off, utf8_on;
	bool json, files, keep_root, plain_mode;
	bool headers, body, mime;
	struct mime_limits limits;
};

_Noreturn __attribute__((format(printf, 1, 2))) static void
fatal(const char *format, ...)
{
	struct str text = STR_EMPTY, line = STR_EMPTY;
	va_list ap;

	va_start(ap, format);
	str_vaddf(&text, format, ap);
	va_end(ap);
	log_clean(&line, str_view(&text), LOG_LINE_MAX);
	fflush(stdout);
	fprintf(
	    stderr, "%s: fatal: %s\n", program_invocation_short_name, line.ptr);
	exit(1);
}

static void
check(struct err e)
{
	if (err_is(e))
		fatal("%s", e.text);
}

static void
set_mode(struct run *run, enum mode mode)
{
	if (run->mode != MODE_BUILD)
		fatal("specify only one of -d -i -q or -s");
	run->mode = mode;
}

static void
take_option(struct run *run, int option)
{
	static const struct {
		int letter;
		unsigned flag;
	} make_flags[] = { { 'f', MAKE_NO_FOLD }, { 'n', MAKE_BARE },
		{ 'r', MAKE_REPLACE }, { 'w', MAKE_QUIET } };
	const struct {
		int letter;
		bool *set;
	} switches[] = { { 'b', &run->body }, { 'F', &run->files },
		{ 'h', &run->headers }, { 'j', &run->json },
		{ 'm', &run->mime }, { 'o', &run->keep_root },
		{ 'p', &run->plain_mode }, { 'u', &run->utf8_off },
		{ 'U', &run->utf8_on } };

	/* Of -r and -w the last one counts. */
	if (option == 'r' || option == 'w')
		run->make &= ~(unsigned)(MAKE_REPLACE | MAKE_QUIET);
	for (size_t i = 0; i < ARRAY_LEN(make_flags); i++)
		if (option == make_flags[i].letter)
			run->make |= make_flags[i].flag;
	for (size_t i = 0; i < ARRAY_LEN(switches); i++)
		if (option == switches[i].letter)
			*switches[i].set = true;
	switch (option) {
	case 'c':
		run->config = optarg;
		break;
	case 'd':
		set_mode(run, MODE_DELETE);
		run->key = view_of(optarg);
		break;
	case 'i':
		set_mode(run, MODE_INCREMENT);
		break;
	case 'N':
		run->make &= ~(unsigned)MAKE_BARE;
		break;
	case 'q':
		set_mode(run, MODE_ASK);
		run->key = view_of(optarg);
		break;
	case 's':
		set_mode(run, MODE_LIST);
		break;
	case 'v':
		log_set_debug(true);
		break;
	case '?':
		fatal("usage: %s %s", program_invocation_short_name,
		    run->tool->usage);
	default:
		break;
	}
}

static struct err
open_table(const struct run *run, struct view spec, struct table **t)
{
	return table_open(
	    spec, run->make & MAKE_NO_FOLD ? TABLE_NO_FOLD : 0, t);
}

/* "type:name", with the default type if it names none. */
static void
make_spec(const struct run *run, const char *arg, struct str *spec)
{
	if (strchr(arg, ':') != NULL)
		str_printf(spec, "%s", arg);
	else
		str_printf(spec, "%s:%s", run->type, arg);
}

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

/* The other way round; false if it is not base64. */
static bool
decode(struct str *value)
{
	struct str out = STR_EMPTY;
	struct view in = view_trim(str_view(value));
	size_t padding = 0;
	int n;

	while (padding < 2 && in.len > padding &&
	    in.ptr[in.len - 1 - padding] == '=')
		padding++;
	n = EVP_DecodeBlock((unsigned char *)str_reserve(&out, in.len + 1),
	    (const unsigned char *)in.ptr, (int)in.len);
	if (n >= 0) {
		str_grew(&out, (size_t)n - padding);
		str_set(value, str_view(&out));
	}
	str_clear(&out);
	return n >= 0;
}

static void
add_json(struct str *out, struct view text)
{
	str_add_byte(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c == '"' || c == '\\')
			str_addf(out, "\\%c", c);
		else if (c < ' ' || c == 0x7f)
			str_addf(out, "\\u%04x", c);
		else
			str_add_byte(out, (char)c);
	}
	str_add_byte(out, '"');
}

/* Print one pair as a listing or "-q -" has it. */
static void
print_pair(const struct run *run, struct view key, struct view value)
{
	struct str line = STR_EMPTY;

	if (run->json) {
		str_add_byte(&line, '{');
		add_json(&line, key);
		str_add_text(&line, ": ");
		add_json(&line, value);
		str_add_byte(&line, '}');
	} else {
		str_add(&line, key);
		str_add_text(&line, run->tool->separator);
		str_add(&line, value);
	}
	str_add_byte(&line, '\n');
	fwrite(line.ptr, 1, line.len, stdout);
	str_clear(&line);
}

/* One key in one table; ends the program if the table fails. */
static bool
ask(const struct run *run, struct table *t, struct view key, struct str *value)
{
	struct view spec = table_spec(t);
	bool found;
	struct err e = table_find(t, key, value, &found);

	if (err_is(e))
		fatal("table %.*s: query error: %s", VIEW_ARGS(spec), e.text);
	if (found && run->files && !decode(value))
		fatal("table %.*s: query error: value of %.*s is not base64",
		    VIEW_ARGS(spec), VIEW_ARGS(view_first(key, 200)));
	if (found && value->len == 0) {
		log_warn("table %.*s: key %.*s: empty string result is not "
			 "allowed",
		    VIEW_ARGS(spec), VIEW_ARGS(view_first(key, 200)));
		log_warn("table %.*s should return NO RESULT in case of NOT "
			 "FOUND",
		    VIEW_ARGS(spec));
	}
	return found;
}

struct tables {
	struct table **all;
	size_t n;
};

static struct tables
open_tables(const struct run *run, char **args)
{
	struct tables tables = { NULL, 0 };
	struct str spec = STR_EMPTY;

	for (; *args != NULL; args++) {
		tables.all = xreallocarray(
		    tables.all, tables.n + 1, sizeof(struct table *));
		make_spec(run, *args, &spec);
		check(
		    open_table(run, str_view(&spec), &tables.all[tables.n++]));
	}
	str_clear(&spec);
	return tables;
}

static void
close_tables(struct tables *tables)
{
	for (size_t i = 0; i < tables->n; i++)
		table_close(tables->all[i]);
	free(tables->all);
}

static bool
ask_all(const struct run *run, const struct tables *tables, struct view key,
    struct str *value)
{
	for (size_t i = 0; i < tables->n; i++)
		if (ask(run, tables->all[i], key, value))
			return true;
	return false;
}

static bool
ask_and_print(const struct run *run, const struct tables *tables,
    struct view key, struct str *value)
{
	if (key.len == 0 || !ask_all(run, tables, key, value))
		return false;
	print_pair(run, key, str_view(value));
	return true;
}

/* Keys from standard input, one a line. */
static bool
ask_lines(const struct run *run, const struct tables *tables)
{
	struct str value = STR_EMPTY;
	bool any = false;
	size_t room = 0;
	char *line = NULL;
	ssize_t n;

	while ((n = getline(&line, &room, stdin)) >= 0) {
		if (n > 0 && line[n - 1] == '\n')
			n--;
		any |= ask_and_print(
		    run, tables, view_make(line, (size_t)n), &value);
	}
	free(line);
	str_clear(&value);
	return any;
}

/* A message from standard input: each header is a key, with its newlines, or
 * each line of the body. */
static bool
ask_message(const struct run *run, const struct tables *tables)
{
	struct mime_event event = { .what = MIME_LINE };
	struct str value = STR_EMPTY;
	static char piece[BUFSIZ];
	bool any = false;
	struct mime m;
	size_t n;

	mime_init(&m, &run->limits);
	do {
		n = fread(piece, 1, sizeof(piece), stdin);
		if (n > 0)
			mime_take(&m, view_make(piece, n));
		else
			mime_finish(&m);
		while (mime_next(&m, &event))
			if ((event.what == MIME_HEADER && run->headers) ||
			    (event.what == MIME_LINE && run->body))
				any |= ask_and_print(
				    run, tables, event.text, &value);
	} while (n > 0);
	mime_clear(&m);
	str_clear(&value);
	return any;
}

static int
run_ask(const struct run *run, char **args)
{
	struct tables tables = open_tables(run, args);
	struct str value = STR_EMPTY;
	bool found;

	if (view_eq(run->key, VIEW("-"))) {
		found = run->headers || run->body
		    ? ask_message(run, &tables)
		    : ask_lines(run, &tables);
	} else {
		if (run->headers || run->body || run->mime)
			fatal("specify -b -h or -m only with \"-q -\"");
		found = ask_all(run, &tables, run->key, &value);
		if (found && run->json)
			print_pair(run, run->key, str_view(&value));
		else if (found)
			printf("%s\n", value.ptr);
	}
	str_clear(&value);
	close_tables(&tables);
	return found ? 0 : 1;
}

static int
run_list(const struct run *run, char **args)
{
	struct str key = STR_EMPTY, value = STR_EMPTY;
	struct tables tables = open_tables(run, args);
	bool more, first;

	for (size_t i = 0; i < tables.n; i++) {
		struct table *t = tables.all[i];

		for (first = true, more = true; more; first = false) {
			struct err e =
			    table_next(t, first, &key, &value, &more);

			if (err_is(e))
				fatal("table %.*s: %s",
				    VIEW_ARGS(table_spec(t)), e.text);
			if (more && run->files && !decode(&value))
				fatal("table %.*s: value of %s is not base64",
				    VIEW_ARGS(table_spec(t)), key.ptr);
			if (more)
				print_pair(
				    run, str_view(&key), str_view(&value));
		}
	}
	str_clear(&key);
	str_clear(&value);
	close_tables(&tables);
	return tables.n > 0 ? 0 : 1;
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
		fatal("act as user %u: %s", (unsigned)uid, strerror(errno));
	if (uid != 0 && setuid(0) == 0)
		fatal("act as user %u: root was not given up", (unsigned)uid);
}

typedef struct err build_fn(
    const struct run *run, struct view spec, unsigned flags);

/* False for ERR_GONE, by which a change says that there was no such key. */
static bool
check_change(struct err e)
{
	if (e.kind != ERR_GONE)
		check(e);
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
		fatal("fork: %s", strerror(errno));
	if (child == 0) {
		become(owner->st_uid, owner->st_gid);
		exit(check_change(build(run, spec, 0)) ? 0 : EXIT_NO_KEY);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			fatal("wait for a child: %s", strerror(errno));
	if (!WIFEXITED(status))
		fatal("child ended by signal %d", WTERMSIG(status));
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

static int
run_build(const struct run *run, char **args)
{
	struct str spec = STR_EMPTY, path = STR_EMPTY;
	struct stat source;

	for (; *args != NULL; args++) {
		make_spec(run, *args, &spec);
		/* A type that cannot be made is told before a missing file. */
		if (!table_make_path(str_view(&spec), &path)) {
			struct table_maker *none;

			check(table_make_open(str_view(&spec), 0, 0, 0, &none));
		}
		if (stat(spec.ptr + (spec.len - spec_name(str_view(&spec)).len),
			&source) < 0)
			fatal("open %.*s: %s",
			    VIEW_ARGS(spec_name(str_view(&spec))),
			    strerror(errno));
		if (!run->keep_root && is_foreign_folder(str_view(&path)))
			run_as(run, build_file, str_view(&spec), &source);
		else
			check(build_file(run, str_view(&spec), 0));
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
			fatal("read stdin: more than %d bytes", HELD_TEXT_MAX);
	}
	if (ferror(stdin))
		fatal("read stdin: %s", strerror(errno));
}

static struct err
increment_file(const struct run *run, struct view spec, unsigned flags)
{
	return build_from(run, spec, str_view(&input), "stdin",
	    flags | MAKE_UPDATE, S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);
}

static int
run_increment(const struct run *run, char **args)
{
	struct str spec = STR_EMPTY;

	read_input();
	for (; *args != NULL; args++) {
		make_spec(run, *args, &spec);
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

static int
run_delete(const struct run *run, char **args)
{
	struct str spec = STR_EMPTY, path = STR_EMPTY;
	bool any = false;

	if (view_eq(run->key, VIEW("-")))
		read_input();
	else
		str_set(&input, run->key);
	for (; *args != NULL; args++) {
		make_spec(run, *args, &spec);
		if (!table_make_path(str_view(&spec), &path)) {
			if (!is_known_type(str_view(&spec)))
				fatal("unsupported dictionary type: %.*s",
				    VIEW_ARGS(view_first(str_view(&spec),
					view_find(str_view(&spec), ':'))));
			fatal("%s map requires O_RDONLY access mode", spec.ptr);
		}
		if (run_change(run, delete_keys, str_view(&spec)))
			any = true;
	}
	str_clear(&spec);
	str_clear(&path);
	str_clear(&input);
	return any ? 0 : 1;
}

static int (*const modes[])(const struct run *, char **) = {
	[MODE_BUILD] = run_build,
	[MODE_INCREMENT] = run_increment,
	[MODE_ASK] = run_ask,
	[MODE_DELETE] = run_delete,
	[MODE_LIST] = run_list,
};

static const char *
find_parameter(void *arg, const char *name)
{
	return conf_find(arg, name);
}

static void
configure(struct run *run, int argc, char **argv)
{
	struct conf_source source = { .process_name = run->tool->name };
	struct conf *conf;
	int option;
	bool utf8;

	argv[0] = program_invocation_short_name; /* for getopt's message */
	while ((option = getopt(argc, argv, run->tool->options)) != -1)
		take_option(run, option);
	source.dir = conf_dir(run->config);
	check(conf_load(&source, &conf));
	run->type = xstrdup(conf->default_database_type);
	run->host = xstrdup(conf->myhostname);
	utf8 = run->utf8_on || (conf->smtputf8_enable && !run->utf8_off);
	run->source = utf8 ? SOURCE_UTF8 : 0;
	run->limits = (struct mime_limits){
		.header_size = (size_t)conf->header_size_limit,
		.boundary = (size_t)conf->mime_boundary_length_limit,
		.line = (size_t)conf->line_length_limit,
		.nesting = (unsigned)conf->mime_nesting_limit,
		.is_flat = !run->mime,
	};
	/* Tables with parameters in main.cf ask for them; it stays. */
	table_set_conf(find_parameter, conf);
	if (argv[optind] == NULL && run->mode != MODE_LIST)
		fatal("usage: %s %s", program_invocation_short_name,
		    run->tool->usage);
}

int
main(int argc, char **argv)
{
	struct run run = { .tool = &tools[0], .mode = MODE_BUILD };
	int status;

	if (strcmp(program_invocation_short_name, tools[1].name) == 0)
		run.tool = &tools[1];
	log_open(program_invocation_short_name);
	configure(&run, argc, argv);
	status = modes[run.mode](&run, argv + optind);
	if (fflush(stdout) != 0)
		fatal("write: %s", strerror(errno));
	free(run.type);
	free(run.host);
	return status;
}
