libbarid_a_SOURCES += \
	lib/mail/addr.c lib/mail/addr.h \
	lib/mail/addr_log.c lib/mail/addr_log.h \
	lib/mail/addr_map.c lib/mail/addr_map.h \
	lib/mail/address.c lib/mail/address.h \
	lib/mail/addrlist.c lib/mail/addrlist.h \
	lib/mail/check_maps.c lib/mail/check_maps.h \
	lib/mail/completion.c lib/mail/completion.h \
	lib/mail/compose.c lib/mail/compose.h \
	lib/mail/content.c lib/mail/content.h \
	lib/mail/date.c lib/mail/date.h \
	lib/mail/deliver_log.c lib/mail/deliver_log.h \
	lib/mail/dialogue.c lib/mail/dialogue.h \
	lib/mail/domain.c lib/mail/domain.h \
	lib/mail/downgrade.c lib/mail/downgrade.h \
	lib/mail/drop.c lib/mail/drop.h \
	lib/mail/dsn.c lib/mail/dsn.h \
	lib/mail/esmtp.c lib/mail/esmtp.h \
	lib/mail/find.c lib/mail/find.h \
	lib/mail/header.c lib/mail/header.h \
	lib/mail/header_addresses.c lib/mail/header_addresses.h \
	lib/mail/mbox.c lib/mail/mbox.h \
	lib/mail/mime.c lib/mail/mime.h \
	lib/mail/mime_type.c lib/mail/mime_type.h \
	lib/mail/override.c lib/mail/override.h \
	lib/mail/own.c lib/mail/own.h \
	lib/mail/queue_disk.c lib/mail/queue_disk.h \
	lib/mail/queue_file.c lib/mail/queue_file.h \
	lib/mail/queue_id.c lib/mail/queue_id.h \
	lib/mail/queue_rewrite.c lib/mail/queue_rewrite.h \
	lib/mail/queue_list.c lib/mail/queue_list.h \
	lib/mail/queue_list_read.c \
	lib/mail/received.c lib/mail/received.h \
	lib/mail/verify_sender.c lib/mail/verify_sender.h \
	lib/mail/reply.c lib/mail/reply.h \
	lib/mail/report_text.c lib/mail/report_text.h \
	lib/mail/srs.c lib/mail/srs.h \
	lib/mail/wake.c lib/mail/wake.h \
	lib/mail/xtext.c lib/mail/xtext.h

check_PROGRAMS += \
	lib/mail/addr_log_test \
	lib/mail/addr_test \
	lib/mail/addr_map_test \
	lib/mail/address_test \
	lib/mail/addrlist_test \
	lib/mail/completion_test \
	lib/mail/compose_test \
	lib/mail/content_test \
	lib/mail/date_test \
	lib/mail/deliver_log_test \
	lib/mail/dialogue_test \
	lib/mail/downgrade_test \
	lib/mail/dsn_test \
	lib/mail/esmtp_test \
	lib/mail/header_addresses_test \
	lib/mail/header_test \
	lib/mail/mbox_test \
	lib/mail/mime_test \
	lib/mail/mime_type_test \
	lib/mail/queue_disk_test \
	lib/mail/queue_file_test \
	lib/mail/queue_id_test \
	lib/mail/queue_rewrite_test \
	lib/mail/received_test \
	lib/mail/reply_test \
	lib/mail/report_text_test \
	lib/mail/srs_test \
	lib/mail/xtext_test

