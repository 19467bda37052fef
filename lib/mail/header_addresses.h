/*
 * Replacing addresses in a header field: only the bytes of an address that
 * becomes another are changed; names, comments and folds stay as they are.
 */
#ifndef MAIL_HEADER_ADDRESSES_H
#define MAIL_HEADER_ADDRESSES_H

#include "lib/base/err.h"
#include "lib/base/str.h"
#include "lib/mail/header.h"

/* What an address becomes; both in internal form.  May wait. */
typedef struct err header_address_fn(
    void *arg, struct view address, struct str *after);

/*
 * Ask `become` for each address in the field.  If any changes, *changed is set
 * and the new field appended to out; else out is as it was, also on an error.
 * Of a field with more tokens than `most` (words, quoted strings, comments,
 * literals, single special characters) only as many are looked at, and if any
 * changes the others are dropped.  Lets other fibers run now and then.
 */
struct err header_rewrite_addresses(const struct header *h, int64_t most,
    header_address_fn *become, void *arg, struct str *out, bool *changed);
/* For who has no limit. */
#define HEADER_TOKENS_ALL INT64_MAX

#endif
