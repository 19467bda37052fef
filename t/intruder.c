/*
 * A program that was taken over, for the tests: it becomes an account of the
 * mail system, in that one's changed root, but under none of the sandbox's
 * other layers, and does what it is told by lines on standard input.  For each
 * it prints one line, "COMMAND: what came of it":
 *
 *	ask SOCKET MESSAGE [FIELD=VALUE]...
 *		the answer, "closed", "silence", or "refused"; bytes are written
 *		%XX, *N:VALUE is N times that, a list has commas.  A descriptor
 *		is one of null zero pipe socket folder, self (the program), or
 *		at:PATH
 *	fuzz SOCKET SEED N
 *		N frames of all kinds, damaged; how often it was put out
 *	flood SOCKET KIND N
 *		N connections that are kept: silent, half (a frame), fds
 *		(half a frame and 253 descriptors); how many there are.  They
 *		stay until "release"
 *	log BYTES
 *		a datagram to private/log
 *	read PATH, write PATH, list PATH, kill PID, trace PID, inet PORT
 *		"yes" or why not
 *
 *	alive	how many of the connections that are kept are still there
 *
 *	intruder [-u ACCOUNT] [-g GROUP] [-r] QUEUE-DIRECTORY
 *	  -r	with it as the root
 */
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ipc/messages.h"
#include "lib/mail/queue_id.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	ANSWER_MS = 20000,
	FDS_A_MESSAGE = 253,
	HELD_MAX = 20000,
	FIELD_MAX = 60000,
	NUMBER = 77,
};

static const char *const file_names[] = { "null", "zero", "pipe", "socket",
	"folder", "self" };
static int files[ARRAY_LEN(file_names)];
static int held[HELD_MAX];
static size_t n_held;

_Noreturn static void
fail(const char *what)
{
	fprintf(stderr, "intruder: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* What it may have had open. */
static void
open_files(void)
{
	int ends[2], pair[2];

	files[0] = open("/dev/null", O_RDWR);
	files[1] = open("/dev/zero", O_RDONLY);
	files[4] = open("/", O_RDONLY | O_DIRECTORY);
	files[5] = open("/proc/self/exe", O_RDONLY);
	if (pipe(ends) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		fail("pipe");
	files[2] = ends[0];
	files[3] = pair[0];
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (files[i] < 0)
			fail(file_names[i]);
}

static void
become(const char *user, const char *group, bool changed_root)
{
	const struct passwd *pw = user != NULL ? getpwnam(user) : NULL;
	const struct group *gr = group != NULL ? getgrnam(group) : NULL;
	gid_t gid = gr != NULL ? gr->gr_gid : pw != NULL ? pw->pw_gid : 0;

	if ((user != NULL && pw == NULL) || (group != NULL && gr == NULL))
		fail("account");
	if (changed_root && (chroot(".") < 0 || chdir("/") < 0))
		fail("chroot");
	if (pw != NULL &&
	    (setgroups(0, NULL) < 0 ||
		setresgid(gid, gid, gid) < 0 ||
		setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0))
		fail(user);
}

/* --- sockets --- */

static int
connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* With n descriptors, the first of them given, or all that one. */
static ssize_t
send_with(int fd, struct view v, int passed, size_t n)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * FDS_A_MESSAGE)];
		struct cmsghdr align;
	} control = { .bytes = { 0 } };
	struct iovec iov = { (void *)(uintptr_t)v.ptr, v.len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *h = &control.align;

	if (n > 0) {
		m.msg_control = control.bytes;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * n);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int) * n);
		for (size_t i = 0; i < n; i++)
			memcpy(CMSG_DATA(h) + i * sizeof(int), &passed,
			    sizeof(int));
	}
	return sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* --- asking --- */

/* A message as text says it. */
struct said {
	char bytes[1024]; /* the struct */
	struct str memory[IPC_FIELDS_MAX];
	int fd;
};

static void
add_decoded(struct str *out, const char *text, const char *end)
{
	while (text < end) {
		unsigned byte;

		if (*text == '%' && end - text > 2 &&
		    sscanf(text + 1, "%2x", &byte) == 1) {
			str_add_byte(out, (char)byte);
			text += 3;
		} else {
			str_add_byte(out, *text++);
		}
	}
}

