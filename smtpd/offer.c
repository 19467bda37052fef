/* Keywords of EHLO: see offer.h. */
#include "smtpd/offer.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/mail/esmtp.h"
#include "smtpd/reply.h"
#include "smtpd/screen.h"

struct keyword {
	const char *name;
	unsigned offer;	     /* enum offer */
	unsigned params;     /* enum esmtp_offer */
	const char *details; /* what follows the name */
};

static const struct keyword keywords[] = {
	{ "PIPELINING", OFFER_PIPELINING, 0, NULL },
	{ "SIZE", OFFER_SIZE, ESMTP_SIZE, NULL },
	{ "VRFY", OFFER_VRFY, 0, NULL },
	{ "ETRN", OFFER_ETRN, 0, NULL },
	{ "STARTTLS", OFFER_STARTTLS, 0, NULL },
	{ "AUTH", OFFER_AUTH, ESMTP_AUTH, NULL },
	{ "XCLIENT", OFFER_XCLIENT, 0,
	    "NAME ADDR PROTO HELO REVERSE_NAME PORT LOGIN DESTADDR "
	    "DESTPORT" },
	{ "XFORWARD", OFFER_XFORWARD, 0,
	    "NAME ADDR PROTO HELO SOURCE PORT IDENT" },
	{ "ENHANCEDSTATUSCODES", OFFER_ENHANCEDSTATUSCODES, 0, NULL },
	{ "8BITMIME", OFFER_8BITMIME, ESMTP_8BITMIME, NULL },
	{ "DSN", OFFER_DSN, ESMTP_DSN, NULL },
	{ "SMTPUTF8", OFFER_SMTPUTF8, ESMTP_SMTPUTF8, NULL },
	{ "REQUIRETLS", OFFER_REQUIRETLS, ESMTP_REQUIRETLS, NULL },
	{ "CHUNKING", OFFER_CHUNKING, 0, NULL },
};

unsigned
offer_all(const struct conf *conf)
{
	/* STARTTLS, AUTH and REQUIRETLS are known words, and not there. */
	unsigned offers = OFFER_PIPELINING | OFFER_SIZE | OFFER_VRFY |
	    OFFER_ETRN | OFFER_XCLIENT | OFFER_XFORWARD |
	    OFFER_ENHANCEDSTATUSCODES | OFFER_8BITMIME | OFFER_DSN |
	    OFFER_SMTPUTF8 | OFFER_CHUNKING;

	if (conf->disable_vrfy_command)
		offers &= ~(unsigned)OFFER_VRFY;
	if (!conf->smtputf8_enable)
		offers &= ~(unsigned)OFFER_SMTPUTF8;
	return offers;
}

unsigned
offer_discarded(const char *parameter, struct view words)
{
	unsigned offers = 0;
	struct view word;

	while (conf_list_next(&words, &word)) {
		size_t i;

		for (i = 0; i < ARRAY_LEN(keywords); i++)
			if (view_eq_case(word, view_of(keywords[i].name)))
				break;
		if (i < ARRAY_LEN(keywords))
			offers |= keywords[i].offer;
		else if (!view_eq_case(word, VIEW("silent-discard")))
			log_warn("%s: %.*s is no keyword", parameter,
			    VIEW_ARGS(word));
	}
	return offers;
}

unsigned
offer_discarded_for(const struct session *s, const char *parameter,
    struct table_list *maps, unsigned otherwise)
{
	struct str words = STR_EMPTY;
	bool found = false;
	struct err e = table_list_find(
	    maps, view_of(s->client.addr), TABLE_ALL, &words, &found);
	unsigned discarded = otherwise;

	if (err_is(e))
		log_warn("%s: %s", parameter, e.text);
	if (found)
		discarded = offer_discarded(parameter, str_view(&words));
	str_clear(&words);
	return discarded;
}

/* What this client is offered. */
static unsigned
offers_to(const struct session *s)
{
	unsigned offers = s->smtpd->offers & ~s->discarded;

	if (!s->client.may_xclient)
		offers &= ~(unsigned)OFFER_XCLIENT;
	if (!s->client.may_xforward)
		offers &= ~(unsigned)OFFER_XFORWARD;
	return offers & ~screen_hidden_offers(s);
}

static void
add_line(struct session *s, struct str *line, bool is_last)
{
	line->ptr[3] = is_last ? ' ' : '-';
	if (is_last)
		reply_line(s, str_view(line));
	else
		reply_part(s, str_view(line));
}

void
offer_tell(struct session *s)
{
	const struct conf *conf = s->smtpd->conf;
	struct str line = STR_EMPTY;
	unsigned offers;

	s->discarded = screen_has_refused(s)
	    ? 0
	    : offer_discarded_for(s, "smtpd_discard_ehlo_keyword_address_maps",
		  s->smtpd->discards, s->smtpd->discarded);
	offers = offers_to(s);

	str_add_text(&line, "250-");
	str_add_text(&line, conf->myhostname);
	for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
		const struct keyword *k = &keywords[i];

		if ((offers & k->offer) == 0)
			continue;
		add_line(s, &line, false);
		str_cut(&line, strlen("250-"));
		str_add_text(&line, k->name);
		if (k->offer == OFFER_SIZE && conf->message_size_limit > 0) {
			str_add_byte(&line, ' ');
			str_add_int(&line, conf->message_size_limit);
		}
		if (k->details != NULL) {
			str_add_byte(&line, ' ');
			str_add_text(&line, k->details);
		}
	}
	add_line(s, &line, true);
	str_clear(&line);
}

unsigned
offer_params(const struct session *s)
{
	unsigned params = 0;

	for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
		if ((s->smtpd->offers & ~s->discarded & keywords[i].offer) != 0)
			params |= keywords[i].params;
	return params;
}
