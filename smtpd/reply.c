/* Replies: see reply.h. */
#include "smtpd/reply.h"

#include "lib/mail/dialogue.h"
#include "smtpd/limits.h"
#include "smtpd/refine.h"
#include "smtpd/transcript.h"

#include <stdio.h>

/* RFC 5321 4.5.3.1.5: 512 bytes with the line end. */
enum { REPLY_MAX = 510 };

/* Is one of these eight bytes below 32 or above 126?  Then it, or it less 32, or
 * it plus 1 has its top bit set; and only such a byte borrows from its neighbour
 * or carries into it. */
static bool
has_unprintable(uint64_t bytes)
{
	const uint64_t each = UINT64_C(0x0101010101010101);

	return ((bytes | (bytes - each * 32) | (bytes + each)) &
		   each * 0x80) != 0;
}

/* Printable ASCII only: nearly always. */
static bool
is_plain(struct view v)
{
	size_t i = 0;

	for (; i + sizeof(uint64_t) <= v.len; i += sizeof(uint64_t)) {
		uint64_t bytes;

		memcpy(&bytes, v.ptr + i, sizeof(bytes));
		if (has_unprintable(bytes))
			return false;
	}
	for (; i < v.len; i++)
		if (v.ptr[i] < ' ' || v.ptr[i] > '~')
			return false;
	return true;
}

bool
reply_add_clean(struct str *out, struct view v, size_t max)
{
	bool is_utf8;

	v = view_first(v, max);
	if (is_plain(v)) {
		str_add(out, v);
		return true;
	}
	while (v.len > 0 && v.len == max && !view_is_utf8(v) &&
	    ((unsigned char)v.ptr[v.len - 1] & 0x80) != 0)
		v.len--;
	is_utf8 = view_is_utf8(v);
	for (size_t i = 0; i < v.len; i++) {
		unsigned char c = (unsigned char)v.ptr[i];

		if (c < 32 || c == 127 || (c > 127 && !is_utf8))
			str_add_byte(out, '?');
		else
			str_add_byte(out, v.ptr[i]);
	}
	return false;
}

void
reply_soften(const struct smtpd *smtpd, struct str *line)
{
	if (!smtpd->conf->soft_bounce || line->len < 4 || line->ptr[0] != '5')
		return;
	line->ptr[0] = '4';
	if (line->len > 6 && line->ptr[4] == '5' && line->ptr[5] == '.')
		line->ptr[4] = '4';
}

/* RFC 6531 3.7.4: only who asked for them hears other characters. */
static void
hide_utf8(struct str *out, size_t from)
{
	for (size_t i = from; i < out->len; i++)
		if ((unsigned char)out->ptr[i] > 127)
			out->ptr[i] = '?';
}

void
reply_part(struct session *s, struct view line)
{
	size_t from = s->io.out.len;

	if (s->is_traced)
		dialogue_log(DIALOGUE_SENT, s->client.label, line);
	transcript_add_out(s, line);
	str_reserve(&s->io.out, line.len + 2);
	if (!reply_add_clean(&s->io.out, line, REPLY_MAX) && !s->hears_utf8)
		hide_utf8(&s->io.out, from);
	stream_add(&s->io, VIEW("\r\n"));
	if (s->io.out.len > STREAM_OUT_MAX)
		reply_flush(s);
}

/* Several lines are one reply: all but the last have a hyphen. */
static void
say_lines(struct session *s, struct str *lines)
{
	struct view rest = str_view(lines), line;
	size_t at = 0;

	while (view_field(&rest, '\n', &line)) {
		if (rest.ptr != NULL && line.len > 3)
			lines->ptr[at + 3] = '-';
		reply_part(s, line);
		at += line.len + 1;
	}
}

static void
say_refined(struct session *s, struct view line)
{
	struct str text = STR_EMPTY, lines = STR_EMPTY;

	str_set(&text, line);
	reply_soften(s->smtpd, &text);
	refine_reply(s, str_view(&text), &lines);
	say_lines(s, &lines);
	str_clear(&text);
	str_clear(&lines);
}

static bool
is_refusal(struct view line)
{
	return line.len > 3 && (line.ptr[0] == '4' || line.ptr[0] == '5');
}

static void
say(struct session *s, struct view line)
{
	bool refused = is_refusal(line);

	limits_slow_down(s);
	if (refused &&
	    (s->smtpd->conf->soft_bounce || refine_has_replies(s)))
		say_refined(s, line);
	else
		reply_part(s, line);
}

void
reply_line(struct session *s, struct view line)
{
	if (is_refusal(line))
		transcript_blame_reply(s, line);
	say(s, line);
}

void
reply_refusal(struct session *s, struct view line)
{
	if (is_refusal(line))
		transcript_blame_refusal(s, line);
	say(s, line);
}

static void __attribute__((format(printf, 2, 0)))
reply_format(struct session *s, const char *format, va_list ap)
{
	char text[REPLY_MAX + 1];

	/* Most are the same for all. */
	if (strchr(format, '%') == NULL) {
		reply_line(s, view_of(format));
		return;
	}
	vsnprintf(text, sizeof(text), format, ap);
	reply_line(s, view_of(text));
}

void
reply(struct session *s, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	reply_format(s, format, ap);
	va_end(ap);
}

void
reply_and_close(struct session *s, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	reply_format(s, format, ap);
	va_end(ap);
	if (s->ending == SESSION_ON)
		s->ending = SESSION_CLOSED;
}

bool
reply_flush(struct session *s)
{
	struct err e;

	if (s->io.out.len == 0)
		return s->ending == SESSION_ON;
	e = stream_flush(&s->io, session_deadline(s));
	if (err_is(e) && s->ending == SESSION_ON)
		s->ending = e.kind == ERR_TIME ? SESSION_TIMEOUT : SESSION_LOST;
	return s->ending == SESSION_ON;
}
