#include "state/verify.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/unit.h"

enum { NOW = 1000000 };

static struct conf conf;
static struct store store;
static struct verify verify;
static struct verify_answer answer;

static void
begin(void)
{
	log_set_stderr(false);
	conf = (struct conf){
		.address_verify_positive_expire_time = 1000,
		.address_verify_positive_refresh_time = 500,
		.address_verify_negative_expire_time = 100,
		.address_verify_negative_refresh_time = 50,
		.address_verify_negative_cache = true,
		.address_verify_pending_request_limit = 10,
		.address_verify_poll_count = 3,
		.address_verify_poll_delay = 3,
	};
	store = (struct store){ .spec = "" };
	ck_assert(!err_is(cache_open(VIEW_EMPTY, 1000, &store.cache)));
	verify_init(&verify, &conf, &store);
	answer = VERIFY_ANSWER_EMPTY;
}

static void
end(void)
{
	verify_clear(&verify);
	cache_close(store.cache);
	str_clear(&answer.text);
}

static enum verify_status
ask(const char *address, int64_t now)
{
	ck_assert(!err_is(
	    verify_ask(&verify, view_of(address), now, &answer)));
	return answer.status;
}

static void
tell(const char *address, enum verify_status status, const char *text,
    int64_t now)
{
	verify_told(&verify, view_of(address), status, view_of(text), now);
}

START_TEST(many_questions_for_one_address_are_one_probe)
{
	begin();
	ck_assert_int_eq(ask("a@x", NOW), VERIFY_TODO);
	ck_assert(answer.probe);
	ck_assert_str_eq(answer.text.ptr, "Address verification in progress");
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(ask("a@x", NOW + i), VERIFY_TODO);
		ck_assert(!answer.probe);
	}
	tell("a@x", VERIFY_BOUNCE, "no such: user", NOW + 5);
	ck_assert_int_eq(ask("a@x", NOW + 6), VERIFY_BOUNCE);
	ck_assert(!answer.probe);
	ck_assert_str_eq(answer.text.ptr, "no such: user");
	end();
}
END_TEST

START_TEST(a_result_lasts_and_is_refreshed_before_it_ends)
{
	begin();
	ask("a@x", NOW);
	tell("a@x", VERIFY_OK, "fine", NOW);
	ck_assert_int_eq(ask("a@x", NOW + 499), VERIFY_OK);
	ck_assert(!answer.probe);
	ck_assert_int_eq(ask("a@x", NOW + 500), VERIFY_OK);
	ck_assert(answer.probe);
	ck_assert_int_eq(ask("a@x", NOW + 501), VERIFY_OK);
	ck_assert(!answer.probe);
	ck_assert_int_eq(ask("a@x", NOW + 1000), VERIFY_TODO);
	ask("b@x", NOW);
	tell("b@x", VERIFY_DEFER, "later", NOW);
	ck_assert_int_eq(ask("b@x", NOW + 49), VERIFY_DEFER);
	ck_assert(!answer.probe);
	ck_assert_int_eq(ask("b@x", NOW + 50), VERIFY_DEFER);
	ck_assert(answer.probe);
	ck_assert_int_eq(ask("b@x", NOW + 100), VERIFY_TODO);
	end();
}
END_TEST

START_TEST(one_failure_does_not_outweigh_what_was_fine)
{
	begin();
	ask("a@x", NOW);
	tell("a@x", VERIFY_OK, "fine", NOW);
	ask("a@x", NOW + 600);
	tell("a@x", VERIFY_BOUNCE, "gone", NOW + 601);
	ck_assert_int_eq(ask("a@x", NOW + 602), VERIFY_OK);
	ck_assert(answer.probe);
	tell("a@x", VERIFY_BOUNCE, "gone", NOW + 1001);
	ck_assert_int_eq(ask("a@x", NOW + 1002), VERIFY_BOUNCE);
	end();
}
END_TEST

START_TEST(without_a_negative_cache_only_who_waits_hears_of_it)
{
	begin();
	conf.address_verify_negative_cache = false;
	ask("a@x", NOW);
	tell("a@x", VERIFY_BOUNCE, "gone", NOW);
	ck_assert_int_eq(ask("a@x", NOW + 3), VERIFY_BOUNCE);
	ck_assert_int_eq(ask("a@x", NOW + 20), VERIFY_TODO);
	end();
}
END_TEST

