/* Domains in all their forms: see domain.h. */
#include "lib/mail/domain.h"

#include "lib/mail/addr.h"
#include "lib/run/fiber.h"
#include "lib/run/loop.h"
#include "lib/run/offload.h"

#include <idn2.h>
#include <stdlib.h>

enum { NAME_MAX_BYTES = 255, LABEL_MAX_BYTES = 63 };

struct conversion {
	const char *from;
	char *ascii, *unicode;
};

static void
convert(void *arg)
{
	struct conversion *c = arg;
	int flags = IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL;

	if (idn2_to_ascii_8z(c->from, &c->ascii, flags) != IDN2_OK) {
		c->ascii = NULL;
		return;
	}
	if (idn2_to_unicode_8z8z(c->ascii, &c->unicode, 0) != IDN2_OK)
		c->unicode = NULL;
}

static bool
has_form(const struct domain *d, struct view form)
{
	for (size_t i = 0; i < d->n; i++)
		if (view_eq(str_view(&d->forms[i]), form))
			return true;
	return false;
}

static void
add_form(struct domain *d, const char *form)
{
	struct view v;

	if (form == NULL)
		return;
	v = view_of(form);
	if (v.len == 0 || v.len > DOMAIN_LEN_MAX || has_form(d, v))
		return;
	str_init(&d->forms[d->n]);
	str_set(&d->forms[d->n], v);
	if (d->n == 1 && view_is_ascii(v))
		d->ascii = 1;
	d->n++;
}

static bool
needs_conversion(struct view name)
{
	if (!view_is_ascii(name))
		return view_is_utf8(name) && view_find(name, '\0') == VIEW_NPOS;
	return view_starts_case(name, VIEW("xn--")) ||
	    view_find_text(name, VIEW(".xn--")) != VIEW_NPOS;
}

void
domain_init(struct domain *d, struct view name)
{
	struct conversion c = { NULL, NULL, NULL };

	*d = (struct domain){ .n = 1 };
	str_init(&d->forms[0]);
	str_set(&d->forms[0], view_first(name, DOMAIN_LEN_MAX));
	str_lower(&d->forms[0]);
	if (!needs_conversion(str_view(&d->forms[0])))
		return;
	c.from = d->forms[0].ptr;
	/* The library needs more stack than a fiber has. */
	if (fiber_self() != NULL || !loop_is_on())
		offload(convert, &c);
	else
		convert(&c);
	add_form(d, c.ascii);
	add_form(d, c.unicode);
	idn2_free(c.ascii);
	idn2_free(c.unicode);
}

void
domain_clear(struct domain *d)
{
	for (size_t i = 0; i < d->n; i++)
		str_clear(&d->forms[i]);
	d->n = 0;
}

struct view
domain_ascii(const struct domain *d)
{
	return str_view(&d->forms[d->ascii]);
}

static bool
is_host_name(struct view name)
{
	size_t label = 0;
	bool only_digits = true;

	if (name.len == 0 || name.len > NAME_MAX_BYTES)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if (c == '.') {
			if (label == 0)
				return false;
			label = 0;
			continue;
		}
		if (!ascii_is_alnum(c) && c != '-' && c != '_')
			return false;
		if (c == '-' &&
		    (label == 0 || i + 1 == name.len || name.ptr[i + 1] == '.'))
			return false;
		if (++label > LABEL_MAX_BYTES)
			return false;
		only_digits &= ascii_is_digit(c);
	}
	return label > 0 && !only_digits;
}

bool
domain_text_is_valid(struct view ascii)
{
	struct view ip;
	bool is_ipv6;

	if (view_starts(ascii, VIEW("[")))
		return addr_parse_literal(ascii, &ip, &is_ipv6);
	return is_host_name(ascii);
}

bool
domain_is_valid(const struct domain *d)
{
	return domain_text_is_valid(domain_ascii(d));
}
