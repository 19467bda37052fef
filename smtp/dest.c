/* Next hops: see dest.h.  Parsing only; nothing is looked up. */
#include "smtp/dest.h"

#include <arpa/inet.h>

static struct err
bad_dest(struct view text, const char *why)
{
	return err_make(ERR_PERM, "bad destination \"%.*s\": %s",
	    (int)(text.len < 100 ? text.len : 100), text.ptr, why);
}

static bool
is_ip(const char *text)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, text, bytes) == 1 ||
	    inet_pton(AF_INET6, text, bytes) == 1;
}

static bool
copy(char *out, size_t room, struct view v)
{
	if (v.len == 0 || v.len >= room || view_find(v, '\0') != VIEW_NPOS)
		return false;
	memcpy(out, v.ptr, v.len);
	out[v.len] = '\0';
	return true;
}

/* What stands behind the host: nothing or ":port". */
static struct err
parse_port(const struct settings *s, struct view text, struct view port,
    struct dest *d)
{
	char name[64];
	uint16_t standard = settings_port(s, s->default_port);

	if (port.len == 0) {
		d->port = standard;
	} else {
		if (port.ptr[0] != ':' ||
		    !copy(name, sizeof(name), view_skip(port, 1)))
			return bad_dest(text, "no port after the host");
		d->port = settings_port(s, name);
	}
	if (d->port == 0)
		return bad_dest(text, "unknown port");
	d->is_default_port = d->port == standard;
	return ERR_OK;
}

/* The part before the port; the brackets are taken off. */
static struct view
cut_host(struct view text, struct dest *d, struct view *port)
{
	size_t end = view_find(text, ']');
	char whole[DEST_NAME_MAX + 1];

	if (view_starts(text, VIEW("[")) && end != VIEW_NPOS) {
		struct view host = view_sub(text, 1, end - 1);

		d->no_mx = true;
		*port = view_skip(text, end + 1);
		if (view_starts_case(host, VIEW("IPv6:")))
			host = view_skip(host, 5);
		return host;
	}
	*port = VIEW_EMPTY;
	/* An IPv6 address without brackets has no port. */
	if (copy(whole, sizeof(whole), text) && is_ip(whole))
		return text;
	end = view_find(text, ':');
	if (end == VIEW_NPOS)
		return text;
	*port = view_skip(text, end);
	return view_first(text, end);
}

static struct err
parse_inet(const struct settings *s, struct view text, struct dest *d)
{
	struct view port, host = cut_host(text, d, &port);

	/* A name at its end may have the root's dot. */
	if (host.len > 1 && host.ptr[host.len - 1] == '.')
		host.len--;
	if (host.len > DEST_NAME_MAX || !copy(d->name, sizeof(d->name), host))
		return bad_dest(text, "no host");
	for (const char *p = d->name; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '[' ||
		    *p == ']' || *p == '/')
			return bad_dest(text, "bad character in the host");
	d->is_address = is_ip(d->name);
	d->no_mx |= d->is_address || s->is_lmtp || s->disable_dns;
	return parse_port(s, text, port, d);
}

struct err
dest_parse(const struct settings *s, struct view text, struct dest *d)
{
	*d = (struct dest){ 0 };
	text = view_trim(text);
	if (view_starts_case(text, VIEW("unix:"))) {
		d->is_unix = true;
		d->no_mx = true;
		if (!copy(d->name, sizeof(d->name), view_skip(text, 5)))
			return bad_dest(text, "no path");
		return ERR_OK;
	}
	if (view_starts_case(text, VIEW("inet:")))
		text = view_skip(text, 5);
	return parse_inet(s, text, d);
}

bool
dest_next(
    const struct settings *s, struct view *list, struct dest *d, struct err *e)
{
	struct view item;

	if (!view_token(list, ", \t\r\n", &item))
		return false;
	*e = dest_parse(s, item, d);
	return true;
}
