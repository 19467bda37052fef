#include "lib/conf/master_cf.h"

#include "lib/base/mem.h"
#include "lib/conf/main_cf.h"

#include <stdlib.h>

enum { NAME, TYPE, PRIVATE, UNPRIVILEGED, CHROOT, WAKEUP, LIMIT, COMMAND };

static const char *const type_names[] = {
	[MASTER_INET] = "inet",
	[MASTER_UNIX] = "unix",
	[MASTER_UNIX_DGRAM] = "unix-dgram",
	[MASTER_FIFO] = "fifo",
	[MASTER_PASS] = "pass",
};

const char *
master_type_name(enum master_type type)
{
	return type_names[type];
}

bool
master_type_find(struct view name, enum master_type *type)
{
	for (size_t i = 0; i < ARRAY_LEN(type_names); i++)
		if (view_eq(name, view_of(type_names[i]))) {
			*type = (enum master_type)i;
			return true;
		}
	return false;
}

void
master_cf_init(struct master_cf *cf)
{
	list_init(&cf->services);
	list_init(&cf->warnings);
	cf->n_services = 0;
	cf->file = NULL;
}

static void
free_service(struct master_service *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < MASTER_CF_FIELDS; i++)
		free(s->fields[i]);
	for (size_t i = 0; i < s->argc; i++)
		free(s->argv[i]);
	free(s->argv);
	free(s->name);
	free(s->host);
	free(s->port);
	free(s->command);
	free(s);
}

void
master_cf_clear(struct master_cf *cf)
{
	LIST_EACH (it, after, &cf->services)
		free_service(LIST_ITEM(it, struct master_service, node));
	main_cf_clear_warnings(&cf->warnings);
	free(cf->file);
	master_cf_init(cf);
}

struct master_service *
master_cf_find(
    const struct master_cf *cf, struct view name, enum master_type type)
{
	LIST_EACH (it, after, &cf->services) {
		struct master_service *s =
		    LIST_ITEM(it, struct master_service, node);

		if (s->type == type && view_eq(view_of(s->name), name))
			return s;
	}
	return NULL;
}

bool
master_service_next_override(const struct master_service *service, size_t *at,
    struct view *name, struct view *value)
{
	while (*at < service->argc) {
		const char *arg = service->argv[*at];
		const char *pair = arg + 2;

		if (arg[0] != '-' || arg[1] == '\0')
			return false;
		(*at)++;
		if (arg[1] != 'o')
			continue;
		if (*pair == '\0') {
			if (*at >= service->argc)
				return false;
			pair = service->argv[(*at)++];
		}
		(void)conf_split_pair(view_of(pair), name, value);
		return true;
	}
	return false;
}

static struct err
bad_field(const struct master_service *s, int field, const char *name,
    const char *allowed)
{
	return err_make(ERR_PERM, "bad %s field \"%.40s\", allowed %s", name,
	    s->fields[field], allowed);
}

static struct err
parse_flag(const struct master_service *s, int field, const char *name,
    bool if_dash, bool *flag)
{
	const char *text = s->fields[field];

	if (strcmp(text, "-") == 0)
		*flag = if_dash;
	else if (strcmp(text, "y") == 0 || strcmp(text, "n") == 0)
		*flag = text[0] == 'y';
	else
		return bad_field(s, field, name, "y, n or -");
	return ERR_OK;
}

static struct err
parse_number(const struct master_service *s, int field, const char *name,
    int64_t if_dash, int64_t *number, bool *question)
{
	struct view text = view_of(s->fields[field]);
	uint64_t value;

	if (view_eq(text, VIEW("-"))) {
		*number = if_dash;
		return ERR_OK;
	}
	if (question != NULL && view_ends(text, VIEW("?"))) {
		*question = true;
		text = view_first(text, text.len - 1);
	}
	if (text.len > 9 || !view_to_uint(text, 10, &value))
		return bad_field(s, field, name,
		    question != NULL
			? "0 to 999999999 seconds, ? after it, or -"
			: "0 to 999999999, or -");
	*number = (int64_t)value;
	return ERR_OK;
}

/* getaddrinfo takes a larger number, and leaves out its upper bits. */
static bool
port_is_too_large(struct view port)
{
	uint64_t n;

	for (size_t i = 0; i < port.len; i++)
		if (port.ptr[i] < '0' || port.ptr[i] > '9')
			return false;
	return !view_to_uint(port, 10, &n) || n > UINT16_MAX;
}

