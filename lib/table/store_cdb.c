/*
 * Writing cdb: files.  Pairs are gathered in memory, since a file in this
 * format cannot be changed, and written when all are there.
 */
#include "lib/base/htable.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/table/cdb_format.h"
#include "lib/table/create.h"
#include "lib/table/store.h"
#include "lib/table/table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { CDB_WRITE_STEP = 1 << 20 };

struct pair {
	uint32_t key_len, value_len;
	char text[];
};

struct cdb_store {
	int fd;
	struct htable by_key; /* to the place in pairs, from 1 */
	struct pair **pairs;  /* NULL: removed, or replaced */
	size_t n, room;
	struct str out;
	uint64_t written; /* with what is in out */
};

static struct err
create(const char *path, size_t size_hint, void **state)
{
	struct cdb_store *s;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	(void)size_hint;
	*state = NULL;
	if (fd < 0)
		return err_make(ERR_TEMP, "%s", strerror(errno));
	s = xcalloc(1, sizeof(*s));
	s->fd = fd;
	htable_init(&s->by_key);
	str_init(&s->out);
	*state = s;
	return ERR_OK;
}

static size_t
place_of(const struct cdb_store *s, struct view key)
{
	return (size_t)(uintptr_t)htable_find(&s->by_key, key);
}

static struct err
put(void *state, struct view key, struct view value, bool replace,
    bool *exists)
{
	struct cdb_store *s = state;
	size_t place = place_of(s, key);
	struct pair *pair;

	*exists = place != 0;
	if (*exists && !replace)
		return ERR_OK;
	if (key.len > UINT32_MAX / 4 || value.len > UINT32_MAX / 4)
		return err_make(ERR_TEMP, "update database: too long");
	pair = xmalloc(sizeof(*pair) + key.len + value.len);
	pair->key_len = (uint32_t)key.len;
	pair->value_len = (uint32_t)value.len;
	if (key.len > 0)
		memcpy(pair->text, key.ptr, key.len);
	if (value.len > 0)
		memcpy(pair->text + key.len, value.ptr, value.len);
	if (place == 0) {
		if (s->n == s->room) {
			s->room = s->room * 2 + 64;
			s->pairs = xreallocarray(
			    s->pairs, s->room, sizeof(struct pair *));
		}
		place = ++s->n;
		s->pairs[place - 1] = NULL;
		htable_set(&s->by_key, key, (void *)(uintptr_t)place);
	}
	free(s->pairs[place - 1]);
	s->pairs[place - 1] = pair;
	return ERR_OK;
}

static struct err
remove_key(void *state, struct view key, bool *found)
{
	struct cdb_store *s = state;
	size_t place = place_of(s, key);

	*found = place != 0;
	if (*found) {
		htable_remove(&s->by_key, key);
		free(s->pairs[place - 1]);
		s->pairs[place - 1] = NULL;
	}
	return ERR_OK;
}

/* By the reader, which cuts a NUL off: it is put back if the keys have one. */
static struct err
copy(void *state, const char *old, void (*visit)(void *arg, struct view key),
    void *arg)
{
	struct str spec = STR_EMPTY, key = STR_EMPTY, value = STR_EMPTY;
	struct view path = view_of(old);
	struct table *t;
	bool more = true, exists, nul;
	struct err e;

	str_printf(&spec, "cdb:%.*s", VIEW_ARGS(view_first(path, path.len - 4)));
	e = table_open(str_view(&spec), TABLE_NO_FOLD, &t);
	nul = !err_is(e) && cdb_has_nul(t);
	for (bool first = true; !err_is(e) && more; first = false) {
		e = table_next(t, first, &key, &value, &more);
		if (err_is(e) || !more)
			break;
		if (nul) {
			str_add_byte(&key, '\0');
			str_add_byte(&value, '\0');
		}
		visit(arg, str_view(&key));
		e = put(state, str_view(&key), str_view(&value), true, &exists);
	}
	table_close(t);
	str_clear(&spec);
	str_clear(&key);
	str_clear(&value);
	return e;
}

static struct err
write_out(struct cdb_store *s)
{
	struct view rest = str_view(&s->out);

	while (rest.len > 0) {
		ssize_t n = write(s->fd, rest.ptr, rest.len);

		if (n < 0 && errno != EINTR)
			return err_sys(ERR_TEMP, "write");
		rest = view_skip(rest, n > 0 ? (size_t)n : 0);
	}
	str_reset(&s->out);
	return ERR_OK;
}

