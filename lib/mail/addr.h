/*
 * Envelope addresses.  Two forms: the external one as SMTP and logs show it
 * ("a b"@example.org), and the internal one as tables are keyed and programs
 * compare (a b@example.org), whose domain begins after the last @.  The null
 * sender is the empty string in both.  Nothing here looks anything up,
 * completes a name or allocates, but for what is appended to a struct str.
 */
#ifndef MAIL_ADDR_H
#define MAIL_ADDR_H

#include "lib/base/err.h"
#include "lib/base/str.h"

/* The longest path that is taken, in bytes without the brackets.  RFC 5321
 * 4.5.3.1.3 asks for 256; real senders (SRS, VERP) need more. */
enum { ADDR_MAX = 1024 };

enum addr_parse_flags {
	/* Brackets needed, no white space before them, local part a plain
	 * dot-string or one quoted string (strict_rfc821_envelopes). */
	ADDR_STRICT = 1 << 0,
	/* Bytes above 127 are allowed if they are UTF-8 (RFC 6531 3.3). */
	ADDR_UTF8 = 1 << 1,
	/* <> is allowed: MAIL FROM. */
	ADDR_NULL = 1 << 2,
};

enum addr_flags {
	ADDR_IS_NULL = 1 << 0,	  /* <> */
	ADDR_IS_QUOTED = 1 << 1,  /* the local part has quotes or \ */
	ADDR_IS_LITERAL = 1 << 2, /* the domain is [1.2.3.4] or [IPv6:..] */
	ADDR_IS_UTF8 = 1 << 3,	  /* has bytes above 127 */
	ADDR_HAD_ROUTE = 1 << 4,  /* a source route was dropped */
};

/* A parsed path; borrows from the text that it was parsed from. */
struct addr {
	struct view text;   /* local@domain as written, no brackets or route */
	struct view local;  /* as written, with its quotes */
	struct view domain; /* with the brackets of a literal; may be empty */
	unsigned flags;	    /* enum addr_flags */
};

/*
 * Parse the path at the front of text (what follows "MAIL FROM:" or "RCPT
 * TO:", RFC 5321 4.1.2); flags are enum addr_parse_flags.  *rest is what
 * follows it, without leading blanks; NULL if nothing but blanks may follow.
 * Source routes are dropped.  A name without domain is accepted (postmaster,
 * and what will be completed).  Refused: more than one unquoted @, an empty
 * local part even if quoted (its internal form would read as a key for the
 * whole domain), an empty domain, control characters anywhere, UTF-8 controls
 * and direction overrides, literals that are not addresses, scoped IPv6, more
 * than ADDR_MAX bytes.  ERR_PERM; the text says why, without foreign bytes.
 */
struct err addr_parse_path(
    struct view text, unsigned flags, struct addr *addr, struct view *rest);

/* The address inside a literal: "[IPv6:::1]" gives "::1".  False if it is not
 * a literal with a valid address in it (RFC 5321 4.1.3; no scope). */
bool addr_parse_literal(struct view domain, struct view *ip, bool *is_ipv6);

/* Append the internal form of a parsed path. */
void addr_add_internal(struct str *out, const struct addr *addr);
/* Append the external form of an internal address: the local part is quoted
 * if it is not a dot-string.  Brackets are the caller's.  Control characters,
 * which no accepted address has, come out as '?'. */
void addr_to_external(struct str *out, struct view internal);
/* Append the internal form of an external address that was stored or
 * configured by us; lenient, never fails.  Ends at the first NUL, CR or LF. */
void addr_to_internal(struct str *out, struct view external);

/* An internal address that may be stored: no control characters, which would
 * come out on a line of their own in a report or a mailbox; not too long. */
bool addr_is_sane(struct view internal);
/* Can `full` be what a given address was completed to?  Another process says
 * so, which may say anything; only its length may be too much all the same. */
bool addr_may_complete(struct view given, struct view full);

/* The parts of an internal address; the domain is empty if there is none. */
struct view addr_local(struct view internal);
struct view addr_domain(struct view internal);

/*
 * Split the local part of an internal address at the first byte of the set
 * delimiters (recipient_delimiter); the delimiter is user.ptr[user.len].
 * False, with *user all of it, if there is nothing to split, and for
 * postmaster, mailer-daemon, double-bounce and, if owner_request_special,
 * with '-' in the set, owner-NAME and NAME-request.  A leading delimiter does
 * not split.
 */
bool addr_split_extension(struct view local, struct view delimiters,
    bool owner_request_special, struct view *user, struct view *extension);

/* Same address: local part by case, domain without (RFC 5321 2.4). */
bool addr_eq(struct view a, struct view b);

#endif
