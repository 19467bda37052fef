/* Writing the listing: see queue_list.h. */
#include "lib/mail/queue_list.h"

#include "lib/base/htable.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/mail/addr.h"
#include "lib/mail/queue_file.h"
#include "lib/mail/queue_id.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	STEP_LEN = 64 * 1024,
	REASONS_MAX = 4096,
	REASON_LEN = 1000,
	RCPTS_MAX = 100 * 1000 * 1000
};

static const char *const queues[] = { "maildrop", "active", "incoming",
	"deferred", "hold" };

/* Why recipients wait: a range of them, as the journal has it last. */
struct range {
	int64_t first, count;
	bool decided;
	char *reason;
};

struct queue_lister {
	size_t queue; /* of queues */
	DIR *dir;
	DIR *folder; /* of a hashed queue */
	char folder_name;
	bool started, ended;
	/* the message that is being listed */
	int fd;
	struct queue_file file;
	struct range *ranges;
	size_t n_ranges;
	unsigned char *decided;
	int64_t rcpts_at;
	struct str memory;
};

struct queue_lister *
queue_lister_new(void)
{
	struct queue_lister *l = xcalloc(1, sizeof(*l));

	l->fd = -1;
	l->memory = STR_EMPTY;
	l->file.memory = STR_EMPTY;
	return l;
}

static void
close_message(struct queue_lister *l)
{
	for (size_t i = 0; i < l->n_ranges; i++)
		free(l->ranges[i].reason);
	free(l->ranges);
	l->ranges = NULL;
	l->n_ranges = 0;
	free(l->decided);
	l->decided = NULL;
	queue_file_clear(&l->file);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	l->rcpts_at = 0;
}

void
queue_lister_free(struct queue_lister *l)
{
	if (l == NULL)
		return;
	close_message(l);
	str_clear(&l->memory);
	if (l->dir != NULL)
		closedir(l->dir);
	if (l->folder != NULL)
		closedir(l->folder);
	free(l);
}

/* --- output --- */

/* A value cannot end itself, or a line of who prints it. */
static void
put(struct str *out, const char *name, struct view value)
{
	str_add(out, view_make(name, strlen(name) + 1));
	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];

		str_add_byte(
		    out, (unsigned char)c < ' ' || c == 0x7f ? '?' : c);
	}
	str_add_byte(out, '\0');
}

static void
put_number(struct str *out, const char *name, int64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, n);
	put(out, name, view_of(text));
}

static void
put_address(struct str *out, const char *name, struct view internal)
{
	struct str external = STR_EMPTY;

	addr_to_external(&external, internal);
	put(out, name, str_view(&external));
	str_clear(&external);
}

/* --- one message --- */

static void
note_outcome(struct queue_lister *l, const struct ipc_journal_outcome *o)
{
	int64_t n = l->file.preamble.n_rcpts;
	struct range *r;

	if (o->first < 0 || o->count <= 0 || o->first > n ||
	    o->count > n - o->first)
		return;
	if (o->status != OUTCOME_DEFERRED) {
		for (int64_t i = o->first; i < o->first + o->count; i++)
			l->decided[i / 8] |= (unsigned char)(1 << i % 8);
		return;
	}
	/* The latest of the same range takes the place of an older one. */
	for (size_t i = 0; i < l->n_ranges; i++)
		if (l->ranges[i].first == o->first &&
		    l->ranges[i].count == o->count) {
			free(l->ranges[i].reason);
			memmove(&l->ranges[i], &l->ranges[i + 1],
			    (l->n_ranges - i - 1) * sizeof(*l->ranges));
			l->n_ranges--;
			break;
		}
	if (l->n_ranges == REASONS_MAX)
		return;
	l->ranges =
	    xreallocarray(l->ranges, l->n_ranges + 1, sizeof(*l->ranges));
	r = &l->ranges[l->n_ranges++];
	*r = (struct range){ .first = o->first,
		.count = o->count,
		.reason = xstrndup(o->text.ptr,
		    o->text.len < REASON_LEN ? o->text.len : REASON_LEN) };
}

static struct err
read_journal(struct queue_lister *l, bool *expired)
{
	struct queue_journal j;
	enum journal_kind kind;
	struct view record;
	bool more;
	struct err e = queue_journal_read(&l->file, &j);

	l->decided = xcalloc((size_t)l->file.preamble.n_rcpts / 8 + 1, 1);
	while (!err_is(e) && queue_journal_next(&j, &kind, &record)) {
		struct ipc_journal_outcome o;
		struct ipc_journal_state s;

		if (kind == JOURNAL_OUTCOME &&
		    !err_is(ipc_list_next(
			&record, IPC_IN(journal_outcome, &o), &more)) &&
		    more)
			note_outcome(l, &o);
		else if (kind == JOURNAL_STATE &&
		    !err_is(ipc_list_next(
			&record, IPC_IN(journal_state, &s), &more)) &&
		    more && view_eq(s.what, VIEW("expired")))
			*expired = true;
	}
	queue_journal_clear(&j);
	return e;
}