static void
add_value(struct str *out, const char *text, const char *end)
{
	char *colon;
	unsigned long n = 1;

	if (*text == '*') {
		n = strtoul(text + 1, &colon, 10);
		text = colon + 1;
	}
	while (n-- > 0 && out->len < 2 * FIELD_MAX)
		add_decoded(out, text, end);
}

static void
add_element(struct str *list, const char *field, int64_t i, struct view text)
{
	struct ipc_rcpt rcpt = { .number = i,
		.address = text,
		.original = text,
		.orcpt = VIEW_EMPTY };
	struct ipc_outcome outcome = { .number = i,
		.dsn = VIEW("2.0.0"),
		.text = text,
		.relay = VIEW("intruder"),
		.remote = VIEW_EMPTY };
	struct ipc_queue_id id = { text };

	if (strcmp(field, "ids") == 0)
		ipc_list_add(list, IPC_OUT(queue_id, &id));
	else if (strcmp(field, "outcomes") == 0)
		ipc_list_add(list, IPC_OUT(outcome, &outcome));
	else
		ipc_list_add(list, IPC_OUT(rcpt, &rcpt));
}

static void
add_list(struct str *list, const char *field, const char *text,
    const char *end)
{
	struct str one = STR_EMPTY;
	int64_t i = 0;

	while (text < end) {
		const char *comma = memchr(text, ',', (size_t)(end - text));
		const char *stop = comma != NULL ? comma : end;

		str_reset(&one);
		add_value(&one, text, stop);
		add_element(list, field, i++, str_view(&one));
		text = comma != NULL ? stop + 1 : end;
	}
	str_clear(&one);
}

static int
find_file(const char *name, size_t len)
{
	static int at = -1;
	char path[108];

	for (size_t i = 0; i < ARRAY_LEN(file_names); i++)
		if (strlen(file_names[i]) == len &&
		    memcmp(name, file_names[i], len) == 0)
			return files[i];
	if (len > 3 && len < sizeof(path) && memcmp(name, "at:", 3) == 0) {
		snprintf(path, sizeof(path), "%.*s", (int)len - 3, name + 3);
		/* One at a time. */
		if (at >= 0)
			close(at);
		return at = open(path, O_RDONLY | O_CLOEXEC);
	}
	return -1;
}

static void
set_field(struct said *s, const struct ipc_field *f, size_t i,
    const char *text, const char *end)
{
	char *at = s->bytes + f->offset;
	int64_t n;
	struct view v;

	switch (f->kind) {
	case IPC_INT:
		n = strtoll(text, NULL, 0);
		memcpy(at, &n, sizeof(n));
		break;
	case IPC_FD:
		s->fd = find_file(text, (size_t)(end - text));
		memcpy(at, &s->fd, sizeof(s->fd));
		break;
	case IPC_STR:
	case IPC_LIST:
		if (f->kind == IPC_STR)
			add_value(&s->memory[i], text, end);
		else
			add_list(&s->memory[i], f->name, text, end);
		v = str_view(&s->memory[i]);
		memcpy(at, &v, sizeof(v));
		break;
	}
}

/* A number or a name that nobody gave is empty, a queue ID is a new one. */
static void
say(struct said *s, const struct ipc_type *type, const char *fields)
{
	static struct queue_id id;

	memset(s->bytes, 0, sizeof(s->bytes));
	s->fd = -1;
	id = queue_id_new(1001, false, NULL);
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct ipc_field *f = &type->fields[i];
		size_t len = strlen(f->name);
		const char *at = fields;

		s->memory[i] = STR_EMPTY;
		if (f->kind == IPC_FD)
			memcpy(s->bytes + f->offset, &s->fd, sizeof(s->fd));
		if (strcmp(f->name, "queue_id") == 0)
			set_field(s, f, i, id.text, id.text + strlen(id.text));
		for (; *at != '\0'; at += strcspn(at, " "),
			at += strspn(at, " "))
			if (strncmp(at, f->name, len) == 0 && at[len] == '=') {
				str_reset(&s->memory[i]);
				set_field(s, f, i, at + len + 1,
				    at + strcspn(at, " "));
			}
	}
}

static void
unsay(struct said *s, const struct ipc_type *type)
{
	for (size_t i = 0; i < type->n_fields; i++)
		str_clear(&s->memory[i]);
}

