/*
 * Every parameter of main.cf, a row each.  Included with ROW and ENUM defined
 * to what should become of a row; no include guard for that reason.  In the
 * order of names (the unit test looks).
 *
 *	ROW(type, name, default, low, high, use, doc)
 *	ENUM(name, default, "one|another", use, doc)
 *
 * Types: conf.h.  The default is text as in main.cf, macros and all; for a time
 * its unit is the one that a bare number gets.  low and high bound the value,
 * in seconds for TIME and MSEC, in bytes for SIZE; the length for STR and RAW.
 * CONF_COMPUTED: made at start (see defaults.c).  USED: Barid acts on it.
 * KNOWN: imported configurations have it; setting it is told at start.
 */
#include "lib/conf/paths.h"

/* clang-format off */
#ifndef ROW
#define ROW(type, name, init, low, high, use, doc)
#endif
#ifndef ENUM
#define ENUM(name, init, choices, use, doc)
#endif

ROW(STR, _2bounce_notice_recipient, "postmaster", 0, CONF_LEN_MAX, USED,
    "Who gets the bounces that could not be returned to their sender.")
ROW(INT, access_map_defer_code, "450", 400, 499, USED,
    "Reply code of an access table's DEFER.")
ROW(INT, access_map_reject_code, "554", 400, 599, USED,
    "Reply code of an access table's REJECT.")
ROW(TIME, address_verify_cache_cleanup_interval, "12h", 0, CONF_TIME_MAX, USED,
    "How often old results of address probes are removed; 0 is never.")
ROW(STR, address_verify_default_transport,
    "$default_transport", 0, CONF_LEN_MAX, USED,
    "default_transport for address probes.")
ROW(STR, address_verify_local_transport,
    "$local_transport", 0, CONF_LEN_MAX, USED,
    "local_transport for address probes.")
ROW(STR, address_verify_map,
    "$default_cache_db_type:$data_directory/verify_cache",
    0, CONF_LEN_MAX, USED,
    "Table that keeps the results of address probes; empty keeps them in "
    "memory.")
ROW(BOOL, address_verify_negative_cache, "yes", 0, 1, USED,
    "Remember failed address probes too.")
ROW(TIME, address_verify_negative_expire_time, "3d", 1, CONF_TIME_MAX, USED,
    "How long a failed probe counts.")
ROW(TIME, address_verify_negative_refresh_time, "3h", 1, CONF_TIME_MAX, USED,
    "Age from which a failed probe is tried again.")
ROW(INT, address_verify_pending_request_limit, "5000", 1, CONF_INT_MAX, USED,
    "Most address probes under way at once.")
ROW(INT, address_verify_poll_count, "${stress?{1}:{3}}", 1, CONF_INT_MAX, USED,
    "How often a client's command asks for the result of a running probe.")
ROW(TIME, address_verify_poll_delay, "3s", 1, CONF_TIME_MAX, USED,
    "Time between these questions.")
ROW(TIME, address_verify_positive_expire_time, "31d", 1, CONF_TIME_MAX, USED,
    "How long a successful probe counts.")
ROW(TIME, address_verify_positive_refresh_time, "7d", 1, CONF_TIME_MAX, USED,
    "Age from which a successful probe is tried again.")
ROW(STR, address_verify_relay_transport,
    "$relay_transport", 0, CONF_LEN_MAX, USED,
    "relay_transport for address probes.")
ROW(STR, address_verify_relayhost, "$relayhost", 0, CONF_LEN_MAX, USED,
    "relayhost for address probes.")
ROW(STR, address_verify_sender, "$double_bounce_sender", 0, CONF_LEN_MAX, USED,
    "Sender address of probes; <> is the null sender.")
ROW(STR, address_verify_sender_dependent_default_transport_maps,
    "$sender_dependent_default_transport_maps", 0, CONF_LEN_MAX, USED,
    "sender_dependent_default_transport_maps for address probes.")
ROW(STR, address_verify_sender_dependent_relayhost_maps,
    "$sender_dependent_relayhost_maps", 0, CONF_LEN_MAX, USED,
    "sender_dependent_relayhost_maps for address probes.")
ROW(TIME, address_verify_sender_ttl, "0s", 0, CONF_TIME_MAX, USED,
    "How often the sender address of probes changes; 0 is never.")
ROW(STR, address_verify_service_name, "verify", 0, CONF_LEN_MAX, KNOWN,
    "Name of the address_verify service in master.cf.")
ROW(STR, address_verify_transport_maps,
    "$transport_maps", 0, CONF_LEN_MAX, USED,
    "transport_maps for address probes.")
ROW(STR, address_verify_virtual_transport,
    "$virtual_transport", 0, CONF_LEN_MAX, USED,
    "virtual_transport for address probes.")
ROW(STR, alias_database,
    "$default_database_type:/etc/aliases", 0, CONF_LEN_MAX, USED,
    "The alias tables that newaliases builds.")
ROW(STR, alias_maps,
    "$default_database_type:/etc/aliases", 0, CONF_LEN_MAX, USED,
    "The alias tables that local delivery looks at.")
ROW(STR, allow_mail_to_commands, "alias, forward", 0, CONF_LEN_MAX, KNOWN,
    "Where a delivery to a command may be written: alias, forward, include.")
ROW(STR, allow_mail_to_files, "alias, forward", 0, CONF_LEN_MAX, KNOWN,
    "Where a delivery to a file may be written: alias, forward, include.")
ROW(BOOL, allow_min_user, "no", 0, 1, USED,
    "Accept recipients that begin with a minus sign.")
ROW(BOOL, allow_percent_hack, "yes", 0, 1, USED,
    "Take user%domain for user@domain.")
ROW(BOOL, allow_srv_lookup_fallback, "no", 0, 1, KNOWN,
    "Use MX records if there is no SRV record.")
ROW(BOOL, allow_untrusted_routing, "no", 0, 1, KNOWN,
    "Relay addresses with a route in them from any client.")
ROW(STR, alternate_config_directories, "", 0, CONF_LEN_MAX, USED,
    "Other configuration folders that the set-gid commands accept.")
ROW(BOOL, always_add_missing_headers, "no", 0, 1, USED,
    "Add From, To, Date and Message-ID to mail from anywhere.")
ROW(STR, always_bcc, "", 0, CONF_LEN_MAX, USED,
    "A recipient added to every message.")
ROW(TIME, anvil_rate_time_unit, "60s", 1, CONF_TIME_MAX, USED,
    "The time over which rates of clients are counted.")
ROW(TIME, anvil_status_update_time, "600s", 1, CONF_TIME_MAX, USED,
    "How often peak counts of clients are logged.")
ROW(BOOL, append_at_myorigin, "yes", 0, 1, USED,
    "Complete user to user@$myorigin.")
ROW(BOOL, append_dot_mydomain,
    "${{$compatibility_level} <level {1} ? {yes} : {no}}", 0, 1, USED,
    "Complete user@host to user@host.$mydomain.")
ROW(TIME, application_event_drain_time, "100s", 1, CONF_TIME_MAX, KNOWN,
    "How long a daemon waits for its last events when it ends.")
ROW(STR, authorized_flush_users, "static:anyone", 0, CONF_LEN_MAX, USED,
    "Users who may flush the queue.")
ROW(STR, authorized_mailq_users, "static:anyone", 0, CONF_LEN_MAX, USED,
    "Users who may list the queue.")
ROW(STR, authorized_submit_users, "static:anyone", 0, CONF_LEN_MAX, USED,
    "Users who may submit mail with sendmail.")
ROW(BOOL, backwards_bounce_logfile_compatibility, "yes", 0, 1, KNOWN,
    "Write bounce files that very old versions read.")
ROW(SIZE, berkeley_db_create_buffer_size, "16777216", 1, CONF_SIZE_MAX, KNOWN,
    "Memory for building a Berkeley DB table.")
ROW(SIZE, berkeley_db_read_buffer_size, "131072", 1, CONF_SIZE_MAX, KNOWN,
    "Memory for reading a Berkeley DB table.")
ROW(STR, best_mx_transport, "", 0, CONF_LEN_MAX, KNOWN,
    "Transport for domains of which this host is the best MX but which it "
    "does not know.")
ROW(BOOL, biff, "yes", 0, 1, KNOWN,
    "Tell logged-in users of new mail.")
ROW(STR, body_checks, "", 0, CONF_LEN_MAX, USED,
    "Tables for lines of the body.")
ROW(SIZE, body_checks_size_limit, "51200", 0, CONF_SIZE_MAX, USED,
    "How much of each part of a message body_checks looks at.")
ROW(STR, bounce_notice_recipient, "postmaster", 0, CONF_LEN_MAX, USED,
    "Who gets copies of bounces if notify_classes has bounce.")
ROW(TIME, bounce_queue_lifetime, "5d", 0, 8640000, USED,
    "How long a bounce stays in the queue.")
ROW(STR, bounce_service_name, "bounce", 0, CONF_LEN_MAX, KNOWN,
    "Name of the bounce service in master.cf.")
ROW(SIZE, bounce_size_limit, "50000", 1, CONF_SIZE_MAX, USED,
    "Most of the original message that a bounce returns.")
ROW(STR, bounce_template_file, "", 0, CONF_LEN_MAX, USED,
    "File with templates for the text of bounces.")
ROW(BOOL, broken_sasl_auth_clients, "no", 0, 1, KNOWN,
    "Offer AUTH also in the form AUTH=.")
ROW(STR, canonical_classes,
    "envelope_sender, envelope_recipient, header_sender, header_recipient",
    0, CONF_LEN_MAX, USED,
    "Which addresses canonical_maps rewrites.")
ROW(STR, canonical_maps, "", 0, CONF_LEN_MAX, USED,
    "Tables that rewrite addresses in envelope and headers.")
ROW(BOOL, cleanup_replace_stray_cr_lf, "yes", 0, 1, KNOWN,
    "Replace a CR or LF that stands alone in content.")
ROW(STR, cleanup_service_name, "cleanup", 1, CONF_LEN_MAX, USED,
    "The service in master.cf that new messages are given to.")
ROW(STR, command_directory, BARID_SBIN_DIR, 0, CONF_LEN_MAX, USED,
    "Where the commands are.")
ROW(RAW, command_execution_directory, "", 0, CONF_LEN_MAX, KNOWN,
    "The directory in which a delivery's command runs.")
ROW(RAW, command_expansion_filter,
    "1234567890!@%-_=+:,./abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXY"
    "Z", 0, CONF_LEN_MAX, KNOWN,
    "Characters that may come from mail into a command; others become '_'.")
ROW(TIME, command_time_limit, "1000s", 1, CONF_TIME_MAX, KNOWN,
    "How long a delivery's command may run.")
ROW(STR, compatibility_level, "0", 1, 20, USED,
    "Below a level, defaults that changed at that level keep their old value.")
ROW(STR, config_directory, CONF_COMPUTED, 0, CONF_LEN_MAX, USED,
    "Where main.cf and master.cf are.")
ROW(BOOL, confirm_delay_cleared, "no", 0, 1, KNOWN,
    "Tell a sender who was warned of a delay of the delivery.")
ROW(TIME, connection_cache_protocol_timeout, "5s", 1, CONF_TIME_MAX, KNOWN,
    "Time limit for the connection cache.")
ROW(STR, connection_cache_service_name, "scache", 0, CONF_LEN_MAX, KNOWN,
    "Name of the connection_cache service in master.cf.")
ROW(TIME, connection_cache_status_update_time, "600s", 1, CONF_TIME_MAX, KNOWN,
    "How often use of the connection cache is logged.")
ROW(TIME, connection_cache_ttl_limit, "2s", 1, CONF_TIME_MAX, KNOWN,
    "Longest time that a connection is cached.")
ROW(STR, content_filter, "", 0, CONF_LEN_MAX, USED,
    "Transport and next hop of a filter that gets each message first.")
ROW(STR, cyrus_sasl_config_path, "", 0, CONF_LEN_MAX, KNOWN,
    "Where Cyrus SASL looks for its configuration.")
ROW(STR, daemon_directory, BARID_DAEMON_DIR, 0, CONF_LEN_MAX, USED,
    "Where the daemons are.")
ROW(BOOL, daemon_table_open_error_is_fatal, "no", 0, 1, KNOWN,
    "A daemon ends if a table cannot be opened.")
ROW(TIME, daemon_timeout, "18000s", 1, CONF_TIME_MAX, USED,
    "How long a daemon may take for one request.")
ROW(STR, data_directory, BARID_DATA_DIR, 0, CONF_LEN_MAX, USED,
    "Where daemons keep data of their own, such as caches.")
ROW(INT, debug_peer_level, "2", 1, CONF_INT_MAX, USED,
    "How much more is logged for clients of debug_peer_list.")
ROW(STR, debug_peer_list, "", 0, CONF_LEN_MAX, USED,
    "Peers (names, addresses, networks) whose sessions are logged in detail.")
ROW(STR, debugger_command, "", 0, CONF_LEN_MAX, USED,
    "Command that is run for a daemon started with -D.")
ROW(STR, default_cache_db_type, "btree", 0, CONF_LEN_MAX, USED,
    "Table type of caches.")
ROW(STR, default_database_type, "hash", 0, CONF_LEN_MAX, USED,
    "Table type that postmap, postalias and newaliases use if none is said.")
ROW(INT, default_delivery_slot_cost, "5", 0, CONF_INT_MAX, USED,
    "Recipients of a message after which another may go before it; 0 is "
    "never.")
ROW(INT, default_delivery_slot_discount, "50", 0, 100, USED,
    "Percentage by which the wait of a small message is shortened.")
ROW(INT, default_delivery_slot_loan, "3", 0, CONF_INT_MAX, USED,
    "Recipients by which the wait of a small message is shortened.")
ROW(STR, default_delivery_status_filter, "", 0, CONF_LEN_MAX, KNOWN,
    "Table that replaces status and text of deliveries.")
ROW(INT, default_destination_concurrency_failed_cohort_limit,
    "1", 0, CONF_INT_MAX, USED,
    "Rounds of failed deliveries after which a destination counts as dead.")
ROW(INT, default_destination_concurrency_limit, "20", 0, CONF_INT_MAX, USED,
    "Most parallel deliveries to one destination; 0 is no limit.")
ROW(STR, default_destination_concurrency_negative_feedback,
    "1", 0, CONF_LEN_MAX, USED,
    "By how much a failure lowers the concurrency: a number, 1/concurrency "
    "or 1/sqrt_concurrency.")
ROW(STR, default_destination_concurrency_positive_feedback,
    "1", 0, CONF_LEN_MAX, USED,
    "By how much a success raises the concurrency: as for negative_feedback.")
ROW(MSEC, default_destination_rate_delay, "0s", 0, CONF_TIME_MAX, USED,
    "Delay between deliveries to one destination.")
ROW(INT, default_destination_recipient_limit, "50", 0, CONF_INT_MAX, USED,
    "Most recipients in one delivery; 0 is no limit.")
ROW(INT, default_extra_recipient_limit, "1000", 0, CONF_INT_MAX, KNOWN,
    "Recipients that a message which goes before others may bring.")
ROW(STR, default_filter_nexthop, "", 0, CONF_LEN_MAX, USED,
    "Next hop of a content_filter that names none.")
ROW(INT, default_minimum_delivery_slots, "3", 0, CONF_INT_MAX, USED,
    "Recipients a message must have before others go before it.")
ROW(STR, default_privs, "nobody", 1, CONF_LEN_MAX, KNOWN,
    "User for deliveries to files and commands from root's aliases.")
ROW(INT, default_process_limit, "100", 1, CONF_INT_MAX, USED,
    "Most deliveries at once of a service that writes mailboxes or runs "
    "commands, if master.cf says nothing.")
ROW(RAW, default_rbl_reply,
    "$rbl_code Service unavailable; $rbl_class [$rbl_what] blocked using "
    "$rbl_domain${rbl_reason?; $rbl_reason}", 0, CONF_LEN_MAX, USED,
    "Reply to a client that a DNS list refuses.")
ROW(INT, default_recipient_limit, "20000", 0, CONF_INT_MAX, KNOWN,
    "Most recipients in memory per transport.")
ROW(TIME, default_recipient_refill_delay, "5s", 1, CONF_TIME_MAX, KNOWN,
    "Time after which recipients are read again.")
ROW(INT, default_recipient_refill_limit, "100", 1, CONF_INT_MAX, KNOWN,
    "Recipients read from a message at once.")
ROW(INT, default_service_processes, "0", 0, 1000, USED,
    "Processes of a service that serves sessions; 0 is one per processor; "
    "NAME_processes is that of one program.")
ROW(INT, default_session_limit, "5000", 1, 1000000, USED,
    "Most sessions of a service, if master.cf says nothing; descriptors "
    "bound it as well.")
ROW(INT, default_sessions_per_process, "5000", 1, 1000000, USED,
    "Most sessions in one process; 1 is a process per client.")
ROW(STR, default_transport, "smtp", 1, CONF_LEN_MAX, USED,
    "Transport and next hop of destinations that no class matches.")
ROW(MSEC, default_transport_rate_delay, "0s", 0, CONF_TIME_MAX, USED,
    "Delay between deliveries of one transport.")
ROW(STR, default_verp_delimiters, "+=", 2, 2, KNOWN,
    "The two characters of variable envelope senders.")
ROW(INT, defer_code, "450", 400, 499, USED,
    "Reply code of the restriction defer.")
