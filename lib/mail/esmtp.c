/*
 * MAIL and RCPT parameters: see esmtp.h.  A parameter is a row: its keyword,
 * what must have been announced, and a function for its value.
 */
#include "lib/mail/esmtp.h"

#include "lib/base/mem.h"
#include "lib/mail/addr.h"
#include "lib/mail/xtext.h"

enum { SHOWN_MAX = 100 };

/* What the functions fill; one of the two is set. */
struct target {
	struct esmtp_mail *mail;
	struct esmtp_rcpt *rcpt;
	unsigned offers;
	bool is_smtputf8;
};

enum value_need { VALUE_NONE, VALUE_NEEDED };

struct param {
	struct view keyword;
	unsigned offer;
	enum value_need need;
	/* False if the value is malformed. */
	bool (*take)(struct view value, struct target *t);
	const char *bad;
};

static bool
take_size(struct view value, struct target *t)
{
	uint64_t size;

	/* RFC 1870 section 3: up to 20 digits; what does not fit is too much
	 * anyway, so it may not read as malformed. */
	if (value.len > 20)
		return false;
	for (size_t i = 0; i < value.len; i++)
		if (!ascii_is_digit(value.ptr[i]))
			return false;
	if (!view_to_uint(value, 10, &size) || size > INT64_MAX)
		size = INT64_MAX;
	t->mail->size = (int64_t)size;
	return true;
}

static bool
take_body(struct view value, struct target *t)
{
	static const struct {
		struct view name;
		enum esmtp_body body;
		unsigned offer;
	} rows[] = {
		{ VIEW("7BIT"), ESMTP_BODY_7BIT, ESMTP_8BITMIME },
		{ VIEW("8BITMIME"), ESMTP_BODY_8BITMIME, ESMTP_8BITMIME },
		{ VIEW("BINARYMIME"), ESMTP_BODY_BINARYMIME, ESMTP_BINARYMIME },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (!view_eq_case(value, rows[i].name))
			continue;
		t->mail->body = rows[i].body;
		return (t->offers & rows[i].offer) != 0;
	}
	return false;
}

static bool
take_smtputf8(struct view value, struct target *t)
{
	t->mail->is_smtputf8 = true;
	return value.len == 0;
}

static bool
take_requiretls(struct view value, struct target *t)
{
	t->mail->is_requiretls = true;
	return value.len == 0;
}

static bool
take_ret(struct view value, struct target *t)
{
	if (view_eq_case(value, VIEW("FULL")))
		t->mail->ret = ESMTP_RET_FULL;
	else if (view_eq_case(value, VIEW("HDRS")))
		t->mail->ret = ESMTP_RET_HDRS;
	return t->mail->ret != ESMTP_RET_NONE;
}

static bool
take_envid(struct view value, struct target *t)
{
	t->mail->envid = value;
	return value.len <= ESMTP_ENVID_MAX && xtext_is_valid(value, 0);
}

static bool
take_auth(struct view value, struct target *t)
{
	t->mail->has_auth = true;
	t->mail->auth = value;
	return value.len <= ESMTP_AUTH_MAX &&
	    (view_eq(value, VIEW("<>")) || xtext_is_valid(value, XTEXT_UTF8));
}

static bool
take_notify(struct view value, struct target *t)
{
	t->rcpt->notify = esmtp_parse_notify(value);
	return t->rcpt->notify != 0;
}

static bool
take_orcpt(struct view value, struct target *t)
{
	size_t semicolon = view_find(value, ';');

	if (!esmtp_orcpt_is_valid(value, t->is_smtputf8))
		return false;
	t->rcpt->orcpt = value;
	t->rcpt->orcpt_type = view_first(value, semicolon);
	t->rcpt->orcpt_xtext = view_skip(value, semicolon + 1);
	return true;
}

static const struct param mail_params[] = {
	{ VIEW("SIZE"), ESMTP_SIZE, VALUE_NEEDED, take_size,
	    "501 5.5.4 Bad message size syntax" },
	{ VIEW("BODY"), ESMTP_8BITMIME | ESMTP_BINARYMIME, VALUE_NEEDED,
	    take_body, "501 5.5.4 Bad BODY parameter value" },
	{ VIEW("SMTPUTF8"), ESMTP_SMTPUTF8, VALUE_NONE, take_smtputf8,
	    "501 5.5.4 SMTPUTF8 takes no value" },
	{ VIEW("REQUIRETLS"), ESMTP_REQUIRETLS, VALUE_NONE, take_requiretls,
	    "501 5.5.4 REQUIRETLS takes no value" },
	{ VIEW("RET"), ESMTP_DSN, VALUE_NEEDED, take_ret,
	    "501 5.5.4 Bad RET parameter syntax" },
	{ VIEW("ENVID"), ESMTP_DSN, VALUE_NEEDED, take_envid,
	    "501 5.5.4 Bad ENVID parameter syntax" },
	{ VIEW("AUTH"), ESMTP_AUTH, VALUE_NEEDED, take_auth,
	    "501 5.5.4 Bad AUTH parameter syntax" },
};

