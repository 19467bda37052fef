/*
 * Content in and out: see content.h.  Both directions run over whole lines as
 * long as they need no change, and copy them together; only a line that does
 * need one is taken apart.  What decides where DATA ends is in end_line.
 */
#include "lib/mail/content.h"

#include "lib/base/block.h"

enum {
	LOCAL_CR_MAX = 64,
	/* How far ahead the slow path looks for a line's end: without a limit
	 * a line of nothing but "x CR" would be searched over and over. */
	WINDOW = 512,
	/* Room for a blank and a character on each line. */
	LIMIT_MIN = 16,
};

static bool
has_8bit(struct view v)
{
	const uint64_t high = UINT64_C(0x8080808080808080);
	size_t i = 0;

	for (; i + 32 <= v.len; i += 32) {
		uint64_t words[4];

		memcpy(words, v.ptr + i, sizeof(words));
		if ((words[0] | words[1] | words[2] | words[3]) & high)
			return true;
	}
	for (; i < v.len; i++)
		if ((unsigned char)v.ptr[i] > 127)
			return true;
	return false;
}

void
content_in_init(struct content_in *c, enum content_kind kind, bool is_loose)
{
	*c = (struct content_in){
		.kind = kind,
		.is_loose = is_loose,
		.at_start = true,
		.after_crlf = true, /* of the DATA command */
	};
	header_scan_init(&c->header);
}

/* Bytes that are content, in their order. */
static void
count(struct content_in *c, struct view v)
{
	c->out_len += v.len;
	if (c->header.end == HEADER_FIELD)
		header_scan_feed(&c->header, v);
}

static void
put(struct content_in *c, struct view v, struct str *out)
{
	count(c, v);
	if (out != NULL)
		str_add(out, v);
}

/* Bytes inside of a line. */
static void
put_text(struct content_in *c, struct view v, struct str *out)
{
	if (v.len == 0)
		return;
	c->line_len += v.len;
	c->at_start = c->only_dot = false;
	put(c, v, out);
}

/* CRs that turned out to end no line. */
static void
put_bare_cr(struct content_in *c, unsigned n, struct str *out)
{
	c->flags |= CONTENT_BARE_CR;
	for (; n > 0; n--)
		put_text(c, VIEW(" "), out);
}

static void
note_length(struct content_in *c, uint64_t len)
{
	if (len > c->longest_line)
		c->longest_line = len;
}

/*
 * A line ended, by CRLF or by LF alone.  DATA ends with a line of one dot, but
 * only between two real CRLF: anything laxer lets a client hide a second
 * message from the servers before us (RFC 5321 4.1.1.4).
 */
static void
end_line(struct content_in *c, bool is_crlf, struct str *out)
{
	if (!is_crlf && c->kind != CONTENT_LOCAL)
		c->flags |= CONTENT_BARE_LF;
	if (c->only_dot && (c->is_loose || (is_crlf && c->after_crlf))) {
		c->has_ended = true;
		header_scan_finish(&c->header);
		return;
	}
	put(c, VIEW("\r\n"), out);
	note_length(c, c->line_len);
	c->line_len = 0;
	c->pending_cr = 0;
	c->only_dot = false;
	c->at_start = true;
	c->after_crlf = is_crlf;
}

/* What comes after a CR; returns how many bytes were taken. */
static size_t
after_cr(struct content_in *c, char next, struct str *out)
{
	if (next == '\n') {
		end_line(c, true, out);
		return 1;
	}
	if (next == '\r') {
		unsigned limit = c->kind == CONTENT_LOCAL ? LOCAL_CR_MAX : 1;

		if (c->pending_cr < limit)
			c->pending_cr++;
		else
			put_bare_cr(c, 1, out);
		return 1;
	}
	put_bare_cr(c, c->pending_cr, out);
	c->pending_cr = 0;
	return 0;
}

/* Whole lines that stay as they are. */
struct run {
	struct view v;
	size_t line; /* where the first one begins that is not known to be */
	size_t longest; /* with its end */
	bool has_stuffing; /* a dot begins a line that does not stay */
};

/* Lines of a block that end at these bits; false at one that a dot follows. */
static inline bool
take_lines(struct run *r, size_t block, uint64_t lf)
{
	for (; lf != 0; lf &= lf - 1) {
		size_t end = block + (size_t)__builtin_ctzll(lf) + 1;

		if (end - r->line > r->longest)
			r->longest = end - r->line;
		r->line = end;
		if (r->has_stuffing && end < r->v.len && r->v.ptr[end] == '.')
			return false;
	}
	return true;
}

