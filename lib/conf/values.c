#include "lib/conf/values.h"

#include "lib/base/mem.h"

static bool
is_separator(char c)
{
	return ascii_is_space(c) || c == ',';
}

bool
conf_list_next(struct view *rest, struct view *item)
{
	size_t start = 0, end, level = 0;

	while (start < rest->len && is_separator(rest->ptr[start]))
		start++;
	for (end = start; end < rest->len; end++) {
		char c = rest->ptr[end];

		if (level == 0 && is_separator(c))
			break;
		if (c == '{')
			level++;
		else if (c == '}' && level > 0)
			level--;
	}
	*item = view_sub(*rest, start, end - start);
	*rest = view_skip(*rest, end);
	if (item->len == 0)
		return false;
	if (item->len < 2 || item->ptr[0] != '{')
		return true;
	/* One group, or two that stand together? */
	for (size_t i = 0; i < item->len; i++) {
		if (item->ptr[i] == '{')
			level++;
		else if (item->ptr[i] == '}' && level > 0 && --level == 0) {
			if (i + 1 == item->len)
				*item = view_trim(
				    view_sub(*item, 1, item->len - 2));
			break;
		}
	}
	return true;
}

/* Digits, then the unit in *unit. */
static bool
take_number(struct view text, int64_t *number, struct view *unit)
{
	size_t n = 0;

	text = view_trim(text);
	while (n < text.len && ascii_is_digit(text.ptr[n]))
		n++;
	*unit = view_skip(text, n);
	return n > 0 && view_to_int(view_first(text, n), number);
}

bool
conf_parse_time(struct view text, char default_unit, int64_t *ms)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {
		{ "ms", 1 },
		{ "s", 1000 },
		{ "m", 60 * 1000 },
		{ "h", 3600 * 1000 },
		{ "d", 86400 * 1000 },
		{ "w", 7 * 86400 * 1000 },
	};
	struct view unit;
	int64_t number;

	if (!take_number(text, &number, &unit))
		return false;
	if (unit.len == 0)
		unit = view_make(&default_unit, 1);
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (view_eq_case(unit, view_of(units[i].name)))
			return !__builtin_mul_overflow(number, units[i].ms, ms);
	return false;
}

bool
conf_parse_size(struct view text, int64_t *bytes)
{
	static const char units[] = "kmg";
	int64_t number, factor = 1;
	struct view unit;
	const char *at;

	if (!take_number(text, &number, &unit) || unit.len > 1)
		return false;
	if (unit.len == 1) {
		at = strchr(units, ascii_lower(unit.ptr[0]));
		if (at == NULL || *at == '\0')
			return false;
		factor = INT64_C(1) << (10 * (at - units + 1));
	}
	return !__builtin_mul_overflow(number, factor, bytes);
}

bool
conf_parse_bool(struct view text, bool *value)
{
	text = view_trim(text);
	*value = view_eq_case(text, VIEW("yes"));
	return *value || view_eq_case(text, VIEW("no"));
}
