/* The Sender Rewriting Scheme: see srs.h. */
#include "lib/mail/srs.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/conf/main_cf.h"
#include "lib/mail/addr.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/stat.h>

enum {
	DAY = 86400,
	DAYS = 1024, /* of a stamp: two digits of base 32 */
	STAMP_LEN = 2,
	FILE_MAX = 64 * 1024,
	HASH_MIN = 4, /* what is believed, if the parameter was shorter once */
};

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* --- keys --- */

static struct err
take_keys(struct srs *s, struct view text, const char *path)
{
	struct view line;

	while (view_field(&text, '\n', &line)) {
		line = view_trim(line);
		if (line.len == 0 || line.ptr[0] == '#')
			continue;
		if (line.len < SRS_KEY_MIN || line.len > SRS_KEY_MAX)
			return err_make(ERR_PERM,
			    "%s: a key has %d to %d characters", path,
			    SRS_KEY_MIN, SRS_KEY_MAX);
		if (s->n_keys == SRS_KEYS_MAX)
			return err_make(ERR_PERM, "%s: more than %d keys",
			    path, SRS_KEYS_MAX);
		str_init(&s->keys[s->n_keys]);
		str_set(&s->keys[s->n_keys++], line);
	}
	return s->n_keys > 0 ? ERR_OK : err_make(ERR_PERM, "%s: no key", path);
}

static struct err
read_keys(struct srs *s, const char *path)
{
	struct str text = STR_EMPTY;
	struct stat st;
	struct err e = conf_read_file(path, FILE_MAX, &text);

	if (!err_is(e) && stat(path, &st) == 0 && (st.st_mode & 077) != 0)
		log_warn("%s: others than its owner can read the keys", path);
	if (!err_is(e))
		e = take_keys(s, str_view(&text), path);
	OPENSSL_cleanse(text.ptr, text.len);
	str_clear(&text);
	return e;
}

struct err
srs_open(struct srs *s, const struct conf *conf)
{
	struct err e;

	*s = (struct srs){ .conf = conf, .domain = view_of(conf->srs_domain) };
	if (!srs_is_on(s))
		return ERR_OK;
	e = match_list_open(view_of(conf->srs_exclude_domains),
	    MATCH_OPEN_LATER, &s->excluded);
	if (err_is(e))
		return err_within(e, "srs_exclude_domains");
	e = read_keys(s, conf->srs_key_file);
	return err_is(e) ? err_within(e, "srs_key_file") : e;
}

void
srs_close(struct srs *s)
{
	for (size_t i = 0; i < s->n_keys; i++) {
		OPENSSL_cleanse(s->keys[i].ptr, s->keys[i].len);
		str_clear(&s->keys[i]);
	}
	match_list_close(s->excluded);
	*s = (struct srs){ .conf = NULL, .domain = VIEW_EMPTY };
}

bool
srs_is_on(const struct srs *s)
{
	return s->domain.len > 0;
}

/* --- parts --- */

/* SRS0 or SRS1 and one of the separators that other programs use. */
static bool
has_tag(struct view local, char kind)
{
	return local.len > 5 && view_starts_case(local, VIEW("SRS")) &&
	    local.ptr[3] == kind && strchr("=+-", local.ptr[4]) != NULL;
}

bool
srs_looks_ours(const struct conf *conf, struct view address)
{
	struct view local = addr_local(address);

	return conf->srs_domain[0] != '\0' &&
	    (has_tag(local, '0') || has_tag(local, '1')) &&
	    view_eq_case(addr_domain(address), view_of(conf->srs_domain));
}

/* Up to the next '='; false if there is none. */
static bool
cut_part(struct view *rest, struct view *part)
{
	size_t at = view_find(*rest, '=');

	if (at == VIEW_NPOS)
		return false;
	*part = view_first(*rest, at);
	*rest = view_skip(*rest, at + 1);
	return true;
}

/* The text is what follows the hash, which others may have changed the case
 * of. */
static bool
sign(const struct str *key, struct view text, char *hash, size_t n)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	struct str lower = STR_EMPTY;
	unsigned len = 0, bits = 0, n_bits = 0;
	size_t at = 0;
	bool done;

	str_add(&lower, text);
	str_lower(&lower);
	done = HMAC(EVP_sha256(), key->ptr, (int)key->len,
	    (const unsigned char *)lower.ptr, lower.len, mac, &len) != NULL;
	str_clear(&lower);
	if (!done)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (n_bits < 5) {
			bits = (bits << 8 | mac[at++ % len]) & 0x1fff;
			n_bits += 8;
		}
		n_bits -= 5;
		hash[i] = digits[bits >> n_bits & 31];
	}
	return true;
}

/* Takes as long wherever they differ. */
static bool
is_same_hash(struct view a, const char *b)
{
	unsigned differs = 0;

	for (size_t i = 0; i < a.len; i++)
		differs |=
		    (unsigned)(ascii_upper(a.ptr[i]) ^ ascii_upper(b[i]));
	return differs == 0;
}

static bool
is_signed(const struct srs *s, struct view hash, struct view text)
{
	char right[64];
	bool yes = false;

	if (hash.len < HASH_MIN || hash.len > sizeof(right) ||
	    (int64_t)hash.len < s->conf->srs_hash_length)
		return false;
	for (size_t i = 0; i < s->n_keys; i++)
		yes |= sign(&s->keys[i], text, right, hash.len) &&
		    is_same_hash(hash, right);
	return yes;
}

