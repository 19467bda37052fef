/* The greylist: see grey.h. */
#include "smtpd/grey.h"

#include "lib/base/log.h"
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
	/* So much the clocks of hosts may differ, s. */
	CLOCKS_DIFFER = 3600,
	/* So often somebody else may be quicker. */
	TRIES_MAX = 5,
	/* Of a network: nobody asks for more. */
	COUNT_MOST = 1000000,
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

/* What is kept, if it is anything. */
static bool
read_kept(const struct str *value, int64_t now, int64_t numbers[2])
{
	/* Damaged is as unknown. */
	return grey_read(str_view(value), numbers) &&
	    numbers[0] <= now + CLOCKS_DIFFER &&
	    numbers[1] <= now + CLOCKS_DIFFER;
}

static struct err
recall(struct smtpd *smtpd, const struct str *key, struct str *is)
{
	bool found;
	struct err e = recall_get(smtpd, STATE_GREY, str_view(key), is, &found);

	if (!found)
		str_reset(is);
	return e;
}

/* In place of `is`; which is what is there, if that was not so any more. */
static struct err
replace(struct smtpd *smtpd, const struct str *key, struct str *is,
    const int64_t numbers[2], int64_t until, bool *done)
{
	struct str value = STR_EMPTY;
	struct recall_swap ask = {
		.key = str_view(key), .old = str_view(is), .until = until
	};
	struct err e;

	write_numbers(&value, numbers[0], numbers[1]);
	ask.value = str_view(&value);
	e = recall_swap(smtpd, STATE_GREY, &ask, done, is);
	str_clear(&value);
	return e;
}

/* The network has come again often enough. */
static struct err
ask_network(struct smtpd *smtpd, const struct keys *k, int64_t now, bool *yes)
{
	const struct conf *conf = smtpd->conf;
	struct str is = STR_EMPTY;
	int64_t n[2];
	bool done;
	struct err e = ERR_OK;

	*yes = false;
	if (conf->greylist_auto_allow_count == 0)
		return ERR_OK;
	e = recall(smtpd, &k->network, &is);
	*yes = !err_is(e) && read_kept(&is, now, n) &&
	    n[0] >= conf->greylist_auto_allow_count;
	if (*yes && now - n[1] > REFRESH_AFTER) {
		n[1] = now;
		/* If somebody else was quicker, it is refreshed. */
		e = replace(smtpd, &k->network, &is, n,
		    now + conf->greylist_lifetime, &done);
	}
	str_clear(&is);
	return e;
}

/* One more triplet of it has come again.  That is not counted if it cannot be:
 * the triplet itself is known. */
static void
count_network(struct smtpd *smtpd, const struct keys *k, int64_t now)
{
	struct str is = STR_EMPTY;
	bool done = false;
	struct err e;

	if (smtpd->conf->greylist_auto_allow_count == 0)
		return;
	e = recall(smtpd, &k->network, &is);
	for (int i = 0; !done && !err_is(e) && i < TRIES_MAX; i++) {
		int64_t n[2];

		if (!read_kept(&is, now, n))
			n[0] = 0;
		n[0] += n[0] < COUNT_MOST;
		n[1] = now;
		e = replace(smtpd, &k->network, &is, n,
		    now + smtpd->conf->greylist_lifetime, &done);
	}
	if (err_is(e))
		log_warn("greylist: %s", e.text);
	str_clear(&is);
}

/*
 * The triplet is there: n is what is kept of it, `is` the same as it is kept.
 * *again: somebody else has changed it.
 */
static struct err
judge(struct smtpd *smtpd, const struct keys *k, struct str *is, int64_t n[2],
    int64_t now, struct grey_answer *answer, bool *again)
{
	const struct conf *conf = smtpd->conf;
	bool done = true, is_first = n[1] == 0;
	struct err e = ERR_OK;

	*again = false;
	answer->waited = now > n[0] ? now - n[0] : 0;
	if (is_first && answer->waited < conf->greylist_delay) {
		answer->verdict = GREY_EARLY;
		return e;
	}
	answer->verdict = is_first ? GREY_PASSES : GREY_KNOWN;
	if (is_first || now - n[1] > REFRESH_AFTER) {
		n[1] = now;
		e = replace(smtpd, &k->triplet, is, n,
		    now + conf->greylist_lifetime, &done);
	}
	*again = !err_is(e) && !done && is_first;
	/* Who has it written has it counted, once for all hosts. */
	if (!err_is(e) && done && is_first)
		count_network(smtpd, k, now);
	return e;
}

static struct err
ask_triplet(struct smtpd *smtpd, const struct keys *k, int64_t now,
    struct grey_answer *answer)
{
	const int64_t first[2] = { now, 0 };
	struct str is = STR_EMPTY;
	bool again = true, done = false;
	struct err e = recall(smtpd, &k->triplet, &is);

	/* When somebody else was quicker, what that has left is judged: when it
	 * was seen first stays what it was. */
	for (int i = 0; again && !err_is(e) && i < TRIES_MAX; i++) {
		int64_t n[2];

		if (read_kept(&is, now, n)) {
			e = judge(smtpd, k, &is, n, now, answer, &again);
			continue;
		}
		answer->verdict = GREY_NEW;
		e = replace(smtpd, &k->triplet, &is, first,
		    now + smtpd->conf->greylist_retry_window, &done);
		again = !done;
	}
	str_clear(&is);
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
