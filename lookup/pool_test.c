/* Asking tables on threads; what is remembered; what may be asked. */
#include "lookup/pool.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "lib/run/fiber.h"
#include "lib/run/loop.h"
#include "lib/run/offload.h"
#include "lookup/cache.h"
#include "lookup/permit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct pool pool;

static void
in_fiber(void (*run)(void *))
{
	loop_init();
	pool_init(&pool);
	fiber_spawn("test", run, NULL);
	loop_run();
	pool_clear(&pool);
	offload_clear();
	loop_clear();
}

static struct err
ask(const char *spec, const char *key, struct str *value, bool *found)
{
	return pool_ask(
	    &pool, view_of(spec), view_of(key), value, found, deadline_in(20));
}

static void
ask_some(void *arg)
{
	struct str value = STR_EMPTY;
	bool found;

	(void)arg;
	ck_assert(!err_is(ask("unix:passwd.byname", "root", &value, &found)));
	ck_assert(found && view_starts(str_view(&value), VIEW("root:")));
	ck_assert(
	    !err_is(ask("unix:passwd.byname", "no such", &value, &found)));
	ck_assert(!found);
	ck_assert(!err_is(ask("inline:{{a=b c}}", "a", &value, &found)));
	ck_assert(found);
	ck_assert_str_eq(value.ptr, "b c");
	ck_assert_int_eq(ask("fail:x", "a", &value, &found).kind, ERR_TEMP);
	ck_assert_int_eq(ask("nix:x", "a", &value, &found).kind, ERR_PERM);
	ck_assert_uint_eq(pool.n_questions, 0);
	str_clear(&value);
	loop_stop();
}

START_TEST(a_table_is_opened_when_it_is_asked_for)
{
	in_fiber(ask_some);
}
END_TEST

enum { CROWD = 200 };
static int crowd;

static void
ask_one(void *arg)
{
	struct str value = STR_EMPTY;
	bool found;

	(void)arg;
	ck_assert(!err_is(ask("unix:passwd.byname", "root", &value, &found)));
	ck_assert(found);
	str_clear(&value);
	if (--crowd == 0)
		loop_stop();
}

static void
ask_many(void *arg)
{
	(void)arg;
	crowd = CROWD;
	for (int i = 0; i < CROWD; i++)
		fiber_spawn("one of many", ask_one, NULL);
}

START_TEST(many_questions_share_a_few_tables)
{
	in_fiber(ask_many);
}
END_TEST

static char fifo[] = "/tmp/barid-pool-XXXXXX/fifo";

/* A table that hangs as long as nobody writes to its file. */
static void
ask_one_that_hangs(void *arg)
{
	char spec[sizeof(fifo) + 20];
	struct str value = STR_EMPTY;
	struct err e;
	bool found;
	int fd;

	(void)arg;
	snprintf(spec, sizeof(spec), "texthash:%s", fifo);
	e = pool_ask(&pool, view_of(spec), VIEW("a"), &value, &found,
	    deadline_in_ms(50));
	ck_assert_int_eq(e.kind, ERR_TIME);
	ck_assert(!found);
	/* Others are not held up, and it ends by itself. */
	ck_assert(!err_is(ask("inline:{{a=b}}", "a", &value, &found)));
	ck_assert_uint_eq(pool.n_questions, 1);
	fd = open(fifo, O_WRONLY);
	ck_assert_int_eq(write(fd, "a b\n", 4), 4);
	close(fd);
	while (pool.n_questions > 0)
		fiber_sleep(1);
	str_clear(&value);
	loop_stop();
}

START_TEST(who_asked_a_table_that_hangs_gets_away)
{
	memcpy(fifo + sizeof("/tmp/barid-pool-") - 1, "XXXXXX", 6);
	fifo[sizeof("/tmp/barid-pool-XXXXXX") - 1] = '\0';
	ck_assert_ptr_nonnull(mkdtemp(fifo));
	fifo[sizeof("/tmp/barid-pool-XXXXXX") - 1] = '/';
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	in_fiber(ask_one_that_hangs);
	unlink(fifo);
	fifo[sizeof("/tmp/barid-pool-XXXXXX") - 1] = '\0';
	rmdir(fifo);
}
END_TEST

START_TEST(what_was_found_is_remembered_for_a_moment)
{
	struct str value = STR_EMPTY;
	struct view spec = VIEW("unix:x"), key = VIEW("joe");
	struct cache c;

	cache_init(&c, 5);
	ck_assert(!cache_find(&c, spec, key, 1000, &value));
	cache_add(&c, spec, key, 1000, VIEW("one"));
	cache_add(&c, spec, key, 1000, VIEW("two"));
	ck_assert(cache_find(&c, spec, key, 1000 + 5000 - 1, &value));
	ck_assert_str_eq(value.ptr, "two");
	ck_assert(!cache_find(&c, spec, key, 1000 + 5000, &value));
	ck_assert(!cache_find(&c, VIEW("unix:y"), key, 1000, &value));
	ck_assert(!cache_find(&c, spec, VIEW("jo"), 1000, &value));
	str_clear(&value);
	cache_clear(&c);
}
END_TEST

