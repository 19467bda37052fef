/* Headers: see header.h. */
#include "lib/mail/header.h"

#include "lib/base/mem.h"

/*
 * Sorted by name without case, in the order of enum header_id, so that an id
 * is an index and a name is found by bisection.
 */
static const struct {
	struct view name;
	unsigned flags;
} known[HEADER_N] = {
	[HEADER_OTHER] = { VIEW(""), 0 },
	[HEADER_APPARENTLY_TO] = { VIEW("Apparently-To"), HEADER_RCPT_ADDR },
	[HEADER_AUTHENTICATION_RESULTS] = { VIEW("Authentication-Results"), 0 },
	[HEADER_AUTO_SUBMITTED] = { VIEW("Auto-Submitted"), 0 },
	[HEADER_BCC] = { VIEW("Bcc"),
	    HEADER_RCPT_ADDR | HEADER_EXTRACT | HEADER_DROP | HEADER_ONCE },
	[HEADER_CC] = { VIEW("Cc"),
	    HEADER_RCPT_ADDR | HEADER_EXTRACT | HEADER_ONCE },
	[HEADER_CONTENT_DESCRIPTION] = { VIEW("Content-Description"),
	    HEADER_MIME },
	[HEADER_CONTENT_DISPOSITION] = { VIEW("Content-Disposition"),
	    HEADER_MIME },
	[HEADER_CONTENT_ID] = { VIEW("Content-ID"), HEADER_MIME },
	[HEADER_CONTENT_LENGTH] = { VIEW("Content-Length"), HEADER_DROP },
	[HEADER_CONTENT_TRANSFER_ENCODING] = {
	    VIEW("Content-Transfer-Encoding"), HEADER_MIME },
	[HEADER_CONTENT_TYPE] = { VIEW("Content-Type"), HEADER_MIME },
	[HEADER_DATE] = { VIEW("Date"), HEADER_ONCE },
	[HEADER_DELIVERED_TO] = { VIEW("Delivered-To"), 0 },
	[HEADER_DISPOSITION_NOTIFICATION_TO] = {
	    VIEW("Disposition-Notification-To"), HEADER_SENDER_ADDR },
	[HEADER_ERRORS_TO] = { VIEW("Errors-To"), HEADER_SENDER_ADDR },
	[HEADER_FROM] = { VIEW("From"), HEADER_SENDER_ADDR | HEADER_ONCE },
	[HEADER_IN_REPLY_TO] = { VIEW("In-Reply-To"), HEADER_ONCE },
	[HEADER_LIST_ID] = { VIEW("List-Id"), 0 },
	[HEADER_LIST_UNSUBSCRIBE] = { VIEW("List-Unsubscribe"), 0 },
	[HEADER_MAIL_FOLLOWUP_TO] = { VIEW("Mail-Followup-To"),
	    HEADER_SENDER_ADDR },
	[HEADER_MAIL_REPLY_TO] = { VIEW("Mail-Reply-To"), HEADER_SENDER_ADDR },
	[HEADER_MESSAGE_ID] = { VIEW("Message-Id"), HEADER_ONCE },
	[HEADER_MIME_VERSION] = { VIEW("MIME-Version"),
	    HEADER_MIME | HEADER_ONCE },
	[HEADER_PRECEDENCE] = { VIEW("Precedence"), 0 },
	[HEADER_RECEIVED] = { VIEW("Received"), 0 },
	[HEADER_REFERENCES] = { VIEW("References"), HEADER_ONCE },
	[HEADER_REPLY_TO] = { VIEW("Reply-To"),
	    HEADER_SENDER_ADDR | HEADER_ONCE },
	[HEADER_RESENT_BCC] = { VIEW("Resent-Bcc"),
	    HEADER_RCPT_ADDR | HEADER_EXTRACT | HEADER_RESENT | HEADER_DROP },
	[HEADER_RESENT_CC] = { VIEW("Resent-Cc"),
	    HEADER_RCPT_ADDR | HEADER_EXTRACT | HEADER_RESENT },
	[HEADER_RESENT_DATE] = { VIEW("Resent-Date"), HEADER_RESENT },
	[HEADER_RESENT_FROM] = { VIEW("Resent-From"),
	    HEADER_SENDER_ADDR | HEADER_RESENT },
	[HEADER_RESENT_MESSAGE_ID] = { VIEW("Resent-Message-Id"),
	    HEADER_RESENT },
	/* A recipient's to Postfix, whose classes of tables count. */
	[HEADER_RESENT_REPLY_TO] = { VIEW("Resent-Reply-To"),
	    HEADER_RCPT_ADDR | HEADER_RESENT },
	[HEADER_RESENT_SENDER] = { VIEW("Resent-Sender"),
	    HEADER_SENDER_ADDR | HEADER_RESENT },
	[HEADER_RESENT_TO] = { VIEW("Resent-To"),
	    HEADER_RCPT_ADDR | HEADER_EXTRACT | HEADER_RESENT },
	[HEADER_RETURN_PATH] = { VIEW("Return-Path"),
	    HEADER_SENDER_ADDR | HEADER_DROP },
	[HEADER_RETURN_RECEIPT_TO] = { VIEW("Return-Receipt-To"),
	    HEADER_SENDER_ADDR },
	[HEADER_SENDER] = { VIEW("Sender"), HEADER_SENDER_ADDR | HEADER_ONCE },
	[HEADER_SUBJECT] = { VIEW("Subject"), HEADER_ONCE },
	[HEADER_TLS_REQUIRED] = { VIEW("TLS-Required"), 0 },
	[HEADER_TO] = { VIEW("To"),
	    HEADER_RCPT_ADDR | HEADER_EXTRACT | HEADER_ONCE },
	[HEADER_X_ORIGINAL_TO] = { VIEW("X-Original-To"), 0 },
};

