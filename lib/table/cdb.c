/*
 * cdb: tables, files named NAME.cdb.  Read by pread and checked at each step:
 * a damaged or a cut file is an error, not a crash.
 */
#include "lib/base/mem.h"
#include "lib/table/cdb_format.h"
#include "lib/table/held.h"
#include "lib/table/type.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct cdb {
	struct held held;
	unsigned char head[CDB_HEAD];
	uint32_t next, end; /* of next: where records are, and end */
	struct str key;
	/* Keys end in a NUL, or do not; both if that is not known. */
	bool try_nul, try_bare;
};

static struct err
broken(const struct table *t)
{
	return err_make(ERR_TEMP, "read %s: the file is damaged", t->spec.ptr);
}

static struct err
read_at(const struct table *t, void *to, size_t len, uint32_t at)
{
	const struct cdb *c = t->state;
	size_t got = 0;

	while (got < len) {
		ssize_t n = pread(c->held.fd, (char *)to + got, len - got,
		    (off_t)at + (off_t)got);

		if (n < 0 && errno != EINTR)
			return err_sys(ERR_TEMP, "read %s", t->spec.ptr);
		if (n == 0)
			return broken(t);
		got += n > 0 ? (size_t)n : 0;
	}
	return ERR_OK;
}

/* The lengths of the record's key and value. */
static struct err
read_lengths(
    const struct table *t, uint32_t at, uint32_t *key_len, uint32_t *value_len)
{
	const struct cdb *c = t->state;
	unsigned char pair[8];
	struct err e = read_at(t, pair, sizeof(pair), at);

	if (err_is(e))
		return e;
	*key_len = cdb_number(pair);
	*value_len = cdb_number(pair + 4);
	if (*key_len > c->end || *value_len > c->end - *key_len ||
	    at > c->end - *key_len - *value_len)
		return broken(t);
	return ERR_OK;
}

static struct err
read_text(const struct table *t, uint32_t at, size_t len, struct str *out)
{
	struct err e;

	str_reset(out);
	e = read_at(t, str_reserve(out, len), len, at);
	if (!err_is(e))
		str_grew(out, len);
	return e;
}

/* Is it this key's?  Then the value. */
static struct err
try_record(const struct table *t, struct view key, uint32_t at,
    struct str *value, bool *found)
{
	struct str stored = STR_EMPTY;
	uint32_t key_len, value_len;
	struct err e = read_lengths(t, at, &key_len, &value_len);

	if (!err_is(e) && key_len == key.len) {
		e = read_text(t, at + 8, key_len, &stored);
		*found = !err_is(e) && view_eq(str_view(&stored), key);
		str_clear(&stored);
		if (*found)
			e = read_text(t, at + 8 + key_len, value_len, value);
	}
	return e;
}

static struct err
find_exact(
    const struct table *t, struct view key, struct str *value, bool *found)
{
	const struct cdb *c = t->state;
	uint32_t hash = cdb_hash(key);
	const unsigned char *entry = c->head + hash % CDB_TABLES * 8;
	uint32_t table = cdb_number(entry), n = cdb_number(entry + 4);
	uint32_t slot = n == 0 ? 0 : hash / CDB_TABLES % n;
	struct err e = ERR_OK;

	for (uint32_t i = 0; i < n && !*found && !err_is(e); i++) {
		unsigned char pair[8];

		e = read_at(t, pair, sizeof(pair), table + slot * 8);
		if (err_is(e) || cdb_number(pair + 4) == 0)
			break;
		if (cdb_number(pair) == hash)
			e = try_record(
			    t, key, cdb_number(pair + 4), value, found);
		slot = slot + 1 == n ? 0 : slot + 1;
	}
	return e;
}

/* Without the NUL that texts end in if keys do. */
static void
cut_nul(struct str *text)
{
	if (text->len > 0 && text->ptr[text->len - 1] == '\0')
		str_cut(text, text->len - 1);
}

