/*
 * HELO and EHLO, and the commands that are no part of a transaction.
 */
#include "lib/base/mem.h"
#include "smtpd/access.h"
#include "smtpd/command.h"
#include "smtpd/offer.h"
#include "smtpd/reply.h"

#include <stdlib.h>

enum { HELO_MAX = 512 };

/* The name is kept clean: it goes into logs, replies and headers. */
static char *
clean_helo(struct view name)
{
	struct str clean = STR_EMPTY;

	reply_add_clean(&clean, name, HELO_MAX);
	return str_release(&clean);
}

/* False, and the reply is said, if the client may not greet so. */
static bool
take_helo(struct session *s, struct view name, const char *verb)
{
	struct str refusal = STR_EMPTY;
	char *before = s->helo;

	if (name.len == 0) {
		reply(s, "501 Syntax: %s hostname", verb);
		return false;
	}
	s->helo = clean_helo(name);
	if (s->smtpd->conf->smtpd_delay_reject ||
	    access_check_stage(s, ACCESS_HELO, verb, &refusal)) {
		free(before);
		/* RFC 5321 4.1.4: a new greeting clears what was begun. */
		transaction_end(s);
		return true;
	}
	/* One that is refused changes nothing. */
	free(s->helo);
	s->helo = before;
	access_say(s, &refusal);
	return false;
}

bool
command_helo(struct session *s, struct view args)
{
	/* After EHLO the client goes on as it began: what it was offered, it
	 * may still use. */
	if (!take_helo(s, args, "HELO"))
		return false;
	reply(s, "250 %s", s->smtpd->conf->myhostname);
	return true;
}

bool
command_ehlo(struct session *s, struct view args)
{
	if (!take_helo(s, args, "EHLO"))
		return false;
	s->is_esmtp = true;
	offer_tell(s);
	return true;
}

bool
command_rset(struct session *s, struct view args)
{
	(void)args;
	transaction_end(s);
	reply(s, "250 2.0.0 Ok");
	return true;
}

bool
command_noop(struct session *s, struct view args)
{
	(void)args;
	reply(s, "250 2.0.0 Ok");
	return true;
}

bool
command_quit(struct session *s, struct view args)
{
	(void)args;
	reply(s, "221 2.0.0 Bye");
	if (s->ending == SESSION_ON)
		s->ending = SESSION_QUIT;
	return true;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool
command_help(struct session *s, struct view args)
{
	const char *names[COMMANDS_MAX];
	struct str line = STR_EMPTY;
	size_t n = 0;

	(void)args;
	for (size_t i = 0; i < command_count(); i++)
		if (commands[i].help != NULL)
			names[n++] = commands[i].help;
	qsort(names, n, sizeof(names[0]), compare_names);
	str_add_text(&line, "214 2.0.0 Commands:");
	for (size_t i = 0; i < n; i++)
		str_addf(&line, " %s", names[i]);
	reply_line(s, str_view(&line));
	str_clear(&line);
	return true;
}
