/*
 * How every program begins: what was inherited is made known, above all where
 * the caller decides the surroundings and does not have the program's rights.
 */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <stdbool.h>

/* Descriptors 0 to 2 are open, else to /dev/null: no file of ours becomes one
 * of them. */
void process_open_standard(void);
/* The same, and all others are closed. */
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
