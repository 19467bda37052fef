/*
 * lmdb: tables, files named NAME.lmdb.  Read without locks: our own postmap
 * never changes a file in place, and what another program writes to while it
 * is asked is a temporary failure.
 */
#include "lib/base/mem.h"
#include "lib/table/held.h"
#include "lib/table/type.h"

#include <lmdb.h>
#include <stdlib.h>

struct lmdb {
	MDB_env *env;
	MDB_txn *txn; /* reset between questions */
	MDB_dbi dbi;
	MDB_cursor *cursor; /* of next */
	struct held held;
	struct str key; /* with its NUL */
	size_t key_max;
	/* Keys end in a NUL, or do not; both if there was none yet. */
	bool try_nul, try_bare;
};

static struct err
problem(const struct table *t, const char *what, int rc)
{
	return err_make(
	    ERR_TEMP, "%s %s: %s", what, t->spec.ptr, mdb_strerror(rc));
}

static void
close_lmdb(struct table *t)
{
	struct lmdb *l = t->state;

	if (l->cursor != NULL)
		mdb_cursor_close(l->cursor);
	if (l->txn != NULL)
		mdb_txn_abort(l->txn);
	held_clear(&l->held);
	if (l->env != NULL)
		mdb_env_close(l->env);
	str_clear(&l->key);
	free(l);
	t->state = NULL;
}

static struct view
stored_text(const MDB_val *v)
{
	struct view text = view_make(v->mv_data, v->mv_size);

	if (text.len > 0 && text.ptr[text.len - 1] == '\0')
		text.len--;
	return text;
}

/* Who wrote the first key wrote them all the same way. */
static struct err
learn_nul(struct table *t, struct lmdb *l)
{
	MDB_cursor *cursor;
	MDB_val k, v;
	int rc = mdb_cursor_open(l->txn, l->dbi, &cursor);

	if (rc != 0)
		return problem(t, "read", rc);
	rc = mdb_cursor_get(cursor, &k, &v, MDB_FIRST);
	if (rc == 0) {
		l->try_nul = k.mv_size > 0 &&
		    ((const char *)k.mv_data)[k.mv_size - 1] == '\0';
		l->try_bare = !l->try_nul;
	}
	mdb_cursor_close(cursor);
	return rc == 0 || rc == MDB_NOTFOUND ? ERR_OK : problem(t, "read", rc);
}

/* A file that was cut would be a signal where it is mapped, not an error. */
static struct err
check_length(const struct table *t, const struct lmdb *l)
{
	MDB_envinfo info;
	MDB_stat stat;

	if (mdb_env_info(l->env, &info) != 0 ||
	    mdb_env_stat(l->env, &stat) != 0 ||
	    (uint64_t)l->held.seen.st_size / stat.ms_psize <= info.me_last_pgno)
		return err_make(
		    ERR_TEMP, "read %s: the file is damaged", t->spec.ptr);
	return ERR_OK;
}

static struct err
open_env(struct table *t, struct lmdb *l, const char *path)
{
	mdb_filehandle_t fd;
	struct err e;
	int rc = mdb_env_create(&l->env);

	if (rc == 0)
		rc = mdb_env_open(l->env, path,
		    MDB_RDONLY | MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOTLS, 0);
	if (rc == 0)
		rc = mdb_env_get_fd(l->env, &fd);
	if (rc != 0)
		return err_make(
		    ERR_TEMP, "open database %s: %s", path, mdb_strerror(rc));
	l->key_max = (size_t)mdb_env_get_maxkeysize(l->env);
	e = held_borrow(&l->held, view_of(path), fd);
	if (!err_is(e))
		e = check_length(t, l);
	if (err_is(e))
		return e;
	rc = mdb_txn_begin(l->env, NULL, MDB_RDONLY, &l->txn);
	if (rc == 0)
		rc = mdb_dbi_open(l->txn, NULL, 0, &l->dbi);
	return rc == 0 ? ERR_OK : problem(t, "open", rc);
}

