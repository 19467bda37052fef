/* Submission by postdrop: see alone.h. */
#include "smtpd/alone.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/mail/drop.h"
#include "smtpd/reply.h"

#include <stdio.h>
#include <stdlib.h>

/* As much of an error's text as a reply line has room for. */
enum { WHY_MAX = 400 };

/* The code, and the text behind it.  The client is the user: it may hear why. */
static int
explain(struct session *s, struct err e, struct str *line)
{
	bool is_perm = e.kind == ERR_PERM;

	log_warn("%s: %s", session_queue_id(s), e.text);
	str_set(line, is_perm ? VIEW("5.3.0 Error: ") : VIEW("4.3.0 Error: "));
	reply_add_clean(line, view_of(e.text), WHY_MAX);
	return is_perm ? 554 : 451;
}

static struct err
begin(struct session *s, struct str *id)
{
	const struct conf *conf = s->smtpd->conf;
	struct str path = STR_EMPTY;
	struct err e;

	str_printf(&path, "%s/postdrop", conf->command_directory);
	e = drop_open(s->t->drop, path.ptr, conf_config_dir(conf));
	str_clear(&path);
	if (!err_is(e))
		e = drop_read_name(s->t->drop, id);
	if (!err_is(e) && !queue_id_is_valid(str_view(id)))
		e = err_make(ERR_TEMP, "postdrop gave no name");
	return e;
}

bool
alone_begin(struct session *s)
{
	struct transaction *t = s->t;
	struct str id = STR_EMPTY, line = STR_EMPTY;
	struct err e;

	t->drop = xcalloc(1, sizeof(*t->drop));
	e = begin(s, &id);
	if (err_is(e)) {
		int code = explain(s, e, &line);

		alone_end(t);
		reply(s, "%d %s", code, line.ptr);
	} else {
		snprintf(t->id.text, sizeof(t->id.text), "%s", id.ptr);
		t->arrival_us = clock_wall_us();
	}
	str_clear(&id);
	str_clear(&line);
	return !err_is(e);
}

void
alone_add_content(struct session *s, struct view bytes)
{
	drop_add_content(s->t->drop, bytes);
}

static void
add_rcpts(struct transaction *t)
{
	struct view rest = str_view(&t->rcpts);
	struct ipc_rcpt r;
	bool more;

	/* Our own writing: it reads. */
	while (!err_is(ipc_list_next(&rest, IPC_IN(rcpt, &r), &more)) && more)
		drop_add_rcpt(t->drop, r.address, (unsigned)r.notify, r.orcpt);
}

int
alone_finish(struct session *s, int64_t flags, struct str *line)
{
	struct transaction *t = s->t;
	struct ipc_drop_commit commit = {
		.sender = str_view(&t->sender),
		.full_name = VIEW_EMPTY,
		.context = VIEW("local"),
		.envid = str_view(&t->envid),
		.ret = t->ret,
		.flags = flags & DROP_FLAGS,
	};
	struct str id = STR_EMPTY;
	struct err e;

	add_rcpts(t);
	e = drop_finish(t->drop, &commit, &id);
	str_clear(&id);
	if (err_is(e))
		return explain(s, e, line);
	str_set(line, VIEW("2.0.0 Ok"));
	return 250;
}

void
alone_end(struct transaction *t)
{
	if (t->drop == NULL)
		return;
	drop_close(t->drop);
	free(t->drop);
	t->drop = NULL;
}
