/*
 * Through the whole content for header and body checks, once all of it has
 * come: in memory, or read back from the queue file.  What they change becomes
 * pieces; the content stays as it was accepted.
 */
#include "cleanup/checks.h"

#include "lib/base/mem.h"
#include "lib/run/fiber.h"

struct walk {
	struct message *m;
	const struct checks *checks;
	struct mime mime;
	struct seen seen;
	struct str piece;    /* what was read back */
	struct str value;    /* a table's answer */
	struct err error;    /* of rewriting */
	struct verdict *verdict;
	bool is_refused; /* the verdict says how */
	unsigned faults; /* that are refused at the end */
	bool past_header;
};

static bool
is_checked(const struct walk *w, enum check_map map)
{
	return !w->m->orders.no_more_checks &&
	    !table_list_is_empty(w->checks->maps.lists[map]);
}

/* --- headers --- */

static void
take_header(struct walk *w, const struct mime_event *ev)
{
	struct range where = { (int64_t)ev->at, (int64_t)ev->len };
	enum check_map map = check_maps_of(ev);
	enum check_end end = CHECK_KEEP;
	struct view text = ev->text;
	bool is_own;

	if (is_checked(w, map))
		end = checks_apply(w->m, map, text, &w->value);
	if (end == CHECK_DROP || end == CHECK_FAILED)
		return;
	is_own = end == CHECK_REPLACE || ev->is_changed;
	if (end == CHECK_REPLACE)
		text = str_view(&w->value);
	if (ev->class == MIME_PRIMARY && map == CHECK_HEADER)
		w->error = headers_take_text(
		    w->m, text, is_own ? NULL : &where, &w->seen);
	else if (is_own)
		pieces_add_lines(w->m, text, true);
	else
		pieces_keep(w->m, where.at, where.len);
}

static void
end_headers(struct walk *w, const struct mime_event *ev)
{
	if (ev->class == MIME_PRIMARY) {
		w->past_header = true;
		if (!headers_end(w->m, &w->seen, w->verdict)) {
			w->is_refused = true;
			return;
		}
	}
	if (ev->len > 0)
		pieces_keep(w->m, (int64_t)ev->at, (int64_t)ev->len);
	else if (ev->class == MIME_PRIMARY &&
	    (ev->is_ended || w->m->n_pieces > 0))
		headers_end_without_line(w->m);
}

/* --- bodies --- */

static void
take_line(struct walk *w, const struct mime_event *ev)
{
	enum check_end end = CHECK_KEEP;
	struct message *m = w->m;

	if (!m->orders.no_more_checks &&
	    check_maps_want_line(&w->checks->maps, ev))
		end = checks_apply(m, CHECK_BODY, ev->text, &w->value);
	if (end == CHECK_KEEP) {
		pieces_keep(m, (int64_t)ev->at, (int64_t)ev->len);
	} else if (end == CHECK_REPLACE) {
		pieces_add_lines(m, str_view(&w->value), false);
	}
}

static void
take_fault(struct walk *w, const struct mime_event *ev)
{
	if ((w->checks->faults & ev->fault) == 0 ||
	    (ev->fault == MIME_FAULT_8BIT_HEADER &&
		(w->m->flags & SUBMIT_SMTPUTF8) != 0))
		return;
	checks_log_fault(w->m, ev->fault, ev->text);
	/* What else there is to say is said first. */
	w->faults |= ev->fault;
}

static void
take_event(struct walk *w, const struct mime_event *ev)
{
	switch (ev->what) {
	case MIME_HEADER:
		take_header(w, ev);
		break;
	case MIME_HEADERS_END:
		end_headers(w, ev);
		break;
	case MIME_LINE:
		take_line(w, ev);
		break;
	case MIME_FAULTY:
		take_fault(w, ev);
		break;
	case MIME_FROM_LINE:
	case MIME_END:
		break;
	}
}

/* --- the way through --- */

static bool
is_stopped(const struct walk *w)
{
	return w->is_refused || err_is(w->error) || w->m->orders.code != 0 ||
	    err_is(w->m->failure);
}

/* Nothing that follows is of interest. */
static bool
is_done(const struct walk *w)
{
	unsigned beyond = MIME_FAULT_8BIT_BODY | MIME_FAULT_DOMAIN;

	if (w->past_header && w->m->orders.no_more_checks)
		return true;
	/* Nesting is of no interest where nobody looks into it. */
	return (w->checks->faults & beyond) == 0 &&
	    check_maps_are_done(&w->checks->maps, &w->mime, w->past_header);
}

/* The next piece of the content; empty at the end, and on failure. */
static struct view
next_piece(struct walk *w, int64_t at)
{
	struct message *m = w->m;
	int64_t left = m->content_len - at;
	int64_t len = left < CLEANUP_READ_STEP ? left : CLEANUP_READ_STEP;

	if (m->submit.whole != 0)
		return view_sub(m->content, (size_t)at, (size_t)len);
	m->window = VIEW_EMPTY;
	str_reset(&w->piece);
	pieces_read(m, at, len, &w->piece);
	if (err_is(m->failure))
		return VIEW_EMPTY;
	m->window = str_view(&w->piece);
	m->window_at = at;
	return m->window;
}

static void
walk_all(struct walk *w)
{
	struct mime_event ev = { .what = MIME_LINE };
	int64_t at = 0;

	while (!is_stopped(w) && ev.what != MIME_END) {
		struct view piece = next_piece(w, at);

		at += (int64_t)piece.len;
		if (piece.len > 0)
			mime_take(&w->mime, piece);
		else
			mime_finish(&w->mime);
		while (!is_stopped(w) && mime_next(&w->mime, &ev)) {
			take_event(w, &ev);
			if (ev.what != MIME_END && is_done(w)) {
				pieces_keep_rest(
				    w->m, (int64_t)mime_offset(&w->mime));
				return;
			}
		}
		/* Others have their turn; cancelled, nobody waits for us. */
		if (at < w->m->content_len && err_is(fiber_yield()))
			w->error = err_make(ERR_GONE, "cancelled");
	}
}

bool
walk_content(struct message *m, struct verdict *verdict)
{
	struct walk w = { .m = m,
		.checks = m->cleanup->checks,
		.piece = STR_EMPTY,
		.value = STR_EMPTY,
		.error = ERR_OK,
		.verdict = verdict };

	store_flush(m);
	mime_init(&w.mime, &w.checks->maps.limits);
	walk_all(&w);
	mime_clear(&w.mime);
	str_clear(&w.piece);
	str_clear(&w.value);
	m->window = VIEW_EMPTY;
	if (w.faults != 0)
		orders_refuse(
		    &m->orders, 550, "%s", mime_fault_reply(w.faults));
	if (m->orders.code != 0) {
		*verdict =
		    (struct verdict){ m->orders.code, m->orders.reason.ptr };
		return false;
	}
	/* What failed on the disk is told when the file is committed. */
	if (err_is(w.error)) {
		*verdict = (struct verdict){ 451,
			"4.3.0 Error: queue file write error" };
		return false;
	}
	return !w.is_refused;
}
