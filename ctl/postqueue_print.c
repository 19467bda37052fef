#include "ctl/postqueue.h"

#include "lib/base/view.h"

#include <inttypes.h>
#include <time.h>

enum { REASON_COLUMN = 76 };

/* The bytes of a printable character at the front of v; 0 if it is none: what
 * could end a line, move a cursor or turn a line around. */
static size_t
printable_len(struct view v)
{
	unsigned char c = (unsigned char)v.ptr[0];
	unsigned char next = v.len > 1 ? (unsigned char)v.ptr[1] : 0;
	unsigned char third = v.len > 2 ? (unsigned char)v.ptr[2] : 0;
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	if (n == 1)
		return c >= ' ' && c != 0x7f;
	if (n > v.len || !view_is_utf8(view_first(v, n)))
		return 0;
	if (c == 0xc2 && next < 0xa0)
		return 0;
	if (c == 0xe2 &&
	    ((next == 0x80 && third >= 0xa8 && third <= 0xae) ||
		(next == 0x81 && third >= 0xa6 && third <= 0xa9)))
		return 0;
	return n;
}

static void
add_printable(struct str *out, struct view v, bool quoted)
{
	while (v.len > 0) {
		size_t n = printable_len(v);

		if (n == 0)
			str_add_byte(out, '?');
		if (quoted && n == 1 && (v.ptr[0] == '"' || v.ptr[0] == '\\'))
			str_add_byte(out, '\\');
		str_add(out, view_first(v, n));
		v = view_skip(v, n > 0 ? n : 1);
	}
}

static struct view
sender_of(const struct queue_list_message *m)
{
	return m->sender.len > 0 ? m->sender : VIEW("MAILER-DAEMON");
}

/* --- text --- */

/* "Sat Nov 21 20:58:31 " */
static void
add_time(struct str *out, int64_t wall)
{
	time_t t = (time_t)wall;
	char text[40] = "";
	struct tm tm;

	if (localtime_r(&t, &tm) != NULL)
		strftime(text, sizeof(text), "%a %b %e %H:%M:%S ", &tm);
	str_add_text(out, text);
}

static void
begin_text(struct print *p)
{
	if (p->n_messages > 0)
		return;
	str_add_text(&p->out,
	    p->long_ids ? "----Queue ID----- --Size-- ---Arrival Time---- "
			  "--Sender/Recipient------\n"
			: "-Queue ID-  --Size-- ----Arrival Time---- "
			  "-Sender/Recipient-------\n");
}

static void
text_message(struct print *p, const struct queue_list_message *m)
{
	struct str id = STR_EMPTY, arrival = STR_EMPTY;

	begin_text(p);
	add_printable(&id, m->queue_id, false);
	if (view_eq(m->queue_name, VIEW("active")))
		str_add_byte(&id, '*');
	else if (view_eq(m->queue_name, VIEW("hold")))
		str_add_byte(&id, '!');
	if (m->expires)
		str_add_byte(&id, '#');
	add_time(&arrival, m->time);
	if (p->long_ids)
		str_addf(&p->out, "%-17s %8" PRId64 " %19.19s ", id.ptr,
		    m->size, arrival.ptr);
	else
		str_addf(&p->out, "%-11s %7" PRId64 " %20.20s ", id.ptr,
		    m->size, arrival.ptr);
	add_printable(&p->out, sender_of(m), false);
	str_add_byte(&p->out, '\n');
	str_clear(&id);
	str_clear(&arrival);
}

static void
text_reason(struct print *p, struct view reason)
{
	int pad =
	    reason.len < REASON_COLUMN ? REASON_COLUMN - (int)reason.len : 0;

	str_addf(&p->out, "%*s(", pad, "");
	add_printable(&p->out, reason, false);
	str_add_text(&p->out, ")\n");
}

