/* The protocol of Redis: see redis_wire.h. */
#include "lib/table/redis_wire.h"

#include "lib/base/clock.h"
#include "lib/table/module.h"
#include "lib/table/query.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	REDIS_LINE_MAX = 1024,
	REDIS_ARRAY_MAX = 100000,
};

bool
redis_why(char *why, const char *text, struct view line)
{
	snprintf(why, MODULE_WHY_MAX, "%s: %.*s", text,
	    VIEW_ARGS(view_first(line, 100)));
	return false;
}

/* --- out --- */

void
redis_add_command(struct str *out, size_t n_words)
{
	str_addf(out, "*%zu\r\n", n_words);
}

void
redis_add_word(struct str *out, struct view word)
{
	str_addf(out, "$%zu\r\n", word.len);
	str_add(out, word);
	str_add_text(out, "\r\n");
}

void
redis_add_number(struct str *out, int64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, number);
	redis_add_word(out, view_of(text));
}

/* --- in --- */

static bool
read_bytes(struct duct *w, struct redis_reply *r, int64_t n, char *why)
{
	if (n > (int64_t)QUERY_VALUE_MAX)
		return redis_why(why, "the reply is too long", r->text);
	if (!duct_read_n(w, (size_t)n + 2, &r->text, why))
		return false;
	if (!view_ends(r->text, VIEW("\r\n")))
		return redis_why(
		    why, "unexpected reply", view_first(r->text, 20));
	r->text = view_first(r->text, (size_t)n);
	return true;
}

bool
redis_read(struct duct *w, struct redis_reply *r, char *why)
{
	struct view line;
	int64_t n;

	if (!duct_read_line(w, REDIS_LINE_MAX, &line, why))
		return false;
	*r = (struct redis_reply){ .kind = line.len > 0 ? line.ptr[0] : '\0',
		.text = view_skip(line, 1) };
	if (r->kind == '+' || r->kind == '-')
		return true;
	if ((r->kind != ':' && r->kind != '$' && r->kind != '*') ||
	    !view_to_int(r->text, &n) || (r->kind != ':' && n < -1))
		return redis_why(why, "unexpected reply", line);
	r->number = n;
	if (r->kind == ':')
		return true;
	if (n == -1) {
		r->kind = '_';
		return true;
	}
	if (r->kind == '$')
		return read_bytes(w, r, n, why);
	if (n > REDIS_ARRAY_MAX)
		return redis_why(why, "the reply is too long", r->text);
	r->n = (size_t)n;
	return true;
}

/* --- connecting --- */

/* A command of which only "it was done" is of interest. */
static bool
command(struct duct *w, const struct view *words, size_t n, char *why)
{
	struct str text = STR_EMPTY;
	struct redis_reply r;
	bool good;

	redis_add_command(&text, n);
	for (size_t i = 0; i < n; i++)
		redis_add_word(&text, words[i]);
	good = duct_send(w, str_view(&text), why) && redis_read(w, &r, why);
	str_clear(&text);
	if (good && r.kind != '+')
		return redis_why(why, "the server says", r.text);
	return good;
}

static bool
log_in(const struct redis_login *l, struct duct *w, char *why)
{
	struct view words[3] = { VIEW("AUTH") };
	char number[24];
	size_t n = 1;

	if (*l->password != '\0') {
		if (*l->user != '\0')
			words[n++] = view_of(l->user);
		words[n++] = view_of(l->password);
		if (!command(w, words, n, why))
			return false;
	}
	if (l->database == 0)
		return true;
	snprintf(number, sizeof(number), "%" PRId64, l->database);
	words[0] = VIEW("SELECT");
	words[1] = view_of(number);
	return command(w, words, 2, why);
}

struct duct *
redis_connect(const struct redis_login *l, const struct dbhost *host,
    int timeout_ms, char *why)
{
	struct duct *w = duct_connect(host, REDIS_PORT, timeout_ms, why);

	if (w == NULL)
		return NULL;
	if ((l->tls == NULL || host->is_socket ||
		duct_start_tls(w, l->tls, host, why)) &&
	    log_in(l, w, why))
		return w;
	duct_close(w);
	return NULL;
}

struct err
redis_login_load(struct redis_login *l, const struct params *p)
{
	struct err e;

	*l = (struct redis_login){ .user = params_text(p, "user", ""),
		.password = params_text(p, "password", "") };
	e = params_number(p, "database", 0, 0, INT32_MAX, &l->database);
	return err_is(e) ? e : dbtls_load(p, &l->tls);
}