/* "port", "host:port", "[address]:port". */
static struct err
parse_endpoint(struct master_service *s)
{
	struct view name = view_of(s->name), host = VIEW_EMPTY, port = name;
	size_t colon = view_find_last(name, ':');

	if (colon != VIEW_NPOS) {
		host = view_first(name, colon);
		port = view_skip(name, colon + 1);
	}
	if (host.len > 0 && host.ptr[0] == '[') {
		if (!view_ends(host, VIEW("]")))
			return bad_field(s, NAME, "service",
			    "port, host:port or [address]:port");
		host = view_sub(host, 1, host.len - 2);
	}
	if (port.len == 0 || view_find_any(port, "[]/") != VIEW_NPOS)
		return bad_field(
		    s, NAME, "service", "port, host:port or [address]:port");
	if (port_is_too_large(port))
		return bad_field(s, NAME, "service", "ports up to 65535");
	if (host.len > 0)
		s->host = xstrndup(host.ptr, host.len);
	s->port = xstrndup(port.ptr, port.len);
	return ERR_OK;
}

static struct err
parse_fields(
    struct master_cf *cf, struct master_service *s, bool chroot_default)
{
	struct view name = view_of(s->fields[NAME]);
	struct err e = ERR_OK;

	s->name = xstrdup(s->fields[NAME]);
	s->command = xstrdup(s->fields[COMMAND]);
	if (!master_type_find(view_of(s->fields[TYPE]), &s->type))
		return bad_field(
		    s, TYPE, "type", "inet, unix, unix-dgram, fifo or pass");
	if (s->type == MASTER_INET)
		e = parse_endpoint(s);
	else if (view_find(name, '/') != VIEW_NPOS || name.ptr[0] == '.')
		e = bad_field(s, NAME, "service",
		    "a name without / that does not begin with a dot");
	if (!err_is(e))
		e = parse_flag(s, PRIVATE, "private", s->type != MASTER_INET,
		    &s->is_private);
	if (!err_is(e) && s->type == MASTER_INET && s->is_private) {
		main_cf_warn(&cf->warnings, s->file, s->line,
		    "service %s: inet services cannot be private", s->name);
		s->is_private = false;
	}
	if (!err_is(e))
		e = parse_flag(
		    s, UNPRIVILEGED, "unprivileged", true, &s->unprivileged);
	if (!err_is(e))
		e = parse_flag(s, CHROOT, "chroot", chroot_default, &s->chroot);
	if (!err_is(e))
		e = parse_number(
		    s, WAKEUP, "wakeup", 0, &s->wakeup, &s->wakeup_if_used);
	if (!err_is(e))
		e = parse_number(
		    s, LIMIT, "process_limit", -1, &s->limit, NULL);
	return e;
}

static bool
take_field(struct view *rest, struct view *field)
{
	size_t n = 0;

	*rest = view_trim_left(*rest);
	while (n < rest->len && !ascii_is_space(rest->ptr[n]))
		n++;
	*field = view_first(*rest, n);
	*rest = view_skip(*rest, n);
	return n > 0;
}

/* The next argument: a word, or what is inside of { }. */
static struct err
take_argument(struct view *rest, struct view *arg)
{
	struct view text = view_trim_left(*rest);
	size_t level = 0, n;

	if (text.len == 0 || text.ptr[0] != '{') {
		(void)take_field(rest, arg);
		return ERR_OK;
	}
	for (n = 0; n < text.len; n++) {
		if (text.ptr[n] == '{')
			level++;
		else if (text.ptr[n] == '}' && --level == 0)
			break;
	}
	if (n == text.len)
		return err_make(ERR_PERM, "missing '}' in \"%.*s\"",
		    VIEW_ARGS(view_first(text, 80)));
	if (n + 1 < text.len && !ascii_is_space(text.ptr[n + 1]))
		return err_make(ERR_PERM, "syntax error after '}' in \"%.*s\"",
		    VIEW_ARGS(view_first(text, 80)));
	*arg = view_trim(view_sub(text, 1, n - 1));
	*rest = view_skip(text, n + 1);
	return ERR_OK;
}

static void
add_argument(struct master_service *s, struct view arg)
{
	s->argv = xreallocarray(s->argv, s->argc + 2, sizeof(*s->argv));
	s->argv[s->argc++] = xstrndup(arg.ptr, arg.len);
	s->argv[s->argc] = NULL;
}

static struct err
parse_arguments(struct master_service *s, struct view rest)
{
	struct view arg = view_of(s->fields[COMMAND]);
	struct err e = ERR_OK;

	while (!err_is(e)) {
		if (s->argc > MASTER_CF_ARGS_MAX)
			return err_make(ERR_PERM, "more than %d arguments",
			    MASTER_CF_ARGS_MAX);
		add_argument(s, arg);
		if (view_trim_left(rest).len == 0)
			break;
		e = take_argument(&rest, &arg);
	}
	return e;
}

