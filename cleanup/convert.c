/*
 * force_mime_input_conversion: 8-bit parts become quoted-printable as content
 * arrives, so that checks, filters and all that follows see 7 bits.
 */
#include "cleanup/checks.h"

void
convert_begin(struct message *m)
{
	m->converts = m->cleanup->conf->force_mime_input_conversion &&
	    checks_are_of_others(m);
	if (m->converts)
		downgrade_init(&m->down);
}

struct view
convert_take(struct message *m, struct view bytes, bool is_last)
{
	str_reset(&m->converted);
	downgrade_feed(&m->down, bytes, &m->converted);
	if (is_last)
		downgrade_finish(&m->down, &m->converted);
	return str_view(&m->converted);
}

void
convert_clear(struct message *m)
{
	if (m->converts)
		downgrade_clear(&m->down);
	str_clear(&m->converted);
}
