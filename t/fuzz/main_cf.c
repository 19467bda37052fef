/* main.cf: syntax, expansion, checks, netlists. */
#include "lib/conf/conf.h"
#include "lib/conf/netlist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_source source = { .dir = "/nowhere" };
	struct netlist nets;
	struct conf *conf;

	if (err_is(conf_load_text(
		&source, view_make(data, size), "main.cf", &conf)))
		return 0;
	netlist_init(&nets);
	(void)netlist_parse(&nets, view_of(conf->mynetworks));
	netlist_clear(&nets);
	conf_free(conf);
	return 0;
}
