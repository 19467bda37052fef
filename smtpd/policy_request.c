/* What policy servers are asked: see policy.h. */
#include "smtpd/policy.h"

#include "smtpd/access_run.h"
#include "smtpd/collect.h"
#include "smtpd/reply.h"

#include <inttypes.h>
#include <unistd.h>

enum { VALUE_MAX = 2048 };

static void
add(struct str *out, const char *name, struct view value)
{
	str_addf(out, "%s=", name);
	/* A value is what clients sent: no byte of it ends a line. */
	reply_add_clean(out, value, VALUE_MAX);
	str_add_byte(out, '\n');
}

static void
add_text(struct str *out, const char *name, const char *value)
{
	add(out, name, value != NULL ? view_of(value) : VIEW_EMPTY);
}

static void
add_number(struct str *out, const char *name, int64_t value)
{
	str_addf(out, "%s=%" PRId64 "\n", name, value);
}

static void
add_client(struct str *out, const struct session *s)
{
	const struct client *c = &s->client;

	add_text(out, "client_address", c->addr);
	add_text(out, "client_name", c->name);
	add_number(out, "client_port", c->port);
	add_text(out, "reverse_client_name", c->reverse);
	add_text(out, "server_address", s->server.addr);
	add_text(out, "server_port", s->server.port);
	add_text(out, "helo_name", s->helo);
}

/* How many were accepted: told once that is final. */
static int64_t
recipient_count(const struct access *a)
{
	const struct transaction *t = a->s->t;

	return t != NULL &&
		(a->stage == ACCESS_DATA || a->stage == ACCESS_END_OF_DATA)
	    ? (int64_t)t->n_rcpts
	    : 0;
}

static int64_t
message_size(const struct access *a)
{
	const struct transaction *t = a->s->t;

	if (t == NULL)
		return 0;
	/* To explain, it is declared and not sent. */
	return a->stage == ACCESS_END_OF_DATA && t->collect != NULL &&
		a->s->smtpd->explain == NULL
	    ? collect_size(t->collect)
	    : t->size;
}

static void
add_message(struct str *out, const struct access *a)
{
	const struct session *s = a->s;
	const struct transaction *t = s->t;

	add(out, "sender", access_address(a, SUBJECT_SENDER));
	add(out, "recipient", a->recipient);
	add_number(out, "recipient_count", recipient_count(a));
	add_text(out, "queue_id", t != NULL ? t->id.text : NULL);
	/* A message it is with its first recipient. */
	if (t != NULL && (a->recipient.len > 0 || a->stage >= ACCESS_DATA))
		str_addf(out, "instance=%x.%" PRIx64 ".%" PRIx64 "\n",
		    (unsigned)getpid(), (uint64_t)s->smtpd->started_us,
		    s->serial);
	else
		add_text(out, "instance", NULL);
	add_number(out, "size", message_size(a));
	add(out, "etrn_domain", a->etrn);
}

/* Empty before there is TLS; a key of no bits. */
static void
add_security(struct str *out, const struct session *s)
{
	add_text(out, "sasl_method", s->login.method);
	add_text(out, "sasl_username", s->login.username);
	add_text(out, "sasl_sender", s->login.sender);
	add_text(out, "ccert_subject", NULL);
	add_text(out, "ccert_issuer", NULL);
	add_text(out, "ccert_fingerprint", NULL);
	add_text(out, "ccert_pubkey_fingerprint", NULL);
	add_text(out, "encryption_protocol", NULL);
	add_text(out, "encryption_cipher", NULL);
	add_number(out, "encryption_keysize", 0);
}

void
policy_add_request(
    struct str *out, const struct access *a, const char *context)
{
	struct session *s = a->s;
	const struct conf *conf = s->smtpd->conf;

	session_find_server(s);
	add_text(out, "request", "smtpd_access_policy");
	/* BDAT is DATA to servers that have never heard of it. */
	add_text(out, "protocol_state",
	    a->stage == ACCESS_DATA ? "DATA" : s->where);
	add_text(out, "protocol_name", session_protocol(s));
	add_client(out, s);
	add_message(out, a);
	add_text(out, "stress", conf_find(conf, "stress"));
	add_security(out, s);
	add_text(out, "policy_context", context);
	add_text(out, "compatibility_level", conf->compatibility_level);
	add_text(out, "mail_version", conf->mail_version);
	str_add_byte(out, '\n');
}
