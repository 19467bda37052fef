/* Making indexed files: see create.h.  Berkeley DB is what there is. */
#include "lib/table/create.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/table/type.h"

#include <db.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	MAKE_CACHE_MIN = 4 << 20,
	MAKE_CACHE_MAX = 256 << 20,
};

struct table_maker {
	unsigned flags;
	DBTYPE kind;
	DB *db;
	struct str path, temp, key, value;
	int old;	    /* locked; -1 if there was none */
	struct stat before; /* of old */
	mode_t mode;
};

static const struct makeable {
	const char *name;
	DBTYPE kind;
} makeables[] = { { "hash", DB_HASH }, { "btree", DB_BTREE } };

static const struct makeable *
find_makeable(struct view spec, struct view *name)
{
	size_t colon = view_find(spec, ':');

	for (size_t i = 0; i < ARRAY_LEN(makeables) && colon != VIEW_NPOS; i++)
		if (view_eq(
			view_first(spec, colon), view_of(makeables[i].name))) {
			*name = view_skip(spec, colon + 1);
			return &makeables[i];
		}
	return NULL;
}

bool
table_make_path(struct view spec, struct str *path)
{
	struct view name;

	if (find_makeable(spec, &name) == NULL)
		return false;
	str_printf(path, "%.*s.db", VIEW_ARGS(name));
	return true;
}

static struct err
cannot_make(struct view spec)
{
	struct view type = view_first(spec, view_find(spec, ':'));

	type = view_first(type, 100);
	if (table_type_find(type) == NULL)
		return err_make(ERR_PERM, "unsupported dictionary type: %.*s",
		    VIEW_ARGS(type));
	return err_make(ERR_PERM,
	    "no 'map create' support for this type: "
	    "%.*s",
	    VIEW_ARGS(type));
}

static struct err
db_problem(const struct table_maker *m, const char *what, int rc)
{
	return err_make(
	    ERR_TEMP, "%s %s: %s", what, m->path.ptr, db_strerror(rc));
}