ROW(STR, defer_service_name, "defer", 0, CONF_LEN_MAX, KNOWN,
    "Name of the defer service in master.cf.")
ROW(STR, defer_transports, "", 0, CONF_LEN_MAX, USED,
    "Transports whose mail waits until it is flushed.")
ROW(INT, delay_logging_resolution_limit, "2", 0, 6, USED,
    "Digits after the point in logged delays.")
ROW(STR, delay_notice_recipient, "postmaster", 0, CONF_LEN_MAX, USED,
    "Who gets copies of delay warnings if notify_classes has delay.")
ROW(TIME, delay_warning_time, "0h", 0, CONF_TIME_MAX, USED,
    "Age at which a sender is warned of a delay; 0 is never.")
ROW(INT, deliver_lock_attempts, "20", 1, CONF_INT_MAX, USED,
    "How often a lock of a mailbox is tried.")
ROW(TIME, deliver_lock_delay, "1s", 1, CONF_TIME_MAX, USED,
    "Time between these attempts.")
ROW(BOOL, destination_concurrency_feedback_debug, "no", 0, 1, KNOWN,
    "Log each change of a destination's concurrency.")
ROW(BOOL, detect_8bit_encoding_header, "yes", 0, 1, KNOWN,
    "Take the encoding of 8-bit content from Content-Transfer-Encoding.")
ROW(BOOL, disable_dns_lookups, "no", 0, 1, USED,
    "Find hosts without DNS (no MX), by the system's name service.")
ROW(BOOL, disable_mime_input_processing, "no", 0, 1, USED,
    "Do not look at the MIME structure of received mail.")
ROW(BOOL, disable_mime_output_conversion, "no", 0, 1, USED,
    "Do not convert 8-bit content for servers without 8BITMIME.")
ROW(BOOL, disable_verp_bounces, "no", 0, 1, KNOWN,
    "Send one bounce per message also with variable envelope senders.")
ROW(BOOL, disable_vrfy_command, "no", 0, 1, USED,
    "Do not answer the SMTP command VRFY.")
ROW(BOOL, dns_ncache_ttl_fix_enable, "no", 0, 1, KNOWN,
    "Mend too long times to live of negative answers.")
ROW(STR, dns_test_server, "", 0, CONF_LEN_MAX, USED,
    "Address and port (\"127.0.0.1:5353\") of the DNS server to ask, above "
    "resolv.conf; for tests.")
ROW(TIME, dnsblog_reply_delay, "0s", 0, CONF_TIME_MAX, USED,
    "Delay of answers of the DNS list client; for tests.")
ROW(STR, dnsblog_service_name, "dnsblog", 0, CONF_LEN_MAX, KNOWN,
    "Name of the dnsblog service in master.cf.")
ROW(STR, dnssec_probe, "ns:.", 0, CONF_LEN_MAX, KNOWN,
    "Query that finds out if DNSSEC validation works.")
ROW(INT, dont_remove, "0", 0, 1, KNOWN,
    "Keep delivered messages in saved.")
ROW(STR, double_bounce_sender, "double-bounce", 1, CONF_LEN_MAX, USED,
    "Sender of mail that must not bounce.")
ROW(TIME, drain_time, "60s", 0, 86400, USED,
    "How long a process that was told to go waits between commands before it "
    "ends a session with 421.")
ROW(INT, duplicate_filter_limit, "1000", 0, CONF_INT_MAX, USED,
    "Recipients remembered to remove duplicates; 0 is no limit.")
ROW(STR, empty_address_default_transport_maps_lookup_key,
    "<>", 1, CONF_LEN_MAX, USED,
    "Key for the null sender in sender_dependent_default_transport_maps.")
ROW(STR, empty_address_local_login_sender_maps_lookup_key,
    "<>", 1, CONF_LEN_MAX, KNOWN,
    "Key for the null sender in local_login_sender_maps.")
ROW(STR, empty_address_recipient, "MAILER-DAEMON", 1, CONF_LEN_MAX, USED,
    "Recipient of mail to the null address.")
ROW(STR, empty_address_relayhost_maps_lookup_key, "<>", 1, CONF_LEN_MAX, USED,
    "Key for the null sender in sender_dependent_relayhost_maps.")
ROW(BOOL, enable_idna2003_compatibility, "no", 0, 1, KNOWN,
    "Convert domain names by the older standard.")
ROW(BOOL, enable_long_queue_ids, "no", 0, 1, USED,
    "Queue IDs that are never used again.")
ROW(BOOL, enable_original_recipient, "yes", 0, 1, USED,
    "Keep the recipient as first given, for X-Original-To and reports.")
ROW(BOOL, enable_threaded_bounces, "no", 0, 1, KNOWN,
    "Reports refer to the original message's ID.")
ROW(STR, error_notice_recipient, "postmaster", 0, CONF_LEN_MAX, USED,
    "Who is told of errors by notify_classes.")
ROW(STR, error_service_name, "error", 0, CONF_LEN_MAX, KNOWN,
    "Name of the error service in master.cf.")
ROW(RAW, execution_directory_expansion_filter,
    "1234567890!@%-_=+:,./abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXY"
    "Z", 0, CONF_LEN_MAX, KNOWN,
    "Characters that may come from mail into command_execution_directory.")
ROW(BOOL, expand_owner_alias, "no", 0, 1, USED,
    "Use what owner-NAME expands to as sender, not owner-NAME.")
ROW(STR, export_environment, "TZ MAIL_CONFIG LANG", 0, CONF_LEN_MAX, KNOWN,
    "Environment variables that leave the mail system: NAME or NAME=value.")
ROW(STR, fallback_transport, "", 0, CONF_LEN_MAX, KNOWN,
    "Transport for recipients that are not users of this system.")
ROW(STR, fallback_transport_maps, "", 0, CONF_LEN_MAX, KNOWN,
    "The same per recipient.")
ROW(STR, fast_flush_domains, "$relay_domains", 0, CONF_LEN_MAX, USED,
    "Destinations that ETRN and sendmail -qR may flush.")
ROW(TIME, fast_flush_purge_time, "7d", 1, CONF_TIME_MAX, KNOWN,
    "Age at which an empty list of a destination's mail goes.")
ROW(TIME, fast_flush_refresh_time, "12h", 1, CONF_TIME_MAX, KNOWN,
    "Time after which a destination's mail is tried anyway.")
ROW(INT, fault_injection_code, "0", 0, CONF_INT_MAX, KNOWN,
    "Fail on purpose; for tests.")
ROW(STR, flush_service_name, "flush", 0, CONF_LEN_MAX, KNOWN,
    "Name of the flush service in master.cf.")
ROW(BOOL, force_mime_input_conversion, "no", 0, 1, USED,
    "Convert 8-bit content of received mail at once.")
ROW(INT, fork_attempts, "5", 1, CONF_INT_MAX, KNOWN,
    "How often a new process is tried.")
ROW(TIME, fork_delay, "1s", 1, CONF_TIME_MAX, KNOWN,
    "Time between these attempts.")
ROW(RAW, forward_expansion_filter,
    "1234567890!@%-_=+:,./abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXY"
    "Z", 0, CONF_LEN_MAX, KNOWN,
    "Characters that may come from mail into forward_path.")
ROW(RAW, forward_path,
    "$home/.forward${recipient_delimiter}${extension}, $home/.forward",
    0, CONF_LEN_MAX, KNOWN,
    "Files in which a user says where mail goes.")
ROW(BOOL, frozen_delivered_to, "yes", 0, 1, KNOWN,
    "Delivered-To shows the recipient as it came, not as aliased.")
ROW(STR, full_name_encoding_charset, "utf-8", 0, CONF_LEN_MAX, KNOWN,
    "Character set of a local sender's full name.")
ROW(INT, greylist_auto_allow_count, "5", 0, CONF_INT_MAX, USED,
    "Greylisted mail that a client has to repeat before it is let in at once.")
ROW(TIME, greylist_cleanup_interval, "12h", 0, CONF_TIME_MAX, USED,
    "How often old greylist entries and counters are removed; 0 is never.")
ROW(STR, greylist_client_exceptions, "$mynetworks", 0, CONF_LEN_MAX, USED,
    "Clients that are never greylisted.")
ROW(TIME, greylist_delay, "300s", 1, CONF_TIME_MAX, USED,
    "How long a client has to wait before it repeats its mail.")
ROW(INT, greylist_ipv4_prefix_length, "24", 1, 32, USED,
    "Clients of one IPv4 network of this size are one.")
ROW(INT, greylist_ipv6_prefix_length, "64", 1, 128, USED,
    "Clients of one IPv6 network of this size are one.")
ROW(TIME, greylist_lifetime, "35d", 1, CONF_TIME_MAX, USED,
    "How long it is known who repeated mail, after it was used last.")
ROW(STR, greylist_map,
    "$default_cache_db_type:$data_directory/greylist",
    0, CONF_LEN_MAX, USED,
    "Table of the greylist; empty keeps it in memory.")
ROW(STR, greylist_reject_text,
    "Greylisted, please try again later",
    1, CONF_LEN_MAX, USED,
    "What a client hears that has to wait.")
ROW(TIME, greylist_retry_window, "2d", 1, CONF_TIME_MAX, USED,
    "Until when it has to repeat its mail.")
ROW(INT, hash_queue_depth, "1", 1, 10, KNOWN,
    "Levels of folders below the queues of hash_queue_names.")
ROW(STR, hash_queue_names, "deferred, defer", 0, CONF_LEN_MAX, KNOWN,
    "Queues with folders below them.")
ROW(INT, header_address_token_limit, "10240", 1, CONF_INT_MAX, USED,
    "Parts of an address header that are looked at.")
ROW(STR, header_checks, "", 0, CONF_LEN_MAX, USED,
    "Tables for headers.")
ENUM(header_from_format, "standard", "standard|obsolete", USED,
    "Form of From headers that we add.")
ROW(SIZE, header_size_limit, "102400", 1, CONF_SIZE_MAX, USED,
    "Longest header; more is cut.")
ROW(BOOL, helpful_warnings, "yes", 0, 1, USED,
    "Warn of settings that look wrong.")
ROW(STR, home_mailbox, "", 0, CONF_LEN_MAX, USED,
    "Mailbox below the user's home; a maildir if it ends in a slash.")
ROW(INT, hopcount_limit, "50", 1, CONF_INT_MAX, USED,
    "Received headers from which a message counts as looping.")
ROW(STR, html_directory, "no", 0, CONF_LEN_MAX, USED,
    "Where the documentation is in HTML; no if nowhere.")
ROW(BOOL, ignore_mx_lookup_error, "no", 0, 1, KNOWN,
    "Use the address of a domain if the question for its MX fails.")
ROW(BOOL, ignore_srv_lookup_error, "no", 0, 1, KNOWN,
    "Go on if the question for SRV records fails.")
ROW(STR, import_environment,
    "MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ XAUTHORITY DISPLAY LANG=C "
    "POSTLOG_SERVICE POSTLOG_HOSTNAME XDG_RUNTIME_DIR", 0, CONF_LEN_MAX, KNOWN,
    "Environment variables that enter the mail system: NAME or NAME=value.")
ROW(MSEC, in_flow_delay, "1s", 0, 10, USED,
    "Longest delay of new mail while deliveries fall behind.")
ROW(STR, inet_interfaces, "all", 1, CONF_LEN_MAX, USED,
    "Addresses to listen on: all, loopback-only, or a list.")
ROW(STR, inet_protocols, "all", 1, CONF_LEN_MAX, USED,
    "Protocols to use: all, or ipv4 and ipv6.")
ENUM(info_log_address_format, "external", "external|internal", KNOWN,
    "Form of addresses in the log: quoted as in mail, or plain.")
ROW(INT, initial_destination_concurrency, "5", 1, CONF_INT_MAX, USED,
    "Parallel deliveries to a destination at first.")
ROW(STR, internal_mail_filter_classes, "", 0, CONF_LEN_MAX, USED,
    "Mail of our own that is filtered: bounce, notify.")
ROW(INT, invalid_hostname_reject_code, "501", 400, 599, USED,
    "Reply code of reject_invalid_helo_hostname.")
ROW(TIME, ipc_idle, "5s", 1, CONF_TIME_MAX, KNOWN,
    "How long an unused connection between daemons is kept.")
ROW(TIME, ipc_timeout, "3600s", 1, CONF_TIME_MAX, USED,
    "How long one daemon waits for another.")
ROW(TIME, ipc_ttl, "1000s", 1, CONF_TIME_MAX, KNOWN,
    "Longest life of a connection between daemons.")
ROW(STR, known_tcp_ports,
    "lmtp=24, smtp=25, smtps=submissions=465, submission=587",
    0, CONF_LEN_MAX, USED,
    "Names of ports that are known without the system's list.")
ROW(SIZE, line_length_limit, "2048", 512, CONF_SIZE_MAX, USED,
    "Longest piece of a line in memory; a longer line is handled in pieces.")
ROW(SIZE, lmdb_map_size, "16777216", 1, CONF_SIZE_MAX, KNOWN,
    "First size of an LMDB table.")
ENUM(lmtp_address_preference, "any", "any|ipv4|ipv6", USED,
    "For LMTP what smtp_address_preference is for SMTP.")
ENUM(lmtp_address_verify_target, "rcpt", "rcpt|data", USED,
    "For LMTP what smtp_address_verify_target is for SMTP.")
ROW(BOOL, lmtp_assume_final, "no", 0, 1, KNOWN,
    "Say in reports that mail delivered by LMTP was delivered, not relayed.")
ROW(BOOL, lmtp_balance_inet_protocols, "yes", 0, 1, USED,
    "For LMTP what smtp_balance_inet_protocols is for SMTP.")
ROW(STR, lmtp_bind_address, "", 0, CONF_LEN_MAX, USED,
    "For LMTP what smtp_bind_address is for SMTP.")
ROW(STR, lmtp_bind_address6, "", 0, CONF_LEN_MAX, USED,
    "For LMTP what smtp_bind_address6 is for SMTP.")
ROW(BOOL, lmtp_bind_address_enforce, "no", 0, 1, USED,
    "For LMTP what smtp_bind_address_enforce is for SMTP.")
ROW(STR, lmtp_body_checks, "", 0, CONF_LEN_MAX, USED,
    "For LMTP what smtp_body_checks is for SMTP.")
ROW(BOOL, lmtp_cname_overrides_servername, "no", 0, 1, KNOWN,
    "For LMTP what smtp_cname_overrides_servername is for SMTP.")
ROW(TIME, lmtp_connect_timeout, "0s", 0, CONF_TIME_MAX, USED,
    "Time limit to connect by LMTP; 0 is that of the system.")
ROW(STR, lmtp_connection_cache_destinations, "", 0, CONF_LEN_MAX, USED,
    "For LMTP what smtp_connection_cache_destinations is for SMTP.")
ROW(BOOL, lmtp_connection_cache_on_demand, "yes", 0, 1, USED,
    "For LMTP what smtp_connection_cache_on_demand is for SMTP.")
ROW(TIME, lmtp_connection_cache_time_limit, "2s", 1, CONF_TIME_MAX, USED,
    "For LMTP what smtp_connection_cache_time_limit is for SMTP.")
ROW(INT, lmtp_connection_reuse_count_limit, "0", 0, CONF_INT_MAX, USED,
    "For LMTP what smtp_connection_reuse_count_limit is for SMTP.")
ROW(TIME, lmtp_connection_reuse_time_limit, "300s", 1, CONF_TIME_MAX, USED,
    "For LMTP what smtp_connection_reuse_time_limit is for SMTP.")
ROW(TIME, lmtp_data_done_timeout, "600s", 1, CONF_TIME_MAX, USED,
    "For LMTP what smtp_data_done_timeout is for SMTP.")
ROW(TIME, lmtp_data_init_timeout, "120s", 1, CONF_TIME_MAX, USED,
    "For LMTP what smtp_data_init_timeout is for SMTP.")
ROW(TIME, lmtp_data_xfer_timeout, "180s", 1, CONF_TIME_MAX, USED,
    "For LMTP what smtp_data_xfer_timeout is for SMTP.")
ROW(BOOL, lmtp_defer_if_no_mx_address_found, "no", 0, 1, USED,
    "For LMTP what smtp_defer_if_no_mx_address_found is for SMTP.")
