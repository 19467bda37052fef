/* From addresses to addresses: see addr_map.h. */
#include "lib/mail/addr_map.h"

#include "lib/mail/addr.h"
#include "lib/mail/find.h"

/* --- the site --- */

struct err
addr_site_open(struct addr_site *site, const struct conf *conf)
{
	struct err e;

	*site = (struct addr_site){ .conf = conf };
	e = match_list_open(view_of(conf->mydestination),
	    MATCH_WHOLE | MATCH_OPEN_LATER, &site->local);
	if (err_is(e))
		return err_within(e, "mydestination");
	own_init(&site->own, conf);
	return e;
}

void
addr_site_close(struct addr_site *site)
{
	match_list_close(site->local);
	own_clear(&site->own);
	*site = (struct addr_site){ .conf = NULL };
}

bool
addr_site_has_changed(const struct addr_site *site)
{
	return match_list_has_changed(site->local);
}

static struct err
is_local(const struct addr_site *site, const struct domain *d, bool *yes)
{
	struct err e = ERR_OK;

	*yes = view_eq_case(
	    str_view(&d->forms[0]), view_of(site->conf->myorigin));
	for (size_t i = 0; !*yes && !err_is(e) && i < d->n; i++)
		e = match_list_matches(site->local, str_view(&d->forms[i]), yes);
	if (err_is(e))
		return err_within(e, "mydestination");
	*yes = *yes || own_has_literal(&site->own, str_view(&d->forms[0]));
	return e;
}

/* --- the map --- */

struct err
addr_map_open(struct addr_map *map, const struct conf *conf, const char *name,
    const char *value, const char *propagated)
{
	struct view rest = view_of(conf->propagate_unmatched_extensions), word;
	struct err e;

	*map = (struct addr_map){ .name = name };
	e = table_list_open(view_of(value), TABLE_OPEN_LATER, &map->tables);
	if (err_is(e))
		return err_within(e, "%s", name);
	while (propagated != NULL && conf_list_next(&rest, &word))
		map->propagates |= view_eq_case(word, view_of(propagated));
	return e;
}

void
addr_map_close(struct addr_map *map)
{
	table_list_close(map->tables);
	map->tables = NULL;
}

bool
addr_map_is_empty(const struct addr_map *map)
{
	return table_list_is_empty(map->tables);
}

bool
addr_map_has_changed(const struct addr_map *map)
{
	return table_list_has_changed(map->tables);
}

/* "@other" stands for the same user there; without the extension, which comes
 * back if it is to. */
static void
keep_user(struct addr_hit *hit, struct view local)
{
	struct str whole = STR_EMPTY;

	if (!view_starts(str_view(&hit->value), VIEW("@")))
		return;
	addr_to_external(&whole, local);
	str_add(&whole, str_view(&hit->value));
	str_clear(&hit->value);
	hit->value = whole;
}

static void
take_hit(const struct addr_map *map, const struct find *f,
    struct addr_hit *hit)
{
	struct view extension = VIEW_EMPTY;

	if (f->is_shortened)
		extension = view_skip(f->local, f->user.len);
	keep_user(hit, f->is_shortened ? f->user : f->local);
	if (map->propagates)
		str_set(&hit->extension, extension);
	addr_hit_rewind(hit);
}

struct err
addr_map_find(const struct addr_map *map, const struct addr_site *site,
    struct view address, struct addr_hit *hit, bool *found)
{
	struct view name = addr_domain(address);
	bool local = false;
	struct domain d;
	struct find f;
	struct err e = ERR_OK;

	*hit = (struct addr_hit){ .words = VIEW_EMPTY };
	str_init(&hit->value);
	str_init(&hit->extension);
	*found = false;
	if (address.len == 0 || addr_map_is_empty(map))
		return e;
	domain_init(&d, name);
	find_init(&f, site->conf, address, name.len > 0 ? &d : NULL);
	e = find_whole(&f, map->tables, &hit->value, found);
	if (!err_is(e) && !*found && name.len > 0)
		e = is_local(site, &d, &local);
	if (!err_is(e) && !*found)
		e = find_parts(&f, map->tables, local, &hit->value, found);
	if (!err_is(e) && *found && hit->value.len == 0)
		e = err_make(ERR_TEMP,
		    "lookup of %.*s returns an empty string result",
		    VIEW_ARGS(address));
	if (err_is(e)) {
		*found = false;
		e = err_within(e, "%s", map->name);
	}
	if (*found)
		take_hit(map, &f, hit);
	domain_clear(&d);
	return e;
}

static bool
is_separator(char c)
{
	return c == ',' || ascii_is_space(c);
}

static bool
next_word(struct addr_hit *hit, struct str *address)
{
	struct view rest = hit->words;
	bool quoted = false;
	size_t n = 0;

	while (rest.len > 0 && is_separator(rest.ptr[0]))
		rest = view_skip(rest, 1);
	for (; n < rest.len; n++) {
		char c = rest.ptr[n];

		if (c == '\\')
			n++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && is_separator(c))
			break;
	}
	hit->words = view_skip(rest, n);
	str_reset(address);
	addr_to_internal(address, view_first(rest, n));
	return rest.len > 0;
}

/* Names, comments and groups are rare; without them words are addresses,
 * whatever stands between. */
void
addr_hit_rewind(struct addr_hit *hit)
{
	struct view value = str_view(&hit->value);

	hit->words =
	    view_find_any(value, "<(;") == VIEW_NPOS ? value : VIEW_EMPTY;
	addrlist_init(&hit->list, hit->words.len > 0 ? VIEW_EMPTY : value);
}

bool
addr_hit_next(struct addr_hit *hit, struct str *address)
{
	struct addrlist_item item;

	while (hit->words.len > 0)
		if (next_word(hit, address) && address->len > 0)
			return true;
	while (addrlist_next(&hit->list, &item, address))
		if ((item.flags & (ADDRLIST_NULL | ADDRLIST_BAD)) == 0)
			return true;
	return false;
}

void
addr_hit_clear(struct addr_hit *hit)
{
	str_clear(&hit->value);
	str_clear(&hit->extension);
}

void
addr_add_extension(struct str *address, struct view extension)
{
	size_t at = view_find_last(str_view(address), '@');
	struct str whole = STR_EMPTY;

	if (extension.len == 0)
		return;
	str_add(&whole, view_first(str_view(address), at));
	str_add(&whole, extension);
	if (at != VIEW_NPOS)
		str_add(&whole, view_skip(str_view(address), at));
	str_clear(address);
	*address = whole;
}
