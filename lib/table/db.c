/*
 * hash: and btree: tables, files of Berkeley DB named NAME.db.  Read without
 * an environment and without mapping, so that a file that somebody truncates
 * gives an error and not a signal.
 */
#include "lib/base/mem.h"
#include "lib/table/held.h"
#include "lib/table/type.h"

#include <db.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* Bytes of cache for each table; the kernel caches the file anyway. */
enum { DB_READ_CACHE = 256 * 1024 };

struct db_table {
	DB *db;
	DBC *cursor; /* of next, from the start */
	struct held held;
	struct str key; /* with its NUL */
	/* Keys end in a NUL, or do not; both if there was none yet. */
	bool try_nul, try_bare;
};

static struct err
db_problem(struct table *t, const char *what, int rc)
{
	return err_make(
	    ERR_TEMP, "%s %s: %s", what, t->spec.ptr, db_strerror(rc));
}

static void
close_db(struct table *t)
{
	struct db_table *d = t->state;

	if (d->cursor != NULL)
		d->cursor->close(d->cursor);
	held_clear(&d->held);
	d->db->close(d->db, DB_NOSYNC);
	str_clear(&d->key);
	free(d);
	t->state = NULL;
}

/* Of the first page of every file: where the size of a page and the number of
 * the last one stand, in the order of bytes of who made the file. */
enum {
	META_MAGIC = 12,
	META_PAGE_SIZE = 20,
	META_LAST_PAGE = 32,
	META_LEN = 36
};

static uint32_t
meta_number(const unsigned char *meta, size_t at, bool swapped)
{
	uint32_t n;

	memcpy(&n, meta + at, sizeof(n));
	return swapped ? __builtin_bswap32(n) : n;
}

/* The library reads what is missing at the end of a hash file as empty pages,
 * and would not find what was there. */
static struct err
check_length(const struct db_table *d, const char *path)
{
	unsigned char meta[META_LEN];
	uint32_t magic, page, last;
	bool swapped;

	if (pread(d->held.fd, meta, sizeof(meta), 0) != (ssize_t)sizeof(meta))
		return err_make(ERR_TEMP, "read %s: the file is damaged", path);
	magic = meta_number(meta, META_MAGIC, false);
	swapped = magic != DB_HASHMAGIC && magic != DB_BTREEMAGIC;
	page = meta_number(meta, META_PAGE_SIZE, swapped);
	last = meta_number(meta, META_LAST_PAGE, swapped);
	if (page == 0 || d->held.seen.st_size / page <= (off_t)last)
		return err_make(ERR_TEMP, "read %s: the file is damaged", path);
	return ERR_OK;
}

static struct err
open_file(struct table *t, struct db_table *d, DBTYPE kind, const char *path)
{
	struct err e;
	int fd, rc;

	d->db->set_errfile(d->db, NULL);
	d->db->set_cachesize(d->db, 0, DB_READ_CACHE, 0);
	rc = d->db->open(
	    d->db, NULL, path, NULL, kind, DB_RDONLY | DB_NOMMAP, 0);
	if (rc != 0)
		return err_make(
		    ERR_TEMP, "open database %s: %s", path, db_strerror(rc));
	rc = d->db->fd(d->db, &fd);
	if (rc != 0)
		return db_problem(t, "find descriptor of", rc);
	e = held_borrow(&d->held, view_of(path), fd);
	return err_is(e) ? e : check_length(d, path);
}

/* Who wrote the first key wrote them all the same way. */
static struct err
learn_nul(struct table *t, struct db_table *d)
{
	DBT k = { .flags = 0 }, v = { .flags = 0 };
	int rc = d->db->cursor(d->db, NULL, &d->cursor, 0);

	if (rc == 0)
		rc = d->cursor->get(d->cursor, &k, &v, DB_FIRST);
	if (rc == DB_NOTFOUND)
		return ERR_OK;
	if (rc != 0)
		return db_problem(t, "read", rc);
	d->try_nul = k.size > 0 && ((const char *)k.data)[k.size - 1] == 0;
	d->try_bare = !d->try_nul;
	return ERR_OK;
}

