/*
 * A whole SMTP session, from connect to disconnect, with stand-ins for all
 * other processes, and a reader of the protocol that knows nothing of smtpd: it
 * follows commands, content and replies side by side, and says what must have
 * been accepted.
 *
 * The first byte chooses a configuration with its client, and how the others
 * behave.  RS (0x1e) stands between what arrives at once and what later; FS
 * (0x1c) and a byte n, behind a line, stand for n more lines like it.
 */
#include "lib/base/mem.h"
#include "smtpd/standin.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	LINE_LIMIT = 2048, /* line_length_limit */
	REPLY_LIMIT = 512, /* RFC 5321 4.5.3.1.5 */
	CHUNK_MAX = 1 << 30,
	REPEAT = 0x1c,
	REPEATED_MAX = 200000,
};

/* --- what there is to choose --- */

static const struct site {
	const char *conf, *client;
	bool is_loose;	   /* a lone dot ends DATA between any line ends */
	bool may_discard;  /* a message may be accepted and dropped */
	bool takes_pieces; /* however it is cut, it is the same session */
	bool is_screened;  /* who is refused may say no DATA or BDAT */
} sites[] = {
	{ "", "192.0.2.1", .is_loose = false },
	{ "smtpd_forbid_bare_newline = no\n"
	  "smtpd_forbid_unauth_pipelining = no\n"
	  "strict_rfc821_envelopes = yes\n",
	    "192.0.2.9", .is_loose = true, .takes_pieces = true },
	{ "smtpd_authorized_xclient_hosts = 127.0.0.0/8\n"
	  "smtpd_authorized_xforward_hosts = 127.0.0.0/8\n"
	  "smtpd_forbid_bare_newline_exclusions =\n"
	  "smtpd_client_connection_count_limit = 3\n"
	  "smtpd_client_event_limit_exceptions =\n"
	  "message_size_limit = 5000\nsmtpd_recipient_limit = 10\n",
	    "127.0.0.1" },
	{ "smtpd_forbid_bare_newline = reject\nsoft_bounce = yes\n"
	  "smtpd_delay_reject = no\nsmtpd_helo_required = yes\n"
	  "smtpd_client_restrictions = warn_if_reject "
	  "reject_unknown_client_hostname\n"
	  "smtpd_helo_restrictions = reject_invalid_helo_hostname\n"
	  "smtpd_sender_restrictions = reject_unknown_sender_domain, "
	  "inline:{ {p@=PREPEND X: y}, h@=HOLD, d@=DISCARD, "
	  "i@=defer_if_permit }\n"
	  "smtpd_end_of_data_restrictions = "
	  "check_recipient_access inline:{ user@local.test=WARN }\n",
	    "2001:db8::1", .may_discard = true },
	/* smtpd -S, as sendmail -bs calls it; all is logged. */
	{ "debug_peer_list = 127.0.0.1\n", NULL, .is_loose = true },
	/* Everything that can be asked for, and refused. */
	{ "smtpd_client_restrictions = warn_if_reject "
	  "reject_unknown_client_hostname, permit_inet_interfaces, "
	  "check_client_access inline:{ 192.0.2=DUNNO }\n"
	  "smtpd_helo_restrictions = reject_non_fqdn_helo_hostname, "
	  "reject_unknown_helo_hostname, "
	  "check_helo_access inline:{ {bye.example=521 go away}, "
	  "{gone.example=421 later}, nul.example=OK }\n"
	  "smtpd_sender_restrictions = reject_non_fqdn_sender, "
	  "reject_unlisted_sender, check_sender_access pcre:{ "
	  "{/^(.*)@q/ 553 5.7.1 no $1 here}, {/^w/ PREPEND W: x}, "
	  "{/^v/ INFO v}, {/^e/ DEFER_IF_REJECT} }\n"
	  "smtpd_relay_restrictions = permit_auth_destination, defer\n"
	  "smtpd_recipient_restrictions = reject_unauth_pipelining, "
	  "reject_unknown_recipient_domain, reject_unlisted_recipient, "
	  "check_recipient_access inline:{ other@local.test=DISCARD }, "
	  "reject_unauth_destination, warn_if_reject reject_unverified_sender, "
	  "warn_if_reject check_greylist\n"
	  "volume_limit_client_recipients = 5\n"
	  "smtpd_screen_enable = yes\npostscreen_greet_banner =\n"
	  "postscreen_pipelining_enable = yes\n"
	  "postscreen_non_smtp_command_enable = yes\n"
	  "postscreen_non_smtp_command_action = enforce\n"
	  "postscreen_bare_newline_enable = yes\n"
	  "postscreen_bare_newline_action = enforce\n"
	  "smtpd_data_restrictions = reject_multi_recipient_bounce, "
	  "reject_unauth_pipelining\n"
	  "smtpd_etrn_restrictions = check_etrn_access inline:{ "
	  "relay.test=REJECT }\n"
	  "fast_flush_domains = relay.test, local.test\n"
	  "smtpd_discard_ehlo_keywords = dsn, smtputf8\n"
	  "smtpd_client_message_rate_limit = 3\n"
	  "smtpd_client_recipient_rate_limit = 3\n"
	  "smtpd_client_connection_count_limit = 0\n"
	  "smtpd_forbid_unauth_pipelining = no\n"
	  "smtpd_forbid_bare_newline = note\n",
	    "192.0.2.7", .is_loose = true, .may_discard = true,
	    .is_screened = true },
	/* A client that is refused at once, unless it is another one. */
	{ "smtpd_delay_reject = no\n"
	  "smtpd_client_restrictions = check_client_access inline:{ "
	  "unknown=DEFER_IF_REJECT }, reject_unknown_reverse_client_hostname, "
	  "permit\n"
	  "smtpd_authorized_xclient_hosts = 192.0.2.9\n"
	  "smtpd_discard_ehlo_keywords = chunking\n"
	  "smtpd_end_of_data_restrictions = reject_non_fqdn_helo_hostname\n"
	  "enable_long_queue_ids = yes\n",
	    "192.0.2.9" },
	/* Tables that answer with anything. */
	{ "smtpd_recipient_restrictions = reject_non_fqdn_recipient, "
	  "check_recipient_access inline:{ {u@=check_sender_access fail:x} }\n"
	  "smtpd_relay_restrictions = check_recipient_access inline:{ "
	  "{user@local.test=reject_non_fqdn_sender, permit_mynetworks}, "
	  "{a@=defer_if_reject}, {b@=defer_if_permit}, {c@=REJECT own text}, "
	  "{d@=WARN x}, {e@=INFO}, {f@=PREPEND no header}, {g@=HOLD}, "
	  "{h@=nonsense here}, {i@=OK}, {j@=450 4.7.1 x}, "
	  "{k@=check_helo_access hash:x}, {l@=DEFER_IF_PERMIT 4.2.2 y}, "
	  "{m@=DEFER}, {n@=permit}, {o@=550 5.0.0}, {p@=reject}, "
	  "{r@=reject_unknown_reverse_client_hostname} }, "
	  "check_recipient_access, no_such_restriction, "
	  "reject_unauth_destination\n"
	  "smtpd_data_restrictions = check_sender_access inline:{ "
	  "q@=REJECT }, check_helo_access inline:{ x=HOLD }\n"
	  "smtpd_end_of_data_restrictions = check_sender_access inline:{ "
	  "{r@=421 later}, {s@=REJECT}, {t@=DISCARD} }, "
	  "check_client_access inline:{ 2001:db8=OK }\n",
	    "2001:db8::7", .may_discard = true },
	/* A client of our own network. */
	{ "smtpd_delay_reject = no\ndisable_vrfy_command = yes\n"
	  "smtpd_collect_memory_limit = 65536\n"
	  "smtpd_per_request_deadline = yes\n"
	  "smtpd_forbid_bare_newline = yes\n",
	    "127.0.0.1", .is_loose = true },
};

