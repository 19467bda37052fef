/*
 * Recipients through cleanup's address maps: whatever they are, what comes out
 * may be stored, in the order of its numbers, and an expansion ends.  The first
 * byte chooses the tables; then lines, an address each, the first of them the
 * sender.
 */
#include "cleanup/testing.h"

#include "lib/base/log.h"

#include <assert.h>
#include <fcntl.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EXPANSION_MAX = 20, RCPTS_MAX = 50 };

#define COMMON                                                              \
	"inet_interfaces = 127.0.0.1\nmydestination = here.example\n"       \
	"myorigin = here.example\nrecipient_delimiter = +-\n"               \
	"virtual_alias_expansion_limit = 20\n"                              \
	"virtual_alias_recursion_limit = 10\n"

static const char *const sites[] = {
	COMMON "virtual_alias_maps = inline:{ {a = b, c} {b@x = \"q r\"@y} "
	       "{c = <d@e>, (x) a} {@z = @x} {@w = u} {l@x = k@x} "
	       "{k@x = l@x} }\n",
	COMMON "virtual_alias_maps = regexp:{ {/^(.*)@r$$/ $$1@s, $$1} "
	       "{/^(.)(.*)@s/ $$2@s} {/^\"?(.*)@g/ $$1$$1@g} }\n",
	COMMON "canonical_maps = inline:{ {a = b} {@x = @y} "
	       "{\"q r\" = {s t}@u} }\nmasquerade_domains = !k.m m\n"
	       "masquerade_classes = envelope_sender, envelope_recipient\n"
	       "propagate_unmatched_extensions =\n",
	COMMON "always_bcc = a\nrecipient_bcc_maps = static:b+c@d\n"
	       "sender_bcc_maps = regexp:{ {/^(.*)@(.*)$$/ $$2@$$1} }\n"
	       "virtual_alias_maps = inline:{ {a = b c d} }\n",
};

static struct err
add(struct message *m, struct view address, int64_t notify)
{
	struct ipc_rcpt r = { 0, address, address, VIEW_EMPTY, notify };
	struct str list = STR_EMPTY;
	struct err e;

	ipc_list_add(&list, ipc_rcpt_type(), &r);
	e = envelope_add_rcpts(m, str_view(&list));
	str_clear(&list);
	return e;
}

static void
check(const struct message *m, int64_t given)
{
	struct view rest = str_view(&m->rcpts);
	struct ipc_rcpt r;
	int64_t n = 0;
	bool more;

	assert(addr_is_sane(str_view(&m->sender)));
	while (!err_is(ipc_list_next(&rest, IPC_IN(rcpt, &r), &more)) && more) {
		assert(r.number == n++);
		assert(addr_is_sane(r.address) && addr_is_sane(r.original));
	}
	assert(n == m->n_rcpts);
	/* Each with its blind copy, that for the sender and that for all. */
	assert(n <= (2 * given + 2) * (EXPANSION_MAX + 2));
}

/* Opened once each. */
static struct cleanup *
site(size_t i)
{
	static struct cleanup cleanups[ARRAY_LEN(sites)];
	static struct mapping maps[ARRAY_LEN(sites)];

	if (cleanups[0].conf == NULL)
		log_take_socket(open("/dev/null", O_WRONLY | O_CLOEXEC));
	for (size_t k = 0; k < ARRAY_LEN(sites); k++) {
		if (cleanups[k].conf != NULL)
			continue;
		test_cleanup_init(&cleanups[k], sites[k]);
		maps[k] = test_mapping;
		cleanups[k].mapping = &maps[k];
	}
	return &cleanups[i];
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct message m;
	struct view rest, line;
	int64_t given = 0;

	if (size < 1)
		return 0;
	rest = view_make(data + 1, size - 1);
	test_message_init(
	    &m, site(data[0] % ARRAY_LEN(sites)), "remote", VIEW_EMPTY);
	m.submit.origin = VIEW("smtpd");
	if (view_field(&rest, '\n', &line)) {
		m.submit.sender = line;
		if (err_is(envelope_set_sender(&m)))
			str_reset(&m.sender);
	}
	while (given < RCPTS_MAX && view_field(&rest, '\n', &line)) {
		given++;
		add(&m, line, (int64_t)line.len % 3);
	}
	envelope_end_rcpts(&m);
	check(&m, given);
	test_message_clear(&m);
	return 0;
}
