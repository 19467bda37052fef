/*
 * The sockets of services.  master alone opens them, and keeps them open while
 * processes come and go, so that no client is ever refused.
 */
#include "master/service.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
	LISTEN_BACKLOG = 4096,
	/* The processes of a master that was killed may take a moment to
	 * notice it, and hold its addresses. */
	IN_USE_MS = 2000,
	IN_USE_POLL_MS = 50,
};

/* What a new socket in the file system is called at first. */
#define SOCKET_NEW ".new"

#define WHERE "%s, line %d: service %s: "
#define WHERE_ARGS(s) (s)->cf->file, (s)->cf->line, (s)->cf->name

static struct err
add_socket(struct service *s, const char *address, int type, int fd)
{
	struct service_socket *k;

	if (fd < 0)
		return err_sys(
		    ERR_TEMP, WHERE "keep %s", WHERE_ARGS(s), address);
	if (s->n_sockets == SERVICE_SOCKETS_MAX) {
		close(fd);
		return err_make(ERR_PERM, WHERE "more than %d addresses",
		    WHERE_ARGS(s), SERVICE_SOCKETS_MAX);
	}
	k = &s->sockets[s->n_sockets++];
	*k = (struct service_socket){
		.address = xstrdup(address), .type = type, .fd = fd
	};
	return ERR_OK;
}

static struct service_socket *
find_socket(struct service *s, const char *address)
{
	for (size_t i = 0; i < s->n_sockets; i++)
		if (s->sockets[i].fd >= 0 &&
		    strcmp(s->sockets[i].address, address) == 0)
			return &s->sockets[i];
	return NULL;
}

struct service *
service_find_address(struct list *services, const char *address)
{
	LIST_EACH (it, after, services) {
		struct service *s = LIST_ITEM(it, struct service, node);

		if (find_socket(s, address) != NULL)
			return s;
	}
	return NULL;
}

/* The socket of a service in force, whatever its name, at this address. */
static struct service_socket *
find_in_force(const char *address, int type)
{
	struct service *s = service_find_address(&master.services, address);
	struct service_socket *k = NULL;

	if (s != NULL)
		k = find_socket(s, address);
	return k != NULL && k->type == type ? k : NULL;
}

/* Two lines with one address. */
static struct err
check_address(struct service *s, struct list *made, const char *address)
{
	struct service *other = service_find_address(made, address);

	if (other == NULL || other == s)
		return ERR_OK;
	return err_make(ERR_PERM, WHERE "%s is that of line %d, service %s",
	    WHERE_ARGS(s), address, other->cf->line, other->cf->name);
}

static struct err
share_socket(struct service *s, const struct service_socket *k)
{
	struct err e = add_socket(
	    s, k->address, k->type, fcntl(k->fd, F_DUPFD_CLOEXEC, 0));

	if (!err_is(e))
		s->sockets[s->n_sockets - 1].shared = true;
	return e;
}

/* --- in the file system --- */

static struct err
bind_unix(struct service *s, const char *path, int type, int *fd)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct err e = ERR_OK;
	int n = snprintf(
	    addr.sun_path, sizeof(addr.sun_path), "%s" SOCKET_NEW, path);

	if (n < 0 || (size_t)n >= sizeof(addr.sun_path))
		return err_make(ERR_PERM, WHERE "name too long", WHERE_ARGS(s));
	*fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd < 0)
		return err_sys(ERR_TEMP, WHERE "socket", WHERE_ARGS(s));
	unlink(addr.sun_path);
	/* The folder's mode says who may connect: see privileges. */
	umask(0);
	if (bind(*fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    (type == SOCK_STREAM && listen(*fd, LISTEN_BACKLOG) < 0)) {
		e = err_sys(
		    ERR_TEMP, WHERE "listen on %s", WHERE_ARGS(s), path);
		close(*fd);
	}
	umask(077);
	return e;
}

static struct err
listen_unix(struct service *s, struct list *made, const char *path, int type)
{
	const struct service_socket *k = find_in_force(path, type);
	struct err e = check_address(s, made, path);
	int fd;

	if (err_is(e))
		return e;
	if (k != NULL)
		return share_socket(s, k);
	e = bind_unix(s, path, type, &fd);
	if (!err_is(e))
		e = add_socket(s, path, type, fd);
	if (!err_is(e))
		s->sockets[s->n_sockets - 1].unborn = true;
	return e;
}

static struct err
listen_unix_both(struct service *s, struct list *made, int type)
{
	char path[256];
	struct err e;

	snprintf(path, sizeof(path), "private/%s", s->cf->name);
	e = listen_unix(s, made, path, type);
	if (err_is(e) || s->cf->is_private)
		return e;
	snprintf(path, sizeof(path), "public/%s", s->cf->name);
	return listen_unix(s, made, path, type);
}

