/*
 * The Received header (RFC 5321 4.4) in the form that Postfix writes.  Values
 * from outside are cleaned here: none of them can end a comment, a line or
 * the header.  Lines end in CRLF.
 */
#ifndef MAIL_RECEIVED_H
#define MAIL_RECEIVED_H

#include "lib/base/str.h"

enum received_cert {
	RECEIVED_CERT_NOT_ASKED, /* No client certificate requested */
	RECEIVED_CERT_NONE,	 /* Client did not present a certificate */
	RECEIVED_CERT_UNVERIFIED,
	RECEIVED_CERT_VERIFIED,
};

/* Empty views are left out, but for those marked needed. */
struct received {
	struct view helo;	 /* needed; client's name if it said none */
	struct view client_name; /* needed; "unknown" if not verified */
	struct view client_addr; /* needed; "192.0.2.1" or "2001:db8::1" */
	struct view tls;	 /* "TLSv1.3 with cipher X (256/256 bits)" */
	struct view tls_details; /* "key-exchange X25519 server-signature .." */
	struct view cert_subject, cert_issuer; /* common names */
	struct view sasl_user;
	struct view myhostname;	 /* needed */
	struct view mail_name;	 /* needed; "Postfix" */
	struct view protocol;	 /* needed; "ESMTPS" */
	struct view queue_id;	 /* needed */
	struct view recipient;	 /* internal form, if there is exactly one */
	int64_t wall;		 /* s */
	enum received_cert cert; /* read if tls is not empty */
};

/* Append the header of a message that came by SMTP. */
void received_add_smtp(struct str *out, const struct received *r);
/* Append the header of a message submitted by a user (uid >= 0) or made by
 * the mail system itself (uid -1); reads myhostname, mail_name, queue_id,
 * wall. */
void received_add_local(struct str *out, const struct received *r, int64_t uid);

/* The protocol's name: SMTP after HELO; else ESMTP or, for a message that
 * needs it, UTF8SMTP, S with TLS, A with AUTH (RFC 3848, RFC 6531 4.3). */
const char *received_protocol(
    bool is_esmtp, bool is_tls, bool is_auth, bool is_utf8);

/* Append v with whatever could leave a comment or a token turned to '?':
 * controls, blanks, <>()\";@ and invalid UTF-8; what is kept of HELO names. */
void received_clean_name(struct str *out, struct view v);
/* Append v fit for the inside of a comment: blanks and balanced parentheses
 * stay. */
void received_clean_comment(struct str *out, struct view v);

#endif
