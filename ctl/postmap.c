/*
 * postmap(1) and postalias(1): build, change, list and ask lookup tables.  One
 * program with two names; what differs is the source's syntax, the options and
 * how a pair is printed.
 */
#include "ctl/postmap.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/conf/conf.h"
#include "lib/table/create.h"
#include "lib/table/table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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

_Noreturn void
postmap_fatal(const char *format, ...)
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

void
postmap_check(struct err e)
{
	if (err_is(e))
		postmap_fatal("%s", e.text);
}

static void
set_mode(struct run *run, enum mode mode)
{
	if (run->mode != MODE_BUILD)
		postmap_fatal("specify only one of -d -i -q or -s");
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
		postmap_fatal("usage: %s %s", program_invocation_short_name,
		    run->tool->usage);
	default:
		break;
	}
}

void
postmap_make_spec(const struct run *run, const char *arg, struct str *spec)
{
	if (strchr(arg, ':') != NULL)
		str_printf(spec, "%s", arg);
	else
		str_printf(spec, "%s:%s", run->type, arg);
}

static int (*const modes[])(const struct run *, char **) = {
	[MODE_BUILD] = postmap_build,
	[MODE_INCREMENT] = postmap_increment,
	[MODE_ASK] = postmap_ask,
	[MODE_DELETE] = postmap_delete,
	[MODE_LIST] = postmap_list,
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
	postmap_check(conf_load(&source, &conf));
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
		postmap_fatal("usage: %s %s", program_invocation_short_name,
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
		postmap_fatal("write: %s", strerror(errno));
	free(run.type);
	free(run.host);
	return status;
}
