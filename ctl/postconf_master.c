/* Showing master.cf: services, their fields, their parameters. */
#include "ctl/postconf.h"

#include "lib/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

static void
print_service(struct postconf *pc, const struct service *s)
{
	struct str text = STR_EMPTY;

	service_format(pc, s, pc->fold && !pc->json, &text);
	if (pc->json)
		postconf_print_json("service", s->fields[0], "type",
		    s->fields[1], "line", text.ptr, NULL);
	else
		puts(text.ptr);
	str_clear(&text);
}

/* "service/type/what = value" */
static void
print_part(struct postconf *pc, const struct service *s, const char *kind,
    const char *what, const char *value)
{
	struct str name = STR_EMPTY;

	str_printf(&name, "%s/%s/%s", s->fields[0], s->fields[1], what);
	if (pc->json)
		postconf_print_json("service", s->fields[0], "type",
		    s->fields[1], kind, what, "value", value, NULL);
	else
		postconf_print(pc, name.ptr, view_of(value));
	str_clear(&name);
}

static bool
print_fields(
    struct postconf *pc, const struct request *r, const struct service *s)
{
	struct str text = STR_EMPTY;
	bool any = false;

	for (size_t i = 0; i < MASTER_CF_FIELDS; i++) {
		if (r->n_parts == 3 &&
		    !request_is_match(r->parts[2], service_field_names[i]))
			continue;
		str_set(&text, view_of(s->fields[i]));
		if (i == MASTER_CF_FIELDS - 1)
			service_format_command(pc, s, &text);
		print_part(pc, s, "field", service_field_names[i], text.ptr);
		any = true;
	}
	str_clear(&text);
	return any;
}

struct sorted {
	char **names;
	size_t n;
};

static void
add_name(struct view name, void *value, void *arg)
{
	struct sorted *sorted = arg;

	(void)value;
	sorted->names =
	    xreallocarray(sorted->names, sorted->n + 1, sizeof(*sorted->names));
	sorted->names[sorted->n++] = xstrndup(name.ptr, name.len);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool
print_params(
    struct postconf *pc, const struct request *r, const struct service *s)
{
	struct sorted sorted = { NULL, 0 };
	struct str text = STR_EMPTY;
	struct view its_name, its_value;
	bool any = false;
	size_t at = 1;

	/* Of lines with one name only those that set something. */
	if (!service_next_override(s, &at, &its_name, &its_value))
		return false;
	htable_each(&s->scope->params, add_name, &sorted);
	if (sorted.n > 0)
		qsort(sorted.names, sorted.n, sizeof(*sorted.names),
		    compare_names);
	for (size_t i = 0; i < sorted.n; i++) {
		char *name = sorted.names[i];
		const char *value =
		    htable_find(&s->scope->params, view_of(name));

		if (!known_is_read_only(name) &&
		    (r->n_parts < 3 || request_is_match(r->parts[2], name))) {
			postconf_expand(pc, s, view_of(value), "", &text);
			print_part(pc, s, "parameter", name, text.ptr);
			any = true;
		}
		free(name);
	}
	free(sorted.names);
	str_clear(&text);
	return any;
}

static bool
print_selected(
    struct postconf *pc, const struct request *r, const struct service *s)
{
	if (pc->mode == MODE_FIELDS)
		return print_fields(pc, r, s);
	if (pc->mode == MODE_PARAMS)
		return print_params(pc, r, s);
	print_service(pc, s);
	return true;
}

static void
check_field_name(struct view name)
{
	for (size_t i = 0; i < MASTER_CF_FIELDS; i++)
		if (request_is_match(name, service_field_names[i]))
			return;
	postconf_fatal(
	    "invalid service attribute name: \"%.*s\"", VIEW_ARGS(name));
}

static struct request
parse_wanted(const struct postconf *pc, const char *text)
{
	static const char *const syntax[] = {
		[MODE_SERVICES] = "-M option requires service_name[/type]",
		[MODE_FIELDS] =
		    "-F option requires service_name[/type[/field]]",
		[MODE_PARAMS] =
		    "-P option requires service_name[/type[/parameter]]",
	};
	struct request r;

	if (!request_parse(&r, text, view_of(text),
		pc->mode == MODE_SERVICES ? 2 : REQUEST_PARTS_MAX))
		postconf_fatal("%s", syntax[pc->mode]);
	if (r.n_parts > 2 && pc->mode == MODE_FIELDS)
		check_field_name(r.parts[2]);
	return r;
}

/* In the order of the file, and for each service in that of the requests. */
static void
show_requests(struct postconf *pc, struct request *requests, size_t n)
{
	LIST_EACH (it, after, &pc->services.list) {
		const struct service *s = LIST_ITEM(it, struct service, node);

		for (size_t i = 0; i < n; i++)
			if (request_selects(
				&requests[i], s->fields[0], s->fields[1]) &&
			    print_selected(pc, &requests[i], s))
				requests[i].matched = true;
	}
}

void
postconf_show_master(struct postconf *pc, char **wanted, size_t n)
{
	struct request all = { "*", { VIEW("*") }, 1, false };
	struct request *requests;

	if (n == 0) {
		show_requests(pc, &all, 1);
		return;
	}
	requests = xcalloc(n, sizeof(*requests));
	for (size_t i = 0; i < n; i++)
		requests[i] = parse_wanted(pc, wanted[i]);
	show_requests(pc, requests, n);
	for (size_t i = 0; i < n; i++)
		if (!requests[i].matched)
			postconf_warn(
			    "unmatched request: \"%s\"", requests[i].text);
	free(requests);
}
