/*
 * sendmail, mailq, newaliases: what programs have called for decades to hand
 * mail over.  It runs as its caller and has no rights of its own: a message
 * goes through postdrop, unless the caller is one who needs it not, and all
 * else is another command's work.  Whatever goes wrong ends it with 75, so that
 * the caller keeps the message.
 */
#include "sendmail/dropper.h"
#include "sendmail/input.h"
#include "sendmail/options.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/process.h"
#include "lib/conf/light.h"
#include "lib/conf/values.h"
#include "lib/mail/addr.h"
#include "lib/mail/addrlist.h"
#include "lib/mail/drop.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

enum { EXIT_TEMP = 75, READ_STEP = 65536 };

struct sendmail {
	struct options options;
	struct conf_light *conf;
	const char *name; /* sendmail, mailq, newaliases */
	const struct passwd *account;
	bool asked_account;
	struct drop drop;
	struct input input;
	size_t n_rcpts;
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
	fprintf(stderr, "sendmail: fatal: %s\n", line.ptr);
	openlog("postfix/sendmail", LOG_PID, LOG_MAIL);
	syslog(LOG_ERR, "fatal: %s", line.ptr);
	exit(EXIT_TEMP);
}

static void
check(struct err e)
{
	if (err_is(e))
		fatal("%s", e.text);
}

static const char *
value_of(struct sendmail *s, const char *name)
{
	const char *text;

	check(conf_light_get(s->conf, name, &text, NULL));
	return text;
}

/* --- who calls --- */

static const struct passwd *
account_of(struct sendmail *s)
{
	if (!s->asked_account)
		s->account = getpwuid(getuid());
	s->asked_account = true;
	return s->account;
}

/* "root(0)" */
static void
add_caller(struct sendmail *s, struct str *out)
{
	const struct passwd *pw = account_of(s);

	str_addf(out, "%s(%ld)", pw != NULL ? pw->pw_name : "unknown",
	    (long)getuid());
}

_Noreturn static void
fatal_of_caller(struct sendmail *s, const char *text)
{
	struct str who = STR_EMPTY;

	add_caller(s, &who);
	fatal("%s: %s", who.ptr, text);
}

/* -f, else the login name. */
static void
find_sender(struct sendmail *s, struct str *sender)
{
	const char *given = s->options.sender;
	struct addrlist list;
	struct addrlist_item item;
	struct str more = STR_EMPTY;

	if (given == NULL) {
		if (account_of(s) == NULL)
			fatal("no login name found for user ID %ld",
			    (long)getuid());
		str_set(sender, view_of(s->account->pw_name));
		return;
	}
	addrlist_init(&list, view_of(given));
	if (addrlist_next(&list, &item, sender)) {
		if ((item.flags & ADDRLIST_BAD) != 0)
			fatal("-f option specified malformed sender: %.100s",
			    given);
		if (addrlist_next(&list, &item, &more))
			fprintf(stderr,
			    "sendmail: warning: -f option "
			    "specified multiple addresses; using the first\n");
	}
	str_clear(&more);
}

/* The name before the first comma; & stands for the login name. */
static void
add_gecos(const struct passwd *pw, struct str *out)
{
	for (const char *p = pw->pw_gecos; *p != '\0' && *p != ','; p++) {
		if (*p != '&') {
			str_add_byte(out, *p);
			continue;
		}
		if (pw->pw_name[0] != '\0')
			str_add_byte(out, ascii_upper(pw->pw_name[0]));
		str_addf(
		    out, "%s", pw->pw_name[0] != '\0' ? pw->pw_name + 1 : "");
	}
}

/* Only for a From: that is missing. */
static void
find_full_name(struct sendmail *s, struct str *name)
{
	const char *given = s->options.full_name;

	if (given == NULL || given[0] == '\0')
		given = getenv("NAME");
	if (given != NULL && given[0] != '\0')
		str_set(name, view_of(given));
	else if (account_of(s) != NULL)
		add_gecos(s->account, name);
	str_cut(name, DROP_NAME_MAX);
	for (size_t i = 0; i < name->len; i++)
		if ((unsigned char)name->ptr[i] < ' ' || name->ptr[i] == 0x7f)
			name->ptr[i] = '?';
}

/* --- submission --- */

static void
add_rcpt(struct sendmail *s, struct view address)
{
	drop_add_rcpt(&s->drop, address, s->options.notify, VIEW_EMPTY);
	s->n_rcpts++;
}

/* Each argument is a list, as headers have them. */
static void
add_argument(struct sendmail *s, const char *text)
{
	struct str address = STR_EMPTY;
	struct addrlist_item item;
	struct addrlist list;
	bool any = false;

	addrlist_init(&list, view_of(text));
	while (addrlist_next(&list, &item, &address)) {
		if ((item.flags & ADDRLIST_BAD) != 0)
			fatal("malformed recipient address: %.*s",
			    VIEW_ARGS(view_first(item.spec, 100)));
		any = true;
		if (address.len == 0)
			str_set(&address,
			    view_of(value_of(s, "empty_address_recipient")));
		add_rcpt(s, str_view(&address));
	}
	if (!any)
		add_rcpt(s, view_of(value_of(s, "empty_address_recipient")));
	str_clear(&address);
}

