/*
 * unix:passwd.byname and unix:group.byname, the system's accounts by way of
 * the name service.  It may wait and load libraries, so that daemons ask
 * `lookup` (table_set_remote).
 */
#include "lib/base/mem.h"
#include "lib/run/offload.h"
#include "lib/table/type.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

/* Longest account line in bytes; a group may have many members. */
enum { ACCOUNT_MAX = 1 << 20 };

/* ERANGE: the buffer is too small. ERR_OK in *value if found. */
typedef int account_fn(
    const char *name, char *room, size_t size, struct str *value, bool *found);

static int
find_user(
    const char *name, char *room, size_t size, struct str *value, bool *found)
{
	struct passwd entry, *got = NULL;
	int rc = getpwnam_r(name, &entry, room, size, &got);

	*found = got != NULL;
	if (got != NULL)
		str_printf(value, "%s:%s:%u:%u:%s:%s:%s", got->pw_name,
		    got->pw_passwd, got->pw_uid, got->pw_gid, got->pw_gecos,
		    got->pw_dir, got->pw_shell);
	return rc;
}

static int
find_group(
    const char *name, char *room, size_t size, struct str *value, bool *found)
{
	struct group entry, *got = NULL;
	int rc = getgrnam_r(name, &entry, room, size, &got);

	*found = got != NULL;
	if (got == NULL)
		return rc;
	str_printf(
	    value, "%s:%s:%u:", got->gr_name, got->gr_passwd, got->gr_gid);
	for (char **m = got->gr_mem; *m != NULL; m++)
		str_addf(value, "%s%s", m == got->gr_mem ? "" : ",", *m);
	return rc;
}

static const struct account_kind {
	const char *name;
	account_fn *find;
} kinds[] = { { "passwd.byname", find_user }, { "group.byname", find_group } };

static struct err
open_unix(struct table *t)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (view_eq(t->name, view_of(kinds[i].name)))
			return ERR_OK;
	return err_make(ERR_PERM, "unknown table: %.*s",
	    VIEW_ARGS(view_first(str_view(&t->spec), 100)));
}

/* What the name service gives for "there is no such account". */
static bool
means_absent(int rc)
{
	return rc == 0 || rc == ENOENT || rc == ESRCH || rc == EBADF ||
	    rc == EPERM;
}

struct search {
	const struct table *table;
	const char *name;
	struct str *value;
	bool *found;
	struct err e;
};

static struct err
find_account(
    const struct table *t, const char *name, struct str *value, bool *found)
{
	account_fn *find = kinds[0].find;
	char *room = NULL;
	int rc = ERANGE;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (view_eq(t->name, view_of(kinds[i].name)))
			find = kinds[i].find;
	for (size_t size = 4096; rc == ERANGE && size <= ACCOUNT_MAX;
	     size *= 4) {
		room = xrealloc(room, size);
		rc = find(name, room, size, value, found);
	}
	free(room);
	if (!*found && !means_absent(rc))
		return err_make(ERR_TEMP, "look up %s in %s: %s", name,
		    t->spec.ptr, strerror(rc));
	return ERR_OK;
}

static void
run_search(void *arg)
{
	struct search *s = arg;

	s->e = find_account(s->table, s->name, s->value, s->found);
}

static struct err
find_unix(struct table *t, struct view key, struct str *value, bool *found)
{
	struct str name = STR_EMPTY;
	struct str answer = STR_EMPTY;
	struct search s = { t, NULL, &answer, found, ERR_OK };

	str_set(&name, key);
	s.name = name.ptr;
	/* It may be behind a table that is asked on a fiber. */
	if (name.len > 0 && strlen(name.ptr) == name.len)
		offload(run_search, &s);
	if (*found)
		str_set(value, str_view(&answer));
	str_clear(&name);
	str_clear(&answer);
	return s.e;
}

const struct table_type type_unix = { .name = "unix",
	.flags = TYPE_FIXED | TYPE_REMOTE,
	.open = open_unix,
	.find = find_unix };
