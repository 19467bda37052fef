/*
 * postqueue: lists the queue and asks for deliveries to be tried now, for any
 * user.  Set-gid, since the public sockets are for that group alone; the group
 * is in force only while it connects.
 */
#include "ctl/postqueue.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/process.h"
#include "lib/conf/light.h"
#include "lib/conf/user_list.h"
#include "lib/ipc/client.h"
#include "lib/mail/queue_id.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	EXIT_UNAVAILABLE = 69,
	EXIT_USAGE = 64,
	READ_STEP = 65536,
	FLUSH_TIMEOUT = 60,
	SITE_MAX = 1024
};

enum action {
	ACTION_NONE,
	ACTION_LIST,
	ACTION_JSON,
	ACTION_FLUSH,
	ACTION_FLUSH_ID,
	ACTION_FLUSH_SITE
};

struct postqueue {
	enum action action;
	const char *config; /* -c */
	const char *value;  /* of -i, -s */
	struct conf_light *conf;
	gid_t group, own_group;
};

_Noreturn __attribute__((format(printf, 2, 3))) static void
fatal(int status, const char *format, ...)
{
	struct str text = STR_EMPTY, line = STR_EMPTY;
	va_list ap;

	va_start(ap, format);
	str_vaddf(&text, format, ap);
	va_end(ap);
	log_clean(&line, str_view(&text), LOG_LINE_MAX);
	fflush(stdout);
	fprintf(stderr, "postqueue: fatal: %s\n", line.ptr);
	exit(status);
}

static void
use_group(gid_t group)
{
	if (setegid(group) < 0)
		fatal(75, "setegid %ld: %s", (long)group, strerror(errno));
}

static void
check(struct err e)
{
	if (err_is(e))
		fatal(e.kind == ERR_PERM ? 1 : 75, "%s", e.text);
}

static const char *
text_of(struct postqueue *q, const char *name)
{
	const char *text;

	check(conf_light_get(q->conf, name, &text, NULL));
	return text;
}

/* Root and the owner of the mail system always may. */
static void
check_user(struct postqueue *q, const char *parameter, const char *act)
{
	struct err e = user_list_check(q->conf, parameter, act);
	const struct passwd *pw;

	if (!err_is(e) || getuid() == 0)
		return;
	pw = getpwnam(text_of(q, "mail_owner"));
	if (pw == NULL || pw->pw_uid != getuid())
		fatal(EXIT_UNAVAILABLE, "%s", e.text);
}

/* --- listing --- */

static void
write_out(struct print *p)
{
	if (fwrite(p->out.ptr, 1, p->out.len, stdout) != p->out.len)
		fatal(1, "write: %s", strerror(errno));
	str_reset(&p->out);
}

static void
print_bytes(struct print *p, struct view bytes)
{
	check(print_feed(p, bytes));
	write_out(p);
}

/* -1 if nobody listens; errno says why. */
static int
connect_showq(struct postqueue *q)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX,
		.sun_path = "public/showq" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int code, saved;

	if (fd < 0)
		fatal(75, "socket: %s", strerror(errno));
	use_group(q->group);
	code = connect(fd, (struct sockaddr *)&addr, sizeof(addr));
	saved = errno;
	use_group(q->own_group);
	errno = saved;
	if (code == 0)
		return fd;
	close(fd);
	errno = saved;
	return -1;
}

static void
list_from(int fd, struct print *p)
{
	char *buf = xmalloc(READ_STEP);

	for (;;) {
		ssize_t n = read(fd, buf, READ_STEP);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			fatal(75, "read queue listing: %s", strerror(errno));
		if (n == 0)
			break;
		print_bytes(p, view_make(buf, (size_t)n));
	}
	free(buf);
	if (!p->reader.has_ended)
		fatal(75, "read queue listing: it broke off");
}

/* Whoever may read the queue sees it without showq. */
static void
list_directly(struct print *p, int reason)
{
	struct queue_lister *lister;
	struct str out = STR_EMPTY;
	bool more = true;

	if (access("active", R_OK | X_OK) < 0)
		fatal(EXIT_UNAVAILABLE,
		    "Queue report unavailable - mail system is down");
	fprintf(stderr,
	    "postqueue: warning: Mail system is down -- accessing "
	    "queue directly (Connect to the Barid showq service: %s)\n",
	    strerror(reason));
	lister = queue_lister_new();
	while (more) {
		more = queue_lister_step(lister, &out);
		print_bytes(p, str_view(&out));
		str_reset(&out);
	}
	queue_lister_free(lister);
	str_clear(&out);
}

