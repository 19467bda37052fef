/* Completing addresses: see address.h. */
#include "lib/mail/address.h"

/* Drop "@a,@b:", which nobody follows (RFC 5321 appendix C); but only if it is
 * one, for a quoted local part may look nearly the same. */
static struct view
without_route(struct view address)
{
	size_t colon = view_find(address, ':');

	if (address.ptr[0] != '@' || colon == VIEW_NPOS ||
	    colon + 1 == address.len)
		return address;
	for (size_t i = 0; i < colon; i++)
		if (!ascii_is_alnum(address.ptr[i]) &&
		    strchr("@,.-_[]", address.ptr[i]) == NULL)
			return address;
	return view_skip(address, colon + 1);
}

/* An address without @: a route of another kind, or a local name. */
static void
add_domain(const struct conf *conf, struct view origin, struct view name,
    struct str *out)
{
	size_t bang = view_find(name, '!'), percent = view_find_last(name, '%');

	if (conf->swap_bangpath && bang != VIEW_NPOS) {
		str_set(out, view_skip(name, bang + 1));
		str_add_byte(out, '@');
		str_add(out, view_first(name, bang));
		return;
	}
	str_set(out, name);
	if (conf->allow_percent_hack && percent != VIEW_NPOS) {
		out->ptr[percent] = '@';
	} else if (conf->append_at_myorigin && origin.len > 0) {
		str_add_byte(out, '@');
		str_add(out, origin);
	}
}

void
address_cut_dot(struct str *address)
{
	size_t n = address->len;

	if (n >= 2 && address->ptr[n - 1] == '.' &&
	    address->ptr[n - 2] != '.' && address->ptr[n - 2] != '@')
		str_cut(address, n - 1);
}

/* "joe@pc"; but not "joe@", "joe@[192.0.2.1]", "joe@pc.example". */
static bool
is_short(struct view address)
{
	size_t at = view_find_last(address, '@');
	struct view domain = view_skip(address, at + 1);

	return at != VIEW_NPOS && domain.len > 0 && domain.ptr[0] != '[' &&
	    view_find(domain, '.') == VIEW_NPOS;
}

void
address_complete(const struct conf *conf, enum address_context context,
    struct view address, struct str *out)
{
	bool local = context == ADDRESS_LOCAL;
	struct view origin = view_of(
	    local ? conf->myorigin : conf->remote_header_rewrite_domain);
	struct view domain = view_of(
	    local ? conf->mydomain : conf->remote_header_rewrite_domain);

	if (address.len == 0 || view_eq(address, VIEW("@"))) {
		str_reset(out);
		return;
	}
	if (address.len > ADDRESS_LEN_MAX) {
		str_set(out, address);
		return;
	}
	address = without_route(address);
	if (view_find(address, '@') == VIEW_NPOS)
		add_domain(conf, origin, address, out);
	else
		str_set(out, address);
	if (conf->append_dot_mydomain && domain.len > 0 &&
	    is_short(str_view(out))) {
		str_add_byte(out, '.');
		str_add(out, domain);
	}
	address_cut_dot(out);
}
