/* Looking addresses up: see find.h. */
#include "lib/mail/find.h"

#include "lib/mail/addr.h"

void
find_init(struct find *f, const struct conf *conf, struct view address,
    const struct domain *domain)
{
	struct view extension;

	*f = (struct find){ .conf = conf, .domain = domain };
	f->local = domain == NULL ? address : addr_local(address);
	f->has_extension =
	    addr_split_extension(f->local, view_of(conf->recipient_delimiter),
		conf->owner_request_special, &f->user, &extension);
}

/* The key "LOCAL@DOMAIN", of which either may be left out, for each form of
 * the domain.  In lower case already, so that the table keeps no copy while
 * it waits. */
static struct err
ask(const struct find *f, struct table_list *list, struct view local,
    enum table_which which, struct str *value, bool *found)
{
	struct str key = STR_EMPTY;
	struct err e = ERR_OK;

	*found = false;
	for (size_t i = 0; !*found && !err_is(e) && i < f->domain->n; i++) {
		str_set(&key, local);
		str_add_byte(&key, '@');
		str_add(&key, str_view(&f->domain->forms[i]));
		e = table_list_find(list, str_view(&key), which, value, found);
	}
	str_clear(&key);
	return e;
}

/* The local part as it stands, and as it is written where it needs quotes:
 * tables have it so, old ones without. */
static struct err
ask_quoted(const struct find *f, struct table_list *list, struct view local,
    enum table_which which, struct str *value, bool *found)
{
	struct str external = STR_EMPTY;
	struct err e = ERR_OK;

	*found = false;
	if (view_find_any(local, " ()<>,;:\\\"[]@") != VIEW_NPOS ||
	    !view_is_ascii(local)) {
		addr_to_external(&external, local);
		if (!view_eq(str_view(&external), local))
			e = ask(f, list, str_view(&external), which, value,
			    found);
		str_clear(&external);
	}
	if (!err_is(e) && !*found)
		e = ask(f, list, local, which, value, found);
	return e;
}

/* Keys without a domain. */
static struct err
ask_names(struct find *f, struct table_list *list, enum table_which first,
    struct str *value, bool *found)
{
	struct err e = table_list_find(list, f->local, first, value, found);

	if (err_is(e) || *found || !f->has_extension)
		return e;
	e = table_list_find(list, f->user, TABLE_FIXED, value, found);
	f->is_shortened = *found;
	return e;
}

struct err
find_whole(struct find *f, struct table_list *list, struct str *value,
    bool *found)
{
	struct err e;

	*found = f->is_shortened = false;
	if (f->domain == NULL)
		return ask_names(f, list, TABLE_ALL, value, found);
	e = ask_quoted(f, list, f->local, TABLE_ALL, value, found);
	if (err_is(e) || *found || !f->has_extension)
		return e;
	e = ask_quoted(f, list, f->user, TABLE_FIXED, value, found);
	f->is_shortened = *found;
	return e;
}

/* One form of the domain and what is above it. */
static struct err
ask_parents(struct table_list *list, struct view domain, bool plain,
    struct str *value, bool *found)
{
	struct err e = table_list_find(list, domain, TABLE_FIXED, value, found);

	if (view_starts(domain, VIEW("[")))
		return e;
	while (!err_is(e) && !*found) {
		size_t dot = view_find(view_skip(domain, 1), '.');

		if (dot == VIEW_NPOS)
			break;
		/* At the dot, which stands before the parent. */
		domain = view_skip(domain, dot + 1);
		e = table_list_find(list, plain ? view_skip(domain, 1) : domain,
		    TABLE_FIXED, value, found);
	}
	return e;
}

struct err
find_domains(const struct find *f, struct table_list *list,
    bool parents_match_subdomains, struct str *value, bool *found)
{
	struct err e = ERR_OK;

	*found = false;
	if (f->domain == NULL)
		return e;
	for (size_t i = 0; !*found && !err_is(e) && i < f->domain->n; i++)
		e = ask_parents(list, str_view(&f->domain->forms[i]),
		    parents_match_subdomains, value, found);
	return e;
}

struct err
find_parts(struct find *f, struct table_list *list, bool is_local,
    struct str *value, bool *found)
{
	struct err e = ERR_OK;

	*found = f->is_shortened = false;
	if (f->domain == NULL)
		return e;
	if (is_local)
		e = ask_names(f, list, TABLE_FIXED, value, found);
	if (!err_is(e) && !*found)
		e = ask(f, list, VIEW_EMPTY, TABLE_FIXED, value, found);
	return e;
}

struct err
find_address(struct find *f, struct table_list *list, bool is_local,
    struct str *value, bool *found)
{
	struct err e;

	*found = false;
	if (table_list_is_empty(list))
		return ERR_OK;
	e = find_whole(f, list, value, found);
	if (!err_is(e) && !*found)
		e = find_parts(f, list, is_local, value, found);
	return e;
}
