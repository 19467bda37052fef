/*
 * Endpoints of other software, as the configuration writes them, and which of
 * them may be connected to: those that it mentions.
 *
 *	unix:/path, unix:path (below the queue directory)
 *	inet:host:port, inet:[::1]:port, inet:port
 *	TRANSPORT:unix:..., tcp:host:port, socketmap:unix:path:name,
 *	socketmap:inet:host:port:name
 */
#ifndef DIAL_ENDPOINT_H
#define DIAL_ENDPOINT_H

#include "lib/base/htable.h"
#include "lib/base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum { ENDPOINT_TEXT_MAX = 1024, ENDPOINTS_MAX = 100000 };

struct endpoint {
	bool is_unix;
	struct str path;    /* unix */
	struct str host;    /* inet: a name or an address, no brackets */
	struct str service; /* inet: the port as written */
	uint16_t port;	    /* 0 until endpoint_set_port */
};

/* Read "unix:..." or "inet:...".  False if it is neither, or malformed. */
bool endpoint_parse(struct view text, struct endpoint *e);
void endpoint_clear(struct endpoint *e);
/* The one way to write it. */
void endpoint_add_text(struct str *out, const struct endpoint *e);
/* Find the port's number, by name if need be: before the drop. */
bool endpoint_set_port(struct endpoint *e);

struct endpoints {
	struct htable by_text; /* struct endpoint */
};

void endpoints_init(struct endpoints *es);
void endpoints_clear(struct endpoints *es);
/* Permit what this value of a parameter, or of a table, mentions; the name
 * matters for those whose values are endpoints without a type.  Ports are
 * looked up. */
void endpoints_add_value(
    struct endpoints *es, struct view name, struct view value);
/* The one that a request means; NULL if it is not permitted. */
const struct endpoint *endpoints_find(
    const struct endpoints *es, struct view text);

#endif
