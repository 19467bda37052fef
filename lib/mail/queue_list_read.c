/* Reading the listing: see queue_list.h. */
#include "lib/mail/queue_list.h"

#include "lib/base/mem.h"

enum { FIELD_MAX = 8192 };

enum state { AT_PROTOCOL, AT_HEAD, AT_RCPTS };

/* The fields of a message's head, then those of a recipient, in their order;
 * the rows' places are the bits of `seen`. */
static const char *const head_names[] = { "queue_name", "queue_id", "time",
	"size", "forced_expire", "sender" };
static const char *const rcpt_names[] = { "original_recipient", "recipient",
	"log_class", "reason" };

void
queue_list_reader_init(struct queue_list_reader *r)
{
	r->has_ended = false;
	r->pending = STR_EMPTY;
	r->head = STR_EMPTY;
	r->rcpt_text = STR_EMPTY;
	r->state = AT_PROTOCOL;
	r->seen = 0;
}

void
queue_list_reader_clear(struct queue_list_reader *r)
{
	str_clear(&r->pending);
	str_clear(&r->head);
	str_clear(&r->rcpt_text);
}

static bool
next_value(struct view *rest, struct view *value)
{
	return rest->len > 0 && view_field(rest, '\0', value);
}

static struct err
report_head(struct queue_list_reader *r)
{
	struct queue_list_message m;
	struct view rest = str_view(&r->head), time, size, expires;
	int64_t flag;

	if (!next_value(&rest, &m.queue_name) ||
	    !next_value(&rest, &m.queue_id) || !next_value(&rest, &time) ||
	    !next_value(&rest, &size) || !next_value(&rest, &expires) ||
	    !next_value(&rest, &m.sender) || !view_to_int(time, &m.time) ||
	    !view_to_int(size, &m.size) || !view_to_int(expires, &flag))
		return err_make(ERR_PERM, "queue listing: malformed message");
	m.expires = flag != 0;
	r->message(r, &m);
	return ERR_OK;
}

static void
report_rcpt(struct queue_list_reader *r)
{
	struct queue_list_rcpt x = { VIEW_EMPTY, VIEW_EMPTY, VIEW_EMPTY,
		VIEW_EMPTY };
	struct view rest = str_view(&r->rcpt_text);

	if (next_value(&rest, &x.original) && next_value(&rest, &x.recipient) &&
	    next_value(&rest, &x.log_class))
		next_value(&rest, &x.reason);
	r->rcpt(r, &x);
	str_reset(&r->rcpt_text);
}

/* The fields come in one order. */
static struct err
take_field(struct queue_list_reader *r, const char *const *names, size_t n,
    struct str *to, struct view name, struct view value)
{
	if (r->seen >= n || !view_eq(name, view_of(names[r->seen])))
		return err_make(ERR_PERM, "queue listing: unexpected field");
	str_add(to, value);
	str_add_byte(to, '\0');
	r->seen++;
	return ERR_OK;
}

static struct err
take_pair(struct queue_list_reader *r, struct view name, struct view value)
{
	struct err e;

	switch (r->state) {
	case AT_PROTOCOL:
		if (!view_eq(name, VIEW("protocol")) ||
		    !view_eq(value, VIEW("mail_queue_list_protocol")))
			break;
		return ERR_OK;
	case AT_HEAD:
		e = take_field(r, head_names, ARRAY_LEN(head_names), &r->head,
		    name, value);
		if (!err_is(e) && r->seen == ARRAY_LEN(head_names)) {
			e = report_head(r);
			r->state = AT_RCPTS;
			r->seen = 0;
		}
		return e;
	case AT_RCPTS:
		e = take_field(r, rcpt_names, ARRAY_LEN(rcpt_names),
		    &r->rcpt_text, name, value);
		if (!err_is(e) && r->seen == ARRAY_LEN(rcpt_names)) {
			report_rcpt(r);
			r->seen = 0;
		}
		return e;
	}
	return err_make(ERR_PERM, "queue listing: unexpected field");
}

/* An empty name. */
static struct err
take_end(struct queue_list_reader *r)
{
	if (r->seen != 0)
		return err_make(ERR_PERM, "queue listing: field missing");
	if (r->state == AT_HEAD)
		r->has_ended = true;
	if (r->state == AT_RCPTS) {
		r->message_end(r);
		str_reset(&r->head);
	}
	r->state = AT_HEAD;
	return ERR_OK;
}

/* One step; *more is false if bytes are missing. */
static struct err
take_step(struct queue_list_reader *r, struct view *rest, bool *more)
{
	size_t name_len = view_find(*rest, '\0'), value_len;
	struct view name, value;

	*more = name_len != VIEW_NPOS;
	if (name_len == 0) {
		*rest = view_skip(*rest, 1);
		return take_end(r);
	}
	if (!*more)
		return ERR_OK;
	name = view_first(*rest, name_len);
	value = view_skip(*rest, name_len + 1);
	value_len = view_find(value, '\0');
	*more = value_len != VIEW_NPOS;
	if (!*more)
		return ERR_OK;
	value = view_first(value, value_len);
	*rest = view_skip(*rest, name_len + value_len + 2);
	return take_pair(r, name, value);
}

struct err
queue_list_feed(struct queue_list_reader *r, struct view bytes)
{
	struct view rest;
	bool more = true;
	struct err e = ERR_OK;

	str_add(&r->pending, bytes);
	rest = str_view(&r->pending);
	while (!err_is(e) && more && !r->has_ended)
		e = take_step(r, &rest, &more);
	if (!err_is(e) && !r->has_ended && rest.len > FIELD_MAX)
		e = err_make(ERR_PERM, "queue listing: field too long");
	str_drop_front(&r->pending, r->pending.len - rest.len);
	return e;
}
