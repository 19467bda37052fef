/* 8-bit MIME content to 7 bits: see downgrade.h. */
#include "lib/mail/downgrade.h"

#include "lib/base/mem.h"
#include "lib/mail/header.h"

#include <stdlib.h>

enum { QP_COLUMNS = 75, VALUE_MAX = 2048 };

void
downgrade_init(struct downgrade *d)
{
	*d = (struct downgrade){ .state = DOWNGRADE_HEADER,
		.line = STR_EMPTY,
		.header = STR_EMPTY };
}

void
downgrade_clear(struct downgrade *d)
{
	str_clear(&d->line);
	str_clear(&d->header);
	for (size_t i = 0; i < DOWNGRADE_DEPTH_MAX; i++)
		free(d->boundaries[i]);
	downgrade_init(d);
}

/* --- quoted-printable (RFC 2045 6.7) --- */

static void
qp_byte(
    struct downgrade *d, unsigned char byte, bool is_literal, struct str *out)
{
	unsigned width = is_literal ? 1 : 3;

	if (d->column + width > QP_COLUMNS) {
		str_add_text(out, "=\r\n");
		d->column = 0;
	}
	d->column += width;
	if (is_literal)
		str_add_byte(out, (char)byte);
	else
		str_addf(out, "=%02X", byte);
}

/* A piece of a line without its end; blanks at its end are coded, since the
 * line may end there. */
static void
qp_text(struct downgrade *d, struct view text, struct str *out)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char byte = (unsigned char)text.ptr[i];
		bool is_blank = byte == ' ' || byte == '\t';
		bool is_literal = is_blank
		    ? i + 1 < text.len
		    : byte > ' ' && byte < 0x7f && byte != '=';

		qp_byte(d, byte, is_literal, out);
	}
}

/* --- what a part's header says --- */

struct part {
	bool is_multipart, is_message, is_leaf_8bit;
	bool says_8bit;
	char boundary[DOWNGRADE_BOUNDARY_MAX + 1];
};

/* Cut one parameter's value off: a token or a quoted string. */
static struct view
cut_value(struct view *rest, char *buffer, size_t room)
{
	size_t n = 0, i = 0;
	bool is_quoted = rest->len > 0 && rest->ptr[0] == '"';

	for (i = is_quoted ? 1 : 0; i < rest->len; i++) {
		char byte = rest->ptr[i];

		if (is_quoted && byte == '"') {
			i++;
			break;
		}
		if (!is_quoted && (byte == ';' || ascii_is_space(byte)))
			break;
		if (is_quoted && byte == '\\' && i + 1 < rest->len)
			byte = rest->ptr[++i];
		if (n < room)
			buffer[n++] = byte;
	}
	*rest = view_skip(*rest, i);
	return view_make(buffer, n);
}

/* The boundary among a content type's parameters. */
static void
read_boundary(struct part *p, struct view params)
{
	char buffer[DOWNGRADE_BOUNDARY_MAX + 1];
	struct view name, value;

	for (;;) {
		size_t at;

		while (params.len > 0 &&
		    (params.ptr[0] == ';' || ascii_is_space(params.ptr[0])))
			params = view_skip(params, 1);
		at = view_find_any(params, "=;");
		if (at == VIEW_NPOS)
			return;
		name = view_trim(view_first(params, at));
		params = view_skip(params, at);
		if (params.ptr[0] == ';')
			continue;
		params = view_trim_left(view_skip(params, 1));
		value = cut_value(&params, buffer, sizeof(buffer));
		if (view_eq_case(name, VIEW("boundary")))
			break;
	}
	if (value.len == 0 || value.len > DOWNGRADE_BOUNDARY_MAX)
		return;
	memcpy(p->boundary, value.ptr, value.len);
	p->boundary[value.len] = '\0';
}

static void
read_type(struct part *p, struct view body)
{
	char buffer[VALUE_MAX];
	struct view value = header_unfold(body, buffer, sizeof(buffer));
	size_t end = view_find(value, ';');
	struct view type = view_trim(view_first(value, end));

	if (view_starts_case(type, VIEW("multipart/"))) {
		read_boundary(p, view_skip(value, end));
		p->is_multipart = p->boundary[0] != '\0';
	} else if (view_starts_case(type, VIEW("message/"))) {
		p->is_message = view_eq_case(type, VIEW("message/rfc822"));
	}
	/* RFC 2046 5.2: no quoted-printable for the other messages. */
	if (view_starts_case(type, VIEW("multipart/")) ||
	    view_starts_case(type, VIEW("message/")))
		p->is_leaf_8bit = false;
}

static void
read_part(struct part *p, struct view header)
{
	char buffer[64];
	struct header h;
	struct view encoding;

	*p = (struct part){ 0 };
	if (header_find(header, HEADER_CONTENT_TRANSFER_ENCODING, &h)) {
		encoding = header_unfold(h.body, buffer, sizeof(buffer));
		p->says_8bit = view_eq_case(encoding, VIEW("8bit")) ||
		    view_eq_case(encoding, VIEW("binary"));
	}
	p->is_leaf_8bit = p->says_8bit;
	if (header_find(header, HEADER_CONTENT_TYPE, &h))
		read_type(p, h.body);
}