static struct err
open_lmdb(struct table *t)
{
	struct lmdb *l = xcalloc(1, sizeof(*l));
	struct str path = STR_EMPTY;
	struct err e;

	l->held = HELD_NONE;
	l->try_nul = l->try_bare = true;
	str_init(&l->key);
	t->state = l;
	str_printf(&path, "%.*s.lmdb", VIEW_ARGS(t->name));
	e = open_env(t, l, path.ptr);
	str_clear(&path);
	if (!err_is(e))
		e = learn_nul(t, l);
	if (err_is(e))
		close_lmdb(t);
	else
		mdb_txn_reset(l->txn);
	return e;
}

static struct err
check_unwritten(const struct table *t)
{
	const struct lmdb *l = t->state;

	if (!held_was_written(&l->held))
		return ERR_OK;
	return err_make(ERR_TEMP, "read %s: it was written to", t->spec.ptr);
}

static struct err
get(struct table *t, size_t len, struct str *value, bool *found)
{
	struct lmdb *l = t->state;
	MDB_val k = { len, l->key.ptr }, v;
	int rc = MDB_NOTFOUND;

	/* Longer ones cannot be there. */
	if (len > 0 && len <= l->key_max)
		rc = mdb_get(l->txn, l->dbi, &k, &v);
	*found = rc == 0;
	if (*found)
		str_set(value, stored_text(&v));
	return rc == 0 || rc == MDB_NOTFOUND ? ERR_OK : problem(t, "read", rc);
}

static struct err
find_lmdb(struct table *t, struct view key, struct str *value, bool *found)
{
	struct lmdb *l = t->state;
	struct str answer = STR_EMPTY;
	struct err e = check_unwritten(t);
	int rc;

	if (err_is(e))
		return e;
	rc = mdb_txn_renew(l->txn);
	if (rc != 0)
		return problem(t, "read", rc);
	str_set(&l->key, key);
	if (l->try_nul)
		e = get(t, l->key.len + 1, &answer, found);
	if (!err_is(e) && !*found && l->try_bare)
		e = get(t, l->key.len, &answer, found);
	mdb_txn_reset(l->txn);
	/* What was read may be half of the old and half of the new. */
	if (!err_is(e))
		e = check_unwritten(t);
	*found = *found && !err_is(e);
	if (*found)
		str_set(value, str_view(&answer));
	str_clear(&answer);
	return e;
}

static bool
changed_lmdb(const struct table *t, bool path)
{
	const struct lmdb *l = t->state;

	return held_has_changed(&l->held, path);
}

static struct err
next_lmdb(struct table *t, bool first, struct str *key, struct str *value,
    bool *more)
{
	struct lmdb *l = t->state;
	MDB_val k, v;
	int rc = 0;

	*more = false;
	if (l->cursor == NULL) {
		rc = mdb_txn_renew(l->txn);
		if (rc == 0)
			rc = mdb_cursor_open(l->txn, l->dbi, &l->cursor);
	}
	if (rc == 0)
		rc = mdb_cursor_get(
		    l->cursor, &k, &v, first ? MDB_FIRST : MDB_NEXT);
	*more = rc == 0;
	if (*more) {
		str_set(key, stored_text(&k));
		str_set(value, stored_text(&v));
		return check_unwritten(t);
	}
	if (l->cursor != NULL) {
		mdb_cursor_close(l->cursor);
		l->cursor = NULL;
		mdb_txn_reset(l->txn);
	}
	return rc == MDB_NOTFOUND ? ERR_OK : problem(t, "read", rc);
}

const struct table_type type_lmdb = { .name = "lmdb",
	.flags = TYPE_FIXED,
	.open = open_lmdb,
	.find = find_lmdb,
	.close = close_lmdb,
	.changed = changed_lmdb,
	.next = next_lmdb };
