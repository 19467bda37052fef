/*
 * A module of the name service, for the tests: "passwd: files slow".  Its users
 * all have nobody's numbers and no group but that one.  A name decides how it is
 * answered:
 *
 *	quick...	at once
 *	stuck...	when the file "answers" stands beside this module
 *	alone...	at once, but its groups are as stuck
 *	ill...		that the service cannot tell now
 *	deadly...	not: the process that asks dies
 *
 * No other name has a user.
 */
#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <nss.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NOBODY = 65534, LOOK_US = 20000 };

enum nss_status _nss_slow_getpwnam_r(
    const char *name, struct passwd *entry, char *room, size_t size, int *why);
enum nss_status _nss_slow_initgroups_dyn(const char *name, gid_t gid,
    long *start, long *size, gid_t **groups, long limit, int *why);

static int
begins(const char *name, const char *with)
{
	return strncmp(name, with, strlen(with)) == 0;
}

static void
await_answers(void)
{
	static char path[PATH_MAX];
	Dl_info self;
	char *slash;

	if (dladdr((void *)&begins, &self) == 0 ||
	    strlen(self.dli_fname) >= sizeof(path) - sizeof("answers"))
		abort();
	memcpy(path, self.dli_fname, strlen(self.dli_fname) + 1);
	slash = strrchr(path, '/');
	if (slash == NULL)
		abort();
	memcpy(slash + 1, "answers", sizeof("answers"));
	while (access(path, F_OK) < 0)
		usleep(LOOK_US);
}

enum nss_status
_nss_slow_getpwnam_r(
    const char *name, struct passwd *entry, char *room, size_t size, int *why)
{
	*why = 0;
	if (begins(name, "deadly"))
		abort();
	if (begins(name, "stuck"))
		await_answers();
	else if (begins(name, "ill"))
		*why = EAGAIN;
	else if (!begins(name, "quick") && !begins(name, "alone"))
		*why = ENOENT;
	else if (strlen(name) >= size)
		*why = ERANGE;
	if (*why != 0)
		return *why == ENOENT ? NSS_STATUS_NOTFOUND
				      : NSS_STATUS_TRYAGAIN;
	memcpy(room, name, strlen(name) + 1);
	*entry = (struct passwd){ .pw_name = room,
		.pw_passwd = (char *)"*",
		.pw_uid = NOBODY,
		.pw_gid = NOBODY,
		.pw_gecos = (char *)"",
		.pw_dir = (char *)"/nonexistent",
		.pw_shell = (char *)"/bin/false" };
	return NSS_STATUS_SUCCESS;
}

enum nss_status
_nss_slow_initgroups_dyn(const char *name, gid_t gid, long *start, long *size,
    gid_t **groups, long limit, int *why)
{
	(void)gid;
	(void)start;
	(void)size;
	(void)groups;
	(void)limit;
	(void)why;
	if (begins(name, "alone"))
		await_answers();
	return NSS_STATUS_NOTFOUND;
}
