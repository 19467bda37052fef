/* Writing and reading of frames by their tables: see type.h. */
#include "lib/ipc/type.h"

#include <assert.h>
#include <inttypes.h>

enum {
	HEADER_FIXED = 4 + 1 + 4,
	/* What a name takes while it is written. */
	NAME_ROOM = 1 + IPC_NAME_MAX,
};

bool
ipc_has_fd(const struct ipc_type *type)
{
	for (size_t i = 0; i < type->n_fields; i++)
		if (type->fields[i].kind == IPC_FD)
			return true;
	return false;
}

/* --- writing: each returns where to go on --- */

static char *
put_u32(char *to, uint32_t n)
{
	to[0] = (char)(n >> 24);
	to[1] = (char)(n >> 16);
	to[2] = (char)(n >> 8);
	to[3] = (char)n;
	return to + 4;
}

static char *
put_int(char *to, int64_t n)
{
	to = put_u32(to, 8);
	to = put_u32(to, (uint32_t)((uint64_t)n >> 32));
	return put_u32(to, (uint32_t)n);
}

static char *
put_name(char *to, const char name[IPC_NAME_MAX + 1], size_t len)
{
	to[0] = (char)len;
	memcpy(to + 1, name, IPC_NAME_MAX);
	return to + 1 + len;
}

static uint32_t
get_u32(const char *p)
{
	const unsigned char *b = (const unsigned char *)p;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 |
	    (uint32_t)b[2] << 8 | b[3];
}

static struct view
string_at(const void *message, const struct ipc_field *f)
{
	struct view v;

	memcpy(&v, (const char *)message + f->offset, sizeof(v));
	return v;
}

static bool
is_string(const struct ipc_field *f)
{
	return f->kind == IPC_STR || f->kind == IPC_LIST;
}

/* All of it but a string's bytes. */
static char *
put_attribute(
    char *to, const struct ipc_field *f, const void *message, int *fd)
{
	const char *at = (const char *)message + f->offset;
	int64_t n;
	int d;

	*to++ = (char)f->kind;
	to = put_name(to, f->name, f->name_len);
	switch (f->kind) {
	case IPC_INT:
		memcpy(&n, at, sizeof(n));
		return put_int(to, n);
	case IPC_FD:
		memcpy(&d, at, sizeof(d));
		if (fd != NULL && d >= 0)
			*fd = d;
		return put_int(to, d >= 0);
	case IPC_STR:
	case IPC_LIST:
		return put_u32(to, (uint32_t)string_at(message, f).len);
	}
	return to;
}

/* What the first n fields take, while they are written. */
static size_t
room_for(const struct ipc_type *type, size_t n, const void *message)
{
	size_t room = IPC_NAME_MAX;

	for (size_t i = 0; i < n; i++) {
		const struct ipc_field *f = &type->fields[i];

		room += 1 + 1 + f->name_len + 4 +
		    (is_string(f) ? string_at(message, f).len : 8);
	}
	return room;
}

/* The first n fields. */
static void
add_fields(struct str *out, const struct ipc_type *type, size_t n,
    const void *message, int *fd)
{
	char *from = str_reserve(out, room_for(type, n, message)), *to = from;

	for (size_t i = 0; i < n; i++) {
		const struct ipc_field *f = &type->fields[i];
		struct view v;

		to = put_attribute(to, f, message, fd);
		if (!is_string(f))
			continue;
		v = string_at(message, f);
		if (v.len > 0)
			memcpy(to, v.ptr, v.len);
		to += v.len;
	}
	str_grew(out, (size_t)(to - from));
}

static void
add_attributes(struct str *out, const struct ipc_type *type,
    const void *message, int *fd)
{
	add_fields(out, type, type->n_fields, message, fd);
	str_add_byte(out, '\0');
}

static void
begin_frame(struct str *out, uint32_t number, const struct ipc_type *type)
{
	char *from = str_reserve(out, HEADER_FIXED + NAME_ROOM), *to = from;

	to = put_u32(to, 0);
	*to++ = '\0';
	to = put_u32(to, number);
	to = put_name(to, type->name, type->name_len);
	str_grew(out, (size_t)(to - from));
}