static void
name_new_socket(const char *path, struct str *new)
{
	str_printf(new, "%s" SOCKET_NEW, path);
}

/* --- internet --- */

static in_port_t
port_of(int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);

	if (getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		return 0;
	return addr.ss_family == AF_INET
	    ? ((struct sockaddr_in *)(void *)&addr)->sin_port
	    : addr.ss_family == AF_INET6
	    ? ((struct sockaddr_in6 *)(void *)&addr)->sin6_port
	    : 0;
}

static void
set_overlap(int fd, bool on)
{
	int value = on;

	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &value, sizeof(value));
}

/* A socket of ours in force may be in the way of one that is to take its
 * place: 0.0.0.0 of 127.0.0.1.  For a moment both may be there. */
static void
set_overlap_in_force(in_port_t port, bool on)
{
	LIST_EACH (it, after, &master.services) {
		struct service *s = LIST_ITEM(it, struct service, node);

		for (size_t i = 0; i < s->n_sockets; i++)
			if (s->cf->type == MASTER_INET &&
			    s->sockets[i].fd >= 0 &&
			    port_of(s->sockets[i].fd) == port)
				set_overlap(s->sockets[i].fd, on);
	}
}

static int
bind_over(int fd, const struct addrinfo *ai)
{
	in_port_t port = ai->ai_family == AF_INET
	    ? ((struct sockaddr_in *)(void *)ai->ai_addr)->sin_port
	    : ((struct sockaddr_in6 *)(void *)ai->ai_addr)->sin6_port;
	int code;

	set_overlap(fd, true);
	set_overlap_in_force(port, true);
	code = bind(fd, ai->ai_addr, ai->ai_addrlen);
	if (code == 0)
		code = listen(fd, LISTEN_BACKLOG);
	set_overlap(fd, false);
	set_overlap_in_force(port, false);
	return code;
}

static int
bind_inet(int fd, const struct addrinfo *ai)
{
	static int64_t deadline;
	struct timespec pause = { .tv_nsec = IN_USE_POLL_MS * 1000000L };
	bool starting = list_is_empty(&master.services);

	if (deadline == 0)
		deadline = deadline_in_ms(IN_USE_MS);
	for (;;) {
		if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 &&
		    listen(fd, LISTEN_BACKLOG) == 0)
			return 0;
		if (errno != EADDRINUSE)
			return -1;
		if (!starting)
			return bind_over(fd, ai);
		if (deadline_left(deadline) == 0) {
			errno = EADDRINUSE;
			return -1;
		}
		nanosleep(&pause, NULL);
	}
}

