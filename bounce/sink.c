/* The text of a report on its way to cleanup, in bounded pieces. */
#include "bounce/report.h"

#include "lib/base/clock.h"

enum { SINK_STEP = 32768, SINK_TIMEOUT = 300 };

void
sink_init(struct sink *s)
{
	*s = (struct sink){ .pending = STR_EMPTY };
	s->deadline = deadline_in(SINK_TIMEOUT);
}

struct err
sink_flush(struct sink *s)
{
	struct view rest = str_view(&s->pending);
	struct err e = ERR_OK;

	while (rest.len > 0 && !err_is(e)) {
		struct ipc_content piece = { view_first(rest, SINK_STEP) };

		e = ipc_talk_send(
		    &s->talk, IPC_OUT(content, &piece), s->deadline);
		rest = view_skip(rest, piece.bytes.len);
	}
	str_reset(&s->pending);
	return e;
}

struct err
sink_add(struct sink *s, struct view v)
{
	str_add(&s->pending, v);
	return s->pending.len >= SINK_STEP ? sink_flush(s) : ERR_OK;
}

struct err
sink_addf(struct sink *s, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	str_vaddf(&s->pending, format, ap);
	va_end(ap);
	return s->pending.len >= SINK_STEP ? sink_flush(s) : ERR_OK;
}

void
sink_clear(struct sink *s)
{
	str_clear(&s->pending);
}
