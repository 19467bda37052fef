/*
 * The content of a message as a delivery reads it: by the layout, from the
 * queue file's descriptor, which is shared with other agents and whose offset
 * is therefore never moved.
 */
#ifndef LOCAL_CONTENT_H
#define LOCAL_CONTENT_H

#include "lib/base/err.h"
#include "lib/base/view.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { CONTENT_WINDOW = 65536 };

struct content {
	int fd;		    /* borrowed */
	struct view layout; /* all of it */
	struct view left;   /* what was not begun */
	int64_t at, len;    /* what is left of the range */
	char *window;	    /* CONTENT_WINDOW bytes of the caller's */
	int64_t window_at;
	size_t window_len;
	int64_t first, span; /* the part of the file that all ranges are in */
	int64_t size;	     /* of the message */
	dev_t dev;	     /* of the queue file */
};

/*
 * ERR_PERM if the descriptor is no regular file that was opened for reading
 * alone, or the layout leaves it.  The layout must stay.
 */
struct err content_open(
    struct content *c, int fd, struct view layout, char *window);
/* From the beginning again. */
void content_rewind(struct content *c);
/* The next piece (CRLF line ends), valid until the next call; empty at the
 * end.  ERR_TEMP if it cannot be read, ERR_PERM if the file is too short. */
struct err content_next(struct content *c, struct view *piece);

/*
 * Does a Delivered-To in the header have this address (external form, letters
 * in any case)?  Reads no further than the header, and rewinds.
 */
struct err content_was_delivered_to(
    struct content *c, struct view address, bool *yes);

#endif
