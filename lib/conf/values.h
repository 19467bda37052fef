/*
 * The texts of values: numbers with units, yes and no, lists.
 */
#ifndef CONF_VALUES_H
#define CONF_VALUES_H

#include "lib/base/view.h"

/*
 * Cut the next item off a list: items are separated by commas or white space,
 * { } keeps them together.  An item that is one { } group loses the braces and
 * the white space inside their ends.  False at the end.
 */
bool conf_list_next(struct view *rest, struct view *item);

/*
 * Numbers with a unit, not negative.  default_unit is what a number without
 * one means: s m h d w.  The result is in milliseconds ("ms" is a unit too)
 * and in bytes (k, m, g and their capitals are powers of 1024).  False if it
 * is no such number or does not fit.
 */
bool conf_parse_time(struct view text, char default_unit, int64_t *ms);
bool conf_parse_size(struct view text, int64_t *bytes);
/* yes or no, in any case. */
bool conf_parse_bool(struct view text, bool *value);

#endif
