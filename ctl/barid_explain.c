/* barid explain: what is asked, and of which service. */
#include "ctl/barid.h"
#include "ctl/explain_way.h"

#include "lib/base/mem.h"
#include "lib/base/trace.h"
#include "lib/daemon/program.h"
#include "lib/dns/name.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] = "usage: barid explain [--json] [--ask] "
			    "[--client address] [--helo name] "
			    "[--from sender] [--service name] "
			    "[--message file] address";

/* As one copies it from a log: "<user@example.org>". */
static const char *
without_brackets(const char *address, char **copy)
{
	size_t n = strlen(address);

	if (n < 2 || address[0] != '<' || address[n - 1] != '>')
		return address;
	*copy = xstrndup(address + 1, n - 2);
	return *copy;
}

static bool
read_options(struct explain_options *q, int argc, char **argv)
{
	static const struct option options[] = {
		{ "ask", no_argument, NULL, 'a' },
		{ "client", required_argument, NULL, 'c' },
		{ "from", required_argument, NULL, 'f' },
		{ "helo", required_argument, NULL, 'h' },
		{ "json", no_argument, NULL, 'j' },
		{ "message", required_argument, NULL, 'm' },
		{ "service", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*q = (struct explain_options){ .sender = "" };
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'a':
			q->asks = true;
			break;
		case 'c':
			q->client = optarg;
			break;
		case 'f':
			q->sender = optarg;
			break;
		case 'h':
			q->helo = optarg;
			break;
		case 'j':
			q->json = true;
			break;
		case 'm':
			q->message = optarg;
			break;
		case 's':
			q->service = optarg;
			break;
		default:
			return false;
		}
	}
	if (argc - optind != 1)
		return false;
	q->sender = without_brackets(q->sender, &q->sender_copy);
	q->address = without_brackets(argv[optind], &q->address_copy);
	return true;
}

static bool
is_smtpd(const struct master_service *s)
{
	return s->type == MASTER_INET &&
	    (strcmp(s->command, "smtpd") == 0 ||
		strcmp(s->command, "postscreen") == 0);
}

/* Of that name, or whose port has it; the first for NULL. */
static const struct master_service *
find_service(const struct master_cf *cf, const char *name)
{
	LIST_EACH (it, after, &cf->services) {
		const struct master_service *s =
		    LIST_ITEM(it, struct master_service, node);

		if (is_smtpd(s) &&
		    (name == NULL || strcmp(s->name, name) == 0 ||
			(s->port != NULL && strcmp(s->port, name) == 0)))
			return s;
	}
	return NULL;
}

/* The service that takes the mail in. */
static const struct master_service *
find_input(const struct master_cf *cf, const char *name)
{
	const char *const names[] = { "smtp", "25", NULL };
	const struct master_service *s = NULL;

	if (name != NULL)
		return find_service(cf, name);
	for (size_t i = 0; s == NULL && i < ARRAY_LEN(names); i++)
		s = find_service(cf, names[i]);
	return s;
}

/* --- the beginning --- */

/* main.cf as the service that takes mail in sees it. */
static struct err
load_input(const struct barid *b, const struct master_service *input,
    struct conf **conf)
{
	struct conf_pair *pairs = explain_overrides(input);
	struct conf_source source = { .dir = b->dir,
		.service_name = input->name,
		.process_name = input->command,
		.overrides = pairs };
	struct err e;

	while (pairs[source.n_overrides].name != NULL)
		source.n_overrides++;
	e = conf_load(&source, conf);
	explain_overrides_free(pairs);
	return e;
}

static bool
is_question(const struct explain_options *q)
{
	struct dns_addr addr;

	if (q->client == NULL || dns_addr_parse(view_of(q->client), &addr))
		return true;
	tell("fatal", "--client %s: no IP address", q->client);
	return false;
}

/* How long the file is as SMTP sends it, with CRLF at each line's end; -1 and
 * errno if it cannot be read. */
static int64_t
size_sent(const char *path)
{
	FILE *in = fopen(path, "re");
	int64_t n = 0;
	int c, before = '\n';

	if (in == NULL)
		return -1;
	while ((c = getc(in)) != EOF) {
		n += c == '\n' && before != '\r' ? 2 : 1;
		before = c;
	}
	if (before != '\n')
		n += 2;
	if (ferror(in))
		n = -1;
	(void)fclose(in);
	return n;
}

/* Programs run elsewhere: the whole path. */
static bool
find_message(struct explain_options *q)
{
	char *path;

	if (q->message == NULL)
		return true;
	q->size = size_sent(q->message);
	path = q->size < 0 ? NULL : realpath(q->message, NULL);
	if (path == NULL)
		tell("fatal", "read %s: %s", q->message, strerror(errno));
	q->message = q->message_path = path;
	return path != NULL;
}

static int
explain(const struct barid *b, struct explain_options *q,
    const struct master_cf *master)
{
	struct explain_way x = { .barid = b,
		.master = master,
		.input = find_input(master, q->service) };
	struct conf *conf;
	struct err e;
	bool good;

	if (x.input == NULL) {
		tell("fatal", "master.cf has no service %s%sthat is smtpd",
		    q->service != NULL ? q->service : "",
		    q->service != NULL ? " " : "");
		return 1;
	}
	if (!is_question(q) || !find_message(q))
		return 1;
	e = load_input(b, x.input, &conf);
	if (err_is(e)) {
		tell("fatal", "%s", e.text);
		return 1;
	}
	trace_form = q->json ? TRACE_JSON : TRACE_TEXT;
	x.conf = conf;
	good = explain_way(&x, q);
	conf_free(conf);
	free(q->message_path);
	return good ? 0 : 1;
}

int
verb_explain(struct barid *b, int argc, char **argv)
{
	struct str path = STR_EMPTY;
	struct master_cf master;
	struct explain_options q;
	struct err e;
	int status = 1;

	if (!read_options(&q, argc, argv)) {
		tell("fatal", "%s", usage);
		return 1;
	}
	e = barid_load(b);
	master_cf_init(&master);
	if (!err_is(e)) {
		str_printf(&path, "%s/master.cf", b->dir);
		e = master_cf_read_file(&master, path.ptr, false);
	}
	if (!err_is(e))
		e = program_add_builtin(&master, false);
	if (!err_is(e))
		program_join_screened(&master, b->conf->smtpd_service_name);
	if (err_is(e))
		tell("fatal", "%s", e.text);
	else
		status = explain(b, &q, &master);
	master_cf_clear(&master);
	str_clear(&path);
	free(q.sender_copy);
	free(q.address_copy);
	return status;
}