/* How the others behave. */
static const struct manners {
	int submit_code;
	const char *submit_reply;
	size_t fail_at, read_max, write_max;
	int64_t anvil;
	enum err_kind postdrop_kind;
	const char *postdrop_refusal;
	bool cleanup, rewrite, resolve, postdrop; /* is down */
	bool early, leaving;
} manners[] = {
	{ 0 },
	{ .submit_code = 451, .submit_reply = "4.3.0 full" },
	{ .submit_code = 554, .submit_reply = "5.7.1 no\r\n250 yes\x80\xff" },
	{ .submit_code = 354, .submit_reply = "go on" },
	{ .submit_code = 999, .submit_reply = "" },
	{ .cleanup = true, .postdrop = true },
	{ .rewrite = true },
	{ .resolve = true },
	{ .anvil = 1000 },
	{ .fail_at = 1 },
	{ .fail_at = 2 },
	{ .fail_at = 3 },
	{ .fail_at = 4 },
	{ .fail_at = 5 },
	{ .fail_at = 6 },
	{ .fail_at = 7 },
	{ .fail_at = 8 },
	{ .fail_at = 9 },
	{ .read_max = 1 },
	{ .read_max = 3 },
	{ .write_max = 1 },
	{ .write_max = 60 },
	{ .write_max = 400 },
	{ .early = true },
	{ .leaving = true },
	{ .postdrop_refusal = "no\n250 yes", .postdrop_kind = ERR_PERM },
	{ .postdrop_refusal = "busy", .postdrop_kind = ERR_TEMP },
};

