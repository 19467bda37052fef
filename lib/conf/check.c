#include "lib/conf/check.h"

#include <assert.h>

/* What a bare number is counted in: the unit that the default has. */
static char
default_unit(struct names *names, const struct conf_row *row)
{
	struct str text = STR_EMPTY;
	char unit = 's';

	if (!err_is(names_expand(names, view_of(conf_row_init(row)), &text)) &&
	    text.len > 1 && ascii_is_alpha(text.ptr[text.len - 1]))
		unit = ascii_lower(text.ptr[text.len - 1]);
	str_clear(&text);
	return unit;
}

static bool
is_choice(const char *choices, struct view value)
{
	struct view rest = view_of(choices), choice;

	while (view_token(&rest, "|", &choice))
		if (view_eq_case(choice, value))
			return true;
	return false;
}

static bool
parse_seconds(struct names *names, const struct conf_row *row,
    struct view value, int64_t *number)
{
	if (!conf_parse_time(value, default_unit(names, row), number) ||
	    *number % 1000 != 0)
		return false;
	*number /= 1000;
	return *number >= row->low && *number <= row->high;
}

static bool
parse(struct names *names, const struct conf_row *row, struct view value,
    int64_t *number)
{
	bool yes = false;
	bool ok = true;

	*number = 0;
	switch (row->type) {
	case CONF_BOOL:
		ok = conf_parse_bool(value, &yes);
		*number = yes;
		return ok;
	case CONF_TIME:
		return parse_seconds(names, row, value, number);
	case CONF_MSEC:
		return conf_parse_time(
			   value, default_unit(names, row), number) &&
		    *number >= row->low * 1000 && *number <= row->high * 1000;
	case CONF_SIZE:
		ok = conf_parse_size(value, number);
		break;
	case CONF_INT:
		ok = view_to_int(view_trim(value), number);
		break;
	case CONF_ENUM:
		return is_choice(conf_row_choices(row), value);
	case CONF_STR:
	case CONF_RAW:
		*number = (int64_t)value.len;
		break;
	}
	return ok && *number >= row->low && *number <= row->high;
}

static void
describe_numbers(
    const struct conf_row *row, const char *unit, int64_t open, struct str *out)
{
	if (row->high == open)
		str_addf(out, "%lld%s or more", (long long)row->low, unit);
	else
		str_addf(out, "%lld%s to %lld%s", (long long)row->low, unit,
		    (long long)row->high, unit);
}

void
check_describe(const struct conf_row *row, struct str *out)
{
	struct view rest, choice;
	const char *comma = "";

	switch (row->type) {
	case CONF_BOOL:
		str_add_text(out, "yes or no");
		break;
	case CONF_TIME:
	case CONF_MSEC:
		describe_numbers(row, "s", CONF_TIME_MAX, out);
		break;
	case CONF_SIZE:
		describe_numbers(row, "", CONF_SIZE_MAX, out);
		str_add_text(out, " bytes");
		break;
	case CONF_INT:
		describe_numbers(row, "", CONF_INT_MAX, out);
		break;
	case CONF_ENUM:
		rest = view_of(conf_row_choices(row));
		while (view_token(&rest, "|", &choice)) {
			str_addf(out, "%s%.*s", comma, VIEW_ARGS(choice));
			comma = ", ";
		}
		break;
	case CONF_STR:
	case CONF_RAW:
		str_add_text(out, row->low > 0 ? "not empty" : "any text");
		break;
	}
}

struct err
check_value(struct names *names, const struct conf_row *row, struct view value,
    int64_t *number)
{
	struct str range = STR_EMPTY;
	struct err e;

	if (parse(names, row, value, number))
		return ERR_OK;
	check_describe(row, &range);
	e = err_make(ERR_PERM, "bad value \"%.*s\", allowed %s",
	    VIEW_ARGS(view_first(value, 60)), range.ptr);
	str_clear(&range);
	return e;
}
