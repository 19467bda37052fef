/* postconf: show and edit main.cf and master.cf.  Options only. */
#include "ctl/postconf.h"

#include "lib/base/mem.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { OPTION_MAN5 = 256, OVERRIDES_MAX = 1000 };

static const char *program = "postconf";

static void
tell(const char *severity, const char *format, va_list ap)
{
	struct str text = STR_EMPTY;

	str_vaddf(&text, format, ap);
	/* A file may hold anything; a terminal shall not obey it. */
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < ' ' || text.ptr[i] > '~')
			text.ptr[i] = '?';
	fprintf(stderr, "%s: %s: %s\n", program, severity, text.ptr);
	str_clear(&text);
}

void
postconf_fatal(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	tell("fatal", format, ap);
	va_end(ap);
	/* Half an answer would be taken for one: it is not flushed. */
	_exit(1);
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
	postconf_fatal("usage: %s [-a (server SASL types)] "
		       "[-A (client SASL types)] [-b (bounce templates)] "
		       "[-c config_dir] [-C param_class] "
		       "[-d (parameter defaults)] [-e (edit configuration)] "
		       "[-f (fold lines)] [-F (master.cf fields)] "
		       "[-h (no names)] [-H (no values)] [-j (JSON)] "
		       "[-l (lock types)] [-m (map types)] [-M (master.cf)] "
		       "[-n (non-default parameters)] "
		       "[-o name=value (override parameter value)] "
		       "[-p (main.cf, default)] [-P (master.cf parameters)] "
		       "[-q (quiet)] [-t (bounce templates)] "
		       "[-T compile-version|run-version|"
		       "public-key-algorithms] [-v (verbose)] "
		       "[-x (expand parameter values)] [-X (exclude)] "
		       "[-# (comment-out)] [name...]",
	    program);
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
			postconf_fatal(
			    "unknown -C option value \"%.*s\" in \"%s\"",
			    VIEW_ARGS(item), text);
		bits |= classes[i].bits;
	}
	return bits;
}

static void
add_override(struct conf_pair *pairs, size_t *n, const char *text)
{
	struct view name, value;
	struct err e = conf_split_pair(view_of(text), &name, &value);
	const char *why = e.text;
	size_t colon;

	if (err_is(e)) {
		/* Without the text: it is told already. */
		colon = view_find(view_of(why), ':');
		postconf_fatal("invalid parameter override: %s: %.*s", text,
		    VIEW_ARGS(view_first(view_of(why), colon)));
	}
	if (*n == OVERRIDES_MAX)
		postconf_fatal("more than %d -o options", OVERRIDES_MAX);
	pairs[*n].name = xstrndup(name.ptr, name.len);
	pairs[(*n)++].value = xstrndup(value.ptr, value.len);
}

/* --- which options go together --- */

/* Of each line at most one; the words are in the order in which they are
 * told. */
static const char *const exclusive[] = { "aAbFlmMpPtT", "denX#", "do", "efX#",
	"ehX#", "eHX#", "eoX#", "exX#", "hH", "jeX#" };

/* What a mode does not take. */
static const struct {
	char mode;
	const char *refused;
} refusals[] = {
	{ 'a', "defhHjnoxX#" },
	{ 'A', "defhHjnoxX#" },
	{ 'b', "defhHjnoxX#" },
	{ 'l', "defhHjnoxX#" },
	{ 'm', "defhHjnoxX#" },
	{ 't', "defhHjnoxX#" },
	{ 'T', "defhHjnoxX#" },
	{ 'M', "dhHn" },
	{ 'F', "dnX#" },
	{ 'P', "dn#" },
};

struct given {
	bool by_letter[256];
};

static bool
is_given(const struct given *g, char letter)
{
	return g->by_letter[(unsigned char)letter];
}

/* " -x -y": those of the letters that are given; their number. */
static size_t
name_given(const struct given *g, const char *letters, struct str *out)
{
	size_t n = 0;

	for (; *letters != '\0'; letters++)
		if (is_given(g, *letters)) {
			str_addf(out, " -%c", *letters);
			n++;
		}
	return n;
}

static void
check_together(const struct given *g)
{
	struct str names = STR_EMPTY;

	for (size_t i = 0; i < ARRAY_LEN(exclusive); i++) {
		str_reset(&names);
		if (name_given(g, exclusive[i], &names) > 1)
			postconf_fatal("specify one of%s", names.ptr);
	}
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		str_reset(&names);
		if (is_given(g, refusals[i].mode) &&
		    name_given(g, refusals[i].refused, &names) > 0)
			postconf_fatal("with option -%c, do not specify%s",
			    refusals[i].mode, names.ptr);
	}
	str_clear(&names);
}

static void
set_flags(struct postconf *pc, const struct given *g)
{
	pc->only_set = is_given(g, 'n');
	pc->only_defaults = is_given(g, 'd');
	pc->expand = is_given(g, 'x');
	pc->fold = is_given(g, 'f');
	pc->hide_name = is_given(g, 'h');
	pc->hide_value = is_given(g, 'H');
	pc->quiet = is_given(g, 'q');
	pc->json = is_given(g, 'j');
	pc->mode = is_given(g, 'M') ? MODE_SERVICES
	    : is_given(g, 'F')	    ? MODE_FIELDS
	    : is_given(g, 'P')	    ? MODE_PARAMS
				    : MODE_MAIN;
	pc->edit = is_given(g, 'e') ? EDIT_SET
	    : is_given(g, 'X')	    ? EDIT_REMOVE
	    : is_given(g, '#')	    ? EDIT_COMMENT
				    : EDIT_NONE;
}

