/*
 * Every message between Barid's processes, one table each.  Addresses are in
 * internal form (local part not quoted) unless said otherwise; times are
 * microseconds since 1970; names in queue IDs' alphabet.
 *
 * To add one: a table here, its name in IPC_ALL_MESSAGES, and a row for who may
 * send it in peers.c.
 */
#ifndef IPC_MESSAGES_H
#define IPC_MESSAGES_H

#include "lib/ipc/type.h"

/* What a server says first: it is process k of n, of this generation. */
#define IPC_HELLO(F)      \
	F(INT, process)   \
	F(INT, processes) \
	F(INT, generation)

/* The plain answer: status is an enum err_kind, text says why. */
#define IPC_RESULT(F)  \
	F(INT, status) \
	F(STR, text)

/* rewrite: complete an address (append $myorigin, ...).  `context` is "local"
 * or "remote". */
#define IPC_REWRITE(F)   \
	F(STR, context)  \
	F(STR, address)
#define IPC_REWRITTEN(F) F(STR, address)

/* rewrite: where does mail for this address go?  `status` is an enum err_kind:
 * TEMP if a table failed. */
#define IPC_ROUTE(F)    \
	F(STR, sender)  \
	F(STR, address) \
	F(INT, probe)   /* of an address: the address_verify_ parameters count */ \
	F(STR, original) /* before aliases, if it was another one; else empty */
#define IPC_ROUTED(F)      \
	F(INT, status)     \
	F(STR, text)       \
	F(INT, address_class) /* enum ipc_class */ \
	F(STR, transport)  \
	F(STR, nexthop)    \
	F(STR, recipient)  \
	F(INT, routed) /* the local part has a route in it: not to be relayed */ \
	F(STR, sender) /* to send on with (SRS); empty: the message's */

/* rewrite: who is meant by a sender of ours (SRS) that mail comes back to?
 * `status` is an enum err_kind: PERM if nobody of ours made it. */
#define IPC_SRS_ASK(F) F(STR, address)
#define IPC_SRS_TOLD(F)  \
	F(INT, status)   \
	F(STR, text)     \
	F(STR, address)

enum ipc_class {
	IPC_CLASS_LOCAL,
	IPC_CLASS_VIRTUAL_ALIAS,
	IPC_CLASS_VIRTUAL_MAILBOX,
	IPC_CLASS_RELAY,
	IPC_CLASS_DEFAULT,
};

/* "virtual mailbox": for people. */
struct view ipc_class_name(enum ipc_class class);

/* One recipient, in lists.  `number` counts from 0 in the order of the
 * envelope and stays the recipient's name in the journal. */
#define IPC_RCPT(F)     \
	F(INT, number)  \
	F(STR, address) \
	F(STR, original) /* as given at RCPT, before aliases */ \
	F(STR, orcpt)    /* RFC 3461 ORCPT, decoded type;address, or empty */ \
	F(INT, notify)   /* enum dsn_notify bits; 0 is the default */

/*
 * cleanup: a message's envelope.  With `whole` the content follows in the same
 * frame; else `content` frames with the same number follow, then `submit_end`.
 * More recipients than fit come before them as `more_rcpts` frames.
 */
#define IPC_SUBMIT(F)          \
	F(STR, queue_id)       \
	F(INT, arrival_us)     \
	F(STR, origin)         /* smtpd, pickup, bounce, local, state, notify */ \
	F(STR, context)        /* rewriting: local or remote */ \
	F(STR, sender)         \
	F(STR, full_name)      /* for a From: that is missing */ \
	F(STR, envid)          /* RFC 3461, decoded */ \
	F(INT, ret)            /* enum dsn_ret */ \
	F(INT, flags)          /* enum submit_flags */ \
	F(STR, client_name)    \
	F(STR, client_addr)    \
	F(INT, client_port)    \
	F(STR, protocol)       /* ESMTP, ... */ \
	F(STR, helo)           \
	F(STR, sasl_method)    \
	F(STR, sasl_username)  \
	F(INT, hold)           \
	F(STR, filter)         /* FILTER: transport:nexthop; empty: none */ \
	F(STR, redirect)       /* REDIRECT: for all recipients; empty: none */ \
	F(INT, expect_content) /* its size if known, else 0 */ \
	F(LIST, rcpts)         \
	F(INT, whole)          \
	F(STR, content)

