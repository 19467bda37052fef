/* The two clocks: see clock.h. */
#include "lib/base/clock.h"

#include <limits.h>
#include <time.h>

#ifdef BARID_CHECKS
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static const int64_t no_shift;
const volatile int64_t *clock_test_shift_us = &no_shift;

/* Mapped, since after the drop no file can be read. */
__attribute__((constructor)) static void
find_shift(void)
{
	const char *path = getenv("BARID_TEST_CLOCK");
	int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *page;

	if (fd < 0)
		return;
	page = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
	if (page != MAP_FAILED)
		clock_test_shift_us = page;
	close(fd);
}

static int64_t
shift_us(void)
{
	return *clock_test_shift_us;
}
#else
static int64_t
shift_us(void)
{
	return 0;
}
#endif

static int64_t
read_us(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t
clock_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t
clock_ms(void)
{
	return clock_us() / 1000;
}

int64_t
clock_wall_us(void)
{
	return read_us(CLOCK_REALTIME) + shift_us();
}

int64_t
clock_wall(void)
{
	return clock_wall_us() / 1000000;
}

int64_t
deadline_in_ms(int64_t ms)
{
	int64_t at;

	if (__builtin_add_overflow(clock_ms(), ms, &at))
		return DEADLINE_NEVER;
	return at;
}

int64_t
deadline_in(int64_t seconds)
{
	int64_t ms;

	if (seconds <= 0 || __builtin_mul_overflow(seconds, 1000, &ms))
		return DEADLINE_NEVER;
	return deadline_in_ms(ms);
}

int64_t
deadline_in_shorter(int64_t seconds, int64_t other)
{
	if (seconds <= 0 || (other > 0 && other < seconds))
		seconds = other;
	return deadline_in(seconds);
}

int
deadline_left(int64_t deadline)
{
	int64_t now, left;

	if (deadline == DEADLINE_NEVER)
		return -1;
	now = clock_ms();
	if (deadline <= now)
		return 0;
	left = deadline - now;
	return left > INT_MAX ? INT_MAX : (int)left;
}
