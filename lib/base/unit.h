/*
 * The main of a unit test program (Check): a table of tests, each with the
 * number of rows that it runs over (1 if it has no table).
 */
#ifndef BASE_UNIT_H
#define BASE_UNIT_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

struct unit_test {
	const TTest *test;
	int rows;
};

static inline int
unit_run(const char *name, const struct unit_test *tests, size_t n)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner;
	int failed;

	/* A process that a test forks must not print again what is waiting
	 * in the buffer. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < n; i++)
		tcase_add_loop_test(tcase, tests[i].test, 0, tests[i].rows);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#define UNIT_MAIN(name, ...)                                               \
	int main(void)                                                     \
	{                                                                  \
		const struct unit_test tests[] = { __VA_ARGS__ };          \
                                                                           \
		return unit_run(name, tests, sizeof(tests) / sizeof(tests[0])); \
	}

#endif
