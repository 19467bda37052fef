/*
 * A server that says anything at all to a delivery.  The first byte chooses
 * options, the second the number of recipients; then what the server says, a
 * piece for each time the client reads, with '|' between.
 */
#include "smtp/script.h"

#include "lib/base/log.h"
#include "lib/mail/esmtp.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	IS_LMTP = 1,
	IS_8BIT = 2,
	IS_UTF8 = 4,
	IS_PROBE = 8,
	FORWARD = 16,
	IS_USED = 32,
	CUT = 64
};

static const char content[] =
    "From: a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    "Content-Transfer-Encoding: 8bit\r\n\r\n.\r\n..\xc3\xa4\r\n--b--\r\n";

static int64_t
flags_of(unsigned options)
{
	return ((options & IS_8BIT) != 0 ? SUBMIT_EIGHT_BIT : 0) |
	    ((options & IS_UTF8) != 0 ? SUBMIT_SMTPUTF8 : 0) |
	    ((options & IS_PROBE) != 0 ? SUBMIT_PROBE : 0);
}

static void
run(struct script *script, unsigned options, size_t n_rcpts)
{
	struct ipc_delivered answer = { 0 };
	struct str outcomes = STR_EMPTY, frame = STR_EMPTY;
	struct settings set;
	struct script_message m;
	struct delivery d;
	struct session *s;
	int fd;

	script_settings(&set);
	set.is_lmtp = (options & IS_LMTP) != 0;
	set.send_xforward = (options & FORWARD) != 0;
	script_message(&m, view_make(content, sizeof(content) - 1), n_rcpts);
	m.ask.flags = flags_of(options);
	if (err_is(delivery_init(&d, &set, &m.ask)))
		abort();
	s = script_session(script, &set);
	s->uses = (options & IS_USED) != 0 ? 1 : 0;
	if (!session_greet(s, "x.test", &d.why))
		delivery_refuse_all(&d, RCPT_TODO, s, &d.why);
	else if (!deliver_through(&d, s))
		assert(s->uses > 1);
	why_set(&d.why, DSN_STATUS(4, 0, 0), "nothing left");
	delivery_give_up(&d);
	assert(d.n_todo == 0);
	delivery_answer(&d, &answer, &outcomes);
	if (err_is(ipc_encode(&frame, 1, IPC_OUT(delivered, &answer), &fd)))
		abort();
	session_quit(s);
	str_clear(&frame);
	str_clear(&outcomes);
	delivery_clear(&d);
	script_message_clear(&m);
}

/* Nothing that goes out has a bare CR or LF in it. */
static void
check_heard(struct view heard)
{
	for (size_t i = 0; i < heard.len; i++) {
		if (heard.ptr[i] == '\n')
			assert(i > 0 && heard.ptr[i - 1] == '\r');
		if (heard.ptr[i] == '\r')
			assert(i + 1 < heard.len && heard.ptr[i + 1] == '\n');
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script script = { 0 };
	static bool is_quiet;

	if (!is_quiet) {
		/* Lines go nowhere: a socket that nobody reads. */
		log_take_socket(open("/dev/null", O_WRONLY | O_CLOEXEC));
		is_quiet = true;
	}
	if (size < 2)
		return 0;
	script.says = view_make(data + 2, size - 2);
	script.write_max = (data[0] & CUT) != 0 ? 200 : 0;
	run(&script, data[0], 1 + data[1] % 20);
	if (script.write_max == 0)
		check_heard(str_view(&script.heard));
	str_clear(&script.heard);
	return 0;
}
