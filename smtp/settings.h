/*
 * The parameters of this client, smtp_ or lmtp_ ones, in one struct: so the
 * rest of the program need not ask which it is.
 */
#ifndef SMTP_SETTINGS_H
#define SMTP_SETTINGS_H

#include "lib/conf/conf.h"
#include "lib/mail/addr_map.h"
#include "lib/mail/check_maps.h"
#include "lib/table/match.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* Times are seconds; 0 is no limit.  Strings borrow from the configuration. */
struct settings {
	bool is_lmtp;
	const char *hello_name;
	const char *myhostname, *myorigin;
	const char *default_port; /* a number or a known name */
	const char *known_tcp_ports;
	const char *fallback_relay;
	const char *discard_keywords;
	const char *bind_address, *bind_address6;
	const char *tls_level;
	int64_t connect_timeout, hello_timeout, xforward_timeout;
	int64_t mail_timeout, rcpt_timeout, data_init_timeout;
	int64_t data_xfer_timeout, data_done_timeout;
	int64_t rset_timeout, quit_timeout;
	int64_t idle_limit; /* of a session between deliveries */
	int64_t reuse_time_limit, reuse_count_limit;
	int64_t mx_address_limit, mx_session_limit; /* 0 is no limit */
	int64_t line_length_limit;
	int64_t delay_resolution;
	bool bind_enforce;
	bool always_ehlo, never_ehlo;
	bool skip_5xx_greeting, skip_quit_response;
	bool send_xforward;
	bool keep_sessions;
	bool probe_data; /* a probe of an address ends at DATA, not at RCPT */
	bool randomize;
	bool balance; /* IPv4 and IPv6 below the limit */
	bool defer_if_no_mx_address;
	bool disable_dns;
	bool lookup_dns, lookup_native;
	bool use_ipv4, use_ipv6;
	char preference; /* '4', '6', or 'a' for any */
	bool soft_bounce;
	bool convert_8bit;    /* disable_mime_output_conversion = no */
	bool is_tls_required; /* encrypt and above */
	/* smtp_generic_maps, and which domains are ours; opened if there are
	 * any. */
	struct addr_map generic;
	struct addr_site site;
	struct check_maps checks; /* smtp_header_checks and so on */
	/* Servers whose sessions are logged in detail, and how much. */
	struct match_list *debug_peers;
	int64_t debug_level;
	/* The machine's own addresses: an MX host that has one is us. */
	struct sockaddr_storage *own;
	size_t n_own;
};

/* Reads this process's interfaces, and opens tables; before the drop.  Dies if
 * debug_peer_list makes no sense. */
void settings_load(struct settings *s, const struct conf *conf, bool is_lmtp);
void settings_clear(struct settings *s);

/* The number of a port that is a number or one of known_tcp_ports; 0 if it is
 * neither. */
uint16_t settings_port(const struct settings *s, const char *name);
/* Whether mail to this address comes back to this machine. */
bool settings_is_own(const struct settings *s, const struct sockaddr *addr);

#endif
