/* Content for files and commands here: see mbox.h. */
#include "lib/mail/mbox.h"

#include "lib/base/block.h"
#include "lib/mail/addr.h"
#include "lib/mail/date.h"

static const struct view from = VIEW("From ");

void
mbox_add_from_line(struct str *out, struct view sender, int64_t wall)
{
	char date[DATE_SIZE];

	str_add_text(out, "From ");
	if (sender.len == 0)
		str_add_text(out, "MAILER-DAEMON");
	else
		addr_to_external(out, sender);
	str_add_text(out, "  ");
	str_add(out, date_format_ctime(wall, date));
	str_add_text(out, "\n");
}

void
mbox_filter_init(struct mbox_filter *f, unsigned flags, struct view eol)
{
	*f = (struct mbox_filter){
		.eol = eol.len > 0 ? eol : VIEW("\n"),
		.flags = flags,
		.at_start = true,
	};
}

/*
 * The first bytes of a line: held back as long as they may become "From ".
 * Returns how many of v were taken.
 */
static size_t
start_of_line(struct mbox_filter *f, struct view v, struct str *out)
{
	size_t n = 0;

	if (f->flags & MBOX_QUOTE_FROM) {
		while (n < v.len && f->matched < from.len &&
		    v.ptr[n] == from.ptr[f->matched]) {
			f->matched++;
			n++;
		}
		if (n == v.len && f->matched < from.len)
			return n;
		if (f->matched == from.len)
			str_add_byte(out, '>');
		str_add(out, view_first(from, f->matched));
	}
	if (f->matched == 0 && (f->flags & MBOX_QUOTE_DOT) && v.ptr[0] == '.')
		str_add_byte(out, '.');
	f->matched = 0;
	f->at_start = false;
	return n;
}

/* The rest of a line or of the piece. */
static size_t
rest_of_line(struct mbox_filter *f, struct view v, struct str *out)
{
	size_t lf = view_find(v, '\n');
	struct view text = view_first(v, lf);

	if (f->has_cr && lf != 0)
		str_add_byte(out, '\r');
	f->has_cr = view_ends(text, VIEW("\r"));
	if (f->has_cr)
		text.len--;
	str_add(out, text);
	if (lf == VIEW_NPOS)
		return v.len;
	str_add(out, f->eol);
	f->has_cr = false;
	f->at_start = true;
	return lf + 1;
}

/*
 * By blocks, as long as another one follows, without the CR of each CRLF: what
 * is behind it is copied once more, one place further to the front.  Where the
 * next block is to be read does not hang on what is in this one.  Returns how
 * many bytes were read.
 */
static size_t
copy_blocks(char **to, struct view v)
{
	char *out = *to;
	size_t at = 0;

	for (; v.len - at >= 2 * BLOCK_LEN; at += BLOCK_LEN) {
		struct block b = block_load(v.ptr + at);
		uint64_t cr = block_find(b, '\r');

		block_store(out, b);
		for (; cr != 0; cr &= cr - 1) {
			int n = __builtin_ctzll(cr);
			const char *next = v.ptr + at + n + 1;

			if (*next != '\n')
				continue;
			block_store(out + n, block_load(next));
			out--;
		}
		out += BLOCK_LEN;
	}
	*to = out;
	return at;
}

/* Nothing is quoted, lines end in LF: only CRs go, and all lines at once. */
static void
feed_unquoted(struct mbox_filter *f, struct view piece, struct str *out)
{
	const char *at = piece.ptr, *end = piece.ptr + piece.len;
	char *to, *start;

	if (f->has_cr && at[0] != '\n')
		str_add_byte(out, '\r');
	f->has_cr = false;
	to = start = str_reserve(out, piece.len);
	at += copy_blocks(&to, piece);
	while (at < end) {
		const char *cr = memchr(at, '\r', (size_t)(end - at));
		size_t n = (size_t)((cr != NULL ? cr : end) - at);

		memcpy(to, at, n);
		to += n;
		at += n;
		if (cr == NULL)
			break;
		at++;
		f->has_cr = at == end;
		if (at < end && at[0] != '\n')
			*to++ = '\r';
	}
	f->at_start = end[-1] == '\n';
	str_grew(out, (size_t)(to - start));
}

void
mbox_filter_feed(struct mbox_filter *f, struct view piece, struct str *out)
{
	const unsigned quotes = MBOX_QUOTE_FROM | MBOX_QUOTE_DOT;

	if (piece.len > 0 && (f->flags & quotes) == 0 &&
	    view_eq(f->eol, VIEW("\n"))) {
		feed_unquoted(f, piece, out);
		return;
	}
	while (piece.len > 0) {
		if (f->at_start)
			piece = view_skip(piece, start_of_line(f, piece, out));
		if (piece.len > 0)
			piece = view_skip(piece, rest_of_line(f, piece, out));
	}
}

void
mbox_filter_finish(struct mbox_filter *f, struct str *out)
{
	if (f->matched > 0) {
		str_add(out, view_first(from, f->matched));
		f->at_start = false;
	}
	if (f->has_cr)
		str_add_byte(out, '\r');
	if (!f->at_start)
		str_add(out, f->eol);
	if (f->flags & MBOX_BLANK_END)
		str_add(out, f->eol);
}
