/* The process that writes mailboxes: see child.h. */
#include "local/child.h"

#include "lib/base/clock.h"
#include "lib/base/htable.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/surplus.h"
#include "lib/mail/mbox.h"
#include "local/store.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* What stays allocated between messages: after a large one comes another. */
enum { OUT_KEPT = 1 << 20 };

/* --- answers --- */

static void
set_text(struct child_answer *a, enum child_status status, const char *dsn,
    struct view text)
{
	struct str clean = STR_EMPTY;

	*a = (struct child_answer){ .status = status };
	log_clean(&clean, text, sizeof(a->text) - 1);
	memcpy(a->text, clean.ptr, clean.len);
	memcpy(a->dsn, dsn, strnlen(dsn, sizeof(a->dsn) - 1));
	str_clear(&clean);
}

void
child_answer_set(struct child_answer *a, enum child_status status,
    const char *dsn, const char *format, ...)
{
	struct str text = STR_EMPTY;
	va_list ap;

	va_start(ap, format);
	str_vaddf(&text, format, ap);
	va_end(ap);
	set_text(a, status, dsn, str_view(&text));
	str_clear(&text);
}

void
child_answer_errno(
    struct child_answer *a, const char *dsn, const char *format, ...)
{
	int why = errno;
	struct str text = STR_EMPTY;
	va_list ap;

	va_start(ap, format);
	str_vaddf(&text, format, ap);
	va_end(ap);
	str_addf(&text, ": %s", strerror(why));
	if (why == EFBIG)
		dsn = "5.2.2";
	else if (why == ENOSPC || why == EDQUOT)
		dsn = "4.2.2";
	set_text(
	    a, dsn[0] == '5' ? CHILD_PERM : CHILD_TEMP, dsn, str_view(&text));
	str_clear(&text);
}

/* --- writing --- */

static bool
could_not_write(const struct child_job *job, struct child_answer *a)
{
	child_answer_errno(a, "4.3.0", "write %s/%s", job->base, job->path);
	return false;
}

bool
child_write(struct child *c, const struct child_job *job,
    struct content *content, int fd, unsigned flags, struct child_answer *a)
{
	struct mbox_filter filter;
	struct store store;

	mbox_filter_init(&filter, flags, VIEW_EMPTY);
	store_begin(&store, &c->out, fd, content->size,
	    job->kind == CHILD_MAILDIR);
	str_add(&c->out, job->head);
	content_rewind(content);
	for (;;) {
		struct view piece;
		struct err e = content_next(content, &piece);

		if (err_is(e)) {
			child_answer_set(a, CHILD_TEMP, "4.3.0", "%s", e.text);
			return false;
		}
		if (piece.len == 0)
			break;
		mbox_filter_feed(&filter, piece, &c->out);
		if (!store_some(&store))
			return could_not_write(job, a);
	}
	mbox_filter_finish(&filter, &c->out);
	return store_finish(&store) || could_not_write(job, a);
}

/* --- one job --- */

/* The header of a message that comes back to us names us. */
static bool
is_loop(const struct child_job *job, struct content *content,
    struct child_answer *a)
{
	bool yes = false;
	struct err e;

	if (job->loop[0] == '\0')
		return false;
	e = content_was_delivered_to(content, view_of(job->loop), &yes);
	if (err_is(e))
		child_answer_set(a, CHILD_TEMP, "4.3.0", "%s", e.text);
	else if (yes)
		child_answer_set(a, CHILD_PERM, "5.4.6",
		    "mail forwarding loop for %s", job->loop);
	return yes || err_is(e);
}

void
child_deliver(struct child *c, const struct child_job *job, int fd, int mbox,
    struct child_answer *a)
{
	struct content content;
	struct err e = content_open(&content, fd, job->layout, c->window);

	if (err_is(e)) {
		child_answer_set(a, CHILD_TEMP, "4.3.0", "%s", e.text);
		return;
	}
	if (is_loop(job, &content, a))
		return;
	if (job->kind == CHILD_MAILDIR)
		maildir_deliver(c, job, &content, a);
	else
		mbox_deliver(c, job, &content, mbox, a);
	if (c->out.room > OUT_KEPT)
		str_clear(&c->out);
}

void
child_init(struct child *c, const struct child_site *site, uid_t uid,
    struct maildirs *maildirs)
{
	*c = (struct child){ .site = site,
		.uid = uid,
		.maildirs = maildirs,
		.out = STR_EMPTY,
		.window = xmalloc(CONTENT_WINDOW) };
}

void
child_clear(struct child *c)
{
	str_clear(&c->out);
	free(c->window);
}

/* --- the process --- */