static void
list(struct postqueue *q)
{
	struct print p;
	int64_t long_ids;
	int fd;

	check_user(q, "authorized_mailq_users", "view the mail queue");
	check(
	    conf_light_get(q->conf, "enable_long_queue_ids", NULL, &long_ids));
	print_init(&p, q->action == ACTION_JSON ? PRINT_JSON : PRINT_TEXT,
	    long_ids != 0);
	fd = connect_showq(q);
	if (fd >= 0) {
		list_from(fd, &p);
		close(fd);
	} else {
		list_directly(&p, errno);
	}
	print_finish(&p);
	write_out(&p);
	print_clear(&p);
	if (fflush(stdout) != 0)
		fatal(1, "write: %s", strerror(errno));
}

/* --- flushing --- */

static void
ask(struct postqueue *q, const char *what)
{
	struct ipc_flush flush = { view_of(what),
		view_of(q->value != NULL ? q->value : "") };
	struct ipc_result answer;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct ipc_service qmgr;
	struct err e;

	ipc_service_init(&qmgr, "public/qmgr");
	use_group(q->group);
	e = ipc_call(&qmgr, IPC_OUT(flush, &flush), IPC_IN(result, &answer),
	    &keep, deadline_in(FLUSH_TIMEOUT));
	use_group(q->own_group);
	if (err_is(e))
		fatal(EXIT_UNAVAILABLE,
		    "Cannot flush mail queue - mail system is down");
	if (answer.status != ERR_NONE)
		fatal(EXIT_UNAVAILABLE, "Cannot flush mail queue - %.*s",
		    VIEW_ARGS(answer.text));
	ipc_keep_clear(&keep);
	ipc_service_clear(&qmgr);
}

/* The site or a domain that it is part of is in fast_flush_domains. */
static bool
may_flush_site(struct postqueue *q, struct view site)
{
	struct view list = view_of(text_of(q, "fast_flush_domains"));
	bool yes = false;

	while (site.len > 0 && !yes) {
		size_t dot;

		check(user_list_matches(q->conf, list, site, &yes));
		dot = view_find(site, '.');
		site = dot == VIEW_NPOS ? VIEW_EMPTY : view_skip(site, dot + 1);
	}
	return yes;
}

static void
flush(struct postqueue *q)
{
	check_user(q, "authorized_flush_users", "flush the mail queue");
	if (q->action == ACTION_FLUSH) {
		ask(q, "all");
	} else if (q->action == ACTION_FLUSH_ID) {
		if (!queue_id_is_valid(view_of(q->value)))
			fatal(EXIT_USAGE,
			    "Cannot flush queue ID - invalid "
			    "name: \"%.100s\"",
			    q->value);
		ask(q, "id");
	} else {
		if (strlen(q->value) > SITE_MAX)
			fatal(EXIT_USAGE, "site name too long");
		if (!may_flush_site(q, view_of(q->value)))
			fatal(EXIT_UNAVAILABLE,
			    "Flush service is not "
			    "configured for destination \"%.100s\"",
			    q->value);
		ask(q, "site");
	}
}

/* --- start --- */

_Noreturn static void
usage(void)
{
	fatal(EXIT_USAGE,
	    "usage: postqueue [-v] [-c config_dir] "
	    "-f | -i queue-id | -j | -p | -s site");
}

static void
set_action(struct postqueue *q, enum action action, const char *value)
{
	if (q->action != ACTION_NONE)
		usage();
	q->action = action;
	q->value = value;
}

static void
parse_arguments(struct postqueue *q, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "+c:fi:jps:v")) > 0)
		switch (c) {
		case 'c':
			q->config = optarg;
			break;
		case 'f':
			set_action(q, ACTION_FLUSH, NULL);
			break;
		case 'i':
			set_action(q, ACTION_FLUSH_ID, optarg);
			break;
		case 'j':
			set_action(q, ACTION_JSON, NULL);
			break;
		case 'p':
			set_action(q, ACTION_LIST, NULL);
			break;
		case 's':
			set_action(q, ACTION_FLUSH_SITE, optarg);
			break;
		case 'v':
			break;
		default:
			usage();
		}
	if (q->action == ACTION_NONE || optind < argc)
		usage();
}

int
main(int argc, char **argv)
{
	static struct postqueue q;
	const char *queue;

	process_tidy_descriptors();
	log_open("postqueue");
	q.group = getegid();
	q.own_group = getgid();
	use_group(q.own_group);
	process_reset_signals();
	parse_arguments(&q, argc, argv);
	if (q.config == NULL && secure_getenv("MAIL_CONFIG") != NULL)
		q.config = xstrdup(secure_getenv("MAIL_CONFIG"));
	process_clean_environment();
	if (process_is_elevated())
		check(conf_light_check_dir(q.config));
	check(conf_light_load(q.config, &q.conf));
	queue = text_of(&q, "queue_directory");
	if (chdir(queue) < 0)
		fatal(75, "change to %s: %s", queue, strerror(errno));
	if (q.action == ACTION_LIST || q.action == ACTION_JSON)
		list(&q);
	else
		flush(&q);
	conf_light_free(q.conf);
	return EXIT_SUCCESS;
}
