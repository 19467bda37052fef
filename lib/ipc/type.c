/* Writing and reading of frames by their tables: see type.h. */
#include "lib/ipc/type.h"

#include <assert.h>
#include <inttypes.h>

enum { HEADER_FIXED = 4 + 1 + 4 };

static void
add_u32(struct str *out, uint32_t n)
{
	char b[4] = { (char)(n >> 24), (char)(n >> 16), (char)(n >> 8),
		(char)n };

	str_add(out, view_make(b, sizeof(b)));
}

static uint32_t
get_u32(const char *p)
{
	const unsigned char *b = (const unsigned char *)p;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 |
	    (uint32_t)b[2] << 8 | b[3];
}

static void
add_name(struct str *out, const char *name)
{
	struct view v = view_of(name);

	assert(v.len > 0 && v.len <= IPC_NAME_MAX);
	str_add_byte(out, (char)v.len);
	str_add(out, v);
}

static void
add_int(struct str *out, int64_t n)
{
	add_u32(out, 8);
	add_u32(out, (uint32_t)((uint64_t)n >> 32));
	add_u32(out, (uint32_t)n);
}

static struct view
string_at(const void *message, const struct ipc_field *f)
{
	struct view v;

	memcpy(&v, (const char *)message + f->offset, sizeof(v));
	return v;
}

/* All of it but a string's bytes. */
static void
add_attribute(struct str *out, const struct ipc_field *f, const void *message,
    int *fd)
{
	const char *at = (const char *)message + f->offset;
	int64_t n;
	int d;

	str_add_byte(out, (char)f->kind);
	add_name(out, f->name);
	switch (f->kind) {
	case IPC_INT:
		memcpy(&n, at, sizeof(n));
		add_int(out, n);
		break;
	case IPC_FD:
		memcpy(&d, at, sizeof(d));
		add_int(out, d >= 0);
		if (fd != NULL && d >= 0)
			*fd = d;
		break;
	case IPC_STR:
	case IPC_LIST:
		add_u32(out, (uint32_t)string_at(message, f).len);
		break;
	}
}

/* The fields from `first` up to `end`. */
static void
add_fields(struct str *out, const struct ipc_type *type, size_t first,
    size_t end, const void *message, int *fd)
{
	for (size_t i = first; i < end; i++) {
		const struct ipc_field *f = &type->fields[i];

		add_attribute(out, f, message, fd);
		if (f->kind == IPC_STR || f->kind == IPC_LIST)
			str_add(out, string_at(message, f));
	}
}

static void
add_attributes(struct str *out, const struct ipc_type *type,
    const void *message, int *fd)
{
	add_fields(out, type, 0, type->n_fields, message, fd);
	str_add_byte(out, '\0');
}

static void
begin_frame(struct str *out, uint32_t number, const struct ipc_type *type)
{
	str_reserve(out, 256);
	add_u32(out, 0);
	str_add_byte(out, '\0');
	add_u32(out, number);
	add_name(out, type->name);
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
	head[0] = (char)(len >> 24);
	head[1] = (char)(len >> 16);
	head[2] = (char)(len >> 8);
	head[3] = (char)len;
	head[4] = (char)(*fd >= 0);
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

	assert(type->n_fields > 0 && type->fields[last].kind == IPC_STR);
	*fd = -1;
	*body = string_at(message, &type->fields[last]);
	begin_frame(out, number, type);
	add_fields(out, type, 0, last, message, fd);
	add_attribute(out, &type->fields[last], message, fd);
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
	size_t name_len, len;

	if (v->len < 2)
		return false;
	a->kind = (enum ipc_kind)(unsigned char)v->ptr[0];
	name_len = (unsigned char)v->ptr[1];
	if (name_len == 0 || name_len > IPC_NAME_MAX ||
	    v->len < 2 + name_len + 4)
		return false;
	a->name = view_sub(*v, 2, name_len);
	len = get_u32(v->ptr + 2 + name_len);
	if (len > v->len - 2 - name_len - 4)
		return false;
	a->value = view_sub(*v, 2 + name_len + 4, len);
	*v = view_skip(*v, 2 + name_len + 4 + len);
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

/* The field of this name; `likely` is where the writer's order has it. */
static size_t
find_field(const struct ipc_type *type, struct view name, size_t likely)
{
	if (likely < type->n_fields &&
	    view_eq(name, view_of(type->fields[likely].name)))
		return likely;
	for (size_t i = 0; i < type->n_fields; i++)
		if (view_eq(name, view_of(type->fields[i].name)))
			return i;
	return type->n_fields;
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
	*v = view_skip(*v, 1);
	for (size_t i = 0; i < type->n_fields; i++)
		if ((seen & (UINT64_C(1) << i)) == 0)
			return err_make(ERR_PERM, "read %s: no %s", type->name,
			    type->fields[i].name);
	return ERR_OK;
}

struct err
ipc_decode(const struct ipc_header *header, const struct ipc_type *type,
    void *message, int fd)
{
	struct view v = header->attributes;
	struct err e;

	if (!view_eq(header->name, view_of(type->name)))
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
