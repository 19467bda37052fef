/*
 * A server that says anything at all to a delivery, and a reader of what the
 * client says that knows nothing of smtp: commands are lines, no line is over
 * its limit, content is what the queue file has, and behind content that was
 * not ended comes nothing more.
 *
 * The first byte chooses options, the second the number of recipients, the
 * limit of lines and whether the file holds bytes as they are; then what the
 * server says, a piece for each time the client reads, with '|' between; then,
 * behind GS (0x1d), the content.
 */
#include "smtp/script.h"

#include "lib/base/log.h"
#include "lib/mail/esmtp.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	IS_LMTP = 1,
	IS_8BIT = 2,
	IS_UTF8 = 4,
	IS_PROBE = 8,
	FORWARD = 16,
	IS_USED = 32,
	CUT = 64,
	IS_HOSTILE = 128, /* the envelope holds any bytes */
	RCPTS = 20,
	SEPARATOR = 0x1d,
	/* RFC 5321 4.5.3.1.4, and what extensions add. */
	COMMAND_MAX = 2200,
};

/* All content begins so: no command does. */
static const struct view mark = VIEW("X-Mark: 1\r\n");

static const char usual[] =
    "From: a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    "Content-Transfer-Encoding: 8bit\r\n\r\n.\r\n..\xc3\xa4\r\n--b--\r\n";

struct run {
	unsigned options;
	size_t n_rcpts;
	size_t limit; /* of a line; 0 is none */
	bool is_raw, is_twice;
	struct view says;
	struct str content;
	/* What was found. */
	size_t n_whole, n_sent;
	bool is_downgraded;
};

/* --- the message --- */

/* As a queue file has it: lines end in CRLF, and there is no other of them. */
static void
add_lines(struct str *out, struct view text)
{
	struct view line;

	while (view_field(&text, '\n', &line)) {
		if (view_ends(line, VIEW("\r")))
			line.len--;
		for (size_t i = 0; i < line.len; i++)
			str_add_byte(
			    out, line.ptr[i] == '\r' ? ' ' : line.ptr[i]);
		str_add_text(out, "\r\n");
	}
}

static void
make_rcpts(struct script_message *m, const struct run *r, struct view wild)
{
	str_reset(&m->rcpts);
	for (size_t i = 0; i < r->n_rcpts; i++) {
		struct ipc_rcpt rcpt = { .number = (int64_t)i,
			.address = view_first(wild, 70),
			.original = view_sub(wild, 30, 70),
			.orcpt = view_sub(wild, 50, 70),
			.notify = (int64_t)(i + wild.len) % 16 };

		ipc_list_add(&m->rcpts, IPC_OUT(rcpt, &rcpt));
	}
	m->ask.rcpts = str_view(&m->rcpts);
}

static void
make_message(struct script_message *m, const struct run *r)
{
	struct view wild = view_skip(str_view(&r->content), mark.len);

	script_message(m, str_view(&r->content), r->n_rcpts);
	m->ask.flags = ((r->options & IS_8BIT) != 0 ? SUBMIT_EIGHT_BIT : 0) |
	    ((r->options & IS_UTF8) != 0 ? SUBMIT_SMTPUTF8 : 0) |
	    ((r->options & IS_PROBE) != 0 ? SUBMIT_PROBE : 0);
	if ((r->options & IS_HOSTILE) == 0)
		return;
	m->ask.sender = view_first(wild, 60);
	m->ask.envid = view_sub(wild, 10, 60);
	m->ask.ret = (int64_t)wild.len % 4;
	m->ask.helo = view_first(wild, 90);
	m->ask.client_name = view_sub(wild, 20, 60);
	m->ask.client_addr = view_sub(wild, 40, 60);
	make_rcpts(m, r, wild);
	if (!r->is_raw)
		return;
	/* The file ends before the message does: see cut_file. */
	queue_layout_add(&m->layout, (int64_t)r->content.len, 10);
	m->ask.layout = str_view(&m->layout);
	m->ask.size += 10;
	if (ftruncate(m->ask.file, (off_t)r->content.len + 10) < 0)
		abort();
}

/* What was whole when the request came is not when it is read. */
static void
cut_file(const struct run *r, const struct delivery *d)
{
	if ((r->options & IS_HOSTILE) != 0 && r->is_raw &&
	    ftruncate(d->ask.file, (off_t)r->content.len) < 0)
		abort();
}

