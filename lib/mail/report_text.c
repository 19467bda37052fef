/* Templates of reports: see report_text.h. */
#include "lib/mail/report_text.h"

#include "lib/base/mem.h"
#include "lib/conf/main_cf.h"
#include "lib/conf/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define HOST "This is the mail system at host $myhostname.\n\n"
#define HELP                                                           \
	"\nIf you need help, please write to postmaster, and include " \
	"this report.\n"

static const struct {
	const char *name;
	struct report_text text;
} built_in[REPORT_TEXT_KINDS] = {
	[REPORT_TEXT_FAILURE] = { "failure",
	    { "us-ascii", "Mail Delivery System <MAILER-DAEMON>",
		"Undelivered Mail Returned to Sender",
		"Postmaster Copy: Undelivered Mail",
		HOST
		"I am sorry to tell you that your message could not be\n"
		"delivered to one or more recipients.  Why is said below, and\n"
		"your message (or its header) is attached.\n" HELP } },
	[REPORT_TEXT_DELAY] = { "delay",
	    { "us-ascii", "Mail Delivery System <MAILER-DAEMON>",
		"Delayed Mail (still being retried)",
		"Postmaster Warning: Delayed Mail",
		HOST
		"Your message could not be delivered yet.  You need not send "
		"it\n"
		"again: delivery goes on being tried.\n" HELP } },
	[REPORT_TEXT_SUCCESS] = { "success",
	    { "us-ascii", "Mail Delivery System <MAILER-DAEMON>",
		"Successful Mail Delivery Report", NULL,
		HOST
		"Your message was delivered to the recipients below.  If it "
		"was\n"
		"handed on to a system that gives no receipts, there will be\n"
		"no word from further on.\n" } },
	[REPORT_TEXT_VERIFY] = { "verify",
	    { "us-ascii", "Mail Delivery System <MAILER-DAEMON>",
		"Mail Delivery Status Report", NULL,
		HOST
		"This is the delivery status that you asked for.\n" HELP } },
};

const char *
report_text_name(enum report_text_kind kind)
{
	return built_in[kind].name;
}

static char *
copy_or_null(const char *text)
{
	return text == NULL ? NULL : xstrdup(text);
}

static void
set_built_in(struct report_texts *texts)
{
	for (size_t i = 0; i < REPORT_TEXT_KINDS; i++) {
		const struct report_text *from = &built_in[i].text;

		texts->of[i] = (struct report_text){ copy_or_null(
							 from->charset),
			copy_or_null(from->from), copy_or_null(from->subject),
			copy_or_null(from->postmaster_subject),
			copy_or_null(from->text) };
	}
}

static void
clear_one(struct report_text *t)
{
	free(t->charset);
	free(t->from);
	free(t->subject);
	free(t->postmaster_subject);
	free(t->text);
	*t = (struct report_text){ NULL, NULL, NULL, NULL, NULL };
}

void
report_texts_clear(struct report_texts *texts)
{
	for (size_t i = 0; i < REPORT_TEXT_KINDS; i++)
		clear_one(&texts->of[i]);
}

/* --- the file --- */

struct reader {
	struct view rest;
	const char *name;
	int line;
};

static bool
take_line(struct reader *r, struct view *line)
{
	size_t n = view_find(r->rest, '\n');

	if (r->rest.len == 0)
		return false;
	*line = view_trim_right(view_first(r->rest, n));
	r->rest = view_skip(r->rest, n == VIEW_NPOS ? r->rest.len : n + 1);
	r->line++;
	return true;
}

static struct err
bad(const struct reader *r, const char *what)
{
	return err_make(ERR_PERM, "%s, line %d: %s", r->name, r->line, what);
}

/* "NAME_template = <<WORD" */
static struct err
parse_start(const struct reader *r, struct view line,
    enum report_text_kind *kind, struct view *word)
{
	struct view name, value;
	struct str full = STR_EMPTY;
	struct err e = conf_split_pair(line, &name, &value);

	if (err_is(e) || !view_starts(value, VIEW("<<")))
		return bad(r, "needs NAME_template = <<WORD");
	*word = view_trim(view_skip(value, 2));
	if (word->len == 0)
		return bad(r, "needs a word after <<");
	for (size_t i = 0; i < REPORT_TEXT_KINDS; i++) {
		str_printf(&full, "%s_template", built_in[i].name);
		if (view_eq(name, str_view(&full))) {
			*kind = (enum report_text_kind)i;
			str_clear(&full);
			return ERR_OK;
		}
	}
	str_clear(&full);
	return bad(r,
	    "is none of failure_template, delay_template, "
	    "success_template, verify_template");
}

static bool
is_clean(struct view value)
{
	for (size_t i = 0; i < value.len; i++)
		if ((unsigned char)value.ptr[i] < ' ' || value.ptr[i] == '\x7f')
			return false;
	return true;
}

