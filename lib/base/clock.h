/*
 * Two clocks.  Deadlines and delays are milliseconds of the monotonic clock;
 * what mail shows and stores is the time of day, in microseconds or seconds.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#define DEADLINE_NEVER INT64_MAX

#ifdef BARID_CHECKS
/* Tests set the time of day without touching the machine's: in builds with
 * checks this many microseconds are added to it.  In processes whose environment
 * has BARID_TEST_CLOCK it is the first 8 bytes of the file of that name, as they
 * are at that moment. */
extern const volatile int64_t *clock_test_shift_us;
#endif

/* Monotonic, ms. */
int64_t clock_ms(void);
/* Monotonic, us. */
int64_t clock_us(void);
/* Time of day, us since 1970. */
int64_t clock_wall_us(void);
/* Time of day, s since 1970. */
int64_t clock_wall(void);

/* The absolute deadline that many seconds (ms) from now; 0 or less is never
 * for the seconds form, as limits in main.cf have it. */
int64_t deadline_in(int64_t seconds);
int64_t deadline_in_ms(int64_t ms);
/* The same for the shorter of two times: what one step may take, and a limit
 * that the administrator has set for all of its kind. */
int64_t deadline_in_shorter(int64_t seconds, int64_t other);
/* The milliseconds left, at least 0, at most INT_MAX; -1 for never: what
 * poll takes. */
int deadline_left(int64_t deadline);

#endif
