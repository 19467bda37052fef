/* The error value: see err.h.  Texts are cut, never grown. */
#include "lib/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct err
err_format(enum err_kind kind, const char *format, va_list ap)
{
	struct err e = { .kind = kind };
	int saved = errno;

	vsnprintf(e.text, sizeof(e.text), format, ap);
	errno = saved;
	return e;
}

static void
err_append(struct err *e, const char *text)
{
	static const char colon[] = ": ";
	size_t used = strlen(e->text);
	size_t room = sizeof(e->text) - 1 - used;
	size_t n;

	if (room < sizeof(colon))
		return;
	memcpy(e->text + used, colon, sizeof(colon) - 1);
	used += sizeof(colon) - 1;
	n = strnlen(text, room - (sizeof(colon) - 1));
	memcpy(e->text + used, text, n);
	e->text[used + n] = '\0';
}

struct err
err_make(enum err_kind kind, const char *format, ...)
{
	struct err e;
	va_list ap;

	va_start(ap, format);
	e = err_format(kind, format, ap);
	va_end(ap);
	return e;
}

struct err
err_sys(enum err_kind kind, const char *format, ...)
{
	int saved = errno;
	struct err e;
	va_list ap;

	va_start(ap, format);
	e = err_format(kind, format, ap);
	va_end(ap);
	err_append(&e, strerror(saved));
	errno = saved;
	return e;
}

struct err
err_io(const char *format, ...)
{
	int saved = errno;
	enum err_kind kind = ERR_TEMP;
	struct err e;
	va_list ap;

	if (saved == ETIMEDOUT)
		kind = ERR_TIME;
	else if (saved == EPIPE || saved == ECONNRESET || saved == ECONNABORTED)
		kind = ERR_GONE;
	va_start(ap, format);
	e = err_format(kind, format, ap);
	va_end(ap);
	err_append(&e, strerror(saved));
	errno = saved;
	return e;
}

struct err
err_within(struct err e, const char *format, ...)
{
	struct err out;
	va_list ap;

	va_start(ap, format);
	out = err_format(e.kind, format, ap);
	va_end(ap);
	err_append(&out, e.text);
	return out;
}
