/* How much mail: see volume.h. */
#include "smtpd/volume.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/mail/addr.h"
#include "smtpd/recall.h"
#include "smtpd/reply.h"

#include <inttypes.h>
#include <string.h>

enum { NAME_MAX_LEN = 500 };

/* Whose mail is counted. */
struct party {
	const char *kind; /* in keys, logs and tables */
	struct str name;
	int64_t messages, recipients; /* limits; 0 is none */
};

enum { PARTIES = 3 };

bool
volume_is_on(const struct conf *conf)
{
	return conf->volume_limit_login_messages > 0 ||
	    conf->volume_limit_login_recipients > 0 ||
	    conf->volume_limit_sender_domain_messages > 0 ||
	    conf->volume_limit_sender_domain_recipients > 0 ||
	    conf->volume_limit_client_messages > 0 ||
	    conf->volume_limit_client_recipients > 0 ||
	    conf->volume_limit_maps[0] != '\0';
}

bool
volume_read_limits(struct view value, int64_t *messages, int64_t *recipients)
{
	struct view rest = value, word;

	return view_token(&rest, " \t,", &word) &&
	    view_to_int(word, messages) && *messages >= 0 &&
	    view_token(&rest, " \t,", &word) && view_to_int(word, recipients) &&
	    *recipients >= 0 && !view_token(&rest, " \t,", &word);
}

/* --- who --- */

static void
set_party(struct party *p, const char *kind, struct view name, int64_t messages,
    int64_t recipients)
{
	*p = (struct party){ kind, STR_EMPTY, messages, recipients };
	str_set(&p->name, view_first(name, NAME_MAX_LEN));
	str_lower(&p->name);
}

static void
find_parties(const struct session *s, struct party parties[PARTIES])
{
	const struct conf *conf = s->smtpd->conf;
	const char *login = s->login.username;

	set_party(&parties[0], "login",
	    login != NULL ? view_of(login) : VIEW_EMPTY,
	    conf->volume_limit_login_messages,
	    conf->volume_limit_login_recipients);
	set_party(&parties[1], "domain", addr_domain(str_view(&s->t->sender)),
	    conf->volume_limit_sender_domain_messages,
	    conf->volume_limit_sender_domain_recipients);
	set_party(&parties[2], "client", view_of(s->client.addr),
	    conf->volume_limit_client_messages,
	    conf->volume_limit_client_recipients);
}

/* Limits of its own. */
static struct err
look_up(const struct session *s, struct party *p)
{
	struct str key = STR_EMPTY, value = STR_EMPTY;
	bool found = false;
	struct err e;

	str_printf(&key, "%s:%s", p->kind, p->name.ptr);
	e = table_list_find(
	    s->smtpd->volume_maps, str_view(&key), TABLE_ALL, &value, &found);
	if (!err_is(e) && found &&
	    !volume_read_limits(str_view(&value), &p->messages, &p->recipients))
		e = err_make(ERR_TEMP,
		    "volume_limit_maps: %s: bad value \"%s\"", key.ptr,
		    value.ptr);
	str_clear(&key);
	str_clear(&value);
	return e;
}

/* --- counting --- */

static void
log_exceeded(struct session *s, const struct party *p, const char *what,
    int64_t count, int64_t limit)
{
	if (!quiet_allows(s, QUIET_REJECT))
		return;
	log_warn("%s: volume limit exceeded: %" PRId64 " %s in %" PRId64
		 "s of %s %s (limit %" PRId64 "), client=%s, action=%s",
	    session_queue_id(s), count + 1, what,
	    s->smtpd->conf->volume_limit_time, p->kind, p->name.ptr, limit,
	    s->client.label, s->smtpd->conf->volume_limit_action);
}

/* True: it is one too many. */
static struct err
count_one(struct session *s, const struct party *p, const char *what,
    int64_t limit, bool *is_over)
{
	struct str key = STR_EMPTY;
	struct recall_count ask = { .amount = 1,
		.window = s->smtpd->conf->volume_limit_time,
		.limit = limit };
	int64_t count;
	bool taken;
	struct err e;

	if (limit == 0)
		return ERR_OK;
	str_printf(&key, "%s %s %s", what, p->kind, p->name.ptr);
	ask.key = str_view(&key);
	e = recall_count(s->smtpd, &ask, &count, &taken);
	if (!err_is(e) && !taken) {
		log_exceeded(s, p, what, count, limit);
		*is_over = true;
	}
	str_clear(&key);
	return e;
}

static struct err
count_party(struct session *s, struct party *p, bool is_first, bool *is_over)
{
	struct err e;

	if (p->name.len == 0)
		return ERR_OK;
	e = look_up(s, p);
	if (!err_is(e) && is_first)
		e = count_one(s, p, "messages", p->messages, is_over);
	if (!err_is(e) && !*is_over)
		e = count_one(s, p, "recipients", p->recipients, is_over);
	return e;
}

static struct err
count_all(struct session *s, bool *is_over)
{
	struct party parties[PARTIES];
	bool is_first = !s->t->is_counted;
	struct err e = ERR_OK;

	find_parties(s, parties);
	/* Once for a message, whatever becomes of its recipients. */
	s->t->is_counted = true;
	for (size_t i = 0; i < PARTIES; i++) {
		if (!err_is(e) && !*is_over)
			e = count_party(s, &parties[i], is_first, is_over);
		str_clear(&parties[i].name);
	}
	/* Refused as a whole: the next recipient is the first again. */
	if (*is_over && is_first)
		s->t->is_counted = false;
	return e;
}

static bool
is_exempt(struct session *s)
{
	bool yes = false;
	struct err e = match_list_matches_client(s->smtpd->volume_exceptions,
	    view_of(s->client.name), view_of(s->client.addr), &yes);

	if (err_is(e))
		log_warn("volume_limit_exceptions: %s", e.text);
	return !err_is(e) && yes;
}

bool
volume_admit(struct session *s)
{
	const struct conf *conf = s->smtpd->conf;
	bool is_over = false;
	struct err e;

	if (s->smtpd->stand_alone || s->smtpd->explain != NULL ||
	    !volume_is_on(conf) || s->t->hold_volume ||
	    is_exempt(s))
		return true;
	e = count_all(s, &is_over);
	if (err_is(e)) {
		log_warn("%s: %s", session_queue_id(s), e.text);
		reply(s, "451 4.3.0 Error: volume limits cannot be checked");
		return false;
	}
	if (!is_over)
		return true;
	if (strcmp(conf->volume_limit_action, "hold") == 0) {
		s->t->hold = s->t->hold_volume = true;
		return true;
	}
	if (strcmp(conf->volume_limit_action, "reject") == 0)
		reply(s, "550 5.7.1 Error: too much mail");
	else
		reply(s, "450 4.7.1 Error: too much mail");
	return false;
}