static void
print_bytes(struct view v)
{
	for (size_t i = 0; i < v.len && i < 300; i++)
		if (v.ptr[i] > ' ' && v.ptr[i] <= '~' && v.ptr[i] != '%')
			putchar(v.ptr[i]);
		else
			printf("%%%02X", (unsigned char)v.ptr[i]);
}

static void
print_message(const struct ipc_header *h)
{
	char message[1024];
	const struct ipc_type *type = NULL;

	for (size_t i = 0; type == NULL && ipc_type_at(i) != NULL; i++)
		if (view_eq(h->name, view_of(ipc_type_at(i)->name)))
			type = ipc_type_at(i);
	printf("%.*s", VIEW_ARGS(h->name));
	if (type == NULL || err_is(ipc_decode(h, type, message, -1)))
		return;
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct ipc_field *f = &type->fields[i];
		int64_t n;
		struct view v;

		printf(" %s=", f->name);
		if (f->kind == IPC_INT) {
			memcpy(&n, message + f->offset, sizeof(n));
			printf("%lld", (long long)n);
		} else if (f->kind != IPC_FD) {
			memcpy(&v, message + f->offset, sizeof(v));
			print_bytes(v);
		}
	}
}

/* Until the answer to NUMBER. */
static void
print_answer(int fd)
{
	static char bytes[2 * IPC_FRAME_MAX];
	int64_t deadline = deadline_in_ms(ANSWER_MS);
	size_t len = 0;

	for (;;) {
		struct pollfd p = { fd, POLLIN, 0 };
		struct ipc_header h;
		bool complete;
		ssize_t n;

		while (len > 0 &&
		    !err_is(ipc_decode_header(
			view_make(bytes, len), &h, &complete)) &&
		    complete) {
			if (h.number == NUMBER) {
				print_message(&h);
				return;
			}
			len -= h.frame_len;
			memmove(bytes, bytes + h.frame_len, len);
		}
		if (poll(&p, 1, deadline_left(deadline)) <= 0) {
			printf("silence");
			return;
		}
		n = read(fd, bytes + len, sizeof(bytes) - len);
		if (n <= 0) {
			printf("closed");
			return;
		}
		len += (size_t)n;
	}
}

static const struct ipc_type *
find_type(const char *name)
{
	for (size_t i = 0; ipc_type_at(i) != NULL; i++)
		if (strcmp(ipc_type_at(i)->name, name) == 0)
			return ipc_type_at(i);
	return NULL;
}

static void
ask(char *line)
{
	char path[108], name[64];
	const struct ipc_type *type;
	static struct said s;
	struct str frame = STR_EMPTY;
	int used = 0, none, fd;

	if (sscanf(line, "%107s %63s %n", path, name, &used) < 2 ||
	    (type = find_type(name)) == NULL) {
		printf("what?");
		return;
	}
	say(&s, type, line + used);
	if (err_is(ipc_encode(&frame, NUMBER, type, s.bytes, &none))) {
		printf("too long");
	} else if ((fd = connect_to(path)) < 0) {
		printf("refused");
	} else {
		/* A second one shows whether the first was forgiven. */
		send_with(fd, str_view(&frame), s.fd, s.fd >= 0);
		print_answer(fd);
		close(fd);
	}
	unsay(&s, type);
	str_clear(&frame);
}

/* --- damaged frames --- */

static uint64_t seed;

static uint64_t
chance(uint64_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
	return (seed >> 33) % n;
}

static const struct view words[] = {
	VIEW(""),
	VIEW("all"),
	VIEW("site"),
	VIEW("../../../etc/passwd"),
	VIEW("active"),
	VIEW("delete"),
	VIEW("unix:private/qmgr"),
	VIEW("inet:127.0.0.1:25"),
	VIEW("hash:/etc/shadow"),
	VIEW("root@localhost"),
	VIEW("a@example.test"),
	VIEW("\r\n.\r\n"),
	VIEW("%s%n"),
	VIEW("local"),
	VIEW("remote"),
	VIEW("smtpd"),
	VIEW("connect"),
	VIEW("Subject: x\r\n\r\nx\r\n"),
	VIEW("\0\xff\x1b[2J"),
};
static const int64_t numbers[] = { 0, 1, -1, 2, 25, 250, 1000, 65536,
	INT32_MAX, INT64_MAX, INT64_MIN, 1 << 20 };

