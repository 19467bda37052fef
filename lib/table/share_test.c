/* What hosts share, with a server that says what it is told to. */
#include "lib/table/share.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "lib/table/dbhosts.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { HOSTS = 2, HEARD_MAX = 1 << 20 };

/*
 * A server: to each connection it says what the next script has, as soon as so
 * many commands came, and leaves.
 */
static struct server {
	char path[64];
	int listener;
	pthread_t thread;
	const char *says[4]; /* NULL: leave */
	int after[4];	     /* commands that are awaited */
	int n_connections;
	struct str heard;
} servers[HOSTS];

static char dir[] = "/tmp/share-test.XXXXXX";
static struct share *share;

/* So many commands: each begins with an array of words. */
static int
commands_in(const struct str *heard)
{
	struct view rest = str_view(heard);
	int n = 0;
	size_t at;

	n += view_starts(rest, VIEW("*"));
	while ((at = view_find_text(rest, VIEW("\r\n*"))) != VIEW_NPOS) {
		n++;
		rest = view_skip(rest, at + 3);
	}
	return n;
}

static void
serve_one(struct server *s, int fd, const char *says, int after)
{
	struct str mine = STR_EMPTY;

	while (commands_in(&mine) < after && mine.len < HEARD_MAX) {
		ssize_t n = recv(fd, str_reserve(&mine, 65536), 65536, 0);

		if (n <= 0)
			break;
		str_grew(&mine, (size_t)n);
	}
	str_add(&s->heard, str_view(&mine));
	str_clear(&mine);
	if (says != NULL)
		ck_assert(send(fd, says, strlen(says), MSG_NOSIGNAL) > 0);
}

static void *
serve(void *arg)
{
	struct server *s = arg;

	for (int i = 0; i < 4 && s->after[i] > 0; i++) {
		int fd = accept(s->listener, NULL, NULL);
		char rest[1024];

		if (fd < 0)
			break;
		s->n_connections++;
		serve_one(s, fd, s->says[i], s->after[i]);
		shutdown(fd, SHUT_WR);
		while (recv(fd, rest, sizeof(rest), 0) > 0)
			;
		close(fd);
	}
	return NULL;
}

static void
begin(int n)
{
	struct str spec = STR_EMPTY;

	log_set_stderr(false);
	dbhosts_forget();
	ck_assert_ptr_nonnull(mkdtemp(dir));
	str_add_text(&spec, "redis:{timeout=20, key_prefix=p:, { hosts =");
	for (int i = 0; i < n; i++) {
		struct sockaddr_un addr = { .sun_family = AF_UNIX };
		struct server *s = &servers[i];

		snprintf(s->path, sizeof(s->path), "%s/%d", dir, i);
		memcpy(addr.sun_path, s->path, strlen(s->path));
		s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		ck_assert(bind(s->listener, (void *)&addr, sizeof(addr)) == 0);
		ck_assert(listen(s->listener, 5) == 0);
		str_init(&s->heard);
		ck_assert(pthread_create(&s->thread, NULL, serve, s) == 0);
		str_addf(&spec, " unix:%s", s->path);
	}
	str_add_text(&spec, " }}");
	ck_assert(!err_is(share_open(str_view(&spec), &share)));
	str_clear(&spec);
}

static void
end(int n)
{
	share_close(share);
	for (int i = 0; i < n; i++) {
		shutdown(servers[i].listener, SHUT_RDWR);
		pthread_join(servers[i].thread, NULL);
		close(servers[i].listener);
		unlink(servers[i].path);
		str_clear(&servers[i].heard);
		servers[i] = (struct server){ .n_connections = 0 };
	}
	rmdir(dir);
	memcpy(strrchr(dir, '.'), ".XXXXXX", sizeof(".XXXXXX"));
}

static struct str answers[SHARE_BATCH_MAX];
static struct share_question questions[SHARE_BATCH_MAX];
static struct share_question *all[SHARE_BATCH_MAX];

static struct share_question *
question(int i, enum share_verb verb)
{
	str_init(&answers[i]);
	questions[i] = (struct share_question){ .verb = verb,
		.key = VIEW("k"),
		.old = VIEW("old"),
		.value = VIEW("new"),
		.life = 60,
		.window = 3600,
		.amount = 2,
		.limit = 10,
		.answer = &answers[i] };
	all[i] = &questions[i];
	return all[i];
}

static void
clear_answers(void)
{
	for (int i = 0; i < SHARE_BATCH_MAX; i++)
		str_clear(&answers[i]);
}

/* All that are asked together are sent before the first is answered. */
START_TEST(many_are_on_their_way_at_once)
{
	struct str says = STR_EMPTY;
	int64_t number;

	for (int i = 0; i < SHARE_BATCH_MAX; i++)
		str_addf(&says, "$4\r\n1 %02d\r\n", i);
	servers[0].says[0] = says.ptr;
	servers[0].after[0] = SHARE_BATCH_MAX;
	begin(1);
	for (int i = 0; i < SHARE_BATCH_MAX; i++)
		question(i, SHARE_GET);
	share_ask(share, all, SHARE_BATCH_MAX);
	for (int i = 0; i < SHARE_BATCH_MAX; i++) {
		ck_assert_msg(!err_is(all[i]->e), "%s", all[i]->e.text);
		ck_assert(all[i]->done);
		ck_assert(view_to_int(str_view(&answers[i]), &number));
		ck_assert_int_eq(number, i);
	}
	end(1);
	str_clear(&says);
	clear_answers();
}
END_TEST