static unsigned
input_flags(struct sendmail *s)
{
	const char *fix = value_of(s, "sendmail_fix_line_endings");
	unsigned flags = 0;

	if (s->options.dot_ends)
		flags |= INPUT_DOT_ENDS;
	if (s->options.extract)
		flags |= INPUT_EXTRACT;
	if (strcasecmp(fix, "strict") == 0)
		flags |= INPUT_FIX_STRICT;
	else if (strcasecmp(fix, "never") == 0)
		flags |= INPUT_FIX_NEVER;
	return flags;
}

/* Standard input, to its end or a lone dot. */
static void
read_message(struct sendmail *s)
{
	struct input *in = &s->input;
	char *buf = xmalloc(READ_STEP);
	struct str out = STR_EMPTY;

	while (!in->has_ended && !err_is(s->drop.failure)) {
		ssize_t n = read(STDIN_FILENO, buf, READ_STEP);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			fatal("read message: %s", strerror(errno));
		if (n == 0)
			break;
		input_feed(in, view_make(buf, (size_t)n), &out);
		drop_add_content(&s->drop, str_view(&out));
		str_reset(&out);
	}
	input_finish(in, &out);
	drop_add_content(&s->drop, str_view(&out));
	str_clear(&out);
	free(buf);
}

/* What a probe would send, were it to send something. */
static void
make_probe(struct sendmail *s)
{
	drop_add_content(&s->drop, VIEW("Subject: Probe\r\n\r\n"));
}

/* True for root and the like: what the set-gid program is for, the caller has
 * by himself. */
static bool
may_write_maildrop(struct sendmail *s)
{
	struct str path = STR_EMPTY;
	bool yes;

	str_printf(&path, "%s/maildrop", value_of(s, "queue_directory"));
	yes = !process_is_elevated() && eaccess(path.ptr, W_OK | X_OK) == 0;
	str_clear(&path);
	return yes;
}

static struct err
drop_frames(struct dropper *p, struct conf_light *conf, struct view frames)
{
	struct err e = dropper_configure(p, conf);

	if (!err_is(e))
		e = dropper_create(p);
	if (!err_is(e))
		e = intake_feed(&p->intake, frames);
	if (!err_is(e) && !p->intake.committed)
		e = err_make(ERR_TEMP, "input ended early");
	if (!err_is(e))
		e = dropper_commit(p);
	if (err_is(e))
		dropper_remove(p);
	else
		dropper_close(p);
	return e;
}

/*
 * What postdrop would do, without a second program: to start one costs more
 * than all the rest.  No signal comes in between, so that neither is a file
 * left behind nor one promised that the caller thinks is lost.
 */
static bool
drop_here(void *arg, struct view frames, struct str *queue_id,
    struct err *result)
{
	struct sendmail *s = arg;
	struct dropper p;
	sigset_t all, before;

	if (!may_write_maildrop(s))
		return false;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	dropper_init(&p);
	*result = drop_frames(&p, s->conf, frames);
	str_set(queue_id, queue_id_view(&p.id));
	dropper_clear(&p);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return true;
}

static void
start_postdrop(struct sendmail *s)
{
	struct str path = STR_EMPTY;

	str_printf(&path, "%s/postdrop", value_of(s, "command_directory"));
	drop_open_late(
	    &s->drop, path.ptr, s->options.config, drop_here, s);
	str_clear(&path);
}

static void
tell_of_report(struct sendmail *s, struct view sender)
{
	struct str external = STR_EMPTY;

	if ((s->options.flags & SUBMIT_DSN_TRACE) == 0)
		return;
	addr_to_external(&external, sender);
	printf("Mail Delivery Status Report will be mailed to <%s>.\n",
	    external.ptr);
	str_clear(&external);
}

