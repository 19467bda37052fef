/*
 * The rules of regexp: and pcre: tables: what is read from their text (re_load.c)
 * and matched (regexp.c).
 */
#ifndef TABLE_RE_H
#define TABLE_RE_H

#define PCRE2_CODE_UNIT_WIDTH 8

#include "lib/table/held.h"
#include "lib/table/type.h"

#include <pcre2.h>

/* A result in parts: text, and then the text of a group (0: none). */
struct re_part {
	size_t from, len; /* in texts */
	uint32_t group;
};

enum re_kind { RE_MATCH, RE_IF, RE_ENDIF };

struct re_rule {
	enum re_kind kind;
	bool negated;
	size_t line;
	size_t end; /* if: the rule after its endif */
	size_t parts, n_parts;
	pcre2_code *code;
};

struct re {
	struct re_rule *rules;
	size_t n_rules, rules_room;
	struct re_part *parts;
	size_t n_parts;
	struct str texts, name;
	const char *type;
	pcre2_match_data *match;
	pcre2_match_context *limits;
	struct held held;
};

/*
 * Read the rules of t into re, which has its type and name, and is given the file
 * to hold.  A bad rule is told and left out.  posix: of regexp.  ERR_TEMP,
 * ERR_PERM: the text cannot be had.  May block.
 */
struct err re_load(struct re *re, const struct table *t, bool posix);

/* The parentheses whose text a result can have. */
uint32_t re_count_groups(const pcre2_code *code);

#endif
