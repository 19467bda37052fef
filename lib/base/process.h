/*
 * How every command begins that may run with rights that its caller does not
 * have, or where its caller decides the surroundings: what was inherited is
 * made known.
 */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <stdbool.h>

/* Descriptors 0 to 2 are open (else /dev/null), all others closed. */
void process_tidy_descriptors(void);
/* Signals have their default effect and are not blocked, but for SIGPIPE and
 * SIGXFSZ, which are ignored: a write fails instead. */
void process_reset_signals(void);
/* Nothing but TZ, LANG and PATH (a fixed one) is left; TZ only if it is no
 * name of a file. */
void process_clean_environment(void);

/* True if the caller may have less rights than we have, or could take up again:
 * set-uid, set-gid.  Root as a caller is trusted. */
bool process_is_elevated(void);

#endif
