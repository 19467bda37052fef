/*
 * Dropping privileges for good: see sandbox.h.  The order of the steps is in
 * sandbox_drop_to and matters: each needs rights that a later one takes away.
 * Files and calls are in landlock.c and seccomp_sets.c.
 */
#include "lib/run/sandbox.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/run/landlock.h"
#include "lib/run/sandbox_impl.h"
#include "lib/run/seccomp_sets.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/capability.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANDBOX_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANDBOX_ASAN 1
#endif
#endif

enum { ACCOUNT_BUFFER = 65536, ACCOUNT_NAME_MAX = 256 };

static struct {
	char layers[128];
	bool begun;
} sandbox;

#ifdef SANDBOX_ASAN
#include <sanitizer/lsan_interface.h>

/* The search for leaks at exit attaches to the process, which the layers
 * forbid: what runs behind them is searched by tests without. */
int
__lsan_is_turned_off(void)
{
	return sandbox.begun;
}
#endif

static void
layer_add(const char *word)
{
	size_t len = strlen(sandbox.layers);

	snprintf(sandbox.layers + len, sizeof(sandbox.layers) - len, "%s%s",
	    len > 0 ? " " : "", word);
}

const char *
sandbox_layers(void)
{
	return sandbox.layers;
}

/* --- who --- */

static const char *const account_suffix[IDENTITY_COUNT] = {
	[IDENTITY_QUEUE] = "",
	[IDENTITY_SMTPD] = "-smtpd",
	[IDENTITY_SMTP] = "-smtp",
	[IDENTITY_REWRITE] = "-rewrite",
	[IDENTITY_LOOKUP] = "-lookup",
	[IDENTITY_RESOLVE] = "-resolve",
	[IDENTITY_ANVIL] = "-anvil",
	[IDENTITY_AUTH] = "-auth",
	[IDENTITY_KEYS] = "-keys",
	[IDENTITY_LOG] = "-log",
	[IDENTITY_OWNER] = "",
};

void
sandbox_account_name(const struct sandbox_site *site, enum sandbox_identity who,
    char *buf, size_t size)
{
	if (who == IDENTITY_ROOT)
		snprintf(buf, size, "root");
	else
		snprintf(
		    buf, size, "%s%s", site->mail_owner, account_suffix[who]);
}

static struct err
find_uid(const char *name, uid_t *uid)
{
	char *buf = xmalloc(ACCOUNT_BUFFER);
	struct passwd pw, *found = NULL;
	struct err e = ERR_OK;
	int code = getpwnam_r(name, &pw, buf, ACCOUNT_BUFFER, &found);

	if (found != NULL)
		*uid = found->pw_uid;
	else if (code != 0)
		e = err_make(
		    ERR_TEMP, "find account %s: %s", name, strerror(code));
	else
		e = err_make(ERR_TEMP, "find account %s: there is none", name);
	free(buf);
	return e;
}

static struct err
find_gid(const char *name, gid_t *gid)
{
	char *buf = xmalloc(ACCOUNT_BUFFER);
	struct group gr, *found = NULL;
	struct err e = ERR_OK;
	int code = getgrnam_r(name, &gr, buf, ACCOUNT_BUFFER, &found);

	if (found != NULL)
		*gid = found->gr_gid;
	else if (code != 0)
		e = err_make(
		    ERR_TEMP, "find group %s: %s", name, strerror(code));
	else
		e = err_make(ERR_TEMP, "find group %s: there is none", name);
	free(buf);
	return e;
}

struct err
sandbox_find_identity(const struct sandbox_site *site,
    enum sandbox_identity who, uid_t *uid, gid_t *gid)
{
	char name[ACCOUNT_NAME_MAX];
	struct err e;

	if (site->unprivileged) {
		*uid = geteuid();
		*gid = getegid();
		return ERR_OK;
	}
	if (who == IDENTITY_ROOT) {
		*uid = 0;
		*gid = 0;
		return ERR_OK;
	}
	sandbox_account_name(site, who, name, sizeof(name));
	e = find_uid(name, uid);
	if (!err_is(e))
		e = find_gid(site->mail_owner, gid);
	if (!err_is(e) && (*uid == 0 || *gid == 0))
		e = err_make(
		    ERR_TEMP, "account %s has the rights of root", name);
	return e;
}

struct err
sandbox_find_groups(const char *name, struct sandbox_ids *ids)
{
	int n = SANDBOX_GROUPS_MAX;
	struct err e = ERR_OK;

	if (getgrouplist(name, ids->gid, ids->groups, &n) < 0) {
		e = err_make(ERR_PERM, "%s is in %d groups", name, n);
		n = 0;
	}
	ids->n_groups = n;
	return e;
}

