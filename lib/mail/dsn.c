/* Enhanced status codes: see dsn.h. */
#include "lib/mail/dsn.h"

#include "lib/base/mem.h"

#include <stdio.h>
#include <sysexits.h>

/* One to three digits at the front of *v. */
static bool
take_number(struct view *v, uint16_t *number)
{
	unsigned sum = 0;
	size_t n = 0;

	while (n < v->len && ascii_is_digit(v->ptr[n])) {
		if (n == 3)
			return false;
		sum = sum * 10 + (unsigned)(v->ptr[n++] - '0');
	}
	if (n == 0)
		return false;
	*number = (uint16_t)sum;
	*v = view_skip(*v, n);
	return true;
}

static bool
take_dot(struct view *v)
{
	if (!view_starts(*v, VIEW(".")))
		return false;
	*v = view_skip(*v, 1);
	return true;
}

bool
dsn_parse(struct view text, struct dsn_status *status, struct view *rest)
{
	struct dsn_status s = { 0 };

	if (text.len == 0 || strchr("245", text.ptr[0]) == NULL ||
	    text.ptr[0] == '\0')
		return false;
	s.class = (uint8_t)(text.ptr[0] - '0');
	text = view_skip(text, 1);
	if (!take_dot(&text) || !take_number(&text, &s.subject) ||
	    !take_dot(&text) || !take_number(&text, &s.detail) ||
	    (text.len > 0 && !ascii_is_space(text.ptr[0])))
		return false;
	*status = s;
	if (rest != NULL)
		*rest = view_trim_left(text);
	return true;
}

bool
dsn_is_valid(struct view text)
{
	struct dsn_status status;

	return dsn_parse(text, &status, NULL) &&
	    !ascii_is_space(text.ptr[text.len - 1]) &&
	    view_find_any(text, " \t\r\n\v\f") == VIEW_NPOS;
}

struct view
dsn_format(struct dsn_status status, char buffer[static DSN_STATUS_SIZE])
{
	int n = snprintf(buffer, DSN_STATUS_SIZE, "%u.%u.%u",
	    status.class % 10u, status.subject % 1000u, status.detail % 1000u);

	return (struct view){ buffer, (size_t)n };
}

const char *
dsn_text(struct dsn_status status, char buffer[static DSN_STATUS_SIZE])
{
	return dsn_format(status, buffer).ptr;
}

struct dsn_split
dsn_split(struct view text, struct dsn_status otherwise)
{
	struct dsn_split split = { otherwise, text };

	dsn_parse(text, &split.status, &split.text);
	return split;
}

struct dsn_status
dsn_for_reply(int code)
{
	int class = code / 100;

	if (code >= 1000 || (class != 2 && class != 4 && class != 5))
		return DSN_STATUS(5, 5, 0);
	return DSN_STATUS((uint8_t) class, 0, 0);
}

struct dsn_status
dsn_agree(struct dsn_status status, int code)
{
	return status.class == code / 100 ? status : dsn_for_reply(code);
}

static const struct {
	int exit_status;
	struct dsn_status status;
	const char *text;
} exits[] = {
	{ EX_USAGE, { 5, 3, 0 }, "command line usage error" },
	{ EX_DATAERR, { 5, 6, 0 }, "data format error" },
	{ EX_NOINPUT, { 5, 3, 0 }, "cannot open input" },
	{ EX_NOUSER, { 5, 1, 1 }, "user unknown" },
	{ EX_NOHOST, { 5, 1, 2 }, "host name unknown" },
	{ EX_UNAVAILABLE, { 5, 3, 0 }, "service unavailable" },
	{ EX_SOFTWARE, { 5, 3, 0 }, "internal software error" },
	{ EX_OSERR, { 4, 3, 0 }, "system resource problem" },
	{ EX_OSFILE, { 5, 3, 0 }, "critical OS file missing" },
	{ EX_CANTCREAT, { 5, 2, 0 }, "can't create user output file" },
	{ EX_IOERR, { 5, 3, 0 }, "input/output error" },
	{ EX_TEMPFAIL, { 4, 3, 0 }, "temporary failure" },
	{ EX_PROTOCOL, { 5, 5, 0 }, "remote error in protocol" },
	{ EX_NOPERM, { 5, 7, 0 }, "permission denied" },
	{ EX_CONFIG, { 5, 3, 5 }, "local configuration error" },
};

struct dsn_status
dsn_for_exit(int exit_status, const char **text)
{
	for (size_t i = 0; i < ARRAY_LEN(exits); i++) {
		if (exits[i].exit_status != exit_status)
			continue;
		*text = exits[i].text;
		return exits[i].status;
	}
	*text = "unknown mail system error";
	return DSN_STATUS(5, 3, 0);
}