static struct err
become(const struct child_site *site, const struct sandbox_ids *who)
{
	struct err e;

	if (site->size_limit > 0) {
		struct rlimit r = { (rlim_t)site->size_limit,
			(rlim_t)site->size_limit };

		if (setrlimit(RLIMIT_FSIZE, &r) < 0)
			return err_sys(ERR_TEMP, "limit the size of files");
	}
	if (chdir("/") < 0)
		return err_sys(ERR_TEMP, "change to /");
	e = sandbox_become_user(who,
	    CALLS_STREAM | CALLS_FILE_READ | CALLS_MAILBOX | CALLS_THREAD);
	if (err_is(e))
		return e;
	if (getuid() != who->uid || geteuid() != who->uid || geteuid() == 0)
		return err_make(
		    ERR_PERM, "become uid %ld: refused", (long)who->uid);
	/* After the change of identity, which would have cleared it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return err_sys(ERR_TEMP, "die with the parent");
	return ERR_OK;
}

/* --- its threads --- */

/* As many deliveries at once as the service may have, by default; each waits
 * for the disk most of the time. */
enum { CHILD_THREADS_MAX = 100, CHILD_STACK = 256 * 1024 };

static struct {
	const struct child_site *site;
	uid_t uid;
	int fd;
	struct err refused; /* why nothing can be delivered */
	struct maildirs *maildirs;
	pthread_mutex_t lock;
	size_t n_threads, n_idle;
	struct surplus surplus; /* of the idle ones */
	size_t n_needless;	/* so many are to end */
} process = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void *thread_main(void *arg);

/* With the lock held.  If there can be no other, we are slower. */
static void
start_thread(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, old;

	sigfillset(&all);
	/* A forbidden call is told where it is made: seccomp_sets.c. */
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, CHILD_STACK);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attr, thread_main, NULL) == 0) {
		process.n_threads++;
		process.n_idle++;
	}
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* We have work: somebody must wait for the next request. */
static void
leave_idle(void)
{
	pthread_mutex_lock(&process.lock);
	surplus_note(&process.surplus, --process.n_idle);
	if (process.n_idle == 0 && process.n_threads < CHILD_THREADS_MAX &&
	    !err_is(process.refused))
		start_thread();
	pthread_mutex_unlock(&process.lock);
}

/* False if this thread is not needed any more; the first is.  The kernel gives
 * requests to who waits longest, so that none is ever idle for long; but one must
 * be. */
static bool
become_idle(bool is_first)
{
	size_t n;
	bool needed;

	pthread_mutex_lock(&process.lock);
	process.n_idle++;
	n = surplus_due(&process.surplus, process.n_idle, clock_ms());
	if (n > 0)
		process.n_needless = n - 1;
	needed = is_first || process.n_needless == 0 || process.n_idle <= 1;
	if (!needed)
		process.n_needless--;
	pthread_mutex_unlock(&process.lock);
	return needed;
}

/*
 * True if this thread is to end: it must, or nothing came for a while and it is
 * not needed.  The first thread is the last, and takes the process with it; a
 * request that comes too late for it is unread, and the front asks for another
 * process.  Whoever still writes a mailbox finishes it first.
 */
static bool
leave(bool is_first, bool must)
{
	bool yes, is_last = false;

	pthread_mutex_lock(&process.lock);
	yes = must ||
	    (is_first ? process.n_threads == 1 : process.n_idle > 1);
	if (yes) {
		surplus_note(&process.surplus, --process.n_idle);
		is_last = --process.n_threads == 0;
	}
	pthread_mutex_unlock(&process.lock);
	if (is_last)
		_exit(0);
	return yes;
}

static void
do_job(struct child *c, struct view packet, const int fds[],
    struct child_answer *a)
{
	struct child_job job;
	struct err e = child_request_read(packet, &job);

	if (err_is(process.refused))
		child_answer_set(
		    a, CHILD_TEMP, "4.3.5", "%s", process.refused.text);
	else if (err_is(e))
		child_answer_set(a, CHILD_TEMP, "4.3.5", "%s", e.text);
	else if (fds[0] < 0)
		child_answer_set(
		    a, CHILD_TEMP, "4.3.5", "request without a descriptor");
	else
		child_deliver(c, &job, fds[0],
		    (job.flags & CHILD_HAS_MBOX) != 0 ? fds[1] : -1, a);
}

/* Until the socket ends; ERR_TIME if nothing comes for too long, or others are
 * enough for what comes. */
static struct err
serve(struct child *c, char *packet, bool is_first)
{
	struct err e;

	do {
		struct child_answer a = { .status = CHILD_TEMP };
		int fds[WIRE_FDS_MAX];
		uint32_t number;
		size_t len;
		bool is_needed;

		e = wire_receive(process.fd, &number, packet,
		    CHILD_REQUEST_MAX, &len, fds);
		if (err_is(e))
			break;
		leave_idle();
		do_job(c, view_make(packet, len), fds, &a);
		for (size_t i = 0; i < WIRE_FDS_MAX; i++)
			if (fds[i] >= 0)
				close(fds[i]);
		is_needed = become_idle(is_first);
		e = wire_send(process.fd, number, view_make(&a, sizeof(a)),
		    NULL, 0);
		if (!err_is(e) && !is_needed)
			e = err_make(ERR_TIME, "others are enough");
	} while (!err_is(e) && !err_is(process.refused));
	return e;
}

/* arg is not NULL in the first one. */
static void *
thread_main(void *arg)
{
	bool is_first = arg != NULL;
	char *packet = xmalloc(CHILD_REQUEST_MAX);
	struct child child;
	struct err e;

	child_init(&child, process.site, process.uid, process.maildirs);
	do
		e = serve(&child, packet, is_first);
	while (!leave(is_first, e.kind != ERR_TIME));
	child_clear(&child);
	free(packet);
	return NULL;
}

void
child_run(
    const struct child_site *site, const struct sandbox_ids *who, int fd)
{
	process.site = site;
	process.uid = who->uid;
	process.fd = fd;
	process.refused = become(site, who);
	process.maildirs = maildirs_new();
	process.n_threads = process.n_idle = 1;
	/* Its secret is made by the first who asks: not by two threads. */
	hash_bytes(VIEW_EMPTY);
	if (site->idle > 0 && !err_is(process.refused))
		process.refused = wire_limit_wait(fd, site->idle * 1000);
	thread_main(&process);
	pthread_exit(NULL);
}
