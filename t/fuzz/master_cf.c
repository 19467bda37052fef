/* master.cf: columns, arguments, overrides. */
#include "lib/conf/master_cf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct master_cf cf;

	master_cf_init(&cf);
	(void)master_cf_read_text(
	    &cf, view_make(data, size), "master.cf", false);
	LIST_EACH (it, after, &cf.services) {
		const struct master_service *s =
		    LIST_ITEM(it, struct master_service, node);
		struct view name, value;
		size_t at = 1;

		while (master_service_next_override(s, &at, &name, &value))
			continue;
	}
	master_cf_clear(&cf);
	return 0;
}
