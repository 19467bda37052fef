/* The parameters of main.cf and of -o: names and values. */
#include "ctl/check.h"

#include "lib/base/mem.h"
#include "lib/conf/check.h"
#include "lib/conf/rows.h"
#include "lib/daemon/program.h"

/* What is told of parameters that Barid takes and means otherwise. */
static const struct {
	const char *name, *text;
} differences[] = {
	{ "default_process_limit",
	    "bounds the mailbox deliveries at once, not the processes of each "
	    "service; for SMTP see default_session_limit and the limit column "
	    "of master.cf" },
	{ "mail_spool_directory",
	    "mailboxes are made and written as their owner" },
};

const char *
check_difference(const char *parameter)
{
	for (size_t i = 0; i < ARRAY_LEN(differences); i++)
		if (strcmp(differences[i].name, parameter) == 0)
			return differences[i].text;
	return NULL;
}

static bool
is_service(const struct check *c, struct view name)
{
	LIST_EACH (it, after, &c->master.services)
		if (view_eq(
			view_of(
			    LIST_ITEM(it, struct master_service, node)->name),
			name))
			return true;
	return false;
}

/* A name that is no parameter of the table. */
static void
check_other(struct check *c, const struct check_place *at, const char *value)
{
	struct view name = view_of(at->parameter);
	const struct conf_suffix *suffix = conf_suffix_find(name);

	if (suffix == NULL) {
		if (!used_has(&c->used, name))
			check_tell(c, CHECK_WARNING, at,
			    "is unknown, and nothing uses it: \"%s\"", value);
		return;
	}
	name = view_first(name, name.len - strlen(suffix->suffix));
	if (c->has_master && !is_service(c, name) &&
	    !program_has_setting(name, suffix->suffix) &&
	    !used_has(&c->used, view_of(at->parameter)))
		check_tell(c, CHECK_WARNING, at,
		    "master.cf has no service %.*s", VIEW_ARGS(name));
}

/* The row whose type the value has. */
static const struct conf_row *
row_of(struct view name)
{
	const struct conf_row *row = conf_row_find(name);
	const struct conf_suffix *suffix;

	if (row != NULL)
		return row;
	suffix = conf_suffix_find(name);
	return suffix == NULL ? NULL : conf_row_find(view_of(suffix->fallback));
}

static void
check_text(struct check *c, const struct check_place *at, struct view raw)
{
	const struct conf_row *row = row_of(view_of(at->parameter));
	struct str value = STR_EMPTY;
	struct err e = ERR_OK;
	int64_t number;

	if (row != NULL && row->type == CONF_RAW)
		str_add(&value, raw);
	else
		e = names_expand(&c->names, raw, &value);
	if (!err_is(e) && row != NULL)
		e = check_value(&c->names, row, str_view(&value), &number);
	if (err_is(e))
		check_tell(c,
		    row != NULL && row->used ? CHECK_ERROR : CHECK_WARNING, at,
		    "%s", e.text);
	else if (conf_row_find(view_of(at->parameter)) == NULL)
		check_other(c, at, value.ptr);
	else if (conf_row_asks_for_more(row, value.ptr))
		check_tell(c, CHECK_WARNING, at,
		    "is not supported: \"%s\" has no effect", value.ptr);
	str_clear(&value);
}

static void
check_overrides(struct check *c, const struct master_service *s)
{
	struct str service = STR_EMPTY, parameter = STR_EMPTY;
	struct view name, value;
	size_t at = 1;

	str_printf(&service, "%s/%s", s->name, master_type_name(s->type));
	while (master_service_next_override(s, &at, &name, &value)) {
		struct check_place place = { s->file, s->line, NULL,
			service.ptr };

		str_set(&parameter, name);
		place.parameter = parameter.ptr;
		check_text(c, &place, value);
	}
	str_clear(&service);
	str_clear(&parameter);
}

void
check_parameters(struct check *c)
{
	LIST_EACH (it, after, &c->names.file.defs) {
		const struct main_cf_def *def =
		    LIST_ITEM(it, struct main_cf_def, node);
		struct check_place at = check_place_of(c, def->name);

		check_text(c, &at, view_of(def->value));
	}
	LIST_EACH (it, after, &c->master.services)
		check_overrides(c, LIST_ITEM(it, struct master_service, node));
}
