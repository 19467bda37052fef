/*
 * postdrop: puts a message into maildrop.  Set-gid, since nobody else may
 * write there; so nothing that the caller chose is trusted: descriptors,
 * environment, signals, limits, the configuration's place and each record.
 * The group is in force only while a name in the queue directory is touched.
 */
#include "sendmail/intake.h"

#include "lib/base/fs.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/process.h"
#include "lib/base/testpoint.h"
#include "lib/conf/light.h"
#include "lib/conf/user_list.h"
#include "lib/mail/queue_file.h"
#include "lib/mail/queue_id.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

enum {
	WRITE_STEP = 256 * 1024,
	READ_STEP = 128 * 1024,
	NAME_TRIES = 100,
	/* To tell two postdrops apart that run in the same microsecond. */
	SLOTS = QUEUE_SLOTS_MAX,
};

struct postdrop {
	struct intake intake; /* first: see on_content */
	gid_t group, own_group;
	bool long_ids;
	struct queue_id id;
	int fd;
	struct str buffer; /* not written yet */
	int64_t written;   /* bytes of the file */
};

static volatile sig_atomic_t caught;

static void
on_signal(int sig)
{
	caught = sig;
}

/* --- the group --- */

static void
use_group(gid_t group)
{
	if (setegid(group) < 0)
		die_temp("setegid %ld: %s", (long)group, strerror(errno));
}

static struct queue_path
path_of(const struct postdrop *p)
{
	return queue_path_of("maildrop", queue_id_view(&p->id));
}

/* --- the file --- */

/*
 * pickup must read it, as must nobody else: but maildrop lets nobody in, so
 * that the mode may be open.  It is so from the beginning, since pickup sees by
 * the lock that we live, and needs to open the file for that.
 */
