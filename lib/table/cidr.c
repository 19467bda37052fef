/*
 * cidr: tables: the first network that holds the address decides.
 *
 * Networks lie within one another or apart, never across.  So a run of plain
 * rules becomes a sorted array of where the winning rule changes, and a lookup
 * is a binary search.  "!network" and if/endif stand between runs and are
 * looked at one by one.
 */
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/trace.h"
#include "lib/table/net.h"
#include "lib/table/rules.h"
#include "lib/table/type.h"

#include <stdlib.h>

enum { NO_RULE = UINT32_MAX, CIDR_RULES_MAX = 1 << 26 };

struct cidr_rule {
	struct net net;
	uint32_t value; /* offset in values */
	uint32_t len;
	uint32_t line; /* of the file, where it ends */
};

/* From this address on, to the next change, this rule wins. */
struct change {
	unsigned char from[NET_BYTES];
	uint32_t rule;
};

struct changes {
	struct change *all;
	size_t n, room;
};

enum step_kind { STEP_RUN, STEP_NOT, STEP_IF };

struct step {
	enum step_kind kind;
	bool negated;	      /* if */
	struct net net;	      /* if, not */
	uint32_t first, last; /* run: its rules; not: first is its rule */
	size_t end;	      /* if: the step after its endif */
	struct changes four, six;
};

struct cidr {
	struct cidr_rule *rules;
	size_t n_rules, rules_room;
	struct step *steps;
	size_t n_steps, steps_room;
	struct str values;
	struct held held;
};

struct loader {
	struct cidr *c;
	struct rules rules;
	struct {
		size_t step, line;
	} * open;
	size_t n_open;
};

static void
warn_rule(const struct loader *l, size_t line, const char *text)
{
	log_warn("cidr map %s, line %zu: %s", l->rules.name.ptr, line, text);
}

static void
skip_rule(const struct loader *l, const char *text)
{
	struct err e = err_make(ERR_PERM, "%s: skipping this rule", text);

	warn_rule(l, l->rules.line, e.text);
}

static struct step *
add_step(struct cidr *c, enum step_kind kind)
{
	if (c->n_steps == c->steps_room) {
		c->steps_room = c->steps_room * 2 + 4;
		c->steps =
		    xreallocarray(c->steps, c->steps_room, sizeof(*c->steps));
	}
	c->steps[c->n_steps] = (struct step){ .kind = kind, .end = SIZE_MAX };
	return &c->steps[c->n_steps++];
}

static uint32_t
add_rule(struct cidr *c, const struct net *net, struct view value, size_t line)
{
	if (c->n_rules == c->rules_room) {
		c->rules_room = c->rules_room * 2 + 16;
		c->rules =
		    xreallocarray(c->rules, c->rules_room, sizeof(*c->rules));
	}
	c->rules[c->n_rules] = (struct cidr_rule){ *net,
		(uint32_t)c->values.len, (uint32_t)value.len,
		(uint32_t)line };
	str_add(&c->values, value);
	return (uint32_t)c->n_rules++;
}

static bool
is_word(struct view rule, struct view word)
{
	return view_starts_case(rule, word) &&
	    (rule.len == word.len || !ascii_is_alnum(rule.ptr[word.len]));
}

/* The '!'s before a pattern: each turns it round. */
static bool
cut_not(struct view *rule)
{
	bool negated = false;

	while (rule->len > 0 && rule->ptr[0] == '!') {
		negated = !negated;
		*rule = view_trim_left(view_skip(*rule, 1));
	}
	return negated;
}

static void
load_if(struct loader *l, struct view rule)
{
	bool negated;
	struct step *step;
	struct net net;
	struct err e;

	rule = view_trim(view_skip(rule, 2));
	negated = cut_not(&rule);
	if (rule.len == 0) {
		skip_rule(l, "no address pattern");
		return;
	}
	e = net_parse(rule, &net);
	if (err_is(e)) {
		skip_rule(l, e.text);
		return;
	}
	step = add_step(l->c, STEP_IF);
	step->net = net;
	step->negated = negated;
	l->open = xreallocarray(l->open, l->n_open + 1, sizeof(*l->open));
	l->open[l->n_open].line = l->rules.line;
	l->open[l->n_open++].step = l->c->n_steps - 1;
}

