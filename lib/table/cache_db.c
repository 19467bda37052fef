/* Caches in files of Berkeley DB: see cache_store.h. */
#include "lib/base/mem.h"
#include "lib/table/cache_store.h"

#include <db.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { CACHE_MEMORY = 4 << 20 };

struct cache_store {
	DB *db;
	DBC *sweep; /* where next stands */
};

/* Nothing of it is worth the wait. */
static int
no_sync(int fd)
{
	(void)fd;
	return 0;
}

static void
close_db(struct cache_store *s)
{
	if (s == NULL)
		return;
	if (s->sweep != NULL)
		s->sweep->close(s->sweep);
	if (s->db != NULL)
		s->db->close(s->db, 0);
	free(s);
}

static int
open_db(struct cache_store **out, const char *path, int kind)
{
	struct cache_store *s = xcalloc(1, sizeof(*s));
	int rc;

	db_env_set_func_fsync(no_sync);
	rc = db_create(&s->db, NULL, 0);
	if (rc != 0) {
		free(s);
		return rc;
	}
	s->db->set_errfile(s->db, NULL);
	s->db->set_cachesize(s->db, 0, CACHE_MEMORY, 0);
	/* So that a page that somebody else wrote is not believed. */
	if (path != NULL)
		s->db->set_flags(s->db, DB_CHKSUM);
	rc = s->db->open(s->db, NULL, path, NULL,
	    kind == CACHE_DB_HASH ? DB_HASH : DB_BTREE,
	    DB_CREATE | (path != NULL ? DB_NOMMAP : 0), 0600);
	if (rc != 0)
		close_db(s);
	else
		*out = s;
	return rc;
}

static int
verify_db(const char *path)
{
	DB *db;
	int rc;

	if (access(path, F_OK) < 0)
		return 0;
	rc = db_create(&db, NULL, 0);
	if (rc != 0)
		return rc;
	db->set_errfile(db, NULL);
	/* The handle is gone afterwards, whatever it says. */
	rc = db->verify(db, path, NULL, NULL, 0);
	return rc == ENOENT ? 0 : rc;
}

static DBT
dbt_of(struct view v)
{
	return (
	    DBT){ .data = (void *)(uintptr_t)v.ptr, .size = (u_int32_t)v.len };
}

static int
result(int rc)
{
	return rc == DB_NOTFOUND ? CACHE_NONE : rc;
}

static int
get_db(struct cache_store *s, struct view key, struct view *value)
{
	DBT k = dbt_of(key), v = { .flags = 0 };
	int rc = s->db->get(s->db, NULL, &k, &v, 0);

	*value = view_make(v.data, v.size);
	return result(rc);
}

static int
put_db(struct cache_store *s, struct view key, struct view value, bool *is_new)
{
	DBT k = dbt_of(key), v = dbt_of(value);
	int rc = s->db->put(s->db, NULL, &k, &v, DB_NOOVERWRITE);

	*is_new = rc == 0;
	return rc == DB_KEYEXIST ? s->db->put(s->db, NULL, &k, &v, 0) : rc;
}

static int
drop_db(struct cache_store *s, struct view key)
{
	DBT k = dbt_of(key);

	return result(s->db->del(s->db, NULL, &k, 0));
}

static int
next_db(struct cache_store *s, struct view *key, struct view *value)
{
	DBT k = { .flags = 0 }, v = { .flags = 0 };
	int rc = 0;

	if (s->sweep == NULL)
		rc = s->db->cursor(s->db, NULL, &s->sweep, 0);
	if (rc == 0)
		rc = s->sweep->get(s->sweep, &k, &v, DB_NEXT);
	if (rc == DB_NOTFOUND && s->sweep != NULL) {
		s->sweep->close(s->sweep);
		s->sweep = NULL;
	}
	*key = view_make(k.data, k.size);
	*value = view_make(v.data, v.size);
	return result(rc);
}

static int
drop_here_db(struct cache_store *s)
{
	return result(s->sweep->del(s->sweep, 0));
}

static int
flush_db(struct cache_store *s)
{
	return s->db->sync(s->db, 0);
}

static const char *
error_db(int rc)
{
	return db_strerror(rc);
}

const struct cache_driver cache_db = {
	.suffix = "db",
	.open = open_db,
	.close = close_db,
	.verify = verify_db,
	.get = get_db,
	.put = put_db,
	.drop = drop_db,
	.next = next_db,
	.drop_here = drop_here_db,
	.flush = flush_db,
	.error = error_db,
	.is_full = cache_is_about_disk,
};
