/*
 * The envelope: MAIL and RCPT; and VRFY and ETRN, whose arguments are alike.
 */
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/mail/addr.h"
#include "lib/mail/domain.h"
#include "lib/mail/esmtp.h"
#include "lib/mail/xtext.h"
#include "lib/table/net.h"
#include "smtpd/access.h"
#include "smtpd/alone.h"
#include "smtpd/command.h"
#include "smtpd/limits.h"
#include "smtpd/notice.h"
#include "smtpd/offer.h"
#include "smtpd/reply.h"
#include "smtpd/screen.h"
#include "smtpd/volume.h"

#include <stdlib.h>

enum {
	ADDRESS_SHOWN = 100,
	FLUSH_TIMEOUT = 100,
	/* Recipients of one message, in bytes, that are taken whatever others
	 * use: some clients with long lists cannot keep all others out. */
	RCPTS_FREE = 16384
};

/* An address argument, parsed; `internal` is what is worked with. */
struct path {
	struct addr addr;
	struct str internal;
	struct view params;
};

static bool
refuse_path(struct session *s, struct view text, const char *what)
{
	struct view shown = view_first(text, ADDRESS_SHOWN);

	log_warn("Illegal address syntax from %s in %s command: %.*s",
	    s->client.label, s->where, VIEW_ARGS(shown));
	reply(s, "501 %s address syntax", what);
	return false;
}

/* What no route leads to is no address, of a sender either.  Names that are not
 * ASCII are left to rewrite, which converts them. */
static bool
is_deliverable(const struct session *s, struct view internal)
{
	const struct conf *conf = s->smtpd->conf;
	struct view domain = addr_domain(internal);
	struct net ip;

	if (s->smtpd->stand_alone || internal.len == 0)
		return true;
	/* It might be an option to a command that gets it as an argument. */
	if (internal.ptr[0] == '-' && !conf->allow_min_user)
		return false;
	if (domain.len == 0 || !view_is_ascii(domain) ||
	    domain_text_is_valid(domain))
		return true;
	return conf->resolve_numeric_domain && net_parse_address(domain, &ip);
}

/*
 * Parse what follows "FROM:" or "TO:".  False, and the reply is said, if it is
 * no address.  `flags` are enum addr_parse_flags.
 */
static bool
take_path(struct session *s, struct view text, unsigned flags, const char *bad,
    struct path *p)
{
	bool had_utf8 = (flags & ADDR_UTF8) != 0;
	struct err e;

	if (s->smtpd->conf->strict_rfc821_envelopes)
		flags |= ADDR_STRICT;
	/* Parsed as if it was allowed, to say what is wrong. */
	e = addr_parse_path(text, flags | ADDR_UTF8, &p->addr, &p->params);
	if (err_is(e))
		return refuse_path(s, text, bad);
	if ((p->addr.flags & ADDR_IS_UTF8) != 0 && !had_utf8) {
		reply(s,
		    "553 5.6.7 Must declare SMTPUTF8 to send unicode "
		    "address");
		return false;
	}
	str_reset(&p->internal);
	addr_add_internal(&p->internal, &p->addr);
	return is_deliverable(s, str_view(&p->internal)) ||
	    refuse_path(s, text, bad);
}

/* Cut "FROM:" off, in any case, with the blanks that some say after it: even
 * strict_rfc821_envelopes lets those pass. */
static bool
take_prefix(struct view args, struct view name, struct view *rest)
{
	if (!view_starts_case(args, name))
		return false;
	args = view_skip(args, name.len);
	if (args.len == 0 || args.ptr[0] != ':')
		return false;
	*rest = view_trim_left(view_skip(args, 1));
	return rest->len > 0;
}

/* --- MAIL --- */

/* Who declares it may send such an address, and hears of it as it is. */
static unsigned
utf8_flag(struct session *s, struct view args)
{
	s->hears_utf8 =
	    (offer_params(s) & ESMTP_SMTPUTF8) != 0 && esmtp_has_smtputf8(args);
	return s->hears_utf8 ? ADDR_UTF8 : 0;
}

static bool
is_too_large(struct session *s, const struct esmtp_mail *mail)
{
	int64_t limit = s->smtpd->conf->message_size_limit;
	struct str line = STR_EMPTY;

	if (limit <= 0 || mail->size <= limit)
		return false;
	str_add_text(&line, "552 5.3.4 Message size exceeds fixed limit");
	reply_line(s, str_view(&line));
	reply_soften(s->smtpd, &line);
	notice(s, "reject", line.ptr, VIEW_EMPTY);
	str_clear(&line);
	return true;
}

static void
begin(struct session *s, const struct path *p, const struct esmtp_mail *mail)
{
	transaction_begin(s, str_view(&p->internal));
	s->t->size = mail->size > 0 ? mail->size : 0;
	s->t->body = (uint8_t)mail->body;
	s->t->ret = (uint8_t)mail->ret;
	s->t->is_smtputf8 = mail->is_smtputf8;
	xtext_decode(&s->t->envid, mail->envid, 0);
}