static int
submit(struct sendmail *s)
{
	struct options *o = &s->options;
	struct str sender = STR_EMPTY, name = STR_EMPTY, id = STR_EMPTY;
	struct ipc_drop_commit commit;
	struct view rest, address;
	struct input *in = &s->input;

	if (o->mode == MODE_PROBE)
		o->flags |= SUBMIT_PROBE | SUBMIT_DSN_TRACE;
	else if (o->verbose == 1)
		o->flags |= SUBMIT_DSN_TRACE;
	if (o->n_rcpts == 0 && !o->extract)
		fatal_of_caller(s,
		    "Recipient addresses must be specified on "
		    "the command line or via the -t option");
	find_sender(s, &sender);
	start_postdrop(s);
	for (int i = 0; i < o->n_rcpts; i++)
		add_argument(s, o->rcpts[i]);
	input_init(in, input_flags(s));
	if (o->mode == MODE_PROBE)
		make_probe(s);
	else
		read_message(s);
	check(in->failure);
	rest = input_recipients(in);
	while (rest.len > 0 && view_field(&rest, '\0', &address))
		add_rcpt(s, address);
	if (s->n_rcpts == 0)
		fatal_of_caller(s,
		    "No recipient addresses found in message "
		    "header");
	if (!in->has_from)
		find_full_name(s, &name);
	commit = (struct ipc_drop_commit){ .sender = str_view(&sender),
		.full_name = str_view(&name),
		.context = o->remote ? VIEW("remote") : VIEW("local"),
		.envid = view_of(o->envid),
		.ret = o->ret,
		.flags = o->flags };
	check(drop_finish(&s->drop, &commit, &id));
	tell_of_report(s, str_view(&sender));
	input_clear(in);
	drop_close(&s->drop);
	str_clear(&sender);
	str_clear(&name);
	str_clear(&id);
	conf_light_free(s->conf);
	return EXIT_SUCCESS;
}

/* --- other commands' work --- */

_Noreturn static void
run(struct sendmail *s, const char *folder, const char *name,
    const char *const *args)
{
	const char *argv[64] = { name };
	struct str path = STR_EMPTY;
	size_t n = 1;

	str_printf(&path, "%s/%s", value_of(s, folder), name);
	if (s->options.config != NULL) {
		argv[n++] = "-c";
		argv[n++] = s->options.config;
	}
	while (*args != NULL && n < ARRAY_LEN(argv) - 1)
		argv[n++] = *args++;
	if (*args != NULL)
		fatal("too many arguments");
	execv(path.ptr, (char *const *)(uintptr_t)argv);
	fatal("execute %s: %s", path.ptr, strerror(errno));
}

_Noreturn static void
list_queue(struct sendmail *s)
{
	const char *args[] = { "-p", NULL };

	run(s, "command_directory", "postqueue", args);
}

_Noreturn static void
flush_queue(struct sendmail *s)
{
	const char *args[] = { s->options.mode == MODE_FLUSH ? "-f"
		    : s->options.mode == MODE_FLUSH_ID	     ? "-i"
							     : "-s",
		s->options.mode == MODE_FLUSH ? NULL : s->options.flush, NULL };

	run(s, "command_directory", "postqueue", args);
}

static int
rebuild_aliases(struct sendmail *s)
{
	const char *given = s->options.aliases;
	struct view rest =
	    view_of(given != NULL ? given : value_of(s, "alias_database"));
	const char *args[60] = { "--" };
	struct view item;
	size_t n = 1;

	while (conf_list_next(&rest, &item)) {
		if (n == ARRAY_LEN(args) - 1)
			fatal("more than %zu alias databases", n - 1);
		args[n++] = xstrndup(item.ptr, item.len);
	}
	if (n == 1)
		return EXIT_SUCCESS;
	run(s, "command_directory", "postalias", args);
}

_Noreturn static void
start_system(struct sendmail *s)
{
	const char *args[] = { "start", NULL };

	run(s, "command_directory", "barid", args);
}

_Noreturn static void
serve_smtp(struct sendmail *s)
{
	const char *args[] = { "-S", NULL };

	run(s, "daemon_directory", "smtpd", args);
}

/* -C names main.cf or its folder.  What the environment says is passed on as an
 * option, since set-gid programs do not hear it. */
static void
tidy_config(struct options *o)
{
	const char *home = getenv("MAIL_CONFIG");
	struct view dir;

	if (o->config == NULL && home != NULL && home[0] != '\0')
		o->config = home;
	dir = view_of(o->config != NULL ? o->config : "");
	if (!view_ends(dir, VIEW("/main.cf")))
		return;
	dir = view_first(dir, dir.len - sizeof("/main.cf") + 1);
	o->config = dir.len == 0 ? "/" : xstrndup(dir.ptr, dir.len);
}

int
main(int argc, char **argv)
{
	static struct sendmail s;

	process_tidy_descriptors();
	/* A child whose end nobody hears of cannot be waited for. */
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	umask(022);
	check(options_parse(&s.options, argc, argv));
	if (s.options.warning != NULL)
		fprintf(stderr, "sendmail: warning: %s\n", s.options.warning);
	tidy_config(&s.options);
	check(conf_light_load(s.options.config, &s.conf));
	switch (s.options.mode) {
	case MODE_SUBMIT:
	case MODE_PROBE:
		return submit(&s);
	case MODE_LIST:
		list_queue(&s);
	case MODE_ALIASES:
		return rebuild_aliases(&s);
	case MODE_DAEMON:
		start_system(&s);
	case MODE_SMTP:
		serve_smtp(&s);
	case MODE_FLUSH:
	case MODE_FLUSH_ID:
	case MODE_FLUSH_SITE:
		flush_queue(&s);
	case MODE_NOTHING:
		return EXIT_SUCCESS;
	}
	return EXIT_TEMP;
}