static struct err
open_db(struct table *t, DBTYPE kind)
{
	struct db_table *d = xcalloc(1, sizeof(*d));
	struct str path = STR_EMPTY;
	struct err e;
	int rc;

	d->held = HELD_NONE;
	d->try_nul = d->try_bare = true;
	str_init(&d->key);
	rc = db_create(&d->db, NULL, 0);
	if (rc != 0) {
		free(d);
		return db_problem(t, "create handle of", rc);
	}
	t->state = d;
	str_printf(&path, "%.*s.db", VIEW_ARGS(t->name));
	e = open_file(t, d, kind, path.ptr);
	str_clear(&path);
	if (!err_is(e))
		e = learn_nul(t, d);
	if (err_is(e))
		close_db(t);
	return e;
}

static struct err
open_hash(struct table *t)
{
	return open_db(t, DB_HASH);
}

static struct err
open_btree(struct table *t)
{
	return open_db(t, DB_BTREE);
}

/* Without the NUL that values end in if keys do. */
static struct view
stored_text(const DBT *v)
{
	struct view text = view_make(v->data, v->size);

	if (text.len > 0 && text.ptr[text.len - 1] == 0)
		text.len--;
	return text;
}

static struct err
get(struct table *t, size_t len, struct str *value, bool *found)
{
	struct db_table *d = t->state;
	DBT k = { .data = d->key.ptr, .size = (u_int32_t)len };
	DBT v = { .flags = 0 };
	int rc = d->db->get(d->db, NULL, &k, &v, 0);

	if (rc != 0 && rc != DB_NOTFOUND)
		return db_problem(t, "read", rc);
	/* Somebody writes it in place: what was read, a "not found" too, may
	 * be half of the old and half of the new. */
	if (held_was_written(&d->held))
		return err_make(
		    ERR_TEMP, "read %s: it was written to", t->spec.ptr);
	*found = rc == 0;
	if (*found)
		str_set(value, stored_text(&v));
	return ERR_OK;
}

static struct err
find_db(struct table *t, struct view key, struct str *value, bool *found)
{
	struct db_table *d = t->state;
	struct err e = ERR_OK;

	str_set(&d->key, key);
	if (d->try_nul)
		e = get(t, d->key.len + 1, value, found);
	if (!err_is(e) && !*found && d->try_bare)
		e = get(t, d->key.len, value, found);
	return e;
}

static bool
changed_db(const struct table *t, bool path)
{
	const struct db_table *d = t->state;

	return held_has_changed(&d->held, path);
}

static struct err
next_db(
    struct table *t, bool first, struct str *key, struct str *value, bool *more)
{
	struct db_table *d = t->state;
	DBT k = { .flags = 0 }, v = { .flags = 0 };
	int rc = 0;

	*more = false;
	if (d->cursor == NULL)
		rc = d->db->cursor(d->db, NULL, &d->cursor, 0);
	if (rc == 0)
		rc = d->cursor->get(
		    d->cursor, &k, &v, first ? DB_FIRST : DB_NEXT);
	if (rc != 0 && rc != DB_NOTFOUND)
		return db_problem(t, "read", rc);
	if (held_was_written(&d->held))
		return err_make(
		    ERR_TEMP, "read %s: it was written to", t->spec.ptr);
	*more = rc == 0;
	if (*more) {
		str_set(key, stored_text(&k));
		str_set(value, stored_text(&v));
	}
	return ERR_OK;
}

const struct table_type type_hash = { .name = "hash",
	.flags = TYPE_FIXED,
	.open = open_hash,
	.find = find_db,
	.close = close_db,
	.changed = changed_db,
	.next = next_db };
const struct table_type type_btree = { .name = "btree",
	.flags = TYPE_FIXED,
	.open = open_btree,
	.find = find_db,
	.close = close_db,
	.changed = changed_db,
	.next = next_db };
