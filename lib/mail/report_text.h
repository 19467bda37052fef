/*
 * The texts of reports for people, built in or from bounce_template_file:
 *
 *	failure_template = <<END
 *	Charset: us-ascii
 *	From: Mail Delivery System <MAILER-DAEMON>
 *	Subject: Undelivered Mail Returned to Sender
 *	Postmaster-Subject: Postmaster Copy: Undelivered Mail
 *
 *	This is the mail system at host $myhostname.
 *	END
 *
 * and so delay_template, success_template, verify_template.  In the text below
 * the empty line, $NAME is a parameter of main.cf; $NAME_hours and so on
 * (seconds, minutes, hours, days, weeks) a time in that unit.
 */
#ifndef MAIL_REPORT_TEXT_H
#define MAIL_REPORT_TEXT_H

#include "lib/conf/conf.h"

enum report_text_kind {
	REPORT_TEXT_FAILURE,
	REPORT_TEXT_DELAY,
	REPORT_TEXT_SUCCESS,
	REPORT_TEXT_VERIFY,
	REPORT_TEXT_KINDS,
};

enum { REPORT_TEXT_FILE_MAX = 1 << 20 };

struct report_text {
	char *charset, *from, *subject;
	char *postmaster_subject; /* NULL: of this there is no copy */
	char *text;		  /* lines end in \n; not expanded */
};

struct report_texts {
	struct report_text of[REPORT_TEXT_KINDS];
};

/*
 * The built-in ones, and over them those of the file ("" is none).  ERR_PERM
 * with "FILE, line N: …" for what is no template, ERR_TEMP if the file cannot
 * be read; then *out holds the built-in ones.
 */
struct err report_texts_load(const char *path, struct report_texts *out);
/* The same with the file in memory. */
struct err report_texts_parse(
    struct report_texts *texts, struct view file, const char *name);
void report_texts_clear(struct report_texts *texts);

/* Append the text, expanded; lines end in \n.  ERR_PERM for a name that is not
 * there. */
struct err report_text_expand(
    const struct conf *conf, const struct report_text *text, struct str *out);

/* "failure", … */
const char *report_text_name(enum report_text_kind kind);

#endif
