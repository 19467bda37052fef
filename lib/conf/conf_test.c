#include "lib/conf/conf.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "lib/conf/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct err
load(const char *text, struct conf **conf)
{
	struct conf_source source = { .dir = "/nowhere" };

	return conf_load_text(&source, view_of(text), "main.cf", conf);
}

START_TEST(rows_are_sorted_and_documented)
{
	for (size_t i = 0; i < conf_n_rows; i++) {
		const struct conf_row *row = &conf_rows[i];
		const char *name = conf_row_name(row);

		if (i > 0)
			ck_assert_str_lt(
			    conf_row_name(&conf_rows[i - 1]), name);
		ck_assert_ptr_eq(conf_row_find(view_of(name)), row);
		ck_assert_msg(conf_row_doc(row)[0] != '\0', "%s", name);
	}
	for (size_t i = 0; i < conf_n_suffixes; i++)
		ck_assert_ptr_nonnull(
		    conf_row_find(view_of(conf_suffixes[i].fallback)));
}
END_TEST

static void
no_warning(void *arg, const char *text)
{
	(void)arg;
	ck_abort_msg("%s", text);
}

START_TEST(defaults_load_at_every_compatibility_level)
{
	static const char *const levels[] = { "", "compatibility_level = 2",
		"compatibility_level = 3.6", "compatibility_level = 3.11",
		"compatibility_level = 9999" };
	struct conf *conf;
	struct err e = load(levels[_i], &conf);

	ck_assert_msg(!err_is(e), "%s", e.text);
	conf_each_warning(conf, no_warning, NULL);
	ck_assert_int_eq(conf->append_dot_mydomain, _i == 0);
	ck_assert_int_eq(
	    conf->smtpd_relay_before_recipient_restrictions, _i >= 2);
	ck_assert_str_eq(conf->smtp_tls_security_level, _i >= 3 ? "may" : "");
	ck_assert_int_eq(conf_level_below(conf, "3.6"), _i < 2);
	ck_assert_int_eq(conf->smtpd_timeout, 300);
	ck_assert_int_eq(conf->in_flow_delay_ms, 1000);
	ck_assert_int_eq(conf->maximal_queue_lifetime, 5 * 86400);
	ck_assert_str_eq(conf->mail_name, "Barid");
	ck_assert_str_eq(conf->_2bounce_notice_recipient, "postmaster");
	ck_assert(strchr(conf->myhostname, '.') != NULL);
	conf_free(conf);
}
END_TEST

static const struct {
	const char *text;
	const char *error; /* part of the text; NULL for a good one */
} cases[] = {
	{ "smtpd_timeout = 5", NULL },
	{ "smtpd_timeout = 1d", NULL },
	{ "\n\nsmtpd_timeout = 0",
	    "main.cf, line 3: parameter smtpd_timeout: bad value \"0\", "
	    "allowed 1s to 86400s" },
	{ "smtpd_timeout = 2d", "allowed 1s to 86400s" },
	{ "smtpd_timeout = 5x", "bad value \"5x\"" },
	{ "smtpd_timeout = -5", "bad value" },
	{ "smtpd_timeout = 500ms", "bad value" },
	{ "smtpd_timeout =", "bad value" },
	{ "smtpd_timeout = 99999999999999999999", "bad value" },
	{ "smtpd_timeout = 9223372036854775807w", "bad value" },
	{ "smtpd_timeout = $x", "bad value \"\"" },
	{ "smtpd_timeout = ${smtpd_timeout}", "nesting" },
	{ "maximal_queue_lifetime = 5", NULL },
	{ "in_flow_delay = 11s", "allowed 0s to 10s" },
	{ "in_flow_delay = 250ms", NULL },
	{ "message_size_limit = 50M", NULL },
	{ "message_size_limit = 9223372036854775807k", "bad value" },
	{ "message_size_limit = 10 0", "bad value" },
	{ "soft_bounce = YES", NULL },
	{ "soft_bounce = maybe", "allowed yes or no" },
	{ "mynetworks_style = HOST", NULL },
	{ "mynetworks_style = hosts", "allowed class, subnet, host" },
	{ "mail_owner =", "allowed not empty" },
	{ "compatibility_level = three", "parameter compatibility_level" },
	{ "compatibility_level = 3.x", "parameter compatibility_level" },
	{ "reject_code = 250", "allowed 400 to 599" },
	{ "relay_destination_concurrency_limit = 7", NULL },
	{ "a = 1\nrelay_destination_concurrency_limit = x",
	    "main.cf, line 2: parameter relay_destination" },
	{ "nonsense", "main.cf, line 1: missing '='" },
	{ "a b = c", "missing '='" },
	{ "= c", "missing attribute name" },
	{ "relayhost = ${a",
	    "main.cf, line 1: parameter relayhost: truncated" },
};

