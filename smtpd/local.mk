daemon_PROGRAMS += smtpd/smtpd
smtpd_core = \
	smtpd/access.c \
	smtpd/access.h \
	smtpd/access_map.c \
	smtpd/access_run.h \
	smtpd/client.c \
	smtpd/client.h \
	smtpd/collect.c \
	smtpd/collect.h \
	smtpd/command.c \
	smtpd/command.h \
	smtpd/command_hello.c \
	smtpd/command_mail.c \
	smtpd/data.c \
	smtpd/limits.c \
	smtpd/limits.h \
	smtpd/notice.c \
	smtpd/notice.h \
	smtpd/offer.c \
	smtpd/offer.h \
	smtpd/rcpt_class.c \
	smtpd/rcpt_class.h \
	smtpd/reply.c \
	smtpd/reply.h \
	smtpd/restrictions.c \
	smtpd/session.c \
	smtpd/session.h \
	smtpd/settings.c \
	smtpd/smtpd.h \
	smtpd/xclient.c \
	smtpd/xclient.h
smtpd_smtpd_SOURCES = $(smtpd_core) smtpd/main.c
smtpd_smtpd_LDADD = $(DAEMON_LDADD)