static void
fill_randomly(struct said *s, const struct ipc_type *type)
{
	say(s, type, "");
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct ipc_field *f = &type->fields[i];
		struct view v = words[chance(ARRAY_LEN(words))];

		if (f->kind == IPC_INT) {
			memcpy(s->bytes + f->offset,
			    &numbers[chance(ARRAY_LEN(numbers))],
			    sizeof(int64_t));
		} else if (f->kind == IPC_FD) {
			if (chance(3) > 0)
				s->fd = files[chance(ARRAY_LEN(files))];
			memcpy(s->bytes + f->offset, &s->fd, sizeof(s->fd));
		} else if (s->memory[i].len == 0 || chance(4) == 0) {
			str_reset(&s->memory[i]);
			if (f->kind == IPC_LIST)
				for (uint64_t n = chance(4); n > 0; n--)
					add_element(&s->memory[i], f->name,
					    numbers[chance(ARRAY_LEN(numbers))],
					    words[chance(ARRAY_LEN(words))]);
			else
				str_add(&s->memory[i], v);
			v = str_view(&s->memory[i]);
			memcpy(s->bytes + f->offset, &v, sizeof(v));
		}
	}
}

static void
damage(struct str *frame)
{
	uint64_t times = chance(4);
	size_t at;

	while (times-- > 0 && frame->len > 8) {
		at = (size_t)chance(frame->len);
		switch (chance(5)) {
		case 0:
			frame->ptr[at] ^= (char)(1 << chance(8));
			break;
		case 1:
			frame->ptr[at] = (char)chance(256);
			break;
		case 2:
			str_cut(frame, at);
			break;
		case 3:
			/* A length within: 4 GiB. */
			if (at + 4 < frame->len)
				memset(frame->ptr + at, 0xff, 4);
			break;
		case 4:
			memmove(frame->ptr + at / 2, frame->ptr + at,
			    frame->len - at);
			break;
		}
	}
}

/* Whatever it says; true if it hung up. */
static bool
has_hung_up(int fd)
{
	static char bytes[65536];
	ssize_t n;

	while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		;
	return n == 0 || (errno != EAGAIN && errno != EINTR);
}

static void
fuzz(char *line)
{
	char path[108];
	unsigned long long n, first;
	size_t n_types = 0, n_put_out = 0, n_full = 0;
	int fd = -1;

	if (sscanf(line, "%107s %llu %llu", path, &first, &n) != 3) {
		printf("what?");
		return;
	}
	seed = first;
	while (ipc_type_at(n_types) != NULL)
		n_types++;
	for (unsigned long long i = 0; i < n; i++) {
		const struct ipc_type *type = ipc_type_at(chance(n_types));
		static struct said s;
		struct str frame = STR_EMPTY;
		int none;

		if (fd >= 0 && has_hung_up(fd)) {
			close(fd);
			fd = -1;
			n_put_out++;
		}
		if (fd < 0 && (fd = connect_to(path)) < 0) {
			printf("refused after %llu", i);
			return;
		}
		fill_randomly(&s, type);
		if (!err_is(ipc_encode(&frame, (uint32_t)chance(5), type,
			s.bytes, &none))) {
			struct pollfd p = { fd, POLLIN | POLLOUT, 0 };

			damage(&frame);
			n_full += send_with(fd, str_view(&frame), s.fd,
				      s.fd >= 0) < 0;
			/* It may be slower than we. */
			poll(&p, 1, 100);
			if (chance(3) == 0) {
				p.events = POLLIN;
				poll(&p, 1, 2);
			}
		}
		unsay(&s, type);
		str_clear(&frame);
	}
	if (fd >= 0)
		close(fd);
	printf("%llu frames, put out %zu times, %zu not sent", n, n_put_out,
	    n_full);
}

/* --- floods --- */

/* Twice what one message takes.  The kernel bounds what is under way: what was
 * sent before must be received. */
static void
pass_many(int fd)
{
	for (int tries = 0, sent = 0; sent < 2 && tries < 1000; tries++) {
		if (send_with(fd, VIEW("\0"), files[0], FDS_A_MESSAGE) > 0)
			sent++;
		else if (errno == ETOOMANYREFS || errno == EAGAIN)
			poll(NULL, 0, 5);
		else
			break;
	}
}