/* Each -o has name=value. */
static struct err
check_options(const struct master_service *s)
{
	struct view name, value;
	struct err e = ERR_OK;

	for (size_t i = 1; i < s->argc && !err_is(e); i++) {
		const char *arg = s->argv[i];

		if (arg[0] != '-' || arg[1] == '\0')
			break;
		if (arg[1] != 'o')
			continue;
		if (arg[2] != '\0')
			e = conf_split_pair(view_of(arg + 2), &name, &value);
		else if (i + 1 == s->argc)
			e = err_make(ERR_PERM, "-o without name=value");
		else
			e = conf_split_pair(
			    view_of(s->argv[++i]), &name, &value);
	}
	return e;
}

static struct err
parse_service(struct master_cf *cf, struct view line, bool chroot_default,
    struct master_service *s)
{
	struct view rest = line, field;
	struct err e;

	for (size_t i = 0; i < MASTER_CF_FIELDS; i++) {
		if (!take_field(&rest, &field))
			return err_make(ERR_PERM, "%zu fields, needs %d", i,
			    MASTER_CF_FIELDS);
		s->fields[i] = xstrndup(field.ptr, field.len);
	}
	e = parse_fields(cf, s, chroot_default);
	if (!err_is(e))
		e = parse_arguments(s, rest);
	if (!err_is(e))
		e = check_options(s);
	return e;
}

static struct err
read_service(
    struct master_cf *cf, struct view text, int line, bool chroot_default)
{
	struct master_service *s, *old;
	struct err e;

	if (text.len > MAIN_CF_LINE_MAX)
		return err_make(
		    ERR_PERM, "longer than %d bytes", MAIN_CF_LINE_MAX);
	if (view_find(text, '\0') != VIEW_NPOS)
		return err_make(ERR_PERM, "has a zero byte");
	if (ascii_is_space(text.ptr[0])) {
		main_cf_warn(&cf->warnings, cf->file, line,
		    "logical line must not start with whitespace: \"%.*s\"",
		    VIEW_ARGS(view_first(text, 100)));
		return ERR_OK;
	}
	s = xcalloc(1, sizeof(*s));
	s->file = cf->file;
	s->line = line;
	e = parse_service(cf, text, chroot_default, s);
	if (err_is(e)) {
		free_service(s);
		return e;
	}
	old = master_cf_find(cf, view_of(s->name), s->type);
	if (old != NULL) {
		main_cf_warn(&cf->warnings, cf->file, line,
		    "overriding earlier entry: %s %s", s->name,
		    master_type_name(s->type));
		list_remove(&old->node);
		free_service(old);
		cf->n_services--;
	}
	list_append(&cf->services, &s->node);
	if (++cf->n_services > MASTER_CF_SERVICES_MAX)
		return err_make(
		    ERR_PERM, "more than %d services", MASTER_CF_SERVICES_MAX);
	return ERR_OK;
}

struct err
master_cf_read_text(struct master_cf *cf, struct view text, const char *file,
    bool chroot_default)
{
	struct conf_lines lines = { text, 1 };
	struct str logical = STR_EMPTY;
	struct err e = ERR_OK;
	int line;

	/* One file; services keep pointing at its name. */
	if (cf->file == NULL)
		cf->file = xstrdup(file);
	while (!err_is(e) && conf_lines_next(&lines, &logical, &line)) {
		e = read_service(cf, str_view(&logical), line, chroot_default);
		if (err_is(e))
			e = err_make(
			    e.kind, "%s, line %d: %s", file, line, e.text);
	}
	str_clear(&logical);
	return e;
}

struct err
master_cf_read_file(struct master_cf *cf, const char *path, bool chroot_default)
{
	struct str text = STR_EMPTY;
	struct err e = conf_read_file(path, MAIN_CF_FILE_MAX, &text);

	if (!err_is(e))
		e = master_cf_read_text(
		    cf, str_view(&text), path, chroot_default);
	str_clear(&text);
	return e;
}

struct err
master_cf_add_builtin(
    struct master_cf *cf, const char *line, bool chroot_default)
{
	struct master_service *s = xcalloc(1, sizeof(*s));
	struct err e;

	s->file = "built-in";
	e = parse_service(cf, view_of(line), chroot_default, s);
	if (err_is(e) ||
	    master_cf_find(cf, view_of(s->name), s->type) != NULL) {
		free_service(s);
		return err_is(e) ? err_within(e, "built-in service") : e;
	}
	list_append(&cf->services, &s->node);
	cf->n_services++;
	return ERR_OK;
}
