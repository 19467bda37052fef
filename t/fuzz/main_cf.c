/*
 * main.cf: syntax, expansion, checks, netlists.  Behind a byte RS (0x1e) stands
 * "name=value" as a command line may add it.
 */
#include "lib/conf/conf.h"
#include "lib/conf/netlist.h"

#include "lib/base/mem.h"

#include <assert.h>
#include <netinet/in.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SEPARATOR = 0x1e, NAME_MAX_HERE = 100, VALUE_MAX_HERE = 400 };

static size_t said;

static void
visit(void *arg, const char *text)
{
	(void)arg;
	said += strlen(text);
}

/* The last net decides for what none of them names. */
static void
read_nets(struct view text)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr other = { .sa_family = AF_UNIX };
	struct netlist nets;
	struct view rest = text, item;

	netlist_init(&nets);
	(void)netlist_parse(&nets, text);
	in.sin_addr.s_addr = htonl(0x0a010203);
	in6.sin6_addr = in6addr_loopback;
	netlist_match(&nets, (struct sockaddr *)&in);
	netlist_match(&nets, (struct sockaddr *)&in6);
	assert(!netlist_match(&nets, &other));
	while (conf_list_next(&rest, &item))
		netlist_is_network(item);
	netlist_clear(&nets);
}

/* What is set is found; what programs ask for is there. */
static void
ask(const struct conf *conf, struct view text)
{
	static const char *const numbers[] = { "_destination_concurrency_limit",
		"_destination_rate_delay", "_recipient_limit", "_time_limit",
		"_minimum_delivery_slots", "_transport_rate_delay" };
	struct str out = STR_EMPTY;

	conf_each_warning(conf, visit, NULL);
	assert(conf_find(conf, "myhostname") != NULL);
	assert(conf_find_raw(conf, "mynetworks") != NULL);
	assert(conf->relayhost != NULL && conf->smtpd_banner != NULL);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		assert(conf_find_derived(conf, "relay", numbers[i]) >= 0);
		assert(conf_find_derived(conf, "x", numbers[i]) >= 0);
	}
	assert(conf_find_derived_text(conf, "x",
		   "_destination_concurrency_positive_feedback") != NULL);
	(void)conf_level_below(conf, "3.6");
	(void)conf_is_set(conf, "relayhost");
	(void)conf_expand_text(conf, text, &out);
	str_clear(&out);
}

static void
load(struct view text, const struct conf_pair *pair)
{
	struct conf_source source = { .dir = "/nowhere",
		.service_name = "relay",
		.process_name = "smtp",
		.overrides = pair,
		.n_overrides = pair != NULL };
	struct conf *conf;

	if (err_is(conf_load_text(&source, text, "main.cf", &conf)))
		return;
	read_nets(view_of(conf->mynetworks));
	ask(conf, text);
	conf_free(conf);
}

static void
copy(char *to, size_t room, struct view v)
{
	v = view_first(v, room - 1);
	v = view_first(v, view_find(v, '\0'));
	memcpy(to, v.ptr, v.len);
	to[v.len] = '\0';
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view text = view_make(data, size);
	size_t end = view_find(text, SEPARATOR);
	struct view more = view_skip(text, end), name;
	char key[NAME_MAX_HERE], value[VALUE_MAX_HERE];
	struct conf_pair pair = { key, value };

	text = view_first(text, end);
	if (more.len > 0) {
		more = view_skip(more, 1);
		name = view_first(more, view_find(more, '='));
		copy(key, sizeof(key), name);
		copy(value, sizeof(value), view_skip(more, name.len + 1));
	}
	load(text, end != VIEW_NPOS ? &pair : NULL);
	read_nets(text);
	return 0;
}
