/* The hash table: setting, finding, removing, growing; the hash's secret. */
#include "lib/base/htable.h"

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/unit.h"

#include <endian.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(a_table_of_zeros_is_empty)
{
	struct htable t = { 0 };

	ck_assert_ptr_null(htable_find(&t, VIEW("a")));
	ck_assert_ptr_null(htable_remove(&t, VIEW("a")));
	htable_each(&t, NULL, NULL);
	htable_clear(&t, NULL);
	htable_init(&t);
	ck_assert_ptr_null(htable_find(&t, VIEW_EMPTY));
}
END_TEST

START_TEST(keys_are_bytes_and_copied)
{
	static const struct view keys[] = {
		VIEW(""),
		VIEW("a"),
		VIEW("A"),
		VIEW("a\0"),
		VIEW("a\0b"),
		VIEW("a\0c"),
		VIEW("12345678"),
		VIEW("123456789"),
		VIEW("1234567812345678"),
	};
	static char values[ARRAY_LEN(keys)];
	struct htable t;

	htable_init(&t);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		char copy[32];

		memcpy(copy, keys[i].ptr, keys[i].len + 1);
		ck_assert_ptr_null(
		    htable_set(&t, view_make(copy, keys[i].len), &values[i]));
		memset(copy, 'x', sizeof(copy));
	}
	ck_assert_uint_eq(t.n_entries, ARRAY_LEN(keys));
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		ck_assert_ptr_eq(htable_find(&t, keys[i]), &values[i]);
	htable_clear(&t, NULL);
	ck_assert_uint_eq(t.n_entries, 0);
}
END_TEST

START_TEST(set_tells_what_it_replaced_and_remove_what_it_took)
{
	struct htable t = { 0 };
	int one, two;

	ck_assert_ptr_null(htable_set(&t, VIEW("k"), &one));
	ck_assert_ptr_eq(htable_set(&t, VIEW("k"), &two), &one);
	ck_assert_uint_eq(t.n_entries, 1);
	ck_assert_ptr_eq(htable_remove(&t, VIEW("k")), &two);
	ck_assert_ptr_null(htable_remove(&t, VIEW("k")));
	ck_assert_ptr_null(htable_find(&t, VIEW("k")));
	ck_assert_uint_eq(t.n_entries, 0);
	htable_clear(&t, NULL);
}
END_TEST

enum { MANY = 5000 };

static void
count_visit(struct view key, void *value, void *arg)
{
	int *seen = arg;
	int64_t number;

	ck_assert(view_to_int(key, &number));
	ck_assert_int_eq(*(int *)value, number);
	seen[number]++;
}

START_TEST(many_keys_are_all_found_again)
{
	static int seen[MANY];
	struct htable t = { 0 };
	struct str key = STR_EMPTY;

	for (int i = 0; i < MANY; i++) {
		int *value = xmalloc(sizeof(*value));

		*value = i;
		str_printf(&key, "%d", i);
		ck_assert_ptr_null(htable_set(&t, str_view(&key), value));
	}
	/* Every third leaves. */
	for (int i = 0; i < MANY; i += 3) {
		int *value;

		str_printf(&key, "%d", i);
		value = htable_remove(&t, str_view(&key));
		ck_assert_int_eq(*value, i);
		free(value);
	}
	htable_each(&t, count_visit, seen);
	for (int i = 0; i < MANY; i++) {
		str_printf(&key, "%d", i);
		ck_assert_int_eq(seen[i], i % 3 != 0);
		ck_assert_int_eq(
		    htable_find(&t, str_view(&key)) != NULL, i % 3 != 0);
	}
	/* The rest is freed by the table: leaks are the sanitizer's. */
	htable_clear(&t, free);
	str_clear(&key);
}
END_TEST

START_TEST(the_hash_spreads_keys_that_differ_in_one_bit)
{
	uint64_t all = 0, none = ~(uint64_t)0;
	char key[24] = { 0 };
	uint64_t zero = hash_bytes(view_make(key, sizeof(key)));

	ck_assert_uint_eq(zero, hash_bytes(view_make(key, sizeof(key))));
	ck_assert_uint_ne(zero, hash_bytes(view_make(key, sizeof(key) - 1)));
	for (size_t bit = 0; bit < sizeof(key) * 8; bit++) {
		uint64_t hash;
		int changed;

		key[bit / 8] = (char)(1u << bit % 8);
		hash = hash_bytes(view_make(key, sizeof(key)));
		key[bit / 8] = 0;
		changed = __builtin_popcountll(hash ^ zero);
		/* 32 on average; 10 or 54 of 64 is less than 1 in 10^7. */
		ck_assert_int_gt(changed, 9);
		ck_assert_int_lt(changed, 55);
		all |= hash;
		none &= hash;
	}
	ck_assert_uint_eq(all, ~(uint64_t)0);
	ck_assert_uint_eq(none, 0);
}
END_TEST

/* The hash of one key in a process that has not hashed before. */
static uint64_t
hash_in_new_process(void)
{
	uint64_t hash = 0;
	int ends[2], status;
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		hash = hash_bytes(VIEW("key"));
		_exit(write(ends[1], &hash, sizeof(hash)) != sizeof(hash));
	}
	ck_assert_int_eq(read(ends[0], &hash, sizeof(hash)), sizeof(hash));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	close(ends[0]);
	close(ends[1]);
	return hash;
}

START_TEST(each_process_has_its_own_secret)
{
	ck_assert_uint_ne(hash_in_new_process(), hash_in_new_process());
}
END_TEST

/* The published test vector: bytes 0 to 15 as the key, 0 to 14 as the text. */
START_TEST(the_mac_is_siphash_2_4)
{
	char bytes[16];
	uint64_t key[2];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)i;
	for (size_t i = 0; i < 2; i++) {
		memcpy(&key[i], bytes + 8 * i, 8);
		key[i] = le64toh(key[i]);
	}
	ck_assert_uint_eq(
	    hash_mac(key, view_make(bytes, 15)), 0xa129ca6149be45e5);
	bytes[0] ^= 1;
	ck_assert_uint_ne(
	    hash_mac(key, view_make(bytes, 15)), 0xa129ca6149be45e5);
}
END_TEST

/* The published ones of the wide form: the same key, texts of 0, 1 and 15
 * bytes. */
START_TEST(the_wide_mac_is_siphash_2_4_128)
{
	static const struct {
		size_t len;
		uint64_t out[2];
	} vectors[] = {
		{ 0, { 0xe6a825ba047f81a3, 0x930255c71472f66d } },
		{ 1, { 0x44af996bd8c187da, 0x45fc229b11597634 } },
		{ 15, { 0x11a8b03399e99354, 0xd9c3cf970fec087e } },
	};
	const uint64_t key[2] = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
	char bytes[16];
	uint64_t out[2];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)i;
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		hash_mac_wide(key, view_make(bytes, vectors[i].len), out);
		ck_assert_uint_eq(out[0], vectors[i].out[0]);
		ck_assert_uint_eq(out[1], vectors[i].out[1]);
	}
}
END_TEST

UNIT_MAIN("htable", { the_wide_mac_is_siphash_2_4_128, 1 },
    { the_mac_is_siphash_2_4, 1 },
    { each_process_has_its_own_secret, 1 },
    { a_table_of_zeros_is_empty, 1 }, { keys_are_bytes_and_copied, 1 },
    { set_tells_what_it_replaced_and_remove_what_it_took, 1 },
    { many_keys_are_all_found_again, 1 },
    { the_hash_spreads_keys_that_differ_in_one_bit, 1 })
