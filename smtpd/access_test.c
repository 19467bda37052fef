/* Access control: who may send what to whom, and how a refusal reads. */
#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "smtpd/access.h"
#include "smtpd/standin.h"

#define L STANDIN_LATER
#define EHLO "EHLO me.example\r\n" L
#define MAIL "MAIL FROM:<a@b.example>\r\n"
#define RCPT "RCPT TO:<user@local.test>\r\n"
#define OTHER "RCPT TO:<x@elsewhere.test>\r\n"

/* The last reply to a session, and a line that must be in the log. */
static const struct {
	const char *conf, *client, *says, *hears, *log;
} rows[] = {
	/* --- relaying --- */
	{ "", "192.0.2.1", EHLO MAIL "RCPT TO:<x@elsewhere.test>\r\n",
	    "454 4.7.1 <x@elsewhere.test>: Relay access denied",
	    "NOQUEUE: reject: RCPT from client.example[192.0.2.1]: 454 4.7.1 "
	    "<x@elsewhere.test>: Relay access denied; from=<a@b.example> "
	    "to=<x@elsewhere.test> proto=ESMTP helo=<me.example>\n" },
	{ "smtpd_relay_restrictions = permit_mynetworks, "
	  "reject_unauth_destination\n",
	    "192.0.2.1", EHLO MAIL "RCPT TO:<x@elsewhere.test>\r\n",
	    "554 5.7.1 <x@elsewhere.test>: Relay access denied", NULL },
	{ "", "127.0.0.1", EHLO MAIL "RCPT TO:<x@elsewhere.test>\r\n",
	    "250 2.1.5 Ok", NULL },
	{ "", "192.0.2.1", EHLO MAIL "RCPT TO:<x@relay.test>\r\n",
	    "250 2.1.5 Ok", NULL },
	/* Routes in local parts lead elsewhere. */
	{ "", "192.0.2.1", EHLO MAIL "RCPT TO:<x%elsewhere@relay.test>\r\n",
	    "454 4.7.1 <x%elsewhere@relay.test>: Relay access denied", NULL },
	{ "", "192.0.2.1", EHLO MAIL "RCPT TO:<elsewhere!x@relay.test>\r\n",
	    "454 4.7.1 <elsewhere!x@relay.test>: Relay access denied", NULL },
	{ "", "192.0.2.1", EHLO MAIL "RCPT TO:<\"x@elsewhere\"@relay.test>\r\n",
	    "454 4.7.1 <\"x@elsewhere\"@relay.test>: Relay access denied",
	    NULL },
	/* --- recipients --- */
	{ "", "192.0.2.1", EHLO MAIL "RCPT TO:<no@local.test>\r\n",
	    "550 5.1.1 <no@local.test>: Recipient address rejected: User "
	    "unknown in local recipient table",
	    NULL },
	{ "", "192.0.2.1", EHLO MAIL "RCPT TO:<user+ext@local.test>\r\n",
	    "250 2.1.5 Ok", NULL },
	{ "", "192.0.2.1", EHLO MAIL "RCPT TO:<no>\r\n",
	    "550 5.1.1 <no>: Recipient address rejected: User unknown in "
	    "local recipient table",
	    NULL },
	{ "", "192.0.2.1", EHLO MAIL "RCPT TO:<user>\r\n", "250 2.1.5 Ok",
	    NULL },
	{ "", "192.0.2.1", EHLO MAIL "RCPT TO:<a@alias.test>\r\n",
	    "250 2.1.5 Ok", NULL },
	{ "", "192.0.2.1", EHLO MAIL "RCPT TO:<b@alias.test>\r\n",
	    "550 5.1.1 <b@alias.test>: Recipient address rejected: User "
	    "unknown in virtual alias table",
	    NULL },
	{ "", "192.0.2.1", EHLO MAIL "RCPT TO:<box@mbox.test>\r\n",
	    "250 2.1.5 Ok", NULL },
	{ "", "192.0.2.1", EHLO MAIL "RCPT TO:<no@mbox.test>\r\n",
	    "550 5.1.1 <no@mbox.test>: Recipient address rejected: User "
	    "unknown in virtual mailbox table",
	    NULL },
	{ "relay_recipient_maps = inline:{ @sub.test=x, r@relay.test=x }\n",
	    "192.0.2.1", EHLO MAIL "RCPT TO:<no@relay.test>\r\n",
	    "550 5.1.1 <no@relay.test>: Recipient address rejected: User "
	    "unknown in relay recipient table",
	    NULL },
	{ "relay_recipient_maps = inline:{ @relay.test=x }\n", "192.0.2.1",
	    EHLO MAIL "RCPT TO:<any@relay.test>\r\n", "250 2.1.5 Ok", NULL },
	{ "show_user_unknown_table_name = no\n", "192.0.2.1",
	    EHLO MAIL "RCPT TO:<no@local.test>\r\n",
	    "550 5.1.1 <no@local.test>: Recipient address rejected: User "
	    "unknown",
	    NULL },
	{ "unknown_local_recipient_reject_code = 450\n", "192.0.2.1",
	    EHLO MAIL "RCPT TO:<no@local.test>\r\n",
	    "450 4.1.1 <no@local.test>: Recipient address rejected: User "
	    "unknown in local recipient table",
	    NULL },
	{ "soft_bounce = yes\n", "192.0.2.1",
	    EHLO MAIL "RCPT TO:<no@local.test>\r\n",
	    "450 4.1.1 <no@local.test>: Recipient address rejected: User "
	    "unknown in local recipient table",
	    NULL },
	/* A warning is not the refusal that comes of itself. */
	{ "smtpd_recipient_restrictions = warn_if_reject "
	  "reject_unlisted_recipient, reject_unauth_destination\n",
	    "192.0.2.1", EHLO MAIL "RCPT TO:<no@local.test>\r\n",
	    "550 5.1.1 <no@local.test>: Recipient address rejected: User "
	    "unknown in local recipient table",
	    NULL },
	{ "relay_domains_reject_code = 557\n"
	  "smtpd_relay_restrictions = defer_unauth_destination\n",
	    "192.0.2.1", EHLO MAIL "RCPT TO:<x@elsewhere.test>\r\n",
	    "457 4.7.1 <x@elsewhere.test>: Relay access denied", NULL },
	/* Nothing of an XCLIENT with a mistake in it. */
	{ "smtpd_authorized_xclient_hosts = 192.0.2.0/24\n"
	  "smtpd_client_restrictions = check_client_access "
	  "inline:{192.0.2.9=REJECT}\n",
	    "192.0.2.1", "XCLIENT ADDR=192.0.2.9 FOO=BAR\r\n" L EHLO MAIL RCPT,
	    "250 2.1.5 Ok", NULL },
	{ "smtpd_reject_unlisted_recipient = no\n", "192.0.2.1",
	    EHLO MAIL "RCPT TO:<no@local.test>\r\n", "250 2.1.5 Ok", NULL },
	{ "local_recipient_maps =\n", "192.0.2.1",
	    EHLO MAIL "RCPT TO:<no@local.test>\r\n", "250 2.1.5 Ok", NULL },
	{ "smtpd_reject_unlisted_sender = yes\n", "192.0.2.1",
	    EHLO "MAIL FROM:<no@local.test>\r\n" RCPT,
	    "550 5.1.0 <no@local.test>: Sender address rejected: User "
	    "unknown in local recipient table",
	    NULL },
	/* Senders of ours that mail comes back to. */
	{ "srs_domain = alias.test\n", "192.0.2.1",
	    EHLO MAIL "RCPT TO:<SRS0=OK=AA=b.example=a@alias.test>\r\n",
	    "250 2.1.5 Ok", NULL },
	{ "srs_domain = alias.test\n", "192.0.2.1",
	    EHLO MAIL "RCPT TO:<SRS0=BAD=AA=b.example=a@alias.test>\r\n",
	    "550 5.1.1 <SRS0=BAD=AA=b.example=a@alias.test>: Recipient "
	    "address rejected: User unknown in virtual alias table",
	    NULL },
	{ "srs_domain = alias.test\n", "192.0.2.1",
	    EHLO MAIL "RCPT TO:<SRS0=DOWN=AA=b.example=a@alias.test>\r\n",
	    "451 4.3.0 <SRS0=DOWN=AA=b.example=a@alias.test>: Temporary "
	    "lookup failure",
	    NULL },
	{ "", "192.0.2.1",
	    EHLO MAIL "RCPT TO:<SRS0=OK=AA=b.example=a@alias.test>\r\n",
	    "550 5.1.1 <SRS0=OK=AA=b.example=a@alias.test>: Recipient "
	    "address rejected: User unknown in virtual alias table",
	    NULL },
	/* Maps that make others of them. */
	{ "virtual_alias_maps = inline:{ {@alias.test = x} }\n", "192.0.2.1",
	    EHLO MAIL "RCPT TO:<any@alias.test>\r\n", "250 2.1.5 Ok", NULL },
	{ "canonical_maps = inline:{ {no@local.test = x} }\n", "192.0.2.1",
	    EHLO MAIL "RCPT TO:<no+e@local.test>\r\n", "250 2.1.5 Ok",
	    NULL },
	{ "virtual_alias_maps = inline:{ {no@local.test =} }\n", "192.0.2.1",
	    EHLO MAIL "RCPT TO:<no@local.test>\r\n",
	    "451 4.3.0 <no@local.test>: Temporary lookup failure", NULL },
	{ "receive_override_options = no_unknown_recipient_checks\n",
	    "192.0.2.1", EHLO MAIL "RCPT TO:<no@local.test>\r\n",
	    "250 2.1.5 Ok", NULL },
	{ "smtpd_reject_unlisted_sender = yes\n"
	  "sender_canonical_maps = inline:{ {no@local.test = x} }\n",
	    "192.0.2.1", EHLO "MAIL FROM:<no@local.test>\r\n" RCPT,
	    "250 2.1.5 Ok", NULL },
	/* Transports that say no. */
	{ "", "192.0.2.1", EHLO MAIL "RCPT TO:<x@error.test>\r\n",
	    "550 5.1.2 <x@error.test>: Recipient address rejected: no such "
	    "host",
	    NULL },
	{ "", "192.0.2.1", EHLO MAIL "RCPT TO:<x@retry.test>\r\n",
	    "450 4.4.1 <x@retry.test>: Recipient address rejected: come "
	    "again",
	    NULL },
	/* --- what cannot be found out is never a no or a yes --- */
	{ "", "192.0.2.1", EHLO MAIL "RCPT TO:<x@broken.test>\r\n",
	    "451 4.3.0 <x@broken.test>: Temporary lookup failure",
	    "table is broken\n" },
	{ "local_recipient_maps = fail:x\n", "192.0.2.1", EHLO MAIL RCPT,
	    "451 4.3.0 <user@local.test>: Temporary lookup failure", NULL },
	{ "local_recipient_maps = hash:/nowhere/at/all\n", "192.0.2.1",
	    EHLO MAIL RCPT,
	    "451 4.3.0 <user@local.test>: Temporary lookup failure", NULL },
	{ "mynetworks = fail:x\nsmtpd_client_event_limit_exceptions =\n"
	  "smtpd_forbid_bare_newline_exclusions =\n",
	    "192.0.2.1", EHLO MAIL "RCPT TO:<x@elsewhere.test>\r\n",
	    "451 4.3.0 <client.example[192.0.2.1]>: Temporary lookup failure",
	    NULL },
	{ "smtpd_client_restrictions = check_client_access fail:x\n",
	    "192.0.2.1", EHLO MAIL RCPT,
	    "451 4.3.5 <client.example[192.0.2.1]>: Client host rejected: "
	    "Server configuration error",
	    NULL },
	/* --- backup MX --- */
	{ "smtpd_relay_restrictions = permit_mx_backup, reject\n", "192.0.2.1",
	    EHLO MAIL "RCPT TO:<x@backup.example>\r\n", "250 2.1.5 Ok", NULL },
	{ "smtpd_relay_restrictions = permit_mx_backup, reject\n", "192.0.2.1",
	    EHLO MAIL "RCPT TO:<x%y@backup.example>\r\n",
	    "554 5.7.1 <x%y@backup.example>: Recipient address rejected: "
	    "Access denied",
	    NULL },
	{ "smtpd_relay_restrictions = permit_mx_backup, reject\n", "192.0.2.1",
	    EHLO MAIL "RCPT TO:<x@other.example>\r\n",
	    "554 5.7.1 <x@other.example>: Recipient address rejected: Access "
	    "denied",
	    NULL },
	/* By address: a proxy's, which is no interface of ours. */
	{ "myhostname = other.example.test\nproxy_interfaces = 192.0.2.5\n"
	  "smtpd_relay_restrictions = permit_mx_backup, reject\n",
	    "192.0.2.1", EHLO MAIL "RCPT TO:<x@backup.example>\r\n",
	    "250 2.1.5 Ok", NULL },
	{ "myhostname = other.example.test\n"
	  "smtpd_relay_restrictions = permit_mx_backup, reject\n",
	    "192.0.2.1", EHLO MAIL "RCPT TO:<x@backup.example>\r\n",
	    "554 5.7.1 <x@backup.example>: Recipient address rejected: Access "
	    "denied",
	    NULL },
	{ "proxy_interfaces = 192.0.2.1\n"
	  "smtpd_client_restrictions = permit_inet_interfaces, reject\n",
	    "192.0.2.1", EHLO MAIL RCPT,
	    "554 5.7.1 <client.example[192.0.2.1]>: Client host rejected: "
	    "Access denied",
	    NULL },
	{ "smtpd_relay_restrictions = permit_mx_backup, reject\n"
	  "permit_mx_backup_networks = 192.0.2.0/24\n",
	    "192.0.2.1", EHLO MAIL "RCPT TO:<x@backup.example>\r\n",
	    "250 2.1.5 Ok", NULL },
	{ "smtpd_relay_restrictions = permit_mx_backup, reject\n"
	  "permit_mx_backup_networks = 10.0.0.0/8\n",
	    "192.0.2.1", EHLO MAIL "RCPT TO:<x@backup.example>\r\n",
	    "554 5.7.1 <x@backup.example>: Recipient address rejected: Access "
	    "denied",
	    NULL },
	{ "smtpd_relay_restrictions = permit_mx_backup, reject\n"
	  "permit_mx_backup_networks = fail:x\n",
	    "192.0.2.1", EHLO MAIL "RCPT TO:<x@backup.example>\r\n",
	    "451 4.3.0 <permit_mx_backup_networks>: Temporary lookup failure",
	    NULL },
	{ "smtpd_relay_restrictions = permit_mx_backup, reject\n", "192.0.2.1",
	    EHLO MAIL "RCPT TO:<x@slow.example>\r\n",
	    "450 4.4.4 <x@slow.example>: Recipient address rejected: Unable to "
	    "look up mail exchanger information: Host not found, try again",
	    NULL },
	/* --- other texts --- */
	{ "smtpd_reject_filter_maps = regexp:{{/^554 5.7.1 / 550 5.7.9 go}}\n"
	  "smtpd_client_restrictions = reject\n",
	    "192.0.2.1", EHLO MAIL RCPT, "550 5.7.9 go",
	    "reject: RCPT from client.example[192.0.2.1]: 554 5.7.1 "
	    "<client.example[192.0.2.1]>: Client host rejected: Access "
	    "denied; " },
	/* Not even a filter makes a yes of a no. */
	{ "smtpd_reject_filter_maps = regexp:{{/./ 250 2.0.0 Ok}}\n"
	  "smtpd_client_restrictions = reject\n",
	    "192.0.2.1", EHLO MAIL RCPT,
	    "554 5.7.1 <client.example[192.0.2.1]>: Client host rejected: "
	    "Access denied",
	    "is no reply of class 4 or 5\n" },
	{ "smtpd_reject_filter_maps = fail:x\n"
	  "smtpd_reject_footer_maps = fail:x\n"
	  "smtpd_client_restrictions = reject\n",
	    "192.0.2.1", EHLO MAIL RCPT,
	    "554 5.7.1 <client.example[192.0.2.1]>: Client host rejected: "
	    "Access denied",
	    NULL },
	{ "smtpd_reject_footer = first\\nsecond $client_address\n"
	  "smtpd_client_restrictions = reject\n",
	    "192.0.2.1", EHLO MAIL RCPT, "554 5.7.1 second 192.0.2.1", NULL },
	/* --- DNS lists --- */
	{ "smtpd_client_restrictions = reject_rbl_client listed.example\n",
	    "192.0.2.1", EHLO MAIL RCPT,
	    "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked "
	    "using listed.example; bad",
	    NULL },
	{ "smtpd_client_restrictions = "
	  "reject_rbl_client listed.example=127.0.0.3\n",
	    "192.0.2.1", EHLO MAIL RCPT, "250 2.1.5 Ok", NULL },
	{ "smtpd_client_restrictions = "
	  "reject_rbl_client listed.example=127.0.0\n",
	    "192.0.2.1", EHLO MAIL RCPT, "451 4.3.5 Server configuration error",
	    "restriction reject_rbl_client: \"listed.example=127.0.0\" is not "
	    "a domain name argument\n" },
	{ "rbl_reply_maps = fail:x\n"
	  "smtpd_client_restrictions = reject_rbl_client listed.example\n",
	    "192.0.2.1", EHLO MAIL RCPT,
	    "451 4.3.0 <rbl_reply_maps>: Temporary lookup failure", NULL },
	{ "smtpd_relay_restrictions = permit_dnswl_client listed.example, "
	  "reject\n",
	    "192.0.2.1", EHLO MAIL "RCPT TO:<x@elsewhere.test>\r\n",
	    "554 5.7.1 <x@elsewhere.test>: Recipient address rejected: Access "
	    "denied",
	    NULL },
	/* --- mistakes in the configuration --- */
	{ "smtpd_recipient_restrictions = permit_everbody\n", "192.0.2.1",
	    EHLO MAIL RCPT, "451 4.3.5 Server configuration error",
	    "warning: unknown smtpd restriction: \"permit_everbody\"\n" },
	{ "smtpd_client_restrictions = warn_if_reject foo\n", "192.0.2.1",
	    EHLO MAIL RCPT, "451 4.3.5 Server configuration error", NULL },
	{ "smtpd_client_restrictions = check_client_access\n", "192.0.2.1",
	    EHLO MAIL RCPT, "451 4.3.5 Server configuration error", NULL },
	{ "smtpd_client_restrictions = check_client_access foo\n", "192.0.2.1",
	    EHLO MAIL RCPT,
	    "451 4.3.5 <client.example[192.0.2.1]>: Client host rejected: "
	    "Server configuration error",
	    NULL },
	/* --- lists: order, ends, delays --- */
	{ "smtpd_client_restrictions = permit, reject\n"
	  "smtpd_recipient_restrictions = reject\n",
	    "192.0.2.1", EHLO MAIL RCPT,
	    "554 5.7.1 <user@local.test>: Recipient address rejected: Access "
	    "denied",
	    NULL },
	{ "smtpd_helo_restrictions = reject\n", "192.0.2.1", EHLO MAIL RCPT,
	    "554 5.7.1 <me.example>: Helo command rejected: Access denied",
	    "NOQUEUE: reject: RCPT from client.example[192.0.2.1]: 554 5.7.1 "
	    "<me.example>: Helo command rejected: Access denied; "
	    "from=<a@b.example> to=<user@local.test> proto=ESMTP "
	    "helo=<me.example>\n" },
	{ "smtpd_helo_restrictions = reject\nsmtpd_delay_reject = no\n",
	    "192.0.2.1", "HELO me.example\r\n",
	    "554 5.7.1 <me.example>: Helo command rejected: Access denied",
	    "NOQUEUE: reject: HELO from client.example[192.0.2.1]: 554 5.7.1 "
	    "<me.example>: Helo command rejected: Access denied; proto=SMTP "
	    "helo=<me.example>\n" },
	/* HELO that is refused, or comes after EHLO, changes nothing else. */
	{ "smtpd_helo_restrictions = check_helo_access inline:{ "
	  "bad.example=REJECT }\nsmtpd_delay_reject = no\n",
	    "192.0.2.1", EHLO MAIL "HELO bad.example\r\n" L OTHER,
	    "454 4.7.1 <x@elsewhere.test>: Relay access denied",
	    "from=<a@b.example> to=<x@elsewhere.test> proto=ESMTP "
	    "helo=<me.example>\n" },
	{ "", "192.0.2.1", EHLO "HELO you.example\r\n" L MAIL OTHER,
	    "454 4.7.1 <x@elsewhere.test>: Relay access denied",
	    "to=<x@elsewhere.test> proto=ESMTP helo=<you.example>\n" },
	{ "smtpd_client_restrictions = reject\nsmtpd_delay_reject = no\n",
	    "192.0.2.1", "QUIT\r\n", "221 2.0.0 Bye",
	    "NOQUEUE: reject: CONNECT from client.example[192.0.2.1]: 554 "
	    "5.7.1 <client.example[192.0.2.1]>: Client host rejected: Access "
	    "denied; proto=SMTP\n" },
	{ "smtpd_sender_restrictions = defer\nsmtpd_delay_reject = no\n",
	    "192.0.2.1", EHLO MAIL RCPT, "503 5.5.1 Error: need MAIL command",
	    "NOQUEUE: reject: MAIL from client.example[192.0.2.1]: 450 4.3.2 "
	    "<a@b.example>: Sender address rejected: Try again later; "
	    "from=<a@b.example> proto=ESMTP helo=<me.example>\n" },
	{ "smtpd_data_restrictions = reject\n", "192.0.2.1",
	    EHLO MAIL RCPT "DATA\r\n",
	    "554 5.7.1 <DATA>: Data command rejected: Access denied",
	    "QID: reject: DATA from client.example[192.0.2.1]: 554 5.7.1 "
	    "<DATA>: Data command rejected: Access denied; "
	    "from=<a@b.example> to=<user@local.test> proto=ESMTP "
	    "helo=<me.example>\n" },
	{ "smtpd_data_restrictions = reject\n", "192.0.2.1",
	    EHLO MAIL RCPT "BDAT 1 LAST\r\nx",
	    "554 5.7.1 <DATA>: Data command rejected: Access denied", NULL },
	{ "smtpd_etrn_restrictions = reject\n", "192.0.2.1",
	    EHLO "ETRN relay.test\r\n",
	    "554 5.7.1 <relay.test>: Etrn command rejected: Access denied",
	    NULL },
	{ "smtpd_client_restrictions = warn_if_reject reject, permit\n",
	    "192.0.2.1", EHLO MAIL RCPT, "250 2.1.5 Ok",
	    "NOQUEUE: reject_warning: RCPT from client.example[192.0.2.1]: "
	    "554 5.7.1 <client.example[192.0.2.1]>: Client host rejected: "
	    "Access denied; from=<a@b.example> to=<user@local.test> "
	    "proto=ESMTP helo=<me.example>\n" },
	{ "smtpd_client_restrictions = defer_if_permit\n", "192.0.2.1",
	    EHLO MAIL RCPT,
	    "450 4.7.0 <client.example[192.0.2.1]>: Client host rejected: "
	    "defer_if_permit requested",
	    NULL },
	{ "smtpd_client_restrictions = defer_if_permit\n"
	  "smtpd_recipient_restrictions = reject\n",
	    "192.0.2.1", EHLO MAIL RCPT,
	    "554 5.7.1 <user@local.test>: Recipient address rejected: Access "
	    "denied",
	    NULL },
	{ "smtpd_client_restrictions = defer_if_permit\n"
	  "smtpd_delay_reject = no\n",
	    "192.0.2.1", EHLO MAIL RCPT,
	    "450 4.7.0 <client.example[192.0.2.1]>: Client host rejected: "
	    "defer_if_permit requested",
	    NULL },
	/* That of one sender is not told the next one, nor that of one name
	 * another. */
	{ "smtpd_sender_restrictions = check_sender_access "
	  "inline:{ a@b.example=DEFER_IF_PERMIT }\nsmtpd_delay_reject = no\n",
	    "192.0.2.1", EHLO MAIL RCPT,
	    "450 4.7.1 <a@b.example>: Sender address rejected: Service "
	    "unavailable",
	    NULL },
	{ "smtpd_sender_restrictions = check_sender_access "
	  "inline:{ a@b.example=DEFER_IF_PERMIT }\nsmtpd_delay_reject = no\n",
	    "192.0.2.1",
	    EHLO MAIL RCPT "RSET\r\nMAIL FROM:<c@b.example>\r\n" RCPT,
	    "250 2.1.5 Ok", NULL },
	{ "smtpd_helo_restrictions = check_helo_access "
	  "inline:{ me.example=DEFER_IF_PERMIT }\nsmtpd_delay_reject = no\n",
	    "192.0.2.1", EHLO MAIL RCPT "RSET\r\n" MAIL RCPT,
	    "450 4.7.1 <me.example>: Helo command rejected: Service "
	    "unavailable",
	    NULL },
	{ "smtpd_helo_restrictions = check_helo_access "
	  "inline:{ me.example=DEFER_IF_PERMIT }\nsmtpd_delay_reject = no\n",
	    "192.0.2.1",
	    EHLO MAIL RCPT "EHLO other.example\r\n" L MAIL RCPT,
	    "250 2.1.5 Ok", NULL },
	/* A HELO that is refused does not end the transaction, nor what was to
	 * be said of its sender or of the name before. */
	{ "smtpd_sender_restrictions = check_sender_access "
	  "inline:{ a@b.example=DEFER_IF_PERMIT }\n"
	  "smtpd_helo_restrictions = check_helo_access "
	  "inline:{ bad.example=REJECT }\nsmtpd_delay_reject = no\n",
	    "192.0.2.1", EHLO MAIL "HELO bad.example\r\n" L RCPT,
	    "450 4.7.1 <a@b.example>: Sender address rejected: Service "
	    "unavailable",
	    NULL },
	{ "smtpd_helo_restrictions = check_helo_access "
	  "inline:{ me.example=DEFER_IF_PERMIT, bad.example=REJECT }\n"
	  "smtpd_delay_reject = no\n",
	    "192.0.2.1", EHLO "HELO bad.example\r\n" L MAIL RCPT,
	    "450 4.7.1 <me.example>: Helo command rejected: Service "
	    "unavailable",
	    NULL },
	/* A doubt ends with its list, as a permit would. */
	{ "smtpd_client_restrictions = defer_if_reject, reject\n",
	    "192.0.2.1", EHLO MAIL RCPT,
	    "450 4.7.0 <client.example[192.0.2.1]>: Client host rejected: "
	    "defer_if_reject requested",
	    NULL },
	{ "smtpd_client_restrictions = defer_if_reject\n"
	  "smtpd_recipient_restrictions = reject\n",
	    "192.0.2.1", EHLO MAIL RCPT,
	    "554 5.7.1 <user@local.test>: Recipient address rejected: "
	    "Access denied",
	    NULL },
	/* VRFY has no sender, and without HELO there is no name. */
	{ "smtpd_sender_restrictions = reject\n", "192.0.2.1",
	    EHLO "VRFY <user@local.test>\r\n",
	    "252 2.0.0 <user@local.test>", NULL },
	{ "smtpd_helo_restrictions = reject\n", "192.0.2.1",
	    "VRFY user@local.test\r\n", "252 2.0.0 user@local.test", NULL },
	{ "smtpd_helo_restrictions = reject\n", "192.0.2.1",
	    "ETRN local.test\r\n", "459 <local.test>: service unavailable",
	    NULL },
	{ "smtpd_client_restrictions = reject\n", "192.0.2.1",
	    EHLO "VRFY postmaster\r\n", "252 2.0.0 postmaster", NULL },
	/* Whoever owns an address may call it as he likes. */
	{ "smtpd_client_restrictions = check_reverse_client_hostname_access "
	  "static:OK, reject\n",
	    "192.0.2.1", EHLO MAIL RCPT,
	    "451 4.3.5 Server configuration error", NULL },
	{ "smtpd_relay_before_recipient_restrictions = no\n"
	  "smtpd_recipient_restrictions = reject\n",
	    "192.0.2.1", EHLO MAIL "RCPT TO:<x@elsewhere.test>\r\n",
	    "554 5.7.1 <x@elsewhere.test>: Recipient address rejected: "
	    "Access denied",
	    NULL },
	/* Who tells by XCLIENT who logged in, where nobody can. */
	{ "smtpd_authorized_xclient_hosts = 192.0.2.1\n"
	  "smtpd_recipient_restrictions = permit_sasl_authenticated, "
	  "reject\n",
	    "192.0.2.1", "XCLIENT LOGIN=joe\r\n" L EHLO MAIL RCPT,
	    "554 5.7.1 <user@local.test>: Recipient address rejected: Access "
	    "denied",
	    NULL },
	{ "smtpd_sender_restrictions = check_sender_mx_access "
	  "inline:{ nowhere.example=REJECT }\n",
	    "192.0.2.1", EHLO "MAIL FROM:<a@nowhere.example>\r\n" RCPT,
	    "554 5.7.1 <a@nowhere.example>: Sender address rejected: Access "
	    "denied",
	    NULL },
	/* --- names --- */
	{ "smtpd_client_restrictions = reject_unknown_client_hostname\n",
	    "192.0.2.9", EHLO MAIL RCPT,
	    "450 4.7.25 Client host rejected: cannot find your hostname, "
	    "[192.0.2.9]",
	    NULL },
	{ "smtpd_client_restrictions = reject_unknown_client_hostname\n"
	  "unknown_client_reject_code = 550\n",
	    "192.0.2.8", EHLO MAIL RCPT,
	    "550 5.7.25 Client host rejected: cannot find your hostname, "
	    "[192.0.2.8]",
	    NULL },
	/* The DNS is down: 450, whatever the code. */
	{ "smtpd_client_restrictions = reject_unknown_client_hostname\n"
	  "unknown_client_reject_code = 550\n",
	    "192.0.2.7", EHLO MAIL RCPT,
	    "450 4.7.25 Client host rejected: cannot find your hostname, "
	    "[192.0.2.7]",
	    NULL },
	{ "smtpd_client_restrictions = "
	  "reject_unknown_reverse_client_hostname\n",
	    "192.0.2.8", EHLO MAIL RCPT, "250 2.1.5 Ok", NULL },
	{ "smtpd_client_restrictions = "
	  "reject_unknown_reverse_client_hostname\n",
	    "192.0.2.9", EHLO MAIL RCPT,
	    "450 4.7.1 Client host rejected: cannot find your reverse "
	    "hostname, [192.0.2.9]",
	    NULL },
	{ "smtpd_helo_restrictions = reject_non_fqdn_helo_hostname\n",
	    "192.0.2.1", "EHLO me\r\n" L MAIL RCPT,
	    "504 5.5.2 <me>: Helo command rejected: need fully-qualified "
	    "hostname",
	    NULL },
	{ "smtpd_helo_restrictions = reject_non_fqdn_helo_hostname "
	  "reject_invalid_helo_hostname\n",
	    "192.0.2.1", "EHLO [192.0.2.1]\r\n" L MAIL RCPT, "250 2.1.5 Ok",
	    NULL },
	{ "smtpd_helo_restrictions = reject_invalid_helo_hostname\n",
	    "192.0.2.1", "EHLO a..b\r\n" L MAIL RCPT,
	    "501 5.5.2 <a..b>: Helo command rejected: Invalid name", NULL },
	{ "smtpd_helo_restrictions = reject_unknown_helo_hostname\n",
	    "192.0.2.1", "EHLO nowhere.example\r\n" L MAIL RCPT,
	    "450 4.7.1 <nowhere.example>: Helo command rejected: Host not "
	    "found",
	    NULL },
	{ "smtpd_helo_restrictions = reject_unknown_helo_hostname\n",
	    "192.0.2.1", EHLO MAIL RCPT, "250 2.1.5 Ok", NULL },
	{ "smtpd_sender_restrictions = reject_non_fqdn_sender\n", "192.0.2.1",
	    EHLO "MAIL FROM:<a@b>\r\n" RCPT,
	    "504 5.5.2 <a@b>: Sender address rejected: need fully-qualified "
	    "address",
	    NULL },
	{ "smtpd_sender_restrictions = reject_non_fqdn_sender\n", "192.0.2.1",
	    EHLO "MAIL FROM:<>\r\n" RCPT, "250 2.1.5 Ok", NULL },
	{ "smtpd_recipient_restrictions = reject_non_fqdn_recipient\n",
	    "192.0.2.1", EHLO MAIL "RCPT TO:<user>\r\n",
	    "504 5.5.2 <user>: Recipient address rejected: need "
	    "fully-qualified address",
	    NULL },
	{ "smtpd_sender_restrictions = reject_unknown_sender_domain\n",
	    "192.0.2.1", EHLO "MAIL FROM:<a@nowhere.example>\r\n" RCPT,
	    "450 4.1.8 <a@nowhere.example>: Sender address rejected: Domain "
	    "not found",
	    NULL },
	{ "smtpd_sender_restrictions = reject_unknown_sender_domain\n"
	  "unknown_address_reject_code = 550\n",
	    "192.0.2.1", EHLO "MAIL FROM:<a@slow.example>\r\n" RCPT,
	    "450 4.1.8 <a@slow.example>: Sender address rejected: Domain not "
	    "found",
	    NULL },
	{ "smtpd_sender_restrictions = reject_unknown_sender_domain\n",
	    "192.0.2.1", EHLO "MAIL FROM:<a@null.example>\r\n" RCPT,
	    "550 5.7.27 <a@null.example>: Sender address rejected: Domain "
	    "null.example does not accept mail (nullMX)",
	    NULL },
	{ "smtpd_sender_restrictions = reject_unknown_sender_domain\n",
	    "192.0.2.1", EHLO MAIL RCPT, "250 2.1.5 Ok", NULL },
	{ "smtpd_recipient_restrictions = reject_unknown_recipient_domain\n"
	  "unknown_address_reject_code = 550\n",
	    "127.0.0.1", EHLO MAIL "RCPT TO:<a@nowhere.example>\r\n",
	    "550 5.1.2 <a@nowhere.example>: Recipient address rejected: "
	    "Domain not found",
	    NULL },
	{ "smtpd_recipient_restrictions = reject_unauth_pipelining\n"
	  "smtpd_forbid_unauth_pipelining = no\n",
	    "192.0.2.1", "EHLO x\r\n" MAIL RCPT,
	    "503 5.5.0 <user@local.test>: Recipient address rejected: "
	    "Improper use of SMTP command pipelining",
	    NULL },
	/* --- tables --- */
	{ "smtpd_client_restrictions = check_client_access "
	  "inline:{ example=REJECT }\n",
	    "192.0.2.1", EHLO MAIL RCPT,
	    "554 5.7.1 <client.example[192.0.2.1]>: Client host rejected: "
	    "Access denied",
	    NULL },
	{ "smtpd_client_restrictions = check_client_access "
	  "inline:{ {192.0.2=REJECT go away} }\n",
	    "192.0.2.1", EHLO MAIL RCPT,
	    "554 5.7.1 <client.example[192.0.2.1]>: Client host rejected: go "
	    "away",
	    NULL },
	{ "smtpd_client_restrictions = inline:{ {192.0.2.1=450 x} }\n",
	    "192.0.2.1", EHLO MAIL RCPT,
	    "450 4.7.1 <client.example[192.0.2.1]>: Client host rejected: x",
	    NULL },
	/* Digits alone permit, as Postfix has it. */
	{ "smtpd_client_restrictions = inline:{ 192.0.2.1=450 }, reject\n",
	    "192.0.2.1", EHLO MAIL RCPT, "250 2.1.5 Ok", NULL },
	{ "smtpd_client_restrictions = inline:{ 2001:db8=REJECT }\n",
	    "2001:db8::1", EHLO MAIL RCPT,
	    "554 5.7.1 <client.example[2001:db8::1]>: Client host rejected: "
	    "Access denied",
	    NULL },
	{ "parent_domain_matches_subdomains =\n"
	  "smtpd_client_restrictions = inline:{ example=REJECT }\n",
	    "192.0.2.1", EHLO MAIL RCPT, "250 2.1.5 Ok", NULL },
	{ "parent_domain_matches_subdomains =\n"
	  "smtpd_client_restrictions = inline:{ .example=REJECT }\n",
	    "192.0.2.1", EHLO MAIL RCPT,
	    "554 5.7.1 <client.example[192.0.2.1]>: Client host rejected: "
	    "Access denied",
	    NULL },
	{ "smtpd_sender_restrictions = "
	  "inline:{ {a@b.example=550 5.7.9 not you} }\n",
	    "192.0.2.1", EHLO MAIL RCPT,
	    "550 5.7.9 <a@b.example>: Sender address rejected: not you", NULL },
	{ "smtpd_sender_restrictions = inline:{ a@=DEFER }\n", "192.0.2.1",
	    EHLO MAIL RCPT,
	    "450 4.7.1 <a@b.example>: Sender address rejected: Access denied",
	    NULL },
	{ "smtpd_sender_restrictions = inline:{ b.example=DUNNO, a@=REJECT }\n",
	    "192.0.2.1", EHLO MAIL RCPT, "250 2.1.5 Ok", NULL },
	{ "smtpd_sender_restrictions = inline:{ <>=REJECT }\n", "192.0.2.1",
	    EHLO "MAIL FROM:<>\r\n" RCPT,
	    "554 5.7.1 <>: Sender address rejected: Access denied", NULL },
	{ "smtpd_sender_restrictions = regexp:{{/^a@/ REJECT}}\n", "192.0.2.1",
	    EHLO MAIL RCPT,
	    "554 5.7.1 <a@b.example>: Sender address rejected: Access denied",
	    NULL },
	{ "smtpd_recipient_restrictions = "
	  "inline:{ user@local.test=REJECT }\n",
	    "192.0.2.1", EHLO MAIL "RCPT TO:<user+x@local.test>\r\n",
	    "554 5.7.1 <user+x@local.test>: Recipient address rejected: "
	    "Access denied",
	    NULL },
	{ "smtpd_helo_restrictions = check_helo_access "
	  "inline:{ {me.example=521 5.3.2 no mail here} }\n",
	    "192.0.2.1", EHLO MAIL RCPT "QUIT\r\n",
	    "521 5.3.2 <me.example>: Helo command rejected: no mail here",
	    NULL },
	{ "smtpd_helo_restrictions = check_helo_access "
	  "inline:{ {me.example=421 4.3.2 later} }\n",
	    "192.0.2.1", EHLO MAIL RCPT "QUIT\r\n",
	    "421 4.3.2 <me.example>: Helo command rejected: later", NULL },
	/* 5.1.8 of a client makes no sense. */
	{ "smtpd_client_restrictions = "
	  "inline:{ {192.0.2.1=550 5.1.8 x} }\n",
	    "192.0.2.1", EHLO MAIL RCPT,
	    "550 5.0.0 <client.example[192.0.2.1]>: Client host rejected: x",
	    NULL },
	{ "smtpd_sender_restrictions = inline:{ {a@b.example=550 5.1.1 x} }\n",
	    "192.0.2.1", EHLO MAIL RCPT,
	    "550 5.1.7 <a@b.example>: Sender address rejected: x", NULL },
	{ "smtpd_sender_restrictions = inline:{ {a@b.example=WARN look} }\n",
	    "192.0.2.1", EHLO MAIL RCPT, "250 2.1.5 Ok",
	    "NOQUEUE: warn: RCPT from client.example[192.0.2.1]: "
	    "look; from=<a@b.example> "
	    "to=<user@local.test> proto=ESMTP helo=<me.example>\n" },
	{ "smtpd_sender_restrictions = inline:{ a@b.example=12345 }, reject\n",
	    "192.0.2.1", EHLO MAIL RCPT, "250 2.1.5 Ok", NULL },
	/* A table leads to restrictions. */
	{ "smtpd_sender_restrictions = inline:{ {a@b.example="
	  "permit_mynetworks, reject} }\n",
	    "192.0.2.1", EHLO MAIL RCPT,
	    "554 5.7.1 <a@b.example>: Sender address rejected: Access denied",
	    NULL },
	{ "smtpd_sender_restrictions = inline:{ a@b.example=FOO }\n",
	    "192.0.2.1", EHLO MAIL RCPT,
	    "451 4.3.5 Server configuration error", NULL },
	{ "smtpd_sender_restrictions = inline:{ a@b.example=FILTER }\n",
	    "192.0.2.1", EHLO MAIL RCPT, "250 2.1.5 Ok",
	    "FILTER requires transport:destination\n" },
};

