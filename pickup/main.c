/*
 * pickup: takes what sendmail left in maildrop, and gives it to cleanup.  It
 * reads files that any user may have made, and so opens nothing else.
 */
#include "pickup/pickup.h"

#include "lib/base/log.h"
#include "lib/daemon/daemon.h"
#include "lib/mail/override.h"
#include "lib/mail/queue_disk.h"
#include "lib/run/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static const struct sandbox_path paths[] = {
	{ "maildrop", true },
	{ "corrupt", true },
	{ NULL, false },
};

static const struct sandbox_role pickup_role = {
	.name = "pickup",
	.identity = IDENTITY_QUEUE,
	.root = ROOT_NONE,
	.calls = CALLS_THREAD | CALLS_STREAM | CALLS_CONNECT | CALLS_ACCEPT |
	    CALLS_QUEUE,
	.paths = paths,
};

/* postdrop has something, and perhaps says its name; that may be anything, as
 * may the file. */
static void
on_wake(int fd, void *owner)
{
	char text[QUEUE_ID_MAX];
	ssize_t n = recv(fd, text, sizeof(text), MSG_DONTWAIT);

	close(fd);
	scan_hint(owner, view_make(text, n > 0 ? (size_t)n : 0));
}

static bool
detects_utf8(const struct conf *conf)
{
	struct view rest = view_of(conf->smtputf8_autodetect_classes), item;

	while (conf->smtputf8_enable && conf_list_next(&rest, &item))
		if (view_eq_case(item, VIEW("sendmail")) ||
		    view_eq_case(item, VIEW("all")))
			return true;
	return false;
}

/* Half a submission would be one twice. */
static void
on_drain(void *owner)
{
	scan_drain(owner);
}

/* One pickup at a time: a successor waits for its predecessor's end. */
static void
lock_maildrop(void)
{
	int fd = open(
	    "pid/pickup.lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		die_temp("open pid/pickup.lock: %s", strerror(errno));
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			die_temp("lock pid/pickup.lock: %s", strerror(errno));
}

int
main(int argc, char **argv)
{
	static struct pickup p;
	struct override override;
	struct daemon d;
	struct err e;

	daemon_start(&d, "pickup", argc, argv);
	p.conf = d.conf;
	p.slot = d.slot;
	p.autodetect_utf8 = detects_utf8(d.conf);
	e = override_parse(d.conf->receive_override_options, &override);
	if (err_is(e))
		die_temp("%s", e.text);
	p.override_flags = override.flags;
	lock_maildrop();
	daemon_service(&d, d.conf->cleanup_service_name, &p.cleanup);
	daemon_service(&d, "bounce", &p.bounce);
	queue_disk_learn();
	daemon_drop(&d, &pickup_role);
	p.own_uid = geteuid();
	loop_init();
	for (size_t i = 0; i < d.n_listeners; i++)
		daemon_listen(&d, i, on_wake, &p);
	daemon_on_drain(&d, on_drain, &p);
	scan_start(&p);
	return daemon_run(&d);
}
