/*
 * A whole SMTP session, from connect to disconnect, with stand-ins for all
 * other processes.  The first byte chooses a configuration and a client; RS
 * (0x1e) stands between what arrives at once and what later.
 */
#include "smtpd/standin.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
	const char *conf, *client;
} sites[] = {
	{ "", "192.0.2.1" },
	{ "smtpd_forbid_bare_newline = no\n"
	  "smtpd_forbid_unauth_pipelining = no\n"
	  "strict_rfc821_envelopes = yes\n",
	    "192.0.2.9" },
	{ "smtpd_authorized_xclient_hosts = 127.0.0.0/8\n"
	  "smtpd_authorized_xforward_hosts = 127.0.0.0/8\n"
	  "message_size_limit = 5000\nsmtpd_recipient_limit = 10\n",
	    "127.0.0.1" },
	{ "smtpd_forbid_bare_newline = reject\nsoft_bounce = yes\n"
	  "smtpd_delay_reject = no\nsmtpd_helo_required = yes\n"
	  "smtpd_client_restrictions = warn_if_reject "
	  "reject_unknown_client_hostname\n"
	  "smtpd_helo_restrictions = reject_invalid_helo_hostname\n"
	  "smtpd_sender_restrictions = reject_unknown_sender_domain, "
	  "inline:{ {p@=PREPEND X: y}, h@=HOLD, d@=DISCARD, "
	  "i@=defer_if_permit }\n"
	  "smtpd_end_of_data_restrictions = "
	  "check_recipient_access inline:{ user@local.test=WARN }\n",
	    "2001:db8::1" },
	/* smtpd -S, as sendmail -bs calls it; all is logged. */
	{ "debug_peer_list = 127.0.0.1\n", NULL },
};

enum { SITES = sizeof(sites) / sizeof(sites[0]) };

/* What reached cleanup is well formed, whatever came in. */
static void
check_message(const struct standin_message *m)
{
	const struct str *c = &m->content;

	assert(m->rcpts.len > 0);
	assert(c->len >= 2 && memcmp(c->ptr + c->len - 2, "\r\n", 2) == 0);
	assert(strncmp(c->ptr, "Received: ", 10) == 0 ||
	    strncmp(c->ptr, "X: y\r\n", 6) == 0);
	for (size_t i = 0; i < c->len; i++)
		assert(c->ptr[i] != '\n' || (i > 0 && c->ptr[i - 1] == '\r'));
	for (size_t i = 0; i < m->sender.len; i++)
		assert((unsigned char)m->sender.ptr[i] >= 32);
	for (const char *p = m->helo; *p != '\0'; p++)
		assert((unsigned char)*p >= 32);
}

/* What the client hears is lines of "NNN text". */
static void
check_replies(const char *heard)
{
	struct view rest = view_of(heard), line;

	while (view_field(&rest, '\n', &line)) {
		if (line.len == 0)
			continue;
		assert(line.len >= 4 && line.len <= 512);
		assert(line.ptr[0] >= '2' && line.ptr[0] <= '5');
		assert(line.ptr[3] == ' ' || line.ptr[3] == '-');
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct standin kept[SITES];
	static bool is_open[SITES];
	size_t i;

	if (size < 1)
		return 0;
	/* Silence takes its time. */
	if (memchr(data, STANDIN_SILENCE[0], size) != NULL)
		return 0;
	i = data[0] % SITES;
	standin_no_log();
	if (!is_open[i]) {
		standin_open(sites[i].conf);
		is_open[i] = true;
	} else {
		standin_resume(&kept[i]);
	}
	check_replies(
	    standin_talk_bytes(sites[i].client, view_make(data + 1, size - 1)));
	for (size_t n = 0; n < standin.n_messages; n++)
		check_message(&standin.messages[n]);
	standin_forget_messages();
	standin_suspend(&kept[i]);
	return 0;
}