/* The sender is understood: is it wanted? */
static bool
accept_sender(
    struct session *s, const struct path *p, const struct esmtp_mail *mail)
{
	struct str refusal = STR_EMPTY;

	if (!limits_message(s))
		return false;
	begin(s, p, mail);
	if (is_too_large(s, mail)) {
		transaction_end(s);
		return false;
	}
	if (!s->smtpd->conf->smtpd_delay_reject &&
	    !access_check_stage(s, ACCESS_SENDER, "MAIL", &refusal)) {
		transaction_end(s);
		access_say(s, &refusal);
		return false;
	}
	reply(s, "250 2.1.0 Ok");
	return true;
}

bool
command_mail(struct session *s, struct view args)
{
	struct path p = { .internal = STR_EMPTY };
	struct esmtp_mail mail;
	struct view text;
	bool ok = false;

	if (s->t != NULL) {
		reply(s, "503 5.5.1 Error: nested MAIL command");
		return false;
	}
	if (!take_prefix(args, VIEW("FROM"), &text)) {
		reply(s, "501 5.5.4 Syntax: MAIL FROM:<address>");
		return false;
	}
	if (take_path(s, text, ADDR_NULL | utf8_flag(s, args),
		"5.1.7 Bad sender", &p)) {
		struct err e =
		    esmtp_parse_mail(p.params, offer_params(s), &mail);

		if (err_is(e))
			reply(s, "%s", e.text);
		else
			ok = accept_sender(s, &p, &mail);
	}
	str_clear(&p.internal);
	return ok;
}

/* --- RCPT --- */

/* The first recipient makes it a message: it has a name from now on.  False,
 * and the reply is said, if it gets none. */
static bool
name_message(struct session *s)
{
	struct transaction *t = s->t;

	if (s->smtpd->stand_alone && !alone_begin(s))
		return false;
	if (!s->smtpd->stand_alone)
		t->id = queue_id_new(s->smtpd->slot,
		    s->smtpd->conf->enable_long_queue_ids, &t->arrival_us);
	notice_client(s);
	return true;
}

/* What a list of that length has beyond what everybody may have. */
static int64_t
excess(size_t len)
{
	return len > RCPTS_FREE ? (int64_t)(len - RCPTS_FREE) : 0;
}

static bool
add_recipient(
    struct session *s, const struct path *p, const struct esmtp_rcpt *rcpt)
{
	struct transaction *t = s->t;
	struct str orcpt = STR_EMPTY;
	size_t before = t->rcpts.len;
	struct ipc_rcpt r = {
		.number = (int64_t)t->n_rcpts,
		.address = str_view(&p->internal),
		.original = str_view(&p->internal),
		.notify = rcpt->notify,
	};

	if (rcpt->orcpt.len > 0) {
		str_set(&orcpt, rcpt->orcpt_type);
		str_add_byte(&orcpt, ';');
		if (!esmtp_decode_orcpt(&orcpt, rcpt->orcpt))
			str_reset(&orcpt);
	}
	r.orcpt = str_view(&orcpt);
	ipc_list_add(&t->rcpts, ipc_rcpt_type(), &r);
	str_clear(&orcpt);
	if (!session_charge(s, excess(t->rcpts.len) - excess(before))) {
		str_cut(&t->rcpts, before);
		reply(s, "452 4.3.1 Insufficient system storage");
		return false;
	}
	if (t->id.text[0] == '\0' && !name_message(s)) {
		str_cut(&t->rcpts, before);
		return false;
	}
	if (t->n_rcpts++ == 0)
		str_set(&t->first_rcpt, str_view(&p->internal));
	reply(s, "250 2.1.5 Ok");
	return true;
}

/* True, and the reply is said, if there are enough.  *is_error is false as
 * long as the client may not know better. */
static bool
has_too_many(struct session *s, bool *is_error)
{
	const struct conf *conf = s->smtpd->conf;
	struct transaction *t = s->t;

	if (s->smtpd->stand_alone ||
	    (int64_t)t->n_rcpts < conf->smtpd_recipient_limit)
		return false;
	/* RFC 5321 4.5.3.1.10. */
	reply(s, "452 4.5.3 Error: too many recipients");
	*is_error = (int64_t)t->n_refused_over++ >=
	    conf->smtpd_recipient_overshoot_limit;
	return true;
}