/* --- the steps --- */

struct drop {
	const struct sandbox_role *role;
	const char *queue_directory;
	bool as_root; /* uids, groups and the root can be changed */
	bool chroot;
	struct sandbox_ids ids;
	int rules; /* Landlock's, -1 where there is none */
};

/* A thread that is older than the drop would keep its rights. */
static struct err
check_one_thread(struct drop *d)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	int n = 0;

	(void)d;
	if (dir == NULL)
		return err_sys(ERR_TEMP, "open /proc/self/task");
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			n++;
	closedir(dir);
	return n == 1 ? ERR_OK : err_make(ERR_TEMP, "there are %d", n);
}

static struct err
open_rules(struct drop *d)
{
	unsigned inet = CALLS_INET | CALLS_RESOLVER;

	return landlock_open_rules(d->role->paths, d->queue_directory,
	    (d->role->calls & inet) != 0, &d->rules);
}

/*
 * No RLIMIT_NPROC: it counts what all processes of the uid have.  What a
 * command would inherit stays in reach: only the soft limit of the core file's
 * size is lowered.
 */
static struct err
set_limits(struct drop *d)
{
	const struct sandbox_role *role = d->role;
	rlim_t most = (rlim_t)role->file_size_max;
	struct rlimit core, files, size = { most, most };

	if (getrlimit(RLIMIT_CORE, &core) < 0 ||
	    getrlimit(RLIMIT_NOFILE, &files) < 0)
		return err_sys(ERR_TEMP, "getrlimit");
	core.rlim_cur = 0;
	if (!role->has_children)
		core.rlim_max = 0;
	if (setrlimit(RLIMIT_CORE, &core) < 0)
		return err_sys(ERR_TEMP, "RLIMIT_CORE");
	if (role->has_children)
		return ERR_OK;
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		return err_sys(ERR_TEMP, "RLIMIT_NOFILE");
	if (most > 0 && setrlimit(RLIMIT_FSIZE, &size) < 0)
		return err_sys(ERR_TEMP, "RLIMIT_FSIZE");
	return ERR_OK;
}

/* The new root is entered by its descriptor, so that what was looked at is
 * what is entered. */
static struct err
enter_root(const char *path, bool empty)
{
	struct stat st;
	struct err e = ERR_OK;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_sys(ERR_TEMP, "open %s", path);
	if (fstat(fd, &st) < 0)
		e = err_sys(ERR_TEMP, "stat %s", path);
	else if (empty && (st.st_uid != 0 || (st.st_mode & 022) != 0))
		e = err_make(ERR_TEMP, "%s can be written by others", path);
	else if (fchdir(fd) < 0 || chroot(".") < 0 || chdir("/") < 0)
		e = err_sys(ERR_TEMP, "enter %s", path);
	close(fd);
	return e;
}

static struct err
change_root(struct drop *d)
{
	struct str path = STR_EMPTY;
	struct err e;

	if (!d->chroot)
		return ERR_OK;
	str_printf(&path, "%s%s", d->queue_directory,
	    d->role->root == ROOT_EMPTY ? "/empty" : "");
	e = enter_root(path.ptr, d->role->root == ROOT_EMPTY);
	str_clear(&path);
	if (!err_is(e))
		layer_add("chroot");
	return e;
}

static struct err
clear_bounding_set(struct drop *d)
{
	(void)d;
	for (cap_value_t c = 0; cap_get_bound(c) >= 0; c++)
		if (cap_get_bound(c) > 0 && cap_drop_bound(c) < 0)
			return err_sys(ERR_TEMP, "capability %d", c);
	return ERR_OK;
}

/* Kernels older than 4.3 have no ambient set. */
static struct err
clear_ambient_set(struct drop *d)
{
	(void)d;
	if (cap_reset_ambient() < 0 && errno != EINVAL)
		return err_sys(ERR_TEMP, "reset");
	return ERR_OK;
}

/* An ordinary user's: no saved id is left of a program that was set-uid. */
static struct err
set_ids(struct drop *d)
{
	const struct sandbox_ids *ids = &d->ids;

	if (d->as_root && setgroups((size_t)ids->n_groups, ids->groups) < 0)
		return err_sys(ERR_TEMP, "setgroups");
	if (setresgid(ids->gid, ids->gid, ids->gid) < 0)
		return err_sys(ERR_TEMP, "setresgid %ld", (long)ids->gid);
	if (setresuid(ids->uid, ids->uid, ids->uid) < 0)
		return err_sys(ERR_TEMP, "setresuid %ld", (long)ids->uid);
	return ERR_OK;
}

