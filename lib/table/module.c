/* Loading modules: see module.h. */
#include "lib/table/module.h"

#include "lib/base/clock.h"
#include "lib/base/htable.h"
#include "lib/base/str.h"
#include "lib/table/dbwait.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct htable loaded;

static void
module_path(const char *name, struct str *path)
{
	str_printf(path, "%s/%s.so", BARID_MODULE_DIR, name);
}

/* Code that runs as root must be nobody else's. */
static struct err
check_owner(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_sys(ERR_PERM, "load %s", path);
	if ((st.st_uid != 0 && st.st_uid != geteuid()) ||
	    (st.st_mode & S_IWOTH) != 0)
		return err_make(ERR_PERM,
		    "load %s: not root's, or writable by others", path);
	return ERR_OK;
}

static bool
wait_left(int fd, short events, int64_t left_ms)
{
	return left_ms > 0 && dbwait(fd, events, deadline_in_ms(left_ms));
}

static struct err
load(const char *name, const char *path, const struct table_module **out)
{
	struct err e = check_owner(path);
	struct table_module *module;
	void *handle;

	if (err_is(e))
		return e;
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (handle == NULL)
		return err_make(ERR_PERM, "load %s: %.120s", path, dlerror());
	module = dlsym(handle, "table_module");
	if (module == NULL || module->version != MODULE_VERSION) {
		dlclose(handle);
		return err_make(
		    ERR_PERM, "load %s: of another version", path);
	}
	module->wait = wait_left;
	if (module->prepare != NULL)
		module->prepare();
	*out = module;
	/* Never unloaded: libraries leave handlers and threads behind. */
	htable_set(&loaded, view_of(name), (void *)(uintptr_t)*out);
	return ERR_OK;
}

struct err
module_load(const char *name, const struct table_module **out)
{
	struct str path = STR_EMPTY;
	struct err e = ERR_OK;

	pthread_mutex_lock(&lock);
	*out = htable_find(&loaded, view_of(name));
	if (*out == NULL) {
		module_path(name, &path);
		e = load(name, path.ptr, out);
		str_clear(&path);
	}
	pthread_mutex_unlock(&lock);
	return err_is(e)
	    ? err_within(e, "unsupported dictionary type: %s", name)
	    : e;
}

bool
module_is_there(const char *name)
{
	struct str path = STR_EMPTY;
	bool there;

	module_path(name, &path);
	there = access(path.ptr, R_OK) == 0;
	str_clear(&path);
	return there;
}
