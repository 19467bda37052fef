/*
 * postcat: prints queue files.  What an envelope of ours holds is printed under
 * the names that scripts know.
 */
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/process.h"
#include "lib/conf/light.h"
#include "lib/mail/addr.h"
#include "lib/mail/header.h"
#include "lib/mail/queue_file.h"
#include "lib/mail/queue_id.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_LEN = 65536 };

enum { SHOW_BODY = 1 << 0, SHOW_ENVELOPE = 1 << 1, SHOW_HEADER = 1 << 2 };

struct postcat {
	const char *config;
	bool search; /* -q */
	unsigned show;
};

/* One file that is being printed. */
struct printing {
	const char *name;
	unsigned show;
	struct queue_file file;
	unsigned char *done; /* recipients with a final outcome */
	/* of the content */
	struct str line;
	bool in_body, goes_on; /* the line did not end yet */
};

_Noreturn __attribute__((format(printf, 1, 2))) static void
fatal(const char *format, ...)
{
	struct str text = STR_EMPTY, line = STR_EMPTY;
	va_list ap;

	va_start(ap, format);
	str_vaddf(&text, format, ap);
	va_end(ap);
	log_clean(&line, str_view(&text), LOG_LINE_MAX);
	fflush(stdout);
	fprintf(stderr, "postcat: fatal: %s\n", line.ptr);
	exit(1);
}

static void
check(struct printing *p, struct err e)
{
	if (err_is(e))
		fatal("%s: %s", p->name, e.text);
}

/* --- envelope --- */

static void
print_time(const char *name, int64_t us)
{
	time_t t = (time_t)(us / 1000000);
	char text[64] = "";
	struct tm tm;

	if (localtime_r(&t, &tm) != NULL)
		strftime(text, sizeof(text), "%a %b %e %H:%M:%S %Y", &tm);
	printf("%s: %s\n", name, text);
}

/* Cleaned: what prints on a terminal is not the sender's to choose. */
static void
print_text(const char *name, struct view value)
{
	struct str clean = STR_EMPTY;

	log_clean(&clean, value, LOG_LINE_MAX);
	printf("%s%s\n", name, clean.ptr);
	str_clear(&clean);
}

static void
print_attribute(const char *name, struct view value)
{
	struct str full = STR_EMPTY;

	if (value.len == 0)
		return;
	str_printf(&full, "named_attribute: %s=", name);
	print_text(full.ptr, value);
	str_clear(&full);
}

static void
print_number_attribute(const char *name, int64_t n)
{
	if (n != 0)
		printf("named_attribute: %s=%" PRId64 "\n", name, n);
}

static void
print_address(const char *name, struct view internal)
{
	struct str external = STR_EMPTY;

	addr_to_external(&external, internal);
	print_text(name, str_view(&external));
	str_clear(&external);
}

static void
print_envelope(struct printing *p)
{
	const struct queue_preamble *q = &p->file.preamble;
	const struct ipc_envelope *e = &p->file.envelope;

	printf("message_size: %15" PRId64 "%16" PRId64 "%16" PRId64 "%16" PRId64
	       "%16" PRId64 "%16" PRId64 "\n",
	    q->size, q->content_at, q->n_rcpts, INT64_C(0), q->content_len,
	    q->flags);
	print_time("message_arrival_time", q->arrival_us);
	print_time("create_time", q->arrival_us);
	print_attribute("rewrite_context", e->context);
	print_attribute("log_message_origin", e->origin);
	print_attribute("envelope_id", e->envid);
	print_number_attribute("ret_flags", e->ret);
	print_attribute("client_name", e->client_name);
	print_attribute("client_address", e->client_addr);
	print_number_attribute("client_port", e->client_port);
	print_attribute("protocol_name", e->protocol);
	print_attribute("helo_name", e->helo);
	print_attribute("sasl_method", e->sasl_method);
	print_attribute("sasl_username", e->sasl_username);
	if (e->filter.len > 0)
		print_text("content_filter: ", e->filter);
	if (e->full_name.len > 0)
		print_text("sender_fullname: ", e->full_name);
	print_address("sender: ", e->sender);
}