START_TEST(values_are_held_to_their_range)
{
	struct conf *conf;
	struct err e = load(cases[_i].text, &conf);

	if (cases[_i].error == NULL) {
		ck_assert_msg(!err_is(e), "%s", e.text);
	} else {
		ck_assert_int_eq(e.kind, ERR_PERM);
		ck_assert_msg(
		    strstr(e.text, cases[_i].error) != NULL, "%s", e.text);
		ck_assert_ptr_null(conf);
	}
	conf_free(conf);
}
END_TEST

START_TEST(units_and_macros_reach_the_fields)
{
	struct conf *conf;
	struct err e = load("maximal_queue_lifetime = 2\n"
			    "delay_warning_time = 4\n"
			    "in_flow_delay = 250ms\n"
			    "message_size_limit = 2k\n"
			    "myhostname = mx.example.org\n"
			    "mynetworks_style = HOST\n"
			    "default_rbl_reply = $rbl_code no\n"
			    "smtpd_restriction_classes = mine\n"
			    "mine = permit_mynetworks, reject\n"
			    "relay_destination_rate_delay = 20ms\n"
			    "local_destination_concurrency_limit = 4\n"
			    "smtpd_processes = 3\n",
	    &conf);

	ck_assert_msg(!err_is(e), "%s", e.text);
	ck_assert_int_eq(conf->maximal_queue_lifetime, 2 * 86400);
	ck_assert_int_eq(conf->delay_warning_time, 4 * 3600);
	ck_assert_int_eq(conf->in_flow_delay_ms, 250);
	ck_assert_int_eq(conf->message_size_limit, 2048);
	ck_assert_str_eq(conf->mydomain, "example.org");
	ck_assert_str_eq(conf->mynetworks_style, "host");
	ck_assert_str_eq(conf->smtp_helo_name, "mx.example.org");
	ck_assert_str_eq(conf->mydestination,
	    "mx.example.org, localhost.example.org, localhost");
	ck_assert_str_eq(conf->default_rbl_reply, "$rbl_code no");
	ck_assert_str_eq(conf_find(conf, "mine"), "permit_mynetworks, reject");
	ck_assert_ptr_null(conf_find(conf, "nosuch"));
	ck_assert_str_eq(conf_find_raw(conf, "myorigin"), "$myhostname");
	ck_assert(conf_is_set(conf, "mine"));
	ck_assert(!conf_is_set(conf, "myorigin"));
	ck_assert_int_eq(
	    conf_find_derived(conf, "relay", "_destination_rate_delay"), 20);
	ck_assert_int_eq(
	    conf_find_derived(conf, "smtp", "_destination_rate_delay"), 0);
	ck_assert_int_eq(
	    conf_find_derived(conf, "local", "_destination_concurrency_limit"),
	    4);
	ck_assert_int_eq(
	    conf_find_derived(conf, "smtp", "_destination_concurrency_limit"),
	    20);
	ck_assert_int_eq(conf_find_derived(conf, "x", "_time_limit"), 1000);
	ck_assert_int_eq(conf_find_derived(conf, "smtpd", "_processes"), 3);
	ck_assert_str_eq(conf_find_derived_text(conf, "relay",
			     "_destination_concurrency_positive_feedback"),
	    "1");
	conf_free(conf);
}
END_TEST

/* As Debian's packages configure it. */
START_TEST(an_origin_may_be_a_file)
{
	static const struct {
		const char *file, *origin, *error;
	} origins[] = {
		{ "mail.example\n", "mail.example", NULL },
		{ "mail.example \nmore\n", "mail.example", NULL },
		{ "", NULL, "no domain in the first line of " },
		{ "\nmail.example\n", NULL, "no domain in the first line of " },
		{ NULL, NULL,
		    "main.cf, line 1: parameter myorigin: no domain" },
	};
	char path[] = "/tmp/barid.XXXXXX", text[100];
	struct conf *conf = NULL;
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	for (size_t i = 0; i < ARRAY_LEN(origins); i++) {
		struct err e;

		if (origins[i].file == NULL)
			ck_assert_int_eq(unlink(path), 0);
		else {
			size_t len = strlen(origins[i].file);

			ck_assert_int_eq(ftruncate(fd, 0), 0);
			ck_assert_int_eq(
			    pwrite(fd, origins[i].file, len, 0), (ssize_t)len);
		}
		snprintf(text, sizeof(text), "myorigin = %s\n", path);
		e = load(text, &conf);
		ck_assert_int_eq(err_is(e), origins[i].error != NULL);
		if (origins[i].error != NULL) {
			ck_assert_ptr_nonnull(strstr(e.text, origins[i].error));
			continue;
		}
		ck_assert_str_eq(conf->myorigin, origins[i].origin);
		ck_assert_str_eq(conf_find(conf, "myorigin"), path);
		conf_free(conf);
	}
	close(fd);
}
END_TEST

