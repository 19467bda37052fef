/* The tables of header and body checks: see check_maps.h. */
#include "lib/mail/check_maps.h"

#include "lib/base/log.h"

/* The message itself and the last level count as well, as in Postfix. */
enum { NESTING_BESIDE = 2, LINE_MAX_KEY = 65535, TEXT_SHOWN = 1000 };

struct err
check_maps_open(struct check_maps *c, const struct conf *conf,
    const char *const names[CHECK_MAPS], const char *const values[CHECK_MAPS])
{
	struct err e = ERR_OK;

	*c = (struct check_maps){ .body_size = conf->body_checks_size_limit,
		.limits = { .header_size = (size_t)conf->header_size_limit,
		    .boundary = (size_t)conf->mime_boundary_length_limit,
		    .line = conf->line_length_limit < LINE_MAX_KEY
			? (size_t)conf->line_length_limit
			: LINE_MAX_KEY,
		    .nesting =
			(unsigned)conf->mime_nesting_limit + NESTING_BESIDE,
		    .is_flat = conf->disable_mime_input_processing } };
	for (size_t i = 0; i < CHECK_MAPS && !err_is(e); i++) {
		c->names[i] = names[i];
		e = table_list_open(
		    view_of(values[i]), TABLE_OPEN_LATER, &c->lists[i]);
		if (err_is(e))
			e = err_within(e, "%s", names[i]);
		if (table_list_is_empty(c->lists[i]))
			continue;
		c->is_any = true;
		c->is_body_any |= i != CHECK_HEADER;
	}
	return e;
}

void
check_maps_close(struct check_maps *c)
{
	for (size_t i = 0; i < CHECK_MAPS; i++) {
		table_list_close(c->lists[i]);
		c->lists[i] = NULL;
	}
}

bool
check_maps_have_changed(const struct check_maps *c)
{
	for (size_t i = 0; i < CHECK_MAPS; i++)
		if (table_list_has_changed(c->lists[i]))
			return true;
	return false;
}

enum check_map
check_maps_of(const struct mime_event *header)
{
	static const enum check_map maps[] = { [MIME_PRIMARY] = CHECK_HEADER,
		[MIME_PART] = CHECK_MIME,
		[MIME_NESTED] = CHECK_NESTED };

	return (header_flags(header->id) & HEADER_MIME) != 0
	    ? CHECK_MIME
	    : maps[header->class];
}

bool
check_maps_want_line(
    const struct check_maps *c, const struct mime_event *line)
{
	return !table_list_is_empty(c->lists[CHECK_BODY]) &&
	    (c->body_size == 0 || (int64_t)line->offset < c->body_size);
}

bool
check_maps_are_done(const struct check_maps *c, const struct mime *mime,
    bool is_past_header)
{
	if (!is_past_header)
		return false;
	return !c->is_body_any ||
	    (c->body_size > 0 &&
		mime_is_flat_from(mime, (uint64_t)c->body_size));
}

void
check_split(struct view answer, struct view *action, struct view *argument)
{
	*action = view_first(answer, view_find_any(answer, " \t"));
	*argument = view_trim_left(view_skip(answer, action->len));
}

bool
check_maps_take_text(const struct check_maps *c, enum check_map map,
    const char *action, struct view argument)
{
	if (argument.len == 0) {
		log_warn("%s action without text in %s map", action,
		    c->names[map]);
		return false;
	}
	if (map == CHECK_BODY || header_name_len(argument) > 0)
		return true;
	log_warn("bad %s header text \"%.*s\" in %s map -- need "
		 "\"headername: headervalue\"",
	    action, VIEW_ARGS(view_first(argument, TEXT_SHOWN)),
	    c->names[map]);
	return false;
}

void
check_add_shown(struct str *out, struct view text, size_t max, char instead)
{
	text = view_first(text, max);
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		str_add_byte(out, c < ' ' || c == 0x7f ? instead : text.ptr[i]);
	}
}
