/* Headers of a proxy in front of us, and what a session makes of them. */
#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "smtpd/proxy_header.h"
#include "smtpd/standin.h"

#include <string.h>

#define V2 "\r\n\r\n\0\r\nQUIT\n"
#define ENDS4 "\xc0\0\2\7\xc6\x33\x64\1\x12\x67\0\x19"
#define HERE6 "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0"
#define MAPPED "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2"
#define V1(rest) VIEW("PROXY " rest "\r\n")

/* Who is the client and what the server, of the whole header; or why not. */
static const struct {
	struct view bytes;
	const char *client, *server, *why; /* client NULL: it is local */
} rows[] = {
	{ V1("TCP4 192.0.2.7 198.51.100.1 4711 25"), "192.0.2.7 4711",
	    "198.51.100.1 25", NULL },
	{ V1("TCP6 2001:db8::1 2001:db8::2 1 65535"), "2001:db8::1 1",
	    "2001:db8::2 65535", NULL },
	{ V1("TCP6 ::ffff:192.0.2.7 ::ffff:192.0.2.8 1 2"), "192.0.2.7 1",
	    "192.0.2.8 2", NULL },
	{ V1(" TCP4  192.0.2.7 198.51.100.1 0 25 and more"), "192.0.2.7 0",
	    "198.51.100.1 25", NULL },
	{ VIEW("PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n"), "192.0.2.7 1",
	    "198.51.100.1 2", NULL },
	{ V1("UNKNOWN  "), NULL, NULL, NULL },
	{ V1("UNKNOWN ffff::1 whatever"), NULL, NULL, NULL },
	{ V1("TCP5 192.0.2.7 198.51.100.1 1 2"), "", "",
	    "bad or missing protocol type" },
	{ V1("tcp4 192.0.2.7 198.51.100.1 1 2"), "", "",
	    "bad or missing protocol type" },
	{ V1("             "), "", "", "bad or missing protocol type" },
	{ V1("TCP4 192.0.2.300 198.51.100.1 1 2"), "", "",
	    "bad or missing client address" },
	{ V1("TCP4 2001:db8::1 198.51.100.1 1 2"), "", "",
	    "bad or missing client address" },
	{ V1("TCP6 192.0.2.7 2001:db8::1 1 2"), "", "",
	    "bad or missing client address" },
	{ V1("TCP4\t192.0.2.7 198.51.100.1 1 2"), "", "",
	    "bad or missing protocol type" },
	{ V1("TCP4 192.0.2.7"), "", "", "bad or missing server address" },
	{ V1("TCP4 192.0.2.7 mx.example 1 2"), "", "",
	    "bad or missing server address" },
	{ V1("TCP4 192.0.2.7 198.51.100.1"), "", "",
	    "bad or missing client port" },
	{ V1("TCP4 192.0.2.7 198.51.100.1 65536 25"), "", "",
	    "bad or missing client port" },
	{ V1("TCP4 192.0.2.7 198.51.100.1 -1 25"), "", "",
	    "bad or missing client port" },
	{ V1("TCP4 192.0.2.7 198.51.100.1 04711 25"), "", "",
	    "bad or missing client port" },
	{ V1("TCP4 192.0.2.7 198.51.100.1 4711 smtp"), "", "",
	    "bad or missing server port" },
	{ VIEW("PROXY TCP4 192.0.2.7 198.51.100.1 1 2"), "", "",
	    "missing protocol header terminator" },
	{ VIEW("proxy TCP4 192.0.2.7 198.51.100.1 1 2\r\n"), "", "",
	    "unrecognized protocol header" },
	{ VIEW("GET / HTTP/1.0\r\n"), "", "", "unrecognized protocol header" },
	{ VIEW("EHLO x\r\n"), "", "", "short protocol header" },
	{ VIEW("\r\n"), "", "", "short protocol header" },
	{ VIEW(V2), "", "", "short protocol header" },
	{ VIEW(V2 "\x21\x11\0\x0c" ENDS4), "192.0.2.7 4711", "198.51.100.1 25",
	    NULL },
	{ VIEW(V2 "\x21\x11\0\x10" ENDS4 "more"), "192.0.2.7 4711",
	    "198.51.100.1 25", NULL },
	{ VIEW(V2 "\x21\x21\0\x24" HERE6 "\1" HERE6 "\2\x12\x67\0\x19"),
	    "2001:db8::1 4711", "2001:db8::2 25", NULL },
	{ VIEW(V2 "\x21\x21\0\x24" MAPPED "\7" MAPPED "\x8\x12\x67\0\x19"),
	    "192.0.2.7 4711", "192.0.2.8 25", NULL },
	{ VIEW(V2 "\x20\x11\0\x0c" ENDS4), NULL, NULL, NULL },
	{ VIEW(V2 "\x20\0\0\0"), NULL, NULL, NULL },
	{ VIEW(V2 "\x21\0\0\0"), NULL, NULL, NULL },
	{ VIEW(V2 "\x21\x12\0\x0c" ENDS4), "", "",
	    "unsupported network protocol" },
	{ VIEW(V2 "\x21\x31\0\x0c" ENDS4), "", "",
	    "unsupported network protocol" },
	{ VIEW(V2 "\x21\x11\0\x0b\xc0\0\2\7\xc6\x33\x64\1\x12\x67\0"), "", "",
	    "short address field" },
	{ VIEW(V2 "\x21\x21\0\x0c" ENDS4), "", "", "short address field" },
	{ VIEW(V2 "\x22\x11\0\x0c" ENDS4), "", "",
	    "bad command in proxy header" },
	{ VIEW(V2 "\x31\x11\0\x0c" ENDS4), "", "",
	    "unrecognized protocol version" },
	{ VIEW(V2 "\x21\x11\0\x0d" ENDS4), "", "",
	    "short version 2 protocol header" },
	{ VIEW(V2 "\x21\x11\xff\xff" ENDS4), "", "",
	    "short version 2 protocol header" },
};

