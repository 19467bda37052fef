/*
 * The greylist: mail of a client that is new here, with a sender and a recipient
 * that it was not seen with, is taken the second time only, some minutes later.
 * Programs that send bulk seldom come again; mail servers do.
 *
 * A client is its network, since mail farms come again from another address.
 * One that has come again often enough is let in at once.
 *
 * What `state` keeps: for a triplet "FIRST:PASSED" (when it was seen first, in
 * s since 1970, and when it came again, 0 if it did not yet), for a network
 * "COUNT:LAST" (triplets that came again, and when it was used last).
 */
#ifndef SMTPD_GREY_H
#define SMTPD_GREY_H

#include "lib/base/err.h"
#include "lib/base/str.h"
#include "smtpd/smtpd.h"

#include <stdbool.h>

struct grey_question {
	struct view client; /* its address */
	struct view sender, recipient;
	int64_t now; /* s since 1970 */
};

enum grey_verdict {
	GREY_KNOWN,   /* the triplet has come again before */
	GREY_ALLOWED, /* the network has */
	GREY_PASSES,  /* it comes again just now */
	GREY_NEW,     /* it has to come again */
	GREY_EARLY,   /* it comes again too soon */
};

struct grey_answer {
	enum grey_verdict verdict;
	int64_t waited; /* s since it was seen first */
};

/* Waits for `state`; ERR_TEMP if that cannot be asked. */
struct err grey_ask(struct smtpd *smtpd, const struct grey_question *q,
    struct grey_answer *answer);

/* The network of an address, "192.0.2.0/24"; an address that is none stays as
 * it is. */
void grey_add_network(
    struct str *out, const struct conf *conf, struct view address);
/* The sender as it is the next time: in lower case, and with numbers as "#",
 * since lists put one of the message into it. */
void grey_add_sender(struct str *out, struct view sender);

/* Two numbers with a colon between them. */
bool grey_read(struct view value, int64_t numbers[2]);

#endif
