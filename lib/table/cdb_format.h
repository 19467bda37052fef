/*
 * The format of a constant database (D. J. Bernstein's cdb): 256 pointers to
 * hash tables, then records, then the tables.  All numbers have four bytes,
 * the least first.
 */
#ifndef TABLE_CDB_FORMAT_H
#define TABLE_CDB_FORMAT_H

#include "lib/base/view.h"

#include <stdint.h>

enum { CDB_TABLES = 256, CDB_HEAD = CDB_TABLES * 8 };

static inline uint32_t
cdb_hash(struct view key)
{
	uint32_t h = 5381;

	for (size_t i = 0; i < key.len; i++)
		h = ((h << 5) + h) ^ (unsigned char)key.ptr[i];
	return h;
}

static inline uint32_t
cdb_number(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

static inline void
cdb_put_number(unsigned char *p, uint32_t n)
{
	p[0] = (unsigned char)n;
	p[1] = (unsigned char)(n >> 8);
	p[2] = (unsigned char)(n >> 16);
	p[3] = (unsigned char)(n >> 24);
}

struct table;

/* Of an open cdb: table: do its keys and values end in a NUL? */
bool cdb_has_nul(const struct table *t);

#endif