enum {
	SITES = sizeof(sites) / sizeof(sites[0]),
	MANNERS = sizeof(manners) / sizeof(manners[0]),
};
_Static_assert(SITES *MANNERS <= 256, "one byte chooses");

static void
behave(const struct manners *m)
{
	standin.submit_code = m->submit_code;
	standin.submit_reply = m->submit_reply;
	standin.fail_at = m->fail_at;
	standin.read_max = m->read_max;
	standin.write_max = m->write_max;
	standin.anvil_count = standin.anvil_rate = m->anvil;
	standin.postdrop_kind = m->postdrop_kind;
	standin.postdrop_refusal = m->postdrop_refusal;
	standin.cleanup_is_down = m->cleanup;
	standin.rewrite_is_down = m->rewrite;
	standin.resolve_is_down = m->resolve;
	standin.postdrop_is_down = m->postdrop;
	standin.talks_early = m->early;
	standin.smtpd->leaving = m->leaving;
}

/* --- what the client says --- */

/* The text with its repetitions; what is sent, without the marks in it. */
static void
expand(struct view in, struct str *out, struct str *sent)
{
	size_t repeated = 0;

	for (size_t i = 0; i < in.len; i++) {
		size_t line, n;

		if (in.ptr[i] != REPEAT || i + 1 == in.len) {
			str_add_byte(out, in.ptr[i]);
			continue;
		}
		n = (unsigned char)in.ptr[++i];
		line = out->len;
		while (line > 0 &&
		    (line == out->len || out->ptr[line - 1] != '\n'))
			line--;
		line = out->len - line;
		for (; n > 0 && repeated + line <= REPEATED_MAX; n--) {
			str_reserve(out, line);
			str_add(
			    out, view_make(out->ptr + out->len - line, line));
			repeated += line;
		}
	}
	/* The stand-in takes a mark at the beginning of a piece for a pause,
	 * two of them for the end. */
	for (size_t i = 0; i < out->len; i++) {
		if (out->ptr[i] == STANDIN_LATER[0]) {
			if (i + 1 == out->len ||
			    out->ptr[i + 1] == STANDIN_LATER[0])
				break;
			continue;
		}
		str_add_byte(sent, out->ptr[i]);
	}
}

/* --- replies --- */

struct said {
	int code;
	struct view text; /* of the last line */
};

/* Nobody has declared SMTPUTF8: replies have no other characters. */
static bool is_ascii_only;