static struct err
add_bytes(struct cdb_store *s, const void *bytes, size_t len)
{
	str_add(&s->out, view_make(bytes, len));
	s->written += len;
	if (s->written > UINT32_MAX)
		return err_make(ERR_TEMP, "write: more than 4 GiB");
	return s->out.len >= CDB_WRITE_STEP ? write_out(s) : ERR_OK;
}

static struct err
add_two(struct cdb_store *s, uint32_t a, uint32_t b)
{
	unsigned char pair[8];

	cdb_put_number(pair, a);
	cdb_put_number(pair + 4, b);
	return add_bytes(s, pair, sizeof(pair));
}

struct place {
	uint32_t hash, at;
};

/* Half of a table's slots are empty. */
static struct err
write_table(struct cdb_store *s, const struct place *places, size_t n)
{
	struct place *slots = xcalloc(2 * n + 1, sizeof(*slots));
	struct err e = ERR_OK;

	for (size_t i = 0; i < n; i++) {
		size_t slot = places[i].hash / CDB_TABLES % (2 * n);

		while (slots[slot].at != 0)
			slot = slot + 1 == 2 * n ? 0 : slot + 1;
		slots[slot] = places[i];
	}
	for (size_t i = 0; i < 2 * n && !err_is(e); i++)
		e = add_two(s, slots[i].hash, slots[i].at);
	free(slots);
	return e;
}

static struct err
write_records(struct cdb_store *s, struct place *places, size_t *counts)
{
	struct err e = ERR_OK;
	size_t n = 0;

	for (size_t i = 0; i < s->n && !err_is(e); i++) {
		const struct pair *pair = s->pairs[i];

		if (pair == NULL)
			continue;
		places[n].hash =
		    cdb_hash(view_make(pair->text, pair->key_len));
		places[n].at = (uint32_t)s->written;
		counts[places[n++].hash % CDB_TABLES]++;
		e = add_two(s, pair->key_len, pair->value_len);
		if (!err_is(e))
			e = add_bytes(s, pair->text,
			    (size_t)pair->key_len + pair->value_len);
	}
	return e;
}

/* By table, in the order of the records within each. */
static void
sort_places(const struct place *places, size_t n, const size_t *counts,
    struct place *sorted)
{
	size_t at[CDB_TABLES], sum = 0;

	for (size_t i = 0; i < CDB_TABLES; i++) {
		at[i] = sum;
		sum += counts[i];
	}
	for (size_t i = 0; i < n; i++)
		sorted[at[places[i].hash % CDB_TABLES]++] = places[i];
}

static struct err
write_tables(struct cdb_store *s, const struct place *sorted,
    const size_t *counts, unsigned char *head)
{
	struct err e = ERR_OK;
	size_t from = 0;

	for (size_t i = 0; i < CDB_TABLES && !err_is(e); i++) {
		cdb_put_number(head + i * 8, (uint32_t)s->written);
		cdb_put_number(head + i * 8 + 4, (uint32_t)(2 * counts[i]));
		e = write_table(s, sorted + from, counts[i]);
		from += counts[i];
	}
	if (!err_is(e))
		e = write_out(s);
	if (!err_is(e) && pwrite(s->fd, head, CDB_HEAD, 0) != CDB_HEAD)
		e = err_sys(ERR_TEMP, "write");
	return e;
}

static struct err
flush(void *state, int *fd)
{
	struct cdb_store *s = state;
	size_t n = s->by_key.n_entries;
	struct place *places = xcalloc(n + 1, sizeof(*places));
	struct place *sorted = xcalloc(n + 1, sizeof(*sorted));
	unsigned char *head = xcalloc(1, CDB_HEAD);
	size_t *counts = xcalloc(CDB_TABLES, sizeof(*counts));
	struct err e = add_bytes(s, head, CDB_HEAD);

	if (!err_is(e))
		e = write_records(s, places, counts);
	if (!err_is(e)) {
		sort_places(places, n, counts, sorted);
		e = write_tables(s, sorted, counts, head);
	}
	free(places);
	free(sorted);
	free(head);
	free(counts);
	*fd = s->fd;
	return e;
}

static struct err
close_store(void *state)
{
	struct cdb_store *s = state;
	struct err e = ERR_OK;

	if (close(s->fd) < 0)
		e = err_sys(ERR_TEMP, "close");
	for (size_t i = 0; i < s->n; i++)
		free(s->pairs[i]);
	free(s->pairs);
	htable_clear(&s->by_key, NULL);
	str_clear(&s->out);
	free(s);
	return e;
}

const struct store_kind store_cdb = { "cdb", ".cdb", create, copy, put,
	remove_key, flush, close_store };