static bool
ids_are(uid_t uid, gid_t gid)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	/* setfsuid tells the old one, whatever it is asked. */
	return getresuid(&r, &e, &s) == 0 && getresgid(&rg, &eg, &sg) == 0 &&
	    r == uid && e == uid && s == uid && rg == gid && eg == gid &&
	    sg == gid && (uid_t)setfsuid((uid_t)-1) == uid &&
	    (gid_t)setfsgid((gid_t)-1) == gid;
}

static struct err
check_ids(struct drop *d)
{
	uid_t uid = d->ids.uid;

	if (!ids_are(uid, d->ids.gid))
		return err_make(ERR_TEMP, "an id is still another");
	if (uid == 0)
		return err_make(ERR_TEMP, "uid 0");
	if (setuid(0) == 0 || seteuid(0) == 0 || setresuid(0, 0, 0) == 0 ||
	    (setfsuid(0), setfsuid((uid_t)-1) == 0))
		return err_make(ERR_TEMP, "root can be had back");
	return ERR_OK;
}

static struct err
clear_capabilities(struct drop *d)
{
	cap_t none = cap_init();
	struct err e = ERR_OK;

	(void)d;
	if (none == NULL || cap_set_proc(none) < 0)
		e = err_sys(ERR_TEMP, "capset");
	cap_free(none);
	return e;
}

/* Those of `now` that a monitor works with; false with errno. */
static bool
pick_capabilities(cap_t now, cap_t then)
{
	static const cap_value_t keep[] = { CAP_SETUID, CAP_SETGID, CAP_SETPCAP,
		CAP_SYS_CHROOT, CAP_KILL, CAP_NET_BIND_SERVICE, CAP_CHOWN,
		CAP_FOWNER, CAP_DAC_OVERRIDE, CAP_SYS_RESOURCE };

	for (size_t i = 0; i < ARRAY_LEN(keep); i++) {
		const cap_value_t *c = &keep[i];
		cap_flag_value_t has;

		if (cap_get_flag(now, *c, CAP_PERMITTED, &has) < 0)
			return false;
		/* A container may not have them all. */
		if (has == CAP_SET &&
		    (cap_set_flag(then, CAP_PERMITTED, 1, c, CAP_SET) < 0 ||
			cap_set_flag(then, CAP_EFFECTIVE, 1, c, CAP_SET) < 0))
			return false;
	}
	return true;
}

/* It guards against mistakes only: uid 0 has all again when it executes a
 * program. */
static struct err
keep_monitor_capabilities(struct drop *d)
{
	cap_t now = cap_get_proc();
	cap_t then = cap_init();
	struct err e = ERR_OK;

	(void)d;
	if (now == NULL || then == NULL || !pick_capabilities(now, then) ||
	    cap_set_proc(then) < 0)
		e = err_sys(ERR_TEMP, "capset");
	cap_free(now);
	cap_free(then);
	return e;
}

static struct err
forbid_dumps(struct drop *d)
{
	(void)d;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_sys(ERR_TEMP, "PR_SET_DUMPABLE");
	return ERR_OK;
}

static struct err
forbid_new_privileges(struct drop *d)
{
	(void)d;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(ERR_TEMP, "PR_SET_NO_NEW_PRIVS");
	return ERR_OK;
}

static struct err
enforce_rules(struct drop *d)
{
	char word[32];

	if (d->rules < 0)
		return ERR_OK;
	snprintf(word, sizeof(word), "landlock:%d", landlock_abi());
	layer_add(word);
	return landlock_enforce(d->rules);
}

static struct err
filter_calls(struct drop *d)
{
	unsigned calls = d->role->calls;
	bool there;
	struct err e;

	/* A thread's arena reads /proc/sys/vm when it shrinks. */
	if ((calls & CALLS_THREAD) != 0 && (calls & CALLS_FILE_READ) == 0)
		mallopt(M_ARENA_MAX, 1);
	e = seccomp_enforce(calls, &there);
	if (!err_is(e) && there)
		layer_add("seccomp");
	return e;
}

struct step {
	const char *layer;
	struct err (*run)(struct drop *d);
	bool needs_root;
	const char *word; /* for sandbox_layers */
};