static struct view
last_line(const char *heard)
{
	struct view v = view_of(heard);
	size_t at;

	if (v.len > 0)
		v.len--;
	at = view_find_last(v, '\n');
	return at == VIEW_NPOS ? v : view_skip(v, at + 1);
}

START_TEST(a_client_is_let_in_or_refused_like_this)
{
	const char *heard;
	struct view line;

	standin_open(rows[_i].conf);
	standin_log();
	heard = standin_talk(rows[_i].client, rows[_i].says);
	line = last_line(heard);
	ck_assert_msg(view_eq(line, view_of(rows[_i].hears)), "%s\nand not: %s",
	    heard, rows[_i].hears);
	heard = standin_log();
	if (rows[_i].log != NULL)
		ck_assert_msg(strstr(heard, rows[_i].log) != NULL, "%s", heard);
	standin_close();
}
END_TEST

static const char *
message_to(const char *conf, const char *client)
{
	standin_open(conf);
	return standin_talk(client, EHLO MAIL RCPT "DATA\r\n" L "x\r\n.\r\n");
}

START_TEST(a_held_message_is_marked)
{
	ck_assert_ptr_nonnull(strstr(message_to("smtpd_sender_restrictions = "
						"inline:{ a@b.example=HOLD }\n",
					 "192.0.2.1"),
	    "queued as"));
	ck_assert_int_eq(standin.messages[0].hold, 1);
	ck_assert_ptr_nonnull(strstr(standin_log(),
	    "NOQUEUE: hold: RCPT from client.example[192.0.2.1]: "
	    "<a@b.example>: Sender address triggers HOLD action; "
	    "from=<a@b.example> to=<user@local.test> proto=ESMTP "
	    "helo=<me.example>\n"));
	standin_close();
}
END_TEST

