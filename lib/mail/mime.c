/* The structure of a message: see mime.h. */
#include "lib/mail/mime.h"

#include "lib/base/mem.h"

#include <assert.h>
#include <stdlib.h>

enum { LINE_MIN = 16, STAGES_STEP = 8 };

void
mime_init(struct mime *m, const struct mime_limits *limits)
{
	*m = (struct mime){ .limits = *limits,
		.in = VIEW_EMPTY,
		.held = STR_EMPTY,
		.field = STR_EMPTY,
		.boundary = STR_EMPTY,
		.in_header = true,
		.class = MIME_PRIMARY };
	if (m->limits.line < LINE_MIN)
		m->limits.line = LINE_MIN;
}

void
mime_clear(struct mime *m)
{
	str_clear(&m->held);
	str_clear(&m->field);
	str_clear(&m->boundary);
	for (unsigned i = 0; i < m->room; i++)
		str_clear(&m->stages[i].boundary);
	free(m->stages);
	m->stages = NULL;
	m->depth = m->room = 0;
}

void
mime_take(struct mime *m, struct view piece)
{
	assert(m->in.len == 0 && !m->has_line && !m->is_finished);
	m->in = piece;
}

void
mime_finish(struct mime *m)
{
	m->is_finished = true;
}

uint64_t
mime_offset(const struct mime *m)
{
	/* A line that was told lies before m->at, or what is held. */
	return m->has_field ? m->field_at : m->has_line ? m->line_at : m->at;
}

bool
mime_is_flat_from(const struct mime *m, uint64_t size)
{
	return !m->in_header && m->depth == 0 && m->body_offset >= size;
}

bool
mime_find_unread(const struct mime *m, struct view *unread)
{
	*unread = view_skip(str_view(&m->held), m->held_used);
	return !m->has_field && !m->has_line && m->in.len == 0;
}

unsigned
mime_faults(const struct mime *m)
{
	return m->faults;
}

/* --- lines --- */

/* The line, or the chunk of one, that begins with v; false if more must come
 * to tell. */
static bool
cut_line(struct mime *m, struct view v, bool is_all)
{
	size_t limit = m->limits.line;
	struct view window = view_first(v, limit + 2);
	size_t end = view_find(window, '\n');
	struct view text = view_first(window, end);

	m->line_ended = end != VIEW_NPOS;
	if (!m->line_ended && window.len < limit + 2 && !is_all)
		return false;
	if (m->line_ended && view_ends(text, VIEW("\r")))
		text.len--;
	m->line_len = m->line_ended ? end + 1 : text.len;
	if (text.len > limit) {
		text.len = m->line_len = limit;
		m->line_ended = false;
	}
	m->line = text;
	m->line_at = m->at;
	return v.len > 0;
}

/* Complete the line that was held. */
static bool
take_held_line(struct mime *m)
{
	size_t most = m->limits.line + 2;
	size_t room = most > m->held.len ? most - m->held.len : 0;
	struct view more = view_first(m->in, room);
	size_t end = view_find(more, '\n');

	if (view_find(str_view(&m->held), '\n') != VIEW_NPOS)
		more.len = 0;
	else
		more = view_first(more, end == VIEW_NPOS ? end : end + 1);
	str_add(&m->held, more);
	m->in = view_skip(m->in, more.len);
	if (!cut_line(m, str_view(&m->held), m->is_finished))
		return false;
	m->held_used = (size_t)m->line_len;
	return true;
}

static bool
take_line(struct mime *m)
{
	bool ok;

	if (m->held_used > 0)
		str_drop_front(&m->held, m->held_used);
	m->held_used = 0;
	if (m->held.len > 0) {
		ok = take_held_line(m);
	} else {
		ok = cut_line(m, m->in, m->is_finished);
		if (ok)
			m->in = view_skip(m->in, (size_t)m->line_len);
		else
			str_add(&m->held, m->in);
		if (!ok)
			m->in.len = 0;
	}
	if (!ok)
		return false;
	m->at += m->line_len;
	m->line_starts = !m->is_mid_line;
	m->is_mid_line = !m->line_ended;
	m->has_line = true;
	m->is_examined = false;
	return true;
}

/* --- what headers say --- */

static void
push_stage(struct mime *m)
{
	struct mime_stage *s;

	if (m->depth >= m->limits.nesting) {
		m->faults |= MIME_FAULT_NESTING;
		return;
	}
	if (m->depth == m->room) {
		m->stages = xreallocarray(
		    m->stages, m->room + STAGES_STEP, sizeof(*m->stages));
		for (unsigned i = 0; i < STAGES_STEP; i++)
			str_init(&m->stages[m->room + i].boundary);
		m->room += STAGES_STEP;
	}
	s = &m->stages[m->depth++];
	str_set(&s->boundary, str_view(&m->boundary));
	s->parts = m->kind == MIME_DIGEST ? MIME_MESSAGE : MIME_TEXT;
}

