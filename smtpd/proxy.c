/* Behind a proxy: see proxy.h. */
#include "smtpd/proxy.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "smtpd/client.h"
#include "smtpd/proxy_header.h"
#include "smtpd/screen_run.h"

#include <stdio.h>
#include <stdlib.h>

void
proxy_open(struct smtpd *smtpd)
{
	const struct conf *conf = smtpd->conf;
	bool is_screened = smtpd->screen != NULL;
	const char *value = is_screened
	    ? conf->postscreen_upstream_proxy_protocol
	    : conf->smtpd_upstream_proxy_protocol;

	smtpd->proxy_timeout = 0;
	/* A dialogue that is only played has nobody in front. */
	if (smtpd->explain != NULL)
		return;
	if (is_screened && conf->smtpd_upstream_proxy_protocol[0] != '\0')
		log_warn("ignoring non-empty smtpd_upstream_proxy_protocol "
			 "setting behind postscreen");
	if (value[0] == '\0')
		return;
	if (strcmp(value, "haproxy") != 0)
		die_temp("parameter %s_upstream_proxy_protocol: bad value "
			 "\"%s\", allowed haproxy",
		    is_screened ? "postscreen" : "smtpd", value);
	smtpd->proxy_timeout = is_screened
	    ? conf->postscreen_upstream_proxy_timeout
	    : conf->smtpd_upstream_proxy_timeout;
}

static void
tell(struct session *s, const char *why, struct view bytes)
{
	struct str shown = STR_EMPTY;

	if (!quiet_allows(s, QUIET_OTHER))
		return;
	if (bytes.len > 0)
		str_add_text(&shown, ": ");
	screen_add_shown(&shown, bytes);
	if (s->smtpd->screen != NULL)
		log_warn_as("postscreen", "haproxy read: %s%s", why, shown.ptr);
	else
		log_warn("haproxy read: %s%s", why, shown.ptr);
	str_clear(&shown);
}

/* Wait for all of the header, however it is cut. */
static bool
read_header(struct session *s, struct proxy_header *h)
{
	int64_t deadline = deadline_in(s->smtpd->proxy_timeout);
	enum proxy_verdict verdict = PROXY_MORE;
	struct view bytes = VIEW_EMPTY;
	const char *why = NULL;

	while (verdict == PROXY_MORE) {
		struct err e =
		    stream_peek_n(&s->io, bytes.len + 1, &bytes, deadline);

		if (e.kind == ERR_TIME) {
			tell(s,
			    s->smtpd->screen != NULL ? "time limit exceeded"
						     : "timeout error",
			    VIEW_EMPTY);
			return false;
		}
		if (err_is(e))
			bytes = stream_buffered(&s->io);
		if (err_is(e) && bytes.len == 0) {
			tell(s, "EOF", VIEW_EMPTY);
			return false;
		}
		verdict = proxy_header_parse(bytes, err_is(e), h, &why);
	}
	if (verdict == PROXY_BAD)
		tell(s, why, bytes);
	return verdict == PROXY_DONE;
}

/* What the client connected to is what it told the proxy. */
static void
set_server(struct session *s, const struct proxy_end *end)
{
	char addr[DNS_ADDR_TEXT_SIZE], port[8];

	dns_addr_text(&end->addr, addr);
	snprintf(port, sizeof(port), "%u", end->port);
	free(s->server.addr);
	free(s->server.port);
	s->server.addr = xstrdup(addr);
	s->server.port = xstrdup(port);
}

bool
proxy_learn(struct session *s, const struct sockaddr **addr,
    struct sockaddr_storage *room)
{
	struct proxy_header h;

	if (!read_header(s, &h))
		return false;
	stream_consume(&s->io, h.len);
	if (h.is_local)
		return true;
	dns_addr_to_sockaddr(&h.client.addr, h.client.port, room);
	*addr = (struct sockaddr *)room;
	set_server(s, &h.server);
	client_clear(&s->client);
	client_init(s, *addr);
	return true;
}
