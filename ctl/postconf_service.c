/* The lines of master.cf: taken apart and written again. */
#include "ctl/postconf.h"

#include "lib/base/mem.h"
#include "lib/conf/main_cf.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINE_WIDTH = 80, INDENT = 4, LINE_SHOWN = 30, OPTION_LETTER = 1 };

enum { NAME, TYPE, PRIVATE, UNPRIVILEGED, CHROOT, WAKEUP, LIMIT, COMMAND };

static const char blanks[] = " \t\r\n\v\f";

const char *const service_field_names[MASTER_CF_FIELDS] = {
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

void
services_init(struct services *services)
{
	list_init(&services->list);
	list_init(&services->scopes);
	services->n = 0;
}

void
service_free(struct service *s)
{
	for (size_t i = 0; i < MASTER_CF_FIELDS; i++)
		free(s->fields[i]);
	for (size_t i = 0; i < s->argc; i++)
		free(s->argv[i]);
	free(s->argv);
	free(s);
}

void
services_clear(struct services *services)
{
	LIST_EACH (it, after, &services->list)
		service_free(LIST_ITEM(it, struct service, node));
	LIST_EACH (it, after, &services->scopes) {
		struct scope *scope = LIST_ITEM(it, struct scope, node);

		htable_clear(&scope->params, free);
		htable_clear(&scope->known, NULL);
		free(scope->key);
		free(scope);
	}
	services_init(services);
}

/* --- fields --- */

static bool
is_wakeup(struct view text)
{
	uint64_t number;

	if (view_ends(text, VIEW("?")))
		text = view_first(text, text.len - 1);
	/* "?" alone is what Postfix lets pass, and master does not. */
	return text.len == 0 || view_to_uint(text, 10, &number);
}

void
service_check_field(size_t field, const char *text, const char *line)
{
	struct view value = view_of(text);
	enum master_type type;
	uint64_t number;
	bool ok = true;

	if (value.len == 0 || (field != TYPE && view_eq(value, VIEW("-"))))
		return;
	if (field == TYPE)
		ok = master_type_find(value, &type);
	else if (field >= PRIVATE && field <= CHROOT)
		ok = view_eq(value, VIEW("y")) || view_eq(value, VIEW("n"));
	else if (field == WAKEUP)
		ok = is_wakeup(value);
	else if (field == LIMIT)
		ok = view_to_uint(value, 10, &number);
	if (!ok)
		postconf_fatal("invalid %s field \"%s\" in \"%s\"",
		    service_field_names[field], text, line);
}

/* --- arguments --- */

/* A word; white space within braces does not end it. */
static bool
take_word(struct view *rest, struct view *word)
{
	size_t n = 0, level = 0;

	*rest = view_trim_left(*rest);
	for (; n < rest->len; n++) {
		if (rest->ptr[n] == '{')
			level++;
		else if (rest->ptr[n] == '}' && level > 0)
			level--;
		else if (level == 0 && ascii_is_space(rest->ptr[n]))
			break;
	}
	*word = view_first(*rest, n);
	*rest = view_skip(*rest, n);
	return n > 0;
}

size_t
postconf_find_brace(const char *file, struct view word)
{
	size_t level = 0, n;

	for (n = 0; n < word.len; n++) {
		if (word.ptr[n] == '{')
			level++;
		else if (word.ptr[n] == '}' && --level == 0)
			break;
	}
	if (n == word.len)
		postconf_warn(
		    "%s: missing '}' in \"%.*s\"", file, VIEW_ARGS(word));
	else if (n + 1 < word.len)
		postconf_warn("%s: syntax error after '}' in \"%.*s\"", file,
		    VIEW_ARGS(word));
	return n;
}

/* What stands in the braces that the word begins with. */
static struct view
strip_braces(struct view word)
{
	size_t n = postconf_find_brace("master.cf", word);

	return view_trim(view_sub(word, 1, n - 1));
}

static void
add_argument(struct service *s, struct view arg)
{
	s->argv = xreallocarray(s->argv, s->argc + 2, sizeof(*s->argv));
	s->argv[s->argc++] = xstrndup(arg.ptr, arg.len);
	s->argv[s->argc] = NULL;
}

/* "{ name = value }" as "name=value"; without braces as it is. */
static void
add_pair(struct service *s, struct view word)
{
	struct str pair = STR_EMPTY;
	struct view name, value;
	struct err e;

	if (word.len == 0 || word.ptr[0] != '{') {
		add_argument(s, word);
		return;
	}
	word = strip_braces(word);
	e = conf_split_pair(word, &name, &value);
	if (err_is(e)) {
		postconf_warn("master.cf: %s", e.text);
		add_argument(s, word);
		return;
	}
	str_printf(&pair, "%.*s=%.*s", VIEW_ARGS(name), VIEW_ARGS(value));
	add_argument(s, str_view(&pair));
	str_clear(&pair);
}

static void
parse_arguments(struct service *s, struct view rest)
{
	struct view word;
	bool options = true;

	add_argument(s, view_of(s->fields[COMMAND]));
	while (take_word(&rest, &word)) {
		bool is_pair = options && view_starts(word, VIEW("-o"));

		if (is_pair) {
			add_argument(s, VIEW("-o"));
			if (word.len > 2)
				add_pair(s, view_skip(word, 2));
			else if (take_word(&rest, &word))
				add_pair(s, word);
			continue;
		}
		if (word.ptr[0] == '{')
			word = strip_braces(word);
		options = options && word.len > 1 && word.ptr[0] == '-';
		add_argument(s, word);
	}
}

struct service *
service_parse(struct view line, const char **why)
{
	struct service *s = xcalloc(1, sizeof(*s));
	struct view rest = line, field;
	char *text = xstrndup(line.ptr, line.len);

	for (size_t i = 0; i < MASTER_CF_FIELDS; i++) {
		rest = view_trim_left(rest);
		if (!view_token(&rest, blanks, &field)) {
			*why = "bad field count";
			service_free(s);
			free(text);
			return NULL;
		}
		s->fields[i] = xstrndup(field.ptr, field.len);
	}
	for (size_t i = TYPE; i < COMMAND; i++)
		service_check_field(i, s->fields[i], text);
	parse_arguments(s, rest);
	free(text);
	return s;
}

bool
service_next_override(
    const struct service *s, size_t *at, struct view *name, struct view *value)
{
	while (*at < s->argc && s->argv[*at][0] == '-') {
		if (strcmp(s->argv[(*at)++], "-o") != 0)
			continue;
		if (*at == s->argc)
			return false;
		if (!err_is(conf_split_pair(
			view_of(s->argv[(*at)++]), name, value)))
			return true;
	}
	return false;
}

/* --- the file --- */

static struct scope *
scope_of(struct services *services, const struct service *s)
{
	struct scope *scope;
	struct str key = STR_EMPTY;

	str_printf(&key, "%s/%s", s->fields[NAME], s->fields[TYPE]);
	LIST_EACH (it, after, &services->scopes) {
		scope = LIST_ITEM(it, struct scope, node);
		if (view_eq(view_of(scope->key), str_view(&key))) {
			str_clear(&key);
			return scope;
		}
	}
	scope = xcalloc(1, sizeof(*scope));
	scope->key = xstrdup(key.ptr);
	list_append(&services->scopes, &scope->node);
	str_clear(&key);
	return scope;
}

static void
add_service(struct services *services, struct service *s, int line)
{
	struct view name, value;
	size_t at = 1;

	s->line = line;
	s->scope = scope_of(services, s);
	while (service_next_override(s, &at, &name, &value))
		free(htable_set(
		    &s->scope->params, name, xstrndup(value.ptr, value.len)));
	list_append(&services->list, &s->node);
	services->n++;
}

void
services_read(struct services *services, const char *path, bool must)
{
	struct conf_lines lines = { .next_line = 1 };
	struct str text = STR_EMPTY, logical = STR_EMPTY;
	struct err e;
	int line;

	if (access(path, R_OK) != 0) {
		(must ? postconf_fatal : postconf_warn)(
		    "open %s: %s", path, strerror(errno));
		return;
	}
	e = conf_read_file(path, MAIN_CF_FILE_MAX, &text);
	if (err_is(e))
		postconf_fatal("%s", e.text);
	lines.rest = str_view(&text);
	while (conf_lines_next(&lines, &logical, &line)) {
		const char *why = NULL;
		struct service *s = NULL;

		if (ascii_is_space(logical.ptr[0])) {
			postconf_warn("%s: logical line must not start with "
				      "whitespace: \"%.*s%s\"",
			    path, LINE_SHOWN, logical.ptr,
			    logical.len > LINE_SHOWN ? "..." : "");
			continue;
		}
		if (view_find(str_view(&logical), '\0') != VIEW_NPOS)
			why = "has a zero byte";
		else
			s = service_parse(str_view(&logical), &why);
		if (s == NULL)
			postconf_fatal("file %s: line %d: %s", path, line, why);
		add_service(services, s, line);
	}
	str_clear(&text);
	str_clear(&logical);
}

/* --- writing --- */

/* Braces around what a reader would otherwise cut. */
static void
add_word(struct str *out, struct view word)
{
	bool plain = word.len > 0 && word.ptr[0] != '{' &&
	    view_find_any(word, blanks) == VIEW_NPOS;

	str_addf(out, plain ? "%.*s" : "{%.*s}", VIEW_ARGS(word));
}

/* One argument from *at on; "-o" has its pair with it.  True for a "-o". */
static bool
take_argument(struct postconf *pc, const struct service *s, bool options,
    size_t *at, struct str *out)
{
	const char *arg = s->argv[(*at)++];
	struct str pair = STR_EMPTY;
	struct view name, value;

	str_reset(out);
	if (!options || strcmp(arg, "-o") != 0 || *at >= s->argc) {
		add_word(out, view_of(arg));
		return false;
	}
	arg = s->argv[(*at)++];
	str_add_text(&pair, arg);
	if (pc->expand &&
	    !err_is(conf_split_pair(view_of(arg), &name, &value))) {
		struct str expanded = STR_EMPTY;

		postconf_expand(pc, s, value, "", &expanded);
		str_printf(&pair, "%.*s=%s", VIEW_ARGS(name), expanded.ptr);
		str_clear(&expanded);
	}
	str_add_text(out, "-o ");
	add_word(out, str_view(&pair));
	str_clear(&pair);
	return true;
}

static void
format_arguments(
    struct postconf *pc, const struct service *s, bool fold, struct str *out)
{
	struct str word = STR_EMPTY;
	size_t column = out->len;
	bool options = true;

	for (size_t at = 1; at < s->argc;) {
		bool is_pair;
		size_t width;

		options = options && s->argv[at][0] == '-';
		is_pair = take_argument(pc, s, options, &at, &word);
		/* Postfix lets the braces stand over. */
		width = word.ptr[0] == '{' ? word.len - 2 : word.len;
		if (fold && column > INDENT &&
		    (is_pair || column + 1 + width >= LINE_WIDTH)) {
			str_addf(out, "\n%*s%s", INDENT, "", word.ptr);
			column = INDENT + word.len;
		} else {
			str_addf(out, " %s", word.ptr);
			column += 1 + word.len;
		}
		if (is_pair)
			column = LINE_WIDTH; /* a line of its own */
	}
	str_clear(&word);
}

void
service_format(
    struct postconf *pc, const struct service *s, bool fold, struct str *out)
{
	str_reset(out);
	for (size_t i = 0; i < MASTER_CF_FIELDS; i++) {
		size_t pad = i == 0 ? 0 : 1;

		if (out->len + pad < columns[i])
			pad = columns[i] - out->len;
		str_addf(out, "%*s%s", (int)pad, "", s->fields[i]);
	}
	format_arguments(pc, s, fold, out);
}

void
service_format_command(
    struct postconf *pc, const struct service *s, struct str *out)
{
	str_set(out, view_of(s->fields[COMMAND]));
	format_arguments(pc, s, false, out);
}

/* --- requests --- */

bool
request_parse(
    struct request *r, const char *text, struct view pattern, size_t most)
{
	struct view part;

	*r = (struct request){ .text = text };
	while (view_field(&pattern, '/', &part)) {
		if (part.len == 0 && r->n_parts > 0)
			continue;
		if (r->n_parts == most || part.len == 0 ||
		    (part.len > 1 && view_find(part, '*') != VIEW_NPOS))
			return false;
		r->parts[r->n_parts++] = part;
	}
	return r->n_parts > 0;
}

bool
request_is_match(struct view pattern, const char *text)
{
	return view_eq(pattern, VIEW("*")) || view_eq(pattern, view_of(text));
}

bool
request_selects(const struct request *r, const char *name, const char *type)
{
	return request_is_match(r->parts[0], name) &&
	    (r->n_parts < 2 || request_is_match(r->parts[1], type));
}