/* The next reply: it must be one, to the byte.  False at the end. */
static bool
next_reply(struct view *rest, struct said *r)
{
	struct view line;
	int code = 0;

	if (rest->len == 0)
		return false;
	for (;;) {
		size_t end = view_find(*rest, '\n');

		assert(end != VIEW_NPOS && end >= 4 && end < REPLY_LIMIT);
		assert(rest->ptr[end - 1] == '\r');
		line = view_first(*rest, end - 1);
		*rest = view_skip(*rest, end + 1);
		for (size_t i = 0; i < line.len; i++)
			assert((unsigned char)line.ptr[i] >= 32 &&
			    line.ptr[i] != 127);
		assert(view_is_utf8(line));
		assert(!is_ascii_only || view_is_ascii(line));
		assert(line.ptr[0] >= '2' && line.ptr[0] <= '5');
		assert(line.ptr[1] >= '0' && line.ptr[1] <= '9');
		assert(line.ptr[2] >= '0' && line.ptr[2] <= '9');
		r->code = (line.ptr[0] - '0') * 100 + (line.ptr[1] - '0') * 10 +
		    line.ptr[2] - '0';
		assert(code == 0 || code == r->code);
		code = r->code;
		assert(line.ptr[3] == ' ' || line.ptr[3] == '-');
		if (line.ptr[3] == ' ')
			break;
	}
	r->text = view_skip(line, 4);
	/* An enhanced code is of the same class (RFC 2034 4). */
	if (r->text.len > 2 && r->text.ptr[1] == '.' &&
	    ascii_is_digit(r->text.ptr[0]) && ascii_is_digit(r->text.ptr[2]))
		assert(r->text.ptr[0] - '0' == r->code / 100);
	return true;
}

/* A client that is gone heard whole lines, and a part of the last. */
static void
check_part(struct view heard)
{
	struct said r;

	while (view_find(heard, '\n') != VIEW_NPOS) {
		size_t end = view_find(heard, '\n');

		assert(end > 4);
		if (heard.ptr[3] == '-')
			heard = view_skip(heard, end + 1);
		else
			next_reply(&heard, &r);
	}
}

/* Does the session end with this, to a command that ended in a bare LF or not?
 */
static bool
is_last(const struct said *r, bool is_bare)
{
	static const char *const texts[] = {
		"Error: SMTP protocol synchronization",
		"Error: I can break rules, too. Goodbye.",
		"Syntax: BDAT count [LAST]"
	};
	struct view text = view_skip(r->text, view_find(r->text, ' ') + 1);

	if (r->code == 221 || r->code == 421 || r->code == 521)
		return true;
	if (is_bare && view_ends(text, VIEW(" Error: bare <LF> received")))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (view_eq(text, view_of(texts[i])))
			return true;
	return false;
}

/* --- content --- */

/*
 * DATA as RFC 5321 4.5.2 has it, a byte after the other: false if it does not
 * end.  A CR that ends no line becomes a space.
 */
static bool
read_content(struct view *rest, bool is_loose, struct str *out)
{
	bool after_crlf = true;

	for (;;) {
		size_t end = view_find(*rest, '\n');
		struct view line = view_first(*rest, end);
		bool is_crlf = view_ends(line, VIEW("\r"));

		if (end == VIEW_NPOS)
			return false;
		*rest = view_skip(*rest, end + 1);
		line.len -= is_crlf;
		if (view_eq(line, VIEW(".")) &&
		    (is_loose || (is_crlf && after_crlf)))
			return true;
		if (line.len > 0 && line.ptr[0] == '.')
			line = view_skip(line, 1);
		for (size_t i = 0; i < line.len; i++)
			str_add_byte(
			    out, line.ptr[i] == '\r' ? ' ' : line.ptr[i]);
		str_add_text(out, "\r\n");
		after_crlf = is_crlf;
	}
}

/* BDAT: the same without dots; what has no end gets one. */
static void
read_chunks(struct view chunks, struct str *out)
{
	while (chunks.len > 0) {
		size_t end = view_find(chunks, '\n');
		struct view line = view_first(chunks, end);

		chunks = view_skip(chunks, line.len + 1);
		if (end != VIEW_NPOS && view_ends(line, VIEW("\r")))
			line.len--;
		for (size_t i = 0; i < line.len; i++)
			str_add_byte(
			    out, line.ptr[i] == '\r' ? ' ' : line.ptr[i]);
		str_add_text(out, "\r\n");
	}
}

/* --- the reader --- */

struct reader {
	const struct site *site;
	struct view in, heard;
	bool has_mail;
	struct str sender; /* the argument */
	struct str rcpts;  /* the arguments, a line each */
	size_t n_rcpts;
	struct str chunks;
	size_t n_messages; /* those that were looked at */
};

