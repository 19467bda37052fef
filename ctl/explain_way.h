/* The way of one recipient through the programs: "barid explain". */
#ifndef CTL_EXPLAIN_WAY_H
#define CTL_EXPLAIN_WAY_H

#include "ctl/explain.h"

#include "lib/base/htable.h"

/* What is asked; NULL where nothing is said. */
struct explain_options {
	bool json, asks;
	const char *client, *helo, *sender, *service, *address;
	const char *message; /* a file */
	/* To be freed: the same, and addresses that had < >. */
	char *message_path, *sender_copy, *address_copy;
	int64_t size;	     /* of it, as it is sent */
};

/* Texts that grow while they are gone through. */
struct explain_texts {
	char **all;
	size_t n;
};

struct explain_way {
	const struct barid *barid;
	const struct conf *conf; /* as the service sees it that takes mail in */
	const struct master_cf *master;
	const struct master_service *input; /* that service */
	bool failed; /* something could not be found out */
	bool is_discarded;
	struct explain_texts orders;   /* action, value, action, ... */
	struct explain_texts messages; /* recipients that cleanup is given */
	struct htable met;	       /* the same, in lower case */
	/* Of the last answers. */
	char *sender;		    /* as cleanup makes it */
	struct explain_texts rcpts; /* of one message */
	char *filter;		    /* of all of it; NULL: none */
	char *transport, *rcpt;
};

/* Go it, and show each step.  The caller sets what is above `failed`, the rest is
 * 0.  False if not all could be found out. */
bool explain_way(struct explain_way *x, const struct explain_options *q);

#endif
