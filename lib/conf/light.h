/*
 * A few parameters for a program that must start fast: main.cf is read, but
 * only what is asked for is expanded and checked.  What is wrong elsewhere in
 * the file is not seen.
 */
#ifndef CONF_LIGHT_H
#define CONF_LIGHT_H

#include "lib/base/err.h"

#include <stdint.h>

struct conf_light;

/*
 * Read DIR/main.cf; dir as for conf_dir.  ERR_TEMP if it cannot be read,
 * ERR_PERM if it has bad syntax.  Waits for the disk.
 */
struct err conf_light_load(const char *dir, struct conf_light **out);
void conf_light_free(struct conf_light *c);
/* The folder that it was read from. */
const char *conf_light_dir(const struct conf_light *c);

/*
 * One parameter of the table, expanded and checked: its text (lives as long as
 * c) and, for a number or a yes, its value (time in seconds).  Either may be
 * NULL.  ERR_PERM if the value is impossible.
 */
struct err conf_light_get(
    struct conf_light *c, const char *name, const char **text, int64_t *number);

/*
 * May a set-gid program that somebody called use this folder?  Only the
 * built-in one, and those that the built-in one's main.cf lists in
 * alternate_config_directories or multi_instance_directories.  ERR_PERM.
 */
struct err conf_light_check_dir(const char *dir);

#endif