static void
text_rcpt(struct print *p, const struct queue_list_rcpt *r)
{
	if (r->reason.len > 0 && !view_eq(r->reason, str_view(&p->reason)))
		text_reason(p, r->reason);
	else if (r->reason.len == 0 && p->reason.len > 0)
		text_reason(p, VIEW("reason unavailable"));
	str_set(&p->reason, r->reason);
	if (p->long_ids)
		str_addf(&p->out, "%-17s %8s %-19s ", "", "", "");
	else
		str_addf(&p->out, "%-11s %7s %-20s ", "", "", "");
	add_printable(&p->out, r->recipient, false);
	str_add_byte(&p->out, '\n');
}

static void
text_finish(struct print *p)
{
	if (p->n_messages == 0)
		str_add_text(&p->out, "Mail queue is empty\n");
	else
		str_addf(&p->out,
		    "-- %" PRId64 " Kbytes in %" PRId64 " Request%s.\n",
		    p->n_bytes / 1024, p->n_messages,
		    p->n_messages == 1 ? "" : "s");
}

/* --- JSON --- */

static void
json_text(struct str *out, const char *name, struct view value)
{
	str_addf(out, "\"%s\": \"", name);
	add_printable(out, value, true);
	str_add_byte(out, '"');
}

static void
json_message(struct print *p, const struct queue_list_message *m)
{
	struct str *out = &p->out;

	str_add_byte(out, '{');
	json_text(out, "queue_name", m->queue_name);
	str_add_text(out, ", ");
	json_text(out, "queue_id", m->queue_id);
	str_addf(out,
	    ", \"arrival_time\": %" PRId64 ", \"message_size\": %" PRId64
	    ", \"forced_expire\": %s, ",
	    m->time, m->size, m->expires ? "true" : "false");
	json_text(out, "sender", sender_of(m));
	str_add_text(out, ", \"recipients\": [");
}

static void
json_rcpt(struct print *p, const struct queue_list_rcpt *r)
{
	const char *name = view_eq(r->log_class, VIEW("delay")) ? "delay_reason"
	    : view_eq(r->log_class, VIEW("bounce")) ? "bounce_reason"
						    : "other_reason";

	str_add_text(&p->out, p->n_rcpts > 0 ? ", {" : "{");
	json_text(&p->out, "orig_address", r->original);
	str_add_text(&p->out, ", ");
	json_text(&p->out, "address", r->recipient);
	if (r->reason.len > 0) {
		str_add_text(&p->out, ", ");
		json_text(&p->out, name, r->reason);
	}
	str_add_byte(&p->out, '}');
}

/* --- events --- */

static void
on_message(struct queue_list_reader *r, const struct queue_list_message *m)
{
	struct print *p = r->owner;

	if (p->form == PRINT_JSON)
		json_message(p, m);
	else
		text_message(p, m);
	p->n_messages++;
	if (m->size > 0 && m->size < INT64_MAX - p->n_bytes)
		p->n_bytes += m->size;
	p->n_rcpts = 0;
	str_reset(&p->reason);
}

static void
on_rcpt(struct queue_list_reader *r, const struct queue_list_rcpt *rcpt)
{
	struct print *p = r->owner;

	if (p->form == PRINT_JSON)
		json_rcpt(p, rcpt);
	else
		text_rcpt(p, rcpt);
	p->n_rcpts++;
}

static void
on_message_end(struct queue_list_reader *r)
{
	struct print *p = r->owner;

	str_add_text(&p->out, p->form == PRINT_JSON ? "]}\n" : "\n");
}

void
print_init(struct print *p, enum print_form form, bool long_ids)
{
	*p = (struct print){ .form = form,
		.long_ids = long_ids,
		.out = STR_EMPTY,
		.reason = STR_EMPTY };
	queue_list_reader_init(&p->reader);
	p->reader.message = on_message;
	p->reader.rcpt = on_rcpt;
	p->reader.message_end = on_message_end;
	p->reader.owner = p;
}

void
print_clear(struct print *p)
{
	queue_list_reader_clear(&p->reader);
	str_clear(&p->out);
	str_clear(&p->reason);
}

struct err
print_feed(struct print *p, struct view bytes)
{
	return queue_list_feed(&p->reader, bytes);
}

void
print_finish(struct print *p)
{
	if (p->form == PRINT_TEXT)
		text_finish(p);
}
