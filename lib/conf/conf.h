/*
 * The configuration of one process: every parameter, checked, as a field of
 * struct conf.  Constant after conf_load and passed, not global.
 *
 * The table of parameters is lib/conf/params.h; one row makes the field, its
 * default, its range, and its lines in postconf(1) and postconf(5).
 *
 * Types of fields, by the type of the row:
 *	BOOL	bool
 *	INT	int64_t
 *	TIME	int64_t, seconds
 *	MSEC	int64_t NAME_ms, milliseconds (in_flow_delay is in_flow_delay_ms)
 *	SIZE	int64_t, bytes (in the file also with k, M, G)
 *	STR	const char *, expanded, never NULL
 *	RAW	const char *, as written: its macros are expanded at each use
 *	ENUM	const char *, expanded, lower case, one of the row's choices
 * A name that begins with a digit has a field with '_' before it
 * (_2bounce_notice_recipient).
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "lib/base/err.h"
#include "lib/base/str.h"
#include "lib/conf/expand.h"
#include "lib/conf/values.h"

#define CONF_FIELD_BOOL(name) bool name;
#define CONF_FIELD_INT(name) int64_t name;
#define CONF_FIELD_TIME(name) int64_t name;
#define CONF_FIELD_MSEC(name) int64_t name##_ms;
#define CONF_FIELD_SIZE(name) int64_t name;
#define CONF_FIELD_STR(name) const char *name;
#define CONF_FIELD_RAW(name) const char *name;

struct conf_private;

struct conf {
#define ROW(type, name, init, low, high, use, doc) CONF_FIELD_##type(name)
#define ENUM(name, init, choices, use, doc) const char *name;
#include "lib/conf/params.h"
	struct conf_private *priv;
};

/* The lmtp_ twin of a smtp_ field, or the smtp_ one:
 * CONF_CLIENT(conf, is_lmtp, connect_timeout). */
#define CONF_CLIENT(conf, is_lmtp, name) \
	((is_lmtp) ? (conf)->lmtp_##name : (conf)->smtp_##name)

struct conf_pair {
	const char *name, *value;
};

/* Who loads, and what its command line adds.  All zero is allowed. */
struct conf_source {
	const char *dir;	  /* holds main.cf; NULL: see conf_dir */
	const char *service_name; /* $service_name: the name in master.cf */
	const char *process_name; /* $process_name: the program */
	/* "-o name=value"; they beat main.cf, the last of a name wins. */
	const struct conf_pair *overrides;
	size_t n_overrides;
};

/*
 * Read DIR/main.cf and check every parameter.  ERR_PERM if a value is
 * impossible: "FILE, line N: parameter NAME: …, allowed A to B" (values of
 * parameters that Barid only knows and does not use give a warning instead).
 * ERR_TEMP if the file cannot be read.  Waits for the disk; looks at the
 * machine's name and interfaces.  The caller frees *out.
 */
struct err conf_load(const struct conf_source *source, struct conf **out);
/* The same with main.cf in memory, called `file` in messages. */
struct err conf_load_text(const struct conf_source *source, struct view text,
    const char *file, struct conf **out);
void conf_free(struct conf *conf);

/* The folder of configuration: the option if not NULL, else $MAIL_CONFIG
 * (not for set-id programs), else the one chosen when Barid was built. */
const char *conf_dir(const char *option);
/* The folder that this configuration was read from. */
const char *conf_config_dir(const struct conf *conf);

/* What a start should tell, one line each: duplicates, names that nothing
 * knows, parameters set here that Barid knows but does not have. */
void conf_each_warning(const struct conf *conf,
    void (*visit)(void *arg, const char *text), void *arg);

/* The expanded value of any name, parameters, derived ones and those that a
 * site made up (restriction classes, $names in lists); NULL if undefined. */
const char *conf_find(const struct conf *conf, const char *name);
/* As written (or the default); NULL if undefined. */
const char *conf_find_raw(const struct conf *conf, const char *name);
/* True if main.cf or an override sets it. */
bool conf_is_set(const struct conf *conf, const char *name);
/* Expands other text with the parameters as the names. */
struct err conf_expand_text(
    const struct conf *conf, struct view text, struct str *out);

/*
 * Parameters made of a service's name and a suffix, such as
 * "smtp" "_destination_concurrency_limit"; without a value for this service
 * that of the default_ parameter.  The suffix is one of
 *	_destination_concurrency_limit		_recipient_limit
 *	_destination_recipient_limit		_extra_recipient_limit
 *	_initial_destination_concurrency	_recipient_refill_limit
 *	_destination_concurrency_failed_cohort_limit
 *	_delivery_slot_cost _delivery_slot_loan _delivery_slot_discount
 *	_minimum_delivery_slots
 * (numbers), _recipient_refill_delay and _time_limit (seconds),
 * _destination_rate_delay and _transport_rate_delay (milliseconds).
 * Another suffix is a bug of the caller (assert).  Also, by the program's name,
 * _sessions_per_process and _processes.  Each call parses: who asks per message
 * remembers the answer.
 */
int64_t conf_find_derived(
    const struct conf *conf, const char *service, const char *suffix);
/* Those that are text: _delivery_status_filter and
 * _destination_concurrency_{positive,negative}_feedback. */
const char *conf_find_derived_text(
    const struct conf *conf, const char *service, const char *suffix);

/* True if compatibility_level is below this level ("3.6"). */
bool conf_level_below(const struct conf *conf, const char *level);

#endif