static const struct param rcpt_params[] = {
	{ VIEW("NOTIFY"), ESMTP_DSN, VALUE_NEEDED, take_notify,
	    "501 5.5.4 Bad NOTIFY parameter syntax" },
	{ VIEW("ORCPT"), ESMTP_DSN, VALUE_NEEDED, take_orcpt,
	    "501 5.5.4 Bad ORCPT parameter syntax" },
};

static struct err
unsupported(struct view word)
{
	char shown[SHOWN_MAX + 1];
	size_t n = word.len < SHOWN_MAX ? word.len : SHOWN_MAX;

	for (size_t i = 0; i < n; i++) {
		char c = word.ptr[i];

		shown[i] = (char)(c > 32 && c < 127 ? c : '?');
	}
	shown[n] = '\0';
	return err_make(ERR_PERM, "555 5.5.4 Unsupported option: %s", shown);
}

static struct err
parse_one(struct view word, const struct param *params, size_t n,
    unsigned *seen, struct target *t)
{
	size_t equals = view_find(word, '=');
	struct view keyword = view_first(word, equals);
	bool has_value = equals != VIEW_NPOS;
	struct view value =
	    has_value ? view_skip(word, equals + 1) : VIEW_EMPTY;
	size_t i;

	for (i = 0; i < n; i++)
		if (view_eq_case(keyword, params[i].keyword))
			break;
	if (i == n || !(t->offers & params[i].offer))
		return unsupported(word);
	if (*seen & 1u << i)
		return err_make(ERR_PERM, "501 5.5.4 Duplicate %.*s parameter",
		    VIEW_ARGS(params[i].keyword));
	*seen |= 1u << i;
	if (has_value != (params[i].need == VALUE_NEEDED) ||
	    (has_value && value.len == 0) || !params[i].take(value, t))
		return err_make(ERR_PERM, "%s", params[i].bad);
	return ERR_OK;
}

static struct err
parse_all(
    struct view text, const struct param *params, size_t n, struct target *t)
{
	struct err e = ERR_OK;
	struct view word;
	unsigned seen = 0;

	while (!err_is(e) && view_token(&text, " \t\r\n", &word))
		e = parse_one(word, params, n, &seen, t);
	return e;
}

struct err
esmtp_parse_mail(struct view params, unsigned offers, struct esmtp_mail *mail)
{
	struct target t = { .mail = mail, .offers = offers };

	*mail = (struct esmtp_mail){
		.size = -1, .envid = VIEW_EMPTY, .auth = VIEW_EMPTY
	};
	return parse_all(params, mail_params, ARRAY_LEN(mail_params), &t);
}

struct err
esmtp_parse_rcpt(struct view params, unsigned offers, bool is_smtputf8,
    struct esmtp_rcpt *rcpt)
{
	struct target t = {
		.rcpt = rcpt, .offers = offers, .is_smtputf8 = is_smtputf8
	};

	*rcpt = (struct esmtp_rcpt){
		.orcpt = VIEW_EMPTY,
		.orcpt_type = VIEW_EMPTY,
		.orcpt_xtext = VIEW_EMPTY,
	};
	return parse_all(params, rcpt_params, ARRAY_LEN(rcpt_params), &t);
}

bool
esmtp_has_smtputf8(struct view params)
{
	struct view word;

	while (view_token(&params, " \t\r\n", &word))
		if (view_eq_case(word, VIEW("SMTPUTF8")))
			return true;
	return false;
}

static const struct {
	struct view name;
	unsigned bit;
} notify_names[] = {
	{ VIEW("NEVER"), ESMTP_NOTIFY_NEVER },
	{ VIEW("SUCCESS"), ESMTP_NOTIFY_SUCCESS },
	{ VIEW("FAILURE"), ESMTP_NOTIFY_FAILURE },
	{ VIEW("DELAY"), ESMTP_NOTIFY_DELAY },
};

unsigned
esmtp_parse_notify(struct view value)
{
	struct view word;
	unsigned mask = 0;

	while (view_field(&value, ',', &word)) {
		size_t i;

		for (i = 0; i < ARRAY_LEN(notify_names); i++)
			if (view_eq_case(word, notify_names[i].name))
				break;
		if (i == ARRAY_LEN(notify_names) ||
		    (mask & notify_names[i].bit))
			return 0;
		mask |= notify_names[i].bit;
	}
	/* RFC 3461 4.1: NEVER stands alone. */
	if ((mask & ESMTP_NOTIFY_NEVER) && mask != ESMTP_NOTIFY_NEVER)
		return 0;
	return mask;
}

