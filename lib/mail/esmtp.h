/*
 * The parameters after the path of MAIL and RCPT: SIZE (RFC 1870), BODY (6152,
 * 3030), SMTPUTF8 (6531), RET, ENVID, NOTIFY, ORCPT (3461), AUTH (4954),
 * REQUIRETLS (8689).  The structs borrow from the command line.
 */
#ifndef MAIL_ESMTP_H
#define MAIL_ESMTP_H

#include "lib/base/err.h"
#include "lib/base/str.h"

/* What the server announced; a parameter of anything else is unsupported. */
enum esmtp_offer {
	ESMTP_SIZE = 1 << 0,
	ESMTP_8BITMIME = 1 << 1,
	ESMTP_SMTPUTF8 = 1 << 2,
	ESMTP_DSN = 1 << 3,
	ESMTP_AUTH = 1 << 4,
	ESMTP_REQUIRETLS = 1 << 5,
	ESMTP_BINARYMIME = 1 << 6,
};

enum esmtp_body {
	ESMTP_BODY_NONE,
	ESMTP_BODY_7BIT,
	ESMTP_BODY_8BITMIME,
	ESMTP_BODY_BINARYMIME,
};

enum esmtp_ret { ESMTP_RET_NONE, ESMTP_RET_FULL, ESMTP_RET_HDRS };

enum esmtp_notify {
	ESMTP_NOTIFY_NEVER = 1 << 0,
	ESMTP_NOTIFY_SUCCESS = 1 << 1,
	ESMTP_NOTIFY_FAILURE = 1 << 2,
	ESMTP_NOTIFY_DELAY = 1 << 3,
};

/* Limits of RFC 3461 4.2 and 4.4 and RFC 4954 5, in bytes as coded. */
enum { ESMTP_ENVID_MAX = 100, ESMTP_ORCPT_MAX = 500, ESMTP_AUTH_MAX = 500 };

struct esmtp_mail {
	int64_t size; /* bytes; -1 if not given */
	enum esmtp_body body;
	enum esmtp_ret ret;
	bool is_smtputf8;
	bool is_requiretls;
	bool has_auth;
	struct view envid; /* xtext, valid; empty if not given */
	struct view auth;  /* xtext, valid, or <> */
};

struct esmtp_rcpt {
	unsigned notify;	 /* enum esmtp_notify; 0 if not given */
	struct view orcpt;	 /* type;xtext as given; empty if not given */
	struct view orcpt_type;	 /* "rfc822" */
	struct view orcpt_xtext; /* what follows the ';': xtext_decode it */
};

/*
 * Parse what follows the path; offers are enum esmtp_offer.  On error the
 * kind is ERR_PERM and the text is the whole reply: "501 5.5.4 Bad ENVID
 * parameter syntax", "555 5.5.4 Unsupported option: X", and so on, safe to send
 * and to log.  A parameter that comes twice is an error.
 */
struct err esmtp_parse_mail(
    struct view params, unsigned offers, struct esmtp_mail *mail);
/* is_smtputf8: the transaction was begun with SMTPUTF8. */
struct err esmtp_parse_rcpt(struct view params, unsigned offers,
    bool is_smtputf8, struct esmtp_rcpt *rcpt);

/*
 * Whether "SMTPUTF8" is among the parameters: it stands after the path that it
 * is needed for.  To be asked before addr_parse_path.
 */
bool esmtp_has_smtputf8(struct view params);

/* NOTIFY's value ("NEVER" or "SUCCESS,DELAY", any case) to a mask and back;
 * 0 if it is malformed. */
unsigned esmtp_parse_notify(struct view value);
void esmtp_add_notify(struct str *out, unsigned notify);

/* Whether this is a type;xtext that may be stored and sent on (RFC 3461 4.2,
 * RFC 6533 3). */
bool esmtp_orcpt_is_valid(struct view orcpt, bool is_smtputf8);
/*
 * The address in an ORCPT that esmtp_orcpt_is_valid accepted, decoded to
 * external form: appended.  False (and nothing appended) if it does not decode.
 */
bool esmtp_decode_orcpt(struct str *out, struct view orcpt);
/* Append "rfc822;" or, if the address is not ASCII, "utf-8;" and the address
 * (external form) coded. */
void esmtp_add_orcpt(struct str *out, struct view external);

#endif
