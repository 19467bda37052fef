/* SQLite: the database is a file, which is only read. */
#include "lib/table/module.h"
#include "modules/common.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>

enum {
	STEPS_BETWEEN_LOOKS = 1000,
	/* Looks, for what must not take long: an index finds in a hundred
	 * steps, a table without one is read elsewhere. */
	LOOKS_IN_PASSING = 4,
};

extern struct table_module table_module;

struct file {
	sqlite3 *db;
	struct stat seen;
	int64_t until; /* of the question */
	bool in_passing;
	int looks;
	char path[];
};

static int
look_at_clock(void *arg)
{
	struct file *f = arg;

	if (f->in_passing)
		return ++f->looks >= LOOKS_IN_PASSING;
	return now_ms() > f->until;
}

/* As a URI: so it can be told that nothing is to be made beside the file. */
static int
open_uri(struct file *f)
{
	static const char hex[] = "0123456789ABCDEF";
	static const char options[] = "?mode=ro&readonly_shm=1";
	char *uri = malloc(3 * strlen(f->path) + sizeof(options) + 8), *to = uri;
	int rc;

	if (uri == NULL)
		return SQLITE_NOMEM;
	memcpy(to, "file:", 5);
	to += 5;
	for (const unsigned char *p = (unsigned char *)f->path; *p != 0; p++) {
		if (ascii_is_alnum((char)*p) || strchr("/._-", *p) != NULL) {
			*to++ = (char)*p;
			continue;
		}
		*to++ = '%';
		*to++ = hex[*p >> 4];
		*to++ = hex[*p & 15];
	}
	memcpy(to, options, sizeof(options));
	rc = sqlite3_open_v2(uri, &f->db,
	    SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
	free(uri);
	return rc;
}

static void
close_sqlite(void *connection)
{
	struct file *f = connection;

	sqlite3_close(f->db);
	free(f);
}

static void *
connect_sqlite(const struct module_server *s, char *why)
{
	const char *path = s->socket;
	struct file *f = malloc(sizeof(*f) + strlen(path) + 1);

	if (f == NULL) {
		why_set(why, "open", "out of memory");
		return NULL;
	}
	f->db = NULL;
	memcpy(f->path, path, strlen(path) + 1);
	if (stat(path, &f->seen) < 0 || open_uri(f) != SQLITE_OK) {
		why_set(why, "open",
		    f->db == NULL ? "no such file" : sqlite3_errmsg(f->db));
		close_sqlite(f);
		return NULL;
	}
	sqlite3_extended_result_codes(f->db, 0);
	sqlite3_progress_handler(f->db, STEPS_BETWEEN_LOOKS, look_at_clock, f);
	return f;
}

static bool
quote(void *connection, struct view text, char *out, size_t *len)
{
	char *to = out;

	(void)connection;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\'')
			*to++ = '\'';
		*to++ = text.ptr[i];
	}
	*len = (size_t)(to - out);
	return true;
}

static enum module_end
failed(struct file *f, char *why)
{
	int code = sqlite3_errcode(f->db);

	why_set(why, "query", sqlite3_errmsg(f->db));
	if (f->in_passing && (code == SQLITE_INTERRUPT || code == SQLITE_BUSY))
		return MODULE_LATER;
	switch (code) {
	case SQLITE_ERROR:
	case SQLITE_INTERRUPT:
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_READONLY:
	case SQLITE_TOOBIG:
	case SQLITE_MISMATCH:
	case SQLITE_AUTH:
		return MODULE_REFUSED;
	default:
		return MODULE_LOST;
	}
}

/* The first column only, as Postfix has it. */
static enum module_end
run(struct file *f, sqlite3_stmt *statement, module_row_fn *row, void *arg,
    char *why)
{
	int rc;

	while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
		struct view first = { (const char *)sqlite3_column_text(
					  statement, 0),
			(size_t)sqlite3_column_bytes(statement, 0) };

		if (!row(arg, &first, 1))
			return MODULE_STOPPED;
	}
	return rc == SQLITE_DONE ? MODULE_DONE : failed(f, why);
}

static bool
is_same_file(const struct file *f)
{
	struct stat now;

	return stat(f->path, &now) == 0 && now.st_ino == f->seen.st_ino &&
	    now.st_dev == f->seen.st_dev;
}

static enum module_end
query(void *connection, struct view text, int timeout_ms, module_row_fn *row,
    void *arg, char *why)
{
	struct file *f = connection;
	enum module_end end = MODULE_DONE;
	sqlite3_stmt *statement = NULL;

	if (!is_same_file(f)) {
		why_set(why, "query", "the file was replaced");
		return MODULE_LOST;
	}
	f->until = now_ms() + timeout_ms;
	f->in_passing = timeout_ms == 0;
	f->looks = 0;
	sqlite3_busy_timeout(f->db, timeout_ms);
	/* The first statement only, as Postfix has it. */
	if (sqlite3_prepare_v2(f->db, text.ptr, -1, &statement, NULL) !=
	    SQLITE_OK)
		return failed(f, why);
	if (statement != NULL)
		end = run(f, statement, row, arg, why);
	sqlite3_finalize(statement);
	return end;
}

static void
prepare(void)
{
	sqlite3_initialize();
}

struct table_module table_module = { .version = MODULE_VERSION,
	.name = "sqlite",
	.may_block = true,
	.prepare = prepare,
	.connect = connect_sqlite,
	.close = close_sqlite,
	.quote = quote,
	.query = query };
