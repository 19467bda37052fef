/* Queue IDs: see queue_id.h. */
#include "lib/mail/queue_id.h"

#include "lib/base/clock.h"

#include <assert.h>
#include <stdio.h>

/* Short form: seconds modulo this many, so that it stays short. */
#define SHORT_SECONDS (INT64_C(1) << 26)

static const char long_digits[] =
    "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";

enum { LONG_SECONDS = 6, LONG_MICROS = 4, SLOT_BASE = 51 };

/* Hexadecimal digits of the short form. */
enum { SHORT_MICROS = 5, SHORT_REST = 9 };
static_assert(SHORT_SECONDS * QUEUE_SLOTS_MAX <= INT64_C(1) << 4 * SHORT_REST,
    "seconds and slot fit");

/* n in this base, most significant first, at least `width` digits. */
static size_t
print_digits(char *to, int64_t n, int base, size_t width)
{
	char reversed[16];
	size_t len = 0;

	while (n > 0 || len < width) {
		reversed[len++] = long_digits[n % base];
		n /= base;
	}
	for (size_t i = 0; i < len; i++)
		to[i] = reversed[len - 1 - i];
	return len;
}

static size_t
print_hex(char *to, uint64_t n, size_t width)
{
	for (size_t i = width; i-- > 0; n >>= 4)
		to[i] = "0123456789ABCDEF"[n & 15];
	return width;
}

struct queue_id
queue_id_new(int slot, bool long_form, int64_t *now_us)
{
	static int64_t last;
	int64_t now = clock_wall_us();
	struct queue_id id = { "" };
	size_t at = 0;

	assert(slot >= 0 && slot < QUEUE_SLOTS_MAX);
	/* The true time, even where the clock was set back and the ID goes on
	 * from where it was. */
	if (now_us != NULL)
		*now_us = now;
	if (now <= last)
		now = last + 1;
	last = now;
	if (!long_form) {
		uint64_t rest = (uint64_t)(now / 1000000 % SHORT_SECONDS) *
			QUEUE_SLOTS_MAX + (uint64_t)slot;

		at += print_hex(id.text, (uint64_t)(now % 1000000),
		    SHORT_MICROS);
		print_hex(id.text + at, rest, SHORT_REST);
		return id;
	}
	at += print_digits(id.text, now / 1000000, 52, LONG_SECONDS);
	at += print_digits(id.text + at, now % 1000000, 52, LONG_MICROS);
	id.text[at++] = 'z';
	print_digits(id.text + at, slot, SLOT_BASE, 1);
	return id;
}

struct view
queue_id_view(const struct queue_id *id)
{
	return view_of(id->text);
}

bool
queue_id_is_valid(struct view id)
{
	if (id.len < 6 || id.len >= QUEUE_ID_MAX)
		return false;
	for (size_t i = 0; i < id.len; i++)
		if (!ascii_is_alnum(id.ptr[i]))
			return false;
	return true;
}

/* Sixteen folders, as Postfix has them for short IDs, whatever letters an ID
 * from elsewhere is made of. */
char
queue_id_hash(struct view id)
{
	bool is_long = id.len > LONG_SECONDS + LONG_MICROS &&
	    id.ptr[LONG_SECONDS + LONG_MICROS] == 'z';
	char c = id.ptr[is_long ? LONG_SECONDS + LONG_MICROS - 1 : 4];
	const char *at = strchr(long_digits, c);

	if (!is_long && c >= 'A' && c <= 'F')
		return c;
	return "0123456789ABCDEF"[at != NULL ? (at - long_digits) % 16 : 0];
}

struct queue_path
queue_path_of(const char *queue, struct view id)
{
	struct queue_path p;
	size_t at = strlen(queue);

	assert(queue_id_is_valid(id));
	assert(at + sizeof("/x/") + id.len <= sizeof(p.text));
	memcpy(p.text, queue, at);
	p.text[at++] = '/';
	if (strcmp(queue, "deferred") == 0) {
		p.text[at++] = queue_id_hash(id);
		p.text[at++] = '/';
	}
	memcpy(p.text + at, id.ptr, id.len);
	p.text[at + id.len] = '\0';
	return p;
}
