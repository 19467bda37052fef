/* The greylist: see grey.h. */
#include "smtpd/grey.h"

#include "lib/base/mem.h"
#include "lib/dns/name.h"
#include "lib/mail/addr.h"
#include "smtpd/recall.h"

#include <inttypes.h>

enum {
	/* What is used is put again for its time to begin anew, but not for
	 * each message. */
	REFRESH_AFTER = 86400,
	/* Longer ones would not fit into a key. */
	PART_MAX = 500,
};

bool
grey_read(struct view value, int64_t numbers[2])
{
	struct view rest = value, field;

	for (int i = 0; i < 2; i++) {
		uint64_t n;

		if (!view_field(&rest, ':', &field) || field.len > 18 ||
		    !view_to_uint(field, 10, &n))
			return false;
		numbers[i] = (int64_t)n;
	}
	return rest.ptr == NULL;
}

static void
write_numbers(struct str *value, int64_t a, int64_t b)
{
	str_printf(value, "%" PRId64 ":%" PRId64, a, b);
}

/* --- keys --- */

void
grey_add_network(struct str *out, const struct conf *conf, struct view address)
{
	struct dns_addr a;
	int64_t bits;
	char text[DNS_ADDR_TEXT_SIZE];

	if (!dns_addr_parse(address, &a)) {
		str_add(out, view_first(address, PART_MAX));
		return;
	}
	bits = dns_addr_len(&a) == 4 ? conf->greylist_ipv4_prefix_length
				     : conf->greylist_ipv6_prefix_length;
	for (size_t i = 0; i < dns_addr_len(&a); i++) {
		int64_t keep = bits - (int64_t)i * 8;

		if (keep <= 0)
			a.bytes[i] = 0;
		else if (keep < 8)
			a.bytes[i] &= (uint8_t)(0xff << (8 - keep));
	}
	dns_addr_text(&a, text);
	str_addf(out, "%s/%" PRId64, text, bits);
}

void
grey_add_sender(struct str *out, struct view sender)
{
	size_t at = view_find_last(sender, '@');
	size_t local = at == VIEW_NPOS ? sender.len : at;
	bool in_number = false;

	for (size_t i = 0; i < sender.len && i < PART_MAX; i++) {
		bool is_digit = i < local && ascii_is_digit(sender.ptr[i]);

		if (!is_digit)
			str_add_byte(out, ascii_lower(sender.ptr[i]));
		else if (!in_number)
			str_add_byte(out, '#');
		in_number = is_digit;
	}
}

static void
add_recipient(struct str *out, struct view recipient)
{
	struct str lower = STR_EMPTY;

	str_set(&lower, view_first(recipient, PART_MAX));
	str_lower(&lower);
	str_add(out, str_view(&lower));
	str_clear(&lower);
}

/* --- asking --- */

struct keys {
	struct str network; /* "n 192.0.2.0/24" */
	struct str triplet; /* "t 192.0.2.0/24 sender recipient" */
};

static struct err
recall(
    struct smtpd *smtpd, const struct str *key, int64_t numbers[2], bool *found)
{
	struct str value = STR_EMPTY;
	struct err e =
	    recall_get(smtpd, STATE_GREY, str_view(key), &value, found);

	/* Damaged is as unknown. */
	*found = *found && grey_read(str_view(&value), numbers);
	str_clear(&value);
	return e;
}

static void
keep(struct smtpd *smtpd, const struct str *key, int64_t a, int64_t b,
    int64_t until)
{
	struct str value = STR_EMPTY;

	write_numbers(&value, a, b);
	recall_put(smtpd, STATE_GREY, str_view(key), str_view(&value), until);
	str_clear(&value);
}

/* The network has come again often enough. */
static struct err
ask_network(struct smtpd *smtpd, const struct keys *k, int64_t now, bool *yes)
{
	const struct conf *conf = smtpd->conf;
	int64_t n[2];
	bool found;
	struct err e;

	*yes = false;
	if (conf->greylist_auto_allow_count == 0)
		return ERR_OK;
	e = recall(smtpd, &k->network, n, &found);
	*yes = found && n[0] >= conf->greylist_auto_allow_count;
	if (*yes && now - n[1] > REFRESH_AFTER)
		keep(smtpd, &k->network, n[0], now,
		    now + conf->greylist_lifetime);
	return e;
}

static void
count_network(struct smtpd *smtpd, const struct keys *k, int64_t now)
{
	int64_t n[2] = { 0, 0 };
	bool found;

	if (smtpd->conf->greylist_auto_allow_count == 0 ||
	    err_is(recall(smtpd, &k->network, n, &found)))
		return;
	keep(smtpd, &k->network, found ? n[0] + 1 : 1, now,
	    now + smtpd->conf->greylist_lifetime);
}

/* The triplet is there: n is what is kept of it. */
static void
judge(struct smtpd *smtpd, const struct keys *k, const int64_t n[2],
    int64_t now, struct grey_answer *answer)
{
	const struct conf *conf = smtpd->conf;

	answer->waited = now > n[0] ? now - n[0] : 0;
	if (n[1] == 0 && answer->waited < conf->greylist_delay) {
		answer->verdict = GREY_EARLY;
		return;
	}
	answer->verdict = n[1] == 0 ? GREY_PASSES : GREY_KNOWN;
	if (n[1] == 0 || now - n[1] > REFRESH_AFTER)
		keep(smtpd, &k->triplet, n[0], now,
		    now + conf->greylist_lifetime);
	if (answer->verdict == GREY_PASSES)
		count_network(smtpd, k, now);
}

static struct err
ask_triplet(struct smtpd *smtpd, const struct keys *k, int64_t now,
    struct grey_answer *answer)
{
	int64_t n[2];
	bool found;
	struct err e = recall(smtpd, &k->triplet, n, &found);

	if (err_is(e))
		return e;
	if (found) {
		judge(smtpd, k, n, now, answer);
		return e;
	}
	answer->verdict = GREY_NEW;
	keep(smtpd, &k->triplet, now, 0,
	    now + smtpd->conf->greylist_retry_window);
	return e;
}

struct err
grey_ask(struct smtpd *smtpd, const struct grey_question *q,
    struct grey_answer *answer)
{
	struct keys k = { STR_EMPTY, STR_EMPTY };
	bool is_allowed;
	struct err e;

	*answer = (struct grey_answer){ GREY_NEW, 0 };
	str_add_text(&k.network, "n ");
	grey_add_network(&k.network, smtpd->conf, q->client);
	str_add_text(&k.triplet, "t ");
	str_add(&k.triplet, view_skip(str_view(&k.network), 2));
	str_add_byte(&k.triplet, ' ');
	grey_add_sender(&k.triplet, q->sender);
	str_add_byte(&k.triplet, ' ');
	add_recipient(&k.triplet, q->recipient);
	e = ask_network(smtpd, &k, q->now, &is_allowed);
	if (!err_is(e) && is_allowed)
		answer->verdict = GREY_ALLOWED;
	else if (!err_is(e))
		e = ask_triplet(smtpd, &k, q->now, answer);
	str_clear(&k.network);
	str_clear(&k.triplet);
	return e;
}