/* The header again, with another encoding if it said 8bit. */
static void
write_header(const struct part *p, struct view header, struct str *out)
{
	struct header_iter it;
	struct header h;
	size_t done = 0;
	bool is_written = false;

	header_iter_init(&it, header);
	while (p->says_8bit) {
		enum header_what what = header_next(&it, &h);

		if (what != HEADER_FIELD && what != HEADER_FROM_LINE)
			break;
		if (what == HEADER_FROM_LINE ||
		    h.id != HEADER_CONTENT_TRANSFER_ENCODING)
			continue;
		str_add(out, view_sub(header, done, h.offset - done));
		done = h.offset + h.text.len;
		if (!is_written)
			str_addf(out, "Content-Transfer-Encoding: %s\r\n",
			    p->is_leaf_8bit ? "quoted-printable" : "7bit");
		is_written = true;
	}
	str_add(out, view_skip(header, done));
}

/* The header of a part is complete: what is its body?  True if that is a
 * message, which begins with a header. */
static bool
end_header(struct downgrade *d, struct str *out)
{
	struct part p;

	read_part(&p, str_view(&d->header));
	if (p.is_multipart && d->depth == DOWNGRADE_DEPTH_MAX) {
		str_add(out, str_view(&d->header));
		d->state = DOWNGRADE_OVER;
	} else {
		write_header(&p, str_view(&d->header), out);
		d->state = p.is_leaf_8bit ? DOWNGRADE_QP : DOWNGRADE_PLAIN;
	}
	str_reset(&d->header);
	if (p.is_multipart && d->state != DOWNGRADE_OVER) {
		free(d->boundaries[d->depth]);
		d->boundaries[d->depth++] = xstrdup(p.boundary);
	}
	return p.is_message;
}

/* --- lines --- */

/* Is this line a delimiter of a multipart that we are in? (RFC 2046 5.1.1) */
static bool
take_boundary(struct downgrade *d, struct view line)
{
	struct view text = view_trim_right(line);

	if (!view_starts(text, VIEW("--")))
		return false;
	text = view_skip(text, 2);
	for (unsigned i = d->depth; i-- > 0;) {
		struct view boundary = view_of(d->boundaries[i]), rest;

		if (!view_starts(text, boundary))
			continue;
		rest = view_skip(text, boundary.len);
		if (rest.len == 0) {
			d->depth = i + 1;
			d->state = DOWNGRADE_HEADER;
			return true;
		}
		if (view_eq(rest, VIEW("--"))) {
			d->depth = i;
			d->state = DOWNGRADE_PLAIN;
			return true;
		}
	}
	return false;
}

static void
add_header(struct downgrade *d, struct view text, struct str *out)
{
	str_add(&d->header, text);
	if (d->header.len <= DOWNGRADE_HEADER_MAX)
		return;
	str_add(out, str_view(&d->header));
	str_reset(&d->header);
	d->state = DOWNGRADE_OVER;
}

/* A line of a header, its end included.  False if the body has begun: the line
 * is one of the body's. */
static bool
header_line(struct downgrade *d, struct view line, struct str *out)
{
	bool is_end = view_eq(line, VIEW("\n")) || view_eq(line, VIEW("\r\n"));
	bool is_folded = line.ptr[0] == ' ' || line.ptr[0] == '\t';
	bool is_from = d->header.len == 0 && view_starts(line, VIEW("From "));

	if (!is_end && !is_from && !is_folded && header_name_len(line) == 0) {
		end_header(d, out);
		return false;
	}
	add_header(d, line, out);
	if (is_end && d->state == DOWNGRADE_HEADER && end_header(d, out))
		d->state = DOWNGRADE_HEADER;
	return true;
}

static void
body_line(struct downgrade *d, struct view line, bool is_ended, struct str *out)
{
	struct view text = line;

	if (d->state != DOWNGRADE_QP) {
		str_add(out, line);
		return;
	}
	if (is_ended)
		text.len--;
	if (is_ended && view_ends(text, VIEW("\r")))
		text.len--;
	qp_text(d, text, out);
	if (is_ended) {
		str_add_text(out, "\r\n");
		d->column = 0;
	}
}

/* A line with its end, or, if it is very long, a part of one. */
static void
take_line(struct downgrade *d, struct view line, bool is_ended, struct str *out)
{
	bool is_start = !d->is_mid_line;

	d->is_mid_line = !is_ended;
	if (d->state == DOWNGRADE_OVER) {
		str_add(out, line);
		return;
	}
	/* A part may end within its header. */
	if (is_start && d->depth > 0 && take_boundary(d, line)) {
		str_add(out, str_view(&d->header));
		str_add(out, line);
		str_reset(&d->header);
		d->column = 0;
		return;
	}
	/* The rest of a header line that is longer than a piece. */
	if (d->state == DOWNGRADE_HEADER && !is_start) {
		add_header(d, line, out);
		return;
	}
	if (d->state != DOWNGRADE_HEADER || !header_line(d, line, out))
		body_line(d, line, is_ended, out);
}

void
downgrade_feed(struct downgrade *d, struct view piece, struct str *out)
{
	while (piece.len > 0) {
		size_t at = view_find(piece, '\n');
		struct view part =
		    view_first(piece, at == VIEW_NPOS ? VIEW_NPOS : at + 1);
		size_t room = DOWNGRADE_LINE_MAX - d->line.len;

		if (part.len > room) {
			part = view_first(part, room);
			at = VIEW_NPOS;
		}
		str_add(&d->line, part);
		piece = view_skip(piece, part.len);
		if (at == VIEW_NPOS && d->line.len < DOWNGRADE_LINE_MAX)
			break;
		take_line(d, str_view(&d->line), at != VIEW_NPOS, out);
		str_reset(&d->line);
	}
}

void
downgrade_finish(struct downgrade *d, struct str *out)
{
	if (d->line.len > 0)
		take_line(d, str_view(&d->line), false, out);
	str_reset(&d->line);
	str_add(out, str_view(&d->header));
	str_reset(&d->header);
}
