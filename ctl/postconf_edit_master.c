/*
 * Editing master.cf: whole services (-M), one field (-F), one -o (-P).
 * Comments, blank lines and the order of services stay; a service that is
 * changed is written anew, one -o a line.
 */
#include "ctl/postconf.h"

#include "lib/base/mem.h"

#include <stdlib.h>

struct edit {
	struct request request;
	struct service *service; /* -Me: what comes in its place */
	char *value;		 /* -Me, -Fe, -Pe */
	bool seen;
};

struct edits {
	struct postconf *pc;
	struct edit *items;
	size_t n;
	const char *file;
};

/* --- what the command line says --- */

static void
make_service(struct edit *edit)
{
	const char *why = NULL;

	edit->service = service_parse(view_of(edit->value), &why);
	if (edit->service == NULL)
		postconf_fatal("%s: \"%s\"", why, edit->request.text);
}

static size_t
field_number(struct view name)
{
	for (size_t i = 0; i < MASTER_CF_FIELDS; i++)
		if (view_eq(name, view_of(service_field_names[i])))
			return i;
	postconf_fatal(
	    "invalid service attribute name: \"%.*s\"", VIEW_ARGS(name));
}

static void
check_field_value(const struct edit *edit)
{
	struct view name = edit->request.parts[2];
	size_t field;

	if (view_eq(name, VIEW("*")))
		postconf_fatal("-Fe does not accept wild-card field name");
	field = field_number(name);
	if (field + 1 < MASTER_CF_FIELDS &&
	    view_find_any(view_of(edit->value), " \t\r\v\f") != VIEW_NPOS)
		postconf_fatal("-Fe does not accept whitespace in non-command "
			       "field");
}

static void
check_param_value(const struct edit *edit)
{
	if (view_eq(edit->request.parts[2], VIEW("*")))
		postconf_fatal("-Pe does not accept wild-card parameter name");
	if (edit->value != NULL &&
	    view_find_any(view_of(edit->value), " \t\r\v\f") != VIEW_NPOS)
		postconf_fatal("-Pe does not accept whitespace in parameter "
			       "value");
}

static void
take_argument(struct edits *edits, const char *arg)
{
	static const char *const syntax[] = {
		[MODE_SERVICES] = "-Me, -MX or -M# requires service_name/type",
		[MODE_FIELDS] =
		    "-Fe or -FX requires service_name/type/field_name",
		[MODE_PARAMS] =
		    "-Pe or -PX requires service_name/type/parameter",
	};
	enum postconf_mode mode = edits->pc->mode;
	struct edit *edit = &edits->items[edits->n++];
	struct view pattern = view_trim(view_of(arg)), value = VIEW_EMPTY;
	size_t parts = mode == MODE_SERVICES ? 2 : REQUEST_PARTS_MAX;
	struct err e;

	postconf_check_edit(edits->pc, arg);
	if (edits->pc->edit == EDIT_SET) {
		e = conf_split_pair(view_of(arg), &pattern, &value);
		if (err_is(e))
			postconf_fatal("%s", e.text);
		edit->value = xstrndup(value.ptr, value.len);
	}
	if (!request_parse(&edit->request, arg, pattern, parts) ||
	    edit->request.n_parts != parts)
		postconf_fatal("%s", syntax[mode]);
	if (mode == MODE_FIELDS)
		check_field_value(edit);
	else if (mode == MODE_PARAMS)
		check_param_value(edit);
}

/* --- changing a service --- */

static void
set_field(struct service *s, size_t field, const char *value)
{
	struct str line = STR_EMPTY;
	const char *why = NULL;
	struct service *made;

	/* A line with a field too few would stop everything. */
	if (value[0] == '\0')
		postconf_fatal("-Fe does not accept an empty field value");
	service_check_field(field, value, value);
	if (field + 1 < MASTER_CF_FIELDS) {
		free(s->fields[field]);
		s->fields[field] = xstrdup(value);
		return;
	}
	/* The command comes with its arguments. */
	for (size_t i = 0; i < field; i++)
		str_addf(&line, "%s ", s->fields[i]);
	str_add_text(&line, value);
	made = service_parse(str_view(&line), &why);
	if (made == NULL)
		postconf_fatal("%s: \"%s\"", why, line.ptr);
	free(s->fields[field]);
	for (size_t i = 0; i < s->argc; i++)
		free(s->argv[i]);
	free(s->argv);
	s->fields[field] = made->fields[field];
	s->argv = made->argv;
	s->argc = made->argc;
	made->fields[field] = NULL;
	made->argv = NULL;
	made->argc = 0;
	service_free(made);
	str_clear(&line);
}

