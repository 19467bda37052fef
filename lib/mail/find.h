/*
 * Looking an address up by its parts: the keys that a table may have for it,
 * the most special first.  Only whole addresses are asked of tables of
 * patterns.
 */
#ifndef MAIL_FIND_H
#define MAIL_FIND_H

#include "lib/conf/conf.h"
#include "lib/table/table.h"
#include "lib/mail/domain.h"

/* An address with what the keys are made of; borrows. */
struct find {
	const struct conf *conf;
	struct view local; /* before the @ */
	struct view user;  /* of that, without an extension */
	bool has_extension;
	const struct domain *domain; /* NULL: the address has none */
	/* What was found last was found by `user`, without the extension. */
	bool is_shortened;
};

void find_init(struct find *f, const struct conf *conf, struct view address,
    const struct domain *domain);

/* user+extension@domain, user@domain; without a domain user+extension and
 * user.  A user that needs quotes is looked for with them and without. */
struct err find_whole(struct find *f, struct table_list *list,
    struct str *value, bool *found);

/* The domain and then .domain of each parent (or the parents themselves, if so
 * configured). */
struct err find_domains(const struct find *f, struct table_list *list,
    bool parents_match_subdomains, struct str *value, bool *found);

/*
 * What relocated_maps and the sender_dependent_ ones are asked: the whole
 * address, then, if it is local, user+extension and user, then @domain.
 */
struct err find_address(struct find *f, struct table_list *list, bool is_local,
    struct str *value, bool *found);

/* Of that what comes after the whole address. */
struct err find_parts(struct find *f, struct table_list *list, bool is_local,
    struct str *value, bool *found);

#endif
