/* Tables that we write, over Berkeley DB: see cache.h. */
#include "lib/table/cache.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#include <db.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum {
	CACHE_MEMORY = 4 << 20,
	/* Entries that a step of cleaning looks at. */
	CLEAN_STEP = 200,
	/* Of so many the one that ends first makes room. */
	EVICT_FROM = 8,
	/* So often may its owner die before the file is to blame. */
	DEATHS_MAX = 3,
	/* Who has used it for so long does not die of it. */
	TRUSTED_AFTER_MS = 600 * 1000,
	TELL_EVERY_MS = 60 * 1000,
	DIGITS_MAX = 18,
};

struct cache {
	DBTYPE kind;
	struct str path;  /* "" for memory */
	struct str entry; /* of the last get */
	DB *db;
	DBC *sweep; /* where cleaning and making room stand */
	int64_t most, n_entries;
	struct cache_pass pass, last_pass;
	bool is_dirty;
	/* "NAME.db.use": locked; says how often in a row owners have died. */
	int use;
	int64_t opened_ms;
	int64_t told_ms; /* of a problem with writing; 0 is never */
};

static const struct kind {
	const char *name;
	DBTYPE kind;
	bool is_file;
} kinds[] = {
	{ "btree", DB_BTREE, true },
	{ "hash", DB_HASH, true },
	{ "internal", DB_BTREE, false },
};

static const struct kind *
find_kind(struct view spec, struct view *name)
{
	size_t colon;

	if (view_starts(spec, VIEW("proxy:")))
		spec = view_skip(spec, 6);
	colon = view_find(spec, ':');
	*name = VIEW_EMPTY;
	if (spec.len == 0)
		return &kinds[ARRAY_LEN(kinds) - 1];
	for (size_t i = 0; i < ARRAY_LEN(kinds) && colon != VIEW_NPOS; i++) {
		if (!view_eq(view_first(spec, colon), view_of(kinds[i].name)))
			continue;
		*name = view_skip(spec, colon + 1);
		return &kinds[i];
	}
	return NULL;
}

void
cache_path(struct view spec, struct str *path)
{
	struct view name;
	const struct kind *k = find_kind(spec, &name);

	str_reset(path);
	if (k != NULL && k->is_file)
		str_printf(path, "%.*s.db", VIEW_ARGS(name));
}

bool
cache_split(struct view entry, int64_t *until, struct view *value)
{
	size_t space = view_find(entry, ' ');
	uint64_t number;

	if (space == VIEW_NPOS || space == 0 || space > DIGITS_MAX ||
	    !view_to_uint(view_first(entry, space), 10, &number))
		return false;
	*until = (int64_t)number;
	*value = view_skip(entry, space + 1);
	return true;
}

/* --- the database --- */

/* Nothing of it is worth the wait. */
static int
no_sync(int fd)
{
	(void)fd;
	return 0;
}

static void
close_db(struct cache *c)
{
	if (c->sweep != NULL)
		c->sweep->close(c->sweep);
	c->sweep = NULL;
	if (c->db != NULL)
		c->db->close(c->db, 0);
	c->db = NULL;
}

static int
open_db(struct cache *c)
{
	bool is_file = c->path.len > 0;
	int rc = db_create(&c->db, NULL, 0);

	if (rc != 0)
		return rc;
	c->db->set_errfile(c->db, NULL);
	c->db->set_cachesize(c->db, 0, CACHE_MEMORY, 0);
	/* So that a page that somebody else wrote is not believed. */
	if (is_file)
		c->db->set_flags(c->db, DB_CHKSUM);
	rc = c->db->open(c->db, NULL, is_file ? c->path.ptr : NULL, NULL,
	    c->kind, DB_CREATE | (is_file ? DB_NOMMAP : 0), 0600);
	if (rc != 0)
		close_db(c);
	return rc;
}

/* Read all of it once before it is relied on. */
static int
verify_db(struct cache *c)
{
	DB *db;
	int rc;

	if (access(c->path.ptr, F_OK) < 0)
		return 0;
	rc = db_create(&db, NULL, 0);
	if (rc != 0)
		return rc;
	db->set_errfile(db, NULL);
	/* The handle is gone afterwards, whatever it says. */
	rc = db->verify(db, c->path.ptr, NULL, NULL, 0);
	return rc == ENOENT ? 0 : rc;
}

static void
move_away(struct cache *c, const char *why)
{
	struct str to = STR_EMPTY;

	str_printf(&to, "%s.damaged", c->path.ptr);
	if (rename(c->path.ptr, to.ptr) == 0)
		log_warn("cache %s: %s: moved to %s and begun anew",
		    c->path.ptr, why, to.ptr);
	else
		log_warn("cache %s: %s: rename to %s: %s", c->path.ptr, why,
		    to.ptr, strerror(errno));
	str_clear(&to);
}

/* What is in it is gone with this process. */
static void
use_memory(struct cache *c, const char *why)
{
	log_warn("cache %s: %s: kept in memory only", c->path.ptr, why);
	str_clear(&c->path);
	c->kind = DB_BTREE;
	if (open_db(c) != 0)
		c->db = NULL;
}

