/* The manual page of the parameters, made from their rows. */
#include "ctl/postconf.h"

#include "lib/base/mem.h"
#include "lib/conf/check.h"
#include "lib/conf/rows.h"

#include <stdio.h>

static const char *const type_texts[] = {
	[CONF_BOOL] = "yes or no",
	[CONF_INT] = "number",
	[CONF_TIME] = "time",
	[CONF_MSEC] = "time, in milliseconds if need be (\"250ms\")",
	[CONF_SIZE] = "size in bytes",
	[CONF_STR] = "text",
	[CONF_RAW] = "text whose macros are expanded at each use",
	[CONF_ENUM] = "one of",
};

/* Text that roff takes for nothing else. */
static void
print_text(const char *text)
{
	if (text[0] == '.' || text[0] == '\'')
		fputs("\\&", stdout);
	for (; *text != '\0'; text++) {
		if (*text == '\\')
			fputs("\\e", stdout);
		else if (*text == '-')
			fputs("\\-", stdout);
		else if (*text == '"')
			fputs("\\(dq", stdout);
		else
			putchar(*text);
	}
}

static void
print_row(const struct conf_row *row)
{
	struct str range = STR_EMPTY;

	printf(".It Va %s\nDefault: ", conf_row_name(row));
	if (conf_row_is_computed(row))
		printf("made at start");
	else if (conf_row_init(row)[0] == '\0')
		printf("empty");
	else
		print_text(conf_row_init(row));
	printf(".\nType: %s", type_texts[row->type]);
	if (row->type != CONF_STR && row->type != CONF_RAW &&
	    row->type != CONF_BOOL) {
		check_describe(row, &range);
		printf(row->type == CONF_ENUM ? " %s" : ", %s", range.ptr);
	}
	printf(".\n.Pp\n");
	print_text(conf_row_doc(row));
	if (!row->used)
		printf("\nKnown, so that configurations can be kept, but "
		       "without effect here.");
	putchar('\n');
	str_clear(&range);
}

void
postconf_print_manual(void)
{
	puts(".Dd November 21, 2026\n.Dt POSTCONF 5\n.Os Barid\n.Sh NAME\n"
	     ".Nm postconf\n.Nd parameters of main.cf\n.Sh DESCRIPTION\n"
	     "The file\n.Pa main.cf\n"
	     "sets parameters, one a line:\n"
	     ".Ql name = value .\n"
	     "A line that begins with white space continues the one before.\n"
	     "Blank lines and lines whose first printable character is\n"
	     ".Ql #\nare skipped, also within a continued line; a comment\n"
	     "cannot stand at the end of a line.\n"
	     "If a name is set twice, the last one counts.\n"
	     ".Ss Drop-in files\n"
	     "After\n.Pa main.cf\nthe files whose names end in\n"
	     ".Pa .cf\nin the folder\n.Pa main.cf.d\n"
	     "beside it are read, in the order of their names by bytes;\n"
	     "names that begin with a dot are passed over.\n"
	     "They have the same syntax.\n"
	     "What is read later wins: a drop-in over\n.Pa main.cf ,\n"
	     ".Pa 20-x.cf\nover\n.Pa 10-y.cf ,\n"
	     "and the\n.Fl o\nof a service over all of them.\n"
	     "Messages name the file and line.\n"
	     "A drop-in that cannot be read or has bad syntax is an error\n"
	     "like one in\n.Pa main.cf .\n"
	     ".Ss Values\n"
	     "In a value,\n.Ql $name ,\n.Ql ${name}\nand\n.Ql $(name)\n"
	     "stand for the value of that name,\n"
	     ".Ql ${name?{a}:{b}}\nfor a if it is not empty, else for b,\n"
	     ".Ql ${{a} == {b} ? {c} : {d}}\n"
	     "for the outcome of a comparison\n"
	     "(== != < <= > >=; ==level and so on for versions), and\n"
	     ".Ql $$\nfor one $.\n"
	     ".Pp\n"
	     "Times are numbers with a unit: s, m, h, d, w; without one they\n"
	     "have that of the default.\n"
	     "Sizes may end in k, M or G.\n"
	     "A value that is impossible stops the start, or leaves the\n"
	     "running configuration in place, with file, line and range.\n"
	     ".Pp\nThe parameters:\n"
	     ".Bl -tag -width Ds");
	for (size_t i = 0; i < conf_n_rows; i++)
		print_row(&conf_rows[i]);
	puts(".El\n.Pp\n"
	     "Each delivery service has parameters of its own, made of its\n"
	     "name in\n.Pa master.cf\nand these endings; without one the\n"
	     "other parameter counts:\n"
	     ".Bl -tag -width Ds");
	for (size_t i = 0; i < conf_n_suffixes; i++)
		printf(".It Va NAME%s\nDefault: $%s.\n",
		    conf_suffixes[i].suffix, conf_suffixes[i].fallback);
	puts(".El\n.Sh SEE ALSO\n.Xr postconf 1 ,\n.Xr master 5");
}
