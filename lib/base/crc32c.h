/*
 * CRC-32C, the checksum of queue files (Castagnoli's polynomial, RFC 3720
 * appendix B.4): by the processor's instruction where it has one (SSE 4.2,
 * ARMv8), else by tables, eight bytes at a time.  Any thread.
 */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include "lib/base/view.h"

#include <stdbool.h>
#include <stdint.h>

/* The checksum of what `crc` (0 at first) is of, and these bytes behind it. */
uint32_t crc32c(uint32_t crc, struct view v);

/* For tests: the tables, though there is an instruction. */
uint32_t crc32c_by_tables(uint32_t crc, struct view v);
/* Whether there is an instruction. */
bool crc32c_is_fast(void);

#endif