/* --- reading what the client said --- */

/* Lines that were folded look as they were. */
static void
unfold(struct str *s)
{
	struct str out = STR_EMPTY;
	struct view v = str_view(s);

	while (v.len > 0) {
		if (view_starts(v, VIEW("\r\n "))) {
			v = view_skip(v, 3);
			continue;
		}
		str_add_byte(&out, v.ptr[0]);
		v = view_skip(v, 1);
	}
	str_clear(s);
	*s = out;
}

/* It came whole: is it the message? */
static void
check_content(struct run *r, struct str *got)
{
	struct str want = STR_EMPTY;

	r->n_whole++;
	if (!r->is_raw && !r->is_downgraded) {
		str_add(&want, str_view(&r->content));
		if (r->limit > 0) {
			unfold(&want);
			unfold(got);
		}
		assert(view_eq(str_view(got), str_view(&want)));
	}
	str_clear(&want);
}

/* Dot-stuffed lines up to the dot; false if that does not come. */
static bool
read_data(struct run *r, struct view *rest)
{
	size_t limit = r->limit == 0 ? SIZE_MAX : r->limit;
	struct str got = STR_EMPTY;
	bool ended = false;

	while (!ended && rest->len > 0) {
		size_t end = view_find_text(*rest, VIEW("\r\n"));
		struct view line = view_first(*rest, end);

		*rest = view_skip(*rest, line.len + 2);
		if (end == VIEW_NPOS)
			break;
		ended = view_eq(line, VIEW("."));
		if (line.len > 0 && line.ptr[0] == '.')
			line = view_skip(line, 1);
		assert(line.len <= limit);
		assert(view_find_any(line, "\r\n") == VIEW_NPOS);
		if (ended)
			break;
		str_add(&got, line);
		str_add_text(&got, "\r\n");
	}
	if (ended)
		check_content(r, &got);
	str_clear(&got);
	return ended;
}

/* "BDAT 20 LAST": so many bytes follow. */
static bool
read_chunk(struct run *r, struct view args, struct view *rest)
{
	struct view size = view_first(args, view_find(args, ' '));
	struct str got = STR_EMPTY;
	uint64_t n;

	assert(view_to_uint(size, 10, &n) && n == r->content.len);
	assert(view_ends(args, VIEW(" LAST")));
	if (n > rest->len) {
		*rest = VIEW_EMPTY;
		return false;
	}
	str_add(&got, view_first(*rest, n));
	*rest = view_skip(*rest, n);
	for (size_t i = 0; i < got.len; i++)
		assert(
		    (got.ptr[i] == '\n') == (i > 0 && got.ptr[i - 1] == '\r'));
	check_content(r, &got);
	str_clear(&got);
	return true;
}

static bool
is_command(struct view line)
{
	static const char *const verbs[] = { "EHLO ", "HELO ", "LHLO ",
		"XFORWARD ", "MAIL FROM:<", "RCPT TO:<", "DATA", "BDAT ",
		"RSET", "QUIT" };

	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (view_starts(line, view_of(verbs[i])))
			return true;
	return false;
}

static void
check_command(const struct run *r, struct view line)
{
	assert(is_command(line));
	assert(line.len <= COMMAND_MAX);
	for (size_t i = 0; i < line.len; i++)
		assert((unsigned char)line.ptr[i] >= 32 && line.ptr[i] != 127);
	/* One LHLO, and none of the others. */
	if ((r->options & IS_LMTP) != 0)
		assert(!view_starts(line, VIEW("EHLO")) &&
		    !view_starts(line, VIEW("HELO")));
	else
		assert(!view_starts(line, VIEW("LHLO")));
}

static void
follow(struct run *r, struct view rest)
{
	bool is_whole = true;

	while (rest.len > 0) {
		size_t end = view_find_text(rest, VIEW("\r\n"));
		struct view line = view_first(rest, end);

		assert(is_whole);
		rest = view_skip(rest, line.len + 2);
		if (end == VIEW_NPOS && (r->options & CUT) != 0)
			return;
		assert(end != VIEW_NPOS);
		check_command(r, line);
		if (view_starts(line, VIEW("BDAT "))) {
			is_whole = read_chunk(r, view_skip(line, 5), &rest);
		} else if (view_eq(line, VIEW("DATA"))) {
			if (view_starts(rest, VIEW(".\r\n")))
				rest = view_skip(rest, 3);
			else if (!is_command(rest) && rest.len > 0)
				is_whole = read_data(r, &rest);
		}
	}
}