static bool
is_about_disk(int rc)
{
	return rc == ENOSPC || rc == EDQUOT || rc == EFBIG || rc == EROFS ||
	    rc == EACCES || rc == EPERM;
}

static void
begin_anew(struct cache *c, const char *why)
{
	int rc;

	c->n_entries = 0;
	c->pass = (struct cache_pass){ 0, 0 };
	if (c->path.len > 0)
		move_away(c, why);
	rc = open_db(c);
	if (rc != 0 && c->path.len > 0)
		use_memory(c, db_strerror(rc));
}

static void
tell_seldom(struct cache *c, const char *what, int rc)
{
	int64_t now = clock_ms();

	if (c->told_ms != 0 && now - c->told_ms < TELL_EVERY_MS)
		return;
	c->told_ms = now;
	log_warn("cache %s: %s: %s", c->path.len > 0 ? c->path.ptr : "(memory)",
	    what, db_strerror(rc));
}

/* After a call that failed. */
static void
fail(struct cache *c, const char *what, int rc)
{
	if (is_about_disk(rc) || rc == ENOMEM) {
		tell_seldom(c, what, rc);
		return;
	}
	/* An error of the device may pass; the file is damaged all the same. */
	close_db(c);
	begin_anew(c, db_strerror(rc));
}

/* --- who uses it --- */

static void
write_deaths(struct cache *c, int n)
{
	char text[2] = { (char)('0' + n), '\n' };

	if (c->use >= 0 && pwrite(c->use, text, sizeof(text), 0) < 0)
		log_debug("write %s.use: %s", c->path.ptr, strerror(errno));
}

static int
read_deaths(const struct cache *c)
{
	char digit = '0';

	if (pread(c->use, &digit, 1, 0) != 1 || digit < '0' || digit > '9')
		return 0;
	return digit - '0';
}

