/*
 * The parts of postconf(1): what the command line asked for, and who answers.
 */
#ifndef CTL_POSTCONF_H
#define CTL_POSTCONF_H

#include "lib/conf/master_cf.h"
#include "lib/conf/names.h"

enum postconf_mode {
	MODE_MAIN,     /* -p */
	MODE_SERVICES, /* -M */
	MODE_FIELDS,   /* -F */
	MODE_PARAMS,   /* -P */
};

enum postconf_edit {
	EDIT_NONE,
	EDIT_SET,     /* -e */
	EDIT_REMOVE,  /* -X */
	EDIT_COMMENT, /* -# */
};

enum { CLASS_BUILTIN = 1, CLASS_SERVICE = 2, CLASS_USER = 4, CLASS_ALL = 7 };

struct postconf {
	enum postconf_mode mode;
	enum postconf_edit edit;
	bool only_set;	    /* -n */
	bool only_defaults; /* -d */
	bool expand;	    /* -x */
	bool fold;	    /* -f */
	bool hide_name;	    /* -h */
	bool hide_value;    /* -H */
	bool quiet;	    /* -q */
	bool dir_given;	    /* -c or MAIL_CONFIG */
	unsigned classes;
	struct conf_source source;
	struct names names;
	struct master_cf master;
};

/* "postconf: fatal: …" and exit status 1. */
_Noreturn void postconf_fatal(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
void postconf_warn(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* "name = value" as the display flags have it; runs of white space in the
 * value become one space. */
void postconf_print(
    const struct postconf *pc, const char *name, struct view value);
/* The text, expanded if -x asks for it; bad macros are fatal. */
void postconf_expand(struct postconf *pc, struct view text, struct str *out);
/* The tokens of text, folded if asked for; the line has `column` bytes. */
void postconf_print_folded(
    const struct postconf *pc, struct view text, size_t column);

/* Parameters of main.cf, all or those named. */
void postconf_show(struct postconf *pc, char **wanted, size_t n);
/* A line of master.cf with its columns in place; folded, each -o has a line
 * of its own. */
void postconf_format_service(
    const struct master_service *s, bool fold, struct str *out);
/* -M, -F, -P. */
void postconf_show_master(struct postconf *pc, char **wanted, size_t n);
/* -e, -X, -# of main.cf. */
void postconf_edit_main(struct postconf *pc, char **args, size_t n);
/* -e of master.cf services, -X and -# of them. */
void postconf_edit_master(struct postconf *pc, char **args, size_t n);
/* postconf(5) in mdoc. */
void postconf_print_manual(void);

#endif