static void
load_endif(struct loader *l, struct view rule)
{
	if (view_trim(view_skip(rule, 5)).len > 0) {
		skip_rule(l, "garbage after ENDIF");
	} else if (l->n_open == 0) {
		skip_rule(l, "ENDIF without IF");
	} else {
		struct cidr *c = l->c;

		c->steps[l->open[--l->n_open].step].end = c->n_steps;
		/* Two runs with an endif between are two. */
		add_step(c, STEP_RUN)->first = (uint32_t)c->n_rules;
		c->steps[c->n_steps - 1].last = (uint32_t)c->n_rules;
	}
}

static void
load_match(struct loader *l, struct view rule)
{
	bool negated = cut_not(&rule);
	size_t end = view_find_any(rule, " \t\r\n\v\f");
	struct view value;
	struct cidr *c = l->c;
	struct step *step;
	struct net net;
	struct err e;
	uint32_t n;

	end = end == VIEW_NPOS ? rule.len : end;
	value = view_trim(view_skip(rule, end));
	if (end == 0) {
		skip_rule(l, "no address pattern");
		return;
	}
	e = net_parse(view_first(rule, end), &net);
	if (err_is(e)) {
		skip_rule(l, e.text);
		return;
	}
	if (value.len == 0) {
		skip_rule(l, "no lookup result");
		return;
	}
	n = add_rule(c, &net, value, l->rules.line);
	if (negated) {
		step = add_step(c, STEP_NOT);
		step->net = net;
		step->first = n;
		return;
	}
	if (c->n_steps == 0 || c->steps[c->n_steps - 1].kind != STEP_RUN)
		add_step(c, STEP_RUN)->first = n;
	c->steps[c->n_steps - 1].last = n + 1;
}

/* Outer networks before those within, equal ones by their order. */
static int
by_place(const void *left, const void *right, void *arg)
{
	const struct cidr_rule *rules = arg;
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
	int order = memcmp(rules[a].net.bytes, rules[b].net.bytes, NET_BYTES);

	if (order == 0 && rules[a].net.bits != rules[b].net.bits)
		order = rules[a].net.bits < rules[b].net.bits ? -1 : 1;
	if (order == 0)
		order = a < b ? -1 : 1;
	return order;
}

static void
add_change(struct changes *list, const unsigned char *from, uint32_t rule)
{
	struct change *last = list->n == 0 ? NULL : &list->all[list->n - 1];

	/* A change at the same place undoes the one before. */
	if (last != NULL && memcmp(last->from, from, NET_BYTES) == 0) {
		last->rule = rule;
		return;
	}
	if (last != NULL && last->rule == rule)
		return;
	if (list->n == list->room) {
		list->room = list->room * 2 + 16;
		list->all =
		    xreallocarray(list->all, list->room, sizeof(*list->all));
	}
	memcpy(list->all[list->n].from, from, NET_BYTES);
	list->all[list->n++].rule = rule;
}

/* The address after the last one of the network; false if there is none. */
static bool
after_net(const struct net *net, unsigned char *after)
{
	struct net last = net_last(net);
	size_t i = net->family == 4 ? 4 : NET_BYTES;

	memcpy(after, last.bytes, NET_BYTES);
	while (i-- > 0)
		if (++after[i] != 0)
			return true;
	return false;
}

/* The networks that hold the place where the sweep is, outermost first, each
 * with the first rule of it and those around it. */
struct nest {
	struct {
		uint32_t rule, winner;
	} at[130];
	size_t n;
};

static void
leave_nets(const struct cidr *c, struct changes *list, struct nest *nest,
    const struct net *next)
{
	while (nest->n > 0) {
		const struct net *inner =
		    &c->rules[nest->at[nest->n - 1].rule].net;
		unsigned char after[NET_BYTES];

		if (next != NULL && net_holds(inner, next))
			return;
		nest->n--;
		if (after_net(inner, after))
			add_change(list, after,
			    nest->n == 0 ? NO_RULE
					 : nest->at[nest->n - 1].winner);
	}
}

static void
sweep(
    const struct cidr *c, struct changes *list, const uint32_t *order, size_t n)
{
	struct nest nest = { .n = 0 };

	for (size_t i = 0; i < n; i++) {
		const struct net *net = &c->rules[order[i]].net;
		uint32_t winner = order[i];

		/* The second rule for a network can never win. */
		if (i > 0 && net->bits == c->rules[order[i - 1]].net.bits &&
		    memcmp(net->bytes, c->rules[order[i - 1]].net.bytes,
			NET_BYTES) == 0)
			continue;
		leave_nets(c, list, &nest, net);
		if (nest.n > 0 && nest.at[nest.n - 1].winner < winner)
			winner = nest.at[nest.n - 1].winner;
		nest.at[nest.n].rule = order[i];
		nest.at[nest.n++].winner = winner;
		add_change(list, net->bytes, winner);
	}
	leave_nets(c, list, &nest, NULL);
}

