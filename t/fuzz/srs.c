/*
 * Senders of mail that is sent on (SRS): what anybody writes to us there is
 * refused unless we made it; what we made comes back.  The first byte chooses
 * the day.
 */
#include "lib/mail/addr.h"
#include "lib/mail/srs.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct srs srs;

static void
open_srs(void)
{
	struct conf_source source = { .dir = "/nonexistent",
		.service_name = "rewrite", .process_name = "rewrite" };
	char path[] = "/tmp/barid-srs.XXXXXX";
	struct str text = STR_EMPTY;
	struct conf *conf;
	int fd = mkstemp(path);

	if (fd < 0 || write(fd, "0123456789abcdef\n", 17) != 17)
		abort();
	close(fd);
	str_printf(&text, "srs_domain = f.test\nsrs_key_file = %s\n", path);
	if (err_is(conf_load_text(
		&source, str_view(&text), "main.cf", &conf)) ||
	    err_is(srs_open(&srs, conf)))
		abort();
	unlink(path);
	str_clear(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str out = STR_EMPTY, back = STR_EMPTY, wild = STR_EMPTY;
	int64_t now = INT64_C(86400) * (size > 0 ? data[0] * 40 : 0);
	struct view text;
	bool rewritten;

	if (srs.conf == NULL)
		open_srs();
	text = size > 0 ? view_make(data + 1, size - 1) : VIEW_EMPTY;
	/* Without the key nothing passes. */
	str_set(&wild, text);
	str_add_text(&wild, "@f.test");
	assert(err_is(srs_reverse(&srs, str_view(&wild), now, &back)));
	assert(err_is(srs_reverse(&srs, text, now, &back)));
	if (addr_is_sane(text) &&
	    !err_is(srs_forward(&srs, text, now, &out, &rewritten)) &&
	    rewritten) {
		assert(srs_looks_ours(srs.conf, str_view(&out)));
		assert(addr_is_sane(str_view(&out)));
		assert(!err_is(srs_reverse(&srs, str_view(&out), now, &back)));
		/* Of another forwarder's the middle one is left out. */
		if (view_starts(str_view(&out), VIEW("SRS0")))
			assert(view_eq(str_view(&back), text));
	}
	str_clear(&out);
	str_clear(&back);
	str_clear(&wild);
	return 0;
}
