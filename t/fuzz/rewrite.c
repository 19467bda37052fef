/* Completing and routing of addresses, whatever they are. */
#include "lib/base/log.h"
#include "lib/mail/address.h"
#include "rewrite/route.h"

#include <assert.h>
#include <fcntl.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAIN_CF                                                             \
	"compatibility_level = 3.6\n"                                       \
	"myhostname = mx.example.test\n"                                    \
	"inet_interfaces = 127.0.0.1\n"                                     \
	"recipient_delimiter = +-\n"                                        \
	"append_dot_mydomain = yes\n"                                       \
	"resolve_numeric_domain = yes\n"                                    \
	"relay_domains = r, b\xc3\xbc"                                      \
	"cher.test\n"                                                       \
	"virtual_alias_domains = va\n"                                      \
	"virtual_mailbox_domains = inline:{{vm=x}}\n"                       \
	"relocated_maps = inline:{{joe=x@y}, {@moved=z}}\n"                 \
	"sender_dependent_relayhost_maps = inline:{{@s=[h]}, {<>=DUNNO}}\n" \
	"transport_maps = inline:{{joe@t=smtp:}, {.t=:[x]}, {*=}},"         \
	" regexp:{{/^x/ error:}}\n"

static struct conf *conf;
static struct router router;

static void
set_up(void)
{
	struct conf_source source = { .dir = "/nowhere" };

	log_take_socket(open("/dev/null", O_WRONLY | O_CLOEXEC));
	if (err_is(conf_load_text(&source, VIEW(MAIN_CF), "main.cf", &conf)) ||
	    err_is(router_init(&router, conf)))
		__builtin_trap();
}

static void
route(struct view sender, struct view address)
{
	struct route way;

	route_init(&way);
	route_find(&router, sender, address, &way);
	/* Whatever comes out says what to do. */
	assert(way.transport.len > 0 && way.nexthop.len > 0);
	if (!err_is(way.why)) {
		size_t at = view_find_last(str_view(&way.recipient), '@');

		assert(at != VIEW_NPOS && at + 1 < way.recipient.len);
		assert(way.recipient.ptr[0] != '-');
	}
	route_clear(&way);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view sender, rest = view_make(data, size);
	struct str full = STR_EMPTY, again = STR_EMPTY;

	if (conf == NULL)
		set_up();
	if (size == 0)
		rest = VIEW_EMPTY;
	view_field(&rest, '\n', &sender);
	if (rest.ptr == NULL)
		rest = VIEW_EMPTY;
	route(sender, rest);
	address_complete(conf, ADDRESS_LOCAL, rest, &full);
	address_complete(conf, ADDRESS_REMOTE, rest, &again);
	assert(full.len <= rest.len + 200);
	str_clear(&full);
	str_clear(&again);
	return 0;
}
