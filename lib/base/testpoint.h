/*
 * A named place in the code at which a test can have the process die (by
 * SIGKILL), as a crash there would end it: in builds with checks only, when
 * BARID_TEST_POINT in the environment has this name, or "NAME:N" for the N-th
 * time it is passed.
 */
#ifndef BASE_TESTPOINT_H
#define BASE_TESTPOINT_H

#ifdef BARID_CHECKS
void testpoint_pass(const char *name);
#define TEST_POINT(name) testpoint_pass(name)
#else
#define TEST_POINT(name) ((void)0)
#endif

#endif
