/*
 * The file system as the daemons need it: directories, owners, modes, system
 * accounts, set-gid bits.  One table says it all.
 */
#include "ctl/barid.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/conf/main_cf.h"
#include "lib/conf/master_cf.h"
#include "lib/run/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum owning_user { OWNER_ROOT, OWNER_MAIL };
enum owning_group { GROUP_ROOT, GROUP_MAIL, GROUP_SETGID };

/* Below the queue directory; "" is itself. */
static const struct {
	const char *path;
	enum owning_user owner;
	enum owning_group group;
	mode_t mode;
} directories[] = {
	{ "", OWNER_ROOT, GROUP_ROOT, 0755 },
	{ "pid", OWNER_ROOT, GROUP_ROOT, 0755 },
	{ "empty", OWNER_ROOT, GROUP_ROOT, 0755 },
	/* Only members may reach the sockets, only root makes them. */
	{ "private", OWNER_ROOT, GROUP_MAIL, 0710 },
	{ "public", OWNER_ROOT, GROUP_SETGID, 0710 },
	{ "maildrop", OWNER_MAIL, GROUP_SETGID, 0730 },
	{ "incoming", OWNER_MAIL, GROUP_MAIL, 0700 },
	{ "active", OWNER_MAIL, GROUP_MAIL, 0700 },
	{ "deferred", OWNER_MAIL, GROUP_MAIL, 0700 },
	{ "hold", OWNER_MAIL, GROUP_MAIL, 0700 },
	{ "corrupt", OWNER_MAIL, GROUP_MAIL, 0700 },
	{ "tmp", OWNER_MAIL, GROUP_MAIL, 0700 },
	/* Empty here; monitoring scripts list them. */
	{ "bounce", OWNER_MAIL, GROUP_MAIL, 0700 },
	{ "defer", OWNER_MAIL, GROUP_MAIL, 0700 },
	{ "flush", OWNER_MAIL, GROUP_MAIL, 0700 },
	{ "saved", OWNER_MAIL, GROUP_MAIL, 0700 },
	{ "trace", OWNER_MAIL, GROUP_MAIL, 0700 },
};

static const char *const setgid_commands[] = { "postdrop", "postqueue" };

/* --- accounts --- */

static bool
run(const char *const argv[])
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool
make_group(const char *name)
{
	const char *const argv[] = { "/usr/sbin/groupadd", "--system", name,
		NULL };

	if (getgrnam(name) != NULL)
		return true;
	if (run(argv) && getgrnam(name) != NULL)
		return true;
	tell("fatal", "cannot create group %s", name);
	return false;
}

static bool
make_user(const char *name, const char *group, const char *home)
{
	const char *const argv[] = { "/usr/sbin/useradd", "--system",
		"--no-create-home", "--home-dir", home, "--shell",
		"/usr/sbin/nologin", "--gid", group, name, NULL };

	if (getpwnam(name) != NULL)
		return true;
	if (run(argv) && getpwnam(name) != NULL)
		return true;
	tell("fatal", "cannot create user %s", name);
	return false;
}

bool
setup_accounts(const struct barid *b)
{
	const struct conf *conf = b->conf;
	struct sandbox_site site = { .mail_owner = conf->mail_owner,
		.setgid_group = conf->setgid_group };

	if (geteuid() != 0)
		return true;
	if (!make_group(conf->mail_owner) || !make_group(conf->setgid_group))
		return false;
	for (int i = 0; i < IDENTITY_COUNT; i++) {
		char name[64];

		if (i == IDENTITY_ROOT)
			continue;
		sandbox_account_name(&site, (enum sandbox_identity)i, name,
		    sizeof(name));
		if (!make_user(name, conf->mail_owner, conf->queue_directory))
			return false;
	}
	return true;
}

/* --- directories --- */

struct ids {
	uid_t owner;
	gid_t mail, setgid;
};

