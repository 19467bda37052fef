/*
 * What servers of tables answer, from foreign bytes, and cdb: files: the first
 * byte chooses the type, the rest is the answer (or the file).  A thread plays
 * the server: it says all of it to whoever connects, and leaves.  Directories are
 * asked by libldap, if that is there.
 */
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/table/create.h"
#include "lib/table/dbhosts.h"
#include "lib/table/module.h"
#include "lib/table/query.h"
#include "lib/table/share.h"
#include "lib/table/table.h"

#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SOCKETMAP, TCP, REDIS, REDIS_LOGIN, MEMCACHE, CDB, SHARE, LDAP, N_KINDS };

/* How a value that was found must begin. */
static const struct kind {
	const char *type, *format, *begins;
} kinds[N_KINDS] = {
	[SOCKETMAP] = { "socketmap", "socketmap:unix:%s/s:map", NULL },
	[TCP] = { "tcp", NULL, "200 " },
	[REDIS] = { "redis", "redis:{hosts=unix:%s/s}", NULL },
	[REDIS_LOGIN] = { "redis",
	    "redis:{hosts=unix:%s/s,user=u,password=p,database=2}", "+" },
	[MEMCACHE] = { "memcache", "memcache:{memcache=unix:%s/s}", "VALUE " },
	[CDB] = { "cdb", "cdb:%s/f", NULL },
	[SHARE] = { "redis", "redis:{hosts=unix:%s/s}", NULL },
	[LDAP] = { "ldap", NULL, NULL },
};

#ifdef HAVE_LDAP
/* It is a part of this program, in place of what lib/table/module.c loads. */
extern struct table_module table_module;

static bool
wait_left(int fd, short events, int64_t left_ms)
{
	struct pollfd p = { fd, events, 0 };

	return left_ms > 0 && poll(&p, 1, (int)left_ms) > 0;
}

struct err
module_load(const char *name, const struct table_module **out)
{
	table_module.wait = wait_left;
	*out = &table_module;
	return strcmp(name, "ldap") == 0 ? ERR_OK
					 : err_make(ERR_PERM, "load %s", name);
}

bool
module_is_there(const char *name)
{
	return strcmp(name, "ldap") == 0;
}

/* libldap never frees a notice of disconnection (RFC 4511, 4.4.1) that it read;
 * whose a leak there is, the stack does not say. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:liblber\n";
}

/* It asserts that such a notice, or what could be one, has a name: [10]. */
static bool
libldap_aborts(struct view v)
{
	for (size_t at; (at = view_find(v, '\x8a')) != VIEW_NPOS;) {
		size_t n = 0, zeros = 0;

		v = view_skip(v, at + 1);
		/* The length itself, or how many bytes of it there are. */
		if (v.len > 0)
			n = (unsigned char)v.ptr[0];
		n = n > 0x80 ? n - 0x80 : 0;
		while (zeros < n && zeros + 1 < v.len &&
		    v.ptr[zeros + 1] == '\0')
			zeros++;
		if (v.len > 0 && zeros == n && (n > 0 || v.ptr[0] == '\0'))
			return true;
	}
	return false;
}
#else
static bool
libldap_aborts(struct view v)
{
	(void)v;
	return false;
}
#endif

static char dir[] = "/tmp/fuzz-server.XXXXXX";
static int listeners[2];
static unsigned port;

/* Of the input that is being tried. */
static struct view answer;
/* The same for the threads: who asked may have left, and the input with it. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct str said = { str_nothing, 0, 0 };

static void
remove_files(void)
{
	struct str path = STR_EMPTY;

	str_printf(&path, "%s/s", dir);
	unlink(path.ptr);
	str_printf(&path, "%s/f.cdb", dir);
	unlink(path.ptr);
	rmdir(dir);
	str_clear(&path);
}

static void
serve_one(int fd)
{
	struct str mine = STR_EMPTY;
	struct view rest;
	char drop[4096];

	pthread_mutex_lock(&lock);
	str_set(&mine, str_view(&said));
	pthread_mutex_unlock(&lock);
	rest = str_view(&mine);
	while (rest.len > 0) {
		ssize_t n = send(fd, rest.ptr, rest.len, MSG_NOSIGNAL);

		if (n <= 0)
			break;
		rest = view_skip(rest, (size_t)n);
	}
	shutdown(fd, SHUT_WR);
	while (recv(fd, drop, sizeof(drop), 0) > 0)
		;
	close(fd);
	str_clear(&mine);
}

static void *
serve(void *arg)
{
	const int *listener = arg;

	for (;;) {
		int fd = accept(*listener, NULL, NULL);

		if (fd >= 0)
			serve_one(fd);
	}
	return NULL;
}

static int
listen_unix(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/s", dir);
	assert(bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	assert(listen(fd, 100) == 0);
	return fd;
}

static int
listen_inet(void)
{
	struct sockaddr_storage addr = { .ss_family = AF_INET };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert(listen(fd, 100) == 0); /* on a port of the kernel's choice */
	assert(getsockname(fd, (struct sockaddr *)&addr, &len) == 0);
	/* Behind the family, in this order of bytes. */
	port = (unsigned)((const unsigned char *)&addr)[2] << 8 |
	    ((const unsigned char *)&addr)[3];
	return fd;
}