/* Lock the old file, and be sure that it is still the one of that name. */
static struct err
lock_old(struct table_maker *m)
{
	for (;;) {
		struct stat now;

		m->old = open(
		    m->path.ptr, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		if (m->old < 0 && errno == ENOENT &&
		    !(m->flags & MAKE_MUST_EXIST))
			return ERR_OK;
		if (m->old < 0)
			return err_sys(
			    ERR_TEMP, "open database %s", m->path.ptr);
		while (flock(m->old, LOCK_EX) < 0)
			if (errno != EINTR)
				return err_sys(
				    ERR_TEMP, "lock %s", m->path.ptr);
		if (fstat(m->old, &m->before) < 0)
			return err_sys(ERR_TEMP, "fstat %s", m->path.ptr);
		if (stat(m->path.ptr, &now) == 0 &&
		    now.st_ino == m->before.st_ino &&
		    now.st_dev == m->before.st_dev)
			return ERR_OK;
		close(m->old);
		m->old = -1;
	}
}

static struct err
create_temp(struct table_maker *m, size_t size_hint)
{
	size_t cache =
	    size_hint > MAKE_CACHE_MAX / 4 ? MAKE_CACHE_MAX : size_hint * 4;
	int rc;

	if (cache < MAKE_CACHE_MIN)
		cache = MAKE_CACHE_MIN;
	str_printf(&m->temp, "%s.new.%ld", m->path.ptr, (long)getpid());
	rc = db_create(&m->db, NULL, 0);
	if (rc != 0)
		return db_problem(m, "create handle of", rc);
	m->db->set_errfile(m->db, NULL);
	m->db->set_cachesize(m->db, 0, (u_int32_t)cache, 0);
	/* Of an earlier process of this number, which was killed. */
	unlink(m->temp.ptr);
	rc = m->db->open(
	    m->db, NULL, m->temp.ptr, NULL, m->kind, DB_CREATE | DB_EXCL, 0600);
	if (rc != 0) {
		m->db->close(m->db, DB_NOSYNC);
		m->db = NULL;
		return err_make(ERR_TEMP, "open database %s: %s", m->path.ptr,
		    db_strerror(rc));
	}
	return ERR_OK;
}

static struct err
copy_pairs(struct table_maker *m, DB *from)
{
	DBT k = { .flags = 0 }, v = { .flags = 0 };
	DBC *cursor;
	int rc = from->cursor(from, NULL, &cursor, 0);

	if (rc != 0)
		return db_problem(m, "read", rc);
	while ((rc = cursor->get(cursor, &k, &v, DB_NEXT)) == 0) {
		const char *key = k.data;

		rc = m->db->put(m->db, NULL, &k, &v, 0);
		if (rc != 0)
			break;
		/* Go on as the old file was made. */
		if (k.size > 0 && key[k.size - 1] != 0)
			m->flags |= MAKE_BARE;
	}
	cursor->close(cursor);
	return rc == DB_NOTFOUND ? ERR_OK : db_problem(m, "copy", rc);
}

static struct err
copy_old(struct table_maker *m)
{
	struct err e;
	DB *from;
	int rc = db_create(&from, NULL, 0);

	if (rc != 0)
		return db_problem(m, "create handle of", rc);
	from->set_errfile(from, NULL);
	rc = from->open(
	    from, NULL, m->path.ptr, NULL, m->kind, DB_RDONLY | DB_NOMMAP, 0);
	if (rc != 0)
		e = err_make(ERR_TEMP, "open database %s: %s", m->path.ptr,
		    db_strerror(rc));
	else
		e = copy_pairs(m, from);
	from->close(from, DB_NOSYNC);
	return e;
}

struct err
table_make_open(struct view spec, unsigned flags, mode_t mode, size_t size_hint,
    struct table_maker **out)
{
	const struct makeable *row;
	struct table_maker *m;
	struct view name;
	struct err e;

	*out = NULL;
	row = find_makeable(spec, &name);
	if (row == NULL)
		return cannot_make(spec);
	m = xcalloc(1, sizeof(*m));
	m->flags = flags;
	m->kind = row->kind;
	m->mode = mode;
	m->old = -1;
	str_init(&m->path);
	str_init(&m->temp);
	str_init(&m->key);
	str_init(&m->value);
	table_make_path(spec, &m->path);
	e = lock_old(m);
	if (!err_is(e) && m->old >= 0 && flags & MAKE_UPDATE &&
	    (size_t)m->before.st_size > size_hint)
		size_hint = (size_t)m->before.st_size;
	if (!err_is(e))
		e = create_temp(m, size_hint);
	if (!err_is(e) && m->old >= 0 && flags & MAKE_UPDATE)
		e = copy_old(m);
	if (err_is(e))
		table_make_abort(m);
	else
		*out = m;
	return e;
}

static DBT
stored(const struct table_maker *m, struct str *room, struct view text)
{
	DBT dbt = { .flags = 0 };

	str_set(room, text);
	dbt.data = room->ptr;
	dbt.size = (u_int32_t)(room->len + (m->flags & MAKE_BARE ? 0 : 1));
	return dbt;
}

static DBT
stored_key(struct table_maker *m, struct view key)
{
	DBT dbt = stored(m, &m->key, key);

	if (!(m->flags & MAKE_NO_FOLD))
		str_lower(&m->key);
	return dbt;
}

struct err
table_make_put(struct table_maker *m, struct view key, struct view value)
{
	DBT k = stored_key(m, key), v = stored(m, &m->value, value);
	int rc = m->db->put(
	    m->db, NULL, &k, &v, m->flags & MAKE_REPLACE ? 0 : DB_NOOVERWRITE);

	if (rc == DB_KEYEXIST) {
		if (!(m->flags & MAKE_QUIET))
			log_warn("%s: duplicate entry: \"%s\"", m->path.ptr,
			    m->key.ptr);
		return ERR_OK;
	}
	return rc == 0 ? ERR_OK : db_problem(m, "update database", rc);
}

struct err
table_make_put_raw(struct table_maker *m, struct view key, struct view value)
{
	DBT k = stored(m, &m->key, key), v = stored(m, &m->value, value);
	int rc = m->db->put(m->db, NULL, &k, &v, 0);

	return rc == 0 ? ERR_OK : db_problem(m, "update database", rc);
}

struct err
table_make_delete(struct table_maker *m, struct view key, bool *found)
{
	DBT k = stored_key(m, key);
	int rc = m->db->del(m->db, NULL, &k, 0);

	*found = rc == 0;
	if (rc != 0 && rc != DB_NOTFOUND)
		return db_problem(m, "delete from", rc);
	return ERR_OK;
}

/*
 * By the descriptor that the library wrote by, not by a path: somebody who
 * owns the folder could put another file there.
 */
static struct err
set_owner_and_mode(const struct table_maker *m, int fd)
{
	bool keep = m->old >= 0 && !(m->flags & MAKE_FRESH);
	mode_t mode = keep ? m->before.st_mode & 0777 : m->mode;

	/* Who is not root keeps the group if he may, and never the owner. */
	if (keep && geteuid() == 0 &&
	    fchown(fd, m->before.st_uid, m->before.st_gid) < 0)
		return err_sys(ERR_TEMP, "change owner of %s", m->temp.ptr);
	if (keep && geteuid() != 0 && m->before.st_gid != getegid() &&
	    fchown(fd, (uid_t)-1, m->before.st_gid) < 0)
		mode &= ~(mode_t)070;
	if (fchmod(fd, mode) < 0)
		return err_sys(ERR_TEMP, "change mode of %s", m->temp.ptr);
	return ERR_OK;
}

static struct err
sync_file(struct table_maker *m)
{
	struct err e;
	int fd, rc = m->db->sync(m->db, 0);

	if (rc == 0)
		rc = m->db->fd(m->db, &fd);
	if (rc != 0)
		return db_problem(m, "write", rc);
	e = set_owner_and_mode(m, fd);
	if (!err_is(e) && fsync(fd) < 0)
		e = err_sys(ERR_TEMP, "sync %s", m->temp.ptr);
	return e;
}

static struct err
sync_folder(const char *path)
{
	struct view v = view_of(path);
	size_t slash = view_find_last(v, '/');
	struct str folder = STR_EMPTY;
	struct err e = ERR_OK;
	int fd;

	str_set(&folder,
	    slash == VIEW_NPOS ? VIEW(".")
			       : view_first(v, slash == 0 ? 1 : slash));
	fd = open(folder.ptr, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		e = err_sys(ERR_TEMP, "sync folder %s", folder.ptr);
	if (fd >= 0)
		close(fd);
	str_clear(&folder);
	return e;
}

static void
maker_free(struct table_maker *m)
{
	if (m->old >= 0)
		close(m->old);
	str_clear(&m->path);
	str_clear(&m->temp);
	str_clear(&m->key);
	str_clear(&m->value);
	free(m);
}

struct err
table_make_finish(struct table_maker *m)
{
	struct err e = sync_file(m);
	int rc = m->db->close(m->db, 0);

	m->db = NULL;
	if (rc != 0 && !err_is(e))
		e = db_problem(m, "close", rc);
	if (!err_is(e) && rename(m->temp.ptr, m->path.ptr) < 0)
		e = err_sys(
		    ERR_TEMP, "rename %s to %s", m->temp.ptr, m->path.ptr);
	if (!err_is(e))
		e = sync_folder(m->path.ptr);
	if (err_is(e))
		unlink(m->temp.ptr);
	maker_free(m);
	return e;
}

void
table_make_abort(struct table_maker *m)
{
	if (m == NULL)
		return;
	if (m->db != NULL) {
		m->db->close(m->db, DB_NOSYNC);
		unlink(m->temp.ptr);
	}
	maker_free(m);
}

struct err
table_next(
    struct table *t, bool first, struct str *key, struct str *value, bool *more)
{
	*more = false;
	if (err_is(t->refused))
		return t->refused;
	if (t->ask != NULL || t->type->next == NULL)
		return err_make(ERR_PERM,
		    "sequence operation is not "
		    "supported");
	return t->type->next(t, first, key, value, more);
}
