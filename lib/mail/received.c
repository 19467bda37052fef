/* The Received header: see received.h. */
#include "lib/mail/received.h"

#include "lib/mail/addr.h"
#include "lib/mail/date.h"

#include <inttypes.h>

enum {
	/* Longest value that is kept, in bytes. */
	VALUE_MAX = 512,
	/* Most headers are shorter. */
	HEADER_ROOM = 512,
};

static bool
is_control(char c)
{
	return (unsigned char)c < 32 || c == 127;
}

/* What may be kept of v: bounded; *is_utf8 as a whole. */
static struct view
bounded(struct view v, bool *is_utf8)
{
	*is_utf8 = view_is_utf8(v);
	if (v.len <= VALUE_MAX)
		return v;
	v = view_first(v, VALUE_MAX);
	while (*is_utf8 && !view_is_utf8(v))
		v.len--;
	return v;
}

/* Is v short, and nothing but letters, digits, dots and hyphens?  No set has
 * those, and nearly all that is cleaned consists of them. */
static bool
is_plain(struct view v)
{
	size_t n = 0;

	while (n < v.len &&
	    (ascii_is_alnum(v.ptr[n]) || v.ptr[n] == '.' || v.ptr[n] == '-'))
		n++;
	return n == v.len && n <= VALUE_MAX;
}

/* Append v with the bytes of the set, controls, C1 controls and, if it is not
 * UTF-8, all that is not ASCII turned to '?'. */
static void
add_clean(struct str *out, struct view v, const char *set)
{
	bool is_utf8;

	if (is_plain(v)) {
		str_add(out, v);
		return;
	}
	v = bounded(v, &is_utf8);
	for (size_t i = 0; i < v.len; i++) {
		char c = v.ptr[i];
		bool harms = is_control(c) || strchr(set, c) != NULL;

		if ((unsigned char)c > 127 && !is_utf8)
			harms = true;
		if ((unsigned char)c == 0xc2 && i + 1 < v.len &&
		    (unsigned char)v.ptr[i + 1] < 0xa0 && is_utf8) {
			harms = true;
			i++;
		}
		str_add_byte(out, harms ? '?' : c);
	}
}

void
received_clean_name(struct str *out, struct view v)
{
	add_clean(out, v, " <>()\\\";@");
}

static bool
is_balanced(struct view v)
{
	size_t depth = 0;

	for (size_t i = 0; i < v.len; i++) {
		if (v.ptr[i] == '(')
			depth++;
		else if (v.ptr[i] == ')' && depth-- == 0)
			return false;
	}
	return depth == 0;
}

void
received_clean_comment(struct str *out, struct view v)
{
	bool is_utf8;

	v = bounded(v, &is_utf8);
	add_clean(out, v, is_balanced(v) ? "\\" : "()\\");
}

/* A name inside of quotes inside of a comment. */
static void
add_quoted(struct str *out, struct view v)
{
	str_add_byte(out, '"');
	add_clean(out, v, "()\\\"");
	str_add_byte(out, '"');
}

static void
add_cert(struct str *out, const struct received *r)
{
	str_add_text(out, "\t(");
	switch (r->cert) {
	case RECEIVED_CERT_NOT_ASKED:
		str_add_text(out, "No client certificate requested");
		break;
	case RECEIVED_CERT_NONE:
		str_add_text(out, "Client did not present a certificate");
		break;
	case RECEIVED_CERT_UNVERIFIED:
	case RECEIVED_CERT_VERIFIED:
		str_add_text(out, "Client CN ");
		add_quoted(out, r->cert_subject);
		str_add_text(out, ", Issuer ");
		add_quoted(out, r->cert_issuer);
		str_add_text(out,
		    r->cert == RECEIVED_CERT_VERIFIED ? " (verified OK)"
						      : " (not verified)");
		break;
	}
	str_add_text(out, ")\r\n");
}

static void
add_tls(struct str *out, const struct received *r)
{
	str_add_text(out, "\t(using ");
	received_clean_comment(out, r->tls);
	if (r->tls_details.len > 0) {
		str_add_text(out, "\r\n\t ");
		received_clean_comment(out, r->tls_details);
	}
	str_add_text(out, ")\r\n");
	add_cert(out, r);
}

static void
add_date(struct str *out, int64_t wall)
{
	char date[DATE_SIZE];

	str_add(out, date_format(wall, date));
	str_add_text(out, "\r\n");
}

static void
add_address_literal(struct str *out, struct view ip)
{
	bool is_ipv6 = view_find(ip, ':') != VIEW_NPOS &&
	    !view_starts_case(ip, VIEW("IPv6:"));

	str_add_text(out, is_ipv6 ? "[IPv6:" : "[");
	add_clean(out, ip, " <>()\\\";@[]");
	str_add_byte(out, ']');
}

/* The external form; '(', '\' and quotes are part of it where the local part
 * is quoted, so only what leaves the angle or the line is changed. */
static void
add_recipient(struct str *out, struct view internal)
{
	struct str external = STR_EMPTY;

	addr_to_external(&external, view_first(internal, ADDR_MAX));
	str_add_byte(out, '<');
	if (view_is_utf8(str_view(&external)))
		str_add(out, str_view(&external));
	else
		add_clean(out, str_view(&external), "");
	str_add_byte(out, '>');
	str_clear(&external);
}

void
received_add_smtp(struct str *out, const struct received *r)
{
	str_reserve(out, HEADER_ROOM);
	str_add_text(out, "Received: from ");
	received_clean_name(out, r->helo.len > 0 ? r->helo : r->client_name);
	str_add_text(out, " (");
	received_clean_name(out, r->client_name);
	str_add_byte(out, ' ');
	add_address_literal(out, r->client_addr);
	str_add_text(out, ")\r\n");
	if (r->tls.len > 0)
		add_tls(out, r);
	if (r->sasl_user.len > 0) {
		str_add_text(out, "\t(Authenticated sender: ");
		received_clean_comment(out, r->sasl_user);
		str_add_text(out, ")\r\n");
	}
	str_add_text(out, "\tby ");
	received_clean_name(out, r->myhostname);
	str_add_text(out, " (");
	received_clean_comment(out, r->mail_name);
	str_add_text(out, ") with ");
	received_clean_name(out, r->protocol);
	str_add_text(out, " id ");
	received_clean_name(out, r->queue_id);
	if (r->recipient.len > 0) {
		str_add_text(out, "\r\n\tfor ");
		add_recipient(out, r->recipient);
		str_add_text(out, "; ");
	} else {
		str_add_text(out, ";\r\n\t");
	}
	add_date(out, r->wall);
}

void
received_add_local(struct str *out, const struct received *r, int64_t uid)
{
	str_add_text(out, "Received: by ");
	received_clean_name(out, r->myhostname);
	str_add_text(out, " (");
	received_clean_comment(out, r->mail_name);
	if (uid >= 0)
		str_addf(out, ", from userid %" PRId64, uid);
	str_add_text(out, ")\r\n\tid ");
	received_clean_name(out, r->queue_id);
	str_add_text(out, "; ");
	add_date(out, r->wall);
}

const char *
received_protocol(bool is_esmtp, bool is_tls, bool is_auth, bool is_utf8)
{
	static const char *const esmtp[2][4] = {
		{ "ESMTP", "ESMTPA", "ESMTPS", "ESMTPSA" },
		{ "UTF8SMTP", "UTF8SMTPA", "UTF8SMTPS", "UTF8SMTPSA" },
	};

	if (!is_esmtp)
		return "SMTP";
	return esmtp[is_utf8][(is_tls ? 2 : 0) + (is_auth ? 1 : 0)];
}
