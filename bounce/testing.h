/* A report in a test: it goes into memory instead of to cleanup. */
#ifndef BOUNCE_TESTING_H
#define BOUNCE_TESTING_H

#include "bounce/report.h"

#include "lib/base/mem.h"
#include "lib/mail/queue_sample.h"

#include <stdarg.h>
#include <stdlib.h>

/* In place of sink.c. */
void
sink_init(struct sink *s)
{
	*s = (struct sink){ .pending = STR_EMPTY };
}

struct err
sink_add(struct sink *s, struct view v)
{
	str_add(&s->pending, v);
	return ERR_OK;
}

struct err
sink_addf(struct sink *s, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	str_vaddf(&s->pending, format, ap);
	va_end(ap);
	return ERR_OK;
}

struct err
sink_flush(struct sink *s)
{
	(void)s;
	return ERR_OK;
}

void
sink_clear(struct sink *s)
{
	str_clear(&s->pending);
}

static inline struct conf *
test_conf(const char *lines)
{
	struct conf_source source = { .dir = "/nonexistent",
		.service_name = "bounce",
		.process_name = "bounce" };
	struct conf *conf;

	if (err_is(conf_load_text(&source, view_of(lines), "main.cf", &conf)))
		abort();
	return conf;
}

/* The report on this queue file.  *n says how many it is due for. */
static inline struct err
test_report(const struct conf *conf, struct view file, enum report_kind kind,
    struct sink *sink, int64_t *n)
{
	struct report_texts texts;
	struct bounce b = { .conf = conf, .texts = &texts };
	struct history h;
	struct addressee to = { .sender = VIEW_EMPTY };
	int fd = queue_sample_file(file);
	struct err e = history_read(&h, fd, kind);

	if (err_is(report_texts_load(conf->bounce_template_file, &texts)))
		abort();
	*n = 0;
	if (!err_is(e))
		e = history_each(&h, kind, NULL, NULL, n);
	to.recipient = h.file.envelope.sender;
	if (!err_is(e))
		e = compose_report(&b, sink, &h, kind, &to, VIEW("REPORT"));
	history_clear(&h);
	report_texts_clear(&texts);
	close(fd);
	return e;
}

#endif
