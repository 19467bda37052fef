/*
 * The name service's answer where it is known without a question to anybody:
 * most users of most machines stand in /etc/passwd.
 */
#ifndef LOCAL_PASSWD_H
#define LOCAL_PASSWD_H

#include "local/wire.h"

#include <sys/stat.h>

struct passwd_files {
	const char *order; /* /etc/nsswitch.conf */
	const char *users; /* /etc/passwd */
	/* What `order` said when it looked like this. */
	struct stat seen;
	bool files_are_first;
};

/*
 * Look the user up.  True if *a is what getpwnam would find: the name stands in
 * `users`, and `order` has "passwd: files" first, without a condition behind
 * it.  False says nothing: not even that there is no such user.  Reads local
 * files only, both as they are now.
 */
bool passwd_find(
    struct passwd_files *p, const char *name, struct monitor_answer *a);

/* An entry as an answer: OK, or REFUSED if it does not fit. */
struct passwd;
void passwd_answer(const struct passwd *entry, struct monitor_answer *a);

#endif