static bool
find_ids(const struct conf *conf, struct ids *ids)
{
	const struct passwd *pw;
	const struct group *gr;

	*ids = (struct ids){ geteuid(), getegid(), getegid() };
	if (geteuid() != 0)
		return true;
	pw = getpwnam(conf->mail_owner);
	if (pw == NULL) {
		tell("fatal", "no user %s (mail_owner): run \"barid "
			      "set-permissions\"",
		    conf->mail_owner);
		return false;
	}
	ids->owner = pw->pw_uid;
	ids->mail = pw->pw_gid;
	gr = getgrnam(conf->setgid_group);
	if (gr == NULL) {
		tell("fatal", "no group %s (setgid_group): run \"barid "
			      "set-permissions\"",
		    conf->setgid_group);
		return false;
	}
	ids->setgid = gr->gr_gid;
	return true;
}

static bool
make_directory(const char *path, uid_t uid, gid_t gid, mode_t mode)
{
	int fd;
	bool ok = true;

	if (mkdir(path, mode) < 0 && errno != EEXIST) {
		tell("fatal", "create %s: %s", path, strerror(errno));
		return false;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		tell("fatal", "open %s: %s", path, strerror(errno));
		return false;
	}
	if ((geteuid() == 0 && fchown(fd, uid, gid) < 0) ||
	    fchmod(fd, mode) < 0) {
		tell("fatal", "set owner and mode of %s: %s", path,
		    strerror(errno));
		ok = false;
	}
	close(fd);
	return ok;
}

/* The parents of the queue and data directory are made too. */
static void
make_parents(const char *path)
{
	struct str part = STR_EMPTY;

	for (size_t i = 1; path[i] != '\0'; i++)
		if (path[i] == '/') {
			str_set(&part, view_make(path, i));
			mkdir(part.ptr, 0755);
		}
	str_clear(&part);
}

static bool
make_deferred(const char *queue, const struct ids *ids)
{
	static const char hashes[] = "0123456789ABCDEF";
	struct str path = STR_EMPTY;
	bool ok = true;

	for (size_t i = 0; ok && hashes[i] != '\0'; i++) {
		str_printf(&path, "%s/deferred/%c", queue, hashes[i]);
		ok = make_directory(path.ptr, ids->owner, ids->mail, 0700);
	}
	str_clear(&path);
	return ok;
}

bool
setup_directories(const struct barid *b)
{
	const char *queue = b->conf->queue_directory;
	struct str path = STR_EMPTY;
	struct ids ids;
	bool ok = find_ids(b->conf, &ids);

	umask(022);
	make_parents(queue);
	make_parents(b->conf->data_directory);
	for (size_t i = 0; ok && i < ARRAY_LEN(directories); i++) {
		uid_t uid = directories[i].owner == OWNER_ROOT ? 0 : ids.owner;
		gid_t gid = directories[i].group == GROUP_ROOT ? 0 :
		    directories[i].group == GROUP_MAIL	       ? ids.mail :
								 ids.setgid;

		str_printf(&path, "%s%s%s", queue,
		    directories[i].path[0] != '\0' ? "/" : "",
		    directories[i].path);
		ok = make_directory(path.ptr, uid, gid, directories[i].mode);
	}
	ok = ok && make_deferred(queue, &ids);
	ok = ok && make_directory(b->conf->data_directory, ids.owner,
		ids.mail, 0700);
	str_clear(&path);
	return ok;
}

bool
setup_permissions(const struct barid *b)
{
	struct str path = STR_EMPTY;
	struct ids ids;
	bool ok = find_ids(b->conf, &ids);

	if (geteuid() != 0)
		return ok;
	for (size_t i = 0; ok && i < ARRAY_LEN(setgid_commands); i++) {
		str_printf(&path, "%s/%s", b->conf->command_directory,
		    setgid_commands[i]);
		if (chown(path.ptr, 0, ids.setgid) < 0 ||
		    chmod(path.ptr, 02755) < 0) {
			tell("fatal", "set owner and mode of %s: %s", path.ptr,
			    strerror(errno));
			ok = false;
		}
	}
	str_clear(&path);
	return ok;
}