static void
end_transaction(struct reader *r)
{
	r->has_mail = false;
	r->n_rcpts = 0;
	str_reset(&r->sender);
	str_reset(&r->rcpts);
	str_reset(&r->chunks);
}

/* "<user@host>" of "TO:<user@host> X=y", if it is as simple as that. */
static bool
simple_path(struct view arg, struct view *path)
{
	arg = view_skip(arg, view_find(arg, ':') + 1);
	arg = view_trim_left(arg);
	*path = view_first(arg, view_find_any(arg, " \t"));
	if (path->len < 2 || path->ptr[0] != '<' ||
	    path->ptr[path->len - 1] != '>')
		return false;
	*path = view_sub(*path, 1, path->len - 2);
	if (view_ends(*path, VIEW(".")))
		return false;
	for (size_t i = 0; i < path->len; i++)
		if (!ascii_is_alnum(path->ptr[i]) && path->ptr[i] != '@' &&
		    path->ptr[i] != '.')
			return false;
	return true;
}

/* Our own lines, before the content. */
static void
check_header(struct view head)
{
	bool is_first = true;

	assert(view_ends(head, VIEW("\r\n")));
	while (head.len > 0) {
		size_t end = view_find_text(head, VIEW("\r\n"));
		struct view line = view_first(head, end);
		size_t colon = view_find(line, ':');

		assert(end > 0 && end < 998);
		assert(!view_starts(line, VIEW(" ")) || !is_first);
		if (line.ptr[0] != ' ' && line.ptr[0] != '\t')
			assert(colon != VIEW_NPOS && colon > 0 &&
			    view_find_any(line, " \t\"()<>@") > colon);
		for (size_t i = 0; i < line.len; i++)
			assert((unsigned char)line.ptr[i] >= 32 ||
			    line.ptr[i] == '\t');
		head = view_skip(head, end + 2);
		is_first = false;
	}
}

static void
check_rcpts(const struct reader *r, const struct standin_message *m)
{
	struct view got = str_view(&m->rcpts), want = str_view(&r->rcpts);
	struct view line, arg, path;
	size_t n = 0;

	while (view_field(&want, '\n', &arg) && n < r->n_rcpts) {
		assert(view_field(&got, '\n', &line) && line.len > 0);
		n++;
		if (simple_path(arg, &path))
			assert(view_eq_case(
			    view_first(line, view_find(line, ' ')), path));
	}
	assert(n == r->n_rcpts && got.len == 0);
}

/* What cleanup got is what was accepted, and nothing else. */
static void
check_message(const struct reader *r, const struct standin_message *m,
    struct view content)
{
	struct view all = str_view(&m->content), path, head;

	assert(view_ends(all, content));
	head = view_first(all, all.len - content.len);
	/* A line with a blank would continue our header. */
	if (content.len > 0 &&
	    (content.ptr[0] == ' ' || content.ptr[0] == '\t')) {
		assert(view_ends(head, VIEW("\r\n\r\n")));
		head.len -= 2;
	}
	check_header(head);
	assert(view_find_text(all, VIEW("Received: ")) < all.len - content.len);
	check_rcpts(r, m);
	if (simple_path(str_view(&r->sender), &path))
		assert(view_eq_case(str_view(&m->sender), path));
	for (size_t i = 0; i < m->sender.len; i++)
		assert((unsigned char)m->sender.ptr[i] >= 32);
	for (const char *p = m->helo; *p != '\0'; p++)
		assert((unsigned char)*p >= 32);
}

/* "250 2.0.0 Ok: queued as ID", and nothing but that, is a message. */
static void
take_queued(struct reader *r, const struct said *said, struct view content)
{
	size_t at = view_find_text(said->text, VIEW("queued as "));
	struct view id = view_skip(said->text, at + 10);
	const struct standin_message *m;

	assert(said->code == 250 && at != VIEW_NPOS && id.len > 0);
	assert(r->has_mail && r->n_rcpts > 0);
	if (r->n_messages == standin.n_messages ||
	    !view_eq(id, view_of(standin.messages[r->n_messages].queue_id))) {
		assert(r->site->may_discard);
		return;
	}
	m = &standin.messages[r->n_messages];
	check_message(r, m, content);
	r->n_messages++;
}