/* Answers that mean nothing are warned of, which is not looked for. */
static void
hush(void)
{
	static bool done;

	if (!done)
		log_take_socket(open("/dev/null", O_WRONLY | O_CLOEXEC));
	done = true;
}

static void
begin(void)
{
	static bool begun;

	if (begun)
		return;
	begun = true;
	assert(mkdtemp(dir) != NULL);
	atexit(remove_files);
	listeners[0] = listen_unix();
	listeners[1] = listen_inet();
	for (size_t i = 0; i < 2; i++) {
		pthread_t thread;

		assert(pthread_create(&thread, NULL, serve, &listeners[i]) == 0);
	}
	hush();
}

static void
write_file(struct view content)
{
	struct str path = STR_EMPTY;
	int fd;

	str_printf(&path, "%s/f.cdb", dir);
	fd = open(path.ptr, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert(fd >= 0);
	assert(write(fd, content.ptr, content.len) == (ssize_t)content.len);
	close(fd);
	str_clear(&path);
}

/* All pairs: it must end, since each is in the file. */
static void
list(struct table *t, size_t size)
{
	struct str key = STR_EMPTY, value = STR_EMPTY;
	bool more = true;
	size_t n = 0;

	for (bool first = true; more; first = false) {
		if (err_is(table_next(t, first, &key, &value, &more)))
			break;
		n += more;
		assert(n <= size / 8);
	}
	str_clear(&key);
	str_clear(&value);
}

static void
ask(const struct kind *kind, struct table *t)
{
	struct str value = STR_EMPTY;
	bool found;
	struct err e = table_find(t, VIEW("key"), &value, &found);

	assert(!found || !err_is(e));
	assert(!err_is(e) || e.kind == ERR_TEMP);
	if (found && kind->begins != NULL)
		assert(view_starts(answer, view_of(kind->begins)));
	assert(value.len <= answer.len);
	/* A server that was useless is passed over for a while: not here. */
	dbhosts_forget();
	str_clear(&value);
}

/* One question of each kind at a time: what comes of it is within its bounds, or
 * nothing. */
static void
ask_share(struct view spec)
{
	struct str answers[SHARE_VERBS];
	struct share_question questions[SHARE_VERBS], *all[SHARE_VERBS];
	struct share *s;

	assert(!err_is(share_open(spec, &s)));
	for (int i = 0; i < SHARE_VERBS; i++) {
		str_init(&answers[i]);
		questions[i] = (struct share_question){ .verb =
			    (enum share_verb)i,
			.key = VIEW("key"), .value = VIEW("value"),
			.life = 1, .window = 60, .amount = 1, .limit = 5,
			.answer = &answers[i] };
		all[i] = &questions[i];
	}
	share_ask(s, all, SHARE_VERBS);
	for (int i = 0; i < SHARE_VERBS; i++) {
		const struct share_question *q = all[i];

		assert(!err_is(q->e) || q->e.kind == ERR_TEMP);
		assert(answers[i].len <= SHARE_VALUE_MAX);
		if (!err_is(q->e) && i == SHARE_GET)
			assert(q->done == (answers[i].len > 0));
		if (!err_is(q->e) && i == SHARE_COUNT)
			assert(q->count >= 0 && q->done == (q->count < 5));
		str_clear(&answers[i]);
	}
	share_close(s);
	dbhosts_forget();
}

/* What is asked; in the formats %s is the folder. */
static void
write_spec(const struct kind *kind, struct str *spec)
{
	struct view rest;
	size_t at;

	if (kind == &kinds[TCP]) {
		str_printf(spec, "tcp:127.0.0.1:%u", port);
		return;
	}
	if (kind == &kinds[LDAP]) {
		/* A folder's name in a URL; the key in a filter. */
		str_printf(spec,
		    "ldap:{server_host=ldapi://%%2Ftmp%%2F%s%%2Fs, "
		    "{search_base=dc=test}, query_filter=(mail=%%s), "
		    "result_attribute=mail, special_result_attribute=member}",
		    dir + strlen("/tmp/"));
		return;
	}
	rest = view_of(kind->format);
	while ((at = view_find_text(rest, VIEW("%s"))) != VIEW_NPOS) {
		str_add(spec, view_first(rest, at));
		str_add_text(spec, dir);
		rest = view_skip(rest, at + 2);
	}
	str_add(spec, rest);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str spec = STR_EMPTY;
	const struct kind *kind;
	struct table *t;

	begin();
	if (size == 0)
		return 0;
	kind = &kinds[data[0] % N_KINDS];
	answer = view_make(data + 1, size - 1);
	if (kind == &kinds[LDAP] && libldap_aborts(answer))
		return 0;
	pthread_mutex_lock(&lock);
	str_set(&said, answer);
	pthread_mutex_unlock(&lock);
	write_spec(kind, &spec);
	if (kind == &kinds[CDB])
		write_file(answer);
	if (kind == &kinds[SHARE]) {
		ask_share(str_view(&spec));
	} else if (!err_is(table_open(str_view(&spec), 0, &t))) {
		ask(kind, t);
		/* Once more: what was left over is nobody's. */
		ask(kind, t);
		if (kind == &kinds[CDB])
			list(t, size);
		table_close(t);
	}
	str_clear(&spec);
	return 0;
}