START_TEST(a_discarded_message_is_accepted_and_gone)
{
	ck_assert_ptr_nonnull(
	    strstr(message_to("smtpd_sender_restrictions = "
			      "inline:{ a@b.example=DISCARD }\n",
		       "192.0.2.1"),
		"queued as"));
	ck_assert_uint_eq(standin.n_messages, 0);
	ck_assert_ptr_nonnull(strstr(standin_log(), ": removed (discarded)"));
	standin_close();
}
END_TEST

START_TEST(a_prepended_header_stands_first)
{
	message_to("smtpd_sender_restrictions = inline:{ {a@b.example="
		   "PREPEND X-Seen: by us} }\n",
	    "192.0.2.1");
	ck_assert_ptr_eq(strstr(standin.messages[0].content.ptr,
			     "X-Seen: by us\r\nReceived: "),
	    standin.messages[0].content.ptr);
	standin_close();
}
END_TEST

#define ALL_ACTIONS                                                     \
	"check_sender_access inline:{ {a@b.example=FILTER smtp:[::1]} }, " \
	"check_sender_access inline:{ {a@b.example=REDIRECT r@x.test} }, " \
	"check_sender_access inline:{ {a@b.example=BCC b@x.test} }, "      \
	"check_sender_access inline:{ {a@b.example=PREPEND X-A: b} }, "    \
	"check_sender_access inline:{ {a@b.example=HOLD} }\n"

