/*
 * Caches in files of LMDB: see cache_store.h.  What was put since the last flush
 * is in one transaction, which also answers questions; who dies before that
 * leaves the file as it was.
 */
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/table/cache_store.h"

#include <errno.h>
#include <lmdb.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of addresses, not of memory or disk: the file grows as it is filled. */
static const size_t map_size = sizeof(void *) > 4 ? (size_t)1 << 32
						  : (size_t)1 << 28;

struct cache_store {
	MDB_env *env;
	MDB_txn *txn; /* NULL: none is open */
	MDB_dbi dbi;
	struct str at;	/* the key that next gave last */
	bool is_within; /* next is not at the beginning */
};

static int
begin(struct cache_store *s)
{
	return s->txn != NULL ? 0 : mdb_txn_begin(s->env, NULL, 0, &s->txn);
}

/* The file has all the pages that it speaks of: to read one that is not there
 * would be the end of the process. */
static int
check_size(struct cache_store *s)
{
	MDB_envinfo info;
	MDB_stat stats;
	struct stat st;
	mdb_filehandle_t fd;

	if (mdb_env_info(s->env, &info) != 0 ||
	    mdb_env_stat(s->env, &stats) != 0 ||
	    mdb_env_get_fd(s->env, &fd) != 0 || fstat(fd, &st) < 0)
		return MDB_CORRUPTED;
	/* One that is new has its two first pages only. */
	if (info.me_last_txnid == 0)
		return 0;
	return (size_t)st.st_size / stats.ms_psize > info.me_last_pgno
	    ? 0
	    : MDB_CORRUPTED;
}

static void
close_lmdb(struct cache_store *s)
{
	if (s == NULL)
		return;
	if (s->txn != NULL)
		mdb_txn_commit(s->txn);
	mdb_env_close(s->env);
	str_clear(&s->at);
	free(s);
}

static int
open_lmdb(struct cache_store **out, const char *path, int kind)
{
	struct cache_store *s = xcalloc(1, sizeof(*s));
	int rc = mdb_env_create(&s->env);

	(void)kind;
	str_init(&s->at);
	if (rc != 0) {
		free(s);
		return rc;
	}
	rc = mdb_env_set_mapsize(s->env, map_size);
	if (rc == 0)
		rc = mdb_env_open(s->env, path,
		    MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOTLS | MDB_NOSYNC, 0600);
	if (rc == 0)
		rc = check_size(s);
	if (rc == 0)
		rc = begin(s);
	if (rc == 0)
		rc = mdb_dbi_open(s->txn, NULL, 0, &s->dbi);
	if (rc == 0) {
		*out = s;
		return 0;
	}
	if (s->txn != NULL)
		mdb_txn_abort(s->txn);
	s->txn = NULL;
	close_lmdb(s);
	return rc;
}

/* Its pages have no checksums: what open looks at is all there is to see. */
static int
verify_lmdb(const char *path)
{
	(void)path;
	return 0;
}

static MDB_val
val_of(struct view v)
{
	return (MDB_val){ v.len, (void *)(uintptr_t)v.ptr };
}

static int
result(int rc)
{
	return rc == MDB_NOTFOUND ? CACHE_NONE : rc;
}

static int
get_lmdb(struct cache_store *s, struct view key, struct view *value)
{
	MDB_val k = val_of(key), v = { 0, NULL };
	int rc = begin(s);

	if (rc == 0)
		rc = mdb_get(s->txn, s->dbi, &k, &v);
	*value = view_make(v.mv_data, v.mv_size);
	return result(rc);
}

/* After an error only the end of a transaction is of use. */
static int
after(struct cache_store *s, int rc)
{
	if (rc != 0 && rc != MDB_NOTFOUND && s->txn != NULL) {
		mdb_txn_abort(s->txn);
		s->txn = NULL;
	}
	return result(rc);
}

static int
put_lmdb(
    struct cache_store *s, struct view key, struct view value, bool *is_new)
{
	MDB_val k = val_of(key), v = val_of(value), old = v;
	int rc = begin(s);

	if (rc == 0)
		rc = mdb_put(s->txn, s->dbi, &k, &old, MDB_NOOVERWRITE);
	*is_new = rc == 0;
	if (rc == MDB_KEYEXIST)
		rc = mdb_put(s->txn, s->dbi, &k, &v, 0);
	return after(s, rc);
}

static int
drop_lmdb(struct cache_store *s, struct view key)
{
	MDB_val k = val_of(key);
	int rc = begin(s);

	if (rc == 0)
		rc = mdb_del(s->txn, s->dbi, &k, NULL);
	return after(s, rc);
}

/* By the last key, since what is put meanwhile moves cursors. */
static int
next_lmdb(struct cache_store *s, struct view *key, struct view *value)
{
	MDB_val k = val_of(str_view(&s->at)), v = { 0, NULL };
	MDB_cursor *cursor = NULL;
	int rc = begin(s);

	if (rc == 0)
		rc = mdb_cursor_open(s->txn, s->dbi, &cursor);
	if (rc == 0)
		rc = mdb_cursor_get(
		    cursor, &k, &v, s->is_within ? MDB_SET_RANGE : MDB_FIRST);
	/* It is still there: the one behind it. */
	if (rc == 0 && s->is_within &&
	    view_eq(view_make(k.mv_data, k.mv_size), str_view(&s->at)))
		rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
	if (cursor != NULL)
		mdb_cursor_close(cursor);
	s->is_within = rc == 0;
	if (rc == 0)
		str_set(&s->at, view_make(k.mv_data, k.mv_size));
	*key = str_view(&s->at);
	*value = view_make(v.mv_data, v.mv_size);
	return result(rc);
}

static int
drop_here_lmdb(struct cache_store *s)
{
	return drop_lmdb(s, str_view(&s->at));
}

static int
flush_lmdb(struct cache_store *s)
{
	int rc;

	if (s->txn == NULL)
		return 0;
	rc = mdb_txn_commit(s->txn);
	s->txn = NULL;
	return rc;
}

static const char *
error_lmdb(int rc)
{
	return mdb_strerror(rc);
}

static bool
is_full(int rc)
{
	return rc == MDB_MAP_FULL || cache_is_about_disk(rc);
}

const struct cache_driver cache_lmdb = {
	.suffix = "lmdb",
	.open = open_lmdb,
	.close = close_lmdb,
	.verify = verify_lmdb,
	.get = get_lmdb,
	.put = put_lmdb,
	.drop = drop_lmdb,
	.next = next_lmdb,
	.drop_here = drop_here_lmdb,
	.flush = flush_lmdb,
	.error = error_lmdb,
	.is_full = is_full,
};
