/* Tables of header and body checks, and their actions: see checks.h. */
#include "cleanup/checks.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/trace.h"
#include "lib/mail/addr.h"
#include "lib/mail/dsn.h"

enum { CONTENT_SHOWN = 200, FAULT_SHOWN = 100, REASON_MAX = 1000 };

/* --- tables --- */

static const char *const map_names[CHECK_MAPS] = { "header_checks",
	"mime_header_checks", "nested_header_checks", "body_checks" };

static bool
is_listed(const char *list, const char *word)
{
	struct view rest = view_of(list), item;

	while (conf_list_next(&rest, &item))
		if (view_eq_case(item, view_of(word)))
			return true;
	return false;
}

static unsigned
faults_of(const struct conf *conf)
{
	unsigned faults = 0;

	if (conf->strict_8bitmime || conf->strict_7bit_headers)
		faults |= MIME_FAULT_8BIT_HEADER;
	if (conf->strict_8bitmime || conf->strict_8bitmime_body)
		faults |= MIME_FAULT_8BIT_BODY;
	if (conf->strict_mime_encoding_domain)
		faults |= MIME_FAULT_DOMAIN;
	return faults;
}

struct err
checks_open(struct checks *c, const struct conf *conf)
{
	const char *const values[CHECK_MAPS] = { conf->header_checks,
		conf->mime_header_checks, conf->nested_header_checks,
		conf->body_checks };
	struct err e;

	*c = (struct checks){ .faults = faults_of(conf),
		.for_reports =
		    is_listed(conf->internal_mail_filter_classes, "bounce"),
		.for_notices =
		    is_listed(conf->internal_mail_filter_classes, "notify") };
	e = check_maps_open(&c->maps, conf, map_names, values);
	if (!err_is(e))
		e = characters_learn(&c->characters,
		    view_of(conf->message_reject_characters),
		    view_of(conf->message_strip_characters));
	if (c->maps.limits.is_flat)
		c->faults = 0;
	else if (c->maps.is_any || c->faults != 0)
		c->faults |= MIME_FAULT_NESTING;
	c->is_any = c->maps.is_any || c->faults != 0;
	return e;
}

void
checks_close(struct checks *c)
{
	check_maps_close(&c->maps);
}

bool
checks_have_changed(const struct checks *c)
{
	return check_maps_have_changed(&c->maps);
}

bool
checks_are_of_others(const struct message *m)
{
	const struct checks *c = m->cleanup->checks;
	struct view origin = m->submit.origin;

	if (c == NULL || (m->submit.flags & SUBMIT_NO_CHECKS) != 0)
		return false;
	return view_eq(origin, VIEW("smtpd")) ||
	    view_eq(origin, VIEW("pickup")) ||
	    (c->for_reports && view_eq(origin, VIEW("bounce"))) ||
	    (c->for_notices && view_eq(origin, VIEW("notify")));
}

bool
checks_are_for(const struct checks *c, const struct message *m)
{
	return c != NULL && c->is_any && checks_are_of_others(m);
}

/* --- log lines --- */

static void
add_address(struct str *out, const char *name, struct view address)
{
	str_addf(out, " %s=<", name);
	addr_to_external(out, address);
	str_add_byte(out, '>');
}

static struct view
last_rcpt(const struct message *m)
{
	struct view list = envelope_last_rcpt(m);
	struct ipc_rcpt rcpt;
	bool more;
	struct err e = ipc_list_next(&list, IPC_IN(rcpt, &rcpt), &more);

	return !err_is(e) && more ? rcpt.address : VIEW("unknown");
}

static void
add_client(struct str *out, const struct message *m)
{
	const struct ipc_submit *s = &m->submit;

	if (s->client_addr.len > 0)
		str_addf(out, " from %.*s[%.*s];", VIEW_ARGS(s->client_name),
		    VIEW_ARGS(s->client_addr));
	else
		str_addf(out, " from %s;",
		    view_eq(s->origin, VIEW("smtpd")) ? "unknown" : "local");
	add_address(out, "from", str_view(&m->sender));
}

void
checks_log(const struct message *m, const char *action, const char *class,
    struct view text, struct view why)
{
	const struct ipc_submit *s = &m->submit;
	struct str line = STR_EMPTY;

