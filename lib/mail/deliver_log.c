/*
 * The log line of one recipient: see deliver_log.h.  The shape is fixed by the
 * programs that read logs; the logger cleans foreign bytes.
 */
#include "lib/mail/deliver_log.h"

#include "lib/base/log.h"
#include "lib/ipc/messages.h"
#include "lib/mail/addr_log.h"

#include <inttypes.h>

enum {
	US_DIGITS = 6,
	/* A host, an address and a port; a next hop may be longer. */
	RELAY_MAX = 330,
};

/* More than a message can live: so that rounding never overflows. */
#define DELAY_US_MAX (INT64_C(1) << 60)

/* How many digits after the point leave two significant ones. */
static int64_t
delay_digits(int64_t us, int64_t resolution)
{
	int64_t digits = 0;

	for (int64_t at = 10 * 1000000; us < at && digits < US_DIGITS; at /= 10)
		digits++;
	if (resolution < 0)
		resolution = 0;
	return digits < resolution ? digits : resolution;
}

void
deliver_log_delay(struct str *out, int64_t us, int64_t resolution)
{
	int64_t unit = 1, digits;
	size_t start = out->len;

	if (us < 0)
		us = 0;
	if (us > DELAY_US_MAX)
		us = DELAY_US_MAX;
	digits = delay_digits(us, resolution);
	for (int64_t i = digits; i < US_DIGITS; i++)
		unit *= 10;
	us = (us + unit / 2) / unit * unit;
	str_addf(out, "%" PRId64 ".%06" PRId64, us / 1000000, us % 1000000);
	while (out->len > start && out->ptr[out->len - 1] == '0')
		str_cut(out, out->len - 1);
	if (out->ptr[out->len - 1] == '.')
		str_cut(out, out->len - 1);
}

/* The times are what another process says. */
static int64_t
time_between(int64_t from, int64_t to)
{
	int64_t us;

	return __builtin_sub_overflow(to, from, &us) ? 0 : us;
}

/* delay=, and delays= as before qmgr / in qmgr / connecting / sending. */
static void
add_delays(struct str *out, const struct deliver_times *t, int64_t resolution)
{
	int64_t active = t->active_us > 0 ? t->active_us : t->handoff_us;
	int64_t connected =
	    t->connected_us > 0 ? t->connected_us : t->handoff_us;
	const int64_t parts[] = {
		time_between(t->arrival_us, active),
		time_between(active, t->handoff_us),
		time_between(t->handoff_us, connected),
		time_between(connected, t->done_us),
	};

	str_add_text(out, ", delay=");
	deliver_log_delay(
	    out, time_between(t->arrival_us, t->done_us), resolution);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		str_add_text(out, i == 0 ? ", delays=" : "/");
		deliver_log_delay(out, parts[i], resolution);
	}
}

static const char *
status_word(int status, bool is_probe)
{
	bool is_good = status != OUTCOME_DEFERRED && status != OUTCOME_BOUNCED;

	if (is_probe)
		return is_good ? "deliverable" : "undeliverable";
	if (is_good)
		return "sent";
	return status == OUTCOME_DEFERRED ? "deferred" : "bounced";
}

static void
add_address(struct str *out, const char *name, struct view address)
{
	str_addf(out, "%s=<", name);
	addr_log_add(out, address);
	str_add_byte(out, '>');
}

void
deliver_log_format(
    struct str *out, const struct deliver_line *l, int64_t resolution)
{
	str_add(out, l->queue_id);
	add_address(out, ": to", l->recipient);
	if (l->original.len > 0 && !view_eq_case(l->original, l->recipient))
		add_address(out, ", orig_to", l->original);
	str_add_text(out, ", relay=");
	log_clean(out, l->relay, RELAY_MAX);
	if (l->conn_use > 1)
		str_addf(out, ", conn_use=%" PRId64, l->conn_use);
	add_delays(out, &l->times, resolution);
	str_add_text(out, ", dsn=");
	str_add(out, l->dsn);
	str_addf(out, ", status=%s (", status_word(l->status, l->is_probe));
	str_add(out, l->text);
	str_add_byte(out, ')');
}

void
deliver_log(const struct deliver_line *l, int64_t resolution)
{
	struct str line = STR_EMPTY;

	deliver_log_format(&line, l, resolution);
	log_info("%s", line.ptr);
	str_clear(&line);
}