static void
check_all_actions(void)
{
	const struct standin_message *m = &standin.messages[0];

	ck_assert_uint_eq(standin.n_messages, 1);
	ck_assert_str_eq(m->filter.ptr, "smtp:[::1]");
	ck_assert_str_eq(m->redirect.ptr, "r@x.test");
	/* A blind copy is a recipient of whom nothing is told. */
	ck_assert_str_eq(m->rcpts.ptr, "user@local.test\nb@x.test notify=1\n");
	ck_assert_int_eq(m->hold, 1);
}

START_TEST(cleanup_hears_what_tables_want)
{
	message_to("smtpd_sender_restrictions = " ALL_ACTIONS, "192.0.2.1");
	check_all_actions();
	ck_assert_ptr_nonnull(
	    strstr(standin.messages[0].content.ptr, "X-A: b\r\n"));
	standin_close();
}
END_TEST

/* Once the content is there: in one frame, and behind what was streamed. */
START_TEST(cleanup_hears_what_tables_want_at_the_end)
{
	struct str text = STR_EMPTY;

	message_to("smtpd_end_of_data_restrictions = " ALL_ACTIONS,
	    "192.0.2.1");
	check_all_actions();
	ck_assert(!standin.messages[0].streamed);
	standin_forget_messages();
	str_add_text(&text, EHLO MAIL RCPT "DATA\r\n" L);
	for (int i = 0; i < 5000; i++)
		str_add_text(&text, "a line of a long message\r\n");
	str_add_text(&text, ".\r\n");
	ck_assert_ptr_nonnull(
	    strstr(standin_talk("192.0.2.1", text.ptr), "queued as"));
	check_all_actions();
	ck_assert(standin.messages[0].streamed);
	str_clear(&text);
	standin_close();
}
END_TEST

