/* A qmgr in a test: its globals, a queue directory of its own, and, for whole
 * messages, other services played on the same loop. */
#ifndef QMGR_TESTING_H
#define QMGR_TESTING_H

#include "qmgr/qmgr.h"

#include "lib/base/clock.h"
#include "lib/base/unit.h"
#include "lib/mail/queue_sample.h"
#include "lib/run/offload.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

struct qmgr qmgr = {
	.messages = { &qmgr.messages, &qmgr.messages },
	.transports = { &qmgr.transports, &qmgr.transports },
	.room = true,
};

static char test_dir[40];

/* A configuration of these lines, and an empty queue. */
static inline void
test_open(const char *lines)
{
	static const char *const folders[] = { "active", "incoming", "deferred",
		"hold", "maildrop", "corrupt", "private" };
	struct conf_source source = { .dir = "/nonexistent",
		.service_name = "qmgr",
		.process_name = "qmgr" };
	struct conf *conf;
	struct err e =
	    conf_load_text(&source, view_of(lines), "main.cf", &conf);

	ck_assert_msg(!err_is(e), "%s", e.text);
	qmgr.conf = conf;
	master_cf_init(&qmgr.master_cf);
	wait_queue_init(&qmgr.room_for_rcpts);
	snprintf(test_dir, sizeof(test_dir), "/tmp/qmgr-test.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(test_dir));
	ck_assert_int_eq(chdir(test_dir), 0);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		ck_assert_int_eq(mkdir(folders[i], 0700), 0);
	loop_init();
}

static inline void
test_close(void)
{
	char command[80];

	ck_assert_int_eq(chdir("/"), 0);
	snprintf(command, sizeof(command), "rm -r %s", test_dir);
	ck_assert_int_eq(system(command), 0);
}

/* --- the test's own fiber --- */

static inline void
test_fiber(void *arg)
{
	void (*run)(void);

	memcpy(&run, arg, sizeof(run));
	run();
	loop_stop();
}

static inline void
test_run(void (*run)(void))
{
	fiber_spawn("test", test_fiber, &run);
	loop_run();
}

/* Wait for something, some seconds at most. */
#define TEST_WAIT_FOR(condition)                              \
	do {                                                  \
		int64_t limit_ = clock_ms() + 10000;          \
                                                              \
		while (!(condition) && clock_ms() < limit_)   \
			fiber_sleep(2);                       \
		ck_assert_msg((condition), "%s", #condition); \
	} while (0)

static inline bool
test_file_is_in(const char *queue, const char *id)
{
	return access(queue_path_of(queue, view_of(id)).text, F_OK) == 0;
}

/* A queue file with recipients of these addresses (separated by spaces), and
 * these bytes of a journal. */
static inline void
test_put(const char *queue, const char *id, const char *addresses,
    struct view journal)
{
	struct str rcpts = STR_EMPTY, tail = STR_EMPTY, layout = STR_EMPTY;
	struct view content = VIEW("A: b\r\n\r\ntext\r\n");
	struct view rest = view_of(addresses), address;
	char head[QUEUE_PREAMBLE_LEN];
	struct queue_preamble p = { .arrival_us = clock_wall_us(),
		.content_at = QUEUE_PREAMBLE_LEN,
		.content_len = (int64_t)content.len };
	struct ipc_envelope env = { .queue_id = view_of(id),
		.origin = VIEW("smtpd"),
		.context = VIEW("remote"),
		.sender = VIEW("sender@example.com"),
		.full_name = VIEW_EMPTY,
		.envid = VIEW_EMPTY,
		.client_name = VIEW_EMPTY,
		.client_addr = VIEW_EMPTY,
		.protocol = VIEW_EMPTY,
		.helo = VIEW_EMPTY,
		.sasl_method = VIEW_EMPTY,
		.sasl_username = VIEW_EMPTY,
		.filter = VIEW_EMPTY };
	struct queue_path path = queue_path_of(queue, view_of(id));
	int fd;

	while (view_token(&rest, " ", &address)) {
		struct ipc_rcpt r = { p.n_rcpts++, address, address, VIEW_EMPTY,
			0 };

		ipc_list_add(&rcpts, ipc_rcpt_type(), &r);
	}
	queue_layout_add(&layout, p.content_at, p.content_len);
	env.layout = str_view(&layout);
	queue_build_tail(&tail, &p, &env, str_view(&rcpts), VIEW_EMPTY);
	queue_build_preamble(head, &p);
	if (strcmp(queue, "deferred") == 0) {
		char folder[] = "deferred/?";

		folder[9] = queue_id_hash(view_of(id));
		mkdir(folder, 0700);
	}
	fd = open(path.text, O_RDWR | O_CREAT | O_EXCL, 0600);
	ck_assert_int_ge(fd, 0);
	queue_write_at(fd, view_make(head, sizeof(head)), 0);
	queue_write_at(fd, content, p.content_at);
	queue_write_at(fd, str_view(&tail), p.content_at + p.content_len);
	queue_write_at(fd, journal, p.commit_len);
	close(fd);
	str_clear(&rcpts);
	str_clear(&tail);
	str_clear(&layout);
}

/* The journal as a text: "0+2:sent 2+1:deferred B1". */
static inline void
test_journal(const char *queue, const char *id, struct str *out)
{
	static const char *const words[] = { "sent", "deferred", "bounced",
		"expanded", "relayed" };
	int fd = open(queue_path_of(queue, view_of(id)).text, O_RDONLY);
	struct queue_file q;
	struct queue_journal j;
	enum journal_kind kind;
	struct view record;
	struct err e;

	str_reset(out);
	ck_assert_int_ge(fd, 0);
	e = queue_file_read(&q, fd);
	ck_assert_msg(!err_is(e), "%s", e.text);
	ck_assert(!err_is(queue_journal_read(&q, &j)));
	while (queue_journal_next(&j, &kind, &record)) {
		struct ipc_journal_outcome o;
		struct ipc_journal_report r;
		bool more;

		str_add_text(out, out->len > 0 ? " " : "");
		if (kind == JOURNAL_OUTCOME &&
		    !err_is(ipc_list_next(
			&record, IPC_IN(journal_outcome, &o), &more)))
			str_addf(out, "%d+%d:%s", (int)o.first, (int)o.count,
			    words[o.status]);
		else if (kind == JOURNAL_REPORT &&
		    !err_is(ipc_list_next(
			&record, IPC_IN(journal_report, &r), &more)))
			str_addf(out, "B%d", (int)r.kind);
		else
			str_add_byte(out, (char)kind);
	}
	queue_journal_clear(&j);
	queue_file_clear(&q);
	close(fd);
}

#endif
