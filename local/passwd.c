/* Users of /etc/passwd: see passwd.h. */
#include "local/passwd.h"

#include <ctype.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>

/* As much as getpwnam_r is given. */
enum { LINE_MAX_BYTES = 16384 };

void
passwd_answer(const struct passwd *entry, struct monitor_answer *a)
{
	size_t len = strlen(entry->pw_dir);

	a->uid = entry->pw_uid;
	a->gid = entry->pw_gid;
	a->status = len < sizeof(a->home) ? MONITOR_OK : MONITOR_REFUSED;
	if (a->status == MONITOR_OK)
		memcpy(a->home, entry->pw_dir, len + 1);
}

/* --- the order --- */

/* "passwd:" and then "files", which nothing may follow that would ask others
 * after a hit ("[SUCCESS=continue]").  *is_for_users: the line has "passwd:". */
static bool
is_files_first(const char *line, bool *is_for_users)
{
	struct view rest = view_trim(view_of(line));
	struct view word = VIEW("passwd:");

	*is_for_users = view_starts(rest, word);
	if (!*is_for_users)
		return false;
	rest = view_trim(view_skip(rest, word.len));
	word = VIEW("files");
	if (!view_starts(rest, word))
		return false;
	rest = view_skip(rest, word.len);
	if (rest.len > 0 && rest.ptr[0] != '#' &&
	    !isspace((unsigned char)rest.ptr[0]))
		return false;
	rest = view_trim(rest);
	return rest.len == 0 || rest.ptr[0] != '[';
}

/* The last line counts, as it does for the C library. */
static bool
read_order(FILE *in)
{
	char *line = NULL;
	size_t room = 0;
	bool first = false;

	while (getline(&line, &room, in) >= 0) {
		bool is_for_users, yes = is_files_first(line, &is_for_users);

		if (is_for_users)
			first = yes;
	}
	free(line);
	return first && ferror(in) == 0;
}

static bool
is_as_seen(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	    a->st_size == b->st_size &&
	    a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	    a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Without the file the order is the C library's own: not ours to know. */
static bool
files_are_first(struct passwd_files *p)
{
	struct stat now;
	FILE *in;

	if (stat(p->order, &now) < 0)
		return false;
	if (is_as_seen(&now, &p->seen))
		return p->files_are_first;
	in = fopen(p->order, "re");
	if (in == NULL)
		return false;
	/* Of the file that is read, which may be another by now. */
	p->files_are_first = fstat(fileno(in), &p->seen) == 0 && read_order(in);
	fclose(in);
	return p->files_are_first;
}

/* --- the users --- */

bool
passwd_find(struct passwd_files *p, const char *name, struct monitor_answer *a)
{
	static char room[LINE_MAX_BYTES];
	struct passwd entry, *found = NULL;
	bool is_here = false;
	FILE *in;

	/* Lines with these mean others' entries, or none. */
	if (name[0] == '\0' || name[0] == '+' || name[0] == '-' ||
	    !files_are_first(p))
		return false;
	in = fopen(p->users, "re");
	if (in == NULL)
		return false;
	while (!is_here &&
	    fgetpwent_r(in, &entry, room, sizeof(room), &found) == 0)
		is_here = strcmp(entry.pw_name, name) == 0;
	fclose(in);
	if (is_here)
		passwd_answer(&entry, a);
	return is_here;
}