/* Attack cases, "state not reset after end-of-data restriction": what was
 * decided for a message is not for the next, which is checked again. */
START_TEST(a_message_leaves_nothing_to_the_next)
{
	const char *heard;

	standin_open("smtpd_end_of_data_restrictions = " ALL_ACTIONS
		     "smtpd_sender_restrictions = check_sender_access "
		     "inline:{ {a@b.example=PREPEND X-A: b}, "
		     "c@b.example=REJECT }\n"
		     "smtpd_data_restrictions = check_sender_access inline:{ "
		     "d@b.example=DISCARD }\n");
	heard = standin_talk("192.0.2.1",
	    EHLO MAIL RCPT "DATA\r\n" L "x\r\n.\r\n"
			   "MAIL FROM:<o@b.example>\r\n" RCPT "DATA\r\n" L
			   "x\r\n.\r\nMAIL FROM:<d@b.example>\r\n" RCPT
			   "DATA\r\n" L "x\r\n.\r\n"
			   "MAIL FROM:<o@b.example>\r\n" RCPT "DATA\r\n" L
			   "x\r\n.\r\nMAIL FROM:<c@b.example>\r\n" RCPT);
	/* Of the four that were taken one was thrown away. */
	ck_assert_uint_eq(standin.n_messages, 3);
	for (size_t i = 1; i < standin.n_messages; i++) {
		const struct standin_message *m = &standin.messages[i];

		ck_assert_str_eq(m->filter.ptr, "");
		ck_assert_str_eq(m->redirect.ptr, "");
		ck_assert_str_eq(m->rcpts.ptr, "user@local.test\n");
		ck_assert_int_eq(m->hold, 0);
		ck_assert_ptr_null(strstr(m->content.ptr, "X-A: b"));
	}
	ck_assert_ptr_nonnull(strstr(heard,
	    "\n554 5.7.1 <c@b.example>: Sender address rejected: Access "
	    "denied\n"));
	standin_close();
}
END_TEST