static const struct {
	enum share_verb verb;
	const char *says;
	bool good, done;
	const char *answer;
	int64_t count;
} rows[] = {
	{ SHARE_GET, "$5\r\n1 abc\r\n", true, true, "abc", 0 },
	{ SHARE_GET, "$-1\r\n", true, false, "", 0 },
	/* Another format, none, nothing behind it. */
	{ SHARE_GET, "$5\r\n2 abc\r\n", true, false, "", 0 },
	{ SHARE_GET, "$3\r\nabc\r\n", true, false, "", 0 },
	{ SHARE_GET, "$2\r\n1 \r\n", true, false, "", 0 },
	{ SHARE_GET, "$0\r\n\r\n", true, false, "", 0 },
	{ SHARE_GET, ":1\r\n", false, false, "", 0 },
	{ SHARE_GET, "+OK\r\n", false, false, "", 0 },
	{ SHARE_GET, "*1\r\n$5\r\n1 abc\r\n", false, false, "", 0 },
	{ SHARE_GET, "-ERR no\r\n", false, false, "", 0 },
	{ SHARE_GET, "$99999999\r\n", false, false, "", 0 },
	{ SHARE_GET, "$5\r\n1 abcde", false, false, "", 0 },
	{ SHARE_PUT, "+OK\r\n", true, true, "", 0 },
	{ SHARE_PUT, "$2\r\nOK\r\n", false, true, "", 0 },
	{ SHARE_PUT, "-OOM no\r\n", false, false, "", 0 },
	{ SHARE_SWAP, ":1\r\n", true, true, "", 0 },
	{ SHARE_SWAP, "$5\r\n1 abc\r\n", true, false, "abc", 0 },
	{ SHARE_SWAP, "$0\r\n\r\n", true, false, "", 0 },
	{ SHARE_SWAP, ":0\r\n", false, false, "", 0 },
	{ SHARE_SWAP, ":2\r\n", false, false, "", 0 },
	{ SHARE_SWAP, "+OK\r\n", false, false, "", 0 },
	/* Two are added, up to ten. */
	{ SHARE_COUNT, ":0\r\n", true, true, "", 0 },
	{ SHARE_COUNT, ":8\r\n", true, true, "", 8 },
	{ SHARE_COUNT, ":-10\r\n", true, false, "", 9 },
	{ SHARE_COUNT, ":-11\r\n", true, false, "", 10 },
	/* It says that it was added, and that it was not, against the limit. */
	{ SHARE_COUNT, ":9\r\n", false, true, "", 9 },
	{ SHARE_COUNT, ":-9\r\n", false, false, "", 8 },
	{ SHARE_COUNT, ":-1\r\n", false, false, "", 0 },
	{ SHARE_COUNT, ":9223372036854775807\r\n", false, true, "", 0 },
	{ SHARE_COUNT, ":-9223372036854775808\r\n", false, false, "", 0 },
	{ SHARE_COUNT, ":99999999999999999999\r\n", false, false, "", 0 },
	{ SHARE_COUNT, ":1099511627777\r\n", false, true, "", 0 },
	{ SHARE_COUNT, ":\r\n", false, false, "", 0 },
	{ SHARE_COUNT, "$-1\r\n", false, false, "", 0 },
	{ SHARE_COUNT, "", false, false, "", 0 },
};

START_TEST(an_answer_is_within_its_bounds_or_none)
{
	struct share_question *q = question(0, rows[_i].verb);

	/* It is asked again, of the same. */
	for (int i = 0; i < 2; i++) {
		servers[0].says[i] =
		    rows[_i].says[0] != '\0' ? rows[_i].says : NULL;
		servers[0].after[i] = 1;
	}
	begin(1);
	share_ask(share, all, 1);
	ck_assert_msg(
	    err_is(q->e) == !rows[_i].good, "%s: %s", rows[_i].says, q->e.text);
	if (rows[_i].good) {
		ck_assert_int_eq(q->done, rows[_i].done);
		ck_assert_str_eq(answers[0].ptr, rows[_i].answer);
		ck_assert_int_eq(q->count, rows[_i].count);
	} else {
		ck_assert_int_eq(q->e.kind, ERR_TEMP);
	}
	end(1);
	clear_answers();
}
END_TEST

/* A connection that is lost: what may be is asked again, of the next server; what
 * must not be done twice fails. */