void
esmtp_add_notify(struct str *out, unsigned notify)
{
	const char *comma = "";

	for (size_t i = 0; i < ARRAY_LEN(notify_names); i++) {
		if (!(notify & notify_names[i].bit))
			continue;
		str_add_text(out, comma);
		str_add(out, notify_names[i].name);
		comma = ",";
	}
}

/* RFC 3461 4.2: addr-type is an atom. */
static bool
is_addr_type(struct view v)
{
	for (size_t i = 0; i < v.len; i++)
		if (!ascii_is_alnum(v.ptr[i]) && v.ptr[i] != '-' &&
		    v.ptr[i] != '.' && v.ptr[i] != '_')
			return false;
	return v.len > 0;
}

bool
esmtp_orcpt_is_valid(struct view orcpt, bool is_smtputf8)
{
	size_t semicolon = view_find(orcpt, ';');
	struct view type = view_first(orcpt, semicolon);
	struct view coded = view_skip(orcpt, semicolon);
	bool is_utf8 = view_eq_case(type, VIEW("utf-8"));

	if (orcpt.len > ESMTP_ORCPT_MAX || !is_addr_type(type) || coded.len < 2)
		return false;
	return xtext_is_valid(
	    view_skip(coded, 1), is_utf8 && is_smtputf8 ? XTEXT_UTF8 : 0);
}

static void
add_code_point(struct str *out, uint32_t c)
{
	if (c < 0x80) {
		str_add_byte(out, (char)c);
		return;
	}
	if (c < 0x800) {
		str_add_byte(out, (char)(0xc0 | c >> 6));
	} else if (c < 0x10000) {
		str_add_byte(out, (char)(0xe0 | c >> 12));
		str_add_byte(out, (char)(0x80 | (c >> 6 & 0x3f)));
	} else {
		str_add_byte(out, (char)(0xf0 | c >> 18));
		str_add_byte(out, (char)(0x80 | (c >> 12 & 0x3f)));
		str_add_byte(out, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	str_add_byte(out, (char)(0x80 | (c & 0x3f)));
}

/*
 * RFC 6533 section 3: "\x{HEX}" stands for a character in a utf-8 address.
 * Those that could not stand there themselves are refused.
 */
static bool
add_utf8_address(struct str *out, struct view v)
{
	while (v.len > 0) {
		uint64_t c;
		size_t end;

		if (!view_starts(v, VIEW("\\x{"))) {
			str_add_byte(out, v.ptr[0]);
			v = view_skip(v, 1);
			continue;
		}
		end = view_find(v, '}');
		if (end == VIEW_NPOS ||
		    !view_to_uint(view_sub(v, 3, end - 3), 16, &c) ||
		    c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || c < 32 ||
		    (c >= 127 && c < 160))
			return false;
		add_code_point(out, (uint32_t)c);
		v = view_skip(v, end + 1);
	}
	return true;
}

bool
esmtp_decode_orcpt(struct str *out, struct view orcpt)
{
	size_t semicolon = view_find(orcpt, ';');
	bool is_utf8 =
	    view_eq_case(view_first(orcpt, semicolon), VIEW("utf-8"));
	size_t before = out->len;
	struct str plain = STR_EMPTY;
	bool ok;

	if (semicolon == VIEW_NPOS)
		return false;
	ok = xtext_decode(
	    &plain, view_skip(orcpt, semicolon + 1), is_utf8 ? XTEXT_UTF8 : 0);
	if (ok && is_utf8)
		ok = add_utf8_address(out, str_view(&plain));
	else if (ok)
		str_add(out, str_view(&plain));
	if (!ok)
		str_cut(out, before);
	str_clear(&plain);
	return ok;
}

/* The code point at the front of valid UTF-8, and its length. */
static uint32_t
code_point(struct view v, size_t *len)
{
	const unsigned char *p = (const unsigned char *)v.ptr;

	*len = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	switch (*len) {
	case 1:
		return p[0];
	case 2:
		return (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
	case 3:
		return (p[0] & 0xfu) << 12 | (p[1] & 0x3fu) << 6 |
		    (p[2] & 0x3fu);
	default:
		return (p[0] & 7u) << 18 | (p[1] & 0x3fu) << 12 |
		    (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
	}
}

void
esmtp_add_orcpt(struct str *out, struct view external)
{
	if (view_is_ascii(external) || !view_is_utf8(external)) {
		str_add_text(out, "rfc822;");
		xtext_encode(out, external, 0);
		return;
	}
	/* In the form that is ASCII itself: any server can take it. */
	str_add_text(out, "utf-8;");
	while (external.len > 0) {
		size_t len;
		uint32_t c = code_point(external, &len);

		if (c > 126 || c == '+' || c == '=' || c == '\\' || c <= 32)
			str_addf(out, "\\x{%02X}", (unsigned)c);
		else
			str_add_byte(out, (char)c);
		external = view_skip(external, len);
	}
}
