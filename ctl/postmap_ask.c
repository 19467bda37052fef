/* Asking and listing tables: see postmap.h. */
#include "ctl/postmap.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/table/create.h"
#include "lib/table/table.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

static struct err
open_table(const struct run *run, struct view spec, struct table **t)
{
	return table_open(
	    spec, run->make & MAKE_NO_FOLD ? TABLE_NO_FOLD : 0, t);
}

/* A value of -F from base64 to what it holds; false if it is none. */
static bool
decode(struct str *value)
{
	struct str out = STR_EMPTY;
	struct view in = view_trim(str_view(value));
	size_t padding = 0;
	int n;

	while (padding < 2 && in.len > padding &&
	    in.ptr[in.len - 1 - padding] == '=')
		padding++;
	n = EVP_DecodeBlock((unsigned char *)str_reserve(&out, in.len + 1),
	    (const unsigned char *)in.ptr, (int)in.len);
	if (n >= 0) {
		str_grew(&out, (size_t)n - padding);
		str_set(value, str_view(&out));
	}
	str_clear(&out);
	return n >= 0;
}

static void
add_json(struct str *out, struct view text)
{
	str_add_byte(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c == '"' || c == '\\')
			str_addf(out, "\\%c", c);
		else if (c < ' ' || c == 0x7f)
			str_addf(out, "\\u%04x", c);
		else
			str_add_byte(out, (char)c);
	}
	str_add_byte(out, '"');
}

/* Print one pair as a listing or "-q -" has it. */
static void
print_pair(const struct run *run, struct view key, struct view value)
{
	struct str line = STR_EMPTY;

	if (run->json) {
		str_add_byte(&line, '{');
		add_json(&line, key);
		str_add_text(&line, ": ");
		add_json(&line, value);
		str_add_byte(&line, '}');
	} else {
		str_add(&line, key);
		str_add_text(&line, run->tool->separator);
		str_add(&line, value);
	}
	str_add_byte(&line, '\n');
	fwrite(line.ptr, 1, line.len, stdout);
	str_clear(&line);
}

/* One key in one table; ends the program if the table fails. */
static bool
ask(const struct run *run, struct table *t, struct view key, struct str *value)
{
	struct view spec = table_spec(t);
	bool found = false;
	struct err e = ERR_OK;

	if ((run->source & SOURCE_UTF8) != 0 && !view_is_utf8(key))
		log_warn("%.*s: non-UTF-8 key \"%.*s\": malformed UTF-8 or "
			 "invalid codepoint",
		    VIEW_ARGS(spec), VIEW_ARGS(view_first(key, 200)));
	else
		e = table_find(t, key, value, &found);
	if (err_is(e))
		postmap_fatal(
		    "table %.*s: query error: %s", VIEW_ARGS(spec), e.text);
	if (found && run->files && !decode(value))
		postmap_fatal(
		    "table %.*s: query error: value of %.*s is not base64",
		    VIEW_ARGS(spec), VIEW_ARGS(view_first(key, 200)));
	if (found && value->len == 0) {
		log_warn("table %.*s: key %.*s: empty string result is not "
			 "allowed",
		    VIEW_ARGS(spec), VIEW_ARGS(view_first(key, 200)));
		log_warn("table %.*s should return NO RESULT in case of NOT "
			 "FOUND",
		    VIEW_ARGS(spec));
	}
	return found;
}

struct tables {
	struct table **all;
	size_t n;
};

static struct tables
open_tables(const struct run *run, char **args)
{
	struct tables tables = { NULL, 0 };
	struct str spec = STR_EMPTY;

	for (; *args != NULL; args++) {
		tables.all = xreallocarray(
		    tables.all, tables.n + 1, sizeof(struct table *));
		postmap_make_spec(run, *args, &spec);
		postmap_check(
		    open_table(run, str_view(&spec), &tables.all[tables.n++]));
	}
	str_clear(&spec);
	return tables;
}

static void
close_tables(struct tables *tables)
{
	for (size_t i = 0; i < tables->n; i++)
		table_close(tables->all[i]);
	free(tables->all);
}

static bool
ask_all(const struct run *run, const struct tables *tables, struct view key,
    struct str *value)
{
	for (size_t i = 0; i < tables->n; i++)
		if (ask(run, tables->all[i], key, value))
			return true;
	return false;
}

static bool
ask_and_print(const struct run *run, const struct tables *tables,
    struct view key, struct str *value)
{
	if (key.len == 0 || !ask_all(run, tables, key, value))
		return false;
	print_pair(run, key, str_view(value));
	return true;
}

/* Keys from standard input, one a line. */
static bool
ask_lines(const struct run *run, const struct tables *tables)
{
	struct str value = STR_EMPTY;
	bool any = false;
	size_t room = 0;
	char *line = NULL;
	ssize_t n;

	while ((n = getline(&line, &room, stdin)) >= 0) {
		if (n > 0 && line[n - 1] == '\n')
			n--;
		any |= ask_and_print(
		    run, tables, view_make(line, (size_t)n), &value);
	}
	free(line);
	str_clear(&value);
	return any;
}

/* A message from standard input: each header is a key, with its newlines, or
 * each line of the body. */
static bool
ask_message(const struct run *run, const struct tables *tables)
{
	struct mime_event event = { .what = MIME_LINE };
	struct str value = STR_EMPTY;
	static char piece[BUFSIZ];
	bool any = false;
	struct mime m;
	size_t n;

	mime_init(&m, &run->limits);
	do {
		n = fread(piece, 1, sizeof(piece), stdin);
		if (n > 0)
			mime_take(&m, view_make(piece, n));
		else
			mime_finish(&m);
		while (mime_next(&m, &event))
			if ((event.what == MIME_HEADER && run->headers) ||
			    (event.what == MIME_LINE && run->body))
				any |= ask_and_print(
				    run, tables, event.text, &value);
	} while (n > 0);
	mime_clear(&m);
	str_clear(&value);
	return any;
}

int
postmap_ask(const struct run *run, char **args)
{
	struct tables tables = open_tables(run, args);
	struct str value = STR_EMPTY;
	bool found;

	if (view_eq(run->key, VIEW("-"))) {
		found = run->headers || run->body ? ask_message(run, &tables)
						  : ask_lines(run, &tables);
	} else {
		if (run->headers || run->body || run->mime)
			postmap_fatal("specify -b -h or -m only with \"-q -\"");
		found = ask_all(run, &tables, run->key, &value);
		if (found && run->json)
			print_pair(run, run->key, str_view(&value));
		else if (found)
			printf("%s\n", value.ptr);
	}
	str_clear(&value);
	close_tables(&tables);
	return found ? 0 : 1;
}

int
postmap_list(const struct run *run, char **args)
{
	struct str key = STR_EMPTY, value = STR_EMPTY;
	struct tables tables = open_tables(run, args);
	bool more, first;

	for (size_t i = 0; i < tables.n; i++) {
		struct table *t = tables.all[i];

		for (first = true, more = true; more; first = false) {
			struct err e =
			    table_next(t, first, &key, &value, &more);

			if (err_is(e))
				postmap_fatal("table %.*s: %s",
				    VIEW_ARGS(table_spec(t)), e.text);
			if (more && run->files && !decode(&value))
				postmap_fatal(
				    "table %.*s: value of %s is not base64",
				    VIEW_ARGS(table_spec(t)), key.ptr);
			if (more)
				print_pair(
				    run, str_view(&key), str_view(&value));
		}
	}
	str_clear(&key);
	str_clear(&value);
	close_tables(&tables);
	return tables.n > 0 ? 0 : 1;
}
