/*
 * Reading content: see content.h.  A message that fits in the window is read
 * by one call, however many ranges it has.
 */
#include "local/content.h"

#include "lib/mail/header.h"
#include "lib/mail/queue_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void
find_span(struct content *c)
{
	struct view v = c->layout;
	int64_t at, len, end = 0;

	c->first = INT64_MAX;
	while (queue_layout_next(&v, &at, &len)) {
		if (at < c->first)
			c->first = at;
		if (at + len > end)
			end = at + len;
	}
	c->span = end > c->first ? end - c->first : 0;
}

struct err
content_open(struct content *c, int fd, struct view layout, char *window)
{
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	*c = (struct content){ .fd = fd, .layout = layout, .window = window };
	if (flags < 0 || fstat(fd, &st) < 0)
		return err_sys(ERR_TEMP, "look at queue file");
	if (!S_ISREG(st.st_mode) || (flags & O_ACCMODE) != O_RDONLY)
		return err_make(ERR_PERM, "queue file: bad descriptor");
	c->dev = st.st_dev;
	c->size = queue_layout_size(layout, st.st_size);
	if (c->size < 0)
		return err_make(ERR_PERM, "queue file: bad layout");
	find_span(c);
	content_rewind(c);
	return ERR_OK;
}

void
content_rewind(struct content *c)
{
	c->left = c->layout;
	c->len = 0;
}

static bool
window_has(const struct content *c, int64_t at)
{
	return c->window_len > 0 && at >= c->window_at &&
	    at < c->window_at + (int64_t)c->window_len;
}

static struct err
fill_window(struct content *c, int64_t at)
{
	bool whole = c->span <= CONTENT_WINDOW;
	size_t room = whole ? (size_t)c->span : CONTENT_WINDOW;
	ssize_t n;

	if (whole)
		at = c->first;
	do
		n = pread(c->fd, c->window, room, at);
	while (n < 0 && errno == EINTR);
	c->window_len = n > 0 ? (size_t)n : 0;
	c->window_at = at;
	return n < 0 ? err_sys(ERR_TEMP, "read queue file") : ERR_OK;
}

struct err
content_next(struct content *c, struct view *piece)
{
	*piece = VIEW_EMPTY;
	while (c->len == 0)
		if (!queue_layout_next(&c->left, &c->at, &c->len))
			return ERR_OK;
	if (!window_has(c, c->at)) {
		struct err e = fill_window(c, c->at);

		if (err_is(e))
			return e;
		if (!window_has(c, c->at))
			return err_make(ERR_PERM, "read queue file: too short");
	}
	*piece = view_make(c->window + (c->at - c->window_at),
	    c->window_len - (size_t)(c->at - c->window_at));
	if ((int64_t)piece->len > c->len)
		piece->len = (size_t)c->len;
	c->at += (int64_t)piece->len;
	c->len -= (int64_t)piece->len;
	return ERR_OK;
}

/* --- Delivered-To --- */

/* Longest line that is looked at; the names and addresses that we seek are
 * shorter, so of longer lines only the beginning counts. */
enum { SCAN_LINE_MAX = 2300 };

struct scan {
	struct view address;
	char line[SCAN_LINE_MAX];
	size_t len;
	bool is_first, is_cut, has_ended, is_found;
};

static bool
is_delivered_to(struct view line, struct view address)
{
	static const struct view name = VIEW("Delivered-To");
	size_t len = header_name_len(line);

	if (!view_eq_case(view_trim_right(view_first(line, len)), name))
		return false;
	line = view_skip(line, view_find(line, ':') + 1);
	return view_eq_case(view_trim(line), address);
}

static void
scan_line(struct scan *s)
{
	struct view line = view_make(s->line, s->len);
	bool first = s->is_first;

	s->is_first = false;
	if (line.len > 0 && line.ptr[line.len - 1] == '\r' && !s->is_cut)
		line.len--;
	if (line.len == 0)
		s->has_ended = true;
	else if (line.ptr[0] == ' ' || line.ptr[0] == '\t')
		s->has_ended = first;
	else if (ascii_lower(line.ptr[0]) == 'd' && !s->is_cut)
		s->is_found = is_delivered_to(line, s->address);
	else if (view_find(line, ':') == VIEW_NPOS && !s->is_cut)
		s->has_ended = true;
	s->len = 0;
	s->is_cut = false;
}

static void
scan_piece(struct scan *s, struct view piece)
{
	while (piece.len > 0 && !s->has_ended && !s->is_found) {
		size_t n = view_find(piece, '\n');
		size_t take = n == VIEW_NPOS ? piece.len : n;
		size_t room = sizeof(s->line) - s->len;

		if (take > room)
			s->is_cut = true;
		memcpy(s->line + s->len, piece.ptr, take > room ? room : take);
		s->len += take > room ? room : take;
		if (n == VIEW_NPOS)
			return;
		piece = view_skip(piece, n + 1);
		scan_line(s);
	}
}

struct err
content_was_delivered_to(struct content *c, struct view address, bool *yes)
{
	struct scan s = { .address = address, .is_first = true };
	struct err e;

	*yes = false;
	do {
		struct view piece;

		e = content_next(c, &piece);
		if (err_is(e) || piece.len == 0)
			break;
		scan_piece(&s, piece);
	} while (!s.has_ended && !s.is_found);
	if (!err_is(e) && !s.has_ended && !s.is_found && s.len > 0)
		scan_line(&s);
	content_rewind(c);
	*yes = s.is_found;
	return e;
}