/* --- check --- */

static void
tell_warning(void *arg, const char *text)
{
	(void)arg;
	tell("warning", "%s", text);
}

/* One directory against its row. */
static void
find_wrong(const char *path, const struct ids *ids, size_t row,
    void (*visit)(void *arg, const char *path, const char *text), void *arg)
{
	uid_t uid = directories[row].owner == OWNER_ROOT ? 0 : ids->owner;
	gid_t gid = directories[row].group == GROUP_ROOT ? 0 :
	    directories[row].group == GROUP_MAIL	 ? ids->mail :
							   ids->setgid;
	struct stat st;
	char text[100];

	if (lstat(path, &st) < 0) {
		(void)snprintf(text, sizeof(text), "%s", strerror(errno));
		visit(arg, path, text);
	} else if (!S_ISDIR(st.st_mode)) {
		visit(arg, path, "not a directory");
	} else if ((st.st_mode & 07777) != directories[row].mode) {
		(void)snprintf(text, sizeof(text), "mode is %04o, not %04o",
		    (unsigned)(st.st_mode & 07777),
		    (unsigned)directories[row].mode);
		visit(arg, path, text);
	} else if (geteuid() == 0 && (st.st_uid != uid || st.st_gid != gid)) {
		(void)snprintf(text, sizeof(text),
		    "belongs to %ld:%ld, not %ld:%ld", (long)st.st_uid,
		    (long)st.st_gid, (long)uid, (long)gid);
		visit(arg, path, text);
	}
}

void
setup_each_wrong(const struct conf *conf,
    void (*visit)(void *arg, const char *path, const char *text), void *arg)
{
	struct str path = STR_EMPTY;
	struct ids ids = { geteuid(), getegid(), getegid() };
	const struct passwd *pw = getpwnam(conf->mail_owner);
	const struct group *gr = getgrnam(conf->setgid_group);

	/* What "start" makes is not missed before it. */
	if (access(conf->queue_directory, F_OK) != 0)
		return;
	if (geteuid() == 0 && (pw == NULL || gr == NULL)) {
		visit(arg, conf->queue_directory,
		    pw == NULL ? "the user mail_owner is not there"
			       : "the group setgid_group is not there");
		return;
	}
	if (geteuid() == 0)
		ids = (struct ids){ pw->pw_uid, pw->pw_gid, gr->gr_gid };
	for (size_t i = 0; i < ARRAY_LEN(directories); i++) {
		str_printf(&path, "%s%s%s", conf->queue_directory,
		    directories[i].path[0] != '\0' ? "/" : "",
		    directories[i].path);
		find_wrong(path.ptr, &ids, i, visit, arg);
	}
	str_clear(&path);
}

bool
setup_check(const struct barid *b)
{
	struct master_cf cf;
	struct str path = STR_EMPTY;
	struct err e;

	conf_each_warning(b->conf, tell_warning, NULL);
	master_cf_init(&cf);
	str_printf(&path, "%s/master.cf", b->dir);
	e = master_cf_read_file(&cf, path.ptr, false);
	if (err_is(e))
		tell("fatal", "%s", e.text);
	LIST_EACH(it, after, &cf.warnings) {
		main_cf_describe(
		    LIST_ITEM(it, struct main_cf_warning, node), &path);
		tell("warning", "%s", path.ptr);
	}
	master_cf_clear(&cf);
	str_printf(&path, "%s/master", b->conf->daemon_directory);
	if (!err_is(e) && access(path.ptr, X_OK) < 0) {
		tell("fatal", "%s: %s", path.ptr, strerror(errno));
		e = err_make(ERR_PERM, "no master");
	}
	str_clear(&path);
	return !err_is(e);
}
