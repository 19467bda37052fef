/*
 * For tests and fuzzing: a whole session without network, disk or other
 * processes.  The client is a text; the other processes are functions that
 * take the place of lib/ipc/client.c and talk.c when a program is linked.
 */
#ifndef SMTPD_STANDIN_H
#define SMTPD_STANDIN_H

#include "smtpd/smtpd.h"

/* A message as `cleanup` got it, or postdrop (without what that is not told). */
struct standin_message {
	char queue_id[32];
	char context[16], client_name[256], client_addr[64], helo[600];
	char protocol[16];
	struct str sender, rcpts, content, envid; /* rcpts: one a line */
	struct str filter, redirect;
	int64_t flags, ret, hold;
	bool streamed;
	size_t n_heard; /* bytes that the client had got by then */
};

struct standin {
	struct conf *conf;
	struct smtpd *smtpd;
	/* How the other processes behave; 0 is well. */
	int submit_code; /* what cleanup answers, 0 is 250 */
	const char *submit_reply;
	bool cleanup_is_down, rewrite_is_down, resolve_is_down;
	bool postdrop_is_down, state_is_down;
	const char *state_first; /* what others put before the next swap */
	int verify_status; /* enum verify_status */
	const char *verify_text;
	size_t verify_after; /* questions that hear that it is under way */
	const char *postdrop_refusal; /* what it says at the end; NULL is well */
	enum err_kind postdrop_kind;  /* of that */
	int64_t anvil_count, anvil_rate;
	/* What a policy server sends as soon as one connects; NULL: there is
	 * none.  What it was asked, of all connections. */
	const char *policy_says;
	bool policy_hangs_up; /* ... and it closes behind that */
	/* Instead, by what is dialled: unix:says-no, unix:says-nothing; no other
	 * is there. */
	bool policy_by_path;
	struct str policy_heard;
	size_t n_policy;
	size_t fail_at; /* the call of another process that fails; 0 is none */
	/* How the client behaves; 0 is well. */
	size_t read_max;  /* bytes that come at once */
	size_t write_max; /* bytes that it takes, then it is gone */
	bool talks_early; /* before the greeting */
	/* What happened. */
	struct standin_message *messages;
	size_t n_messages;
	size_t n_verified, n_routes, n_frames, n_events, n_calls;
	size_t largest_frame, n_heard;
	char flushed[256];
	int policy_fd; /* our end; 0 is none */
};

extern struct standin standin;

/*
 * Open with these lines after the common ones of main.cf.  The domains are
 * local.test, alias.test, mbox.test, relay.test (with their classes),
 * error.test, retry.test (transports) and broken.test (a table that fails);
 * all others are elsewhere.
 */
void standin_open(const char *lines);
void standin_close(void);
/* Put the whole aside and take it up again: opening takes long. */
void standin_suspend(struct standin *kept);
void standin_resume(struct standin *kept);
void standin_forget_messages(void);
/* What was asked of other processes is asked again. */
void standin_forget_answers(void);

/* The byte that stands between what is sent at once and what later. */
#define STANDIN_LATER "\x1e"
/* What makes the client silent until the session's time is over. */
#define STANDIN_SILENCE "\x1d"

/*
 * Run a session of a client with this address; NULL is standard input.  What
 * it sends may hold the bytes above.  Returns what it got, with "\n" for each
 * CRLF and "QID" for each queue ID; valid until the next call.
 */
const char *standin_talk(const char *address, const char *text);
const char *standin_talk_bytes(const char *address, struct view text);
/* The same to the byte, as the client got it; valid until the next call. */
struct view standin_heard(void);

/* standin_ipc.c: what the policy server was asked over the last connection. */
void standin_hear_policy(void);

/* standin_state.c: what `state` has under this key (NULL: nothing), and as it
 * were had. */
const char *standin_state(enum state_store store, const char *key);
void standin_set_state(
    enum state_store store, const char *key, const char *value);
void standin_forget_state(void);
void standin_call_state(
    const struct ipc_type *type, const void *ask, void *answer);
void standin_tell_state(const struct ipc_state_tell *m);

/* standin_answers.c: what resolve and rewrite answer. */
void standin_call_resolve(
    const struct ipc_type *type, const void *ask, void *answer);
void standin_call_rewrite(
    const struct ipc_type *type, const void *ask, void *answer);

/* The log since the last call, a line each, with QID too; valid until the
 * next call. */
const char *standin_log(void);
/* For speed: no log is kept. */
void standin_no_log(void);

#endif
