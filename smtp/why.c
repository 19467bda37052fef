#include "smtp/why.h"

void
why_clear(struct why *w)
{
	str_clear(&w->text);
	*w = WHY_EMPTY;
}

void
why_set(struct why *w, struct dsn_status status, const char *format, ...)
{
	va_list ap;

	w->status = status;
	w->is_remote = false;
	w->is_logged = false;
	str_reset(&w->text);
	va_start(ap, format);
	str_vaddf(&w->text, format, ap);
	va_end(ap);
	str_cut(&w->text, WHY_TEXT_MAX);
}

void
why_copy(struct why *to, const struct why *from)
{
	to->status = from->status;
	to->is_remote = from->is_remote;
	to->is_logged = from->is_logged;
	str_set(&to->text, str_view(&from->text));
}