/* In this order: each needs rights that a later one takes away. */
static const struct step daemon_steps[] = {
	{ "threads", check_one_thread, false, NULL },
	{ "landlock", open_rules, false, NULL },
	{ "limits", set_limits, false, "limits" },
	{ "chroot", change_root, true, NULL },
	{ "bounding set", clear_bounding_set, true, NULL },
	{ "ambient set", clear_ambient_set, false, NULL },
	{ "uid", set_ids, false, NULL },
	{ "uid", check_ids, false, "uid" },
	{ "capabilities", clear_capabilities, false, "caps" },
	{ "not dumpable", forbid_dumps, false, NULL },
	{ "no_new_privs", forbid_new_privileges, false, "nnp" },
	{ "landlock", enforce_rules, false, NULL },
	{ "seccomp", filter_calls, false, NULL },
	{ NULL, NULL, false, NULL },
};

/* Whoever starts other people's programs: they would inherit the rest. */
static const struct step monitor_steps[] = {
	{ "limits", set_limits, false, "limits" },
	{ "capabilities", keep_monitor_capabilities, true, "caps" },
	{ "not dumpable", forbid_dumps, false, NULL },
	{ NULL, NULL, false, NULL },
};

/* The owner of a mailbox, in a child of a monitor. */
static const struct step owner_steps[] = {
	{ "bounding set", clear_bounding_set, true, NULL },
	{ "ambient set", clear_ambient_set, false, NULL },
	{ "uid", set_ids, false, NULL },
	{ "uid", check_ids, false, "uid" },
	{ "capabilities", clear_capabilities, false, "caps" },
	{ "not dumpable", forbid_dumps, false, NULL },
	{ "no_new_privs", forbid_new_privileges, false, "nnp" },
	{ "seccomp", filter_calls, false, NULL },
	{ NULL, NULL, false, NULL },
};

static struct err
run_steps(struct drop *d, const struct step *step)
{
	sandbox.layers[0] = '\0';
	sandbox.begun = true;
	for (; step->run != NULL; step++) {
		struct err e;

		if (step->needs_root && !d->as_root)
			continue;
		e = step->run(d);
		if (err_is(e))
			return err_within(e, "%s", step->layer);
		if (step->word != NULL)
			layer_add(step->word);
	}
	return ERR_OK;
}

/* Without TZ the C library looks for /etc/localtime again and again, and falls
 * back to UTC where it cannot see it. */
static void
keep_time_zone(void)
{
	if (getenv("TZ") == NULL)
		setenv("TZ", ":/etc/localtime", 1);
	tzset();
}

static void
die_if(const struct sandbox_role *role, const struct err *e)
{
	if (err_is(*e))
		die_temp("drop privileges of %s: %s", role->name, e->text);
}

void
sandbox_drop_to(const struct sandbox_role *role,
    const struct sandbox_site *site, const struct sandbox_ids *ids)
{
	struct drop d = { .role = role,
		.ids = *ids,
		.rules = -1,
		.queue_directory = site->queue_directory,
		.as_root = !site->unprivileged,
		.chroot = role->root != ROOT_NONE || site->chroot };
	struct err e = ERR_OK;

	if (d.as_root != (geteuid() == 0))
		e = err_make(ERR_TEMP, "uid: %s",
		    d.as_root ? "not started as root"
			      : "an ordinary user was expected");
	die_if(role, &e);
	if (role->identity == IDENTITY_ROOT) {
		e = run_steps(&d, monitor_steps);
	} else {
		keep_time_zone();
		e = run_steps(&d, daemon_steps);
	}
	die_if(role, &e);
}

void
priv_drop(const struct sandbox_role *role, const struct sandbox_site *site)
{
	struct sandbox_ids ids = { .n_groups = 0 };
	struct err e;

	e = sandbox_find_identity(site, role->identity, &ids.uid, &ids.gid);
	if (!err_is(e) && role->identity == IDENTITY_OWNER &&
	    !site->unprivileged)
		e = sandbox_find_groups(site->mail_owner, &ids);
	die_if(role, &e);
	sandbox_drop_to(role, site, &ids);
}

struct err
sandbox_become_user(const struct sandbox_ids *ids, unsigned calls)
{
	struct sandbox_role role = { .name = "a recipient", .calls = calls };
	struct drop d = { .role = &role,
		.as_root = geteuid() == 0,
		.ids = *ids };
	struct err e = ERR_OK;

	if (ids->uid == 0)
		e = err_make(ERR_PERM, "refused");
	else if (!d.as_root && ids->uid != geteuid())
		e = err_make(ERR_PERM, "not started as root");
	else if (!d.as_root)
		d.ids.gid = getgid();
	if (!err_is(e))
		e = run_steps(&d, owner_steps);
	return err_is(e) ? err_within(e, "become uid %ld", (long)ids->uid) : e;
}
