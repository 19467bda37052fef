#include "sendmail/options.h"

#include "lib/base/mem.h"
#include "lib/base/view.h"
#include "lib/ipc/messages.h"
#include "lib/mail/esmtp.h"

#include <string.h>

typedef struct err take_fn(struct options *o, const char *value);

/* Options that others had and that mean nothing here. */
static struct err
ignore(struct options *o, const char *value)
{
	(void)o;
	(void)value;
	return ERR_OK;
}

static struct err
take_body(struct options *o, const char *value)
{
	if (strcmp(value, "8BITMIME") == 0)
		o->flags |= SUBMIT_BODY_8BITMIME;
	else if (strcmp(value, "7BIT") == 0)
		o->flags &= ~(int64_t)SUBMIT_BODY_8BITMIME;
	else
		return err_make(
		    ERR_PERM, "-B needs 7BIT or 8BITMIME, not: %.60s", value);
	return ERR_OK;
}

static struct err
take_config(struct options *o, const char *value)
{
	o->config = value;
	return ERR_OK;
}

static struct err
take_full_name(struct options *o, const char *value)
{
	o->full_name = value;
	return ERR_OK;
}

static struct err
take_sender(struct options *o, const char *value)
{
	o->sender = value;
	return ERR_OK;
}

static struct err
take_gateway(struct options *o, const char *value)
{
	(void)value;
	o->remote = true;
	return ERR_OK;
}

static struct err
take_aliases_mode(struct options *o, const char *value)
{
	(void)value;
	o->mode = MODE_ALIASES;
	return ERR_OK;
}

static struct err
take_notify(struct options *o, const char *value)
{
	unsigned notify = esmtp_parse_notify(view_of(value));

	if (notify == 0)
		o->warning = "-N: bad value; ignored";
	else
		o->notify = notify;
	return ERR_OK;
}

static struct err
take_n(struct options *o, const char *value)
{
	(void)o;
	(void)value;
	return err_make(ERR_PERM, "-n option not supported");
}

static bool
has_value(struct view text, const char *name, struct view *value)
{
	struct view n = view_of(name);

	if (!view_starts_case(text, n) || text.len <= n.len ||
	    text.ptr[n.len] != '=')
		return false;
	*value = view_skip(text, n.len + 1);
	return true;
}

static struct err
take_long(struct options *o, const char *text)
{
	struct view value;

	if (has_value(view_of(text), "smtputf8", &value)) {
		if (view_eq_case(value, VIEW("yes")))
			o->flags |= SUBMIT_SMTPUTF8;
		else if (view_eq_case(value, VIEW("no")))
			o->flags &= ~(int64_t)SUBMIT_SMTPUTF8;
		else
			return err_make(ERR_PERM, "bad value: -O %.60s", text);
	}
	if (has_value(view_of(text), "requiretls", &value) &&
	    !view_eq_case(value, VIEW("no")))
		return err_make(ERR_PERM, "unsupported: -O %.60s", text);
	return ERR_OK;
}

static struct err
take_ret(struct options *o, const char *value)
{
	if (view_eq_case(view_of(value), VIEW("hdrs")))
		o->ret = ESMTP_RET_HDRS;
	else if (view_eq_case(view_of(value), VIEW("full")))
		o->ret = ESMTP_RET_FULL;
	else
		o->warning = "-R: bad value; ignored";
	return ERR_OK;
}

