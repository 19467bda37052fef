/* $names for clients: see macros.h. */
#include "smtpd/macros.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/mail/addr.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* What of an address is wanted. */
enum part { WHOLE, LOCAL, DOMAIN };

static struct view
keep(struct macro_memory *memory, struct view text)
{
	char *copy = xstrndup(text.ptr, text.len);

	memory->texts = xreallocarray(
	    memory->texts, memory->n + 1, sizeof(*memory->texts));
	memory->texts[memory->n++] = copy;
	return view_make(copy, text.len);
}

void
macro_memory_clear(struct macro_memory *memory)
{
	for (size_t i = 0; i < memory->n; i++)
		free(memory->texts[i]);
	free(memory->texts);
	*memory = (struct macro_memory){ NULL, 0 };
}

static struct view
address_part(struct view internal, enum part part, struct macro_memory *memory)
{
	struct str text = STR_EMPTY;
	struct view v;

	addr_to_external(&text, internal);
	v = str_view(&text);
	if (part == LOCAL)
		v = view_first(v, view_find_last(v, '@'));
	else if (part == DOMAIN)
		v = addr_domain(internal);
	v = keep(memory, v);
	str_clear(&text);
	return v;
}

/* "Jan  2 15:04:05" */
static struct view
local_time(struct macro_memory *memory)
{
	char text[64];
	time_t now = (time_t)clock_wall();
	struct tm tm;

	if (localtime_r(&now, &tm) == NULL)
		return VIEW_EMPTY;
	strftime(text, sizeof(text), "%b %d %H:%M:%S", &tm);
	return keep(memory, view_of(text));
}

static struct view
text_of(const char *text)
{
	return text != NULL ? view_of(text) : VIEW_EMPTY;
}

static bool
find_of_client(const struct session *s, struct view name,
    struct macro_memory *memory, struct view *value)
{
	const struct client *c = &s->client;
	const struct {
		const char *name, *value;
	} rows[] = {
		{ "client", c->label },
		{ "client_address", c->addr },
		{ "client_name", c->name },
		{ "reverse_client_name", c->reverse },
		{ "helo_name", s->helo },
	};
	char port[8];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (view_eq(name, view_of(rows[i].name))) {
			*value = text_of(rows[i].value);
			return true;
		}
	if (!view_eq(name, VIEW("client_port")))
		return false;
	snprintf(port, sizeof(port), "%u", c->port);
	*value = keep(memory, view_of(port));
	return true;
}

static const struct {
	const char *name;
	bool is_sender;
	enum part part;
} of_addresses[] = {
	{ "sender", true, WHOLE },
	{ "sender_name", true, LOCAL },
	{ "sender_domain", true, DOMAIN },
	{ "recipient", false, WHOLE },
	{ "recipient_name", false, LOCAL },
	{ "recipient_domain", false, DOMAIN },
};

bool
macro_find(const struct session *s, struct view recipient, struct view name,
    struct macro_memory *memory, struct view *value)
{
	struct view sender =
	    s->t != NULL ? str_view(&s->t->sender) : VIEW_EMPTY;

	if (find_of_client(s, name, memory, value))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(of_addresses); i++) {
		if (!view_eq(name, view_of(of_addresses[i].name)))
			continue;
		*value = address_part(
		    of_addresses[i].is_sender ? sender : recipient,
		    of_addresses[i].part, memory);
		if (of_addresses[i].is_sender && s->t != NULL &&
		    sender.len == 0)
			*value = VIEW("<>");
		return true;
	}
	if (view_eq(name, VIEW("server_name")))
		*value = view_of(s->smtpd->conf->myhostname);
	else if (view_eq(name, VIEW("localtime")))
		*value = local_time(memory);
	else if (view_eq(name, VIEW("queue_id")))
		*value = view_of(session_queue_id(s));
	else
		return false;
	return true;
}
