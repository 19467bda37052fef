/* The process that writes mailboxes: see child.h. */
#include "local/child.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/mail/mbox.h"
#include "lib/run/sandbox.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* More than this is written at once. */
enum { WRITE_STEP = 128 << 10 };

/* --- answers --- */

static void
set_text(struct child_answer *a, enum child_status status, const char *dsn,
    struct view text)
{
	struct str clean = STR_EMPTY;

	*a = (struct child_answer){ .magic = WIRE_MAGIC, .status = status };
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
write_out(struct child *c, const struct child_job *job, int fd,
    struct child_answer *a)
{
	struct view v = str_view(&c->out);

	while (v.len > 0) {
		ssize_t n = write(fd, v.ptr, v.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			child_answer_errno(
			    a, "4.3.0", "write %s/%s", job->base, job->path);
			return false;
		}
		v = view_skip(v, (size_t)n);
	}
	str_reset(&c->out);
	return true;
}

bool
child_write(struct child *c, const struct child_job *job,
    struct content *content, int fd, unsigned flags, struct child_answer *a)
{
	struct mbox_filter filter;

	mbox_filter_init(&filter, flags, VIEW_EMPTY);
	str_set(&c->out, job->head);
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
		if (c->out.len >= WRITE_STEP && !write_out(c, job, fd, a))
			return false;
	}
	mbox_filter_finish(&filter, &c->out);
	return write_out(c, job, fd, a);
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
}

void
child_init(struct child *c, const struct child_site *site, uid_t uid)
{
	*c = (struct child){ .site = site,
		.uid = uid,
		.out = STR_EMPTY,
		.window = xmalloc(CONTENT_WINDOW) };
}

void
child_clear(struct child *c)
{
	maildirs_free(c->maildirs);
	str_clear(&c->out);
	free(c->window);
}

/* --- the process --- */

static struct err
become(const struct child_site *site, const struct child_identity *who)
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
	e = sandbox_become_user(who->uid, who->gid, who->name,
	    CALLS_STREAM | CALLS_FILE_READ | CALLS_MAILBOX);
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

static void
serve_one(struct child *c, struct view packet, const int fds[],
    const struct err *refused, struct child_answer *a)
{
	struct child_job job;
	struct err e = child_request_read(packet, &job);

	if (err_is(*refused))
		child_answer_set(a, CHILD_TEMP, "4.3.5", "%s", refused->text);
	else if (err_is(e))
		child_answer_set(a, CHILD_TEMP, "4.3.5", "%s", e.text);
	else if (fds[0] < 0)
		child_answer_set(
		    a, CHILD_TEMP, "4.3.5", "request without a descriptor");
	else
		child_deliver(c, &job, fds[0],
		    (job.flags & CHILD_HAS_MBOX) != 0 ? fds[1] : -1, a);
}

void
child_run(
    const struct child_site *site, const struct child_identity *who, int fd)
{
	char *packet = xmalloc(CHILD_REQUEST_MAX);
	struct err refused = become(site, who), e;
	struct child child;

	child_init(&child, site, who->uid);
	if (site->idle > 0 && !err_is(refused))
		refused = wire_limit_wait(fd, site->idle * 1000);
	do {
		struct child_answer a = { .magic = WIRE_MAGIC };
		int fds[WIRE_FDS_MAX];
		size_t len;

		e = wire_receive(fd, packet, CHILD_REQUEST_MAX, &len, fds);
		if (err_is(e))
			break;
		serve_one(&child, view_make(packet, len), fds, &refused, &a);
		for (size_t i = 0; i < WIRE_FDS_MAX; i++)
			if (fds[i] >= 0)
				close(fds[i]);
		e = wire_send(fd, &a, sizeof(a), VIEW_EMPTY, NULL, 0);
	} while (!err_is(e) && !err_is(refused));
	child_clear(&child);
	free(packet);
}