/* The frame of len bytes that begins at `start` is complete, or too long. */
static struct err
end_frame(struct str *out, size_t start, size_t len,
    const struct ipc_type *type, int *fd)
{
	char *head = out->ptr + start;

	if (len > IPC_FRAME_MAX) {
		str_cut(out, start);
		*fd = -1;
		return err_make(
		    ERR_PERM, "write message %s: %zu bytes", type->name, len);
	}
	*put_u32(head, (uint32_t)len) = (char)(*fd >= 0);
	return ERR_OK;
}

struct err
ipc_encode(struct str *out, uint32_t number, const struct ipc_type *type,
    const void *message, int *fd)
{
	size_t start = out->len;

	*fd = -1;
	begin_frame(out, number, type);
	add_attributes(out, type, message, fd);
	return end_frame(out, start, out->len - start, type, fd);
}

struct err
ipc_encode_head(struct str *out, uint32_t number, const struct ipc_type *type,
    const void *message, struct view *body, int *fd)
{
	size_t start = out->len, last = type->n_fields - 1;
	char *to;

	assert(type->n_fields > 0 && type->fields[last].kind == IPC_STR);
	*fd = -1;
	*body = string_at(message, &type->fields[last]);
	begin_frame(out, number, type);
	add_fields(out, type, last, message, fd);
	to = str_reserve(out, 1 + NAME_ROOM + 4);
	str_grew(out,
	    (size_t)(put_attribute(to, &type->fields[last], message, fd) - to));
	return end_frame(out, start,
	    out->len - start + body->len + IPC_FRAME_END.len, type, fd);
}

size_t
ipc_frame_len(struct view v)
{
	return v.len < 4 ? 0 : get_u32(v.ptr);
}

struct err
ipc_decode_header(struct view v, struct ipc_header *header, bool *complete)
{
	size_t len, name_len;

	*complete = false;
	if (v.len < 4)
		return ERR_OK;
	len = get_u32(v.ptr);
	if (len < HEADER_FIXED + 3 || len > IPC_FRAME_MAX)
		return err_make(ERR_PERM, "read frame: length %zu", len);
	if (v.len < len)
		return ERR_OK;
	name_len = (unsigned char)v.ptr[HEADER_FIXED];
	if (name_len == 0 || name_len > IPC_NAME_MAX ||
	    HEADER_FIXED + 1 + name_len + 1 > len)
		return err_make(ERR_PERM, "read frame: name of %zu bytes",
		    name_len);
	header->frame_len = len;
	header->n_fds = (uint8_t)v.ptr[4];
	header->number = get_u32(v.ptr + 5);
	header->name = view_sub(v, HEADER_FIXED + 1, name_len);
	header->attributes =
	    view_skip(view_first(v, len), HEADER_FIXED + 1 + name_len);
	if (header->n_fds > 1)
		return err_make(ERR_PERM, "read frame: %d descriptors",
		    header->n_fds);
	*complete = true;
	return ERR_OK;
}

struct attribute {
	enum ipc_kind kind;
	struct view name, value;
};

/* Cut one attribute off *v.  False: malformed. */
static bool
next_attribute(struct view *v, struct attribute *a)
{
	const char *at = v->ptr;
	size_t head, len;

	if (v->len < 2)
		return false;
	a->kind = (enum ipc_kind)(unsigned char)at[0];
	a->name = view_make(at + 2, (unsigned char)at[1]);
	head = 2 + a->name.len + 4;
	if (a->name.len == 0 || a->name.len > IPC_NAME_MAX || v->len < head)
		return false;
	len = get_u32(at + head - 4);
	if (len > v->len - head)
		return false;
	a->value = view_make(at + head, len);
	*v = view_make(at + head + len, v->len - head - len);
	return true;
}

static bool
store_int(const struct attribute *a, int64_t *n)
{
	if (a->value.len != 8)
		return false;
	*n = (int64_t)((uint64_t)get_u32(a->value.ptr) << 32 |
	    get_u32(a->value.ptr + 4));
	return true;
}

