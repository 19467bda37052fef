/* Tables that we write: see cache.h. */
#include "lib/table/cache.h"

#include "lib/base/clock.h"
#include "lib/base/htable.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/table/cache_store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum {
	/* Entries that a step of cleaning looks at. */
	CLEAN_STEP = 200,
	/* Of so many the one that ends first makes room. */
	EVICT_FROM = 8,
	/* So often may its owner die before the file is to blame. */
	DEATHS_MAX = 3,
	TELL_EVERY_MS = 60 * 1000,
	DIGITS_MAX = 18,
	/* Of a longer key the front and a sum of all: LMDB has no longer
	 * ones. */
	KEY_SHORT = 480,
	KEY_FRONT = 400,
};

int64_t cache_trusted_after_ms = 600 * 1000;

struct cache {
	const struct cache_driver *driver;
	int kind;
	struct str path;  /* "" for memory */
	struct str entry; /* of the last put */
	struct str key;	  /* of one that was too long */
	struct cache_store *store;
	int64_t most, n_entries;
	struct cache_pass pass, last_pass;
	bool is_dirty;
	/* "FILE.use": locked; says how often in a row owners have died. */
	int use;
	int64_t opened_ms;
	int64_t told_ms; /* of a problem with writing; 0 is never */
};

static const struct kind {
	const char *name;
	const struct cache_driver *driver;
	int kind;
	bool is_file;
} kinds[] = {
	{ "btree", &cache_db, CACHE_DB_BTREE, true },
	{ "hash", &cache_db, CACHE_DB_HASH, true },
#ifdef HAVE_LMDB
	{ "lmdb", &cache_lmdb, 0, true },
#endif
	{ "internal", &cache_db, CACHE_DB_BTREE, false },
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

bool
cache_can_be(struct view spec)
{
	struct view name;

	return find_kind(spec, &name) != NULL;
}

void
cache_path(struct view spec, struct str *path)
{
	struct view name;
	const struct kind *k = find_kind(spec, &name);

	str_reset(path);
	if (k != NULL && k->is_file)
		str_printf(path, "%.*s.%s", VIEW_ARGS(name), k->driver->suffix);
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

static void
close_store(struct cache *c)
{
	c->driver->close(c->store);
	c->store = NULL;
}

static int
open_store(struct cache *c)
{
	return c->driver->open(
	    &c->store, c->path.len > 0 ? c->path.ptr : NULL, c->kind);
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
	c->driver = &cache_db;
	c->kind = CACHE_DB_BTREE;
	open_store(c);
}

bool
cache_is_about_disk(int rc)
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
	rc = open_store(c);
	if (rc != 0 && c->path.len > 0)
		use_memory(c, c->driver->error(rc));
}

static void
tell_seldom(struct cache *c, const char *what, int rc)
{
	int64_t now = clock_ms();

	if (c->told_ms != 0 && now - c->told_ms < TELL_EVERY_MS)
		return;
	c->told_ms = now;
	log_warn("cache %s: %s: %s", c->path.len > 0 ? c->path.ptr : "(memory)",
	    what, c->driver->error(rc));
}

/* After a call that failed. */
static void
fail(struct cache *c, const char *what, int rc)
{
	if (c->driver->is_full(rc) || rc == ENOMEM) {
		tell_seldom(c, what, rc);
		return;
	}
	/* An error of the device may pass; the file is damaged all the same. */
	close_store(c);
	begin_anew(c, c->driver->error(rc));
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
		rc = c->driver->verify(c->path.ptr);
	if (rc == 0)
		rc = open_store(c);
	if (rc != 0 && c->driver->is_full(rc))
		use_memory(c, c->driver->error(rc));
	else if (rc != 0)
		begin_anew(c, c->driver->error(rc));
}

static void
trust(struct cache *c)
{
	if (c->use < 0 || c->opened_ms == 0 ||
	    clock_ms() - c->opened_ms < cache_trusted_after_ms)
		return;
	c->opened_ms = 0;
	/* Somebody had it open at the end, but was not the worse for it. */
	write_deaths(c, 1);
}

/* --- entries --- */

static int64_t
until_of(struct view entry)
{
	int64_t until;
	struct view value;

	return cache_split(entry, &until, &value) ? until : 0;
}

/* As the store has it. */
static struct view
stored_key(struct cache *c, struct view key)
{
	static const uint64_t secrets[2][2] = { { 1, 2 }, { 3, 4 } };

	if (key.len <= KEY_SHORT)
		return key;
	str_set(&c->key, view_first(key, KEY_FRONT));
	for (int i = 0; i < 2; i++)
		str_addf(&c->key, " %016" PRIx64, hash_mac(secrets[i], key));
	return str_view(&c->key);
}

static int
count_entries(struct cache *c)
{
	struct view key, value;
	int rc;

	c->n_entries = 0;
	while ((rc = c->driver->next(c->store, &key, &value)) == 0)
		c->n_entries++;
	return rc == CACHE_NONE ? 0 : rc;
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
	c = xcalloc(1, sizeof(*c));
	c->driver = k->driver;
	c->kind = k->kind;
	c->most = most > EVICT_FROM ? most : EVICT_FROM;
	c->use = -1;
	c->opened_ms = clock_ms();
	str_init(&c->path);
	str_init(&c->entry);
	str_init(&c->key);
	cache_path(spec, &c->path);
	if (c->path.len > 0)
		open_file(c);
	else
		open_store(c);
	rc = c->store != NULL ? count_entries(c) : 0;
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
	close_store(c);
	if (c->use >= 0) {
		write_deaths(c, 0);
		close(c->use);
	}
	str_clear(&c->path);
	str_clear(&c->entry);
	str_clear(&c->key);
	free(c);
}

static bool
is_usable(const struct cache *c, struct view key)
{
	return c->store != NULL && key.len > 0 && key.len <= CACHE_KEY_MAX;
}

bool
cache_get(struct cache *c, struct view key, int64_t now, struct str *value)
{
	struct view entry, text;
	int64_t until;
	int rc;

	if (!is_usable(c, key))
		return false;
	rc = c->driver->get(c->store, stored_key(c, key), &entry);
	if (rc != 0) {
		if (rc != CACHE_NONE)
			fail(c, "read", rc);
		return false;
	}
	if (entry.len > CACHE_VALUE_MAX + DIGITS_MAX + 1 ||
	    !cache_split(entry, &until, &text) || until <= now)
		return false;
	str_set(value, text);
	return true;
}

/* The key is as the store has it. */
static void
drop(struct cache *c, struct view key)
{
	int rc = c->driver->drop(c->store, key);

	if (rc == 0) {
		c->n_entries--;
		c->is_dirty = true;
	} else if (rc != CACHE_NONE) {
		fail(c, "remove from", rc);
	}
}

void
cache_drop(struct cache *c, struct view key)
{
	if (is_usable(c, key))
		drop(c, stored_key(c, key));
}

/* Of the next few entries the one that ends first goes. */
static void
make_room(struct cache *c)
{
	struct str worst = STR_EMPTY;
	int64_t worst_until = INT64_MAX;
	int seen = 0, ends = 0, rc = 0;

	while (seen < EVICT_FROM && ends < 2 && (rc == 0 || rc == CACHE_NONE)) {
		struct view key, entry;

		rc = c->driver->next(c->store, &key, &entry);
		ends += rc == CACHE_NONE;
		if (rc != 0)
			continue;
		seen++;
		if (until_of(entry) < worst_until) {
			worst_until = until_of(entry);
			str_set(&worst, key);
		}
	}
	if (rc != 0 && rc != CACHE_NONE)
		fail(c, "read", rc);
	else if (worst.len > 0)
		drop(c, str_view(&worst));
	str_clear(&worst);
}

void
cache_put(struct cache *c, struct view key, struct view value, int64_t until)
{
	bool is_new = false;
	int rc;

	if (!is_usable(c, key) || value.len > CACHE_VALUE_MAX || until <= 0)
		return;
	str_printf(&c->entry, "%" PRId64 " ", until);
	str_add(&c->entry, value);
	rc = c->driver->put(
	    c->store, stored_key(c, key), str_view(&c->entry), &is_new);
	if (rc != 0) {
		fail(c, "write", rc);
		return;
	}
	c->n_entries += is_new;
	c->is_dirty = true;
	if (c->n_entries > c->most)
		make_room(c);
}

bool
cache_clean(struct cache *c, int64_t now)
{
	trust(c);
	for (int i = 0; c->store != NULL && i < CLEAN_STEP; i++) {
		struct view key, entry;
		int rc = c->driver->next(c->store, &key, &entry);

		if (rc == CACHE_NONE) {
			c->last_pass = c->pass;
			c->pass = (struct cache_pass){ 0, 0 };
			return true;
		}
		if (rc == 0 && until_of(entry) > now) {
			c->pass.kept++;
			continue;
		}
		if (rc == 0)
			rc = c->driver->drop_here(c->store);
		if (rc != 0) {
			fail(c, "clean", rc);
			return true;
		}
		c->pass.dropped++;
		c->n_entries--;
		c->is_dirty = true;
	}
	return c->store == NULL;
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

	trust(c);
	if (!c->is_dirty || c->store == NULL || c->path.len == 0)
		return;
	c->is_dirty = false;
	rc = c->driver->flush(c->store);
	if (rc != 0)
		fail(c, "write", rc);
}

int64_t
cache_entries(const struct cache *c)
{
	return c->n_entries;
}
