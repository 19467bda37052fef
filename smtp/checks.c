/* Checks of content on its way out: see checks.h. */
#include "smtp/checks.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/run/fiber.h"

enum { CONTENT_SHOWN = 60, TEXT_SHOWN = 1000 };

struct err
checks_open(struct settings *set, const struct conf *conf, bool is_lmtp)
{
	static const char *const smtp_names[CHECK_MAPS] = {
		"smtp_header_checks", "smtp_mime_header_checks",
		"smtp_nested_header_checks", "smtp_body_checks"
	};
	static const char *const lmtp_names[CHECK_MAPS] = {
		"lmtp_header_checks", "lmtp_mime_header_checks",
		"lmtp_nested_header_checks", "lmtp_body_checks"
	};
	const char *const values[CHECK_MAPS] = {
		CONF_CLIENT(conf, is_lmtp, header_checks),
		CONF_CLIENT(conf, is_lmtp, mime_header_checks),
		CONF_CLIENT(conf, is_lmtp, nested_header_checks),
		CONF_CLIENT(conf, is_lmtp, body_checks)
	};

	return check_maps_open(
	    &set->checks, conf, is_lmtp ? lmtp_names : smtp_names, values);
}

void
checks_close(struct settings *set)
{
	check_maps_close(&set->checks);
}

bool
checks_have_changed(const struct settings *set)
{
	return check_maps_have_changed(&set->checks);
}

void
checking_init(
    struct checking *c, const struct settings *set, struct view queue_id)
{
	*c = (struct checking){ .set = set,
		.queue_id = queue_id,
		.value = STR_EMPTY,
		.is_done = !checks_are_on(set) };
	mime_init(&c->mime, &set->checks.limits);
}

void
checking_clear(struct checking *c)
{
	mime_clear(&c->mime);
	str_clear(&c->value);
}

/* --- actions --- */

enum end { END_KEEP, END_DROP, END_REPLACE };

struct applying {
	struct checking *c;
	enum check_map map;
	struct view text, argument;
	struct str *out;
};

static void
tell(const struct applying *a, const char *action)
{
	struct str line = STR_EMPTY;

	str_addf(&line, "%.*s: %s: %s ", VIEW_ARGS(a->c->queue_id), action,
	    a->map == CHECK_BODY ? "body" : "header");
	check_add_shown(&line, a->text, CONTENT_SHOWN, '?');
	if (a->argument.len > 0) {
		str_add_text(&line, ": ");
		check_add_shown(&line, a->argument, TEXT_SHOWN, '?');
	}
	log_info("%s", line.ptr);
	str_clear(&line);
}

static bool
has_text(const struct applying *a, const char *action)
{
	return check_maps_take_text(
	    &a->c->set->checks, a->map, action, a->argument);
}

static enum end
act_warn(struct applying *a)
{
	tell(a, "warning");
	return END_KEEP;
}

static enum end
act_info(struct applying *a)
{
	tell(a, "info");
	return END_KEEP;
}

static enum end
act_prepend(struct applying *a)
{
	if (!has_text(a, "PREPEND"))
		return END_KEEP;
	tell(a, "prepend");
	header_add_lines(a->out, a->argument, a->map != CHECK_BODY);
	return END_KEEP;
}

static enum end
act_replace(struct applying *a)
{
	if (!has_text(a, "REPLACE"))
		return END_KEEP;
	tell(a, "replace");
	header_add_lines(a->out, a->argument, a->map != CHECK_BODY);
	return END_REPLACE;
}

static enum end
act_strip(struct applying *a)
{
	tell(a, "strip");
	return END_DROP;
}

static enum end
act_ignore(struct applying *a)
{
	(void)a;
	return END_DROP;
}

static enum end
act_nothing(struct applying *a)
{
	(void)a;
	return END_KEEP;
}

static const struct {
	const char *name;
	enum end (*run)(struct applying *a);
} actions[] = {
	{ "WARN", act_warn },
	{ "INFO", act_info },
	{ "PREPEND", act_prepend },
	{ "REPLACE", act_replace },
	{ "STRIP", act_strip },
	{ "IGNORE", act_ignore },
	{ "DUNNO", act_nothing },
	{ "OK", act_nothing },
};

static enum end
act(struct applying *a)
{
	struct view word;

	check_split(str_view(&a->c->value), &word, &a->argument);
	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		if (view_eq_case(word, view_of(actions[i].name)))
			return actions[i].run(a);
	log_warn("unsupported command in %s map: %.*s",
	    a->c->set->checks.names[a->map],
	    VIEW_ARGS(view_first(str_view(&a->c->value), TEXT_SHOWN)));
	return END_KEEP;
}

/* True if it is sent as it is. */
static bool
apply(struct checking *c, enum check_map map, struct view text,
    struct str *out, struct err *e)
{
	struct applying a = { c, map, text, VIEW_EMPTY, out };
	bool found;

	*e = table_list_find(c->set->checks.lists[map], text, TABLE_ALL,
	    &c->value, &found);
	if (err_is(*e))
		log_warn("%.*s: %s map lookup problem: %s",
		    VIEW_ARGS(c->queue_id), c->set->checks.names[map],
		    e->text);
	return !err_is(*e) && (!found || act(&a) == END_KEEP);
}

/* --- content --- */

static struct err
take_event(struct checking *c, const struct mime_event *ev, struct str *out)
{
	struct err e = ERR_OK;

	switch (ev->what) {
	case MIME_HEADER:
		if (apply(c, check_maps_of(ev), ev->text, out, &e))
			header_add_lines(out, ev->text, true);
		break;
	case MIME_LINE:
		if (check_maps_want_line(&c->set->checks, ev) &&
		    !apply(c, CHECK_BODY, ev->text, out, &e))
			break;
		/* fall through */
	case MIME_FROM_LINE:
		str_add(out, ev->text);
		if (ev->is_ended)
			str_add_text(out, "\r\n");
		break;
	case MIME_HEADERS_END:
		c->is_past_header = true;
		if (ev->len > 0)
			str_add_text(out, "\r\n");
		break;
	case MIME_FAULTY:
	case MIME_END:
		break;
	}
	return e;
}

static struct err
take_events(struct checking *c, struct str *out)
{
	struct mime_event ev;
	struct err e = ERR_OK;

	while (!err_is(e) && mime_next(&c->mime, &ev))
		e = take_event(c, &ev, out);
	return e;
}

struct err
checking_feed(struct checking *c, struct view piece, struct str *out)
{
	struct view unread;
	struct err e;

	if (c->is_done) {
		str_add(out, piece);
		return ERR_OK;
	}
	mime_take(&c->mime, piece);
	e = take_events(c, out);
	/* What was taken and is not told is of no interest either. */
	if (!err_is(e) &&
	    check_maps_are_done(
		&c->set->checks, &c->mime, c->is_past_header) &&
	    mime_find_unread(&c->mime, &unread)) {
		str_add(out, unread);
		c->is_done = true;
	}
	/* Nobody waits for us who was cancelled. */
	fiber_yield();
	return e;
}

struct err
checking_finish(struct checking *c, struct str *out)
{
	if (c->is_done)
		return ERR_OK;
	mime_finish(&c->mime);
	return take_events(c, out);
}
