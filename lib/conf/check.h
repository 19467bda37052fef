/*
 * A value against its row: type and range.
 */
#ifndef CONF_CHECK_H
#define CONF_CHECK_H

#include "lib/conf/names.h"
#include "lib/conf/rows.h"

/*
 * The number that an expanded value stands for, as the field has it (0 or 1
 * for BOOL; the length for texts).  ERR_PERM: "bad value …, allowed A to B".
 */
struct err check_value(struct names *names, const struct conf_row *row,
    struct view value, int64_t *number);

/* "yes or no", "1s to 10s", … */
void check_describe(const struct conf_row *row, struct str *out);

#endif
