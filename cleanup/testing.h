/* A message in cleanup's hands in a test, without other processes. */
#ifndef CLEANUP_TESTING_H
#define CLEANUP_TESTING_H

#include "cleanup/mapping.h"

#include "lib/base/mem.h"
#include "lib/mail/addr.h"

#include <stdlib.h>

/* In place of complete.c: whoever has no domain gets one. */
struct err
envelope_complete(struct cleanup *c, const char *context, struct view address,
    struct str *out)
{
	(void)c;
	(void)context;
	str_set(out, address);
	if (address.len > 0 && view_find(address, '@') == VIEW_NPOS)
		str_add_text(out, "@here.example");
	return view_eq(address, VIEW("down"))
	    ? err_make(ERR_TEMP, "rewrite is down")
	    : ERR_OK;
}

/* The same: "SRS0=name" is name@back.example. */
struct err
envelope_reverse(struct cleanup *c, struct str *address)
{
	struct view local = addr_local(str_view(address));
	struct str back = STR_EMPTY;

	if (c->conf->srs_domain[0] == '\0' ||
	    !view_starts(local, VIEW("SRS0=")))
		return ERR_OK;
	str_add(&back, view_skip(local, 5));
	str_add_text(&back, "@back.example");
	str_clear(address);
	*address = back;
	return ERR_OK;
}

#ifndef TESTING_WITH_STORE
/* In place of rcpts.c: they are there, and not in the message's hands. */
static struct str test_written = STR_EMPTY;

void
rcpts_write(struct message *m)
{
	str_add(&test_written, str_view(&m->rcpts));
	m->preamble.rcpts_len += (int64_t)m->rcpts.len;
	str_reset(&m->rcpts);
}
#endif

static struct mapping test_mapping;

static inline void
test_cleanup_init(struct cleanup *c, const char *lines)
{
	static const enum header_id dropped[] = { HEADER_BCC,
		HEADER_CONTENT_LENGTH, HEADER_RESENT_BCC, HEADER_RETURN_PATH };
	struct conf_source source = { .dir = "/nonexistent",
		.service_name = "cleanup",
		.process_name = "cleanup" };
	struct conf *conf;

	*c = (struct cleanup){ .room = true, .mapping = &test_mapping };
	if (err_is(conf_load_text(&source, view_of(lines), "main.cf", &conf)))
		abort();
	c->conf = conf;
	if (err_is(mapping_open(&test_mapping, conf)))
		abort();
	for (size_t i = 0; i < ARRAY_LEN(dropped); i++)
		c->drops |= UINT64_C(1) << dropped[i];
}

static inline void
test_cleanup_clear(struct cleanup *c)
{
	mapping_close(c->mapping);
	htable_clear(&c->drop_others, NULL);
	conf_free((struct conf *)(uintptr_t)c->conf);
}

static inline void
test_message_init(struct message *m, struct cleanup *c, const char *context,
    struct view content)
{
	*m = (struct message){ .cleanup = c,
		.fd = -1,
		.queue = "active",
		.content = content,
		.content_len = (int64_t)content.len,
		.submit = { .queue_id = VIEW("4F2A000000001"),
		    .context = view_of(context),
		    .arrival_us = INT64_C(1700000000000000),
		    .full_name = VIEW_EMPTY } };
	m->orders = (struct orders){ .reason = STR_EMPTY,
		.filter = STR_EMPTY,
		.redirect = STR_EMPTY,
		.bcc = STR_EMPTY,
		.rcpts = STR_EMPTY };
	m->rcpts = m->first_rcpt = m->last_rcpt = m->sender = m->head =
	    m->added = m->layout = m->tail = m->end = m->journal = m->message_id = STR_EMPTY;
	str_add_text(&m->sender, "me@here.example");
}

/* One recipient, as who submits gives it. */
static inline struct err
test_add_rcpt(struct message *m, const struct ipc_rcpt *rcpt)
{
	struct str list = STR_EMPTY;
	struct err e;

	ipc_list_add(&list, ipc_rcpt_type(), rcpt);
	e = envelope_add_rcpts(m, str_view(&list));
	str_clear(&list);
	return e;
}

static inline void
test_message_clear(struct message *m)
{
	str_clear(&m->orders.reason);
	str_clear(&m->orders.filter);
	str_clear(&m->orders.redirect);
	str_clear(&m->orders.bcc);
	str_clear(&m->orders.rcpts);
	hset_clear(&m->seen);
	str_clear(&m->rcpts);
	str_clear(&m->first_rcpt);
	str_clear(&m->last_rcpt);
	str_clear(&m->sender);
	str_clear(&m->added);
	str_clear(&m->layout);
	str_clear(&m->journal);
	str_clear(&m->message_id);
	free(m->pieces);
}

/* The message as it will be sent. */
static inline void
test_message_result(const struct message *m, struct str *out)
{
	str_reset(out);
	for (size_t i = 0; i < m->n_pieces; i++)
		str_add(out,
		    view_sub(
			m->pieces[i].added ? str_view(&m->added) : m->content,
			(size_t)m->pieces[i].at, (size_t)m->pieces[i].len));
}

#endif