/*
 * Most of a run, 64 bytes at a time.  Each LF must stand behind a CR and each
 * CR before an LF, and no dot at a line's beginning.  Returns where the first
 * line begins that is not complete, or not good; what is before *noted was
 * looked at for NUL and 8-bit bytes, and is content.
 */
static size_t
run_of_blocks(struct content_in *c, struct view v, size_t *noted)
{
	struct run r = { .v = v, .has_stuffing = c->kind == CONTENT_DATA };
	struct block_seen seen = block_seen_none();
	uint64_t after_cr = 0;
	size_t at = 0;

	if (r.has_stuffing && v.len > 0 && v.ptr[0] == '.')
		v.len = 0;
	for (; v.len - at >= BLOCK_LEN; at += BLOCK_LEN) {
		struct block b = block_load(v.ptr + at);
		uint64_t lf = block_find(b, '\n');
		uint64_t cr = block_find(b, '\r');

		if (lf != (cr << 1 | after_cr) || !take_lines(&r, at, lf))
			break;
		after_cr = cr >> 63;
		block_see(&seen, b);
	}
	if (block_seen_8bit(seen))
		c->flags |= CONTENT_8BIT;
	if (block_seen_nul(seen))
		c->flags |= CONTENT_NUL;
	if (r.line > 0)
		note_length(c, r.longest - 2);
	*noted = at;
	return r.line;
}

static void
note_rest(struct content_in *c, struct view v)
{
	if (!(c->flags & CONTENT_8BIT) && has_8bit(v))
		c->flags |= CONTENT_8BIT;
	if (!(c->flags & CONTENT_NUL) && view_find(v, '\0') != VIEW_NPOS)
		c->flags |= CONTENT_NUL;
}

/*
 * How many bytes of v, which begins a line, are whole lines that stay as they
 * are.
 */
static size_t
run_of_lines(struct content_in *c, struct view v)
{
	size_t noted;
	const char *line = v.ptr + run_of_blocks(c, v, &noted);
	const char *end = v.ptr + v.len;

	while (line < end) {
		const char *lf = memchr(line, '\n', (size_t)(end - line));
		size_t len;

		if (lf == NULL || lf == line || lf[-1] != '\r' ||
		    (c->kind == CONTENT_DATA && *line == '.'))
			break;
		len = (size_t)(lf - line) - 1;
		if (len > 0 && memchr(line, '\r', len) != NULL)
			break;
		note_length(c, len);
		line = lf + 1;
	}
	v = view_first(v, (size_t)(line - v.ptr));
	note_rest(c, view_skip(v, noted));
	return v.len;
}

/* The next part of a line that needs a look; returns the bytes taken. */
static size_t
part_of_line(struct content_in *c, struct view v, struct str *out)
{
	size_t lf, cr;

	if (c->pending_cr > 0)
		return after_cr(c, v.ptr[0], out);
	if (c->at_start && c->kind == CONTENT_DATA && v.ptr[0] == '.') {
		c->at_start = false;
		c->only_dot = true;
		return 1;
	}
	v = view_first(v, WINDOW);
	lf = view_find(v, '\n');
	cr = view_find(view_first(v, lf), '\r');
	if (cr != VIEW_NPOS) {
		put_text(c, view_first(v, cr), out);
		c->pending_cr = 1;
		c->at_start = false;
		return cr + 1;
	}
	put_text(c, view_first(v, lf), out);
	if (lf == VIEW_NPOS)
		return v.len;
	end_line(c, false, out);
	return lf + 1;
}

size_t
content_in_step(struct content_in *c, struct view piece, struct view *whole,
    struct str *out)
{
	size_t n = 0;

	*whole = VIEW_EMPTY;
	if (piece.len == 0 || c->has_ended)
		return 0;
	if (c->at_start && c->pending_cr == 0)
		n = run_of_lines(c, piece);
	if (n > 0) {
		*whole = view_first(piece, n);
		count(c, *whole);
		c->after_crlf = true;
	} else {
		n = part_of_line(c, piece, out);
		note_rest(c, view_first(piece, n));
	}
	if (c->header.has_8bit)
		c->flags |= CONTENT_8BIT_HEADER;
	return n;
}

