#include "lib/conf/rows.h"

#include "lib/base/mem.h"
#include "lib/conf/conf.h"
#include "lib/conf/values.h"

/* All texts behind each other, so that an offset finds them. */
struct texts {
	char nothing[1];
#define ROW(type, name, init, low, high, use, doc) \
	char name_##name[sizeof(#name)];           \
	char init_##name[sizeof(init)];            \
	char doc_##name[sizeof(doc)];
#define ENUM(name, init, choices, use, doc)     \
	ROW(ENUM, name, init, 0, 0, use, doc)   \
	char choices_##name[sizeof(choices)];
#include "lib/conf/params.h"
};

static const struct texts texts = {
	.nothing = "",
#define ROW(type, name, init, low, high, use, doc) \
	.name_##name = #name, .init_##name = init, .doc_##name = doc,
#define ENUM(name, init, choices, use, doc)   \
	ROW(ENUM, name, init, 0, 0, use, doc) \
	.choices_##name = choices,
#include "lib/conf/params.h"
};
const char *const conf_texts = (const char *)&texts;

#define TEXT(field) ((uint32_t)offsetof(struct texts, field))
/* A name in C cannot begin with a digit: the field has '_' there. */
#define ROW_NAME(name) (TEXT(name_##name) + (#name[0] == '_'))

#define OFFSET_BOOL(name) offsetof(struct conf, name)
#define OFFSET_INT(name) offsetof(struct conf, name)
#define OFFSET_TIME(name) offsetof(struct conf, name)
#define OFFSET_MSEC(name) offsetof(struct conf, name##_ms)
#define OFFSET_SIZE(name) offsetof(struct conf, name)
#define OFFSET_STR(name) offsetof(struct conf, name)
#define OFFSET_RAW(name) offsetof(struct conf, name)
#define OFFSET_ENUM(name) offsetof(struct conf, name)

enum { KNOWN, USED };

#define ROW_OF(type, name, low, high, choices, use)           \
	{ low, high, ROW_NAME(name), TEXT(init_##name), choices, \
		TEXT(doc_##name), (uint32_t)OFFSET_##type(name), \
		CONF_##type, use == USED },

const struct conf_row conf_rows[] = {
#define ROW(type, name, init, low, high, use, doc) \
	ROW_OF(type, name, low, high, 0, use)
#define ENUM(name, init, choices, use, doc) \
	ROW_OF(ENUM, name, 0, 0, TEXT(choices_##name), use)
#include "lib/conf/params.h"
};
const size_t conf_n_rows = ARRAY_LEN(conf_rows);

#define DELIVERS "smtp lmtp local virtual pipe error retry"
#define FROM_DEFAULT(suffix)                                                \
	{                                                                   \
		"_" suffix, "default_" suffix, "$default_" suffix, DELIVERS \
	}

const struct conf_suffix conf_suffixes[] = {
	FROM_DEFAULT("destination_concurrency_limit"),
	FROM_DEFAULT("destination_concurrency_positive_feedback"),
	FROM_DEFAULT("destination_concurrency_negative_feedback"),
	FROM_DEFAULT("destination_concurrency_failed_cohort_limit"),
	FROM_DEFAULT("destination_recipient_limit"),
	FROM_DEFAULT("destination_rate_delay"),
	FROM_DEFAULT("transport_rate_delay"),
	FROM_DEFAULT("delivery_slot_cost"),
	FROM_DEFAULT("delivery_slot_loan"),
	FROM_DEFAULT("delivery_slot_discount"),
	FROM_DEFAULT("minimum_delivery_slots"),
	FROM_DEFAULT("recipient_limit"),
	FROM_DEFAULT("extra_recipient_limit"),
	FROM_DEFAULT("recipient_refill_limit"),
	FROM_DEFAULT("recipient_refill_delay"),
	{ "_initial_destination_concurrency", "initial_destination_concurrency",
	    "$initial_destination_concurrency", DELIVERS },
	{ "_delivery_status_filter", "default_delivery_status_filter",
	    "$default_delivery_status_filter", "" },
	{ "_time_limit", "command_time_limit", "$command_time_limit",
	    "pipe spawn" },
	{ "_sessions_per_process", "default_sessions_per_process",
	    "$default_sessions_per_process", "" },
	{ "_processes", "default_service_processes",
	    "$default_service_processes", "" },
};
const size_t conf_n_suffixes = ARRAY_LEN(conf_suffixes);

const struct conf_row *
conf_row_find(struct view name)
{
	size_t low = 0, high = conf_n_rows;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = view_cmp(
		    name, view_of(conf_row_name(&conf_rows[middle])));

		if (order == 0)
			return &conf_rows[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

bool
conf_row_asks_for_more(const struct conf_row *row, const char *value)
{
	bool yes;

	if (row == NULL || row->used ||
	    strcmp(conf_row_init(row), value) == 0)
		return false;
	if (row->type == CONF_BOOL)
		return !conf_parse_bool(view_of(value), &yes) || yes;
	return value[0] != '\0';
}

const struct conf_suffix *
conf_suffix_find(struct view name)
{
	const struct conf_suffix *best = NULL;

	for (size_t i = 0; i < conf_n_suffixes; i++) {
		struct view suffix = view_of(conf_suffixes[i].suffix);

		if (name.len > suffix.len && view_ends(name, suffix) &&
		    (best == NULL || strlen(best->suffix) < suffix.len))
			best = &conf_suffixes[i];
	}
	return best;
}
