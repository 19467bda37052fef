/*
 * Asks a table many times, one question after the other, and prints how long
 * half of them took and 99 of 100, in microseconds, and how many were found:
 *
 *	ask_table [-u USER] [-n N] QUEUE-DIRECTORY TYPE:NAME KEY...
 *
 * By way of lookup, as a daemon asks; with "-" for the directory the table is
 * opened here, which takes so many milliseconds and KiB as are printed first.
 * KEY may hold one "%d", which counts up.
 */
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/ipc/client.h"
#include "lib/table/table.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static struct ipc_service lookup;

_Noreturn static void
fail(const char *what)
{
	fprintf(stderr, "ask_table: %s\n", what);
	exit(1);
}

static void
become(const char *user)
{
	const struct passwd *pw = getpwnam(user);

	if (pw == NULL || setgroups(0, NULL) < 0 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0)
		fail("cannot become that user");
}

static struct err
ask_lookup(struct view spec, struct view key, struct str *value, bool *found)
{
	struct ipc_table_ask ask = { spec, key };
	struct ipc_table_answer answer;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct err e = ipc_call(&lookup, IPC_OUT(table_ask, &ask),
	    IPC_IN(table_answer, &answer), &keep, deadline_in(60));

	if (!err_is(e) && answer.status != ERR_NONE)
		e = err_make(ERR_TEMP, "%.*s", VIEW_ARGS(answer.text));
	*found = !err_is(e) && answer.found != 0;
	if (*found)
		str_set(value, answer.value);
	ipc_keep_clear(&keep);
	return e;
}

static int
by_size(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

	return a < b ? -1 : a > b;
}

static long
kib_now(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return used.ru_maxrss;
}

static struct table *
open_here(const char *spec)
{
	long before = kib_now();
	int64_t from = clock_us();
	struct table *t;
	struct err e = table_open(view_of(spec), 0, &t);

	if (err_is(e))
		fail(e.text);
	printf("open %lld ms %ld KiB\n",
	    (long long)((clock_us() - from) / 1000), kib_now() - before);
	return t;
}

/* "%d" is the only thing that is replaced. */
static void
make_key(struct str *key, const char *text, long i)
{
	struct view v = view_of(text);
	size_t at = view_find_text(v, VIEW("%d"));

	str_set(key, view_first(v, at));
	if (at != VIEW_NPOS) {
		str_addf(key, "%ld", i);
		str_add(key, view_skip(v, at + 2));
	}
}

int
main(int argc, char **argv)
{
	struct str key = STR_EMPTY, value = STR_EMPTY;
	struct table *t = NULL;
	const char *user = NULL;
	int64_t *took, n = 1000, hits = 0;
	int c;

	while ((c = getopt(argc, argv, "n:u:")) != -1) {
		if (c == 'u')
			user = optarg;
		else if (c != 'n' || !view_to_int(view_of(optarg), &n) || n < 1)
			fail("bad option");
	}
	if (argc - optind < 3)
		fail("usage: ask_table [-u user] [-n n] directory table key...");
	if (strcmp(argv[optind], "-") == 0)
		t = open_here(argv[optind + 1]);
	else if (chdir(argv[optind]) < 0)
		fail(strerror(errno));
	if (user != NULL)
		become(user);
	if (t == NULL)
		ipc_service_init(&lookup, "private/lookup");
	took = xcalloc((size_t)n, sizeof(*took));
	for (int64_t i = 0; i < n; i++) {
		int64_t from;
		bool found;
		struct err e;

		make_key(&key, argv[optind + 2 + i % (argc - optind - 2)], i);
		from = clock_us();
		if (t != NULL)
			e = table_find(t, str_view(&key), &value, &found);
		else
			e = ask_lookup(view_of(argv[optind + 1]),
			    str_view(&key), &value, &found);
		took[i] = clock_us() - from;
		if (err_is(e))
			fail(e.text);
		hits += found;
	}
	qsort(took, (size_t)n, sizeof(*took), by_size);
	printf("asked %lld us half %lld us 99%% %lld found\n",
	    (long long)took[n / 2], (long long)took[n * 99 / 100],
	    (long long)hits);
	table_close(t);
	return 0;
}