enum submit_flags {
	SUBMIT_SMTPUTF8 = 1 << 0,
	SUBMIT_BODY_8BITMIME = 1 << 1,
	SUBMIT_REQUEUED = 1 << 2,     /* do not count hops again, no new headers */
	SUBMIT_DSN_TRACE = 1 << 3,    /* sendmail -v, -bv: report each outcome */
	SUBMIT_PROBE = 1 << 4,        /* sendmail -bv: deliver nothing */
	SUBMIT_BARE_LF = 1 << 5,      /* what was noticed in the content */
	SUBMIT_BARE_CR = 1 << 6,
	SUBMIT_EIGHT_BIT = 1 << 7,
	SUBMIT_NUL = 1 << 8,
	SUBMIT_VERIFY = 1 << 9,       /* a probe of `state`: it hears the outcome */
	/* Not kept: whoever was asked first was lost before it answered, so
	 * the message may be queued already. */
	SUBMIT_AGAIN = 1 << 10,
	SUBMIT_NO_MAPPINGS = 1 << 11, /* receive_override_options */
	SUBMIT_NO_CHECKS = 1 << 12,
};

#define IPC_MORE_RCPTS(F) F(LIST, rcpts)
#define IPC_CONTENT(F) F(STR, bytes)
/* The rest is what was decided once the content was there, beyond what
 * `submit` said: empty and 0 change nothing; rcpts are more of them (BCC). */
#define IPC_SUBMIT_END(F) \
	F(INT, commit)    /* 0: forget it */ \
	F(INT, flags)     /* more of enum submit_flags */ \
	F(INT, hold)      \
	F(STR, filter)    \
	F(STR, redirect)  \
	F(LIST, rcpts)
/* status is an enum err_kind; reply is a full SMTP reply text such as
 * "5.6.0 message has too many hops", without the code. */
#define IPC_SUBMITTED(F)   \
	F(INT, status)     \
	F(INT, code)       \
	F(STR, reply)

/*
 * qmgr: a message was committed.  No answer is waited for.  `rcpts` is empty,
 * and n_rcpts is not 0, when qmgr is to read the file.
 */
#define IPC_QUEUED(F)       \
	F(STR, queue)       /* active, incoming, hold */ \
	F(STR, queue_id)    \
	F(INT, arrival_us)  \
	F(STR, sender)      \
	F(INT, size)        \
	F(INT, flags)       /* enum submit_flags */ \
	F(STR, envid)       \
	F(INT, ret)         \
	F(STR, layout)      /* see lib/mail/queue_file.h */ \
	F(STR, client_name) /* of the submission, for agents */ \
	F(STR, client_addr) \
	F(STR, protocol)    \
	F(STR, helo)        \
	F(STR, filter)      /* transport:nexthop for all of it, or empty */ \
	F(INT, n_rcpts)     \
	F(LIST, rcpts)
/* qmgr, to cleanup, unasked for: hold replies that long; is there room? */
#define IPC_FLOW(F)      \
	F(INT, delay_ms) \
	F(INT, room)

/* qmgr: what postsuper and postqueue ask.  `queues` names the ones it may act
 * on.  ALL is one ID of that name. */
#define IPC_QUEUE_ACT(F)  \
	F(STR, action)    /* delete, hold, release, requeue, expire, flush */ \
	F(STR, queues)    /* separated by spaces */ \
	F(LIST, ids)
#define IPC_QUEUE_ID(F) F(STR, id)
#define IPC_QUEUE_ACTED(F) \
	F(INT, status)     \
	F(STR, text)       \
	F(LIST, ids)       /* those it was done to */
