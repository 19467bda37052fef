/*
 * virtual_alias_maps: see mapping.h.  The list of what an address stands for
 * grows at its end while it is gone through, so depth costs no stack; what was
 * found to stand for itself is not asked again, and what has no end is ended by
 * limits.
 */
#include "cleanup/mapping.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/mail/addr.h"
#include "lib/run/fiber.h"

#include <stdlib.h>

/* What the client hears: the same, whatever is wrong with the table. */
static const struct verdict endless = { 451, "4.6.0 Alias expansion error" };

/* Looked up before others get their turn. */
enum { TURN = 64 };

struct expansion {
	struct message *m;
	struct view address;
	struct str *list;
	size_t n, room;
	struct htable fixed; /* lower case: those that lead to themselves */
};

static void
add(struct expansion *x, struct str *address)
{
	if (x->n == x->room) {
		x->room = x->room == 0 ? 16 : x->room * 2;
		x->list =
		    xreallocarray(x->list, x->room, sizeof(*x->list));
	}
	x->list[x->n++] = *address;
	str_init(address);
}

static void
clear(struct expansion *x)
{
	for (size_t i = 0; i < x->n; i++)
		str_clear(&x->list[i]);
	free(x->list);
	htable_clear(&x->fixed, NULL);
}

static struct err
refuse(struct expansion *x, const char *what)
{
	struct message *m = x->m;

	log_warn("%.*s: unreasonable virtual_alias_maps %s -- message not "
		 "accepted, try again later",
	    VIEW_ARGS(m->submit.queue_id), what);
	m->refusal = endless;
	m->is_logged = true;
	return err_make(ERR_TEMP, "alias expansion error");
}

static struct err
refuse_for(struct expansion *x, const char *what)
{
	struct str text = STR_EMPTY;
	struct err e;

	str_printf(&text, "%s for %.*s", what, VIEW_ARGS(x->address));
	e = refuse(x, text.ptr);
	str_clear(&text);
	return e;
}

static bool
is_fixed(struct expansion *x, struct view address, bool note)
{
	struct str key = STR_EMPTY;
	bool known;

	str_add(&key, address);
	str_lower(&key);
	known = htable_find(&x->fixed, str_view(&key)) != NULL;
	if (note && !known)
		htable_set(&x->fixed, str_view(&key), x);
	str_clear(&key);
	return known;
}

/* One result: in the place of what it was found for, or at the end. */
static struct err
take_result(struct expansion *x, size_t at, struct view from, bool *placed,
    struct str *result)
{
	const struct conf *conf = x->m->cleanup->conf;

	if ((int64_t)result->len > conf->virtual_alias_address_length_limit ||
	    !addr_is_sane(str_view(result))) {
		struct str text = STR_EMPTY;
		struct err e;

		str_printf(&text, "result %.300s...", result->ptr);
		e = refuse(x, text.ptr);
		str_clear(&text);
		return e;
	}
	/* No number of results may hold up the others for long. */
	if ((int64_t)x->n > conf->virtual_alias_expansion_limit)
		return refuse_for(x, "map expansion size");
	if (view_eq_case(str_view(result), from))
		is_fixed(x, from, true);
	if (*placed) {
		add(x, result);
	} else {
		str_clear(&x->list[at]);
		x->list[at] = *result;
		str_init(result);
		*placed = true;
	}
	return ERR_OK;
}

/* Put what an address leads to in its place.  *found: it led somewhere. */
static struct err
expand_once(struct expansion *x, size_t at, bool *found)
{
	struct message *m = x->m;
	const struct mapping *map = m->cleanup->mapping;
	struct str from = STR_EMPTY, one = STR_EMPTY, full = STR_EMPTY;
	bool placed = false;
	struct addr_hit hit;
	struct err e;

	str_set(&from, str_view(&x->list[at]));
	e = addr_map_find(&map->virtual_alias, &map->site, str_view(&from),
	    &hit, found);
	if (err_is(e)) {
		m->is_logged = true;
		log_warn("%.*s: virtual_alias_maps map lookup problem for %s "
			 "-- message not accepted, try again later: %s",
		    VIEW_ARGS(m->submit.queue_id), from.ptr, e.text);
	}
	while (!err_is(e) && *found && addr_hit_next(&hit, &one)) {
		e = envelope_complete(m->cleanup, "local", str_view(&one),
		    &full);
		if (err_is(e))
			break;
		addr_add_extension(&full, str_view(&hit.extension));
		e = take_result(x, at, str_view(&from), &placed, &full);
	}
	*found = *found && placed;
	addr_hit_clear(&hit);
	str_clear(&from);
	str_clear(&one);
	str_clear(&full);
	return e;
}

static struct err
expand_fully(struct expansion *x, size_t at)
{
	const struct conf *conf = x->m->cleanup->conf;
	bool found = true;
	struct err e = ERR_OK;

	if ((int64_t)x->n > conf->virtual_alias_expansion_limit)
		return refuse_for(x, "map expansion size");
	for (int64_t depth = 0; found && !err_is(e); depth++) {
		if (is_fixed(x, str_view(&x->list[at]), false))
			break;
		if (depth >= conf->virtual_alias_recursion_limit)
			return refuse_for(x, "map nesting");
		e = expand_once(x, at, &found);
	}
	return e;
}

struct err
mapping_expand(struct message *m, struct view address, mapping_take_fn *take,
    void *arg)
{
	struct expansion x = { .m = m, .address = address };
	struct str first = STR_EMPTY;
	bool is_alias = false;
	struct err e = ERR_OK;

	str_set(&first, address);
	add(&x, &first);
	/* Each is handed on when it leads no further: what is in memory is
	 * what is still to be looked up. */
	for (size_t i = 0; i < x.n && !err_is(e); i++) {
		e = expand_fully(&x, i);
		if (i == 0)
			is_alias = x.n > 1 ||
			    !view_eq(str_view(&x.list[0]), address);
		if (!err_is(e))
			e = take(arg, str_view(&x.list[i]), is_alias);
		str_clear(&x.list[i]);
		if (!err_is(e) && i % TURN == TURN - 1)
			e = fiber_yield();
	}
	clear(&x);
	return e;
}
