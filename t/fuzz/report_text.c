/* Templates of reports: what is taken can stand in a report's header. */
#include "lib/mail/report_text.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_field(const char *text)
{
	assert(text != NULL && text[0] != '\0');
	for (; *text != '\0'; text++)
		assert((unsigned char)*text >= ' ' && *text != '\x7f');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct report_texts texts;

	(void)report_texts_load("", &texts);
	(void)report_texts_parse(&texts, view_make(data, size), "file");
	for (size_t i = 0; i < REPORT_TEXT_KINDS; i++) {
		const struct report_text *t = &texts.of[i];

		check_field(t->charset);
		check_field(t->from);
		check_field(t->subject);
		if (t->postmaster_subject != NULL)
			check_field(t->postmaster_subject);
		assert(t->text != NULL && t->text[0] != '\0');
	}
	report_texts_clear(&texts);
	return 0;
}