static void
note_outcome(struct printing *p, struct view record)
{
	int64_t n = p->file.preamble.n_rcpts;
	struct ipc_journal_outcome o;
	bool more;

	if (err_is(
		ipc_list_next(&record, IPC_IN(journal_outcome, &o), &more)) ||
	    !more || o.status == OUTCOME_DEFERRED || o.first < 0 ||
	    o.count < 0 || o.first > n || o.count > n - o.first)
		return;
	for (int64_t i = o.first; i < o.first + o.count; i++)
		p->done[i / 8] |= (unsigned char)(1 << i % 8);
}

static void
read_journal(struct printing *p)
{
	struct queue_journal j;
	enum journal_kind kind;
	struct view record;

	/* A damaged number of them is found here at the latest. */
	if (p->file.preamble.n_rcpts > p->file.preamble.rcpts_len)
		fatal("%s: damaged preamble", p->name);
	p->done = xcalloc((size_t)p->file.preamble.n_rcpts / 8 + 1, 1);
	check(p, queue_journal_read(&p->file, &j));
	while (queue_journal_next(&j, &kind, &record))
		if (kind == JOURNAL_OUTCOME)
			note_outcome(p, record);
	queue_journal_clear(&j);
}

static void
print_rcpt(struct printing *p, const struct ipc_rcpt *r)
{
	bool done = r->number >= 0 && r->number < p->file.preamble.n_rcpts &&
	    (p->done[r->number / 8] >> r->number % 8 & 1) != 0;

	if (r->orcpt.len > 0)
		print_attribute("dsn_orig_rcpt", r->orcpt);
	print_number_attribute("notify_flags", r->notify);
	if (r->original.len > 0)
		print_address("original_recipient: ", r->original);
	print_address(done ? "done_recipient: " : "recipient: ", r->address);
}

static void
print_rcpts(struct printing *p)
{
	struct str memory = STR_EMPTY;
	struct ipc_rcpt rcpt;
	struct view list;
	int64_t at = 0;
	bool more;

	do {
		check(p, queue_file_read_rcpts(&p->file, &at, &memory, &list));
		more = list.len > 0;
		while (list.len > 0) {
			bool one;

			check(
			    p, ipc_list_next(&list, IPC_IN(rcpt, &rcpt), &one));
			print_rcpt(p, &rcpt);
		}
	} while (more);
	str_clear(&memory);
}

/* --- content --- */

static void
put_line(struct printing *p, struct view line)
{
	bool ends = view_ends(line, VIEW("\n"));
	bool first = !p->goes_on;

	p->goes_on = !ends;
	if (first && !p->in_body && !ascii_is_space(line.ptr[0]) &&
	    header_name_len(line) == 0)
		p->in_body = true;
	/* An empty line is white space too. */
	if (first && (view_eq(line, VIEW("\r\n")) || view_eq(line, VIEW("\n"))))
		p->in_body = true;
	if ((p->show & (p->in_body ? SHOW_BODY : SHOW_HEADER)) == 0)
		return;
	if (view_ends(line, VIEW("\r\n"))) {
		fwrite(line.ptr, 1, line.len - 2, stdout);
		putchar('\n');
	} else {
		fwrite(line.ptr, 1, line.len, stdout);
	}
}

static void
put_piece(struct printing *p, struct view piece)
{
	while (piece.len > 0) {
		size_t at = view_find(piece, '\n');
		struct view part =
		    view_first(piece, at == VIEW_NPOS ? piece.len : at + 1);

		str_add(&p->line, part);
		piece = view_skip(piece, part.len);
		if (at == VIEW_NPOS && p->line.len < LINE_MAX_LEN)
			return;
		put_line(p, str_view(&p->line));
		str_reset(&p->line);
	}
}

static void
print_content(struct printing *p)
{
	struct queue_content c;
	struct view piece;

	queue_content_init(&c, p->file.fd, p->file.envelope.layout);
	do {
		check(p, queue_content_next(&c, &piece));
		put_piece(p, piece);
	} while (piece.len > 0);
	if (p->line.len > 0)
		put_line(p, str_view(&p->line));
	if (p->goes_on)
		putchar('\n');
	queue_content_clear(&c);
}

