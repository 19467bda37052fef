/*
 * Where lines go: a file, standard output, or the system's log daemon.  Lines
 * are gathered in a bounded buffer and leave many at a time.  Nothing here
 * waits; a line that cannot be written is counted, and the count is told as
 * soon as something can be written again.
 */
#ifndef LOG_SINK_H
#define LOG_SINK_H

#include "lib/base/err.h"
#include "log/record.h"

#include <stdbool.h>
#include <sys/stat.h>

enum {
	SINK_FULL = 256 * 1024, /* bytes; who adds should stop above */
	SINK_PATH_MAX = 1024,
	SINK_HOST_MAX = 64,
	SINK_RETRY_MS = 1000, /* between two connects to the log daemon */
};

enum sink_kind { SINK_FILE, SINK_STREAM, SINK_SYSLOG };

struct sink {
	enum sink_kind kind;
	int fd;
	char path[SINK_PATH_MAX];
	char host[SINK_HOST_MAX];
	char tag[RECORD_TAG_MAX + 1]; /* under which it tells of itself */
	int facility;		      /* of syslog(3), shifted */
	int dir_fd; /* of the file's folder: to see it renamed */
	bool is_socket;
	struct stat opened;
	struct str out;	   /* lines, each with its newline */
	size_t out_at;	   /* of which this much is written */
	size_t notice_len; /* at the front of out: what was lost */
	uint64_t lost;
	bool torn; /* the last thing written was half a line */
	char lost_why[sizeof(((struct err *)0)->text)];
	int64_t retry_at; /* no connect before */
	struct str text;
};

/*
 * Open a file for appending; it is created with mode 0600.  Refuses what is
 * no regular file.  ERR_TEMP.
 */
struct err sink_open_file(struct sink *s, const char *path);
/* Write to a descriptor that was inherited: a file, a pipe, a terminal. */
struct err sink_open_stream(struct sink *s, int fd);
/* Send to the datagram socket at this path; connects when there is something
 * to send, and again when the connection is lost.  ERR_PERM if there is no
 * such facility. */
struct err sink_open_syslog(
    struct sink *s, const char *path, const char *facility);
/* Drops what was not written. */
void sink_close(struct sink *s);

/* Add a line to what is to be written. */
void sink_add(struct sink *s, const struct record *r);
/* Write as much as can be written now; true if nothing is left. */
bool sink_write(struct sink *s);
/* Nothing should be added before more was written. */
bool sink_is_full(const struct sink *s);
/* The file was removed, or its path leads elsewhere: open it anew. */
bool sink_is_stale(const struct sink *s);

/* Whether the path is one of the prefixes (maillog_file_prefixes) or below
 * one. */
bool sink_path_allowed(struct view path, struct view prefixes);

#endif
