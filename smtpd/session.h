/*
 * One SMTP session: what is known of the client, the transaction it is in, and
 * how it ends.  An idle session is kept small: what a transaction needs is
 * allocated by MAIL and freed at its end, and between two commands there are
 * no buffers.
 */
#ifndef SMTPD_SESSION_H
#define SMTPD_SESSION_H

#include "lib/mail/content.h"
#include "lib/mail/queue_id.h"
#include "lib/run/stream.h"
#include "smtpd/smtpd.h"

struct fiber;

enum ending {
	SESSION_ON,
	SESSION_QUIT,	/* the client said so */
	SESSION_CLOSED, /* we said so: the reply is out or in the buffer */
	SESSION_LOST,
	SESSION_TIMEOUT,
	SESSION_ERRORS, /* too many of them */
};

/* Texts that live as long as the client does; NULL is none. */
struct client {
	char *name;    /* verified, or "unknown" */
	char *reverse; /* what PTR said, or "unknown" */
	char *addr;    /* "192.0.2.1", "2001:db8::1" */
	char *label;   /* name[addr], or with the port: as logs have it */
	uint16_t port;
	bool has_address; /* not standard input, or a Unix socket */
	bool is_ipv6;
	uint8_t name_status, reverse_status; /* enum dns_status */
	bool is_trusted;		     /* in mynetworks */
	bool trust_failed;		     /* nobody can say whether it is */
	bool may_bare_lf;
	bool is_counted; /* anvil was told */
	bool is_limited; /* not in smtpd_client_event_limit_exceptions */
	bool may_xclient, may_xforward;
};

/* What XFORWARD said of the client before the one that speaks; NULL is
 * nothing, "" is unavailable. */
struct forwarded {
	char *name, *addr, *port, *helo, *protocol, *ident;
	bool is_local; /* SOURCE=LOCAL */
	bool has_source;
};

/* Who has logged in, and how; NULL: nobody has. */
struct login {
	char *username, *method, *sender;
};

/* Where the client connected to; NULL while nobody asked. */
struct server {
	char *addr, *port;
};

enum bdat_state {
	BDAT_NONE,
	BDAT_MORE,  /* chunks came, the last did not */
	BDAT_ERROR, /* chunks are dropped until RSET */
};

struct collect;
struct drop;
struct screen;
struct transcript;

struct transaction {
	struct str sender;     /* internal form */
	struct str rcpts;      /* list of ipc rcpt */
	struct str first_rcpt; /* internal form */
	size_t n_rcpts;	       /* accepted */
	size_t n_refused_over; /* above smtpd_recipient_limit */
	struct queue_id id;    /* empty before the first accepted recipient */
	int64_t arrival_us;
	struct str envid;   /* decoded */
	struct str prepend; /* header lines to stand before all others */
	/* By access control: FILTER, REDIRECT, and recipients by BCC that are
	 * not among rcpts yet (list of ipc rcpt). */
	struct str filter, redirect, bcc;
	int64_t size;	    /* declared; 0 if not */
	uint8_t body, ret;  /* enum esmtp_body, esmtp_ret */
	bool is_smtputf8;
	bool hold, discard;
	bool is_unsaid; /* "client=" was left out */
	bool is_counted;  /* by the volume limits, as a message */
	bool hold_volume; /* it is above one of them */
	uint8_t bdat;		 /* enum bdat_state */
	struct collect *collect; /* content on its way; NULL before DATA */
	struct drop *drop;	 /* stand-alone: once the message has a name */
	int64_t charged;	 /* of smtpd->collected */
};

enum { COMMANDS_MAX = 24 };

struct session {
	struct list node; /* of smtpd->sessions */
	struct smtpd *smtpd;
	struct fiber *fiber;
	struct stream io;
	struct client client;
	struct login login;
	struct server server;
	struct forwarded *forwarded; /* NULL: XFORWARD was not used */
	struct transaction *t;	     /* NULL: no MAIL yet */
	char *helo;		     /* NULL: none yet */
	const char *where;	     /* the command that we are in */
	uint8_t ending;		     /* enum ending */
	unsigned discarded;	     /* enum offer that this client is not made */
	bool is_esmtp;		     /* EHLO, not HELO */
	bool is_idle;		     /* waits for a command */
	bool is_traced;		     /* the dialogue is logged */
	bool pipelined_badly;	     /* for reject_unauth_pipelining */
	bool saw_bare_lf;
	bool hears_utf8; /* replies to this command may have UTF-8 */
	char *refused; /* by smtpd_client_restrictions */
	struct transcript *transcript; /* NULL: none is kept */
	struct screen *screen; /* NULL: nothing is to be tested (any more) */
	/* What each stage before RCPT would have refused but for a temporary
	 * error, if smtpd_delay_reject is off; until it comes again. */
	char *doubts[ACCESS_RELAY];
	int64_t deadline;      /* of the request, if those have one */
	int64_t content_bytes; /* of the message on its way: for logs */
	int64_t n_errors, n_junk;
	uint64_t serial; /* of this transaction, in this process */
	int64_t n_lines[2];	     /* in the log: see quiet.h */
	bool is_forgiven;	     /* they are not counted any more */
	/* By command: how many, and how many of them succeeded. */
	uint32_t total[COMMANDS_MAX], good[COMMANDS_MAX];
};

/* Serve one client from connect to disconnect.  Closes the descriptor. */
void session_run(struct smtpd *smtpd, int fd, const struct sockaddr *addr);
/* The same over a stream that the caller made (tests); clears it. */
void session_run_stream(
    struct smtpd *smtpd, struct stream *io, const struct sockaddr *addr);
/* Tell the sessions that wait between two transactions to leave. */
void sessions_leave(struct smtpd *smtpd);

/* The greeting: restrictions on the client, and the banner.  False if the
 * client is refused for good. */
bool session_greet(struct session *s);
/* Forget HELO. */
void session_reset_helo(struct session *s);
/* Fill s->server in, if that was not done. */
void session_find_server(struct session *s);
void session_forget_login(struct session *s);
/* Begin and end a transaction. */
void transaction_begin(struct session *s, struct view sender);
void transaction_end(struct session *s);
/* The queue ID, or "NOQUEUE". */
const char *session_queue_id(const struct session *s);
/* "ESMTP" or "SMTP", as logs have it. */
const char *session_protocol(const struct session *s);
/* A deadline for what the client does next. */
int64_t session_deadline(const struct session *s);
/* Account for memory of a message (may be negative).  False, and nothing
 * changed, if there would be too much. */
bool session_charge(struct session *s, int64_t bytes);

#endif
