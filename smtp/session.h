/*
 * One connection to a server: greeting, hello, commands and their replies,
 * each under its own time limit.  What goes wrong with the connection ends up
 * as a struct why in the words that operators know.
 */
#ifndef SMTP_SESSION_H
#define SMTP_SESSION_H

#include "lib/base/list.h"
#include "lib/mail/reply.h"
#include "lib/run/loop.h"
#include "lib/run/stream.h"
#include "smtp/peer.h"
#include "smtp/settings.h"
#include "smtp/target.h"
#include "smtp/why.h"

/* What is being done; each has its words and its time limit. */
enum phase {
	PHASE_GREETING,
	PHASE_EHLO,
	PHASE_HELO,
	PHASE_LHLO,
	PHASE_XFORWARD_NAME,
	PHASE_XFORWARD_PROTO,
	PHASE_MAIL,
	PHASE_RCPT,
	PHASE_DATA,
	PHASE_BODY,
	PHASE_END,
	PHASE_BDAT,
	PHASE_RSET,
	PHASE_QUIT,
	PHASE_COUNT,
};

/* Bytes of commands whose replies have not come: less than any socket's
 * buffers take, so that sending never waits for a server that waits for us
 * to read (RFC 2920 3.1). */
enum { SESSION_WINDOW = 3500 };

struct session {
	const struct settings *set;
	struct stream io;
	struct reply reply; /* the last one */
	struct peer peer;
	struct str name;  /* host[addr] */
	struct str relay; /* host[addr]:port */
	bool may_loop;
	bool is_traced;	  /* the dialogue is logged */
	bool is_debugged; /* and all else that its user does */
	bool is_broken;	  /* no more commands */
	bool is_gone;	  /* broken, since the server closed */
	bool is_leaving;  /* said 421 */
	bool needs_reset; /* a transaction was begun and not ended */
	bool was_heard;	  /* a reply came since it was taken for use */
	unsigned uses;	  /* deliveries, this one included */
	int64_t opened_ms;
	/* For the cache (cache.c). */
	struct list by_age, by_dest, by_target;
	struct str dest_key, target_key;
	uint64_t dest_hash, target_hash;
	struct timer idle;
	struct cache *cache;
};

/* Takes the connected descriptor. */
struct session *session_new(
    const struct settings *set, const struct target *t, int fd);
/* Closes at once. */
void session_free(struct session *s);
/* Takes leave as far as that is possible, then frees. */
void session_quit(struct session *s);

/*
 * Greeting and hello.  False if the server is not to be used; `nexthop` is
 * for the text about a loop.
 */
bool session_greet(struct session *s, const char *nexthop, struct why *why);

/* "RCPT TO command": what a reply was to. */
const char *phase_request(enum phase phase);
/* Seconds; 0 is no limit. */
int64_t phase_timeout(const struct settings *set, enum phase phase);

/* A command, with its line end, into the buffer.  Content goes there by
 * itself. */
void session_say(struct session *s, struct view command);
void session_sayf(struct session *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Send what is in the buffer, and read the next reply into s->reply.  False
 * if there is none that makes sense: the session is broken. */
bool session_next_reply(struct session *s, enum phase phase, struct why *why);
/* Send what is in the buffer. */
bool session_flush(struct session *s, enum phase phase, struct why *why);
/* The connection failed in this phase. */
void session_fail(
    struct session *s, enum phase phase, const struct err *e, struct why *why);
/* The reply as the whole text, for what was accepted. */
void session_quote_good(const struct session *s, struct why *why);
/* "host N said: R (in reply to C)", with the reply's status. */
void session_quote(struct session *s, enum phase phase, struct why *why);
/* The server has said something that nobody asked for.  Asks the kernel, does
 * not wait. */
bool session_has_early_reply(struct session *s);
/* The same, but for a 421, which may come at any time. */
bool session_has_surplus_reply(struct session *s);
/*
 * False if it has, to the command of this phase, which was not said yet.  A
 * refusal (421, or a server that does not even want to see the content) counts,
 * for good only where it can be about nothing but the content.  Anything else
 * is out of step: the next replies would be believed to be about something else
 * than they are.  Either way the session is broken.
 */
bool session_is_in_step(struct session *s, enum phase phase, struct why *why);
/* Sending failed: did the server say why, before it closed?  Then it is in
 * s->reply; the session stays broken. */
bool session_read_last_words(struct session *s);
/* Ready for the next transaction (RSET if one is open)?  May wait. */
bool session_reset(struct session *s);

#endif
