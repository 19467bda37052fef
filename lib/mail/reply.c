/* Replies of a server: see reply.h. */
#include "lib/mail/reply.h"

#include "lib/base/mem.h"

enum { CODE_LEN = 3 };

void
reply_init(struct reply *r)
{
	*r = (struct reply){ .text = STR_EMPTY };
}

void
reply_clear(struct reply *r)
{
	str_clear(&r->text);
	reply_init(r);
}

void
reply_reset(struct reply *r)
{
	struct str text = r->text;

	str_reset(&text);
	*r = (struct reply){ .text = text };
}

static int
parse_code(struct view line)
{
	uint64_t code;

	if (!view_to_uint(view_first(line, CODE_LEN), 10, &code) ||
	    line.len < CODE_LEN || code < 200 || code > 599)
		return 0;
	return (int)code;
}

/*
 * Append the line as it may be logged and sent on: control characters become
 * blanks, and if it is not UTF-8, what is not ASCII a '?'.
 */
static void
keep_line(struct reply *r, struct view line)
{
	bool is_utf8 = view_is_utf8(line);
	size_t room = REPLY_TEXT_MAX - r->text.len;

	if (r->text.len + 1 >= REPLY_TEXT_MAX)
		return;
	if (r->lines > 0) {
		str_add_byte(&r->text, '\n');
		room--;
	}
	if (line.len > room) {
		line = view_first(line, room);
		/* Not in the middle of a sequence. */
		while (is_utf8 && !view_is_utf8(line))
			line.len--;
	}
	for (size_t i = 0; i < line.len; i++) {
		unsigned char c = (unsigned char)line.ptr[i];

		if (c < 32 || c == 127)
			c = ' ';
		else if (c > 127 && !is_utf8)
			c = '?';
		/* C1 controls are two bytes of valid UTF-8. */
		else if (c == 0xc2 && (unsigned char)line.ptr[i + 1] < 0xa0) {
			c = ' ';
			i++;
		}
		str_add_byte(&r->text, (char)c);
	}
}

static void
end_reply(struct reply *r, struct view text)
{
	struct dsn_status status;

	r->status = dsn_for_reply(r->code);
	if (dsn_parse(text, &status, NULL) && status.class == r->code / 100) {
		r->status = status;
		r->has_status = true;
	}
	r->is_done = true;
}

static struct err
bad_reply(const struct reply *r, const char *why)
{
	return err_make(
	    ERR_TEMP, "read reply: %s in line %u", why, r->lines + 1);
}

struct err
reply_feed(struct reply *r, struct view line)
{
	char separator;
	int code;

	if (view_ends(line, VIEW("\r")))
		line.len--;
	if (line.len > REPLY_LINE_MAX)
		return bad_reply(r, "too many bytes");
	if (r->lines >= REPLY_LINES_MAX)
		return bad_reply(r, "too many lines");
	if (view_find(line, '\0') != VIEW_NPOS ||
	    view_find(line, '\r') != VIEW_NPOS ||
	    view_find(line, '\n') != VIEW_NPOS)
		return bad_reply(r, "NUL, CR or LF");
	code = parse_code(line);
	if (code == 0)
		return bad_reply(r, "no code");
	if (r->lines > 0 && code != r->code)
		return bad_reply(r, "another code");
	separator = line.len > CODE_LEN ? line.ptr[CODE_LEN] : ' ';
	if (separator != ' ' && separator != '-' && separator != '\t')
		return bad_reply(r, "no blank after the code");
	r->code = code;
	keep_line(r, line);
	r->lines++;
	if (separator != '-')
		end_reply(r, view_skip(line, CODE_LEN + 1));
	return ERR_OK;
}

bool
reply_next_line(struct view *rest, struct view *text)
{
	if (!view_field(rest, '\n', text))
		return false;
	*text = view_skip(*text, CODE_LEN + 1);
	return true;
}

void
reply_add_line(struct str *out, const struct reply *r)
{
	for (size_t i = 0; i < r->text.len; i++) {
		char c = r->text.ptr[i];

		str_add_byte(out, c == '\n' ? ' ' : c);
	}
}