__attribute__((noinline)) static struct err
create_file(struct postdrop *p)
{
	struct err e = ERR_OK;

	use_group(p->group);
	for (int i = 0; i < NAME_TRIES && p->fd < 0; i++) {
		p->id = queue_id_new((getpid() + i) % SLOTS, p->long_ids, NULL);
		p->fd = open(path_of(p).text,
		    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
		if (p->fd < 0 && errno != EEXIST)
			break;
	}
	if (p->fd < 0)
		e = err_sys(ERR_TEMP, "create %s", path_of(p).text);
	else if (flock(p->fd, LOCK_EX | LOCK_NB) < 0)
		e = err_sys(ERR_TEMP, "lock %s", path_of(p).text);
	use_group(p->own_group);
	return e;
}

/* To the caller, who may be gone; then the stream ends too. */
static void
tell(const struct ipc_type *type, const void *message)
{
	struct str out = STR_EMPTY;
	struct view rest;
	int none;

	ipc_encode(&out, 0, type, message, &none);
	rest = str_view(&out);
	while (rest.len > 0) {
		ssize_t n = write(STDOUT_FILENO, rest.ptr, rest.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		rest = view_skip(rest, (size_t)n);
	}
	str_clear(&out);
}

static void
tell_name(const struct postdrop *p)
{
	struct ipc_drop_begun begun = { queue_id_view(&p->id) };

	tell(IPC_OUT(drop_begun, &begun));
}

static void
remove_file(struct postdrop *p)
{
	if (p->fd < 0)
		return;
	use_group(p->group);
	unlink(path_of(p).text);
	use_group(p->own_group);
	close(p->fd);
	p->fd = -1;
}

static struct err
write_buffer(struct postdrop *p)
{
	struct err e = queue_write_at(p->fd, str_view(&p->buffer), p->written);

	p->written += (int64_t)p->buffer.len;
	str_reset(&p->buffer);
	return e;
}

static struct err
on_content(struct intake *in, struct view bytes)
{
	struct postdrop *p = (struct postdrop *)(void *)in;

	str_add(&p->buffer, bytes);
	return p->buffer.len < WRITE_STEP ? ERR_OK : write_buffer(p);
}

/* The name too: we may not open maildrop for its own sync. */
static struct err
sync_file(int fd)
{
	if (fsync(fd) < 0 || (!fs_keeps_names(fd) && syncfs(fd) < 0))
		return err_sys(ERR_TEMP, "sync queue file");
	return ERR_OK;
}

__attribute__((noinline)) static struct err
commit_file(struct postdrop *p)
{
	const struct ipc_drop_commit *c = &p->intake.commit;
	struct queue_preamble preamble = { .flags = c->flags,
		.n_rcpts = p->intake.n_rcpts,
		.content_at = QUEUE_PREAMBLE_LEN,
		.content_len = p->intake.content_len };
	struct ipc_envelope envelope = {
		.queue_id = queue_id_view(&p->id),
		.origin = VIEW("sendmail"),
		.context = c->context,
		.sender = c->sender,
		.full_name = c->full_name,
		.envid = c->envid,
		.ret = c->ret,
	};
	struct str layout = STR_EMPTY, tail = STR_EMPTY;
	char head[QUEUE_PREAMBLE_LEN];
	struct stat st;
	struct err e = ERR_OK;

	if (fstat(p->fd, &st) == 0)
		preamble.arrival_us = st.st_mtim.tv_sec * INT64_C(1000000) +
		    st.st_mtim.tv_nsec / 1000;
	queue_layout_add(&layout, preamble.content_at, preamble.content_len);
	envelope.layout = str_view(&layout);
	queue_build_tail(&tail, &preamble, &envelope,
	    str_view(&p->intake.rcpts), VIEW_EMPTY);
	queue_build_preamble(head, &preamble);
	str_add(&p->buffer, str_view(&tail));
	e = write_buffer(p);
	TEST_POINT("postdrop-content");
	/* Last: a file without it is known for litter. */
	if (!err_is(e))
		e = queue_write_at(p->fd, view_make(head, sizeof(head)), 0);
	TEST_POINT("postdrop-written");
	if (!err_is(e))
		e = sync_file(p->fd);
	TEST_POINT("postdrop-synced");
	str_clear(&layout);
	str_clear(&tail);
	return e;
}

/* pickup looks when somebody connects, and is told where; if it is not there,
 * it will look when it starts. */
static void
wake_pickup(struct postdrop *p)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX,
		.sun_path = "public/pickup" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return;
	use_group(p->group);
	/* Whatever comes of it, the message is safe. */
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		(void)!send(fd, p->id.text, strlen(p->id.text),
		    MSG_DONTWAIT | MSG_NOSIGNAL);
	use_group(p->own_group);
	close(fd);
}

/* --- the caller --- */

/* The next bytes; none at the end.  Signals come through only while it waits,
 * so that a file is never left behind, and never removed once it is promised. */
static struct err
read_some(struct str *in)
{
	struct pollfd wait = { STDIN_FILENO, POLLIN, 0 };
	sigset_t none;
	ssize_t n;

	sigemptyset(&none);
	str_reset(in);
	if (caught == 0 && ppoll(&wait, 1, NULL, &none) < 0 && errno != EINTR)
		return err_sys(ERR_TEMP, "wait for input");
	if (caught != 0)
		return err_make(ERR_TEMP, "killed by signal %d", (int)caught);
	n = read(STDIN_FILENO, str_reserve(in, READ_STEP), READ_STEP);
	if (n < 0 && errno != EINTR && errno != EAGAIN)
		return err_sys(ERR_TEMP, "read input");
	if (n == 0)
		return err_make(ERR_GONE, "input ended early");
	if (n > 0)
		str_grew(in, (size_t)n);
	return ERR_OK;
}

__attribute__((noinline)) static struct err
receive(struct postdrop *p)
{
	struct str in = STR_EMPTY;
	struct err e = create_file(p);

	TEST_POINT("postdrop-created");
	if (!err_is(e))
		tell_name(p);
	while (!err_is(e) && !p->intake.committed) {
		e = read_some(&in);
		if (!err_is(e))
			e = intake_feed(&p->intake, str_view(&in));
	}
	str_clear(&in);
	return err_is(e) ? e : commit_file(p);
}

static void
answer(const struct postdrop *p, struct err e)
{
	struct ipc_drop_done done = { .status = e.kind,
		.text = view_of(e.text),
		.queue_id = queue_id_view(&p->id) };

	tell(IPC_OUT(drop_done, &done));
}

static void
catch_signals(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM,
		SIGALRM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGPROF, SIGXCPU };
	struct sigaction sa = { .sa_handler = on_signal };
	sigset_t set;

	sigemptyset(&set);
	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		sigaddset(&set, signals[i]);
		sigaction(signals[i], &sa, NULL);
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/* Waits for the caller's end are not bounded: the file is its own. */
__attribute__((noinline)) static struct err
configure(struct postdrop *p, const char *dir)
{
	struct conf_light *conf;
	const char *queue;
	int64_t limit = 0, long_ids = 0;
	struct err e = ERR_OK;

	if (process_is_elevated())
		e = conf_light_check_dir(dir);
	if (!err_is(e))
		e = conf_light_load(dir, &conf);
	if (err_is(e))
		return e;
	e = conf_light_get(conf, "queue_directory", &queue, NULL);
	if (!err_is(e))
		e = conf_light_get(conf, "message_size_limit", NULL, &limit);
	if (!err_is(e))
		e = conf_light_get(
		    conf, "enable_long_queue_ids", NULL, &long_ids);
	if (!err_is(e))
		e = user_list_check(
		    conf, "authorized_submit_users", "submit mail");
	if (!err_is(e) && chdir(queue) < 0)
		e = err_sys(ERR_TEMP, "change to %s", queue);
	conf_light_free(conf);
	p->intake.size_limit = limit;
	p->long_ids = long_ids != 0;
	return e;
}

static const char *
parse_arguments(int argc, char **argv)
{
	const char *dir = NULL;
	bool asked = false;
	int c;

	while ((c = getopt(argc, argv, "+c:rv")) > 0)
		if (c == 'c')
			dir = optarg;
		else if (c == 'r')
			asked = true;
		else if (c != 'v')
			die_usage("usage: postdrop [-v] [-c config_dir] -r");
	if (!asked || optind < argc)
		die_usage("usage: postdrop [-v] [-c config_dir] -r");
	return dir;
}

int
main(int argc, char **argv)
{
	static struct postdrop p = { .fd = -1 };
	const char *given;
	char *dir;
	struct err e;

	process_tidy_descriptors();
	log_open("postdrop");
	process_reset_signals();
	catch_signals();
	given = parse_arguments(argc, argv);
	if (given == NULL)
		given = secure_getenv("MAIL_CONFIG");
	dir = given != NULL ? xstrdup(given) : NULL;
	process_clean_environment();
	umask(022);
	p.group = getegid();
	p.own_group = getgid();
	use_group(p.own_group);
	intake_init(&p.intake, 0, on_content);
	p.buffer = STR_EMPTY;
	str_reserve(&p.buffer, QUEUE_PREAMBLE_LEN);
	memset(p.buffer.ptr, 0, QUEUE_PREAMBLE_LEN);
	str_grew(&p.buffer, QUEUE_PREAMBLE_LEN);
	e = configure(&p, dir);
	if (!err_is(e))
		e = receive(&p);
	if (err_is(e)) {
		remove_file(&p);
		openlog("postdrop", LOG_PID, LOG_MAIL);
		if (e.kind != ERR_GONE)
			syslog(LOG_WARNING, "warning: uid=%ld: %s",
			    (long)getuid(), e.text);
	} else {
		/* With the lock: now it is pickup's. */
		close(p.fd);
		wake_pickup(&p);
		TEST_POINT("postdrop-woken");
	}
	answer(&p, e);
	intake_clear(&p.intake);
	str_clear(&p.buffer);
	free(dir);
	return err_is(e) ? 75 : EXIT_SUCCESS;
}