lib_mail_addr_test_SOURCES = lib/mail/addr_test.c
lib_mail_addr_test_LDADD = $(TEST_LDADD)
lib_mail_addr_map_test_SOURCES = lib/mail/addr_map_test.c
lib_mail_addr_map_test_LDADD = $(TEST_LDADD)
lib_mail_address_test_SOURCES = lib/mail/address_test.c
lib_mail_address_test_LDADD = $(TEST_LDADD)
lib_mail_addrlist_test_SOURCES = lib/mail/addrlist_test.c
lib_mail_addrlist_test_LDADD = $(TEST_LDADD)
lib_mail_completion_test_SOURCES = lib/mail/completion_test.c
lib_mail_completion_test_LDADD = $(TEST_LDADD)
lib_mail_compose_test_SOURCES = lib/mail/compose_test.c
lib_mail_compose_test_LDADD = $(TEST_LDADD)
lib_mail_content_test_SOURCES = lib/mail/content_test.c
lib_mail_content_test_LDADD = $(TEST_LDADD)
lib_mail_date_test_SOURCES = lib/mail/date_test.c
lib_mail_date_test_LDADD = $(TEST_LDADD)
lib_mail_addr_log_test_SOURCES = lib/mail/addr_log_test.c
lib_mail_addr_log_test_LDADD = $(TEST_LDADD)
lib_mail_deliver_log_test_SOURCES = lib/mail/deliver_log_test.c
lib_mail_deliver_log_test_LDADD = $(TEST_LDADD)
lib_mail_dialogue_test_SOURCES = lib/mail/dialogue_test.c
lib_mail_dialogue_test_LDADD = $(TEST_LDADD)
lib_mail_downgrade_test_SOURCES = lib/mail/downgrade_test.c
lib_mail_downgrade_test_LDADD = $(TEST_LDADD)
lib_mail_dsn_test_SOURCES = lib/mail/dsn_test.c
lib_mail_dsn_test_LDADD = $(TEST_LDADD)
lib_mail_esmtp_test_SOURCES = lib/mail/esmtp_test.c
lib_mail_esmtp_test_LDADD = $(TEST_LDADD)
lib_mail_header_addresses_test_SOURCES = lib/mail/header_addresses_test.c
lib_mail_header_addresses_test_LDADD = $(TEST_LDADD)
lib_mail_header_test_SOURCES = lib/mail/header_test.c
lib_mail_header_test_LDADD = $(TEST_LDADD)
lib_mail_mbox_test_SOURCES = lib/mail/mbox_test.c
lib_mail_mbox_test_LDADD = $(TEST_LDADD)
lib_mail_mime_test_SOURCES = lib/mail/mime_test.c
lib_mail_mime_test_LDADD = $(TEST_LDADD)
lib_mail_mime_type_test_SOURCES = lib/mail/mime_type_test.c
lib_mail_mime_type_test_LDADD = $(TEST_LDADD)
lib_mail_queue_disk_test_SOURCES = lib/mail/queue_disk_test.c
lib_mail_queue_disk_test_LDADD = $(TEST_LDADD)
lib_mail_queue_file_test_SOURCES = lib/mail/queue_file_test.c \
	lib/mail/queue_sample.h
lib_mail_queue_file_test_LDADD = $(TEST_LDADD)
lib_mail_queue_id_test_SOURCES = lib/mail/queue_id_test.c
lib_mail_queue_id_test_LDADD = $(TEST_LDADD)
lib_mail_queue_rewrite_test_SOURCES = lib/mail/queue_rewrite_test.c \
	lib/mail/queue_sample.h
lib_mail_queue_rewrite_test_LDADD = $(TEST_LDADD)
lib_mail_received_test_SOURCES = lib/mail/received_test.c
lib_mail_received_test_LDADD = $(TEST_LDADD)
lib_mail_report_text_test_SOURCES = lib/mail/report_text_test.c
lib_mail_report_text_test_LDADD = $(TEST_LDADD)
lib_mail_reply_test_SOURCES = lib/mail/reply_test.c
lib_mail_reply_test_LDADD = $(TEST_LDADD)
lib_mail_srs_test_SOURCES = lib/mail/srs_test.c
lib_mail_srs_test_LDADD = $(TEST_LDADD)
lib_mail_xtext_test_SOURCES = lib/mail/xtext_test.c
lib_mail_xtext_test_LDADD = $(TEST_LDADD)

FUZZERS += \
	t/fuzz/addr \
	t/fuzz/addrlist \
	t/fuzz/content \
	t/fuzz/downgrade \
	t/fuzz/esmtp \
	t/fuzz/header \
	t/fuzz/mime \
	t/fuzz/queue_file \
	t/fuzz/reply \
	t/fuzz/srs \
	t/fuzz/xtext
FUZZERS += t/fuzz/report_text
