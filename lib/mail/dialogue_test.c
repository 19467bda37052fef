/* Commands and replies in the log: what stands there, and what does not. */
#include "lib/mail/dialogue.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/unit.h"

#include <sys/socket.h>
#include <unistd.h>

static const struct {
	struct view text;
	const char *lines; /* what is logged, with '|' for each end */
} cases[] = {
	{ VIEW("MAIL FROM:<a@b>\r\n"), "> h[1]: MAIL FROM:<a@b>|" },
	{ VIEW("250-one\r\n250 two"), "> h[1]: 250-one|> h[1]: 250 two|" },
	{ VIEW("a\nb\n"), "> h[1]: a|> h[1]: b|" },
	{ VIEW("\r\n"), "> h[1]: |" },
	{ VIEW(""), "" },
	{ VIEW("x\033[1m\r\n"), "> h[1]: x\\x1B[1m|" },
	/* Secrets. */
	{ VIEW("AUTH PLAIN AGJvYgBzZWNyZXQ=\r\n"), "> h[1]: AUTH PLAIN ...|" },
	{ VIEW("auth\tlogin  Ym9i\r\n"), "> h[1]: auth\\x09login ...|" },
	{ VIEW("AUTH LOGIN\r\n"), "> h[1]: AUTH LOGIN|" },
	{ VIEW("AUTH"), "> h[1]: AUTH|" },
	{ VIEW("AUTHOR x y"), "> h[1]: AUTHOR x y|" },
};

static void
add_texts(struct view records, struct str *out)
{
	struct view record;

	while (view_field(&records, '\n', &record)) {
		if (record.len == 0)
			continue;
		/* "LEVEL TIME PID TAG debug: TEXT" */
		for (int i = 0; i < 5; i++)
			record = view_skip(record, view_find(record, ' ') + 1);
		str_add(out, record);
		str_add_byte(out, '|');
	}
}

START_TEST(a_dialogue_is_logged_without_secrets)
{
	struct str out = STR_EMPTY;
	static char buffer[4096];
	int fds[2];
	ssize_t n;

	ck_assert_int_eq(
	    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds), 0);
	log_open("test");
	log_take_socket(fds[0]);
	dialogue_log(DIALOGUE_SENT, "h[1]", cases[_i].text);
	/* For that only. */
	ck_assert(!log_is_debug());
	log_debug("nothing");
	log_set_debug_here(true);
	dialogue_log(DIALOGUE_SENT, "h[1]", VIEW(""));
	ck_assert(log_is_debug());
	log_set_debug_here(false);
	log_flush();
	n = recv(fds[1], buffer, sizeof(buffer), 0);
	add_texts(view_make(buffer, n > 0 ? (size_t)n : 0), &out);
	ck_assert_str_eq(out.ptr, cases[_i].lines);
	str_clear(&out);
	log_take_socket(-1);
	close(fds[1]);
}
END_TEST

UNIT_MAIN(
    "dialogue", { a_dialogue_is_logged_without_secrets, ARRAY_LEN(cases) })
