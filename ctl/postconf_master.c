/* Showing master.cf: services, their fields, their parameters. */
#include "ctl/postconf.h"

#include "lib/base/mem.h"

#include <stdio.h>

enum { LINE_WIDTH = 80, INDENT = 4, PARTS_MAX = 3 };

static const char *const field_names[MASTER_CF_FIELDS] = {
	"service",
	"type",
	"private",
	"unprivileged",
	"chroot",
	"wakeup",
	"process_limit",
	"command",
};

/* Where each column begins. */
static const size_t columns[MASTER_CF_FIELDS] = { 0, 11, 17, 25, 33, 41, 49,
	57 };

struct request {
	const char *text;
	struct view parts[PARTS_MAX];
	size_t n_parts;
	bool matched;
};

/* Braces around what a reader would otherwise cut. */
static void
add_word(struct str *out, struct view word)
{
	if (word.len > 0 && view_find_any(word, " \t\r\v\f") == VIEW_NPOS &&
	    word.ptr[0] != '{')
		str_add(out, word);
	else
		str_addf(out, "{%.*s}", VIEW_ARGS(word));
}

/* The option's argument without white space around '='. */
static void
add_pair(struct str *out, const char *text)
{
	struct view name, value;
	struct str pair = STR_EMPTY;

	if (!err_is(conf_split_pair(view_of(text), &name, &value)))
		str_printf(
		    &pair, "%.*s=%.*s", VIEW_ARGS(name), VIEW_ARGS(value));
	else
		str_add_text(&pair, text);
	add_word(out, str_view(&pair));
	str_clear(&pair);
}

/* One argument from *at on; "-o" has its pair with it.  True for a "-o". */
static bool
take_argument(const struct master_service *s, size_t *at, struct str *out)
{
	const char *arg = s->argv[(*at)++];

	str_reset(out);
	if (strcmp(arg, "-o") != 0 || *at >= s->argc) {
		add_word(out, view_of(arg));
		return false;
	}
	str_add_text(out, "-o ");
	add_pair(out, s->argv[(*at)++]);
	return true;
}

static void
format_arguments(const struct master_service *s, bool fold, struct str *out)
{
	struct str word = STR_EMPTY;
	size_t column = out->len;
	bool after_option = false;

	for (size_t at = 1; at < s->argc;) {
		bool is_option = take_argument(s, &at, &word);

		if (fold &&
		    (is_option || after_option ||
			column + 1 + word.len > LINE_WIDTH)) {
			str_addf(out, "\n%*s%s", INDENT, "", word.ptr);
			column = INDENT + word.len;
		} else {
			str_addf(out, " %s", word.ptr);
			column += 1 + word.len;
		}
		after_option = is_option;
	}
	str_clear(&word);
}

void
postconf_format_service(
    const struct master_service *s, bool fold, struct str *out)
{
	str_reset(out);
	for (size_t i = 0; i < MASTER_CF_FIELDS; i++) {
		size_t pad = i == 0 ? 0 : 1;

		if (out->len + pad < columns[i])
			pad = columns[i] - out->len;
		str_addf(out, "%*s%s", (int)pad, "", s->fields[i]);
	}
	format_arguments(s, fold, out);
}

static void
print_service(const struct postconf *pc, const struct master_service *s)
{
	struct str text = STR_EMPTY;

	postconf_format_service(s, pc->fold, &text);
	puts(text.ptr);
	str_clear(&text);
}

static bool
is_match(struct view pattern, const char *text)
{
	return view_eq(pattern, VIEW("*")) || view_eq(pattern, view_of(text));
}

static bool
selects(const struct request *r, const struct master_service *s)
{
	return is_match(r->parts[0], s->name) &&
	    (r->n_parts < 2 ||
		is_match(r->parts[1], master_type_name(s->type)));
}

static void
command_text(const struct master_service *s, struct str *out)
{
	struct str word = STR_EMPTY;

	str_set(out, view_of(s->command));
	for (size_t at = 1; at < s->argc;) {
		take_argument(s, &at, &word);
		str_addf(out, " %s", word.ptr);
	}
	str_clear(&word);
}