/* After 354.  False if the session ends here. */
static bool
follow_data(struct reader *r)
{
	struct str content = STR_EMPTY;
	bool ends = read_content(&r->in, r->site->is_loose, &content);
	struct said said;

	assert(r->has_mail && r->n_rcpts > 0 && r->chunks.len == 0);
	if (ends) {
		assert(next_reply(&r->heard, &said));
		if (said.code < 300)
			take_queued(r, &said, str_view(&content));
		end_transaction(r);
		ends = said.code != 421 && said.code != 521;
	} else {
		r->in = VIEW_EMPTY;
	}
	str_clear(&content);
	return ends;
}

/* "86 LAST" */
static bool
is_last_chunk(struct view args)
{
	return view_ends(args, VIEW("T")) || view_ends(args, VIEW("t"));
}

/* Content must not be taken for commands: the screen hangs up. */
static bool
ends_by_screen(
    const struct reader *r, const struct said *said, struct view heard)
{
	return r->site->is_screened && said->code >= 500 && heard.len == 0;
}

static bool
follow_chunk(struct reader *r, struct view args, bool is_bare)
{
	struct str content = STR_EMPTY;
	struct said said = { 0 };
	struct view ahead = r->heard;
	uint64_t n = 0;

	for (size_t i = 0; i < args.len && ascii_is_digit(args.ptr[i]); i++)
		if (n <= CHUNK_MAX)
			n = n * 10 + (uint64_t)(args.ptr[i] - '0');
	if (next_reply(&ahead, &said) &&
	    (is_last(&said, is_bare) || ends_by_screen(r, &said, ahead))) {
		r->heard = ahead;
		return false;
	}
	if (view_find_text(said.text, VIEW("Error: access denied")) !=
	    VIEW_NPOS) {
		/* Nothing but QUIT is looked at. */
		r->heard = ahead;
		return true;
	}
	if (n > r->in.len) {
		/* Not all came: there is no answer, unless it is refused and
		 * so long that nobody waits for it. */
		assert(n <= CHUNK_MAX || said.code != 0);
		assert(said.code == 0 || said.code >= 400);
		r->heard = ahead;
		r->in = VIEW_EMPTY;
		return false;
	}
	assert(said.code != 0);
	r->heard = ahead;
	str_add(&r->chunks, view_first(r->in, n));
	r->in = view_skip(r->in, n);
	if (is_last_chunk(args) && said.code < 300) {
		read_chunks(str_view(&r->chunks), &content);
		take_queued(r, &said, str_view(&content));
		end_transaction(r);
	} else if (said.code < 300) {
		assert(r->has_mail && r->n_rcpts > 0);
	}
	str_clear(&content);
	return true;
}

static void
note_command(struct reader *r, struct view verb, struct view args,
    const struct said *said)
{
	bool ok = said->code == 250;

	if (view_eq_case(verb, VIEW("MAIL")) && ok) {
		assert(!r->has_mail);
		end_transaction(r);
		r->has_mail = true;
		str_add(&r->sender, args);
	} else if (view_eq_case(verb, VIEW("RCPT")) && ok) {
		assert(r->has_mail && r->chunks.len == 0);
		r->n_rcpts++;
		str_add(&r->rcpts, args);
		str_add_byte(&r->rcpts, '\n');
	} else if (view_eq_case(verb, VIEW("RSET")) && ok) {
		end_transaction(r);
	} else if (view_eq_case(verb, VIEW("HELO")) ||
	    view_eq_case(verb, VIEW("EHLO"))) {
		/* One that is refused changes nothing. */
		if (ok)
			end_transaction(r);
	} else {
		assert(!view_starts(said->text, VIEW("2.0.0 Ok: ")));
	}
}

