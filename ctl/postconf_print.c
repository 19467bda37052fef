/* How postconf prints a name and its value. */
#include "ctl/postconf.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINE_WIDTH = 80, INDENT = 4 };

static void
print_folded(const struct postconf *pc, struct view text, size_t column)
{
	struct view rest = text, token;

	while (view_token(&rest, " \t\r\n\v\f", &token)) {
		if (pc->fold && column > INDENT &&
		    column + 1 + token.len > LINE_WIDTH) {
			printf("\n%*s", INDENT, "");
			column = INDENT;
		} else if (column > 0) {
			putchar(' ');
			column++;
		}
		fwrite(token.ptr, 1, token.len, stdout);
		column += token.len;
	}
	putchar('\n');
}

/* The tokens with one space between them. */
static void
join_tokens(struct view text, struct str *out)
{
	struct view token;

	while (view_token(&text, " \t\r\n\v\f", &token))
		str_addf(
		    out, "%s%.*s", out->len > 0 ? " " : "", VIEW_ARGS(token));
}

void
postconf_print(const struct postconf *pc, const char *name, struct view value)
{
	struct str joined = STR_EMPTY;
	size_t column = 0;

	if (pc->json) {
		join_tokens(value, &joined);
		postconf_print_json(pc->hide_name ? "" : "name", name,
		    pc->hide_value ? "" : "value", joined.ptr, NULL);
		str_clear(&joined);
		return;
	}
	if (pc->hide_value) {
		puts(name);
		return;
	}
	if (!pc->hide_name) {
		printf("%s =", name);
		column = strlen(name) + 2;
	}
	print_folded(pc, value, column);
}

static json_t *
json_text(const char *text)
{
	json_t *value = json_string(text);

	/* A file may hold any bytes; JSON may not. */
	if (value == NULL) {
		struct str clean = STR_EMPTY;

		for (; *text != '\0'; text++)
			str_add_byte(
			    &clean, (unsigned char)*text < 0x80 ? *text : '?');
		value = json_string(clean.ptr);
		str_clear(&clean);
	}
	return value;
}

void
postconf_print_json(const char *name, ...)
{
	json_t *object = json_object();
	va_list ap;
	char *text;

	va_start(ap, name);
	for (; name != NULL; name = va_arg(ap, const char *)) {
		const char *value = va_arg(ap, const char *);

		if (name[0] != '\0')
			json_object_set_new(object, name, json_text(value));
	}
	va_end(ap);
	text = json_dumps(object, 0);
	puts(text);
	free(text);
	json_decref(object);
}

struct lookup {
	struct postconf *pc;
	const struct service *s; /* or NULL */
};

static bool
look_up(void *arg, struct view name, struct view *value)
{
	struct lookup *l = arg;
	const char *text = NULL;

	if (l->s != NULL) {
		text = htable_find(&l->s->scope->params, name);
		if (text == NULL && view_eq(name, VIEW("service_name")))
			text = l->s->fields[0];
		if (text == NULL && view_eq(name, VIEW("process_name")))
			text = l->s->argv[0];
	}
	if (text == NULL)
		return names_find_raw(&l->pc->names, name, value);
	*value = view_of(text);
	return true;
}

/* Postfix asks for these two before all others, in another way. */
const char *
postconf_source(struct view name)
{
	return view_eq(name, VIEW("myhostname")) ||
		view_eq(name, VIEW("mydomain"))
	    ? "dictionary mail_dict: "
	    : "";
}

void
postconf_expand(struct postconf *pc, const struct service *s, struct view text,
    const char *source, struct str *out)
{
	struct lookup l = { pc, s };
	struct conf_macros macros = { look_up, &l, .recurse = true };
	struct err e = ERR_OK;

	str_reset(out);
	if (pc->expand)
		e = conf_expand(out, text, &macros);
	else
		str_add(out, text);
	if (err_is(e)) {
		postconf_warn("%s", e.text);
		postconf_fatal("%smacro processing error", source);
	}
}
