/*
 * Dates: see date.h.  strftime is not used: its names depend on the locale.
 */
#include "lib/mail/date.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* The last second of the year 9999. */
#define WALL_MAX INT64_C(253402300799)

static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri",
	"Sat" };
static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
	"Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

static time_t
in_range(int64_t wall)
{
	if (wall < 0)
		return 0;
	return (time_t)(wall > WALL_MAX ? WALL_MAX : wall);
}

/* The zone's name if it may stand in a comment, else nothing. */
static const char *
zone_name(const struct tm *t)
{
	const char *name = t->tm_zone != NULL ? t->tm_zone : "";

	for (const char *p = name; *p != '\0'; p++)
		if (!ascii_is_alnum(*p) && *p != '+' && *p != '-')
			return "";
	return strlen(name) <= 16 ? name : "";
}

static struct view
format_date(time_t when, char *buffer)
{
	struct tm t;
	long minutes;
	const char *zone;
	int n;

	localtime_r(&when, &t);
	minutes = t.tm_gmtoff / 60;
	zone = zone_name(&t);
	n = snprintf(buffer, DATE_SIZE,
	    "%s, %2d %s %d %02d:%02d:%02d %c%02ld%02ld%s%s%s",
	    days[t.tm_wday % 7], t.tm_mday, months[t.tm_mon % 12],
	    t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec,
	    minutes < 0 ? '-' : '+', labs(minutes) / 60, labs(minutes) % 60,
	    *zone != '\0' ? " (" : "", zone, *zone != '\0' ? ")" : "");
	return (struct view){ buffer, (size_t)n };
}

struct view
date_format(int64_t wall, char buffer[static DATE_SIZE])
{
	static _Thread_local char last_text[DATE_SIZE];
	static _Thread_local size_t last_len;
	static _Thread_local time_t last_wall;
	time_t when = in_range(wall);

	if (last_len == 0 || when != last_wall) {
		last_len = format_date(when, last_text).len;
		last_wall = when;
	}
	memcpy(buffer, last_text, last_len + 1);
	return (struct view){ buffer, last_len };
}

struct view
date_format_ctime(int64_t wall, char buffer[static DATE_SIZE])
{
	time_t when = in_range(wall);
	struct tm t;
	int n;

	localtime_r(&when, &t);
	n = snprintf(buffer, DATE_SIZE, "%s %s %2d %02d:%02d:%02d %d",
	    days[t.tm_wday % 7], months[t.tm_mon % 12], t.tm_mday, t.tm_hour,
	    t.tm_min, t.tm_sec, t.tm_year + 1900);
	return (struct view){ buffer, (size_t)n };
}

struct view
date_format_stamp(int64_t wall, char buffer[static DATE_SIZE])
{
	time_t when = in_range(wall);
	struct tm t;
	int n;

	gmtime_r(&when, &t);
	n = snprintf(buffer, DATE_SIZE, "%04d%02d%02d%02d%02d%02d",
	    t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min,
	    t.tm_sec);
	return (struct view){ buffer, (size_t)n };
}
