/*
 * Tables of every text form from foreign bytes, and those made of others: the
 * first byte chooses the form, the first line is the key, the rest the body.
 */
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/table/match.h"
#include "lib/table/source.h"
#include "lib/table/table.h"

#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const types[] = { "texthash", "regexp", "pcre", "cidr",
	"inline", "regexp", "pcre", "cidr" };

enum { FORM_FILE = 4, FORM_INLINE = 8, FORM_LIST = 8, FORM_ALIASES = 9 };

/* Forms after those: the body stands in braces, or, for the last ones, as it
 * is. */
static const char *const others[] = { "unionmap", "pipemap", "randmap",
	"static", "static", "environ" };
enum { OTHERS_BRACED = 4, FORMS = 10 + sizeof(others) / sizeof(others[0]) };

static char path[] = "/tmp/fuzz-table.XXXXXX";

static void
remove_file(void)
{
	unlink(path);
}

static void
write_body(struct view body)
{
	static FILE *f;

	if (f == NULL) {
		int fd = mkstemp(path);

		assert(fd >= 0);
		f = fdopen(fd, "w");
		assert(f != NULL);
		atexit(remove_file);
	}
	rewind(f);
	fwrite(body.ptr, 1, body.len, f);
	fflush(f);
	assert(ftruncate(fileno(f), (off_t)body.len) == 0);
}

/* Warnings of bad rules are not what is looked for. */
static void
hush(void)
{
	static bool done;

	if (!done)
		log_take_socket(open("/dev/null", O_WRONLY | O_CLOEXEC));
	done = true;
}

static void
ask(struct view spec, struct view key)
{
	struct str value = STR_EMPTY;
	struct table *t;
	bool found;

	if (!err_is(table_open(spec, 0, &t))) {
		struct err e = table_find(t, key, &value, &found);

		assert(!err_is(e) || (e.kind == ERR_TEMP && !found));
	}
	table_close(t);
	str_clear(&value);
}

/* Any file of the machine may be named in there: these are not wanted. */
static bool
names_files(struct view v)
{
	static const char *const words[] = { "/", "hash:", "btree:", "unix:",
		"tcp:", "lmdb:", "cdb:", "socketmap:", "proxy:", "sql" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (view_find_text(v, view_of(words[i])) != VIEW_NPOS)
			return true;
	return false;
}

static void
match(struct view list, struct view name)
{
	struct match_list *l;
	bool yes;

	/* A list may name any file of the machine: only networks here. */
	for (size_t i = 0; i < list.len; i++)
		if (list.ptr[i] == '/' &&
		    (i == 0 ||
			(!ascii_is_digit(list.ptr[i - 1]) &&
			    list.ptr[i - 1] != ']')))
			return;
	if (view_find_text(list, VIEW("hash:")) != VIEW_NPOS ||
	    view_find_text(list, VIEW("btree:")) != VIEW_NPOS)
		return;
	if (!err_is(match_list_open(list, MATCH_PARENTS, &l))) {
		match_list_matches_client(l, name, name, &yes);
		match_list_matches(l, name, &yes);
		assert(!match_list_has_changed(l));
	}
	match_list_close(l);
}

static void
read_aliases(struct view text)
{
	struct source s;
	struct view key, value;

	source_init(&s, text, "fuzz", SOURCE_UTF8);
	while (source_next_alias(&s, &key, &value))
		assert(key.len > 0 && value.len > 0);
	source_clear(&s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view body = view_make(data, size), key;
	struct str spec = STR_EMPTY;
	unsigned form;

	if (size < 2 || size > 20000)
		return 0;
	hush();
	form = data[0] % FORMS;
	body = view_skip(body, 1);
	if (!view_field(&body, '\n', &key) || body.ptr == NULL)
		return 0;
	if (form == FORM_LIST) {
		match(body, key);
	} else if (form == FORM_ALIASES) {
		read_aliases(body);
	} else if (form < FORM_FILE) {
		write_body(body);
		str_printf(&spec, "%s:%s", types[form], path);
	} else if (form < FORM_INLINE) {
		str_printf(&spec, "%s:{", types[form]);
	} else if (!names_files(body)) {
		str_printf(&spec, "%s:%s", others[form - 10],
		    form - 10 < OTHERS_BRACED ? "{" : "");
	}
	if (spec.len > 0 && form >= FORM_FILE)
		str_add(&spec, body);
	if (view_ends(view_first(str_view(&spec), 10), VIEW("{")) ||
	    view_find_text(str_view(&spec), VIEW(":{")) < 10)
		str_add_byte(&spec, '}');
	if (spec.len > 0)
		ask(str_view(&spec), key);
	str_clear(&spec);
	return 0;
}
