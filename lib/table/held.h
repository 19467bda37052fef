/*
 * A file that a table was read from, held open so that a change of it can be
 * seen without its path.
 */
#ifndef TABLE_HELD_H
#define TABLE_HELD_H

#include "lib/base/err.h"
#include "lib/base/str.h"

#include <stdbool.h>
#include <sys/stat.h>

struct held {
	int fd;	    /* -1: nothing is held */
	bool owned; /* false: the descriptor is a library's */
	struct str path;
	struct stat seen; /* as it was when it was read */
};

/* Largest text table. */
enum { HELD_TEXT_MAX = 1 << 30 };

#define HELD_NONE ((struct held){ .fd = -1, .path = STR_EMPTY })

/*
 * Open for reading, a regular file or a device or pipe that ends; read all of
 * it into *text.  Read again, some times, if it changed meanwhile.  ERR_TEMP;
 * what is the beginning of its text when there is no such file ("open", so
 * "open /x: No such file or directory").
 */
struct err held_read(
    struct held *h, const char *what, struct view path, struct str *text);

/* Remember a descriptor that a library holds. */
struct err held_borrow(struct held *h, struct view path, int fd);

void held_clear(struct held *h);

/* Written to, since it was read?  What is only replaced is still whole. */
bool held_was_written(const struct held *h);
/* Written to, replaced or removed? With path: or does the path lead elsewhere? */
bool held_has_changed(const struct held *h, bool path);

#endif