static struct view
field_body(const struct mime *m)
{
	struct view v = view_skip(str_view(&m->field), m->name_len);

	v = view_skip(v, view_find(v, ':') + 1);
	while (v.len > 0 && (v.ptr[0] == ' ' || v.ptr[0] == '\t'))
		v = view_skip(v, 1);
	return v;
}

static void
examine_field(struct mime *m)
{
	struct view name = view_first(str_view(&m->field), m->name_len);
	enum header_id id;
	bool has_boundary;

	m->is_examined = true;
	if (m->limits.is_flat)
		return;
	if ((m->faults & MIME_FAULT_8BIT_HEADER) == 0 &&
	    !view_is_ascii(str_view(&m->field)))
		m->faults |= MIME_FAULT_8BIT_HEADER;
	id = header_find_id(name);
	if (id == HEADER_CONTENT_TRANSFER_ENCODING) {
		m->encoding = mime_read_encoding(field_body(m));
	} else if (id == HEADER_CONTENT_TYPE) {
		m->kind = mime_read_type(
		    field_body(m), m->limits.boundary, &m->boundary,
		    &has_boundary);
		if ((m->kind == MIME_MULTIPART || m->kind == MIME_DIGEST) &&
		    has_boundary)
			push_stage(m);
	}
}

/* The block has ended: is what it says of its body allowed? */
static void
examine_block(struct mime *m)
{
	bool is_composite = m->kind == MIME_MULTIPART ||
	    m->kind == MIME_DIGEST || m->kind == MIME_MESSAGE;

	if ((is_composite && m->encoding == MIME_CODED) ||
	    (m->kind == MIME_FRAGMENT && m->encoding != MIME_7BIT))
		m->faults |= MIME_FAULT_DOMAIN;
}

/* --- events --- */

static void
begin_header(struct mime *m, enum mime_class class, enum mime_kind kind)
{
	m->in_header = true;
	m->seen_field = false;
	m->class = class;
	m->kind = kind;
	m->encoding = MIME_7BIT;
}

static void
begin_field(struct mime *m, size_t name_len)
{
	size_t colon = view_find(m->line, ':');

	/* Without blanks before the colon: rules look for the usual form. */
	str_set(&m->field, view_first(m->line, name_len));
	str_add(&m->field, view_skip(m->line, colon));
	m->field_changed = colon != name_len;
	m->field_at = m->line_at;
	m->field_len = m->line_len;
	m->name_len = name_len;
	m->has_field = m->seen_field = true;
	m->has_line = false;
}

/* The line goes on with the header. */
static void
extend_field(struct mime *m)
{
	m->field_len += m->line_len;
	m->has_line = false;
	if (m->field.len >= m->limits.header_size) {
		m->field_changed |= m->line.len > 0;
		return;
	}
	if (m->line_starts)
		str_add_byte(&m->field, '\n');
	str_add(&m->field, m->line);
}

static bool
tell_fault(struct mime *m, struct mime_event *ev)
{
	unsigned untold = m->faults & ~m->told;
	unsigned fault = untold & -untold;

	if (untold == 0)
		return false;
	m->told |= fault;
	*ev = (struct mime_event){ .what = MIME_FAULTY,
		.class = m->class,
		.fault = (enum mime_fault)fault,
		.at = mime_offset(m),
		.text = m->has_field ? str_view(&m->field)
		    : m->has_line    ? m->line
				     : VIEW_EMPTY };
	return true;
}

static bool
tell_field(struct mime *m, struct mime_event *ev)
{
	if (!m->is_examined)
		examine_field(m);
	if (tell_fault(m, ev))
		return true;
	*ev = (struct mime_event){ .what = MIME_HEADER,
		.class = m->class,
		.at = m->field_at,
		.len = m->field_len,
		.text = str_view(&m->field),
		.name = view_first(str_view(&m->field), m->name_len),
		.body = field_body(m),
		.is_changed = m->field_changed };
	ev->id = header_find_id(ev->name);
	m->has_field = false;
	m->is_examined = false;
	return true;
}

static bool
tell_headers_end(struct mime *m, struct mime_event *ev)
{
	bool is_empty =
	    m->has_line && m->line.len == 0 && m->line_ended;

	if (!m->is_examined && !m->limits.is_flat)
		examine_block(m);
	m->is_examined = true;
	if (tell_fault(m, ev))
		return true;
	*ev = (struct mime_event){ .what = MIME_HEADERS_END,
		.class = m->class,
		.at = m->has_line ? m->line_at : m->at,
		.len = is_empty ? m->line_len : 0,
		.text = VIEW_EMPTY,
		.is_ended = m->has_line };
	if (is_empty)
		m->has_line = false;
	m->is_examined = false;
	if (m->kind == MIME_MESSAGE && !m->limits.is_flat &&
	    (m->has_line || is_empty)) {
		begin_header(m, MIME_NESTED, MIME_TEXT);
	} else {
		m->in_header = false;
		m->body_offset = is_empty;
	}
	return true;
}