/* A message that was refused at its end leaves nothing either. */
START_TEST(a_refused_message_leaves_nothing_to_the_next)
{
	const char *heard;

	standin_open("smtpd_sender_restrictions = " ALL_ACTIONS
		     "smtpd_end_of_data_restrictions = check_sender_access "
		     "inline:{ a@b.example=REJECT, e@b.example=REJECT }\n");
	heard = standin_talk("192.0.2.1",
	    EHLO MAIL RCPT "DATA\r\n" L "x\r\n.\r\n"
			   "MAIL FROM:<o@b.example>\r\n" RCPT "DATA\r\n" L
			   "x\r\n.\r\nMAIL FROM:<e@b.example>\r\n" RCPT
			   "BDAT 3 LAST\r\n" L "x\r\n");
	ck_assert_uint_eq(standin.n_messages, 1);
	ck_assert_str_eq(standin.messages[0].filter.ptr, "");
	ck_assert_str_eq(standin.messages[0].redirect.ptr, "");
	ck_assert_int_eq(standin.messages[0].hold, 0);
	ck_assert_ptr_nonnull(strstr(heard,
	    "\n554 5.7.1 <e@b.example>: Sender address rejected: Access "
	    "denied\n"));
	standin_close();
}
END_TEST

/* --- logins: a front end says who logged in --- */

