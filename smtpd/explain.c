/* Explaining what would become of a recipient: see explain.h. */
#include "smtpd/explain.h"

#include "lib/base/log.h"
#include "lib/base/trace.h"
#include "lib/run/fiber.h"
#include "lib/run/io.h"
#include "lib/run/loop.h"
#include "smtpd/access.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

enum { ARGS = 6, COMMANDS = 4 };

static const struct view nothing = { NULL, 0 };

struct explain {
	bool asks;
	size_t n_passed_over;
	struct smtpd *smtpd;
	int fd; /* that nothing ever comes from */
	struct sockaddr_storage client;
	/* The client's lines, the one that is to be said next, and the one
	 * that is answered now. */
	struct str lines[COMMANDS];
	size_t next;
	const char *names[COMMANDS];
	const char *answered;
};

/* --- restrictions --- */

/* Who is asked remembers it, or is somebody else's. */
static bool
leaves_traces(const struct access_item *item)
{
	static access_fn *const rows[] = { access_check_policy,
		access_check_greylist, access_unverified_sender,
		access_unverified_recipient };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (item->row->run == rows[i])
			return true;
	return false;
}

static struct view
verdict_name(const struct access *a, enum access_verdict v)
{
	switch (v) {
	case ACCESS_DUNNO:
		return VIEW("no decision");
	case ACCESS_OK:
		return VIEW("permit");
	case ACCESS_REFUSED:
		break;
	}
	return a->hangs_up ? VIEW("hang up") : VIEW("refuse");
}

static void
tell_verdict(const struct access *a, const char *list, const char *name,
    enum access_verdict v, bool had_doubt)
{
	bool doubts = !had_doubt && a->defer_if_permit.len > 0;

	TRACE("verdict", { "list", view_of(list) },
	    { "restriction", name != NULL ? view_of(name) : nothing },
	    { "verdict", verdict_name(a, v) },
	    { "reply",
		v == ACCESS_REFUSED ? str_view(&a->refusal) : nothing },
	    { "instead_of_permit",
		doubts ? str_view(&a->defer_if_permit) : nothing });
}

enum access_verdict
explain_item(struct access *a, const struct access_item *item)
{
	struct explain *x = a->s->smtpd->explain;
	const char *list = a->list != NULL ? a->list : "";
	bool had_doubt = a->defer_if_permit.len > 0;
	enum access_verdict v;

	TRACE("restriction", { "list", view_of(list) },
	    { "restriction", view_of(item->name) },
	    { "argument", item->arg != NULL ? view_of(item->arg) : nothing },
	    { "only_warns",
		access_is_warning(a) ? VIEW("yes") : nothing });
	if (!x->asks && leaves_traces(item)) {
		x->n_passed_over++;
		TRACE("verdict", { "list", view_of(list) },
		    { "restriction", view_of(item->name) },
		    { "verdict", VIEW("not asked") });
		return ACCESS_DUNNO;
	}
	v = item->row->run(a, item);
	tell_verdict(a, list, item->name, v, had_doubt);
	return v;
}

enum access_verdict
explain_listed(
    struct access *a, enum access_subject subject, const char *parameter)
{
	bool had_doubt = a->defer_if_permit.len > 0;
	enum access_verdict v;

	TRACE("restriction", { "list", view_of(parameter) });
	v = access_check_listed(a, subject);
	tell_verdict(a, parameter, NULL, v, had_doubt);
	return v;
}

/* --- the client --- */

/* One line at a time: it waits for each answer, like a client that does not
 * pipeline. */
static ssize_t
say(void *state, int fd, void *buf, size_t room, int *wait_for)
{
	struct explain *x = state;
	struct str *line;

	(void)fd;
	*wait_for = IO_READ;
	if (x->next == COMMANDS)
		return 0;
	line = &x->lines[x->next];
	/* stream.h reads by more than a line's length. */
	if (line->len > room) {
		errno = EMSGSIZE;
		return -1;
	}
	memcpy(buf, line->ptr, line->len);
	x->answered = x->names[x->next++];
	return (ssize_t)line->len;
}

static ssize_t
hear(void *state, int fd, const void *buf, size_t len, int *wait_for)
{
	const struct explain *x = state;
	struct view rest = view_make(buf, len), line;

	(void)fd, (void)wait_for;
	while (view_field(&rest, '\n', &line)) {
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		if (line.len > 0 && strcmp(x->answered, "QUIT") != 0)
			TRACE("reply", { "to", view_of(x->answered) },
			    { "reply", line });
	}
	return (ssize_t)len;
}

static const struct stream_transport script = { say, hear, NULL };

static void
converse(void *arg)
{
	struct explain *x = arg;
	struct str count = STR_EMPTY;
	struct stream io;

	stream_init(&io, x->fd);
	stream_set_transport(&io, &script, x);
	session_run_stream(x->smtpd, &io, (struct sockaddr *)&x->client);
	str_printf(&count, "%zu", x->n_passed_over);
	if (x->n_passed_over > 0)
		TRACE("note", { "restrictions_not_asked", str_view(&count) });
	str_clear(&count);
	loop_stop();
}

/* --- the beginning --- */

/* It would end the line, and begin another command. */
static void
check_text(const char *what, const char *text)
{
	if (text[strcspn(text, "\r\n")] != '\0')
		die_usage("%s: not one line", what);
}

static void
set_line(struct explain *x, size_t i, const char *name, const char *format,
    const char *text)
{
	check_text(name, text);
	x->names[i] = name;
	str_add_text(&x->lines[i], format);
	str_add_text(&x->lines[i], text);
	str_add_text(&x->lines[i], i == 1 || i == 2 ? ">\r\n" : "\r\n");
}

void
explain_open(struct smtpd *smtpd, struct conf *conf, int argc, char **argv)
{
	static struct explain x = { .answered = "CONNECT" };
	struct dns_addr addr;

	if (argc != ARGS || !dns_addr_parse(view_of(argv[2]), &addr))
		die_usage("usage: smtpd -E ask|quiet client helo sender "
			  "recipient");
	trace_form = TRACE_JSON;
	x.asks = strcmp(argv[1], "ask") == 0;
	dns_addr_to_sockaddr(&addr, 0, &x.client);
	x.smtpd = smtpd;
	x.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (x.fd < 0)
		die_temp("eventfd: %s", strerror(errno));
	for (size_t i = 0; i < COMMANDS; i++)
		str_init(&x.lines[i]);
	set_line(&x, 0, "EHLO", "EHLO ", argv[3]);
	set_line(&x, 1, "MAIL", "MAIL FROM:<", argv[4]);
	set_line(&x, 2, "RCPT", "RCPT TO:<", argv[5]);
	set_line(&x, 3, "QUIT", "QUIT", "");
	/* A screen would count the client, and let it wait. */
	smtpd->is_screened = false;
	conf->smtpd_screen_enable = false;
	smtpd->explain = &x;
	smtpd_open(smtpd, conf);
}

int
explain_run(struct smtpd *smtpd)
{
	struct explain *x = smtpd->explain;

	loop_init();
	fiber_spawn("explain", converse, x);
	loop_run();
	for (size_t i = 0; i < COMMANDS; i++)
		str_clear(&x->lines[i]);
	return EXIT_SUCCESS;
}