static struct err
take_envid(struct options *o, const char *value)
{
	bool good = strlen(value) <= ESMTP_ENVID_MAX;

	for (const char *p = value; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			good = false;
	if (!good)
		o->warning = "-V: bad value; ignored";
	else
		o->envid = value;
	return ERR_OK;
}

static struct err
take_verp(struct options *o, const char *value)
{
	(void)o;
	return err_make(ERR_PERM, "unsupported: -X%.60s", value);
}

static struct err
take_mode(struct options *o, const char *value)
{
	static const struct {
		char letter;
		enum sendmail_mode mode;
	} rows[] = {
		{ 'd', MODE_DAEMON },
		{ 'l', MODE_DAEMON },
		{ 'h', MODE_NOTHING },
		{ 'H', MODE_NOTHING },
		{ 'i', MODE_ALIASES },
		{ 'm', MODE_SUBMIT },
		{ 'p', MODE_LIST },
		{ 's', MODE_SMTP },
		{ 'v', MODE_PROBE },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (value[0] == rows[i].letter) {
			o->mode = rows[i].mode;
			return ERR_OK;
		}
	return err_make(ERR_PERM, "unsupported: -b%.60s", value);
}

static struct err
take_dots(struct options *o, const char *value)
{
	(void)value;
	o->dot_ends = false;
	return ERR_OK;
}

static struct err
take_old(struct options *o, const char *value)
{
	if (value[0] == 'i')
		o->dot_ends = false;
	if (value[0] == 'A') {
		if (value[1] == '\0')
			return err_make(ERR_PERM, "-oA requires pathname");
		o->aliases = value + 1;
	}
	return ERR_OK;
}

static struct err
take_flush(struct options *o, const char *value)
{
	if (ascii_is_digit(value[0]))
		return ERR_OK;
	if (value[0] != '\0' &&
	    ((value[0] != 'I' && value[0] != 'R') || value[1] == '\0'))
		return err_make(ERR_PERM, "-q%.60s is not implemented", value);
	o->flush_too = true;
	if (o->mode == MODE_DAEMON)
		return ERR_OK;
	o->mode = value[0] == 'I' ? MODE_FLUSH_ID
	    : value[0] == 'R'	  ? MODE_FLUSH_SITE
				  : MODE_FLUSH;
	o->flush = value[0] != '\0' ? value + 1 : value;
	return ERR_OK;
}

static struct err
take_extract(struct options *o, const char *value)
{
	(void)value;
	o->extract = true;
	return ERR_OK;
}

static struct err
take_verbose(struct options *o, const char *value)
{
	(void)value;
	o->verbose++;
	return ERR_OK;
}

static const struct row {
	char letter;
	bool has_value;
	take_fn *take;
} rows[] = {
	{ 'A', true, ignore },
	{ 'B', true, take_body },
	{ 'C', true, take_config },
	{ 'F', true, take_full_name },
	{ 'G', false, take_gateway },
	{ 'I', false, take_aliases_mode },
	{ 'L', true, ignore },
	{ 'N', true, take_notify },
	{ 'O', true, take_long },
	{ 'R', true, take_ret },
	{ 'U', false, ignore },
	{ 'V', true, take_envid },
	{ 'X', true, take_verp },
	{ 'b', true, take_mode },
	{ 'c', false, ignore },
	{ 'e', true, ignore },
	{ 'f', true, take_sender },
	{ 'h', true, ignore },
	{ 'i', false, take_dots },
	{ 'm', false, ignore },
	{ 'n', false, take_n },
	{ 'o', true, take_old },
	{ 'p', true, ignore },
	{ 'q', true, take_flush },
	{ 'r', true, take_sender },
	{ 't', false, take_extract },
	{ 'v', false, take_verbose },
	{ 'x', false, ignore },
};

static const struct row *
find_row(char letter)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].letter == letter)
			return &rows[i];
	return NULL;
}

/* One argument of options, which may be several letters; *at is its index, and
 * goes on if the next one is a value. */
static struct err
take_argument(struct options *o, int argc, char **argv, int *at)
{
	const char *p = argv[*at] + 1;
	struct err e = ERR_OK;

	while (*p != '\0' && !err_is(e)) {
		const struct row *row = find_row(*p++);

		if (row == NULL)
			return err_make(ERR_PERM,
			    "usage: sendmail [options]; unknown option: -%c",
			    p[-1]);
		if (!row->has_value) {
			e = row->take(o, NULL);
			continue;
		}
		/* -q may stand alone. */
		if (*p != '\0' || row->letter == 'q')
			return row->take(o, p);
		if (*at + 1 >= argc)
			return err_make(ERR_PERM,
			    "usage: sendmail [options]; -%c needs a value",
			    row->letter);
		return row->take(o, argv[++*at]);
	}
	return e;
}

static enum sendmail_mode
mode_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;

	if (strcmp(name, "mailq") == 0)
		return MODE_LIST;
	if (strcmp(name, "newaliases") == 0)
		return MODE_ALIASES;
	return strcmp(name, "smtpd") == 0 ? MODE_DAEMON : MODE_SUBMIT;
}

struct err
options_parse(struct options *o, int argc, char **argv)
{
	struct err e = ERR_OK;
	int at = 1;

	*o = (struct options){ .mode = mode_of(argc > 0 ? argv[0] : ""),
		.envid = "",
		.flush = "",
		.dot_ends = true };
	while (at < argc && !err_is(e) && argv[at][0] == '-' &&
	    argv[at][1] != '\0') {
		if (strcmp(argv[at], "--") == 0) {
			at++;
			break;
		}
		e = take_argument(o, argc, argv, &at);
		at++;
	}
	o->rcpts = argv + (at < argc ? at : argc);
	o->n_rcpts = at < argc ? argc - at : 0;
	if (!err_is(e) && o->mode == MODE_PROBE && o->extract)
		e = err_make(ERR_PERM, "-t option cannot be used with -bv");
	if (!err_is(e) && o->mode == MODE_DAEMON && o->flush_too)
		o->warning = "the -q option is ignored with -bd";
	return e;
}
