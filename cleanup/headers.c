/*
 * The message's header: what is dropped (Bcc and its like), completed, and
 * added.  The content itself is not changed: the layout says which of its
 * bytes are sent, and where new ones go in.
 */
#include "cleanup/message.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/mail/compose.h"
#include "lib/mail/date.h"
#include "lib/mail/mime.h"
#include "lib/mail/queue_id.h"

#include <assert.h>
#include <inttypes.h>

enum { MESSAGE_ID_MAX = 1000 };

void
headers_drop(struct cleanup *c, struct view name)
{
	enum header_id id = header_find_id(name);
	struct str lower = STR_EMPTY;

	assert(HEADER_N <= 64);
	c->drops |= UINT64_C(1) << id;
	if (id != HEADER_OTHER)
		return;
	str_set(&lower, name);
	str_lower(&lower);
	htable_set(&c->drop_others, str_view(&lower), c);
	str_clear(&lower);
}

static bool
is_dropped(const struct message *m, const struct header *h)
{
	char lower[80];

	if ((m->cleanup->drops >> h->id & 1) == 0)
		return false;
	if (h->id != HEADER_OTHER)
		return true;
	if (h->name.len >= sizeof(lower))
		return false;
	for (size_t i = 0; i < h->name.len; i++)
		lower[i] = ascii_lower(h->name.ptr[i]);
	return htable_find(&m->cleanup->drop_others,
	    view_make(lower, h->name.len)) != NULL;
}

static void
log_message_id(const struct message *m, struct view name, struct view id)
{
	log_info("%.*s: %.*smessage-id=%.*s", VIEW_ARGS(m->submit.queue_id),
	    VIEW_ARGS(name), VIEW_ARGS(id));
}

static void
note_message_id(struct message *m, const struct header *h)
{
	char buffer[MESSAGE_ID_MAX];
	struct view id = header_unfold(h->body, buffer, sizeof(buffer));

	log_message_id(m,
	    h->id == HEADER_MESSAGE_ID ? VIEW_EMPTY : VIEW("resent-"), id);
	if (h->id == HEADER_MESSAGE_ID && m->message_id.len == 0)
		str_set(&m->message_id, id);
}

static void
note_header(struct message *m, const struct header *h, struct seen *seen)
{
	/* By id; what `seen` has nothing for goes to its beginning. */
	static const size_t places[HEADER_N] = {
		[HEADER_FROM] = offsetof(struct seen, from),
		[HEADER_DATE] = offsetof(struct seen, date),
		[HEADER_TO] = offsetof(struct seen, to),
		[HEADER_CC] = offsetof(struct seen, to),
		[HEADER_MESSAGE_ID] = offsetof(struct seen, message_id),
		[HEADER_RESENT_FROM] = offsetof(struct seen, resent_from),
		[HEADER_RESENT_DATE] = offsetof(struct seen, resent_date),
		[HEADER_RESENT_MESSAGE_ID] = offsetof(struct seen, resent_id),
	};

	*(bool *)(void *)((char *)seen + places[h->id]) = true;
	if ((h->flags & HEADER_RESENT) != 0)
		seen->is_resent = true;
	seen->hops += h->id == HEADER_RECEIVED;
	if (h->id == HEADER_MESSAGE_ID || h->id == HEADER_RESENT_MESSAGE_ID)
		note_message_id(m, h);
}

/* It is sent as it is: out of the content, or what a rule made of it. */
static void
keep(struct message *m, const struct header *h, const struct range *where)
{
	size_t from = m->added.len;

	if (where != NULL) {
		pieces_keep(m, where->at, where->len);
		return;
	}
	str_add(&m->added, h->text);
	pieces_add_own(m, from);
}

struct err
headers_take(struct message *m, const struct header *h,
    const struct range *where, struct seen *seen)
{
	size_t from = m->added.len;
	bool changed = false;
	struct err e = ERR_OK;

	note_header(m, h, seen);
	if (is_dropped(m, h))
		return e;
	if (header_addresses_apply(m, h->flags))
		e = header_addresses_rewrite(m, h, &changed);
	if (changed)
		pieces_add_own(m, from);
	else
		keep(m, h, where);
	return e;
}

static void
add_message_id(struct message *m, const char *field)
{
	struct view id = m->submit.queue_id;
	struct str value = STR_EMPTY;

	compose_add_message_id(&value, id,
	    m->cleanup->conf->enable_long_queue_ids,
	    view_of(m->cleanup->conf->myhostname),
	    m->submit.arrival_us / 1000000);
	str_addf(&m->added, "%s: %s\r\n", field, value.ptr);
	log_message_id(m,
	    strcmp(field, "Message-Id") == 0 ? VIEW_EMPTY : VIEW("resent-"),
	    str_view(&value));
	if (m->message_id.len == 0)
		str_set(&m->message_id, str_view(&value));
	str_clear(&value);
}

static void
add_date(struct message *m, const char *field)
{
	char buffer[DATE_SIZE];
	struct view date =
	    date_format(m->submit.arrival_us / 1000000, buffer);

	str_addf(&m->added, "%s: %.*s\r\n", field, VIEW_ARGS(date));
}

/* Message-Id, Date, From: only for mail of our own clients, or if the site
 * wants them always; in this order, as Postfix has it. */
