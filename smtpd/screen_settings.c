/* The parameters of the screen: see screen_run.h. */
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "smtpd/access_run.h"
#include "smtpd/offer.h"
#include "smtpd/screen_run.h"

#include <stdlib.h>
#include <string.h>

static enum screen_action
action_of(const char *parameter, const char *value)
{
	static const char *const names[] = {
		[SCREEN_IGNORE] = "ignore",
		[SCREEN_ENFORCE] = "enforce",
		[SCREEN_DROP] = "drop",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcasecmp(value, names[i]) == 0)
			return (enum screen_action)i;
	die_temp("parameter %s: bad value \"%s\", allowed ignore, enforce or "
		 "drop",
	    parameter, value);
}

static void
open_tests(struct screen_settings *set, const struct conf *conf)
{
	const struct {
		const char *parameter, *action;
		bool is_on;
		int64_t ttl;
	} tests[SCREEN_TESTS] = {
		[SCREEN_PREGREET] = { "postscreen_greet_action",
		    conf->postscreen_greet_action,
		    conf->postscreen_greet_banner[0] != '\0',
		    conf->postscreen_greet_ttl },
		[SCREEN_DNSBL] = { "postscreen_dnsbl_action",
		    conf->postscreen_dnsbl_action,
		    conf->postscreen_dnsbl_sites[0] != '\0',
		    conf->postscreen_dnsbl_max_ttl },
		[SCREEN_PIPELINING] = { "postscreen_pipelining_action",
		    conf->postscreen_pipelining_action,
		    conf->postscreen_pipelining_enable,
		    conf->postscreen_pipelining_ttl },
		[SCREEN_NON_SMTP] = { "postscreen_non_smtp_command_action",
		    conf->postscreen_non_smtp_command_action,
		    conf->postscreen_non_smtp_command_enable,
		    conf->postscreen_non_smtp_command_ttl },
		[SCREEN_BARE_NEWLINE] = { "postscreen_bare_newline_action",
		    conf->postscreen_bare_newline_action,
		    conf->postscreen_bare_newline_enable,
		    conf->postscreen_bare_newline_ttl },
	};

	for (size_t i = 0; i < SCREEN_TESTS; i++) {
		set->is_on[i] = tests[i].is_on;
		set->ttl[i] = tests[i].ttl;
		set->action[i] = action_of(tests[i].parameter, tests[i].action);
	}
	set->denylist_action = action_of(
	    "postscreen_denylist_action", conf->postscreen_denylist_action);
}

static void
open_rules(struct screen_settings *set, const char *value)
{
	struct view rest = view_of(value), word;

	while (conf_list_next(&rest, &word)) {
		struct screen_rule rule = { NULL };
		struct err e = ERR_OK;

		if (!view_eq_case(word, VIEW("permit_mynetworks")))
			e = table_open(word, TABLE_OPEN_LATER, &rule.table);
		if (err_is(e))
			die_temp("postscreen_access_list: %s", e.text);
		set->rules = xreallocarray(
		    set->rules, set->n_rules + 1, sizeof(*set->rules));
		set->rules[set->n_rules++] = rule;
	}
}

/* The value of a parameter that is not expanded before use, and is another's by
 * default. */
static const char *
same_unless(const char *value, const char *name, const char *other)
{
	return strcmp(value, name) == 0 ? other : value;
}

/* What those hear that are refused. */
static void
open_texts(struct screen_settings *set, const struct conf *conf)
{
	set->command_filter = smtpd_open_tables(
	    "postscreen_command_filter", conf->postscreen_command_filter);
	set->footers = smtpd_open_tables("postscreen_reject_footer_maps",
	    conf->postscreen_reject_footer_maps);
	set->discards =
	    smtpd_open_tables("postscreen_discard_ehlo_keyword_address_maps",
		conf->postscreen_discard_ehlo_keyword_address_maps);
	set->discarded = offer_discarded("postscreen_discard_ehlo_keywords",
	    view_of(conf->postscreen_discard_ehlo_keywords));
	set->expansion_filter =
	    access_filter_of(view_of(same_unless(
		conf->postscreen_expansion_filter, "$smtpd_expansion_filter",
		conf->smtpd_expansion_filter)));
	set->footer = same_unless(conf->postscreen_reject_footer,
	    "$smtpd_reject_footer", conf->smtpd_reject_footer);
}

void
screen_open(struct smtpd *smtpd)
{
	const struct conf *conf = smtpd->conf;
	struct screen_settings *set = xcalloc(1, sizeof(*set));

	open_tests(set, conf);
	open_rules(set, conf->postscreen_access_list);
	screen_sites_open(set, conf->postscreen_dnsbl_sites);
	set->reply_map = smtpd_open_tables("postscreen_dnsbl_reply_map",
	    conf->postscreen_dnsbl_reply_map);
	set->interfaces = smtpd_open_match("postscreen_allowlist_interfaces",
	    conf->postscreen_allowlist_interfaces, 0);
	set->forbidden_commands = smtpd_open_match(
	    "postscreen_forbidden_commands",
	    conf->postscreen_forbidden_commands, MATCH_WHOLE);
	open_texts(set, conf);
	smtpd->screen = set;
}

void
screen_close(struct smtpd *smtpd)
{
	struct screen_settings *set = smtpd->screen;

	if (set == NULL)
		return;
	for (size_t i = 0; i < set->n_rules; i++)
		table_close(set->rules[i].table);
	for (size_t i = 0; i < set->n_sites; i++)
		dnslist_free(set->sites[i].list);
	free(set->rules);
	free(set->sites);
	table_list_close(set->reply_map);
	match_list_close(set->interfaces);
	match_list_close(set->forbidden_commands);
	table_list_close(set->command_filter);
	table_list_close(set->footers);
	table_list_close(set->discards);
	free(set->expansion_filter);
	free(set);
	smtpd->screen = NULL;
}

bool
screen_tables_changed(const struct smtpd *smtpd)
{
	const struct screen_settings *set = smtpd->screen;

	if (set == NULL)
		return false;
	for (size_t i = 0; i < set->n_rules; i++)
		if (set->rules[i].table != NULL &&
		    table_has_changed(set->rules[i].table))
			return true;
	return table_list_has_changed(set->reply_map) ||
	    table_list_has_changed(set->command_filter) ||
	    table_list_has_changed(set->footers) ||
	    table_list_has_changed(set->discards) ||
	    match_list_has_changed(set->interfaces) ||
	    match_list_has_changed(set->forbidden_commands);
}
