/* Steps of a decision: see trace.h. */
#include "lib/base/trace.h"

#include "lib/base/str.h"

#include <stdio.h>

enum trace_form trace_form = TRACE_OFF;
bool trace_hides_misses;
static size_t found_line;

void
trace_set_line(size_t line)
{
	if (trace_is_on())
		found_line = line;
}

size_t
trace_take_line(void)
{
	size_t line = found_line;

	found_line = 0;
	return line;
}

/* In quotes, as JSON has it; text that is no UTF-8 byte by byte. */
static void
add_quoted(struct str *out, struct view v)
{
	bool is_utf8 = view_is_utf8(v);

	str_add_byte(out, '"');
	for (size_t i = 0; i < v.len; i++) {
		unsigned char c = (unsigned char)v.ptr[i];

		if (c == '"' || c == '\\')
			str_addf(out, "\\%c", c);
		else if (c < ' ' || c == 0x7f || (c > 0x7f && !is_utf8))
			str_addf(out, "\\u%04x", c);
		else
			str_add_byte(out, (char)c);
	}
	str_add_byte(out, '"');
}

static bool
is_plain(struct view v)
{
	for (size_t i = 0; i < v.len; i++)
		if (v.ptr[i] <= ' ' || v.ptr[i] >= 0x7f || v.ptr[i] == '"' ||
		    v.ptr[i] == '\\')
			return false;
	return v.len > 0;
}

static void
add_field(struct str *out, const struct trace_field *f)
{
	struct str cut = STR_EMPTY;
	struct view value = f->value;

	if (value.len > TRACE_VALUE_MAX) {
		str_set(&cut, view_first(value, TRACE_VALUE_MAX));
		str_add_text(&cut, "...");
		value = str_view(&cut);
	}
	if (trace_form == TRACE_JSON) {
		str_addf(out, ",\"%s\":", f->name);
		add_quoted(out, value);
	} else {
		str_addf(out, " %s=", f->name);
		if (is_plain(value))
			str_add(out, value);
		else
			add_quoted(out, value);
	}
	str_clear(&cut);
}

void
trace_step(const char *step, const struct trace_field *fields, size_t n)
{
	bool json = trace_form == TRACE_JSON;
	struct str out = STR_EMPTY;

	str_printf(&out, json ? "{\"step\":\"%s\"" : "%s:", step);
	for (size_t i = 0; i < n; i++)
		if (fields[i].value.ptr != NULL)
			add_field(&out, &fields[i]);
	str_add_text(&out, json ? "}\n" : "\n");
	fwrite(out.ptr, 1, out.len, stdout);
	fflush(stdout);
	str_clear(&out);
}
