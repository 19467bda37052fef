/* The parts of "barid import". */
#ifndef CTL_IMPORT_H
#define CTL_IMPORT_H

#include <stdbool.h>
#include <stddef.h>

enum { IMPORT_FILES_MAX = 100000, IMPORT_DEPTH_MAX = 20 };

struct import {
	char *from; /* Postfix's folder, as it was named */
	char *to;   /* where it will be */
	char *work; /* where it is made */
	size_t n_files;
};

/*
 * Copy the folder, owners, modes and times kept; files of Postfix's own are
 * left out.  In main.cf, its drop-in files and master.cf paths below `from`
 * become paths below `to`, and places and accounts of Postfix become comments;
 * each is told.  False, told, if something fails.
 */
bool import_copy(struct import *im);

/* Make anew the indexed files in `work` that do not open or are missing. */
bool import_make_maps(struct import *im);

/* Tell what errno says of this; false. */
bool import_fail(const char *what, const char *path);

/* The whole folder; what cannot be removed is told. */
void import_remove(const char *dir);

#endif
