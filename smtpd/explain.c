/* Explaining what would become of a recipient: see explain.h. */
#include "smtpd/explain.h"

#include "lib/base/log.h"
#include "lib/base/trace.h"
#include "lib/run/fiber.h"
#include "lib/run/io.h"
#include "lib/run/loop.h"
#include "smtpd/access.h"
#include "smtpd/collect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

enum { ARGS = 7 };

/* What the client says. */
enum { SAYS_EHLO, SAYS_MAIL, SAYS_RCPT, SAYS_DATA, SAYS_END, SAYS_QUIT, LINES };

static const struct view nothing = { NULL, 0 };

struct explain {
	bool asks;
	size_t n_passed_over;
	struct smtpd *smtpd;
	int fd; /* that nothing ever comes from */
	struct sockaddr_storage client;
	/* The client's lines, the one that is to be said next, and the one
	 * that is answered now. */
	struct str lines[LINES];
	size_t next;
	const char *names[LINES];
	const char *answered;
	bool is_refused; /* by the last reply */
};

/* --- restrictions --- */

/* Who is asked remembers it, or is somebody else's. */
static bool
leaves_traces(const struct access_item *item)
{
	static access_fn *const rows[] = { access_check_policy,
		access_unverified_sender, access_unverified_recipient };

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
	if (leaves_traces(item))
		TRACE("asked", { "restriction", view_of(item->name) },
		    { "who", item->arg != NULL ? view_of(item->arg)
					       : VIEW("state") });
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

/* --- what was ordered --- */

static void
tell_order(const char *action, struct view value)
{
	TRACE("order", { "action", view_of(action) },
	    { "value", value.len > 0 ? value : nothing });
}

static void
tell_bccs(const struct transaction *t)
{
	struct view rest = str_view(&t->bcc);
	struct ipc_rcpt rcpt;
	bool more;

	/* Our own writing: it reads. */
	while (!err_is(ipc_list_next(&rest, IPC_IN(rcpt, &rcpt), &more)) &&
	    more)
		tell_order("BCC", rcpt.address);
}

/* The lines that smtpd puts before the message. */
static void
tell_lines(const struct session *s)
{
	struct view rest = collect_added(s->t->collect), line;

	while (view_field(&rest, '\n', &line)) {
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		if (line.len > 0)
			TRACE("adds", { "line", line });
	}
}

void
explain_message(struct session *s)
{
	const struct transaction *t = s->t;

	if (t->hold)
		tell_order("HOLD", VIEW_EMPTY);
	if (t->filter.len > 0)
		tell_order("FILTER", str_view(&t->filter));
	if (t->redirect.len > 0)
		tell_order("REDIRECT", str_view(&t->redirect));
	tell_bccs(t);
	if (t->discard)
		tell_order("DISCARD", VIEW_EMPTY);
	tell_lines(s);
}

/* --- the screen --- */

static void
tell_test(const struct screen_told *told)
{
	struct str left = STR_EMPTY;

	if (!told->is_due)
		str_printf(&left, "%lld s", (long long)told->passed_for);
	TRACE("screen", { "test", view_of(told->test) },
	    { "state", told->is_due ? VIEW("to be made") : VIEW("passed") },
	    { "for", told->is_due ? nothing : str_view(&left) },
	    { "if_it_fails", view_of(told->action) });
	str_clear(&left);
}

void
explain_screen_list(const char *answer)
{
	TRACE("screen", { "test", VIEW("postscreen_access_list") },
	    { "answer", view_of(answer) });
}

void
explain_screen_test(const struct screen_told *told)
{
	if (trace_is_on())
		tell_test(told);
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
	/* There is no message without a recipient, no end without a beginning:
	 * who was refused leaves. */
	if (x->is_refused && x->next > SAYS_RCPT && x->next < SAYS_QUIT)
		x->next = SAYS_QUIT;
	if (x->next == LINES)
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
	struct explain *x = state;
	struct view rest = view_make(buf, len), line;

	(void)fd, (void)wait_for;
	while (view_field(&rest, '\n', &line)) {
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		if (line.len > 0 && strcmp(x->answered, "QUIT") != 0)
			TRACE("reply", { "to", view_of(x->answered) },
			    { "reply", line });
		if (line.len > 0)
			x->is_refused = line.ptr[0] != '2' && line.ptr[0] != '3';
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

	TRACE("note", { "smtpd_delay_reject",
			  x->smtpd->conf->smtpd_delay_reject
			      ? VIEW("yes: the lists of client, helo and sender "
				     "are gone through at RCPT")
			      : VIEW("no: each list has its say at its own "
				     "command") });
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
set_line(struct explain *x, size_t i, const char *name, const char *before,
    const char *text, const char *behind)
{
	check_text(name, text);
	x->names[i] = name;
	str_printf(&x->lines[i], "%s%s%s\r\n", before, text, behind);
}

/* The message is not sent: what is declared stands for it. */
static void
set_lines(struct explain *x, char **argv)
{
	struct str size = STR_EMPTY;

	check_text("SIZE", argv[6]);
	str_printf(&size, ">%s%s", argv[6][0] != '\0' ? " SIZE=" : "", argv[6]);
	set_line(x, SAYS_EHLO, "EHLO", "EHLO ", argv[3], "");
	set_line(x, SAYS_MAIL, "MAIL", "MAIL FROM:<", argv[4], size.ptr);
	set_line(x, SAYS_RCPT, "RCPT", "RCPT TO:<", argv[5], ">");
	set_line(x, SAYS_DATA, "DATA", "DATA", "", "");
	set_line(x, SAYS_END, "END-OF-MESSAGE", ".", "", "");
	set_line(x, SAYS_QUIT, "QUIT", "QUIT", "", "");
	str_clear(&size);
}

void
explain_open(struct smtpd *smtpd, struct conf *conf, int argc, char **argv)
{
	static struct explain x = { .answered = "CONNECT" };
	struct dns_addr addr;

	if (argc != ARGS || !dns_addr_parse(view_of(argv[2]), &addr))
		die_usage("usage: smtpd -E ask|quiet client helo sender "
			  "recipient size");
	trace_form = TRACE_JSON;
	x.asks = strcmp(argv[1], "ask") == 0;
	dns_addr_to_sockaddr(&addr, 0, &x.client);
	x.smtpd = smtpd;
	x.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (x.fd < 0)
		die_temp("eventfd: %s", strerror(errno));
	for (size_t i = 0; i < LINES; i++)
		str_init(&x.lines[i]);
	set_lines(&x, argv);
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
	for (size_t i = 0; i < LINES; i++)
		str_clear(&x->lines[i]);
	return EXIT_SUCCESS;
}