static void
tell_line(struct mime *m, struct mime_event *ev, enum mime_what what)
{
	*ev = (struct mime_event){ .what = what,
		.class = m->class,
		.at = m->line_at,
		.len = m->line_len,
		.text = m->line,
		.is_ended = m->line_ended,
		.offset = m->body_offset };
	m->body_offset += m->line.len + m->line_ended;
	m->has_line = m->is_examined = false;
}

/* The line that is next, in a header block.  False: another is needed. */
static bool
next_in_header(struct mime *m, struct mime_event *ev)
{
	size_t name_len;

	if (m->has_field) {
		bool goes_on = !m->line_starts || (m->line.len > 0 &&
		    (m->line.ptr[0] == ' ' || m->line.ptr[0] == '\t'));

		if (!goes_on)
			return tell_field(m, ev);
		extend_field(m);
		return false;
	}
	/* What precedes the block, or more of it than fits in one chunk. */
	if (!m->seen_field &&
	    (!m->line_starts || (m->class == MIME_PRIMARY &&
		header_is_from_line(m->line)))) {
		tell_line(m, ev,
		    m->class == MIME_PRIMARY ? MIME_FROM_LINE : MIME_LINE);
		return true;
	}
	name_len = header_name_len(m->line);
	if (name_len == 0)
		return tell_headers_end(m, ev);
	begin_field(m, name_len);
	return false;
}

/* Does this line end a part?  Then say what comes. */
static void
look_for_boundary(struct mime *m)
{
	struct view text = m->line;

	if (!m->line_starts || !view_starts(text, VIEW("--")))
		return;
	text = view_skip(text, 2);
	for (unsigned i = m->depth; i-- > 0;) {
		struct view boundary = str_view(&m->stages[i].boundary);

		if (!view_starts(text, boundary))
			continue;
		if (view_starts(view_skip(text, boundary.len), VIEW("--"))) {
			m->depth = i;
			m->kind = MIME_LEAF;
			m->encoding = MIME_7BIT;
			m->body_offset = 0;
		} else {
			m->depth = i + 1;
			begin_header(m, MIME_PART, m->stages[i].parts);
		}
		return;
	}
}

static bool
next_in_body(struct mime *m, struct mime_event *ev)
{
	if (!m->is_examined) {
		m->is_examined = true;
		if ((m->faults & MIME_FAULT_8BIT_BODY) == 0 &&
		    !m->limits.is_flat &&
		    mime_domain(m->encoding) == MIME_7BIT &&
		    !view_is_ascii(m->line))
			m->faults |= MIME_FAULT_8BIT_BODY;
	}
	if (tell_fault(m, ev))
		return true;
	if (m->depth > 0)
		look_for_boundary(m);
	tell_line(m, ev, MIME_LINE);
	return true;
}

/* After the last line. */
static bool
next_at_end(struct mime *m, struct mime_event *ev)
{
	if (m->has_field)
		return tell_field(m, ev);
	if (m->in_header) {
		tell_headers_end(m, ev);
		return true;
	}
	*ev = (struct mime_event){ .what = MIME_END, .at = m->at };
	m->is_over = true;
	return true;
}

bool
mime_next(struct mime *m, struct mime_event *ev)
{
	while (!m->is_over) {
		if (!m->has_line && !take_line(m))
			return m->is_finished && next_at_end(m, ev);
		if (m->in_header ? next_in_header(m, ev) : next_in_body(m, ev))
			return true;
	}
	return false;
}

/* --- faults --- */

static const struct {
	enum mime_fault fault;
	const char *text;
} fault_rows[] = {
	{ MIME_FAULT_NESTING, "5.6.0 MIME nesting exceeds safety limit" },
	{ MIME_FAULT_8BIT_HEADER,
	    "5.6.0 improper use of 8-bit data in message header" },
	{ MIME_FAULT_8BIT_BODY,
	    "5.6.0 improper use of 8-bit data in message body" },
	{ MIME_FAULT_DOMAIN,
	    "5.6.0 invalid message/* or multipart/* encoding domain" },
};

const char *
mime_fault_reply(unsigned faults)
{
	for (size_t i = 0; i < ARRAY_LEN(fault_rows); i++)
		if ((faults & fault_rows[i].fault) != 0)
			return fault_rows[i].text;
	return "5.6.0 unspecified MIME error";
}

const char *
mime_fault_text(enum mime_fault fault)
{
	return mime_fault_reply(fault) + sizeof("5.6.0 ") - 1;
}