/* qmgr: deliver all, those of one site, or one message now. */
#define IPC_FLUSH(F)  \
	F(STR, what)  /* all, site, id */ \
	F(STR, value)

/*
 * A delivery agent: deliver this to these recipients.  The descriptor is a
 * fresh read-only one of the queue file, with a shared lock; agents pread.
 */
#define IPC_DELIVER(F)       \
	F(FD, file)          \
	F(STR, queue_id)     \
	F(STR, transport)    \
	F(STR, nexthop)      \
	F(STR, sender)       \
	F(INT, arrival_us)   \
	F(INT, active_us)    /* when qmgr took it up */ \
	F(INT, size)         \
	F(INT, flags)        /* enum submit_flags */ \
	F(STR, envid)        \
	F(INT, ret)          \
	F(STR, layout)       \
	F(STR, client_name)  \
	F(STR, client_addr)  \
	F(STR, protocol)     \
	F(STR, helo)         \
	F(STR, seal)         /* of these recipients: for late_delivered */ \
	F(LIST, rcpts)
/* One recipient's end, in the answer. */
#define IPC_OUTCOME(F)  \
	F(INT, number)  \
	F(INT, status)  /* enum outcome */ \
	F(STR, dsn)     /* 2.1.5 */ \
	F(STR, text)    /* the reason, cleaned */ \
	F(STR, relay)   /* host[addr]:port, none, local, virtual */ \
	F(STR, remote)  /* the remote MTA's name if it said this, else empty */
/* `destination` tells the scheduler how the next hop fares: enum
 * destination_health. */
#define IPC_DELIVERED(F)     \
	F(INT, destination)  \
	F(STR, reason)       \
	F(LIST, outcomes)

enum outcome {
	OUTCOME_SENT,      /* final: another server or a mailbox has it */
	OUTCOME_DEFERRED,  /* try again */
	OUTCOME_BOUNCED,   /* final: report it */
	OUTCOME_EXPANDED,  /* final: a new message is queued in its place */
	OUTCOME_RELAYED,   /* final: sent to a server without DSN */
};

enum destination_health { DESTINATION_FINE, DESTINATION_FAILED };

/*
 * qmgr, by an agent whose delivery was asked for by one that is no more: the
 * descriptor and the seal of that request, and an outcome for each of its
 * recipients in the same order.  Answered by result.
 */
#define IPC_LATE_DELIVERED(F) \
	F(FD, file)           \
	F(STR, queue_id)      \
	F(STR, seal)          \
	F(LIST, outcomes)

/*
 * bounce: make one report over the journal of this queue file and queue it.
 * The answer's text is the report's queue ID, empty if none was due.
 */
#define IPC_REPORT(F)       \
	F(FD, file)         \
	F(STR, queue_id)    \
	F(INT, kind)        /* enum report_kind */

enum report_kind {
	REPORT_FAILURE,
	REPORT_DELAY,
	REPORT_SUCCESS,
	REPORT_TRACE,
};

/* resolve: one DNS question; `type` is the RR type's number. */
#define IPC_DNS_ASK(F)   \
	F(STR, name)     \
	F(INT, type)     \
	F(INT, validate) /* through the context that checks DNSSEC */
/* status is an enum dns_status (lib/dns). */
#define IPC_DNS_ANSWER(F) \
	F(INT, status)    \
	F(STR, text)      \
	F(INT, secure)    \
	F(INT, ttl)       \
	F(LIST, records)  \
	F(STR, name)      /* where CNAMEs led */
#define IPC_DNS_RECORD(F) \
	F(INT, type)       \
	F(INT, preference) /* of MX */ \
	F(STR, data)       /* dns_record_data (lib/dns) */
/* resolve: the verified name of a client; status as above.  `reverse` is what
 * PTR said; `name` is the same if its addresses hold the client's, else
 * "unknown". */