START_TEST(a_lost_probe_is_sent_again)
{
	begin();
	ask("a@x", NOW);
	ask("a@x", NOW + VERIFY_PROBE_TTL - 1);
	ck_assert(!answer.probe);
	verify_expire(&verify, NOW + VERIFY_PROBE_TTL + 1);
	ask("a@x", NOW + VERIFY_PROBE_TTL + 1);
	ck_assert(answer.probe);
	verify_not_sent(&verify, VIEW("a@x"), NOW + VERIFY_PROBE_TTL + 1);
	ask("a@x", NOW + VERIFY_PROBE_TTL + 2);
	ck_assert(answer.probe);
	end();
}
END_TEST

/* Attack: addresses are invented to fill the queue with probes. */
START_TEST(probes_under_way_are_bounded_and_shared_between_domains)
{
	char address[32];
	int n = 0;

	begin();
	for (int i = 0; i < 100; i++) {
		snprintf(address, sizeof(address), "u%d@bad", i);
		ask(address, NOW);
		n += answer.probe;
	}
	ck_assert_int_eq(n, 6);
	ask("u@good", NOW);
	ck_assert(answer.probe);
	for (int i = 0; i < 100; i++) {
		snprintf(address, sizeof(address), "u@bad%d", i);
		ask(address, NOW);
		n += answer.probe;
	}
	ck_assert_int_eq(n, 6 + 3);
	tell("u@good", VERIFY_OK, "", NOW);
	ask("u2@good", NOW);
	ck_assert(answer.probe);
	verify_expire(&verify, NOW + VERIFY_PROBE_TTL + 1);
	ck_assert_int_eq(verify.pending.n_entries, 0);
	ck_assert_int_eq(verify.domains.n_entries, 0);
	end();
}
END_TEST

START_TEST(the_domain_is_the_same_in_any_case)
{
	struct str key = STR_EMPTY;

	verify_key(VIEW("User@Example.ORG"), &key);
	ck_assert_str_eq(key.ptr, "User@example.org");
	verify_key(VIEW("User"), &key);
	ck_assert_str_eq(key.ptr, "User");
	str_clear(&key);
}
END_TEST

static const struct {
	const char *text;
	bool ok;
} values[] = {
	{ "0:0:1699999999:host said: 250 ok: fine", true },
	{ "3:1699999999:0:", true },
	{ "2:1:2:", true },
	{ "4:1:2:x", false },
	{ "-1:1:2:x", false },
	{ "2:1:2", false },
	{ "2:1", false },
	{ "2:x:2:t", false },
	{ "2:1111111111111111111:2:t", false },
	{ "", false },
	{ ":::", false },
};

START_TEST(a_value_read_is_what_was_written)
{
	struct str out = STR_EMPTY;
	struct verify_entry e;
	bool ok = verify_entry_read(view_of(values[_i].text), &e);

	ck_assert_msg(ok == values[_i].ok, "%s", values[_i].text);
	if (!ok)
		return;
	verify_entry_write(&out, &e);
	ck_assert_str_eq(out.ptr, values[_i].text);
	str_clear(&out);
}
END_TEST

START_TEST(a_reason_may_have_any_byte)
{
	begin();
	ask("a@x", NOW);
	verify_told(&verify, VIEW("a@x"), VERIFY_BOUNCE, VIEW("x\0:\xff"), NOW);
	ck_assert_int_eq(ask("a@x", NOW), VERIFY_BOUNCE);
	ck_assert(view_eq(str_view(&answer.text), VIEW("x\0:\xff")));
	end();
}
END_TEST

/* What is in the file is somebody's who may write it. */
START_TEST(a_damaged_value_is_as_none)
{
	begin();
	cache_put(store.cache, VIEW("a@x"), view_of(values[_i].text), NOW + 5);
	if (!values[_i].ok) {
		ck_assert_int_eq(ask("a@x", NOW), VERIFY_TODO);
		ck_assert(answer.probe);
	}
	end();
}
END_TEST

UNIT_MAIN("verify", { many_questions_for_one_address_are_one_probe, 1 },
    { a_result_lasts_and_is_refreshed_before_it_ends, 1 },
    { one_failure_does_not_outweigh_what_was_fine, 1 },
    { without_a_negative_cache_only_who_waits_hears_of_it, 1 },
    { a_lost_probe_is_sent_again, 1 },
    { probes_under_way_are_bounded_and_shared_between_domains, 1 },
    { the_domain_is_the_same_in_any_case, 1 },
    { a_value_read_is_what_was_written, ARRAY_LEN(values) },
    { a_reason_may_have_any_byte, 1 },
    { a_damaged_value_is_as_none, ARRAY_LEN(values) })
