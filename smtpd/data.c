/*
 * DATA and BDAT: taking the message, and the answer to it.
 */
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "smtpd/access.h"
#include "smtpd/collect.h"
#include "smtpd/command.h"
#include "smtpd/explain.h"
#include "smtpd/limits.h"
#include "smtpd/notice.h"
#include "smtpd/quiet.h"
#include "smtpd/reply.h"

#include <inttypes.h>

enum {
	/* What a client may send beyond message_size_limit before we hang up:
	 * it cannot hear the answer before it is done. */
	EXCESS_MAX = 64 << 20,
	/* A chunk larger than this is not read at all. */
	CHUNK_MAX = 1 << 30,
};

/* --- reading --- */

/*
 * A deadline that bytes push on: with smtpd_per_request_deadline a message
 * must come at smtpd_min_data_rate, else each piece has its own time.
 */
static void
extend_deadline(struct session *s, size_t n)
{
	const struct conf *conf = s->smtpd->conf;
	int64_t latest = deadline_in(conf->smtpd_timeout);

	if (!conf->smtpd_per_request_deadline)
		return;
	s->deadline += (int64_t)n * 1000 / conf->smtpd_min_data_rate;
	if (s->deadline > latest)
		s->deadline = latest;
}

/* Some bytes from the client, to be taken by stream_take; false if it is gone
 * or too slow.  Before we wait for a chunk it hears what it is owed (RFC 2920
 * 3.2, 7): its patience with RCPT may be shorter than the chunk. */
static bool
read_piece(struct session *s, struct view *piece)
{
	struct err e;

	if (stream_buffered(&s->io).len == 0 && !reply_flush(s))
		return false;
	e = stream_lend(&s->io, piece, session_deadline(s));
	if (!err_is(e))
		return true;
	s->ending = e.kind == ERR_TIME ? SESSION_TIMEOUT : SESSION_LOST;
	return false;
}

/* So far, and with `more` bytes that are announced. */
static bool
is_endless(const struct session *s, int64_t more)
{
	int64_t limit = s->smtpd->conf->message_size_limit;
	int64_t most = limit > 0 && limit < INT64_MAX - EXCESS_MAX
	    ? limit + EXCESS_MAX
	    : INT64_MAX;

	return s->content_bytes > most || more > most - s->content_bytes;
}

static bool
read_data(struct session *s, struct collect *c)
{
	while (!collect_has_ended(c)) {
		struct view piece;
		size_t n;

		if (!read_piece(s, &piece))
			return false;
		n = collect_feed(s, c, piece);
		stream_take(&s->io, piece, n);
		collect_settle(s, c);
		extend_deadline(s, n);
		if (is_endless(s, 0)) {
			reply_and_close(s,
			    "552 5.3.4 Error: message file too "
			    "big");
			return false;
		}
	}
	return true;
}

/* --- the end of a message --- */

/* Bare line ends, if they are refused. */
static bool
is_content_refused(struct session *s, const struct collect *c)
{
	const struct conf *conf = s->smtpd->conf;

	if (!collect_saw_bare_lf(c) || s->smtpd->bare_lf == BARE_LF_NO)
		return false;
	s->saw_bare_lf = true;
	if (s->smtpd->bare_lf != BARE_LF_REJECT || s->client.may_bare_lf)
		return false;
	notice(s, "reject", "bare <LF> received", VIEW_EMPTY);
	reply(s, "%d 5.5.2 %s Error: bare <LF> received",
	    (int)conf->smtpd_forbid_bare_newline_reject_code, conf->myhostname);
	return true;
}

/* All came: check, hand over, answer.  `done` is what a success begins with. */
static bool
finish_message(struct session *s, const char *done)
{
	struct transaction *t = s->t;
	struct collect_result r = {
		.ok = true, .code = 250, .text = STR_EMPTY
	};
	struct str refusal = STR_EMPTY;

	s->where = "END-OF-MESSAGE";
	if (is_content_refused(s, t->collect))
		return false;
	if (!access_check_stage(
		s, ACCESS_END_OF_DATA, "END-OF-MESSAGE", &refusal)) {
		access_say(s, &refusal);
		return false;
	}
	if (s->smtpd->explain != NULL) {
		explain_message(s);
		return true;
	}
	if (t->discard && !collect_is_too_large(t->collect))
		log_info("%s: removed (discarded)", session_queue_id(s));
	else
		collect_submit(s, t->collect, &r);
	if (r.ok) {
		quiet_forgive(s);
		if (t->is_unsaid)
			notice_client(s);
		reply(s, "250 2.0.0 Ok: %squeued as %s", done,
		    session_queue_id(s));
		s->n_errors = 0;
		s->n_junk = 0;
	} else {
		reply(s, "%d %s", r.code, r.text.ptr);
	}
	str_clear(&r.text);
	return r.ok;
}

/* --- DATA --- */

/* Something must have been accepted to have a message for it. */
static bool
has_recipients(struct session *s)
{
	if (s->t != NULL && s->t->n_rcpts > 0)
		return true;
	if (s->t == NULL)
		reply(s, "503 5.5.1 Error: need RCPT command");
	else
		reply(s, "554 5.5.1 Error: no valid recipients");
	return false;
}

