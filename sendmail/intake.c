#include "sendmail/intake.h"

#include "lib/base/mem.h"
#include "lib/mail/addr.h"
#include "lib/mail/esmtp.h"

void
intake_init(struct intake *in, int64_t size_limit,
    struct err (*content)(struct intake *in, struct view bytes))
{
	*in = (struct intake){ .size_limit = size_limit,
		.content = content,
		.rcpts = STR_EMPTY,
		.memory = STR_EMPTY,
		.pending = STR_EMPTY };
}

void
intake_clear(struct intake *in)
{
	str_clear(&in->rcpts);
	str_clear(&in->memory);
	str_clear(&in->pending);
}

/* No byte that could end a line or a field somewhere later. */
static bool
is_clean(struct view v, size_t max)
{
	if (v.len > max)
		return false;
	for (size_t i = 0; i < v.len; i++)
		if ((unsigned char)v.ptr[i] < ' ' || v.ptr[i] == 0x7f)
			return false;
	return true;
}

static struct err
take_rcpt(struct intake *in, const struct ipc_rcpt *from)
{
	struct ipc_rcpt rcpt = { .number = in->n_rcpts,
		.address = from->address,
		.orcpt = from->orcpt,
		.notify = from->notify };
	const unsigned known = ESMTP_NOTIFY_NEVER | ESMTP_NOTIFY_SUCCESS |
	    ESMTP_NOTIFY_FAILURE | ESMTP_NOTIFY_DELAY;

	if (from->address.len == 0 || !is_clean(from->address, ADDR_MAX))
		return err_make(ERR_PERM, "malformed recipient address");
	if (!is_clean(from->orcpt, ADDR_MAX))
		return err_make(ERR_PERM, "malformed original recipient");
	if ((from->notify & ~(int64_t)known) != 0)
		return err_make(ERR_PERM, "malformed request");
	if (in->rcpts.len > DROP_RCPTS_MAX)
		return err_make(ERR_PERM, "too many recipients");
	ipc_list_add(&in->rcpts, ipc_rcpt_type(), &rcpt);
	in->n_rcpts++;
	return ERR_OK;
}

static struct err
take_rcpts(struct intake *in, const struct ipc_header *header)
{
	struct ipc_more_rcpts frame;
	struct ipc_rcpt rcpt;
	bool more;
	struct err e = ipc_decode(header, IPC_IN(more_rcpts, &frame), -1);

	while (!err_is(e)) {
		e = ipc_list_next(&frame.rcpts, IPC_IN(rcpt, &rcpt), &more);
		if (err_is(e) || !more)
			break;
		e = take_rcpt(in, &rcpt);
	}
	return e;
}

static struct err
take_content(struct intake *in, const struct ipc_header *header)
{
	struct ipc_content frame;
	struct err e = ipc_decode(header, IPC_IN(content, &frame), -1);

	if (err_is(e))
		return e;
	in->content_len += (int64_t)frame.bytes.len;
	if (in->size_limit > 0 && in->content_len > in->size_limit)
		return err_make(ERR_PERM, "message file too big");
	return in->content(in, frame.bytes);
}

static struct err
take_commit(struct intake *in, const struct ipc_header *header)
{
	struct ipc_drop_commit *c = &in->commit;
	struct ipc_header kept = *header;
	struct err e;

	/* The frame goes; what is in it stays. */
	str_set(&in->memory, header->attributes);
	kept.attributes = str_view(&in->memory);
	e = ipc_decode(&kept, IPC_IN(drop_commit, c), -1);
	if (err_is(e))
		return e;
	if (!is_clean(c->sender, ADDR_MAX))
		return err_make(ERR_PERM, "malformed sender address");
	if (!is_clean(c->full_name, DROP_NAME_MAX))
		return err_make(ERR_PERM, "malformed full name");
	if (!is_clean(c->envid, ESMTP_ENVID_MAX) || c->ret < ESMTP_RET_NONE ||
	    c->ret > ESMTP_RET_HDRS || (c->flags & ~(int64_t)DROP_FLAGS) != 0 ||
	    (!view_eq(c->context, VIEW("local")) &&
		!view_eq(c->context, VIEW("remote"))))
		return err_make(ERR_PERM, "malformed request");
	if (in->n_rcpts == 0)
		return err_make(ERR_PERM, "no recipients specified");
	in->committed = true;
	return ERR_OK;
}

static struct err
take_frame(struct intake *in, const struct ipc_header *header)
{
	static const struct {
		const struct ipc_type *(*type)(void);
		struct err (*take)(struct intake *, const struct ipc_header *);
	} rows[] = {
		{ ipc_content_type, take_content },
		{ ipc_more_rcpts_type, take_rcpts },
		{ ipc_drop_commit_type, take_commit },
	};

	if (in->committed || header->n_fds != 0)
		return err_make(ERR_PERM, "malformed stream");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (ipc_is_named(header, rows[i].type()))
			return rows[i].take(in, header);
	return err_make(ERR_PERM, "unknown record");
}

/* The whole frames at the front; what is left is in *rest. */
static struct err
take_frames(struct intake *in, struct view *rest)
{
	struct ipc_header header;
	bool complete;
	struct err e;

	for (;;) {
		e = ipc_decode_header(*rest, &header, &complete);
		if (err_is(e) || !complete)
			return e;
		e = take_frame(in, &header);
		if (err_is(e))
			return e;
		*rest = view_skip(*rest, header.frame_len);
	}
}

struct err
intake_feed(struct intake *in, struct view bytes)
{
	struct view rest = bytes;
	size_t had = in->pending.len;
	struct err e;

	if (had > 0) {
		str_add(&in->pending, bytes);
		rest = str_view(&in->pending);
	}
	e = take_frames(in, &rest);
	if (!err_is(e) && in->committed && rest.len > 0)
		e = err_make(ERR_PERM, "malformed stream");
	if (had > 0)
		str_drop_front(&in->pending, in->pending.len - rest.len);
	else
		str_set(&in->pending, rest);
	return e;
}