#define LOGINS                                                         \
	"smtpd_sasl_auth_enable = yes\n"                               \
	"smtpd_authorized_xclient_hosts = 192.0.2.1\n"                 \
	"smtpd_sender_login_maps = inline:{ {a@b.example=joe jim}, "   \
	"{@c.example=ann}, {user=joe} }\n"                             \
	"smtpd_sender_restrictions = "
#define LOGIN(name) "XCLIENT ADDR=192.0.2.1 LOGIN=" name "\r\n" L EHLO
#define NOT_OWNED(sender, user)                                          \
	"553 5.7.1 <" sender ">: Sender address rejected: not owned by " \
	"user " user
#define NOT_IN(sender) \
	"553 5.7.1 <" sender ">: Sender address rejected: not logged in"

static const struct {
	const char *restriction, *login, *sender, *hears;
} logins[] = {
	{ "reject_sender_login_mismatch\n", LOGIN("joe"), "a@b.example",
	    "250 2.1.5 Ok" },
	{ "reject_sender_login_mismatch\n", LOGIN("JIM"), "a+x@b.example",
	    "250 2.1.5 Ok" },
	{ "reject_sender_login_mismatch\n", LOGIN("ann"), "a@b.example",
	    NOT_OWNED("a@b.example", "ann") },
	{ "reject_sender_login_mismatch\n", LOGIN("ann"), "any@c.example",
	    "250 2.1.5 Ok" },
	{ "reject_sender_login_mismatch\n", LOGIN("joe"), "user@local.test",
	    "250 2.1.5 Ok" },
	{ "reject_sender_login_mismatch\n", LOGIN("joe"), "user@else.test",
	    NOT_OWNED("user@else.test", "joe") },
	{ "reject_sender_login_mismatch\n", EHLO, "a@b.example",
	    NOT_IN("a@b.example") },
	{ "reject_sender_login_mismatch\n", EHLO, "x@b.example",
	    "250 2.1.5 Ok" },
	{ "reject_sender_login_mismatch\n", EHLO, "", "250 2.1.5 Ok" },
	{ "reject_known_sender_login_mismatch\n", LOGIN("joe"),
	    "x@else.test", "250 2.1.5 Ok" },
	{ "reject_known_sender_login_mismatch\n", LOGIN("joe"),
	    "x@c.example", NOT_OWNED("x@c.example", "joe") },
	{ "reject_authenticated_sender_login_mismatch\n", EHLO,
	    "a@b.example", "250 2.1.5 Ok" },
	{ "reject_authenticated_sender_login_mismatch\n", LOGIN("x"),
	    "a@b.example", NOT_OWNED("a@b.example", "x") },
	{ "reject_unauthenticated_sender_login_mismatch\n", LOGIN("x"),
	    "a@b.example", "250 2.1.5 Ok" },
	{ "reject_unauthenticated_sender_login_mismatch\n", EHLO,
	    "a@b.example", NOT_IN("a@b.example") },
	{ "permit_sasl_authenticated, reject\n", LOGIN("x"), "a@b.example",
	    "250 2.1.5 Ok" },
	{ "permit_sasl_authenticated, defer\n", EHLO, "a@b.example",
	    "450 4.3.2 <a@b.example>: Sender address rejected: Try again "
	    "later" },
	{ "check_sasl_access inline:{ x=REJECT }\n", LOGIN("x"),
	    "a@b.example",
	    "554 5.7.1 <x>: SASL login name rejected: Access denied" },
	{ "reject_sender_login_mismatch\nsmtpd_sender_login_maps = fail:x\n",
	    LOGIN("joe"), "a@b.example",
	    "451 4.3.0 <a@b.example>: Temporary lookup failure" },
};

START_TEST(a_sender_is_whom_the_login_owns)
{
	struct str conf = STR_EMPTY, text = STR_EMPTY;
	const char *heard;

	str_printf(&conf, LOGINS "%s", logins[_i].restriction);
	str_printf(&text, "%sMAIL FROM:<%s>\r\n" RCPT, logins[_i].login,
	    logins[_i].sender);
	standin_open(conf.ptr);
	heard = standin_talk("192.0.2.1", text.ptr);
	ck_assert_msg(view_eq(last_line(heard), view_of(logins[_i].hears)),
	    "%s\nand not: %s", heard, logins[_i].hears);
	standin_close();
	str_clear(&conf);
	str_clear(&text);
}
END_TEST

/* --- classes and footers --- */

START_TEST(classes_that_name_each_other_come_to_an_end)
{
	standin_open("smtpd_restriction_classes = a b\na = b\nb = a\n"
		     "smtpd_client_restrictions = a\n");
	ck_assert_ptr_nonnull(strstr(standin_talk("192.0.2.1", EHLO MAIL RCPT),
	    "\n451 4.3.5 Server configuration error\n"));
	ck_assert_ptr_nonnull(
	    strstr(standin_log(), "restrictions nest too deeply\n"));
	standin_close();
}
END_TEST

static const struct {
	const char *list;
	bool guards;
} guards[] = {
	{ "permit_mynetworks reject_unauth_destination", true },
	{ "sleep 1, DEFER", true },
	{ "permit reject_unauth_destination", false },
	{ "warn_if_reject reject_unauth_destination", false },
	{ "permit_mynetworks outer", true },
	{ "warn_if_reject outer", false },
	{ "circle", false },
	{ "outer circle", true },
	{ "", false },
};

START_TEST(mail_for_others_is_refused_in_a_list_or_its_classes)
{
	struct access_list *l;

	standin_open("smtpd_restriction_classes = outer inner circle\n"
		     "outer = permit_mynetworks inner\n"
		     "inner = reject_unauth_destination\n"
		     "circle = permit_mynetworks circle\n");
	l = access_list_open(standin.smtpd, "list", guards[_i].list);
	ck_assert_msg(access_list_guards_relay(l) == guards[_i].guards, "%s",
	    guards[_i].list);
	access_list_close(l);
	standin_close();
}
END_TEST