/* --- what is done --- */

void
postconf_tell_warnings(const struct list *warnings)
{
	LIST_EACH (it, after, warnings) {
		const struct main_cf_warning *w =
		    LIST_ITEM(it, struct main_cf_warning, node);

		/* Postfix names the line of a duplicate only. */
		if (view_starts(view_of(w->text), VIEW("logical line")))
			postconf_warn("%s: %s", w->file, w->text);
		else
			postconf_warn(
			    "%s, line %d: %s", w->file, w->line, w->text);
	}
}

static void
read_main(struct postconf *pc)
{
	struct err e = main_cf_read_dir(&pc->names.file, pc->names.dir);
	const struct main_cf_def *def =
	    main_cf_find(&pc->names.file, VIEW("config_directory"));

	postconf_tell_warnings(&pc->names.file.warnings);
	/* Where a file is, no file can say. */
	if (def != NULL && strcmp(def->value, pc->names.dir) != 0)
		postconf_warn("%s, line %d: overriding earlier entry: "
			      "config_directory=%s",
		    def->file, def->line, pc->names.dir);
	if (err_is(e))
		postconf_fatal("%s", e.text);
}

static void
show(struct postconf *pc, char **args, size_t n)
{
	struct str path = STR_EMPTY;
	struct known known;

	if (!pc->only_defaults)
		read_main(pc);
	str_printf(&path, "%s/master.cf", pc->names.dir);
	services_read(&pc->services, path.ptr, pc->mode != MODE_MAIN);
	known_init(&known, pc);
	if (pc->mode == MODE_MAIN)
		postconf_show(pc, &known, args, n);
	else
		postconf_show_master(pc, args, n);
	if (!pc->only_defaults && !pc->quiet) {
		if (pc->mode == MODE_MAIN)
			known_warn_main(&known, pc);
		known_warn_master(&known, pc);
	}
	known_clear(&known);
	str_clear(&path);
}

static void
edit(struct postconf *pc, char **args, size_t n)
{
	if (n == 0 && pc->edit == EDIT_SET)
		postconf_fatal("-e requires name=value argument");
	if (n == 0)
		postconf_fatal("missing service argument");
	if (pc->mode == MODE_MAIN)
		postconf_edit_main(pc, args, n);
	else
		postconf_edit_master(pc, args, n);
}

static void
act(struct postconf *pc, const struct given *g, const char *tls, char **args,
    size_t n)
{
	static const char lists[] = "aAlm";

	for (size_t i = 0; lists[i] != '\0'; i++)
		if (is_given(g, lists[i])) {
			postconf_list(lists[i]);
			return;
		}
	if (tls != NULL)
		postconf_list_tls(tls);
	else if (is_given(g, 'b') || is_given(g, 't'))
		postconf_show_templates(pc, is_given(g, 'b'), args, n);
	else if (pc->edit != EDIT_NONE)
		edit(pc, args, n);
	else
		show(pc, args, n);
}

static void
free_all(struct postconf *pc, struct conf_pair *pairs, size_t n)
{
	names_clear(&pc->names);
	services_clear(&pc->services);
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
	const char *dir = getenv("MAIL_CONFIG"), *tls = NULL;
	struct given given = { { false } };
	size_t n_pairs = 0, n_templates = 0, n;
	int option;

	program = argv[0];
	while (
	    (option = getopt_long(argc, argv, "+aAbc:C:defFhHjlmMno:pPqtT:vxX#",
		 long_options, NULL)) != -1) {
		if (option == OPTION_MAN5) {
			postconf_print_manual();
			exit(0);
		}
		if (option == '?')
			usage();
		given.by_letter[(unsigned char)option] = true;
		if (option == 'c')
			pc.source.dir = optarg;
		else if (option == 'C')
			pc.classes = class_of(optarg);
		else if (option == 'o')
			add_override(pairs, &n_pairs, optarg);
		else if (option == 'T' && tls != NULL)
			postconf_fatal("At most one -T <mode> option may be "
				       "specified");
		else if (option == 'T')
			tls = optarg;
		else if ((option == 'b' || option == 't') && n_templates++ > 0)
			postconf_fatal("specify one of -b and -t");
	}
	argv += optind;
	n = (size_t)(argc - optind);
	/* "name=value" is an edit, but for a template's file. */
	for (size_t i = 0; i < n; i++)
		if (strchr(argv[i], '=') != NULL && !is_given(&given, 'b') &&
		    !is_given(&given, 't'))
			given.by_letter['e'] = true;
	check_together(&given);
	set_flags(&pc, &given);
	pc.source.overrides = pairs;
	pc.source.n_overrides = n_pairs;
	pc.source.process_name = "postconf";
	pc.dir_given = pc.source.dir != NULL || (dir != NULL && *dir != '\0');
	names_init(&pc.names, &pc.source);
	services_init(&pc.services);
	act(&pc, &given, tls, argv, n);
	free_all(&pc, pairs, n_pairs);
	if (fflush(stdout) != 0 || ferror(stdout))
		postconf_fatal("write to standard output");
	return 0;
}
