/*
 * The right side of an alias: addresses, commands, files, includes, separated
 * by commas.
 */
#ifndef LOCAL_ALIAS_H
#define LOCAL_ALIAS_H

#include "lib/base/str.h"

enum alias_kind {
	ALIAS_ADDRESS, /* internal form, perhaps without domain */
	ALIAS_MAILBOX, /* \name: that user's mailbox, no more aliases */
	ALIAS_COMMAND, /* |command, "|command" */
	ALIAS_FILE,    /* /file, "/file" */
	ALIAS_INCLUDE, /* :include:/file */
	ALIAS_BAD,     /* not understood */
};

/*
 * Call visit for each member, in order, until it returns false.  `text` is the
 * address or, unquoted, what follows the marks; it is valid during the call.
 */
void alias_each(struct view value,
    bool (*visit)(void *arg, enum alias_kind kind, struct view text),
    void *arg);

#endif
