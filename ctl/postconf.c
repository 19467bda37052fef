/* postconf: show and edit main.cf and show master.cf.  Options only. */
#include "ctl/postconf.h"

#include "lib/base/mem.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { OPTION_MAN5 = 256, OVERRIDES_MAX = 1000 };

static void
tell(const char *severity, const char *format, va_list ap)
{
	struct str text = STR_EMPTY;

	str_vaddf(&text, format, ap);
	fflush(stdout);
	fprintf(stderr, "postconf: %s: %s\n", severity, text.ptr);
	str_clear(&text);
}

void
postconf_fatal(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	tell("fatal", format, ap);
	va_end(ap);
	exit(1);
}

void
postconf_warn(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	tell("warning", format, ap);
	va_end(ap);
}

static _Noreturn void
usage(void)
{
	postconf_fatal("usage: postconf [-c config_dir] [-C param_class] "
		       "[-d (parameter defaults)] [-e (edit configuration)] "
		       "[-f (fold lines)] [-F (master.cf fields)] "
		       "[-h (no names)] [-H (no values)] [-l (lock types)] "
		       "[-M (master.cf)] [-n (non-default parameters)] "
		       "[-o name=value (override parameter value)] "
		       "[-p (main.cf, default)] [-P (master.cf parameters)] "
		       "[-q (quiet)] [-v (verbose)] "
		       "[-x (expand parameter values)] [-X (exclude)] "
		       "[-# (comment-out)] [name...]");
}

static unsigned
class_of(const char *text)
{
	static const struct {
		const char *name;
		unsigned bits;
	} classes[] = {
		{ "builtin", CLASS_BUILTIN },
		{ "service", CLASS_SERVICE },
		{ "user", CLASS_USER },
		{ "all", CLASS_ALL },
	};
	struct view rest = view_of(text), item;
	unsigned bits = 0;

	while (conf_list_next(&rest, &item)) {
		size_t i = 0;

		while (i < ARRAY_LEN(classes) &&
		    !view_eq_case(item, view_of(classes[i].name)))
			i++;
		if (i == ARRAY_LEN(classes))
			postconf_fatal("bad parameter class: \"%s\"", text);
		bits |= classes[i].bits;
	}
	return bits;
}

static void
add_override(struct conf_pair *pairs, size_t *n, const char *text)
{
	struct view name, value;
	struct err e = conf_split_pair(view_of(text), &name, &value);

	if (err_is(e))
		postconf_fatal("%s", e.text);
	if (*n == OVERRIDES_MAX)
		postconf_fatal("more than %d -o options", OVERRIDES_MAX);
	pairs[*n].name = xstrndup(name.ptr, name.len);
	pairs[(*n)++].value = xstrndup(value.ptr, value.len);
}

static const char *const edit_names[] = { "", "-e", "-X", "-#" };

static void
set_edit(struct postconf *pc, enum postconf_edit edit)
{
	if (pc->edit != EDIT_NONE && pc->edit != edit)
		postconf_fatal("specify one of %s %s", edit_names[pc->edit],
		    edit_names[edit]);
	pc->edit = edit;
}

static void
set_mode(struct postconf *pc, enum postconf_mode mode)
{
	if (pc->mode != MODE_MAIN && pc->mode != mode)
		postconf_fatal("specify one of -F, -M, -p, or -P");
	pc->mode = mode;
}

static void
list_locks(void)
{
	puts("flock\nfcntl\ndotlock");
	exit(0);
}

static void
take_option(
    struct postconf *pc, int option, struct conf_pair *pairs, size_t *n_pairs)
{
	switch (option) {
	case 'c':
		pc->source.dir = optarg;
		break;
	case 'C':
		pc->classes = class_of(optarg);
		break;
	case 'd':
		pc->only_defaults = true;
		break;
	case 'e':
		set_edit(pc, EDIT_SET);
		break;
	case 'f':
		pc->fold = true;
		break;
	case 'F':
		set_mode(pc, MODE_FIELDS);
		break;
	case 'h':
		pc->hide_name = true;
		break;
	case 'H':
		pc->hide_value = true;
		break;
	case 'l':
		list_locks();
		break;
	case 'M':
		set_mode(pc, MODE_SERVICES);
		break;
	case 'n':
		pc->only_set = true;
		break;
	case 'o':
		add_override(pairs, n_pairs, optarg);
		break;
	case 'p':
	case 'v':
		break;
	case 'P':
		set_mode(pc, MODE_PARAMS);
		break;
	case 'q':
		pc->quiet = true;
		break;
	case 'x':
		pc->expand = true;
		break;
	case 'X':
		set_edit(pc, EDIT_REMOVE);
		break;
	case '#':
		set_edit(pc, EDIT_COMMENT);
		break;
	case OPTION_MAN5:
		postconf_print_manual();
		exit(0);
	default:
		usage();
	}
}