static struct err
listen_inet(struct service *s, struct list *made, const struct addrinfo *ai)
{
	char host[64], port[16], address[96];
	const struct service_socket *k;
	struct err e;
	int one = 1;
	int fd;

	getnameinfo(ai->ai_addr, ai->ai_addrlen, host, sizeof(host), port,
	    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(address, sizeof(address), "[%s]:%s", host, port);
	/* A host's name may stand for an address twice. */
	if (find_socket(s, address) != NULL)
		return ERR_OK;
	e = check_address(s, made, address);
	if (err_is(e))
		return e;
	k = find_in_force(address, SOCK_STREAM);
	if (k != NULL)
		return share_socket(s, k);
	fd = socket(
	    ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(ERR_TEMP, WHERE "socket", WHERE_ARGS(s));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (ai->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind_inet(fd, ai) < 0) {
		e = err_sys(errno == EADDRNOTAVAIL ? ERR_GONE : ERR_TEMP,
		    WHERE "listen on %s port %s", WHERE_ARGS(s), host, port);
		close(fd);
		return e;
	}
	return add_socket(s, address, SOCK_STREAM, fd);
}

static int
wanted_family(const struct conf *conf)
{
	bool v4 = strstr(conf->inet_protocols, "ipv4") != NULL ||
	    strcmp(conf->inet_protocols, "all") == 0;
	bool v6 = strstr(conf->inet_protocols, "ipv6") != NULL ||
	    strcmp(conf->inet_protocols, "all") == 0;

	return v4 && v6 ? AF_UNSPEC : v6 ? AF_INET6 : AF_INET;
}

static bool
has_ipv6(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0 || errno != EAFNOSUPPORT;
}

/* All addresses of one host (NULL: any). */
static struct err
listen_host(struct service *s, struct list *made, const char *host)
{
	struct addrinfo hints = { .ai_family = wanted_family(master.conf),
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE };
	struct addrinfo *list;
	struct err absent = ERR_OK, e = ERR_OK;
	size_t before = s->n_sockets;
	int code;

	if (hints.ai_family == AF_UNSPEC && !has_ipv6())
		hints.ai_family = AF_INET;
	code = getaddrinfo(host, s->cf->port, &hints, &list);
	if (code != 0)
		return err_make(ERR_PERM, WHERE "%s port %s: %s", WHERE_ARGS(s),
		    host != NULL ? host : "any address", s->cf->port,
		    gai_strerror(code));
	for (struct addrinfo *ai = list; ai != NULL && !err_is(e);
	     ai = ai->ai_next) {
		e = listen_inet(s, made, ai);
		/* A name may have an address that this machine has not:
		 * localhost that of IPv6. */
		if (e.kind == ERR_GONE) {
			absent = e;
			e = ERR_OK;
		}
	}
	freeaddrinfo(list);
	return !err_is(e) && s->n_sockets == before ? absent : e;
}

/* The service's own host, else each of inet_interfaces. */
static struct err
listen_inet_all(struct service *s, struct list *made)
{
	struct view rest = view_of(master.conf->inet_interfaces), item;

	if (s->cf->host != NULL)
		return listen_host(s, made, s->cf->host);
	if (view_eq_case(view_trim(rest), VIEW("all")))
		return listen_host(s, made, NULL);
	if (view_eq_case(view_trim(rest), VIEW("loopback-only")))
		rest = VIEW("localhost");
	while (view_token(&rest, ", \t\r\n", &item)) {
		char *host = xstrndup(item.ptr, item.len);
		size_t len = strlen(host);
		struct err e;

		if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
			host[len - 1] = '\0';
			memmove(host, host + 1, len - 1);
		}
		e = listen_host(s, made, host);
		free(host);
		if (err_is(e))
			return e;
	}
	return ERR_OK;
}

/* --- all kinds --- */

struct err
service_open_sockets(struct service *s, struct list *made)
{
	switch (s->cf->type) {
	case MASTER_INET:
		return listen_inet_all(s, made);
	case MASTER_UNIX:
		return listen_unix_both(s, made, SOCK_STREAM);
	case MASTER_UNIX_DGRAM:
		return listen_unix_both(s, made, SOCK_DGRAM);
	case MASTER_FIFO:
	case MASTER_PASS:
		/* Both are triggers of old files: a socket takes their place. */
		return listen_unix_both(s, made, SOCK_STREAM);
	}
	return ERR_OK;
}

void
service_settle_sockets(struct service *s)
{
	struct str new = STR_EMPTY;

	for (size_t i = 0; i < s->n_sockets; i++) {
		struct service_socket *k = &s->sockets[i];

		k->shared = false;
		if (!k->unborn)
			continue;
		k->unborn = false;
		name_new_socket(k->address, &new);
		if (rename(new.ptr, k->address) < 0)
			log_error(WHERE "rename %s: %s", WHERE_ARGS(s), new.ptr,
			    strerror(errno));
	}
	str_clear(&new);
}

void
service_watch_sockets(struct service *s, bool on,
    void (*ready)(struct loop_watch *w, uint32_t events))
{
	for (size_t i = 0; i < s->n_sockets; i++) {
		struct service_socket *k = &s->sockets[i];

		if (k->watching == on || k->fd < 0)
			continue;
		k->watching = on;
		if (on) {
			k->watch = (struct loop_watch){ .fd = k->fd,
				.events = EPOLLIN,
				.ready = ready,
				.arg = s };
			loop_add_watch(&k->watch);
		} else {
			loop_remove_watch(&k->watch);
		}
	}
}

/* The name stays while another service has the socket. */
static void
remove_name(const struct service_socket *k)
{
	struct str path = STR_EMPTY;

	if (k->address[0] == '[' || k->shared)
		return;
	if (k->unborn)
		name_new_socket(k->address, &path);
	else
		str_set(&path, view_of(k->address));
	unlink(path.ptr);
	str_clear(&path);
}

/*
 * Who connects between a process's last accept and its close would be put out.
 * So a first SYN is dropped from here on: the client sends another one, which
 * finds the socket that took this one's place, or none.
 */
static void
turn_away(int fd)
{
	enum { TCP_FLAGS_AT = 13, TCP_SYN = 0x02, TCP_ACK = 0x10 };
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, TCP_FLAGS_AT),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, TCP_SYN | TCP_ACK),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TCP_SYN, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog program = { ARRAY_LEN(code), code };

	/* Without it one in some thousands has to try again. */
	setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

void
service_close_sockets(struct service *s)
{
	service_watch_sockets(s, false, NULL);
	for (size_t i = 0; i < s->n_sockets; i++) {
		struct service_socket *k = &s->sockets[i];

		if (k->address[0] == '[' && !k->shared)
			turn_away(k->fd);
		close(k->fd);
		remove_name(k);
		free(k->address);
	}
	s->n_sockets = 0;
}
