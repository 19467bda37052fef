/* Endpoints: how they are written, and which are permitted. */
#include "dial/endpoint.h"

#include "dial/connect.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>
#include <unistd.h>

static const struct {
	const char *text, *canonical; /* NULL: none */
} texts[] = {
	{ "unix:/run/x", "unix:/run/x" },
	{ "unix:private/auth", "unix:private/auth" },
	{ "unix:", NULL },
	{ "inet:localhost:10023", "inet:localhost:10023" },
	{ "inet:LocalHost:smtp", "inet:localhost:smtp" },
	{ "inet:[::1]:25", "inet:::1:25" },
	{ "inet:10023", "inet:localhost:10023" },
	{ "inet::10023", "inet:localhost:10023" },
	{ "inet:192.0.2.1:25", "inet:192.0.2.1:25" },
	{ "inet:host:", NULL },
	{ "inet:", NULL },
	{ "inet:a b:25", NULL },
	{ "inet:[::1]", NULL },
	{ "/run/x", NULL },
	{ "", NULL },
};

START_TEST(an_endpoint_is_a_path_or_a_host_with_a_port)
{
	struct str out = STR_EMPTY;
	struct endpoint e;
	bool good = endpoint_parse(view_of(texts[_i].text), &e);

	ck_assert_msg(
	    good == (texts[_i].canonical != NULL), "%s", texts[_i].text);
	if (good) {
		endpoint_add_text(&out, &e);
		ck_assert_str_eq(out.ptr, texts[_i].canonical);
		endpoint_clear(&e);
	}
	str_clear(&out);
}
END_TEST

static const struct {
	const char *name, *value, *asked;
	bool permitted;
} permits[] = {
	{ "smtpd_milters", "unix:run/a, inet:localhost:8891", "unix:run/a",
	    true },
	{ "smtpd_milters", "unix:run/a, inet:localhost:8891",
	    "inet:LOCALHOST:8891", true },
	{ "smtpd_milters", "{ unix:run/a, connect_timeout=10s }", "unix:run/a",
	    true },
	{ "smtpd_milters", "unix:run/a", "unix:run/b", false },
	{ "smtpd_milters", "unix:run/a", "unix:run/../run/a", false },
	{ "smtpd_milters", "unix:run/a", "run/a", false },
	{ "smtpd_recipient_restrictions",
	    "check_policy_service { inet:[::1]:10023, timeout=10s }, reject",
	    "inet:::1:10023", true },
	{ "my_class", "check_policy_service unix:private/p", "unix:private/p",
	    true },
	{ "virtual_transport", "lmtp:unix:private/dovecot-lmtp",
	    "unix:private/dovecot-lmtp", true },
	{ "", "odd-name:unix:/a/b", "unix:/a/b", true },
	{ "transport_maps", "tcp:localhost:10001", "inet:localhost:10001",
	    true },
	{ "smtp_tls_policy_maps", "socketmap:inet:127.0.0.1:8461:postfix",
	    "inet:127.0.0.1:8461", true },
	{ "smtp_tls_policy_maps", "proxy:socketmap:unix:/run/s:QUERY",
	    "unix:/run/s", true },
	{ "smtpd_sasl_path", "private/auth", "unix:private/auth", true },
	{ "smtpd_sasl_path", "inet:127.0.0.1:12345", "inet:127.0.0.1:12345",
	    true },
	{ "myhostname", "private/auth", "unix:private/auth", false },
	{ "smtpd_proxy_filter", "127.0.0.1:10024", "inet:127.0.0.1:10024",
	    true },
	{ "relayhost", "[192.0.2.1]:25", "inet:192.0.2.1:25", false },
	{ "x", "inet:localhost:99999", "inet:localhost:99999", false },
	{ "x", "inet:localhost:no-such-service",
	    "inet:localhost:no-such-service", false },
};

