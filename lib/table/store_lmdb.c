/* Writing lmdb: files. */
#include "lib/base/mem.h"
#include "lib/table/store.h"

#include <lmdb.h>
#include <stdlib.h>

/* Of address space; a file is as long as it must be.  Changes that are in
 * memory before they become a part of the file. */
enum { LMDB_BATCH = 100000 };
static const size_t map_size = sizeof(size_t) > 4 ? (size_t)1 << 36
						  : (size_t)1 << 30;

struct lmdb_store {
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	size_t n; /* changes in txn */
};

static struct err
problem(const char *what, int rc)
{
	return err_make(ERR_TEMP, "%s: %s", what, mdb_strerror(rc));
}

static int
begin(struct lmdb_store *s)
{
	int rc = mdb_txn_begin(s->env, NULL, 0, &s->txn);

	if (rc == 0)
		rc = mdb_dbi_open(s->txn, NULL, 0, &s->dbi);
	s->n = 0;
	return rc;
}

static int
commit(struct lmdb_store *s)
{
	int rc = mdb_txn_commit(s->txn);

	s->txn = NULL;
	return rc;
}

static struct err
close_store(void *state)
{
	struct lmdb_store *s = state;

	if (s->txn != NULL)
		mdb_txn_abort(s->txn);
	mdb_env_close(s->env);
	free(s);
	return ERR_OK;
}

static struct err
create(const char *path, size_t size_hint, void **state)
{
	struct lmdb_store *s = xcalloc(1, sizeof(*s));
	int rc = mdb_env_create(&s->env);

	(void)size_hint;
	*state = NULL;
	if (rc != 0) {
		free(s);
		return problem("create handle", rc);
	}
	rc = mdb_env_set_mapsize(s->env, map_size);
	/* Nobody else has it, and it is synced at the end. */
	if (rc == 0)
		rc = mdb_env_open(s->env, path,
		    MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOSYNC, 0600);
	if (rc == 0)
		rc = begin(s);
	if (rc != 0) {
		close_store(s);
		return err_make(ERR_TEMP, "%s", mdb_strerror(rc));
	}
	*state = s;
	return ERR_OK;
}

static MDB_val
val_of(struct view v)
{
	return (MDB_val){ v.len, (void *)(uintptr_t)v.ptr };
}

static int
count(struct lmdb_store *s)
{
	int rc;

	if (++s->n < LMDB_BATCH)
		return 0;
	rc = commit(s);
	return rc == 0 ? begin(s) : rc;
}

static struct err
put(void *state, struct view key, struct view value, bool replace,
    bool *exists)
{
	struct lmdb_store *s = state;
	MDB_val k = val_of(key), v = val_of(value);
	int rc = mdb_put(s->txn, s->dbi, &k, &v, MDB_NOOVERWRITE);

	*exists = rc == MDB_KEYEXIST;
	if (*exists && !replace)
		return ERR_OK;
	if (*exists) {
		v = val_of(value);
		rc = mdb_put(s->txn, s->dbi, &k, &v, 0);
	}
	if (rc == 0)
		rc = count(s);
	return rc == 0 ? ERR_OK : problem("update database", rc);
}

static struct err
remove_key(void *state, struct view key, bool *found)
{
	struct lmdb_store *s = state;
	MDB_val k = val_of(key);
	int rc = mdb_del(s->txn, s->dbi, &k, NULL);

	*found = rc == 0;
	return rc == 0 || rc == MDB_NOTFOUND ? ERR_OK : problem("delete", rc);
}

static struct err
copy_pairs(struct lmdb_store *s, MDB_env *from,
    void (*visit)(void *arg, struct view key), void *arg)
{
	struct err e = ERR_OK;
	MDB_txn *txn = NULL;
	MDB_cursor *cursor = NULL;
	MDB_val k, v;
	MDB_dbi dbi;
	bool exists;
	int rc = mdb_txn_begin(from, NULL, MDB_RDONLY, &txn);

	if (rc == 0)
		rc = mdb_dbi_open(txn, NULL, 0, &dbi);
	if (rc == 0)
		rc = mdb_cursor_open(txn, dbi, &cursor);
	while (rc == 0 && !err_is(e)) {
		rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
		if (rc != 0)
			break;
		visit(arg, view_make(k.mv_data, k.mv_size));
		e = put(s, view_make(k.mv_data, k.mv_size),
		    view_make(v.mv_data, v.mv_size), true, &exists);
	}
	if (rc != 0 && rc != MDB_NOTFOUND)
		e = problem("copy", rc);
	if (cursor != NULL)
		mdb_cursor_close(cursor);
	if (txn != NULL)
		mdb_txn_abort(txn);
	return e;
}

static struct err
copy(void *state, const char *old, void (*visit)(void *arg, struct view key),
    void *arg)
{
	struct err e;
	MDB_env *from;
	int rc = mdb_env_create(&from);

	if (rc != 0)
		return problem("create handle", rc);
	rc = mdb_env_open(
	    from, old, MDB_RDONLY | MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOTLS, 0);
	if (rc != 0)
		e = err_make(
		    ERR_TEMP, "open database %s: %s", old, mdb_strerror(rc));
	else
		e = copy_pairs(state, from, visit, arg);
	mdb_env_close(from);
	return e;
}

static struct err
flush(void *state, int *fd)
{
	struct lmdb_store *s = state;
	mdb_filehandle_t handle;
	int rc = commit(s);

	if (rc == 0)
		rc = mdb_env_sync(s->env, 1);
	if (rc == 0)
		rc = mdb_env_get_fd(s->env, &handle);
	if (rc != 0)
		return problem("write", rc);
	*fd = handle;
	return ERR_OK;
}

const struct store_kind store_lmdb = { "lmdb", ".lmdb", create, copy, put,
	remove_key, flush, close_store };
