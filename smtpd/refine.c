/* Texts of replies and commands: see refine.h. */
#include "smtpd/refine.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/mail/dsn.h"
#include "smtpd/access_run.h"
#include "smtpd/macros.h"
#include "smtpd/reply.h"
#include "smtpd/screen_run.h"

enum { LINES_MAX = 20, COMMAND_SHOWN = 100 };

/* --- footers --- */

/* The parameters that hold for this client. */
struct texts {
	const char *footer_name, *maps_name, *filter_name;
	const char *footer;
	struct table_list *maps, *command_filter;
	struct table_list *reply_filter; /* NULL: none */
	const char *allowed;		 /* in what is expanded; NULL: all */
};

static struct texts
texts_for(const struct session *s)
{
	const struct smtpd *m = s->smtpd;
	const struct screen_settings *set = m->screen;

	if (s->screen != NULL)
		return (struct texts){ "postscreen_reject_footer",
			"postscreen_reject_footer_maps",
			"postscreen_command_filter",
			set->footer, set->footers,
			set->command_filter, NULL, set->expansion_filter };
	return (struct texts){ "smtpd_reject_footer",
		"smtpd_reject_footer_maps", "smtpd_command_filter",
		m->conf->smtpd_reject_footer, m->footers, m->command_filter,
		m->reply_filter,
		m->stand_alone ? NULL : m->access_shared->expansion_filter };
}

bool
refine_has_replies(const struct session *s)
{
	struct texts t = texts_for(s);

	return t.footer[0] != '\0' || !table_list_is_empty(t.maps) ||
	    (t.reply_filter != NULL && !table_list_is_empty(t.reply_filter));
}

struct footer {
	const struct session *s;
	struct macro_memory memory;
};

/* While a client is tested nothing else is known of it. */
static bool
is_known_macro(const struct session *s, struct view name)
{
	static const char *const names[] = { "client_address", "client_port",
		"localtime", "server_name" };

	if (s->screen == NULL)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (view_eq(name, view_of(names[i])))
			return true;
	return false;
}

static bool
find_macro(void *arg, struct view name, struct view *value)
{
	struct footer *f = arg;
	const struct transaction *t = f->s->t;

	return is_known_macro(f->s, name) &&
	    macro_find(f->s,
		t != NULL ? str_view(&t->first_rcpt) : VIEW_EMPTY, name,
		&f->memory, value);
}

/* "550 5.1.1 " of a reply: what begins each of its lines. */
static struct view
prefix_of(struct view line)
{
	struct dsn_status status;
	struct view rest;

	if (line.len < 4)
		return line;
	if (!dsn_parse(view_skip(line, 4), &status, &rest))
		return view_first(line, 4);
	return view_first(line, line.len - rest.len);
}

/* One line of a template, cut off at the two characters \n. */
static bool
next_line(struct view *rest, struct view *line)
{
	size_t at = view_find_text(*rest, VIEW("\\n"));

	if (rest->ptr == NULL)
		return false;
	*line = view_first(*rest, at);
	if (at == VIEW_NPOS)
		rest->ptr = NULL, rest->len = 0;
	else
		*rest = view_skip(*rest, at + 2);
	return true;
}

static void
add_footer(struct session *s, const struct texts *texts, struct view template,
    struct view prefix, struct str *out)
{
	struct footer f = { .s = s };
	struct conf_macros macros = {
		.lookup = find_macro, .arg = &f, .filter = texts->allowed
	};
	bool same_line = view_starts(template, VIEW("\\c"));
	struct view line;
	size_t n = 0;

	if (same_line)
		template = view_skip(template, 2);
	while (n++ < LINES_MAX && next_line(&template, &line)) {
		struct err e;

		if (!same_line) {
			str_add_byte(out, '\n');
			str_add(out, prefix);
		}
		same_line = false;
		e = conf_expand(out, line, &macros);
		if (err_is(e))
			log_warn("%s: %s", texts->footer_name, e.text);
	}
	macro_memory_clear(&f.memory);
}

/* By the whole reply; a table that fails is passed over: the reply stands. */
static bool
find_text(struct table_list *maps, const char *parameter, struct view line,
    struct str *value)
{
	bool found = false;
	struct err e;

	if (maps == NULL)
		return false;
	e = table_list_find(maps, line, TABLE_ALL, value, &found);
	if (err_is(e))
		log_warn("%s: %s", parameter, e.text);
	return !err_is(e) && found;
}

/* A reply stays one of its class at least: no 5xx becomes a 250. */
static bool
is_refusal(struct view line)
{
	return line.len > 4 && (line.ptr[0] == '4' || line.ptr[0] == '5') &&
	    ascii_is_digit(line.ptr[1]) && ascii_is_digit(line.ptr[2]) &&
	    line.ptr[3] == ' ';
}

void
refine_reply(struct session *s, struct view line, struct str *out)
{
	struct texts t = texts_for(s);
	struct str text = STR_EMPTY, prefix = STR_EMPTY;

	str_set(out, line);
	if (find_text(t.reply_filter, "smtpd_reject_filter_maps", line, &text)) {
		if (is_refusal(str_view(&text)))
			str_set(out, str_view(&text));
		else
			log_warn("smtpd_reject_filter_maps: \"%s\" is no "
				 "reply of class 4 or 5",
			    text.ptr);
	}
	str_set(&prefix, prefix_of(str_view(out)));
	if (!find_text(t.maps, t.maps_name, line, &text))
		str_set(&text, view_of(t.footer));
	if (text.len > 0)
		add_footer(s, &t, str_view(&text), str_view(&prefix), out);
	str_clear(&text);
	str_clear(&prefix);
}

/* --- commands --- */

static void
log_replaced(struct session *s, struct view line, struct view by)
{
	struct str shown = STR_EMPTY;

	reply_add_clean(&shown, line, COMMAND_SHOWN);
	if (s->screen != NULL)
		screen_log(s, QUIET_OTHER,
		    "%s: replacing command \"%s\" with \"%.*s\"",
		    s->screen->client.ptr, shown.ptr, VIEW_ARGS(by));
	else
		log_info("%s: replacing client command \"%s\" with \"%.*s\"",
		    s->client.label, shown.ptr, VIEW_ARGS(by));
	str_clear(&shown);
}

bool
refine_command(struct session *s, struct view *line, struct str *memory)
{
	struct texts t = texts_for(s);
	struct view key = s->screen != NULL ? view_trim(*line) : *line;
	bool found = false;
	struct err e;

	if (table_list_is_empty(t.command_filter) || key.len == 0)
		return true;
	e = table_list_find(t.command_filter, key, TABLE_ALL, memory, &found);
	if (err_is(e)) {
		log_warn("%s: %s", t.filter_name, e.text);
		reply_and_close(s,
		    "421 4.3.0 %s Error: command filter lookup error",
		    s->smtpd->conf->myhostname);
		return false;
	}
	if (!found)
		return true;
	log_replaced(s, *line, str_view(memory));
	*line = str_view(memory);
	return true;
}