START_TEST(only_what_is_mentioned_is_permitted)
{
	struct endpoints es;

	endpoints_init(&es);
	endpoints_add_value(
	    &es, view_of(permits[_i].name), view_of(permits[_i].value));
	ck_assert_msg((endpoints_find(&es, view_of(permits[_i].asked)) !=
			  NULL) == permits[_i].permitted,
	    "%s", permits[_i].value);
	endpoints_clear(&es);
}
END_TEST

/* --- connecting --- */

static struct err
connect_text(const char *text, int64_t ms, int *fd)
{
	struct endpoint e;
	struct err why;

	ck_assert(endpoint_parse(view_of(text), &e));
	ck_assert(endpoint_set_port(&e));
	why = connect_endpoint(&e, NULL, deadline_in_ms(ms), fd);
	endpoint_clear(&e);
	return why;
}

START_TEST(a_path_is_tried_below_the_queue_directory_too)
{
	char dir[] = "/tmp/barid-dial-XXXXXX", text[60];
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "sock" };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), fd;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
	ck_assert_int_eq(
	    bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(connect_text("unix:sock", 1000, &fd).kind, ERR_TEMP);
	ck_assert_int_eq(fd, -1);
	ck_assert_int_eq(listen(listener, 5), 0);
	ck_assert(!err_is(connect_text("unix:sock", 1000, &fd)));
	close(fd);
	snprintf(text, sizeof(text), "unix:%s/sock", dir);
	ck_assert(!err_is(connect_text(text, 1000, &fd)));
	close(fd);
	ck_assert(!err_is(connect_text("unix:/sock", 1000, &fd)));
	close(fd);
	ck_assert(err_is(connect_text("unix:/no/sock", 1000, &fd)));
	close(listener);
	unlink("sock");
	ck_assert_int_eq(chdir("/"), 0);
	rmdir(dir);
}
END_TEST

START_TEST(a_full_backlog_ends_at_the_deadline)
{
	char dir[] = "/tmp/barid-dial-XXXXXX";
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "sock" };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), fds[3];
	int64_t begun = clock_ms();
	struct err e = ERR_OK;
	int n = 0;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
	ck_assert_int_eq(
	    bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(listen(listener, 0), 0);
	while (n < 3 && !err_is(e)) {
		e = connect_text("unix:sock", 100, &fds[n]);
		n += !err_is(e);
	}
	ck_assert_int_eq(e.kind, ERR_TIME);
	ck_assert_int_lt(clock_ms() - begun, 5000);
	while (n-- > 0)
		close(fds[n]);
	close(listener);
	unlink("sock");
	ck_assert_int_eq(chdir("/"), 0);
	rmdir(dir);
}
END_TEST

START_TEST(localhost_is_both_loopback_addresses)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd;
	char text[60];

	ck_assert_int_eq(bind(listener, (struct sockaddr *)&addr, len), 0);
	ck_assert_int_eq(listen(listener, 5), 0);
	getsockname(listener, (struct sockaddr *)&addr, &len);
	snprintf(text, sizeof(text), "inet:localhost:%d", ntohs(addr.sin_port));
	ck_assert(!err_is(connect_text(text, 1000, &fd)));
	close(fd);
	snprintf(text, sizeof(text), "inet:127.0.0.1:%d", ntohs(addr.sin_port));
	ck_assert(!err_is(connect_text(text, 1000, &fd)));
	close(fd);
	close(listener);
	ck_assert_int_eq(connect_text(text, 1000, &fd).kind, ERR_TEMP);
}
END_TEST

UNIT_MAIN("dial/endpoint",
    { an_endpoint_is_a_path_or_a_host_with_a_port, ARRAY_LEN(texts) },
    { only_what_is_mentioned_is_permitted, ARRAY_LEN(permits) },
    { a_path_is_tried_below_the_queue_directory_too, 1 },
    { a_full_backlog_ends_at_the_deadline, 1 },
    { localhost_is_both_loopback_addresses, 1 })
