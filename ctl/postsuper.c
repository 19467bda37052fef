/*
 * postsuper: delete, hold, release, requeue and expire messages, and put the
 * queue's folders in order.  For the superuser, or for the owner of an
 * instance that is an ordinary user's.
 */
#include "ctl/postsuper.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/process.h"
#include "lib/conf/light.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

const char *const super_queue_names[SUPER_QUEUES] = { "maildrop", "incoming",
	"active", "deferred", "hold", "corrupt" };

#define QUEUES_OF_QMGR \
	(SUPER_HOLD | SUPER_INCOMING | SUPER_ACTIVE | SUPER_DEFERRED)

const struct super_action super_actions[] = {
	{ 'd', { "delete", NULL }, "removed", "Deleted", QUEUES_OF_QMGR },
	{ 'e', { "expire", NULL }, "expired", "Force-expired", QUEUES_OF_QMGR },
	{ 'f', { "expire", "release" }, "expired", "Force-expired",
	    QUEUES_OF_QMGR },
	{ 'h', { "hold", NULL }, "placed on hold", "Placed on hold",
	    SUPER_INCOMING | SUPER_ACTIVE | SUPER_DEFERRED },
	{ 'H', { "release", NULL }, "released from hold", "Released from hold",
	    SUPER_HOLD },
	{ 'r', { "requeue", NULL }, "requeued", "Requeued", QUEUES_OF_QMGR },
};
const size_t super_n_actions = ARRAY_LEN(super_actions);

enum { REQUESTS_MAX = 1000 };

struct request {
	const struct super_action *action;
	const char *value; /* an ID, ALL or - */
};

struct command {
	const char *config;
	bool purge, structure;
	struct request requests[REQUESTS_MAX];
	size_t n_requests;
	unsigned queues; /* named; 0: the action's own */
	struct super super;
};

/* --- telling --- */

static bool has_log;

static void
tell(int priority, const char *word, const char *format, va_list ap)
{
	struct str text = STR_EMPTY, line = STR_EMPTY;

	str_vaddf(&text, format, ap);
	log_clean(&line, str_view(&text), LOG_LINE_MAX);
	fflush(stdout);
	fprintf(stderr, "postsuper: %s%s\n", word, line.ptr);
	if (!has_log)
		syslog(priority, "%s%s", word, line.ptr);
	else if (priority == LOG_WARNING)
		log_warn("%s", line.ptr);
	else
		log_info("%s%s", word, line.ptr);
	str_clear(&text);
	str_clear(&line);
}

void
super_tell(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	tell(LOG_INFO, "", format, ap);
	va_end(ap);
}

void
super_warn(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	tell(LOG_WARNING, "warning: ", format, ap);
	va_end(ap);
}

_Noreturn __attribute__((format(printf, 1, 2))) static void
fatal(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	tell(LOG_ERR, "fatal: ", format, ap);
	va_end(ap);
	log_flush();
	exit(1);
}

/* The mail system's own log if it is up. */
static void
open_log(const char *name)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX,
		.sun_path = "private/log" };
	struct str tag = STR_EMPTY;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	str_printf(&tag, "%s/postsuper", name);
	log_open(tag.ptr);
	if (fd >= 0 &&
	    connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0) {
		log_take_socket(fd);
		has_log = true;
	} else {
		if (fd >= 0)
			close(fd);
		openlog(xstrdup(tag.ptr), LOG_PID, LOG_MAIL);
	}
	str_clear(&tag);
}

/* --- the command line --- */

_Noreturn static void
usage(void)
{
	fatal("usage: postsuper [-c config_dir] [-d queue_id (delete)] "
	      "[-e queue_id (expire)] [-f queue_id (force-expire)] "
	      "[-h queue_id (hold)] [-H queue_id (un-hold)] "
	      "[-p (purge temporary files)] [-r queue_id (requeue)] "
	      "[-s (structure fix)] [-S (structure fix, strict)] "
	      "[-v] [queue...]");
}

static void
add_request(struct command *c, int option, const char *value)
{
	for (size_t i = 0; i < super_n_actions; i++)
		if (super_actions[i].option == option) {
			if (c->n_requests == REQUESTS_MAX)
				fatal("more than %d requests", REQUESTS_MAX);
			c->requests[c->n_requests++] =
			    (struct request){ &super_actions[i], value };
			return;
		}
	usage();
}

static unsigned
queue_bit(const char *name)
{
	for (unsigned i = 0; i < SUPER_QUEUES; i++)
		if (strcmp(name, super_queue_names[i]) == 0)
			return 1U << i;
	/* There are folders of these names, with nothing in them. */
	for (const char *const *p = (const char *const[]){ "bounce", "defer",
		 "flush", "saved", "trace", NULL };
	     *p != NULL; p++)
		if (strcmp(name, *p) == 0)
			return 1U << SUPER_QUEUES;
	fatal("invalid mail queue name: %s", name);
}

