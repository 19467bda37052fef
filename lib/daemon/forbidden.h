/*
 * Builds with checks only: a daemon that has dropped its rights tries what it
 * may not do, so that a test sees the real program, with its real role, being
 * refused.  BARID_TEST_POINT=forbidden:ACT names the act; "forbidden-log:ACT"
 * is for the log, which lets the others say how it went.
 */
#ifndef DAEMON_FORBIDDEN_H
#define DAEMON_FORBIDDEN_H

/* Logs "forbidden ACT: refused: why" or "forbidden ACT: done", if the process
 * lives on to say it. */
void forbidden_try(const char *program);

#endif
