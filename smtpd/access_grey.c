/* check_greylist: see grey.h. */
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/trace.h"
#include "lib/mail/addr.h"
#include "lib/mail/verify_sender.h"
#include "smtpd/access_run.h"
#include "smtpd/grey.h"
#include "smtpd/session.h"

static void
log_verdict(const struct access *a, const struct grey_answer *answer)
{
	static const char *const words[] = {
		[GREY_KNOWN] = "known",
		[GREY_ALLOWED] = "allowed",
		[GREY_PASSES] = "pass",
		[GREY_NEW] = "new",
		[GREY_EARLY] = "early",
	};
	struct session *s = a->s;
	struct str line = STR_EMPTY;

	TRACE("greylist", { "state", view_of(words[answer->verdict]) });
	/* What comes again and again need not be told each time. */
	if (answer->verdict == GREY_KNOWN || answer->verdict == GREY_ALLOWED ||
	    s->smtpd->explain != NULL || !quiet_allows(s, QUIET_OTHER))
		return;
	str_printf(&line, "%s: greylist: %s: client=%s, ", session_queue_id(s),
	    words[answer->verdict], s->client.label);
	str_add_text(&line, "network=");
	grey_add_network(&line, s->smtpd->conf, view_of(s->client.addr));
	str_add_text(&line, ", from=<");
	if (s->t != NULL)
		addr_to_external(&line, str_view(&s->t->sender));
	str_add_text(&line, ">, to=<");
	addr_to_external(&line, a->recipient);
	str_addf(&line, ">, waited=%lld", (long long)answer->waited);
	log_info("%s", line.ptr);
	str_clear(&line);
}

static bool
is_exempt(struct session *s)
{
	bool yes = false;
	struct err e = match_list_matches_client(s->smtpd->grey_exceptions,
	    view_of(s->client.name), view_of(s->client.addr), &yes);

	if (err_is(e))
		log_warn("greylist_client_exceptions: %s", e.text);
	return !err_is(e) && yes;
}

enum access_verdict
access_check_greylist(struct access *a, const struct access_item *item)
{
	struct session *s = a->s;
	const struct conf *conf = s->smtpd->conf;
	struct grey_answer answer;
	struct grey_question q = { view_of(s->client.addr), VIEW_EMPTY,
		a->recipient, clock_wall() };
	struct err e;

	(void)item;
	/* Who probes us back for our own probe would not come again. */
	if (a->recipient.len == 0 || is_exempt(s) ||
	    verify_sender_is(conf, q.now, a->recipient))
		return ACCESS_DUNNO;
	if (s->t != NULL)
		q.sender = str_view(&s->t->sender);
	e = grey_ask(s->smtpd, &q, &answer);
	if (err_is(e))
		return access_lookup_failed(a, VIEW("greylist"), e);
	log_verdict(a, &answer);
	if (answer.verdict != GREY_NEW && answer.verdict != GREY_EARLY)
		return ACCESS_DUNNO;
	/* A restriction that refuses for good has the last word. */
	return access_defer_if_permit(a, SUBJECT_RECIPIENT, 450, "4.2.0", "%s",
	    conf->greylist_reject_text);
}