static bool
print_fields(struct postconf *pc, const struct request *r,
    const struct master_service *s)
{
	struct str name = STR_EMPTY, text = STR_EMPTY;
	bool any = false;

	for (size_t i = 0; i < MASTER_CF_FIELDS; i++) {
		if (r->n_parts == 3 && !is_match(r->parts[2], field_names[i]))
			continue;
		str_printf(&name, "%s/%s/%s", s->name,
		    master_type_name(s->type), field_names[i]);
		str_set(&text, view_of(s->fields[i]));
		if (i == MASTER_CF_FIELDS - 1)
			command_text(s, &text);
		postconf_print(pc, name.ptr, str_view(&text));
		any = true;
	}
	str_clear(&name);
	str_clear(&text);
	return any;
}

/* The macros of a -o see the service's own name. */
static void
expand_for(struct postconf *pc, const struct master_service *s,
    struct view value, struct str *out)
{
	names_override(&pc->names, VIEW("service_name"), view_of(s->name));
	names_override(&pc->names, VIEW("process_name"), view_of(s->command));
	postconf_expand(pc, value, out);
}

static bool
print_params(struct postconf *pc, const struct request *r,
    const struct master_service *s)
{
	struct str full = STR_EMPTY, text = STR_EMPTY;
	struct view name, value;
	size_t at = 1;
	bool any = false;

	while (master_service_next_override(s, &at, &name, &value)) {
		if (r->n_parts == 3 && !view_eq(r->parts[2], VIEW("*")) &&
		    !view_eq(r->parts[2], name))
			continue;
		str_printf(&full, "%s/%s/%.*s", s->name,
		    master_type_name(s->type), VIEW_ARGS(name));
		expand_for(pc, s, value, &text);
		postconf_print(pc, full.ptr, str_view(&text));
		any = true;
	}
	str_clear(&full);
	str_clear(&text);
	return any || r->n_parts < 3;
}

static bool
print_selected(struct postconf *pc, const struct request *r,
    const struct master_service *s)
{
	if (pc->mode == MODE_FIELDS)
		return print_fields(pc, r, s);
	if (pc->mode == MODE_PARAMS)
		return print_params(pc, r, s);
	print_service(pc, s);
	return true;
}

static void
check_field_name(const struct request *r)
{
	for (size_t i = 0; i < MASTER_CF_FIELDS; i++)
		if (is_match(r->parts[2], field_names[i]))
			return;
	postconf_fatal(
	    "invalid service attribute name: \"%.*s\"", VIEW_ARGS(r->parts[2]));
}

static struct request
parse_request(const struct postconf *pc, const char *text)
{
	struct request r = { .text = text };
	struct view rest = view_of(text), part;
	size_t most = pc->mode == MODE_SERVICES ? 2 : 3;
	enum master_type type;

	/* What is left after the last slash allowed is an error. */
	while (view_field(&rest, '/', &part)) {
		if (r.n_parts == most)
			postconf_fatal(pc->mode == MODE_SERVICES
				? "-M option requires service_name[/type]"
				: "-F or -P option requires "
				  "service_name[/type[/name]]");
		r.parts[r.n_parts++] = part;
	}
	if (r.n_parts > 1 && !view_eq(r.parts[1], VIEW("*")) &&
	    !master_type_find(r.parts[1], &type))
		postconf_fatal(
		    "invalid service type: \"%.*s\"", VIEW_ARGS(r.parts[1]));
	if (r.n_parts > 2 && pc->mode == MODE_FIELDS)
		check_field_name(&r);
	return r;
}

static void
show_request(struct postconf *pc, struct request *r)
{
	LIST_EACH (it, after, &pc->master.services) {
		const struct master_service *s =
		    LIST_ITEM(it, struct master_service, node);

		if (selects(r, s) && print_selected(pc, r, s))
			r->matched = true;
	}
	if (!r->matched)
		postconf_warn("unmatched request: \"%s\"", r->text);
}

void
postconf_show_master(struct postconf *pc, char **wanted, size_t n)
{
	struct request all = { "*", { VIEW("*") }, 1, false };

	if (pc->mode == MODE_SERVICES && pc->hide_name)
		postconf_fatal("with option -M, do not specify -h");
	if (pc->mode == MODE_SERVICES && pc->hide_value)
		postconf_fatal("with option -M, do not specify -H");
	if (n == 0 && pc->master.n_services > 0)
		show_request(pc, &all);
	for (size_t i = 0; i < n; i++) {
		struct request r = parse_request(pc, wanted[i]);

		show_request(pc, &r);
	}
}