static bool
accept_recipient(struct session *s, const struct path *p)
{
	struct str refusal = STR_EMPTY;
	struct esmtp_rcpt rcpt;
	bool is_error;
	struct err e;

	screen_passed(s);
	e = esmtp_parse_rcpt(
	    p->params, offer_params(s), s->t->is_smtputf8, &rcpt);

	if (err_is(e)) {
		reply(s, "%s", e.text);
		return false;
	}
	if (has_too_many(s, &is_error)) {
		if (!is_error)
			s->n_errors--;
		return false;
	}
	if (!limits_recipient(s))
		return false;
	if (!access_check_rcpt(s, str_view(&p->internal), &refusal)) {
		access_say(s, &refusal);
		return false;
	}
	if (!volume_admit(s))
		return false;
	return add_recipient(s, p, &rcpt);
}

bool
command_rcpt(struct session *s, struct view args)
{
	struct path p = { .internal = STR_EMPTY };
	struct view text;
	bool ok;

	if (!take_prefix(args, VIEW("TO"), &text)) {
		reply(s, "501 5.5.4 Syntax: RCPT TO:<address>");
		return false;
	}
	ok = take_path(s, text, s->t->is_smtputf8 ? ADDR_UTF8 : 0,
		 "5.1.3 Bad recipient", &p) &&
	    accept_recipient(s, &p);
	str_clear(&p.internal);
	return ok;
}

/* --- VRFY --- */

static bool
verify(struct session *s, const struct path *p, struct view args)
{
	struct str refusal = STR_EMPTY, line = STR_EMPTY;

	if (!access_check_vrfy(s, str_view(&p->internal), &refusal)) {
		access_say(s, &refusal);
		return false;
	}
	/* RFC 5321 3.5.3: "cannot verify", and will try. */
	str_add_text(&line, "252 2.0.0 ");
	/* As it was said, without SMTPUTF8. */
	str_add(&line,
	    view_trim(view_first(args, args.len - p->params.len)));
	reply_line(s, str_view(&line));
	str_clear(&line);
	return true;
}

bool
command_vrfy(struct session *s, struct view args)
{
	struct path p = { .internal = STR_EMPTY };
	bool ok;

	if (s->screen != NULL
		? s->smtpd->conf->postscreen_disable_vrfy_command
		: s->smtpd->conf->disable_vrfy_command) {
		reply(s, "502 5.5.1 VRFY command is disabled");
		return false;
	}
	if (args.len == 0) {
		reply(s, "501 5.5.4 Syntax: VRFY address");
		return false;
	}
	ok = take_path(s, args, utf8_flag(s, args), "5.1.3 Bad recipient", &p);
	if (ok && p.params.len > 0 &&
	    !(view_eq_case(p.params, VIEW("SMTPUTF8")) &&
		(offer_params(s) & ESMTP_SMTPUTF8) != 0)) {
		reply(s, "501 5.5.4 Syntax: VRFY address");
		ok = false;
	}
	ok = ok && verify(s, &p, args);
	str_clear(&p.internal);
	return ok;
}

/* --- ETRN --- */

/* qmgr does what it can at once, or does not know the site. */
static bool
flush_site(struct session *s, struct view domain)
{
	struct ipc_flush m = { VIEW("site"), domain };
	struct ipc_result answer;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct err e = ipc_call(&s->smtpd->qmgr, IPC_OUT(flush, &m),
	    IPC_IN(result, &answer), &keep, deadline_in(FLUSH_TIMEOUT));
	bool ok = !err_is(e) && answer.status == ERR_NONE;

	if (err_is(e))
		log_warn("%s", e.text);
	ipc_keep_clear(&keep);
	if (ok)
		reply(s, "250 Queuing started");
	else
		reply(s, "458 Unable to queue messages");
	return ok;
}

bool
command_etrn(struct session *s, struct view args)
{
	struct str refusal = STR_EMPTY;
	struct view ip;
	bool is_ipv6, yes;
	struct err e;

	/* RFC 1985 5.3: "@" asks for the domain and what is below it. */
	if (s->smtpd->stand_alone) {
		reply(s, "458 Unable to queue messages");
		return false;
	}
	if (args.len > 1 && (args.ptr[0] == '@' || args.ptr[0] == '#'))
		args = view_skip(args, 1);
	if (args.len == 0 || view_find_any(args, " \t") != VIEW_NPOS) {
		reply(s, "500 Syntax: ETRN domain");
		return false;
	}
	if (!dns_name_is_valid(args) &&
	    !addr_parse_literal(args, &ip, &is_ipv6)) {
		reply(s, "501 Error: invalid parameter syntax");
		return false;
	}
	if (!access_check_etrn(s, args, &refusal)) {
		access_say(s, &refusal);
		return false;
	}
	e = match_list_matches(s->smtpd->flush_domains, args, &yes);
	if (err_is(e) || !yes) {
		if (err_is(e)) {
			log_warn("fast_flush_domains: %s", e.text);
			reply(s, "458 Unable to queue messages");
		} else {
			reply(s, "459 <%.*s>: service unavailable",
			    VIEW_ARGS(args));
		}
		return false;
	}
	return flush_site(s, args);
}