	str_addf(&line, "%.*s: %s: %s ", VIEW_ARGS(s->queue_id), action, class);
	check_add_shown(&line, text, CONTENT_SHOWN, '?');
	add_client(&line, m);
	if (m->n_rcpts > 0)
		add_address(&line, "to", last_rcpt(m));
	if (s->protocol.len > 0)
		str_addf(&line, " proto=%.*s", VIEW_ARGS(s->protocol));
	if (s->helo.len > 0)
		str_addf(&line, " helo=<%.*s>", VIEW_ARGS(s->helo));
	if (why.len > 0) {
		str_add_text(&line, ": ");
		check_add_shown(&line, why, REASON_MAX, '?');
	}
	log_info("%s", line.ptr);
	str_clear(&line);
}

void
checks_log_fault(
    const struct message *m, enum mime_fault fault, struct view text)
{
	struct str line = STR_EMPTY;

	str_addf(&line, "%.*s: reject: mime-error %s: ",
	    VIEW_ARGS(m->submit.queue_id), mime_fault_text(fault));
	check_add_shown(&line, text, FAULT_SHOWN, '?');
	add_client(&line, m);
	add_address(&line, "to", last_rcpt(m));
	log_info("%s", line.ptr);
	str_clear(&line);
}

/* --- actions --- */

struct applying {
	struct message *m;
	enum check_map map;
	struct view text;  /* what was looked for */
	struct view argument; /* after the action */
	struct str *value; /* the answer: what is argument of */
};

static bool
is_header_map(const struct applying *a)
{
	return a->map != CHECK_BODY;
}

static void
tell(const struct applying *a, const char *action, struct view why)
{
	checks_log(a->m, action, is_header_map(a) ? "header" : "body", a->text,
	    why);
}

static enum check_end
act_reject(struct applying *a)
{
	struct dsn_split why =
	    dsn_split(a->argument, DSN_STATUS(5, 7, 1));
	struct orders *o = &a->m->orders;
	struct str reason = STR_EMPTY, said = STR_EMPTY;
	char dsn[DSN_STATUS_SIZE];

	if (a->argument.len == 0)
		why.text = VIEW("message content rejected");
	if (why.status.class != 4 && why.status.class != 5) {
		log_warn("bad DSN action in %.*s -- need 4.x.x or 5.x.x",
		    VIEW_ARGS(a->argument));
		why.status.class = 4;
	}
	str_printf(&reason, "%s %.*s", dsn_text(why.status, dsn),
	    VIEW_ARGS(why.text));
	check_add_shown(&said, str_view(&reason), REASON_MAX, ' ');
	orders_refuse(o, why.status.class == 4 ? 451 : 550, "%s", said.ptr);
	o->no_more_checks = true;
	tell(a, "reject", str_view(&reason));
	str_clear(&reason);
	str_clear(&said);
	return CHECK_KEEP;
}

static enum check_end
act_warn(struct applying *a)
{
	tell(a, "warning", a->argument);
	return CHECK_KEEP;
}

static enum check_end
act_info(struct applying *a)
{
	tell(a, "info", a->argument);
	return CHECK_KEEP;
}

static enum check_end
act_filter(struct applying *a)
{
	const char *name = map_names[a->map];

	if (a->argument.len == 0) {
		log_warn("missing FILTER command argument in %s map", name);
	} else if (view_find(a->argument, ':') == VIEW_NPOS) {
		log_warn("bad FILTER command %.*s in %s map -- need "
			 "transport:destination",
		    VIEW_ARGS(a->argument), name);
	} else {
		struct str *filter = &a->m->orders.filter;

		str_reset(filter);
		check_add_shown(filter, a->argument, REASON_MAX, '?');
		tell(a, "filter", a->argument);
	}
	return CHECK_KEEP;
}

static enum check_end
act_pass(struct applying *a)
{
	tell(a, "pass", a->argument);
	a->m->orders.no_more_checks = true;
	return CHECK_KEEP;
}

static enum check_end
act_discard(struct applying *a)
{
	tell(a, "discard", a->argument);
	a->m->orders.discard = a->m->orders.no_more_checks = true;
	return CHECK_KEEP;
}

static enum check_end
act_hold(struct applying *a)
{
	if (a->m->orders.hold || a->m->orders.discard)
		return CHECK_KEEP;
	tell(a, "hold", a->argument);
	a->m->orders.hold = true;
	return CHECK_KEEP;
}