/* --- the run --- */

static void
check_outcomes(const struct run *r, const struct delivery *d)
{
	size_t n_sent = 0;

	assert(d->n_todo == 0);
	for (size_t i = 0; i < d->n_rcpts; i++)
		n_sent += d->rcpts[i].outcome != OUTCOME_DEFERRED &&
		    d->rcpts[i].outcome != OUTCOME_BOUNCED;
	if ((r->options & IS_PROBE) == 0)
		assert(n_sent == 0 || r->n_whole > 0);
	else
		assert(r->n_whole == 0);
}

static void
deliver_it(struct delivery *d, struct session *s)
{
	bool is_new = !s->was_heard && s->reply.code == 0;

	if (is_new && !session_greet(s, "x.test", &d->why))
		delivery_refuse_all(d, RCPT_TODO, s, &d->why);
	else if (!deliver_through(d, s))
		assert(s->uses > 1);
	why_set(&d->why, DSN_STATUS(4, 0, 0), "nothing left");
	delivery_give_up(d);
}

/* One message; what the client says is looked at by the caller. */
static void
deliver_one(struct run *r, struct session *s, const struct settings *set,
    struct delivery *d, struct script_message *m)
{
	struct ipc_delivered answer = { 0 };
	struct str outcomes = STR_EMPTY, frame = STR_EMPTY;
	int fd;

	make_message(m, r);
	if (err_is(delivery_init(d, set, &m->ask)))
		abort();
	cut_file(r, d);
	deliver_it(d, s);
	r->is_downgraded |= (s->peer.offers & PEER_8BITMIME) == 0 &&
	    (r->options & IS_8BIT) != 0;
	delivery_answer(d, &answer, &outcomes);
	if (err_is(ipc_encode(&frame, 1, IPC_OUT(delivered, &answer), &fd)))
		abort();
	str_clear(&frame);
	str_clear(&outcomes);
}

static void
run(struct run *r, struct script *script)
{
	struct settings set;
	struct script_message m[2];
	struct delivery d[2];
	struct session *s;
	size_t n = 1;

	script_settings(&set);
	set.is_lmtp = (r->options & IS_LMTP) != 0;
	set.send_xforward = (r->options & FORWARD) != 0;
	set.line_length_limit = (int64_t)r->limit;
	s = script_session(script, &set);
	s->uses = (r->options & IS_USED) != 0 ? 1 : 0;
	deliver_one(r, s, &set, &d[0], &m[0]);
	if (r->is_twice && session_reset(s))
		deliver_one(r, s, &set, &d[n++], &m[1]);
	session_quit(s);
	follow(r, str_view(&script->heard));
	while (n-- > 0) {
		check_outcomes(r, &d[n]);
		delivery_clear(&d[n]);
		script_message_clear(&m[n]);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t limits[] = { 998, 0, 20, 998, 0, 100 };
	struct script script = { 0 };
	struct run r = { .content = STR_EMPTY };
	struct view text, content;
	static bool is_quiet;
	size_t end;

	if (!is_quiet) {
		/* Lines go nowhere: a socket that nobody reads. */
		log_take_socket(open("/dev/null", O_WRONLY | O_CLOEXEC));
		is_quiet = true;
	}
	if (size < 2)
		return 0;
	text = view_make(data + 2, size - 2);
	end = view_find(text, SEPARATOR);
	content = end == VIEW_NPOS ? view_make(usual, sizeof(usual) - 1)
				   : view_skip(text, end + 1);
	r.options = data[0];
	r.n_rcpts = 1 + data[1] % RCPTS;
	r.is_raw = data[1] / RCPTS % 2 == 1;
	r.is_twice = data[1] / RCPTS == 12;
	r.limit = limits[data[1] / RCPTS / 2 % ARRAY_LEN(limits)];
	str_add(&r.content, mark);
	if (r.is_raw)
		str_add(&r.content, content);
	else
		add_lines(&r.content, content);
	script.says = view_first(text, end);
	script.write_max = (data[0] & CUT) != 0 ? 200 + data[1] : 0;
	run(&r, &script);
	str_clear(&script.heard);
	str_clear(&r.content);
	return 0;
}
