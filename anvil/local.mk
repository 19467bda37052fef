daemon_PROGRAMS += anvil/anvil
anvil_anvil_SOURCES = anvil/main.c \
	anvil/answer.c anvil/answer.h \
	anvil/count.c anvil/count.h
anvil_anvil_LDADD = $(DAEMON_LDADD)
dist_man8_MANS += anvil/anvil.8

check_PROGRAMS += \
	anvil/answer_test \
	anvil/count_test

anvil_answer_test_SOURCES = anvil/answer_test.c anvil/answer.c anvil/count.c
anvil_answer_test_LDADD = $(TEST_LDADD)
anvil_count_test_SOURCES = anvil/count_test.c anvil/count.c
anvil_count_test_LDADD = $(TEST_LDADD)
