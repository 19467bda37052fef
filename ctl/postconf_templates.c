/* The texts of reports: -b expanded, -t as they are. */
#include "ctl/postconf.h"

#include "lib/mail/report_text.h"

#include <stdio.h>

static void
print_raw(const struct report_text *t, const char *name)
{
	printf("%s_template = <<EOF\nCharset: %s\nFrom: %s\nSubject: %s\n",
	    name, t->charset, t->from, t->subject);
	if (t->postmaster_subject != NULL)
		printf("Postmaster-Subject: %s\n", t->postmaster_subject);
	printf("\n%sEOF\n", t->text);
}

static void
print_expanded(
    const struct conf *conf, const struct report_text *t, const char *name)
{
	struct str text = STR_EMPTY;
	struct err e = report_text_expand(conf, t, &text);

	if (err_is(e))
		postconf_fatal("%s template: %s", name, e.text);
	printf("expanded_%s_text = <<EOF\n%sEOF\n", name, text.ptr);
	str_clear(&text);
}

void
postconf_show_templates(struct postconf *pc, bool expand, char **args, size_t n)
{
	struct report_texts texts;
	struct conf *conf;
	struct err e;

	if (n > 1)
		postconf_fatal(
		    "options -b and -t require at most one template file");
	e = conf_load(&pc->source, &conf);
	if (!err_is(e))
		e = report_texts_load(
		    n > 0 ? args[0] : conf->bounce_template_file, &texts);
	if (err_is(e))
		postconf_fatal("%s", e.text);
	for (size_t i = 0; i < REPORT_TEXT_KINDS; i++) {
		const char *name = report_text_name((enum report_text_kind)i);

		if (i > 0)
			putchar('\n');
		if (expand)
			print_expanded(conf, &texts.of[i], name);
		else
			print_raw(&texts.of[i], name);
	}
	report_texts_clear(&texts);
	conf_free(conf);
}