static void
parse_arguments(struct command *c, int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "+c:d:e:f:h:H:pr:sSv")) > 0)
		switch (option) {
		case 'c':
			c->config = optarg;
			break;
		case 'p':
			c->purge = true;
			break;
		case 's':
		case 'S':
			c->structure = true;
			break;
		case 'v':
			break;
		default:
			add_request(c, option, optarg);
		}
	while (optind < argc)
		c->queues |= queue_bit(argv[optind++]);
	if (!c->purge && !c->structure && c->n_requests == 0)
		c->purge = c->structure = true;
}

/* --- start --- */

static const char *
text_of(struct conf_light *conf, const char *name)
{
	const char *text;
	struct err e = conf_light_get(conf, name, &text, NULL);

	if (err_is(e))
		fatal("%s", e.text);
	return text;
}

static void
enter_queue(struct command *c, struct conf_light *conf)
{
	const char *queue = text_of(conf, "queue_directory");
	const char *owner = text_of(conf, "mail_owner");
	const struct passwd *pw;
	struct stat st;

	if (stat(queue, &st) < 0 || chdir(queue) < 0)
		fatal("chdir %s: %s", queue, strerror(errno));
	if (getuid() != 0 && st.st_uid != getuid())
		fatal("use of this command is reserved for the superuser");
	c->super.owner = getuid();
	c->super.group = getgid();
	if (getuid() != 0)
		return;
	pw = getpwnam(owner);
	if (pw == NULL)
		fatal("mail_owner: unknown user: %s", owner);
	c->super.owner = pw->pw_uid;
	c->super.group = pw->pw_gid;
}

/* Whoever has the lock may change the queue; kept to the end. */
static void
find_qmgr(struct super *s)
{
	int fd = open(
	    "pid/qmgr.lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		fatal("open pid/qmgr.lock: %s", strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			fatal("lock pid/qmgr.lock: %s", strerror(errno));
		s->running = true;
		close(fd);
		ipc_service_init(&s->qmgr, "private/qmgr");
	}
}

/* --- work --- */

static void
check(struct err e)
{
	if (err_is(e))
		fatal("%s", e.text);
}

static bool
take_id(struct view text, struct queue_id *id)
{
	*id = (struct queue_id){ "" };
	if (!queue_id_is_valid(text)) {
		super_warn("invalid mail queue id: %.*s",
		    VIEW_ARGS(view_first(text, 100)));
		return false;
	}
	memcpy(id->text, text.ptr, text.len);
	return true;
}

/* IDs on standard input, in batches. */
static void
act_on_input(struct super *s, const struct super_action *a, unsigned mask)
{
	struct queue_id *ids = xcalloc(SUPER_BATCH, sizeof(*ids));
	char *line = NULL;
	size_t room = 0, n = 0;
	ssize_t len;

	while ((len = getline(&line, &room, stdin)) >= 0) {
		struct view rest = view_make(line, (size_t)len), word;

		while (view_token(&rest, " \t\r\n\f\v", &word)) {
			if (view_eq(word, VIEW("ALL"))) {
				check(super_act_on_all(s, a, mask));
				continue;
			}
			if (take_id(word, &ids[n]))
				n++;
			if (n < SUPER_BATCH)
				continue;
			check(super_act_on_ids(s, a, mask, ids, n));
			n = 0;
		}
	}
	if (n > 0)
		check(super_act_on_ids(s, a, mask, ids, n));
	free(line);
	free(ids);
}

static void
run_request(struct command *c, const struct request *r)
{
	unsigned mask = c->queues != 0 ? c->queues : r->action->queues;
	struct queue_id id;

	if (strcmp(r->value, "-") == 0)
		act_on_input(&c->super, r->action, mask);
	else if (strcmp(r->value, "ALL") == 0)
		check(super_act_on_all(&c->super, r->action, mask));
	else if (take_id(view_of(r->value), &id))
		check(super_act_on_ids(&c->super, r->action, mask, &id, 1));
}

/* Also of what was done to none. */
static void
tell_totals(struct command *c)
{
	for (size_t i = 0; i < super_n_actions; i++) {
		bool asked = false;

		for (size_t k = 0; k < c->n_requests; k++)
			asked =
			    asked || c->requests[k].action == &super_actions[i];
		if (asked)
			super_tell("%s: %" PRId64 " message%s",
			    super_actions[i].total, c->super.totals[i],
			    c->super.totals[i] == 1 ? "" : "s");
	}
}

int
main(int argc, char **argv)
{
	static struct command c;
	struct conf_light *conf = NULL;
	unsigned all = (1U << SUPER_QUEUES) - 1;

	process_tidy_descriptors();
	process_reset_signals();
	log_open("postsuper");
	umask(077);
	parse_arguments(&c, argc, argv);
	check(conf_light_load(c.config, &conf));
	process_clean_environment();
	enter_queue(&c, conf);
	open_log(text_of(conf, "syslog_name"));
	find_qmgr(&c.super);
	if (c.queues != 0)
		all = c.queues;
	if (c.purge)
		super_purge(all & ~(unsigned)SUPER_CORRUPT);
	if (c.structure)
		super_check_structure(&c.super, all);
	for (size_t i = 0; i < c.n_requests; i++)
		run_request(&c, &c.requests[i]);
	tell_totals(&c);
	conf_light_free(conf);
	log_flush();
	return EXIT_SUCCESS;
}