/* False: the value does not fit its kind. */
static bool
store(const struct ipc_field *f, const struct attribute *a, void *message,
    int fd)
{
	char *at = (char *)message + f->offset;
	int64_t n;

	if (a->kind != f->kind)
		return false;
	switch (f->kind) {
	case IPC_STR:
	case IPC_LIST:
		memcpy(at, &a->value, sizeof(a->value));
		return true;
	case IPC_INT:
		if (!store_int(a, &n))
			return false;
		memcpy(at, &n, sizeof(n));
		return true;
	case IPC_FD:
		if (!store_int(a, &n) || n < 0 || n > 1 || (n == 1) != (fd >= 0))
			return false;
		memcpy(at, &fd, sizeof(fd));
		return true;
	}
	return false;
}

static bool
has_name(const struct ipc_field *f, struct view name)
{
	return view_eq(name, view_make(f->name, f->name_len));
}

/* The field of this name; `likely` is where the writer's order has it. */
static size_t
find_field(const struct ipc_type *type, struct view name, size_t likely)
{
	size_t i = 0;

	if (likely < type->n_fields && has_name(&type->fields[likely], name))
		return likely;
	while (i < type->n_fields && !has_name(&type->fields[i], name))
		i++;
	return i;
}

static uint64_t
all_fields(const struct ipc_type *type)
{
	return (UINT64_C(1) << type->n_fields) - 1;
}

static struct err
err_missing(const struct ipc_type *type, uint64_t seen)
{
	size_t i = 0;

	while ((seen & (UINT64_C(1) << i)) != 0)
		i++;
	return err_make(
	    ERR_PERM, "read %s: no %s", type->name, type->fields[i].name);
}

/* Reads up to the end mark, which is cut off as well. */
static struct err
read_attributes(struct view *v, const struct ipc_type *type, void *message,
    int fd)
{
	uint64_t seen = 0;
	size_t likely = 0;

	assert(type->n_fields <= IPC_FIELDS_MAX);
	while (v->len > 0 && v->ptr[0] != '\0') {
		struct attribute a;
		size_t i;

		if (!next_attribute(v, &a))
			return err_make(ERR_PERM, "read %s: malformed",
			    type->name);
		i = find_field(type, a.name, likely);
		if (i == type->n_fields)
			continue;
		likely = i + 1;
		if ((seen & (UINT64_C(1) << i)) != 0)
			return err_make(ERR_PERM, "read %s: %s twice",
			    type->name, type->fields[i].name);
		seen |= UINT64_C(1) << i;
		if (!store(&type->fields[i], &a, message, fd))
			return err_make(ERR_PERM, "read %s: bad %s",
			    type->name, type->fields[i].name);
	}
	if (v->len == 0)
		return err_make(ERR_PERM, "read %s: no end", type->name);
	*v = view_make(v->ptr + 1, v->len - 1);
	return seen == all_fields(type) ? ERR_OK : err_missing(type, seen);
}

bool
ipc_is_named(const struct ipc_header *header, const struct ipc_type *type)
{
	return view_eq(header->name, view_make(type->name, type->name_len));
}

struct err
ipc_decode(const struct ipc_header *header, const struct ipc_type *type,
    void *message, int fd)
{
	struct view v = header->attributes;
	struct err e;

	if (!ipc_is_named(header, type))
		return err_make(ERR_PERM, "read %s: got %.*s", type->name,
		    VIEW_ARGS(header->name));
	e = read_attributes(&v, type, message, fd);
	if (!err_is(e) && v.len > 0)
		return err_make(ERR_PERM, "read %s: %zu bytes after its end",
		    type->name, v.len);
	return e;
}

void
ipc_list_add(struct str *list, const struct ipc_type *type,
    const void *message)
{
	add_attributes(list, type, message, NULL);
}

struct err
ipc_list_next(struct view *list, const struct ipc_type *type, void *message,
    bool *more)
{
	*more = list->len > 0;
	if (!*more)
		return ERR_OK;
	return read_attributes(list, type, message, -1);
}
