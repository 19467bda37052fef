/*
 * Address mapping in cleanup: canonical_maps and their like, masquerading,
 * virtual_alias_maps, blind copies.  What is opened before the drop, and what
 * one address becomes.
 */
#ifndef CLEANUP_MAPPING_H
#define CLEANUP_MAPPING_H

#include "cleanup/message.h"

#include "lib/mail/addr_map.h"

/* Where an address stands: the words of the ..._classes parameters. */
enum mapping_class {
	MAPPING_ENVELOPE_SENDER = 1 << 0,
	MAPPING_ENVELOPE_RCPT = 1 << 1,
	MAPPING_HEADER_SENDER = 1 << 2,
	MAPPING_HEADER_RCPT = 1 << 3,
};

enum { MAPPING_CANONICALS = 3 };

/* A domain below which names are hidden, or are not ("!domain"). */
struct masquerade {
	struct view domain; /* of the configuration */
	bool hides;
};

struct mapping {
	const struct conf *conf;
	struct addr_site site;
	/* In the order in which they are asked, and for which classes. */
	struct addr_map canonical[MAPPING_CANONICALS];
	unsigned canonical_classes[MAPPING_CANONICALS];
	struct masquerade *masquerades;
	size_t n_masquerades;
	struct match_list *masquerade_exceptions;
	unsigned masquerade_classes;
	struct addr_map virtual_alias, sender_bcc, rcpt_bcc;
	/* Classes that anything is done to: for the others nothing is asked. */
	unsigned classes;
};

/* Before the drop.  ERR_PERM for a configuration that cannot be. */
struct err mapping_open(struct mapping *map, const struct conf *conf);
void mapping_close(struct mapping *map);
bool mapping_has_changed(const struct mapping *map);

/* Is anything done to addresses of this class in this message? */
bool mapping_applies(const struct message *m, enum mapping_class class);

/*
 * What an address (internal form, complete) becomes by canonical maps, each as
 * far as it leads, then by masquerading.  ERR_TEMP if a table failed or has no
 * end: logged already.
 */
struct err mapping_apply(
    struct message *m, enum mapping_class class, struct str *address);

/* The address in sender_bcc_maps or recipient_bcc_maps; empty if none. */
struct err mapping_find_bcc(struct message *m, const struct addr_map *map,
    struct view address, struct str *bcc);

/* What takes the addresses of an expansion; `is_alias`: they are others than
 * that which was asked for. */
typedef struct err mapping_take_fn(
    void *arg, struct view address, bool is_alias);

/*
 * All that an address stands for by virtual_alias_maps, each handed to `take`
 * once, an address that is none as itself.  ERR_TEMP, and m->refusal says what
 * the client hears, if there is no end to it or a table failed; some may have
 * been handed over by then.
 */
struct err mapping_expand(struct message *m, struct view address,
    mapping_take_fn *take, void *arg);

#endif