static struct err
find_cdb(struct table *t, struct view key, struct str *value, bool *found)
{
	struct cdb *c = t->state;
	struct str answer = STR_EMPTY;
	struct err e = ERR_OK;

	str_set(&c->key, key);
	if (c->try_nul)
		e = find_exact(t, view_make(c->key.ptr, key.len + 1), &answer,
		    found);
	if (!err_is(e) && !*found && c->try_bare)
		e = find_exact(t, str_view(&c->key), &answer, found);
	if (!err_is(e) && held_was_written(&c->held))
		e = err_make(ERR_TEMP, "read %s: it was written to",
		    t->spec.ptr);
	*found = *found && !err_is(e);
	if (*found) {
		cut_nul(&answer);
		str_set(value, str_view(&answer));
	}
	str_clear(&answer);
	return e;
}

static struct err
next_cdb(struct table *t, bool first, struct str *key, struct str *value,
    bool *more)
{
	struct cdb *c = t->state;
	uint32_t key_len, value_len;
	struct err e;

	if (first)
		c->next = CDB_HEAD;
	*more = false;
	if (c->next >= c->end)
		return ERR_OK;
	e = read_lengths(t, c->next, &key_len, &value_len);
	if (!err_is(e))
		e = read_text(t, c->next + 8, key_len, key);
	if (!err_is(e))
		e = read_text(t, c->next + 8 + key_len, value_len, value);
	if (err_is(e))
		return e;
	c->next += 8 + key_len + value_len;
	cut_nul(key);
	cut_nul(value);
	*more = true;
	return ERR_OK;
}

static void
close_cdb(struct table *t)
{
	struct cdb *c = t->state;

	held_clear(&c->held);
	str_clear(&c->key);
	free(c);
	t->state = NULL;
}

/* Records end where the first table begins; who wrote the first key wrote all
 * the same way. */
static struct err
load_head(struct table *t)
{
	struct cdb *c = t->state;
	uint32_t key_len, value_len;
	struct err e = read_at(t, c->head, sizeof(c->head), 0);

	if (err_is(e))
		return e;
	c->end = UINT32_MAX;
	for (size_t i = 0; i < CDB_TABLES; i++)
		if (cdb_number(c->head + i * 8) < c->end)
			c->end = cdb_number(c->head + i * 8);
	if (c->end < CDB_HEAD || c->end > c->held.seen.st_size)
		return broken(t);
	if (c->end == CDB_HEAD)
		return ERR_OK;
	e = read_lengths(t, CDB_HEAD, &key_len, &value_len);
	if (!err_is(e))
		e = read_text(t, CDB_HEAD + 8, key_len, &c->key);
	if (err_is(e))
		return e;
	c->try_nul = key_len > 0 && c->key.ptr[key_len - 1] == '\0';
	c->try_bare = !c->try_nul;
	return ERR_OK;
}

static struct err
open_cdb(struct table *t)
{
	struct cdb *c = xcalloc(1, sizeof(*c));
	struct str path = STR_EMPTY;
	struct err e;
	int fd;

	c->held = HELD_NONE;
	c->try_nul = c->try_bare = true;
	str_init(&c->key);
	t->state = c;
	str_printf(&path, "%.*s.cdb", VIEW_ARGS(t->name));
	fd = open(path.ptr, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		e = err_sys(ERR_TEMP, "open database %s", path.ptr);
	else
		e = held_borrow(&c->held, str_view(&path), fd);
	c->held.owned = true;
	str_clear(&path);
	if (!err_is(e))
		e = load_head(t);
	if (err_is(e))
		close_cdb(t);
	return e;
}

bool
cdb_has_nul(const struct table *t)
{
	const struct cdb *c = t->state;

	return c->try_nul && !c->try_bare;
}

static bool
changed_cdb(const struct table *t, bool path)
{
	const struct cdb *c = t->state;

	return held_has_changed(&c->held, path);
}

const struct table_type type_cdb = { .name = "cdb",
	.flags = TYPE_FIXED,
	.open = open_cdb,
	.find = find_cdb,
	.close = close_cdb,
	.changed = changed_cdb,
	.next = next_cdb };
