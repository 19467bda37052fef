/*
 * Everything that a configuration says: for who allows only what it mentions
 * (tables that may be asked for, sockets that may be connected to).
 */
#ifndef CONF_EACH_H
#define CONF_EACH_H

#include "lib/conf/conf.h"

/* A value, expanded; valid until the function returns. */
typedef void conf_visit_fn(void *arg, struct view name, struct view value);

/*
 * Visit the value of every parameter that is set or has a default, of the names
 * that main.cf makes up, and of each "-o name=value" in master.cf.  Values
 * that cannot be expanded are passed over: who uses them says so.  Reads both
 * files again.  ERR_TEMP or ERR_PERM as those files give.
 */
struct err conf_each_value(
    const struct conf *conf, conf_visit_fn *visit, void *arg);

/*
 * The words of a value: separated by commas or white space, where braces
 * group; what stands in braces is visited as one word and in its words.  For
 * "check_policy_service { unix:private/a, timeout=10s }" these are
 * check_policy_service, unix:private/a, timeout=10s.  A word such as
 * "unionmap:{a, b}" is one, and so are then a and b.
 */
void conf_each_word(
    struct view value, void (*visit)(void *arg, struct view word), void *arg);

enum { CONF_EACH_DEPTH_MAX = 10 }; /* braces in braces */

#endif
