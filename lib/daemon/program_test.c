/* The programs, and the services that are there whatever master.cf says. */
#include "lib/daemon/program.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "lib/conf/master_cf.h"

static const struct {
	const char *command, *file;
	enum program_kind kind;
} cases[] = {
	{ "smtpd", "smtpd", PROGRAM_SESSIONS },
	{ "trivial-rewrite", "rewrite", PROGRAM_SESSIONS },
	{ "lmtp", "smtp", PROGRAM_SESSIONS },
	{ "qmgr", "qmgr", PROGRAM_ALONE },
	{ "oqmgr", "qmgr", PROGRAM_ALONE },
	{ "local", "local", PROGRAM_SESSIONS },
	{ "virtual", "local", PROGRAM_SESSIONS },
	{ "tlsmgr", NULL, PROGRAM_NONE },
	{ "error", NULL, PROGRAM_NONE },
	{ "somebodys-own", NULL, PROGRAM_FOREIGN },
	{ "", NULL, PROGRAM_FOREIGN },
	{ "SMTPD", NULL, PROGRAM_FOREIGN },
};

START_TEST(commands_of_master_cf_are_known)
{
	const struct program *p = program_find(cases[_i].command);

	ck_assert_int_eq(p->kind, cases[_i].kind);
	if (cases[_i].file == NULL)
		ck_assert_ptr_null(p->file);
	else
		ck_assert_str_eq(p->file, cases[_i].file);
}
END_TEST

/* Each line is well formed, and its program is one of ours. */
START_TEST(builtin_services_can_run)
{
	struct master_cf cf;
	struct err e;

	master_cf_init(&cf);
	e = program_add_builtin(&cf, false);
	ck_assert_msg(!err_is(e), "%s", e.text);
	ck_assert_ptr_nonnull(master_cf_find(&cf, VIEW("local"), MASTER_UNIX));
	LIST_EACH (it, after, &cf.services) {
		struct master_service *s =
		    LIST_ITEM(it, struct master_service, node);
		const struct program *p = program_find(s->command);

		ck_assert_msg(p->file != NULL, "%s", s->name);
		ck_assert_msg(p->kind == PROGRAM_SESSIONS ||
			p->kind == PROGRAM_ALONE || p->kind == PROGRAM_WORKER,
		    "%s", s->name);
		ck_assert_int_le(p->processes_min,
		    p->processes_max > 0 ? p->processes_max : 64);
	}
	master_cf_clear(&cf);
}
END_TEST

static const struct {
	const char *name, *suffix;
	bool has;
} settings[] = {
	{ "smtpd", "_processes", true },
	{ "lookup", "_processes", true },
	{ "smtp", "_sessions_per_process", true },
	{ "postscreen", "_processes", false }, /* smtpd's count */
	{ "qmgr", "_processes", false },       /* it is alone */
	{ "relay", "_processes", false },
	{ "relay", "_destination_rate_delay", true },
	{ "virtual", "_delivery_slot_cost", true },
	{ "cleanup", "_delivery_slot_cost", false },
	{ "slow", "_destination_rate_delay", false },
};

START_TEST(settings_count_without_a_line_of_master_cf)
{
	ck_assert_int_eq(program_has_setting(view_of(settings[_i].name),
			     settings[_i].suffix),
	    settings[_i].has);
}
END_TEST

UNIT_MAIN("program", { commands_of_master_cf_are_known, ARRAY_LEN(cases) },
    { builtin_services_can_run, 1 },
    { settings_count_without_a_line_of_master_cf, ARRAY_LEN(settings) })
