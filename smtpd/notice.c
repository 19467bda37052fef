/* Log lines: see notice.h. */
#include "smtpd/notice.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/mail/addr_log.h"
#include "smtpd/command.h"
#include "smtpd/quiet.h"

#include <inttypes.h>
#include <stdio.h>

enum { EARLY_SHOWN = 100 };

static void
add_address(struct str *line, const char *key, struct view internal)
{
	str_addf(line, " %s=<", key);
	addr_log_add(line, internal);
	str_add_byte(line, '>');
}

void
notice(struct session *s, const char *what, const char *text,
    struct view recipient)
{
	struct str line = STR_EMPTY;

	if (!quiet_allows(s, QUIET_REJECT))
		return;
	str_printf(&line, "%s: %s: %s from %s: %s;", session_queue_id(s), what,
	    s->where, s->client.label, text);
	if (s->t != NULL)
		add_address(&line, "from", str_view(&s->t->sender));
	if (recipient.len > 0)
		add_address(&line, "to", recipient);
	str_addf(&line, " proto=%s", session_protocol(s));
	if (s->helo != NULL)
		str_addf(&line, " helo=<%s>", s->helo);
	log_info("%s", line.ptr);
	str_clear(&line);
}

void
notice_client(struct session *s)
{
	const struct forwarded *f = s->forwarded;
	struct str line = STR_EMPTY;

	/* It comes if the message does. */
	s->t->is_unsaid = !quiet_allows(s, QUIET_CLIENT);
	if (s->t->is_unsaid)
		return;
	str_add_text(&line, session_queue_id(s));
	str_add_text(&line, ": client=");
	str_add_text(&line, s->client.label);
	if (f != NULL && f->ident != NULL && f->ident[0] != '\0')
		str_addf(&line, ", orig_queue_id=%s", f->ident);
	if (f != NULL && f->name != NULL && f->addr != NULL)
		str_addf(&line, ", orig_client=%s[%s]",
		    f->name[0] != '\0' ? f->name : "unknown",
		    f->addr[0] != '\0' ? f->addr : "unknown");
	if (s->login.username != NULL)
		str_addf(&line, ", sasl_method=%s, sasl_username=%s",
		    s->login.method, s->login.username);
	log_info("%s", line.ptr);
	str_clear(&line);
}

void
notice_pipelining(struct session *s, struct view early)
{
	struct view shown = view_first(early, EARLY_SHOWN);

	if (!quiet_allows(s, QUIET_OTHER))
		return;
	log_info("improper command pipelining after %s from %s: %.*s", s->where,
	    s->client.label, VIEW_ARGS(shown));
}

void
notice_ending(struct session *s)
{
	const char *how = s->ending == SESSION_LOST ? "lost connection"
	    : s->ending == SESSION_TIMEOUT	    ? "timeout"
	    : s->ending == SESSION_ERRORS	    ? "too many errors"
						    : NULL;
	char bytes[40] = "";

	if (how == NULL || !quiet_allows(s, QUIET_END))
		return;
	if (s->content_bytes > 0)
		snprintf(bytes, sizeof(bytes), " (%" PRId64 " bytes)",
		    s->content_bytes);
	log_info("%s: %s after %s%s from %s", session_queue_id(s), how,
	    s->where, bytes, s->client.label);
}

/* " name=1/2", for every session: not by a format, which takes long. */
static void
add_count(struct str *line, struct view name, uint32_t good, uint32_t total)
{
	str_add_byte(line, ' ');
	str_add(line, name);
	str_add_byte(line, '=');
	str_add_int(line, good);
	if (good == total && total != 0)
		return;
	str_add_byte(line, '/');
	str_add_int(line, total);
}

void
notice_disconnect(struct session *s)
{
	struct str line = STR_EMPTY;
	uint32_t good = 0, total = 0;

	if (!quiet_allows(s, QUIET_DISCONNECT))
		return;
	for (size_t i = 0; i <= command_count(); i++) {
		const char *verb = commands[i].verb;

		if (s->total[i] == 0)
			continue;
		good += s->good[i];
		total += s->total[i];
		add_count(&line, view_of(verb != NULL ? verb : "unknown"),
		    s->good[i], s->total[i]);
	}
	str_lower(&line);
	add_count(&line, VIEW("commands"), good, total);
	if (s->saw_bare_lf)
		str_add_text(&line, " notes=bare_lf");
	log_info("disconnect from %s%s", s->client.label, line.ptr);
	str_clear(&line);
}
