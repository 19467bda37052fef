/* Questions about what hosts share: together, and no longer than who asks. */
#include "lookup/shared.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "lib/run/fiber.h"
#include "lib/run/loop.h"
#include "lib/run/offload.h"
#include "lib/table/dbhosts.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LATER = 12 };

static char dir[] = "/tmp/shared-test.XXXXXX";
static struct str spec = { str_nothing, 0, 0 };
static struct shared shared;
static int listener, n_open;

/*
 * The server: it hears of one question, waits for a word, answers it; then it
 * answers whatever came together, by as many numbers, and leaves when its client
 * does.
 */
static sem_t heard, may_answer;
static int together; /* most questions that came at once */

static int
commands_in(const char *bytes, size_t len)
{
	int n = 0;

	for (size_t i = 0; i + 4 < len; i++)
		n += memcmp(bytes + i, "\nGET\r", 5) == 0;
	return n;
}

static void *
serve(void *arg)
{
	static char bytes[1 << 16];
	int fd = accept(listener, NULL, NULL);
	bool is_first = true;
	ssize_t n;

	(void)arg;
	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0) {
		int count = commands_in(bytes, (size_t)n);

		if (is_first) {
			sem_post(&heard);
			sem_wait(&may_answer);
		}
		is_first = false;
		together = count > together ? count : together;
		for (int i = 0; i < count; i++)
			ck_assert(
			    send(fd, "$3\r\n1 x\r\n", 9, MSG_NOSIGNAL) == 9);
	}
	close(fd);
	return NULL;
}

static struct err
ask(int64_t deadline, bool *done)
{
	struct str answer = STR_EMPTY;
	struct share_question q = {
		.verb = SHARE_GET, .key = VIEW("k"), .answer = &answer
	};
	struct err e = shared_ask(&shared, str_view(&spec), &q, deadline);

	*done = q.done && strcmp(answer.ptr, "x") == 0;
	str_clear(&answer);
	return e;
}

static void
leave(void)
{
	if (--n_open == 0)
		loop_stop();
}

static void
ask_impatiently(void *arg)
{
	bool done;

	(void)arg;
	/* It does not wait for an answer that is not to come. */
	ck_assert_int_eq(ask(deadline_in_ms(1), &done).kind, ERR_TIME);
	sem_post(&may_answer);
	leave();
}

static void
ask_later(void *arg)
{
	struct err e;
	bool done;

	(void)arg;
	e = ask(deadline_in(60), &done);
	ck_assert_msg(!err_is(e), "%s", e.text);
	ck_assert(done);
	leave();
}

static void
wait_for_server(void *arg)
{
	(void)arg;
	sem_wait(&heard);
}

static void
run(void *arg)
{
	(void)arg;
	n_open = LATER + 2;
	/* The first is on its way, and those after it wait for its end. */
	fiber_spawn("first", ask_later, NULL);
	ck_assert(!err_is(fiber_yield()));
	offload(wait_for_server, NULL);
	for (int i = 0; i < LATER; i++)
		fiber_spawn("later", ask_later, NULL);
	ck_assert(!err_is(fiber_yield()));
	fiber_spawn("impatient", ask_impatiently, NULL);
	/* Out of bounds it is not asked at all. */
	ck_assert_int_eq(
	    shared_ask(&shared, str_view(&spec),
		&(struct share_question){ .verb = SHARE_GET }, deadline_in(60))
		.kind,
	    ERR_TEMP);
}

START_TEST(what_comes_meanwhile_is_sent_together)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	pthread_t thread;

	log_set_stderr(false);
	dbhosts_forget();
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/s", dir);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert(bind(listener, (void *)&addr, sizeof(addr)) == 0);
	ck_assert(listen(listener, 5) == 0);
	sem_init(&heard, 0, 0);
	sem_init(&may_answer, 0, 0);
	ck_assert(pthread_create(&thread, NULL, serve, NULL) == 0);
	str_printf(&spec, "redis:{timeout=60, hosts=unix:%s}", addr.sun_path);

	loop_init();
	shared_init(&shared);
	fiber_spawn("test", run, NULL);
	loop_run();
	shared_clear(&shared);
	offload_clear();
	loop_clear();
	pthread_join(thread, NULL);
	ck_assert_int_eq(together, LATER);
	close(listener);
	unlink(addr.sun_path);
	rmdir(dir);
	str_clear(&spec);
}
END_TEST

UNIT_MAIN("lookup/shared", { what_comes_meanwhile_is_sent_together, 1 })
