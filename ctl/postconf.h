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

/* What the -o of one service (name and type) set: its lines share it. */
struct scope {
	struct list node;     /* in struct services.scopes */
	char *key;	      /* "name/type" */
	struct htable params; /* char * by name */
	struct htable known;  /* of these, the names that something uses */
};

/*
 * A line of master.cf as postconf sees it.  Laxer than master_cf.h, which is
 * what runs: a line with a mistake must be shown, and can be mended.
 */
struct service {
	struct list node;		/* in struct services.list */
	char *fields[MASTER_CF_FIELDS]; /* the last is the command's name */
	/* From argv[0], the command: without braces, "-oX" as "-o" and "X". */
	char **argv;
	size_t argc;
	struct scope *scope;
	int line;
};

struct services {
	struct list list;
	struct list scopes;
	size_t n;
};

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
	bool json;	    /* -j */
	bool dir_given;	    /* -c or MAIL_CONFIG */
	unsigned classes;
	struct conf_source source;
	struct names names;
	struct services services;
};

/* "PROGRAM: fatal: …" and exit status 1; PROGRAM as it was called. */
_Noreturn void postconf_fatal(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
void postconf_warn(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* A list of struct main_cf_warning, as Postfix prints them. */
void postconf_tell_warnings(const struct list *warnings);

/* --- postconf_print.c --- */
/* "name = value" as the display flags have it; runs of white space in the
 * value become one space. */
void postconf_print(
    const struct postconf *pc, const char *name, struct view value);
/* One object a line for -j: pairs of name and value, NULL ends them. */
void postconf_print_json(const char *name, ...);
/*
 * The text, expanded if -x asks for it; in a service's scope its -o count
 * first.  Bad macros are fatal; `source` is postconf_source of the name.
 */
void postconf_expand(struct postconf *pc, const struct service *s,
    struct view text, const char *source, struct str *out);

/* What a message of bad macros in this parameter's value begins with. */
const char *postconf_source(struct view name);

/* --- postconf_service.c --- */
void services_init(struct services *services);
void services_clear(struct services *services);
/* Bad fields are fatal, as Postfix says it. */
void services_read(struct services *services, const char *path, bool must);
/* NULL with *why set if the line has too few fields. */
struct service *service_parse(struct view line, const char **why);
void service_free(struct service *s);
/* The pair after a "-o"; false at the first argument that is no option. */
bool service_next_override(
    const struct service *s, size_t *at, struct view *name, struct view *value);
/* Of a word that begins with a brace: where that is closed, or the length.  What
 * is wrong with it is told of this file. */
size_t postconf_find_brace(const char *file, struct view word);
/* Fatal if the text cannot stand in this field. */
void service_check_field(size_t field, const char *text, const char *line);
/* A line with its columns in place; folded, each -o has a line of its own.
 * With pc->expand the values of -o are expanded. */
void service_format(
    struct postconf *pc, const struct service *s, bool fold, struct str *out);
/* The command and its arguments, on one line. */
void service_format_command(
    struct postconf *pc, const struct service *s, struct str *out);
extern const char *const service_field_names[MASTER_CF_FIELDS];

/* "name/type/what" of the command line in parts; `*` matches all. */
enum { REQUEST_PARTS_MAX = 3 };
struct request {
	const char *text;
	struct view parts[REQUEST_PARTS_MAX];
	size_t n_parts;
	bool matched;
};
/* False if it has more parts than `most`, an empty first one, or one that only
 * contains a `*`. */
bool request_parse(
    struct request *r, const char *text, struct view pattern, size_t most);
bool request_is_match(struct view pattern, const char *text);
/* By name and type. */
bool request_selects(
    const struct request *r, const char *name, const char *type);

/* --- postconf_known.c: which names exist, and what uses them --- */
struct known {
	struct htable classes;	      /* const unsigned * by name */
	struct htable database_files; /* looked at already: "ldap:/FILE" */
	struct str main_file;
};
/* Built-in parameters, those of services, and with main.cf the user's own.
 * Warns of names without a value, unless pc->quiet. */
void known_init(struct known *known, struct postconf *pc);
void known_clear(struct known *known);
/* 0 if nothing knows it. */
unsigned known_class(const struct known *known, struct view name);
/* process_id and the like: to set them is in vain. */
bool known_is_read_only(const char *name);
/* Warn of what nothing uses, and of what Barid does not have. */
void known_warn_main(const struct known *known, struct postconf *pc);
void known_warn_master(const struct known *known, struct postconf *pc);

/* --- postconf_database.c --- */
/* If the word is a table in a database, visit the parameters of main.cf that
 * set it up, or look into its file (once) and warn of what it does not know. */
void database_each_name(struct view spec, struct htable *files,
    void (*visit)(void *arg, struct view name), void *arg);

/* --- the modes --- */
/* Parameters of main.cf, all or those named. */
void postconf_show(
    struct postconf *pc, const struct known *known, char **wanted, size_t n);
/* -M, -F, -P. */
void postconf_show_master(struct postconf *pc, char **wanted, size_t n);
/* -e, -X, -# of main.cf and its drop-in files. */
void postconf_edit_main(struct postconf *pc, char **args, size_t n);
/* Fatal for an argument of -e, -X or -# of several lines, or a comment. */
void postconf_check_edit(const struct postconf *pc, const char *arg);
/* -e, -X, -# of master.cf. */
void postconf_edit_master(struct postconf *pc, char **args, size_t n);
/* -a -A -l -m, -T: what there is. */
void postconf_list(char what);
void postconf_list_tls(const char *what);
/* -b, -t. */
void postconf_show_templates(
    struct postconf *pc, bool expand, char **args, size_t n);
/* postconf(5) in mdoc. */
void postconf_print_manual(void);

/* --- postconf_file.c --- */
/*
 * Replace a file by what `make` writes for its text: a new one beside it,
 * synced and renamed, owner and mode kept.  One editor at once; a file that is
 * not to be changed (make returns false) is left alone.
 */
typedef bool file_make_fn(void *arg, struct view old, struct str *new);
void file_replace(const char *path, file_make_fn *make, void *arg);

#endif