bool
command_data(struct session *s, struct view args)
{
	struct str refusal = STR_EMPTY;
	bool ok;

	if (!has_recipients(s))
		return false;
	if (args.len > 0) {
		reply(s, "501 5.5.4 Syntax: DATA");
		return false;
	}
	if (!access_check_stage(s, ACCESS_DATA, "DATA", &refusal)) {
		access_say(s, &refusal);
		return false;
	}
	s->t->collect = collect_new(s, CONTENT_DATA);
	reply(s, "354 End data with <CR><LF>.<CR><LF>");
	if (!reply_flush(s))
		return false;
	s->deadline = deadline_in(s->smtpd->conf->smtpd_timeout);
	s->content_bytes = 0;
	ok = read_data(s, s->t->collect) && finish_message(s, "");
	if (s->ending == SESSION_ON || s->ending == SESSION_CLOSED)
		transaction_end(s);
	return ok;
}

/* --- BDAT --- */

/* Read a chunk of n bytes, into the message or nowhere. */
static bool
read_chunk(struct session *s, int64_t n, struct collect *c)
{
	while (n > 0) {
		struct view lent, piece;

		if (!read_piece(s, &lent))
			return false;
		piece = (int64_t)lent.len > n ? view_first(lent, (size_t)n) :
						lent;
		if (c != NULL)
			collect_feed(s, c, piece);
		else
			s->content_bytes += (int64_t)piece.len;
		stream_take(&s->io, lent, piece.len);
		if (c != NULL)
			collect_settle(s, c);
		extend_deadline(s, piece.len);
		n -= (int64_t)piece.len;
	}
	return true;
}

/* "86 LAST" */
static bool
parse_chunk(struct view args, int64_t *size, bool *last)
{
	struct view word, size_word;
	uint64_t n;

	*last = false;
	if (!view_token(&args, " \t", &size_word))
		return false;
	if (view_token(&args, " \t", &word)) {
		*last = view_eq_case(word, VIEW("LAST"));
		if (!*last || view_token(&args, " \t", &word))
			return false;
	}
	for (size_t i = 0; i < size_word.len; i++)
		if (!ascii_is_digit(size_word.ptr[i]))
			return false;
	if (size_word.len > 20)
		return false;
	if (!view_to_uint(size_word, 10, &n) || n > INT64_MAX)
		n = INT64_MAX;
	*size = (int64_t)n;
	return true;
}

/* True, and the reply is in *refusal, if this chunk has no place. */
static bool
is_chunk_refused(struct session *s, int64_t size, struct str *refusal)
{
	struct transaction *t = s->t;
	int64_t limit = s->smtpd->conf->message_size_limit;
	int64_t before;

	if (t == NULL)
		str_set(refusal, VIEW("503 5.5.1 Error: need RCPT command"));
	else if (t->bdat == BDAT_ERROR)
		str_printf(refusal,
		    "551 5.0.0 Discarded %" PRId64 " bytes after earlier error",
		    size);
	else if (t->n_rcpts == 0)
		str_set(refusal, VIEW("554 5.5.1 Error: no valid recipients"));
	else if (t->bdat == BDAT_NONE &&
	    !access_check_stage(s, ACCESS_DATA, "BDAT", refusal))
		return true;
	if (refusal->len > 0)
		return true;
	before = t->collect != NULL ? collect_size(t->collect) : 0;
	if (limit > 0 && (size > limit || before > limit - size))
		str_set(refusal,
		    VIEW("552 5.3.4 Chunk exceeds message size limit"));
	return refusal->len > 0;
}

static bool
refuse_chunk(
    struct session *s, int64_t size, bool last, struct str *refusal)
{
	/* RFC 3030 section 2: it is read, and no more comes of this message;
	 * with its last chunk the transaction is over. */
	if (s->t != NULL && last)
		transaction_end(s);
	else if (s->t != NULL)
		s->t->bdat = BDAT_ERROR;
	if (size > CHUNK_MAX || is_endless(s, size)) {
		/* For so long nobody waits. */
		access_say(s, refusal);
		if (s->ending == SESSION_ON)
			s->ending = SESSION_CLOSED;
		return false;
	}
	if (read_chunk(s, size, NULL))
		access_say(s, refusal);
	else
		str_clear(refusal);
	return false;
}

static bool
take_last_chunk(struct session *s, int64_t size)
{
	struct str done = STR_EMPTY;
	bool ok;

	collect_end_chunks(s->t->collect);
	str_printf(&done, "%" PRId64 " bytes ", size);
	ok = finish_message(s, done.ptr);
	str_clear(&done);
	transaction_end(s);
	return ok;
}

bool
command_bdat(struct session *s, struct view args)
{
	struct str refusal = STR_EMPTY;
	int64_t size;
	bool last;

	if (!parse_chunk(args, &size, &last)) {
		/* What follows may be a chunk or not. */
		reply_and_close(s, "521 5.5.4 Syntax: BDAT count [LAST]");
		return false;
	}
	s->deadline = deadline_in(s->smtpd->conf->smtpd_timeout);
	if (is_chunk_refused(s, size, &refusal))
		return refuse_chunk(s, size, last, &refusal);
	if (s->t->collect == NULL)
		s->t->collect = collect_new(s, CONTENT_CHUNK);
	s->t->bdat = BDAT_MORE;
	if (!read_chunk(s, size, s->t->collect))
		return false;
	if (last)
		return take_last_chunk(s, size);
	/* Allowed, and good for nothing but to keep us busy. */
	if (size == 0)
		limits_count_junk(s);
	reply(s, "250 2.0.0 Ok: %" PRId64 " bytes", size);
	return true;
}
