/*
 * libunbound: two contexts, one that checks DNSSEC and one that does not, both
 * asking the same servers.  The library needs more stack than a fiber has, so
 * questions are gathered and asked on the loop's own stack when its turn ends.
 *
 * What bounds it: ENGINE_OPEN_MAX questions at a time, ENGINE_WAIT_MS for each,
 * and the caches' sizes, which are the library's to keep.
 */
#ifndef RESOLVE_ENGINE_H
#define RESOLVE_ENGINE_H

#include "lib/base/err.h"
#include "lib/dns/answer.h"
#include "lib/run/fiber.h"
#include "resolve/servers.h"

#include <stdbool.h>

enum { ENGINE_OPEN_MAX = 8192, ENGINE_WAIT_MS = 25000 };

struct engine;

/* Makes both contexts, ready to ask: before the drop, since the library reads
 * files and random bytes.  ERR_TEMP if it refuses. */
struct err engine_open(const struct servers *servers, struct engine **out);
/* After the drop, with a loop. */
void engine_start(struct engine *e);
/* Tests; no question may be open. */
void engine_close(struct engine *e);

struct engine_question;

/* Ask; always ended by engine_take.  On a fiber.  The name is valid. */
struct engine_question *engine_ask(
    struct engine *e, bool validate, struct view name, int type);
/*
 * Wait for the answer, which becomes the caller's (initialised or not).  A
 * deadline that passes is DNS_TEMP.  When the servers cannot do DNSSEC, the
 * answer to a question that was to be validated comes without: not secure.
 */
void engine_take(struct engine *e, struct engine_question *q,
    struct dns_answer *out, int64_t deadline);

#endif
