/*
 * Who is told.  A report's own sender is empty, and a report is never reported
 * to its sender: at most the postmaster hears of it, and of that nobody.
 */
#include "bounce/report.h"

#include "lib/mail/addr.h"

static bool
is_notified(const struct conf *conf, const char *class)
{
	struct view rest = view_of(conf->notify_classes), item;

	while (conf_list_next(&rest, &item))
		if (view_eq(item, view_of(class)))
			return true;
	return false;
}

static bool
is_double_bounce(const struct conf *conf, struct view sender)
{
	return view_eq_case(
		   addr_local(sender), view_of(conf->double_bounce_sender)) &&
	    (addr_domain(sender).len == 0 ||
		view_eq_case(addr_domain(sender), view_of(conf->myhostname)));
}

static void
address_postmaster(const struct conf *conf, const char *recipient,
    struct str *memory, struct addressee *to)
{
	str_printf(
	    memory, "%s@%s", conf->double_bounce_sender, conf->myhostname);
	*to = (struct addressee){ .sender = str_view(memory),
		.recipient = view_of(recipient),
		.is_postmaster_copy = true };
}

bool
addressee_find(const struct conf *conf, struct view sender,
    enum report_kind kind, struct str *memory, struct addressee *to)
{
	*to = (struct addressee){ .sender = VIEW_EMPTY, .recipient = sender };
	if (is_double_bounce(conf, sender))
		return false;
	if (sender.len > 0)
		return true;
	if (kind != REPORT_FAILURE || !is_notified(conf, "2bounce"))
		return false;
	address_postmaster(conf, conf->_2bounce_notice_recipient, memory, to);
	return true;
}

bool
addressee_find_copy(const struct conf *conf, enum report_kind kind,
    struct str *memory, struct addressee *to)
{
	if (kind == REPORT_FAILURE && is_notified(conf, "bounce"))
		address_postmaster(
		    conf, conf->bounce_notice_recipient, memory, to);
	else if (kind == REPORT_DELAY && is_notified(conf, "delay"))
		address_postmaster(
		    conf, conf->delay_notice_recipient, memory, to);
	else
		return false;
	return true;
}