START_TEST(overrides_beat_the_file)
{
	struct conf_pair pairs[] = { { "smtpd_timeout", "7" },
		{ "stress", "yes" }, { "smtpd_timeout", "8" } };
	struct conf_source source = { .dir = "/x",
		.service_name = "relay",
		.process_name = "smtp",
		.overrides = pairs,
		.n_overrides = ARRAY_LEN(pairs) };
	struct conf *conf;
	struct str out = STR_EMPTY;
	struct err e = conf_load_text(&source,
	    VIEW("smtpd_timeout = 9\nsyslog_name = p/$service_name"), "f",
	    &conf);

	ck_assert_msg(!err_is(e), "%s", e.text);
	ck_assert_int_eq(conf->smtpd_timeout, 8);
	ck_assert_int_eq(conf->smtpd_hard_error_limit, 1);
	ck_assert_str_eq(conf->syslog_name, "p/relay");
	ck_assert_str_eq(conf->config_directory, "/x");
	ck_assert(
	    !err_is(conf_expand_text(conf, VIEW("$process_name!"), &out)));
	ck_assert_str_eq(out.ptr, "smtp!");
	str_clear(&out);
	conf_free(conf);
	pairs[2].value = "x";
	e = conf_load_text(&source, VIEW(""), "f", &conf);
	ck_assert_msg(
	    strstr(e.text, "-o smtpd_timeout: ") != NULL, "%s", e.text);
}
END_TEST

static void
gather(void *arg, const char *text)
{
	str_addf(arg, "%s\n", text);
}

START_TEST(what_has_no_effect_is_told)
{
	struct str told = STR_EMPTY;
	struct conf *conf;
	struct err e = load("a = $b\nb = 1\nrelayhost = $a\nc = 2\n"
			    "relayhost = [x]$a\nbiff = yes\n"
			    "multi_instance_group = x\n"
			    "postscreen_watchdog_timeout = never\n",
	    &conf);

	ck_assert_msg(!err_is(e), "%s", e.text);
	conf_each_warning(conf, gather, &told);
	ck_assert_str_eq(told.ptr,
	    "main.cf, line 5: overriding earlier entry: relayhost=$a\n"
	    "main.cf, line 8: parameter postscreen_watchdog_timeout: bad "
	    "value "
	    "\"never\", allowed 10s or more (not supported: ignored)\n"
	    "main.cf, line 4: unused parameter: c=2\n"
	    "main.cf, line 7: parameter multi_instance_group is not "
	    "supported\n"
	    "main.cf, line 8: parameter postscreen_watchdog_timeout is not "
	    "supported\n");
	ck_assert_str_eq(conf->relayhost, "[x]1");
	ck_assert_int_eq(conf->postscreen_watchdog_timeout, 10);
	str_clear(&told);
	conf_free(conf);
}
END_TEST

START_TEST(what_a_service_mentions_is_used)
{
	char dir[] = "/tmp/barid.XXXXXX", path[64];
	struct conf_source source = { .dir = dir };
	struct str told = STR_EMPTY;
	struct conf *conf;
	FILE *file;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/master.cf", dir);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fprintf(file, "a inet n - n - - smtpd\n"
		      " -o smtpd_banner=${\n -o smtpd_helo_required=$mine\n");
	fclose(file);
	ck_assert(!err_is(conf_load_text(&source,
	    VIEW("mine = yes\nother = no\n"), "main.cf", &conf)));
	conf_each_warning(conf, gather, &told);
	ck_assert_str_eq(
	    told.ptr, "main.cf, line 2: unused parameter: other=no\n");
	str_clear(&told);
	conf_free(conf);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

START_TEST(a_missing_file_is_temporary)
{
	struct conf_source source = { .dir = "/nonexistent" };
	struct conf *conf;

	ck_assert_int_eq(conf_load(&source, &conf).kind, ERR_TEMP);
	ck_assert_ptr_null(conf);
}
END_TEST

UNIT_MAIN("conf", { rows_are_sorted_and_documented, 1 },
    { defaults_load_at_every_compatibility_level, 5 },
    { values_are_held_to_their_range, ARRAY_LEN(cases) },
    { units_and_macros_reach_the_fields, 1 }, { an_origin_may_be_a_file, 1 },
    { overrides_beat_the_file, 1 }, { what_has_no_effect_is_told, 1 },
    { what_a_service_mentions_is_used, 1 },
    { a_missing_file_is_temporary, 1 })
