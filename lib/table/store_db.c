/* Writing hash: and btree: files, of Berkeley DB. */
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/table/store.h"

#include <db.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	STORE_CACHE_MIN = 4 << 20,
	STORE_CACHE_MAX = 256 << 20,
};

static struct err
problem(const char *what, int rc)
{
	return err_make(ERR_TEMP, "%s: %s", what, db_strerror(rc));
}

static DBT
dbt_of(struct view v)
{
	DBT d = { .flags = 0 };

	d.data = (void *)(uintptr_t)v.ptr;
	d.size = (u_int32_t)v.len;
	return d;
}

/* The library makes a file in two steps, and leaves the first behind if the disk
 * is full. */
static void
remove_begun(const char *path)
{
	struct view v = view_of(path);
	size_t slash = view_find_last(v, '/');
	size_t name_at = slash == VIEW_NPOS ? 0 : slash + 1;
	struct str begun = STR_EMPTY;

	str_printf(&begun, "%.*s__db.%s", (int)name_at, path, path + name_at);
	unlink(begun.ptr);
	str_clear(&begun);
}

static struct err
create(DBTYPE kind, const char *path, size_t size_hint, void **state)
{
	size_t cache = size_hint > STORE_CACHE_MAX / 4 ? STORE_CACHE_MAX
						       : size_hint * 4;
	DB *db;
	int rc = db_create(&db, NULL, 0);

	*state = NULL;
	if (rc != 0)
		return problem("create handle", rc);
	if (cache < STORE_CACHE_MIN)
		cache = STORE_CACHE_MIN;
	db->set_errfile(db, NULL);
	db->set_cachesize(db, 0, (u_int32_t)cache, 0);
	rc = db->open(db, NULL, path, NULL, kind, DB_CREATE | DB_EXCL, 0600);
	if (rc != 0) {
		db->close(db, DB_NOSYNC);
		remove_begun(path);
		return err_make(ERR_TEMP, "%s", db_strerror(rc));
	}
	*state = db;
	return ERR_OK;
}

static struct err
create_hash(const char *path, size_t size_hint, void **state)
{
	return create(DB_HASH, path, size_hint, state);
}

static struct err
create_btree(const char *path, size_t size_hint, void **state)
{
	return create(DB_BTREE, path, size_hint, state);
}

static struct err
copy_pairs(DB *to, DB *from, void (*visit)(void *arg, struct view key),
    void *arg)
{
	DBT k = { .flags = 0 }, v = { .flags = 0 };
	DBC *cursor;
	int rc = from->cursor(from, NULL, &cursor, 0);

	if (rc != 0)
		return problem("read", rc);
	while ((rc = cursor->get(cursor, &k, &v, DB_NEXT)) == 0) {
		rc = to->put(to, NULL, &k, &v, 0);
		if (rc != 0)
			break;
		visit(arg, view_make(k.data, k.size));
	}
	cursor->close(cursor);
	return rc == DB_NOTFOUND ? ERR_OK : problem("copy", rc);
}

static struct err
copy(void *state, const char *old, void (*visit)(void *arg, struct view key),
    void *arg)
{
	struct err e;
	DB *from;
	int rc = db_create(&from, NULL, 0);

	if (rc != 0)
		return problem("create handle", rc);
	from->set_errfile(from, NULL);
	rc = from->open(from, NULL, old, NULL, DB_UNKNOWN,
	    DB_RDONLY | DB_NOMMAP, 0);
	if (rc != 0)
		e = err_make(
		    ERR_TEMP, "open database %s: %s", old, db_strerror(rc));
	else
		e = copy_pairs(state, from, visit, arg);
	from->close(from, DB_NOSYNC);
	return e;
}

static struct err
put(void *state, struct view key, struct view value, bool replace,
    bool *exists)
{
	DBT k = dbt_of(key), v = dbt_of(value);
	DB *db = state;
	int rc = db->put(db, NULL, &k, &v, DB_NOOVERWRITE);

	*exists = rc == DB_KEYEXIST;
	if (*exists && replace)
		rc = db->put(db, NULL, &k, &v, 0);
	return rc == 0 || rc == DB_KEYEXIST ? ERR_OK
					    : problem("update database", rc);
}

static struct err
remove_key(void *state, struct view key, bool *found)
{
	DBT k = dbt_of(key);
	DB *db = state;
	int rc = db->del(db, NULL, &k, 0);

	*found = rc == 0;
	return rc == 0 || rc == DB_NOTFOUND ? ERR_OK
					    : problem("delete", rc);
}

static struct err
flush(void *state, int *fd)
{
	DB *db = state;
	int rc = db->sync(db, 0);

	if (rc == 0)
		rc = db->fd(db, fd);
	return rc == 0 ? ERR_OK : problem("write", rc);
}

static struct err
close_db(void *state)
{
	DB *db = state;
	/* What counts was synced. */
	int rc = db->close(db, DB_NOSYNC);

	return rc == 0 ? ERR_OK : problem("close", rc);
}

const struct store_kind store_hash = { "hash", ".db", create_hash, copy, put,
	remove_key, flush, close_db };
const struct store_kind store_btree = { "btree", ".db", create_btree, copy,
	put, remove_key, flush, close_db };
