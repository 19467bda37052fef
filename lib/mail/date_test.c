#include "lib/mail/date.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

#include <time.h>

static const struct {
	const char *zone;
	int64_t wall;
	const char *date, *ctime, *stamp;
} cases[] = {
	{ "UTC0", 1795294706, "Sat, 21 Nov 2026 20:58:26 +0000 (UTC)",
	    "Sat Nov 21 20:58:26 2026", "20261121205826" },
	{ "UTC0", 0, "Thu,  1 Jan 1970 00:00:00 +0000 (UTC)",
	    "Thu Jan  1 00:00:00 1970", "19700101000000" },
	{ "UTC0", -5, "Thu,  1 Jan 1970 00:00:00 +0000 (UTC)",
	    "Thu Jan  1 00:00:00 1970", "19700101000000" },
	{ "UTC0", INT64_MAX, "Fri, 31 Dec 9999 23:59:59 +0000 (UTC)",
	    "Fri Dec 31 23:59:59 9999", "99991231235959" },
	{ "CET-1", 1795294706, "Sat, 21 Nov 2026 21:58:26 +0100 (CET)",
	    "Sat Nov 21 21:58:26 2026", "20261121205826" },
	{ "NST3:30", 1795294706, "Sat, 21 Nov 2026 17:28:26 -0330 (NST)",
	    "Sat Nov 21 17:28:26 2026", "20261121205826" },
	{ "<+0545>-5:45", 951827696, "Tue, 29 Feb 2000 18:19:56 +0545 (+0545)",
	    "Tue Feb 29 18:19:56 2000", "20000229123456" },
	{ "LONGNAMEOFAZONEOFTIME0", 951827696,
	    "Tue, 29 Feb 2000 12:34:56 +0000", "Tue Feb 29 12:34:56 2000",
	    "20000229123456" },
};

START_TEST(date_formats_in_the_zone)
{
	char buffer[DATE_SIZE];

	setenv("TZ", cases[_i].zone, 1);
	tzset();
	for (int again = 0; again < 2; again++)
		ck_assert_str_eq(
		    date_format(cases[_i].wall, buffer).ptr, cases[_i].date);
	ck_assert_str_eq(
	    date_format_ctime(cases[_i].wall, buffer).ptr, cases[_i].ctime);
	ck_assert_str_eq(
	    date_format_stamp(cases[_i].wall, buffer).ptr, cases[_i].stamp);
}
END_TEST

UNIT_MAIN("date", { date_formats_in_the_zone, ARRAY_LEN(cases) })
