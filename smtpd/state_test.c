/*
 * Every command in every state, twice: what may come when.  The table says
 * the first reply's code; after it the session must still be in order.
 */
#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "smtpd/standin.h"

#define L STANDIN_LATER

enum { STATES = 8 };

/* How a session gets there. */
static const char *const states[STATES] = {
	"",
	"HELO me.example\r\n" L,
	"EHLO me.example\r\n" L,
	"EHLO me.example\r\n" L "MAIL FROM:<a@b.example>\r\n" L,
	"EHLO me.example\r\n" L "MAIL FROM:<a@b.example>\r\n" L
	"RCPT TO:<user@local.test>\r\n" L,
	"EHLO me.example\r\n" L "MAIL FROM:<a@b.example>\r\n" L
	"RCPT TO:<user@local.test>\r\n" L "BDAT 3\r\nabc" L,
	/* A chunk was refused. */
	"EHLO me.example\r\n" L "MAIL FROM:<a@b.example>\r\n" L
	"BDAT 3\r\nabc" L,
	/* A message is done. */
	"EHLO me.example\r\n" L "MAIL FROM:<a@b.example>\r\n" L
	"RCPT TO:<user@local.test>\r\n" L "DATA\r\n" L "x\r\n.\r\n" L,
};

static const struct {
	const char *text;
	int codes[STATES];
	int again; /* the code the second time, after state 4; 0: as at first */
} commands[] = {
	{ "HELO x\r\n", { 250, 250, 250, 250, 250, 250, 250, 250 }, 0 },
	{ "EHLO x\r\n", { 250, 250, 250, 250, 250, 250, 250, 250 }, 0 },
	{ "HELO\r\n", { 501, 501, 501, 501, 501, 501, 501, 501 }, 0 },
	{ "EHLO\r\n", { 501, 501, 501, 501, 501, 501, 501, 501 }, 0 },
	{ "XCLIENT NAME=x\r\n", { 550, 550, 550, 503, 503, 503, 503, 550 }, 0 },
	{ "XFORWARD NAME=x\r\n", { 550, 550, 550, 503, 503, 503, 503, 550 },
	    0 },
	{ "STARTTLS\r\n", { 502, 502, 502, 502, 502, 502, 502, 502 }, 0 },
	{ "AUTH PLAIN AA==\r\n", { 502, 502, 502, 502, 502, 502, 502, 502 },
	    0 },
	{ "MAIL FROM:<a@b.example>\r\n",
	    { 250, 250, 250, 503, 503, 503, 503, 250 }, 0 },
	{ "RCPT TO:<user@local.test>\r\n",
	    { 503, 503, 503, 250, 250, 503, 503, 503 }, 0 },
	{ "RCPT TO:<no@local.test>\r\n",
	    { 503, 503, 503, 550, 550, 503, 503, 503 }, 0 },
	{ "DATA\r\n" L "x\r\n.\r\n", { 503, 503, 503, 554, 354, 503, 503, 503 },
	    503 },
	{ "BDAT 1\r\nx", { 503, 503, 503, 554, 250, 250, 551, 503 }, 0 },
	{ "BDAT 1 LAST\r\nx", { 503, 503, 503, 554, 250, 250, 551, 503 }, 503 },
	{ "RSET\r\n", { 250, 250, 250, 250, 250, 250, 250, 250 }, 0 },
	{ "NOOP\r\n", { 250, 250, 250, 250, 250, 250, 250, 250 }, 0 },
	{ "VRFY user\r\n", { 252, 252, 252, 252, 252, 252, 252, 252 }, 0 },
	{ "ETRN relay.test\r\n", { 250, 250, 250, 503, 503, 503, 503, 250 },
	    0 },
	{ "HELP\r\n", { 214, 214, 214, 214, 214, 214, 214, 214 }, 0 },
	{ "EXPN x\r\n", { 502, 502, 502, 502, 502, 502, 502, 502 }, 0 },
	{ "FOO\r\n", { 500, 500, 500, 500, 500, 500, 500, 500 }, 0 },
	{ "\r\n", { 500, 500, 500, 500, 500, 500, 500, 500 }, 0 },
};

/* The code of the first line of the answer to what stands after the state. */
static int
code_after(const char *state, const char *text, const char *more)
{
	struct str script = STR_EMPTY;
	const char *heard;
	size_t skip;
	int64_t code = 0;

	skip = strlen(standin_talk("192.0.2.1", state));
	str_add_text(&script, state);
	str_add_text(&script, text);
	str_add_text(&script, L);
	str_add_text(&script, more);
	heard = standin_talk("192.0.2.1", script.ptr);
	ck_assert_uint_ge(strlen(heard), skip + 3);
	ck_assert(view_to_int(view_make(heard + skip, 3), &code));
	str_clear(&script);
	return (int)code;
}

/* What DATA and BDAT text would be as commands. */
static bool
takes_content(const char *text)
{
	return strncmp(text, "DATA", 4) == 0;
}

START_TEST(every_command_in_every_state)
{
	const char *text = commands[_i].text;

	standin_open("");
	for (size_t i = 0; i < STATES; i++) {
		int code;

		/* Content only after 354. */
		if (takes_content(text) && commands[_i].codes[i] != 354)
			code = code_after(states[i], "DATA\r\n", "");
		else
			code = code_after(states[i], text, "");
		ck_assert_msg(code == commands[_i].codes[i],
		    "state %zu, %s: %d and not %d", i, text, code,
		    commands[_i].codes[i]);
	}
	standin_close();
}
END_TEST

START_TEST(every_command_twice)
{
	const char *text = commands[_i].text;
	struct str state = STR_EMPTY;
	int wanted = commands[_i].again != 0 ? commands[_i].again
					     : commands[_i].codes[4];
	int code;

	standin_open("");
	str_add_text(&state, states[4]);
	str_add_text(&state, text);
	str_add_text(&state, L);
	code =
	    code_after(state.ptr, takes_content(text) ? "DATA\r\n" : text, "");
	/* EHLO and RSET end a transaction; so what needs one is refused. */
	ck_assert_msg(
	    code == wanted, "%s twice: %d and not %d", text, code, wanted);
	str_clear(&state);
	standin_close();
}
END_TEST

/* Whatever came before, after RSET a message can be sent. */
START_TEST(after_any_command_a_message_can_be_sent)
{
	const char *text = commands[_i].text;

	standin_open("smtpd_hard_error_limit = 100\n");
	for (size_t i = 0; i < STATES; i++) {
		struct str script = STR_EMPTY;
		size_t before;

		str_add_text(&script, states[i]);
		str_add_text(&script,
		    takes_content(text) && commands[_i].codes[i] != 354
			? "DATA\r\n"
			: text);
		str_add_text(&script,
		    L "RSET\r\n" L "EHLO again\r\n" L
		      "MAIL FROM:<last@b.example>\r\n" L
		      "RCPT TO:<user@local.test>\r\n" L "DATA\r\n" L
		      "last\r\n.\r\n" L "QUIT\r\n");
		before = standin.n_messages;
		standin_talk("192.0.2.1", script.ptr);
		ck_assert_uint_gt(standin.n_messages, before);
		ck_assert_str_eq(
		    standin.messages[standin.n_messages - 1].sender.ptr,
		    "last@b.example");
		str_clear(&script);
	}
	standin_close();
}
END_TEST

UNIT_MAIN("state", { every_command_in_every_state, ARRAY_LEN(commands) },
    { every_command_twice, ARRAY_LEN(commands) },
    { after_any_command_a_message_can_be_sent, ARRAY_LEN(commands) })