size_t
content_in_feed(struct content_in *c, struct view piece, struct str *out)
{
	struct view rest = piece;

	while (rest.len > 0 && !c->has_ended) {
		struct view whole;

		rest =
		    view_skip(rest, content_in_step(c, rest, &whole, out));
		if (out != NULL)
			str_add(out, whole);
	}
	return piece.len - rest.len;
}

void
content_in_finish(struct content_in *c, struct str *out)
{
	if (c->kind == CONTENT_DATA || c->has_ended)
		return;
	if (c->pending_cr > 0 && c->kind == CONTENT_CHUNK)
		put_bare_cr(c, c->pending_cr, out);
	if (!c->at_start) {
		c->flags |= CONTENT_NO_EOL;
		end_line(c, true, out);
	}
	header_scan_finish(&c->header);
	c->has_ended = true;
}

void
content_out_init(struct content_out *c, size_t line_limit)
{
	if (line_limit > 0 && line_limit < LIMIT_MIN)
		line_limit = LIMIT_MIN;
	*c = (struct content_out){
		.limit = line_limit > 0 ? line_limit : SIZE_MAX,
		.at_start = true,
	};
}

/* How many bytes the character takes that begins with this byte. */
static size_t
utf8_len(char c)
{
	unsigned char byte = (unsigned char)c;

	if (byte < 0xc2 || byte > 0xf4)
		return 1;
	return byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

/* Bytes inside of a line, folded where they reach the limit. */
static void
out_text(struct content_out *c, struct view v, struct str *out)
{
	if (v.len == 0)
		return;
	if (c->at_start && v.ptr[0] == '.')
		str_add_byte(out, '.');
	c->at_start = false;
	while (v.len > 0) {
		size_t room = c->limit - c->line_len;
		size_t n;

		/* A character is at most 4 bytes: before the last 3 columns
		 * each begins and ends on this line. */
		if (room > 3) {
			n = v.len < room - 3 ? v.len : room - 3;
		} else {
			n = 1;
			if (utf8_len(v.ptr[0]) > room) {
				str_add_text(out, "\r\n ");
				c->line_len = 1;
			}
		}
		str_add(out, view_first(v, n));
		c->line_len += n;
		v = view_skip(v, n);
	}
}

static void
out_line_end(struct content_out *c, struct str *out)
{
	str_add_text(out, "\r\n");
	c->line_len = 0;
	c->at_start = true;
	c->pending_cr = false;
}

static size_t
run_of_short_lines(const struct content_out *c, struct view v)
{
	const char *line = v.ptr;
	const char *end = v.ptr + v.len;

	while (line < end) {
		const char *lf = memchr(line, '\n', (size_t)(end - line));
		size_t len;

		if (lf == NULL || lf == line || lf[-1] != '\r' || *line == '.')
			break;
		len = (size_t)(lf - line) - 1;
		/* Up to there the slow path would not fold either, whatever
		 * the last bytes say of the length of a character. */
		if (len > c->limit - 3 ||
		    (len > 0 && memchr(line, '\r', len) != NULL))
			break;
		line = lf + 1;
	}
	return (size_t)(line - v.ptr);
}

static size_t
out_part(struct content_out *c, struct view v, struct str *out)
{
	size_t lf, cr;

	if (c->pending_cr && v.ptr[0] != '\n') {
		c->pending_cr = false;
		out_text(c, VIEW(" "), out);
		return 0;
	}
	v = view_first(v, WINDOW);
	lf = view_find(v, '\n');
	cr = view_find(view_first(v, lf), '\r');
	if (cr != VIEW_NPOS) {
		out_text(c, view_first(v, cr), out);
		c->pending_cr = true;
		return cr + 1;
	}
	out_text(c, view_first(v, lf), out);
	if (lf == VIEW_NPOS)
		return v.len;
	out_line_end(c, out);
	return lf + 1;
}

void
content_out_feed(struct content_out *c, struct view piece, struct str *out)
{
	while (piece.len > 0) {
		size_t n = 0;

		if (c->at_start && !c->pending_cr)
			n = run_of_short_lines(c, piece);
		if (n > 0)
			str_add(out, view_first(piece, n));
		else
			n = out_part(c, piece, out);
		piece = view_skip(piece, n);
	}
}

void
content_out_finish(struct content_out *c, struct str *out)
{
	if (c->pending_cr)
		out_text(c, VIEW(" "), out);
	if (!c->at_start)
		out_line_end(c, out);
	str_add_text(out, ".\r\n");
}