static void
insert_argument(struct service *s, size_t at, const char *text)
{
	s->argv = xreallocarray(s->argv, s->argc + 2, sizeof(*s->argv));
	memmove(&s->argv[at + 1], &s->argv[at],
	    (s->argc - at + 1) * sizeof(*s->argv));
	s->argv[at] = xstrdup(text);
	s->argc++;
}

static void
remove_argument(struct service *s, size_t at)
{
	free(s->argv[at]);
	memmove(
	    &s->argv[at], &s->argv[at + 1], (s->argc - at) * sizeof(*s->argv));
	s->argc--;
}

/* Is the pair at `at`, behind a "-o", of this parameter? */
static bool
is_pair_of(const struct service *s, size_t at, struct view name)
{
	struct view its_name, value;

	return !err_is(
		   conf_split_pair(view_of(s->argv[at]), &its_name, &value)) &&
	    view_eq(its_name, name);
}

/* Value NULL: take it away.  A new one goes behind the other options. */
static void
set_param(struct service *s, struct view name, const char *value)
{
	struct str pair = STR_EMPTY;
	bool found = false;
	size_t at = 1;

	str_printf(
	    &pair, "%.*s=%s", VIEW_ARGS(name), value == NULL ? "" : value);
	while (at < s->argc && s->argv[at][0] == '-') {
		if (strcmp(s->argv[at], "-o") != 0 || at + 1 == s->argc) {
			at++;
			continue;
		}
		if (!is_pair_of(s, at + 1, name)) {
			at += 2;
			continue;
		}
		found = true;
		remove_argument(s, at + 1);
		if (value == NULL) {
			remove_argument(s, at);
			continue;
		}
		insert_argument(s, at + 1, pair.ptr);
		at += 2;
	}
	if (!found && value != NULL) {
		insert_argument(s, at, "-o");
		insert_argument(s, at + 1, pair.ptr);
	}
	str_clear(&pair);
}

/* --- the file --- */

/* A logical line with the comments that stand within it. */
struct entry {
	struct str text;     /* joined */
	struct str lines;    /* of the entry, as they are */
	struct str comments; /* within it */
	struct str after;    /* comments that perhaps are behind it */
	int line;
};

static bool
matches(const struct edit *edit, struct view logical)
{
	struct view name = VIEW_EMPTY, type = VIEW_EMPTY;
	struct str n = STR_EMPTY, t = STR_EMPTY;
	bool yes;

	view_token(&logical, " \t\r\v\f", &name);
	view_token(&logical, " \t\r\v\f", &type);
	str_add(&n, name);
	str_add(&t, type);
	yes = request_selects(&edit->request, n.ptr, t.ptr);
	str_clear(&n);
	str_clear(&t);
	return yes;
}

/* As it is, zero bytes too: no format would do. */
static void
copy_line(struct str *out, struct view line)
{
	str_add(out, line);
	str_add_byte(out, '\n');
}

/* Blank lines and comments within stay as they are. */
static void
comment_out(struct view lines, struct str *out)
{
	while (lines.len > 0) {
		size_t n = view_find(lines, '\n');
		struct view line = view_first(lines, n);
		struct view start = view_trim_left(line);

		if (start.len > 0 && start.ptr[0] != '#')
			str_add_byte(out, '#');
		copy_line(out, line);
		lines = view_skip(lines, n == VIEW_NPOS ? lines.len : n + 1);
	}
}

/* Whole services.  True if the entry was dealt with. */
static bool
edit_service(struct edits *edits, struct entry *entry, struct str *out)
{
	struct str text = STR_EMPTY;

	for (size_t i = 0; i < edits->n; i++) {
		struct edit *edit = &edits->items[i];

		if (!matches(edit, str_view(&entry->text)))
			continue;
		if (edits->pc->edit == EDIT_COMMENT) {
			comment_out(str_view(&entry->lines), out);
		} else {
			/* Only the first of several is replaced. */
			if (edit->service != NULL && !edit->seen) {
				service_format(
				    edits->pc, edit->service, true, &text);
				str_addf(out, "%s\n", text.ptr);
			}
			str_add(out, str_view(&entry->comments));
		}
		edit->seen = true;
		str_clear(&text);
		return true;
	}
	return false;
}

