/* Asking programs how they would decide: see explain.h. */
#include "ctl/explain.h"
#include "ctl/table_line.h"

#include "lib/base/mem.h"
#include "lib/base/trace.h"
#include "lib/daemon/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- the command line --- */

struct conf_pair *
explain_overrides(const struct master_service *service)
{
	struct conf_pair *pairs = xcalloc(1, sizeof(*pairs));
	struct view name, value;
	size_t n = 0;

	for (size_t at = 1; service != NULL &&
	     master_service_next_override(service, &at, &name, &value);) {
		pairs = xreallocarray(pairs, n + 2, sizeof(*pairs));
		pairs[n].name = xstrndup(name.ptr, name.len);
		pairs[n++].value = xstrndup(value.ptr, value.len);
		pairs[n] = (struct conf_pair){ NULL, NULL };
	}
	return pairs;
}

void
explain_overrides_free(struct conf_pair *pairs)
{
	for (size_t i = 0; pairs[i].name != NULL; i++) {
		free((char *)(uintptr_t)pairs[i].name);
		free((char *)(uintptr_t)pairs[i].value);
	}
	free(pairs);
}

struct arguments {
	char **all; /* ends in NULL */
	size_t n;
};

static void
add(struct arguments *a, const char *text)
{
	a->all = xreallocarray(a->all, a->n + 2, sizeof(*a->all));
	a->all[a->n++] = xstrdup(text);
	a->all[a->n] = NULL;
}

static struct arguments
build(const struct explain_question *q)
{
	struct arguments all = { NULL, 0 }, *a = &all;
	struct conf_pair *pairs = explain_overrides(q->service);

	add(a, q->command);
	add(a, "-c");
	add(a, q->dir);
	for (size_t i = 0; pairs[i].name != NULL; i++) {
		struct str text = STR_EMPTY;

		str_printf(&text, "%s=%s", pairs[i].name, pairs[i].value);
		add(a, "-o");
		add(a, text.ptr);
		str_clear(&text);
	}
	add(a, "-E");
	for (size_t i = 0; q->args[i] != NULL; i++)
		add(a, q->args[i]);
	explain_overrides_free(pairs);
	return all;
}

/* --- the steps --- */

const char *
explain_text(const json_t *all, const char *name)
{
	const char *text = json_string_value(json_object_get(all, name));

	return text != NULL ? text : "";
}

/* The line of what was found in an indexed table, which does not know it. */
static void
add_line(json_t *all)
{
	struct view spec = view_of(explain_text(all, "table"));
	struct str file = STR_EMPTY, text = STR_EMPTY;
	size_t line;

	switch (table_line_find(spec, view_of(explain_text(all, "key")),
	    view_of(explain_text(all, "value")), &line, &file)) {
	case TABLE_LINE_FOUND:
		str_printf(&text, "%zu", line);
		json_object_set_new(all, "line", json_string(text.ptr));
		json_object_set_new(all, "text_file", json_string(file.ptr));
		break;
	case TABLE_LINE_NEWER:
		str_printf(&text, "%s is newer than the table",
		    file.ptr);
		json_object_set_new(
		    all, "line_unknown", json_string(text.ptr));
		break;
	case TABLE_LINE_OTHER:
		str_printf(&text, "%s does not say it", file.ptr);
		json_object_set_new(
		    all, "line_unknown", json_string(text.ptr));
		break;
	case TABLE_LINE_NONE:
		break;
	}
	str_clear(&file);
	str_clear(&text);
}

static bool
wants_line(const char *step, const json_t *all)
{
	return strcmp(step, "lookup") == 0 &&
	    strcmp(explain_text(all, "result"), "found") == 0 &&
	    /* A longer one was cut. */
	    strlen(explain_text(all, "value")) <= TRACE_VALUE_MAX &&
	    json_object_get(all, "line") == NULL;
}

/* In the form that is wanted, in the order in which it came. */
static void
show(const char *step, json_t *all)
{
	struct trace_field *fields =
	    xcalloc(json_object_size(all) + 1, sizeof(*fields));
	const char *name;
	json_t *value;
	size_t n = 0;

	json_object_foreach (all, name, value)
		if (strcmp(name, "step") != 0 && json_is_string(value))
			fields[n++] = (struct trace_field){ name,
				view_make(json_string_value(value),
				    json_string_length(value)) };
	trace_step(step, fields, n);
	free(fields);
}

/* True if it was a step. */
static bool
take_line(const char *line, size_t len, explain_take_fn *take, void *arg)
{
	json_t *all = json_loadb(line, len, JSON_ALLOW_NUL, NULL);
	const char *step = explain_text(all, "step");
	bool is_step = step[0] != '\0';

	if (is_step && wants_line(step, all))
		add_line(all);
	if (is_step) {
		show(step, all);
		take(arg, step, all);
	}
	json_decref(all);
	return is_step;
}

static bool
read_steps(int fd, explain_take_fn *take, void *arg)
{
	FILE *in = fdopen(fd, "r");
	char *line = NULL;
	size_t room = 0;
	bool good = in != NULL;
	ssize_t len;

	if (in == NULL) {
		close(fd);
		return false;
	}
	while (good && (len = getline(&line, &room, in)) > 0)
		good = take_line(line, (size_t)len, take, arg);
	good = good && !ferror(in);
	free(line);
	fclose(in);
	return good;
}

/* --- the program --- */

/* In the child. */
static void
become(const struct explain_question *q, const char *path, int out)
{
	struct arguments a = build(q);

	if (dup2(out, STDOUT_FILENO) >= 0)
		execv(path, a.all);
	tell("fatal", "exec %s: %s", path, strerror(errno));
	_exit(1);
}

static bool
run(const struct explain_question *q, const char *path, explain_take_fn *take,
    void *arg)
{
	int fds[2], status = 0;
	bool good;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0) {
		tell("fatal", "pipe: %s", strerror(errno));
		return false;
	}
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		become(q, path, fds[1]);
	close(fds[1]);
	if (pid < 0) {
		tell("fatal", "fork: %s", strerror(errno));
		close(fds[0]);
		return false;
	}
	good = read_steps(fds[0], take, arg);
	if (waitpid(pid, &status, 0) < 0 || status != 0 || !good) {
		tell("error", "%s did not tell all", path);
		return false;
	}
	return true;
}

bool
explain_ask(const struct explain_question *q, explain_take_fn *take, void *arg)
{
	const struct program *program = program_find(q->command);
	struct str path = STR_EMPTY;
	bool good;

	str_printf(&path, "%s/%s", q->daemon_directory, program->file);
	good = run(q, path.ptr, take, arg);
	str_clear(&path);
	return good;
}
