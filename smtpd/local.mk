daemon_PROGRAMS += smtpd/smtpd
dist_man8_MANS += smtpd/smtpd.8
# All but main, for the daemon, its tests and its fuzz target.
smtpd_core = \
	smtpd/access.c \
	smtpd/access.h \
	smtpd/access_action.c \
	smtpd/access_list.c \
	smtpd/access_map.c \
	smtpd/access_reply.c \
	smtpd/access_run.h \
	smtpd/access_grey.c \
	smtpd/access_verify.c \
	smtpd/alone.c \
	smtpd/alone.h \
	smtpd/client.c \
	smtpd/client.h \
	smtpd/collect.c \
	smtpd/collect.h \
	smtpd/command.c \
	smtpd/command.h \
	smtpd/command_hello.c \
	smtpd/command_mail.c \
	smtpd/data.c \
	smtpd/dnslist.c \
	smtpd/dnslist.h \
	smtpd/explain.c \
	smtpd/explain.h \
	smtpd/grey.c \
	smtpd/grey.h \
	smtpd/limits.c \
	smtpd/limits.h \
	smtpd/lookup.c \
	smtpd/lookup.h \
	smtpd/macros.c \
	smtpd/macros.h \
	smtpd/notice.c \
	smtpd/notice.h \
	smtpd/offer.c \
	smtpd/offer.h \
	smtpd/policy.c \
	smtpd/policy.h \
	smtpd/policy_reply.c \
	smtpd/policy_request.c \
	smtpd/proxy.c \
	smtpd/proxy.h \
	smtpd/proxy_header.c \
	smtpd/proxy_header.h \
	smtpd/quiet.c \
	smtpd/quiet.h \
	smtpd/rcpt_class.c \
	smtpd/rcpt_class.h \
	smtpd/recall.c \
	smtpd/recall.h \
	smtpd/refine.c \
	smtpd/refine.h \
	smtpd/reply.c \
	smtpd/reply.h \
	smtpd/restrictions.c \
	smtpd/restrictions_address.c \
	smtpd/restrictions_dnslist.c \
	smtpd/restrictions_hosts.c \
	smtpd/restrictions_login.c \
	smtpd/restrictions_name.c \
	smtpd/restrictions_relay.c \
	smtpd/screen.c \
	smtpd/screen.h \
	smtpd/screen_early.c \
	smtpd/screen_refused.c \
	smtpd/screen_run.h \
	smtpd/screen_session.c \
	smtpd/screen_settings.c \
	smtpd/screen_sites.c \
	smtpd/screen_stamps.c \
	smtpd/session.c \
	smtpd/session.h \
	smtpd/settings.c \
	smtpd/smtpd.h \
	smtpd/transcript.c \
	smtpd/transcript.h \
	smtpd/volume.c \
	smtpd/volume.h \
	smtpd/xclient.c \
	smtpd/xclient.h
smtpd_test_core = $(smtpd_core) smtpd/standin.c smtpd/standin.h \
	smtpd/standin_answers.c smtpd/standin_ipc.c smtpd/standin_state.c

smtpd_smtpd_SOURCES = $(smtpd_core) smtpd/main.c
smtpd_smtpd_LDADD = $(DAEMON_LDADD)

check_PROGRAMS += \
	smtpd/access_test \
	smtpd/data_test \
	smtpd/dnslist_test \
	smtpd/envelope_test \
	smtpd/failure_test \
	smtpd/policy_test \
	smtpd/proxy_test \
	smtpd/quiet_test \
	smtpd/rfc5321_test \
	smtpd/grey_test \
	smtpd/screen_test \
	smtpd/session_test \
	smtpd/state_test \
	smtpd/transcript_test \
	smtpd/verify_test \
	smtpd/volume_test
smtpd_access_test_SOURCES = smtpd/access_test.c $(smtpd_test_core)
smtpd_access_test_LDADD = $(TEST_LDADD)
smtpd_data_test_SOURCES = smtpd/data_test.c $(smtpd_test_core)
smtpd_data_test_LDADD = $(TEST_LDADD)
smtpd_dnslist_test_SOURCES = smtpd/dnslist_test.c $(smtpd_test_core)
smtpd_dnslist_test_LDADD = $(TEST_LDADD)
smtpd_failure_test_SOURCES = smtpd/failure_test.c $(smtpd_test_core)
smtpd_failure_test_LDADD = $(TEST_LDADD)
smtpd_policy_test_SOURCES = smtpd/policy_test.c $(smtpd_test_core)
smtpd_policy_test_LDADD = $(TEST_LDADD)
smtpd_proxy_test_SOURCES = smtpd/proxy_test.c $(smtpd_test_core)
smtpd_proxy_test_LDADD = $(TEST_LDADD)
smtpd_envelope_test_SOURCES = smtpd/envelope_test.c $(smtpd_test_core)
smtpd_envelope_test_LDADD = $(TEST_LDADD)
smtpd_quiet_test_SOURCES = smtpd/quiet_test.c $(smtpd_test_core)
smtpd_quiet_test_LDADD = $(TEST_LDADD)
smtpd_rfc5321_test_SOURCES = smtpd/rfc5321_test.c $(smtpd_test_core)
smtpd_rfc5321_test_LDADD = $(TEST_LDADD)
smtpd_grey_test_SOURCES = smtpd/grey_test.c $(smtpd_test_core)
smtpd_grey_test_LDADD = $(TEST_LDADD)
smtpd_screen_test_SOURCES = smtpd/screen_test.c $(smtpd_test_core)
smtpd_screen_test_LDADD = $(TEST_LDADD)
smtpd_session_test_SOURCES = smtpd/session_test.c $(smtpd_test_core)
smtpd_session_test_LDADD = $(TEST_LDADD)
smtpd_state_test_SOURCES = smtpd/state_test.c $(smtpd_test_core)
smtpd_state_test_LDADD = $(TEST_LDADD)
smtpd_transcript_test_SOURCES = smtpd/transcript_test.c $(smtpd_test_core)
smtpd_transcript_test_LDADD = $(TEST_LDADD)
smtpd_verify_test_SOURCES = smtpd/verify_test.c $(smtpd_test_core)
smtpd_verify_test_LDADD = $(TEST_LDADD)
smtpd_volume_test_SOURCES = smtpd/volume_test.c $(smtpd_test_core)
smtpd_volume_test_LDADD = $(TEST_LDADD)

EXTRA_DIST += t/lib/Barid/Policy.pm

FUZZERS += t/fuzz/policy t/fuzz/proxy_header t/fuzz/smtpd_session
t_fuzz_policy_SOURCES = t/fuzz/policy.c $(smtpd_test_core)
t_fuzz_proxy_header_SOURCES = t/fuzz/proxy_header.c smtpd/proxy_header.c \
	smtpd/proxy_header.h
t_fuzz_smtpd_session_SOURCES = t/fuzz/smtpd_session.c $(smtpd_test_core)

TAP_TESTS += t/200-smtpd.t t/210-client-limits.t \
	t/240-screen.t t/245-proxy.t t/246-screen-refused.t t/247-notify.t \
	t/250-greylist.t t/255-volume.t t/306-debug.t \
	t/721-policy-postfix.t t/722-policy-service.t t/723-policy-actions.t
