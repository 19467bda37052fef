/*
 * Every action of an access table (access(5)), a row each: for smtpd, which does
 * them, and for "barid check".  Included with ACTION defined to what should
 * become of a row; there is no include guard for that reason.
 *
 *	ACTION(name, run)
 */
/* clang-format off */
#ifndef ACTION
#define ACTION(name, run)
#endif
ACTION("OK", action_ok)
ACTION("DUNNO", action_dunno)
ACTION("REJECT", action_reject)
ACTION("DEFER", action_defer)
ACTION("DEFER_IF_PERMIT", action_defer_if_permit)
ACTION("DEFER_IF_REJECT", action_defer_if_reject)
ACTION("HANGUP", action_hangup)
ACTION("WARN", action_warn)
ACTION("INFO", action_info)
ACTION("HOLD", action_hold)
ACTION("DISCARD", action_discard)
ACTION("FILTER", action_filter)
ACTION("REDIRECT", action_redirect)
ACTION("BCC", action_bcc)
ACTION("PREPEND", action_prepend)
/* clang-format on */
#undef ACTION
