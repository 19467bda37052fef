/*
 * A named place in the code at which a test can have the process die (by
 * SIGKILL), as a crash there would end it: in builds with checks only, when
 * BARID_TEST_POINT in the environment has this name, or "NAME:N" for the N-th
 * time that the program, or what it forked, passes it.  Names begin with the
 * program's, so that of all daemons of an instance one is meant; what was
 * started before master saw that death may die of it as well, what is started
 * after it does not.
 */
#ifndef BASE_TESTPOINT_H
#define BASE_TESTPOINT_H

#include <stdlib.h>

#define TESTPOINT_VARIABLE "BARID_TEST_POINT"

#ifdef BARID_CHECKS
void testpoint_pass(const char *name);
#define TEST_POINT(name) testpoint_pass(name)
/* What is started from here on does not die. */
#define TEST_POINT_OVER() unsetenv(TESTPOINT_VARIABLE)
#else
#define TEST_POINT(name) ((void)0)
#define TEST_POINT_OVER() ((void)0)
#endif

#endif