static void
flood(char *line)
{
	char path[108], kind[32];
	unsigned long n, done = 0;

	if (sscanf(line, "%107s %31s %lu", path, kind, &n) != 3) {
		printf("what?");
		return;
	}
	for (unsigned long i = 0; i < n && n_held < HELD_MAX; i++) {
		int fd = connect_to(path);

		if (fd < 0)
			continue;
		held[n_held++] = fd;
		done++;
		if (strcmp(kind, "half") == 0)
			send_with(fd, VIEW("\0\0\xff\0\0\0"), -1, 0);
		else if (strcmp(kind, "fds") == 0)
			pass_many(fd);
	}
	printf("%lu of %lu", done, n);
}

static void
count_alive(char *line)
{
	size_t n = 0;

	(void)line;
	for (size_t i = 0; i < n_held; i++) {
		struct pollfd p = { held[i], POLLRDHUP, 0 };

		n += poll(&p, 1, 0) == 0;
	}
	printf("%zu", n);
}

static void
release(char *line)
{
	(void)line;
	while (n_held > 0)
		close(held[--n_held]);
	printf("yes");
}

static void
say_to_log(char *line)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX,
		.sun_path = "private/log" };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct str bytes = STR_EMPTY;

	add_value(&bytes, line, line + strlen(line));
	printf("%s",
	    sendto(fd, bytes.ptr, bytes.len, 0, (struct sockaddr *)&addr,
		sizeof(addr)) > 0
		? "yes"
		: strerror(errno));
	close(fd);
	str_clear(&bytes);
}

/* --- what it may not do --- */

static void
print_done(bool done)
{
	printf("%s", done ? "yes" : strerror(errno));
}

static void
try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_NOFOLLOW, 0666);

	print_done(fd >= 0);
	if (fd >= 0)
		close(fd);
}

static void
try_read(char *line)
{
	try_open(line, O_RDONLY);
}

static void
try_write(char *line)
{
	try_open(line, O_WRONLY | O_CREAT);
}

static void
try_list(char *line)
{
	DIR *dir = opendir(line);

	print_done(dir != NULL);
	if (dir != NULL)
		closedir(dir);
}

static int
number_of(const char *text)
{
	return (int)strtol(text, NULL, 10);
}

static void
try_kill(char *line)
{
	print_done(kill(number_of(line), 0) == 0);
}

static void
try_trace(char *line)
{
	print_done(ptrace(PTRACE_SEIZE, number_of(line), NULL, NULL) == 0);
}

static void
try_inet(char *line)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)number_of(line)),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	print_done(fd >= 0 &&
	    connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	if (fd >= 0)
		close(fd);
}

static const struct {
	const char *name;
	void (*run)(char *line);
} commands[] = {
	{ "ask", ask },
	{ "fuzz", fuzz },
	{ "flood", flood },
	{ "alive", count_alive },
	{ "release", release },
	{ "log", say_to_log },
	{ "read", try_read },
	{ "write", try_write },
	{ "list", try_list },
	{ "kill", try_kill },
	{ "trace", try_trace },
	{ "inet", try_inet },
};

static void
obey(char *line)
{
	size_t len = strcspn(line, " \n");

	line[strcspn(line, "\n")] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (strlen(commands[i].name) != len ||
		    memcmp(line, commands[i].name, len) != 0)
			continue;
		printf("%s: ", line);
		commands[i].run(line[len] == ' ' ? line + len + 1 : line + len);
		break;
	}
	putchar('\n');
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	const char *user = NULL, *group = NULL;
	bool changed_root = false;
	char *line = NULL;
	size_t room = 0;
	struct rlimit r;
	int c;

	while ((c = getopt(argc, argv, "u:g:r")) != -1)
		if (c == 'u')
			user = optarg;
		else if (c == 'g')
			group = optarg;
		else if (c == 'r')
			changed_root = true;
		else
			return 64;
	if (argc - optind != 1 || chdir(argv[optind]) < 0)
		fail("queue directory");
	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
	open_files();
	become(user, group, changed_root);
	while (getline(&line, &room, stdin) > 0)
		obey(line);
	free(line);
	/* Not exit: under its new account nobody may look for leaks. */
	_exit(0);
}
