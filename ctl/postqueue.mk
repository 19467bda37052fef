sbin_PROGRAMS += ctl/postqueue
ctl_postqueue_SOURCES = ctl/postqueue.c ctl/postqueue.h \
	ctl/postqueue_print.c
ctl_postqueue_LDADD = $(COMMAND_LDADD)
dist_man1_MANS += ctl/postqueue.1

check_PROGRAMS += ctl/postqueue_test
ctl_postqueue_test_SOURCES = ctl/postqueue_test.c ctl/postqueue_print.c
ctl_postqueue_test_LDADD = $(TEST_LDADD)