static struct err
take_header(const struct reader *r, struct report_text *t, struct view line)
{
	const struct {
		const char *name;
		char **value;
	} fields[] = {
		{ "Charset", &t->charset },
		{ "From", &t->from },
		{ "Subject", &t->subject },
		{ "Postmaster-Subject", &t->postmaster_subject },
	};
	size_t colon = view_find(line, ':');
	struct view name = view_trim(view_first(line, colon));
	struct view value = view_trim(view_skip(line, colon + 1));

	if (colon == VIEW_NPOS)
		return bad(r,
		    "needs NAME: VALUE, or an empty line before the "
		    "text");
	if (value.len == 0 || !is_clean(value))
		return bad(r,
		    "the header field has no value, or control "
		    "characters");
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (view_eq_case(name, view_of(fields[i].name))) {
			free(*fields[i].value);
			*fields[i].value = xstrndup(value.ptr, value.len);
			return ERR_OK;
		}
	return bad(r,
	    "is none of Charset, From, Subject, "
	    "Postmaster-Subject");
}

static struct err
take_template(struct reader *r, struct report_text *t, struct view word)
{
	struct str text = STR_EMPTY;
	bool in_header = true, ended = false;
	struct view line;
	struct err e = ERR_OK;

	while (!err_is(e) && !ended && take_line(r, &line)) {
		if (view_eq(line, word))
			ended = true;
		else if (!in_header)
			str_addf(&text, "%.*s\n", VIEW_ARGS(line));
		else if (line.len == 0)
			in_header = false;
		else
			e = take_header(r, t, line);
	}
	if (!err_is(e) && !ended)
		e = bad(r, "the template has no end");
	if (!err_is(e) && text.len == 0)
		e = bad(r, "the template has no text");
	if (!err_is(e)) {
		free(t->text);
		t->text = xstrndup(text.ptr, text.len);
	}
	str_clear(&text);
	return e;
}

struct err
report_texts_parse(
    struct report_texts *texts, struct view file, const char *name)
{
	struct reader r = { file, name, 0 };
	struct view line, word = VIEW_EMPTY;
	struct err e = ERR_OK;

	if (view_find(file, '\0') != VIEW_NPOS)
		return err_make(ERR_PERM, "%s: has a zero byte", name);
	while (!err_is(e) && take_line(&r, &line)) {
		enum report_text_kind kind = REPORT_TEXT_FAILURE;

		line = view_trim(line);
		if (line.len == 0 || line.ptr[0] == '#')
			continue;
		e = parse_start(&r, line, &kind, &word);
		if (!err_is(e))
			e = take_template(&r, &texts->of[kind], word);
	}
	return e;
}

struct err
report_texts_load(const char *path, struct report_texts *out)
{
	struct str file = STR_EMPTY;
	struct err e;

	set_built_in(out);
	if (path[0] == '\0')
		return ERR_OK;
	e = conf_read_file(path, REPORT_TEXT_FILE_MAX, &file);
	if (!err_is(e))
		e = report_texts_parse(out, str_view(&file), path);
	str_clear(&file);
	if (err_is(e)) {
		report_texts_clear(out);
		set_built_in(out);
	}
	return e;
}

/* --- macros --- */

struct lookup {
	const struct conf *conf;
	char number[32];
};

static bool
find_time(struct lookup *l, struct view name, struct view *value)
{
	static const struct {
		const char *suffix;
		int64_t ms;
	} units[] = {
		{ "_seconds", 1000 },
		{ "_minutes", INT64_C(60) * 1000 },
		{ "_hours", INT64_C(3600) * 1000 },
		{ "_days", INT64_C(86400) * 1000 },
		{ "_weeks", INT64_C(7) * 86400 * 1000 },
	};

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		struct view suffix = view_of(units[i].suffix), parameter;
		const struct conf_row *row;
		int64_t seconds;

		if (!view_ends(name, suffix))
			continue;
		parameter = view_first(name, name.len - suffix.len);
		row = conf_row_find(parameter);
		if (row == NULL || row->type != CONF_TIME)
			return false;
		memcpy(&seconds, (const char *)l->conf + row->offset,
		    sizeof(seconds));
		(void)snprintf(l->number, sizeof(l->number), "%" PRId64,
		    seconds / (units[i].ms / 1000));
		*value = view_of(l->number);
		return true;
	}
	return false;
}

static bool
look_up(void *arg, struct view name, struct view *value)
{
	struct lookup *l = arg;
	struct str text = STR_EMPTY;
	const char *found;

	str_add(&text, name);
	found = conf_find(l->conf, text.ptr);
	str_clear(&text);
	if (found == NULL)
		return find_time(l, name, value);
	*value = view_of(found);
	return true;
}

struct err
report_text_expand(
    const struct conf *conf, const struct report_text *text, struct str *out)
{
	struct lookup l = { .conf = conf };
	struct conf_macros macros = { look_up, &l, .strict = true };

	return conf_expand(out, view_of(text->text), &macros);
}
