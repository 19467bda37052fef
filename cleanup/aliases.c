/*
 * virtual_alias_maps: see mapping.h.  What an entry of the table leads to is gone
 * through one by one, and fully, before the next is: in memory are the entries on
 * the way to where we are, of which those are gone that had nothing more, so depth
 * costs no stack, and the number of recipients no memory.  What was found to stand
 * for itself is not asked again, and what has no end is ended by limits.
 */
#include "cleanup/mapping.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/mail/addr.h"
#include "lib/run/fiber.h"

#include <stdlib.h>

/* What the client hears: the same, whatever is wrong with the table. */
static const struct verdict endless = { 451, "4.6.0 Alias expansion error" };

/* Looked up, or read of an entry, before others get their turn. */
enum { TURN = 64, TURN_READING = 1024 };

/* An entry, and what is still to be taken of it. */
struct level {
	struct addr_hit hit;
	int64_t left;
	/* How often the first was led on, each time by the first of an entry;
	 * the others begin anew. */
	int64_t depth;
	bool is_first;
};

struct expansion {
	struct message *m;
	struct view address;
	struct level *levels;
	size_t n_levels, room;
	int64_t n;          /* addresses, those that are still to come too */
	struct str now;     /* the one that is looked at */
	int64_t depth;      /* its depth */
	struct hset fixed;  /* lower case: those that lead to themselves */
};

static void
clear(struct expansion *x)
{
	while (x->n_levels > 0)
		addr_hit_clear(&x->levels[--x->n_levels].hit);
	free(x->levels);
	str_clear(&x->now);
	hset_clear(&x->fixed);
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

static struct err
refuse_result(struct expansion *x, const struct str *result)
{
	struct str text = STR_EMPTY;
	struct err e;

	str_printf(&text, "result %.300s...", result->ptr);
	e = refuse(x, text.ptr);
	str_clear(&text);
	return e;
}

static bool
is_fixed(const struct expansion *x)
{
	struct str key = STR_EMPTY;
	bool known;

	if (x->fixed.n == 0)
		return false;
	str_add(&key, str_view(&x->now));
	str_lower(&key);
	known = hset_has(&x->fixed, str_view(&key));
	str_clear(&key);
	return known;
}

static void
note_fixed(struct expansion *x)
{
	struct str key = STR_EMPTY;

	str_add(&key, str_view(&x->now));
	str_lower(&key);
	hset_add(&x->fixed, str_view(&key));
	str_clear(&key);
}

/* The next address of an entry, completed. */
static struct err
next_result(struct expansion *x, struct addr_hit *hit, struct str *result,
    bool *more)
{
	struct str one = STR_EMPTY;
	struct err e = ERR_OK;

	*more = addr_hit_next(hit, &one);
	if (*more)
		e = envelope_complete(
		    x->m->cleanup, "local", str_view(&one), result);
	if (*more && !err_is(e))
		addr_add_extension(result, str_view(&hit->extension));
	str_clear(&one);
	return e;
}

/* One result of the address that is looked at; `n` of its entry are before. */
static struct err
check_result(struct expansion *x, const struct str *result, int64_t n)
{
	const struct conf *conf = x->m->cleanup->conf;

	if ((int64_t)result->len > conf->virtual_alias_address_length_limit ||
	    !addr_is_sane(str_view(result)))
		return refuse_result(x, result);
	/* No number of results may hold up the others for long. */
	if (x->n > conf->virtual_alias_expansion_limit)
		return refuse_for(x, "map expansion size");
	/* The first is in the place of what it was found for. */
	x->n += n > 0;
	if (view_eq_case(str_view(result), str_view(&x->now)))
		note_fixed(x);
	return n % TURN_READING == TURN_READING - 1 ? fiber_yield() : ERR_OK;
}

/* All results are looked at before any is taken: one may be the address
 * itself.  *n is how many there are. */
static struct err
check_results(struct expansion *x, struct addr_hit *hit, int64_t *n)
{
	struct str result = STR_EMPTY;
	bool more = true;
	struct err e = ERR_OK;

	*n = 0;
	while (!err_is(e) && more) {
		e = next_result(x, hit, &result, &more);
		if (!err_is(e) && more)
			e = check_result(x, &result, (*n)++);
	}
	addr_hit_rewind(hit);
	str_clear(&result);
	return e;
}

static void
push(struct expansion *x, const struct addr_hit *hit, int64_t n)
{
	if (x->n_levels == x->room) {
		x->room = x->room == 0 ? 4 : x->room * 2;
		x->levels = xreallocarray(
		    x->levels, x->room, sizeof(*x->levels));
	}
	x->levels[x->n_levels++] = (struct level){ .hit = *hit,
		.left = n,
		.depth = x->depth + 1,
		.is_first = true };
}

/* What the address leads to is to be taken next.  *found: it leads somewhere.
 */
static struct err
look_up(struct expansion *x, bool *found)
{
	struct message *m = x->m;
	const struct mapping *map = m->cleanup->mapping;
	struct addr_hit hit;
	int64_t n = 0;
	struct err e = addr_map_find(&map->virtual_alias, &map->site,
	    str_view(&x->now), &hit, found);

	if (err_is(e)) {
		m->is_logged = true;
		log_warn("%.*s: virtual_alias_maps map lookup problem for %s "
			 "-- message not accepted, try again later: %s",
		    VIEW_ARGS(m->submit.queue_id), x->now.ptr, e.text);
	} else if (*found) {
		e = check_results(x, &hit, &n);
	}
	*found = !err_is(e) && n > 0;
	if (*found)
		push(x, &hit, n);
	else
		addr_hit_clear(&hit);
	return e;
}

static struct err
settle(struct expansion *x, bool *found)
{
	const struct conf *conf = x->m->cleanup->conf;

	*found = false;
	if (x->n > conf->virtual_alias_expansion_limit)
		return refuse_for(x, "map expansion size");
	if (is_fixed(x))
		return ERR_OK;
	if (x->depth >= conf->virtual_alias_recursion_limit)
		return refuse_for(x, "map nesting");
	return look_up(x, found);
}

/* The next address; false if that was all. */
static struct err
take_next(struct expansion *x, bool *more)
{
	struct level *top;
	struct err e;

	*more = x->n_levels > 0;
	if (!*more)
		return ERR_OK;
	top = &x->levels[x->n_levels - 1];
	x->depth = top->is_first ? top->depth : 0;
	top->is_first = false;
	e = next_result(x, &top->hit, &x->now, more);
	/* Gone before what it leads to is looked up: a chain has one entry in
	 * memory. */
	if (--top->left == 0) {
		addr_hit_clear(&top->hit);
		x->n_levels--;
	}
	return e;
}

struct err
mapping_expand(struct message *m, struct view address, mapping_take_fn *take,
    void *arg)
{
	struct expansion x = { .m = m, .address = address, .n = 1,
		.now = STR_EMPTY };
	bool more = true, found, is_alias = false, is_first = true;
	struct err e = ERR_OK;

	str_set(&x.now, address);
	for (int64_t i = 1; !err_is(e) && more; i++) {
		e = settle(&x, &found);
		if (!err_is(e) && !found && is_first) {
			is_alias = x.n > 1 ||
			    !view_eq(str_view(&x.now), address);
			is_first = false;
		}
		if (!err_is(e) && !found)
			e = take(arg, str_view(&x.now), is_alias);
		if (!err_is(e) && i % TURN == 0)
			e = fiber_yield();
		if (!err_is(e))
			e = take_next(&x, &more);
	}
	clear(&x);
	return e;
}
