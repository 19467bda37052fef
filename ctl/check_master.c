/* The services of master.cf, and the transports that parameters name. */
#include "ctl/check.h"

#include "lib/base/mem.h"
#include "lib/conf/rows.h"
#include "lib/daemon/program.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void
check_program(struct check *c, const struct master_service *s,
    const struct check_place *at)
{
	const struct program *program = program_find(s->command);
	const char *file = program->file;
	struct str path = STR_EMPTY;

	if (program->kind == PROGRAM_LATER)
		check_tell(c, CHECK_WARNING, at,
		    "the program %s is not supported: the service is not "
		    "started",
		    s->command);
	if (program->kind == PROGRAM_FOREIGN)
		file = s->command;
	if (file != NULL && c->conf != NULL) {
		str_printf(&path, "%s%s%s",
		    file[0] == '/' ? "" : c->conf->daemon_directory,
		    file[0] == '/' ? "" : "/", file);
		if (access(path.ptr, X_OK) != 0)
			check_tell(c, CHECK_ERROR, at,
			    program->kind == PROGRAM_FOREIGN
				? "unknown program %s: %s"
				: "program %s: %s",
			    path.ptr, strerror(errno));
	}
	str_clear(&path);
}

/* As master will ask. */
static void
check_address(struct check *c, const struct master_service *s,
    const struct check_place *at)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE }, *list = NULL;
	int code;

	if (s->type != MASTER_INET)
		return;
	code = getaddrinfo(s->host, s->port, &hints, &list);
	if (code != 0)
		check_tell(c, CHECK_ERROR, at, "%s port %s: %s",
		    s->host != NULL ? s->host : "any address", s->port,
		    gai_strerror(code));
	else
		freeaddrinfo(list);
}

static void
check_service(struct check *c, const struct master_service *s)
{
	struct str service = STR_EMPTY;
	struct check_place at = { s->file, s->line, NULL, NULL };

	str_printf(&service, "%s/%s", s->name, master_type_name(s->type));
	at.service = service.ptr;
	check_program(c, s, &at);
	check_address(c, s, &at);
	str_clear(&service);
}

static void
check_supervisor(struct check *c)
{
	struct check_place at = check_place_of(c, "daemon_directory");
	struct str path = STR_EMPTY;

	if (c->conf != NULL) {
		str_printf(&path, "%s/master", c->conf->daemon_directory);
		if (access(path.ptr, X_OK) != 0)
			check_tell(c, CHECK_ERROR, &at, "%s: %s", path.ptr,
			    strerror(errno));
	}
	str_clear(&path);
}

/* Whose value is "TRANSPORT:NEXTHOP". */
static const char *const transports[] = { "content_filter", "default_transport",
	"fallback_transport", "local_transport", "mailbox_transport",
	"relay_transport", "virtual_transport" };

/* What qmgr does itself, and services that are built in. */
static bool
is_built_in(struct view name)
{
	static const char *const names[] = { "error", "retry", "discard" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (view_eq(name, view_of(names[i])))
			return true;
	return program_is_builtin_transport(name);
}

const char *
check_transport_fault(const struct check *c, struct view name)
{
	const struct master_service *s =
	    master_cf_find(&c->master, name, MASTER_UNIX);

	if (s == NULL)
		return is_built_in(name) ? NULL : "is not in master.cf";
	return program_find(s->command)->kind == PROGRAM_LATER
	    ? "is not started, since its program is not supported: mail waits"
	    : NULL;
}

static void
check_transport(struct check *c, const char *parameter)
{
	struct check_place at = check_place_of(c, parameter);
	struct str value = STR_EMPTY;
	const char *fault;
	struct view name;

	if (check_value_of(c, parameter, &value)) {
		name = view_trim(view_first(
		    str_view(&value), view_find(str_view(&value), ':')));
		fault = name.len > 0 ? check_transport_fault(c, name) : NULL;
		if (fault != NULL)
			check_tell(c, CHECK_ERROR, &at, "service %.*s/unix %s",
			    VIEW_ARGS(name), fault);
	}
	str_clear(&value);
}

void
check_services(struct check *c)
{
	if (!c->has_master)
		return;
	check_supervisor(c);
	LIST_EACH (it, after, &c->master.services)
		check_service(c, LIST_ITEM(it, struct master_service, node));
	for (size_t i = 0; i < ARRAY_LEN(transports); i++)
		if (conf_row_find(view_of(transports[i])) != NULL &&
		    conf_row_find(view_of(transports[i]))->type == CONF_STR)
			check_transport(c, transports[i]);
}
