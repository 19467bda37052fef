/*
 * Tables of every text form from foreign bytes: the first byte chooses the
 * form, the first line is the key, the rest the body.
 */
#include "lib/base/log.h"
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
	if (!err_is(match_list_open(list, MATCH_PARENTS, &l)))
		match_list_matches_client(l, name, name, &yes);
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
	form = data[0] % 10;
	body = view_skip(body, 1);
	if (!view_field(&body, '\n', &key) || body.ptr == NULL)
		return 0;
	if (form == 8) {
		match(body, key);
	} else if (form == 9) {
		read_aliases(body);
	} else if (form < 4) {
		write_body(body);
		str_printf(&spec, "%s:%s", types[form], path);
		ask(str_view(&spec), key);
	} else {
		str_printf(&spec, "%s:{", types[form]);
		str_add(&spec, body);
		str_add_byte(&spec, '}');
		ask(str_view(&spec), key);
	}
	str_clear(&spec);
	return 0;
}