/* Fields and parameters: all requests that match, in their order. */
static bool
edit_parts(struct edits *edits, struct entry *entry, struct str *out)
{
	struct service *s = NULL;
	struct str text = STR_EMPTY;
	const char *why = NULL;

	for (size_t i = 0; i < edits->n; i++) {
		struct edit *edit = &edits->items[i];

		if (!matches(edit, str_view(&entry->text)))
			continue;
		if (s == NULL &&
		    view_find(str_view(&entry->text), '\0') != VIEW_NPOS)
			why = "has a zero byte";
		else if (s == NULL)
			s = service_parse(str_view(&entry->text), &why);
		if (s == NULL)
			postconf_fatal("file %s: line %d: %s", edits->file,
			    entry->line, why);
		if (edits->pc->mode == MODE_FIELDS)
			set_field(s, field_number(edit->request.parts[2]),
			    edit->value);
		else
			set_param(s, edit->request.parts[2], edit->value);
		edit->seen = true;
	}
	if (s == NULL)
		return false;
	str_add(out, str_view(&entry->comments));
	service_format(edits->pc, s, true, &text);
	str_addf(out, "%s\n", text.ptr);
	service_free(s);
	str_clear(&text);
	return true;
}

static void
flush_entry(struct edits *edits, struct entry *entry, struct str *out)
{
	bool done = false;

	/* What continues nothing is no service. */
	if (entry->text.len > 0 && !ascii_is_space(entry->text.ptr[0]))
		done = edits->pc->mode == MODE_SERVICES
		    ? edit_service(edits, entry, out)
		    : edit_parts(edits, entry, out);
	if (!done)
		str_add(out, str_view(&entry->lines));
	str_add(out, str_view(&entry->after));
	str_reset(&entry->text);
	str_reset(&entry->lines);
	str_reset(&entry->comments);
	str_reset(&entry->after);
}

static void
add_line(struct edits *edits, struct entry *entry, struct view line, int number,
    struct str *out)
{
	struct view start = view_trim_left(line);

	if (start.len == 0 || start.ptr[0] == '#') {
		copy_line(&entry->after, line);
		return;
	}
	if (start.len == line.len) {
		flush_entry(edits, entry, out);
		entry->line = number;
	}
	/* The comments before this line were within the entry. */
	str_add(&entry->lines, str_view(&entry->after));
	str_add(&entry->comments, str_view(&entry->after));
	str_reset(&entry->after);
	copy_line(&entry->lines, line);
	str_add(&entry->text, line);
}

static void
append_new(struct edits *edits, struct str *out)
{
	struct str text = STR_EMPTY;

	for (size_t i = 0; i < edits->n; i++) {
		struct edit *edit = &edits->items[i];

		if (edit->seen)
			continue;
		if (edit->service != NULL) {
			service_format(edits->pc, edit->service, true, &text);
			str_addf(out, "%s\n", text.ptr);
		} else if (edits->pc->mode != MODE_SERVICES) {
			postconf_warn("unmatched service_name/type: \"%s\"",
			    edit->request.text);
		}
	}
	str_clear(&text);
}

static bool
apply(void *arg, struct view text, struct str *out)
{
	struct edits *edits = arg;
	struct entry entry = { STR_EMPTY, STR_EMPTY, STR_EMPTY, STR_EMPTY, 0 };
	struct view line;
	int number = 0;

	while (text.len > 0) {
		size_t n = view_find(text, '\n');

		line = view_first(text, n);
		text = view_skip(text, n == VIEW_NPOS ? text.len : n + 1);
		add_line(edits, &entry, line, ++number, out);
	}
	flush_entry(edits, &entry, out);
	append_new(edits, out);
	str_clear(&entry.text);
	str_clear(&entry.lines);
	str_clear(&entry.comments);
	str_clear(&entry.after);
	return true;
}

/* The same service set twice on the command line: the last one counts. */
static void
drop_earlier(struct edits *edits)
{
	struct edit *last = &edits->items[edits->n - 1];

	if (edits->pc->mode != MODE_SERVICES || last->value == NULL)
		return;
	for (size_t i = 0; i + 1 < edits->n; i++) {
		struct edit *edit = &edits->items[i];

		if (!view_eq(edit->request.parts[0], last->request.parts[0]) ||
		    !view_eq(edit->request.parts[1], last->request.parts[1]))
			continue;
		free(edit->value);
		*edit = *last;
		edits->n--;
		return;
	}
}

void
postconf_edit_master(struct postconf *pc, char **args, size_t n)
{
	struct edits edits = { .pc = pc,
		.items = xcalloc(n, sizeof(struct edit)) };
	struct str path = STR_EMPTY;

	for (size_t i = 0; i < n; i++) {
		take_argument(&edits, args[i]);
		drop_earlier(&edits);
	}
	for (size_t i = 0; i < edits.n; i++)
		if (pc->mode == MODE_SERVICES && edits.items[i].value != NULL)
			make_service(&edits.items[i]);
	str_printf(&path, "%s/master.cf", pc->names.dir);
	edits.file = path.ptr;
	file_replace(path.ptr, apply, &edits);
	for (size_t i = 0; i < edits.n; i++) {
		if (edits.items[i].service != NULL)
			service_free(edits.items[i].service);
		free(edits.items[i].value);
	}
	free(edits.items);
	str_clear(&path);
}