/* True if the file may be opened. */
static bool
take_use(struct cache *c)
{
	struct str path = STR_EMPTY;

	str_printf(&path, "%s.use", c->path.ptr);
	c->use =
	    open(path.ptr, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (c->use < 0) {
		str_printf(
		    &path, "open %s.use: %s", c->path.ptr, strerror(errno));
		use_memory(c, path.ptr);
	} else {
		while (flock(c->use, LOCK_EX) < 0 && errno == EINTR)
			;
	}
	str_clear(&path);
	return c->use >= 0;
}

static void
open_file(struct cache *c)
{
	int deaths, rc = 0;

	if (!take_use(c))
		return;
	deaths = read_deaths(c);
	if (deaths >= DEATHS_MAX) {
		move_away(c, "its owner died with it again and again");
		deaths = 0;
	}
	write_deaths(c, deaths + 1);
	if (deaths > 0)
		rc = verify_db(c);
	if (rc == 0)
		rc = open_db(c);
	if (rc != 0 && is_about_disk(rc))
		use_memory(c, db_strerror(rc));
	else if (rc != 0)
		begin_anew(c, db_strerror(rc));
}

static void
trust(struct cache *c)
{
	if (c->use < 0 || c->opened_ms == 0 ||
	    clock_ms() - c->opened_ms < TRUSTED_AFTER_MS)
		return;
	c->opened_ms = 0;
	/* Somebody had it open at the end, but was not the worse for it. */
	write_deaths(c, 1);
}

/* --- entries --- */

static DBT
dbt_of(struct view v)
{
	return (
	    DBT){ .data = (void *)(uintptr_t)v.ptr, .size = (u_int32_t)v.len };
}

static int64_t
until_of(const DBT *v)
{
	int64_t until;
	struct view value;

	return cache_split(view_make(v->data, v->size), &until, &value) ? until
									: 0;
}

/* The next entry; 0, DB_NOTFOUND at the end, or an error. */
static int
sweep_next(struct cache *c, DBT *key, DBT *value)
{
	int rc = 0;

	if (c->sweep == NULL)
		rc = c->db->cursor(c->db, NULL, &c->sweep, 0);
	if (rc == 0)
		rc = c->sweep->get(c->sweep, key, value, DB_NEXT);
	if (rc == DB_NOTFOUND && c->sweep != NULL) {
		c->sweep->close(c->sweep);
		c->sweep = NULL;
	}
	return rc;
}

static int
count_entries(struct cache *c)
{
	DBT key = { .flags = 0 }, value = { .flags = 0 };
	int rc;

	c->n_entries = 0;
	while ((rc = sweep_next(c, &key, &value)) == 0)
		c->n_entries++;
	return rc == DB_NOTFOUND ? 0 : rc;
}

struct err
cache_open(struct view spec, int64_t most, struct cache **out)
{
	struct view name;
	const struct kind *k = find_kind(spec, &name);
	struct cache *c;
	int rc;

	if (k == NULL)
		return err_make(ERR_PERM,
		    "%.*s: not a type of table that can be written",
		    VIEW_ARGS(spec));
	db_env_set_func_fsync(no_sync);
	c = xcalloc(1, sizeof(*c));
	c->kind = k->kind;
	c->most = most > EVICT_FROM ? most : EVICT_FROM;
	c->use = -1;
	c->opened_ms = clock_ms();
	str_init(&c->path);
	str_init(&c->entry);
	cache_path(spec, &c->path);
	if (c->path.len > 0)
		open_file(c);
	else
		open_db(c);
	rc = c->db != NULL ? count_entries(c) : 0;
	if (rc != 0)
		fail(c, "read", rc);
	*out = c;
	return ERR_OK;
}

void
cache_close(struct cache *c)
{
	if (c == NULL)
		return;
	close_db(c);
	if (c->use >= 0) {
		write_deaths(c, 0);
		close(c->use);
	}
	str_clear(&c->path);
	str_clear(&c->entry);
	free(c);
}

static bool
is_usable(const struct cache *c, struct view key)
{
	return c->db != NULL && key.len > 0 && key.len <= CACHE_KEY_MAX;
}

bool
cache_get(struct cache *c, struct view key, int64_t now, struct str *value)
{
	DBT k = dbt_of(key), v = { .flags = 0 };
	struct view text;
	int64_t until;
	int rc;

	if (!is_usable(c, key))
		return false;
	rc = c->db->get(c->db, NULL, &k, &v, 0);
	if (rc != 0) {
		if (rc != DB_NOTFOUND)
			fail(c, "read", rc);
		return false;
	}
	if (v.size > CACHE_VALUE_MAX + DIGITS_MAX + 1 ||
	    !cache_split(view_make(v.data, v.size), &until, &text) ||
	    until <= now)
		return false;
	str_set(value, text);
	return true;
}

void
cache_drop(struct cache *c, struct view key)
{
	DBT k = dbt_of(key);
	int rc;

	if (!is_usable(c, key))
		return;
	rc = c->db->del(c->db, NULL, &k, 0);
	if (rc == 0) {
		c->n_entries--;
		c->is_dirty = true;
	} else if (rc != DB_NOTFOUND) {
		fail(c, "remove from", rc);
	}
}

/* Of the next few entries the one that ends first goes. */
static void
make_room(struct cache *c)
{
	struct str worst = STR_EMPTY;
	int64_t worst_until = INT64_MAX;
	int seen = 0, ends = 0, rc = 0;

	while (seen < EVICT_FROM && ends < 2 && rc == 0) {
		DBT key = { .flags = 0 }, value = { .flags = 0 };
		int64_t until;

		rc = sweep_next(c, &key, &value);
		if (rc == DB_NOTFOUND) {
			ends++;
			rc = 0;
			continue;
		}
		if (rc != 0)
			break;
		seen++;
		until = until_of(&value);
		if (until < worst_until) {
			worst_until = until;
			str_set(&worst, view_make(key.data, key.size));
		}
	}
	if (rc != 0)
		fail(c, "read", rc);
	else if (worst.len > 0)
		cache_drop(c, str_view(&worst));
	str_clear(&worst);
}

void
cache_put(struct cache *c, struct view key, struct view value, int64_t until)
{
	DBT k = dbt_of(key), v;
	int rc;

	if (!is_usable(c, key) || value.len > CACHE_VALUE_MAX || until <= 0)
		return;
	str_printf(&c->entry, "%" PRId64 " ", until);
	str_add(&c->entry, value);
	v = dbt_of(str_view(&c->entry));
	rc = c->db->put(c->db, NULL, &k, &v, DB_NOOVERWRITE);
	if (rc == 0)
		c->n_entries++;
	else if (rc == DB_KEYEXIST)
		rc = c->db->put(c->db, NULL, &k, &v, 0);
	if (rc != 0) {
		fail(c, "write", rc);
		return;
	}
	c->is_dirty = true;
	if (c->n_entries > c->most)
		make_room(c);
}

bool
cache_clean(struct cache *c, int64_t now)
{
	trust(c);
	for (int i = 0; c->db != NULL && i < CLEAN_STEP; i++) {
		DBT key = { .flags = 0 }, value = { .flags = 0 };
		int rc = sweep_next(c, &key, &value);

		if (rc == DB_NOTFOUND) {
			c->last_pass = c->pass;
			c->pass = (struct cache_pass){ 0, 0 };
			return true;
		}
		if (rc == 0 && until_of(&value) > now) {
			c->pass.kept++;
			continue;
		}
		if (rc == 0)
			rc = c->sweep->del(c->sweep, 0);
		if (rc != 0) {
			fail(c, "clean", rc);
			return true;
		}
		c->pass.dropped++;
		c->n_entries--;
		c->is_dirty = true;
	}
	return c->db == NULL;
}

struct cache_pass
cache_last_pass(const struct cache *c)
{
	return c->last_pass;
}

void
cache_flush(struct cache *c)
{
	int rc;

	if (!c->is_dirty || c->db == NULL || c->path.len == 0)
		return;
	c->is_dirty = false;
	rc = c->db->sync(c->db, 0);
	if (rc != 0)
		fail(c, "write", rc);
}

int64_t
cache_entries(const struct cache *c)
{
	return c->n_entries;
}
