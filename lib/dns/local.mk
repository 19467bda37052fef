libbarid_a_SOURCES += \
	lib/dns/answer.c lib/dns/answer.h \
	lib/dns/dns.c lib/dns/dns.h \
	lib/dns/name.c lib/dns/name.h \
	lib/dns/packet.c lib/dns/packet.h

check_PROGRAMS += \
	lib/dns/answer_test \
	lib/dns/name_test \
	lib/dns/packet_test

lib_dns_answer_test_SOURCES = lib/dns/answer_test.c
lib_dns_answer_test_LDADD = $(TEST_LDADD)
lib_dns_name_test_SOURCES = lib/dns/name_test.c
lib_dns_name_test_LDADD = $(TEST_LDADD)
lib_dns_packet_test_SOURCES = lib/dns/packet_test.c
lib_dns_packet_test_LDADD = $(TEST_LDADD)

FUZZERS += t/fuzz/dns
