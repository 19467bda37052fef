/* receive_override_options: see override.h. */
#include "lib/mail/override.h"

#include "lib/base/mem.h"
#include "lib/conf/conf.h"
#include "lib/ipc/messages.h"

struct err
override_parse(const char *value, struct override *o)
{
	static const struct {
		const char *name;
		struct override sets;
	} words[] = {
		{ "no_unknown_recipient_checks", { true, false, 0 } },
		{ "no_address_mappings", { false, false, SUBMIT_NO_MAPPINGS } },
		{ "no_header_body_checks", { false, false, SUBMIT_NO_CHECKS } },
		{ "no_milters", { false, true, 0 } },
	};
	struct view rest = view_of(value), word;

	*o = (struct override){ .flags = 0 };
	while (conf_list_next(&rest, &word)) {
		size_t i = 0;

		while (i < ARRAY_LEN(words) &&
		    !view_eq_case(word, view_of(words[i].name)))
			i++;
		if (i == ARRAY_LEN(words))
			return err_make(ERR_PERM,
			    "unknown receive_override_options value \"%.*s\"",
			    VIEW_ARGS(word));
		o->no_unknown_recipient_checks |=
		    words[i].sets.no_unknown_recipient_checks;
		o->no_milters |= words[i].sets.no_milters;
		o->flags |= words[i].sets.flags;
	}
	return ERR_OK;
}
