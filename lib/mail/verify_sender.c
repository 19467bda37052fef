/* Who address probes come from: see verify_sender.h. */
#include "lib/mail/verify_sender.h"

#include "lib/mail/addr.h"

/* No vowels: no words. */
static const char digits[] = "0123456789bcdfghjklmnpqrstvwxyz";

static void
add_number(struct str *out, int64_t n)
{
	char text[16];
	size_t at = sizeof(text);

	do {
		text[--at] = digits[n % (int64_t)(sizeof(digits) - 1)];
		n /= (int64_t)(sizeof(digits) - 1);
	} while (n > 0);
	str_add(out, view_make(text + at, sizeof(text) - at));
}

static void
make(const struct conf *conf, int64_t number, struct str *out)
{
	struct view sender = view_of(conf->address_verify_sender);
	struct view domain = addr_domain(sender);

	str_reset(out);
	if (domain.len == 0)
		domain = view_of(conf->myorigin);
	if (sender.len == 0 || view_eq(sender, VIEW("<>")))
		return;
	str_add(out, addr_local(sender));
	if (number >= 0)
		add_number(out, number);
	str_add_byte(out, '@');
	str_add(out, domain);
}

void
verify_sender_make(const struct conf *conf, int64_t now, struct str *out)
{
	int64_t ttl = conf->address_verify_sender_ttl;

	make(conf, ttl > 0 ? now / ttl : -1, out);
}

bool
verify_sender_is(const struct conf *conf, int64_t now, struct view address)
{
	int64_t ttl = conf->address_verify_sender_ttl;
	struct str one = STR_EMPTY;
	bool is = false;

	if (!view_starts_case(
		address, addr_local(view_of(conf->address_verify_sender))))
		return false;
	/* Of the time before too, and of a clock that is ahead. */
	for (int64_t i = ttl > 0 ? -1 : 0; !is && i <= (ttl > 0 ? 1 : 0); i++) {
		make(conf, ttl > 0 ? now / ttl + i : -1, &one);
		is = one.len > 0 && view_eq_case(address, str_view(&one));
	}
	str_clear(&one);
	return is;
}
