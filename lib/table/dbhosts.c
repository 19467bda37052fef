/* Servers of tables: see dbhosts.h. */
#include "lib/table/dbhosts.h"

#include "lib/base/clock.h"
#include "lib/base/htable.h"
#include "lib/base/mem.h"
#include "lib/table/words.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

enum { REST_MS = 1000 };

struct rest {
	int64_t until, ms;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct htable rests; /* by "scope host" */

/* "name:port", "[::1]:port", either without the port. */
static struct err
parse_inet(struct dbhost *h, struct view text)
{
	struct view name = text, port = VIEW_EMPTY;
	size_t end = view_find(text, ']'), colon;
	uint64_t n = 0;

	if (text.len > 0 && text.ptr[0] == '[' && end != VIEW_NPOS) {
		name = view_sub(text, 1, end - 1);
		port = view_skip(text, end + 1);
		if (port.len > 0 && port.ptr[0] != ':')
			name = VIEW_EMPTY;
		port = view_skip(port, 1);
	} else if ((colon = view_find(text, ':')) != VIEW_NPOS) {
		name = view_first(text, colon);
		port = view_skip(text, colon + 1);
	}
	if (name.len == 0 ||
	    (port.len > 0 &&
		(!view_to_uint(port, 10, &n) || n == 0 || n > 65535)))
		return err_make(ERR_PERM, "bad host: %.*s",
		    VIEW_ARGS(view_first(text, 100)));
	str_set(&h->name, name);
	h->port = (unsigned)n;
	return ERR_OK;
}

static struct err
parse_host(struct dbhost *h, struct view text)
{
	*h = (struct dbhost){ .spec = STR_EMPTY, .name = STR_EMPTY };
	str_set(&h->spec, text);
	h->is_url = view_find_text(text, VIEW("://")) != VIEW_NPOS;
	h->is_socket =
	    view_starts(text, VIEW("unix:")) || view_starts(text, VIEW("/"));
	if (h->is_url) {
		str_set(&h->name, text);
		return ERR_OK;
	}
	if (view_starts(text, VIEW("unix:")))
		text = view_skip(text, 5);
	else if (view_starts(text, VIEW("inet:")))
		text = view_skip(text, 5);
	if (!h->is_socket)
		return parse_inet(h, text);
	str_set(&h->name, text);
	return h->name.len > 0 ? ERR_OK : err_make(ERR_PERM, "bad host: unix:");
}

struct err
dbhosts_parse(struct dbhosts *h, struct view text, bool in_order)
{
	struct err e = ERR_OK;
	struct view word;

	*h = (struct dbhosts){ .in_order = in_order };
	while (!err_is(e) && view_token(&text, WORDS_SEPARATORS, &word)) {
		if (h->n == DBHOSTS_MAX)
			e = err_make(
			    ERR_PERM, "more than %d hosts", DBHOSTS_MAX);
		else
			e = parse_host(&h->all[h->n++], word);
	}
	if (!err_is(e) && h->n == 0)
		e = err_make(ERR_PERM, "no hosts");
	if (err_is(e))
		dbhosts_clear(h);
	return e;
}

void
dbhosts_clear(struct dbhosts *h)
{
	for (size_t i = 0; i < h->n; i++) {
		str_clear(&h->all[i].spec);
		str_clear(&h->all[i].name);
	}
	h->n = 0;
}

static void
name_rest(struct str *out, const char *scope, const struct dbhost *host)
{
	str_printf(out, "%s %s", scope, host->spec.ptr);
}

static bool
rests_now(const char *scope, const struct dbhost *host)
{
	struct str name = STR_EMPTY;
	const struct rest *rest;
	bool yes;

	name_rest(&name, scope, host);
	pthread_mutex_lock(&lock);
	rest = htable_find(&rests, str_view(&name));
	yes = rest != NULL && rest->until > clock_ms();
	pthread_mutex_unlock(&lock);
	str_clear(&name);
	return yes;
}

/* Those that are sockets (or not), in an order by chance. */
static void
add_shuffled(const struct dbhosts *h, const char *scope, bool sockets,
    size_t *order, size_t *n)
{
	size_t first = *n;

	for (size_t i = 0; i < h->n; i++) {
		uint32_t pick = 0;
		size_t at;

		if (h->all[i].is_socket != sockets ||
		    rests_now(scope, &h->all[i]))
			continue;
		/* If there is no chance to be had, the last goes first. */
		if (getrandom(&pick, sizeof(pick), 0) != sizeof(pick))
			pick = 0;
		at = first + pick % (*n - first + 1);
		order[(*n)++] = order[at];
		order[at] = i;
	}
}

void
dbhosts_order(
    const struct dbhosts *h, const char *scope, size_t order[DBHOSTS_MAX], size_t *n)
{
	*n = 0;
	if (!h->in_order) {
		add_shuffled(h, scope, true, order, n);
		add_shuffled(h, scope, false, order, n);
		return;
	}
	for (size_t i = 0; i < h->n; i++)
		if (!rests_now(scope, &h->all[i]))
			order[(*n)++] = i;
}

void
dbhosts_failed(const char *scope, const struct dbhost *host, int64_t max_ms)
{
	struct str name = STR_EMPTY;
	int64_t now = clock_ms();
	struct rest *rest;

	name_rest(&name, scope, host);
	pthread_mutex_lock(&lock);
	rest = htable_find(&rests, str_view(&name));
	if (rest == NULL) {
		rest = xcalloc(1, sizeof(*rest));
		htable_set(&rests, str_view(&name), rest);
	}
	/* Many threads may come to the same end at once: that is one failure. */
	if (rest->until <= now) {
		rest->ms = rest->ms == 0 ? REST_MS : rest->ms * 2;
		if (rest->ms > max_ms)
			rest->ms = max_ms;
		rest->until = now + rest->ms;
	}
	pthread_mutex_unlock(&lock);
	str_clear(&name);
}

void
dbhosts_answered(const char *scope, const struct dbhost *host)
{
	struct str name = STR_EMPTY;

	name_rest(&name, scope, host);
	pthread_mutex_lock(&lock);
	free(htable_remove(&rests, str_view(&name)));
	pthread_mutex_unlock(&lock);
	str_clear(&name);
}

void
dbhosts_forget(void)
{
	pthread_mutex_lock(&lock);
	htable_clear(&rests, free);
	htable_init(&rests);
	pthread_mutex_unlock(&lock);
}