static void
check_options(const struct postconf *pc, size_t n_args)
{
	const struct {
		bool is_on;
		const char *name;
	} displays[] = {
		{ pc->only_defaults, "-d" },
		{ pc->only_set, "-n" },
		{ pc->expand, "-x" },
		{ pc->hide_name, "-h" },
		{ pc->hide_value, "-H" },
	};

	if (pc->only_defaults && pc->only_set)
		postconf_fatal("specify one of -d -n");
	if (pc->only_defaults && pc->source.n_overrides > 0)
		postconf_fatal("specify one of -d -o");
	if (pc->hide_name && pc->hide_value)
		postconf_fatal("specify one of -h -H");
	if (pc->edit == EDIT_NONE)
		return;
	for (size_t i = 0; i < ARRAY_LEN(displays); i++)
		if (displays[i].is_on)
			postconf_fatal("specify one of %s %s",
			    edit_names[pc->edit], displays[i].name);
	if (n_args == 0)
		postconf_fatal("%s requires %s argument", edit_names[pc->edit],
		    pc->edit == EDIT_SET ? "name=value" : "name");
}

static void
load(struct postconf *pc)
{
	struct str path = STR_EMPTY;
	struct err e;

	names_init(&pc->names, &pc->source);
	pc->names.only_defaults = pc->only_defaults;
	master_cf_init(&pc->master);
	if (pc->edit != EDIT_NONE)
		return;
	str_printf(&path, "%s/main.cf", pc->names.dir);
	e = main_cf_read_file(&pc->names.file, path.ptr);
	if (err_is(e))
		postconf_fatal("%s", e.text);
	str_printf(&path, "%s/master.cf", pc->names.dir);
	e = master_cf_read_file(&pc->master, path.ptr, false);
	if (e.kind == ERR_TEMP && pc->mode == MODE_MAIN)
		postconf_warn("%s", e.text);
	else if (err_is(e))
		postconf_fatal("%s", e.text);
	LIST_EACH (it, after, &pc->names.file.warnings)
		postconf_warn(
		    "%s", LIST_ITEM(it, struct main_cf_warning, node)->text);
	LIST_EACH (it, after, &pc->master.warnings)
		postconf_warn(
		    "%s", LIST_ITEM(it, struct main_cf_warning, node)->text);
	str_clear(&path);
}

static void
act(struct postconf *pc, char **args, size_t n)
{
	if (pc->edit != EDIT_NONE && pc->mode == MODE_MAIN)
		postconf_edit_main(pc, args, n);
	else if (pc->edit != EDIT_NONE)
		postconf_edit_master(pc, args, n);
	else if (pc->mode == MODE_MAIN)
		postconf_show(pc, args, n);
	else
		postconf_show_master(pc, args, n);
}

static void
free_all(struct postconf *pc, struct conf_pair *pairs, size_t n)
{
	names_clear(&pc->names);
	master_cf_clear(&pc->master);
	for (size_t i = 0; i < n; i++) {
		free((char *)pairs[i].name);
		free((char *)pairs[i].value);
	}
	free(pairs);
}

int
main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "man5", no_argument, NULL, OPTION_MAN5 },
		{ NULL, 0, NULL, 0 },
	};
	struct postconf pc = { .classes = CLASS_ALL };
	struct conf_pair *pairs = xcalloc(OVERRIDES_MAX, sizeof(*pairs));
	const char *dir = getenv("MAIL_CONFIG");
	size_t n_pairs = 0, n;
	int option;

	while ((option = getopt_long(argc, argv, "c:C:defFhHlMno:pPqvxX#",
		    long_options, NULL)) != -1)
		take_option(&pc, option, pairs, &n_pairs);
	argv += optind;
	n = (size_t)(argc - optind);
	pc.source.overrides = pairs;
	pc.source.n_overrides = n_pairs;
	pc.source.process_name = "postconf";
	pc.dir_given = pc.source.dir != NULL || (dir != NULL && *dir != '\0');
	for (size_t i = 0; i < n && pc.edit == EDIT_NONE; i++)
		if (strchr(argv[i], '=') != NULL)
			pc.edit = EDIT_SET;
	check_options(&pc, n);
	load(&pc);
	act(&pc, argv, n);
	free_all(&pc, pairs, n_pairs);
	if (fflush(stdout) != 0 || ferror(stdout))
		postconf_fatal("write to standard output");
	return 0;
}
