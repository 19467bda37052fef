sbin_PROGRAMS += sendmail/sendmail sendmail/postdrop
sendmail_dropper = \
	sendmail/dropper.c sendmail/dropper.h \
	sendmail/intake.c sendmail/intake.h
sendmail_sendmail_SOURCES = sendmail/main.c $(sendmail_dropper) \
	sendmail/input.c sendmail/input.h \
	sendmail/options.c sendmail/options.h
sendmail_sendmail_LDADD = $(COMMAND_LDADD)
sendmail_postdrop_SOURCES = sendmail/postdrop.c $(sendmail_dropper)
sendmail_postdrop_LDADD = $(COMMAND_LDADD)
BIN_LINKS += $(sbindir)/sendmail:mailq $(sbindir)/sendmail:newaliases

dist_man1_MANS += sendmail/sendmail.1 sendmail/mailq.1 \
	sendmail/newaliases.1 sendmail/postdrop.1

check_PROGRAMS += sendmail/input_test sendmail/intake_test \
	sendmail/options_test
sendmail_input_test_SOURCES = sendmail/input_test.c sendmail/input.c
sendmail_input_test_LDADD = $(TEST_LDADD)
sendmail_intake_test_SOURCES = sendmail/intake_test.c sendmail/intake.c
sendmail_intake_test_LDADD = $(TEST_LDADD)
sendmail_options_test_SOURCES = sendmail/options_test.c sendmail/options.c
sendmail_options_test_LDADD = $(TEST_LDADD)

FUZZERS += t/fuzz/intake
t_fuzz_intake_SOURCES = t/fuzz/intake.c sendmail/intake.c

TAP_TESTS += t/300-sendmail.t t/302-submission-attacks.t t/305-sendmail-bs.t
