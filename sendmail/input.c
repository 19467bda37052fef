#include "sendmail/input.h"

#include "lib/mail/addrlist.h"
#include "lib/mail/header.h"

void
input_init(struct input *in, unsigned flags)
{
	*in = (struct input){ .flags = flags,
		.at_line_start = true,
		.failure = ERR_OK,
		.rcpts = STR_EMPTY,
		.resent_rcpts = STR_EMPTY,
		.line = STR_EMPTY,
		.field = STR_EMPTY };
}

void
input_clear(struct input *in)
{
	str_clear(&in->rcpts);
	str_clear(&in->resent_rcpts);
	str_clear(&in->line);
	str_clear(&in->field);
}

/* Without its line end. */
static struct view
bare_line(struct view line)
{
	if (line.len > 0 && line.ptr[line.len - 1] == '\n')
		line.len--;
	while (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	return line;
}

static void
emit(struct input *in, struct view bytes, struct str *out)
{
	content_in_feed(&in->decoder, bytes, out);
}

/* How lines end is known from the first one. */
static void
start_decoding(struct input *in, struct view line)
{
	bool crlf = view_ends(line, VIEW("\r\n"));
	bool fix = (in->flags & INPUT_FIX_NEVER) == 0 &&
	    ((in->flags & INPUT_FIX_STRICT) == 0 || crlf);

	if (in->decoding)
		return;
	in->decoding = true;
	content_in_init(
	    &in->decoder, fix ? CONTENT_LOCAL : CONTENT_CHUNK, false);
}

/* --- the header --- */

static void
refuse(struct input *in, const char *why, struct view what)
{
	if (!err_is(in->failure))
		in->failure = err_make(ERR_PERM, "%s: %.*s", why,
		    VIEW_ARGS(view_first(what, 100)));
}

static void
extract(struct input *in, const struct header *h)
{
	struct str *to =
	    (h->flags & HEADER_RESENT) != 0 ? &in->resent_rcpts : &in->rcpts;
	struct str address = STR_EMPTY;
	struct addrlist_item item;
	struct addrlist list;

	addrlist_init(&list, h->body);
	while (addrlist_next(&list, &item, &address)) {
		if ((item.flags & ADDRLIST_BAD) != 0) {
			refuse(in, "malformed recipient address", item.spec);
		} else if ((item.flags & ADDRLIST_NULL) == 0) {
			str_add(to, str_view(&address));
			str_add_byte(to, '\0');
		}
	}
	str_clear(&address);
}

/* The header that was gathered is complete. */
static void
finish_field(struct input *in)
{
	struct header_iter it;
	struct header h;

	if (in->field.len == 0)
		return;
	header_iter_init(&it, str_view(&in->field));
	if (header_next(&it, &h) == HEADER_FIELD) {
		if (h.id == HEADER_FROM || h.id == HEADER_RESENT_FROM)
			in->has_from = true;
		if ((h.flags & HEADER_RESENT) != 0)
			in->is_resent = true;
		if ((h.flags & HEADER_EXTRACT) != 0 &&
		    (in->flags & INPUT_EXTRACT) != 0)
			extract(in, &h);
	}
	str_reset(&in->field);
}

/* May the header that is being gathered name recipients? */
static bool
is_extracted(const struct input *in)
{
	struct view field = str_view(&in->field);
	struct view name = view_first(field, header_name_len(field));

	return (in->flags & INPUT_EXTRACT) != 0 &&
	    (header_flags(header_find_id(name)) & HEADER_EXTRACT) != 0;
}

static void
gather(struct input *in, struct view line)
{
	if (in->field.len + line.len > INPUT_FIELD_MAX) {
		if (is_extracted(in))
			refuse(in, "header too long",
			    view_first(str_view(&in->field), 20));
		return;
	}
	str_add(&in->field, line);
}

/* What mailboxes put before a message, perhaps quoted. */
static bool
is_from_line(struct view line)
{
	while (line.len > 0 && line.ptr[0] == '>')
		line = view_skip(line, 1);
	return view_starts(line, VIEW("From "));
}

static void
enter_body(struct input *in)
{
	finish_field(in);
	in->place = INPUT_BODY;
	in->at_line_start = true;
}

/* A line before the body, complete or the last. */
static void
take_header_line(struct input *in, struct view line, struct str *out)
{
	struct view bare = bare_line(line);

	start_decoding(in, line);
	if (in->place == INPUT_START && is_from_line(bare))
		return;
	if ((in->flags & INPUT_DOT_ENDS) != 0 && view_eq(bare, VIEW("."))) {
		finish_field(in);
		in->has_ended = true;
		return;
	}
	if (bare.len == 0) {
		enter_body(in);
	} else if (header_name_len(bare) > 0) {
		finish_field(in);
		in->place = INPUT_HEADER;
		gather(in, line);
	} else if (ascii_is_space(bare.ptr[0]) && in->place == INPUT_HEADER) {
		gather(in, line);
	} else {
		/* No header: what comes is the body. */
		enter_body(in);
		emit(in, VIEW("\n"), out);
	}
	emit(in, line, out);
}

/* A line that is too long to wait for its end: its beginning says what it
 * is, the rest is passed on. */
static void
take_long_line(struct input *in, struct str *out)
{
	take_header_line(in, str_view(&in->line), out);
	str_reset(&in->line);
	in->long_line = in->place != INPUT_BODY;
	in->at_line_start = false;
}

static struct view
feed_header(struct input *in, struct view piece, struct str *out)
{
	size_t at = view_find(piece, '\n');
	size_t n = at == VIEW_NPOS ? piece.len : at + 1;
	struct view part = view_first(piece, n);

	if (in->long_line) {
		emit(in, part, out);
		gather(in, part);
		in->long_line = at == VIEW_NPOS;
		return view_skip(piece, n);
	}
	if (at != VIEW_NPOS && in->line.len == 0) {
		take_header_line(in, part, out);
		return view_skip(piece, n);
	}
	n = n < INPUT_LINE_MAX ? n : INPUT_LINE_MAX;
	str_add(&in->line, view_first(piece, n));
	if (in->line.ptr[in->line.len - 1] == '\n') {
		take_header_line(in, str_view(&in->line), out);
		str_reset(&in->line);
	} else if (in->line.len >= INPUT_LINE_MAX) {
		take_long_line(in, out);
	}
	return view_skip(piece, n);
}

/* --- the body --- */

/* Whether the line that is held back is the end: 1 yes, 0 no, -1 unknown. */
static int
is_lone_dot(struct view line, bool complete)
{
	struct view rest = view_skip(line, 1);

	while (rest.len > 0 && rest.ptr[0] == '\r')
		rest = view_skip(rest, 1);
	if (rest.len == 0)
		return complete ? 1 : -1;
	return rest.ptr[0] == '\n' ? 1 : 0;
}

/* Up to where no line begins with a dot. */
static size_t
plain_len(const struct input *in, struct view piece)
{
	size_t at = 0;

	if ((in->flags & INPUT_DOT_ENDS) == 0)
		return piece.len;
	if (in->at_line_start && piece.ptr[0] == '.')
		return 0;
	while (at < piece.len) {
		size_t n = view_find(view_skip(piece, at), '\n');

		if (n == VIEW_NPOS)
			return piece.len;
		at += n + 1;
		if (at < piece.len && piece.ptr[at] == '.')
			return at;
	}
	return piece.len;
}

static struct view
feed_body(struct input *in, struct view piece, struct str *out)
{
	size_t n;
	int end;

	if (in->line.len > 0) {
		str_add_byte(&in->line, piece.ptr[0]);
		end = is_lone_dot(str_view(&in->line), false);
		in->has_ended = end == 1;
		if (end == 0 || in->line.len >= INPUT_LINE_MAX) {
			in->at_line_start = false;
			emit(in, str_view(&in->line), out);
			str_reset(&in->line);
		}
		return view_skip(piece, 1);
	}
	n = plain_len(in, piece);
	if (n == 0) {
		str_add_byte(&in->line, '.');
		return view_skip(piece, 1);
	}
	emit(in, view_first(piece, n), out);
	in->at_line_start = piece.ptr[n - 1] == '\n';
	return view_skip(piece, n);
}

void
input_feed(struct input *in, struct view piece, struct str *out)
{
	while (piece.len > 0 && !in->has_ended)
		piece = in->place == INPUT_BODY ? feed_body(in, piece, out)
						: feed_header(in, piece, out);
}

void
input_finish(struct input *in, struct str *out)
{
	struct view line = str_view(&in->line);

	if (line.len > 0 && !in->has_ended) {
		if (in->place != INPUT_BODY)
			take_header_line(in, line, out);
		else if (is_lone_dot(line, true) != 1)
			emit(in, line, out);
	}
	finish_field(in);
	start_decoding(in, VIEW_EMPTY);
	content_in_finish(&in->decoder, out);
}

struct view
input_recipients(const struct input *in)
{
	return str_view(in->is_resent ? &in->resent_rcpts : &in->rcpts);
}
