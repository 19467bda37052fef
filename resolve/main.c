/*
 * resolve: all DNS of Barid; the only process that looks into packets from
 * name servers.  What it reads (resolv.conf, hosts, the root's keys) it reads
 * before it drops its privileges; afterwards it sees no file at all, and is
 * replaced when one of them changes.
 */
#include "lib/base/log.h"
#include "lib/daemon/daemon.h"
#include "lib/run/loop.h"
#include "resolve/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 16 << 20, FILES = 2 };

static const struct sandbox_role resolve_role = {
	.name = "resolve",
	.identity = IDENTITY_RESOLVE,
	.root = ROOT_EMPTY,
	.calls = CALLS_STREAM | CALLS_ACCEPT | CALLS_INET | CALLS_RESOLVER,
};

/* A file as it was when it was read; held to see that it changed. */
struct held_file {
	int fd; /* -1: there was none */
	struct stat st;
};

static struct held_file files[FILES];

/* What of the file fits in memory; nothing if there is none. */
static void
read_file(const char *path, struct held_file *f, struct str *text)
{
	ssize_t n = 1;

	f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (f->fd < 0) {
		if (errno != ENOENT)
			log_warn("open %s: %s", path, strerror(errno));
		return;
	}
	if (fstat(f->fd, &f->st) < 0)
		die_temp("fstat %s: %s", path, strerror(errno));
	while (n > 0 && text->len < FILE_MAX) {
		n = read(f->fd, str_reserve(text, 65536), 65536);
		if (n > 0)
			str_grew(text, (size_t)n);
	}
	if (n < 0)
		log_warn("read %s: %s", path, strerror(errno));
}

static bool
files_changed(void *owner)
{
	(void)owner;
	for (int i = 0; i < FILES; i++) {
		struct stat st;

		if (files[i].fd < 0)
			continue;
		if (fstat(files[i].fd, &st) < 0 || st.st_nlink == 0 ||
		    st.st_size != files[i].st.st_size ||
		    st.st_mtim.tv_sec != files[i].st.st_mtim.tv_sec ||
		    st.st_mtim.tv_nsec != files[i].st.st_mtim.tv_nsec)
			return true;
	}
	return false;
}

static void
open_engine(const struct daemon *d, struct resolver *r)
{
	struct view test = view_of(d->conf->dns_test_server);
	struct str text = STR_EMPTY;
	struct servers servers;
	struct err e;

	read_file("/etc/resolv.conf", &files[0], &text);
	if (test.len == 0) {
		servers_parse(str_view(&text), &servers);
	} else {
		e = servers_parse_test(test, &servers);
		if (err_is(e))
			die_usage("dns_test_server: %s", e.text);
	}
	e = engine_open(&servers, &r->engine);
	if (err_is(e))
		die_temp("%s", e.text);
	str_clear(&text);
}

static void
open_hosts(struct resolver *r)
{
	struct str text = STR_EMPTY;

	read_file("/etc/hosts", &files[1], &text);
	hosts_parse(&r->hosts, str_view(&text));
	str_clear(&text);
}

int
main(int argc, char **argv)
{
	struct resolver resolver;
	struct daemon d;

	daemon_start(&d, "resolve", argc, argv);
	open_engine(&d, &resolver);
	open_hosts(&resolver);
	daemon_drop(&d, &resolve_role);
	if (!loop_is_on())
		loop_init();
	engine_start(resolver.engine);
	daemon_watch_tables(&d, files_changed, NULL);
	return daemon_serve_ipc(&d, ask_handlers, &resolver);
}
