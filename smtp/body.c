/*
 * The content of a message on its way out: see body.h.  What goes out has no
 * bare CR or LF, whatever the file holds: BDAT is for content that was looked
 * at, everything else passes the encoder.
 */
#include "smtp/body.h"

#include "lib/mail/content.h"
#include "lib/mail/dialogue.h"
#include "lib/mail/downgrade.h"
#include "smtp/checks.h"
#include "smtp/envelope.h"
#include "smtp/generic.h"

#include <inttypes.h>

enum { LINE_LIMIT_MIN = 16, SEND_MIN = 32768 };

static size_t
line_limit(const struct settings *set)
{
	int64_t limit = set->line_length_limit;

	if (limit <= 0)
		return 0;
	return limit < LINE_LIMIT_MIN ? LINE_LIMIT_MIN : (size_t)limit;
}

/* --- looking at content --- */

struct scan {
	size_t line; /* bytes of this line so far, CR included */
	size_t longest;
	int64_t total;
	char last;
	bool has_bare_end; /* CR or LF alone */
	bool is_header;	   /* still in the primary header */
	bool has_8bit_header;
};

static void
scan_line(struct scan *c, struct view part, bool is_ended)
{
	if (c->is_header && !view_is_ascii(part))
		c->has_8bit_header = true;
	c->line += part.len;
	if (c->line > c->longest)
		c->longest = c->line;
	if (!is_ended)
		return;
	if (c->line <= 1)
		c->is_header = false;
	c->line = 0;
}

/* Every CR must be followed by LF, every LF must follow a CR. */
static void
scan_ends(struct scan *c, struct view piece)
{
	for (size_t i = 0; i < piece.len; i++) {
		char byte = piece.ptr[i];

		c->has_bare_end |= (c->last == '\r') != (byte == '\n');
		c->last = byte;
	}
}

static void
scan_feed(struct scan *c, struct view piece)
{
	c->total += (int64_t)piece.len;
	scan_ends(c, piece);
	while (piece.len > 0) {
		size_t at = view_find(piece, '\n');

		scan_line(c, view_first(piece, at), at != VIEW_NPOS);
		if (at == VIEW_NPOS)
			break;
		piece = view_skip(piece, at + 1);
	}
}

/* False if it cannot be read. */
static bool
scan(const struct ipc_deliver *ask, bool only_header, struct scan *out)
{
	struct queue_content c;
	struct view piece;
	struct err e;

	*out = (struct scan){ .is_header = true };
	queue_content_init(&c, ask->file, ask->layout);
	do {
		e = queue_content_next(&c, &piece);
		if (!err_is(e))
			scan_feed(out, piece);
	} while (
	    !err_is(e) && piece.len > 0 && (!only_header || out->is_header));
	queue_content_clear(&c);
	return !err_is(e);
}

bool
body_has_8bit_header(const struct ipc_deliver *ask)
{
	struct scan c;

	return scan(ask, true, &c) && c.has_8bit_header;
}

bool
body_is_fit_for_bdat(const struct ipc_deliver *ask, const struct session *s)
{
	size_t limit = line_limit(s->set);
	struct scan c;

	/* A line's CR was counted too. */
	return scan(ask, false, &c) && c.total == ask->size &&
	    !c.has_bare_end && c.last == '\n' &&
	    (limit == 0 || c.longest <= limit + 1);
}

/* --- sending --- */

struct sender {
	const struct envelope *envelope;
	struct content_out out;
	struct downgrade down;
	struct str plain; /* downgraded, not yet stuffed */
	struct generic_header generic;
	struct str mapped; /* with other addresses */
	struct checking checking;
	struct str checked;
};

static void
encode(struct sender *x, struct view piece, struct str *out)
{
	if (x->envelope->is_bdat) {
		str_add(out, piece);
	} else if (x->envelope->is_downgraded) {
		str_reset(&x->plain);
		downgrade_feed(&x->down, piece, &x->plain);
		content_out_feed(&x->out, str_view(&x->plain), out);
	} else {
		content_out_feed(&x->out, piece, out);
	}
}