START_TEST(memory_for_what_was_found_is_bounded)
{
	struct cache c;
	char key[20];

	cache_init(&c, 5);
	for (int i = 0; i < 3 * CACHE_ENTRIES_MAX; i++) {
		snprintf(key, sizeof(key), "%d", i);
		cache_add(&c, VIEW("unix:x"), view_of(key), 0, VIEW("v"));
		ck_assert_uint_le(c.entries.n_entries, CACHE_ENTRIES_MAX);
	}
	cache_clear(&c);
}
END_TEST

static const struct {
	const char *value, *spec;
	bool permitted;
} permits[] = {
	{ "proxy:unix:passwd.byname $alias_maps", "unix:passwd.byname", true },
	{ "proxy:unix:passwd.byname", "proxy:unix:passwd.byname", false },
	{ "hash:/a, !ldap:/b", "ldap:/b", true },
	{ "hash:/a", "hash:/b", false },
	{ "check_client_access pgsql:/x, reject", "pgsql:/x", true },
	{ "unionmap:{unix:passwd.byname, pgsql:/y}",
	    "unionmap:{unix:passwd.byname, pgsql:/y}", true },
	{ "inline:{{a=b c}}", "inline:{{a=b c}}", true },
	{ "hash:/etc/aliases", "texthash:/etc/aliases", false },
	{ "", "", false },
};

START_TEST(only_tables_that_are_named_may_be_asked_for)
{
	struct permit p;

	htable_init(&p.specs);
	htable_init(&p.shared);
	permit_add_value(
	    &p, VIEW("transport_maps"), view_of(permits[_i].value));
	ck_assert(permit_has(&p, view_of(permits[_i].spec), false) ==
	    permits[_i].permitted);
	permit_clear(&p);
}
END_TEST

static const struct {
	const char *name;
	bool secrets, permitted;
} secrets[] = {
	{ "smtp_sasl_password_maps", false, false },
	{ "smtp_sasl_password_maps", true, true },
	{ "transport_maps", false, true },
	/* It repeats what others name. */
	{ "proxy_read_maps", true, false },
};

START_TEST(attack_90_tables_of_passwords_are_not_for_all)
{
	struct permit p;

	htable_init(&p.specs);
	htable_init(&p.shared);
	permit_add_value(&p, view_of(secrets[_i].name), VIEW("mysql:/p"));
	ck_assert(permit_has(&p, VIEW("mysql:/p"), secrets[_i].secrets) ==
	    secrets[_i].permitted);
	/* What another parameter names too is no secret. */
	permit_add_value(&p, VIEW("relay_domains"), VIEW("mysql:/p"));
	permit_add_value(&p, view_of(secrets[_i].name), VIEW("mysql:/p"));
	ck_assert(permit_has(&p, VIEW("mysql:/p"), false));
	permit_clear(&p);
}
END_TEST

static const struct {
	const char *name, *value, *spec;
	bool shared, permitted;
} shared[] = {
	{ "greylist_map", "redis:/s", "redis:/s", true, false },
	{ "volume_limit_map", " proxy:redis:/s ", "redis:/s", true, false },
	{ "address_verify_map", "redis:/s", "redis:/t", false, false },
	{ "postscreen_cache_map", "redis:{hosts=a, timeout=1}",
	    "redis:{hosts=a, timeout=1}", true, false },
	/* They are not shared, and nobody's to look up. */
	{ "greylist_map", "btree:/s", "btree:/s", false, false },
	{ "greylist_map", "pgsql:/s", "pgsql:/s", false, false },
	/* A table that is only looked up is not written to. */
	{ "transport_maps", "redis:/s", "redis:/s", false, true },
	{ "proxy_write_maps", "redis:/s", "redis:/s", false, false },
};

START_TEST(attack_90_only_tables_of_state_may_be_changed)
{
	struct view spec = view_of(shared[_i].spec);
	struct permit p;

	htable_init(&p.specs);
	htable_init(&p.shared);
	permit_add_value(
	    &p, view_of(shared[_i].name), view_of(shared[_i].value));
	ck_assert(permit_has_shared(&p, spec) == shared[_i].shared);
	ck_assert(permit_has(&p, spec, true) == shared[_i].permitted);
	permit_clear(&p);
}
END_TEST

UNIT_MAIN("lookup/pool", { a_table_is_opened_when_it_is_asked_for, 1 },
    { many_questions_share_a_few_tables, 1 },
    { who_asked_a_table_that_hangs_gets_away, 1 },
    { what_was_found_is_remembered_for_a_moment, 1 },
    { memory_for_what_was_found_is_bounded, 1 },
    { only_tables_that_are_named_may_be_asked_for, ARRAY_LEN(permits) },
    { attack_90_tables_of_passwords_are_not_for_all, ARRAY_LEN(secrets) },
    { attack_90_only_tables_of_state_may_be_changed, ARRAY_LEN(shared) })
