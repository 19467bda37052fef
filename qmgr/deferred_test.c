/* The index of what waits, against a plain list; and what it costs. */
#include "qmgr/testing.h"

#include "lib/base/mem.h"

#include <malloc.h>

static struct queue_id
id_of(int64_t n)
{
	struct queue_id id;

	snprintf(id.text, sizeof(id.text), "%05llX%09llX",
	    (unsigned long long)(n * 7919 % 1000000), (unsigned long long)n);
	return id;
}

enum { IDS = 300 };

static bool known[IDS];

/* A random step; the index says the same as the list. */
static void
step(unsigned n)
{
	struct queue_id own = id_of(n % IDS);
	struct view id = queue_id_view(&own);

	ck_assert_int_eq(deferred_has(id), known[n % IDS]);
	switch (n / IDS % 5) {
	case 0:
	case 1:
		deferred_add(id, clock_wall() + 60 + n % 1000,
		    n % 2 == 0 ? "A.example" : NULL);
		known[n % IDS] = true;
		break;
	case 2:
		deferred_remove(id);
		known[n % IDS] = false;
		break;
	case 3:
		ck_assert_int_eq(deferred_flush_id(id), known[n % IDS]);
		break;
	case 4:
		if (n % 50 == 0)
			deferred_flush(VIEW("a.EXAMPLE"));
		break;
	}
}

START_TEST(the_index_says_what_a_list_says)
{
	unsigned seed = 1;
	size_t n = 0;

	test_open("");
	for (int i = 0; i < 100000; i++) {
		seed = seed * 1103515245 + 12345;
		step(seed >> 8);
	}
	for (int i = 0; i < IDS; i++)
		n += known[i];
	ck_assert_int_eq(deferred_count(), n);
	for (int i = 0; i < IDS; i++) {
		struct queue_id id = id_of(i);

		ck_assert_int_eq(deferred_has(queue_id_view(&id)), known[i]);
		deferred_remove(queue_id_view(&id));
	}
	ck_assert_int_eq(deferred_count(), 0);
	test_close();
}
END_TEST

START_TEST(a_flush_counts_what_it_concerns)
{
	struct queue_id a = id_of(1), b = id_of(2), c = id_of(3);

	test_open("");
	deferred_add(queue_id_view(&a), clock_wall() + 100, "a.example");
	deferred_add(queue_id_view(&b), clock_wall() + 100, "b.example");
	deferred_add(queue_id_view(&c), clock_wall() + 100, NULL);
	/* What is not known might be one of them. */
	ck_assert_int_eq(deferred_flush(VIEW("A.example")), 2);
	ck_assert_int_eq(deferred_flush(VIEW_EMPTY), 3);
	test_close();
}
END_TEST

/* Only with optimisation and no sanitizer do these numbers mean something;
 * they are printed on request, and the bound holds in a plain build. */
START_TEST(a_million_takes_eighty_bytes_each)
{
#ifdef BARID_CHECKS
	enum { MANY = 100000 };
#else
	enum { MANY = 1000000 };
#endif
	struct mallinfo2 before, after;
	int64_t start, added, flushed;

	test_open("");
	before = mallinfo2();
	start = clock_us();
	for (int64_t i = 0; i < MANY; i++) {
		struct queue_id id = id_of(i);

		deferred_add(queue_id_view(&id),
		    clock_wall() + 1 + i * 7919 % 4000, "a.example");
	}
	added = clock_us() - start;
	after = mallinfo2();
	ck_assert_int_eq(deferred_count(), MANY);
	start = clock_us();
	deferred_flush(VIEW("b.example"));
	flushed = clock_us() - start;
	ck_assert_int_eq(deferred_flush(VIEW_EMPTY), MANY);
	if (getenv("MEASURE") != NULL)
		fprintf(stderr, "%zu bytes, %lld ns to add, %lld us a flush\n",
		    (after.uordblks + after.hblkhd - before.uordblks -
			before.hblkhd) /
			MANY,
		    (long long)added * 1000 / MANY, (long long)flushed);
#ifndef BARID_CHECKS
	ck_assert_int_le(
	    after.uordblks + after.hblkhd - before.uordblks - before.hblkhd,
	    (size_t)84 * MANY);
#endif
	test_close();
}
END_TEST

UNIT_MAIN("deferred", { the_index_says_what_a_list_says, 1 },
    { a_flush_counts_what_it_concerns, 1 },
    { a_million_takes_eighty_bytes_each, 1 })