static void
assert_end(const struct proxy_end *end, const char *want, const char *of)
{
	char addr[DNS_ADDR_TEXT_SIZE], text[80];

	dns_addr_text(&end->addr, addr);
	snprintf(text, sizeof(text), "%s %u", addr, end->port);
	ck_assert_msg(
	    strcmp(text, want) == 0, "%s: %s, not %s", of, text, want);
}

START_TEST(a_header_says_who_the_client_is)
{
	const char *why = NULL;
	struct proxy_header h;
	enum proxy_verdict v =
	    proxy_header_parse(rows[_i].bytes, true, &h, &why);

	if (rows[_i].why != NULL) {
		ck_assert_int_eq(v, PROXY_BAD);
		ck_assert_str_eq(why, rows[_i].why);
		return;
	}
	ck_assert_msg(v == PROXY_DONE, "%s", why);
	ck_assert_uint_eq(h.len, rows[_i].bytes.len);
	ck_assert_int_eq(h.is_local, rows[_i].client == NULL);
	if (h.is_local)
		return;
	assert_end(&h.client, rows[_i].client, rows[_i].bytes.ptr);
	assert_end(&h.server, rows[_i].server, rows[_i].bytes.ptr);
}
END_TEST

/* A proxy's header may come in any pieces; what follows it is the client's. */
START_TEST(a_header_may_come_in_pieces)
{
	struct str bytes = STR_EMPTY;
	struct proxy_header h;
	const char *why = NULL;

	if (rows[_i].why != NULL)
		return;
	for (size_t n = 0; n < rows[_i].bytes.len; n++)
		ck_assert_msg(proxy_header_parse(view_first(rows[_i].bytes, n),
				  false, &h, &why) == PROXY_MORE,
		    "%zu bytes of %s: %s", n, rows[_i].bytes.ptr, why);
	str_set(&bytes, rows[_i].bytes);
	str_add_text(&bytes, "EHLO me.example\r\n");
	ck_assert_int_eq(
	    proxy_header_parse(str_view(&bytes), false, &h, &why), PROXY_DONE);
	ck_assert_uint_eq(h.len, rows[_i].bytes.len);
	str_clear(&bytes);
}
END_TEST

/* Without end it is not waited for: see the limits. */
START_TEST(a_header_has_an_end)
{
	struct str bytes = STR_EMPTY;
	struct proxy_header h;
	const char *why = NULL;

	str_add_text(&bytes, "PROXY TCP4 ");
	while (bytes.len < PROXY_LINE_MAX)
		str_add_byte(&bytes, '1');
	ck_assert_int_eq(
	    proxy_header_parse(str_view(&bytes), false, &h, &why), PROXY_BAD);
	ck_assert_str_eq(why, "missing protocol header terminator");
	str_set(&bytes, VIEW(V2 "\x21\x11\x0f\xf1"));
	ck_assert_int_eq(
	    proxy_header_parse(str_view(&bytes), false, &h, &why), PROXY_BAD);
	str_set(&bytes, VIEW(V2 "\x21\x11\x0f\xf0"));
	ck_assert_int_eq(
	    proxy_header_parse(str_view(&bytes), false, &h, &why), PROXY_MORE);
	str_clear(&bytes);
}
END_TEST

#define ON "smtpd_upstream_proxy_protocol = haproxy\n"
#define SCREEN                                                   \
	"smtpd_screen_enable = yes\npostscreen_greet_banner =\n" \
	"postscreen_upstream_proxy_protocol = haproxy\n"         \
	"postscreen_access_list = permit_mynetworks, inline:{ "  \
	"192.0.2.66=reject }\npostscreen_denylist_action = drop\n"
