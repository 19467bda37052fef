/* master.cf: columns, arguments, overrides, and services that are built in. */
#include "lib/conf/master_cf.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_service(const struct master_cf *cf, const struct master_service *s)
{
	struct view name, value;
	enum master_type type;
	size_t at = 1;

	assert(s->argc > 0 && s->argv[s->argc] == NULL);
	assert(s->command != NULL && s->command[0] != '\0');
	assert(s->wakeup >= 0 && s->limit >= -1);
	assert(master_cf_find(cf, view_of(s->name), s->type) == s);
	assert(master_type_find(view_of(master_type_name(s->type)), &type) &&
	    type == s->type);
	if (s->type == MASTER_INET)
		assert(s->port != NULL && !s->is_private);
	while (master_service_next_override(s, &at, &name, &value)) {
		assert(at <= s->argc);
		assert(name.len > 0);
	}
	assert(at <= s->argc);
}

static void
read(struct view text, bool chroot_default)
{
	struct master_cf cf;
	size_t n = 0;

	master_cf_init(&cf);
	if (!err_is(
		master_cf_read_text(&cf, text, "master.cf", chroot_default)))
		assert(!err_is(master_cf_add_builtin(
		    &cf, "log unix-dgram n - n - 1 log -x { a b }", false)));
	(void)master_cf_add_builtin(&cf, "bad", false);
	LIST_EACH (it, after, &cf.services) {
		check_service(&cf, LIST_ITEM(it, struct master_service, node));
		n++;
	}
	assert(n == cf.n_services);
	master_cf_clear(&cf);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read(view_make(data, size), false);
	read(view_make(data, size), true);
	return 0;
}
