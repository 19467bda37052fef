/* Canonical maps, masquerading and blind copies: see mapping.h. */
#include "cleanup/mapping.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/mail/addr.h"

#include <stdlib.h>

/* Of one address, by one map. */
enum { NESTING_MAX = 1000 };

/* --- opening --- */

static struct err
read_classes(const char *parameter, const char *value, unsigned *classes)
{
	static const struct {
		const char *name;
		enum mapping_class class;
	} words[] = {
		{ "envelope_sender", MAPPING_ENVELOPE_SENDER },
		{ "envelope_recipient", MAPPING_ENVELOPE_RCPT },
		{ "header_sender", MAPPING_HEADER_SENDER },
		{ "header_recipient", MAPPING_HEADER_RCPT },
	};
	struct view rest = view_of(value), word;

	*classes = 0;
	while (conf_list_next(&rest, &word)) {
		size_t i = 0;

		while (i < ARRAY_LEN(words) &&
		    !view_eq_case(word, view_of(words[i].name)))
			i++;
		if (i == ARRAY_LEN(words))
			return err_make(ERR_PERM, "%s: unknown name \"%.*s\"",
			    parameter, VIEW_ARGS(word));
		*classes |= words[i].class;
	}
	return ERR_OK;
}

static struct err
open_canonicals(struct mapping *map)
{
	const struct conf *conf = map->conf;
	const struct {
		const char *name, *value, *classes_name, *classes;
	} rows[MAPPING_CANONICALS] = {
		{ "sender_canonical_maps", conf->sender_canonical_maps,
		    "sender_canonical_classes",
		    conf->sender_canonical_classes },
		{ "recipient_canonical_maps", conf->recipient_canonical_maps,
		    "recipient_canonical_classes",
		    conf->recipient_canonical_classes },
		{ "canonical_maps", conf->canonical_maps, "canonical_classes",
		    conf->canonical_classes },
	};
	struct err e = ERR_OK;

	for (size_t i = 0; i < MAPPING_CANONICALS && !err_is(e); i++) {
		e = addr_map_open(&map->canonical[i], conf, rows[i].name,
		    rows[i].value, "canonical");
		if (!err_is(e))
			e = read_classes(rows[i].classes_name, rows[i].classes,
			    &map->canonical_classes[i]);
		if (!err_is(e) && !addr_map_is_empty(&map->canonical[i]))
			map->classes |= map->canonical_classes[i];
	}
	return e;
}

static struct err
open_masquerade(struct mapping *map)
{
	struct view rest = view_of(map->conf->masquerade_domains), word;
	struct err e;

	while (conf_list_next(&rest, &word)) {
		struct masquerade q = { .hides = true };

		for (; view_starts(word, VIEW("!")); word = view_skip(word, 1))
			q.hides = !q.hides;
		q.domain = word;
		map->masquerades = xreallocarray(map->masquerades,
		    map->n_masquerades + 1, sizeof(*map->masquerades));
		map->masquerades[map->n_masquerades++] = q;
	}
	e = match_list_open(view_of(map->conf->masquerade_exceptions),
	    MATCH_WHOLE | MATCH_OPEN_LATER, &map->masquerade_exceptions);
	if (err_is(e))
		return err_within(e, "masquerade_exceptions");
	e = read_classes("masquerade_classes", map->conf->masquerade_classes,
	    &map->masquerade_classes);
	if (map->n_masquerades > 0)
		map->classes |= map->masquerade_classes;
	return e;
}

struct err
mapping_open(struct mapping *map, const struct conf *conf)
{
	struct err e;

	*map = (struct mapping){ .conf = conf };
	e = addr_site_open(&map->site, conf);
	if (!err_is(e))
		e = open_canonicals(map);
	if (!err_is(e))
		e = open_masquerade(map);
	if (!err_is(e))
		e = addr_map_open(&map->virtual_alias, conf,
		    "virtual_alias_maps", conf->virtual_alias_maps, "virtual");
	if (!err_is(e))
		e = addr_map_open(&map->sender_bcc, conf, "sender_bcc_maps",
		    conf->sender_bcc_maps, NULL);
	if (!err_is(e))
		e = addr_map_open(&map->rcpt_bcc, conf, "recipient_bcc_maps",
		    conf->recipient_bcc_maps, NULL);
	return e;
}

static const struct addr_map *
map_at(const struct mapping *map, size_t i)
{
	const struct addr_map *others[] = { &map->virtual_alias,
		&map->sender_bcc, &map->rcpt_bcc };

	if (i < MAPPING_CANONICALS)
		return &map->canonical[i];
	i -= MAPPING_CANONICALS;
	return i < ARRAY_LEN(others) ? others[i] : NULL;
}

void
mapping_close(struct mapping *map)
{
	for (size_t i = 0; i < MAPPING_CANONICALS; i++)
		addr_map_close(&map->canonical[i]);
	addr_map_close(&map->virtual_alias);
	addr_map_close(&map->sender_bcc);
	addr_map_close(&map->rcpt_bcc);
	match_list_close(map->masquerade_exceptions);
	free(map->masquerades);
	addr_site_close(&map->site);
	*map = (struct mapping){ .conf = NULL };
}

bool
mapping_has_changed(const struct mapping *map)
{
	const struct addr_map *one;

	for (size_t i = 0; (one = map_at(map, i)) != NULL; i++)
		if (addr_map_has_changed(one))
			return true;
	return addr_site_has_changed(&map->site) ||
	    match_list_has_changed(map->masquerade_exceptions);
}