static void
print_file(struct postcat *c, int fd, const char *name)
{
	struct printing p = {
		.name = name, .show = c->show, .line = STR_EMPTY
	};
	bool envelope = (c->show & SHOW_ENVELOPE) != 0;

	check(&p, queue_file_read(&p.file, fd));
	read_journal(&p);
	if (envelope) {
		printf("*** ENVELOPE RECORDS %s ***\n", name);
		print_envelope(&p);
		print_rcpts(&p);
	}
	if ((c->show & (SHOW_BODY | SHOW_HEADER)) != 0) {
		if (envelope)
			printf("*** MESSAGE CONTENTS %s ***\n", name);
		print_content(&p);
	}
	if (envelope) {
		printf("*** HEADER EXTRACTED %s ***\n", name);
		printf("*** MESSAGE FILE END %s ***\n", name);
	}
	queue_file_clear(&p.file);
	str_clear(&p.line);
	free(p.done);
}

/* --- files --- */

static int
find_in_queue(const char *id, struct queue_path *path)
{
	static const char *const queues[] = { "maildrop", "incoming", "active",
		"deferred", "hold", "corrupt" };

	if (!queue_id_is_valid(view_of(id)))
		fatal("bad mail queue ID: %s", id);
	/* It may move from one to the other meanwhile. */
	for (size_t i = 0; i < 2 * ARRAY_LEN(queues); i++) {
		int fd;

		*path =
		    queue_path_of(queues[i % ARRAY_LEN(queues)], view_of(id));
		fd = open(
		    path->text, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0)
			return fd;
		if (errno != ENOENT)
			fatal("open queue file %s: %s", path->text,
			    strerror(errno));
	}
	fatal("open queue file %s: %s", id, strerror(ENOENT));
}

static void
print_named(struct postcat *c, const char *name)
{
	struct queue_path path;
	int fd;

	if (c->search) {
		fd = find_in_queue(name, &path);
		print_file(c, fd, path.text);
	} else {
		fd = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			fatal("open queue file %s: %s", name, strerror(errno));
		print_file(c, fd, name);
	}
	close(fd);
}

/* Copied, since queue files are not read in one direction. */
static void
print_input(struct postcat *c)
{
	FILE *copy = tmpfile();
	static char buf[8192];
	ssize_t n;

	if (copy == NULL)
		fatal("create temporary file: %s", strerror(errno));
	while ((n = read(STDIN_FILENO, buf, sizeof(buf))) > 0)
		if (fwrite(buf, 1, (size_t)n, copy) != (size_t)n)
			fatal("write temporary file: %s", strerror(errno));
	if (n < 0 || fflush(copy) != 0)
		fatal("read input: %s", strerror(errno));
	print_file(c, fileno(copy), "stdin");
	fclose(copy);
}

static void
enter_queue(struct postcat *c)
{
	struct conf_light *conf;
	const char *queue;
	struct err e = conf_light_load(c->config, &conf);

	if (!err_is(e))
		e = conf_light_get(conf, "queue_directory", &queue, NULL);
	if (err_is(e))
		fatal("%s", e.text);
	if (chdir(queue) < 0)
		fatal("chdir %s: %s", queue, strerror(errno));
	conf_light_free(conf);
}

static void
parse_arguments(struct postcat *c, int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "+bc:defhnoqrs:v")) > 0)
		switch (option) {
		case 'b':
			c->show |= SHOW_BODY;
			break;
		case 'c':
			c->config = optarg;
			break;
		case 'e':
			c->show |= SHOW_ENVELOPE;
			break;
		case 'h':
			c->show |= SHOW_HEADER;
			break;
		case 'q':
			c->search = true;
			break;
		/* Of another file format: no effect here. */
		case 'd':
		case 'f':
		case 'n':
		case 'o':
		case 'r':
		case 's':
		case 'v':
			break;
		default:
			fatal("usage: postcat [-bdefhnoqrv] [-s offset] "
			      "[-c config_dir] [files...]");
		}
	if (c->show == 0)
		c->show = SHOW_BODY | SHOW_ENVELOPE | SHOW_HEADER;
}

int
main(int argc, char **argv)
{
	struct postcat c = { .show = 0 };

	process_tidy_descriptors();
	log_open("postcat");
	parse_arguments(&c, argc, argv);
	if (c.search)
		enter_queue(&c);
	if (optind == argc)
		print_input(&c);
	for (int i = optind; i < argc; i++)
		print_named(&c, argv[i]);
	if (fflush(stdout) != 0)
		fatal("write: %s", strerror(errno));
	return EXIT_SUCCESS;
}
