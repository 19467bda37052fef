/*
 * Every action of header and body checks (header_checks(5)), a row each: for
 * cleanup, which does them, and for "barid check".  Included with ACTION defined
 * to what should become of a row; there is no include guard for that reason.
 *
 *	ACTION(name, run)
 */
/* clang-format off */
#ifndef ACTION
#define ACTION(name, run)
#endif
ACTION("REJECT", act_reject)
ACTION("WARN", act_warn)
ACTION("INFO", act_info)
ACTION("FILTER", act_filter)
ACTION("PASS", act_pass)
ACTION("DISCARD", act_discard)
ACTION("HOLD", act_hold)
ACTION("PREPEND", act_prepend)
ACTION("REPLACE", act_replace)
ACTION("REDIRECT", act_redirect)
ACTION("BCC", act_bcc)
ACTION("STRIP", act_strip)
ACTION("IGNORE", act_ignore)
ACTION("DUNNO", act_nothing)
ACTION("OK", act_nothing)
/* clang-format on */
#undef ACTION