/* One command line and its one reply.  False at the end. */
static bool
follow_command(struct reader *r, struct view line)
{
	struct view verb, args;
	struct said said;
	bool is_bare = !view_ends(line, VIEW("\r"));
	bool fits;

	line.len -= !is_bare;
	fits = line.len <= LINE_LIMIT;
	line = view_trim_right(line);
	verb = view_first(line, view_find_any(line, " \t"));
	args = view_trim_left(view_skip(line, verb.len));
	if (fits && view_eq_case(verb, VIEW("BDAT")) &&
	    view_find(line, '\r') == VIEW_NPOS &&
	    view_find(line, '\0') == VIEW_NPOS && view_is_utf8(line)) {
		return follow_chunk(r, args, is_bare);
	}
	if (!next_reply(&r->heard, &said))
		assert(!"a command without a reply");
	if (said.code == 354) {
		assert(view_eq_case(verb, VIEW("DATA")));
		return follow_data(r);
	}
	if (is_last(&said, is_bare) ||
	    ((view_eq_case(verb, VIEW("DATA")) ||
		 view_eq_case(verb, VIEW("BDAT"))) &&
		ends_by_screen(r, &said, r->heard)))
		return false;
	if (said.code == 220)
		assert(!r->has_mail && view_eq_case(verb, VIEW("XCLIENT")));
	assert(fits || said.code % 100 == 0);
	note_command(r, verb, args, &said);
	return true;
}

static void
follow(struct reader *r)
{
	struct said said;
	bool goes_on;

	/* Who has left before the greeting is not greeted. */
	if (standin.talks_early && r->in.len == 0 && r->heard.len == 0)
		return;
	assert(next_reply(&r->heard, &said));
	goes_on = !is_last(&said, false);
	while (goes_on) {
		size_t end = view_find(r->in, '\n');
		struct view line = view_first(r->in, end);

		if (end == VIEW_NPOS)
			break;
		r->in = view_skip(r->in, end + 1);
		/* The end may be ours. */
		goes_on = follow_command(r, line);
	}
	/* What is said unasked is a farewell. */
	if (r->heard.len > 0) {
		assert(next_reply(&r->heard, &said));
		assert(said.code == 421 && r->heard.len == 0);
	}
	assert(r->n_messages == standin.n_messages);
}

/* Somewhere, in any case. */
static bool
has_word(struct view v, struct view word)
{
	for (; v.len >= word.len; v = view_skip(v, 1))
		if (view_starts_case(v, word))
			return true;
	return false;
}

static void
run(const struct site *site, const struct manners *m, struct view text,
    struct view sent)
{
	struct reader r = { .site = site,
		.in = sent,
		.sender = STR_EMPTY,
		.rcpts = STR_EMPTY,
		.chunks = STR_EMPTY };

	standin_forget_answers();
	behave(m);
	is_ascii_only = !has_word(sent, VIEW("SMTPUTF8"));
	standin_talk_bytes(site->client, text);
	r.heard = standin_heard();
	if (m->write_max > 0)
		check_part(r.heard);
	else
		follow(&r);
	str_clear(&r.sender);
	str_clear(&r.rcpts);
	str_clear(&r.chunks);
	standin_forget_messages();
}

/* Byte by byte it comes to the same. */
static void
run_again(const struct site *site, struct view sent, const char *said)
{
	static const struct manners slow = { .read_max = 1 };
	char *before = xstrndup(said, strlen(said));

	standin_forget_answers();
	behave(&slow);
	assert(strcmp(standin_talk_bytes(site->client, sent), before) == 0);
	standin_forget_messages();
	free(before);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct standin kept[SITES];
	static bool is_open[SITES];
	struct str text = STR_EMPTY, sent = STR_EMPTY;
	const struct manners *m;
	size_t i;

	if (size < 1)
		return 0;
	/* Silence takes its time. */
	if (memchr(data, STANDIN_SILENCE[0], size) != NULL)
		return 0;
	i = data[0] % SITES;
	m = &manners[data[0] / SITES % MANNERS];
	standin_no_log();
	if (!is_open[i]) {
		standin_open(sites[i].conf);
		is_open[i] = true;
	} else {
		standin_resume(&kept[i]);
	}
	expand(view_make((const char *)data + 1, size - 1), &text, &sent);
	run(&sites[i], m, str_view(&text), str_view(&sent));
	if (sites[i].takes_pieces && m == &manners[0] && sent.len < 4000)
		run_again(&sites[i], str_view(&sent),
		    standin_talk_bytes(sites[i].client, str_view(&text)));
	standin_forget_messages();
	standin_forget_state();
	standin_suspend(&kept[i]);
	str_clear(&text);
	str_clear(&sent);
	return 0;
}