static struct err
open_message(
    struct queue_lister *l, const char *queue, struct view id, bool *expired)
{
	struct queue_path path = queue_path_of(queue, id);
	struct err e;

	*expired = false;
	l->fd = open(path.text,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (l->fd < 0)
		return err_sys(ERR_GONE, "open %s", path.text);
	e = queue_file_read(&l->file, l->fd);
	/* More recipients than bytes of them: a number that cannot be. */
	if (!err_is(e) &&
	    (l->file.preamble.n_rcpts > l->file.preamble.rcpts_len ||
		l->file.preamble.n_rcpts > RCPTS_MAX))
		e = err_make(ERR_PERM, "queue file: damaged preamble");
	if (!err_is(e))
		e = read_journal(l, expired);
	return e;
}

static void
begin_message(
    struct queue_lister *l, const char *queue, struct view id, struct str *out)
{
	bool expired;
	struct err e = open_message(l, queue, id, &expired);

	if (err_is(e)) {
		close_message(l);
		return;
	}
	put(out, "queue_name", view_of(queue));
	put(out, "queue_id", id);
	put_number(out, "time", l->file.preamble.arrival_us / 1000000);
	put_number(out, "size", l->file.preamble.size);
	put_number(out, "forced_expire", expired);
	put_address(out, "sender", l->file.envelope.sender);
}

static const char *
reason_of(const struct queue_lister *l, int64_t number)
{
	for (size_t i = l->n_ranges; i > 0; i--) {
		const struct range *r = &l->ranges[i - 1];

		if (number >= r->first && number < r->first + r->count)
			return r->reason;
	}
	return NULL;
}

static void
put_rcpt(struct queue_lister *l, const struct ipc_rcpt *r, struct str *out)
{
	const char *reason;

	if (r->number < 0 || r->number >= l->file.preamble.n_rcpts ||
	    (l->decided[r->number / 8] >> r->number % 8 & 1) != 0)
		return;
	reason = reason_of(l, r->number);
	put_address(out, "original_recipient",
	    r->original.len > 0 ? r->original : r->address);
	put_address(out, "recipient", r->address);
	put(out, "log_class", reason != NULL ? VIEW("delay") : VIEW_EMPTY);
	put(out, "reason", view_of(reason != NULL ? reason : ""));
}

/* Some recipients more; closes the message with the last. */
static void
continue_message(struct queue_lister *l, struct str *out)
{
	struct ipc_rcpt rcpt;
	struct view list;
	bool more;
	struct err e =
	    queue_file_read_rcpts(&l->file, &l->rcpts_at, &l->memory, &list);

	while (!err_is(e) && list.len > 0) {
		e = ipc_list_next(&list, IPC_IN(rcpt, &rcpt), &more);
		if (!err_is(e) && more)
			put_rcpt(l, &rcpt, out);
	}
	if (!err_is(e) && l->rcpts_at < l->file.preamble.rcpts_len)
		return;
	str_add_byte(out, '\0');
	close_message(l);
}

/* --- the queues --- */

static void
close_folder(struct queue_lister *l)
{
	if (l->folder != NULL)
		closedir(l->folder);
	l->folder = NULL;
}

static void
next_queue(struct queue_lister *l)
{
	if (l->dir != NULL)
		closedir(l->dir);
	l->dir = NULL;
	l->queue++;
}

/* The next name in this queue, or in a folder of it; NULL at the end. */
static const char *
next_name(struct queue_lister *l)
{
	for (;;) {
		DIR *dir = l->folder != NULL ? l->folder : l->dir;
		struct dirent *entry = readdir(dir);

		if (entry == NULL && l->folder == NULL)
			return NULL;
		if (entry == NULL) {
			close_folder(l);
		} else if (l->folder == NULL && entry->d_name[0] != '.' &&
		    entry->d_name[1] == '\0') {
			int fd = openat(dirfd(dir), entry->d_name,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

			if (fd >= 0)
				l->folder = fdopendir(fd);
		} else if (queue_id_is_valid(view_of(entry->d_name))) {
			return entry->d_name;
		}
	}
}

bool
queue_lister_step(struct queue_lister *l, struct str *out)
{
	size_t start = out->len;

	if (l->ended)
		return false;
	if (!l->started) {
		put(out, "protocol", VIEW("mail_queue_list_protocol"));
		str_add_byte(out, '\0');
	}
	l->started = true;
	while (out->len - start < STEP_LEN && l->queue < ARRAY_LEN(queues)) {
		const char *name;

		if (l->fd >= 0) {
			continue_message(l, out);
			continue;
		}
		if (l->dir == NULL)
			l->dir = opendir(queues[l->queue]);
		name = l->dir != NULL ? next_name(l) : NULL;
		if (name != NULL)
			begin_message(l, queues[l->queue], view_of(name), out);
		else
			next_queue(l);
	}
	if (l->queue == ARRAY_LEN(queues)) {
		str_add_byte(out, '\0');
		l->ended = true;
	}
	return !l->ended;
}