START_TEST(a_class_without_a_definition_defers)
{
	standin_open("smtpd_restriction_classes = a\n"
		     "smtpd_client_restrictions = a\n");
	ck_assert_ptr_nonnull(strstr(standin_talk("192.0.2.1", EHLO MAIL RCPT),
	    "\n451 4.3.5 Server configuration error\n"));
	ck_assert_ptr_nonnull(strstr(
	    standin_log(), "restriction class `a' needs a definition\n"));
	standin_close();
}
END_TEST

/* What a client sends is cut down to characters that do no harm. */
START_TEST(macros_are_filtered)
{
	standin_open("smtpd_reject_footer = \\c [$helo_name]\n"
		     "smtpd_expansion_filter = abcdefgh\n"
		     "smtpd_client_restrictions = reject\n");
	ck_assert_ptr_nonnull(strstr(
	    standin_talk("192.0.2.1", "EHLO a${b}$c\r\n" L MAIL RCPT),
	    "Client host rejected: Access denied [a__b__c]\n"));
	standin_close();
}
END_TEST

START_TEST(a_command_is_replaced)
{
	standin_open("smtpd_command_filter = inline:{ {X-HELLO=EHLO x} }\n");
	ck_assert_ptr_nonnull(strstr(
	    standin_talk("192.0.2.1", "X-HELLO\r\n"), "250 CHUNKING\n"));
	standin_close();
	standin_open("smtpd_command_filter = fail:x\n");
	ck_assert_ptr_nonnull(strstr(standin_talk("192.0.2.1", EHLO),
	    "\n421 4.3.0 mx.example.test Error: command filter lookup "
	    "error\n"));
	standin_close();
}
END_TEST

/* What the filter drops was not there. */
START_TEST(dns_answers_are_filtered)
{
	standin_open("smtpd_dns_reply_filter = regexp:{{/ IN A 127/ IGNORE}}\n"
		     "smtpd_client_restrictions = "
		     "reject_rbl_client listed.example\n");
	ck_assert_ptr_nonnull(strstr(standin_talk("192.0.2.1", EHLO MAIL RCPT),
	    "250 2.1.5 Ok\n"));
	ck_assert_ptr_nonnull(strstr(standin_log(),
	    "ignoring DNS RR: 1.2.0.192.listed.example. 60 IN A "
	    "127.0.0.2\n"));
	standin_close();
	standin_open("smtpd_dns_reply_filter = fail:x\n"
		     "smtpd_client_restrictions = "
		     "reject_rbl_client listed.example\n");
	ck_assert_ptr_nonnull(strstr(standin_talk("192.0.2.1", EHLO MAIL RCPT),
	    "\n450 4.7.1 Service unavailable; Client host [192.0.2.1] cannot "
	    "be looked up in listed.example\n"));
	standin_close();
}
END_TEST

START_TEST(a_list_that_is_down_defers_unless_told_otherwise)
{
	standin_open("smtpd_client_restrictions = "
		     "reject_rbl_client slow.example\n");
	ck_assert_ptr_nonnull(strstr(standin_talk("192.0.2.1", EHLO MAIL RCPT),
	    "\n450 4.7.1 Service unavailable; "));
	standin_close();
	standin_open("smtpd_dns_tempfail_action = dunno\n"
		     "smtpd_client_restrictions = "
		     "reject_rbl_client slow.example\n");
	ck_assert_ptr_nonnull(strstr(standin_talk("192.0.2.1", EHLO MAIL RCPT),
	    "250 2.1.5 Ok\n"));
	standin_close();
}
END_TEST

START_TEST(addresses_of_our_own_clients_are_completed_as_ours)
{
	message_to("", "192.0.2.1");
	ck_assert_str_eq(standin.messages[0].context, "remote");
	standin_close();
	message_to("", "127.0.0.1");
	ck_assert_str_eq(standin.messages[0].context, "local");
	standin_close();
	message_to("local_header_rewrite_clients = "
		   "check_address_map inline:{ 192.0.2.1=OK }\n",
	    "192.0.2.1");
	ck_assert_str_eq(standin.messages[0].context, "local");
	standin_close();
}
END_TEST

START_TEST(a_route_is_asked_for_once_in_some_seconds)
{
	size_t before;

	standin_open("smtpd_reject_unlisted_sender = yes\n");
	standin_talk("192.0.2.1", EHLO MAIL RCPT RCPT RCPT);
	before = standin.n_routes;
	ck_assert_uint_eq(before, 2);
	standin_talk("192.0.2.1", EHLO MAIL RCPT);
	ck_assert_uint_eq(standin.n_routes, before);
	/* A new generation of rewrite has new tables. */
	standin.smtpd->rewrite.generation++;
	standin_talk("192.0.2.1", EHLO MAIL RCPT);
	ck_assert_uint_eq(standin.n_routes, before + 2);
	standin_close();
}
END_TEST

START_TEST(without_rewrite_recipients_are_told_to_come_again)
{
	standin_open("");
	standin.rewrite_is_down = true;
	ck_assert_ptr_nonnull(strstr(standin_talk("192.0.2.1", EHLO MAIL RCPT),
	    "451 4.3.0 <user@local.test>: Temporary lookup failure"));
	standin_close();
}
END_TEST

START_TEST(without_resolve_a_client_has_no_name)
{
	standin_open("smtpd_client_restrictions = "
		     "reject_unknown_client_hostname\n"
		     "unknown_client_reject_code = 550\n");
	standin.resolve_is_down = true;
	ck_assert_ptr_nonnull(strstr(standin_talk("192.0.2.1", EHLO MAIL RCPT),
	    "450 4.7.25 Client host rejected: cannot find your hostname, "
	    "[192.0.2.1]"));
	standin_close();
}
END_TEST

/* More addresses than the cache has room for. */
START_TEST(the_cache_of_routes_is_bounded)
{
	struct str text = STR_EMPTY;

	standin_open("local_recipient_maps =\nsmtpd_recipient_limit = 9999\n");
	str_add_text(&text, EHLO MAIL);
	for (int i = 0; i < 5000; i++)
		str_addf(&text, "RCPT TO:<u%d@local.test>\r\n", i);
	standin_talk("192.0.2.1", text.ptr);
	/* Fewer if it took so long that some are old. */
	ck_assert_uint_gt(standin.smtpd->cache.n, 0);
	ck_assert_uint_le(standin.smtpd->cache.n, 4096);
	ck_assert_uint_eq(standin.smtpd->cache.entries.n_entries,
	    standin.smtpd->cache.n);
	str_clear(&text);
	standin_close();
}
END_TEST

UNIT_MAIN("access",
    { a_client_is_let_in_or_refused_like_this, ARRAY_LEN(rows) },
    { a_held_message_is_marked, 1 },
    { a_discarded_message_is_accepted_and_gone, 1 },
    { a_prepended_header_stands_first, 1 },
    { cleanup_hears_what_tables_want, 1 },
    { cleanup_hears_what_tables_want_at_the_end, 1 },
    { a_message_leaves_nothing_to_the_next, 1 },
    { a_refused_message_leaves_nothing_to_the_next, 1 },
    { a_sender_is_whom_the_login_owns, ARRAY_LEN(logins) },
    { classes_that_name_each_other_come_to_an_end, 1 },
    { mail_for_others_is_refused_in_a_list_or_its_classes, ARRAY_LEN(guards) },
    { a_class_without_a_definition_defers, 1 }, { macros_are_filtered, 1 },
    { a_command_is_replaced, 1 }, { dns_answers_are_filtered, 1 },
    { a_list_that_is_down_defers_unless_told_otherwise, 1 },
    { addresses_of_our_own_clients_are_completed_as_ours, 1 },
    { a_route_is_asked_for_once_in_some_seconds, 1 },
    { without_rewrite_recipients_are_told_to_come_again, 1 },
    { without_resolve_a_client_has_no_name, 1 },
    { the_cache_of_routes_is_bounded, 1 })