#define IPC_PEER_NAME(F) F(STR, address)
#define IPC_PEER_NAMED(F) \
	F(INT, status)         \
	F(STR, name)           \
	F(STR, reverse)        \
	F(INT, reverse_status) \
	F(INT, ttl)
/* resolve: the addresses of a host (A, AAAA, and /etc/hosts if native). */
#define IPC_HOST_ASK(F)  \
	F(STR, name)     \
	F(INT, native)   \
	F(INT, validate) \
	F(INT, families) /* 1: IPv4, 2: IPv6, 0: both */
/* answered by dns_answer */

/* lookup: one key in one table; status is an enum err_kind. */
#define IPC_TABLE_ASK(F) \
	F(STR, table)    \
	F(STR, key)
#define IPC_TABLE_ANSWER(F) \
	F(INT, status)      \
	F(STR, text)        \
	F(INT, found)       \
	F(STR, value)

/* lookup, by state: one question (lib/table/share.h) about a table of state's that
 * hosts share. */
#define IPC_SHARE_ASK(F) \
	F(STR, table)    \
	F(INT, verb)     \
	F(STR, key)      \
	F(STR, old)      \
	F(STR, value)    \
	F(INT, life)     \
	F(INT, window)   \
	F(INT, amount)   \
	F(INT, limit)
#define IPC_SHARE_ANSWER(F) \
	F(INT, status)      \
	F(STR, text)        \
	F(INT, done)        \
	F(STR, value)       \
	F(INT, count)

/* anvil: something happened; answered by the count and the rate per
 * anvil_rate_time_unit that it led to. */
#define IPC_ANVIL(F)    \
	F(STR, service) \
	F(STR, client)  \
	F(STR, event)   /* connect, disconnect, message, recipient, newtls, auth */
#define IPC_ANVIL_COUNT(F)     \
	F(INT, count)          \
	F(INT, rate)
/* anvil, after it was started again: connections that I have open. */
#define IPC_ANVIL_RESTATE(F) \
	F(STR, service)      \
	F(STR, client)       \
	F(INT, count)

/* state: can mail for this address be delivered?  A probe is sent if nobody
 * knows. */
#define IPC_VERIFY_ASK(F) F(STR, address)
#define IPC_VERIFIED(F) \
	F(INT, status) /* enum verify_status */ \
	F(STR, text)
/* state, by qmgr: what became of a probe.  No answer. */
#define IPC_VERIFY_TOLD(F) \
	F(STR, address)    /* as it was asked */ \
	F(INT, status)     \
	F(STR, text)

/* In the order of Postfix's numbers, which files have. */
enum verify_status {
	VERIFY_OK,
	VERIFY_DEFER,
	VERIFY_BOUNCE,
	VERIFY_TODO, /* a probe is under way */
};

/* state: what is kept under this key (enum state_store)?  Here and below, status
 * is an enum err_kind: what is kept may be elsewhere, and nobody may be there. */
#define IPC_STATE_ASK(F) \
	F(INT, store)    \
	F(STR, key)
#define IPC_STATE_ANSWER(F) \
	F(INT, status)      \
	F(STR, text)        \
	F(INT, found)       \
	F(STR, value)
/* state: keep this until then (s since 1970); 0 drops it.  No answer. */
#define IPC_STATE_TELL(F) \
	F(INT, store)     \
	F(STR, key)       \
	F(STR, value)     \
	F(INT, until)
/* state: the same, if `old` is what is kept; "" is nothing.  Otherwise it is not
 * done, and answered by what is kept. */
#define IPC_STATE_SWAP(F) \
	F(INT, store)     \
	F(STR, key)       \
	F(STR, old)       \
	F(STR, value)     \
	F(INT, until)
#define IPC_STATE_SWAPPED(F) \
	F(INT, status)       \
	F(STR, text)         \
	F(INT, done)         \
	F(STR, value)
/* state: add so many to a counter over the last `window` seconds, unless that
 * would be more than `limit`.  The answer is how many there were before. */