/* By way of smtp_generic_maps, while the header lasts. */
static struct err
map(struct sender *x, struct view piece, bool is_end, struct str *out)
{
	struct err e = ERR_OK;

	if (x->generic.is_done) {
		encode(x, piece, out);
		return e;
	}
	str_reset(&x->mapped);
	e = is_end ? generic_header_finish(&x->generic, &x->mapped)
		   : generic_header_feed(&x->generic, piece, &x->mapped);
	if (!err_is(e) && x->mapped.len > 0)
		encode(x, str_view(&x->mapped), out);
	return e;
}

/* By way of the checks, and then of that. */
static struct err
change(struct sender *x, struct view piece, bool is_end, struct str *out)
{
	struct err e = ERR_OK;

	if (!x->checking.is_done) {
		str_reset(&x->checked);
		e = is_end ? checking_finish(&x->checking, &x->checked)
			   : checking_feed(&x->checking, piece, &x->checked);
		piece = str_view(&x->checked);
	}
	if (!err_is(e) && (piece.len > 0 || !is_end))
		e = map(x, piece, false, out);
	if (!err_is(e) && is_end)
		e = map(x, VIEW_EMPTY, true, out);
	return e;
}

static void
encode_end(struct sender *x, struct str *out)
{
	if (x->envelope->is_bdat)
		return;
	if (x->envelope->is_downgraded) {
		str_reset(&x->plain);
		downgrade_finish(&x->down, &x->plain);
		content_out_feed(&x->out, str_view(&x->plain), out);
	}
	content_out_finish(&x->out, out);
}

/* The file, not the server.  There is no way to take back half a message but
 * to leave. */
static enum body_end
fail_locally(struct session *s, const struct err *e, struct why *why)
{
	s->is_broken = true;
	why_set(
	    why, DSN_STATUS(4, 3, 0), "cannot read the message: %s", e->text);
	return BODY_FAILED;
}

static enum body_end
send_pieces(struct sender *x, struct queue_content *c,
    const struct ipc_deliver *ask, struct session *s, struct why *why)
{
	int64_t sent = 0;
	struct view piece;
	struct err e;

	for (;;) {
		e = queue_content_next(c, &piece);
		if (err_is(e))
			return fail_locally(s, &e, why);
		if (piece.len == 0)
			break;
		sent += (int64_t)piece.len;
		e = change(x, piece, false, &s->io.out);
		if (err_is(e))
			return fail_locally(s, &e, why);
		/* A layout may be of many small ranges. */
		if (s->io.out.len < SEND_MIN ||
		    session_flush(s, PHASE_BODY, why))
			continue;
		return session_read_last_words(s) ? BODY_REFUSED : BODY_FAILED;
	}
	e = change(x, VIEW_EMPTY, true, &s->io.out);
	if (err_is(e))
		return fail_locally(s, &e, why);
	/* The size was announced: another one would be another message. */
	if (x->envelope->is_bdat && sent != ask->size) {
		e = err_make(ERR_PERM, "its size has changed");
		return fail_locally(s, &e, why);
	}
	encode_end(x, &s->io.out);
	if (s->is_traced && !x->envelope->is_bdat)
		dialogue_log(DIALOGUE_SENT, s->name.ptr, VIEW("."));
	return BODY_SENT;
}

enum body_end
body_send(const struct envelope *en, const struct ipc_deliver *ask,
    struct session *s, struct why *why)
{
	struct sender x = { .envelope = en,
		.plain = STR_EMPTY,
		.mapped = STR_EMPTY,
		.checked = STR_EMPTY };
	struct queue_content c;
	enum body_end end;

	content_out_init(&x.out, line_limit(s->set));
	downgrade_init(&x.down);
	generic_header_init(&x.generic, s->set);
	checking_init(&x.checking, s->set, ask->queue_id);
	queue_content_init(&c, ask->file, ask->layout);
	if (en->is_bdat)
		session_sayf(s, "BDAT %" PRId64 " LAST\r\n", ask->size);
	end = send_pieces(&x, &c, ask, s, why);
	queue_content_clear(&c);
	downgrade_clear(&x.down);
	generic_header_clear(&x.generic);
	checking_clear(&x.checking);
	str_clear(&x.checked);
	str_clear(&x.plain);
	str_clear(&x.mapped);
	return end;
}
