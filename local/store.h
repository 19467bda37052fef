/*
 * Bytes on their way into a mailbox file.  A large message goes past the page
 * cache where the file system allows that (O_DIRECT): ten MiB that hardly
 * anybody reads soon need neither be copied there, which costs more than all
 * the rest of the delivery, nor push out what is read often.
 */
#ifndef LOCAL_STORE_H
#define LOCAL_STORE_H

#include "lib/base/str.h"

#include <stdint.h>

enum { STORE_DIRECT_MIN = 1 << 20 };

struct store {
	/* private */
	int fd;
	struct str *out;
	size_t step;
	bool is_direct;
};

/*
 * *out gathers the bytes of one store after the other; the caller appends to
 * it, and clears it in the end.  `size` is about what will come, is_new that
 * the file is empty and its offset 0.
 */
void store_begin(
    struct store *s, struct str *out, int fd, int64_t size, bool is_new);
/* After something was appended: write of it what is worth a write.  False with
 * errno set. */
bool store_some(struct store *s);
/* Write the rest. */
bool store_finish(struct store *s);

#endif
