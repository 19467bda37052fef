/* Making indexed files: see create.h.  The formats are in store_*.c. */
#include "lib/table/create.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/table/store.h"
#include "lib/table/type.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct table_maker {
	unsigned flags;
	const struct store_kind *kind;
	void *store;
	struct str path, temp, key, value;
	int old;	    /* locked; -1 if there was none */
	struct stat before; /* of old */
	mode_t mode;
};

static const struct store_kind *const kinds[] = { &store_hash, &store_btree,
	&store_cdb,
#ifdef HAVE_LMDB
	&store_lmdb,
#endif
};

static const struct store_kind *
find_kind(struct view spec, struct view *name)
{
	size_t colon = view_find(spec, ':');

	for (size_t i = 0; i < ARRAY_LEN(kinds) && colon != VIEW_NPOS; i++)
		if (view_eq(
			view_first(spec, colon), view_of(kinds[i]->type))) {
			*name = view_skip(spec, colon + 1);
			return kinds[i];
		}
	return NULL;
}

bool
table_make_path(struct view spec, struct str *path)
{
	const struct store_kind *kind;
	struct view name;

	kind = find_kind(spec, &name);
	if (kind == NULL)
		return false;
	str_printf(path, "%.*s%s", VIEW_ARGS(name), kind->suffix);
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
	struct err e;

	str_printf(&m->temp, "%s.new.%ld", m->path.ptr, (long)getpid());
	/* Of an earlier process of this number, which was killed. */
	unlink(m->temp.ptr);
	e = m->kind->create(m->temp.ptr, size_hint, &m->store);
	return err_is(e) ? err_within(e, "open database %s", m->path.ptr) : e;
}

/* Go on as the old file was made. */
static void
see_old_key(void *arg, struct view key)
{
	struct table_maker *m = arg;

	if (key.len > 0 && key.ptr[key.len - 1] != '\0')
		m->flags |= MAKE_BARE;
}

struct err
table_make_open(struct view spec, unsigned flags, mode_t mode, size_t size_hint,
    struct table_maker **out)
{
	const struct store_kind *kind;
	struct table_maker *m;
	struct view name;
	struct err e;

	*out = NULL;
	kind = find_kind(spec, &name);
	if (kind == NULL)
		return cannot_make(spec);
	m = xcalloc(1, sizeof(*m));
	m->flags = flags;
	m->kind = kind;
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
		e = m->kind->copy(m->store, m->path.ptr, see_old_key, m);
	if (err_is(e))
		table_make_abort(m);
	else
		*out = m;
	return e;
}

static struct view
stored(const struct table_maker *m, struct str *room, struct view text)
{
	str_set(room, text);
	return view_make(
	    room->ptr, room->len + (m->flags & MAKE_BARE ? 0 : 1));
}

static struct view
stored_key(struct table_maker *m, struct view key)
{
	struct view k = stored(m, &m->key, key);

	if (!(m->flags & MAKE_NO_FOLD))
		str_lower(&m->key);
	return k;
}

static struct err
put(struct table_maker *m, struct view key, struct view value, bool replace,
    bool *exists)
{
	struct err e = m->kind->put(m->store, key, value, replace, exists);

	return err_is(e) ? err_within(e, "%s", m->path.ptr) : e;
}

struct err
table_make_put(struct table_maker *m, struct view key, struct view value)
{
	bool replace = (m->flags & MAKE_REPLACE) != 0, exists;
	struct err e = put(m, stored_key(m, key),
	    stored(m, &m->value, value), replace, &exists);

	if (!err_is(e) && exists && !replace && !(m->flags & MAKE_QUIET))
		log_warn("%s: duplicate entry: \"%s\"", m->path.ptr,
		    m->key.ptr);
	return e;
}

struct err
table_make_put_raw(struct table_maker *m, struct view key, struct view value)
{
	bool exists;

	return put(m, stored(m, &m->key, key), stored(m, &m->value, value),
	    true, &exists);
}

struct err
table_make_delete(struct table_maker *m, struct view key, bool *found)
{
	struct err e = m->kind->remove(m->store, stored_key(m, key), found);

	return err_is(e) ? err_within(e, "%s", m->path.ptr) : e;
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
	int fd = -1;
	struct err e = m->kind->flush(m->store, &fd);

	if (err_is(e))
		return err_within(e, "%s", m->path.ptr);
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
	struct err closing = m->kind->close(m->store);

	m->store = NULL;
	if (err_is(closing) && !err_is(e))
		e = err_within(closing, "%s", m->path.ptr);
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
	if (m->store != NULL) {
		m->kind->close(m->store);
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