#define IPC_STATE_COUNT(F) \
	F(STR, key)        \
	F(INT, amount)     \
	F(INT, window)     \
	F(INT, limit)
#define IPC_STATE_COUNTED(F) \
	F(INT, status)       \
	F(STR, text)         \
	F(INT, count)        \
	F(INT, taken)

enum state_store {
	STATE_SCREEN, /* clients that passed tests */
	STATE_GREY,   /* who was seen before */
	STATE_LIMIT,  /* counters */
	STATE_STORES,
};

/* dial: connect to an endpoint that the configuration names. */
#define IPC_DIAL(F)        \
	F(STR, endpoint)   /* unix:/path, inet:host:port */ \
	F(INT, timeout_ms)
#define IPC_DIALLED(F) \
	F(INT, status) \
	F(STR, text)   \
	F(FD, socket)

#define IPC_ALL_MESSAGES(M)                     \
	M(hello, IPC_HELLO)                     \
	M(result, IPC_RESULT)                   \
	M(rewrite, IPC_REWRITE)                 \
	M(rewritten, IPC_REWRITTEN)             \
	M(route, IPC_ROUTE)                     \
	M(routed, IPC_ROUTED)                   \
	M(srs_ask, IPC_SRS_ASK)                 \
	M(srs_told, IPC_SRS_TOLD)               \
	M(rcpt, IPC_RCPT)                       \
	M(submit, IPC_SUBMIT)                   \
	M(more_rcpts, IPC_MORE_RCPTS)           \
	M(content, IPC_CONTENT)                 \
	M(submit_end, IPC_SUBMIT_END)           \
	M(submitted, IPC_SUBMITTED)             \
	M(queued, IPC_QUEUED)                   \
	M(flow, IPC_FLOW)                       \
	M(queue_act, IPC_QUEUE_ACT)             \
	M(queue_id, IPC_QUEUE_ID)               \
	M(queue_acted, IPC_QUEUE_ACTED)         \
	M(flush, IPC_FLUSH)                     \
	M(deliver, IPC_DELIVER)                 \
	M(outcome, IPC_OUTCOME)                 \
	M(delivered, IPC_DELIVERED)             \
	M(late_delivered, IPC_LATE_DELIVERED)   \
	M(report, IPC_REPORT)                   \
	M(dns_ask, IPC_DNS_ASK)                 \
	M(dns_answer, IPC_DNS_ANSWER)           \
	M(dns_record, IPC_DNS_RECORD)           \
	M(peer_name, IPC_PEER_NAME)             \
	M(peer_named, IPC_PEER_NAMED)           \
	M(host_ask, IPC_HOST_ASK)               \
	M(table_ask, IPC_TABLE_ASK)             \
	M(table_answer, IPC_TABLE_ANSWER)       \
	M(share_ask, IPC_SHARE_ASK)             \
	M(share_answer, IPC_SHARE_ANSWER)       \
	M(anvil, IPC_ANVIL)                     \
	M(anvil_count, IPC_ANVIL_COUNT)         \
	M(anvil_restate, IPC_ANVIL_RESTATE)     \
	M(verify_ask, IPC_VERIFY_ASK)           \
	M(verified, IPC_VERIFIED)               \
	M(verify_told, IPC_VERIFY_TOLD)         \
	M(state_ask, IPC_STATE_ASK)             \
	M(state_answer, IPC_STATE_ANSWER)       \
	M(state_tell, IPC_STATE_TELL)           \
	M(state_swap, IPC_STATE_SWAP)           \
	M(state_swapped, IPC_STATE_SWAPPED)     \
	M(state_count, IPC_STATE_COUNT)         \
	M(state_counted, IPC_STATE_COUNTED)     \
	M(dial, IPC_DIAL)                       \
	M(dialled, IPC_DIALLED)

IPC_ALL_MESSAGES(IPC_DECLARE)

/* The description of message i in the list above; NULL past the end. */
const struct ipc_type *ipc_type_at(size_t i);

#endif
