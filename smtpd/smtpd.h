/*
 * What one smtpd process has for all its sessions: the configuration, the
 * tables that were opened before the drop, the services that it asks, and the
 * sessions themselves.
 */
#ifndef SMTPD_SMTPD_H
#define SMTPD_SMTPD_H

#include "lib/base/list.h"
#include "lib/conf/conf.h"
#include "lib/dns/dns.h"
#include "lib/ipc/anvil.h"
#include "lib/ipc/client.h"
#include "lib/mail/completion.h"
#include "lib/mail/override.h"
#include "lib/table/match.h"
#include "lib/table/table.h"
#include "smtpd/quiet.h"

struct access_list;
struct access_shared;
struct command;
struct explain;
struct session;

/* The lists of restrictions, in the order in which they are checked. */
enum access_stage {
	ACCESS_CLIENT,
	ACCESS_HELO,
	ACCESS_SENDER,
	ACCESS_RELAY,
	ACCESS_RECIPIENT,
	ACCESS_DATA,
	ACCESS_END_OF_DATA,
	ACCESS_ETRN,
	ACCESS_REWRITE, /* local_header_rewrite_clients */
	ACCESS_STAGES,
};

/* smtpd_forbid_bare_newline. */
enum bare_lf {
	BARE_LF_NO,	   /* a line may end in LF alone */
	BARE_LF_NOTE,	   /* and that is told at disconnect */
	BARE_LF_NORMALIZE, /* but does not end a message */
	BARE_LF_REJECT,	   /* is refused */
};

/* What EHLO offers, in the order in which it is told. */
enum offer {
	OFFER_PIPELINING = 1 << 0,
	OFFER_SIZE = 1 << 1,
	OFFER_VRFY = 1 << 2,
	OFFER_ETRN = 1 << 3,
	OFFER_STARTTLS = 1 << 4,
	OFFER_AUTH = 1 << 5,
	OFFER_XCLIENT = 1 << 6,
	OFFER_XFORWARD = 1 << 7,
	OFFER_ENHANCEDSTATUSCODES = 1 << 8,
	OFFER_8BITMIME = 1 << 9,
	OFFER_DSN = 1 << 10,
	OFFER_SMTPUTF8 = 1 << 11,
	OFFER_REQUIRETLS = 1 << 12,
	OFFER_CHUNKING = 1 << 13,
};

/* The maps by which recipients are known. */
struct rcpt_maps {
	struct table_list *canonical, *recipient_canonical, *sender_canonical;
	struct table_list *virtual_alias;
	struct table_list *local, *virtual_mailbox, *relay;
};

/* What was found out about addresses in the last seconds. */
struct rcpt_cache {
	struct htable entries;
	struct list by_age;
	size_t n;
	int64_t generation; /* of the rewrite service that said it */
};

struct smtpd {
	const struct conf *conf;
	const char *service; /* the name in master.cf */
	int slot;
	bool stand_alone; /* smtpd -S: no access control, no limits */
	struct explain *explain; /* NULL: clients are served */
	bool is_screened; /* a service of postscreen in master.cf */

	struct ipc_service cleanup, rewrite, resolve, anvil_service, qmgr,
	    dial, state;
	struct completion completion;
	struct dns_client dns;
	struct anvil anvil;

	struct match_list *mynetworks, *event_exceptions, *bare_lf_exclusions;
	struct match_list *forbidden_commands, *noop_commands;
	struct match_list *xclient_hosts, *xforward_hosts;
	struct match_list *flush_domains;
	struct match_list *debug_peers;
	struct rcpt_maps maps;
	struct access_list *access[ACCESS_STAGES];
	struct access_shared *access_shared;
	/* smtpd_dns_reply_filter, smtpd_command_filter,
	 * smtpd_reject_footer_maps, smtpd_reject_filter_maps. */
	struct table_list *dns_filter, *command_filter, *footers,
	    *reply_filter;
	/* smtpd_discard_ehlo_keyword_address_maps: by address, instead of
	 * smtpd_discard_ehlo_keywords. */
	struct table_list *discards;
	bool access_parents; /* parents match in access tables */
	enum bare_lf bare_lf;
	unsigned offers;      /* enum offer */
	unsigned discarded;   /* of them, by default */
	struct override override; /* receive_override_options */
	/* Addresses of this machine: those of inet_interfaces, then those by
	 * which others know it, proxy_interfaces. */
	struct dns_addr *own;
	size_t n_interfaces, n_own;

	int64_t started_us;  /* with `serial` of a session a name for all time */
	uint64_t n_serials;
	struct match_list *grey_exceptions, *volume_exceptions;
	struct table_list *volume_maps;
	struct screen_settings *screen; /* NULL: clients are not tested */
	/* A proxy tells who the client is, in so many seconds; 0: there is
	 * none. */
	int64_t proxy_timeout;
	unsigned notices; /* enum fault: of these the postmaster is told */
	int64_t n_tested; /* sessions that are at the screen's tests */

	struct rcpt_cache cache;
	struct quiet quiet;
	int64_t collected; /* bytes of messages in memory, of all sessions */
	struct list sessions;
	bool leaving; /* drain_time is over: 421 between transactions */
};

/* Reads and opens what the configuration names; before the drop.  Dies with
 * the parameter's name if that cannot be. */
void smtpd_open(struct smtpd *smtpd, const struct conf *conf);
void smtpd_close(struct smtpd *smtpd);
/* A table or file was replaced. */
bool smtpd_tables_changed(void *owner);
/* What one parameter names: it dies if that cannot be. */
struct match_list *smtpd_open_match(
    const char *parameter, const char *value, unsigned flags);
struct table_list *smtpd_open_tables(const char *parameter, const char *value);
/* True if the list is among parent_domain_matches_subdomains. */
bool smtpd_parents_match(const struct conf *conf, const char *parameter);

#endif