#define FROM(who) "PROXY TCP4 " who " 198.51.100.1 4711 2525\r\n"
#define MAIL                                                      \
	STANDIN_LATER "EHLO me.example\r\n" STANDIN_LATER         \
		      "MAIL FROM:<a@b.example>\r\n" STANDIN_LATER \
		      "RCPT TO:<a@far.example>\r\nQUIT\r\n"

static const struct {
	const char *conf;
	struct view says;
	const char *hears, *log;
} sessions[] = {
	{ ON, VIEW(FROM("192.0.2.7") MAIL),
	    "454 4.7.1 <a@far.example>: Relay access denied",
	    "connect from unknown[192.0.2.7]\n" },
	/* Its rights are those of the client, not those of the proxy. */
	{ ON, VIEW(FROM("127.0.0.1") MAIL), "250 2.1.5 Ok",
	    "connect from localhost[127.0.0.1]\n" },
	{ ON "smtpd_client_port_logging = yes\n", VIEW(FROM("192.0.2.7") MAIL),
	    "221 2.0.0 Bye", "disconnect from unknown[192.0.2.7]:4711 " },
	{ ON, VIEW(V2 "\x20\0\0\0" MAIL), "221 2.0.0 Bye",
	    "connect from client.example[192.0.2.1]\n" },
	{ ON, VIEW("PROXY UNKNOWN\r\n" MAIL), "221 2.0.0 Bye",
	    "connect from client.example[192.0.2.1]\n" },
	/* What is behind it came before the greeting. */
	{ ON "smtpd_forbid_unauth_pipelining = no\n",
	    VIEW(FROM("192.0.2.7") "EHLO me\r\n" STANDIN_LATER "QUIT\r\n"),
	    "221 2.0.0 Bye",
	    "improper command pipelining after CONNECT from "
	    "unknown[192.0.2.7]: EHLO me" },
	{ ON, VIEW("EHLO me.test\r\n"),
	    "421 4.3.0 mx.example.test Server local error\n",
	    "warning: haproxy read: short protocol header: EHLO me.test"
	    "\\r\\n\nconnect from unknown[192.0.2.1]\n"
	    "disconnect from unknown[192.0.2.1] commands=0/0\n" },
	{ ON, VIEW(FROM("x") MAIL),
	    "421 4.3.0 mx.example.test Server local error\n",
	    "bad or missing client address: PROXY TCP4 x 198.51.100.1 4711 "
	    "2525\\r\\n\n" },
	{ ON, VIEW(""), "421 4.3.0 mx.example.test Server local error\n",
	    "warning: haproxy read: EOF\n" },
	{ ON, VIEW("PROXY TCP4 " STANDIN_SILENCE),
	    "421 4.3.0 mx.example.test Server local error\n",
	    "warning: haproxy read: timeout error\n" },
	{ SCREEN, VIEW(FROM("192.0.2.7") MAIL), "221 2.0.0 Bye",
	    "CONNECT from [192.0.2.7]:4711 to [198.51.100.1]:2525\n" },
	{ SCREEN, VIEW(FROM("192.0.2.66") MAIL), "521 5.3.2 ",
	    "DENYLISTED [192.0.2.66]:4711\n" },
	/* No port is a port. */
	{ SCREEN, VIEW("PROXY TCP4 192.0.2.66 198.51.100.1 0 25\r\n" MAIL),
	    "521 5.3.2 ", "DENYLISTED [192.0.2.66]:0\n" },
	{ SCREEN, VIEW("PROXY TCP4 " STANDIN_SILENCE),
	    "421 4.3.2 No system resources\n",
	    "warning: haproxy read: time limit exceeded\n" },
	{ SCREEN, VIEW(FROM("x") MAIL), "421 4.3.2 No system resources\n",
	    "warning: haproxy read: bad or missing client address: " },
	/* One that serves users is told nothing by the screen's parameter. */
	{ "postscreen_upstream_proxy_protocol = haproxy\n", VIEW("QUIT\r\n"),
	    "221 2.0.0 Bye", "connect from client.example[192.0.2.1]\n" },
};

START_TEST(a_session_is_the_clients_whom_the_proxy_names)
{
	const char *heard, *log;

	standin_open(sessions[_i].conf);
	heard = standin_talk_bytes("192.0.2.1", sessions[_i].says);
	ck_assert_msg(
	    strstr(heard, sessions[_i].hears) != NULL, "heard: %s", heard);
	log = standin_log();
	ck_assert_msg(strstr(log, sessions[_i].log) != NULL, "log: %s", log);
	standin_close();
}
END_TEST

UNIT_MAIN("proxy", { a_header_says_who_the_client_is, ARRAY_LEN(rows) },
    { a_header_may_come_in_pieces, ARRAY_LEN(rows) },
    { a_header_has_an_end, 1 },
    { a_session_is_the_clients_whom_the_proxy_names, ARRAY_LEN(sessions) })