static void
add_stamp(struct str *out, int64_t now)
{
	unsigned day = (unsigned)(now / DAY % DAYS);

	str_add_byte(out, digits[day / 32]);
	str_add_byte(out, digits[day % 32]);
}

/* A day of the last srs_max_age, or tomorrow: clocks differ. */
static bool
is_fresh(const struct srs *s, struct view stamp, int64_t now)
{
	unsigned day = 0, today = (unsigned)(now / DAY % DAYS), age;

	if (stamp.len != STAMP_LEN)
		return false;
	for (size_t i = 0; i < STAMP_LEN; i++) {
		const char *at = memchr(digits, ascii_upper(stamp.ptr[i]),
		    sizeof(digits) - 1);

		if (at == NULL)
			return false;
		day = day * 32 + (unsigned)(at - digits);
	}
	age = (today + DAYS - day) % DAYS;
	return age == DAYS - 1 || (int64_t)age * DAY <= s->conf->srs_max_age;
}

/* --- there --- */

/* "SRSn=HASH=text@domain" */
static bool
put(const struct srs *s, char kind, struct view text, struct str *out)
{
	char hash[64];
	size_t n = (size_t)s->conf->srs_hash_length;

	if (n > sizeof(hash) || !sign(&s->keys[0], text, hash, n))
		return false;
	str_printf(out, "SRS%c=%.*s=%.*s@%.*s", kind, (int)n, hash,
	    VIEW_ARGS(text), VIEW_ARGS(s->domain));
	return out->len <= ADDR_MAX;
}

/* "first.forwarder==what that one wrote" */
static bool
names_forwarder(struct view text, struct view *domain, struct view *rest)
{
	*rest = text;
	return cut_part(rest, domain) && domain->len > 0 && rest->len >= 2 &&
	    strchr("=+-", rest->ptr[0]) != NULL;
}

/* Another forwarder's: who first sent it on stays in it, and what that one
 * wrote, so that mail comes back to it in one step.  False if it only looks
 * like one. */
static bool
forward_again(const struct srs *s, struct view local, struct view domain,
    struct str *out)
{
	struct str text = STR_EMPTY;
	struct view rest = view_skip(local, 5), part;
	bool done;

	if (has_tag(local, '0'))
		str_printf(&text, "%.*s=%.*s", VIEW_ARGS(domain),
		    VIEW_ARGS(view_skip(local, 4)));
	else if (cut_part(&rest, &part))
		str_set(&text, rest);
	done = names_forwarder(str_view(&text), &part, &rest) &&
	    put(s, '1', str_view(&text), out);
	str_clear(&text);
	return done;
}

static bool
forward_first(const struct srs *s, struct view local, struct view domain,
    int64_t now, struct str *out)
{
	struct str text = STR_EMPTY;
	bool done;

	add_stamp(&text, now);
	str_addf(&text, "=%.*s=%.*s", VIEW_ARGS(domain), VIEW_ARGS(local));
	done = put(s, '0', str_view(&text), out);
	str_clear(&text);
	return done;
}

struct err
srs_forward(const struct srs *s, struct view sender, int64_t now,
    struct str *out, bool *rewritten)
{
	struct view local = addr_local(sender), domain = addr_domain(sender);
	bool excluded;
	struct err e;

	*rewritten = false;
	if (!srs_is_on(s) || local.len == 0 || domain.len == 0 ||
	    view_find(domain, '=') != VIEW_NPOS ||
	    view_eq_case(domain, s->domain))
		return ERR_OK;
	e = match_list_matches(s->excluded, domain, &excluded);
	if (err_is(e))
		return err_within(e, "srs_exclude_domains");
	if (excluded)
		return e;
	if (has_tag(local, '0') || has_tag(local, '1'))
		*rewritten = forward_again(s, local, domain, out);
	if (!*rewritten)
		*rewritten = forward_first(s, local, domain, now, out);
	return e;
}

/* --- and back --- */

static bool
reverse_first(
    const struct srs *s, struct view rest, int64_t now, struct str *out)
{
	struct view hash, text, stamp, domain;

	if (!cut_part(&rest, &hash))
		return false;
	text = rest;
	if (!cut_part(&rest, &stamp) || !cut_part(&rest, &domain) ||
	    domain.len == 0 || rest.len == 0 || !is_signed(s, hash, text) ||
	    !is_fresh(s, stamp, now))
		return false;
	str_set(out, rest);
	str_add_byte(out, '@');
	str_add(out, domain);
	return true;
}

/* To the first forwarder, with what that one wrote. */
static bool
reverse_again(const struct srs *s, struct view rest, struct str *out)
{
	struct view hash, text, domain;

	if (!cut_part(&rest, &hash))
		return false;
	text = rest;
	if (!names_forwarder(text, &domain, &rest) || !is_signed(s, hash, text))
		return false;
	str_printf(out, "SRS0%.*s@%.*s", VIEW_ARGS(rest), VIEW_ARGS(domain));
	return true;
}

struct err
srs_reverse(
    const struct srs *s, struct view address, int64_t now, struct str *out)
{
	struct view local = addr_local(address);
	bool is_first = has_tag(local, '0');
	bool done;

	if (!srs_is_on(s) || !srs_looks_ours(s->conf, address))
		return err_make(ERR_PERM, "no rewritten sender of ours");
	local = view_skip(local, 5);
	done = is_first ? reverse_first(s, local, now, out)
			: reverse_again(s, local, out);
	if (!done || !addr_is_sane(str_view(out)))
		return err_make(ERR_PERM,
		    "rewritten sender is not ours, or too old");
	return ERR_OK;
}
