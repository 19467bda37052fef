/*
 * The services of master.cf: syntax and the meaning of the columns.  What is
 * done with them is master's.
 *
 *	name type private unprivileged chroot wakeup limit command arguments
 *
 * Lines as in main.cf.  An argument in { } may have white space; each
 * "-o name=value" and "-o { name = value }" is left in argv for the daemon.
 * A service given twice (same name and type): the last wins, with a warning.
 */
#ifndef CONF_MASTER_CF_H
#define CONF_MASTER_CF_H

#include "lib/base/err.h"
#include "lib/base/list.h"
#include "lib/base/str.h"

enum {
	MASTER_CF_SERVICES_MAX = 1000,
	MASTER_CF_ARGS_MAX = 1000, /* of one service */
	MASTER_CF_FIELDS = 8,
};

enum master_type {
	MASTER_INET,
	MASTER_UNIX,
	MASTER_UNIX_DGRAM,
	MASTER_FIFO,
	MASTER_PASS,
};

struct master_service {
	struct list node;
	char *name; /* first column as written */
	enum master_type type;
	/* inet: NULL if any address; without the brackets of IPv6. */
	char *host;
	char *port;	     /* inet: number or name of a port */
	bool is_private;     /* '-' is y; always n for inet */
	bool unprivileged;   /* '-' is y: runs as the mail owner */
	bool chroot;	     /* '-' is what master_cf_read was told */
	int64_t wakeup;	     /* seconds; 0 never */
	bool wakeup_if_used; /* the '?': only once it has been used */
	int64_t limit;	     /* 0 no limit; -1 the '-' */
	char *command;	     /* the program's name, as written */
	/* argv[0] is the command; braces stripped; argv[argc] is NULL. */
	char **argv;
	size_t argc;
	char *fields[MASTER_CF_FIELDS]; /* the columns as written */
	const char *file;		/* owned by the master_cf */
	int line;
};

struct master_cf {
	struct list services; /* struct master_service, in file order */
	struct list warnings; /* struct main_cf_warning */
	size_t n_services;
	char *file;
};

void master_cf_init(struct master_cf *cf);
void master_cf_clear(struct master_cf *cf);

/*
 * chroot_default is what '-' means in that column: true only if
 * compatibility_level is below 1.  ERR_PERM with "FILE, line N: …";
 * ERR_TEMP if the file cannot be read.
 */
struct err master_cf_read_file(
    struct master_cf *cf, const char *path, bool chroot_default);
struct err master_cf_read_text(struct master_cf *cf, struct view text,
    const char *file, bool chroot_default);
/* The same for one service line, for those that are built in; does nothing if
 * a service with this name and type is there already. */
struct err master_cf_add_builtin(
    struct master_cf *cf, const char *line, bool chroot_default);

/* NULL if there is none. */
struct master_service *master_cf_find(
    const struct master_cf *cf, struct view name, enum master_type type);

const char *master_type_name(enum master_type type);
bool master_type_find(struct view name, enum master_type *type);

/*
 * Step through the -o of a service: *at begins with 1.  False at the end, which
 * is the first argument that is no option (what follows is pipe's command).
 * name and value borrow from argv.
 */
bool master_service_next_override(const struct master_service *service,
    size_t *at, struct view *name, struct view *value);

#endif
