/*
 * Builds with checks only: a daemon that has dropped its rights tries what it
 * may not do, so that a test sees the real program, with its real role, being
 * refused.  BARID_TEST_POINT=forbidden:ACT names the act.
 */
#ifndef DAEMON_FORBIDDEN_H
#define DAEMON_FORBIDDEN_H

/* Logs "forbidden ACT: refused: why" or "forbidden ACT: done", if the process
 * lives on to say it. */
void forbidden_try(void);

#endif