ROW(STR, lmtp_delivery_status_filter,
    "$default_delivery_status_filter", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_delivery_status_filter is for SMTP.")
ROW(STR, lmtp_discard_lhlo_keyword_address_maps, "", 0, CONF_LEN_MAX, KNOWN,
    "Servers whose LHLO answer is read without some keywords.")
ROW(STR, lmtp_discard_lhlo_keywords, "", 0, CONF_LEN_MAX, USED,
    "Keywords of the LHLO answer that are not seen.")
ROW(STR, lmtp_dns_reply_filter, "", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_dns_reply_filter is for SMTP.")
ROW(STR, lmtp_dns_resolver_options, "", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_dns_resolver_options is for SMTP.")
ROW(STR, lmtp_dns_support_level, "", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_dns_support_level is for SMTP.")
ROW(BOOL, lmtp_enforce_tls, "no", 0, 1, USED,
    "For LMTP what smtp_enforce_tls is for SMTP.")
ROW(STR, lmtp_fallback_relay, "", 0, CONF_LEN_MAX, USED,
    "For LMTP what smtp_fallback_relay is for SMTP.")
ROW(STR, lmtp_generic_maps, "", 0, CONF_LEN_MAX, USED,
    "For LMTP what smtp_generic_maps is for SMTP.")
ROW(STR, lmtp_header_checks, "", 0, CONF_LEN_MAX, USED,
    "For LMTP what smtp_header_checks is for SMTP.")
ROW(STR, lmtp_host_lookup, "dns", 1, CONF_LEN_MAX, USED,
    "For LMTP what smtp_host_lookup is for SMTP.")
ROW(STR, lmtp_lhlo_name, "$myhostname", 1, CONF_LEN_MAX, USED,
    "Name in LHLO.")
ROW(TIME, lmtp_lhlo_timeout, "300s", 1, CONF_TIME_MAX, USED,
    "Time limit for LHLO.")
ROW(SIZE, lmtp_line_length_limit, "998", 0, CONF_SIZE_MAX, USED,
    "For LMTP what smtp_line_length_limit is for SMTP.")
ROW(BOOL, lmtp_log_tls_feature_status, "yes", 0, 1, KNOWN,
    "For LMTP what smtp_log_tls_feature_status is for SMTP.")
ROW(TIME, lmtp_mail_timeout, "300s", 1, CONF_TIME_MAX, USED,
    "For LMTP what smtp_mail_timeout is for SMTP.")
ROW(STR, lmtp_mime_header_checks, "", 0, CONF_LEN_MAX, USED,
    "For LMTP what smtp_mime_header_checks is for SMTP.")
ROW(SIZE, lmtp_min_data_rate, "500", 1, CONF_SIZE_MAX, KNOWN,
    "For LMTP what smtp_min_data_rate is for SMTP.")
ROW(INT, lmtp_mx_address_limit, "5", 0, CONF_INT_MAX, USED,
    "For LMTP what smtp_mx_address_limit is for SMTP.")
ROW(INT, lmtp_mx_session_limit, "2", 0, CONF_INT_MAX, USED,
    "For LMTP what smtp_mx_session_limit is for SMTP.")
ROW(STR, lmtp_nested_header_checks, "", 0, CONF_LEN_MAX, USED,
    "For LMTP what smtp_nested_header_checks is for SMTP.")
ROW(BOOL, lmtp_per_request_deadline,
    "${lmtp_per_record_deadline?{$lmtp_per_record_deadline}:{no}}", 0, 1, USED,
    "For LMTP what smtp_per_request_deadline is for SMTP.")
ROW(TIME, lmtp_pix_workaround_delay_time, "10s", 1, CONF_TIME_MAX, KNOWN,
    "For LMTP what smtp_pix_workaround_delay_time is for SMTP.")
ROW(STR, lmtp_pix_workaround_maps, "", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_pix_workaround_maps is for SMTP.")
ROW(TIME, lmtp_pix_workaround_threshold_time, "500s", 0, CONF_TIME_MAX, KNOWN,
    "For LMTP what smtp_pix_workaround_threshold_time is for SMTP.")
ROW(STR, lmtp_pix_workarounds,
    "disable_esmtp,delay_dotcrlf", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_pix_workarounds is for SMTP.")
ROW(TIME, lmtp_quit_timeout, "300s", 1, CONF_TIME_MAX, USED,
    "For LMTP what smtp_quit_timeout is for SMTP.")
ROW(BOOL, lmtp_quote_rfc821_envelope, "yes", 0, 1, USED,
    "For LMTP what smtp_quote_rfc821_envelope is for SMTP.")
ROW(BOOL, lmtp_randomize_addresses, "yes", 0, 1, USED,
    "For LMTP what smtp_randomize_addresses is for SMTP.")
ROW(TIME, lmtp_rcpt_timeout, "300s", 1, CONF_TIME_MAX, USED,
    "For LMTP what smtp_rcpt_timeout is for SMTP.")
ROW(STR, lmtp_reply_filter, "", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_reply_filter is for SMTP.")
ROW(TIME, lmtp_rset_timeout, "20s", 1, CONF_TIME_MAX, USED,
    "For LMTP what smtp_rset_timeout is for SMTP.")
ROW(STR, lmtp_sasl_auth_cache_name, "", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_sasl_auth_cache_name is for SMTP.")
ROW(TIME, lmtp_sasl_auth_cache_time, "90d", 0, CONF_TIME_MAX, KNOWN,
    "For LMTP what smtp_sasl_auth_cache_time is for SMTP.")
ROW(BOOL, lmtp_sasl_auth_enable, "no", 0, 1, KNOWN,
    "For LMTP what smtp_sasl_auth_enable is for SMTP.")
ROW(BOOL, lmtp_sasl_auth_soft_bounce, "yes", 0, 1, KNOWN,
    "For LMTP what smtp_sasl_auth_soft_bounce is for SMTP.")
ROW(STR, lmtp_sasl_mechanism_filter, "", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_sasl_mechanism_filter is for SMTP.")
ROW(STR, lmtp_sasl_password_maps, "", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_sasl_password_maps is for SMTP.")
ROW(STR, lmtp_sasl_password_result_delimiter, ":", 1, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_sasl_password_result_delimiter is for SMTP.")
ROW(STR, lmtp_sasl_path, "", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_sasl_path is for SMTP.")
ROW(STR, lmtp_sasl_security_options,
    "noplaintext, noanonymous", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_sasl_security_options is for SMTP.")
ROW(STR, lmtp_sasl_tls_security_options,
    "$lmtp_sasl_security_options", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_sasl_tls_security_options is for SMTP.")
ROW(STR, lmtp_sasl_tls_verified_security_options,
    "$lmtp_sasl_tls_security_options", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_sasl_tls_verified_security_options is for SMTP.")
ROW(STR, lmtp_sasl_type, "cyrus", 1, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_sasl_type is for SMTP.")
ROW(BOOL, lmtp_send_dummy_mail_auth, "no", 0, 1, KNOWN,
    "For LMTP what smtp_send_dummy_mail_auth is for SMTP.")
ROW(BOOL, lmtp_send_xforward_command, "no", 0, 1, USED,
    "For LMTP what smtp_send_xforward_command is for SMTP.")
ROW(BOOL, lmtp_sender_dependent_authentication, "no", 0, 1, KNOWN,
    "For LMTP what smtp_sender_dependent_authentication is for SMTP.")
ROW(BOOL, lmtp_skip_5xx_greeting, "yes", 0, 1, USED,
    "For LMTP what smtp_skip_5xx_greeting is for SMTP.")
ROW(BOOL, lmtp_skip_quit_response, "no", 0, 1, USED,
    "For LMTP what smtp_skip_quit_response is for SMTP.")
ROW(TIME, lmtp_starttls_timeout, "300s", 1, CONF_TIME_MAX, KNOWN,
    "For LMTP what smtp_starttls_timeout is for SMTP.")
ROW(STR, lmtp_tcp_port, "24", 1, CONF_LEN_MAX, USED,
    "Port of LMTP.")
ROW(STR, lmtp_tls_CAfile, "", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_tls_CAfile is for SMTP.")
ROW(STR, lmtp_tls_CApath, "", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_tls_CApath is for SMTP.")
ROW(BOOL, lmtp_tls_block_early_mail_reply, "no", 0, 1, KNOWN,
    "For LMTP what smtp_tls_block_early_mail_reply is for SMTP.")
ROW(STR, lmtp_tls_cert_file, "", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_tls_cert_file is for SMTP.")
ROW(STR, lmtp_tls_chain_files, "", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_tls_chain_files is for SMTP.")
ROW(STR, lmtp_tls_ciphers, "medium", 1, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_tls_ciphers is for SMTP.")
ROW(BOOL, lmtp_tls_connection_reuse, "no", 0, 1, KNOWN,
    "For LMTP what smtp_tls_connection_reuse is for SMTP.")
ROW(STR, lmtp_tls_dcert_file, "", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_tls_dcert_file is for SMTP.")
ROW(STR, lmtp_tls_dkey_file, "$lmtp_tls_dcert_file", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_tls_dkey_file is for SMTP.")
ROW(STR, lmtp_tls_eccert_file, "", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_tls_eccert_file is for SMTP.")
ROW(STR, lmtp_tls_eckey_file, "$lmtp_tls_eccert_file", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_tls_eckey_file is for SMTP.")
ROW(BOOL, lmtp_tls_enable_rpk, "no", 0, 1, KNOWN,
    "For LMTP what smtp_tls_enable_rpk is for SMTP.")
ROW(BOOL, lmtp_tls_enforce_peername, "yes", 0, 1, KNOWN,
    "For LMTP what smtp_tls_enforce_peername is for SMTP.")
ROW(BOOL, lmtp_tls_enforce_sts_mx_patterns, "yes", 0, 1, KNOWN,
    "For LMTP what smtp_tls_enforce_sts_mx_patterns is for SMTP.")
ROW(STR, lmtp_tls_exclude_ciphers, "", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_tls_exclude_ciphers is for SMTP.")
ROW(STR, lmtp_tls_fingerprint_cert_match, "", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_tls_fingerprint_cert_match is for SMTP.")
ROW(STR, lmtp_tls_fingerprint_digest,
    "${{$compatibility_level} <level {3.6} ? {md5} : {sha256}}",
    1, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_tls_fingerprint_digest is for SMTP.")
ROW(BOOL, lmtp_tls_force_insecure_host_tlsa_lookup, "no", 0, 1, KNOWN,
    "For LMTP what smtp_tls_force_insecure_host_tlsa_lookup is for SMTP.")
ROW(STR, lmtp_tls_key_file, "$lmtp_tls_cert_file", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_tls_key_file is for SMTP.")
ROW(INT, lmtp_tls_loglevel, "0", 0, 4, KNOWN,
    "For LMTP what smtp_tls_loglevel is for SMTP.")
ROW(STR, lmtp_tls_mandatory_ciphers, "medium", 1, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_tls_mandatory_ciphers is for SMTP.")
ROW(STR, lmtp_tls_mandatory_exclude_ciphers, "", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_tls_mandatory_exclude_ciphers is for SMTP.")
ROW(STR, lmtp_tls_mandatory_protocols, ">=TLSv1", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_tls_mandatory_protocols is for SMTP.")
ROW(BOOL, lmtp_tls_note_starttls_offer, "no", 0, 1, KNOWN,
    "For LMTP what smtp_tls_note_starttls_offer is for SMTP.")
ROW(STR, lmtp_tls_per_site, "", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_tls_per_site is for SMTP.")
ROW(STR, lmtp_tls_policy_maps, "", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_tls_policy_maps is for SMTP.")
ROW(STR, lmtp_tls_protocols, ">=TLSv1", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_tls_protocols is for SMTP.")
ROW(INT, lmtp_tls_scert_verifydepth, "9", 0, CONF_INT_MAX, KNOWN,
    "For LMTP what smtp_tls_scert_verifydepth is for SMTP.")
ROW(STR, lmtp_tls_secure_cert_match, "nexthop", 1, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_tls_secure_cert_match is for SMTP.")
ROW(STR, lmtp_tls_security_level, "", 0, CONF_LEN_MAX, USED,
    "For LMTP what smtp_tls_security_level is for SMTP.")
ROW(STR, lmtp_tls_servername, "", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_tls_servername is for SMTP.")
ROW(STR, lmtp_tls_session_cache_database, "", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_tls_session_cache_database is for SMTP.")
ROW(TIME, lmtp_tls_session_cache_timeout, "3600s", 0, CONF_TIME_MAX, KNOWN,
    "For LMTP what smtp_tls_session_cache_timeout is for SMTP.")
ROW(STR, lmtp_tls_trust_anchor_file, "", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_tls_trust_anchor_file is for SMTP.")
ROW(STR, lmtp_tls_verify_cert_match, "hostname", 1, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_tls_verify_cert_match is for SMTP.")
ROW(BOOL, lmtp_tls_wrappermode, "no", 0, 1, KNOWN,
    "For LMTP what smtp_tls_wrappermode is for SMTP.")
ROW(BOOL, lmtp_tlsrpt_enable, "no", 0, 1, KNOWN,
    "For LMTP what smtp_tlsrpt_enable is for SMTP.")
ROW(BOOL, lmtp_tlsrpt_skip_reused_handshakes, "no", 0, 1, KNOWN,
    "For LMTP what smtp_tlsrpt_skip_reused_handshakes is for SMTP.")
ROW(STR, lmtp_tlsrpt_socket_name, "", 0, CONF_LEN_MAX, KNOWN,
    "For LMTP what smtp_tlsrpt_socket_name is for SMTP.")
ROW(BOOL, lmtp_use_tls, "no", 0, 1, KNOWN,
    "For LMTP what smtp_use_tls is for SMTP.")
ROW(TIME, lmtp_xforward_timeout, "300s", 1, CONF_TIME_MAX, USED,
    "For LMTP what smtp_xforward_timeout is for SMTP.")
ROW(STR, local_command_shell, "", 0, CONF_LEN_MAX, KNOWN,
    "Shell for commands of local delivery; empty runs simple ones without a "
    "shell.")
ROW(STR, local_delivery_status_filter,
    "$default_delivery_status_filter", 0, CONF_LEN_MAX, KNOWN,
    "default_delivery_status_filter for local.")
ROW(INT, local_destination_concurrency_limit, "2", 0, CONF_INT_MAX, USED,
    "Most parallel deliveries to one local user.")
ROW(INT, local_destination_recipient_limit, "1", 0, CONF_INT_MAX, USED,
    "Recipients in one local delivery.")
ROW(STR, local_header_rewrite_clients,
    "permit_inet_interfaces", 0, CONF_LEN_MAX, USED,
    "Clients whose headers are completed with this host's domain.")
ROW(STR, local_login_sender_maps, "static:*", 0, CONF_LEN_MAX, KNOWN,
    "Senders that a user of this system may use.")
ROW(STR, local_recipient_maps,
    "proxy:unix:passwd.byname $alias_maps", 0, CONF_LEN_MAX, USED,
    "Tables of all local recipients; empty accepts any.")
ROW(STR, local_transport, "local:$myhostname", 1, CONF_LEN_MAX, USED,
    "Transport and next hop for mydestination and this host's addresses.")
ROW(TIME, lookup_cache_time, "5s", 0, 3600, USED,
    "How long what lookup has found is remembered; 0 is not at all.")
ROW(RAW, luser_relay, "", 0, CONF_LEN_MAX, USED,
    "Where mail for unknown local recipients goes.")
ROW(STR, mail_name, "Barid", 1, CONF_LEN_MAX, USED,
    "The name of the mail system in greeting and headers.")
ROW(STR, mail_owner, BARID_MAIL_OWNER, 1, CONF_LEN_MAX, USED,
    "The user who owns the queue and most daemons.")
ROW(STR, mail_release_date, BARID_RELEASE_DATE, 0, CONF_LEN_MAX, USED,
    "The date of this version.")
ROW(STR, mail_spool_directory, "/var/mail", 0, CONF_LEN_MAX, USED,
    "Where the users' mailboxes are.")
ROW(STR, mail_version, BARID_VERSION, 1, CONF_LEN_MAX, USED,
    "The version.")
ROW(RAW, mailbox_command, "", 0, CONF_LEN_MAX, KNOWN,
    "Command that stores mail for local users.")
ROW(STR, mailbox_command_maps, "", 0, CONF_LEN_MAX, KNOWN,
    "The same per user.")
ROW(STR, mailbox_delivery_lock, "fcntl, dotlock", 1, CONF_LEN_MAX, USED,
    "How local locks a mailbox: fcntl, flock, dotlock.")
ROW(SIZE, mailbox_size_limit, "51200000", 0, CONF_SIZE_MAX, USED,
    "Largest mailbox file or maildir file; 0 is no limit.")
ROW(STR, mailbox_transport, "", 0, CONF_LEN_MAX, KNOWN,
    "Transport for all local users.")
ROW(STR, mailbox_transport_maps, "", 0, CONF_LEN_MAX, KNOWN,
    "The same per user.")
ROW(STR, maillog_file, "", 0, CONF_LEN_MAX, USED,
    "File to log to; empty logs to syslog.")
ROW(STR, maillog_file_compressor, "gzip", 1, CONF_LEN_MAX, USED,
    "Command for rotated log files.")
ROW(STR, maillog_file_prefixes, "/var, /dev/stdout", 1, CONF_LEN_MAX, USED,
    "Where maillog_file may be.")
ROW(STR, maillog_file_rotate_suffix, "%Y%m%d-%H%M%S", 1, CONF_LEN_MAX, USED,
    "strftime format of the name of a rotated log file.")
ROW(STR, mailq_path, BARID_MAILQ, 0, CONF_LEN_MAX, USED,
    "The mailq command.")
ROW(STR, manpage_directory, BARID_MAN_DIR, 0, CONF_LEN_MAX, USED,
    "Where the manual pages are.")
ROW(STR, maps_rbl_domains, "", 0, CONF_LEN_MAX, USED,
    "DNS lists of the restriction reject_maps_rbl.")
ROW(INT, maps_rbl_reject_code, "554", 400, 599, USED,
    "Reply code for clients that a DNS list refuses.")
ROW(STR, masquerade_classes,
    "envelope_sender, header_sender, header_recipient", 0, CONF_LEN_MAX, USED,
    "Which addresses masquerade_domains changes.")
ROW(STR, masquerade_domains, "", 0, CONF_LEN_MAX, USED,
    "Domains below which host names are hidden.")
ROW(STR, masquerade_exceptions, "", 0, CONF_LEN_MAX, USED,
    "Users whose addresses are left as they are.")
ROW(STR, master_service_disable, "", 0, CONF_LEN_MAX, KNOWN,
    "Services of master.cf that are not started.")
ROW(TIME, max_idle, "100s", 1, CONF_TIME_MAX, USED,
    "How long a daemon without work stays.")
ROW(INT, max_use, "100", 1, CONF_INT_MAX, USED,
    "Requests after which a worker process is replaced.")
ROW(TIME, maximal_backoff_time, "4000s", 1, CONF_TIME_MAX, USED,
    "Longest time between two attempts to deliver.")
ROW(TIME, maximal_queue_lifetime, "5d", 0, 8640000, USED,
    "Age at which undelivered mail is returned; 0 is after one attempt.")
ROW(STR, message_drop_headers,
    "bcc, content-length, resent-bcc, return-path", 0, CONF_LEN_MAX, USED,
    "Headers that are removed from received mail.")
ROW(STR, message_reject_characters, "", 0, CONF_LEN_MAX, USED,
    "Characters that make content refused.")
ROW(SIZE, message_size_limit, "10240000", 0, CONF_SIZE_MAX, USED,
    "Largest message with its envelope; 0 is no limit.")
ROW(STR, message_strip_characters, "", 0, CONF_LEN_MAX, USED,
    "Characters that are removed from content.")
ROW(STR, meta_directory, BARID_CONFIG_DIR, 0, CONF_LEN_MAX, USED,
    "Where postfix-files and dynamicmaps.cf are.")
ROW(TIME, milter_command_timeout, "30s", 1, CONF_TIME_MAX, KNOWN,
    "Time limit for a filter's answer to a command.")
ROW(STR, milter_connect_macros,
    "j {daemon_name} {daemon_addr} v _", 0, CONF_LEN_MAX, KNOWN,
    "Macros sent to filters at connect.")
ROW(TIME, milter_connect_timeout, "30s", 1, CONF_TIME_MAX, KNOWN,
    "Time limit to connect to a filter.")
ROW(TIME, milter_content_timeout, "300s", 1, CONF_TIME_MAX, KNOWN,
    "Time limit for a filter's answer at the end of a message.")
ROW(STR, milter_data_macros, "i", 0, CONF_LEN_MAX, KNOWN,
    "Macros sent at DATA.")
ROW(STR, milter_default_action, "shutdown", 1, CONF_LEN_MAX, KNOWN,
    "What happens if a filter cannot be asked: accept, reject, tempfail, "
    "quarantine, shutdown.")
ROW(STR, milter_end_of_data_macros, "i", 0, CONF_LEN_MAX, KNOWN,
    "Macros sent at the end of a message.")
ROW(STR, milter_end_of_header_macros, "i", 0, CONF_LEN_MAX, KNOWN,
    "Macros sent at the end of the headers.")
ROW(STR, milter_header_checks, "", 0, CONF_LEN_MAX, KNOWN,
    "Tables for headers that filters add.")
ROW(STR, milter_helo_macros,
    "{tls_version} {cipher} {cipher_bits} {cert_subject} {cert_issuer}",
    0, CONF_LEN_MAX, KNOWN,
    "Macros sent at HELO.")
ROW(STR, milter_macro_daemon_name, "$myhostname", 1, CONF_LEN_MAX, KNOWN,
    "Macro {daemon_name}.")
ROW(STR, milter_macro_defaults, "", 0, CONF_LEN_MAX, KNOWN,
    "Macros with a value of one's own.")
ROW(STR, milter_macro_v, "$mail_name $mail_version", 1, CONF_LEN_MAX, KNOWN,
    "Macro v.")
ROW(STR, milter_mail_macros,
    "i {auth_type} {auth_authen} {auth_author} {mail_addr} {mail_host} "
    "{mail_mailer}", 0, CONF_LEN_MAX, KNOWN,
    "Macros sent at MAIL.")
ROW(STR, milter_protocol, "6", 1, CONF_LEN_MAX, KNOWN,
    "Version of the filter protocol.")
ROW(STR, milter_rcpt_macros,
    "i {rcpt_addr} {rcpt_host} {rcpt_mailer}", 0, CONF_LEN_MAX, KNOWN,
    "Macros sent at RCPT.")
ROW(STR, milter_unknown_command_macros, "", 0, CONF_LEN_MAX, KNOWN,
    "Macros sent at an unknown command.")
ROW(SIZE, mime_boundary_length_limit, "2048", 1, CONF_SIZE_MAX, USED,
    "Bytes of a MIME boundary that count.")
ROW(STR, mime_header_checks, "$header_checks", 0, CONF_LEN_MAX, USED,
    "Tables for MIME headers.")
ROW(INT, mime_nesting_limit, "100", 1, CONF_INT_MAX, USED,
    "Deepest nesting of MIME parts.")
ROW(TIME, minimal_backoff_time, "300s", 1, CONF_TIME_MAX, USED,
    "Shortest time between two attempts to deliver.")
ROW(STR, multi_instance_directories, "", 0, CONF_LEN_MAX, USED,
    "Configuration folders of further instances.")
ROW(BOOL, multi_instance_enable, "no", 0, 1, KNOWN,
    "This instance is started with the others.")
ROW(STR, multi_instance_group, "", 0, CONF_LEN_MAX, KNOWN,
    "The group of this instance.")
ROW(STR, multi_instance_name, "", 0, CONF_LEN_MAX, USED,
    "The name of this instance.")
ROW(STR, multi_instance_wrapper, "", 0, CONF_LEN_MAX, KNOWN,
    "Command that manages several instances.")
ROW(INT, multi_recipient_bounce_reject_code, "550", 400, 599, USED,
    "Reply code of reject_multi_recipient_bounce.")
ROW(STR, mydestination,
    "$myhostname, localhost.$mydomain, localhost", 0, CONF_LEN_MAX, USED,
    "Domains whose users are users of this system.")
ROW(STR, mydomain, CONF_COMPUTED, 1, CONF_LEN_MAX, USED,
    "The domain of this host: its name without the first label.")
ROW(STR, myhostname, CONF_COMPUTED, 1, CONF_LEN_MAX, USED,
    "The full name of this host.")
ROW(STR, mynetworks, CONF_COMPUTED, 0, CONF_LEN_MAX, USED,
    "Networks whose clients are trusted to relay mail.")
ENUM(mynetworks_style,
    "${{$compatibility_level} <level {2} ? {subnet} : {host}}",
    "class|subnet|host", USED,
    "How mynetworks is made if it is not set.")
ROW(STR, myorigin, "$myhostname", 1, CONF_LEN_MAX, USED,
    "The domain that completes local addresses, or the path of a file "
    "whose first line it is.")
ROW(STR, nested_header_checks, "$header_checks", 0, CONF_LEN_MAX, USED,
    "Tables for headers of attached messages.")
ROW(STR, newaliases_path, BARID_NEWALIASES, 0, CONF_LEN_MAX, USED,
    "The newaliases command.")
ROW(INT, non_fqdn_reject_code, "504", 400, 599, USED,
    "Reply code for names that are not fully qualified.")
ROW(STR, non_smtpd_milters, "", 0, CONF_LEN_MAX, KNOWN,
    "Filters for mail that does not come by SMTP.")
ROW(STR, notify_classes, "resource, software", 0, CONF_LEN_MAX, USED,
    "What the postmaster is told: bounce, 2bounce, data, delay, policy, "
    "protocol, resource, software.")
ROW(STR, openssl_path, "openssl", 1, CONF_LEN_MAX, KNOWN,
    "The openssl command.")
ROW(BOOL, owner_request_special, "yes", 0, 1, USED,
    "owner-LIST and LIST-request are special names.")
ROW(STR, parent_domain_matches_subdomains,
    "debug_peer_list,fast_flush_domains,mynetworks,permit_mx_backup_networks,"
    "qmqpd_authorized_clients,relay_domains,smtpd_access_maps",
    0, CONF_LEN_MAX, USED,
    "Lists in which example.com matches its subdomains too.")
ROW(STR, permit_mx_backup_networks, "", 0, CONF_LEN_MAX, USED,
    "Networks of the best MX for permit_mx_backup.")
ROW(STR, pickup_service_name, "pickup", 0, CONF_LEN_MAX, KNOWN,
    "Name of the pickup service in master.cf.")
ROW(STR, pipe_delivery_status_filter,
    "$default_delivery_status_filter", 0, CONF_LEN_MAX, KNOWN,
    "default_delivery_status_filter for pipe.")
ROW(INT, plaintext_reject_code, "450", 400, 599, USED,
    "Reply code of reject_plaintext_session.")
ROW(STR, postlog_service_name, "postlog", 0, CONF_LEN_MAX, KNOWN,
    "Name of the postlog service in master.cf.")
ROW(TIME, postlogd_watchdog_timeout, "10s", 10, CONF_TIME_MAX, KNOWN,
    "How long the log daemon may take for one thing.")
ROW(STR, postmulti_control_commands, "reload flush", 0, CONF_LEN_MAX, KNOWN,
    "Commands for instances that postmulti passes on.")
ROW(STR, postmulti_start_commands, "start", 0, CONF_LEN_MAX, KNOWN,
    "Commands for instances that start them.")
ROW(STR, postmulti_stop_commands,
    "stop abort drain quick-stop", 0, CONF_LEN_MAX, KNOWN,
    "Commands for instances that stop them.")
ROW(STR, postscreen_access_list, "permit_mynetworks", 0, CONF_LEN_MAX, USED,
    "Lists that decide about a client at once.")
ROW(STR, postscreen_allowlist_interfaces,
    "${postscreen_whitelist_interfaces?{$postscreen_whitelist_interfaces}:{st"
    "atic:all}}", 0, CONF_LEN_MAX, USED,
    "Own addresses on which clients may get onto the allow list.")
ROW(STR, postscreen_bare_newline_action, "ignore", 0, CONF_LEN_MAX, USED,
    "What happens to a client that ends lines wrongly.")
ROW(BOOL, postscreen_bare_newline_enable, "no", 0, 1, USED,
    "Test how clients end lines.")
ROW(TIME, postscreen_bare_newline_ttl, "30d", 1, CONF_TIME_MAX, USED,
    "How long that test's result counts.")
ROW(TIME, postscreen_cache_cleanup_interval, "12h", 0, CONF_TIME_MAX, USED,
    "How often old results are removed.")
ROW(STR, postscreen_cache_map,
    "$default_cache_db_type:$data_directory/postscreen_cache",
    0, CONF_LEN_MAX, USED,
    "Table of results.")
ROW(TIME, postscreen_cache_retention_time, "7d", 1, CONF_TIME_MAX, USED,
    "How long results are kept after they expired.")
ROW(INT, postscreen_client_connection_count_limit,
    "$smtpd_client_connection_count_limit", 0, CONF_INT_MAX, USED,
    "Most connections of one client.")
ROW(INT, postscreen_command_count_limit, "20", 1, CONF_INT_MAX, USED,
    "Most commands in one session.")
ROW(STR, postscreen_command_filter, "", 0, CONF_LEN_MAX, USED,
    "Table that replaces commands.")
ROW(TIME, postscreen_command_time_limit,
    "${stress?{10}:{300}}s", 1, CONF_TIME_MAX, USED,
    "Time limit for a command.")
ROW(STR, postscreen_denylist_action,
    "${postscreen_blacklist_action?{$postscreen_blacklist_action}:{ignore}}",
    0, CONF_LEN_MAX, USED,
    "What happens to a client on the deny list.")
ROW(BOOL, postscreen_disable_vrfy_command, "$disable_vrfy_command", 0, 1, USED,
    "disable_vrfy_command for postscreen.")
ROW(STR, postscreen_discard_ehlo_keyword_address_maps,
    "$smtpd_discard_ehlo_keyword_address_maps", 0, CONF_LEN_MAX, USED,
    "smtpd_discard_ehlo_keyword_address_maps for postscreen.")
ROW(STR, postscreen_discard_ehlo_keywords,
    "$smtpd_discard_ehlo_keywords", 0, CONF_LEN_MAX, USED,
    "smtpd_discard_ehlo_keywords for postscreen.")
ROW(STR, postscreen_dnsbl_action, "ignore", 0, CONF_LEN_MAX, USED,
    "What happens to a client that DNS lists refuse.")
ROW(INT, postscreen_dnsbl_allowlist_threshold,
    "${postscreen_dnsbl_whitelist_threshold?{$postscreen_dnsbl_whitelist_thre"
    "shold}:{0}}", INT32_MIN, CONF_INT_MAX, USED,
    "Score at or below which other tests are skipped.")
ROW(TIME, postscreen_dnsbl_max_ttl,
    "${postscreen_dnsbl_ttl?{$postscreen_dnsbl_ttl}:{1}}h",
    1, CONF_TIME_MAX, USED,
    "Longest time that a result of DNS lists counts.")
ROW(TIME, postscreen_dnsbl_min_ttl, "60s", 1, CONF_TIME_MAX, USED,
    "Shortest time that a result of DNS lists counts.")
ROW(STR, postscreen_dnsbl_reply_map, "", 0, CONF_LEN_MAX, USED,
    "Names of DNS lists for replies.")
ROW(STR, postscreen_dnsbl_sites, "", 0, CONF_LEN_MAX, USED,
    "DNS lists with weights.")
ROW(INT, postscreen_dnsbl_threshold, "1", 1, CONF_INT_MAX, USED,
    "Score at which a client is refused.")
ROW(TIME, postscreen_dnsbl_timeout, "10s", 1, CONF_TIME_MAX, USED,
    "Time limit for DNS lists.")
ROW(BOOL, postscreen_enforce_tls, "$smtpd_enforce_tls", 0, 1, KNOWN,
    "smtpd_enforce_tls for postscreen.")
ROW(RAW, postscreen_expansion_filter,
    "$smtpd_expansion_filter", 0, CONF_LEN_MAX, USED,
    "smtpd_expansion_filter for postscreen.")
ROW(STR, postscreen_forbidden_commands,
    "$smtpd_forbidden_commands", 0, CONF_LEN_MAX, USED,
    "smtpd_forbidden_commands for postscreen.")
ROW(STR, postscreen_greet_action, "ignore", 0, CONF_LEN_MAX, USED,
    "What happens to a client that speaks too early.")
ROW(STR, postscreen_greet_banner, "$smtpd_banner", 0, CONF_LEN_MAX, USED,
    "The first part of the greeting that is held back.")
ROW(TIME, postscreen_greet_ttl, "1d", 1, CONF_TIME_MAX, USED,
    "How long that test's result counts.")
ROW(TIME, postscreen_greet_wait, "${stress?{2}:{6}}s", 1, CONF_TIME_MAX, USED,
    "How long the greeting is held back.")
ROW(BOOL, postscreen_helo_required, "$smtpd_helo_required", 0, 1, USED,
    "smtpd_helo_required for postscreen.")
ROW(STR, postscreen_non_smtp_command_action, "drop", 0, CONF_LEN_MAX, USED,
    "What happens to a client that sends other than SMTP.")
ROW(BOOL, postscreen_non_smtp_command_enable, "no", 0, 1, USED,
    "Test for commands that are not SMTP.")
ROW(TIME, postscreen_non_smtp_command_ttl, "30d", 1, CONF_TIME_MAX, USED,
    "How long that test's result counts.")
ROW(STR, postscreen_pipelining_action, "enforce", 0, CONF_LEN_MAX, USED,
    "What happens to a client that sends ahead.")
ROW(BOOL, postscreen_pipelining_enable, "no", 0, 1, USED,
    "Test for clients that send ahead.")
ROW(TIME, postscreen_pipelining_ttl, "30d", 1, CONF_TIME_MAX, USED,
    "How long that test's result counts.")
ROW(INT, postscreen_post_queue_limit,
    "$default_process_limit", 0, CONF_INT_MAX, KNOWN,
    "Most clients that wait for smtpd.")
ROW(INT, postscreen_pre_queue_limit,
    "$default_process_limit", 0, CONF_INT_MAX, USED,
    "Most clients that wait for a test.")
ROW(RAW, postscreen_reject_footer,
    "$smtpd_reject_footer", 0, CONF_LEN_MAX, USED,
    "smtpd_reject_footer for postscreen.")
ROW(STR, postscreen_reject_footer_maps,
    "$smtpd_reject_footer_maps", 0, CONF_LEN_MAX, USED,
    "smtpd_reject_footer_maps for postscreen.")
ROW(STR, postscreen_tls_security_level,
    "$smtpd_tls_security_level", 0, CONF_LEN_MAX, KNOWN,
    "smtpd_tls_security_level for postscreen.")
ROW(STR, postscreen_upstream_proxy_protocol, "", 0, CONF_LEN_MAX, USED,
    "smtpd_upstream_proxy_protocol for postscreen.")
ROW(TIME, postscreen_upstream_proxy_timeout, "5s", 1, CONF_TIME_MAX, USED,
    "smtpd_upstream_proxy_timeout for postscreen.")
ROW(BOOL, postscreen_use_tls, "$smtpd_use_tls", 0, 1, KNOWN,
    "smtpd_use_tls for postscreen.")
ROW(TIME, postscreen_watchdog_timeout, "10s", 10, CONF_TIME_MAX, KNOWN,
    "How long postscreen may take for one thing.")
ROW(STR, prepend_delivered_header,
    "command, file, forward", 0, CONF_LEN_MAX, USED,
    "Deliveries that add Delivered-To: command, file, forward.")
ROW(STR, process_id, CONF_COMPUTED, 0, CONF_LEN_MAX, USED,
    "The process that reads this.")
ROW(STR, process_id_directory, "pid", 1, CONF_LEN_MAX, KNOWN,
    "Where the pid file is, below queue_directory.")
ROW(INT, process_max_sessions, "100000", 1, CONF_INT_MAX, USED,
    "Sessions after which a process is replaced.")
ROW(STR, process_name, CONF_COMPUTED, 0, CONF_LEN_MAX, USED,
    "The program that reads this.")
ROW(STR, propagate_unmatched_extensions,
    "canonical, virtual", 0, CONF_LEN_MAX, USED,
    "Tables whose result gets the extension (user+ext) of the key.")
ROW(STR, proxy_interfaces, "", 0, CONF_LEN_MAX, USED,
    "Addresses at which a proxy or NAT receives mail for this host.")
ROW(STR, proxy_read_maps,
    "$local_recipient_maps $mydestination $virtual_alias_maps "
    "$virtual_alias_domains $virtual_mailbox_maps $virtual_mailbox_domains "
    "$relay_recipient_maps $relay_domains $canonical_maps "
    "$sender_canonical_maps $recipient_canonical_maps $relocated_maps "
    "$transport_maps $mynetworks $smtpd_sender_login_maps $sender_bcc_maps "
    "$recipient_bcc_maps $smtp_generic_maps $lmtp_generic_maps $alias_maps "
    "$smtpd_client_restrictions $smtpd_helo_restrictions "
    "$smtpd_sender_restrictions $smtpd_relay_restrictions "
    "$smtpd_recipient_restrictions "
    "$address_verify_sender_dependent_default_transport_maps "
    "$address_verify_sender_dependent_relayhost_maps "
    "$address_verify_transport_maps $fallback_transport_maps "
    "$lmtp_discard_lhlo_keyword_address_maps $lmtp_pix_workaround_maps "
    "$lmtp_sasl_password_maps $lmtp_tls_policy_maps $mailbox_command_maps "
    "$mailbox_transport_maps $postscreen_discard_ehlo_keyword_address_maps "
    "$rbl_reply_maps $sender_dependent_default_transport_maps "
    "$sender_dependent_relayhost_maps "
    "$smtp_discard_ehlo_keyword_address_maps $smtp_pix_workaround_maps "
    "$smtp_sasl_password_maps $smtp_tls_policy_maps "
    "$smtpd_discard_ehlo_keyword_address_maps $smtpd_milter_maps "
    "$virtual_gid_maps $virtual_uid_maps $local_login_sender_maps "
    "$postscreen_reject_footer_maps $smtpd_reject_footer_maps "
    "$tls_server_sni_maps $tlsproxy_client_policy_maps "
    "$default_delivery_status_filter $lmtp_delivery_status_filter "
    "$lmtp_dns_reply_filter $lmtp_reply_filter $local_delivery_status_filter "
    "$pipe_delivery_status_filter $postscreen_command_filter "
    "$smtp_delivery_status_filter $smtp_dns_reply_filter $smtp_reply_filter "
    "$smtpd_command_filter $smtpd_dns_reply_filter "
    "$virtual_delivery_status_filter $body_checks $header_checks "
    "$lmtp_body_checks $lmtp_header_checks $lmtp_mime_header_checks "
    "$lmtp_nested_header_checks $milter_header_checks $mime_header_checks "
    "$nested_header_checks $smtp_body_checks $smtp_header_checks "
    "$smtp_mime_header_checks $smtp_nested_header_checks",
    0, CONF_LEN_MAX, USED,
    "Tables that proxymap may read: lookup serves what is configured.")
ROW(STR, proxy_write_maps,
    "$smtp_sasl_auth_cache_name $lmtp_sasl_auth_cache_name "
    "$address_verify_map $postscreen_cache_map", 0, CONF_LEN_MAX, USED,
    "Tables that proxymap may change: state serves its own.")
ROW(STR, proxymap_service_name, "proxymap", 0, CONF_LEN_MAX, KNOWN,
    "Name of the proxymap service in master.cf.")
ROW(STR, proxywrite_service_name, "proxywrite", 0, CONF_LEN_MAX, KNOWN,
    "Name of the proxywrite service in master.cf.")
ROW(TIME, qmgr_clog_warn_time, "300s", 0, CONF_TIME_MAX, KNOWN,
    "Least time between warnings that one destination fills the queue.")
ROW(TIME, qmgr_daemon_timeout, "1000s", 1, CONF_TIME_MAX, KNOWN,
    "daemon_timeout for qmgr.")
ROW(INT, qmgr_fudge_factor, "100", 1, 100, KNOWN,
    "Percentage of delivery slots for one big message.")
ROW(TIME, qmgr_ipc_timeout, "60s", 1, CONF_TIME_MAX, KNOWN,
    "ipc_timeout for qmgr.")
ROW(INT, qmgr_message_active_limit, "20000", 1, CONF_INT_MAX, USED,
    "Most messages that qmgr schedules at once.")
ROW(INT, qmgr_message_recipient_limit, "20000", 1, CONF_INT_MAX, USED,
    "Most recipients that qmgr has in memory.")
ROW(INT, qmgr_message_recipient_minimum, "10", 1, CONF_INT_MAX, KNOWN,
    "Recipients in memory that each message may have.")
ROW(STR, qmqpd_authorized_clients, "", 0, CONF_LEN_MAX, KNOWN,
    "Clients of QMQP.")
ROW(BOOL, qmqpd_client_port_logging, "no", 0, 1, KNOWN,
    "Log the port of QMQP clients.")
ROW(MSEC, qmqpd_error_delay, "1s", 0, CONF_TIME_MAX, KNOWN,
    "Delay of a negative answer to QMQP clients.")
ROW(TIME, qmqpd_timeout, "300s", 1, CONF_TIME_MAX, KNOWN,
    "Time limit of QMQP.")
ROW(STR, queue_directory, BARID_QUEUE_DIR, 1, CONF_LEN_MAX, USED,
    "The queue, and the root directory of confined daemons.")
ROW(INT, queue_file_attribute_count_limit, "100", 1, CONF_INT_MAX, KNOWN,
    "Most attributes of a message.")
ROW(SIZE, queue_minfree, "0", 0, CONF_SIZE_MAX, USED,
    "Free space below which no mail is accepted; 0 asks one and a half "
    "message_size_limit.")
ROW(TIME, queue_run_delay, "300s", 1, CONF_TIME_MAX, USED,
    "Time between looks at the deferred queue.")
ROW(STR, queue_service_name, "qmgr", 0, CONF_LEN_MAX, KNOWN,
    "Name of the queue service in master.cf.")
ROW(BOOL, queue_sync_outcomes, "no", 0, 1, USED,
    "Sync the outcome of deliveries too: after a power cut nothing is "
    "delivered twice.")
ROW(STR, rbl_reply_maps, "", 0, CONF_LEN_MAX, USED,
    "Replies per DNS list.")
ROW(STR, readme_directory, "no", 0, CONF_LEN_MAX, USED,
    "Where the documentation is as text; no if nowhere.")
ROW(STR, receive_override_options, "", 0, CONF_LEN_MAX, USED,
    "Steps that are left out for received mail.")
ROW(STR, recipient_bcc_maps, "", 0, CONF_LEN_MAX, USED,
    "Recipients added by recipient.")
ROW(STR, recipient_canonical_classes,
    "envelope_recipient, header_recipient", 0, CONF_LEN_MAX, USED,
    "Which addresses recipient_canonical_maps rewrites.")
ROW(STR, recipient_canonical_maps, "", 0, CONF_LEN_MAX, USED,
    "canonical_maps for recipients.")
ROW(STR, recipient_delimiter, "", 0, CONF_LEN_MAX, USED,
    "Characters between a user and an extension (user+ext).")
ROW(INT, reject_code, "554", 400, 599, USED,
    "Reply code of the restriction reject.")
ROW(STR, reject_tempfail_action, "defer_if_permit", 0, CONF_LEN_MAX, USED,
    "What a restriction does if it cannot decide now.")
ROW(STR, relay_clientcerts, "", 0, CONF_LEN_MAX, KNOWN,
    "Certificates of clients that may relay.")
ROW(STR, relay_domains,
    "${{$compatibility_level} <level {2} ? {$mydestination} : {}}",
    0, CONF_LEN_MAX, USED,
    "Domains (not local ones) that mail is relayed to.")
ROW(INT, relay_domains_reject_code, "554", 400, 599, USED,
    "Reply code to clients that may not relay.")
ROW(STR, relay_recipient_maps, "", 0, CONF_LEN_MAX, USED,
    "Tables of all recipients in relay_domains; empty accepts any.")
ROW(STR, relay_transport, "relay", 1, CONF_LEN_MAX, USED,
    "Transport and next hop for relay_domains.")
ROW(STR, relayhost, "", 0, CONF_LEN_MAX, USED,
    "Next hop of mail that is not local; [host] is without MX.")
ROW(STR, relocated_maps, "", 0, CONF_LEN_MAX, USED,
    "Where users went that are gone.")
ROW(STR, remote_header_rewrite_domain, "", 0, CONF_LEN_MAX, USED,
    "Domain that completes addresses in headers from other clients.")
ROW(BOOL, require_home_directory, "no", 0, 1, KNOWN,
    "Deliver only to users whose home is there.")
ROW(BOOL, requiretls_enable, "yes", 0, 1, KNOWN,
    "Offer and obey REQUIRETLS.")
ROW(BOOL, requiretls_redact_dsn, "yes", 0, 1, KNOWN,
    "Return only headers of a REQUIRETLS message.")
ROW(BOOL, reset_owner_alias, "no", 0, 1, KNOWN,
    "Mail to an alias without owner keeps the owner of the one before.")
ROW(BOOL, resolve_dequoted_address, "yes", 0, 1, USED,
    "Look into quoted local parts for @, % and !.")
ROW(BOOL, resolve_null_domain, "no", 0, 1, USED,
    "Take user@ for a local address.")
ROW(BOOL, resolve_numeric_domain, "no", 0, 1, USED,
    "Take user@1.2.3.4 for user@[1.2.3.4].")
ROW(BOOL, respectful_logging,
    "${{$compatibility_level} <level {3.6} ? {no} : {yes}}", 0, 1, USED,
    "Say allowlist and denylist in the log.")
ROW(STR, rewrite_service_name, "rewrite", 0, CONF_LEN_MAX, KNOWN,
    "Name of the rewrite service in master.cf.")
ROW(STR, sample_directory, BARID_CONFIG_DIR, 0, CONF_LEN_MAX, USED,
    "Where sample files are.")
ROW(BOOL, send_cyrus_sasl_authzid, "no", 0, 1, KNOWN,
    "Send an authorisation identity with Cyrus SASL.")
ROW(STR, sender_bcc_maps, "", 0, CONF_LEN_MAX, USED,
    "Recipients added by sender.")
ROW(STR, sender_canonical_classes,
    "envelope_sender, header_sender", 0, CONF_LEN_MAX, USED,
    "Which addresses sender_canonical_maps rewrites.")
ROW(STR, sender_canonical_maps, "", 0, CONF_LEN_MAX, USED,
    "canonical_maps for senders.")
ROW(STR, sender_dependent_default_transport_maps, "", 0, CONF_LEN_MAX, USED,
    "default_transport by sender.")
ROW(STR, sender_dependent_relayhost_maps, "", 0, CONF_LEN_MAX, USED,
    "relayhost by sender.")
ENUM(sendmail_fix_line_endings, "always", "always|strict|never", USED,
    "When the sendmail command takes CRLF for a line end.")
ROW(STR, sendmail_path, BARID_SENDMAIL, 0, CONF_LEN_MAX, USED,
    "The sendmail command.")
ROW(STR, service_name, CONF_COMPUTED, 0, CONF_LEN_MAX, USED,
    "The service's name in master.cf.")
ROW(TIME, service_throttle_time, "60s", 1, CONF_TIME_MAX, USED,
    "How long master waits before it starts a failing service again.")
ROW(STR, setgid_group, BARID_SETGID_GROUP, 1, CONF_LEN_MAX, USED,
    "The group of the commands that submit mail and ask the queue.")
ROW(STR, shlib_directory, "no", 0, CONF_LEN_MAX, USED,
    "Where shared libraries are; no if there are none.")
ROW(BOOL, show_user_unknown_table_name, "yes", 0, 1, USED,
    "Name the table in a \"User unknown\" reply.")
ROW(STR, showq_service_name, "showq", 0, CONF_LEN_MAX, KNOWN,
    "Name of the showq service in master.cf.")
ENUM(smtp_address_preference, "any", "any|ipv4|ipv6", USED,
    "Which protocol is tried first.")
ENUM(smtp_address_verify_target, "rcpt", "rcpt|data", USED,
    "Command at which an address probe ends: rcpt or data.")
ROW(BOOL, smtp_always_send_ehlo, "yes", 0, 1, USED,
    "Send EHLO whatever the greeting says.")
ROW(BOOL, smtp_balance_inet_protocols, "yes", 0, 1, USED,
    "Try IPv4 and IPv6 both if there are many addresses.")
ROW(STR, smtp_bind_address, "", 0, CONF_LEN_MAX, USED,
    "IPv4 address to connect from.")
ROW(STR, smtp_bind_address6, "", 0, CONF_LEN_MAX, USED,
    "IPv6 address to connect from.")
ROW(BOOL, smtp_bind_address_enforce, "no", 0, 1, USED,
    "Defer mail if that address cannot be used.")
ROW(STR, smtp_body_checks, "", 0, CONF_LEN_MAX, USED,
    "body_checks for mail that is sent.")
ROW(BOOL, smtp_cname_overrides_servername, "no", 0, 1, KNOWN,
    "Check certificates against the name a CNAME leads to.")
ROW(TIME, smtp_connect_timeout, "30s", 0, CONF_TIME_MAX, USED,
    "Time limit to connect; 0 is that of the system.")
ROW(STR, smtp_connection_cache_destinations, "", 0, CONF_LEN_MAX, USED,
    "Destinations whose connections are always kept for reuse.")
ROW(BOOL, smtp_connection_cache_on_demand, "yes", 0, 1, USED,
    "Keep connections while much mail goes to a destination.")
ROW(TIME, smtp_connection_cache_time_limit, "2s", 1, CONF_TIME_MAX, USED,
    "How long an unused connection is kept.")
ROW(INT, smtp_connection_reuse_count_limit, "0", 0, CONF_INT_MAX, USED,
    "Most deliveries over one connection; 0 is no limit.")
ROW(TIME, smtp_connection_reuse_time_limit, "300s", 1, CONF_TIME_MAX, USED,
    "How long one connection is used.")
ROW(TIME, smtp_data_done_timeout, "600s", 1, CONF_TIME_MAX, USED,
    "Time limit for the answer to the end of a message.")
ROW(TIME, smtp_data_init_timeout, "120s", 1, CONF_TIME_MAX, USED,
    "Time limit for the answer to DATA.")
ROW(TIME, smtp_data_xfer_timeout, "180s", 1, CONF_TIME_MAX, USED,
    "Time limit for each piece of a message.")
ROW(BOOL, smtp_defer_if_no_mx_address_found, "no", 0, 1, USED,
    "Defer mail if no MX has an address.")
ROW(STR, smtp_delivery_status_filter,
    "$default_delivery_status_filter", 0, CONF_LEN_MAX, KNOWN,
    "default_delivery_status_filter for smtp.")
ROW(STR, smtp_discard_ehlo_keyword_address_maps, "", 0, CONF_LEN_MAX, KNOWN,
    "Servers whose EHLO answer is read without some keywords.")
ROW(STR, smtp_discard_ehlo_keywords, "", 0, CONF_LEN_MAX, USED,
    "Keywords of the EHLO answer that are not seen.")
ROW(STR, smtp_dns_reply_filter, "", 0, CONF_LEN_MAX, KNOWN,
    "Table that changes DNS answers.")
ROW(STR, smtp_dns_resolver_options, "", 0, CONF_LEN_MAX, KNOWN,
    "Options of DNS questions: res_defnames, res_dnsrch.")
ROW(STR, smtp_dns_support_level, "", 0, CONF_LEN_MAX, KNOWN,
    "How DNS is used: disabled, enabled, dnssec.")
ROW(BOOL, smtp_enforce_tls, "no", 0, 1, USED,
    "Send only with TLS (smtp_tls_security_level replaces this).")
ROW(STR, smtp_fallback_relay, "$fallback_relay", 0, CONF_LEN_MAX, USED,
    "Next hops for mail that cannot be delivered.")
ROW(STR, smtp_generic_maps, "", 0, CONF_LEN_MAX, USED,
    "Tables that rewrite addresses of mail that is sent.")
ROW(STR, smtp_header_checks, "", 0, CONF_LEN_MAX, USED,
    "header_checks for mail that is sent.")
ROW(STR, smtp_helo_name, "$myhostname", 1, CONF_LEN_MAX, USED,
    "Name in HELO and EHLO.")
ROW(TIME, smtp_helo_timeout, "300s", 1, CONF_TIME_MAX, USED,
    "Time limit for HELO and the greeting.")
ROW(STR, smtp_host_lookup, "dns", 1, CONF_LEN_MAX, USED,
    "How hosts are found: dns, native, or both in order.")
ROW(SIZE, smtp_line_length_limit, "998", 0, CONF_SIZE_MAX, USED,
    "Longest line that is sent; longer ones are broken; 0 is no limit.")
ROW(BOOL, smtp_log_tls_feature_status, "yes", 0, 1, KNOWN,
    "Log which TLS features a delivery used.")
ROW(TIME, smtp_mail_timeout, "300s", 1, CONF_TIME_MAX, USED,
    "Time limit for MAIL.")
ROW(STR, smtp_mime_header_checks, "", 0, CONF_LEN_MAX, USED,
    "mime_header_checks for mail that is sent.")
ROW(SIZE, smtp_min_data_rate, "500", 1, CONF_SIZE_MAX, KNOWN,
    "Bytes a second that count as progress.")
ROW(INT, smtp_mx_address_limit, "5", 0, CONF_INT_MAX, USED,
    "Most addresses tried per delivery; 0 is no limit.")
ROW(INT, smtp_mx_session_limit, "2", 0, CONF_INT_MAX, USED,
    "Most sessions per delivery; 0 is no limit.")
ROW(STR, smtp_nested_header_checks, "", 0, CONF_LEN_MAX, USED,
    "nested_header_checks for mail that is sent.")
ROW(BOOL, smtp_never_send_ehlo, "no", 0, 1, USED,
    "Send HELO, never EHLO.")
ROW(BOOL, smtp_per_request_deadline,
    "${smtp_per_record_deadline?{$smtp_per_record_deadline}:{no}}", 0, 1, USED,
    "Time limits are for a whole request, not for each read.")
ROW(TIME, smtp_pix_workaround_delay_time, "10s", 1, CONF_TIME_MAX, KNOWN,
    "Pause before the final dot for a broken firewall.")
ROW(STR, smtp_pix_workaround_maps, "", 0, CONF_LEN_MAX, KNOWN,
    "Workarounds per server.")
ROW(TIME, smtp_pix_workaround_threshold_time, "500s", 0, CONF_TIME_MAX, KNOWN,
    "Age of mail from which workarounds are used.")
ROW(STR, smtp_pix_workarounds,
    "disable_esmtp,delay_dotcrlf", 0, CONF_LEN_MAX, KNOWN,
    "Workarounds for broken firewalls.")
ROW(TIME, smtp_quit_timeout, "300s", 1, CONF_TIME_MAX, USED,
    "Time limit for QUIT.")
ROW(BOOL, smtp_quote_rfc821_envelope, "yes", 0, 1, USED,
    "Quote addresses in MAIL and RCPT where needed.")
ROW(BOOL, smtp_randomize_addresses, "yes", 0, 1, USED,
    "Servers of equal preference in random order.")
ROW(TIME, smtp_rcpt_timeout, "300s", 1, CONF_TIME_MAX, USED,
    "Time limit for RCPT.")
ROW(STR, smtp_reply_filter, "", 0, CONF_LEN_MAX, KNOWN,
    "Table that changes replies of servers.")
ROW(TIME, smtp_rset_timeout, "20s", 1, CONF_TIME_MAX, USED,
    "Time limit for RSET.")
ROW(STR, smtp_sasl_auth_cache_name, "", 0, CONF_LEN_MAX, KNOWN,
    "Table of failed logins.")
ROW(TIME, smtp_sasl_auth_cache_time, "90d", 0, CONF_TIME_MAX, KNOWN,
    "How long a failed login is remembered.")
ROW(BOOL, smtp_sasl_auth_enable, "no", 0, 1, KNOWN,
    "Log in to servers.")
ROW(BOOL, smtp_sasl_auth_soft_bounce, "yes", 0, 1, KNOWN,
    "Defer mail if a login fails.")
ROW(STR, smtp_sasl_mechanism_filter, "", 0, CONF_LEN_MAX, KNOWN,
    "Mechanisms that may be used.")
ROW(STR, smtp_sasl_password_maps, "", 0, CONF_LEN_MAX, KNOWN,
    "Tables of logins by server.")
ROW(STR, smtp_sasl_password_result_delimiter, ":", 1, CONF_LEN_MAX, KNOWN,
    "What separates user and password there.")
ROW(STR, smtp_sasl_path, "", 0, CONF_LEN_MAX, KNOWN,
    "Configuration of the SASL library.")
ROW(STR, smtp_sasl_security_options,
    "noplaintext, noanonymous", 0, CONF_LEN_MAX, KNOWN,
    "Kinds of mechanisms that are not used.")
ROW(STR, smtp_sasl_tls_security_options,
    "$smtp_sasl_security_options", 0, CONF_LEN_MAX, KNOWN,
    "The same within TLS.")
ROW(STR, smtp_sasl_tls_verified_security_options,
    "$smtp_sasl_tls_security_options", 0, CONF_LEN_MAX, KNOWN,
    "The same within TLS to a verified server.")
ROW(STR, smtp_sasl_type, "cyrus", 1, CONF_LEN_MAX, KNOWN,
    "The SASL library.")
ROW(BOOL, smtp_send_dummy_mail_auth, "no", 0, 1, KNOWN,
    "Send AUTH=<> with MAIL.")
ROW(BOOL, smtp_send_xforward_command, "no", 0, 1, USED,
    "Send XFORWARD if the server offers it.")
ROW(BOOL, smtp_sender_dependent_authentication, "no", 0, 1, KNOWN,
    "Logins by sender.")
ROW(INT, smtp_sessions_per_process,
    "$default_sessions_per_process", 1, 1000000, USED,
    "Most deliveries in one smtp process.")
ROW(BOOL, smtp_skip_5xx_greeting, "yes", 0, 1, USED,
    "Try the next server after a 5xx greeting.")
ROW(BOOL, smtp_skip_quit_response, "yes", 0, 1, USED,
    "Do not wait for the answer to QUIT.")
ROW(TIME, smtp_starttls_timeout, "300s", 1, CONF_TIME_MAX, KNOWN,
    "Time limit for STARTTLS and the handshake.")
ROW(STR, smtp_tcp_port, "smtp", 1, CONF_LEN_MAX, USED,
    "Port of SMTP.")
ROW(STR, smtp_tls_CAfile, "", 0, CONF_LEN_MAX, KNOWN,
    "File of certification authorities.")
ROW(STR, smtp_tls_CApath, "", 0, CONF_LEN_MAX, KNOWN,
    "Folder of certification authorities.")
ROW(BOOL, smtp_tls_block_early_mail_reply, "no", 0, 1, KNOWN,
    "Detect answers that came before TLS began.")
ROW(STR, smtp_tls_cert_file, "", 0, CONF_LEN_MAX, KNOWN,
    "File of the client's certificate.")
ROW(STR, smtp_tls_chain_files, "", 0, CONF_LEN_MAX, KNOWN,
    "Files with key and certificates.")
ROW(STR, smtp_tls_ciphers, "medium", 1, CONF_LEN_MAX, KNOWN,
    "Least grade of ciphers for opportunistic TLS.")
ROW(BOOL, smtp_tls_connection_reuse, "no", 0, 1, KNOWN,
    "Use TLS connections again.")
ROW(STR, smtp_tls_dane_insecure_mx_policy,
    "${{$smtp_tls_security_level} == {dane} ? {dane} : {may}}",
    0, CONF_LEN_MAX, KNOWN,
    "Level for DANE where MX records are not signed.")
ROW(STR, smtp_tls_dcert_file, "", 0, CONF_LEN_MAX, KNOWN,
    "File of the DSA certificate.")
ROW(STR, smtp_tls_dkey_file, "$smtp_tls_dcert_file", 0, CONF_LEN_MAX, KNOWN,
    "File of its key.")
ROW(STR, smtp_tls_eccert_file, "", 0, CONF_LEN_MAX, KNOWN,
    "File of the ECDSA certificate.")
ROW(STR, smtp_tls_eckey_file, "$smtp_tls_eccert_file", 0, CONF_LEN_MAX, KNOWN,
    "File of its key.")
ROW(BOOL, smtp_tls_enable_rpk, "no", 0, 1, KNOWN,
    "Use raw public keys.")
ROW(BOOL, smtp_tls_enforce_peername, "yes", 0, 1, KNOWN,
    "Check the name in the certificate (smtp_tls_security_level replaces "
    "this).")
ROW(BOOL, smtp_tls_enforce_sts_mx_patterns, "yes", 0, 1, KNOWN,
    "Obey the MX patterns of MTA-STS policies.")
ROW(STR, smtp_tls_exclude_ciphers, "", 0, CONF_LEN_MAX, KNOWN,
    "Ciphers that are not used.")
ROW(STR, smtp_tls_fingerprint_cert_match, "", 0, CONF_LEN_MAX, KNOWN,
    "Fingerprints of servers.")
ROW(STR, smtp_tls_fingerprint_digest,
    "${{$compatibility_level} <level {3.6} ? {md5} : {sha256}}",
    1, CONF_LEN_MAX, KNOWN,
    "Digest of fingerprints.")
ROW(BOOL, smtp_tls_force_insecure_host_tlsa_lookup, "no", 0, 1, KNOWN,
    "Look for TLSA records where addresses are not signed.")
ROW(STR, smtp_tls_key_file, "$smtp_tls_cert_file", 0, CONF_LEN_MAX, KNOWN,
    "File of the key.")
ROW(INT, smtp_tls_loglevel, "0", 0, 4, KNOWN,
    "How much of TLS is logged.")
ROW(STR, smtp_tls_mandatory_ciphers, "medium", 1, CONF_LEN_MAX, KNOWN,
    "Least grade of ciphers for mandatory TLS.")
ROW(STR, smtp_tls_mandatory_exclude_ciphers, "", 0, CONF_LEN_MAX, KNOWN,
    "More ciphers that are not used then.")
ROW(STR, smtp_tls_mandatory_protocols, ">=TLSv1", 0, CONF_LEN_MAX, KNOWN,
    "Protocols for mandatory TLS.")
ROW(BOOL, smtp_tls_note_starttls_offer, "no", 0, 1, KNOWN,
    "Log servers that offer STARTTLS without use.")
ROW(STR, smtp_tls_per_site, "", 0, CONF_LEN_MAX, KNOWN,
    "Levels per server (smtp_tls_policy_maps replaces this).")
ROW(STR, smtp_tls_policy_maps, "", 0, CONF_LEN_MAX, KNOWN,
    "Tables of levels per destination.")
ROW(STR, smtp_tls_protocols, ">=TLSv1", 0, CONF_LEN_MAX, KNOWN,
    "Protocols for opportunistic TLS.")
ROW(INT, smtp_tls_scert_verifydepth, "9", 0, CONF_INT_MAX, KNOWN,
    "Longest chain of certificates.")
ROW(STR, smtp_tls_secure_cert_match,
    "nexthop, dot-nexthop", 1, CONF_LEN_MAX, KNOWN,
    "Names that a certificate may have at level secure.")
ROW(STR, smtp_tls_security_level,
    "${{$compatibility_level} <level {3.11} ? {} : {may}}",
    0, CONF_LEN_MAX, USED,
    "Level of TLS: none, may, encrypt, dane, dane-only, fingerprint, verify, "
    "secure.")
ROW(STR, smtp_tls_servername, "", 0, CONF_LEN_MAX, KNOWN,
    "Name sent by SNI.")
ROW(STR, smtp_tls_session_cache_database, "", 0, CONF_LEN_MAX, KNOWN,
    "Table of TLS sessions.")
ROW(TIME, smtp_tls_session_cache_timeout, "3600s", 0, CONF_TIME_MAX, KNOWN,
    "How long a TLS session can be resumed.")
ROW(STR, smtp_tls_trust_anchor_file, "", 0, CONF_LEN_MAX, KNOWN,
    "Files of trust anchors.")
ROW(STR, smtp_tls_verify_cert_match, "hostname", 1, CONF_LEN_MAX, KNOWN,
    "Names that a certificate may have at level verify.")
ROW(BOOL, smtp_tls_wrappermode, "no", 0, 1, KNOWN,
    "Begin with TLS at once.")
ROW(BOOL, smtp_tlsrpt_enable, "no", 0, 1, KNOWN,
    "Report TLS results for TLSRPT.")
ROW(BOOL, smtp_tlsrpt_skip_reused_handshakes, "no", 0, 1, KNOWN,
    "Leave resumed sessions out of the report.")
ROW(STR, smtp_tlsrpt_socket_name, "", 0, CONF_LEN_MAX, KNOWN,
    "Socket of the TLSRPT collector.")
ROW(BOOL, smtp_use_tls, "no", 0, 1, KNOWN,
    "Use TLS if offered (smtp_tls_security_level replaces this).")
ROW(TIME, smtp_xforward_timeout, "300s", 1, CONF_TIME_MAX, USED,
    "Time limit for XFORWARD.")
ROW(STR, smtpd_authorized_verp_clients,
    "$authorized_verp_clients", 0, CONF_LEN_MAX, KNOWN,
    "Clients that may ask for variable envelope senders.")
ROW(STR, smtpd_authorized_xclient_hosts, "", 0, CONF_LEN_MAX, USED,
    "Clients that may use XCLIENT.")
ROW(STR, smtpd_authorized_xforward_hosts, "", 0, CONF_LEN_MAX, USED,
    "Clients that may use XFORWARD.")
ROW(STR, smtpd_banner, "$myhostname ESMTP $mail_name", 1, CONF_LEN_MAX, USED,
    "Text after 220 in the greeting; must begin with the host's name.")
ROW(INT, smtpd_client_auth_rate_limit, "0", 0, CONF_INT_MAX, KNOWN,
    "Most AUTH commands of a client per anvil_rate_time_unit; 0 is no limit.")
ROW(INT, smtpd_client_connection_count_limit, "50", 0, CONF_INT_MAX, USED,
    "Most connections of a client at once; 0 is no limit.")
ROW(INT, smtpd_client_connection_rate_limit, "0", 0, CONF_INT_MAX, USED,
    "Most connections of a client per anvil_rate_time_unit; 0 is no limit.")
ROW(STR, smtpd_client_event_limit_exceptions,
    "${smtpd_client_connection_limit_exceptions:$mynetworks}",
    0, CONF_LEN_MAX, USED,
    "Clients without these limits.")
ROW(INT, smtpd_client_ipv4_prefix_length, "32", 1, 32, USED,
    "Bits of an IPv4 address that make one client.")
ROW(INT, smtpd_client_ipv6_prefix_length, "84", 1, 128, USED,
    "Bits of an IPv6 address that make one client.")
ROW(INT, smtpd_client_log_limit, "600", 0, CONF_INT_MAX, USED,
    "Most log lines about a client in a minute, of each process: refusals, and "
    "others; more are left out and counted, but for sessions in which a "
    "message was accepted; 0 is no limit.")
ROW(INT, smtpd_client_message_rate_limit, "0", 0, CONF_INT_MAX, USED,
    "Most messages of a client per anvil_rate_time_unit; 0 is no limit.")
ROW(INT, smtpd_client_new_tls_session_rate_limit, "0", 0, CONF_INT_MAX, KNOWN,
    "Most new TLS sessions of a client per anvil_rate_time_unit; 0 is no "
    "limit.")
ROW(BOOL, smtpd_client_port_logging, "no", 0, 1, USED,
    "Log the client's port.")
ROW(INT, smtpd_client_recipient_rate_limit, "0", 0, CONF_INT_MAX, USED,
    "Most recipients of a client per anvil_rate_time_unit; 0 is no limit.")
ROW(STR, smtpd_client_restrictions, "", 0, CONF_LEN_MAX, USED,
    "What is checked of a client at connect.")
ROW(SIZE, smtpd_collect_memory_limit, "67108864", 65536, CONF_SIZE_MAX, USED,
    "Memory of one smtpd process for messages being received; above it "
    "content streams.")
ROW(STR, smtpd_command_filter, "", 0, CONF_LEN_MAX, USED,
    "Table that replaces commands.")
ROW(STR, smtpd_data_restrictions, "", 0, CONF_LEN_MAX, USED,
    "What is checked at DATA.")
ROW(BOOL, smtpd_delay_open_until_valid_rcpt, "yes", 0, 1, KNOWN,
    "Begin a message at the first valid recipient.")
ROW(BOOL, smtpd_delay_reject, "yes", 0, 1, USED,
    "Refuse at RCPT what was already refused at connect, HELO or MAIL.")
ROW(STR, smtpd_discard_ehlo_keyword_address_maps, "", 0, CONF_LEN_MAX, USED,
    "Clients that see EHLO without some keywords.")
ROW(STR, smtpd_discard_ehlo_keywords, "", 0, CONF_LEN_MAX, USED,
    "EHLO keywords that are not offered.")
ROW(STR, smtpd_dns_reply_filter, "", 0, CONF_LEN_MAX, USED,
    "Table that changes DNS answers.")
ROW(STR, smtpd_dns_tempfail_action, "$reject_tempfail_action", 1, CONF_LEN_MAX, USED,
    "What happens if a DNS list, or the hosts that check_*_mx_access and its "
    "relatives want, cannot be looked up: defer_if_permit, defer or dunno.")
ROW(STR, smtpd_end_of_data_restrictions, "", 0, CONF_LEN_MAX, USED,
    "What is checked at the end of a message.")
ROW(BOOL, smtpd_enforce_tls, "no", 0, 1, KNOWN,
    "Only accept mail by TLS (smtpd_tls_security_level replaces this).")
ROW(MSEC, smtpd_error_sleep_time, "1s", 0, 3600, USED,
    "Delay of replies to a client with more than smtpd_soft_error_limit "
    "errors.")
ROW(STR, smtpd_etrn_restrictions, "", 0, CONF_LEN_MAX, USED,
    "What is checked at ETRN.")
ROW(RAW, smtpd_expansion_filter,
    "\\t\\40!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\\\]"
    "^_`abcdefghijklmnopqrstuvwxyz{|}~", 0, CONF_LEN_MAX, USED,
    "Characters that may come from a client into a reply.")
ENUM(smtpd_forbid_bare_newline,
    "normalize", "no|yes|normalize|reject|note", USED,
    "What happens to lines that end without CR: normalize takes them for "
    "line ends except at the end of a message, reject refuses the message, "
    "note only logs.")
ROW(STR, smtpd_forbid_bare_newline_exclusions,
    "$mynetworks", 0, CONF_LEN_MAX, USED,
    "Clients that may send them.")
ROW(INT, smtpd_forbid_bare_newline_reject_code, "550", 400, 599, USED,
    "Reply code of smtpd_forbid_bare_newline = reject.")
ROW(BOOL, smtpd_forbid_unauth_pipelining, "yes", 0, 1, USED,
    "End sessions of clients that send ahead where that is not allowed.")
ROW(STR, smtpd_forbidden_commands,
    "CONNECT GET POST regexp:{{/^[^A-Z]/ Bogus}}", 0, CONF_LEN_MAX, USED,
    "Commands that end the session.")
ROW(INT, smtpd_hard_error_limit, "${stress?{1}:{20}}", 1, CONF_INT_MAX, USED,
    "Errors after which the session ends.")
ROW(BOOL, smtpd_helo_required, "no", 0, 1, USED,
    "HELO or EHLO must come before MAIL.")
ROW(STR, smtpd_helo_restrictions, "", 0, CONF_LEN_MAX, USED,
    "What is checked at HELO.")
ROW(BOOL, smtpd_hide_client_session, "no", 0, 1, KNOWN,
    "Leave the client out of Received headers.")
ROW(INT, smtpd_history_flush_threshold, "100", 1, CONF_INT_MAX, USED,
    "Lines of a session kept for the postmaster.")
ROW(INT, smtpd_junk_command_limit, "${stress?{1}:{100}}", 1, CONF_INT_MAX, USED,
    "Commands without effect (NOOP, VRFY, RSET) that are not errors.")
ROW(STR, smtpd_log_access_permit_actions, "", 0, CONF_LEN_MAX, USED,
    "Log these positive decisions of restrictions.")
ROW(STR, smtpd_milter_maps, "", 0, CONF_LEN_MAX, KNOWN,
    "Filters per client.")
ROW(STR, smtpd_milters, "", 0, CONF_LEN_MAX, KNOWN,
    "Filters for mail that comes by SMTP.")
ROW(SIZE, smtpd_min_data_rate, "500", 1, CONF_SIZE_MAX, USED,
    "Bytes a second that count as progress.")
ROW(STR, smtpd_noop_commands, "", 0, CONF_LEN_MAX, USED,
    "Commands that are answered like NOOP.")
ROW(STR, smtpd_null_access_lookup_key, "<>", 1, CONF_LEN_MAX, USED,
    "Key for the null sender in access tables.")
ROW(BOOL, smtpd_peername_lookup, "yes", 0, 1, USED,
    "Look for the names of clients.")
ROW(BOOL, smtpd_per_request_deadline,
    "${smtpd_per_record_deadline?{$smtpd_per_record_deadline}:{${stress?{yes}"
    ":{no}}}}", 0, 1, USED,
    "Time limits are for a whole request, not for each read.")
ROW(STR, smtpd_policy_service_default_action,
    "451 4.3.5 Server configuration problem", 1, CONF_LEN_MAX, USED,
    "What happens if a policy server cannot be asked.")
ROW(TIME, smtpd_policy_service_max_idle, "300s", 1, CONF_TIME_MAX, USED,
    "How long an unused connection to a policy server is kept.")
ROW(TIME, smtpd_policy_service_max_ttl, "1000s", 1, CONF_TIME_MAX, USED,
    "Longest life of a connection to a policy server.")
ROW(STR, smtpd_policy_service_policy_context, "", 0, CONF_LEN_MAX, USED,
    "Attribute policy_context.")
ROW(INT, smtpd_policy_service_request_limit, "0", 0, CONF_INT_MAX, USED,
    "Most questions over one connection; 0 is no limit.")
ROW(TIME, smtpd_policy_service_retry_delay, "1s", 1, CONF_TIME_MAX, USED,
    "Time between two attempts to ask.")
ROW(TIME, smtpd_policy_service_timeout, "100s", 1, CONF_TIME_MAX, USED,
    "Time limit for a policy server.")
ROW(INT, smtpd_policy_service_try_limit, "2", 1, CONF_INT_MAX, USED,
    "How often it is asked.")
ROW(STR, smtpd_proxy_ehlo, "$myhostname", 0, CONF_LEN_MAX, KNOWN,
    "Name sent to smtpd_proxy_filter.")
ROW(STR, smtpd_proxy_filter, "", 0, CONF_LEN_MAX, KNOWN,
    "A filter that speaks SMTP before mail is accepted.")
ROW(STR, smtpd_proxy_options, "", 0, CONF_LEN_MAX, KNOWN,
    "Options of smtpd_proxy_filter.")
ROW(TIME, smtpd_proxy_timeout, "100s", 1, CONF_TIME_MAX, KNOWN,
    "Time limit for smtpd_proxy_filter.")
ROW(INT, smtpd_recipient_limit, "1000", 1, CONF_INT_MAX, USED,
    "Most recipients of a message.")
ROW(INT, smtpd_recipient_overshoot_limit, "1000", 1, CONF_INT_MAX, USED,
    "Recipients above it that are refused without counting as errors.")
ROW(STR, smtpd_recipient_restrictions, "", 0, CONF_LEN_MAX, USED,
    "What is checked at RCPT, after smtpd_relay_restrictions.")
ROW(STR, smtpd_reject_filter_maps, "", 0, CONF_LEN_MAX, USED,
    "Other texts for replies of class 4 and 5, by the whole reply.")
ROW(RAW, smtpd_reject_footer, "", 0, CONF_LEN_MAX, USED,
    "Text after each 4xx and 5xx reply.")
ROW(STR, smtpd_reject_footer_maps, "", 0, CONF_LEN_MAX, USED,
    "The same by reply.")
ROW(BOOL, smtpd_reject_unlisted_recipient, "yes", 0, 1, USED,
    "Refuse unknown recipients also where no restriction says so.")
ROW(BOOL, smtpd_reject_unlisted_sender, "no", 0, 1, USED,
    "Refuse unknown senders also where no restriction says so.")
ROW(BOOL, smtpd_relay_before_recipient_restrictions,
    "${{$compatibility_level} <level {3.6} ? {no} : {yes}}", 0, 1, USED,
    "Check smtpd_relay_restrictions first.")
ROW(STR, smtpd_relay_restrictions,
    "${{$compatibility_level} <level {1} ? {} : {permit_mynetworks, "
    "permit_sasl_authenticated, defer_unauth_destination}}",
    0, CONF_LEN_MAX, USED,
    "Who may relay: checked at RCPT.")
ROW(STR, smtpd_restriction_classes, "", 0, CONF_LEN_MAX, USED,
    "Names of lists of restrictions that tables may return.")
ROW(BOOL, smtpd_sasl_auth_enable, "no", 0, 1, KNOWN,
    "Offer AUTH.")
ROW(BOOL, smtpd_sasl_authenticated_header, "no", 0, 1, KNOWN,
    "Show the login in the Received header.")
ROW(STR, smtpd_sasl_exceptions_networks, "", 0, CONF_LEN_MAX, KNOWN,
    "Networks that are not offered AUTH.")
ROW(STR, smtpd_sasl_local_domain, "", 0, CONF_LEN_MAX, KNOWN,
    "Domain of logins without one.")
ROW(STR, smtpd_sasl_mechanism_filter,
    "!external, static:rest", 0, CONF_LEN_MAX, KNOWN,
    "Mechanisms that are offered.")
ROW(STR, smtpd_sasl_path, "smtpd", 1, CONF_LEN_MAX, KNOWN,
    "Configuration or socket of the SASL service.")
ROW(SIZE, smtpd_sasl_response_limit, "12288", 1, CONF_SIZE_MAX, KNOWN,
    "Longest line of an AUTH dialogue.")
ROW(STR, smtpd_sasl_security_options, "noanonymous", 0, CONF_LEN_MAX, KNOWN,
    "Kinds of mechanisms that are not offered.")
ROW(STR, smtpd_sasl_service, "smtp", 1, CONF_LEN_MAX, KNOWN,
    "Service name for SASL.")
ROW(STR, smtpd_sasl_tls_security_options,
    "$smtpd_sasl_security_options", 0, CONF_LEN_MAX, KNOWN,
    "The same within TLS.")
ROW(STR, smtpd_sasl_type, "cyrus", 1, CONF_LEN_MAX, KNOWN,
    "The SASL service: dovecot or cyrus.")
ROW(BOOL, smtpd_screen_enable, "no", 0, 1, USED,
    "Test clients as postscreen does, by the postscreen_ parameters.")
ROW(STR, smtpd_sender_login_maps, "", 0, CONF_LEN_MAX, USED,
    "Which login may use which sender.")
ROW(STR, smtpd_sender_restrictions, "", 0, CONF_LEN_MAX, USED,
    "What is checked at MAIL.")
ROW(STR, smtpd_service_name, "smtpd", 0, CONF_LEN_MAX, USED,
    "Name of the smtpd service in master.cf.")
ROW(INT, smtpd_sessions_per_process,
    "$default_sessions_per_process", 1, 1000000, USED,
    "Most sessions in one smtpd process.")
ROW(INT, smtpd_soft_error_limit, "10", 1, CONF_INT_MAX, USED,
    "Errors after which replies are delayed.")
ROW(TIME, smtpd_starttls_timeout,
    "${stress?{10}:{300}}s", 1, CONF_TIME_MAX, KNOWN,
    "Time limit for STARTTLS and the handshake.")
ROW(TIME, smtpd_timeout, "${stress?{10}:{300}}s", 1, 86400, USED,
    "Time limit for a client's next line and for our reply.")
ROW(STR, smtpd_tls_CAfile, "", 0, CONF_LEN_MAX, KNOWN,
    "File of certification authorities.")
ROW(STR, smtpd_tls_CApath, "", 0, CONF_LEN_MAX, KNOWN,
    "Folder of certification authorities.")
ROW(BOOL, smtpd_tls_always_issue_session_ids, "yes", 0, 1, KNOWN,
    "Send a session ID even without a session cache.")
ROW(BOOL, smtpd_tls_ask_ccert, "no", 0, 1, KNOWN,
    "Ask the client for a certificate.")
ROW(BOOL, smtpd_tls_auth_only, "no", 0, 1, KNOWN,
    "AUTH only within TLS.")
ROW(INT, smtpd_tls_ccert_verifydepth, "9", 0, CONF_INT_MAX, KNOWN,
    "Longest chain of a client's certificates.")
ROW(STR, smtpd_tls_cert_file, "", 0, CONF_LEN_MAX, KNOWN,
    "File of the server's certificate.")
ROW(STR, smtpd_tls_chain_files, "", 0, CONF_LEN_MAX, KNOWN,
    "Files with key and certificates.")
ROW(STR, smtpd_tls_ciphers, "medium", 1, CONF_LEN_MAX, KNOWN,
    "Least grade of ciphers for opportunistic TLS.")
ROW(STR, smtpd_tls_dcert_file, "", 0, CONF_LEN_MAX, KNOWN,
    "File of the DSA certificate.")
ROW(STR, smtpd_tls_dh1024_param_file, "", 0, CONF_LEN_MAX, KNOWN,
    "Parameters of Diffie-Hellman; auto for those built in.")
ROW(STR, smtpd_tls_dh512_param_file, "", 0, CONF_LEN_MAX, KNOWN,
    "Parameters for export ciphers; without use.")
ROW(STR, smtpd_tls_dkey_file, "$smtpd_tls_dcert_file", 0, CONF_LEN_MAX, KNOWN,
    "File of the DSA key.")
ROW(STR, smtpd_tls_eccert_file, "", 0, CONF_LEN_MAX, KNOWN,
    "File of the ECDSA certificate.")
ROW(STR, smtpd_tls_eckey_file, "$smtpd_tls_eccert_file", 0, CONF_LEN_MAX, KNOWN,
    "File of its key.")
ROW(STR, smtpd_tls_eecdh_grade, "auto", 1, CONF_LEN_MAX, KNOWN,
    "Strength of elliptic curves.")
ROW(BOOL, smtpd_tls_enable_rpk, "no", 0, 1, KNOWN,
    "Ask for raw public keys.")
ROW(STR, smtpd_tls_exclude_ciphers, "", 0, CONF_LEN_MAX, KNOWN,
    "Ciphers that are not used.")
ROW(STR, smtpd_tls_fingerprint_digest,
    "${{$compatibility_level} <level {3.6} ? {md5} : {sha256}}",
    1, CONF_LEN_MAX, KNOWN,
    "Digest of fingerprints.")
ROW(STR, smtpd_tls_key_file, "$smtpd_tls_cert_file", 0, CONF_LEN_MAX, KNOWN,
    "File of the key.")
ROW(INT, smtpd_tls_loglevel, "0", 0, 4, KNOWN,
    "How much of TLS is logged.")
ROW(STR, smtpd_tls_mandatory_ciphers, "medium", 1, CONF_LEN_MAX, KNOWN,
    "Least grade of ciphers for mandatory TLS.")
ROW(STR, smtpd_tls_mandatory_exclude_ciphers, "", 0, CONF_LEN_MAX, KNOWN,
    "More ciphers that are not used then.")
ROW(STR, smtpd_tls_mandatory_protocols, ">=TLSv1", 0, CONF_LEN_MAX, KNOWN,
    "Protocols for mandatory TLS.")
ROW(STR, smtpd_tls_protocols, ">=TLSv1", 0, CONF_LEN_MAX, KNOWN,
    "Protocols for opportunistic TLS.")
ROW(BOOL, smtpd_tls_received_header, "no", 0, 1, KNOWN,
    "Show TLS in the Received header.")
ROW(BOOL, smtpd_tls_req_ccert, "no", 0, 1, KNOWN,
    "Require a client's certificate.")
ROW(STR, smtpd_tls_security_level, "", 0, CONF_LEN_MAX, KNOWN,
    "Level of TLS: none, may, encrypt.")
ROW(STR, smtpd_tls_session_cache_database, "", 0, CONF_LEN_MAX, KNOWN,
    "Table of TLS sessions.")
ROW(TIME, smtpd_tls_session_cache_timeout, "3600s", 0, CONF_TIME_MAX, KNOWN,
    "How long a TLS session can be resumed.")
ROW(BOOL, smtpd_tls_wrappermode, "no", 0, 1, KNOWN,
    "Begin with TLS at once.")
ROW(STR, smtpd_upstream_proxy_protocol, "", 0, CONF_LEN_MAX, USED,
    "Protocol of a proxy before us: haproxy.")
ROW(TIME, smtpd_upstream_proxy_timeout, "5s", 1, CONF_TIME_MAX, USED,
    "Time limit for its line.")
ROW(BOOL, smtpd_use_tls, "no", 0, 1, KNOWN,
    "Offer TLS (smtpd_tls_security_level replaces this).")
ROW(STR, smtputf8_autodetect_classes, "sendmail, verify", 0, CONF_LEN_MAX, USED,
    "Mail whose need of SMTPUTF8 is found out.")
ROW(BOOL, smtputf8_enable,
    "${{$compatibility_level} <level {1} ? {no} : {yes}}", 0, 1, USED,
    "Offer and use SMTPUTF8.")
ROW(BOOL, soft_bounce, "no", 0, 1, USED,
    "Turn 5xx into 4xx and keep all mail in the queue; for tests.")
ROW(STR, srs_domain, "", 0, CONF_LEN_MAX, USED,
    "Domain of the sender of mail that aliases send on to foreign domains; "
    "empty leaves senders as they are.")
ROW(STR, srs_exclude_domains, "", 0, CONF_LEN_MAX, USED,
    "Domains of senders that are not rewritten.")
ROW(INT, srs_hash_length, "8", 4, 32, USED,
    "Characters of the hash that protects a rewritten sender, 5 bits each.")
ROW(STR, srs_key_file, "$config_directory/srs.keys", 1, CONF_LEN_MAX, USED,
    "File with secret keys for rewritten senders: the first signs, all count.")
ROW(TIME, srs_max_age, "21d", 86400, 86400000, USED,
    "How long mail to a rewritten sender is sent back.")
ROW(TIME, stale_lock_time, "500s", 1, CONF_TIME_MAX, USED,
    "Age at which a .lock file is removed.")
ROW(INT, state_entry_limit, "1000000", 100, CONF_INT_MAX, USED,
    "Most entries that each cache of the state service keeps.")
ROW(STR, stress, "", 0, CONF_LEN_MAX, USED,
    "Set by master while a service has no process left.")
ROW(BOOL, strict_7bit_headers, "no", 0, 1, USED,
    "Refuse 8-bit bytes in headers.")
ROW(BOOL, strict_8bitmime, "no", 0, 1, USED,
    "Refuse 8-bit bytes in headers and in content not marked as such.")
ROW(BOOL, strict_8bitmime_body, "no", 0, 1, USED,
    "Refuse 8-bit content not marked as such.")
ROW(BOOL, strict_mailbox_ownership, "yes", 0, 1, USED,
    "A mailbox must belong to its user.")
ROW(BOOL, strict_mime_encoding_domain, "no", 0, 1, USED,
    "Refuse wrong encodings of attached messages.")
ROW(BOOL, strict_rfc821_envelopes, "no", 0, 1, USED,
    "Addresses in MAIL and RCPT must be in <> and plain.")
ROW(BOOL, strict_smtputf8, "no", 0, 1, KNOWN,
    "UTF-8 only where SMTPUTF8 was asked for.")
ROW(BOOL, sun_mailtool_compatibility, "no", 0, 1, KNOWN,
    "Without use.")
ROW(BOOL, swap_bangpath, "yes", 0, 1, USED,
    "Take host!user for user@host.")
ROW(STR, syslog_facility, "mail", 1, CONF_LEN_MAX, USED,
    "Facility of the log.")
ROW(STR, syslog_name,
    "${multi_instance_name?{$multi_instance_name}:{postfix}}",
    1, CONF_LEN_MAX, USED,
    "Name before the program's in each log line.")
ROW(SIZE, tcp_windowsize, "0", 0, CONF_SIZE_MAX, KNOWN,
    "TCP window; 0 is that of the system.")
ROW(BOOL, tls_append_default_CA, "no", 0, 1, KNOWN,
    "Trust the system's authorities too.")
ROW(STR, tls_config_file, "default", 0, CONF_LEN_MAX, KNOWN,
    "Configuration file of OpenSSL.")
ROW(STR, tls_config_name, "", 0, CONF_LEN_MAX, KNOWN,
    "Section of that file.")
ROW(INT, tls_daemon_random_bytes, "32", 1, CONF_INT_MAX, KNOWN,
    "Random bytes that a daemon asks for.")
ROW(STR, tls_dane_digests, "sha512 sha256", 0, CONF_LEN_MAX, KNOWN,
    "Digests of TLSA records, best first.")
ROW(STR, tls_disable_workarounds, "", 0, CONF_LEN_MAX, KNOWN,
    "Workarounds of OpenSSL that are not used.")
ROW(STR, tls_eecdh_auto_curves,
    "X25519 X448 prime256v1 secp521r1 secp384r1", 0, CONF_LEN_MAX, KNOWN,
    "Elliptic curves.")
ROW(STR, tls_eecdh_strong_curve, "prime256v1", 1, CONF_LEN_MAX, KNOWN,
    "Curve of grade strong.")
ROW(STR, tls_eecdh_ultra_curve, "secp384r1", 1, CONF_LEN_MAX, KNOWN,
    "Curve of grade ultra.")
ROW(STR, tls_export_cipherlist,
    "aNULL:-aNULL:HIGH:MEDIUM:LOW:EXPORT:+RC4:@STRENGTH",
    1, CONF_LEN_MAX, KNOWN,
    "Ciphers of grade export.")
ROW(BOOL, tls_fast_shutdown_enable, "yes", 0, 1, KNOWN,
    "Do not wait for the peer's end of TLS.")
ROW(STR, tls_ffdhe_auto_groups, "ffdhe2048 ffdhe3072", 0, CONF_LEN_MAX, KNOWN,
    "Groups of Diffie-Hellman.")
ROW(STR, tls_high_cipherlist,
    "aNULL:-aNULL:HIGH:@STRENGTH", 1, CONF_LEN_MAX, KNOWN,
    "Ciphers of grade high.")
ROW(BOOL, tls_legacy_public_key_fingerprints, "no", 0, 1, KNOWN,
    "Fingerprints of keys as old versions made them.")
ROW(STR, tls_low_cipherlist,
    "aNULL:-aNULL:HIGH:MEDIUM:LOW:+RC4:@STRENGTH", 1, CONF_LEN_MAX, KNOWN,
    "Ciphers of grade low.")
ROW(STR, tls_medium_cipherlist,
    "aNULL:-aNULL:HIGH:MEDIUM:+RC4:@STRENGTH", 1, CONF_LEN_MAX, KNOWN,
    "Ciphers of grade medium.")
ROW(STR, tls_null_cipherlist, "eNULL:!aNULL", 1, CONF_LEN_MAX, KNOWN,
    "Ciphers without encryption.")
ROW(BOOL, tls_preempt_cipherlist, "no", 0, 1, KNOWN,
    "The server chooses the cipher.")
ROW(INT, tls_random_bytes, "32", 1, CONF_INT_MAX, KNOWN,
    "Random bytes that tlsmgr reads.")
ROW(STR, tls_random_exchange_name,
    "${data_directory}/prng_exch", 0, CONF_LEN_MAX, KNOWN,
    "File of random bytes.")
ROW(TIME, tls_random_prng_update_period, "3600s", 1, CONF_TIME_MAX, KNOWN,
    "How often that file is written.")
ROW(TIME, tls_random_reseed_period, "3600s", 1, CONF_TIME_MAX, KNOWN,
    "How often random bytes are read.")
ROW(STR, tls_random_source, "dev:/dev/urandom", 0, CONF_LEN_MAX, KNOWN,
    "Where they are read from.")
ROW(BOOL, tls_required_enable, "yes", 0, 1, KNOWN,
    "Obey the header TLS-Required: no.")
ROW(STR, tls_server_sni_maps, "", 0, CONF_LEN_MAX, KNOWN,
    "Certificates by the name that the client asks for.")
ROW(STR, tls_session_ticket_cipher, "aes-256-cbc", 0, CONF_LEN_MAX, KNOWN,
    "Cipher of session tickets.")
ROW(STR, tls_ssl_options, "", 0, CONF_LEN_MAX, KNOWN,
    "Options of OpenSSL.")
ROW(BOOL, tls_wildcard_matches_multiple_labels, "yes", 0, 1, KNOWN,
    "*.example.com matches a.b.example.com.")
ROW(STR, tlsmgr_service_name, "tlsmgr", 0, CONF_LEN_MAX, KNOWN,
    "Name of the tlsmgr service in master.cf.")
ROW(STR, tlsproxy_client_CAfile, "$smtp_tls_CAfile", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_client_CApath, "$smtp_tls_CApath", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_client_cert_file,
    "$smtp_tls_cert_file", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_client_chain_files,
    "$smtp_tls_chain_files", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_client_dcert_file,
    "$smtp_tls_dcert_file", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_client_dkey_file,
    "$smtp_tls_dkey_file", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_client_eccert_file,
    "$smtp_tls_eccert_file", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_client_eckey_file,
    "$smtp_tls_eckey_file", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(BOOL, tlsproxy_client_enforce_tls, "$smtp_enforce_tls", 0, 1, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_client_fingerprint_digest,
    "$smtp_tls_fingerprint_digest", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_client_key_file, "$smtp_tls_key_file", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(INT, tlsproxy_client_loglevel, "$smtp_tls_loglevel", 0, 4, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_client_loglevel_parameter,
    "smtp_tls_loglevel", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_client_per_site, "$smtp_tls_per_site", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_client_policy_maps,
    "${tlsproxy_client_policy:$smtp_tls_policy_maps}", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(INT, tlsproxy_client_scert_verifydepth,
    "$smtp_tls_scert_verifydepth", 0, CONF_INT_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_client_security_level,
    "${tlsproxy_client_level:$smtp_tls_security_level}", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(BOOL, tlsproxy_client_use_tls, "$smtp_use_tls", 0, 1, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(BOOL, tlsproxy_enforce_tls, "$smtpd_enforce_tls", 0, 1, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_service_name, "tlsproxy", 0, CONF_LEN_MAX, KNOWN,
    "Name of the tlsproxy service in master.cf.")
ROW(STR, tlsproxy_tls_CAfile, "$smtpd_tls_CAfile", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_tls_CApath, "$smtpd_tls_CApath", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(BOOL, tlsproxy_tls_always_issue_session_ids,
    "$smtpd_tls_always_issue_session_ids", 0, 1, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(BOOL, tlsproxy_tls_ask_ccert, "$smtpd_tls_ask_ccert", 0, 1, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(INT, tlsproxy_tls_ccert_verifydepth,
    "$smtpd_tls_ccert_verifydepth", 0, CONF_INT_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_tls_cert_file, "$smtpd_tls_cert_file", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_tls_chain_files,
    "$smtpd_tls_chain_files", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_tls_ciphers, "$smtpd_tls_ciphers", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_tls_dcert_file,
    "$smtpd_tls_dcert_file", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_tls_dh1024_param_file,
    "$smtpd_tls_dh1024_param_file", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_tls_dh512_param_file,
    "$smtpd_tls_dh512_param_file", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_tls_dkey_file, "$smtpd_tls_dkey_file", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_tls_eccert_file,
    "$smtpd_tls_eccert_file", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_tls_eckey_file,
    "$smtpd_tls_eckey_file", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_tls_eecdh_grade,
    "$smtpd_tls_eecdh_grade", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(BOOL, tlsproxy_tls_enable_rpk, "$smtpd_tls_enable_rpk", 0, 1, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_tls_exclude_ciphers,
    "$smtpd_tls_exclude_ciphers", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_tls_fingerprint_digest,
    "$smtpd_tls_fingerprint_digest", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_tls_key_file, "$smtpd_tls_key_file", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(INT, tlsproxy_tls_loglevel, "$smtpd_tls_loglevel", 0, 4, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_tls_mandatory_ciphers,
    "$smtpd_tls_mandatory_ciphers", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_tls_mandatory_exclude_ciphers,
    "$smtpd_tls_mandatory_exclude_ciphers", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_tls_mandatory_protocols,
    "$smtpd_tls_mandatory_protocols", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_tls_protocols, "$smtpd_tls_protocols", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(BOOL, tlsproxy_tls_req_ccert, "$smtpd_tls_req_ccert", 0, 1, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, tlsproxy_tls_security_level,
    "$smtpd_tls_security_level", 0, CONF_LEN_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(BOOL, tlsproxy_use_tls, "$smtpd_use_tls", 0, 1, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(TIME, tlsproxy_watchdog_timeout, "10s", 1, CONF_TIME_MAX, KNOWN,
    "For tlsproxy, which Barid does not have.")
ROW(STR, trace_service_name, "trace", 0, CONF_LEN_MAX, KNOWN,
    "Name of the trace service in master.cf.")
ROW(STR, transport_maps, "", 0, CONF_LEN_MAX, USED,
    "Tables of transports and next hops by recipient.")
ROW(TIME, transport_retry_time, "60s", 1, CONF_TIME_MAX, USED,
    "How long a transport counts as dead after a failure.")
ROW(TIME, trigger_timeout, "10s", 1, CONF_TIME_MAX, KNOWN,
    "Time limit to wake up a service.")
ROW(STR, undisclosed_recipients_header, "", 0, CONF_LEN_MAX, USED,
    "Header for mail without recipients in its headers.")
ROW(INT, unknown_address_reject_code, "450", 400, 599, USED,
    "Reply code for sender and recipient domains that do not exist.")
ROW(STR, unknown_address_tempfail_action,
    "$reject_tempfail_action", 0, CONF_LEN_MAX, USED,
    "What happens if that cannot be found out.")
ROW(INT, unknown_client_reject_code, "450", 400, 599, USED,
    "Reply code for clients without a name.")
ROW(STR, unknown_helo_hostname_tempfail_action,
    "$reject_tempfail_action", 0, CONF_LEN_MAX, USED,
    "What happens if the name in HELO cannot be looked up.")
ROW(INT, unknown_hostname_reject_code, "450", 400, 599, USED,
    "Reply code for names in HELO that do not exist.")
ROW(INT, unknown_local_recipient_reject_code, "550", 400, 599, USED,
    "Reply code for unknown local recipients.")
ROW(INT, unknown_relay_recipient_reject_code, "550", 400, 599, USED,
    "Reply code for unknown recipients in relay_domains.")
ROW(INT, unknown_virtual_alias_reject_code, "550", 400, 599, USED,
    "Reply code for unknown recipients in virtual_alias_domains.")
ROW(INT, unknown_virtual_mailbox_reject_code, "550", 400, 599, USED,
    "Reply code for unknown recipients in virtual_mailbox_domains.")
ROW(INT, unverified_recipient_defer_code, "450", 200, 499, USED,
    "Reply code while a recipient's probe is running or failed for now.")
ROW(INT, unverified_recipient_reject_code, "450", 200, 599, USED,
    "Reply code if a recipient's probe failed.")
ROW(STR, unverified_recipient_reject_reason, "", 0, CONF_LEN_MAX, USED,
    "Text of that reply.")
ROW(STR, unverified_recipient_tempfail_action,
    "$reject_tempfail_action", 0, CONF_LEN_MAX, USED,
    "What happens while a recipient's probe is running.")
ROW(INT, unverified_sender_defer_code, "450", 200, 499, USED,
    "Reply code while a sender's probe is running or failed for now.")
ROW(INT, unverified_sender_reject_code, "450", 200, 599, USED,
    "Reply code if a sender's probe failed.")
ROW(STR, unverified_sender_reject_reason, "", 0, CONF_LEN_MAX, USED,
    "Text of that reply.")
ROW(STR, unverified_sender_tempfail_action,
    "$reject_tempfail_action", 0, CONF_LEN_MAX, USED,
    "What happens while a sender's probe is running.")
ROW(STR, use_srv_lookup, "", 0, CONF_LEN_MAX, KNOWN,
    "Services whose servers are found by SRV records.")
ROW(STR, verp_delimiter_filter, "-=+", 1, CONF_LEN_MAX, KNOWN,
    "Characters that may be delimiters of variable envelope senders.")
ROW(SIZE, virtual_alias_address_length_limit, "1000", 1, CONF_SIZE_MAX, USED,
    "Longest result of virtual_alias_maps.")
ROW(STR, virtual_alias_domains, "$virtual_alias_maps", 0, CONF_LEN_MAX, USED,
    "Domains all of whose addresses are aliases.")
ROW(INT, virtual_alias_expansion_limit, "1000", 1, CONF_INT_MAX, USED,
    "Most results of one address.")
ROW(STR, virtual_alias_maps, "$virtual_maps", 0, CONF_LEN_MAX, USED,
    "Tables of aliases for any address.")
ROW(INT, virtual_alias_recursion_limit, "1000", 1, CONF_INT_MAX, USED,
    "Deepest alias of an alias.")
ROW(STR, virtual_delivery_status_filter,
    "$default_delivery_status_filter", 0, CONF_LEN_MAX, KNOWN,
    "default_delivery_status_filter for virtual.")
ROW(STR, virtual_gid_maps, "", 0, CONF_LEN_MAX, USED,
    "Group by virtual mailbox recipient.")
ROW(STR, virtual_mailbox_base, "", 0, CONF_LEN_MAX, USED,
    "Folder above all virtual mailboxes.")
ROW(STR, virtual_mailbox_domains,
    "$virtual_mailbox_maps", 0, CONF_LEN_MAX, USED,
    "Domains whose recipients have virtual mailboxes.")
ROW(SIZE, virtual_mailbox_limit, "51200000", 0, CONF_SIZE_MAX, USED,
    "Largest virtual mailbox file or maildir file; 0 is no limit.")
ROW(STR, virtual_mailbox_lock, "fcntl, dotlock", 1, CONF_LEN_MAX, USED,
    "How virtual locks a mailbox: fcntl, flock, dotlock.")
ROW(STR, virtual_mailbox_maps, "", 0, CONF_LEN_MAX, USED,
    "Mailbox by recipient, below virtual_mailbox_base.")
ROW(INT, virtual_minimum_uid, "100", 1, CONF_INT_MAX, USED,
    "Least uid of virtual_uid_maps.")
ROW(STR, virtual_transport, "virtual", 1, CONF_LEN_MAX, USED,
    "Transport and next hop for virtual_mailbox_domains.")
ROW(STR, virtual_uid_maps, "", 0, CONF_LEN_MAX, USED,
    "User by virtual mailbox recipient.")
ENUM(volume_limit_action, "defer", "defer|reject|hold", USED,
    "What becomes of mail above a volume limit.")
ROW(INT, volume_limit_client_messages, "0", 0, CONF_INT_MAX, USED,
    "Most messages of a client address in volume_limit_time; 0 is no limit.")
ROW(INT, volume_limit_client_recipients, "0", 0, CONF_INT_MAX, USED,
    "Most recipients of a client address in that time; 0 is no limit.")
ROW(STR, volume_limit_exceptions, "", 0, CONF_LEN_MAX, USED,
    "Clients without volume limits.")
ROW(INT, volume_limit_login_messages, "0", 0, CONF_INT_MAX, USED,
    "Most messages of a login in volume_limit_time; 0 is no limit.")
ROW(INT, volume_limit_login_recipients, "0", 0, CONF_INT_MAX, USED,
    "Most recipients of a login in that time; 0 is no limit.")
ROW(STR, volume_limit_map,
    "$default_cache_db_type:$data_directory/volume_limit",
    0, CONF_LEN_MAX, USED,
    "Table of the counters; empty keeps them in memory.")
ROW(STR, volume_limit_maps, "", 0, CONF_LEN_MAX, USED,
    "Tables from a login, sender domain or client to its own limits.")
ROW(INT, volume_limit_sender_domain_messages, "0", 0, CONF_INT_MAX, USED,
    "Most messages of a sender domain in volume_limit_time; 0 is no limit.")
ROW(INT, volume_limit_sender_domain_recipients, "0", 0, CONF_INT_MAX, USED,
    "Most recipients of a sender domain in that time; 0 is no limit.")
ROW(TIME, volume_limit_time, "1h", 1, 31536000, USED,
    "The time over which volume limits count.")

#undef ROW
#undef ENUM
/* clang-format on */
