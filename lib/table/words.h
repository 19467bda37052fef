/*
 * Splitting lists in which braces group: "hash:/a, inline:{ x=y, z }".
 */
#ifndef TABLE_WORDS_H
#define TABLE_WORDS_H

#include "lib/base/err.h"
#include "lib/base/view.h"

#include <stdbool.h>

/* What separates words: comma and white space. */
#define WORDS_SEPARATORS ", \t\r\n"

/*
 * Cut the next word off the front of *rest: up to a separator that stands
 * outside braces.  False at the end.  An unbalanced brace takes all the rest.
 */
bool words_next(struct view *rest, struct view *word);

/*
 * What stands in the braces that the text begins and ends with, trimmed; false
 * if it does not ("{a} b" does not).
 */
bool words_in_braces(struct view text, struct view *inside);

#endif