static bool
has_text(const struct applying *a, const char *action)
{
	return check_maps_take_text(
	    &a->m->cleanup->checks->maps, a->map, action, a->argument);
}

static enum check_end
act_prepend(struct applying *a)
{
	if (!has_text(a, "PREPEND"))
		return CHECK_KEEP;
	tell(a, "prepend", a->argument);
	pieces_add_lines(a->m, a->argument, is_header_map(a));
	return CHECK_KEEP;
}

static enum check_end
act_replace(struct applying *a)
{
	struct str text = STR_EMPTY;

	if (!has_text(a, "REPLACE"))
		return CHECK_KEEP;
	tell(a, "replace", a->argument);
	str_set(&text, a->argument);
	str_clear(a->value);
	*a->value = text;
	return CHECK_REPLACE;
}

static bool
has_address(const struct applying *a, const char *action)
{
	if (view_find(a->argument, '@') != VIEW_NPOS &&
	    a->argument.len <= ADDR_MAX && addr_is_sane(a->argument))
		return true;
	log_warn("bad %s \"%.*s\" in %s map -- need user@domain", action,
	    VIEW_ARGS(view_first(a->argument, REASON_MAX)), map_names[a->map]);
	return false;
}

static enum check_end
act_redirect(struct applying *a)
{
	struct orders *o = &a->m->orders;

	if (!has_address(a, "REDIRECT target"))
		return CHECK_KEEP;
	str_set(&o->redirect, a->argument);
	tell(a, "redirect", a->argument);
	o->no_more_checks = true;
	return CHECK_KEEP;
}

static enum check_end
act_bcc(struct applying *a)
{
	if (!has_address(a, "BCC address"))
		return CHECK_KEEP;
	orders_add_bcc(&a->m->orders, a->argument);
	tell(a, "bcc", a->argument);
	return CHECK_KEEP;
}

static enum check_end
act_strip(struct applying *a)
{
	tell(a, "strip", a->argument);
	return CHECK_DROP;
}

static enum check_end
act_ignore(struct applying *a)
{
	(void)a;
	return CHECK_DROP;
}

static enum check_end
act_nothing(struct applying *a)
{
	(void)a;
	return CHECK_KEEP;
}

static const struct {
	const char *name;
	enum check_end (*run)(struct applying *a);
} actions[] = {
#define ACTION(name, run) { name, run },
#include "lib/conf/content_actions.h"
};

static enum check_end
act(struct applying *a)
{
	struct view line = str_view(a->value), word;

	check_split(line, &word, &a->argument);
	TRACE("check", { "map", view_of(map_names[a->map]) },
	    { "content", a->text }, { "action", word },
	    { "argument", a->argument.len > 0 ? a->argument
					      : (struct view){ NULL, 0 } });
	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		if (view_eq_case(word, view_of(actions[i].name)))
			return actions[i].run(a);
	log_warn("unknown command in %s map: %.*s", map_names[a->map],
	    VIEW_ARGS(view_first(line, REASON_MAX)));
	return CHECK_KEEP;
}

enum check_end
checks_apply(struct message *m, enum check_map map, struct view text,
    struct str *value)
{
	struct applying a = { m, map, text, VIEW_EMPTY, value };
	bool found;
	struct err e = table_list_find(m->cleanup->checks->maps.lists[map],
	    text,
	    TABLE_ALL, value, &found);

	if (!err_is(e))
		return found ? act(&a) : CHECK_KEEP;
	log_warn("%s", e.text);
	log_warn("%.*s: %s map lookup problem -- message not accepted, try "
		 "again later",
	    VIEW_ARGS(m->submit.queue_id), map_names[map]);
	orders_refuse(
	    &m->orders, 451, "4.3.0 Error: queue file write error");
	return CHECK_FAILED;
}

struct view
checks_take_content(struct message *m, struct view bytes)
{
	const struct checks *c = m->cleanup->checks;
	struct view bad = { NULL, 0 };

	if (c == NULL || !c->characters.is_any ||
	    !checks_are_of_others(m) ||
	    m->orders.code != 0)
		return bytes;
	bytes = characters_take(&c->characters, bytes, &bad);
	if (bad.ptr != NULL) {
		orders_refuse(&m->orders, 550, "5.7.1 disallowed character");
		checks_log(m, "reject", "content", bad,
		    str_view(&m->orders.reason));
	}
	return bytes;
}
