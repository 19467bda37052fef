/*
 * A message between two processes is a table of typed, named attributes.  From
 * one table come the struct, the writer, the reader and the test:
 *
 *	#define IPC_RCPT_CHECK(F) F(STR, sender) F(INT, client_port)
 *	M(rcpt_check, IPC_RCPT_CHECK)   in the list of all
 *
 * makes struct ipc_rcpt_check and its description.  On the wire a frame is
 * a length, a count of descriptors that travel beside it (0 or 1), a number
 * that ties an answer to its question, the message's name, the attributes, and
 * an end mark.  All numbers are big-endian.
 *
 * The reader trusts nothing: it refuses what is missing, duplicate, of the
 * wrong type or too long, and passes over names that it does not know, so that
 * two versions can run side by side.
 */
#ifndef IPC_TYPE_H
#define IPC_TYPE_H

#include "lib/base/err.h"
#include "lib/base/str.h"

#include <stddef.h>
#include <stdint.h>

/* Largest frame, its length included. */
enum { IPC_FRAME_MAX = 65536, IPC_NAME_MAX = 32, IPC_FIELDS_MAX = 40 };

enum ipc_kind {
	IPC_STR = 'S',  /* bytes */
	IPC_INT = 'I',  /* int64_t */
	IPC_FD = 'F',   /* a descriptor; -1 is none */
	IPC_LIST = 'L', /* messages of one type, one after the other */
};

/* Names have the room of the longest in these tables: the writer copies all of
 * it, whatever their length is. */
struct ipc_field {
	char name[IPC_NAME_MAX + 1];
	enum ipc_kind kind;
	size_t name_len;
	size_t offset;
};

struct ipc_type {
	char name[IPC_NAME_MAX + 1];
	size_t name_len;
	const struct ipc_field *fields;
	size_t n_fields;
	size_t size; /* of the struct */
};

#define IPC_CTYPE_STR struct view
#define IPC_CTYPE_INT int64_t
#define IPC_CTYPE_FD int
#define IPC_CTYPE_LIST struct view

#define IPC_MEMBER(kind, name) IPC_CTYPE_##kind name;

/* A message's struct and the function that gives its description. */
#define IPC_DECLARE(message, FIELDS)                   \
	struct ipc_##message {                         \
		FIELDS(IPC_MEMBER)                     \
	};                                             \
	const struct ipc_type *ipc_##message##_type(void);

/* That function.  The rows do not know their message's struct: it binds it. */
#define IPC_ROW(field_kind, field)                                            \
	{ .name = #field,                                                     \
		.kind = IPC_##field_kind,                                     \
		.name_len = sizeof(#field) - 1,                               \
		.offset = offsetof(ipc_self, field) },
#define IPC_DEFINE(message, FIELDS)                                           \
	const struct ipc_type *ipc_##message##_type(void)                     \
	{                                                                     \
		typedef struct ipc_##message ipc_self;                        \
		static const struct ipc_field rows[] = { FIELDS(IPC_ROW) };   \
		static const struct ipc_type type = { .name = #message,       \
			.name_len = sizeof(#message) - 1,                     \
			.fields = rows,                                       \
			.n_fields = sizeof(rows) / sizeof(rows[0]),           \
			.size = sizeof(ipc_self) };                           \
                                                                              \
		return &type;                                                 \
	}

bool ipc_has_fd(const struct ipc_type *type);

/* The two arguments by which calls take a message out and in. */
#define IPC_OUT(message, ptr) \
	ipc_##message##_type(), (const struct ipc_##message *)(ptr)
#define IPC_IN(message, ptr) \
	ipc_##message##_type(), (struct ipc_##message *)(ptr)

/* What stands before the attributes. */
struct ipc_header {
	uint32_t number;
	uint8_t n_fds;
	struct view name;
	struct view attributes; /* the end mark included */
	size_t frame_len;       /* the whole frame */
};

/*
 * Append one frame.  The descriptor of an FD field, if any, goes into *fd
 * (else -1).  ERR_PERM, and nothing appended, if it would be over
 * IPC_FRAME_MAX.
 */
struct err ipc_encode(struct str *out, uint32_t number,
    const struct ipc_type *type, const void *message, int *fd);

/*
 * The same but for the end: the message's last field is a string, whose bytes
 * are not appended but lent in *body.  After these comes IPC_FRAME_END.
 */
struct err ipc_encode_head(struct str *out, uint32_t number,
    const struct ipc_type *type, const void *message, struct view *body,
    int *fd);
#define IPC_FRAME_END VIEW("\0")

/* How long the frame is that begins with v, as it says; 0 while that cannot be
 * known. */
size_t ipc_frame_len(struct view v);

/*
 * Read the header of the frame at the front of v.  *complete is false, and
 * nothing else set, while bytes are missing.  ERR_PERM: no frame of ours.
 */
struct err ipc_decode_header(struct view v, struct ipc_header *header,
    bool *complete);

/* Is the frame a message of this type, by its name? */
bool ipc_is_named(const struct ipc_header *header, const struct ipc_type *type);

/* Read the attributes into the message; strings borrow from the frame.  An FD
 * field takes `fd`.  ERR_PERM names the attribute. */
struct err ipc_decode(const struct ipc_header *header,
    const struct ipc_type *type, void *message, int fd);

/* Append a message to a list's bytes (the view of which goes into an IPC_LIST
 * field). */
void ipc_list_add(struct str *list, const struct ipc_type *type,
    const void *message);
/* Cut the next message off the front.  *more is false at the end. */
struct err ipc_list_next(struct view *list, const struct ipc_type *type,
    void *message, bool *more);

#endif