static void
add_missing(struct message *m, const struct seen *seen)
{
	const struct conf *conf = m->cleanup->conf;
	size_t start = m->added.len;
	bool r = seen->is_resent;

	if (!header_addresses_are_local(m) && !conf->always_add_missing_headers)
		return;
	if (!(r ? seen->resent_id : seen->message_id))
		add_message_id(m, r ? "Resent-Message-Id" : "Message-Id");
	if (!(r ? seen->resent_date : seen->date))
		add_date(m, r ? "Resent-Date" : "Date");
	if (!(r ? seen->resent_from : seen->from))
		compose_add_from(&m->added, r ? "Resent-From" : "From",
		    m->sender.len > 0 ? str_view(&m->sender) :
					VIEW("MAILER-DAEMON"),
		    m->submit.full_name, VIEW("utf-8"),
		    m->cleanup->from_obsolete ? COMPOSE_FROM_OBSOLETE :
						COMPOSE_FROM_STANDARD);
	if (!seen->to && !r && conf->undisclosed_recipients_header[0] != '\0')
		str_addf(&m->added, "%s\r\n",
		    conf->undisclosed_recipients_header);
	pieces_add_own(m, start);
}

struct err
headers_take_text(struct message *m, struct view text,
    const struct range *where, struct seen *seen)
{
	struct str lines = STR_EMPTY;
	struct header_iter it;
	struct header h;
	struct err e = ERR_OK;

	header_add_lines(&lines, text, true);
	header_iter_init(&it, str_view(&lines));
	if (header_next(&it, &h) == HEADER_FIELD)
		e = headers_take(m, &h, where, seen);
	else if (where != NULL)
		pieces_keep(m, where->at, where->len);
	str_clear(&lines);
	return e;
}

/* A header over header_size_limit, without what exceeds that. */
static struct err
take_beginning(struct message *m, const struct header *h, struct seen *seen)
{
	const struct conf *conf = m->cleanup->conf;
	struct mime_limits limits = {
		.header_size = (size_t)conf->header_size_limit,
		.line = (size_t)conf->line_length_limit,
		.is_flat = true
	};
	struct mime mime;
	struct mime_event ev;
	struct err e = ERR_OK;

	mime_init(&mime, &limits);
	mime_take(&mime, h->text);
	mime_finish(&mime);
	if (mime_next(&mime, &ev) && ev.what == MIME_HEADER)
		e = headers_take_text(m, ev.text, NULL, seen);
	mime_clear(&mime);
	return e;
}

/* What of the content is looked at.  If that is not all, it ends with a whole
 * line, so that no half of one is taken for something else. */
static struct view
whole_lines(const struct message *m, struct view head)
{
	size_t last;

	if ((int64_t)head.len >= m->content_len)
		return head;
	last = view_find_last(head, '\n');
	return last == VIEW_NPOS ? head : view_first(head, last + 1);
}

/* Through the block, up to what is left as it is: returned, with its offset.
 * HEADER_FIELD: the block goes on beyond what is looked at. */
static struct err
process_block(struct message *m, struct view head, struct seen *seen,
    enum header_what *end, size_t *rest)
{
	struct header_iter it;
	struct header h;
	struct err e = ERR_OK;

	header_iter_init(&it, head);
	for (;;) {
		*end = header_next(&it, &h);
		*rest = h.offset;
		if (*end != HEADER_FIELD && *end != HEADER_FROM_LINE)
			return e;
		/* It may go on where we do not look: leave it alone. */
		if (h.offset + h.text.len == head.len &&
		    (int64_t)head.len < m->content_len) {
			*end = HEADER_FIELD;
			return e;
		}
		if (*end == HEADER_FIELD &&
		    (int64_t)h.text.len > m->cleanup->conf->header_size_limit)
			e = take_beginning(m, &h, seen);
		else if (*end == HEADER_FIELD)
			e = headers_take(m, &h,
			    &(struct range){ (int64_t)h.offset,
				(int64_t)h.text.len },
			    seen);
		if (err_is(e))
			return e;
	}
}

static const struct verdict write_error = { 451,
	"4.3.0 Error: queue file write error" };
static const struct verdict too_many_hops = { 554,
	"5.4.0 Error: too many hops" };

bool
headers_end(struct message *m, const struct seen *seen, struct verdict *verdict)
{
	if (seen->hops > m->cleanup->conf->hopcount_limit &&
	    (m->submit.flags & SUBMIT_REQUEUED) == 0) {
		*verdict = too_many_hops;
		return false;
	}
	add_missing(m, seen);
	if (!seen->message_id && m->message_id.len == 0)
		log_message_id(m, VIEW_EMPTY, VIEW("<>"));
	return true;
}

void
headers_end_without_line(struct message *m)
{
	size_t from = m->added.len;

	str_add_text(&m->added, "\r\n");
	pieces_add_own(m, from);
}

bool
headers_process(struct message *m, struct view head, struct verdict *verdict)
{
	struct seen seen = { false };
	enum header_what end;
	size_t rest;
	struct err e;

	m->header = whole_lines(m, head);
	e = process_block(m, m->header, &seen, &end, &rest);
	if (err_is(e)) {
		*verdict = write_error;
		return false;
	}
	if (!headers_end(m, &seen, verdict))
		return false;
	/* There was no empty line: the body begins with one. */
	if (end == HEADER_NOT || (end == HEADER_EOF && m->n_pieces > 0))
		headers_end_without_line(m);
	pieces_keep_rest(m, (int64_t)rest);
	return true;
}