START_TEST(what_must_not_be_done_twice_is_not)
{
	servers[0].says[0] = "$3\r\n1 a\r\n";
	servers[0].after[0] = 4;
	servers[1].says[0] = "$3\r\n1 b\r\n+OK\r\n";
	servers[1].after[0] = 2;
	begin(2);
	question(0, SHARE_GET);
	question(1, SHARE_COUNT);
	question(2, SHARE_GET);
	question(3, SHARE_PUT);
	share_ask(share, all, 4);
	ck_assert(!err_is(all[0]->e) && all[0]->done);
	ck_assert_str_eq(answers[0].ptr, "a");
	ck_assert_int_eq(all[1]->e.kind, ERR_TEMP);
	ck_assert(!err_is(all[2]->e) && all[2]->done);
	ck_assert_str_eq(answers[2].ptr, "b");
	ck_assert(!err_is(all[3]->e) && all[3]->done);
	end(2);
	clear_answers();
}
END_TEST

/* One that copies another may not be written to: the next one is asked, and what
 * it has refused was not done. */
START_TEST(a_copy_is_passed_over)
{
	servers[0].says[0] = "-READONLY You can't write against a read only "
			     "replica.\r\n-READONLY x\r\n$3\r\n1 a\r\n";
	servers[0].after[0] = 3;
	servers[1].says[0] = ":3\r\n+OK\r\n";
	servers[1].after[0] = 2;
	begin(2);
	question(0, SHARE_COUNT);
	question(1, SHARE_PUT);
	question(2, SHARE_GET);
	share_ask(share, all, 3);
	ck_assert_msg(!err_is(all[0]->e), "%s", all[0]->e.text);
	ck_assert(all[0]->done);
	ck_assert_int_eq(all[0]->count, 3);
	ck_assert(!err_is(all[1]->e));
	ck_assert_str_eq(answers[2].ptr, "a");
	end(2);
	clear_answers();
}
END_TEST

/* Attack 43: a key is one word on the wire, whatever is in it. */
START_TEST(a_key_is_one_word)
{
	struct share_question *q = question(0, SHARE_GET);

	servers[0].says[0] = "$-1\r\n";
	servers[0].after[0] = 1;
	q->key = VIEW("a b\r\n$3\r\nDEL\0\xff");
	begin(1);
	share_ask(share, all, 1);
	ck_assert(!err_is(q->e));
	ck_assert(view_eq(str_view(&servers[0].heard),
	    VIEW("*2\r\n$3\r\nGET\r\n$16\r\np:a b\r\n$3\r\nDEL\0\xff\r\n")));
	end(1);
	clear_answers();
}
END_TEST

static const struct {
	struct share_question q;
	bool sane;
} bounds[] = {
	{ { .verb = SHARE_GET, .key = VIEW("k") }, true },
	{ { .verb = SHARE_GET }, false },
	{ { .verb = SHARE_VERBS, .key = VIEW("k") }, false },
	{ { .verb = SHARE_PUT, .key = VIEW("k") }, true },
	{ { .verb = SHARE_PUT, .key = VIEW("k"), .life = 1 }, false },
	{ { .verb = SHARE_PUT,
	      .key = VIEW("k"),
	      .life = 1,
	      .value = VIEW("v") },
	    true },
	{ { .verb = SHARE_PUT,
	      .key = VIEW("k"),
	      .life = -1,
	      .value = VIEW("v") },
	    false },
	{ { .verb = SHARE_PUT,
	      .key = VIEW("k"),
	      .life = INT64_MAX,
	      .value = VIEW("v") },
	    false },
	{ { .verb = SHARE_COUNT, .key = VIEW("k") }, false },
	{ { .verb = SHARE_COUNT, .key = VIEW("k"), .window = 1 }, true },
	{ { .verb = SHARE_COUNT, .key = VIEW("k"), .window = 1, .amount = -1 },
	    false },
	{ { .verb = SHARE_COUNT, .key = VIEW("k"), .window = 1, .limit = -1 },
	    false },
	{ { .verb = SHARE_COUNT, .key = VIEW("k"), .window = INT64_MAX },
	    false },
};

START_TEST(a_question_has_bounds)
{
	ck_assert_int_eq(share_is_sane(&bounds[_i].q), bounds[_i].sane);
}
END_TEST

static const struct {
	const char *spec;
	bool ok;
} specs[] = {
	{ "redis:{hosts=localhost}", true },
	{ "redis:{hosts=a:b:c}", false },
	{ "redis:{timeout=x}", false },
	{ "redis:{tls_CAfile=/nowhere}", false },
	{ "redis:{tls_verify_cert=perhaps}", false },
	{ "redis:/nowhere", false },
};

START_TEST(parameters_are_looked_at)
{
	struct share *s;
	struct err e = share_open(view_of(specs[_i].spec), &s);

	ck_assert_msg(
	    err_is(e) == !specs[_i].ok, "%s: %s", specs[_i].spec, e.text);
	share_close(s);
}
END_TEST

UNIT_MAIN("share", { many_are_on_their_way_at_once, 1 },
    { an_answer_is_within_its_bounds_or_none, ARRAY_LEN(rows) },
    { what_must_not_be_done_twice_is_not, 1 }, { a_copy_is_passed_over, 1 },
    { a_key_is_one_word, 1 }, { a_question_has_bounds, ARRAY_LEN(bounds) },
    { parameters_are_looked_at, ARRAY_LEN(specs) })
