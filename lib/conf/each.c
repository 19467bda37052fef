/* Everything that a configuration says: see each.h. */
#include "lib/conf/each.h"

#include "lib/conf/main_cf.h"
#include "lib/conf/master_cf.h"
#include "lib/conf/rows.h"

static void
each_row(const struct conf *conf, conf_visit_fn *visit, void *arg)
{
	for (size_t i = 0; i < conf_n_rows; i++) {
		const char *name = conf_row_name(&conf_rows[i]);
		const char *value = conf_find(conf, name);

		if (value != NULL)
			visit(arg, view_of(name), view_of(value));
	}
}

static struct err
each_made_up(const struct conf *conf, conf_visit_fn *visit, void *arg)
{
	struct main_cf cf;
	struct err e;

	main_cf_init(&cf);
	e = main_cf_read_dir(&cf, conf_config_dir(conf));
	if (!err_is(e))
		LIST_EACH (it, after, &cf.defs) {
			const struct main_cf_def *def =
			    LIST_ITEM(it, struct main_cf_def, node);
			const char *value = conf_find(conf, def->name);

			if (value != NULL &&
			    conf_row_find(view_of(def->name)) == NULL)
				visit(arg, view_of(def->name), view_of(value));
		}
	main_cf_clear(&cf);
	return e;
}

static void
each_override(const struct conf *conf, const struct master_service *service,
    conf_visit_fn *visit, void *arg)
{
	struct str text = STR_EMPTY;
	struct view name, value;
	size_t at = 1;

	while (master_service_next_override(service, &at, &name, &value)) {
		str_reset(&text);
		if (!err_is(conf_expand_text(conf, value, &text)))
			visit(arg, name, str_view(&text));
	}
	str_clear(&text);
}

static struct err
each_service(const struct conf *conf, conf_visit_fn *visit, void *arg)
{
	struct str path = STR_EMPTY;
	struct master_cf cf;
	struct err e;

	master_cf_init(&cf);
	str_printf(&path, "%s/master.cf", conf_config_dir(conf));
	e = master_cf_read_file(&cf, path.ptr, false);
	if (!err_is(e))
		LIST_EACH (it, after, &cf.services)
			each_override(conf,
			    LIST_ITEM(it, struct master_service, node), visit,
			    arg);
	master_cf_clear(&cf);
	str_clear(&path);
	return e;
}

struct err
conf_each_value(const struct conf *conf, conf_visit_fn *visit, void *arg)
{
	struct err e;

	each_row(conf, visit, arg);
	e = each_made_up(conf, visit, arg);
	if (!err_is(e))
		e = each_service(conf, visit, arg);
	return e;
}

/* --- words --- */

/* What stands between the first brace and the one at the end. */
static bool
inside_braces(struct view word, struct view *inside)
{
	size_t open = view_find(word, '{');

	if (open == VIEW_NPOS || !view_ends(word, VIEW("}")))
		return false;
	*inside = view_sub(word, open + 1, word.len - open - 2);
	return true;
}

static void
each_word(struct view value, void (*visit)(void *arg, struct view word),
    void *arg, int depth)
{
	struct view word, inside;

	while (conf_list_next(&value, &word)) {
		/* A group comes without its braces: words again. */
		bool group = view_find_any(word, ", \t\r\n") != VIEW_NPOS;

		if (!group || view_find(word, '{') != VIEW_NPOS)
			visit(arg, word);
		if (depth == CONF_EACH_DEPTH_MAX)
			continue;
		if (inside_braces(word, &inside))
			each_word(inside, visit, arg, depth + 1);
		else if (group)
			each_word(word, visit, arg, depth + 1);
	}
}

void
conf_each_word(
    struct view value, void (*visit)(void *arg, struct view word), void *arg)
{
	each_word(value, visit, arg, 0);
}