/* --- one address --- */

bool
mapping_applies(const struct message *m, enum mapping_class class)
{
	return (m->cleanup->mapping->classes & class) != 0 &&
	    (m->flags & SUBMIT_NO_MAPPINGS) == 0;
}

/* The first of what it leads to; the rest is a mistake of the table. */
static struct err
apply_once(struct message *m, const struct addr_map *map, struct str *address,
    bool *changed)
{
	struct str result = STR_EMPTY, more = STR_EMPTY;
	struct addr_hit hit;
	bool found;
	struct err e = addr_map_find(map, &m->cleanup->mapping->site,
	    str_view(address), &hit, &found);

	if (err_is(e)) {
		m->is_logged = true;
		log_warn("%.*s: %s map lookup problem for %s -- message not "
			 "accepted, try again later: %s",
		    VIEW_ARGS(m->submit.queue_id), map->name, address->ptr,
		    e.text);
	} else if (found && addr_hit_next(&hit, &more)) {
		e = envelope_complete(
		    m->cleanup, "local", str_view(&more), &result);
		if (!err_is(e))
			addr_add_extension(&result, str_view(&hit.extension));
		if (!err_is(e) && addr_hit_next(&hit, &more))
			log_warn("%.*s: multi-valued %s entry for %s",
			    VIEW_ARGS(m->submit.queue_id), map->name,
			    address->ptr);
		if (!err_is(e) && !addr_is_sane(str_view(&result))) {
			log_warn("%.*s: %s entry for %s is no address",
			    VIEW_ARGS(m->submit.queue_id), map->name,
			    address->ptr);
		} else if (!err_is(e)) {
			*changed = !view_eq_case(
			    str_view(address), str_view(&result));
			str_set(address, str_view(&result));
		}
	}
	addr_hit_clear(&hit);
	str_clear(&result);
	str_clear(&more);
	return e;
}

/* What it leads to may lead on, until it stays the same. */
static struct err
apply_one(struct message *m, const struct addr_map *map, struct str *address)
{
	for (int i = 0; i < NESTING_MAX; i++) {
		bool changed = false;
		struct err e = apply_once(m, map, address, &changed);

		if (err_is(e) || !changed)
			return e;
	}
	m->is_logged = true;
	log_warn("%.*s: unreasonable %s map nesting for %s -- message not "
		 "accepted, try again later",
	    VIEW_ARGS(m->submit.queue_id), map->name, address->ptr);
	return err_make(ERR_TEMP, "unreasonable %s map nesting", map->name);
}

static bool
is_below(struct view name, struct view domain)
{
	return name.len > domain.len && view_ends_case(name, domain) &&
	    name.ptr[name.len - domain.len - 1] == '.';
}

/* The first domain that this one is, or is below, decides. */
static struct err
masquerade(struct message *m, struct str *address)
{
	const struct mapping *map = m->cleanup->mapping;
	struct view local = addr_local(str_view(address));
	struct view domain = addr_domain(str_view(address));
	bool excepted;
	struct err e;

	if (domain.len == 0)
		return ERR_OK;
	e = match_list_matches(map->masquerade_exceptions, local, &excepted);
	if (err_is(e)) {
		m->is_logged = true;
		log_warn("%.*s: masquerade_exceptions map lookup problem -- "
			 "message not accepted, try again later: %s",
		    VIEW_ARGS(m->submit.queue_id), e.text);
	}
	if (err_is(e) || excepted)
		return e;
	for (size_t i = 0; i < map->n_masquerades; i++) {
		const struct masquerade *q = &map->masquerades[i];
		bool below = is_below(domain, q->domain);

		if (!below && !view_eq_case(domain, q->domain))
			continue;
		if (below && q->hides) {
			str_cut(address, address->len - domain.len);
			for (size_t k = 0; k < q->domain.len; k++)
				str_add_byte(
				    address, ascii_lower(q->domain.ptr[k]));
		}
		break;
	}
	return e;
}

struct err
mapping_apply(struct message *m, enum mapping_class class, struct str *address)
{
	const struct mapping *map = m->cleanup->mapping;
	struct err e = ERR_OK;

	if (address->len == 0 || !mapping_applies(m, class))
		return e;
	for (size_t i = 0; i < MAPPING_CANONICALS && !err_is(e); i++)
		if ((map->canonical_classes[i] & class) != 0 &&
		    !addr_map_is_empty(&map->canonical[i]))
			e = apply_one(m, &map->canonical[i], address);
	if (!err_is(e) && map->n_masquerades > 0 &&
	    (map->masquerade_classes & class) != 0)
		e = masquerade(m, address);
	return e;
}

struct err
mapping_find_bcc(struct message *m, const struct addr_map *map,
    struct view address, struct str *bcc)
{
	struct addr_hit hit;
	bool found;
	struct err e;

	str_reset(bcc);
	if (address.len == 0 || addr_map_is_empty(map))
		return ERR_OK;
	e = addr_map_find(
	    map, &m->cleanup->mapping->site, address, &hit, &found);
	if (err_is(e)) {
		m->is_logged = true;
		log_warn("%.*s: %s map lookup problem -- message not "
			 "accepted, try again later: %s",
		    VIEW_ARGS(m->submit.queue_id), map->name, e.text);
	} else if (found) {
		addr_to_internal(bcc, str_view(&hit.value));
	}
	addr_hit_clear(&hit);
	return e;
}