static void
build_run(struct cidr *c, struct step *step)
{
	size_t n = step->last - step->first, n_four = 0, n_six = 0;
	uint32_t *four = xcalloc(n + 1, sizeof(*four));
	uint32_t *six = xcalloc(n + 1, sizeof(*six));

	for (uint32_t i = step->first; i < step->last; i++) {
		if (c->rules[i].net.family == 4)
			four[n_four++] = i;
		else
			six[n_six++] = i;
	}
	qsort_r(four, n_four, sizeof(*four), by_place, c->rules);
	qsort_r(six, n_six, sizeof(*six), by_place, c->rules);
	sweep(c, &step->four, four, n_four);
	sweep(c, &step->six, six, n_six);
	free(four);
	free(six);
}

static void
load_rules(struct loader *l)
{
	struct view rule;

	while (rules_next(&l->rules, &rule)) {
		if (l->c->n_rules == CIDR_RULES_MAX ||
		    l->c->values.len + rule.len > UINT32_MAX)
			skip_rule(l, "too many rules");
		else if (is_word(rule, VIEW("if")))
			load_if(l, rule);
		else if (is_word(rule, VIEW("endif")))
			load_endif(l, rule);
		else
			load_match(l, rule);
	}
	while (l->n_open > 0)
		warn_rule(
		    l, l->open[--l->n_open].line, "IF has no matching ENDIF");
	free(l->open);
	for (size_t i = 0; i < l->c->n_steps; i++)
		if (l->c->steps[i].kind == STEP_RUN)
			build_run(l->c, &l->c->steps[i]);
}

static struct err
open_cidr(struct table *t)
{
	struct loader l = { .open = NULL };
	struct err e = rules_open(&l.rules, "cidr", t->name);

	if (err_is(e))
		return e;
	t->fixed = false;
	l.c = xcalloc(1, sizeof(*l.c));
	str_init(&l.c->values);
	load_rules(&l);
	l.c->held = l.rules.held;
	rules_clear(&l.rules);
	t->state = l.c;
	return ERR_OK;
}

static uint32_t
find_in_run(const struct changes *list, const struct net *address)
{
	size_t low = 0, high = list->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(list->all[middle].from, address->bytes, NET_BYTES) <=
		    0)
			low = middle + 1;
		else
			high = middle;
	}
	return low == 0 ? NO_RULE : list->all[low - 1].rule;
}

/* The rule that this step leads to; *next is the step after it. */
static uint32_t
take_step(const struct step *step, const struct net *address, size_t *next)
{
	bool same = step->net.family == address->family;

	switch (step->kind) {
	case STEP_RUN:
		return find_in_run(
		    address->family == 4 ? &step->four : &step->six, address);
	case STEP_NOT:
		return same && !net_holds(&step->net, address) ? step->first
							       : NO_RULE;
	case STEP_IF:
		if (!same || net_holds(&step->net, address) == step->negated)
			*next = step->end;
		return NO_RULE;
	}
	return NO_RULE;
}

static struct err
find_cidr(struct table *t, struct view key, struct str *value, bool *found)
{
	const struct cidr *c = t->state;
	uint32_t rule = NO_RULE;
	struct net address;

	if (!net_parse_address(key, &address))
		return ERR_OK;
	for (size_t i = 0, next; i < c->n_steps && rule == NO_RULE; i = next) {
		next = i + 1;
		rule = take_step(&c->steps[i], &address, &next);
	}
	*found = rule != NO_RULE;
	if (*found) {
		str_set(value,
		    view_sub(str_view(&c->values), c->rules[rule].value,
			c->rules[rule].len));
		trace_set_line(c->rules[rule].line);
	}
	return ERR_OK;
}

static void
close_cidr(struct table *t)
{
	struct cidr *c = t->state;

	for (size_t i = 0; i < c->n_steps; i++) {
		free(c->steps[i].four.all);
		free(c->steps[i].six.all);
	}
	free(c->steps);
	free(c->rules);
	str_clear(&c->values);
	held_clear(&c->held);
	free(c);
	t->state = NULL;
}

static bool
changed_cidr(const struct table *t, bool path)
{
	const struct cidr *c = t->state;

	return held_has_changed(&c->held, path);
}

const struct table_type type_cidr = { .name = "cidr",
	.open = open_cidr,
	.find = find_cidr,
	.close = close_cidr,
	.changed = changed_cidr };
