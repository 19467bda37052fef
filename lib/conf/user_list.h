/*
 * authorized_submit_users and its like: lists of login names that say who may
 * use a command.  Light, for commands that start often: words, files and
 * static: are looked at here, another table is asked of postmap(1), as the
 * caller and not with our rights.
 */
#ifndef CONF_USER_LIST_H
#define CONF_USER_LIST_H

#include "lib/base/view.h"
#include "lib/conf/light.h"

#include <stdbool.h>
#include <sys/types.h>

/* Is the name on the list (words: name, !word, /file, static:x, type:table)?
 * ERR_TEMP if a file or a table cannot be asked. */
struct err user_list_matches(
    struct conf_light *conf, struct view list, struct view name, bool *yes);

/*
 * May the process's real uid do what this parameter guards?  ERR_PERM: "User
 * NAME(UID) is not allowed to ACT".  A uid without a name is "unknown".
 */
struct err user_list_check(
    struct conf_light *conf, const char *parameter, const char *act);

#endif