static int
order_case(struct view a, struct view b)
{
	size_t n = a.len < b.len ? a.len : b.len;

	for (size_t i = 0; i < n; i++) {
		int d = (unsigned char)ascii_lower(a.ptr[i]) -
		    (unsigned char)ascii_lower(b.ptr[i]);

		if (d != 0)
			return d;
	}
	return a.len < b.len ? -1 : a.len > b.len;
}

enum header_id
header_find_id(struct view name)
{
	int low = 1;
	int high = HEADER_N - 1;

	while (low <= high) {
		int middle = (low + high) / 2;
		int order = order_case(name, known[middle].name);

		if (order == 0)
			return (enum header_id)middle;
		if (order < 0)
			high = middle - 1;
		else
			low = middle + 1;
	}
	return HEADER_OTHER;
}

const char *
header_name(enum header_id id)
{
	return known[id].name.ptr;
}

unsigned
header_flags(enum header_id id)
{
	return known[id].flags;
}

static bool
is_name_byte(char c)
{
	return c > 32 && c < 127 && c != ':';
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

size_t
header_name_len(struct view line)
{
	size_t len = 0;
	size_t i;

	while (len < line.len && is_name_byte(line.ptr[len]))
		len++;
	for (i = len; i < line.len && is_blank(line.ptr[i]); i++)
		;
	return i < line.len && line.ptr[i] == ':' ? len : 0;
}

void
header_iter_init(struct header_iter *it, struct view text)
{
	*it = (struct header_iter){ .text = text };
}

/* The line at offset at, its end included. */
static struct view
line_at(struct view text, size_t at)
{
	struct view v = view_skip(text, at);
	size_t end = view_find(v, '\n');

	return view_first(v, end == VIEW_NPOS ? end : end + 1);
}

static bool
is_empty_line(struct view line)
{
	return view_eq(line, VIEW("\n")) || view_eq(line, VIEW("\r\n"));
}

bool
header_is_from_line(struct view line)
{
	while (line.len > 0 && line.ptr[0] == '>')
		line = view_skip(line, 1);
	return view_starts(line, VIEW("From "));
}

static void
fill_header(struct header *h, size_t name_len)
{
	struct view body = h->text;

	h->name = view_first(body, name_len);
	body = view_skip(body, name_len);
	body = view_skip(body, view_find(body, ':') + 1);
	while (body.len > 0 && is_blank(body.ptr[0]))
		body = view_skip(body, 1);
	if (view_ends(body, VIEW("\n")))
		body.len--;
	if (view_ends(body, VIEW("\r")))
		body.len--;
	h->body = body;
	h->id = header_find_id(h->name);
	h->flags = header_flags(h->id);
}

/* The header that begins with this line: with its folded lines. */
static enum header_what
take_field(
    struct header_iter *it, struct header *h, struct view line, size_t name_len)
{
	size_t end = it->at + line.len;

	while (end < it->text.len && is_blank(it->text.ptr[end]) &&
	    it->text.ptr[end - 1] == '\n')
		end += line_at(it->text, end).len;
	h->text = view_sub(it->text, it->at, end - it->at);
	fill_header(h, name_len);
	it->at = end;
	it->seen_field = true;
	return HEADER_FIELD;
}

enum header_what
header_next(struct header_iter *it, struct header *h)
{
	struct view line = line_at(it->text, it->at);
	size_t name_len;

	*h = (struct header){ .text = line,
		.name = VIEW_EMPTY,
		.body = VIEW_EMPTY,
		.offset = it->at };
	if (line.len == 0)
		return HEADER_EOF;
	if (is_empty_line(line))
		return HEADER_END;
	/* Before the name: ">From x: y" would be one. */
	if (!it->seen_field && header_is_from_line(line)) {
		it->at += line.len;
		return HEADER_FROM_LINE;
	}
	name_len = header_name_len(line);
	if (name_len == 0) {
		h->text = view_first(line, 0);
		return HEADER_NOT;
	}
	return take_field(it, h, line, name_len);
}

bool
header_find(struct view text, enum header_id id, struct header *h)
{
	struct header_iter it;
	enum header_what what;

	header_iter_init(&it, text);
	do {
		what = header_next(&it, h);
		if (what == HEADER_FIELD && h->id == id)
			return true;
	} while (what == HEADER_FIELD || what == HEADER_FROM_LINE);
	return false;
}

struct view
header_unfold(struct view body, char *buffer, size_t room)
{
	size_t n = 0;

	if (view_find(body, '\n') == VIEW_NPOS)
		return view_trim(view_first(body, room));
	for (size_t i = 0; i < body.len && n < room; i++) {
		char c = body.ptr[i];
		bool ends = c == '\n' ||
		    (c == '\r' && i + 1 < body.len && body.ptr[i + 1] == '\n');

		if (!ends)
			buffer[n++] = c;
	}
	return view_trim((struct view){ buffer, n });
}

void
header_add_lines(struct str *out, struct view text, bool is_header)
{
	struct view line;
	bool is_first = true;

	while (view_field(&text, '\n', &line)) {
		size_t from = out->len;

		if (!is_first && is_header &&
		    (line.len == 0 ||
			(line.ptr[0] != ' ' && line.ptr[0] != '\t')))
			str_add_byte(out, '\t');
		str_add(out, line);
		for (size_t i = from; i < out->len; i++)
			if (out->ptr[i] == '\r')
				out->ptr[i] = ' ';
		str_add_text(out, "\r\n");
		is_first = false;
	}
}

/* Where the scanner stands in a line. */
enum scan_state {
	SCAN_START, /* at its first byte */
	SCAN_NAME,  /* in what may be a field's name */
	SCAN_BLANK, /* in blanks after it */
	SCAN_REST,  /* the line is told apart; looking for its end */
	SCAN_CR,    /* a CR was its first byte */
	SCAN_GT,    /* in the '>' of a ">>From " line, or its "From " */
	SCAN_FROM,  /* in the rest of a From_ line */
};

void
header_scan_init(struct header_scan *s)
{
	*s = (struct header_scan){ .end = HEADER_FIELD };
}

static void
end_field(struct header_scan *s, uint64_t at)
{
	if (s->fields > 0 && at - s->field_at > s->longest)
		s->longest = at - s->field_at;
}

static void
scan_end(struct header_scan *s, enum header_what what, uint64_t body_at)
{
	end_field(s, s->line_at);
	s->header_len = s->line_at;
	s->body_at = body_at;
	s->end = what;
}

static void
begin_field(struct header_scan *s)
{
	end_field(s, s->line_at);
	s->field_at = s->line_at;
	s->fields++;
	s->state = SCAN_REST;
}

/* One byte of the part of a line that tells what it is. */
static void
scan_byte(struct header_scan *s, char c)
{
	static const char from[] = "From ";

	switch (s->state) {
	case SCAN_START:
		if (c == '\n')
			scan_end(s, HEADER_END, s->seen + 1);
		else if (c == '\r')
			s->state = SCAN_CR;
		else if (is_blank(c) && s->fields > 0)
			s->state = SCAN_REST;
		else if (s->fields == 0 && (c == '>' || c == from[0])) {
			s->state = SCAN_GT;
			s->matched = c == from[0];
		} else if (is_name_byte(c))
			s->state = SCAN_NAME;
		else
			scan_end(s, HEADER_NOT, s->line_at);
		break;
	case SCAN_CR:
		if (c == '\n')
			scan_end(s, HEADER_END, s->seen + 1);
		else
			scan_end(s, HEADER_NOT, s->line_at);
		break;
	case SCAN_GT:
		if (c == from[s->matched]) {
			if (++s->matched == sizeof(from) - 1)
				s->state = SCAN_FROM;
			break;
		}
		if (c == '>' && s->matched == 0)
			break;
		s->state = SCAN_NAME;
		/* fall through */
	case SCAN_NAME:
		if (c == ':')
			begin_field(s);
		else if (is_blank(c))
			s->state = SCAN_BLANK;
		else if (!is_name_byte(c))
			scan_end(s, HEADER_NOT, s->line_at);
		break;
	case SCAN_BLANK:
		if (c == ':')
			begin_field(s);
		else if (!is_blank(c))
			scan_end(s, HEADER_NOT, s->line_at);
		break;
	}
}

/* The rest of a line, up to its end or the piece's; returns its length. */
static size_t
scan_rest(struct header_scan *s, struct view piece)
{
	size_t end = view_find(piece, '\n');
	struct view line = view_first(piece, end == VIEW_NPOS ? end : end + 1);

	if (s->state == SCAN_REST && !s->has_8bit)
		s->has_8bit = !view_is_ascii(line);
	s->seen += line.len;
	if (end != VIEW_NPOS) {
		s->line_at = s->seen;
		s->state = SCAN_START;
	}
	return line.len;
}

bool
header_scan_feed(struct header_scan *s, struct view piece)
{
	while (s->end == HEADER_FIELD && piece.len > 0) {
		if (s->state == SCAN_REST || s->state == SCAN_FROM) {
			piece = view_skip(piece, scan_rest(s, piece));
			continue;
		}
		scan_byte(s, piece.ptr[0]);
		s->seen++;
		piece = view_skip(piece, 1);
	}
	if (s->end == HEADER_FIELD)
		s->header_len = s->state == SCAN_REST ? s->seen : s->line_at;
	return s->end != HEADER_FIELD;
}

void
header_scan_finish(struct header_scan *s)
{
	bool is_told = s->state == SCAN_START || s->state == SCAN_REST ||
	    s->state == SCAN_FROM;

	if (s->end != HEADER_FIELD)
		return;
	if (!is_told) {
		scan_end(s, HEADER_NOT, s->line_at);
		return;
	}
	s->line_at = s->seen;
	scan_end(s, HEADER_EOF, s->seen);
}
